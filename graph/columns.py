"""Columns: which values each entity of a kind has, as numbers in arrays, so that thousands are looked at in a few
operations.

An index in the sense of ARCHITECTURE.md: made of the graph's records when it is first asked for, brought up to date
entity by entity, and no more than references to what the graph holds.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")
Numbers = NDArray[np.int64]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Read = Callable[[Iterable[str]], Iterator[tuple[str, T]]]
"""Entities by id, with what each has."""

MISSING = 0
"""The code of no value at all."""

MOST = np.iinfo(np.int64).max

MOST_STALE = 100_000
"""Of so many entities values are not read again one by one: nobody may ask for them for a long time."""

FEW_VALUES = 1_000
"""A column may hold so many values that no entity has any more."""


def combined(columns: Iterable[tuple[Numbers, int]]) -> tuple[Numbers, int]:
    """One number for what each row has in several columns of codes, each given with its bound; and its own bound."""
    numbers, size = np.zeros(1, np.int64), 1
    for codes, bound in columns:
        if size > MOST // bound:
            distinct, numbers = np.unique(numbers, return_inverse=True)
            size = len(distinct)
        numbers = numbers * bound + codes
        size *= bound
    return numbers, size


class Fresh(ABC, Generic[T]):
    """What all columns share: which entities are to be read again, and what was read of them so far."""

    def __init__(self, read: Read[T]) -> None:
        self._read = read
        self._stale: set[str] | None = None  # None is all of them
        self._found: dict[int, T] = {}  # by row, until all are read

    def expire(self, id: str | None = None) -> None:
        """Has what an entity has, or all have, read again before it is used."""
        if id is None:
            self._stale = None
        elif self._stale is not None:
            self._stale.add(id)
            if len(self._stale) > MOST_STALE:
                self._stale = None

    def refresh(self, rows: Mapping[str, int], size: int, most: int | None = None) -> bool:
        """Reads what must be, of so many entities or of all; whether some are left. `rows` are those of all entities,
        below `size`."""
        if self._stale is None:
            self._begin()
            self._found, self._stale = {}, set(rows)
        if not self._stale and not self._found:
            return False
        reading = list(islice(self._stale, most))
        self._stale.difference_update(reading)
        for id, found in self._read([id for id in reading if id in rows]):
            self._found[rows[id]] = found
        if self._stale:
            return True
        # A row that was let go of may belong to another entity now, which is among those read then.
        self._take_in(self._found, size)
        self._found = {}
        return False

    @abstractmethod
    def _begin(self) -> None:
        """Forgets everything."""

    @abstractmethod
    def _take_in(self, found: Mapping[int, T], size: int) -> None:
        """Takes in what the entities of some rows have."""


class Column(Fresh[Collection[Any]]):
    """The values of one key, coded: `values[code]`, of which the first stands for none."""

    def __init__(self, read: Read[Collection[Any]]) -> None:
        super().__init__(read)
        self._begin()

    def _begin(self) -> None:
        self.values: list[Any] = [None]
        self._codes: dict[Any, int] = {}
        self._rows: Numbers = np.empty(0, np.int64)  # pairs of a row and one of its codes
        self._paired: Numbers = np.empty(0, np.int64)
        self._starts: Numbers = np.zeros(1, np.int64)  # where the pairs of a row start, once they are in order
        self._counts: Numbers = np.zeros(0, np.int64)
        self._is_single = True

    def _take_in(self, found: Mapping[int, Collection[Any]], size: int) -> None:
        pairs = [(row, code) for row, values in found.items() for code in self._coded(values)]
        fresh = np.array(pairs, np.int64).reshape(-1, 2)
        if len(self._rows):
            again = np.zeros(size, bool)
            again[list(found)] = True
            kept = ~again[self._rows]
            fresh = np.concatenate([np.column_stack([self._rows[kept], self._paired[kept]]), fresh])
        fresh = fresh[np.argsort(fresh[:, 0], kind="stable")]
        self._rows, self._paired = fresh[:, 0], fresh[:, 1]
        self._counts = np.bincount(self._rows, minlength=size)
        self._starts = np.concatenate([[0], np.cumsum(self._counts)])
        self._is_single = bool((self._counts <= 1).all())
        if np.count_nonzero(self.counts()) + FEW_VALUES < len(self.values):
            self.expire()  # next time all is read anew, without what nobody has any more

    def counts(self) -> Numbers:
        """How many entities have each value."""
        return np.bincount(self._paired, minlength=len(self.values))

    def _coded(self, values: Iterable[Any]) -> list[int]:
        return [self._code(value) for value in values] or [MISSING]

    def _code(self, value: Any) -> int:
        code = self._codes.get(value)
        if code is None:
            code = self._codes[value] = len(self.values)
            self.values.append(value)
        return code

    def code(self, value: Any) -> int:
        """The code of a value; MISSING if no entity has it."""
        return self._codes.get(value, MISSING)

    def count(self, rows: Numbers) -> int:
        """How many codes the rows have in all."""
        return len(rows) if self._is_single else int(self._counts[rows].sum())

    def of(self, rows: Numbers) -> tuple[Numbers | None, Numbers]:
        """How many codes each row has, and the codes, row by row; None where each has just one."""
        starts = self._starts[rows]
        if self._is_single:
            return None, self._paired[starts]
        counts = self._counts[rows]
        offsets = np.cumsum(counts) - counts
        places = np.arange(int(counts.sum())) + np.repeat(starts - offsets, counts)
        return counts, self._paired[places]

    def known(self, rows: Numbers) -> Numbers:
        """How many values each row has."""
        counts, codes = self.of(rows)
        known: Numbers = (codes != MISSING).astype(np.int64)
        if counts is not None and len(rows):
            known = np.add.reduceat(known, np.cumsum(counts) - counts)
        return known

    def any(self, rows: Numbers, meets: Mask) -> Mask:
        """Which rows have a value that meets a condition; `meets` says it of each code."""
        counts, codes = self.of(rows)
        if counts is None or not len(rows):
            return meets[codes]
        return np.logical_or.reduceat(meets[codes], np.cumsum(counts) - counts)


class FloatColumn(Fresh[float | None]):
    """Numbers, NaN where there is none."""

    def __init__(self, read: Read[float | None]) -> None:
        super().__init__(read)
        self._begin()

    def _begin(self) -> None:
        self._values: Floats = np.empty(0)

    def _take_in(self, found: Mapping[int, float | None], size: int) -> None:
        if len(self._values) < size:
            self._values = np.concatenate([self._values, np.full(size - len(self._values), np.nan)])
        numbers = [np.nan if number is None else number for number in found.values()]
        self._values[list(found)] = np.array(numbers, np.float64)

    def of(self, rows: Numbers) -> Floats:
        return self._values[rows]


class TextColumn(Fresh[str | None]):
    """Texts as they are compared, None where there is none."""

    def __init__(self, read: Read[str | None]) -> None:
        super().__init__(read)
        self._begin()

    def _begin(self) -> None:
        self._texts: list[str | None] = []

    def _take_in(self, found: Mapping[int, str | None], size: int) -> None:
        self._texts += [None] * (size - len(self._texts))
        for row, text in found.items():
            self._texts[row] = text

    def of(self, rows: Numbers) -> list[str | None]:
        return list(map(self._texts.__getitem__, rows.tolist()))
