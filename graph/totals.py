"""Adding up the values of metrics, where that means something.

Of the metrics with one indicator, measure, subject and period one value is used: that of the newest source, then of the
first id. Values that differ in indicator, unit or measure are never added, nor are those that count something twice: a
total and its own parts, and all else whose periods have a day in common, of one subject, or of a place and what it lies
in.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from math import fsum
from typing import NamedTuple

import numpy as np

from graph.columns import Column, Floats, Mask, Numbers, combined
from graph.errors import InvalidInput
from graph.grouping import METRIC_KEYS
from graph.table import PUBLISHED, ColumnKey, Form, Table

Around = Callable[[Iterable[str]], Iterable[tuple[str, Iterable[str]]]]
"""Entities by id, and what each lies in, at any height."""

FACT = ("INDICATOR", "MEASURE", "SUBJECT", "PERIOD")
"""The keys by which metrics state the same fact."""

SUBJECT, PERIOD = ColumnKey.of(METRIC_KEYS["SUBJECT"]), ColumnKey.of(METRIC_KEYS["PERIOD"])


ADDED = {
    ColumnKey(Form.NUMBER, "value"),
    PUBLISHED,
    *(ColumnKey.of(METRIC_KEYS[name]) for name in (*FACT, "UNIT")),
}
"""The columns that are needed to add up values."""


class Sums(NamedTuple):
    """The numbers of each group, NaN where there is no value; `unlike` names the keys that would set apart what cannot
    be added, by group."""

    sum: Floats
    avg: Floats
    min: Floats
    max: Floats
    present: Numbers
    missing: Numbers
    unlike: dict[int, tuple[str, ...]]


class Ancestry:
    """What each subject of metrics lies in: remembered until `forget`, which any change of PART_OF calls for."""

    def __init__(self, around: Around) -> None:
        self._around = around
        self.forget()

    def forget(self) -> None:
        self._values: list[str | None] = []  # those of the column that it was made for
        self._counts: list[int] = []
        self._flat: list[int] = []
        self._taken = 0
        self._places: dict[str, int] = {}

    def above(self, subjects: Column, codes: Numbers) -> tuple[Numbers, Numbers]:
        """How many of the subjects each of these lies in, and their codes."""
        if self._values is not subjects.values:
            self.forget()
            self._values = subjects.values
        if not self._counts:
            self._counts.append(0)  # of no subject at all
        for _, around in self._around(subjects.values[len(self._counts) :]):
            self._flat += [self._places.setdefault(place, len(self._places)) for place in around]
            self._counts.append(len(self._flat) - self._taken)
            self._taken = len(self._flat)
        counts, flat = np.array(self._counts, np.int64), np.array(self._flat, np.int64)
        known = np.array([subjects.code(place) for place in self._places], np.int64)
        starts = np.cumsum(counts) - counts
        own = counts[codes]
        if not own.any():
            return own, codes[:0]
        offsets = np.cumsum(own) - own
        higher = known[flat[np.arange(int(own.sum())) + np.repeat(starts[codes] - offsets, own)]]
        return own, higher  # MISSING where nothing is said of it


def sums(table: Table, rows: Numbers, groups: Numbers, count: int, ancestry: Ancestry) -> Sums:
    """What the metrics in these rows come to in each of `count` groups; `groups` has the group of each row."""
    values = table.numbers("value").of(rows)
    known = ~np.isnan(values)
    present = np.bincount(groups[known], minlength=count)
    missing = np.bincount(groups[~known], minlength=count)
    rows, groups, values = rows[known], groups[known], values[known]
    used = _one_of_each(table, rows, groups)
    rows, groups, values = rows[used], groups[used], values[used]
    order = np.argsort(groups, kind="stable")
    rows, groups, values = rows[order], groups[order], values[order]
    unlike = {group: tuple(keys) for group, keys in _unlike(table, rows, groups, ancestry).items()}
    total, least, most = (np.full(count, np.nan) for _ in range(3))
    size = np.bincount(groups, minlength=count)
    if len(groups):
        starts = np.flatnonzero(np.r_[True, groups[1:] != groups[:-1]])
        there = groups[starts]
        total[there] = _exact(values, starts)
        least[there] = np.minimum.reduceat(values, starts)
        most[there] = np.maximum.reduceat(values, starts)
    average = np.divide(total, size, out=np.full(count, np.nan), where=size > 0)
    return Sums(total, average, least, most, present, missing, unlike)


def _exact(values: Floats, starts: Numbers) -> Sequence[float]:
    """The sum of each stretch, correctly rounded: the order in which values come decides nothing."""
    if np.all(values == np.rint(values)) and np.abs(values).sum() < 2**53:
        return list(np.add.reduceat(values, starts))
    ends = np.r_[starts[1:], len(values)]
    try:
        return [fsum(values[start:end]) for start, end in zip(starts, ends, strict=True)]
    except OverflowError as error:
        raise InvalidInput("These values are too large to be added. Filter them, or group by more keys.") from error


def _codes(table: Table, rows: Numbers, *keys: str) -> Numbers:
    """One number for what the rows have of some keys, each of which every metric has just one of."""
    columns = (table.column(ColumnKey.of(METRIC_KEYS[name])) for name in keys)
    numbers, _ = combined((column.of(rows)[1], len(column.values)) for column in columns)
    return numbers


def _one_of_each(table: Table, rows: Numbers, groups: Numbers) -> Mask:
    """Which rows are used: one of each fact in each group."""
    facts = _codes(table, rows, *FACT)
    used = np.ones(len(rows), bool)
    order = np.lexsort((table.standing(rows), facts, groups))
    facts, groups = facts[order], groups[order]
    used[order[1:][(facts[1:] == facts[:-1]) & (groups[1:] == groups[:-1])]] = False
    return used


def _unlike(table: Table, rows: Numbers, groups: Numbers, ancestry: Ancestry) -> dict[int, list[str]]:
    """Groups whose values cannot be added, and the keys that would set them apart; rows come group by group."""
    found: dict[int, list[str]] = {}
    for name in ("INDICATOR", "MEASURE", "UNIT"):
        codes = _codes(table, rows, name)
        differs = (codes[1:] != codes[:-1]) & (groups[1:] == groups[:-1])
        for group in np.unique(groups[1:][differs]):
            found.setdefault(int(group), []).append(name)
    for name, group in _with_parts(table, rows, groups, ancestry):
        if group not in found:
            found[group] = [name]
    return found


def _with_parts(table: Table, rows: Numbers, groups: Numbers, ancestry: Ancestry) -> Iterator[tuple[str, int]]:
    """Groups that hold a total and one of its parts, and the key that would set these apart."""
    subjects, periods = table.column(SUBJECT), table.column(PERIOD)
    bound = len(subjects.values)
    pairs = groups * bound + subjects.of(rows)[1]
    order = np.argsort(pairs, kind="stable")
    during = periods.of(rows)[1][order]
    distinct, starts = np.unique(pairs[order], return_index=True)
    ends = np.r_[starts[1:], len(order)] if len(distinct) else starts

    def spans(place: int) -> list[tuple[str, str]]:
        return [_span(periods.values[code]) for code in during[starts[place] : ends[place]]]

    for place in map(int, np.flatnonzero(ends - starts > 1)):
        if _overlap(spans(place)):
            yield "PERIOD", int(distinct[place]) // bound
    counts, above = ancestry.above(subjects, distinct % bound)
    higher = np.repeat(distinct // bound, counts) * bound + above
    found = np.searchsorted(distinct, higher)
    found[found == len(distinct)] = 0
    places = np.repeat(np.arange(len(distinct)), counts)
    for hit in map(int, np.flatnonzero(distinct[found] == higher) if len(distinct) else ()):
        if any(_meet(whole, part) for whole in spans(int(found[hit])) for part in spans(int(places[hit]))):
            yield "SUBJECT", int(distinct[places[hit]]) // bound


def _overlap(spans: Sequence[tuple[str, str]]) -> bool:
    """Whether two of the spans have a day in common."""
    return any(_meet(*pair) for pair in pairwise(sorted(spans)))


def _span(period: str) -> tuple[str, str]:
    start, _, end = period.partition("/")
    return start, end


def _meet(one: tuple[str, str], other: tuple[str, str]) -> bool:
    return one[0] <= other[1] and other[0] <= one[1]
