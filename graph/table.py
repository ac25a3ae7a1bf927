"""A table: the entities of a kind as rows, which they keep while they are there, and the columns asked for so far."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from operator import attrgetter
from typing import Any, TypeVar

import numpy as np

from graph.adjacency import Adjacency
from graph.columns import Column, FloatColumn, Fresh, Numbers, TextColumn
from graph.grouping import KeyType
from graph.model import Entity, Source
from graph.paths import SOURCES, Path
from graph.values import fold, span

F = TypeVar("F", bound=Fresh[Any])
ColumnKey = tuple[Any, ...]


class Table:
    """`record` gets an entity by id."""

    def __init__(self, adjacency: Adjacency, record: Callable[[str], Any], ids: Iterable[str] = ()) -> None:
        self._adjacency = adjacency
        self._record = record
        self._rows: dict[str, int] = {id: row for row, id in enumerate(ids)}
        self._ids: list[str] = [*self._rows]
        self._free: list[int] = []
        self._columns: dict[ColumnKey, Any] = {}
        self._whole: tuple[Sequence[Entity], Numbers] | None = None
        self._standing: Numbers | None = None

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
        if gone or new:
            self._whole = self._standing = None

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

    def column(self, type: KeyType, attribute: str = "", paths: tuple[Path, ...] = ()) -> Column:
        """The values of an attribute, or the ids that paths reach one after the other."""
        return self._fresh(self._coded(type, attribute, paths))

    def prepare(self, type: KeyType, attribute: str, paths: tuple[Path, ...], most: int) -> bool:
        """Reads so many of the column's values that must be read before it can be used; whether some are left."""
        return self._coded(type, attribute, paths).refresh(self._rows, len(self._ids), most)

    def numbers(self, attribute: str) -> FloatColumn:
        """The values of a numeric attribute."""
        return self._kept(FloatColumn, ("number", attribute), lambda: self._attribute(attribute, read=_number))

    def dates(self, attribute: str) -> tuple[FloatColumn, FloatColumn]:
        """The first and the last day of a partial date, as 20231105."""
        first = self._kept(FloatColumn, ("first", attribute), lambda: self._attribute(attribute, read=_first_day))
        last = self._kept(FloatColumn, ("last", attribute), lambda: self._attribute(attribute, read=_last_day))
        return first, last

    def texts(self, attribute: str) -> TextColumn:
        """A text attribute, folded."""
        return self._kept(TextColumn, ("text", attribute), lambda: self._attribute(attribute, read=_folded))

    def standing(self, rows: Numbers) -> Numbers:
        """Where rows stand among all: those of the newest source first, of equals the first by id."""
        published = self._kept(FloatColumn, ("published",), self._read_published)
        if self._standing is None:
            ids = sorted(self._rows)
            in_order = np.fromiter([self._rows[id] for id in ids], np.int64, len(ids))
            in_order = in_order[np.argsort(-published.of(in_order), kind="stable")]
            self._standing = np.zeros(len(self._ids), np.int64)
            self._standing[in_order] = np.arange(len(ids))
        return self._standing[rows]

    def _coded(self, type: KeyType, attribute: str, paths: tuple[Path, ...]) -> Column:
        column: Column | None = self._columns.get((type, attribute, paths))
        if column is None:
            column = self._columns[type, attribute, paths] = Column(self._reader(type, attribute, paths))
            for index, path in enumerate(paths):
                # What lies further on is reached from many: if it changes, all are read again.
                watch = column.expire if index == 0 else lambda _, column=column: column.expire()
                self._adjacency.watch(path, watch)
        return column

    def _kept(self, type: Callable[[Any], F], key: ColumnKey, read: Callable[[], Any]) -> F:
        column: F | None = self._columns.get(key)
        if column is None:
            column = self._columns[key] = type(read())
        return self._fresh(column)

    def _fresh(self, column: F) -> F:
        column.refresh(self._rows, len(self._ids))
        return column

    def _reader(self, type: KeyType, attribute: str, paths: tuple[Path, ...]) -> Any:
        if paths:
            return partial(self._adjacency.follow, paths)
        attributes = ("started_on", "ended_on") if type is KeyType.PERIOD else (attribute,)
        return self._attribute(*attributes, read=READERS[type])

    def _attribute(self, *attributes: str, read: Callable[[Any], Any]) -> Any:
        get = attrgetter(*attributes)
        return lambda ids: ((id, read(get(self._record(id)))) for id in ids)

    def _read_published(self) -> Any:
        """The newest day on which a source of each was published, as 20231105; 0 where none is known."""
        self._adjacency.watch(SOURCES, self._note_sources)

        def read(ids: Iterable[str]) -> Iterator[tuple[str, float]]:
            for id, sources in self._adjacency.follow((SOURCES,), ids):
                yield id, max((_day(source) for source in map(self._record, sources)), default=0.0)

        return read

    def _note_sources(self, id: str | None) -> None:
        self._columns[("published",)].expire(id)
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


def _day(source: Source) -> float:
    return _as_day(source.published_on or "")


def _folded(text: str | None) -> str | None:
    return None if text is None else fold(text)


def _text(value: str | None) -> tuple[str, ...]:
    return () if value is None else (value,)


def _codes(codes: Sequence[Any]) -> Iterable[str]:
    return dict.fromkeys(code.code for code in codes)


def _year(date: str | None) -> tuple[str, ...]:
    return () if date is None else (date[:4],)


def _month(date: str | None) -> tuple[str, ...]:
    return () if date is None or len(date) < len("2023-11") else (date[:7],)


def _period(period: tuple[str, str]) -> tuple[str, ...]:
    return (f"{span(period[0])[0]}/{span(period[1])[1]}",)


READERS: dict[KeyType, Callable[[Any], Iterable[Any]]] = {
    KeyType.TERM: _text,
    KeyType.TEXT: _text,
    KeyType.CODE: _codes,
    KeyType.YEAR: _year,
    KeyType.MONTH: _month,
    KeyType.PERIOD: _period,
}
