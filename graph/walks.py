"""Walking paths over the graph's own adjacency: what is reached from where, by which relations."""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import Any

import networkx as nx

from graph.model import Entity, Relation
from graph.pages import Links
from graph.paths import Hop, Path, Way
from graph.vocabulary import Direction

FEW_EDGES = 200
"""What is looked at in each step of a way back to some starts: past that, walking on from the starts is no slower."""


class Walks:
    """Walks over a graph, which may change between them."""

    def __init__(self, graph: nx.MultiDiGraph) -> None:
        # networkx's own algorithms use these two mappings as well; its views in front of them cost five times the walk.
        self._near: dict[Direction, Mapping[str, Mapping[str, Mapping[Any, Mapping[str, Any]]]]] = {
            Direction.OUT: graph._adj,
            Direction.IN: graph._pred,
        }

    def reached(self, path: Path, start: str) -> Links:
        """What the path reaches, of whatever kind, by id: the relations that its ways tell of, some more than once."""
        links: Links = {}
        for way in path.ways:
            reached: Links = {start: []}
            for index, hop in enumerate(way.hops):
                reached = self._along(reached, hop, tells=index == way.link)
            for id, relations in reached.items():
                links.setdefault(id, []).extend(relations)
        return links

    def leading(self, path: Path, target: str, starts: Set[str]) -> dict[str, list[Relation]] | None:
        """From which of some starts the path reaches the target, and the relations that it tells of; None where to find
        out takes more than a few steps."""
        links: Links = {}
        for way in path.ways:
            found = self._leading(way, target, starts)
            if found is None:
                return None
            for id, relations in found.items():
                links.setdefault(id, []).extend(relations)
        return links

    def _leading(self, way: Way, target: str, starts: Set[str]) -> Links | None:
        reached: Links = {target: []}
        for index, hop in reversed(list(enumerate(way.hops))):
            back = reverse(hop)
            if index == 0 and not hop.many:
                return self._from(starts, reached, hop, tells=way.link == 0)
            near = self._near[back.direction]
            if sum(len(near.get(id, ())) for id in reached) > FEW_EDGES:
                return None
            reached = self._along(reached, back, tells=index == way.link)
        return {id: links for id, links in reached.items() if id in starts}

    def _from(self, starts: Set[str], reached: Links, hop: Hop, *, tells: bool) -> Links:
        """From which of some starts one hop leads to what was reached. A hub's edges are not looked through for it."""
        result: Links = {}
        for start in starts:
            near = self._near[hop.direction].get(start, {})
            for id, links in reached.items():
                for relation in self._between(near, id, hop):
                    result.setdefault(start, []).extend([relation] if tells else links)
        return result

    def starts(self, path: Path, record: Entity | Relation) -> set[str]:
        """The starts from which the path leads over this relation, or to this entity.

        Of a walk that a commit made or broke, the hops before its first changed relation stand in the graph as it is
        now; so walking back from every changed relation finds every start.
        """
        starts: set[str] = set()
        for way in path.ways:
            if isinstance(record, Entity):
                starts |= self.back({record.id}, way.hops)
                continue
            for index, hop in enumerate(way.hops):
                if hop.relation is record.kind:
                    near = record.subject if hop.direction is Direction.OUT else record.object
                    starts |= self.back({near}, way.hops[: index + 1] if hop.many else way.hops[:index])
        return starts

    def targets(self, path: Path, record: Entity | Relation) -> set[str]:
        """What the path leads to over this relation, or this entity: as for `starts`, the hops after the last changed
        relation of a walk stand in the graph as it is now."""
        if isinstance(record, Entity):
            return {record.id}
        targets: set[str] = set()
        for way in path.ways:
            for index, hop in enumerate(way.hops):
                if hop.relation is record.kind:
                    far = record.object if hop.direction is Direction.OUT else record.subject
                    targets |= self._forth({far}, way.hops[index:] if hop.many else way.hops[index + 1 :])
        return targets

    def back(self, ids: set[str], hops: Sequence[Hop]) -> set[str]:
        """From where hops lead to any of these."""
        return self._forth(ids, [reverse(hop) for hop in reversed(hops)])

    def _forth(self, ids: set[str], hops: Sequence[Hop]) -> set[str]:
        for hop in hops:
            ids = self.along(ids, hop)
        return ids

    def along(self, ids: set[str], hop: Hop) -> set[str]:
        """Where one hop leads from any of these; with `many`, any number of hops, none included."""
        if hop.many:
            return self._closure(ids, hop)
        return {other for id in ids for other, _ in self._relations(id, hop)}

    def _along(self, reached: Links, hop: Hop, *, tells: bool) -> Links:
        """One hop from each entity reached; the hop that `tells` adds its relations to those that lead there. With
        `many`, any number of hops, none included."""
        result: Links = {}
        for id, links in reached.items():
            if hop.many:
                for other in self._closure([id], hop):
                    result.setdefault(other, []).extend(links)
            else:
                for other, relation in self._relations(id, hop):
                    result.setdefault(other, []).extend([relation] if tells else links)
        return result

    def _closure(self, starts: Iterable[str], hop: Hop) -> set[str]:
        seen = set(starts)
        frontier = list(seen)
        while frontier:
            frontier = [other for id in frontier for other, _ in self._relations(id, hop) if other not in seen]
            seen.update(frontier)
        return seen

    def _relations(self, id: str, hop: Hop) -> Iterator[tuple[str, Relation]]:
        for other, keyed in self._near[hop.direction].get(id, {}).items():
            for key, data in keyed.items():
                if key[0] is hop.relation:
                    yield other, data["record"]

    def _between(self, near: Mapping[str, Mapping[Any, Mapping[str, Any]]], other: str, hop: Hop) -> list[Relation]:
        return [data["record"] for key, data in near.get(other, {}).items() if key[0] is hop.relation]


class Strides:
    """Walks one path from many starts to bare ids, while the graph does not change: what a hop leads to is looked up
    once."""

    def __init__(self, walks: Walks, path: Path) -> None:
        self._walks = walks
        known: dict[Hop, dict[str, set[str]]] = {hop: {} for way in path.ways for hop in way.hops}
        self._ways = [[(hop, known[hop]) for hop in way.hops] for way in path.ways]

    def reached(self, start: str) -> set[str]:
        ids: set[str] = set()
        for way in self._ways:
            frontier = {start}
            for hop, known in way:
                found = [known[id] if id in known else self._look_up(hop, known, id) for id in frontier]
                frontier = found[0] if len(found) == 1 else set().union(*found)
            ids = ids | frontier if ids else frontier
        return ids

    def _look_up(self, hop: Hop, known: dict[str, set[str]], id: str) -> set[str]:
        found = known[id] = self._walks.along({id}, hop)
        return found


def reverse(hop: Hop) -> Hop:
    """The same hop, walked the other way."""
    return Hop(hop.relation, Direction.IN if hop.direction is Direction.OUT else Direction.OUT, hop.many)
