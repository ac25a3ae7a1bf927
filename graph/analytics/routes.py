"""The shortest paths between two entities: by length, and among those of one length by the ids along them.

For each length the entities that can stand at each place of a path are found from both ends, as sets; then paths are
followed through these sets in order, one by one, so that none is made that nobody asked for.
"""

from collections.abc import Iterator, Sequence, Set
from heapq import heapify, heappop
from itertools import pairwise

from graph.analytics.neighbors import Neighbors, Surroundings
from graph.analytics.pace import Walk
from graph.questions import TIME, PathHop, Paths, Trail, Trails, Truncation

Stops = Iterator[tuple[str, ...] | None]
"""The ids along each path, and None wherever the search may be held up."""


def routes(around: Surroundings, asked: Paths) -> Walk[Trails | None]:
    """The paths; None where there is no such entity at one of the ends."""
    if not (around.holds(asked.start) and around.holds(asked.end)):
        return None
    near = around.neighbors(asked.relations)
    found: list[tuple[str, ...]] = []
    truncated = None
    for ids in Search(around, near, asked).paths():
        if ids is None:
            if (yield):
                truncated = Truncation(TIME, asked.ms)
                break
        elif len(found) == asked.first:
            truncated = Truncation("first", asked.first)
            break
        else:
            found.append(ids)
    return Trails([_trail(around, near, ids) for ids in found], truncated)


def _trail(around: Surroundings, near: Neighbors, ids: Sequence[str]) -> Trail:
    """The path along these ids, each hop by the first relation in canonical order."""
    hops = []
    for one, other in pairwise(ids):
        relation = min(near.between(one, other), key=lambda relation: relation.name.sort_key)
        hops.append(PathHop(around.entity(one), relation, relation.subject == one, around.entity(other)))
    return Trail(hops)


MANY, USUAL_DEGREE = 1_000, 10
"""Of so many entities their degrees are not looked at, but taken to be as usual."""


class Reach:
    """Where walks from one end lead: `after[n]` are the entities that one of just n hops reaches, without passing
    through what is barred."""

    def __init__(self, near: Neighbors, end: str, barred: Sequence[Set[str]]) -> None:
        self._near = near
        self._barred = barred
        self.after: list[set[str]] = [{end}]

    @property
    def hops(self) -> int:
        return len(self.after) - 1

    def cost(self) -> int:
        """About how much one hop more will take. The first one must be taken."""
        ids = self.after[-1]
        if not self.hops:
            return -1
        return len(ids) * USUAL_DEGREE if len(ids) > MANY else sum(map(self._near.degree, ids))

    def grow(self) -> Stops:
        """Goes one hop further."""
        found: set[str] = set()
        for id in self.after[-1]:
            yield None
            self._near.add_to(found, id)
        for ids in self._barred:
            found -= ids
        self.after.append(found)


class Search:
    """The paths between two entities."""

    def __init__(self, around: Surroundings, near: Neighbors, asked: Paths) -> None:
        self._near = near
        self._start, self._end, self._most_hops = asked.start, asked.end, asked.most_hops
        # All of them are kept out of the inside of a path, where the ends do not stand either.
        barred = [{asked.start, asked.end}, *(around.ids[kind] for kind in asked.avoid)]
        self._ahead = Reach(near, asked.start, barred)
        self._behind = Reach(near, asked.end, barred)

    def paths(self) -> Stops:
        """All paths in order."""
        if self._start == self._end:
            yield (self._start,)
            return
        if self._near.touches(self._start, {self._end}):
            yield self._start, self._end
        for length in range(2, self._most_hops + 1):
            while self._ahead.hops + self._behind.hops < length:
                yield from min(self._behind, self._ahead, key=Reach.cost).grow()
            layers: list[Set[str]] = []
            yield from self._lay_out(length, layers)
            yield from self._follow([self._start], layers)

    def _lay_out(self, length: int, layers: list[Set[str]]) -> Stops:
        """Fills in the entities that can stand at each place between the ends of a path of this length."""
        behind = self._behind.after[1:]
        meeting = length - len(behind)
        layers += behind[::-1]
        layers[0] = layers[0] & self._ahead.after[meeting]
        for place in range(meeting - 1, 0, -1):
            layer: set[str] = set()
            yield from self._step_back(layers[0], self._ahead.after[place], layer)
            layers.insert(0, layer)

    def _step_back(self, ids: Set[str], among: Set[str], found: set[str]) -> Stops:
        """Finds those among some entities that are neighbors of any of these."""
        if len(among) < len(ids):
            for id in among:
                yield None
                if self._near.touches(id, ids):
                    found.add(id)
        else:
            for id in ids:
                yield None
                found |= self._near.among(id, among)

    def _follow(self, trail: list[str], layers: Sequence[Set[str]]) -> Stops:
        """The paths that begin with these ids."""
        if len(trail) > len(layers):
            yield (*trail, self._end)
            return
        following = list(self._near.among(trail[-1], layers[len(trail) - 1]).difference(trail))
        heapify(following)  # of which mostly the first few are needed: to sort them all would take longer
        while following:
            yield None
            yield from self._follow([*trail, heappop(following)], layers)
