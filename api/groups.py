"""Groups and aggregates: what a list comes to by the values that its items share, whichever page of it is shown."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import msgspec
import strawberry

from api.fields import Arguments, Step, argument, attribute, computed, stepped, stepped_by_kind
from api.inputs import check_conditions, having_given, number_given
from api.lists import Lists, lists_of
from api.relay import Ends, Listing, PageInfo, list_identity, open_cursor, seal_cursor
from api.request import Request
from api.terms import GroupOrderBy, OrderDirection
from graph.engine import Grouped
from graph.errors import InvalidCursor, InvalidInput
from graph.grouping import Figure, Group, Grouping, GroupKey, Totals, asks_for_values, fits_groups, incompatible
from graph.plan import Position
from graph.vocabulary import Kind

MOST_GROUPS = 100
"""How many groups are given where nobody says."""

FIGURES = {by: Figure[by.name] for by in GroupOrderBy if by is not GroupOrderBy.KEY}

NO_VALUES = Totals(None, None, None, None, 0, 0)


# What the faces below show.


class Keyed(NamedTuple):
    """What GroupValue shows."""

    key: str
    value: str | None
    label: str


class Shown(msgspec.Struct, frozen=True):
    """What a group shows; `totals` are there where values are asked for."""

    keys: Sequence[Keyed]
    count: int
    totals: Totals | None


class GroupPage(NamedTuple):
    """What a connection of groups shows."""

    nodes: Sequence[Shown]
    page_info: Ends
    total_count: int


class Aggregate(NamedTuple):
    """What MetricAggregate shows."""

    totals: Totals


# Steps: one call for all lists of a frontier.


async def _groups(request: Request, listings: Sequence[Listing], given: Arguments, *, adds: bool) -> Sequence[Any]:
    lists = lists_of(listings)
    grouping = _grouping(lists, request, given, adds=adds)
    identities = [partial(_identity, listing, grouping) for listing in listings]
    opened = [_opened(given.get("after"), identity, grouping) for identity in identities]
    after = next((place for place in opened if isinstance(place, tuple)), None)  # it fits one list, if any
    answers = await lists.groups([msgspec.structs.replace(grouping, after=after)])
    return [
        place if isinstance(place, InvalidCursor) else _page(grouping.keys, answers[listing.place][0], identity)
        for listing, place, identity in zip(listings, opened, identities, strict=True)
    ]


def _grouping(lists: Lists, request: Request, given: Arguments, *, adds: bool) -> Grouping:
    """The groups that are asked for. Raises InvalidInput."""
    keys = tuple(key.value for key in given["keys"])
    names = [key.name for key in keys]
    if not keys or len(set(names)) < len(names):
        raise InvalidInput(f"keys is [{', '.join(names)}]; give at least one, and each but once.")
    having = having_given(given.get("having"))
    check_conditions(having, request.settings.max_conditions)
    order = given.get("orderBy") or {"by": GroupOrderBy.COUNT, "direction": OrderDirection.DESC}
    by = FIGURES.get(order["by"])
    needs_values = by not in (None, Figure.COUNT) or asks_for_values(having)
    has_values = lists.target is Kind.METRIC
    if needs_values and not has_values:
        raise InvalidInput("Only metrics have values: keep and order these groups by count, or order them by key.")
    return Grouping(
        keys,
        lists.where,
        having,
        by,
        order["direction"] is OrderDirection.DESC,
        has_values and (adds or needs_values),
        number_given(given, "first", MOST_GROUPS, request.settings.max_page),
        most=request.settings.group_pairs,
    )


def _identity(listing: Listing, grouping: Grouping) -> bytes:
    names = [key.name for key in grouping.keys]
    return list_identity("groups", listing.identity(), names, grouping.having, grouping.by, grouping.descending)


def _opened(cursor: str | None, identity: Callable[[], bytes], grouping: Grouping) -> Position | InvalidCursor | None:
    if cursor is None:
        return None
    try:
        return open_cursor(cursor, identity(), partial(fits_groups, grouping))
    except InvalidCursor as error:
        return error


def _page(keys: Sequence[GroupKey], groups: Grouped, identity: Callable[[], bytes]) -> GroupPage | Exception:
    if isinstance(groups, Exception):
        return groups
    positions = [groups.groups[index].position for index in (0, -1)] if groups.groups else []
    start, end = [seal_cursor(position, identity()) for position in positions] or (None, None)
    return GroupPage(
        [_shown(keys, group) for group in groups.groups],
        Ends(groups.has_next, groups.has_previous, start, end),
        groups.total,
    )


def _shown(keys: Sequence[GroupKey], group: Group) -> Shown:
    values = [Keyed(key.name, *value) for key, value in zip(keys, group.values, strict=True)]
    return Shown(values, group.size, group.totals)


async def _aggregate(request: Request, listings: Sequence[Listing], given: Arguments) -> Sequence[Any]:
    lists = lists_of(listings)
    everything = Grouping((), lists.where, adds=True, first=1, most=request.settings.group_pairs)
    answers = await lists.groups([everything])
    return [_aggregate_of(answers[listing.place][0]) for listing in listings]


def _aggregate_of(groups: Grouped) -> Aggregate | Exception:
    if isinstance(groups, Exception):
        return groups
    totals = [group.totals or NO_VALUES for group in groups.groups]
    return Aggregate(*totals or [NO_VALUES])


def value(shown: Shown | Aggregate) -> Totals:
    """What the values come to; each number is null where no value is known. Values that cannot be added are an error,
    INCOMPATIBLE_AGGREGATION, which says which keys to group by."""
    totals = shown.totals or NO_VALUES
    if totals.unlike:
        raise incompatible(totals.unlike)
    return totals


def coverage(aggregate: Aggregate) -> Totals:
    """How many of the metrics have a value."""
    return aggregate.totals


# The faces.


@strawberry.type(description="The value that the items of a group have of one of its keys.")
class GroupValue:
    key: str = attribute("The key.")
    value: str | None = attribute(
        "The value: a term, code, text or date, or an entity's id; null for the items that have none."
    )
    label: str = attribute("The value in words.")


@strawberry.type(description="What numbers come to. Each is null where no number is known: what is missing is no zero.")
class NumberAggregate:
    sum: float | None = attribute("All of them added up.")
    avg: float | None = attribute("Their arithmetic mean.")
    min: float | None = attribute("The least of them.")
    max: float | None = attribute("The greatest of them.")


@strawberry.type(description="How much is known.")
class Coverage:
    present: int = attribute("How many metrics have a value.")
    missing: int = attribute("How many metrics are known to have none.")


@strawberry.type(
    description="What the metrics of a list come to. Of those with one indicator, measure, subject and period one value"
    " is used: that of the newest source, then of the first id."
)
class MetricAggregate:
    value: NumberAggregate | None = computed(value)
    coverage: Coverage = computed(coverage)


@strawberry.type(description="Items of a list that have the same values of some keys.")
class GroupFace:
    """What groups of all kinds show; those of each kind are made from it (api/derived.py)."""

    keys: list[GroupValue] = attribute("The values that they have in common, in the order of the keys asked for.")
    count: int = attribute("How many items there are; one with several values of a key counts in each of their groups.")


@strawberry.type(description="Metrics that have the same values of some keys.")
class MetricGroup(GroupFace):
    value: NumberAggregate | None = computed(value)


@strawberry.type(description="A page of the groups of a list (Relay).")
class GroupConnection:
    """What connections of groups of all kinds show; their nodes are of each kind's own type."""

    page_info: PageInfo = attribute("Where the page lies among the groups.")
    total_count: int = attribute("How many groups there are in all.")


COUNTING = Step(partial(_groups, adds=False), whole=True)
ADDING = Step(partial(_groups, adds=True), whole=True, leaner=(("nodes", "value"), COUNTING))


def group_by() -> Any:
    """A field with groups of a connection's list."""
    told = "The items of the whole list by the values that they share: a group for each combination."
    return stepped_by_kind(ADDING, told, _arguments, "GroupConnection")


def _arguments(kind: str) -> tuple[Any, ...]:
    return (
        argument("keys", f"list[{kind}GroupKey]", "What they are grouped by, each key but once."),
        argument("having", "GroupFilter | None", "Only groups that meet all of these conditions."),
        argument("order_by", "GroupOrder | None", "The order of the groups; without it those that hold most first."),
        argument("first", int | None, "At most so many groups, after `after` if that is given: 1 to 100.", MOST_GROUPS),
        argument("after", str | None, "Only groups after this cursor."),
    )


def aggregate() -> Any:
    """A field with what the metrics of a connection's list come to."""
    return stepped(Step(_aggregate, whole=True), "What the metrics of the whole list come to.")
