"""Who is related to whom, as walks see it: either way, by relations of some kinds."""

from collections.abc import Iterator, Mapping, Set
from typing import Any

from graph.model import Entity, Relation
from graph.vocabulary import Kind, RelationKind

Near = Mapping[str, Mapping[str, Mapping[Any, Mapping[str, Any]]]]
"""As networkx holds it: for each entity those related to it, for each of these the relations by their keys."""


class Neighbors:
    """The neighbors of entities, by relations of these kinds only; None are all.

    Where all kinds count, neighbors are gathered by operations on whole mappings, which take a tenth of the time that
    looking at each relation does: that is what makes hubs cheap.
    """

    def __init__(self, out: Near, into: Near, kinds: tuple[RelationKind, ...] | None = None) -> None:
        self._out = out
        self._into = into
        self._kinds = kinds

    def add_to(self, found: set[str], id: str) -> None:
        """Adds the neighbors of an entity; itself too, if it is related to itself."""
        if self._kinds is None:
            found.update(self._out[id])
            found.update(self._into[id])
            return
        for near in (self._out[id], self._into[id]):
            for other, keyed in near.items():
                for key in keyed:
                    if key[0] in self._kinds:
                        found.add(other)
                        break

    def of(self, id: str) -> set[str]:
        """The neighbors of an entity."""
        found: set[str] = set()
        self.add_to(found, id)
        found.discard(id)
        return found

    def among(self, id: str, ids: Set[str]) -> set[str]:
        """Those of some entities that are neighbors of one: in the time that the fewer of them take."""
        found = {*(self._out[id].keys() & ids), *(self._into[id].keys() & ids)}
        found.discard(id)
        if self._kinds is None:
            return found
        return {other for other in found if next(self.between(id, other), None) is not None}

    def touches(self, id: str, ids: Set[str]) -> bool:
        """Whether one of these is a neighbor of an entity."""
        if self._kinds is None:
            return not (self._out[id].keys().isdisjoint(ids) and self._into[id].keys().isdisjoint(ids))
        return bool(self.among(id, ids))

    def degree(self, id: str) -> int:
        """How many neighbors an entity has, by relations of whatever kind."""
        out, into = self._out[id], self._into[id]
        return len(out) + len(into) - len(out.keys() & into.keys()) - (id in out)

    def leaving(self, id: str, ids: Set[str]) -> Iterator[Relation]:
        """The relations from an entity to any of these."""
        for other in self._out[id].keys() & ids:
            yield from self._from(id, other)

    def between(self, one: str, other: str) -> Iterator[Relation]:
        """The relations between two entities, either way."""
        yield from self._from(one, other)
        yield from self._from(other, one)

    def _from(self, subject: str, object: str) -> Iterator[Relation]:
        for key, data in self._out[subject].get(object, {}).items():
            if self._kinds is None or key[0] in self._kinds:
                yield data["record"]


class Surroundings:
    """The graph as walks see it: entities by id, their ids by kind, and their neighbors."""

    def __init__(self, nodes: Mapping[str, Mapping[str, Any]], out: Near, into: Near) -> None:
        self._nodes = nodes
        self._out = out
        self._into = into
        self.ids: dict[Kind, set[str]] = {kind: set() for kind in Kind}

    def entity(self, id: str) -> Entity:
        record: Entity = self._nodes[id]["record"]
        return record

    def holds(self, id: str) -> bool:
        return id in self._nodes

    def neighbors(self, kinds: tuple[RelationKind, ...] | None = None) -> Neighbors:
        return Neighbors(self._out, self._into, kinds)
