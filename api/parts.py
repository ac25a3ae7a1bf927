"""The parts of an object's JSON: members that are plain, members that ask the engine, and the nodes of a connection."""

from collections.abc import Sequence
from typing import Any

from graphql import FieldNode

from api.arguments import ArgumentReader
from api.columns import FAILED, Column, FieldSpot, ItemSpot, Run, Spot
from api.fields import Step
from api.fragments import Fragments
from api.leaves import NULL, Encode, to_json
from api.lists import ListPlan, Lists, ListStep, lists
from api.relay import Batch
from api.writers import Object, Writer, join_lists
from graph.engine import Reach


class Member:
    """A plain member: `encode` writes its value from the object alone. `signature` tells it from other members."""

    __slots__ = ("encode", "key", "nodes", "nullable", "prefix", "rank", "signature")

    def __init__(
        self, key: str, rank: int, nodes: list[FieldNode], *, nullable: bool, encode: Encode, signature: tuple[Any, ...]
    ) -> None:
        self.key = key
        self.rank = rank
        self.nodes = nodes
        self.nullable = nullable
        self.encode = encode
        self.signature = signature
        self.prefix = to_json(key) + b":"

    def write(self, source: Any) -> bytes:
        return self.prefix + self.encode(source)


def braced(members: Sequence[Member]) -> Encode:
    """Writes an object of plain members."""
    return lambda source: b"{%b}" % b",".join([member.write(source) for member in members])


class PlainPart:
    """Plain members that follow each other. Of the graph's own records what was written is remembered."""

    frame = b"%b"

    def __init__(self, members: Sequence[Member], fragments: Fragments | None) -> None:
        self._members = members
        self._fragments = fragments
        self.signature = tuple(member.signature for member in members)

    async def write(self, run: Run, sources: Sequence[Any], spot: Spot) -> Column:
        if self._fragments is None:
            return [self._write_one(run, index, source, spot) for index, source in enumerate(sources)]
        known = self._fragments.known
        try:
            return [known[id(source)] for source in sources]
        except KeyError:
            return [
                known.get(id(source)) or self._write_one(run, index, source, spot)
                for index, source in enumerate(sources)
            ]

    def plain(self, source: Any) -> bytes:
        """The members of an object. Raises whatever one of them raises."""
        fragments = self._fragments
        known = None if fragments is None else fragments.known.get(id(source))
        if known is not None:
            return known
        written = b",".join([member.write(source) for member in self._members])
        if fragments is not None:
            fragments.remember(source, written)
        return written

    def _write_one(self, run: Run, index: int, source: Any, spot: Spot) -> bytes | None:
        try:
            return self.plain(source)
        except Exception:  # noqa: BLE001  # told by the member that raises it, below
            return self._write_with_errors(run, index, source, spot)

    def _write_with_errors(self, run: Run, index: int, source: Any, spot: Spot) -> bytes | None:
        written, failed = [], False
        for member in self._members:
            try:
                written.append(member.write(source))
            except Exception as error:  # noqa: BLE001  # a field's error, whatever it is
                run.fail(FieldSpot(spot, member.key, member.rank, nullable=member.nullable), index, error, member.nodes)
                written.append(member.prefix + NULL)
                failed = failed or not member.nullable
        return FAILED if failed else b",".join(written)


class _FieldPart:
    """A member with a value that somebody must be asked for, or that holds such members."""

    def __init__(self, key: str, rank: int, nodes: list[FieldNode], nullable: bool, writer: Writer) -> None:
        self.frame = to_json(key) + b":%b"
        self._key = key
        self._rank = rank
        self._nodes = nodes
        self._nullable = nullable
        self._writer = writer

    async def write(self, run: Run, sources: Sequence[Any], spot: Spot) -> Column:
        try:
            values = await self.values(run, sources)
        except Exception as error:  # noqa: BLE001  # it is the error of each of these fields
            values = [error] * len(sources)
        own = FieldSpot(spot, self._key, self._rank, nullable=self._nullable)
        return await self._writer.write(run, values, own)

    async def values(self, run: Run, sources: Sequence[Any]) -> Sequence[Any]:
        raise NotImplementedError


class AttributePart(_FieldPart):
    """A field that reads an attribute, and leads on from it."""

    def __init__(
        self, key: str, rank: int, nodes: list[FieldNode], nullable: bool, writer: Writer, attribute: str
    ) -> None:
        super().__init__(key, rank, nodes, nullable, writer)
        self._attribute = attribute

    async def values(self, run: Run, sources: Sequence[Any]) -> Sequence[Any]:
        return [getattr(source, self._attribute) for source in sources]


class StepPart(_FieldPart):
    """A field with a step: the whole frontier in one call."""

    def __init__(
        self,
        key: str,
        rank: int,
        nodes: list[FieldNode],
        nullable: bool,
        writer: Writer,
        step: Step,
        arguments: ArgumentReader,
    ) -> None:
        super().__init__(key, rank, nodes, nullable, writer)
        self._step = step
        self._arguments = arguments

    async def values(self, run: Run, sources: Sequence[Any]) -> Sequence[Any]:
        return await self._step.run(run.request, sources, self._arguments.read(run))


class ListPart(_FieldPart):
    """A connection. What is asked is made once of constant arguments, else in each execution."""

    def __init__(
        self,
        key: str,
        rank: int,
        nodes: list[FieldNode],
        nullable: bool,
        writer: Writer,
        step: ListStep,
        arguments: ArgumentReader,
    ) -> None:
        super().__init__(key, rank, nodes, nullable, writer)
        self._step = step
        self._arguments = arguments
        self._plan: ListPlan | None = None

    async def values(self, run: Run, sources: Sequence[Any]) -> Sequence[Any]:
        plan = self._plan
        if plan is None:
            plan = self._step.plan(run.request, self._arguments.read(run))
            if self._arguments.constant is not None:
                self._plan = plan
        return lists(run.request, sources, plan)


class NodesPart:
    """The nodes of a connection, records of one kind. Where they are plain, one parent's list is remembered."""

    def __init__(
        self, key: str, rank: int, nodes: list[FieldNode], nullable: bool, item: Object, fragments: Fragments | None
    ) -> None:
        self.frame = to_json(key) + b":%b"
        self._key = key
        self._rank = rank
        self._item = item
        self._plain = item.plain
        self._fragments = fragments

    async def write(self, run: Run, sources: Sequence[Any], spot: Spot) -> Column:
        batch: Batch = sources.batch if isinstance(sources, Lists) else sources[0].batch
        pages = await batch.pages()
        if self._fragments is not None and self._plain is not None:
            known, write = self._fragments.known, self._plain.plain
            try:
                return [known.get(id(page)) or self._write_list(page, write, self._fragments) for page in pages]
            except Exception:  # noqa: BLE001, S110  # told by the member that raises it, below
                pass
        lengths = [len(page.entities) for page in pages]
        flat = pages[0].entities if len(pages) == 1 else [entity for page in pages for entity in page.entities]
        own = ItemSpot(FieldSpot(spot, self._key, self._rank, nullable=False), lengths, nullable=False)
        return join_lists(await self._item.write_all(run, flat, own), lengths)

    def _write_list(self, page: Reach, write: Encode, fragments: Fragments) -> bytes:
        written = b"[%b]" % b",".join([b"{%b}" % write(entity) for entity in page.entities])
        if page.lasting:
            fragments.remember(page, written)
        return written
