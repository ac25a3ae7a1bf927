"""Operations that nobody has sent before: drawn from a schema with Relay's connections, small in what they answer."""

from collections.abc import Iterator
from itertools import count
from random import Random

from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_leaf_type,
    is_required_argument,
)

Selected = GraphQLObjectType | GraphQLInterfaceType

DEEPEST = 3
"""Entities within entities."""

VALUES = {"first": "2", "code": '"AA"', "id": '"project:p1"', "ids": '["country:AA", "project:p1"]'}
"""Arguments that a field gets if it has them; one that needs others is not asked for."""

LONG = {"asOf", "central", "quality", "neighborhood", "similar", "aggregate"}
"""Fields whose answers take longer than any text to compile, and may be cut by time, or refused for what there is."""


def texts(schema: GraphQLSchema, seed: int) -> Iterator[str]:
    """Endlessly many texts, no two alike."""
    draw = Random(seed)
    assert schema.query_type is not None
    for number in count():
        yield f"query Cold{seed}x{number} {_selection(schema.query_type, draw, DEEPEST)}"


def _selection(type_: Selected, draw: Random, levels: int) -> str:
    """Some fields of the type, with so many levels of entities below them."""
    fields = {name: field for name, field in type_.fields.items() if name not in LONG and _can_be_asked(field)}
    leaves = [name for name, field in fields.items() if is_leaf_type(get_named_type(field.type))]
    inner = [name for name in fields if name not in leaves]
    leads_on = type_.name.endswith(("Connection", "Edge", "Query"))  # says little itself
    least, most = (1, 1) if leads_on else (0 if leaves else 1, min(levels, 2))
    chosen = draw.sample(leaves, min(len(leaves), draw.randint(1, 6)))
    chosen += draw.sample(inner, min(len(inner), draw.randint(least, max(least, most))))
    below = levels if leads_on else levels - 1
    return f"{{ {' '.join(_field(name, fields[name], draw, below) for name in chosen)} }}"


def _field(name: str, field: GraphQLField, draw: Random, levels: int) -> str:
    alias = f"other_{name}: " if draw.random() < 0.1 else ""
    arguments = [f"{key}: {value}" for key, value in VALUES.items() if key in field.args]
    if "where" in field.args and draw.random() < 0.2:
        arguments.append(f'where: {{ name: {{ startsWith: "{draw.choice("CEIMP")}" }} }}')
    type_ = get_named_type(field.type)
    selection = _selection(type_, draw, levels) if isinstance(type_, Selected) else ""
    given = f"({', '.join(arguments)})" if arguments else ""
    return f"{alias}{name}{given} {selection}"


def _can_be_asked(field: GraphQLField) -> bool:
    needed = {name for name, argument in field.args.items() if is_required_argument(argument)}
    type_ = get_named_type(field.type)
    return needed <= VALUES.keys() and (is_leaf_type(type_) or isinstance(type_, Selected))
