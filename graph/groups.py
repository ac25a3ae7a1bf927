"""Groups of entities: counted, added up, kept, ordered and paged, over the columns of their kind."""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from graph.columns import MISSING, Column, Floats, Numbers, combined
from graph.errors import InvalidInput
from graph.grouping import (
    Figure,
    Group,
    Grouping,
    GroupKey,
    Groups,
    KeyType,
    KeyValue,
    Totals,
    asks_for_values,
    comparisons,
    incompatible,
)
from graph.masks import numbers_mask
from graph.model import Entity
from graph.plan import Position
from graph.table import ColumnKey, Table
from graph.totals import Ancestry, Sums, sums
from graph.values import fold
from graph.vocabulary import Term


class Spread(NamedTuple):
    """Entities spread over groups: the row and the group of each pair. Of each group, how many pairs it has, and its
    code of every key."""

    rows: Numbers
    groups: Numbers
    counts: Numbers
    codes: list[Numbers]


def spread(rows: Numbers, columns: Sequence[Column], most: int) -> Spread:
    """Finds the groups that rows fall into. Raises InvalidInput where that makes more pairs than `most`: entities with
    many values of several keys make many."""
    codes: list[Numbers] = []
    for column in columns:
        if column.count(rows) > most:
            raise InvalidInput(
                f"These keys make more than {most:,} pairs of an entity and a group. Group by fewer, or filter first."
            )
        counts, found = column.of(rows)
        if counts is not None:
            rows = np.repeat(rows, counts)
            codes = [np.repeat(earlier, counts) for earlier in codes]
        codes.append(found)
    if not len(rows):
        return Spread(rows, rows, rows, [rows for _ in columns])
    numbers, size = combined(zip(codes, (len(column.values) for column in columns), strict=True))
    groups, counts = _numbered(np.broadcast_to(numbers, rows.shape), size)
    one = np.zeros(len(counts), np.int64)
    one[groups] = np.arange(len(rows))
    return Spread(rows, groups, counts, [own[one] for own in codes])


def _numbered(numbers: Numbers, bound: int) -> tuple[Numbers, Numbers]:
    """The numbers that occur, numbered anew from 0, and how often each occurs."""
    if bound > max(4 * len(numbers), 65_536):
        _, places, counts = np.unique(numbers, return_inverse=True, return_counts=True)
        return places, counts
    every = np.bincount(numbers, minlength=bound)  # several times as quick as sorting
    present = np.flatnonzero(every)
    places = np.zeros(bound, np.int64)
    places[present] = np.arange(len(present))
    return places[numbers], every[present]


class Grouper:
    """Answers groupings of entities of one table. `record` gets an entity by id."""

    def __init__(self, table: Table, record: Callable[[str], Entity | None], ancestry: Ancestry) -> None:
        self._table = table
        self._record = record
        self._ancestry = ancestry

    def group(self, rows: Numbers, grouping: Grouping) -> Groups:
        """A page of the groups of these rows. Raises InvalidInput, and IncompatibleAggregation where groups are to be
        kept or ordered by what cannot be added."""
        columns = [self._table.column(ColumnKey.of(key)) for key in grouping.keys]
        found = spread(rows, columns, grouping.most)
        return Arranged(self, grouping, columns, found).page()

    def sums(self, found: Spread) -> Sums:
        return sums(self._table, found.rows, found.groups, len(found.counts), self._ancestry)

    def shown(self, key: GroupKey, value: Any) -> KeyValue:
        """A value and its label."""
        if value is None:
            return KeyValue(None, "Not stated")
        if isinstance(value, Term):
            return KeyValue(value.name, value.label)
        if key.type is KeyType.ENTITY:
            entity = self._record(value)
            return KeyValue(value, value if entity is None else entity.name)
        if key.type is KeyType.CODE:
            return KeyValue(value, self._table.label(key.attribute, value) or value)
        return KeyValue(value, value)

    def rank(self, key: GroupKey, value: Any) -> list[Any] | None:
        """What a value of a key is ordered by; None stands last."""
        if value is None:
            return None
        if isinstance(value, Term):
            return [value.rank]
        if key.type is KeyType.ENTITY:
            entity = self._record(value)
            name = value if entity is None else entity.name
            return [fold(name), name, value]
        return [fold(value), value]


class Arranged:
    """The groups of one question, kept and put in order as it says."""

    def __init__(self, grouper: Grouper, grouping: Grouping, columns: Sequence[Column], found: Spread) -> None:
        self._grouper = grouper
        self._grouping = grouping
        self._columns = columns
        self._found = found
        self._sums = grouper.sums(found) if grouping.adds else None
        if self._sums is not None and self._sums.unlike and self._asks_for_values():
            raise incompatible(next(iter(self._sums.unlike.values())))

    def _parts(self) -> Iterator[tuple[GroupKey, Column, Numbers]]:
        return zip(self._grouping.keys, self._columns, self._found.codes, strict=True)

    def _asks_for_values(self) -> bool:
        return self._grouping.by not in (None, Figure.COUNT) or asks_for_values(self._grouping.having)

    def _ranked(self, key: GroupKey, column: Column, codes: Numbers) -> Numbers:
        """The place of each group among the values of a key; what is missing comes last."""
        distinct = np.unique(codes)
        ranks = {int(code): self._rank(key, column, code) for code in distinct}
        keyed = [(rank is None, rank or [], code) for code, rank in ranks.items()]
        places = np.zeros(len(column.values), np.int64)
        for place, (_, _, code) in enumerate(sorted(keyed)):
            places[code] = place
        placed: Numbers = places[codes]
        return placed

    def _rank(self, key: GroupKey, column: Column, code: int) -> list[Any] | None:
        return self._grouper.rank(key, column.values[code])

    def _figure(self, figure: Figure) -> Floats:
        """A number of each group, NaN where there is none."""
        if figure is Figure.COUNT:
            return self._found.counts.astype(np.float64)
        figures: Floats = getattr(self._sums, figure.value)
        return figures

    def _kept(self) -> Numbers:
        """The groups that meet the condition on groups."""
        kept = np.ones(len(self._found.counts), bool)
        for compare in comparisons(self._grouping.having):
            kept &= numbers_mask(self._figure(Figure(compare.attribute)), compare)
        return np.flatnonzero(kept)

    def _in_order(self, groups: Numbers) -> Numbers:
        """These groups in order."""
        keys = [self._ranked(key, column, codes[groups]) for key, column, codes in self._parts()]
        if self._grouping.by is None:
            down = -1 if self._grouping.descending else 1
            missing = [codes[groups] == MISSING for codes in self._found.codes]
            weights = [
                part for is_missing, ranks in zip(missing, keys, strict=True) for part in (is_missing, down * ranks)
            ]
        else:
            weights = [self._weights(self._grouping.by)[groups], *keys]
        ordered: Numbers = groups[np.lexsort(weights[::-1])] if weights else groups
        return ordered

    def _weights(self, by: Figure) -> Floats:
        """What the groups are ordered by, the least first; what is missing comes last."""
        figures = self._figure(by)
        weights: Floats = np.nan_to_num(-figures if self._grouping.descending else figures, nan=np.inf)
        return weights

    def _foremost(self, groups: Numbers) -> Numbers:
        """Those groups, in no order, that can stand on the first page or next after it: only their keys need be put in
        order, which takes longer than all else."""
        by, first = self._grouping.by, self._grouping.first
        if by is None or first is None or self._grouping.after is not None or first >= len(groups):
            return groups
        weights = self._weights(by)[groups]
        found: Numbers = groups[weights <= np.partition(weights, first)[first]]
        return found

    def position(self, group: int) -> Position:
        """Where a group stands: its figure, and what its values are ordered by."""
        by = self._grouping.by
        figure = None if by is None else plain(self._figure(by)[group])
        if by is Figure.COUNT:
            figure = int(self._found.counts[group])
        return (figure, *(self._rank(key, column, codes[group]) for key, column, codes in self._parts()))

    def page(self) -> Groups:
        kept = self._kept()
        order = self._in_order(self._foremost(kept))
        start, after = 0, self._grouping.after
        if after is not None:
            mark = self._comparable(after)
            start = bisect_right(order, mark, key=lambda group: self._comparable(self.position(group)))
        stop = len(order) if self._grouping.first is None else min(len(order), start + self._grouping.first)
        shown = [self._group(int(group)) for group in order[start:stop]]
        return Groups(shown, len(kept), start > 0, stop < len(kept))

    def _comparable(self, position: Position) -> tuple[Any, ...]:
        down = self._grouping.descending
        figure, *ranks = position
        if self._grouping.by is None:
            return tuple((rank is None, _Reversed(rank) if down else rank or []) for rank in ranks)
        weight = 0 if figure is None else -figure if down else figure
        return (figure is None, weight, *((rank is None, rank or []) for rank in ranks))

    def _group(self, group: int) -> Group:
        values = tuple(self._grouper.shown(key, column.values[codes[group]]) for key, column, codes in self._parts())
        return Group(values, int(self._found.counts[group]), self._totals(group), self.position(group))

    def _totals(self, group: int) -> Totals | None:
        if self._sums is None:
            return None
        sums = self._sums
        return Totals(
            plain(sums.sum[group]),
            plain(sums.avg[group]),
            plain(sums.min[group]),
            plain(sums.max[group]),
            int(sums.present[group]),
            int(sums.missing[group]),
            sums.unlike.get(group, ()),
        )


class _Reversed:
    """Compares the other way round."""

    def __init__(self, rank: list[Any] | None) -> None:
        self.rank = rank or []

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Reversed) and self.rank == other.rank

    def __lt__(self, other: "_Reversed") -> bool:
        return other.rank < self.rank

    __hash__ = None  # type: ignore[assignment]


def plain(number: float) -> float | None:
    """The number as Python has it, None for NaN."""
    return None if number != number else float(number)
