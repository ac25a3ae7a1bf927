"""A table: the entities of a kind as rows, which they keep while they are there, and the columns asked for so far."""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum
from functools import partial
from itertools import islice
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar

import numpy as np

from graph.adjacency import Adjacency
from graph.columns import Column, FloatColumn, Fresh, Numbers, TextColumn
from graph.grouping import GroupKey, KeyType
from graph.model import Entity
from graph.paths import SOURCES, Path
from graph.values import fold, span

T = TypeVar("T")


class Form(Enum):
    """What a column holds that is no column of a group key."""

    NUMBER = "number"
    FIRST_DAY = "first day"
    LAST_DAY = "last day"
    FOLDED = "folded"
    LABEL = "label"  # of codes, with the code
    PUBLISHED = "published"


class ColumnKey(NamedTuple):
    """A column: of an attribute in some form, or of the ids that paths reach one after the other."""

    form: KeyType | Form
    attribute: str = ""
    paths: tuple[Path, ...] = ()

    @classmethod
    def of(cls, key: GroupKey) -> "ColumnKey":
        """The column that a group key is looked up in."""
        return cls(key.type, key.attribute, key.paths)

    @classmethod
    def reached(cls, path: Path) -> "ColumnKey":
        """The column of what a path reaches."""
        return cls(KeyType.ENTITY, "", (path,))

    @property
    def name(self) -> str:
        return self.attribute or " ".join(path.name for path in self.paths)


PUBLISHED = ColumnKey(Form.PUBLISHED)


class Table:
    """`record` gets an entity by id."""

    def __init__(self, adjacency: Adjacency, record: Callable[[str], Any], ids: Iterable[str] = ()) -> None:
        self._adjacency = adjacency
        self._record = record
        self._rows: dict[str, int] = {id: row for row, id in enumerate(ids)}
        self._size = len(self._rows)  # rows that were ever used, those in `_free` among them
        self._free: list[int] = []
        self._columns: dict[ColumnKey, Any] = {}
        self._whole: tuple[Sequence[Entity], Numbers] | None = None
        self._standing: Numbers | None = None
        self._sorted: list[str] = []  # the ids, once they are asked for

    def __len__(self) -> int:
        return len(self._rows)

    def replace(self, leaving: Iterable[str], arriving: Iterable[str]) -> None:
        """Lets go of entities and takes others in; one that is among both has changed."""
        gone, new = set(leaving), list(arriving)
        for id in gone.difference(new):
            self._free.append(self._rows.pop(id))
            if self._sorted:
                del self._sorted[bisect_left(self._sorted, id)]
        for id in new:
            if id not in self._rows:
                self._take_in(id)
            for column in self._columns.values():
                column.expire(id)
        if gone or new:
            self._whole = self._standing = None

    def _take_in(self, id: str) -> None:
        if self._sorted:
            insort(self._sorted, id)
        if self._free:
            self._rows[id] = self._free.pop()
        else:
            self._rows[id] = self._size
            self._size += 1

    def rows(self, entities: Sequence[Entity]) -> Numbers:
        """The rows of entities of this table, in their order. Of a list of all they are remembered."""
        if len(entities) < len(self._rows):
            return self._rows_of(entities)
        if self._whole is None or self._whole[0] is not entities:
            self._whole = entities, self._rows_of(entities)
        return self._whole[1]

    def _rows_of(self, entities: Sequence[Entity]) -> Numbers:
        return np.fromiter([self._rows[entity.id] for entity in entities], np.int64, len(entities))

    def is_list(self, attribute: str) -> bool:
        """Whether the attribute holds several values, which no column of single ones has."""
        return any(isinstance(getattr(self._record(id), attribute), tuple) for id in islice(self._rows, 1))

    # Columns, up to date.

    def column(self, key: ColumnKey) -> Column:
        """The values of a group key, or the ids that paths reach one after the other."""
        column: Column = self._fresh(key)
        return column

    def numbers(self, attribute: str) -> FloatColumn:
        """The values of a numeric attribute."""
        column: FloatColumn = self._fresh(ColumnKey(Form.NUMBER, attribute))
        return column

    def dates(self, attribute: str) -> tuple[FloatColumn, FloatColumn]:
        """The first and the last day of a partial date, as 20231105."""
        return self._fresh(ColumnKey(Form.FIRST_DAY, attribute)), self._fresh(ColumnKey(Form.LAST_DAY, attribute))

    def texts(self, attribute: str) -> TextColumn:
        """A text attribute, folded."""
        column: TextColumn = self._fresh(ColumnKey(Form.FOLDED, attribute))
        return column

    def label(self, attribute: str, code: str) -> str | None:
        """The label of a code in a list of codes: the one that most entities have for it, of equals the first."""
        column = self._fresh(ColumnKey(Form.LABEL, attribute))
        labels = [
            (-count, label)
            for (known, label), count in zip(column.values[1:], column.counts()[1:], strict=True)
            if known == code and count
        ]
        return min(labels)[1] if labels else None

    def standing(self, rows: Numbers) -> Numbers:
        """Where rows stand among all: those of the newest source first, of equals the first by id."""
        published: FloatColumn = self._fresh(PUBLISHED)
        if self._standing is None:
            ids = self._sorted = self._sorted or sorted(self._rows)
            in_order = np.fromiter([self._rows[id] for id in ids], np.int64, len(ids))
            in_order = in_order[np.argsort(-published.of(in_order), kind="stable")]
            self._standing = np.zeros(self._size, np.int64)
            self._standing[in_order] = np.arange(len(ids))
        return self._standing[rows]

    def read(self, key: ColumnKey, most: int) -> bool:
        """Reads so many of a column's values that must be read before it can be used; whether some are left."""
        left: bool = self._made(key).refresh(self._rows, self._size, most)
        return left

    def _fresh(self, key: ColumnKey) -> Any:
        column = self._made(key)
        column.refresh(self._rows, self._size)
        return column

    def _made(self, key: ColumnKey) -> Any:
        column = self._columns.get(key)
        if column is None:
            column = self._columns[key] = self._new(key)
        return column

    def _new(self, key: ColumnKey) -> Fresh[Any]:
        if key.form is Form.PUBLISHED:
            self._adjacency.watch(SOURCES, self._note_sources)
            return FloatColumn(self._read_published)
        if not key.paths:
            type_, read = READERS[key.form]
            attributes = ("started_on", "ended_on") if key.form is KeyType.PERIOD else (key.attribute,)
            made: Fresh[Any] = type_(partial(self._read_attribute, attrgetter(*attributes), read))
            return made
        column = Column(partial(self._adjacency.follow, key.paths))
        for index, path in enumerate(key.paths):
            # What lies further on is reached from many: if it changes, all are read again.
            self._adjacency.watch(path, column.expire if index == 0 else lambda _: column.expire())
        return column

    def _read_attribute(
        self, get: Callable[[Any], Any], read: Callable[[Any], T], ids: Iterable[str]
    ) -> Iterator[tuple[str, T]]:
        return ((id, read(get(self._record(id)))) for id in ids)

    def _read_published(self, ids: Iterable[str]) -> Iterator[tuple[str, float]]:
        """The newest day on which a source of each was published, as 20231105; 0 where none is known."""
        for id, sources in self._adjacency.follow((SOURCES,), ids):
            yield id, max((_as_day(source.published_on or "") for source in map(self._record, sources)), default=0.0)

    def _note_sources(self, id: str | None) -> None:
        self._made(PUBLISHED).expire(id)
        self._standing = None


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _as_day(date: str) -> float:
    """A date, or the part of it that is known, as a number that is ordered as the text is: 20231105, 20231100."""
    return float(date.replace("-", "").ljust(8, "0"))


def _first_day(date: str | None) -> float | None:
    return None if date is None else _as_day(span(date)[0])


def _last_day(date: str | None) -> float | None:
    return None if date is None else _as_day(span(date)[1])


def _folded(text: str | None) -> str | None:
    return None if text is None else fold(text)


def _text(value: str | None) -> tuple[str, ...]:
    return () if value is None else (value,)


def _codes(codes: Sequence[Any]) -> Iterable[str]:
    return dict.fromkeys(code.code for code in codes)


def _labels(codes: Sequence[Any]) -> Iterable[tuple[str, str]]:
    return dict.fromkeys((code.code, code.label) for code in codes if code.label)


def _year(date: str | None) -> tuple[str, ...]:
    return () if date is None else (date[:4],)


def _month(date: str | None) -> tuple[str, ...]:
    return () if date is None or len(date) < len("2023-11") else (date[:7],)


def _period(period: tuple[str, str]) -> tuple[str, ...]:
    return (f"{span(period[0])[0]}/{span(period[1])[1]}",)


READERS: dict[KeyType | Form, tuple[Any, Callable[[Any], Any]]] = {
    KeyType.TERM: (Column, _text),
    KeyType.TEXT: (Column, _text),
    KeyType.CODE: (Column, _codes),
    KeyType.YEAR: (Column, _year),
    KeyType.MONTH: (Column, _month),
    KeyType.PERIOD: (Column, _period),
    Form.NUMBER: (FloatColumn, _number),
    Form.FIRST_DAY: (FloatColumn, _first_day),
    Form.LAST_DAY: (FloatColumn, _last_day),
    Form.FOLDED: (TextColumn, _folded),
    Form.LABEL: (Column, _labels),
}
"""What column an attribute has in each form, and how it is read."""
