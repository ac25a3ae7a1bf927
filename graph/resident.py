"""The engine in memory: one networkx.MultiDiGraph that holds every record, and indexes that can be rebuilt from it.

A node is an entity (`record`); an edge is a relation (`record`), its key the relation's kind with the role or impact
that is part of its name. Nothing here waits, so whoever asks several things in a row without waiting sees one version.
"""

from bisect import insort
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import networkx as nx

from graph.adjacency import Adjacency, Links
from graph.engine import Reach, RelationPage, Statistics
from graph.model import Change, Entity, Relation, RelationName
from graph.ordering import Shelf, Sorter, bounds
from graph.plan import ALWAYS, Expand, Match, Order, Page, Position, Relations, Where, natural_order
from graph.predicates import Predicate, predicate
from graph.vocabulary import NATURAL_KEYS, ChangeAction, Direction, Kind, RelationKind

EdgeKey = tuple[RelationKind, Any]


def edge_key(name: Relation | RelationName) -> EdgeKey:
    """The networkx key of a relation between its two ends."""
    return name.kind, name.role or name.impact


class Resident:
    """Answers the port from memory."""

    def __init__(self) -> None:
        self.graph = nx.MultiDiGraph()
        self.adjacency = Adjacency(self.graph)
        self._shelves = {kind: Shelf(Sorter(natural_order(kind), self.adjacency.count)) for kind in Kind}
        self._found: dict[tuple[Kind, str], dict[str, list[str]]] = {
            (kind, attribute): {} for kind, names in NATURAL_KEYS.items() for attribute in names
        }
        self._relation_counts: Counter[RelationKind] = Counter()

    # What it holds, for whoever checks writes.

    def entity(self, id: str) -> Entity | None:
        node = self.graph._node.get(id)
        return node["record"] if node is not None else None

    def relation(self, name: RelationName) -> Relation | None:
        data = self.graph.get_edge_data(name.subject, name.object, edge_key(name))
        return data["record"] if data is not None else None

    def relations_of(self, id: str, direction: Direction = Direction.BOTH) -> list[Relation]:
        """The relations that leave the entity, reach it, or both; each once."""
        found = []
        if direction is not Direction.IN:
            found += [data["record"] for keyed in self.graph._adj.get(id, {}).values() for data in keyed.values()]
        if direction is not Direction.OUT:
            reaching = self.graph._pred.get(id, {}).items()
            loops = direction is Direction.BOTH
            found += [d["record"] for other, keyed in reaching if not (loops and other == id) for d in keyed.values()]
        return found

    def entities(self) -> Iterable[Entity]:
        """All entities, by kind and natural order."""
        for shelf in self._shelves.values():
            yield from shelf.entities

    def all_relations(self) -> Iterable[Relation]:
        """All relations, in no order."""
        for _, _, record in self.graph.edges(data="record"):
            yield record

    # Changing it.

    def apply(self, changes: Iterable[Change]) -> None:
        """Takes in changes that were checked before; an entity comes before its relations and goes after them."""
        before: dict[str, Entity | None] = {}
        touched: list[Entity | Relation] = []
        for change in changes:
            record = change.record
            touched.append(record)
            if isinstance(record, Relation):
                self._apply_relation(change.action, record)
                continue
            before.setdefault(record.id, self.entity(record.id))
            if change.action is ChangeAction.REMOVED:
                self.graph.remove_node(record.id)
            else:
                self.graph.add_node(record.id, record=record)
        self._reindex(before)
        self.adjacency.forget(touched)

    def _apply_relation(self, action: ChangeAction, relation: Relation) -> None:
        key = edge_key(relation)
        if action is ChangeAction.UNRELATED:
            self.graph.remove_edge(relation.subject, relation.object, key)
            self._relation_counts[relation.kind] -= 1
            return
        for end in ("subject", "object"):
            # The ends' own text serves all their relations: half the memory of a relation, for millions of them.
            msgspec.structs.force_setattr(relation, end, self.graph._node[getattr(relation, end)]["record"].id)
        if not self.graph.has_edge(relation.subject, relation.object, key):
            self._relation_counts[relation.kind] += 1
        self.graph.add_edge(relation.subject, relation.object, key, record=relation)

    def _reindex(self, before: dict[str, Entity | None]) -> None:
        """Brings shelves and natural keys from what these entities were to what they are."""
        leaving = [entity for entity in before.values() if entity is not None]
        arriving = [entity for id in before if (entity := self.entity(id)) is not None]
        for kind in Kind:
            self._shelves[kind].discard([entity for entity in leaving if entity.kind is kind])
            self._shelves[kind].add([entity for entity in arriving if entity.kind is kind])
        for (kind, attribute), index in self._found.items():
            for entity in leaving:
                if entity.kind is kind:
                    index[getattr(entity, attribute)].remove(entity.id)
            for entity in arriving:
                if entity.kind is kind:
                    insort(index.setdefault(getattr(entity, attribute), []), entity.id)

    # Answering: the port.

    async def lookup(self, ids: Sequence[str]) -> list[Entity | None]:
        return [self.entity(id) for id in ids]

    async def find(self, kind: Kind, values: Sequence[str]) -> list[Entity | None]:
        indexes = [self._found[kind, attribute] for attribute in NATURAL_KEYS[kind]]
        hits = (next((ids[0] for index in indexes if (ids := index.get(value))), None) for value in values)
        return [None if id is None else self.entity(id) for id in hits]

    async def match(self, match: Match, page: Page) -> Reach:
        sorter = self._sorter(match.order, match.kind)
        entities = self._matching(match)
        if match.order:
            entities = sorter.sort(entities)
        return _reach(entities, {}, page, sorter)

    async def count(self, match: Match) -> int:
        return len(self._matching(match))

    async def expand(self, frontier: Sequence[str], step: Expand, page: Page) -> list[Reach]:
        sorter = self._sorter(step.order, step.path.target)
        keep = self._filter(step.where)
        sort = sorter.sort if step.order else None
        answers = []
        for start in frontier:
            entities, links = self.adjacency.members(step.path, start)
            kept = entities if keep is None else list(filter(keep, entities))
            answers.append(_reach(sort(kept) if sort else kept, links, page, sorter))
        return answers

    async def count_reached(self, frontier: Sequence[str], step: Expand) -> list[int]:
        keep = self._filter(step.where)
        if keep is None:
            return [self.adjacency.count(step.path, start) for start in frontier]
        reached = (self.adjacency.members(step.path, start).entities for start in frontier)
        return [sum(map(keep, entities)) for entities in reached]

    async def relations(self, frontier: Sequence[str], step: Relations, page: Page) -> list[RelationPage]:
        answers = []
        for start in frontier:
            relations = sorted(self._wanted(start, step), key=_canonical_key)
            low, high = bounds(relations, page, _compare_relation)
            answers.append(RelationPage(relations[low:high], low > 0, high < len(relations)))
        return answers

    async def count_relations(self, frontier: Sequence[str], step: Relations) -> list[int]:
        return [len(self._wanted(start, step)) for start in frontier]

    async def statistics(self) -> Statistics:
        entities = {kind: len(shelf.entities) for kind, shelf in self._shelves.items()}
        return Statistics(entities, {kind: self._relation_counts[kind] for kind in RelationKind})

    def _sorter(self, order: Order, kind: Kind | None) -> Sorter:
        return Sorter(order or natural_order(kind), self.adjacency.count)

    def _filter(self, where: Where) -> Predicate | None:
        """The condition as a function, or None where everything meets it."""
        return None if where == ALWAYS else predicate(where, self.adjacency.members)

    def _matching(self, match: Match) -> list[Entity]:
        """The entities that match, in the natural order of their kind."""
        entities = self._shelves[match.kind].entities
        keep = self._filter(match.where)
        return entities if keep is None else list(filter(keep, entities))

    def _wanted(self, start: str, step: Relations) -> list[Relation]:
        relations = self.relations_of(start, step.direction)
        if step.kinds is None:
            return relations
        return [relation for relation in relations if relation.kind in step.kinds]


def _reach(entities: Sequence[Entity], links: Links, page: Page, sorter: Sorter) -> Reach:
    low, high = bounds(entities, page, sorter.compare)
    shown = entities[low:high]
    shown_links = [links.get(entity.id, ()) for entity in shown]
    return Reach(shown, shown_links, low > 0, high < len(entities), lambda index: sorter.position(shown[index]))


def _canonical_key(relation: Relation) -> Position:
    return relation.name.sort_key


def _compare_relation(relation: Relation, position: Position) -> int:
    mine = relation.name.sort_key
    return (mine > position) - (mine < position)
