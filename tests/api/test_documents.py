"""From text to a valid operation, once for each text."""

from typing import Any

import pytest

from api.documents import Documents
from api.errors import RequestError
from api.settings import Settings
from tests.api.small import make_schema

SCHEMA = make_schema()


def documents(**settings: Any) -> Documents:
    return Documents(SCHEMA, Settings(**settings))


def refused(text: str, name: str | None = None, **settings: Any) -> RequestError:
    with pytest.raises(RequestError) as caught:
        documents(**settings).prepare(text, name)
    return caught.value


def code(error: RequestError) -> str:
    codes = {each.extensions["code"] for each in error.errors}
    assert len(codes) == 1
    return codes.pop()


def test_a_text_is_read_once():
    cache = documents()
    assert cache.prepare("{ hello }") is cache.prepare("{ hello }")
    both = "query A { hello } query B { ratio }"
    assert cache.prepare(both, "A").document is cache.prepare(both, "B").document


def test_the_operation_is_the_only_one_or_the_named_one():
    assert documents().prepare("{ hello }").name is None
    assert documents().prepare("query A { hello }").name == "A"
    assert documents().prepare("query A { hello }", "").name == "A"
    operation = documents().prepare("query A { hello } mutation B { put(value: 1) }", "B")
    assert (operation.name, operation.is_query) == ("B", False)


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        (
            "query A { hello } query B { hello }",
            None,
            "The document has 2 operations (A, B). Name one as operationName.",
        ),
        ("query A { hello } query B { hello }", "C", "The document has no operation 'C'. It has A, B."),
        ("query A { hello }", "B", "The document has no operation 'B'. It has A."),
        ("{ hello }", "B", "The document has no operation 'B'. Its operation has no name: leave operationName out."),
        ("query A { hello }", "\ud800", "The document has no operation '\\ud800'. It has A."),
    ],
)
def test_an_operation_that_cannot_be_told_is_refused(text, name, message):
    error = refused(text, name)
    assert (str(error), code(error), error.status, error.json_status) == (message, "BAD_USER_INPUT", 400, 400)


@pytest.mark.parametrize("text", ["mutation { put(value: 1) }", "mutation { unknown }"])
def test_a_mutation_is_not_read_only_whether_remembered_or_not(text):
    cache = documents()
    if "unknown" not in text:
        cache.prepare(text)
    with pytest.raises(RequestError) as caught:
        cache.prepare(text, read_only=True)
    assert (caught.value.status, caught.value.headers) == (405, ((b"allow", b"POST"),))


def test_a_document_may_hold_a_mutation_beside_the_query_that_is_asked_for():
    text = "query A { hello } mutation B { put(value: 1) }"
    assert documents().prepare(text, "A", read_only=True).name == "A"
    with pytest.raises(RequestError, match="GET is for queries only"):
        documents().prepare(text, "B", read_only=True)


@pytest.mark.parametrize(
    "text", ["{", "", "{ }", "{ thing(id: 1) { } }", "query {", "fragment on on T { a }", "{ a( }"]
)
def test_what_cannot_be_parsed_is_a_fault_of_the_document(text):
    error = refused(text)
    assert (code(error), error.status, error.json_status) == ("GRAPHQL_PARSE_FAILED", 400, 200)
    assert str(error).startswith("Syntax Error: ")
    assert error.errors[0].locations


@pytest.mark.parametrize(
    "text",
    [
        "{ unknown }",
        "{ number }",
        '{ number(value: "x") }',
        "{ thing(id: 1) }",
        "{ ...F } fragment F on Query { hello ...F }",
        "{ ...F } fragment F on Query { ...G } fragment G on Query { ...F }",
        "{ hello ...Missing }",
        "fragment F on Query { hello }",
        "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }",
        "type Query { a: Int }",
    ],
)
def test_what_the_schema_does_not_allow_is_a_fault_of_the_document(text):
    error = refused(text)
    assert (code(error), error.status, error.json_status) == ("GRAPHQL_VALIDATION_FAILED", 400, 200)


def test_a_flood_of_faults_is_cut_at_twenty():
    error = refused("{" + " ".join(f"unknown{i}" for i in range(600)) + "}")
    assert len(error.errors) == 20
    assert error.errors[-1].message.startswith("Too many validation errors")


@pytest.mark.parametrize(
    ("text", "code_", "message"),
    [
        ("{" + "hello " * 2_000 + "}", "COST_EXCEEDED", "Document contains more than 2000 tokens. Send several"),
        ("{" + "hello " * 1_900 + "}", "COST_EXCEEDED", "The document is too complex to be checked"),
        ("# a\n" * 2_001 + "{ hello }", "COST_EXCEEDED", "Document contains more than 2000 comments. Send several"),
        ("{ hello }" + " " * 100_000, "COST_EXCEEDED", "The document has 100,009 characters; the limit is 100,000."),
        ("{" + "... {" * 300 + "hello" + "}" * 301, "DEPTH_EXCEEDED", "The document is nested too deeply to be read."),
        ("{ hello(name: " + "[" * 300 + "]" * 300 + ") }", "DEPTH_EXCEEDED", "The document is nested too deeply"),
        ("{ thing(id: 1) { " + "parent { " * 20 + "id" + "}" * 22, "DEPTH_EXCEEDED", "nests 22 levels of fields"),
        ('{ hello(name: "\ud800") }', "BAD_USER_INPUT", "The document has half a surrogate pair in it"),
    ],
)
def test_a_document_that_is_too_large_is_refused(text, code_, message):
    error = refused(text)
    assert (code(error), error.status, error.json_status) == (code_, 400, 400)
    assert message in str(error)


def test_the_least_recently_used_documents_are_forgotten():
    cache = documents(cached_operations=2)
    a, b = cache.prepare("{ a: hello }"), cache.prepare("{ b: hello }")
    assert cache.prepare("{ a: hello }") is a
    cache.prepare("{ c: hello }")
    assert cache.prepare("{ a: hello }") is a
    assert cache.prepare("{ b: hello }") is not b


def test_the_memory_for_documents_is_bounded_by_their_characters():
    cache = documents(cached_characters=100)
    first = cache.prepare("{ hello }" + " " * 80)
    assert cache.prepare("{ hello }" + " " * 80) is first
    cache.prepare("{ hello }" + " " * 70)
    assert cache.prepare("{ hello }" + " " * 80) is not first
    huge = cache.prepare("{ hello }" + " " * 200)
    assert cache.prepare("{ hello }" + " " * 200) is not huge  # larger than all of the memory: not kept at all
    assert cache.prepare("{ hello }") is cache.prepare("{ hello }")
