"""Filters and orders, derived from the fields of each kind: whoever adds a field has them at once."""

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any

import strawberry
from strawberry.types.base import StrawberryList
from strawberry.types.enum import StrawberryEnumDefinition
from strawberry.types.field import StrawberryField

from api.fields import GENERATED, AttributeField, StepField, attribute
from api.groups import GroupConnection, GroupFace, MetricGroup
from api.inputs import (
    DATE_OPERATIONS,
    ENUM_OPERATORS,
    FILTERS,
    ORDER_KEYS,
    comparisons,
    logic,
    make_input,
    read_codes,
    read_comparisons,
    read_related,
    read_single,
)
from api.terms import GroupOrderBy, OrderDirection, PartialDate, enum_of
from api.types import FACES, Code
from graph import vocabulary
from graph.grouping import GROUP_KEYS, GroupKey
from graph.paths import SUBJECT_COUNTRY, Path
from graph.plan import OrderKey, ValueType
from graph.vocabulary import Direction, Kind, RelationKind, Term

UNFILTERED_TERMS = {Kind, RelationKind, Direction, vocabulary.ChangeAction}
EXTRA_SINGLES: dict[Kind, dict[str, Path]] = {Kind.METRIC: {"country": SUBJECT_COUNTRY}}
"""Single entities that can be filtered by though no field shows them."""

SINGULARS = {"children": "CHILD", "countries": "COUNTRY", "entities": "ENTITY"}
TEXT, NUMBER, DATE = "StringFilter", "IntFilter", "DateFilter"
VALUE_FILTERS: dict[Any, tuple[str, ValueType]] = {
    str: ("StringFilter", ValueType.TEXT),
    int: ("IntFilter", ValueType.NUMBER),
    float: ("FloatFilter", ValueType.NUMBER),
    PartialDate: ("DateFilter", ValueType.DATE),
    strawberry.ID: ("IDFilter", ValueType.ID),
}


def derive() -> None:
    """Makes every input type, and registers how each filter and order is read. Called once, when all faces stand."""
    _value_filters()
    for kind in Kind:
        _relation_filter(kind)
    for kind, face in FACES.items():
        fields = list(_fields(face))
        _filter(kind, fields)
        _order(kind, fields)
    for grouped, keys in GROUP_KEYS.items():
        _groups(grouped, keys)


def _value_filters() -> None:
    text = "a text, compared without case and accents"
    comparisons("StringFilter", str, "eq ne in notIn contains startsWith isNull", text)
    comparisons("IntFilter", int, "eq ne in notIn lt lte gt gte isNull", "a whole number")
    comparisons("FloatFilter", float, "eq ne lt lte gt gte isNull", "a number")
    comparisons("DateFilter", PartialDate, "eq ne in lt lte gt gte isNull", "a partial date, as spans", DATE_OPERATIONS)
    comparisons("IDFilter", strawberry.ID, "eq ne in notIn", "an id, as written")
    for terms in vars(vocabulary).values():
        if isinstance(terms, type) and issubclass(terms, Term) and terms is not Term and terms not in UNFILTERED_TERMS:
            comparisons(f"{terms.__name__}Filter", terms, ENUM_OPERATORS, "a term of its list")
    figures = {
        "count": (NUMBER, "Conditions on how many items a group holds."),
        "sum": ("FloatFilter", "Conditions on the sum of its values; of metrics only, as the next three."),
        "avg": ("FloatFilter", "Conditions on the mean of its values."),
        "min": ("FloatFilter", "Conditions on the least of its values."),
        "max": ("FloatFilter", "Conditions on the greatest of its values."),
    }
    GENERATED["GroupFilter"] = make_input(
        "GroupFilter", figures, "Conditions on a group; all that are given must hold."
    )
    GENERATED["GroupOrder"] = _order_input("GroupOrder", "by", GroupOrderBy, OrderDirection.DESC)
    parts = {
        "vocabulary": (TEXT, "Conditions on the list it is of."),
        "code": (TEXT, "Conditions on the code."),
        "label": (TEXT, "Conditions on its label."),
    }
    make_input("CodeFilter", parts, "Conditions on a code; all that are given must hold.")
    quantified = {
        "some": ("CodeFilter", "At least one code meets these."),
        "all": ("CodeFilter", "Every code meets these; holds where there is none."),
        "none": ("CodeFilter", "No code meets these."),
        "count": (NUMBER, "Conditions on how many codes there are."),
    }
    make_input("CodeListFilter", quantified, "Conditions on a list of codes; all that are given must hold.")


def _relation_filter(kind: Kind) -> None:
    name = f"{kind.title()}Filter"
    fields = {
        "role": ("PartnerRoleFilter", "Narrows the set: conditions on the role that a relation states."),
        "impact": ("ImpactFilter", "Narrows the set: conditions on the impact that a relation states."),
        "since": (DATE, "Narrows the set: conditions on since when a relation holds."),
        "until": (DATE, "Narrows the set: conditions on until when a relation held."),
        "where": (name, "Narrows the set: conditions on the entities themselves."),
        "some": (name, "At least one of the set meets these."),
        "all": (name, "Every one of the set meets these; holds where there is none."),
        "none": (name, "None of the set meets these."),
        "count": (NUMBER, "Conditions on how many there are in the set."),
    }
    description = (
        "Conditions on the entities of a list. Those on the relation (one relation must meet them all) and `where`"
        " narrow the set that some, all, none and count speak of; alone they ask nothing, so everything meets them."
    )
    make_input(f"{kind.title()}RelationFilter", fields, description)


def _fields(face: Any) -> Iterator[StrawberryField]:
    """The fields of a face: what all entities have, its own, and its sources last."""
    fields = face.__strawberry_definition__.fields
    yield from (field for field in fields if field.python_name != "sources")
    yield from (field for field in fields if field.python_name == "sources")


def _filter(kind: Kind, fields: list[StrawberryField]) -> None:
    name = f"{kind.title()}Filter"
    readers = logic(kind)
    inputs: dict[str, tuple[Any, str]] = {
        "and": (f"list[{name}]", "All of these hold; of an empty list, all do."),
        "or": (f"list[{name}]", "One of these holds; of an empty list, none does."),
        "not": (name, "These do not hold."),
    }
    extra = EXTRA_SINGLES.get(kind, {})
    for field in fields:
        key = _camel(field.python_name)
        if isinstance(field, AttributeField) and field.filtered:
            if _bare(field.type) is Code:
                inputs[key], readers[key] = (
                    ("CodeListFilter", f"Conditions on its {key}."),
                    read_codes(field.python_name),
                )
            else:
                filter_name, type_ = _value_type(field)
                inputs[key] = (filter_name, f"Conditions on its {key}.")
                readers[key] = read_comparisons(field.python_name, type_)
        elif isinstance(field, StepField) and field.step.path and (target := field.step.path.target):
            if field.step.single:
                inputs[key] = (
                    f"{target.title()}Filter",
                    f"Conditions on its {key}; they do not hold where there is none.",
                )
                readers[key] = read_single(field.step.path, target)
            else:
                inputs[key] = (f"{target.title()}RelationFilter", f"Conditions on its {key}.")
                readers[key] = read_related(field.step.path, target)
    for key, path in extra.items():
        assert path.target is not None
        told = f"Conditions on the {key} of its subject, or around it; they do not hold where there is none."
        inputs[key], readers[key] = (f"{path.target.title()}Filter", told), read_single(path, path.target)
    FILTERS[kind] = readers
    description = (
        f"Conditions on {kind.title().lower()} entities; all that are given must hold, and {{}} matches everything."
    )
    GENERATED[name] = make_input(name, inputs, description)


def _order(kind: Kind, fields: list[StrawberryField]) -> None:
    keys = {"NAME": OrderKey(ValueType.TEXT, "name"), "ID": OrderKey(ValueType.ID, "id")}
    told = {"NAME": "By name, without case and accents, then as written.", "ID": "By id, as written."}
    for field in fields:
        if isinstance(field, AttributeField) and field.filtered and not _is_list(field):
            member = field.python_name.upper()
            keys.setdefault(member, OrderKey(_value_type(field)[1], field.python_name))
            told.setdefault(member, f"By {_camel(field.python_name)}.")
        elif isinstance(field, StepField) and field.step.path and not field.step.single:
            member = f"{_singular(field.python_name)}_COUNT"
            keys[member] = OrderKey(ValueType.NUMBER, path=field.step.path)
            told[member] = f"By how many {_camel(field.python_name)} it has."
    ORDER_KEYS[kind] = keys
    name = f"{kind.title()}Order"
    members = Enum(f"{name}Field", {member: member for member in keys})  # type: ignore[misc]  # made from the fields
    what = f"What lists of {kind.title().lower()} entities can be ordered by."
    GENERATED[f"{name}Field"] = enum_of(members, told, what)
    GENERATED[name] = _order_input(name, "field", members, OrderDirection.ASC)


def _order_input(name: str, key: str, members: Any, direction: OrderDirection) -> Any:
    body = {
        "__annotations__": {key: members, "direction": OrderDirection},
        key: strawberry.field(description="What to order by."),
        "direction": strawberry.field(default=direction, description="Which end comes first."),
    }
    return strawberry.input(type(name, (), body), description="An order: by what, and which end first.")


def _groups(kind: Kind | None, keys: Mapping[str, GroupKey]) -> None:
    """The types by which a list of a kind, or of several, is counted and grouped."""
    name = "Entity" if kind is None else kind.title()
    told = {key.name: key.told for key in keys.values()}
    lists = f"lists of {'several kinds' if kind is None else f'{name.lower()} entities'}"
    for type_, what in (("FacetField", f"What can be counted of {lists}."), ("GroupKey", f"What groups {lists}.")):
        members = Enum(f"{name}{type_}", keys)  # type: ignore[misc]  # made from what the graph groups by
        GENERATED[members.__name__] = enum_of(members, told, what)
    group = MetricGroup if kind is Kind.METRIC else _made(f"{name}Group", GroupFace, "Items with values in common.")
    nodes = {"__annotations__": {"nodes": list[group]}, "nodes": attribute("The page's groups.")}  # type: ignore[valid-type]
    page = _made(f"{name}GroupConnection", GroupConnection, "A page of the groups of a list (Relay).", nodes)
    GENERATED[page.__name__] = page


def _made(name: str, base: type, description: str, body: Mapping[str, Any] | None = None) -> Any:
    return strawberry.type(type(name, (base,), dict(body or {})), description=description)


def _value_type(field: StrawberryField) -> tuple[str, ValueType]:
    bare = _bare(field.type)
    if isinstance(bare, StrawberryEnumDefinition):
        return f"{bare.name}Filter", ValueType.TERM
    return VALUE_FILTERS[bare]


def _bare(type_: Any) -> Any:
    """The type within lists and options."""
    while hasattr(type_, "of_type"):
        type_ = type_.of_type
    return (
        getattr(type_, "__strawberry_definition__", type_)
        if isinstance(type_, type) and issubclass(type_, Enum)
        else type_
    )


def _is_list(field: StrawberryField) -> bool:
    return isinstance(field.type, StrawberryList)


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(map(str.title, rest))


def _singular(name: str) -> str:
    return SINGULARS.get(name, name.removesuffix("s").upper())
