"""The graph as it will be once what is about to be stored has been: for checking one write after another."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from graph.model import Done, Entity, Relation, RelationName
from graph.resident import Resident
from graph.vocabulary import ChangeAction, Direction


class Pending:
    """A graph and, before it, what is to be done to it."""

    def __init__(self, graph: Resident) -> None:
        self._graph = graph
        self._entities: dict[str, Entity | None] = {}
        self._relations: dict[RelationName, Relation | None] = {}
        self._touching: dict[str, set[RelationName]] = defaultdict(set)

    def add(self, done: Sequence[Done]) -> None:
        for action, record, _ in done:
            if isinstance(record, Entity):
                self._entities[record.id] = None if action is ChangeAction.REMOVED else record
                continue
            name = record.name
            self._relations[name] = None if action is ChangeAction.UNRELATED else record
            self._touching[name.subject].add(name)
            self._touching[name.object].add(name)

    def entity(self, id: str) -> Entity | None:
        return self._entities[id] if id in self._entities else self._graph.entity(id)

    def relation(self, name: RelationName) -> Relation | None:
        return self._relations[name] if name in self._relations else self._graph.relation(name)

    def relations_of(self, id: str, direction: Direction = Direction.BOTH) -> list[Relation]:
        """The relations that leave the entity, reach it, or both; each once."""
        held = self._graph.relations_of(id, direction)
        touching = self._touching.get(id)
        if touching is None:
            return held
        added = (relation for name in touching if (relation := self._relations[name]) is not None)
        return [
            *(relation for relation in held if relation.name not in touching),
            *(relation for relation in added if id in _ends(relation, direction)),
        ]

    def all_relations(self) -> Iterable[Relation]:
        """All relations, in no order."""
        if not self._relations:
            return self._graph.all_relations()
        return self._all()

    def _all(self) -> Iterator[Relation]:
        yield from (relation for relation in self._graph.all_relations() if relation.name not in self._relations)
        yield from (relation for relation in self._relations.values() if relation is not None)


def _ends(relation: Relation, direction: Direction) -> tuple[str, ...]:
    if direction is Direction.BOTH:
        return relation.subject, relation.object
    return (relation.subject,) if direction is Direction.OUT else (relation.object,)
