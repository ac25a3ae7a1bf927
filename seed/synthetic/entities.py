"""Made-up entities by their number within their kind: attributes as graph lines have them, relations apart."""

from typing import Any

from graph.vocabulary import (
    CountBasis,
    EventType,
    Kind,
    MetricMeasure,
    PartnerType,
    PlaceType,
    PopulationStatus,
    ProjectStatus,
    SourceType,
)
from seed.synthetic.chance import YEARS, Chance
from seed.synthetic.names import ARABIC, CYRILLIC, LATIN, spell

Line = dict[str, Any]

BASES = tuple(CountBasis)
EVENTS = tuple(EventType)
PARTNERS = tuple(PartnerType)
POPULATIONS = tuple(PopulationStatus)
SOURCES = tuple(SourceType)
# What is common in life is there more than once.
MEASURES = (*MetricMeasure, *[MetricMeasure.ACTUAL] * 12)
STATUSES = (*ProjectStatus, *[ProjectStatus.IMPLEMENTATION] * 5, *[ProjectStatus.CLOSED] * 3)

UNITS = {CountBasis.INDIVIDUALS: "people", CountBasis.MONEY: "EUR", CountBasis.ITEMS: "kits"}
ACTIVITIES = (
    {"vocabulary": "fieldgraph", "code": "nutrition", "label": "Malnutrition care"},
    {"vocabulary": "fieldgraph", "code": "surgery", "label": "Emergency surgery"},
    {"vocabulary": "fieldgraph", "code": "water", "label": "Water and sanitation"},
    {"vocabulary": "fieldgraph", "code": "vaccination", "label": "Vaccination"},
    {"vocabulary": "fieldgraph", "code": "maternity", "label": "Mother and child care"},
    {"vocabulary": "fieldgraph", "code": "shelter", "label": "Shelter and relief items"},
)
SECTORS = ("72011", "12250", "12220", "72040", "14030", "12240")  # of the OECD's DAC, five digits
DAC = "1"  # IATI's name for that list


def id_of(kind: Kind, number: int) -> str:
    return f"{kind.lower()}:{alpha2(number) if kind is Kind.COUNTRY else f'w{number}'}"


def alpha2(number: int) -> str:
    """AA, AB, AC and on to ZZ."""
    return chr(65 + number // 26) + chr(65 + number % 26)


class Entities:
    """The lines of entities; what a line leaves out is unknown."""

    def __init__(self, chance: Chance) -> None:
        self._chance = chance

    def _entity(self, kind: Kind, number: int, name: Line) -> Line:
        return {"id": id_of(kind, number), "kind": str(kind), **name}

    def _named(self, number: int, suffix: str = "") -> Line:
        """A name, mostly in Latin letters, and how it is written elsewhere where that is known."""
        latin = spell(number, LATIN) + suffix
        if number % 10 == 7:
            return {"name": spell(number, ARABIC), "aliases": [latin]}
        if number % 10 == 8:
            return {"name": spell(number, CYRILLIC), "aliases": [latin]}
        if number % 5 == 0:
            return {"name": latin, "labels": {"ar": spell(number, ARABIC), "ru": spell(number, CYRILLIC)}}
        return {"name": latin, **self._chance.maybe(0.1, aliases=[f"{latin}ville"])}

    def country(self, number: int) -> Line:
        code, name = alpha2(number), spell(number)
        return {
            **self._entity(Kind.COUNTRY, number, {"name": name}),
            "labels": {"ar": spell(number, ARABIC), "ru": spell(number, CYRILLIC)},
            "officialName": f"Republic of {name}",
            "code": code,
            "alpha3": f"{code}X",
            "numeric": f"{number:03d}",
        }

    def place(self, number: int, type: PlaceType) -> Line:
        maybe, degrees = self._chance.maybe, self._chance.degrees
        line = {**self._entity(Kind.PLACE, number, self._named(number)), "type": str(type)}
        if type in (PlaceType.WORLD, PlaceType.REGION):
            return line
        return {
            **line,
            **maybe(0.4, identifiers=[{"vocabulary": "P-code", "code": f"W{number:06d}"}]),
            **maybe(0.6, latitude=degrees(30), longitude=degrees(90)),
        }

    def partner(self, number: int) -> Line:
        maybe = self._chance.maybe
        return {
            **self._entity(Kind.PARTNER, number, self._named(number, " Relief")),
            "type": str(self._chance.pick(PARTNERS)),
            **maybe(0.5, acronym=f"{spell(number)[:3].upper()}R"),
            **maybe(0.3, website=f"https://partner-{number}.example.org/"),
        }

    def indicator(self, number: int) -> Line:
        return {
            **self._entity(Kind.INDICATOR, number, {"name": f"{spell(number)} index"}),
            "code": f"w{number}",
            "unit": _unit(number),
            "countBasis": str(BASES[number % len(BASES)]),
            **self._chance.maybe(0.5, definition="As the source counts."),
        }

    def source(self, number: int) -> Line:
        maybe, year = self._chance.maybe, self._chance.year()
        return {
            **self._entity(Kind.SOURCE, number, {"name": f"Situation report {number + 1}, {year}"}),
            "type": str(self._chance.pick(SOURCES)),
            **maybe(0.9, publisher=f"{spell(number % 97)} Office"),
            **maybe(0.8, url=f"https://reports.example.org/{number}", accessedOn=f"{YEARS[-1]}-06-30"),
            **maybe(0.8, publishedOn=self._chance.date(year)),
            **maybe(0.2, license="CC BY 4.0"),
        }

    def project(self, number: int) -> Line:
        chance, maybe, year = self._chance, self._chance.maybe, self._chance.year()
        activity = chance.pick(ACTIVITIES)
        return {
            **self._entity(Kind.PROJECT, number, {"name": f"{activity['label']} in {spell(number)}"}),
            **maybe(0.3, summary=f"{activity['label']} for people who were displaced, and for those who took them in."),
            **maybe(0.95, status=str(chance.pick(STATUSES))),
            **maybe(0.8, startedOn=chance.date(year)),
            **maybe(0.4, endedOn=chance.date(year + 1 + chance.hub(5, 1))),
            **maybe(0.8, activities=[activity]),
            **maybe(0.3, sectors=[{"vocabulary": DAC, "code": chance.pick(SECTORS)}]),
        }

    def event(self, number: int, year: int) -> Line:
        chance, maybe, type = self._chance, self._chance.maybe, self._chance.pick(EVENTS)
        name = f"{type.replace('_', ' ').capitalize()} in {spell(number)}, {year}"
        return {
            **self._entity(Kind.EVENT, number, {"name": name}),
            **maybe(0.2, summary="Roads were cut, and many people could not be reached for days."),
            "type": str(type),
            **maybe(0.95, startedOn=chance.date(year)),
            **maybe(0.3, endedOn=chance.date(year + 1)),
            **maybe(0.4, affected=chance.magnitude(), affectedStatus=str(chance.pick(POPULATIONS))),
            **maybe(0.1, glides=[f"OT-{year}-{number:06d}"]),
        }

    def metric(self, number: int, indicator: int) -> Line:
        year = self._chance.year()
        date = self._chance.date(year)
        return {
            **self._entity(Kind.METRIC, number, {"name": f"{spell(indicator)} index, {year}"}),
            **self._figure(),
            "unit": _unit(indicator),
            "measure": str(self._chance.pick(MEASURES)),
            "startedOn": date,
            "endedOn": date,
            **self._chance.maybe(0.1, status="E"),
        }

    def _figure(self) -> Line:
        """A value, mostly; sometimes only its bounds; sometimes nothing."""
        value, drawn = self._chance.magnitude(), self._chance.random()
        if drawn < 0.85:
            return {"value": value, **self._chance.maybe(0.3, printed=f"{value:,}")}
        return {"lower": value, "upper": 2 * value} if drawn < 0.95 else {}


def _unit(indicator: int) -> str:
    basis = BASES[indicator % len(BASES)]
    return UNITS.get(basis) or basis.lower()
