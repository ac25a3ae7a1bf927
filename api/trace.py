"""How an answer came about, while it comes about: the steps, what the engine was asked in each, rows and times.

Nothing of it runs unless a request asks for it. A compiled run hands its parts to the trace instead of writing them
itself; on graphql-core the trace stands before every resolver. Either way the engine is asked through the trace.
"""

from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from time import perf_counter
from typing import Any, TypeVar

import msgspec
from graphql import GraphQLResolveInfo

from api.columns import FAILED, Column, FieldSpot, Run, Spot
from api.errors import refusal, shorten
from api.fields import DEFINITION
from api.leaves import NULL
from api.lists import ListStep
from api.parts import ListPart
from api.request import Request
from api.wording import camel, in_words
from api.writers import Part, is_plain
from graph.engine import Engine, Hits, Reach, RelationPage, Resolution, Statistics
from graph.model import Entity
from graph.plan import Expand, Match, Page, Relations, Resolve, Search
from graph.vocabulary import NATURAL_KEYS, Kind

T = TypeVar("T")
Question = Match | Expand | Relations | Search | Resolve | Kind
Path = tuple[str, ...]
"""Response keys from the root, without the places of items in their lists."""

EXTENSION = "explain"
"""The key, in a request's extensions and in the answer's."""

encode = msgspec.json.Encoder().encode


def is_asked_for(extensions: Mapping[str, Any] | None) -> bool:
    """Whether a request's extensions ask how it is answered. Raises RequestError."""
    given = None if extensions is None else extensions.get(EXTENSION)
    if given is None or isinstance(given, bool):
        return bool(given)
    told = shorten(encode(given).decode(), 80)
    raise refusal(f'extensions.{EXTENSION} is {told}, but must be true or false: {{"{EXTENSION}": true}}.')


class Step(msgspec.Struct):
    """One step: a field with what it asked the engine for, or the leaf fields that were written of some objects.

    `found` is how many entities and relations the engine gave, `counted` how many counts, `written` how many entries
    are not null. `seconds` is its own time, without the steps below it.
    """

    path: Path
    field: str | None = None
    leaves: list[str] = []
    is_list: bool = False
    asked: list[str] = []
    indexes: list[str] = []
    calls: int = 0
    rows_in: int = 0
    found: int | None = None
    counted: int | None = None
    written: int = 0
    seconds: float = 0.0

    def told(self) -> dict[str, Any]:
        rows_out = next((rows for rows in (self.found, self.counted) if rows is not None), self.written)
        return {
            "path": ".".join(self.path),
            "field": self.field,
            "leaves": self.leaves,
            "asked": self.asked,
            "calls": self.calls,
            "indexes": self.indexes,
            "rowsIn": self.rows_in,
            "rowsOut": rows_out,
            "ms": _ms(self.seconds),
        }


class Trace:
    """Watches one execution. What a connection shows of its list (nodes, edges, totalCount) is part of the list's step,
    whose one question it is that they share."""

    def __init__(self, clock: Callable[[], float] = perf_counter) -> None:
        self._clock = clock
        self._steps: list[Step] = []
        self._open: list[Step] = []  # the innermost last
        self._fields: dict[tuple[Path, str], Step] = {}  # on graphql-core, where a field runs source by source
        self._lists: dict[Path, Step] = {}  # and those of them that are connections
        self._started = self._aside = 0.0
        self._executor = ""
        self._version = 0

    def watch(self, request: Request, executor: str) -> Request:
        """The request as the execution, which starts now, is to see it."""
        self._executor = executor
        self._version = request.head.version
        self._started = self._clock()
        return msgspec.structs.replace(request, engine=TracedEngine(request.engine, self))

    def added_to(self, body: bytes) -> bytes:
        """The document of an answer, complete but for what is told here."""
        is_compiled = self._executor == "compiled"
        told = {
            "executor": self._executor,
            "version": self._version,
            "ms": _ms(self._clock() - self._started - self._aside),
            "steps": [step.told() for step in self._steps if is_compiled or step.calls],
        }
        return b'%b,"extensions":%b}' % (body[:-1], encode({EXTENSION: told}))

    async def write(self, part: Part, run: Run, sources: Sequence[Any], spot: Spot) -> Column:
        """Writes a part of the compiled plan."""
        path = _path(spot)
        above = self._open[-1] if self._open else None
        if above is not None and above.is_list and above.path == path:
            return await part.write(run, sources, spot)
        step = _step_of(part, path)
        step.rows_in = len(sources)
        self._steps.append(step)
        self._open.append(step)
        started = self._clock()
        column = await part.write(run, sources, spot)
        spent = self._clock() - started
        self._open.pop()
        step.seconds += spent
        if above is not None:
            above.seconds -= spent
        step.written = sum(entry is not FAILED and entry != NULL for entry in column)
        return column

    def resolve(
        self, resolver: Callable[..., Any], source: Any, info: GraphQLResolveInfo[Request], /, **arguments: Any
    ) -> Any:
        """Stands before a resolver of graphql-core, which takes any object with such a method for its middleware."""
        self._open.append(self._step_at(info))
        started = self._clock()
        try:
            return resolver(source, info, **arguments)
        finally:
            self._open.pop().seconds += self._clock() - started

    def _step_at(self, info: GraphQLResolveInfo[Request]) -> Step:
        keys = tuple(key for key in info.path.as_list() if isinstance(key, str))
        if keys[:-1] in self._lists:
            return self._lists[keys[:-1]]
        step = self._fields.get((keys, info.field_name))
        if step is None:
            step = self._fields[keys, info.field_name] = Step(keys, f"{info.parent_type.name}.{info.field_name}")
            self._steps.append(step)
            if _leads_to_list(info):
                self._lists[keys] = step
        step.rows_in += 1
        return step

    # What the engine tells of its calls.

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Time that is spent on telling, not on the answer: it is no step's."""
        started = self._clock()
        yield
        spent = self._clock() - started
        self._open[-1].seconds -= spent
        self._aside += spent

    def ask(self, words: str) -> bool:
        """Notes a call of the step that is under way; whether it asks something new."""
        step = self._open[-1]
        step.calls += 1
        if words in step.asked:
            return False
        step.asked.append(words)
        return True

    def find(self, rows: Sequence[Any]) -> None:
        """Notes what was found; None is nothing."""
        self._open[-1].found = (self._open[-1].found or 0) + sum(row is not None for row in rows)

    def count(self, numbers: Sequence[Any]) -> None:
        self._open[-1].counted = (self._open[-1].counted or 0) + len(numbers)

    async def note_indexes(self, engine: Engine, question: Question) -> None:
        """Has the engine tell by what it found an answer."""
        indexes = self._open[-1].indexes
        for name in map(camel, await engine.indexes(question)):
            if name not in indexes:
                indexes.append(name)


class TracedEngine:
    """Answers like another engine, and tells a trace what it was asked."""

    def __init__(self, engine: Engine, trace: Trace) -> None:
        self._engine = engine
        self._trace = trace

    async def lookup(self, ids: Sequence[str]) -> list[Entity | None]:
        return await self._ask(lambda: "look up ids", self._engine.lookup(ids), self._trace.find)

    async def find(self, kind: Kind, values: Sequence[str]) -> list[Entity | None]:
        return await self._ask(
            lambda: f"find {kind} by {' or '.join(NATURAL_KEYS[kind])}",
            self._engine.find(kind, values),
            self._trace.find,
            kind,
        )

    async def match(self, match: Match, page: Page) -> Reach:
        asking = self._engine.match(match, page)
        return await self._ask(
            partial(in_words, "match", match, page), asking, lambda reach: self._trace.find(reach.entities), match
        )

    async def count(self, match: Match) -> int:
        asking = self._engine.count(match)
        return await self._ask(
            partial(in_words, "count", match), asking, lambda number: self._trace.count([number]), match
        )

    async def expand(self, frontier: Sequence[str], step: Expand, page: Page) -> Sequence[Reach]:
        def tell(reaches: Sequence[Reach]) -> None:
            self._trace.find([entity for reach in reaches for entity in reach.entities])

        return await self._ask(
            partial(in_words, "expand", step, page), self._engine.expand(frontier, step, page), tell, step
        )

    async def count_reached(self, frontier: Sequence[str], step: Expand) -> list[int]:
        asking = self._engine.count_reached(frontier, step)
        return await self._ask(partial(in_words, "count", step), asking, self._trace.count, step)

    async def relations(self, frontier: Sequence[str], step: Relations, page: Page) -> list[RelationPage]:
        def tell(pages: list[RelationPage]) -> None:
            self._trace.find([relation for found in pages for relation in found.relations])

        return await self._ask(
            partial(in_words, "list", step, page), self._engine.relations(frontier, step, page), tell, step
        )

    async def count_relations(self, frontier: Sequence[str], step: Relations) -> list[int]:
        asking = self._engine.count_relations(frontier, step)
        return await self._ask(partial(in_words, "count", step), asking, self._trace.count, step)

    async def search(self, search: Search, page: Page) -> Hits:
        asking = self._engine.search(search, page)
        return await self._ask(
            partial(in_words, "search", search, page), asking, lambda hits: self._trace.find(hits.entities), search
        )

    async def count_found(self, search: Search) -> dict[Kind, int]:
        asking = self._engine.count_found(search)
        return await self._ask(
            partial(in_words, "count", search), asking, lambda counts: self._trace.count(list(counts)), search
        )

    async def resolve(self, resolve: Resolve) -> list[Resolution]:
        asking = self._engine.resolve(resolve)
        return await self._ask(partial(in_words, "resolve", resolve), asking, self._trace.find, resolve)

    async def statistics(self) -> Statistics:
        return await self._ask(
            lambda: "count all by kind", self._engine.statistics(), lambda told: self._trace.count([told])
        )

    async def indexes(self, question: Question) -> list[str]:
        return await self._engine.indexes(question)

    async def _ask(
        self,
        words: Callable[[], str],
        asking: Coroutine[Any, Any, T],
        tell: Callable[[T], None],
        question: Question | None = None,
    ) -> T:
        with self._trace.aside():
            is_new = self._trace.ask(words())
        answer = await asking
        with self._trace.aside():
            tell(answer)
            if is_new and question is not None:
                # Afterwards: an engine may look into its indexes to tell of them, and so do some of the work.
                await self._trace.note_indexes(self._engine, question)
        return answer


def _step_of(part: Any, path: Path) -> Step:
    """The step that writing a part of an object is; `path` is the object's."""
    if is_plain(part):
        return Step(path, leaves=[*part.keys])
    return Step((*path, part.place.key), part.place.nulls.name, is_list=isinstance(part, ListPart))


def _path(spot: Spot | None) -> Path:
    keys = []
    while spot is not None:
        if isinstance(spot, FieldSpot):
            keys.append(spot.key)
        spot = spot.parent
    return tuple(reversed(keys))


def _leads_to_list(info: GraphQLResolveInfo[Request]) -> bool:
    definition = info.parent_type.fields.get(info.field_name)
    field = None if definition is None else definition.extensions.get(DEFINITION)
    return isinstance(getattr(field, "step", None), ListStep)


def _ms(seconds: float) -> float:
    return round(1_000 * seconds, 3)
