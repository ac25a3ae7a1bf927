"""What each path reaches from each entity: walked over the MultiDiGraph, remembered in order, forgotten exactly.

An index in the sense of ARCHITECTURE.md: it holds references to the graph's records and can be rebuilt from it at any
time. A change is looked at from both its ends: from which starts a path leads over it, and to which targets. Only
whether these are still reached from those is found out anew.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from typing import Any

import networkx as nx

from graph.model import Entity, Relation
from graph.ordering import Sorter
from graph.pages import FirstPages, Members
from graph.paths import Path
from graph.plan import Page, natural_order
from graph.walks import Strides, Walks

Watcher = Callable[[str | None], None]
"""Is told of a start from which a path may lead elsewhere than before; None stands for all of them."""

PageSize = tuple[int | None, int | None]
"""How many from the start, or from the end."""


FEW_TARGETS = 16
"""To look whether so many are reached from a start takes no longer than to walk from it."""


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
        self.watchers: list[Watcher] = []

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

    def renew(self, starts: set[str], targets: set[str]) -> None:
        """Has a commit count that could have altered whether some of these targets are reached from these starts, or
        how. A few are looked at; of many, what was known is forgotten."""
        for watcher in self.watchers:
            for start in starts:
                watcher(start)
        for pages in self.pages.values():
            for start in starts:
                pages.forget(start)
        for attribute, postings in list(self.postings.items()):
            postings.stale |= starts
            if len(postings.stale) >= self._adjacency.BULK:
                del self.postings[attribute]  # to find all anew is quicker than to look at each
                self.charge(-postings.charged)
        known = starts & self.keys()
        if known and not (len(targets) <= FEW_TARGETS and self._look_again(known, targets)):
            for start in known:
                self.charge(-self.pop(start).size)

    def _look_again(self, starts: set[str], targets: set[str]) -> bool:
        """Looks whether each target is reached from each start; says whether that was worth while."""
        walks, sorter = self._adjacency.walks, self._adjacency.sorter(self._path)
        here = {start for start in starts if self._adjacency.holds(start)}
        leading = {}
        for target in targets:
            entity = self._adjacency.wanted(self._path, target)
            found = {} if entity is None else walks.leading(self._path, target, here)
            if found is None:
                return False
            leading[target] = entity, found
        for start in starts:
            found_here = [
                (target, entity if start in found else None, _canonical(found.get(start, [])))
                for target, (entity, found) in leading.items()
            ]
            before, renewed = self[start], self[start].renewed(found_here, sorter)
            self[start] = renewed
            self.charge(renewed.size - before.size)
        return True

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
        self.walks = Walks(graph)
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
        members = self._walk(path, start)
        self.charge(members.size)
        self.along(path)[start] = members
        return members

    def watch(self, path: Path, watcher: Watcher) -> None:
        """Has every change of what the path reaches told."""
        self.along(path).watchers.append(watcher)

    def follow(self, paths: Sequence[Path], starts: Iterable[str]) -> Iterator[tuple[str, Set[str]]]:
        """Of each start the ids that paths reach one after the other, each once, in no order. Nothing of it is
        remembered beyond the call, so it suits many starts."""
        strides = [(path, Strides(self.walks, path)) for path in paths]
        for start in starts:
            ids: set[str] = {start}
            for path, stride in strides:
                reached = set[str]().union(*map(stride.reached, ids))
                ids = {id for id in reached if self.wanted(path, id)}
            yield start, ids

    def count(self, path: Path, start: str) -> int:
        return len(self.members(path, start).entities)

    def _walk(self, path: Path, start: str) -> Members:
        if start not in self._nodes:
            return Members([], {})
        links = self.walks.reached(path, start)
        wanted = [record for id in links if (record := self.wanted(path, id)) is not None]
        entities = self.sorter(path).sort(wanted)
        return Members(entities, {entity.id: _canonical(links[entity.id]) for entity in entities})

    def wanted(self, path: Path, id: str) -> Entity | None:
        """The entity, if it is there and of the kind that the path leads to."""
        node = self._nodes.get(id)
        if node is None:
            return None
        record: Entity = node["record"]
        return record if path.target is None or record.kind is path.target else None

    def sorter(self, path: Path) -> Sorter:
        return Sorter(natural_order(path.target), self.count)

    def starts(self, path: Path, attribute: str, term: Any, targets: Callable[[], Sequence[Entity]]) -> Set[str]:
        """From where the path reaches an entity whose attribute is the term; `targets` gets those entities."""
        known = self.along(path)
        postings = known.postings.get(attribute)
        if postings is None:
            postings = known.postings[attribute] = Postings(known, attribute)
        found = postings.having(term)
        if found is None:
            ids = {entity.id for entity in targets()}
            found = set[str]().union(*(self.walks.back(ids, way.hops) for way in path.ways))
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
            for watcher in [each for known in self._known.values() for each in known.watchers]:
                watcher(None)
            return
        for path, known in self._known.items():
            if known or known.pages or known.postings or known.watchers:
                starts = set[str]().union(*(self.walks.starts(path, record) for record in records))
                targets = (
                    set[str]().union(*(self.walks.targets(path, record) for record in records)) if starts else set()
                )
                known.renew(starts, targets)


def _canonical(relations: list[Relation]) -> list[Relation]:
    """Each relation once, in the order of their names."""
    if len(relations) < 2:
        return relations
    unique = {id(relation): relation for relation in relations}
    return sorted(unique.values(), key=lambda relation: relation.name.sort_key)
