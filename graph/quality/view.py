"""The graph as the rules look at it: its records, put where a rule finds them at once.

A rule may look at every entity of a large graph, so whatever can be sorted out in the one pass that is made here is.
"""

from collections.abc import Generator, Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from graph.model import Country, Entity, Event, Indicator, Metric, Place, Project, Relation, Source
from graph.values import fold, span
from graph.vocabulary import Kind, RelationKind

STRETCH = 128
"""So many entities are taken in within a millisecond or two."""

LOCATING = (RelationKind.LOCATED_IN, RelationKind.OCCURRED_IN, RelationKind.OPERATES_IN)
DATED = (Project, Event, Source)

Stated = tuple[Entity, Sequence[Relation]]
"""An entity and the relations that leave it."""


class Figure(NamedTuple):
    """What metrics state a value of: two of one figure should state one value. The days are those of the period's span.
    Values in two units are two figures. `measure` is the rank of the measure."""

    indicator: str
    subject: str
    unit: str
    starts: str
    ends: str
    measure: int

    def about(self, subject: str) -> "Figure":
        """The same of another subject."""
        return Figure(self.indicator, subject, self.unit, self.starts, self.ends, self.measure)


class Named(NamedTuple):
    """What entities of one name share: the rank of their kind, of places the type too (a town is not the district
    around it that has its name), of sources the publisher (each has its page "Mali"), and the folded name."""

    kind: int
    sort: str
    name: str


class Coded(NamedTuple):
    """A code of a list, on entities of a kind (its rank)."""

    kind: int
    vocabulary: str
    code: str


class View:
    """One version of the graph, in tables. `today` is the day on which it is looked at, as YYYY-MM-DD."""

    def __init__(self, stated: Sequence[Stated], today: str) -> None:
        self.stated = stated
        self.today = today
        self.entities: dict[str, Entity] = {}
        self.leaving: dict[str, Sequence[Relation]] = {}
        self.countries: list[Country] = []
        self.events: list[Event] = []
        self.metrics: list[Metric] = []
        self.sources: list[Source] = []
        self.placed: list[Country | Place] = []  # with a latitude or a longitude
        self.dated: list[Entity | Relation] = []
        self.glides: list[tuple[Entity, str]] = []
        self.located: list[list[Relation]] = []  # those of a project that have a percentage
        self.lonely: list[Entity] = []  # whom no relation leaves but citations
        self.reached: set[str] = set()  # by relations other than citations
        self.used: set[str] = set()  # sources that are cited, or named by a relation
        self.whole: dict[str, str] = {}  # PART_OF
        self.named: dict[Named, list[Entity]] = {}
        self.coded: dict[Coded, list[Entity]] = {}
        self.figures: dict[Figure, list[Metric]] = {}
        self._countries: dict[str, str | None] = {}

    def fill(self) -> Generator[None, None, None]:
        """Takes everything in, and stops now and then for whoever else has work to do."""
        for taken, (entity, relations) in enumerate(self.stated, 1):
            self.entities[entity.id] = entity
            self.leaving[entity.id] = relations
            self._take_relations(entity, relations)
            self._take_entity(entity, relations)
            if not taken % STRETCH:
                yield

    def dismantle(self) -> Generator[None, None, None]:
        """Lets go of everything little by little: all at once takes a tenth of a second."""
        for table in vars(self).values():
            while isinstance(table, dict | list) and table:
                if isinstance(table, list):
                    del table[-8 * STRETCH :]
                else:
                    for key in list(islice(table, 8 * STRETCH)):
                        del table[key]
                yield

    def _take_relations(self, entity: Entity, relations: Sequence[Relation]) -> None:
        is_lonely = True
        for relation in relations:
            kind = relation.kind
            if kind is RelationKind.CITES:
                self.used.add(relation.object)
                continue
            is_lonely = False
            self.reached.add(relation.object)
            if relation.sources:
                self.used.update(relation.sources)
            if kind is RelationKind.PART_OF:
                self.whole[entity.id] = relation.object
            elif relation.since or relation.until:
                self.dated.append(relation)
        if is_lonely and entity.kind is not Kind.SOURCE:
            self.lonely.append(entity)

    def _take_entity(self, entity: Entity, relations: Sequence[Relation]) -> None:
        for code in entity.identifiers:
            self._take_code(entity, code.vocabulary, code.code)
            if fold(code.vocabulary) == "glide":
                self.glides.append((entity, code.code))
        if isinstance(entity, Metric):
            self._take_metric(entity, relations)
            return
        self.named.setdefault(Named(entity.kind.rank, _sort(entity), fold(entity.name)), []).append(entity)
        match entity:
            case Country():
                self.countries.append(entity)
                self._take_code(entity, "ISO 3166-1 alpha-2", entity.code)
                self._take_code(entity, "ISO 3166-1 alpha-3", entity.alpha3)
                self._take_code(entity, "ISO 3166-1 numeric", entity.numeric)
            case Event():
                self.events.append(entity)
                for glide in entity.glides:
                    self._take_code(entity, "GLIDE", glide)
                    self.glides.append((entity, glide))
            case Indicator():
                self._take_code(entity, "indicator", entity.code)
            case Project():
                shares = [relation for relation in relations if relation.percentage is not None]
                if shares:
                    self.located.append(shares)
            case Source():
                self.sources.append(entity)
        if isinstance(entity, DATED):
            self.dated.append(entity)
        if isinstance(entity, Country | Place) and not (entity.latitude is None and entity.longitude is None):
            self.placed.append(entity)

    def _take_metric(self, metric: Metric, relations: Sequence[Relation]) -> None:
        self.metrics.append(metric)
        self.dated.append(metric)
        indicator = subject = ""
        for relation in relations:
            if relation.kind is RelationKind.MEASURES:
                indicator = relation.object
            elif relation.kind is RelationKind.ABOUT:
                subject = relation.object
        starts, ends = span(metric.started_on)[0], span(metric.ended_on)[1]
        figure = Figure(indicator, subject, metric.unit, starts, ends, metric.measure.rank)
        self.figures.setdefault(figure, []).append(metric)

    def _take_code(self, entity: Entity, vocabulary: str, code: str | None) -> None:
        if code is not None:
            having = self.coded.setdefault(Coded(entity.kind.rank, vocabulary, code), [])
            if not having or having[-1] is not entity:  # which may say one code twice
                having.append(entity)

    def cited(self, id: str) -> frozenset[str]:
        """The sources that an entity cites."""
        return frozenset([relation.object for relation in self.leaving[id] if relation.kind is RelationKind.CITES])

    def wholes(self, id: str) -> Iterator[str]:
        """What an entity is part of, ever larger."""
        while (whole := self.whole.get(id)) is not None:
            yield whole
            id = whole

    def countries_of(self, entity: Entity) -> set[str]:
        """The countries that an entity is in, by its places too: where it lies, works, takes part, happened."""
        places = {entity.id} if isinstance(entity, Place) else set(self._places(entity.id))
        for relation in self.leaving[entity.id]:
            if relation.kind is RelationKind.PARTICIPATES_IN:
                places.update(self._places(relation.object))
        return {country for place in places if (country := self._country(place)) is not None}

    def _places(self, id: str) -> Iterable[str]:
        return [relation.object for relation in self.leaving[id] if relation.kind in LOCATING]

    def _country(self, place: str) -> str | None:
        if place not in self._countries:
            around = (place, *self.wholes(place))
            self._countries[place] = next((id for id in around if self.entities[id].kind is Kind.COUNTRY), None)
        return self._countries[place]


def _sort(entity: Entity) -> str:
    match entity:
        case Place():
            return str(entity.type)
        case Source():
            return fold(entity.publisher or "")
    return ""
