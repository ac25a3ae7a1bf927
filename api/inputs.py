"""What clients give to narrow and order lists: the input types of values, and how each is read as a part of a plan.

The filters and orders of each kind are derived from its fields (api/derived.py) and registered here by kind.
"""

from collections.abc import Callable, Container, Iterable, Mapping
from enum import Enum
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec
import strawberry
from strawberry.utils.str_converters import to_camel_case

from api.terms import OrderDirection
from graph.errors import InvalidInput
from graph.grouping import Figure
from graph.paths import Path
from graph.plan import (
    ALWAYS,
    NATURAL,
    And,
    CodeCount,
    Codes,
    Compare,
    Not,
    Operator,
    Or,
    Order,
    OrderKey,
    Quantifier,
    Reached,
    Related,
    RelatedCount,
    ValueType,
    Where,
    conjunction,
    natural_order,
)
from graph.vocabulary import Kind

T = TypeVar("T")
Given = Mapping[str, Any]
Reader = Callable[[Any], Where]
"""Reads what was given for one key of a filter as a condition."""

FILTERS: dict[Kind, dict[str, Reader]] = {}
"""How each key of a kind's filter is read."""

ORDER_KEYS: dict[Kind, dict[str, OrderKey]] = {}
"""What each order field of a kind orders by, ascending."""

OPERATIONS = {
    "eq": "Is the same as this.",
    "ne": "Is known, and not the same as this.",
    "in": "Is the same as one of these; of an empty list, nothing is.",
    "notIn": "Is known, and the same as none of these; an empty list matches all.",
    "lt": "Is less than this.",
    "lte": "Is at most this.",
    "gt": "Is greater than this.",
    "gte": "Is at least this.",
    "contains": "Contains this text.",
    "startsWith": "Starts with this text.",
    "isNull": "Is missing (true), or is known (false).",
}
DATE_OPERATIONS = OPERATIONS | {
    "eq": "Lies within this date's span.",
    "ne": "Is known, and does not lie within this date's span.",
    "in": "Lies within the span of one of these.",
    "lt": "Ends before this date starts.",
    "lte": "Ends no later than this date ends.",
    "gt": "Starts after this date ends.",
    "gte": "Starts no earlier than this date starts.",
}


def make_input(
    name: str,
    fields: Mapping[str, tuple[Any, str]],
    description: str,
    *,
    required: Container[str] = (),
    defaults: Mapping[str, Any] = MappingProxyType({}),
) -> Any:
    """An input type: GraphQL field name -> its type (or the name of one) and description. Every field may be absent,
    but for those that are required."""
    body: dict[str, Any] = {"__annotations__": {}, "__module__": __name__}
    for field, (type_, told) in fields.items():
        attribute = f"{field}_"
        if field in required:
            body["__annotations__"][attribute] = type_
            body[attribute] = strawberry.field(name=field, description=told)
            continue
        body["__annotations__"][attribute] = f"{type_} | None" if isinstance(type_, str) else type_ | None
        body[attribute] = strawberry.field(name=field, default=defaults.get(field, strawberry.UNSET), description=told)
    made = strawberry.input(type(name, (), body), description=description)
    globals()[name] = made  # so that input types may name each other
    return made


def comparisons(name: str, value: Any, operators: str, what: str, told: Mapping[str, str] = OPERATIONS) -> Any:
    """The input type of the comparisons that one type of value has."""
    types = {"in": list[value], "notIn": list[value], "isNull": bool}
    fields = {operator: (types.get(operator, value), told[operator]) for operator in operators.split()}
    description = f"Conditions on {what}; all that are given must hold. On a missing value only isNull holds."
    return make_input(name, fields, description)


ENUM_OPERATORS = "eq ne in notIn isNull"

OPERATORS = {operator.value: operator for operator in Operator}


def read_comparisons(attribute: str, type: ValueType) -> Reader:
    """Reads the comparisons of one attribute."""

    def read(given: Given) -> Where:
        parts = []
        for operator, value in given.items():
            if value is None:
                raise null(f"{to_camel_case(attribute)}.{operator}")
            held = tuple(value) if isinstance(value, list) else value
            parts.append(Compare(attribute, type, OPERATORS[operator], held))
        return conjunction(parts)

    return read


def null(place: str) -> InvalidInput:
    return InvalidInput(f"{place} is null, which a filter cannot mean: leave it out, or use isNull.")


def reading(keys: Callable[[], Mapping[str, Reader]]) -> Reader:
    """Reads an object of conditions, by its keys. All of them hold together."""

    def read(given: Given) -> Where:
        readers = keys()
        parts = []
        for key, value in given.items():
            if value is None:
                raise null(key)
            parts.append(readers[key](value))
        return conjunction(parts)

    return read


def read_filter(kind: Kind) -> Reader:
    """Reads a kind's filter; the kind's readers may be registered later."""
    return reading(lambda: FILTERS[kind])


def logic(kind: Kind) -> dict[str, Reader]:
    """and, or, not of a kind's filter."""
    read = read_filter(kind)
    return {
        "and": lambda given: And(tuple(map(read, given))),
        "or": lambda given: Or(tuple(map(read, given))),
        "not": lambda given: Not(read(given)),
    }


QUANTIFIERS = {quantifier.value: quantifier for quantifier in Quantifier}
read_count = read_comparisons("count", ValueType.NUMBER)

CODE_READERS: dict[str, Reader] = {
    name: read_comparisons(name, ValueType.TEXT) for name in ("vocabulary", "code", "label")
}
read_code = reading(lambda: CODE_READERS)

LINK_READERS: dict[str, Reader] = {
    "role": read_comparisons("role", ValueType.TERM),
    "impact": read_comparisons("impact", ValueType.TERM),
    "since": read_comparisons("since", ValueType.DATE),
    "until": read_comparisons("until", ValueType.DATE),
}


def read_codes(attribute: str) -> Reader:
    """Reads conditions on a list of codes."""
    readers: dict[str, Reader] = {
        name: lambda given, q=quantifier: Codes(attribute, q, read_code(given))  # type: ignore[misc]
        for name, quantifier in QUANTIFIERS.items()
    }
    readers["count"] = lambda given: CodeCount(attribute, read_count(given))
    return reading(lambda: readers)


def read_related(path: Path, kind: Kind) -> Reader:
    """Reads conditions on the entities that a connection leads to: those on the relation and `where` narrow the set
    that the others speak of. Without a quantifier or count there is nothing to hold."""
    inner = read_filter(kind)

    def read(given: Given) -> Where:
        for key, value in given.items():
            if value is None:
                raise null(key)
        link = conjunction([LINK_READERS[key](given[key]) for key in LINK_READERS if key in given])
        reached = Reached(path, link, inner(given["where"]) if "where" in given else ALWAYS)
        parts: list[Where] = [
            Related(reached, quantifier, inner(given[name]))
            for name, quantifier in QUANTIFIERS.items()
            if name in given
        ]
        if "count" in given:
            parts.append(RelatedCount(reached, read_count(given["count"])))
        return conjunction(parts)

    return read


def read_single(path: Path, kind: Kind) -> Reader:
    """Reads conditions on the one entity that a field leads to; where there is none, they do not hold."""
    inner = read_filter(kind)
    return lambda given: Related(Reached(path, ALWAYS, ALWAYS), Quantifier.SOME, inner(given))


def number_given(given: Given, name: str, default: int, most: int) -> int:
    """A number from 1 to `most`. Without one, or with null, it is the default, or `most` if that is less. Raises
    InvalidInput."""
    value = given.get(name)
    number: int = min(default, most) if value in (None, default) else value
    if not 1 <= number <= most:
        raise InvalidInput(f"{name} is {number}; it can be 1 to {most:,}.")
    return number


def terms_given(terms: Iterable[T] | None) -> tuple[T, ...] | None:
    """The terms of a list, each once; None where there is no list."""
    return None if terms is None else tuple(dict.fromkeys(terms))


HAVING_READERS: dict[str, Reader] = {
    figure.value: read_comparisons(figure.value, ValueType.NUMBER) for figure in Figure
}
read_having = reading(lambda: HAVING_READERS)


def having_given(given: Given | None) -> Where:
    """The condition on groups; one that is absent or null keeps all."""
    return ALWAYS if given is None else read_having(given)


def where_given(kind: Kind, given: Given | None) -> Where:
    """The condition of a list of this kind; a filter that is absent or null keeps everything."""
    return ALWAYS if given is None else read_filter(kind)(given)


def check_conditions(where: Where, most: int) -> None:
    """Refuse a condition that takes too many comparisons for each entity. Raises InvalidInput."""
    if where != ALWAYS and (size := conditions_in(where)) > most:
        raise InvalidInput(f"The filter has {size:,} conditions; at most {most} are tried. Use `in` for values.")


def conditions_in(where: Any) -> int:
    """How many comparisons a condition comes down to for one entity."""
    if isinstance(where, Compare):
        return 1
    parts = (
        where
        if isinstance(where, tuple)
        else tuple(getattr(where, name) for name in getattr(where, "__struct_fields__", ()))
    )
    return sum(conditions_in(part) for part in parts if isinstance(part, tuple | msgspec.Struct))


def order_given(kind: Kind, given: list[Given] | None) -> Order:
    """The order of a list of this kind; its natural one where none is given. A field that comes again decides nothing
    more, so it costs nothing more."""
    if not given:
        return NATURAL
    first = {key["field"].name: key["direction"] for key in reversed(given)}
    fields = dict.fromkeys(key["field"].name for key in given)
    order = tuple(_order_key(ORDER_KEYS[kind][field], first[field]) for field in fields)
    return NATURAL if order == natural_order(kind) else order


def _order_key(key: OrderKey, direction: Enum) -> OrderKey:
    return OrderKey(key.type, key.attribute, key.path, direction is OrderDirection.DESC)
