"""Putting entities in order, and finding a page by the place where it starts rather than by counting."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any, TypeVar

from graph.model import Entity
from graph.paths import Path
from graph.plan import Order, OrderKey, Page, Position, ValueType
from graph.values import fold

T = TypeVar("T")
Counter = Callable[[Path, str], int]
"""How many entities a path reaches from an id."""


def _comparable(type: ValueType, value: Any) -> Any:
    return (fold(value), value) if type is ValueType.TEXT else value


def _sign(mine: Any, theirs: Any) -> int:
    return int(mine > theirs) - int(mine < theirs)


class Sorter:
    """An order made ready for use: sorts entities, tells their positions, compares them with a position."""

    def __init__(self, order: Order, count: Counter) -> None:
        self._keys = [(key, _reader(key, count)) for key in order]

    def position(self, entity: Entity) -> Position:
        """The values of the order's keys and the id: where the entity stands, even after it has gone."""
        return (*(read(entity) for _, read in self._keys), entity.id)

    def sort(self, entities: Iterable[Entity]) -> list[Entity]:
        """The entities in order. One stable pass a key, the weightiest last, as directions may differ."""
        ordered = sorted(entities, key=attrgetter("id"))
        for key, read in reversed(self._keys):
            known = [(value, entity) for entity in ordered if (value := read(entity)) is not None]
            if len(known) < len(ordered):
                missing = [entity for entity in ordered if read(entity) is None]
            else:
                missing = []
            known.sort(key=lambda pair: _comparable(key.type, pair[0]), reverse=key.descending)
            ordered = [entity for _, entity in known] + missing
        return ordered

    def compare(self, entity: Entity, position: Position) -> int:
        """Negative where the entity stands before the position, 0 on it, positive after it."""
        for (key, read), theirs in zip(self._keys, position[:-1], strict=True):
            mine = read(entity)
            if mine == theirs:
                continue
            if mine is None or theirs is None:
                return 1 if mine is None else -1
            sign = _sign(_comparable(key.type, mine), _comparable(key.type, theirs))
            return -sign if key.descending else sign
        return _sign(entity.id, position[-1])

    def place(self, entities: Sequence[Entity], entity: Entity) -> int:
        """Where an entity stands, or would stand, among others in order."""
        position = self.position(entity)
        return bisect_left(entities, 0, key=lambda other: self.compare(other, position))


def _reader(key: OrderKey, count: Counter) -> Callable[[Entity], Any]:
    """How to read a key's value; a term is read as its rank, so that positions hold plain values only."""
    if key.path is not None:
        path = key.path
        return lambda entity: count(path, entity.id)
    read = attrgetter(key.attribute)
    if key.type is ValueType.TERM:
        return lambda entity: None if (term := read(entity)) is None else term.rank
    return read


def bounds(items: Sequence[T], page: Page, compare: Callable[[T, Position], int]) -> tuple[int, int]:
    """Where the page starts and stops in a sorted sequence; takes time logarithmic in its length."""
    start, stop = 0, len(items)
    if page.after is not None:
        after = page.after
        start = bisect_right(items, 0, key=lambda item: compare(item, after))
    if page.before is not None:
        before = page.before
        stop = max(start, bisect_left(items, 0, key=lambda item: compare(item, before)))
    if page.first is not None:
        stop = min(stop, start + page.first)
    if page.last is not None:
        start = max(start, stop - page.last)
    return start, stop


class Shelf:
    """Entities kept in one order while they come and go; those of a term that is asked for stand on a shelf of their
    own too."""

    BULK = 1_000
    """From so many newcomers on, one sort of all is quicker than finding the place of each."""

    def __init__(self, sorter: Sorter) -> None:
        self.sorter = sorter
        self.entities: list[Entity] = []
        self._by_term: dict[str, dict[Any, Shelf]] = {}

    def having(self, attribute: str, term: Any) -> list[Entity]:
        """The entities whose attribute is this term, in order. The index of an attribute is made when it is first
        asked for."""
        shelves = self._by_term.get(attribute)
        if shelves is None:
            shelves = self._by_term[attribute] = {}
            self._sort_into(shelves, attribute, self.entities)
        shelf = shelves.get(term)
        return [] if shelf is None else shelf.entities

    def add(self, newcomers: Sequence[Entity]) -> None:
        if not newcomers:
            return
        if len(newcomers) >= self.BULK:
            self.entities = self.sorter.sort([*self.entities, *newcomers])
        else:
            for entity in newcomers:
                self.entities.insert(self.sorter.place(self.entities, entity), entity)
        for attribute, shelves in self._by_term.items():
            self._sort_into(shelves, attribute, newcomers)

    def discard(self, leavers: Sequence[Entity]) -> None:
        if not leavers:
            return
        if len(leavers) >= self.BULK:
            gone = {entity.id for entity in leavers}
            self.entities = [entity for entity in self.entities if entity.id not in gone]
        else:
            for entity in leavers:
                del self.entities[self.sorter.place(self.entities, entity)]
        for attribute, shelves in self._by_term.items():
            for term, left in _by_term(attribute, leavers).items():
                shelves[term].discard(left)

    def _sort_into(self, shelves: "dict[Any, Shelf]", attribute: str, entities: Sequence[Entity]) -> None:
        for term, found in _by_term(attribute, entities).items():
            shelves.setdefault(term, Shelf(self.sorter)).add(found)


def _by_term(attribute: str, entities: Sequence[Entity]) -> dict[Any, list[Entity]]:
    found: dict[Any, list[Entity]] = {}
    for entity in entities:
        found.setdefault(getattr(entity, attribute), []).append(entity)
    return found
