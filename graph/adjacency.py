"""What each path reaches from each entity: walked over the MultiDiGraph, remembered in order, forgotten exactly.

An index in the sense of ARCHITECTURE.md: it holds references to the graph's records and can be rebuilt from it at any
time. A change forgets just the starts whose reach it could alter, found by walking the paths backwards from it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from typing import Any

import networkx as nx

from graph.model import Entity, Relation
from graph.ordering import Sorter
from graph.pages import FirstPages, Links, Members
from graph.paths import Hop, Path, Way
from graph.plan import Page, natural_order
from graph.vocabulary import Direction

PageSize = tuple[int | None, int | None]
"""How many from the start, or from the end."""


class Known(dict[str, Members]):
    """What one path reaches from each start; walked when it is first asked for."""

    SIZES_KEPT = 8
    """Page sizes for which first pages are remembered."""

    def __init__(self, adjacency: "Adjacency", path: Path) -> None:
        super().__init__()
        self._adjacency = adjacency
        self._path = path
        self.charge = adjacency.charge
        self.pages: dict[PageSize, FirstPages] = {}
        self.postings: dict[str, Postings] = {}

    def __missing__(self, start: str) -> Members:
        return self._adjacency.walk_and_remember(self._path, start)

    def first_pages(self, page: Page, sorter: Sorter) -> FirstPages:
        """The pages of this size, which has no cursor, in an order that is always the same."""
        size = page.first, page.last
        pages = self.pages.get(size)
        if pages is None:
            if len(self.pages) >= self.SIZES_KEPT:
                self._forget_pages()
            pages = self.pages[size] = FirstPages(self, self.charge, page, sorter)
        return pages

    def _forget_pages(self) -> None:
        for pages in self.pages.values():
            pages.give_back()
        self.pages.clear()

    def reached(self, start: str) -> Sequence[Entity]:
        """The entities reached; of a start that is gone nothing is remembered."""
        return self[start].entities if self._adjacency.holds(start) else ()

    def forget(self, start: str) -> None:
        """Forgets what depends on what is reached from `start`."""
        for pages in self.pages.values():
            pages.forget(start)
        for attribute, postings in list(self.postings.items()):
            postings.stale.add(start)
            if len(postings.stale) >= self._adjacency.BULK:
                del self.postings[attribute]  # to find all anew is quicker than to look at each
                self.charge(-postings.charged)
        if (members := self.pop(start, None)) is not None:
            self.charge(-members.size)

    def forget_all(self) -> None:
        self.clear()
        self.postings.clear()
        for pages in self.pages.values():
            pages.forget_all()


class Postings:
    """The starts from which a path reaches an entity with some term: by term, for one path and attribute.

    A term's are found by walking back from the entities that have it; `stale` are starts to be looked at again.
    """

    def __init__(self, known: Known, attribute: str) -> None:
        self._known = known
        self._attribute = attribute
        self._starts: dict[Any, set[str]] = {}
        self.stale: set[str] = set()
        self.charged = 0  # how many references it was last said to take

    @property
    def size(self) -> int:
        return sum(map(len, self._starts.values()))

    def having(self, term: Any) -> Set[str] | None:
        """The starts, or None where they have not been found yet."""
        if self.stale:
            self._refresh()
        return self._starts.get(term)

    def put(self, term: Any, starts: set[str]) -> None:
        self._starts[term] = starts

    def _refresh(self) -> None:
        stale, self.stale = self.stale, set()
        for start in stale:
            terms = {getattr(entity, self._attribute) for entity in self._known.reached(start)}
            for term, starts in self._starts.items():
                if term in terms:
                    starts.add(start)
                else:
                    starts.discard(start)


class Adjacency:
    """The memory of where paths lead, over the graph's own adjacency."""

    BUDGET = 4_000_000
    """How many references are remembered unless another number is given: some 400 MB of them."""

    BULK = 500
    """From so many changes at once on, forgetting all is quicker than finding whom they touch."""

    def __init__(self, graph: nx.MultiDiGraph, budget: int | None = None) -> None:
        """At most about `budget` references are remembered, some 100 bytes each; beyond, all is forgotten."""
        self._budget = budget or self.BUDGET
        # networkx's own algorithms use these two mappings as well; its views in front of them cost five times the walk.
        self._near: dict[Direction, Mapping[str, Mapping[str, Mapping[Any, Mapping[str, Any]]]]] = {
            Direction.OUT: graph._adj,
            Direction.IN: graph._pred,
        }
        self._nodes = graph._node
        self._known: dict[Path, Known] = {}
        self._size = 0

    def holds(self, id: str) -> bool:
        return id in self._nodes

    def members(self, path: Path, start: str) -> Members:
        """What the path reaches from `start`; nothing where there is no such entity."""
        return self.along(path)[start]

    def along(self, path: Path) -> "Known":
        """What the path reaches, by start: for whoever asks of many starts."""
        known = self._known.get(path)
        if known is None:
            known = self._known[path] = Known(self, path)
        return known

    def walk_and_remember(self, path: Path, start: str) -> Members:
        members = self._walk_all(path, start)
        self.charge(members.size)
        self.along(path)[start] = members
        return members

    def count(self, path: Path, start: str) -> int:
        return len(self.members(path, start).entities)

    def _walk_all(self, path: Path, start: str) -> Members:
        if start not in self._nodes:
            return Members([], {})
        links: Links = {}
        for way in path.ways:
            for id, relations in self._walk(way, start).items():
                links.setdefault(id, []).extend(relations)
        records = (self._nodes[id]["record"] for id in links)
        wanted = [record for record in records if path.target is None or record.kind is path.target]
        entities = Sorter(natural_order(path.target), self.count).sort(wanted)
        return Members(entities, {entity.id: _canonical(links[entity.id]) for entity in entities})

    def _walk(self, way: Way, start: str) -> Links:
        reached: Links = {start: []}
        for index, hop in enumerate(way.hops):
            if hop.many:
                reached = self._close(reached, hop)
            else:
                reached = self._step(reached, hop, tells=index == way.link)
        return reached

    def _step(self, reached: Links, hop: Hop, *, tells: bool) -> Links:
        """One hop from each entity reached; the hop that `tells` adds its relations to those that lead there."""
        result: Links = {}
        for id, links in reached.items():
            for other, relation in self._relations(id, hop):
                result.setdefault(other, []).extend([relation] if tells else links)
        return result

    def _close(self, reached: Links, hop: Hop) -> Links:
        """Any number of hops from each entity reached, itself included."""
        result: Links = {}
        for id, links in reached.items():
            for other in self._closure([id], hop):
                result.setdefault(other, []).extend(links)
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

    def starts(self, path: Path, attribute: str, term: Any, targets: Callable[[], Sequence[Entity]]) -> Set[str]:
        """From where the path reaches an entity whose attribute is the term; `targets` gets those entities."""
        known = self.along(path)
        postings = known.postings.get(attribute)
        if postings is None:
            postings = known.postings[attribute] = Postings(known, attribute)
        found = postings.having(term)
        if found is None:
            ids = {entity.id for entity in targets()}
            found = set[str]().union(*(self._back(ids, way.hops) for way in path.ways))
            postings.put(term, found)
        if postings.size != postings.charged or known.postings.get(attribute) is not postings:
            self._charge_postings(known, attribute, postings)
        return found

    def _charge_postings(self, known: Known, attribute: str, postings: Postings) -> None:
        if known.postings.get(attribute) is postings:  # else all was forgotten on the way
            self.charge(-postings.charged)
        postings.charged = postings.size
        self.charge(postings.charged)
        known.postings[attribute] = postings

    def forget_all(self) -> None:
        for known in self._known.values():
            known.forget_all()
        self._size = 0

    def charge(self, size: int) -> None:
        """Takes so many references more, or gives them back; over the budget all is forgotten."""
        if size > 0 and self._size + size > self._budget:
            self.forget_all()
        self._size += size

    def forget(self, records: Sequence[Entity | Relation]) -> None:
        """Forgets what these records, just changed, could have altered. Call it after the graph has changed."""
        if len(records) >= self.BULK:
            self.forget_all()
            return
        for path, known in self._known.items():
            if not (known or known.pages or known.postings):
                continue
            for record in records:
                for start in self._touched(path, record):
                    known.forget(start)

    def _touched(self, path: Path, record: Entity | Relation) -> set[str]:
        """The starts from which the path leads over this relation, or to this entity.

        Of a walk that a commit made or broke, the hops before its first changed relation stand in the graph as it is
        now; so walking back from every changed relation finds every start.
        """
        starts: set[str] = set()
        for way in path.ways:
            if isinstance(record, Entity):
                starts |= self._back({record.id}, way.hops)
                continue
            for index, hop in enumerate(way.hops):
                if hop.relation is record.kind:
                    near = record.subject if hop.direction is Direction.OUT else record.object
                    starts |= self._back({near}, way.hops[: index + 1] if hop.many else way.hops[:index])
        return starts

    def _back(self, ids: set[str], hops: Sequence[Hop]) -> set[str]:
        for hop in reversed(hops):
            direction = Direction.IN if hop.direction is Direction.OUT else Direction.OUT
            backwards = Hop(hop.relation, direction, hop.many)
            if hop.many:
                ids = self._closure(ids, backwards)
            else:
                ids = {other for id in ids for other, _ in self._relations(id, backwards)}
        return ids


def _canonical(relations: list[Relation]) -> list[Relation]:
    """Each relation once, in the order of their names."""
    if len(relations) < 2:
        return relations
    unique = {id(relation): relation for relation in relations}
    return sorted(unique.values(), key=lambda relation: relation.name.sort_key)
