"""A synthetic world of any size, as graph lines: all kinds of entities and relations, and hubs as in life.

    python -m seed.world ENTITIES RELATIONS [SEED] > world.jsonl

The same numbers give the same world. Nothing is kept in memory: an entity is known by its number within its kind, from
which its id and name follow. What a line leaves out is unknown, as much is in life.
"""

import sys
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

import msgspec

from graph.vocabulary import (
    CountBasis,
    EventType,
    Impact,
    Kind,
    MetricMeasure,
    PartnerRole,
    PartnerType,
    PlaceType,
    PopulationStatus,
    ProjectStatus,
    RelationKind,
    SourceType,
)
from seed.names import ARABIC, CYRILLIC, LATIN, spell

Line = dict[str, Any]

FEWEST = 100
"""Entities that a world has at least, so that there are some of each kind."""

SHARES = {Kind.PLACE: 0.14, Kind.PROJECT: 0.12, Kind.EVENT: 0.16, Kind.PARTNER: 0.04, Kind.SOURCE: 0.08}
"""What part of all entities these kinds make; metrics are what remains."""

WEIGHTS = {
    RelationKind.CITES: 0.36,
    RelationKind.PARTICIPATES_IN: 0.26,
    RelationKind.AFFECTED: 0.15,
    RelationKind.FOLLOWED: 0.06,
    RelationKind.OPERATES_IN: 0.06,
    RelationKind.DISPLACED_FROM: 0.04,
    RelationKind.LOCATED_IN: 0.04,
    RelationKind.OCCURRED_IN: 0.03,
}
"""How the relations beyond those that every entity has are shared out."""

UNEVEN = (0.0, 0.5, 0.5, 1.0, 3.0)
"""Some have none and some have many; one on average."""

YEARS = range(2000, 2025)
LOCAL = (PlaceType.TOWN, PlaceType.VILLAGE, PlaceType.VILLAGE, PlaceType.CAMP, PlaceType.FACILITY, PlaceType.OTHER)
STATUSES = [*ProjectStatus, *[ProjectStatus.IMPLEMENTATION] * 5, *[ProjectStatus.CLOSED] * 3]
MEASURES = [*MetricMeasure, *[MetricMeasure.ACTUAL] * 12]
UNITS = {
    CountBasis.INDIVIDUALS: "people",
    CountBasis.MONEY: "EUR",
    CountBasis.ITEMS: "kits",
    CountBasis.OTHER: "points",
}
ACTIVITIES = {
    "nutrition": "Malnutrition care",
    "surgery": "Emergency surgery",
    "water": "Water and sanitation",
    "vaccination": "Vaccination",
    "maternity": "Mother and child care",
    "shelter": "Shelter and relief items",
}
SECTORS = ("72011", "12250", "12220", "72040", "14030", "12240")


def world(entities: int, relations: int, seed: int = 7) -> Iterator[Line]:
    """The lines of a world of just so many entities and about so many relations. Raises ValueError on too few."""
    return World(entities, relations, seed).lines()


class World:
    """Sizes, shares and chances of a world, and its lines."""

    def __init__(self, entities: int, relations: int, seed: int) -> None:
        if entities < FEWEST:
            raise ValueError(f"A world has at least {FEWEST} entities, to have some of each kind; {entities} were asked.")
        self._random = Random(seed).random
        self.sizes = {kind: int(entities * share) for kind, share in SHARES.items()}
        self.sizes[Kind.COUNTRY] = min(200, entities // 50)
        self.sizes[Kind.INDICATOR] = min(500, entities // 25)
        self.sizes[Kind.METRIC] = entities - sum(self.sizes.values())
        self._regions = 1 + self.sizes[Kind.COUNTRY] // 8
        self._admin1 = self._regions + max(1, self.sizes[Kind.PLACE] // 40)
        self._admin2 = self._admin1 + max(1, self.sizes[Kind.PLACE] // 8)
        self._means = self._share_out(entities, relations)

    def _share_out(self, entities: int, relations: int) -> dict[RelationKind, float]:
        """How many relations of each kind one subject has, on average, beyond those that it must have."""
        sizes = self.sizes
        settled = sizes[Kind.PLACE] - 1 + sizes[Kind.COUNTRY] + sizes[Kind.PARTNER] // 2
        needed = settled + sizes[Kind.PROJECT] + sizes[Kind.EVENT] + 2 * sizes[Kind.METRIC]
        if relations < needed:
            raise ValueError(f"A world of {entities:,} entities has at least {needed:,} relations; {relations:,} were asked.")
        subjects = {
            RelationKind.CITES: entities - sizes[Kind.SOURCE],
            RelationKind.PARTICIPATES_IN: sizes[Kind.PROJECT],
            RelationKind.LOCATED_IN: sizes[Kind.PROJECT],
            RelationKind.OPERATES_IN: sizes[Kind.PARTNER],
        }
        return {
            kind: (relations - needed) * weight / subjects.get(kind, sizes[Kind.EVENT])
            for kind, weight in WEIGHTS.items()
        }

    def lines(self) -> Iterator[Line]:
        for entities in (
            self._places(),
            self._countries(),
            self._partners(),
            self._indicators(),
            self._sources(),
            self._projects(),
            self._events(),
            self._metrics(),
        ):
            yield from entities

    # Chance

    def _pick(self, values: Sequence[Any]) -> Any:
        return values[int(self._random() * len(values))]

    def _hub(self, size: int, steepness: int) -> int:
        """A number below `size`; the first are drawn far more often, the more so the steeper (a power law)."""
        return int(size * self._random() ** steepness)

    def _maybe(self, chance: float, **attributes: Any) -> Line:
        """The attributes, or nothing."""
        return attributes if self._random() < chance else {}

    def _times(self, kind: RelationKind) -> range:
        """How many relations of a kind beyond the first this subject has."""
        return range(int(self._means[kind] * self._pick(UNEVEN) + self._random()))

    def _date(self, year: int) -> str:
        """A date in the year, to whatever precision it is known."""
        chance = self._random()
        if chance < 0.3:
            return f"{year}"
        month = int(self._random() * 12) + 1
        return f"{year}-{month:02d}" if chance < 0.6 else f"{year}-{month:02d}-{int(self._random() * 28) + 1:02d}"

    # Whom a relation leads to

    def _country(self) -> str:
        return f"country:{alpha2(self._hub(self.sizes[Kind.COUNTRY], 2))}"

    def _place(self) -> str:
        """A place inside a country."""
        return f"place:w{self._regions + self._hub(self.sizes[Kind.PLACE] - self._regions, 1)}"

    def _where(self, in_country: float = 0.3) -> str:
        return self._country() if self._random() < in_country else self._place()

    def _partner(self) -> str:
        return f"partner:w{self._hub(self.sizes[Kind.PARTNER], 3)}"

    def _project(self) -> str:
        return f"project:w{self._hub(self.sizes[Kind.PROJECT], 1)}"

    def _source(self) -> str:
        return f"source:w{self._hub(self.sizes[Kind.SOURCE], 2)}"

    def _touched(self) -> str:
        """What an event affects."""
        chance = self._random()
        return self._project() if chance < 0.7 else self._partner() if chance < 0.8 else self._where()

    def _subject(self) -> str:
        """What a metric is about."""
        chance = self._random()
        if chance < 0.75:
            return self._where(0.7)
        if chance < 0.9:
            return self._project()
        return f"event:w{self._hub(self.sizes[Kind.EVENT], 1)}" if chance < 0.96 else self._partner()

    def _relation(self, kind: RelationKind, subject: str, object: str, **attributes: Any) -> Line:
        stated = self._maybe(0.5, sources=[self._source()])
        return {"relation": str(kind), "subject": subject, "object": object, **attributes, **stated}

    def _cited(self, id: str) -> Iterator[Line]:
        for source in {self._source() for _ in self._times(RelationKind.CITES)}:
            yield {"relation": "CITES", "subject": id, "object": source, **self._maybe(0.3, locator="key figures")}

    def _all_over(self, kind: RelationKind, subject: str, where: str | None = None) -> Iterator[Line]:
        """Relations of a kind to countries and places: to one that is given, and as many more as chance has it."""
        objects = dict.fromkeys([where] if where else [])
        objects.update(dict.fromkeys(self._where() for _ in self._times(kind)))
        for object in objects:
            yield self._relation(kind, subject, object)

    # The lines of each kind

    def _places(self) -> Iterator[Line]:
        """The world, its regions, and three levels inside the countries."""
        for number in range(self.sizes[Kind.PLACE]):
            type, holder = self._placed(number)
            line = {"id": f"place:w{number}", "kind": "PLACE", **self._named(number), "type": str(type)}
            if type not in (PlaceType.WORLD, PlaceType.REGION):
                line |= self._maybe(0.6, latitude=self._degrees(30), longitude=self._degrees(90))
                line |= self._maybe(0.4, identifiers=[{"vocabulary": "P-code", "code": f"W{number:06d}"}])
            yield line
            if holder:
                yield self._relation(RelationKind.PART_OF, line["id"], holder)
            yield from self._cited(line["id"])

    def _placed(self, number: int) -> tuple[PlaceType, str | None]:
        """What the place of a number is, and what it lies in."""
        if number < self._regions:
            return (PlaceType.REGION, "place:w0") if number else (PlaceType.WORLD, None)
        if number < self._admin1:
            return PlaceType.ADMIN1, self._country()
        if number < self._admin2:
            return PlaceType.ADMIN2, f"place:w{self._regions + self._hub(self._admin1 - self._regions, 1)}"
        return self._pick(LOCAL), f"place:w{self._admin1 + self._hub(self._admin2 - self._admin1, 1)}"

    def _degrees(self, most: int) -> float:
        return round(most * (2 * self._random() - 1), 4)

    def _named(self, number: int, suffix: str = "") -> Line:
        """A name, mostly in Latin letters, and what it is in other scripts where that is known."""
        latin, arabic, cyrillic = (spell(number, script) + suffix for script in (LATIN, ARABIC, CYRILLIC))
        if number % 10 == 7:
            return {"name": arabic, "aliases": [latin]}
        if number % 10 == 8:
            return {"name": cyrillic, "aliases": [latin]}
        if number % 5 == 0:
            return {"name": latin, "labels": {"ar": arabic, "ru": cyrillic}}
        return {"name": latin, **self._maybe(0.1, aliases=[latin[::-1].capitalize()])}

    def _countries(self) -> Iterator[Line]:
        for number in range(self.sizes[Kind.COUNTRY]):
            code, name = alpha2(number), f"{spell(number)}land"
            line = {"id": f"country:{code}", "kind": "COUNTRY", "name": name}
            line["labels"] = {"ar": spell(number, ARABIC), "ru": spell(number, CYRILLIC)}
            line |= {"officialName": f"Republic of {name}", "code": code, "alpha3": f"{code}X", "numeric": f"{number:03d}"}
            yield line
            region = int(self._random() * (self._regions - 1)) + 1
            yield self._relation(RelationKind.PART_OF, line["id"], f"place:w{region % self._regions}")
            yield from self._cited(line["id"])

    def _partners(self) -> Iterator[Line]:
        """Every other one belongs to an earlier one, the first ones having the most."""
        for number in range(self.sizes[Kind.PARTNER]):
            line = {"id": f"partner:w{number}", "kind": "PARTNER", **self._named(number, " Relief")}
            line |= {"type": str(self._pick(tuple(PartnerType))), **self._maybe(0.5, acronym=f"{spell(number)[:3].upper()}R")}
            yield line | self._maybe(0.3, website=f"https://partner-{number}.example.org/")
            if number % 2:
                yield self._relation(RelationKind.PART_OF, line["id"], f"partner:w{self._hub(number, 3)}")
            for country in {self._country(): 0 for _ in self._times(RelationKind.OPERATES_IN)}:
                yield self._relation(RelationKind.OPERATES_IN, line["id"], country, **self._since())
            yield from self._cited(line["id"])

    def _since(self) -> Line:
        return self._maybe(0.4, since=self._date(self._pick(YEARS)))

    def _indicators(self) -> Iterator[Line]:
        for number in range(self.sizes[Kind.INDICATOR]):
            basis = tuple(CountBasis)[number % len(CountBasis)]
            line = {"id": f"indicator:w{number}", "kind": "INDICATOR", "name": indicator_name(number), "code": f"w{number}"}
            line |= {"unit": unit(basis), "countBasis": str(basis), **self._maybe(0.5, definition="As the source counts.")}
            yield line
            yield from self._cited(line["id"])

    def _sources(self) -> Iterator[Line]:
        for number in range(self.sizes[Kind.SOURCE]):
            year = self._pick(YEARS)
            line = {"id": f"source:w{number}", "kind": "SOURCE", "name": f"Situation report {number + 1}, {year}"}
            line |= {"type": str(self._pick(tuple(SourceType))), **self._maybe(0.9, publisher=f"{spell(number % 97)} Office")}
            line |= self._maybe(0.8, url=f"https://reports.example.org/{number}", accessedOn=f"{YEARS[-1]}-06-30")
            yield line | self._maybe(0.8, publishedOn=self._date(year)) | self._maybe(0.2, license="CC BY 4.0")

    def _projects(self) -> Iterator[Line]:
        for number in range(self.sizes[Kind.PROJECT]):
            id, where, year = f"project:w{number}", self._where(), self._pick(YEARS)
            code, activity = self._pick(tuple(ACTIVITIES.items()))
            line = {"id": id, "kind": "PROJECT", "name": f"{activity} in {spell(self._hub(number + 1, 1))}"}
            line |= self._maybe(0.3, summary=f"{activity} for people who were displaced, and for those who took them in.")
            line |= self._maybe(0.95, status=str(self._pick(STATUSES))) | self._maybe(0.8, startedOn=self._date(year))
            line |= self._maybe(0.4, endedOn=self._date(year + 1 + int(self._random() * 5)))
            line |= self._maybe(0.8, activities=[{"vocabulary": "fieldgraph", "code": code, "label": activity}])
            yield line | self._maybe(0.3, sectors=[{"vocabulary": "1", "code": self._pick(SECTORS)}])
            yield from self._all_over(RelationKind.LOCATED_IN, id, where)
            roles = (*PartnerRole, PartnerRole.IMPLEMENTING, PartnerRole.FUNDING)
            for partner, role in {(self._partner(), self._pick(roles)): 0 for _ in self._times(RelationKind.PARTICIPATES_IN)}:
                yield self._relation(RelationKind.PARTICIPATES_IN, partner, id, role=str(role), **self._since())
            yield from self._cited(id)

    def _events(self) -> Iterator[Line]:
        """In the order in which they happened, so that what an event followed came before it."""
        size = self.sizes[Kind.EVENT]
        for number in range(size):
            id, where, year = f"event:w{number}", self._where(), YEARS[number * len(YEARS) // size]
            type = self._pick(tuple(EventType))
            line = {"id": id, "kind": "EVENT", "name": f"{type.replace('_', ' ').capitalize()} in {spell(number)}, {year}"}
            line |= self._maybe(0.2, summary="Roads were cut, and many people could not be reached for days.")
            line |= {"type": str(type), **self._maybe(0.95, startedOn=self._date(year))}
            line |= self._maybe(0.3, endedOn=self._date(year + 1)) | self._maybe(0.1, glides=[f"OT-{year}-{number:06d}"])
            if self._random() < 0.4:
                line |= {"affected": int(10 ** (6 * self._random())), "affectedStatus": str(self._pick(tuple(PopulationStatus)))}
            yield line
            yield from self._all_over(RelationKind.OCCURRED_IN, id, where)
            yield from self._consequences(id, number)
            yield from self._cited(id)

    def _consequences(self, id: str, number: int) -> Iterator[Line]:
        yield from self._all_over(RelationKind.DISPLACED_FROM, id)
        for earlier in {number - 1 - self._hub(min(number, 200), 2) for _ in self._times(RelationKind.FOLLOWED) if number}:
            yield self._relation(RelationKind.FOLLOWED, id, f"event:w{earlier}")
        impacts = tuple(Impact)
        for touched, impact in {(self._touched(), self._pick(impacts)): 0 for _ in self._times(RelationKind.AFFECTED)}:
            yield self._relation(RelationKind.AFFECTED, id, touched, impact=str(impact))

    def _metrics(self) -> Iterator[Line]:
        for number in range(self.sizes[Kind.METRIC]):
            id, year, subject = f"metric:w{number}", self._pick(YEARS), self._subject()
            indicator = self._hub(self.sizes[Kind.INDICATOR], 2)
            line = {"id": id, "kind": "METRIC", "name": f"{indicator_name(indicator)}, {year}"}
            line |= self._figure() | {"unit": unit(tuple(CountBasis)[indicator % len(CountBasis)])}
            line |= {"measure": str(self._pick(MEASURES)), **self._period(year), **self._maybe(0.1, status="E")}
            yield line
            yield self._relation(RelationKind.ABOUT, id, subject)
            yield self._relation(RelationKind.MEASURES, id, f"indicator:w{indicator}")
            yield from self._cited(id)

    def _figure(self) -> Line:
        """A value, mostly; sometimes only its bounds; sometimes nothing."""
        value = int(10 ** (6 * self._random()))
        chance = self._random()
        if chance < 0.85:
            return {"value": value, **self._maybe(0.3, printed=f"{value:,}")}
        return {"lower": value, "upper": 2 * value} if chance < 0.95 else {}

    def _period(self, year: int) -> Line:
        """A year, a month or a day."""
        date = self._date(year)
        return {"startedOn": date, "endedOn": date}


def alpha2(number: int) -> str:
    """AA, AB, AC and on to ZZ."""
    return chr(65 + number // 26) + chr(65 + number % 26)


def indicator_name(number: int) -> str:
    return f"{spell(number)} index"


def unit(basis: CountBasis) -> str:
    return UNITS.get(basis) or str(basis).lower()


def main(arguments: Sequence[str]) -> None:
    """Writes the world that the arguments ask for to standard output."""
    try:
        numbers = [int(argument) for argument in arguments]
        lines = world(*numbers)
    except (TypeError, ValueError) as error:
        sys.exit(f"{error}\nUsage: python -m seed.world ENTITIES RELATIONS [SEED] > world.jsonl")
    encode, out = msgspec.json.Encoder().encode, sys.stdout.buffer
    for line in lines:
        out.write(encode(line) + b"\n")


if __name__ == "__main__":
    main(sys.argv[1:])
