"""The parts of an object's JSON: members that are plain, members that ask the engine, and the nodes of a connection."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from graphql import FieldNode

from api.arguments import ArgumentReader
from api.columns import FAILED, Column, FieldSpot, ItemSpot, PickedSpot, Rank, Run, Spot
from api.fields import Step
from api.fragments import Fragments
from api.leaves import NULL, Encode, to_json
from api.lists import ListPlan, Lists, ListStep, lists, pages_of
from api.writers import Nulls, Object, Writer, typed
from graph.engine import Lasting, Reach, Several, settle

Get = Callable[[Any], Any]


class Place:
    """Where a field stands among the members of its object, and what it makes of null."""

    __slots__ = ("key", "nodes", "nulls", "rank")

    def __init__(self, key: str, rank: Rank, nodes: list[FieldNode], name: str, *, nullable: bool) -> None:
        self.key = key
        self.rank = rank
        self.nodes = nodes
        self.nulls = Nulls(nullable, name, nodes)

    @property
    def prefix(self) -> bytes:
        return to_json(self.key) + b":"

    def spot(self, above: Spot) -> FieldSpot:
        return FieldSpot(above, self.nulls.taken, self.key, self.rank)


class Member:
    """A plain member: `get` gets its value from the object alone, `encode` writes it. `signature` tells it from other
    members. `writer` makes a writer of its type: where a value is wrong, that tells which, and what becomes of it."""

    __slots__ = ("_encode", "_get", "_writer", "place", "prefix", "signature")

    def __init__(
        self, place: Place, get: Get, encode: Encode, signature: tuple[Any, ...], writer: Callable[[], Writer]
    ) -> None:
        self.place = place
        self.prefix = place.prefix
        self.signature = (place.key, *signature)
        self._get = get
        self._encode = encode
        self._writer = writer

    def write(self, source: Any) -> bytes:
        return self.prefix + self._encode(self._get(source))

    def write_with_errors(self, run: Run, source: Any, spot: Spot) -> bytes | None:
        """As any other field is written: for a member that `write` has failed on."""
        own = self.place.spot(spot)
        try:
            value = self._get(source)
        except Exception as error:  # noqa: BLE001  # a field's error, whatever it is
            value = error
        (written,) = typed(run, settle(self._writer().write(run, [value], own)), own, self.place.nulls)
        return FAILED if written is FAILED else self.prefix + written


def braced(members: Sequence[Member]) -> Encode:
    """Writes an object of plain members."""
    return lambda source: b"{%b}" % b",".join([member.write(source) for member in members])


class PlainPart:
    """Plain members that follow each other. Of the graph's own records what was written is remembered."""

    prefix = b""

    def __init__(
        self,
        members: Sequence[Member],
        fragments: Fragments[bytes] | None = None,
        columns: Fragments[Column] | None = None,
    ) -> None:
        self._members = members
        self._fragments = fragments
        self._columns = columns
        self.signature = tuple(member.signature for member in members)

    @property
    def keys(self) -> list[str]:
        return [member.place.key for member in self._members]

    async def write(self, run: Run, sources: Sequence[Any], spot: Spot) -> Column:
        return self.write_now(run, sources, spot)

    def write_now(self, run: Run, sources: Sequence[Any], spot: Spot) -> Column:
        if self._columns is not None and type(sources) is Lasting:
            return self._column_of(self._columns, sources, run, 0, spot)
        if self._columns is not None and type(sources) is Several:
            whole: Column = []
            for page in sources.pages:
                whole += self._column_of(self._columns, page, run, len(whole), spot)
            return whole
        if self._fragments is not None:
            column = list(map(self._fragments.known.get, map(id, sources)))
            if all(column):  # in half the time that `None not in column` takes
                return column
        return [self._write_one(run, index, source, spot) for index, source in enumerate(sources)]

    def _column_of(self, columns: Fragments[Column], page: Lasting, run: Run, start: int, spot: Spot) -> Column:
        """The column of a lasting page, whose entities stand from `start` on among the sources."""
        column = columns.known.get(id(page))
        if column is None:
            failures = len(run.failures)
            column = [self._write_one(run, index, source, spot) for index, source in enumerate(page, start)]
            if len(run.failures) == failures:  # else what failed must be told again
                columns.remember(page, column, 8 * len(column))
        return column

    def plain(self, source: Any) -> bytes:
        """The members of an object. Raises whatever one of them raises."""
        fragments = self._fragments
        known = None if fragments is None else fragments.known.get(id(source))
        if known is not None:
            return known
        written = b",".join([member.write(source) for member in self._members])
        if fragments is not None:
            fragments.remember(source, written, len(written))
        return written

    def _write_one(self, run: Run, index: int, source: Any, spot: Spot) -> bytes | None:
        try:
            return self.plain(source)
        except Exception:  # noqa: BLE001  # told by the member that raises it, below
            return self._write_with_errors(run, index, source, spot)

    def _write_with_errors(self, run: Run, index: int, source: Any, spot: Spot) -> bytes | None:
        own = PickedSpot(spot, False, [index])
        written: Column = []
        for member in self._members:
            try:
                written.append(member.write(source))
            except Exception:  # noqa: BLE001  # told by the member's writer
                written.append(member.write_with_errors(run, source, own))
        return FAILED if FAILED in written else b",".join(written)  # type: ignore[arg-type]


class AttributePart:
    """A field that reads an attribute, and leads on from it."""

    def __init__(self, place: Place, writer: Writer, attribute: str) -> None:
        self.prefix = place.prefix
        self.place = place
        self._writer = writer
        self._attribute = attribute

    async def write(self, run: Run, sources: Sequence[Any], spot: Spot) -> Column:
        own = self.place.spot(spot)
        values = [getattr(source, self._attribute) for source in sources]
        return typed(run, await self._writer.write(run, values, own), own, self.place.nulls)


class StepPart:
    """A field with a step: the whole frontier in one call. `compiled` makes the writer of its values, as soon as there
    is one."""

    def __init__(self, place: Place, compiled: Callable[[], Writer], step: Step, arguments: ArgumentReader) -> None:
        self.prefix = place.prefix
        self.place = place
        self._compiled = compiled
        self._writer: Writer | None = None
        self._plain: Object | None = None
        self._run = step.run
        self._arguments = arguments

    async def write(self, run: Run, sources: Sequence[Any], spot: Spot) -> Column:
        own = self.place.spot(spot)
        try:
            values = await self._run(run.request, sources, self._arguments.read(run))
        except Exception as error:  # noqa: BLE001  # it is the error of each of these fields
            values = [error] * len(sources)
        if self._plain is not None and run.trace is None:
            column = self._plain.write_now(run, values, own)
        elif self._writer is None and all(value is None for value in values):
            column = [NULL] * len(values)
        else:
            column = await (self._writer or self._compile()).write(run, values, own)
        return typed(run, column, own, self.place.nulls)

    def _compile(self) -> Writer:
        writer = self._writer = self._compiled()
        self._plain = writer if isinstance(writer, Object) and writer.plain else None
        return writer


class ElsewherePart:
    """A field that leads to the root again, in another request."""

    def __init__(self, place: Place, root: Object, step: Step, arguments: ArgumentReader) -> None:
        self.prefix = place.prefix
        self.place = place
        self._root = root
        self._run = step.run
        self._arguments = arguments

    async def write(self, run: Run, sources: Sequence[Any], spot: Spot) -> Column:
        own = self.place.spot(spot)
        try:
            (request,) = await self._run(run.request, sources, self._arguments.read(run))
            there = Run(request, run.variables, run.given, run.failures, run.trace)
        except Exception as error:  # noqa: BLE001  # it is the error of this field
            return typed(run, await self._root.write(run, [error], own), own, self.place.nulls)
        return typed(run, await self._root.write(there, [ROOT_VALUE], own), own, self.place.nulls)


ROOT_VALUE = object()
"""What stands for the root, of which nothing is read."""


class ListPart:
    """A connection, which is there or is an error, but never null. `compiled` makes its writer when it is first asked
    for. What is asked is made once of constant arguments, else in each execution; `wants_pages` if more than the length
    of its list is selected. Where nothing but nodes is selected, they write the connection, and nothing is made of the
    list but its page."""

    def __init__(
        self,
        place: Place,
        compiled: Callable[[], Object],
        step: ListStep,
        arguments: ArgumentReader,
        *,
        wants_pages: bool,
    ) -> None:
        self.prefix = place.prefix
        self.place = place
        self._compiled = compiled
        self._shown: Object | None = None
        self._nodes: NodesPart | None = None
        self._step = step
        self._arguments = arguments
        self._wants_pages = wants_pages
        self._plan: ListPlan | None = None

    def write(self, run: Run, sources: Sequence[Any], spot: Spot) -> Coroutine[Any, Any, Column]:
        # It waits for nothing itself: a coroutine more for each list would be felt on a page of them.
        values: Sequence[Any]
        shown = self._shown or self._compile()
        try:
            plan = self._plan or self._read(run)
            if self._nodes is not None and plan.page is not None:
                asked = pages_of(run.request, sources, plan.question, plan.page)
                return self._nodes.write_pages(run, asked, len(sources), spot)
            values = lists(run.request, sources, plan, wants_pages=self._wants_pages)
        except Exception as error:  # noqa: BLE001  # it is the error of each of these fields
            values = [error] * len(sources)
        return shown.write(run, values, self.place.spot(spot))

    def _compile(self) -> Object:
        shown = self._shown = self._compiled()
        only = shown.parts[0][0] if len(shown.parts) == 1 else None
        self._nodes = only.alone(self.place) if isinstance(only, NodesPart) else None
        return shown

    def _read(self, run: Run) -> ListPlan:
        plan = self._step.plan(run.request, self._arguments.read(run))
        if self._arguments.constant is not None:
            self._plan = plan
        return plan


class NodesPart:
    """The nodes of a connection, records of one kind. Where they are plain, one parent's list is remembered.

    `kept` gives the memory for what is written; None where the nodes are not plain. `around` is the place of the
    connection, if nothing else is selected of it: it is then written around its nodes.
    """

    def __init__(
        self, place: Place, item: Object, kept: Callable[[object], Fragments[bytes]] | None, around: Place | None = None
    ) -> None:
        self.prefix = place.prefix
        self._place = place
        self._item = item
        self._kept = kept
        self._around = around
        self._brackets = (b"[", b"]") if around is None else (b"{" + self.prefix + b"[", b"]}")
        self._fragments = None if kept is None else kept(self._brackets)

    def alone(self, around: Place) -> "NodesPart":
        return NodesPart(self._place, self._item, self._kept, around)

    def write(self, run: Run, sources: Sequence[Any], spot: Spot) -> Coroutine[Any, Any, Column]:
        asked = sources if type(sources) is Lists else sources[0].asked
        return self.write_pages(run, asked.pages(), len(sources), spot)

    async def write_pages(
        self, run: Run, asked: Coroutine[Any, Any, Sequence[Reach]], count: int, spot: Spot
    ) -> Column:
        """Writes the nodes of pages that have been asked for, `count` of them."""
        try:
            pages = await asked
        except Exception as error:  # noqa: BLE001  # it is the error of each of these fields
            own = self._spot(spot)
            return typed(run, await self._item.write(run, [error] * count, own), own, self._place.nulls)
        if self._fragments is not None:
            column = list(map(self._fragments.known.get, map(id, pages)))
            if all(column) or self._write_missing(column, pages, self._fragments):
                return column
        lengths = [len(page.entities) for page in pages]
        own = ItemSpot(self._spot(spot), False, lengths)
        return await self._item.write_lists(run, _joined(pages), lengths, own, *self._brackets)

    def _spot(self, above: Spot) -> Spot:
        return self._place.spot(above if self._around is None else self._around.spot(above))

    def _write_missing(self, column: Column, pages: Sequence[Reach], fragments: Fragments[bytes]) -> bool:
        """Writes the lists that are not remembered; gives up where a member cannot be written."""
        assert self._item.plain is not None
        write = self._item.plain.plain
        for index, page in enumerate(pages):
            if column[index] is None:
                try:
                    column[index] = fragments.known.get(id(page)) or self._write_list(page, write, fragments)
                except Exception:  # noqa: BLE001  # told by the member that raises it, when it is written again
                    return False
        return True

    def _write_list(self, page: Reach, write: Encode, fragments: Fragments[bytes]) -> bytes:
        before, after = self._brackets
        written = before + b",".join([b"{%b}" % write(entity) for entity in page.entities]) + after
        if type(page.entities) is Lasting:
            fragments.remember(page, written, len(written))
        return written


def _joined(pages: Sequence[Reach]) -> Sequence[Any]:
    """The entities of the pages, one page after the other."""
    if len(pages) == 1:
        return pages[0].entities
    lasting = [page.entities for page in pages if type(page.entities) is Lasting]
    if len(lasting) == len(pages):
        return Several(lasting)
    return [entity for page in pages for entity in page.entities]
