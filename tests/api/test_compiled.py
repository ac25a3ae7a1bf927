"""Compiled answers are graphql-core's, to the byte: keys and errors in the same order, whatever is asked.

Operations and worlds are drawn (tests/operations.py, tests/worlds.py); `make test-long` draws many more.
"""

import json
import logging
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import currently_in_test_context, given, note

from api.documents import Documents
from api.fields import DEFINITION
from api.schema import core, schema
from graph.engine import Engine, settle
from graph.graph import Graph
from graph.plan import Page
from tests.api.stage import permits, writes
from tests.api.twins import PLENTY, Twins
from tests.conftest import graph_of
from tests.engines import Sabotaged
from tests.operations import OPERATION, Asked, operation_of
from tests.oracle import Line, applied
from tests.worlds import COMMIT, WORLD, Choices, choices, commit, examples, world

RECENT = "central"
"""The one field that may be of a recent version, and says of which."""

CURSORS = 40
"""Bytes enough to choose cursors."""


@pytest.fixture(autouse=True, scope="module")
def _no_log() -> Iterator[None]:
    """Errors are what this is about: thousands of them, each with a traceback."""
    logger = logging.getLogger("fieldgraph")
    before, logger.level = logger.level, logging.CRITICAL + 1
    yield
    logger.setLevel(before)


def tell(asked: Asked) -> None:
    if currently_in_test_context():
        note(f"asked: {asked.text}\nof it: {asked.name}, with {asked.variables}")


def check(twins: Twins, asked: Asked, times: int = 2) -> Any:
    """Holds answers, the first and those from what is then remembered, to graphql-core's; its data."""
    tell(asked)
    expected = twins.reference(asked)
    fallbacks = twins.fallbacks
    for _ in range(times):
        assert twins.compiled(asked) == expected
    assert twins.fallbacks == fallbacks or expected.has_errors or has_null_condition(asked)
    return json.loads(expected.body).get("data")


def has_null_condition(asked: Asked) -> bool:
    """Whether a variable that @skip or @include may use is null: an error if it is met, which graphql-core sees."""
    nullable = re.findall(r"\$(\w+): Boolean =", asked.text)
    return any(asked.variables.get(name, "") is None for name in nullable)


def check_with_cursors(choose: Choices, twins: Twins, asked: Asked) -> None:
    data = check(twins, asked)
    if asked.cursors and data:
        check(twins, asked.going_on(choose.part(CURSORS), data))


def looked_through(graph: Graph) -> Graph:
    """A graph that was looked through for what is wrong. The first look waits now and then; where two fields of the
    root fail, graphql-core tells of the one that failed first, which must not hang on who looked first."""
    settle(graph.engine.findings(Page(first=1)))
    return graph


# Whatever is asked


@examples(300)
@given(choose=choices(WORLD + 2 * (OPERATION + CURSORS)))
def test_every_operation_is_answered_as_graphql_core_answers_it(choose: Choices) -> None:
    graph = looked_through(graph_of(world(choose.part(WORLD))))
    twins = Twins(graph.engine, graph.head)
    for _ in range(2):
        check_with_cursors(choose, twins, operation_of(choose.part(OPERATION)))


@examples(400)
@given(choose=choices(WORLD + 2 + 2 * (OPERATION + CURSORS)))
def test_every_failure_is_told_as_graphql_core_tells_it(choose: Choices) -> None:
    """Where entities are gone, records hold wrong values and questions fail, within lists and at every depth."""
    graph = looked_through(graph_of(world(choose.part(WORLD))))
    twins = Twins(Sabotaged(graph.engine, salt=choose.one(range(2**16))), graph.head)
    for _ in range(2):
        check_with_cursors(choose, twins, operation_of(choose.part(OPERATION)))


# Writes


@examples(100)
@given(choose=choices(WORLD + 1 + 2 * OPERATION + 5 * COMMIT))
def test_after_a_write_nothing_stale_is_answered(choose: Choices) -> None:
    lines = world(choose.part(WORLD))
    graph = graph_of(lines)
    twins = Twins(graph.engine, graph.head, memory=choose.one([PLENTY, 3_000]))
    questions = [operation_of(choose.part(OPERATION), without=RECENT) for _ in range(2)]
    for _ in range(5):
        check_anew(twins, graph, lines, questions)
        changes = commit(choose.part(COMMIT), lines)
        if permits(graph, changes):
            note(f"written: {changes}")
            lines = applied(lines, changes)
    check_anew(twins, graph, lines, questions)


@examples(30)
@given(choose=choices(WORLD + 2 * OPERATION + 6 * (COMMIT + 2)))
def test_of_two_graphs_on_one_store_neither_answers_what_is_stale(choose: Choices) -> None:
    """Each has an executor of its own, as the processes of a service have; what one writes, the other follows."""
    lines = world(choose.part(WORLD))
    questions = [operation_of(choose.part(OPERATION), without=RECENT) for _ in range(2)]
    with TemporaryDirectory() as directory:
        graphs = [Graph.open(Path(directory)) for _ in range(2)]
        both = [Twins(graph.engine, graph.head) for graph in graphs]
        graphs[0].apply(writes(lines))
        shown: list[list[Line]] = [lines, []]
        for _ in range(6):
            side = choose.one([0, 1])
            graph, other, changes = graphs[side], 1 - side, commit(choose.part(COMMIT), lines)
            if choose.one(["write", "write", "follow"]) == "follow":
                graph.follow()
            elif permits(graph, changes):
                note(f"written by {side}: {changes}")
                lines = applied(lines, changes)
            if graph.version == max(one.version for one in graphs):
                shown[side] = lines
            check_anew(both[side], graph, shown[side], questions)
            check_anew(both[other], graphs[other], shown[other], questions)  # as it was
        for graph in graphs:
            graph.close()


def check_anew(twins: Twins, graph: Graph, lines: Sequence[Line], questions: Sequence[Asked]) -> None:
    """Holds answers of a graph to those that graphql-core gives of another one, made anew from its lines."""
    anew = graph_of(list(lines)).engine
    # But for what it went through.
    anew._archive, anew.version, anew.look_back = graph.engine._archive, graph.version, graph.engine.look_back
    for asked in questions:
        tell(asked)
        twins.show(anew, graph.head)
        expected = twins.reference(asked)
        twins.show(graph.engine, graph.head)
        for _ in range(2):
            assert twins.compiled(asked) == expected


# By name: what chance found, or might miss

SMALL = [
    "{ __typename }",
    "{ a: __typename ... { b: __typename } ... on Query { a: __typename } }",
    '{ country(code: "ml") { ... on Node { id } ... on Project { status } ... on Entity { name } } }',
    '{ node(id: "place:koro") { __typename id ... on Place { coordinates { latitude __typename longitude } } } }',
    '{ nodes(ids: ["place:koro", "nobody", "country:ML", "place:koro"]) { id ...on Entity{relations{totalCount}} } }',
    '{ country(code: "ML") { name @skip(if: true) } }',
    "{ projects { nodes { id } nodes { name partners { edges { role roles } } } edges { node { id } } } }",
    "{ projects { totalCount } projects { t: totalCount pageInfo { hasNextPage endCursor } } }",
    "{ projects { __typename } }",
    "{ projects(first: 0) { totalCount } events { totalCount } }",
    '{ events { nodes { followed(after: "x") { totalCount } } } }',
    "{ metrics { nodes { indicator { id } subject { name ... on Country { code } } } } }",
    '{ partners(where: {name: {eq: null}}) { totalCount } country(code: "ML") { id } }',
]


@pytest.mark.parametrize("text", SMALL)
@pytest.mark.parametrize("salt", [None, *range(4)])
def test_of_the_small_world_too(small: Graph, text: str, salt: int | None) -> None:
    engine: Engine = small.engine if salt is None else Sabotaged(small.engine, salt)
    check(Twins(engine, small.head, documents=Documents), Asked(text, None, {}, {}))


@pytest.mark.parametrize("field", ["name", "partners", "region"])
def test_what_is_found_far_down_not_to_be_compiled_has_graphql_core_answer(
    small: Graph, monkeypatch: pytest.MonkeyPatch, field: str
) -> None:
    text = "{ graph { version } countries { nodes { projects { nodes { countries { nodes { %s } } } } } } }"
    text %= {"name": "name", "partners": "partners { totalCount }", "region": "region { name }"}[field]
    twins = Twins(small.engine, small.head)
    expected = twins.reference(Asked(text, None, {}, {}))
    definition = core(schema).type_map["Country"].fields[field]  # type: ignore[attr-defined]
    monkeypatch.delitem(definition.extensions, DEFINITION)
    for times in (1, 2):
        assert twins.compiled(Asked(text, None, {}, {})) == expected
        assert twins.fallbacks == times
    explained = json.loads(twins.compiled(Asked(text, None, {}, {}), explained=True).body)
    assert explained["extensions"]["explain"]["executor"] == "reference"
