"""Automatic persisted queries: a document that was sent once may be named by its hash, by either method."""

import json
from hashlib import sha256
from typing import Any

import httpx
import pytest

from api.app import Application
from api.negotiation import GRAPHQL_JSON, JSON
from tests.api.small import WRITER, Root, make_app, send

QUERY = "query Greet($name: String) { hello(name: $name) }"
HELLO = {"data": {"hello": "Hello, Ségou!"}}
NAMED = {"variables": {"name": "Ségou"}}
METHODS = ("POST", "GET")
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def digest_of(query: str) -> str:
    return sha256(query.encode()).hexdigest()


def claim(query: str) -> dict[str, Any]:
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": digest_of(query)}}}


def asked(app: Application, request: dict[str, Any], method: str = "POST", **headers: str) -> httpx.Response:
    """The answer to the same request in a body, or in the address."""
    if method == "POST":
        return send("POST", app=app, json=request, headers=headers)
    params = {name: value if isinstance(value, str) else json.dumps(value) for name, value in request.items()}
    return send("GET", app=app, params=params, headers=headers)


def error_of(response: httpx.Response) -> tuple[str, str]:
    (error,) = response.json()["errors"]
    assert response.json().keys() == {"errors"}
    return error["extensions"]["code"], error["message"]


def is_known(app: Application, query: str) -> bool:
    return "PERSISTED_QUERY_NOT_FOUND" not in asked(app, claim(query)).text


# --- The protocol -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("accept", "status"), [(JSON, 200), (GRAPHQL_JSON, 400)])
def test_an_unknown_hash_is_answered_so_that_the_client_sends_the_document(method, accept, status):
    response = asked(make_app(), {**claim(QUERY), **NAMED}, method, Accept=accept)
    assert response.status_code == status
    assert response.json() == {
        "errors": [{"message": "PersistedQueryNotFound", "extensions": {"code": "PERSISTED_QUERY_NOT_FOUND"}}]
    }
    assert response.headers["cache-control"] == "no-store"
    assert "etag" not in response.headers


@pytest.mark.parametrize("learnt_by", METHODS)
@pytest.mark.parametrize("asked_by", METHODS)
def test_what_was_sent_once_may_be_named_by_its_hash(learnt_by, asked_by):
    app = make_app()
    for _ in range(2):
        assert asked(app, {"query": QUERY, **claim(QUERY), **NAMED}, learnt_by).json() == HELLO
        assert asked(app, {**claim(QUERY), **NAMED}, asked_by).json() == HELLO


def test_the_hash_is_that_of_the_bytes_in_utf_8():
    app, query = make_app(), '{ hello(name: "Ségou 🏃") }'
    asked(app, {"query": query, **claim(query)})
    assert asked(app, claim(query)).json() == {"data": {"hello": "Hello, Ségou 🏃!"}}


def test_what_was_sent_without_its_hash_is_not_persisted():
    app = make_app()
    asked(app, {"query": QUERY})
    assert not is_known(app, QUERY)


@pytest.mark.parametrize("method", METHODS)
def test_null_is_no_hash(method):
    request = {"extensions": {"persistedQuery": None}}
    assert asked(make_app(), {**request, "query": QUERY, **NAMED}, method).json() == HELLO
    assert error_of(asked(make_app(), request, method))[1].startswith("The request has no query.")


# --- What is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_a_hash_of_something_else_is_refused_and_nothing_is_remembered(method):
    app, other = make_app(), QUERY + " "
    response = asked(app, {"query": other, **claim(QUERY)}, method)
    assert response.status_code == 400
    assert error_of(response) == (
        "BAD_USER_INPUT",
        f"persistedQuery.sha256Hash is {digest_of(QUERY)}, but the SHA-256 of the query in UTF-8 is "
        f"{digest_of(other)}. Hash the query exactly as it is sent.",
    )
    assert not is_known(app, QUERY)
    assert not is_known(app, other)


def test_nobody_can_give_a_known_hash_another_meaning():
    app = make_app()
    asked(app, {"query": QUERY, **claim(QUERY)})
    assert asked(app, {"query": "{ ratio }", **claim(QUERY)}).status_code == 400
    assert asked(app, {**claim(QUERY), **NAMED}).json() == HELLO


HASH = digest_of(QUERY)
OBJECT = 'the object {"version": 1, "sha256Hash": "64 lower-case hexadecimal digits"}.'
DIGITS = "64 lower-case hexadecimal digits, the SHA-256 of the query in UTF-8."


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("given", "message"),
    [
        (5, f"persistedQuery is 5, but must be {OBJECT}"),
        (False, f"persistedQuery is false, but must be {OBJECT}"),
        (HASH, f'persistedQuery is "{HASH}", but must be {OBJECT}'),
        ([], f"persistedQuery is [], but must be {OBJECT}"),
        ({}, "persistedQuery.version is null, but must be 1, the only version there is."),
        ({"version": 2, "sha256Hash": HASH}, "persistedQuery.version is 2, but must be 1, the only version there is."),
        ({"version": "1", "sha256Hash": HASH}, 'persistedQuery.version is "1", but must be 1, the only version'),
        ({"version": True, "sha256Hash": HASH}, "persistedQuery.version is true, but must be 1, the only version"),
        ({"version": 1}, f"persistedQuery.sha256Hash is null, but must be {DIGITS}"),
        ({"version": 1, "sha256Hash": 7}, f"persistedQuery.sha256Hash is 7, but must be {DIGITS}"),
        ({"version": 1, "sha256Hash": HASH[1:]}, f'persistedQuery.sha256Hash is "{HASH[1:]}", but must be {DIGITS}'),
        ({"version": 1, "sha256Hash": HASH + "\n"}, f'persistedQuery.sha256Hash is "{HASH}\\n", but must be {DIGITS}'),
        ({"version": 1, "sha256Hash": HASH.upper()}, f'is "{HASH.upper()}", but must be {DIGITS}'),
        ({"version": 1, "sha256Hash": "x" * 64}, "but must be"),
        ({"version": 1, "sha256Hash": "٣" * 64}, "but must be"),
        ({"version": 1, "sha256Hash": "x" * 50_000}, f'sha256Hash is "{"x" * 78}…, but must be {DIGITS}'),
    ],
)
def test_what_is_no_hash_is_refused_with_what_was_given_and_what_is_expected(method, given, message):
    app = make_app()
    asked(app, {"query": QUERY, **claim(QUERY)})
    for request in ({}, {"query": QUERY}):
        response = asked(app, {**request, "extensions": {"persistedQuery": given}}, method)
        code, told = error_of(response)
        assert (response.status_code, code) == (400, "BAD_USER_INPUT")
        assert message in told


@pytest.mark.parametrize(
    "query",
    [
        "{",
        "{ unknown }",
        "{" + " ".join(f"a{i}: hello" for i in range(101)) + "}",
        "{ hello }" + " " * 100_000,
        "subscription { ticks }",
    ],
)
def test_only_what_is_valid_is_remembered(query):
    app = make_app()
    plain = asked(app, {"query": query})
    refused = asked(app, {"query": query, **claim(query)})
    assert (refused.status_code, refused.content) == (plain.status_code, plain.content)
    assert not is_known(app, query)


# --- All the rest of a request ----------------------------------------------------------------------------------------

BOTH = "query A($v: Int!) { number(value: $v) } mutation B { put(value: 1) }"
NESTED: Any = 1
for _ in range(64):
    NESTED = [NESTED]


@pytest.mark.parametrize("accept", [JSON, GRAPHQL_JSON])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "rest",
    [
        {"operationName": "A", "variables": {"v": 7}},
        {"operationName": "A"},
        {"operationName": "A", "variables": {"v": "7"}},
        {"operationName": "B"},
        {"operationName": "C"},
        {},
        {"operationName": "A", "variables": {"v": 7, "unused": NESTED}},
        {"operationName": "A", "variables": {"v": 7, "unused": [0] * 1_001}},
        {"operationName": "A", "variables": {"v": 7, "unused": "x" * 1_001}},
    ],
)
def test_a_document_named_by_hash_is_answered_as_if_it_were_there(accept, method, rest):
    app = make_app(max_string=1_000)
    asked(app, {"query": BOTH, **claim(BOTH), "operationName": "B"}, **WRITER)
    plain = asked(app, {"query": BOTH, **rest}, method, Accept=accept, **WRITER)
    by_hash = asked(app, {**claim(BOTH), **rest}, method, Accept=accept, **WRITER)
    assert (by_hash.status_code, by_hash.content) == (plain.status_code, plain.content)
    own = {"etag", "x-request-id"}
    assert {name: by_hash.headers[name] for name in by_hash.headers.keys() - own} == {
        name: plain.headers[name] for name in plain.headers.keys() - own
    }


def test_a_mutation_named_by_hash_is_not_run_by_get():
    root, query = Root(), "mutation { put(value: 1) }"
    app = make_app(root)
    asked(app, {"query": query, **claim(query)}, **WRITER)
    response = asked(app, claim(query), "GET", **WRITER)
    assert (response.status_code, response.headers["allow"], root.put_values) == (405, "POST", [1])


def test_extensions_are_limited_beside_a_hash_too():
    extensions = {**claim(QUERY)["extensions"], "more": NESTED}
    assert "nested deeper than 64" in error_of(asked(make_app(), {"extensions": extensions}))[1]


def test_an_answer_to_a_hash_in_an_address_may_be_kept():
    app, other = make_app(), QUERY + " "
    for query in (QUERY, other):
        asked(app, {"query": query, **claim(query)})
    requests = [{**claim(QUERY), **NAMED}, {**claim(QUERY)}, {**claim(other), **NAMED}]
    tags = [asked(app, request, "GET").headers["etag"] for request in requests]
    assert len(set(tags)) == len(requests)
    for request, tag in zip(requests, tags, strict=True):
        again = asked(app, request, "GET", **{"If-None-Match": tag})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert again.headers["cache-control"] == "no-cache"


def test_a_browser_that_opens_an_address_with_a_hash_gets_the_answer():
    app = make_app()
    asked(app, {"query": QUERY, **claim(QUERY)})
    assert asked(app, {**claim(QUERY), **NAMED}, "GET", Accept=BROWSER).json() == HELLO


# --- Memory -----------------------------------------------------------------------------------------------------------


def test_the_least_recently_used_are_forgotten():
    a, b, c = "{ a: hello }", "{ b: hello }", "{ c: hello }"
    app = make_app(persisted_characters=2 * (64 + len(a)))
    for query in (a, b):
        asked(app, {"query": query, **claim(query)})
    assert is_known(app, a)
    asked(app, {"query": c, **claim(c)})
    assert [is_known(app, query) for query in (a, b, c)] == [True, False, True]


def test_a_document_that_is_no_longer_remembered_as_read_is_read_again():
    app = make_app(cached_characters=1)
    asked(app, {"query": QUERY, **claim(QUERY)})
    assert asked(app, {**claim(QUERY), **NAMED}).json() == HELLO


@pytest.mark.parametrize("method", METHODS)
def test_without_memory_for_them_clients_are_told_to_send_no_hashes(method):
    app = make_app(persisted_characters=0)
    assert asked(app, {"query": QUERY, **claim(QUERY), **NAMED}, method).json() == HELLO
    response = asked(app, claim(QUERY), method)
    assert (response.status_code, response.headers["cache-control"]) == (200, "no-store")
    assert error_of(response) == ("PERSISTED_QUERY_NOT_SUPPORTED", "PersistedQueryNotSupported")
