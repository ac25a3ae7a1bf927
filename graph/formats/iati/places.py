"""Where an activity is: countries and regions, with the share of each."""

from collections import defaultdict
from math import fsum
from typing import Any

from graph.formats.cells import shown
from graph.formats.countries import country_coded, country_of
from graph.formats.iati.codes import DAC_REGIONS, OWN
from graph.formats.iati.shares import check_shares, is_whole, share
from graph.formats.iati.told import Told
from graph.formats.iati.words import Notes, code_of, name_of
from graph.formats.known import Known
from graph.formats.xml import Element
from graph.model import Code, Country, Place, Relation
from graph.values import fold
from graph.vocabulary import Kind, PlaceType, RelationKind

ISO = "ISO 3166-1"


class Places:
    """What the places of a file have in common. `parents` is what each new one lies in: it may lie in one only."""

    def __init__(self, known: Known) -> None:
        self.known = known
        self.parents: dict[str, str] = {}


class Whereabouts:
    """The places of one activity."""

    def __init__(self, known: Known, project: str, publisher: str, language: str, told: Told, notes: Notes) -> None:
        self._known = known
        self._project = project
        self._publisher = publisher
        self._language = language
        self._told = told
        self._notes = notes
        self._shares: dict[str, float | None] = {}
        self.named: dict[str, str] = {}
        """Countries and regions by the names that the activity has for them."""
        self.countries: dict[str, str] = {}
        """The codes of countries, by their ids."""

    # Countries and regions.

    def recipients(self, activity: Element) -> None:
        """Those of the activity, or else those of its transactions. Countries are the whole with the regions of any one
        vocabulary, or with all: the others say the same again, so their shares are not told."""
        countries, regions = activity.findall("recipient-country"), activity.findall("recipient-region")
        lists: dict[str, list[Element]] = defaultdict(list)
        for region in regions:
            lists[code_of(region, "vocabulary") or "1"].append(region)
        together = is_whole([*countries, *regions])
        if not together:
            for each in lists.values() or [[]]:
                check_shares([*countries, *each], "recipient countries and regions", self._notes)
        for element in countries:
            self._take(element, self.country(element), share(element, self._notes))
        for vocabulary, elements in lists.items():
            for element in elements:
                told = share(element, self._notes)
                self._take(element, self.region(element), told if together or vocabulary == min(lists) else None)
        if not self._shares:
            for element in activity.iterfind("transaction/recipient-country"):
                self._take(element, self.country(element))
            for element in activity.iterfind("transaction/recipient-region"):
                self._take(element, self.region(element))

    def _take(self, element: Element, id: str | None, share: float | None = None) -> None:
        if id is None:
            return
        if name := name_of(element, self._language):
            self.named.setdefault(fold(name), id)
        if share is not None:  # somebody may be named several times
            self._shares[id] = fsum((self._shares.get(id) or 0, share))
        self.add(id)

    def add(self, id: str) -> None:
        """A place of which no share is told."""
        self._shares.setdefault(id, None)

    def country(self, element: Element) -> str | None:
        given = code_of(element)
        if not given:
            self._notes.remark(element, f"{element.tag} has no code: left out")
            return None
        id, iso = self._known.country(given), country_coded(given)
        if id is None and iso:
            id = self._known.country(iso.alpha_2) or self._new_country(country_of(iso))
        if id is None:
            self._notes.remark(element, f"ISO 3166-1 has no country {shown(given)}: kept as a place", once=True)
            name = name_of(element, self._language) or given
            return self.coded(ISO, given, f"place:country-{given}", name, PlaceType.OTHER)
        self.countries[id] = given
        held = self._known.entity(id)
        if name := held.name if held else iso.name:
            self.named.setdefault(fold(name), id)
        return id

    def _new_country(self, country: Country) -> str:
        self._told.ensure_cited(country)
        return country.id

    def region(self, element: Element) -> str | None:
        given, vocabulary = code_of(element), code_of(element, "vocabulary") or "1"
        name = name_of(element, self._language)
        if not given:
            self._notes.remark(element, "recipient-region has no code: left out")
            return None
        if vocabulary == "2":
            return self.coded("M49", given, f"place:m49-{given}", name or f"M49 {given}", PlaceType.REGION)
        if vocabulary == "1":
            if given not in DAC_REGIONS:
                self._notes.remark(element, f"the DAC has no region {shown(given)}: kept as given", once=True)
            listed = DAC_REGIONS.get(given) or name or f"DAC region {given}"
            return self.coded("DAC region", given, f"place:dac-region-{given}", listed, PlaceType.REGION)
        if vocabulary not in OWN:
            self._notes.remark(element, f"there is no region vocabulary {shown(vocabulary)}: kept as given", once=True)
        own = f"region of {self._publisher}"
        return self.coded(own, given, f"place:{self._publisher}/region-{given}", name or given, PlaceType.REGION)

    def coded(self, vocabulary: str, code: str, id: str, name: str, type: PlaceType, **more: Any) -> str:
        """The place with this code."""
        if found := self._known.coded(Kind.PLACE, vocabulary, code):
            return found
        self._told.ensure_cited(Place(id=id, name=name, type=type, identifiers=(Code(vocabulary, code),), **more))
        return id

    @property
    def country_code(self) -> str | None:
        """The code of the activity's country, if it is in that one only."""
        return next(iter(self.countries.values())) if len(self.countries) == 1 == len(self._shares) else None

    def relate(self) -> None:
        sources = self._told.sources
        for id, percentage in self._shares.items():
            located = Relation(RelationKind.LOCATED_IN, self._project, id, percentage=percentage, sources=sources)
            self._told.relate(located)
