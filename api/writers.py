"""Writing columns of JSON: one writer for each way in which a GraphQL type completes a value.

Values may be None or exceptions, as steps give them. A writer answers an entry for each: JSON, NULL, or FAILED once it
has told the error. What these do for whole columns is what graphql-core does value by value, and a differential test
holds them to it.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

from graphql import FieldNode

from api.columns import FAILED, Column, ItemSpot, PickedSpot, Run, Spot
from api.leaves import NULL, Encode
from api.lists import Lists


class Writer(Protocol):
    """Writes the values of a type."""

    async def write(self, run: Run, values: Sequence[Any], spot: Spot) -> Column: ...


class Leaf:
    """Scalars and enums."""

    def __init__(self, encode: Encode, nodes: list[FieldNode]) -> None:
        self._encode = encode
        self._nodes = nodes

    async def write(self, run: Run, values: Sequence[Any], spot: Spot) -> Column:
        encode = self._encode
        column: Column = []
        for index, value in enumerate(values):
            if value is None:
                column.append(NULL)
                continue
            try:
                if isinstance(value, Exception):
                    raise value
                column.append(encode(value))
            except Exception as error:  # noqa: BLE001  # a value that cannot be written is its field's error
                run.fail(spot, index, error, self._nodes)
                column.append(FAILED)
        return column


class NonNull:
    """A type that takes no null: one is an error."""

    def __init__(self, inner: Writer, name: str, nodes: list[FieldNode]) -> None:
        self._inner = inner
        self._name = name
        self._nodes = nodes

    async def write(self, run: Run, values: Sequence[Any], spot: Spot) -> Column:
        column = await self._inner.write(run, values, spot)
        if NULL in column:
            for index, entry in enumerate(column):
                if entry is NULL:
                    told = f"Cannot return null for non-nullable field {self._name}."
                    run.fail(spot, index, TypeError(told), self._nodes)
                    column[index] = FAILED
        return column


class Nullable:
    """A type that takes null, which is also what becomes of an entry that failed."""

    def __init__(self, inner: Writer) -> None:
        self._inner = inner

    async def write(self, run: Run, values: Sequence[Any], spot: Spot) -> Column:
        column = await self._inner.write(run, values, spot)
        return [NULL if entry is FAILED else entry for entry in column] if FAILED in column else column


class Many:
    """Lists: their items are written as one column."""

    def __init__(self, item: Writer, nodes: list[FieldNode], *, nullable_items: bool) -> None:
        self._item = item
        self._nodes = nodes
        self._nullable = nullable_items

    async def write(self, run: Run, values: Sequence[Any], spot: Spot) -> Column:
        picked, column = pick(run, values, spot, self._nodes)
        lists = values if picked is None else [values[index] for index in picked]
        above = spot if picked is None else PickedSpot(spot, picked)
        lengths = [len(items) for items in lists]
        flat = lists[0] if len(lists) == 1 else [item for items in lists for item in items]
        items = await self._item.write(run, flat, ItemSpot(above, lengths, nullable=self._nullable))
        return merged(column, picked, join_lists(items, lengths))


def join_lists(items: Column, lengths: Sequence[int]) -> Column:
    """The JSON of lists whose items stand in one column; a list with a failed item fails."""
    column: Column = []
    start = 0
    whole = FAILED not in items
    for length in lengths:
        part = items[start : start + length]
        column.append(b"[%b]" % b",".join(part) if whole or FAILED not in part else FAILED)  # type: ignore[arg-type]
        start += length
    return column


class Part(Protocol):
    """What fills one hole of an object's template. `frame` is that piece of the template: `"name":%b`, or `%b` for a
    part that writes whole members."""

    frame: bytes

    async def write(self, run: Run, sources: Sequence[Any], spot: Spot) -> Column: ...


@runtime_checkable
class PlainMembers(Part, Protocol):
    """A part of plain members, which can be written for one object alone. `signature` tells it from others."""

    signature: tuple[object, ...]

    def plain(self, source: Any) -> bytes: ...


class Object:
    """Objects of one type: their parts, put between braces."""

    def __init__(self, parts: Sequence[Part], nodes: list[FieldNode]) -> None:
        self.parts = parts
        self._nodes = nodes
        self._template = b"{%b}" % b",".join(part.frame for part in parts)

    @property
    def plain(self) -> "PlainMembers | None":
        """Its only part, if that is one of plain members."""
        only = self.parts[0] if len(self.parts) == 1 else None
        return only if isinstance(only, PlainMembers) else None

    async def write(self, run: Run, values: Sequence[Any], spot: Spot) -> Column:
        picked, column = pick(run, values, spot, self._nodes)
        if picked is not None:
            values, spot = [values[index] for index in picked], PickedSpot(spot, picked)
        return merged(column, picked, await self.write_all(run, values, spot))

    async def write_all(self, run: Run, sources: Sequence[Any], spot: Spot) -> Column:
        """The objects of sources none of which is missing."""
        if not self.parts or not sources:
            return [b"{}"] * len(sources)
        columns = [await part.write(run, sources, spot) for part in self.parts]
        template = self._template
        for column in columns:
            if FAILED in column:
                return [FAILED if FAILED in row else template % row for row in zip(*columns, strict=True)]
        if len(columns) == 1:
            return [template % entry for entry in columns[0]]
        return [template % row for row in zip(*columns, strict=True)]


class Abstract:
    """Objects of several types: each type's are written together, by the writer of that type."""

    def __init__(self, writer_of: Callable[[str], Object], nodes: list[FieldNode]) -> None:
        self._writer_of = writer_of
        self._nodes = nodes

    async def write(self, run: Run, values: Sequence[Any], spot: Spot) -> Column:
        picked, column = pick(run, values, spot, self._nodes)
        column = column or [NULL] * len(values)
        places: dict[str, list[int]] = {}
        for index in range(len(values)) if picked is None else picked:
            places.setdefault(type(values[index]).__name__, []).append(index)
        for name, indexes in places.items():
            sources = [values[index] for index in indexes]
            entries = await self._writer_of(name).write_all(run, sources, PickedSpot(spot, indexes))
            for index, entry in zip(indexes, entries, strict=True):
                column[index] = entry
        return column


def pick(run: Run, values: Sequence[Any], spot: Spot, nodes: list[FieldNode]) -> tuple[list[int] | None, Column]:
    """Which values there are to write, and the column with what is known of the others; None and nothing if that is all
    of them."""
    if type(values) is Lists:
        return None, []
    for value in values:
        if value is None or isinstance(value, Exception):
            break
    else:
        return None, []
    picked: list[int] = []
    known: Column = [NULL] * len(values)
    for index, value in enumerate(values):
        if isinstance(value, Exception):
            run.fail(spot, index, value, nodes)
            known[index] = FAILED
        elif value is not None:
            picked.append(index)
    return picked, known


def merged(column: Column, picked: Sequence[int] | None, entries: Column) -> Column:
    """The column with these entries where they were picked from."""
    if picked is None:
        return entries
    for index, entry in zip(picked, entries, strict=True):
        column[index] = entry
    return column
