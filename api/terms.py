"""The graph's codelists as GraphQL enums, and the scalars: each with the meaning its term carries."""

import re
from datetime import datetime
from enum import Enum
from typing import Any, NewType, TypeVar, cast

import strawberry
from strawberry.types.enum import StrawberryEnumDefinition
from strawberry.types.scalar import ScalarDefinition

from api.fields import described
from graph import vocabulary
from graph.journal.journal import in_utc
from graph.values import is_partial_date
from graph.vocabulary import Term

E = TypeVar("E", bound=type[Enum])


def enum_of(terms: E, descriptions: dict[str, str], description: str) -> E:
    """Makes a Python enum a GraphQL enum whose values are described."""
    strawberry.enum(terms, description=description)
    definition = cast(Any, terms).__strawberry_definition__
    assert isinstance(definition, StrawberryEnumDefinition)
    for value in definition.values:
        value.description = descriptions[value.name]
    return terms


for _terms in vars(vocabulary).values():
    if isinstance(_terms, type) and issubclass(_terms, Term) and _terms is not Term:
        enum_of(_terms, {term.name: term.description for term in _terms}, described(_terms))


class OrderDirection(Enum):
    """Which end of an order comes first."""

    ASC = "ASC"
    DESC = "DESC"


enum_of(
    OrderDirection,
    {"ASC": "Smallest, earliest or first by name first.", "DESC": "Largest, latest or last by name first."},
    "Which end of an order comes first. What is missing comes last in either direction.",
)


class GroupOrderBy(Enum):
    """What groups are ordered by."""

    KEY = "KEY"
    COUNT = "COUNT"
    SUM = "SUM"
    AVG = "AVG"
    MIN = "MIN"
    MAX = "MAX"


enum_of(
    GroupOrderBy,
    {
        "KEY": "By the values of the keys: terms as in their lists, entities by name, dates by time.",
        "COUNT": "By how many items they hold.",
        "SUM": "By the sum of their values; of metrics only, as the next three.",
        "AVG": "By the mean of their values.",
        "MIN": "By the least of their values.",
        "MAX": "By the greatest of their values.",
    },
    "What groups are ordered by; ties by the values of their keys. What is missing comes last in either direction.",
)


def parse_partial_date(value: object) -> str:
    """The date as it was given. Raises ValueError with what was expected."""
    if isinstance(value, str) and is_partial_date(value):
        return value
    raise ValueError(f"Expected a date that exists, as 2023, 2023-11 or 2023-11-05, got {value!r:.60}.")


def parse_date_time(value: object) -> str:
    """The moment as commits have it: in UTC, to the microsecond. Raises ValueError with what was expected."""
    try:
        if isinstance(value, str) and _date_time.fullmatch(value):
            return in_utc(datetime.fromisoformat(value.upper()))
    except (ValueError, OverflowError):
        pass  # there is no such day, hour or zone
    raise ValueError(f"Expected a moment with its zone, as 2026-11-22T09:00:00Z, got {value!r:.60}.")


_date_time = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)

PartialDate = NewType("PartialDate", str)
DateTime = NewType("DateTime", str)

SCALARS: dict[object, ScalarDefinition] = {
    PartialDate: strawberry.scalar(
        name="PartialDate",
        description=(
            "What is known of a date: a year (2023), a month (2023-11) or a day (2023-11-05), as in EDTF level 0."
            " It spans its whole period."
        ),
        specified_by_url="https://www.loc.gov/standards/datetime/",
        serialize=str,
        parse_value=parse_partial_date,
    ),
    DateTime: strawberry.scalar(
        name="DateTime",
        description="A moment in UTC, as RFC 3339 writes it: 2026-11-22T09:00:00.000000Z.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
        serialize=str,
        parse_value=parse_date_time,
    ),
}
