"""A synthetic world of any size, as graph lines: all kinds of entities and relations, and hubs as in life.

    python -m seed.world ENTITIES RELATIONS [SEED] > world.jsonl

The same numbers give the same world. Nothing is kept in memory: whom a relation leads to is known by its number alone.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

import msgspec

from graph.vocabulary import Impact, Kind, PartnerRole, PlaceType, RelationKind
from seed.synthetic.chance import YEARS, Chance
from seed.synthetic.entities import Entities, Line, id_of

T = TypeVar("T")

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
"""How the relations beyond those that entities must have are shared out."""

IMPACTS = tuple(Impact)
LOCAL = (PlaceType.TOWN, PlaceType.VILLAGE, PlaceType.VILLAGE, PlaceType.CAMP, PlaceType.FACILITY, PlaceType.OTHER)
ROLES = (*PartnerRole, PartnerRole.IMPLEMENTING, PartnerRole.FUNDING)


def world(entities: int, relations: int, seed: int = 7) -> Iterator[Line]:
    """The lines of a world of just so many entities and about so many relations. Raises ValueError on too few."""
    return World(entities, relations, seed).lines()


class World:
    """How many there are of each kind, whom each is related to, and so the lines."""

    def __init__(self, entities: int, relations: int, seed: int) -> None:
        if entities < FEWEST:
            raise ValueError(f"A world has at least {FEWEST} entities, so as to have all kinds; {entities} were asked.")
        self._chance = Chance(seed)
        self._entities = Entities(self._chance)
        self.sizes = {kind: int(entities * share) for kind, share in SHARES.items()}
        self.sizes[Kind.COUNTRY] = min(200, entities // 50)
        self.sizes[Kind.INDICATOR] = min(500, entities // 25)
        self.sizes[Kind.METRIC] = entities - sum(self.sizes.values())
        # Places are numbered from the largest to the smallest: the world, regions, then three levels inside countries.
        self._admin1 = 1 + max(1, self.sizes[Kind.COUNTRY] // 8)
        self._admin2 = self._admin1 + max(1, self.sizes[Kind.PLACE] // 40)
        self._local = self._admin2 + max(1, self.sizes[Kind.PLACE] // 8)
        self._means = self._share_out(entities, relations)

    def _share_out(self, entities: int, relations: int) -> dict[RelationKind, float]:
        """How many relations of a kind a subject has on average, beyond those that it must have."""
        sizes = self.sizes
        within = sizes[Kind.PLACE] - 1 + sizes[Kind.COUNTRY] + sizes[Kind.PARTNER] // 2
        needed = within + sizes[Kind.PROJECT] + sizes[Kind.EVENT] + 2 * sizes[Kind.METRIC]
        if relations < needed:
            raise ValueError(f"{entities:,} entities have at least {needed:,} relations; {relations:,} were asked.")
        among = dict.fromkeys(WEIGHTS, sizes[Kind.EVENT]) | {
            RelationKind.CITES: entities - sizes[Kind.SOURCE],
            RelationKind.PARTICIPATES_IN: sizes[Kind.PROJECT],
            RelationKind.LOCATED_IN: sizes[Kind.PROJECT],
            RelationKind.OPERATES_IN: sizes[Kind.PARTNER],
        }
        return {kind: (relations - needed) * weight / among[kind] for kind, weight in WEIGHTS.items()}

    def lines(self) -> Iterator[Line]:
        """Each entity, then the relations that it was drawn for; they may lead to entities further on."""
        kinds: dict[Kind, Callable[[int], Iterable[Line]]] = {
            Kind.PLACE: self._place,
            Kind.COUNTRY: self._country,
            Kind.PARTNER: self._partner,
            Kind.INDICATOR: self._indicator,
            Kind.SOURCE: self._source,
            Kind.PROJECT: self._project,
            Kind.EVENT: self._event,
            Kind.METRIC: self._metric,
        }
        for kind, lines_of in kinds.items():
            for number in range(self.sizes[kind]):
                yield from lines_of(number)
                if kind is not Kind.SOURCE:
                    yield from self._cited(id_of(kind, number))

    # The lines of an entity

    def _place(self, number: int) -> Iterator[Line]:
        type, holder = self._placed(number)
        yield self._entities.place(number, type)
        if holder:
            yield self._relation(RelationKind.PART_OF, id_of(Kind.PLACE, number), holder)

    def _placed(self, number: int) -> tuple[PlaceType, str | None]:
        """What a place is, and what it lies in."""
        if number < self._admin1:
            return (PlaceType.REGION, id_of(Kind.PLACE, 0)) if number else (PlaceType.WORLD, None)
        if number < self._admin2:
            return PlaceType.ADMIN1, self._a_country()
        if number < self._local:
            return PlaceType.ADMIN2, self._a_place(self._admin1, self._admin2)
        return self._chance.pick(LOCAL), self._a_place(self._admin2, self._local)

    def _country(self, number: int) -> Iterator[Line]:
        yield self._entities.country(number)
        yield self._relation(RelationKind.PART_OF, id_of(Kind.COUNTRY, number), self._a_place(1, self._admin1))

    def _partner(self, number: int) -> Iterator[Line]:
        """Every other one belongs to an earlier one, most to the first."""
        id = id_of(Kind.PARTNER, number)
        yield self._entities.partner(number)
        if number % 2:
            yield self._relation(RelationKind.PART_OF, id, id_of(Kind.PARTNER, self._chance.hub(number, 3)))
        for country in self._several(RelationKind.OPERATES_IN, self._a_country):
            yield self._relation(RelationKind.OPERATES_IN, id, country, **self._since())

    def _indicator(self, number: int) -> Iterator[Line]:
        yield self._entities.indicator(number)

    def _source(self, number: int) -> Iterator[Line]:
        yield self._entities.source(number)

    def _project(self, number: int) -> Iterator[Line]:
        id = id_of(Kind.PROJECT, number)
        yield self._entities.project(number)
        yield from self._all_over(RelationKind.LOCATED_IN, id, self._somewhere())
        for partner, role in self._several(RelationKind.PARTICIPATES_IN, self._a_participant):
            yield self._relation(RelationKind.PARTICIPATES_IN, partner, id, role=str(role), **self._since())

    def _event(self, number: int) -> Iterator[Line]:
        """Events are numbered as they happened: what one followed came before it."""
        id, year = id_of(Kind.EVENT, number), YEARS[number * len(YEARS) // self.sizes[Kind.EVENT]]
        yield self._entities.event(number, year)
        yield from self._all_over(RelationKind.OCCURRED_IN, id, self._somewhere())
        yield from self._all_over(RelationKind.DISPLACED_FROM, id)
        if number:
            for steps in self._several(RelationKind.FOLLOWED, lambda: self._chance.hub(min(number, 200), 2)):
                yield self._relation(RelationKind.FOLLOWED, id, id_of(Kind.EVENT, number - 1 - steps))
        for other, impact in self._several(RelationKind.AFFECTED, self._a_blow):
            yield self._relation(RelationKind.AFFECTED, id, other, impact=str(impact))

    def _metric(self, number: int) -> Iterator[Line]:
        id, indicator = id_of(Kind.METRIC, number), self._chance.hub(self.sizes[Kind.INDICATOR], 2)
        yield self._entities.metric(number, indicator)
        yield self._relation(RelationKind.ABOUT, id, self._measured())
        yield self._relation(RelationKind.MEASURES, id, id_of(Kind.INDICATOR, indicator))

    # Relations

    def _relation(self, kind: RelationKind, subject: str, object: str, **attributes: str) -> Line:
        stated = self._chance.maybe(0.5, sources=[self._a_source()])
        return {"relation": str(kind), "subject": subject, "object": object, **attributes, **stated}

    def _all_over(self, kind: RelationKind, subject: str, *first: str) -> Iterator[Line]:
        """Relations to where it is given, and to as many more countries and places as chance has it."""
        for where in dict.fromkeys([*first, *self._several(kind, self._somewhere)]):
            yield self._relation(kind, subject, where)

    def _cited(self, id: str) -> Iterator[Line]:
        for source in self._several(RelationKind.CITES, self._a_source):
            located = self._chance.maybe(0.3, locator="key figures")
            yield {"relation": str(RelationKind.CITES), "subject": id, "object": source, **located}

    def _several(self, kind: RelationKind, draw: Callable[[], T]) -> Iterable[T]:
        """Whom a subject is related to beyond those that it must be."""
        return self._chance.several(self._means[kind], draw)

    def _since(self) -> Line:
        return self._chance.maybe(0.4, since=self._chance.date(self._chance.year()))

    # Whom they lead to: anyone where many are equal, hubs where life has them

    def _a_country(self) -> str:
        return id_of(Kind.COUNTRY, self._chance.hub(self.sizes[Kind.COUNTRY], 2))

    def _a_place(self, start: int, stop: int) -> str:
        return id_of(Kind.PLACE, start + self._chance.hub(stop - start, 1))

    def _somewhere(self, in_country: float = 0.3) -> str:
        if self._chance.random() < in_country:
            return self._a_country()
        return self._a_place(self._admin1, self.sizes[Kind.PLACE])

    def _a_partner(self) -> str:
        return id_of(Kind.PARTNER, self._chance.hub(self.sizes[Kind.PARTNER], 3))

    def _a_participant(self) -> tuple[str, PartnerRole]:
        return self._a_partner(), self._chance.pick(ROLES)

    def _a_project(self) -> str:
        return id_of(Kind.PROJECT, self._chance.hub(self.sizes[Kind.PROJECT], 1))

    def _a_source(self) -> str:
        return id_of(Kind.SOURCE, self._chance.hub(self.sizes[Kind.SOURCE], 2))

    def _a_blow(self) -> tuple[str, Impact]:
        """What an event affected, and how."""
        drawn, impact = self._chance.random(), self._chance.pick(IMPACTS)
        if drawn < 0.8:
            return self._a_project() if drawn < 0.7 else self._a_partner(), impact
        return self._somewhere(), impact

    def _measured(self) -> str:
        """What a metric is about."""
        drawn = self._chance.random()
        if drawn < 0.75:
            return self._somewhere(in_country=0.7)
        if drawn < 0.9:
            return self._a_project()
        return self._a_partner() if drawn < 0.94 else id_of(Kind.EVENT, self._chance.hub(self.sizes[Kind.EVENT], 1))


def main(arguments: Sequence[str]) -> None:
    """Writes the world that the arguments ask for to standard output."""
    try:
        lines = world(*(int(argument) for argument in arguments))
    except (TypeError, ValueError) as error:
        sys.exit(f"{error}\nUsage: python -m seed.world ENTITIES RELATIONS [SEED] > world.jsonl")
    encode = msgspec.json.Encoder().encode
    for line in lines:
        sys.stdout.buffer.write(encode(line) + b"\n")


if __name__ == "__main__":
    main(sys.argv[1:])
