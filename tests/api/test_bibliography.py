"""Specifies api/bibliography.py: the sources of all that an answer shows or adds up, each once."""

import asyncio
import json
from typing import Any

import pytest

from api.__main__ import executor_of
from api.access import OWNER
from api.execute import GraphQLRequest
from api.settings import Settings
from graph.graph import Graph
from graph.parse import write
from tests.conftest import graph_of

Lines = list[dict[str, Any]]


def source(name: str, **values: Any) -> dict[str, Any]:
    return {"id": f"source:{name}", "kind": "SOURCE", "name": name.title(), "type": "REPORT", **values}


def cites(subject: str, *names: str) -> Lines:
    return [{"relation": "CITES", "subject": subject, "object": f"source:{name}"} for name in names]


def metric(name: str, value: float, about: str) -> Lines:
    return [
        {
            "id": f"metric:{name}",
            "kind": "METRIC",
            "name": name,
            "value": value,
            "unit": "people",
            "startedOn": "2023",
            "endedOn": "2023",
        },
        {"relation": "ABOUT", "subject": f"metric:{name}", "object": about},
        {"relation": "MEASURES", "subject": f"metric:{name}", "object": "indicator:x"},
        *cites(f"metric:{name}", name),
    ]


LINES: Lines = [
    source("report", publisher="MSF", publishedOn="2024", url="https://example.org/r", license="CC BY 4.0"),
    *map(source, ("story", "edge", "one", "two", "unread")),
    {"id": "country:ML", "kind": "COUNTRY", "name": "Mali", "code": "ML", "alpha3": "MLI"},
    {"id": "country:BF", "kind": "COUNTRY", "name": "Burkina Faso", "code": "BF", "alpha3": "BFA"},
    {"id": "project:x", "kind": "PROJECT", "name": "X"},
    {"id": "project:y", "kind": "PROJECT", "name": "Y"},
    {"relation": "LOCATED_IN", "subject": "project:x", "object": "country:ML", "sources": ["source:edge"]},
    {"relation": "LOCATED_IN", "subject": "project:y", "object": "country:BF", "sources": ["source:unread"]},
    {"id": "indicator:x", "kind": "INDICATOR", "name": "X", "code": "x", "unit": "people"},
    *cites("country:ML", "report"),
    *cites("project:x", "report", "story"),
    *cites("project:y", "unread"),
    *metric("one", 1, "country:ML"),
    *metric("two", 2, "country:BF"),
]


def answer(graph: Graph, query: str, extensions: Any, **settings: Any) -> dict[str, Any]:
    executor = executor_of(graph, Settings(**settings))
    told: dict[str, Any] = json.loads(
        asyncio.run(executor.execute(GraphQLRequest(query, extensions=extensions), OWNER)).body
    )
    return told


def cited(query: str, executor: str = "compiled") -> list[str]:
    told = answer(graph_of(LINES), query, {"citations": True}, executor=executor)
    assert "errors" not in told
    return [each["id"].removeprefix("source:") for each in told["extensions"]["citations"]]


@pytest.fixture(params=["compiled", "reference"])
def executor(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("{ __typename }", []),
        ('{ country(code: "ML") { name } }', ["report"]),
        ('{ country(code: "BF") { name } }', []),
        ('{ country(code: "ML") { projects { nodes { name } } } }', ["edge", "report", "story"]),
        ('{ projects(where: {name: {eq: "X"}}) { nodes { id } } }', ["report", "story"]),
        ("{ metrics { totalCount } }", []),
        ("{ metrics { nodes { value } } }", ["one", "two"]),
        ("{ metrics { aggregate { value { sum } } } }", ["one", "two"]),
        ('{ country(code: "ML") { metrics { aggregate { value { sum } } } } }', ["one", "report"]),
        ('{ node(id: "source:story") { id } }', ["story"]),
        ("{ projects { facets(fields: [COUNTRY]) { buckets { value } } } }", []),
        (
            '{ neighborhood(id: "project:x", hops: 1) { entities { entity { id } } relations { kind } } }',
            ["edge", "report", "story"],
        ),
        ('{ asOf(version: 1) { country(code: "ML") { name } } }', ["report"]),
    ],
)
def test_whatever_is_shown_or_added_up_has_its_sources_told_each_once(
    query: str, expected: list[str], executor: str
) -> None:
    assert sorted(cited(query, executor)) == expected


@pytest.mark.parametrize("page", ["first: 1", "first: 2", "last: 1"])
def test_of_a_page_the_relations_to_what_it_shows_are_cited(page: str, executor: str) -> None:
    lines: Lines = [
        *map(source, ("a", "b", "c")),
        {"id": "country:ML", "kind": "COUNTRY", "name": "Mali", "code": "ML", "alpha3": "MLI"},
    ]
    for name in ("a", "b", "c"):
        located = {"relation": "LOCATED_IN", "subject": f"project:{name}", "object": "country:ML"}
        lines += [
            {"id": f"project:{name}", "kind": "PROJECT", "name": name},
            {**located, "sources": [f"source:{name}"]},
        ]
    query = '{ country(code: "ML") { projects(PAGE) { nodes { id } } } }'.replace("PAGE", page)
    told = answer(graph_of(lines), query, {"citations": True}, executor=executor)
    shown = [each["id"].removeprefix("project:") for each in told["data"]["country"]["projects"]["nodes"]]
    assert [each["id"].removeprefix("source:") for each in told["extensions"]["citations"]] == shown


def test_a_source_is_told_so_that_it_can_be_printed_found_and_weighed(executor: str) -> None:
    query = '{ country(code: "ML") { name projects { nodes { name } } } }'
    told = answer(graph_of(LINES), query, {"citations": True}, executor=executor)
    (report,) = [each for each in told["extensions"]["citations"] if each["id"] == "source:report"]
    assert report == {
        "id": "source:report",
        "citation": "MSF (2024). Report. https://example.org/r",
        "name": "Report",
        "cited": 2,
        "publisher": "MSF",
        "publishedOn": "2024",
        "url": "https://example.org/r",
        "license": "CC BY 4.0",
    }
    lines = [each["citation"] for each in told["extensions"]["citations"]]
    assert lines == sorted(lines)


def test_a_past_answer_has_the_sources_of_then(executor: str) -> None:
    graph = graph_of(LINES)
    graph.apply([write(line) for line in cites("country:ML", "story")])
    for version, expected in ((1, 1), (2, 2)):
        query = f'{{ asOf(version: {version}) {{ country(code: "ML") {{ name }} }} }}'
        told = answer(graph, query, {"citations": True}, executor=executor)
        assert len(told["extensions"]["citations"]) == expected


def test_it_is_told_only_where_it_is_asked_for_and_beside_how_it_was_answered() -> None:
    query = '{ country(code: "ML") { name } }'
    assert "extensions" not in answer(graph_of(LINES), query, {"citations": False})
    told = answer(graph_of(LINES), query, {"citations": True, "explain": True}, explain=True)
    assert list(told["extensions"]) == ["explain", "citations"]
    refused = answer(graph_of(LINES), query, {"citations": "yes"})
    assert refused["errors"][0]["message"].startswith('extensions.citations is "yes", but must be true or false')


def test_an_answer_with_errors_has_its_sources_too() -> None:
    query = '{ country(code: "ML") { name } metrics(first: -1) { nodes { id } } }'
    told = answer(graph_of(LINES), query, {"citations": True})
    assert told["errors"]
    assert [each["id"] for each in told["extensions"]["citations"]] == ["source:report"]


def test_of_very_many_entities_the_first_are_asked_for_and_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.bibliography.MOST_DRAWN", 1)
    told = answer(graph_of(LINES), "{ metrics { nodes { value } } }", {"citations": True})
    assert len(told["extensions"]["citations"]) == 1
    assert told["extensions"]["citationsTruncated"] is True


def test_a_list_that_is_added_up_again_and_again_is_asked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = graph_of(LINES)
    asked: list[Any] = []
    match = type(graph.engine).match

    async def counted(self: Any, *given: Any) -> Any:
        asked.append(given)
        return await match(self, *given)

    monkeypatch.setattr(type(graph.engine), "match", counted)
    fields = " ".join(f"m{number}: metrics {{ aggregate {{ value {{ sum }} }} }}" for number in range(20))
    told = answer(graph, f"{{ {fields} }}", {"citations": True})
    assert {each["id"] for each in told["extensions"]["citations"]} == {"source:one", "source:two"}
    assert len(asked) == 1
