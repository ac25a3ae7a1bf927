"""An operation costs a fixed number of calls to the engine: at most one for each field that leads to entities and each
count in it, whatever the world."""

from collections import Counter
from typing import Any

import pytest
from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
    parse,
)
from hypothesis import given, note

from graph.graph import Graph
from tests.api.twins import Twins
from tests.conftest import graph_of
from tests.engines import Counting
from tests.operations import OPERATION, Asked, operation_of
from tests.oracle import KINDS, SCHEMA, type_name
from tests.worlds import WORLD, Choices, choices, examples, world

ENTITIES = {"Node", "Entity", *map(type_name, KINDS)}
NO_CALL = {"edges", "nodes", "pageInfo", "node"}
"""What a connection or an edge shows of the list that was asked for."""


def most_calls(asked: Asked) -> int:
    """The most calls that an operation may cost, told from its text alone. Fields that fragments add to are counted at
    each spread."""
    definitions = parse(asked.text).definitions
    fragments = {node.name.value: node for node in definitions if isinstance(node, FragmentDefinitionNode)}

    def count(type_: Any, selections: SelectionSetNode) -> int:
        total = 0
        for node in selections.selections:
            if isinstance(node, FragmentSpreadNode):
                fragment = fragments[node.name.value]
                total += count(SCHEMA.type_map[fragment.type_condition.name.value], fragment.selection_set)
            elif isinstance(node, InlineFragmentNode):
                condition = node.type_condition.name.value if node.type_condition else type_.name
                total += count(SCHEMA.type_map[condition], node.selection_set)
            elif isinstance(node, FieldNode) and node.name.value != "__typename":
                named = get_named_type(type_.fields[node.name.value].type)
                total += is_asked(type_.name, node.name.value, named.name)
                total += count(named, node.selection_set) if node.selection_set else 0
        return total

    (operation,) = [
        node
        for node in definitions
        if isinstance(node, OperationDefinitionNode) and asked.name in (None, node.name and node.name.value)
    ]
    return count(SCHEMA.query_type, operation.selection_set)


def is_asked(parent: str, field: str, named: str) -> bool:
    """Whether a field has a call of its own."""
    if parent.endswith(("Connection", "Edge")):
        return field not in NO_CALL  # a count, and the sources of an edge
    return named in ENTITIES or named.endswith("Connection") or named == "GraphInfo"


def is_entity_valued(parent: str, field: str, named: str) -> bool: ...


def calls(engine: Any, head: Any, asked: Asked) -> Counter[str]:
    """The calls that an operation costs."""
    counting = Counting(engine)
    Twins(counting, head).compiled(asked)
    return counting.calls


@examples(300)
@given(choose=choices(WORLD + 2 * OPERATION))
def test_no_operation_costs_more_calls_than_its_text_tells(choose: Choices) -> None:
    graph = graph_of(world(choose.part(WORLD)))
    for _ in range(2):
        asked = operation_of(choose.part(OPERATION))
        note(f"asked: {asked.text}\nof it: {asked.name}, with {asked.variables}")
        made = calls(graph.engine, graph.head, asked)
        assert made.total() <= most_calls(asked), made
