"""Where records are kept: a MultiDiGraph, most of which several engines may share.

A copy shares everything below the three outermost mappings of networkx. Before either side changes what lies there it
makes that its own, so neither sees what the other does, and a copy costs a few milliseconds for each hundred thousand
entities.
"""

from typing import Any
from weakref import WeakSet

import networkx as nx

from graph.model import Entity, Relation, RelationName
from graph.vocabulary import RelationKind

EdgeKey = tuple[RelationKind, Any]
_EDGE_KEYS: dict[EdgeKey, EdgeKey] = {}


def edge_key(name: Relation | RelationName) -> EdgeKey:
    """The networkx key of a relation between its two ends, the same object for all that are alike."""
    key = name.kind, name.role or name.impact
    return _EDGE_KEYS.setdefault(key, key)


class Holding:
    """A node is an entity (`record`); an edge is a relation (`record`), its key the relation's kind with the role or
    impact that is part of its name."""

    def __init__(self) -> None:
        self.graph = nx.MultiDiGraph()
        self._copies: WeakSet[Holding] = WeakSet()  # of this one, of its copies, and of what it is a copy of: one set
        self._own: set[str] | None = None  # whose records and relations nobody shares; None: all
        self._is_copy = False

    def copy(self) -> "Holding":
        """Another that holds the same, and goes its own way from here on."""
        other = Holding()
        other.graph._node = dict(self.graph._node)
        other.graph._adj = dict(self.graph._adj)
        other.graph._pred = dict(self.graph._pred)
        other._is_copy = True
        self._own, other._own = set(), set()
        other._copies = self._copies  # a copy of a copy may outlive the one between, and still share with the first
        self._copies.add(other)
        return other

    def entity(self, id: str) -> Entity | None:
        node = self.graph._node.get(id)
        return node["record"] if node is not None else None

    def put(self, entity: Entity) -> None:
        self._make_own(entity.id)
        self.graph.add_node(entity.id, record=entity)

    def remove(self, id: str) -> None:
        """Removes an entity, whose relations have gone."""
        self._make_own(id)
        self.graph.remove_node(id)

    def relate(self, relation: Relation) -> bool:
        """Holds a relation; whether there was none of its name."""
        key = self._own_ends(relation)
        is_new = not self.graph.has_edge(relation.subject, relation.object, key)
        self.graph.add_edge(relation.subject, relation.object, key, record=relation)
        return is_new

    def unrelate(self, relation: Relation) -> None:
        self.graph.remove_edge(relation.subject, relation.object, self._own_ends(relation))

    def _own_ends(self, relation: Relation) -> EdgeKey:
        """Makes what is held between the ends of a relation its own; the relation's key there."""
        key, subject, object = edge_key(relation), relation.subject, relation.object
        self._make_own(subject)
        self._make_own(object)
        if self._own is not None and (keyed := self.graph._adj.get(subject, {}).get(object)) is not None:
            mine = {key: dict(data) for key, data in keyed.items()}
            self.graph._adj[subject][object] = self.graph._pred[object][subject] = mine
        return key

    def _make_own(self, id: str) -> None:
        if self._own is None:
            return
        if not self._is_copy and not self._copies:
            self._own = None  # nobody is left to share with
            return
        if id not in self._own:
            self._own.add(id)
            for held in (self.graph._node, self.graph._adj, self.graph._pred):
                if id in held:
                    held[id] = dict(held[id])
