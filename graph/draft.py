"""Writes on their way into the graph: what would hold if they were stored, and what storing them would do."""

from collections import defaultdict
from collections.abc import Iterator, Sequence, Set
from typing import Any, NamedTuple

import msgspec

from graph.model import Done, Ensure, Entity, Line, Patch, Relation, RelationName, Remove, Unrelate
from graph.parse import Unreadable
from graph.patch import completed, patched
from graph.pending import Pending
from graph.resident import Resident
from graph.vocabulary import RULES, ChangeAction, Direction, Kind, RelationKind


class Draft:
    """Writes beside the graph they are meant for, asked what would hold if they were stored.

    `suspects` are ids that stand in lines nobody could read: what fails only because of those is no fault of its own.
    """

    def __init__(self, lines: Sequence[Line], graph: Resident | Pending, suspects: Set[str] = frozenset()) -> None:
        self.graph = graph
        self.suspects = set(suspects)
        self.unreadable: list[tuple[Line, Unreadable]] = []
        self.entities: dict[str, Line] = {}
        self.removals: dict[str, Line] = {}
        self.relations: dict[RelationName, Line] = {}
        self.unrelations: dict[RelationName, Line] = {}
        self.single: dict[tuple[str, RelationKind], list[RelationName]] = defaultdict(list)
        self.repeated: list[tuple[Line, Line]] = []
        self._ensured: dict[str | RelationName, Line] = {}
        self._patches: dict[str | RelationName, Patch] = {}
        for line in lines:
            self._take(line)
        for line in self._ensured.values():
            self._complete(line)

    def _take(self, line: Line) -> None:
        match line.write:
            case Relation(kind, subject) as relation:
                self._once(line, relation.name, self.relations, self.unrelations)
                if RULES[kind].single:
                    self.single[subject, kind].append(relation.name)
            case Entity(id=id):
                self._once(line, id, self.entities, self.removals)
            case Remove(id):
                self._once(line, id, self.removals, self.entities)
            case Unrelate(name):
                self._once(line, name, self.unrelations, self.relations)
            case Patch():
                self._take_patch(line, line.write)
            case Ensure() as ensured:
                self._take_ensured(line, ensured)

    def _take_patch(self, line: Line, patch: Patch) -> None:
        name = patch.name
        try:
            record = patched(patch, self.graph.entity(name) if isinstance(name, str) else self.graph.relation(name))
        except Unreadable as error:
            self.unreadable.append((line, error))
            self.suspects |= error.ids
        else:
            self._patches[name] = patch
            self._take(line._replace(write=record))

    def _take_ensured(self, line: Line, ensured: Ensure) -> None:
        first = self._ensured.setdefault(ensured.name, line)
        assert isinstance(first.write, Ensure)
        if first.write.record.kind is not ensured.record.kind:
            self.repeated.append((line, first))
        elif first is not line:
            record = completed(first.write.record, ensured.record)
            self._ensured[ensured.name] = first._replace(write=Ensure(record))

    def _complete(self, line: Line) -> None:
        """Takes what is to be there, on top of what is written in full or held."""
        assert isinstance(line.write, Ensure)
        name, told = line.write.name, line.write.record
        if isinstance(told, Relation) and self._leads_elsewhere(told):
            return
        lines: dict[Any, Line] = self.entities if isinstance(name, str) else self.relations
        written = lines.get(name)
        held = self.graph.entity(name) if isinstance(name, str) else self.graph.relation(name)
        known = written.write if written is not None else held
        if not isinstance(known, Entity | Relation) or known.kind is not told.kind:
            self._take(line._replace(write=told))  # new, or refused by the rules
        elif written is not None:
            lines[name] = written._replace(write=completed(known, told))
        else:
            self._take(line._replace(write=completed(known, told)))

    def _leads_elsewhere(self, told: Relation) -> bool:
        """Whether the subject is held to lead to something else, where only one relation of the kind may leave it."""
        if not RULES[told.kind].single:
            return False
        held = [r.name for r in self.graph.relations_of(told.subject, Direction.OUT) if r.kind is told.kind]
        return any(name.object != told.object and name not in self.unrelations for name in held)

    def sources_given(self, name: RelationName) -> Sequence[str]:
        """The sources that a written relation is said to have here; those that it keeps are not."""
        if (patch := self._patches.get(name)) is not None:
            return patch.values.get("sources") or ()
        line = self.relations.get(name)
        return line.write.sources if line is not None and isinstance(line.write, Relation) else ()

    def _once(self, line: Line, name: Any, lines: dict[Any, Line], opposite: dict[Any, Line]) -> None:
        first = opposite.get(name) or lines.setdefault(name, line)
        if first is not line:
            self.repeated.append((line, first))

    def kind(self, id: str) -> Kind | None:
        """The kind of the entity as it would be, None where there would be none."""
        if line := self.entities.get(id):
            assert isinstance(line.write, Entity)
            return line.write.kind
        entity = None if id in self.removals else self.graph.entity(id)
        return None if entity is None else entity.kind

    def leaving(self, subject: str, kind: RelationKind) -> list[RelationName]:
        """The relations of a kind (of those of which only one may leave a subject) as they would be."""
        before = [r.name for r in self.graph.relations_of(subject, Direction.OUT) if r.kind is kind]
        stays = [name for name in before if name not in self.unrelations and name.object not in self.removals]
        return list(dict.fromkeys([*stays, *self.single.get((subject, kind), ())]))


class Counts(NamedTuple):
    """How many writes did what."""

    created: int
    updated: int
    removed: int
    unchanged: int


def effects(draft: Draft) -> tuple[list[Done], Counts]:
    """What storing a draft does, in the order in which it must be done.

    Relations go before their ends do, and come after them. A write that changes nothing does nothing.
    """
    severed = _severed(draft)
    removed = [known for id in draft.removals if (known := draft.graph.entity(id)) is not None]
    done = [Done(ChangeAction.UNRELATED, relation) for relation in severed.values()]
    done += [Done(ChangeAction.REMOVED, entity) for entity in removed]
    created = updated = 0
    for line in draft.entities.values():
        entity = line.write
        assert isinstance(entity, Entity)
        before = draft.graph.entity(entity.id)
        if before != entity:
            done.append(Done(ChangeAction.UPDATED if before else ChangeAction.CREATED, entity, before))
            created, updated = (created, updated + 1) if before else (created + 1, updated)
    for name, line in draft.relations.items():
        relation = line.write
        assert isinstance(relation, Relation)
        stated = None if name in severed else draft.graph.relation(name)
        if stated != relation:
            done.append(Done(ChangeAction.RELATED, relation, stated))
            created, updated = (created, updated + 1) if stated else (created + 1, updated)
    done += _unsourced(draft, severed)
    asked = len(draft.entities) + len(draft.relations)
    explicit = sum(name in severed for name in draft.unrelations)
    return done, Counts(created, updated, len(removed) + explicit, asked - created - updated)


def _severed(draft: Draft) -> dict[RelationName, Relation]:
    """The relations that go: those asked for, and those of entities that go."""
    severed = {name: relation for name in draft.unrelations if (relation := draft.graph.relation(name)) is not None}
    for id in draft.removals:
        severed |= {relation.name: relation for relation in draft.graph.relations_of(id)}
    return severed


def _unsourced(draft: Draft, severed: dict[RelationName, Relation]) -> Iterator[Done]:
    """The relations that stay but name a source that goes, without it."""
    gone = {id for id in draft.removals if (entity := draft.graph.entity(id)) and entity.kind is Kind.SOURCE}
    if not gone:
        return
    for relation in draft.graph.citing(gone):
        if not (relation.name in severed or relation.name in draft.relations):
            left = tuple(id for id in relation.sources if id not in gone)
            yield Done(ChangeAction.RELATED, msgspec.structs.replace(relation, sources=left), relation)
