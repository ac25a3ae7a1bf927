"""Answers about the schema alone are made once, and are what graphql-core says; all others are made anew."""

import asyncio
import json
from typing import Any

import pytest
from graphql import execute, get_introspection_query

from api.__main__ import executor_of
from api.access import OWNER
from api.documents import Documents
from api.execute import Answer, Executor, GraphQLRequest
from api.introspection import is_about_schema
from api.settings import Settings
from tests.api.small import make_executor, make_schema

GRAPHIQL = get_introspection_query(input_value_deprecation=True)
TYPE = """
query ($name: String!, $all: Boolean = false) { __type(name: $name) { fields(includeDeprecated: $all) { name } } }
"""
THING = {"name": "Thing"}


@pytest.fixture
def runs(monkeypatch) -> list[Any]:
    """What graphql-core was given to execute."""
    seen: list[Any] = []

    def watched(*given: Any, **more: Any) -> Any:
        seen.append(given)
        return execute(*given, **more)

    monkeypatch.setattr("api.execute.execute", watched)
    return seen


def ask(executor: Executor, query: str, variables: dict[str, Any] | None = None, name: str | None = None) -> Answer:
    request = GraphQLRequest(query=query, operation_name=name, variables=variables)
    return asyncio.run(executor.execute(request, OWNER))


def test_graphiql_is_answered_from_memory_with_the_same_bytes(seeded, runs):
    cached, reference = (executor_of(seeded, Settings(executor=kind)) for kind in ("compiled", "reference"))
    expected = ask(reference, GRAPHIQL)
    assert [ask(cached, GRAPHIQL) for _ in range(3)] == [expected] * 3
    assert json.loads(expected.body)["data"]["__schema"]["types"]
    assert len(runs) == 2


def test_the_reference_answers_everything_anew(seeded, runs):
    reference = executor_of(seeded, Settings(executor="reference"))
    for _ in range(3):
        ask(reference, "{ __schema { queryType { name } } }")
    assert len(runs) == 3


ALONE = [
    "{ __schema { queryType { name } } }",
    '{ a: __type(name: "Thing") { name } __typename }',
    "{ ... { ... on Query { __schema { queryType { name } } } } }",
    "{ ...A } fragment A on Query { ...B __typename } fragment B on Query { __schema { queryType { name } } }",
    "query ($yes: Boolean = true) { __schema @include(if: $yes) { queryType { name } } }",
]
MIXED = [
    "{ __schema { queryType { name } } hello }",
    '{ __typename number(value: 1) a: __type(name: "Thing") { name } }',
    "{ __schema { queryType { name } } ... { ... on Query { hello } } }",
    "{ __schema { queryType { name } } ...A } fragment A on Query { ...B } fragment B on Query { hello }",
    "query ($no: Boolean = false) { __schema { queryType { name } } hello @include(if: $no) }",
    "mutation { __typename }",
]


@pytest.mark.parametrize(("query", "alone"), [(query, True) for query in ALONE] + [(query, False) for query in MIXED])
def test_only_what_asks_for_nothing_but_the_schema_is_remembered(query, alone, runs):
    executor = make_executor()
    answers = [ask(executor, query) for _ in range(3)]
    assert answers == [ask(make_executor(introspection_memory=0), query)] * 3
    assert "errors" not in json.loads(answers[0].body)
    assert len(runs) == (2 if alone else 4)
    schema = make_schema()
    assert is_about_schema(Documents(schema, Settings()).prepare(query)) is alone


def test_beside_the_schema_the_graph_is_asked_anew(small, runs):
    executor = executor_of(small, Settings())
    query = "{ __schema { queryType { name } } countries { totalCount } }"
    assert [ask(executor, query) for _ in range(2)] == [ask(executor_of(small, Settings()), query)] * 2
    assert len(runs) == 3


def test_variables_count_by_value(runs):
    executor = make_executor()
    given = [
        {"name": "Thing"},
        {"name": "ThingEdge"},
        {"name": "Thing", "all": True},
        {"name": "Thing", "all": False},
        {"name": "Missing"},
    ]
    answers = [ask(executor, TYPE, variables) for variables in given]
    assert len(runs) == len(given)
    assert [ask(make_executor(), TYPE, variables) for variables in given] == answers
    runs.clear()
    assert [ask(executor, TYPE, dict(reversed(variables.items()))) for variables in given] == answers
    assert ask(executor, TYPE, {**THING, "unused": [1]}) == answers[0]
    assert runs == []


def test_each_operation_of_a_document_has_its_own_answer(runs):
    executor = make_executor()
    query = "query A { __schema { queryType { name } } } query B { __schema { mutationType { name } } }"
    for _ in range(2):
        assert b"Query" in ask(executor, query, name="A").body
        assert b"Mutation" in ask(executor, query, name="B").body
    assert len(runs) == 2


@pytest.mark.parametrize("wrong", [{}, {"name": None}, {"name": 1}, {**THING, "all": 1}, {**THING, "all": "true"}])
def test_errors_are_not_remembered(wrong, runs):
    executor = make_executor()
    ask(executor, TYPE, {**THING, "all": True})
    answers = [ask(executor, TYPE, wrong) for _ in range(2)]
    assert [answer.status for answer in answers] == [400, 400]
    assert answers[0].request_id != answers[1].request_id
    assert len(runs) == 3


def test_an_error_beside_data_is_not_remembered_either(runs):
    executor = make_executor()
    answers = [ask(executor, TYPE, {**THING, "all": None}) for _ in range(2)]
    assert [json.loads(answer.body)["data"] for answer in answers] == [{"__type": {"fields": None}}] * 2
    assert answers[0].request_id != answers[1].request_id
    assert len(runs) == 2


def test_the_memory_for_answers_is_bounded(runs):
    executor = make_executor(introspection_memory=10_000)
    queries = [" " * i + "{ __schema { types { name } } }" for i in range(50)]
    for query in queries:
        ask(executor, query)
    assert executor._introspection._recent.spent <= 10_000
    runs.clear()
    for query in reversed(queries):
        ask(executor, query)
    assert 30 < len(runs) < 48
    ask(executor, GRAPHIQL)  # larger than all of the memory
    before = len(runs)
    ask(executor, queries[0])
    ask(executor, GRAPHIQL)
    assert len(runs) == before + 1


def test_without_memory_nothing_is_remembered(runs):
    executor = make_executor(introspection_memory=0)
    assert ask(executor, ALONE[0]) == ask(executor, ALONE[0])
    assert len(runs) == 2
