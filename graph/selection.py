"""What leaves the graph together: all of it, or some entities and what they cannot be without.

Everything comes in canonical order (entities by kind and id, relations by their names) and as it is needed: of what is
large nothing is gathered but ids, in order, eight bytes for each entity.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import merge
from itertools import islice
from operator import itemgetter
from typing import Any

from graph.engine import give_way
from graph.holding import Holding
from graph.model import Entity, Relation
from graph.plan import Position
from graph.vocabulary import REQUIRED_RELATIONS, RULES, Kind, RelationKind

IN_TURN = 1_000
"""So many entities are looked at before others have their turn: a few milliseconds."""


class Selection:
    """Entities that a graph holds, and the relations between them.

    What is held must stay as it is while this is used. It can be asked of what lies around, too: of the place of a
    project, even if only projects were selected.
    """

    def __init__(self, held: Holding, ids: dict[Kind, list[str]], *, is_whole: bool) -> None:
        """`ids` are in order."""
        self.passed = 0
        """How many entities and relations have been given so far."""
        self._held = held
        self._ids = ids
        self._chosen = None if is_whole else {id for some in ids.values() for id in some}

    @property
    def size(self) -> int:
        """How many entities there are."""
        return sum(map(len, self._ids.values()))

    def __contains__(self, id: str) -> bool:
        return self._chosen is None or id in self._chosen

    def entities(self, *kinds: Kind) -> Iterator[Entity]:
        """The entities of these kinds, or of all."""
        for kind in kinds or Kind:
            for id in self._ids.get(kind, ()):
                if (entity := self._held.entity(id)) is not None:
                    self.passed += 1
                    yield entity

    def relations(self, *kinds: RelationKind) -> Iterator[Relation]:
        """The relations of these kinds, or of all, both of whose ends are selected."""
        for kind in kinds or RelationKind:
            for id in merge(*(self._ids.get(subject, ()) for subject in RULES[kind].pairs)):
                for relation in self.leaving(id, kind):
                    if self._chosen is None or relation.object in self._chosen:
                        self.passed += 1
                        yield relation

    def entity(self, id: str) -> Entity | None:
        """An entity, selected or not."""
        return self._held.entity(id)

    def leaving(self, id: str, *kinds: RelationKind) -> list[Relation]:
        """The relations of these kinds that leave an entity, wherever they lead, in canonical order."""
        return _of_kinds(self._held.graph._adj[id], kinds)

    def reaching(self, id: str, *kinds: RelationKind) -> list[Relation]:
        """The relations of these kinds that reach an entity, wherever they come from, in canonical order."""
        return _of_kinds(self._held.graph._pred[id], kinds)


def _of_kinds(near: Mapping[str, Any], kinds: Sequence[RelationKind]) -> list[Relation]:
    found = [data["record"] for keyed in near.values() for key, data in keyed.items() if key[0] in kinds]
    if len(found) > 1:
        found.sort(key=_canonical)
    return found


def _canonical(relation: Relation) -> Position:
    return relation.name.sort_key


async def everything(held: Holding) -> Selection:
    """All that is held."""
    entities = (node["record"] for node in held.graph._node.values())
    return Selection(held, await _in_order(entities), is_whole=True)


async def chosen(held: Holding, ids: Iterable[str]) -> Selection:
    """These entities, what metrics among them are about and measure, and every source that any of it cites: so what is
    selected can stand by itself."""
    found = {id: entity for id in ids if (entity := held.entity(id)) is not None}
    adjacent = held.graph._adj

    def add(id: str) -> None:
        if id not in found and (entity := held.entity(id)) is not None:
            found[id] = entity

    for number, entity in enumerate([*found.values()]):
        if number % IN_TURN == 0:
            await give_way()
        for relation in _of_kinds(adjacent[entity.id], REQUIRED_RELATIONS.get(entity.kind, ())):
            add(relation.object)
    for number, id in enumerate([*found]):
        if number % IN_TURN == 0:
            await give_way()
        for relation in _of_kinds(adjacent[id], tuple(RelationKind)):
            if relation.kind is RelationKind.CITES:
                add(relation.object)
            elif relation.object in found:
                for source in relation.sources:
                    add(source)
    return Selection(held, await _in_order(found.values()), is_whole=False)


async def _in_order(entities: Iterable[Entity]) -> dict[Kind, list[str]]:
    """The ids of each kind, sorted. Stretches are sorted by themselves and then merged, as sorting millions in one go
    would let nobody else have a turn."""
    stretches: dict[Kind, list[list[str]]] = {kind: [] for kind in Kind}
    left = iter(entities)
    while stretch := [(entity.kind, entity.id) for entity in islice(left, IN_TURN)]:
        for kind in dict.fromkeys(map(itemgetter(0), stretch)):
            stretches[kind].append(sorted(id for other, id in stretch if other is kind))
        await give_way()
    ids: dict[Kind, list[str]] = {}
    for kind, sorted_stretches in stretches.items():
        merged, ids[kind] = merge(*sorted_stretches), []
        while part := list(islice(merged, IN_TURN)):
            ids[kind] += part
            await give_way()
    return ids
