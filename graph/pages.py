"""Pages of what was found, and the first pages of whole lists, which are asked for again and again."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from graph.engine import Lasting, Reach
from graph.model import Entity, Relation
from graph.ordering import Sorter, bounds
from graph.plan import Page

Links = dict[str, list[Relation]]


class Members:
    """The entities that a path reaches, in their natural order, each once, and the relations by which it did."""

    __slots__ = ("entities", "links")

    def __init__(self, entities: list[Entity], links: Links) -> None:
        self.entities = entities
        self.links = links

    @property
    def size(self) -> int:
        """How many references it takes: for each entity itself and its relations, and a few for the bare object."""
        return 4 + 2 * len(self.entities)

    def renewed(self, found: Iterable[tuple[str, Entity | None, list[Relation]]], sorter: Sorter) -> "Members":
        """Others, as these may still be shown: by id, entities that are reached, by these relations; None if they no
        longer are."""
        entities, links = [*self.entities], {**self.links}
        for id, entity, relations in found:
            if links.pop(id, None) is not None:
                del entities[next(place for place, other in enumerate(entities) if other.id == id)]
            if entity is not None:
                entities.insert(sorter.place(entities, entity), entity)
                links[id] = relations
        return Members(entities, links)


def page_of(entities: Sequence[Entity], links: Links, page: Page, sorter: Sorter, *, lasting: bool = False) -> Reach:
    """A page of entities that stand in the sorter's order."""
    low, high = bounds(entities, page, sorter.compare)
    shown = entities[low:high]
    return Reach(
        Lasting(shown) if lasting else shown,
        links,
        sorter.position,
        has_previous=low > 0,
        has_next=high < len(entities),
        total=len(entities),
    )


class FirstPages(dict[str, Reach]):
    """The first page of what one path reaches, by start; made when it is first asked for."""

    ROWS_KEPT = 4_096
    """Frontiers whose pages are remembered as a whole."""

    def __init__(self, known: Mapping[str, Members], charge: Callable[[int], None], page: Page, sorter: Sorter) -> None:
        """`charge` is told how many references are taken, and given back where the number is negative."""
        super().__init__()
        self._known = known
        self._charge = charge
        self._page = page
        self._sorter = sorter
        self._rows: dict[int, tuple[Sequence[str], list[Reach]]] = {}

    def __missing__(self, start: str) -> Reach:
        members = self._known[start]
        made = page_of(members.entities, members.links, self._page, self._sorter, lasting=True)
        self._charge(_size(made))
        self[start] = made
        return made

    def of(self, frontier: Sequence[str]) -> Sequence[Reach]:
        """The page of each start: the hot path of every nested list. A frontier that is a lasting page of another list
        is the same tuple each time; its pages are remembered as one row, until anything along the path changes."""
        if type(frontier) is not tuple:
            return list(map(self.__getitem__, frontier))
        row = self._rows.get(id(frontier))
        if row is not None:
            return row[1]
        pages = list(map(self.__getitem__, frontier))
        if len(self._rows) >= self.ROWS_KEPT:
            self._forget_rows()
        self._charge(2 * len(pages))
        self._rows[id(frontier)] = frontier, pages
        return pages

    def forget(self, start: str) -> None:
        page = self.pop(start, None)
        if page is not None:
            self._charge(-_size(page))
        self._forget_rows()

    def _forget_rows(self) -> None:
        self._charge(-sum(2 * len(pages) for _, pages in self._rows.values()))
        self._rows.clear()

    def give_back(self) -> None:
        """Forgets all."""
        self._charge(-sum(map(_size, self.values())))
        self._forget_rows()
        self.clear()

    def forget_all(self) -> None:
        """Forgets all, without a word: whoever is charged is about to start anew."""
        self.clear()
        self._rows.clear()


def _size(page: Reach) -> int:
    """How many references a page takes: for each entity, and some for the bare objects."""
    return 8 + len(page.entities)
