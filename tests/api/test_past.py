"""Specifies api/past.py: asOf answers every question as it was answered then, on both executors."""

import json
from typing import Any

import pytest
from hypothesis import given, note

from api.settings import Settings
from graph.engine import View
from graph.graph import Graph
from graph.parse import write
from tests.api.stage import permits
from tests.api.twins import Twins
from tests.conftest import asking, graph_of
from tests.operations import Asked
from tests.worlds import COMMIT, WORLD, Choices, choices, commit, examples, world

ASKED = {
    "lists": """graph { version updatedAt entityCount counts { kind count } relationCounts { kind count } }
        countries { totalCount nodes { name code projects { totalCount edges { cursor node { id name status } } }
            events(where: {affected: {gt: 1}}) { nodes { id } } metrics { nodes { value indicator { code } } } } }
        projects(orderBy: [{field: NAME, direction: DESC}], last: 3) {
            nodes { partners { edges { roles } } } pageInfo { startCursor } }
        nodes(ids: ["country:a", "project:a", "nobody"]) { id ... on Entity { relations { nodes { kind } } } }""",
    "groups": """projects { facets(fields: [STATUS, COUNTRY]) { field buckets { value count } }
            groupBy(keys: [STATUS]) { totalCount nodes { count } } }
        countries { nodes { metrics { groupBy(keys: [YEAR, UNIT]) { nodes { count } } } } }""",
    "search": """search(text: "koro") { totalCount nodes { id } } resolve(text: "ML") { score entity { id } }
        a: search(text: "ma") { facets(fields: [KIND]) { buckets { count } } edges { score } }""",
    "walks": """neighborhood(id: "country:a", hops: 2) { entities { entity { id } distance } relations { kind } }
        paths(from: "country:a", to: "project:b") { paths { length hops { to { id } } } }
        similar(id: "project:a") { items { score entity { id } shared { id } } }
        quality { totalCount nodes { rule message } }""",
    "history": """projects { nodes { history {
            totalCount nodes { version action fields { field before after } entity { name } } } } }
        sources { nodes { entities { nodes { history(first: 1) { pageInfo { hasNextPage } } } } } }""",
}


def questions() -> list[Asked]:
    return [Asked(f"{{ {text} }}", None, {}, {}) for text in ASKED.values()]


@examples(6)
@given(choose=choices(WORLD + 5 * COMMIT))
def test_what_was_answered_then_is_answered_as_of_then(choose: Choices) -> None:
    lines = world(choose.part(WORLD))
    graph = graph_of(lines)
    twins = Twins(graph.engine, graph.head)
    answered: dict[int, list[Any]] = {}
    for _ in range(5):
        answered[graph.version] = [json.loads(twins.reference(asked).body) for asked in questions()]
        changes = commit(choose.part(COMMIT), lines)
        if permits(graph, changes):
            note(f"version {graph.version}: {changes}")
            twins.show(graph.engine, graph.head)
    for version, answers in answered.items():
        for text, expected in zip(ASKED.values(), answers, strict=True):
            asked = Asked(f"{{ then: asOf(version: {version}) {{ {text} }} }}", None, {}, {})
            compiled = twins.compiled(asked)
            assert compiled == twins.reference(asked)
            assert json.loads(compiled.body) == {"data": {"then": expected["data"]}}
    assert twins.fallbacks == 0


@pytest.fixture(params=["compiled", "reference"])
def ask(request: pytest.FixtureRequest, small: Graph) -> Any:
    return asking(small, Settings(executor=request.param))


def refusal(answer: Any) -> tuple[Any, str, str]:
    (error,) = answer["errors"]
    return error["path"], error["extensions"]["code"], error["message"]


def test_several_versions_stand_beside_the_newest_in_one_answer(ask: Any) -> None:
    answer = ask(
        "{ graph { version } a: asOf(version: 0) { graph { version } } b: asOf(version: 1) { graph { version } } }"
    )
    assert answer["data"] == {"graph": {"version": 1}, "a": {"graph": {"version": 0}}, "b": {"graph": {"version": 1}}}


def test_one_operation_asks_for_a_few_moments(ask: Any) -> None:
    moments = " ".join(f"a{version}: asOf(version: {version}) {{ graph {{ version }} }}" for version in range(5))
    (error,) = ask(f"{{ {moments} }}")["errors"]
    assert error["extensions"]["code"] == "COST_EXCEEDED"
    assert error["message"] == (
        "The operation asks for the graph as of 5 different moments; the limit is 4. Ask for fewer at a time."
    )


def test_an_operation_that_is_run_again_looks_back_once() -> None:
    graph = Graph.in_memory()
    made: list[int | str] = []
    past = graph._look_back

    async def look_back(moment: int | str) -> View:
        made.append(moment)
        graph.apply([write({"id": "source:x", "kind": "SOURCE", "name": f"{graph.version}", "type": "REPORT"})])
        return await past(moment)

    graph.apply([write({"id": "source:x", "kind": "SOURCE", "name": "X", "type": "REPORT"})])
    graph.engine.look_back = look_back
    newest = 'newest: asOf(time: "9000-01-01T00:00:00Z") { graph { version } }'
    text = f"{{ then: asOf(version: 0) {{ graph {{ version }} }} {newest} }}"
    assert asking(graph)(text)["data"] == {"then": {"graph": {"version": 0}}, "newest": {"graph": {"version": 5}}}
    assert (made.count(0), len(made)) == (1, 4)  # a time that is still to come means another version each time


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ("", "BAD_USER_INPUT", "asOf takes either a version or a time; neither was given."),
        ("(version: null)", "BAD_USER_INPUT", "asOf takes either a version or a time; neither was given."),
        (
            '(version: 1, time: "2026-01-01T00:00:00Z")',
            "BAD_USER_INPUT",
            "asOf takes either a version or a time; both were given.",
        ),
        ("(version: 2)", "NOT_FOUND", "There is no version 2. The newest is 1, and the first is 1."),
        ("(version: -1)", "NOT_FOUND", "There is no version -1. The newest is 1, and the first is 1."),
    ],
)
def test_what_means_no_version_is_refused(ask: Any, arguments: str, code: str, told: str) -> None:
    answer = ask(f"{{ graph {{ version }} asOf{arguments} {{ graph {{ version }} }} }}")
    assert refusal(answer) == (["asOf"], code, told)
    assert answer["data"] == {"graph": {"version": 1}, "asOf": None}


def test_it_cannot_stand_inside_itself(ask: Any) -> None:
    answer = ask("{ a: asOf(version: 1) { b: asOf(version: 0) { graph { version } } } }")
    told = "asOf cannot stand inside asOf. Ask for the other version beside this one."
    assert refusal(answer) == (["a", "b"], "BAD_USER_INPUT", told)


@pytest.mark.parametrize(
    ("time", "version"),
    [
        ("2000-01-01T00:00:00Z", 0),
        ("2000-01-01t00:00:00.123456789+05:30", 0),
        ("9000-01-01T00:00:00Z", 1),
    ],
)
def test_a_time_is_read_with_its_zone(ask: Any, time: str, version: int) -> None:
    answer = ask("query ($time: DateTime!) { asOf(time: $time) { graph { version } } }", {"time": time})
    assert answer["data"] == {"asOf": {"graph": {"version": version}}}


@pytest.mark.parametrize("time", ["2026", "2026-01-01", "2026-01-01T00:00:00", "2026-13-01T00:00:00Z", "now", ""])
def test_what_is_no_moment_is_refused(ask: Any, time: str) -> None:
    (error,) = ask(f'{{ asOf(time: "{time}") {{ graph {{ version }} }} }}')["errors"]
    assert error["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
    assert "Expected a moment with its zone, as 2026-11-22T09:00:00Z" in error["message"]


@pytest.mark.parametrize("executor", ["compiled", "reference"])
def test_how_it_is_answered_is_told_below_it_too(executor: str) -> None:
    twins = Twins(Graph.in_memory().engine, Graph.in_memory().head)
    ask = twins.compiled if executor == "compiled" else twins.reference
    refused = json.loads(ask(Asked("{ asOf(version: 1) { __typename } }", None, {}, {}), explained=True).body)
    assert refusal(refused)[:2] == (["asOf"], "NOT_FOUND")
    told = json.loads(ask(Asked("{ asOf(version: 0) { projects { totalCount } } }", None, {}, {}), explained=True).body)
    assert [step["asked"] for step in told["extensions"]["explain"]["steps"]][:2] == [["as of 0"], ["count PROJECT"]]
