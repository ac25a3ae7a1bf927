"""An operation costs a fixed number of calls to the engine: at most one for each field in it that leads to entities and
for each count, however many entities there are, of however many kinds."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import pytest
from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
    is_abstract_type,
    parse,
)
from hypothesis import given, note

from graph.graph import Graph
from tests.api.twins import Twins
from tests.conftest import graph_of
from tests.engines import Counting
from tests.operations import GRAPH_ANSWERS, OPERATION, Asked, operation_of
from tests.oracle import KINDS, SCHEMA, Line, type_name
from tests.worlds import WORLD, Choices, choices, examples, world

ENTITIES = {"Node", "Entity", *map(type_name, KINDS)}
SHOWN = {"edges", "nodes", "pageInfo", "node"}
"""What a connection or an edge shows of the list that was asked for."""

COUNTED = ("totalCount", "facets", "groupBy", "aggregate")
"""What a connection tells of the whole list."""


def calls(graph: Graph, asked: Asked) -> Counter[str]:
    """The calls that an operation costs, compiled; graphql-core asks as often as it likes."""
    counting = Counting(graph.engine)
    twins = Twins(counting, graph.head)
    twins.compiled(asked)
    return Counter() if twins.fallbacks else counting.calls


# What an operation may cost, told from its text alone


class Selected(NamedTuple):
    """A field as a type has it selected: where first, and everywhere."""

    first: tuple[int, ...]
    nodes: list[FieldNode]


class Bound:
    """Counts what a document may cost at most, as if nothing of it were skipped."""

    def __init__(self, asked: Asked) -> None:
        definitions = parse(asked.text).definitions
        self._fragments = {node.name.value: node for node in definitions if isinstance(node, FragmentDefinitionNode)}
        operations = [node for node in definitions if isinstance(node, OperationDefinitionNode)]
        (self._operation,) = [
            node for node in operations if len(operations) == 1 or (node.name and node.name.value == asked.name)
        ]

    @property
    def calls(self) -> int:
        return self._calls(SCHEMA.query_type, [self._operation.selection_set])

    def _calls(self, type_: Any, sets: Sequence[SelectionSetNode]) -> int:
        """Those of one position: what several types have selected alike is one field."""
        fields = {}
        for own in SCHEMA.get_possible_types(type_) if is_abstract_type(type_) else [type_]:
            for key, selected in self._selected(own, sets).items():
                fields[key, selected.first, *map(id, selected.nodes)] = own, selected.nodes
        return sum(self._calls_of(own, nodes) for own, nodes in fields.values())

    def _calls_of(self, own: Any, nodes: Sequence[FieldNode]) -> int:
        name = nodes[0].name.value
        if name == "__typename":
            return 0
        named = get_named_type(own.fields[name].type)
        below = (
            self._calls(named, [node.selection_set for node in nodes if node.selection_set])
            if nodes[0].selection_set
            else 0
        )
        return below + is_asked(own.name, name, named.name)

    def _selected(self, own: Any, sets: Sequence[SelectionSetNode]) -> dict[str, Selected]:
        found: dict[str, Selected] = {}
        seen: set[str] = set()
        for index, selections in enumerate(sets):
            for at, node in self._walk(own, selections, (index,), seen):
                found.setdefault((node.alias or node.name).value, Selected(at, [])).nodes.append(node)
        return found

    def _walk(
        self, own: Any, selections: SelectionSetNode, around: tuple[int, ...], seen: set[str]
    ) -> Iterator[tuple[tuple[int, ...], FieldNode]]:
        for index, node in enumerate(selections.selections):
            at = (*around, index)
            if isinstance(node, FieldNode):
                yield at, node
                continue
            if isinstance(node, FragmentSpreadNode):
                if node.name.value in seen:
                    continue
                seen.add(node.name.value)
            inner = self._fragments[node.name.value] if isinstance(node, FragmentSpreadNode) else node
            assert isinstance(inner, FragmentDefinitionNode | InlineFragmentNode)
            condition = inner.type_condition.name.value if inner.type_condition else own.name
            if condition in (own.name, *(interface.name for interface in own.interfaces)):
                yield from self._walk(own, inner.selection_set, at, seen)


def is_asked(parent: str, field: str, named: str) -> bool:
    """Whether a field has a call of its own."""
    if parent.endswith("GroupConnection"):
        return False  # its groups have been asked for
    if parent.endswith(("Connection", "Edge")):
        return field not in SHOWN and (field in COUNTED or named in ENTITIES)
    if parent in GRAPH_ANSWERS:
        return False  # they hold what they show
    return (
        named in ENTITIES
        or named.endswith("Connection")
        or named in ("GraphInfo", "Query", "Resolution", *GRAPH_ANSWERS)
    )


@examples(300)
@given(choose=choices(WORLD + 2 * OPERATION))
def test_no_operation_costs_more_calls_than_its_text_tells(choose: Choices) -> None:
    graph = graph_of(world(choose.part(WORLD)))
    for _ in range(2):
        asked = operation_of(choose.part(OPERATION))
        note(f"asked: {asked.text}\nof it: {asked.name}, with {asked.variables}")
        assert calls(graph, asked).total() <= Bound(asked).calls


# By name


def peopled(number: int) -> list[Line]:
    """A world with a country, and so many projects in it, each with as many partners and a metric."""
    lines: list[Line] = [
        {"id": "country:ML", "kind": "COUNTRY", "name": "Mali", "code": "ML", "alpha3": "MLI"},
        {"id": "indicator:i", "kind": "INDICATOR", "name": "Patients", "code": "patients", "unit": "people"},
        {"id": "source:s", "kind": "SOURCE", "name": "Report", "type": "REPORT"},
    ]
    for place in range(number):
        project, partner, metric = f"project:{place}", f"partner:{place}", f"metric:{place}"
        lines += [
            {"id": project, "kind": "PROJECT", "name": f"Project {place}"},
            {"id": partner, "kind": "PARTNER", "name": f"Partner {place}", "type": "GOVERNMENT"},
            {
                "id": metric,
                "kind": "METRIC",
                "name": "Seen",
                "value": 1,
                "unit": "people",
                "startedOn": "2023",
                "endedOn": "2023",
            },
            {"relation": "LOCATED_IN", "subject": project, "object": "country:ML"},
            {"relation": "MEASURES", "subject": metric, "object": "indicator:i"},
            {"relation": "ABOUT", "subject": metric, "object": project},
            {"relation": "CITES", "subject": project, "object": "source:s"},
            {"relation": "CITES", "subject": metric, "object": "source:s"},
        ]
        lines += [
            {"relation": "PARTICIPATES_IN", "subject": f"partner:{other}", "object": project, "sources": ["source:s"]}
            for other in range(place + 1)
        ]
    return lines


COSTS = {
    "{ __typename }": {},
    "{ graph { version entityCount counts { kind count } } }": {"statistics": 1},
    '{ country(code: "ML") { name } }': {"find": 1},
    '{ country(code: "ML") { projects { totalCount } } }': {"find": 1, "count_reached": 1},
    '{ country(code: "ML") { projects { totalCount nodes { id } } } }': {"find": 1, "expand": 1},
    '{ country(code: "ML") { projects { nodes { id } edges { cursor } pageInfo { hasNextPage } } } }': {
        "find": 1,
        "expand": 1,
    },
    '{ country(code: "ML") { a: projects { nodes { id } } b: projects { nodes { id } } } }': {"find": 1, "expand": 2},
    "{ countries { nodes { projects { nodes { partners { nodes { projects { nodes { name } } } } } } } } }": {
        "match": 1,
        "expand": 3,
    },
    "{ projects { nodes { partners { edges { sources { id } } } } } }": {"match": 1, "expand": 1, "lookup": 1},
    "{ metrics { nodes { indicator { name } subject { name } } totalCount } }": {"match": 1, "expand": 2},
    "{ projects { nodes { relations { nodes { subject { id } object { id } sources { id } } } } } }": {
        "match": 1,
        "relations": 1,
        "lookup": 3,
    },
    "{ projects { nodes { history { totalCount nodes { entity { name } relation { object { id } } } } } } }": {
        "match": 1,
        "history": 1,
        "lookup": 2,
    },
    '{neighborhood(id:"country:ML",hops:3){entities{entity{name sources{totalCount}}} relations{subject{name}}}}': {
        "neighborhood": 1,
        "count_reached": 1,
        "lookup": 1,
    },
    '{paths(from:"partner:0",to:"source:s"){paths{hops{from{id} relation{sources{id}} to{relations{totalCount}}}}}}': {
        "paths": 1,
        "lookup": 1,
        "count_relations": 1,
    },
    '{ similar(id: "project:0") { items { score entity { name } shared { name } } } }': {"similar": 1},
    "{ central(measure: DEGREE) { items { entity { sources { nodes { name } } } } } }": {"central": 1, "expand": 1},
    '{ search(text: "pro") { nodes { name sources { nodes { id } } } edges { score } pageInfo { hasNextPage } } }': {
        "search": 1,
        "expand": 1,
    },
    '{ search(text: "pro") { totalCount facets(fields: [KIND]) { buckets { count } } nodes { id } } }': {
        "search": 1,
        "count_found": 1,
    },
    '{ resolve(text: "ML") { score entity { sources { totalCount } } } }': {"resolve": 1, "count_reached": 1},
    # Of several kinds: countries, projects and sources are asked together.
    '{ nodes(ids: ["country:ML", "project:0", "source:s"]) { ... on Entity { sources { nodes { id } } } } }': {
        "lookup": 1,
        "expand": 1,
    },
    "{projects{nodes{relations{nodes{object{relations{nodes{subject{sources{totalCount}}}}}}}}}}": {
        "match": 1,
        "relations": 2,
        "lookup": 2,
        "count_reached": 1,
    },
    "{sources{nodes{entities{nodes{name relations{totalCount} ...on Project{places{totalCount}}}}}}}": {
        "match": 1,
        "expand": 1,
        "count_relations": 1,
        "count_reached": 1,
    },
}


@pytest.mark.parametrize("text", COSTS)
def test_the_calls_are_the_same_however_much_there_is(text: str) -> None:
    asked = Asked(text, None, {}, {})
    made = [calls(graph_of(peopled(number)), asked) for number in (1, 4, 16)]
    assert made == [Counter(COSTS[text])] * 3
    assert sum(COSTS[text].values()) <= Bound(asked).calls


def test_what_nobody_reaches_costs_nothing() -> None:
    asked = Asked('{ country(code: "XX") { projects { nodes { partners { nodes { id } } } } } }', None, {}, {})
    assert calls(graph_of(peopled(1)), asked) == {"find": 1}
