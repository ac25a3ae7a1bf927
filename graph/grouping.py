"""Grouping as data: by what the entities of a list are counted, which groups to keep, in what order.

What a value of a key is, and whether values of metrics may be added, is said here once, for every engine.
"""

from collections.abc import Iterator, Sequence
from enum import Enum
from typing import NamedTuple

import msgspec

from graph.errors import IncompatibleAggregation
from graph.paths import (
    COUNTRY_AROUND,
    EVENT_COUNTRIES,
    INDICATOR,
    PARTNER_COUNTRIES,
    PARTNERS_INSIDE,
    PROJECT_COUNTRIES,
    PROJECT_PARTNERS,
    REGION,
    SOURCES,
    SUBJECT,
    SUBJECT_COUNTRY,
    Path,
)
from graph.plan import (
    ALWAYS,
    And,
    CodeCount,
    Codes,
    Compare,
    Position,
    Related,
    RelatedCount,
    Where,
    conjunction,
)
from graph.vocabulary import Kind


class KeyType(Enum):
    """What the values of a key are."""

    TERM = "term"  # of a codelist, by name
    TEXT = "text"  # as written
    CODE = "code"  # of a list of codes, whatever their vocabulary
    YEAR = "year"  # of a partial date: 2023
    MONTH = "month"  # of a partial date that has one: 2023-11
    PERIOD = "period"  # from the first day to the last (ISO 8601): 2023-01-01/2023-12-31
    ENTITY = "entity"  # reached, by id


ORDERED_BY: dict[KeyType, list[type]] = {KeyType.TERM: [int], KeyType.ENTITY: [str, str, str]}
"""What values are ordered by: terms by rank, entities by name folded, name and id; all else by text folded and text."""


class GroupKey(msgspec.Struct, frozen=True, cache_hash=True):
    """A key: values of an attribute, or the entities reached along `paths`, one after the other.

    An entity with several values counts in the group of each, one without any in that of None. `told` is for clients.
    """

    name: str
    type: KeyType
    told: str
    attribute: str = ""
    paths: tuple[Path, ...] = ()
    also: str = ""
    """Another attribute that says the same, by which lists can be filtered."""

    def filters(self, where: Where) -> bool:
        """Whether a condition is one on what this key shows: on the attribute, or on what the first path reaches."""
        match where:
            case Compare(attribute) | Codes(attribute) | CodeCount(attribute):
                return attribute in (self.attribute, self.also) and not self.paths
            case Related(reached) | RelatedCount(reached):
                return bool(self.paths) and reached.path == self.paths[0]
        return False

    def unfiltered(self, where: Where) -> Where:
        """The condition without those parts that narrow by this very key, alone or among others that must all hold."""
        if isinstance(where, And):
            return conjunction([left for part in where.parts if (left := self.unfiltered(part)) != ALWAYS])
        return ALWAYS if self.filters(where) else where


def _keys(*keys: GroupKey) -> dict[str, GroupKey]:
    return {key.name: key for key in keys}


def _term(attribute: str, told: str) -> GroupKey:
    return GroupKey(attribute.upper(), KeyType.TERM, told, attribute)


def _entity(name: str, told: str, *paths: Path) -> GroupKey:
    return GroupKey(name, KeyType.ENTITY, told, paths=paths)


def _places(path: Path, where: str) -> tuple[GroupKey, GroupKey]:
    return (
        _entity("COUNTRY", f"The countries {where}, by id.", path),
        _entity("REGION", f"The smallest UN M49 areas that hold the countries {where}, by id.", path, REGION),
    )


def _dates(attribute: str, what: str, also: str = "") -> tuple[GroupKey, GroupKey]:
    return (
        GroupKey("YEAR", KeyType.YEAR, f"The year {what}: 2023.", attribute, also=also),
        GroupKey("MONTH", KeyType.MONTH, f"The month {what}, where that is known: 2023-11.", attribute, also=also),
    )


GROUP_KEYS: dict[Kind | None, dict[str, GroupKey]] = {
    Kind.COUNTRY: _keys(
        _entity("REGION", "The smallest UN M49 area that holds it, by id.", REGION),
        _entity("PARTNER", "Partners that operate there, or take part in a project there, by id.", PARTNERS_INSIDE),
    ),
    Kind.PLACE: _keys(_term("type", "What it is."), *_places(COUNTRY_AROUND, "that it lies in")),
    Kind.PROJECT: _keys(
        _term("status", "Where it stands."),
        GroupKey("ACTIVITY", KeyType.CODE, "What is done in it, by code.", "activities"),
        GroupKey("SECTOR", KeyType.CODE, "The sectors it belongs to, by code.", "sectors"),
        *_places(PROJECT_COUNTRIES, "that it works in"),
        _entity("PARTNER", "The partners that take part in it, by id.", PROJECT_PARTNERS),
        *_dates("started_on", "in which it started"),
    ),
    Kind.EVENT: _keys(
        _term("type", "What happened."),
        _term("affected_status", "What its number of people affected counts."),
        *_places(EVENT_COUNTRIES, "that it occurred in"),
        *_dates("started_on", "in which it began"),
    ),
    Kind.PARTNER: _keys(
        _term("type", "What sort of organisation it is."),
        *_places(PARTNER_COUNTRIES, "that it operates in, or takes part in a project in"),
    ),
    Kind.INDICATOR: _keys(
        GroupKey("UNIT", KeyType.TEXT, "The unit of its values.", "unit"), _term("count_basis", "What one unit counts.")
    ),
    Kind.METRIC: _keys(
        _entity("INDICATOR", "What it measures, by id.", INDICATOR),
        _term("measure", "What the value is: counted, aimed at, budgeted ..."),
        GroupKey("UNIT", KeyType.TEXT, "The unit of the value.", "unit"),
        _entity("SUBJECT", "What it is about, by id.", SUBJECT),
        *_places(SUBJECT_COUNTRY, "that its subject is, or lies in, if that is a place"),
        *_dates("started_on", "in which its period starts", also="year"),
        GroupKey("PERIOD", KeyType.PERIOD, "Its period, from the first day to the last: 2023-01-01/2023-12-31."),
        _entity("SOURCE", "The sources that state it, by id.", SOURCES),
    ),
    Kind.SOURCE: _keys(
        _term("type", "What it is."),
        GroupKey("PUBLISHER", KeyType.TEXT, "Who published it.", "publisher"),
        *_dates("published_on", "in which it was published"),
    ),
    None: _keys(_term("kind", "Its kind.")),
}
"""What lists of a kind can be grouped by; None is a list of several kinds."""

METRIC_KEYS = GROUP_KEYS[Kind.METRIC]


class Figure(Enum):
    """A number of a group."""

    COUNT = "count"
    SUM = "sum"
    AVG = "avg"
    MIN = "min"
    MAX = "max"


class Grouping(msgspec.Struct, frozen=True):
    """The groups of those entities of a list that meet `where`: one for each combination of the keys' values. Those
    count that meet `having`, whose comparisons are of the attributes count, sum, avg, min and max.

    `most` is how many pairs of an entity and a group there may be; more are refused.

    They come in the order of `by` (None: of their keys), then of their keys: terms as in their lists, entities by name,
    else by value, what is missing last. With `adds`, which only metrics know, groups tell what their values add up to.
    """

    keys: tuple[GroupKey, ...]
    where: Where = ALWAYS
    having: Where = ALWAYS
    by: Figure | None = Figure.COUNT
    descending: bool = True
    adds: bool = False
    first: int | None = None
    after: Position | None = None
    most: int = 5_000_000


class KeyValue(NamedTuple):
    """A value of a key, None where it is missing, and how to show it."""

    value: str | None
    label: str


class Totals(NamedTuple):
    """What the values of a group's metrics come to: None without any value. Where they cannot be added, `unlike` names
    the keys to group by."""

    sum: float | None
    avg: float | None
    min: float | None
    max: float | None
    present: int
    missing: int
    unlike: tuple[str, ...] = ()


class Group(NamedTuple):
    """Entities that have the same values of some keys: these, and how many there are."""

    values: tuple[KeyValue, ...]
    size: int
    totals: Totals | None
    position: Position


class Groups(NamedTuple):
    """A page of groups; `total` is how many there are in all."""

    groups: Sequence[Group]
    total: int
    has_previous: bool
    has_next: bool


def fits_groups(grouping: Grouping, position: Position) -> bool:
    """Whether a position can be one of these groups: a figure, if they are ordered by one, and of each key what its
    values are ordered by, or None."""
    figure, *ranks = position or (None,)
    numbers = (type(None), int, float) if grouping.by else (type(None),)
    return (
        type(figure) in numbers
        and len(ranks) == len(grouping.keys)
        and all(
            rank is None
            or (isinstance(rank, list) and [type(part) for part in rank] == ORDERED_BY.get(key.type, [str, str]))
            for key, rank in zip(grouping.keys, ranks, strict=True)
        )
    )


def comparisons(having: Where) -> Iterator[Compare]:
    """The comparisons of a condition on groups, which must all hold."""
    if isinstance(having, And):
        for part in having.parts:
            yield from comparisons(part)
    else:
        assert isinstance(having, Compare)
        yield having


def asks_for_values(having: Where) -> bool:
    """Whether a condition on groups asks for more than how many they hold."""
    return any(compare.attribute != Figure.COUNT.value for compare in comparisons(having))


def incompatible(unlike: Sequence[str]) -> IncompatibleAggregation:
    told = " and ".join(unlike)
    reason = {
        "SUBJECT": "a total and its own parts: a place, and what it lies in, at the same time",
        "PERIOD": "a total and its own parts: periods of one subject that have days in common",
    }.get(unlike[0], f"more than one {' and '.join(key.lower() for key in unlike)}")
    return IncompatibleAggregation(
        f"These values cannot be taken together, as there is {reason}. Group by {told} as well, or filter to one."
    )
