"""The locations of an activity: towns, camps, buildings, by their codes, their points or their names."""

from collections import defaultdict
from functools import cached_property
from typing import NamedTuple

import msgspec

from graph.formats.cells import shown, slug
from graph.formats.iati.codes import COUNTRIES, DAC_REGIONS, FEATURES, GEOGRAPHY, LOCATION_CLASSES
from graph.formats.iati.places import Places, Whereabouts
from graph.formats.iati.told import Told
from graph.formats.iati.words import Notes, code_of, name_of, number
from graph.formats.shared import ADMIN
from graph.formats.xml import Element, text_of
from graph.model import Code, Entity, Place, Relation
from graph.values import fold
from graph.vocabulary import Kind, PlaceType, RelationKind

FAR = 0.5
"""Degrees by which places of one name lie apart that are not the same."""


class Point(NamedTuple):
    latitude: float
    longitude: float


class Locations:
    """The locations of one activity, whose countries and regions are known."""

    def __init__(
        self, places: Places, recipients: Whereabouts, project: str, language: str, told: Told, notes: Notes
    ) -> None:
        self._places = places
        self._known = places.known
        self._recipients = recipients
        self._country = recipients.country_code
        self._project = project
        self._language = language
        self._told = told
        self._notes = notes

    def read(self, element: Element) -> None:
        name = name_of(element.find("name"), self._language)
        point, code = self._point(element), self._code(element)
        if not (name or point or code):
            description = name_of(element.find("description"), self._language)
            if description:
                self._notes.remark(element, f"a location is only described ({shown(description)}): left out")
            return
        if not (point or code):
            recipient = self._recipients.named.get(fold(name))
            if same := recipient or self._known.named(Kind.COUNTRY, name) or self._region_named(name):
                self._recipients.add(same)
                return
        parent = self._parent(element)
        earlier = (held.id for held in self._earlier.get(fold(name), ()) if not code and self._is_near(held, point))
        self._recipients.add(next(earlier, None) or self._place(element, name, point, code, parent))

    def _region_named(self, name: str) -> str | None:
        dac = next((code for code, listed in DAC_REGIONS.items() if fold(listed) == fold(name)), None)
        if dac is None:
            return None
        return self._recipients.coded("DAC region", dac, f"place:dac-region-{dac}", DAC_REGIONS[dac], PlaceType.REGION)

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
        within = (self._country or "").lower() if parent else ""
        owner = f"{within}-" if within else f"{self._project.partition(':')[2]}/"
        at = f"@{point.latitude:.2f},{point.longitude:.2f}" if point else ""
        return f"place:{owner}{slug(name) if name else 'point'}{at}"

    def _is_near(self, held: Entity | None, point: Point | None) -> bool:
        if not isinstance(held, Place) or point is None or held.latitude is None or held.longitude is None:
            return True
        return max(abs(held.latitude - point.latitude), abs(held.longitude - point.longitude)) < FAR

    @cached_property
    def _earlier(self) -> dict[str, list[Entity]]:
        """The places at which the project was when it was read before, by their names, in the order of their ids."""
        found: dict[str, list[Entity]] = defaultdict(list)
        places = (place for _, place in self._known.related(self._project, RelationKind.LOCATED_IN))
        for place in sorted(places, key=lambda place: place.id):
            for name in dict.fromkeys(map(fold, (place.name, *place.aliases, *place.labels.values()))):
                found[name].append(place)
        return found

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
        said = text_of(given)
        text = said.replace(",", " ").split()
        if given is None or not text:
            return None
        degrees = [number(each) for each in text]
        if len(degrees) != 2 or None in degrees:
            self._notes.fault(given, f"pos is {shown(said)}, expected latitude and longitude, as 14.5 -4.2")
            return None
        point = Point(*degrees)  # type: ignore[arg-type]
        if abs(point.latitude) > 90 or abs(point.longitude) > 180:
            told = "latitudes end at 90, longitudes at 180: is it turned around? Latitude comes first"
            self._notes.fault(given, f"pos is {shown(said)}, which is no place on earth: {told}")
            return None
        return point

    def _type(self, element: Element) -> PlaceType:
        feature, location_class = code_of(element.find("feature-designation")), code_of(element.find("location-class"))
        if feature in FEATURES:
            return FEATURES[feature]
        if location_class == "1":
            levels = [code_of(each, "level") for each in element.findall("administrative")]
            smallest = max((int(level) for level in levels if level in ("1", "2", "3", "4", "5")), default=0)
            return ADMIN.get(smallest, PlaceType.OTHER)
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
        return next(iter(self._recipients.countries)) if len(self._recipients.countries) == 1 else None
