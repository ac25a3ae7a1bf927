"""How an answer came about, while it comes about: the steps, what the engine was asked in each, rows and times.

Nothing of it runs unless a request asks for it. A compiled run hands its parts to the trace instead of writing them
itself; on graphql-core the trace stands before every resolver. Either way the engine is asked through the trace.
"""

from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from inspect import isawaitable
from time import perf_counter
from typing import Any, TypeVar

import msgspec
from graphql import GraphQLResolveInfo

from api.columns import FAILED, Column, FieldSpot, Run, Spot
from api.fields import DEFINITION
from api.leaves import NULL
from api.lists import ListStep
from api.parts import ListPart
from api.request import Request
from api.wording import camel, grouping_in_words, in_words, question_in_words
from api.writers import Part, is_plain
from graph.engine import (
    ChangePage,
    Engine,
    FindingPage,
    Grouped,
    Hits,
    Reach,
    RelationPage,
    Resolution,
    Statistics,
    View,
)
from graph.grouping import Group, Grouping, Groups
from graph.model import Entity
from graph.plan import Expand, Match, Page, Relations, Resolve, Search
from graph.questions import Central, Likenesses, Neighborhood, Paths, Ranking, Similar, Subgraph, Trails
from graph.vocabulary import NATURAL_KEYS, Kind

T = TypeVar("T")
Question = Match | Expand | Relations | Search | Resolve | Kind
Path = tuple[str, ...]
"""Response keys from the root, without the places of items in their lists."""

EXTENSION = "explain"
"""The key, in a request's extensions and in the answer's."""


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

    def ask(self, words: str) -> bool:
        """Notes a call; whether it asks something new."""
        self.calls += 1
        if words in self.asked:
            return False
        self.asked.append(words)
        return True

    def find(self, rows: Sequence[Any]) -> None:
        """Notes what was found; None is nothing."""
        self.found = (self.found or 0) + sum(row is not None for row in rows)

    def count(self, numbers: Sequence[Any]) -> None:
        self.counted = (self.counted or 0) + len(numbers)

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

    def told(self) -> dict[str, Any]:
        """How the answer came about; its time ends here."""
        is_compiled = self._executor == "compiled"
        return {
            "executor": self._executor,
            "version": self._version,
            "ms": _ms(self._clock() - self._started - self._aside),
            "steps": [step.told() for step in self._steps if is_compiled or step.calls],
        }

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
        step = self._step_at(info)
        self._open.append(step)
        started = self._clock()
        try:
            answer = resolver(source, info, **arguments)
        finally:
            self._open.pop().seconds += self._clock() - started
        return self._awaited(step, answer) if isawaitable(answer) else answer

    async def _awaited(self, step: Step, answer: Awaitable[T]) -> T:
        """What a step gives that has to wait; to wait is part of its time."""
        started = self._clock()
        try:
            return await answer
        finally:
            step.seconds += self._clock() - started

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

    @property
    def under_way(self) -> Step:
        """The step that asks. While one waits for its answer, others may be under way."""
        return self._open[-1]

    @contextmanager
    def aside(self, step: Step) -> Iterator[None]:
        """Time that is spent on telling, not on the answer: it is no step's."""
        started = self._clock()
        yield
        spent = self._clock() - started
        step.seconds -= spent
        self._aside += spent

    async def note_indexes(self, step: Step, engine: Engine, question: Question) -> None:
        """Has the engine tell by what it found an answer."""
        indexes = step.indexes
        for name in map(camel, await engine.indexes(question)):
            if name not in indexes:
                indexes.append(name)


class TracedEngine:
    """Answers like another engine, and tells a trace what it was asked."""

    def __init__(self, engine: Engine, trace: Trace) -> None:
        self._engine = engine
        self._trace = trace

    async def as_of(self, moment: int | str) -> View:
        async def asking() -> View:
            view = await self._engine.as_of(moment)
            return view._replace(engine=TracedEngine(view.engine, self._trace))

        return await self._ask(lambda: f"as of {moment}", asking(), lambda step, view: None)

    async def lookup(self, ids: Sequence[str]) -> list[Entity | None]:
        return await self._ask(lambda: "look up ids", self._engine.lookup(ids), Step.find)

    async def find(self, kind: Kind, values: Sequence[str]) -> list[Entity | None]:
        return await self._ask(
            lambda: f"find {kind} by {' or '.join(NATURAL_KEYS[kind])}",
            self._engine.find(kind, values),
            Step.find,
            kind,
        )

    async def match(self, match: Match, page: Page) -> Reach:
        def tell(step: Step, reach: Reach) -> None:
            step.find(reach.entities)

        return await self._ask(partial(in_words, "match", match, page), self._engine.match(match, page), tell, match)

    async def count(self, match: Match) -> int:
        def tell(step: Step, number: int) -> None:
            step.count([number])

        return await self._ask(partial(in_words, "count", match), self._engine.count(match), tell, match)

    async def expand(self, frontier: Sequence[str], step: Expand, page: Page) -> Sequence[Reach]:
        def tell(under_way: Step, reaches: Sequence[Reach]) -> None:
            under_way.find([entity for reach in reaches for entity in reach.entities])

        return await self._ask(
            partial(in_words, "expand", step, page), self._engine.expand(frontier, step, page), tell, step
        )

    async def count_reached(self, frontier: Sequence[str], step: Expand) -> list[int]:
        asking = self._engine.count_reached(frontier, step)
        return await self._ask(partial(in_words, "count", step), asking, Step.count, step)

    async def group(self, match: Match, groupings: Sequence[Grouping]) -> list[Grouped]:
        def tell(step: Step, answers: list[Grouped]) -> None:
            step.count(_groups_in(answers))

        asking = self._engine.group(match, groupings)
        return await self._ask(partial(grouping_in_words, match.kind.name, groupings), asking, tell, match)

    async def group_reached(
        self, frontier: Sequence[str], step: Expand, groupings: Sequence[Grouping]
    ) -> list[list[Grouped]]:
        def tell(under_way: Step, answers: list[list[Grouped]]) -> None:
            under_way.count([group for answer in answers for group in _groups_in(answer)])

        asking = self._engine.group_reached(frontier, step, groupings)
        return await self._ask(partial(grouping_in_words, step.path.name, groupings), asking, tell, step)

    async def relations(self, frontier: Sequence[str], step: Relations, page: Page) -> list[RelationPage]:
        def tell(under_way: Step, pages: list[RelationPage]) -> None:
            under_way.find([relation for found in pages for relation in found.relations])

        return await self._ask(
            partial(in_words, "list", step, page), self._engine.relations(frontier, step, page), tell, step
        )

    async def count_relations(self, frontier: Sequence[str], step: Relations) -> list[int]:
        asking = self._engine.count_relations(frontier, step)
        return await self._ask(partial(in_words, "count", step), asking, Step.count, step)

    async def history(self, frontier: Sequence[str], page: Page) -> list[ChangePage]:
        def tell(under_way: Step, pages: list[ChangePage]) -> None:
            under_way.find([recorded for found in pages for recorded in found.changes])

        return await self._ask(partial(in_words, "list", "history", page), self._engine.history(frontier, page), tell)

    async def count_history(self, frontier: Sequence[str]) -> list[int]:
        return await self._ask(lambda: "count history", self._engine.count_history(frontier), Step.count)

    async def once(self, named: Sequence[tuple[str, int]]) -> list[Entity | None]:
        return await self._ask(lambda: "look up what is gone", self._engine.once(named), Step.find)

    async def search(self, search: Search, page: Page) -> Hits:
        def tell(step: Step, hits: Hits) -> None:
            step.find(hits.entities)

        asking = self._engine.search(search, page)
        return await self._ask(partial(in_words, "search", search, page), asking, tell, search)

    async def count_found(self, search: Search) -> dict[Kind, int]:
        def tell(step: Step, counts: dict[Kind, int]) -> None:
            step.count(list(counts))

        return await self._ask(partial(in_words, "count", search), self._engine.count_found(search), tell, search)

    async def resolve(self, resolve: Resolve) -> list[Resolution]:
        return await self._ask(partial(in_words, "resolve", resolve), self._engine.resolve(resolve), Step.find, resolve)

    async def statistics(self) -> Statistics:
        def tell(step: Step, told: Statistics) -> None:
            step.count([told])

        return await self._ask(lambda: "count all by kind", self._engine.statistics(), tell)

    async def neighborhood(self, asked: Neighborhood) -> Subgraph | None:
        def tell(step: Step, found: Subgraph | None) -> None:
            step.find([*found.entities, *found.relations] if found else [])

        return await self._ask(partial(question_in_words, asked), self._engine.neighborhood(asked), tell)

    async def paths(self, asked: Paths) -> Trails | None:
        def tell(step: Step, found: Trails | None) -> None:
            step.find(found.paths if found else [])

        return await self._ask(partial(question_in_words, asked), self._engine.paths(asked), tell)

    async def similar(self, asked: Similar) -> Likenesses | None:
        def tell(step: Step, found: Likenesses | None) -> None:
            step.find(found.items if found else [])

        return await self._ask(partial(question_in_words, asked), self._engine.similar(asked), tell)

    async def central(self, asked: Central) -> Ranking:
        def tell(step: Step, found: Ranking) -> None:
            step.find(found.items)

        return await self._ask(partial(question_in_words, asked), self._engine.central(asked), tell)

    async def findings(self, page: Page) -> FindingPage:
        def tell(step: Step, found: FindingPage) -> None:
            step.find(found.findings)

        return await self._ask(partial(in_words, "find", "what looks wrong", page), self._engine.findings(page), tell)

    async def indexes(self, question: Question) -> list[str]:
        return await self._engine.indexes(question)

    async def _ask(
        self,
        words: Callable[[], str],
        asking: Coroutine[Any, Any, T],
        tell: Callable[[Step, T], None],
        question: Question | None = None,
    ) -> T:
        step = self._trace.under_way
        with self._trace.aside(step):
            is_new = step.ask(words())
        answer = await asking
        with self._trace.aside(step):
            tell(step, answer)
            if is_new and question is not None:
                # Afterwards: an engine may look into its indexes to tell of them, and so do some of the work.
                await self._trace.note_indexes(step, self._engine, question)
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


def _groups_in(answers: Sequence[Grouped]) -> list[Group]:
    return [group for groups in answers if isinstance(groups, Groups) for group in groups.groups]


def _leads_to_list(info: GraphQLResolveInfo[Request]) -> bool:
    definition = info.parent_type.fields.get(info.field_name)
    field = None if definition is None else definition.extensions.get(DEFINITION)
    return isinstance(getattr(field, "step", None), ListStep)


def _ms(seconds: float) -> float:
    return round(1_000 * seconds, 3)
