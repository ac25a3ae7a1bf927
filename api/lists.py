"""The steps of lists: all of a kind, along a path from an entity, the relations and the history of an entity."""

from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from api.fields import Arguments, Step, argument, stepped
from api.inputs import check_conditions, order_given, terms_given, where_given
from api.relay import PAGING, Fits, Listing, PageArguments, list_identity
from api.request import Request
from graph.engine import Grouped, Lasting, Several
from graph.errors import InvalidCursor
from graph.grouping import Grouping
from graph.paths import Path
from graph.plan import (
    ALWAYS,
    Compare,
    Expand,
    History,
    Match,
    Operator,
    Page,
    Relations,
    ValueType,
    Where,
    fits_changes,
    fits_order,
    fits_relations,
    natural_order,
)
from graph.vocabulary import Direction, Kind, RelationKind

Question = Match | Expand | Relations | History


@dataclass(frozen=True)
class ListPlan:
    """What is asked of the engine for a list field, and which page of it: the same for every source."""

    question: Question
    arguments: PageArguments
    page: Page | None
    """The page, if that takes no cursor."""


@dataclass(frozen=True)
class ListStep(Step):
    """The step of a connection. `read` makes the question of the field's arguments; raises InvalidInput."""

    read: Callable[[Arguments], Question] = lambda given: Relations()

    def plan(self, request: Request, given: Arguments) -> ListPlan:
        arguments = PageArguments.read(given, request)
        question = self.read(given)
        if isinstance(question, Match | Expand):
            check_conditions(question.where, request.settings.max_conditions)
        return ListPlan(question, arguments, None if arguments.has_cursor else arguments.first_page)


class Lists(Sequence[Listing]):
    """The lists under one field, one of each source: asked for once, when the first of them is looked at.

    `wants_pages` says that more than their lengths will be looked at, so that one call can answer both.
    """

    __slots__ = ("_counts", "_page", "_pages", "_question", "_request", "_sources", "_wants_pages")

    def __init__(
        self, request: Request, sources: Sequence[Any], question: Question, page: Page, wants_pages: bool = False
    ) -> None:
        self._request = request
        self._sources = sources
        self._question = question
        self._page = page
        self._wants_pages = wants_pages
        self._pages: Sequence[Any] | None = None
        self._counts: Sequence[int] | None = None

    def __len__(self) -> int:
        return len(self._sources)

    def __getitem__(self, place: Any) -> Any:
        return Listing(self, place, _identity(self._sources[place], self._question))

    def __iter__(self) -> Iterator[Listing]:
        return (self[place] for place in range(len(self._sources)))

    async def pages(self) -> Sequence[Any]:
        """The page of each list: a Reach, a RelationPage or a ChangePage."""
        if self._pages is None:
            self._pages = await pages_of(self._request, self._sources, self._question, self._page)
        return self._pages

    async def counts(self) -> Sequence[int]:
        """How long each list is as a whole; without a call of its own where the pages are wanted too, and know."""
        if self._counts is None:
            pages = await self.pages() if self._wants_pages else self._pages
            totals = [page.total for page in pages or ()]
            self._counts = await self._ask_counts() if not totals or None in totals else totals
        return self._counts

    @property
    def target(self) -> Kind | None:
        """The kind of what they list; None for several kinds. Lists of anything but entities have neither kind nor
        condition."""
        assert isinstance(self._question, Match | Expand)
        return self._question.kind if isinstance(self._question, Match) else self._question.path.target

    @property
    def where(self) -> Where:
        """The condition that narrows them all."""
        assert isinstance(self._question, Match | Expand)
        return self._question.where

    async def groups(self, groupings: Sequence[Grouping]) -> Sequence[Sequence[Grouped]]:
        """For each list, the answer to each grouping, whose conditions stand in for that of the list."""
        engine, question = self._request.engine, self._question
        assert isinstance(question, Match | Expand)
        if isinstance(question, Match):
            return [await engine.group(question, groupings)] * len(self._sources)
        return await engine.group_reached(ids_of(self._sources), question, groupings)

    async def _ask_counts(self) -> Sequence[int]:
        engine, question = self._request.engine, self._question
        if isinstance(question, Match):
            return [await engine.count(question)] * len(self._sources)
        starts = ids_of(self._sources)
        if isinstance(question, Expand):
            return await engine.count_reached(starts, question)
        if isinstance(question, History):
            return await engine.count_history(starts)
        return await engine.count_relations(starts, question)


def lists_of(listings: Sequence[Listing]) -> Lists:
    """What the lists of one frontier share."""
    lists = listings[0].asked
    assert isinstance(lists, Lists)
    return lists


def ids_of(entities: Sequence[Any]) -> Sequence[str]:
    """The ids of a frontier; of a lasting page, the same tuple each time."""
    if type(entities) is Lasting or type(entities) is Several:
        return entities.ids
    return [entity.id for entity in entities]


def pages_of(
    request: Request, sources: Sequence[Any], question: Question, page: Page
) -> Coroutine[Any, Any, Sequence[Any]]:
    """The call for the page of each source's list: a Reach, a RelationPage or a ChangePage. One call for all."""
    if isinstance(question, Match):
        return _matched(request, len(sources), question, page)
    starts = ids_of(sources)
    if isinstance(question, Expand):
        return request.engine.expand(starts, question, page)
    if isinstance(question, History):
        return request.engine.history(starts, page)
    return request.engine.relations(starts, question, page)


async def _matched(request: Request, count: int, question: Match, page: Page) -> Sequence[Any]:
    return [await request.engine.match(question, page)] * count


def list_step(read: Callable[[Arguments], Question], path: Path | None = None) -> ListStep:
    """A step that asks what `read` makes of the arguments."""

    async def run(request: Request, sources: Sequence[Any], given: Arguments) -> Sequence[Any]:
        return lists(request, sources, step.plan(request, given))

    step = ListStep(run, path, read=read)
    return step


def lists(
    request: Request, sources: Sequence[Any], plan: ListPlan, *, wants_pages: bool = False
) -> Sequence[Listing | InvalidCursor]:
    """The lists that a plan leads to, one of each source; `wants_pages` if not only their lengths will be asked."""
    if plan.page is None:
        return _lists_at(request, sources, plan.question, plan.arguments)
    return Lists(request, sources, plan.question, plan.page, wants_pages)


def _lists_at(
    request: Request, sources: Sequence[Any], question: Question, arguments: PageArguments
) -> Sequence[Listing | InvalidCursor]:
    """The lists from a cursor on. It fits one of them; for the others it is an error."""
    fits = _fits(question)
    opened = [_opened(arguments, _identity(source, question), fits) for source in sources]
    # All share one Lists, in the order of the sources: api/parts.py rests on that.
    fitting = [source for source, page in zip(sources, opened, strict=True) if isinstance(page, Page)]
    page = next((page for page in opened if isinstance(page, Page)), Page())
    fitted = iter(Lists(request, fitting, question, page))
    return [next(fitted) if isinstance(page, Page) else page for page in opened]


def _opened(arguments: PageArguments, identity: Callable[[], bytes], fits: Fits) -> Page | InvalidCursor:
    try:
        return arguments.page(identity(), fits)
    except InvalidCursor as error:
        return error


def _fits(question: Question) -> Fits:
    match question:
        case Match(kind):
            return partial(fits_order, question.order or natural_order(kind))
        case Expand(path):
            return partial(fits_order, question.order or natural_order(path.target))
        case History():
            return fits_changes
        case Relations():
            return fits_relations


def _identity(source: Any, question: Question) -> Callable[[], bytes]:
    match question:
        case Match(kind, where, order):
            return lambda: list_identity(kind.name, where, order)
        case Expand(path, where, order):
            return lambda: list_identity(path.name, source.id, where, order)
        case History():
            return lambda: list_identity("history", source.id)
        case Relations():
            return lambda: list_identity("relations", source.id, question)


# What a field says to have a list.


def every(kind: Kind, description: str) -> Any:
    """A connection with every entity of a kind."""

    def read(given: Arguments) -> Match:
        return Match(kind, where_given(kind, given.get("where")), order_given(kind, given.get("orderBy")))

    return stepped(list_step(read), description, *_narrowing(kind), *PAGING)


def along(path: Path, description: str) -> Any:
    """A connection with what the path reaches from an entity."""
    kind = path.target
    assert kind is not None

    def read(given: Arguments) -> Expand:
        return Expand(path, where_given(kind, given.get("where")), order_given(kind, given.get("orderBy")))

    return stepped(list_step(read, path), description, *_narrowing(kind), *PAGING)


def along_any(path: Path, description: str) -> Any:
    """A connection with what the path reaches of any kind; `kinds` may narrow it."""

    def read(given: Arguments) -> Expand:
        kinds = terms_given(given.get("kinds"))
        where = ALWAYS if kinds is None else Compare("kind", ValueType.TERM, Operator.IN, kinds)
        return Expand(path, where)

    return stepped(list_step(read, path), description, _kinds("Only entities of these kinds.", Kind), *PAGING)


def relations_of(description: str) -> Any:
    """A connection with the relations of an entity, either way."""

    def read(given: Arguments) -> Relations:
        return Relations(terms_given(given.get("kinds")), given.get("direction") or Direction.BOTH)

    told = "Relations that leave it, that reach it, or both."
    direction = argument("direction", Direction | None, told, Direction.BOTH)
    kinds = _kinds("Only relations of these kinds.", RelationKind)
    return stepped(list_step(read), description, kinds, direction, *PAGING)


def history_of(description: str) -> Any:
    """A connection with what an entity went through."""
    return stepped(list_step(lambda given: History()), description, *PAGING)


def _narrowing(kind: Kind) -> tuple[Any, ...]:
    """The arguments by which a list of a kind is narrowed and ordered."""
    name = kind.title()
    return (
        argument("where", f"{name}Filter | None", "Only items that meet all of these conditions."),
        argument(
            "order_by",
            f"list[{name}Order] | None",
            "Orders by the first of these, ties by the next and at last by id; without it in the list's natural order.",
        ),
    )


def _kinds(description: str, terms: Any) -> Any:
    return argument("kinds", list[terms] | None, f"{description} All if left out, none if empty.")
