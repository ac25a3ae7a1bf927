"""Filters and orders, chosen by walking the committed schema, so that a new field is asked about at once.

What is compared with comes from the pools that worlds are made from (tests/worlds.py), so that much of it is found.
"""

from collections.abc import Callable, Iterator
from typing import Any

from graphql import GraphQLEnumType, GraphQLInputObjectType, get_named_type

from tests.oracle import KINDS, SCHEMA, Given, fold, type_name
from tests.worlds import DATES, FLOATS, INTS, Choices, id_of, is_list, texts

QUESTION = 80
"""Bytes enough for a filter and an order."""

SPELLINGS: list[Callable[[str], str]] = [str, str.upper, str.lower, fold]
FRAGMENTS: list[Callable[[str], str]] = [
    str,
    lambda text: text[:1],
    lambda text: text[1:3],
    lambda text: text[-1:].upper(),
]
QUANTIFIED = ("some", "all", "none", "count", "where")


def filter_of(choose: Choices, kind: str, depth: int = 2) -> Given:
    """A filter of a kind, with filters inside it so many times."""
    return _conditions(choose.part(QUESTION - 10), filter_name(kind), depth)


def filter_name(kind: str) -> str:
    return f"{type_name(kind)}Filter"


def each_condition(choose: Choices, kind: str) -> Iterator[Given]:
    """For each key of a kind's filter, and each key of what is given for it, a filter with just these two."""
    for key, type_ in _types(filter_name(kind)).items():
        inner = get_named_type(type_).name
        for inner_key in _types(inner):
            condition = _condition(choose.part(8), inner, inner_key, 1, kind, key)
            yield {key: [condition] if is_list(type_) else condition}


def order_of(choose: Choices, kind: str) -> list[Given]:
    """An order of a kind: no key, one or several."""
    type_: Any = SCHEMA.type_map[f"{type_name(kind)}OrderField"]
    order = []
    for _ in range(choose.one([0, 1, 1, 2, 3])):
        direction = choose.one([None, "ASC", "DESC", "DESC"])
        order.append({"field": choose.one(list(type_.values))} | ({"direction": direction} if direction else {}))
    return order


def _types(name: str) -> dict[str, Any]:
    """The keys of an input type, with the types of what is given for them."""
    fields: Any = SCHEMA.type_map[name].fields
    return {key: field.type for key, field in fields.items()}


def _conditions(choose: Choices, name: str, depth: int, kind: str = "", attribute: str = "") -> Given:
    """What can be given for an input type of the schema; in the innermost filters only attributes are compared."""
    usable = [key for key, type_ in _types(name).items() if depth or not leads_on(type_)]
    # Without one of these a condition on a relation says nothing.
    weighted = usable + 2 * [key for key in usable if name.endswith("RelationFilter") and key in QUANTIFIED]
    given = {}
    for _ in range(choose.one([0, 1, 1, 1, 1, 1, 2, 2, 3])):
        given |= _condition(choose, name, choose.one(weighted), depth, kind, attribute)
    return given


def _condition(choose: Choices, name: str, key: str, depth: int, kind: str, attribute: str) -> Given:
    """One key of an input type, with a value. `kind` and `attribute` say what stands around it."""
    if is_entity_filter(name):
        kind, attribute = name.removesuffix("Filter").upper(), key
    elif name == "CodeFilter":
        kind, attribute = "CODE", key
    elif name.endswith(("RelationFilter", "CodeListFilter")):
        attribute = key
    type_ = _types(name)[key]
    if is_list(type_):
        values = [_value(choose, type_, key, depth, kind, attribute) for _ in range(choose.one([0, 1, 2, 2, 3]))]
        return {key: values}
    return {key: _value(choose, type_, key, depth, kind, attribute)}


def _value(choose: Choices, type_: Any, key: str, depth: int, kind: str, attribute: str) -> Any:
    named = get_named_type(type_)
    if isinstance(named, GraphQLInputObjectType):
        return _conditions(choose, named.name, depth - is_entity_filter(named.name), kind, attribute)
    return choose.one(_pool(named, kind, attribute, key))


def _pool(type_: Any, kind: str, attribute: str, operator: str) -> list[Any]:
    """What an attribute may be compared with."""
    if isinstance(type_, GraphQLEnumType):
        return list(type_.values)
    if type_.name == "String":
        vary = FRAGMENTS if operator in ("contains", "startsWith") else SPELLINGS
        return [spell(text) for text in texts(kind, attribute) for spell in vary]
    if type_.name == "Int":
        return [0, 1, 2, 3] if attribute == "count" else [*INTS, *sorted({int(date[:4]) for date in DATES})]
    ids = [id_of(kind, number) for number in range(4)] if kind in KINDS else []
    return {"Boolean": [False, True], "Float": FLOATS, "PartialDate": DATES, "ID": [*ids, "nobody"]}[type_.name]


def is_entity_filter(name: str) -> bool:
    return name.removesuffix("Filter").upper() in KINDS


def leads_on(type_: Any) -> bool:
    """Whether a condition is one on other entities, or on several filters at once."""
    name = get_named_type(type_).name
    return is_entity_filter(name) or name.endswith("RelationFilter")
