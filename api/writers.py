"""Writing columns of JSON: one writer for each way in which a GraphQL type completes a value.

Values may be None or exceptions, as steps give them. A writer answers an entry for each: JSON, NULL, or FAILED once it
has told the error; `typed` then makes of NULL and FAILED what the type says. What these do for whole columns is what
graphql-core does value by value, and a differential test holds them to it.
"""

from collections.abc import Callable, Coroutine, Iterable, Sequence
from itertools import chain, repeat
from typing import Any, NamedTuple, Protocol, TypeGuard

from graphql import FieldNode

from api.columns import FAILED, Column, ItemSpot, PickedSpot, Run, Spot
from api.leaves import NULL, Encode
from api.lists import Lists


class Writer(Protocol):
    """Writes the values of a type, null or not."""

    async def write(self, run: Run, values: Sequence[Any], spot: Spot) -> Column: ...


class Nulls(NamedTuple):
    """What a position makes of null: takes it, and absorbs failures; or refuses it, by the name of its field."""

    taken: bool
    name: str
    nodes: list[FieldNode]


def typed(run: Run, column: Column, spot: Spot, nulls: Nulls) -> Column:
    """The column as its type allows: a failure becomes null where null may be, and null a failure where it may not."""
    if nulls.taken:
        return [NULL if entry is FAILED else entry for entry in column] if run.failures else column
    if NULL in column:
        for index, entry in enumerate(column):
            if entry is NULL:
                told = f"Cannot return null for non-nullable field {nulls.name}."
                run.fail(spot, index, TypeError(told), nulls.nodes)
                column[index] = FAILED
    return column


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


class Many:
    """Lists: their items are written as one column."""

    def __init__(self, item: Writer, nulls: Nulls) -> None:
        self._item = item
        self._nulls = nulls

    async def write(self, run: Run, values: Sequence[Any], spot: Spot) -> Column:
        picked, column = pick(run, values, spot, self._nulls.nodes)
        lists = values if picked is None else [values[index] for index in picked]
        above = spot if picked is None else PickedSpot(spot, False, picked)
        lengths = [len(items) for items in lists]
        flat = lists[0] if len(lists) == 1 else [item for items in lists for item in items]
        own = ItemSpot(above, self._nulls.taken, lengths)
        items = typed(run, await self._item.write(run, flat, own), own, self._nulls)
        return merged(column, picked, join_lists(run, items, lengths))


def join_lists(run: Run, items: Column, lengths: Sequence[int], before: bytes = b"[", after: bytes = b"]") -> Column:
    """The JSON of lists whose items stand in one column; a list with a failed item fails."""
    column: Column = []
    start = 0
    for length in lengths:
        part = items[start : start + length]
        failed = run.failures and FAILED in part
        column.append(FAILED if failed else b"".join((before, b",".join(part), after)))  # type: ignore[arg-type]
        start += length
    return column


BETWEEN = b"},{"
"""What stands between two objects of a list."""


class Part(Protocol):
    """What fills one hole of an object. `prefix` stands before each of its entries: `"name":`, or nothing for a part
    that writes whole members."""

    prefix: bytes

    async def write(self, run: Run, sources: Sequence[Any], spot: Spot) -> Column: ...


class PlainMembers(Part, Protocol):
    """A part of plain members, which never waits and can be written for one object alone. `signature` tells it from
    others; `keys` are those of its members."""

    signature: tuple[object, ...]

    @property
    def keys(self) -> Sequence[str]: ...

    def plain(self, source: Any) -> bytes: ...

    def write_now(self, run: Run, sources: Sequence[Any], spot: Spot) -> Column: ...


def is_plain(part: Part) -> TypeGuard[PlainMembers]:
    return hasattr(part, "signature")  # to compare a class with a protocol takes 50 times as long


class Object:
    """Objects of one type: their parts, put between braces."""

    def __init__(self, parts: Sequence[Part], nodes: list[FieldNode]) -> None:
        self.parts = [(part, is_plain(part)) for part in parts]
        self._nodes = nodes
        self._glue = [glue + part.prefix for glue, part in zip(chain([b"{"], repeat(b",")), parts, strict=False)]
        self._row = [piece for glue in self._glue for piece in (glue, b"")]
        self._row[:1] = [BETWEEN + glue[1:] for glue in self._glue[:1]]
        """The pieces of one object that follows another in a list; between them its parts' entries are put."""
        self._line: list[bytes | None] = [*(piece for glue in self._glue for piece in (glue, b"")), b"}"]
        """Those of an object by itself."""
        self.plain = parts[0] if len(parts) == 1 and is_plain(parts[0]) else None
        """Its only part, if that is one of plain members."""

    def write(self, run: Run, values: Sequence[Any], spot: Spot) -> Coroutine[Any, Any, Column]:
        picked, column = pick(run, values, spot, self._nodes)
        if picked is None:
            return self.write_all(run, values, spot)
        return self._write_picked(run, values, picked, column, spot)

    def write_now(self, run: Run, values: Sequence[Any], spot: Spot) -> Column:
        """As `write`, of objects that are `plain`: nothing is awaited, which on a single object is half of the time."""
        assert self.plain is not None
        picked, known = pick(run, values, spot, self._nodes)
        if picked is None:
            return self.joined(run, [self.plain.write_now(run, values, spot)])
        sources = [values[index] for index in picked]
        written = self.plain.write_now(run, sources, PickedSpot(spot, False, picked))
        return merged(known, picked, self.joined(run, [written]))

    async def _write_picked(
        self, run: Run, values: Sequence[Any], picked: list[int], known: Column, spot: Spot
    ) -> Column:
        sources = [values[index] for index in picked]
        return merged(known, picked, await self.write_all(run, sources, PickedSpot(spot, False, picked)))

    async def write_all(self, run: Run, sources: Sequence[Any], spot: Spot) -> Column:
        """The objects of sources none of which is missing."""
        if not self.parts or not sources:
            return [b"{}"] * len(sources)
        return self.joined(run, await self._columns(run, sources, spot))

    async def write_lists(
        self, run: Run, sources: Sequence[Any], lengths: Sequence[int], spot: Spot, before: bytes, after: bytes
    ) -> Column:
        """Lists of objects, one after the other of these lengths, each between `before` and `after`."""
        if not self.parts or not sources:
            return join_lists(run, [b"{}"] * len(sources), lengths, before, after)
        columns = await self._columns(run, sources, spot)
        if run.failures:
            return join_lists(run, self.joined(run, columns), lengths, before, after)
        # The pieces of all objects in one list: nothing is made of each object but its share of the text.
        pieces: list[bytes | None] = [*self._row] * len(sources)
        width = len(self._row)
        for place, column in enumerate(columns):
            pieces[2 * place + 1 :: width] = column
        lists: Column = []
        opening, closing = before + self._glue[0], b"}" + after
        end = 0
        for length in lengths:
            start, end = end, end + length * width
            share = pieces[start:end]
            if share:
                share[0] = opening
                share.append(closing)
            lists.append(b"".join(share) if share else before + after)  # type: ignore[arg-type]  # nothing failed
        return lists

    async def _columns(self, run: Run, sources: Sequence[Any], spot: Spot) -> list[Column]:
        """One column a part."""
        if run.trace is not None:
            return [await run.trace.write(part, run, sources, spot) for part, _ in self.parts]
        columns: list[Column] = []
        for part, at_once in self.parts:
            # Plain parts are called, not awaited: a coroutine for each would be a fifth of a small answer.
            column = part.write_now(run, sources, spot) if at_once else await part.write(run, sources, spot)  # type: ignore[attr-defined]
            columns.append(column)
        return columns

    def joined(self, run: Run, columns: Sequence[Column]) -> Column:
        """The objects whose parts' entries stand in these columns."""
        if len(columns) == 1:
            opening = self._glue[0]
            return [FAILED if entry is FAILED else b"".join((opening, entry, b"}")) for entry in columns[0]]
        if len(columns[0]) == 1:
            row = [*self._line]
            row[1::2] = [column[0] for column in columns]
            return [FAILED if run.failures and FAILED in row else b"".join(row)]  # type: ignore[arg-type]
        pieces: list[Iterable[bytes | None]] = []
        for glue, column in zip(self._glue, columns, strict=True):
            pieces += (repeat(glue), column)
        rows = zip(*pieces, repeat(b"}"), strict=False)
        if run.failures:
            return [FAILED if FAILED in row else b"".join(row) for row in rows]
        return list(map(b"".join, rows))  # in a third of the time that formatting takes


class Abstract:
    """Objects of several types, by the writer of each. A part that several of them have is written for all together, so
    that however many types turn up it asks the engine once."""

    def __init__(self, writer_of: Callable[[str], Object], nodes: list[FieldNode]) -> None:
        self._writer_of = writer_of
        self._nodes = nodes

    async def write(self, run: Run, values: Sequence[Any], spot: Spot) -> Column:
        picked, column = pick(run, values, spot, self._nodes)
        column = column or [NULL] * len(values)
        places: dict[str, list[int]] = {}
        for index in range(len(values)) if picked is None else picked:
            places.setdefault(type(values[index]).__name__, []).append(index)
        objects = [(self._writer_of(name), indexes) for name, indexes in places.items()]
        written = await _write_parts(run, values, spot, objects)
        for shown, indexes in objects:
            columns = [[written[part][index] for index in indexes] for part, _ in shown.parts]
            merged(column, indexes, shown.joined(run, columns) if columns else [b"{}"] * len(indexes))
        return column


async def _write_parts(
    run: Run, values: Sequence[Any], spot: Spot, objects: Sequence[tuple[Object, list[int]]]
) -> dict[Part, dict[int, bytes | None]]:
    """The entries of all parts of some objects, by the indexes of their values."""
    owners: dict[Part, list[int]] = {}
    for shown, indexes in objects:
        for part, _ in shown.parts:
            owners.setdefault(part, []).extend(indexes)
    written = {}
    for part, indexes in owners.items():
        sources, own = [values[index] for index in indexes], PickedSpot(spot, False, indexes)
        writing = part.write(run, sources, own) if run.trace is None else run.trace.write(part, run, sources, own)
        column = await writing
        written[part] = dict(zip(indexes, column, strict=True))
    return written


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
