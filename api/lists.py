"""The steps of lists: all of a kind, along a path from an entity, the relations of an entity."""

from collections.abc import Callable, Sequence
from typing import Any

from api.fields import Arguments, Step, argument, stepped
from api.inputs import order_given, where_given
from api.relay import PAGING, Asked, Batch, Listing, PageArguments, list_identity
from api.request import Request
from graph.errors import InvalidCursor
from graph.model import Entity
from graph.paths import Path
from graph.plan import ALWAYS, Compare, Expand, Match, Operator, Page, Relations, ValueType
from graph.vocabulary import Direction, Kind, RelationKind


def narrowing(kind: Kind) -> tuple[Any, ...]:
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


def every(kind: Kind, description: str) -> Any:
    """A connection with every entity of a kind."""

    async def run(request: Request, sources: Sequence[Any], given: Arguments) -> Sequence[Any]:
        match = Match(kind, where_given(kind, given.get("where")), order_given(kind, given.get("orderBy")))
        arguments = PageArguments.read(given, request)

        def identity() -> bytes:
            return list_identity(kind.name, match.where, match.order)

        page = arguments.page(identity() if arguments.has_cursor else b"")
        engine = request.engine

        async def pages() -> Any:
            return [await engine.match(match, page)]

        async def counts() -> Any:
            return [await engine.count(match)]

        batch = Batch(Asked(pages, counts))
        return [Listing(batch, 0, identity) for _ in sources]

    return stepped(Step(run), description, *narrowing(kind), *PAGING)


def along(path: Path, description: str) -> Any:
    """A connection with what the path reaches from an entity."""
    kind = path.target
    assert kind is not None

    async def run(request: Request, sources: Sequence[Entity], given: Arguments) -> Sequence[Any]:
        where = where_given(kind, given.get("where"))
        return listings(request, sources, given, Expand(path, where, order_given(kind, given.get("orderBy"))))

    return stepped(Step(run, path), description, *narrowing(kind), *PAGING)


def along_any(path: Path, description: str) -> Any:
    """A connection with what the path reaches of any kind; `kinds` may narrow it."""

    async def run(request: Request, sources: Sequence[Entity], given: Arguments) -> Sequence[Any]:
        kinds = given.get("kinds")
        where = ALWAYS if kinds is None else Compare("kind", ValueType.TERM, Operator.IN, tuple(kinds))
        return listings(request, sources, given, Expand(path, where))

    return stepped(Step(run, path), description, _kinds("Only entities of these kinds.", Kind), *PAGING)


def relations_of(description: str) -> Any:
    """A connection with the relations of an entity, either way."""

    async def run(request: Request, sources: Sequence[Entity], given: Arguments) -> Sequence[Any]:
        kinds, direction = given.get("kinds"), given.get("direction")
        step = Relations(None if kinds is None else tuple(kinds), direction or Direction.BOTH)
        return listings(request, sources, given, step)

    direction = argument(
        "direction", Direction | None, "Relations that leave it, that reach it, or both.", Direction.BOTH
    )
    return stepped(Step(run), description, _kinds("Only relations of these kinds.", RelationKind), direction, *PAGING)


def _kinds(description: str, terms: Any) -> Any:
    return argument("kinds", list[terms] | None, f"{description} All if left out, none if empty.")


def listings(
    request: Request, sources: Sequence[Entity], given: Arguments, step: Expand | Relations
) -> Sequence[Listing | InvalidCursor]:
    """The lists that a step leads to, one of each source. A cursor fits one of them; for the others it is none."""
    arguments = PageArguments.read(given, request)
    opened: list[Page | InvalidCursor] = [_opened(arguments, _identity(source, step)) for source in sources]
    asked = [source.id for source, page in zip(sources, opened, strict=True) if isinstance(page, Page)]
    # All pages that could be opened are the same one: without cursors trivially, with one as it fits one list only.
    page = next((page for page in opened if isinstance(page, Page)), Page())
    batch = Batch(_asked(request, asked, step, page))
    places = iter(range(len(asked)))
    return [
        Listing(batch, next(places), _identity(source, step)) if isinstance(page, Page) else page
        for source, page in zip(sources, opened, strict=True)
    ]


def _identity(source: Entity, step: Expand | Relations) -> Callable[[], bytes]:
    if isinstance(step, Expand):
        return lambda: list_identity(step.path.name, source.id, step.where, step.order)
    return lambda: list_identity("relations", source.id, step)


def _opened(arguments: PageArguments, identity: Callable[[], bytes]) -> Page | InvalidCursor:
    try:
        return arguments.page(identity() if arguments.has_cursor else b"")
    except InvalidCursor as error:
        return error


def _asked(request: Request, starts: Sequence[str], step: Expand | Relations, page: Page) -> Asked:
    engine = request.engine
    if isinstance(step, Expand):
        return Asked(lambda: engine.expand(starts, step, page), lambda: engine.count_reached(starts, step))
    return Asked(lambda: engine.relations(starts, step, page), lambda: engine.count_relations(starts, step))
