"""What a store holds already, found by the codes and names by which files speak of it."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import cached_property

from graph.model import Country, Entity, Metric, Partner, Relation, Source
from graph.resident import Resident
from graph.values import fold
from graph.vocabulary import Direction, Kind, RelationKind


class Known:
    """The countries, places, partners and so on of a graph, as it was when they were first asked for."""

    def __init__(self, graph: Resident) -> None:
        self._graph = graph
        self._codes: dict[Kind, dict[tuple[str, str], str]] = {}
        self._names: dict[Kind, dict[str, set[str]]] = {}

    def entity(self, id: str) -> Entity | None:
        return self._graph.entity(id)

    def country(self, code: str) -> str | None:
        """The id of the country with an ISO 3166-1 code: two letters, three letters or three digits."""
        return self._countries.get(code.strip().upper())

    @cached_property
    def _countries(self) -> dict[str, str]:
        return {
            code: country.id
            for country in self._graph.entities()
            if isinstance(country, Country)
            for code in (country.code, country.alpha3, country.numeric)
            if code
        }

    def coded(self, kind: Kind, vocabulary: str, code: str) -> str | None:
        """The id of the entity that has this identifier."""
        if kind not in self._codes:
            self._codes[kind] = {
                (identifier.vocabulary, identifier.code): entity.id
                for entity in self.all_of(kind)
                for identifier in entity.identifiers
            }
        return self._codes[kind].get((vocabulary, code))

    def named(
        self,
        kind: Kind,
        name: str,
        within: str | None = None,
        fits: Callable[[Entity], bool] | None = None,
    ) -> str | None:
        """The id of the one entity that has this name, alias or acronym, whatever its case and accents; `within` is the
        id of a country or place that it must lie in, and it must fit. None where there is no such entity, or more than
        one."""
        if kind not in self._names:
            names: dict[str, set[str]] = defaultdict(set)
            for entity in self.all_of(kind):
                acronym = entity.acronym if isinstance(entity, Partner) else None
                for known in (entity.name, acronym, *entity.aliases, *entity.labels.values()):
                    if known:
                        names[fold(known)].add(entity.id)
            self._names[kind] = names
        ids = self._names[kind].get(fold(name.strip()), set())
        found = [
            id
            for id in ids
            if (within is None or self._lies_in(id, within))
            and (fits is None or ((held := self.entity(id)) is not None and fits(held)))
        ]
        return found[0] if len(found) == 1 else None

    def stated(self, subject: str, indicator: str, period: tuple[str, str]) -> list[Metric]:
        """The metrics about something that measure this in this period."""
        about = [
            relation.subject
            for relation in self._graph.relations_of(subject, Direction.IN)
            if relation.kind is RelationKind.ABOUT
        ]
        return [
            metric
            for id in about
            if isinstance(metric := self.entity(id), Metric)
            and (metric.started_on, metric.ended_on) == tuple(period)
            and any(
                relation.kind is RelationKind.MEASURES and relation.object == indicator
                for relation in self._graph.relations_of(id, Direction.OUT)
            )
        ]

    def related(self, id: str, kind: RelationKind) -> Iterator[tuple[Relation, Entity]]:
        """What an entity is related to, either way."""
        for relation in self._graph.relations_of(id):
            other = self._graph.entity(relation.object if relation.subject == id else relation.subject)
            if relation.kind is kind and other is not None:
                yield relation, other

    def stays_as_it_is(self, relation: Relation) -> bool:
        """Whether the store has this relation, if it is given several sources: nobody knows which of them states just
        this, so what the store has of it is to stay as it is."""
        return len(relation.sources) > 1 and self._graph.relation(relation.name) is not None

    def document(self, url: str) -> str | None:
        """The id of the source at this address."""
        return self._documents.get(url)

    @cached_property
    def _documents(self) -> dict[str, str]:
        sources = (each for each in self._graph.entities() if isinstance(each, Source) and each.url)
        return {each.url: each.id for each in sorted(sources, key=lambda each: each.id, reverse=True) if each.url}

    def _lies_in(self, id: str, whole: str) -> bool:
        seen = set()
        while id not in seen:
            if id == whole:
                return True
            seen.add(id)
            for relation in self._graph.relations_of(id, Direction.OUT):
                if relation.kind is RelationKind.PART_OF:
                    id = relation.object
        return False

    def all_of(self, kind: Kind) -> list[Entity]:
        return [entity for entity in self._graph.entities() if entity.kind is kind]
