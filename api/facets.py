"""Facets: how many items of a list have which value."""

from collections.abc import Sequence
from enum import Enum
from typing import Any, NamedTuple

import msgspec
import strawberry

from api.fields import Arguments, Step, argument, attribute, stepped_by_kind
from api.inputs import number_given
from api.lists import lists_of
from api.relay import Listing
from api.request import Request
from api.terms import enum_of
from graph.engine import Grouped
from graph.grouping import Grouping, GroupKey
from graph.plan import ALWAYS, Where

MOST_BUCKETS = 10
"""How many values are given where nobody says."""


class FacetScope(Enum):
    """Which items a facet counts."""

    EXCEPT_SELF = "EXCEPT_SELF"
    FILTERED = "FILTERED"
    ALL = "ALL"


enum_of(
    FacetScope,
    {
        "EXCEPT_SELF": "As if the facet's own field of the filter (`countries`, for COUNTRY and REGION) were not given,"
        " at the top level or under `and`.",
        "FILTERED": "The items of the list, all filters applied.",
        "ALL": "As if nothing were filtered.",
    },
    "Which items a facet counts.",
)


class Counted(msgspec.Struct, frozen=True):
    """What Bucket shows."""

    value: str | None
    label: str
    count: int


class Counts(NamedTuple):
    """What Facet shows."""

    field: str
    buckets: Sequence[Counted]
    more: bool


async def _facets(request: Request, listings: Sequence[Listing], given: Arguments) -> Sequence[Any]:
    first, most = number_given(given, "first", MOST_BUCKETS, request.settings.max_page), request.settings.group_pairs
    scope = given.get("scope") or FacetScope.EXCEPT_SELF
    keys = [field.value for field in given["fields"]]
    lists = lists_of(listings)
    asked = list(dict.fromkeys(keys))
    answers = await lists.groups(
        [Grouping((key,), _scoped(lists.where, key, scope), first=first, most=most) for key in asked]
    )
    found = [dict(zip(asked, answers[listing.place], strict=True)) for listing in listings]
    return [_facets_of(keys, [groups[key] for key in keys]) for groups in found]


def _scoped(where: Where, key: GroupKey, scope: FacetScope) -> Where:
    match scope:
        case FacetScope.ALL:
            return ALWAYS
        case FacetScope.FILTERED:
            return where
    return key.unfiltered(where)


def _facets_of(keys: Sequence[GroupKey], answers: Sequence[Grouped]) -> list[Counts] | Exception:
    facets = []
    for key, groups in zip(keys, answers, strict=True):
        if isinstance(groups, Exception):
            return groups
        buckets = [Counted(*group.values[0], group.size) for group in groups.groups]
        facets.append(Counts(key.name, buckets, groups.has_next))
    return facets


@strawberry.type(description="A value, and how many items have it.")
class Bucket:
    value: str | None = attribute(
        "The value: a term, code, text or date, or an entity's id; null for the items that have none."
    )
    label: str = attribute("The value in words.")
    count: int = attribute("How many items have it.")


@strawberry.type(description="How many items of a list have which value of a field; the most frequent value first.")
class Facet:
    field: str = attribute("The field.")
    buckets: list[Bucket] = attribute("Its values.")
    more: bool = attribute("Whether there are more values than shown.")


def facet_arguments(fields: Any) -> tuple[Any, ...]:
    """The arguments of facets; `fields` is the type of what can be counted."""
    return (
        argument("fields", fields, "What is counted; a facet for each."),
        argument("scope", FacetScope | None, "Which items are counted.", FacetScope.EXCEPT_SELF),
        argument("first", int | None, "At most so many values of each, 1 to 100.", MOST_BUCKETS),
    )


def facets() -> Any:
    """A field with facets of a connection's list."""
    told = "How many items of the whole list have which value of a field, the most frequent value first."
    return stepped_by_kind(Step(_facets, whole=True), told, lambda kind: facet_arguments(f"list[{kind}FacetField]"))
