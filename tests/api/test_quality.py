"""Findings over GraphQL: a connection in a fixed order, its cursors, its entities, all of it from one version."""

import asyncio
import json
from typing import Any

import pytest

from api.__main__ import executor_of
from api.execute import GraphQLRequest
from api.settings import Settings
from graph.graph import Graph
from graph.parse import write
from graph.quality.checkup import Checkup
from tests.conftest import asking, graph_of

LINES = [
    {"id": "project:x", "kind": "PROJECT", "name": "X", "startedOn": "2023", "endedOn": "2022"},
    {"id": "country:ML", "kind": "COUNTRY", "name": "Mali", "code": "ML", "alpha3": "MLI"},
    {"id": "source:a", "kind": "SOURCE", "name": "A", "type": "REPORT"},
    {"relation": "LOCATED_IN", "subject": "project:x", "object": "country:ML", "percentage": 120},
]
RULES = [
    ("ends-before-start", "ERROR", ["project:x"]),
    ("percentage-out-of-range", "ERROR", ["project:x", "country:ML"]),
    ("percentages-over-100", "WARNING", ["project:x"]),
    ("unsourced", "INFO", ["country:ML"]),
    ("unsourced", "INFO", ["project:x"]),
    ("unused-source", "INFO", ["source:a"]),
]
PAGE = """query($first: Int, $after: String) { quality(first: $first, after: $after) {
  totalCount nodes { rule severity entities { id } }
  edges { cursor node { rule message } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""


def page(graph: Graph, **variables: Any) -> Any:
    answered = asking(graph)(PAGE, variables)
    assert "errors" not in answered, answered["errors"]
    return answered["data"]["quality"]


def told(listed: Any) -> list[tuple[str, str, list[str]]]:
    return [(node["rule"], node["severity"], [one["id"] for one in node["entities"]]) for node in listed["nodes"]]


def test_findings_are_listed_the_worst_first_then_by_rule_and_ids() -> None:
    listed = page(graph_of(LINES))
    assert told(listed) == RULES
    assert listed["totalCount"] == len(RULES)
    assert [edge["node"]["rule"] for edge in listed["edges"]] == [rule for rule, _, _ in RULES]
    assert listed["edges"][0]["node"]["message"] == (
        "project:x ends (endedOn 2022) before it starts (startedOn 2023). Correct one of the two dates."
    )


def test_pages_follow_each_other_by_their_cursors_though_findings_go() -> None:
    graph = graph_of(LINES)
    first = page(graph, first=2)
    assert told(first) == RULES[:2]
    assert first["pageInfo"] == {
        "hasNextPage": True,
        "hasPreviousPage": False,
        "startCursor": first["edges"][0]["cursor"],
        "endCursor": first["edges"][1]["cursor"],
    }
    graph.apply([write(LINES[3] | {"percentage": 50})])  # what the cursor stands at has gone
    rest = page(graph, first=100, after=first["pageInfo"]["endCursor"])
    assert told(rest) == RULES[3:]
    assert (rest["pageInfo"]["hasNextPage"], rest["totalCount"]) == (False, 4)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"first": 0}, "first is 0; a page holds 1 to 100 items."),
        ({"first": 101}, "first is 101; a page holds 1 to 100 items."),
        ({"after": "nonsense"}, "This cursor is not one of this list"),
    ],
)
def test_a_page_that_cannot_be_is_refused(variables: Any, message: str) -> None:
    (error,) = asking(graph_of(LINES))(PAGE, variables)["errors"]
    assert error["extensions"]["code"] in ("BAD_USER_INPUT", "INVALID_CURSOR")
    assert error["message"].startswith(message)


def test_a_cursor_of_another_list_is_none_of_this_one() -> None:
    ask = asking(graph_of(LINES))
    cursor = ask("{ projects { pageInfo { endCursor } } }")["data"]["projects"]["pageInfo"]["endCursor"]
    assert ask(PAGE, {"after": cursor})["errors"][0]["message"].startswith("This cursor is not one of this list")


def test_an_empty_graph_has_no_findings() -> None:
    listed = page(graph_of([]))
    assert (listed["nodes"], listed["totalCount"], listed["pageInfo"]["endCursor"]) == ([], 0, None)


QUESTION = '{ before: project(id: "project:x") { name } quality { nodes { entities { name } } } graph { version } }'


def test_an_answer_is_of_one_version_though_it_gave_way_to_a_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Checkup, "SLICE_S", 0)
    graph = graph_of(LINES)
    execute = executor_of(graph, Settings()).execute

    async def commit() -> None:
        for _ in range(5):
            await asyncio.sleep(0)
        graph.apply([write(LINES[0] | {"name": "Y"})])

    async def both() -> Any:
        answer, _ = await asyncio.gather(execute(GraphQLRequest(QUESTION)), commit())
        return json.loads(answer.body)["data"]

    answered = asyncio.run(both())
    assert answered["graph"] == {"version": 2}
    assert answered["before"] == answered["quality"]["nodes"][0]["entities"][0] == {"name": "Y"}


def test_other_questions_are_answered_while_findings_are_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Checkup, "SLICE_S", 0)
    execute = executor_of(graph_of(LINES), Settings()).execute
    done: list[str] = []

    async def asked(text: str) -> None:
        await execute(GraphQLRequest(text))
        done.append(text)

    async def both() -> None:
        await asyncio.gather(asked("{ quality { totalCount } }"), asked("{ projects { totalCount } }"))

    asyncio.run(both())
    assert done == ["{ projects { totalCount } }", "{ quality { totalCount } }"]
