"""Columns: which values of a key each entity of a kind has, as small numbers in arrays, so that thousands are grouped
in a few operations.

An index in the sense of ARCHITECTURE.md: made of the graph's records when it is first asked for, brought up to date
entity by entity, and no more than references to what the graph holds.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graph.adjacency import Adjacency
from graph.grouping import GroupKey, KeyType
from graph.model import Entity, Metric
from graph.values import span

Numbers = NDArray[np.int64]
Values = NDArray[np.float64]
Read = Callable[[Iterable[str]], Iterator[tuple[str, Iterable[str]]]]
"""Entities by id, with the values that each has, each once."""

MISSING = 0
"""The code of no value at all."""


MOST = np.iinfo(np.int64).max


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


class Column:
    """The values of one key, coded: `values[code]`, of which the first stands for none."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self.values: list[str | None] = [None]
        self._codes: dict[str, int] = {}
        self._rows: Numbers = np.empty(0, np.int64)  # pairs of a row and one of its codes
        self._paired: Numbers = np.empty(0, np.int64)
        self._starts: Numbers = np.zeros(1, np.int64)  # where the pairs of a row start, once they are in order
        self._counts: Numbers = np.zeros(0, np.int64)
        self._is_single = True
        self.stale: set[str] | None = None
        """Whose values must be read again; None if all of them."""

    def expire(self, id: str | None = None) -> None:
        """Has the values of an entity, or of all, read again before they are used."""
        if id is None:
            self.stale = None
        elif self.stale is not None:
            self.stale.add(id)

    def refresh(self, rows: dict[str, int], size: int) -> None:
        """Reads what must be; `rows` are those of all entities, below `size`."""
        if self.stale is None:
            found, replaced = set(rows), None
            self.values, self._codes = [None], {}
        elif self.stale:
            found, replaced = self.stale & rows.keys(), self.stale
        else:
            return
        pairs = [(rows[id], code) for id, values in self._read(found) for code in self._coded(values)]
        fresh = np.array(pairs, np.int64).reshape(-1, 2)
        if replaced is not None:
            # A row that was let go of may belong to another entity now; then that one is stale as well.
            again = np.zeros(size, bool)
            again[[rows[id] for id in found]] = True
            kept = ~again[self._rows]
            fresh = np.concatenate([np.column_stack([self._rows[kept], self._paired[kept]]), fresh])
        fresh = fresh[np.argsort(fresh[:, 0], kind="stable")]
        self._rows, self._paired = fresh[:, 0], fresh[:, 1]
        self._counts = np.bincount(self._rows, minlength=size)
        self._starts = np.concatenate([[0], np.cumsum(self._counts)])
        self._is_single = bool((self._counts <= 1).all())
        self.stale = set()

    def _coded(self, values: Iterable[str]) -> list[int]:
        return [self._code(value) for value in values] or [MISSING]

    def _code(self, value: str) -> int:
        code = self._codes.get(value)
        if code is None:
            code = self._codes[value] = len(self.values)
            self.values.append(value)
        return code

    def code(self, value: str) -> int:
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


class NumberColumn:
    """The values of a numeric attribute, NaN where there is none."""

    def __init__(self, read: Callable[[str], float | None]) -> None:
        self._read = read
        self._values: Values = np.empty(0)
        self.stale: set[str] | None = None

    def expire(self, id: str) -> None:
        if self.stale is not None:
            self.stale.add(id)

    def refresh(self, rows: dict[str, int], size: int) -> Values:
        found = rows.keys() if self.stale is None else self.stale & rows.keys()
        if len(self._values) < size:
            self._values = np.concatenate([self._values, np.full(size, np.nan)])
        for id in found:
            value = self._read(id)
            self._values[rows[id]] = np.nan if value is None else value
        self.stale = set()
        return self._values


class Table:
    """The entities of a kind as rows, which they keep while they are there, and the columns asked for so far."""

    def __init__(self, adjacency: Adjacency, record: Callable[[str], Any], ids: Iterable[str] = ()) -> None:
        self._adjacency = adjacency
        self._record = record
        self._rows: dict[str, int] = {id: row for row, id in enumerate(ids)}
        self._ids: list[str] = [*self._rows]
        self._free: list[int] = []
        self._columns: dict[GroupKey, Column] = {}
        self._numbers: dict[str, NumberColumn] = {}
        self._all: Numbers | None = None

    def __len__(self) -> int:
        return len(self._rows)

    def replace(self, leaving: Iterable[str], arriving: Iterable[str]) -> None:
        """Lets go of entities and takes others in; one that is among both has changed."""
        gone, new = set(leaving), list(arriving)
        for id in gone.difference(new):
            self._free.append(self._rows.pop(id))
        for id in new:
            if id not in self._rows:
                self._take_in(id)
            for column in self._columns.values():
                column.expire(id)
            for numbers in self._numbers.values():
                numbers.expire(id)
        self._all = None

    def _take_in(self, id: str) -> None:
        if self._free:
            self._rows[id] = self._free.pop()
            self._ids[self._rows[id]] = id
        else:
            self._rows[id] = len(self._ids)
            self._ids.append(id)

    def id(self, row: int) -> str:
        """The entity of a row."""
        return self._ids[row]

    def rows(self, entities: Sequence[Entity]) -> Numbers:
        """The rows of entities of this table, in their order; of all of them, in any order."""
        if len(entities) < len(self._rows):
            return np.fromiter([self._rows[entity.id] for entity in entities], np.int64, len(entities))
        if self._all is None:
            self._all = np.fromiter(self._rows.values(), np.int64, len(self._rows))
        return self._all

    def column(self, key: GroupKey) -> Column:
        """The column of a key, up to date."""
        column = self._columns.get(key)
        if column is None:
            column = self._columns[key] = Column(self._reader(key))
            for index, path in enumerate(key.paths):
                # What lies further on is reached from many: if it changes, all are read again.
                watch = column.expire if index == 0 else lambda _, column=column: column.expire()
                self._adjacency.watch(path, watch)
        column.refresh(self._rows, len(self._ids))
        return column

    def numbers(self, attribute: str) -> Values:
        """The values of a numeric attribute by row, up to date."""
        column = self._numbers.get(attribute)
        if column is None:
            column = self._numbers[attribute] = NumberColumn(lambda id: getattr(self._record(id), attribute))
        return column.refresh(self._rows, len(self._ids))

    def _reader(self, key: GroupKey) -> Read:
        if key.paths:
            return partial(self._adjacency.follow, key.paths)
        read = READERS[key.type]
        return lambda ids: ((id, read(self._record(id), key.attribute)) for id in ids)


def _text(record: Entity, attribute: str) -> tuple[str, ...]:
    value = getattr(record, attribute)
    return () if value is None else (value,)


def _codes(record: Entity, attribute: str) -> Iterable[str]:
    return dict.fromkeys(code.code for code in getattr(record, attribute))


def _year(record: Entity, attribute: str) -> tuple[str, ...]:
    date = getattr(record, attribute)
    return () if date is None else (date[:4],)


def _month(record: Entity, attribute: str) -> tuple[str, ...]:
    date = getattr(record, attribute)
    return () if date is None or len(date) < len("2023-11") else (date[:7],)


def _period(record: Metric, _: str) -> tuple[str, ...]:
    return (f"{span(record.started_on)[0]}/{span(record.ended_on)[1]}",)


READERS: dict[KeyType, Callable[[Any, str], Iterable[str]]] = {
    KeyType.TERM: _text,
    KeyType.TEXT: _text,
    KeyType.CODE: _codes,
    KeyType.YEAR: _year,
    KeyType.MONTH: _month,
    KeyType.PERIOD: _period,
}
