"""The graph as it will be once what is about to be stored has been: for checking one write after another."""

from collections import defaultdict
from collections.abc import Iterator, Sequence, Set
from itertools import chain
from typing import NamedTuple

from graph.engine import Archive
from graph.model import Change, Commit, Done, Entity, Recorded, Relation, RelationName
from graph.plan import Page
from graph.resident import Resident
from graph.vocabulary import ChangeAction, Direction


class Read(NamedTuple):
    """What was read of a history: what came after a version, the newest first, or only the newest of that."""

    version: int
    found: Sequence[Recorded]
    is_all: bool

    def since(self, version: int, most: int) -> Sequence[Recorded] | None:
        """What came after a version, at most so many; None where more has to be read for that."""
        later = [recorded for recorded in self.found[:most] if recorded.change.version > version]
        is_enough = len(later) == most or (version >= self.version and (self.is_all or len(later) < len(self.found)))
        return later if is_enough else None


class Pending:
    """A graph and, before it, the commits that are to be made to it; `version` is that of the last. `citable` are
    the ids that `citing` may be asked for."""

    def __init__(self, graph: Resident, archive: Archive, citable: Set[str] = frozenset()) -> None:
        self.version = graph.version
        self._graph = graph
        self._archive = archive
        self._entities: dict[str, Entity | None] = {}
        self._relations: dict[RelationName, Relation | None] = {}
        self._touching: dict[str, dict[RelationName, None]] = defaultdict(dict)  # in order
        self._history: dict[str, list[list[Recorded]]] = defaultdict(list)
        self._read: dict[str, Read] = {}
        self._citable = set(citable)
        self._cited: list[Relation] | None = None

    def add(self, done: Sequence[Done], commit: Commit) -> None:
        self.version = commit.version
        history: dict[str, list[Recorded]] = defaultdict(list)
        for index, (action, record, before) in enumerate(done):
            change = Change(commit.version, index, action, record, before)
            for id in change.ids:
                history[id].append(Recorded(change, commit))
            if isinstance(record, Entity):
                self._entities[record.id] = None if action is ChangeAction.REMOVED else record
                continue
            name = record.name
            self._relations[name] = None if action is ChangeAction.UNRELATED else record
            self._touching[name.subject][name] = self._touching[name.object][name] = None
        for id, recorded in history.items():
            self._history[id].append(recorded)

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

    def since(self, version: int, id: str, most: int) -> list[Recorded]:
        """What an entity and its relations went through after a version: the newest version first, at most so many."""
        pending = chain.from_iterable(reversed(self._history.get(id, ())))
        found = [recorded for recorded in pending if recorded.change.version > version][:most]
        if len(found) < most and version < self._graph.version:
            found += self._archived(version, id, most - len(found))
        return found

    def _archived(self, version: int, id: str, most: int) -> Sequence[Recorded]:
        """Read once for all edits that look at the same entity: a thousand changes take some 20 ms."""
        found = self._read[id].since(version, most) if id in self._read else None
        if found is None:
            page = Page(first=most, before=(version, 0))
            found = self._archive.history(id, page, self._graph.version).changes
            self._read[id] = Read(version, found, is_all=len(found) < most)
        return found

    def citing(self, gone: Set[str]) -> Iterator[Relation]:
        """The relations that name any of these among their sources. All there are in the graph are looked at for that:
        once for all edits, as far as these are `citable`."""
        if self._cited is None or not gone <= self._citable:
            self._citable |= gone
            self._cited = list(self._graph.citing(self._citable))
        held = (relation for relation in self._cited if relation.name not in self._relations)
        added = (relation for relation in self._relations.values() if relation is not None)
        return (relation for relation in chain(held, added) if not gone.isdisjoint(relation.sources))


def _ends(relation: Relation, direction: Direction) -> tuple[str, ...]:
    if direction is Direction.BOTH:
        return relation.subject, relation.object
    return (relation.subject,) if direction is Direction.OUT else (relation.object,)
