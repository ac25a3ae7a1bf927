"""Facets: how many items of a list have which value."""

from enum import Enum

import strawberry

from api.fields import attribute
from api.terms import enum_of


class FacetScope(Enum):
    """Which items a facet counts."""

    EXCEPT_SELF = "EXCEPT_SELF"
    FILTERED = "FILTERED"
    ALL = "ALL"


enum_of(
    FacetScope,
    {
        "EXCEPT_SELF": "As if the facet's own field were not filtered.",
        "FILTERED": "The items of the list, all filters applied.",
        "ALL": "As if nothing were filtered.",
    },
    "Which items a facet counts.",
)


@strawberry.type(description="A value, and how many items have it.")
class Bucket:
    value: str | None = attribute("The value, as a filter would name it; null for the items that have none.")
    label: str = attribute("The value in words.")
    count: int = attribute("How many items have it.")


@strawberry.type(description="How many items of a list have which value of a field; the most frequent value first.")
class Facet:
    field: str = attribute("The field.")
    buckets: list[Bucket] = attribute("Its values.")
    more: bool = attribute("Whether there are more values than shown.")
