"""Where an activity is: countries, regions and locations, with the share of each."""

from collections import defaultdict
from collections.abc import Sequence
from math import fsum
from typing import Any, NamedTuple

import msgspec
import pycountry

from graph.formats.iati.codes import COUNTRIES, DAC_REGIONS, FEATURES, GEOGRAPHY, LOCATION_CLASSES, OWN
from graph.formats.iati.stream import Element
from graph.formats.iati.told import Told
from graph.formats.iati.words import Notes, code_of, name_of, number, shown, slug
from graph.formats.known import Known
from graph.model import Code, Country, Entity, Place, Relation
from graph.values import fold
from graph.vocabulary import Kind, PlaceType, RelationKind

ISO = "ISO 3166-1"
ROUNDED = 0.5
"""So far from 100 shares may come to, each being rounded."""

FAR = 0.5
"""Degrees by which places of one name lie apart that are not the same."""

ADMIN = {"1": PlaceType.ADMIN1, "2": PlaceType.ADMIN2}


class Point(NamedTuple):
    latitude: float
    longitude: float


class Places:
    """Finds places for a whole file. `parents` remembers what each new place lies in: one may lie in one only."""

    def __init__(self, known: Known) -> None:
        self.known = known
        self.parents: dict[str, str] = {}


class Whereabouts:
    """The places of one activity."""

    def __init__(self, places: Places, project: str, publisher: str, language: str, told: Told, notes: Notes) -> None:
        self._places = places
        self._known = places.known
        self._project = project
        self._publisher = publisher
        self._language = language
        self._told = told
        self._notes = notes
        self._shares: dict[str, float | None] = {}
        self._named: dict[str, str] = {}
        """Countries and regions by the names that the activity has for them."""
        self._countries: dict[str, str] = {}
        """Their ids and codes."""

    # Countries and regions.

    def recipients(self, activity: Element) -> None:
        countries, regions = activity.findall("recipient-country"), activity.findall("recipient-region")
        for element in countries:
            self._take(element, self.country(element))
        for element in regions:
            self._take(element, self.region(element))
        self._check_shares(activity, countries, regions)
        if not self._shares:  # then transactions may tell
            for element in activity.iterfind("transaction/recipient-country"):
                self._take(element, self.country(element))
            for element in activity.iterfind("transaction/recipient-region"):
                self._take(element, self.region(element))

    def _take(self, element: Element, id: str | None) -> None:
        if id is None:
            return
        if name := name_of(element, self._language):
            self._named.setdefault(fold(name), id)
        given, share = code_of(element, "percentage"), None
        if given:
            share = number(given.removesuffix("%").strip())
            if share is None:
                self._notes.fault(
                    element, f"percentage is {shown(given)}, expected a number, as 25 or 33.3. Correct it"
                )
            elif not 0 <= share <= 100:
                self._notes.remark(element, f"percentage is {given}, which no share of a whole is: kept as given")
        if id in self._shares and share is not None:
            share = fsum((self._shares[id] or 0, share))
        if id not in self._shares or share is not None:
            self._shares[id] = share

    def _check_shares(self, activity: Element, countries: Sequence[Element], regions: Sequence[Element]) -> None:
        """Countries and the regions of one vocabulary are the whole."""
        shares: dict[str, list[Element]] = defaultdict(list)
        for region in regions:
            shares[code_of(region, "vocabulary") or "1"].append(region)
        for elements in [[*countries, *each] for each in shares.values()] or [list(countries)]:
            check_shares(activity, elements, "recipient countries and regions", self._notes)

    def country(self, element: Element) -> str | None:
        given = code_of(element)
        if not given:
            self._notes.remark(element, f"{element.tag} has no code: left out")
            return None
        id = self._known.country(given)
        if id is None and (iso := _iso(given)):
            id = self._known.country(iso.alpha_2) or self._new_country(iso)
        if id is None:
            self._notes.remark(element, f"ISO 3166-1 has no country {shown(given)}: kept as a place", once=True)
            name = name_of(element, self._language) or given
            return self._coded(ISO, given, f"place:country-{given}", name, PlaceType.OTHER)
        self._countries[id] = given
        return id

    def _new_country(self, iso: Any) -> str:
        name = getattr(iso, "common_name", iso.name)
        official = getattr(iso, "official_name", None)
        codes = {"code": iso.alpha_2, "alpha3": iso.alpha_3, "numeric": iso.numeric}
        country = Country(id=f"country:{iso.alpha_2}", name=name, official_name=official, **codes)
        self._told.ensure_cited(country)
        return country.id

    def region(self, element: Element) -> str | None:
        given, vocabulary = code_of(element), code_of(element, "vocabulary") or "1"
        name = name_of(element, self._language)
        if not given:
            self._notes.remark(element, "recipient-region has no code: left out")
            return None
        if vocabulary == "2":
            return self._coded("M49", given, f"place:m49-{given}", name or f"M49 {given}", PlaceType.REGION)
        if vocabulary == "1":
            if given not in DAC_REGIONS:
                self._notes.remark(element, f"the DAC has no region {shown(given)}: kept as given", once=True)
            listed = DAC_REGIONS.get(given) or name or f"DAC region {given}"
            return self._coded("DAC region", given, f"place:dac-region-{given}", listed, PlaceType.REGION)
        if vocabulary not in OWN:
            self._notes.remark(element, f"there is no region vocabulary {shown(vocabulary)}: kept as given", once=True)
        own = f"region of {self._publisher}"
        return self._coded(own, given, f"place:{self._publisher}/region-{given}", name or given, PlaceType.REGION)

    def _coded(self, vocabulary: str, code: str, id: str, name: str, type: PlaceType, **more: Any) -> str:
        """The place with this code."""
        if found := self._known.coded(Kind.PLACE, vocabulary, code):
            return found
        self._told.ensure_cited(Place(id=id, name=name, type=type, identifiers=(Code(vocabulary, code),), **more))
        return id

    # Locations.

    @property
    def country_code(self) -> str | None:
        """The code of the activity's country, if it has just one."""
        return next(iter(self._countries.values())) if len(self._countries) == 1 == len(self._shares) else None

    def location(self, element: Element) -> None:
        name = name_of(element.find("name"), self._language)
        point, code = self._point(element), self._code(element)
        if not (name or point or code):
            description = name_of(element.find("description"), self._language)
            if description:
                self._notes.remark(element, f"a location is only described ({shown(description)}): left out")
            return
        if not (point or code):
            same = self._named.get(fold(name)) or self._known.named(Kind.COUNTRY, name) or self._region_named(name)
            if same:
                self._shares.setdefault(same, None)
                return
        parent = self._parent(element)
        id = self._earlier(name) if name and not code else None
        id = id or self._place(element, name, point, code, parent)
        self._shares.setdefault(id, None)

    def _region_named(self, name: str) -> str | None:
        dac = next((code for code, listed in DAC_REGIONS.items() if fold(listed) == fold(name)), None)
        if dac is None:
            return None
        return self._coded("DAC region", dac, f"place:dac-region-{dac}", DAC_REGIONS[dac], PlaceType.REGION)

    def _place(self, element: Element, name: str, point: Point | None, code: Code | None, parent: str | None) -> str:
        place = Place(
            id=self._id(name, point, code, parent),
            name=name or (f"{code.vocabulary} {code.code}" if code else f"{point.latitude}, {point.longitude}"),  # type: ignore[union-attr]
            type=self._type(element),
            identifiers=(code,) if code else (),
            latitude=point.latitude if point else None,
            longitude=point.longitude if point else None,
        )
        found = self._known.coded(Kind.PLACE, code.vocabulary, code.code) if code else None
        if not code and name and parent and self._known.entity(place.id) is None:
            same = self._known.named(Kind.PLACE, name, parent)
            found = same if same and self._is_near(self._known.entity(same), point) else None
        if found or self._known.entity(place.id):
            held = self._known.entity(found or place.id)
            assert held is not None
            if isinstance(held, Place):
                self._told.ensure(msgspec.structs.replace(place, id=held.id, type=held.type))
            return held.id
        self._told.ensure_cited(place)
        self._put(element, place.id, parent)
        return place.id

    def _put(self, element: Element, id: str, parent: str | None) -> None:
        if parent is None or parent == id:
            return
        first = self._places.parents.setdefault(id, parent)
        if first != parent:
            self._notes.remark(element, f"it lies in {parent} here and in {first} before, which was kept")
        self._told.ensure(Relation(RelationKind.PART_OF, id, first, sources=self._told.sources))

    def _id(self, name: str, point: Point | None, code: Code | None, parent: str | None) -> str:
        if code:
            return f"place:{code.vocabulary}-{code.code}"
        within = (self.country_code or "").lower() if parent else ""
        owner = f"{within}-" if within else f"{self._project.partition(':')[2]}/"
        at = f"@{point.latitude:.2f},{point.longitude:.2f}" if point else ""
        return f"place:{owner}{slug(name) if name else 'point'}{at}"

    def _is_near(self, held: Entity | None, point: Point | None) -> bool:
        if not isinstance(held, Place) or point is None or held.latitude is None or held.longitude is None:
            return True
        return max(abs(held.latitude - point.latitude), abs(held.longitude - point.longitude)) < FAR

    def _earlier(self, name: str) -> str | None:
        """A place of that name at which the project was when it was read before."""
        found = (
            place.id
            for _, place in self._known.related(self._project, RelationKind.LOCATED_IN)
            if any(fold(each) == fold(name) for each in (place.name, *place.aliases, *place.labels.values()))
        )
        return min(found, default=None)

    def _code(self, element: Element) -> Code | None:
        given = element.find("location-id")
        if given is None or not (code := code_of(given)):
            return None
        vocabulary = code_of(given, "vocabulary")
        if vocabulary not in GEOGRAPHY:
            told = f"there is no geographic vocabulary {shown(vocabulary)}: kept as given"
            self._notes.remark(given, told, once=True)
        return Code(GEOGRAPHY.get(vocabulary, f"IATI {vocabulary}".strip()), code)

    def _point(self, element: Element) -> Point | None:
        given = element.find("point/pos")
        text = (given.text or "").replace(",", " ").split() if given is not None else []
        if given is None or not text:
            return None
        degrees = [number(each) for each in text]
        if len(degrees) != 2 or None in degrees:
            self._notes.fault(given, f"pos is {shown(' '.join(text))}, expected latitude and longitude, as 14.5 -4.2")
            return None
        point = Point(*degrees)  # type: ignore[arg-type]
        if abs(point.latitude) > 90 or abs(point.longitude) > 180:
            told = "latitudes end at 90, longitudes at 180: is it turned around? Latitude comes first"
            self._notes.fault(given, f"pos is {shown(' '.join(text))}, which is no place on earth: {told}")
            return None
        return point

    def _type(self, element: Element) -> PlaceType:
        feature, location_class = code_of(element.find("feature-designation")), code_of(element.find("location-class"))
        if feature in FEATURES:
            return FEATURES[feature]
        if location_class == "1":
            levels = [code_of(each, "level") for each in element.findall("administrative")]
            return ADMIN.get(max(levels, default=""), PlaceType.OTHER)
        return LOCATION_CLASSES.get(location_class, PlaceType.OTHER)

    def _parent(self, element: Element) -> str | None:
        """What a location lies in: the smallest administrative unit that is known, else the country that is told."""
        units = [each for each in element.findall("administrative") if code_of(each)]
        for unit in sorted(units, key=lambda each: code_of(each, "level"), reverse=True):
            vocabulary, code = code_of(unit, "vocabulary"), code_of(unit)
            if vocabulary == COUNTRIES:
                if id := self._known.country(code):
                    return id
            elif id := self._known.coded(Kind.PLACE, GEOGRAPHY.get(vocabulary, f"IATI {vocabulary}"), code):
                return id
            told = f"the administrative unit {shown(code)} ({GEOGRAPHY.get(vocabulary, vocabulary)}) is not known"
            self._notes.remark(unit, f"{told}: it was passed over", once=True)
        return next(iter(self._countries)) if self.country_code or len(self._countries) == 1 else None

    def relate(self) -> None:
        for id, share in self._shares.items():
            relation = Relation(
                RelationKind.LOCATED_IN, self._project, id, percentage=share, sources=self._told.sources
            )
            self._told.relate(relation)


def check_shares(activity: Element, elements: Sequence[Element], what: str, notes: Notes) -> None:
    """Shares of one whole that do not come to it are told of."""
    given = [number(code_of(each, "percentage")) for each in elements if each.get("percentage")]
    shares = [share for share in given if share is not None]
    if shares and abs(fsum(shares) - 100) > ROUNDED:
        notes.remark(elements[0], f"the percentages of {what} come to {fsum(shares):g}, not 100: kept as given")


def _iso(code: str) -> Any:
    upper = code.upper()
    if len(upper) == 2:
        return pycountry.countries.get(alpha_2=upper)
    return pycountry.countries.get(alpha_3=upper) if len(upper) == 3 else None
