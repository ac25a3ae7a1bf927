"""What lies around an entity: breadth first, a whole level at a time."""

from collections.abc import Sequence
from heapq import nsmallest

from graph.analytics.neighbors import Neighbors, Surroundings
from graph.analytics.pace import Walk
from graph.model import Relation
from graph.questions import TIME, Near, Neighborhood, Subgraph, Truncation
from graph.vocabulary import Kind


def neighborhood(around: Surroundings, asked: Neighborhood) -> Walk[Subgraph | None]:
    """The neighborhood; None where there is no such entity."""
    if not around.holds(asked.start):
        return None
    near = around.neighbors(asked.relations)
    search = Search(around, near, asked)
    yield from search.spread()
    shown = [Near(around.entity(id), distance) for id, distance in search.distances.items()]
    relations = yield from search.relations()
    return Subgraph(shown, relations, search.truncated)


class Search:
    """One search. `distances` has the entities found, in their order."""

    def __init__(self, around: Surroundings, near: Neighbors, asked: Neighborhood) -> None:
        self._around = around
        self._near = near
        self._asked = asked
        self._kinds = [kind for kind in Kind if asked.kinds is None or kind in asked.kinds]
        self.distances = {asked.start: 0}
        self.truncated: Truncation | None = None

    def spread(self) -> Walk[None]:
        """Finds the entities; what is found of a level when time is over still counts."""
        frontier = [self._asked.start]
        for distance in range(1, self._asked.hops + 1):
            room = self._asked.limit + 1 - len(self.distances)
            level = yield from self._level(frontier, room)
            frontier = self._nearest(level, room)
            self.distances |= dict.fromkeys(frontier, distance)
            if len(level) > len(frontier):
                self._cut("limit", self._asked.limit)
            if self.truncated is not None:
                return

    def _level(self, frontier: Sequence[str], room: int) -> Walk[set[str]]:
        """The neighbors of these that are new; without room for any, the first that are."""
        level: set[str] = set()
        for id in frontier:
            if (yield):
                self._cut(TIME, self._asked.ms)
                break
            self._near.add_to(level, id)
            if not room:
                level = self._new(level)
                if level:
                    break
        return self._new(level)

    def _new(self, ids: set[str]) -> set[str]:
        if self._asked.kinds is not None:
            ids = set[str]().union(*(ids & self._around.ids[kind] for kind in self._kinds))
        return ids - self.distances.keys()

    def _nearest(self, level: set[str], room: int) -> list[str]:
        """The first of a level, by kind and id."""
        found: list[str] = []
        for kind in self._kinds:
            if len(found) == room:
                break
            found += nsmallest(room - len(found), level & self._around.ids[kind])
        return found

    def relations(self) -> Walk[Sequence[Relation]]:
        """The relations between the entities found."""
        shown, found = set(self.distances), list[Relation]()
        for id in self.distances:
            if (yield):
                self._cut(TIME, self._asked.ms)
                break
            found += self._near.leaving(id, shown)
        if len(found) > self._asked.most_relations:
            self._cut("relations", self._asked.most_relations)
        return nsmallest(self._asked.most_relations, found, key=lambda relation: relation.name.sort_key)

    def _cut(self, reason: str, limit: int) -> None:
        """Tells of a cut; of several the first counts."""
        self.truncated = self.truncated or Truncation(reason, limit)
