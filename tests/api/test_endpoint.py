"""GraphQL over HTTP at /graphql: what is taken, and what is answered to what."""

import asyncio
import json
import logging
from typing import Any

import httpx
import pytest

from api.app import Application
from api.negotiation import GRAPHQL_JSON, JSON, negotiate
from tests.api.small import WRITER, Root, make_app, send

HELLO = {"query": "{ hello }"}


def post(body: Any, accept: str | None = None, app: Application | None = None) -> httpx.Response:
    return send(json=body, headers={"Accept": accept} if accept else None, app=app)


def get(app: Application | None = None, accept: str | None = None, **params: str) -> httpx.Response:
    return send("GET", params=params, headers={"Accept": accept} if accept else None, app=app)


def error_of(response: httpx.Response) -> tuple[str, str]:
    """The code and the message of the only error of an answer that has no data."""
    (error,) = response.json()["errors"]
    assert response.json().keys() == {"errors"}
    return error["extensions"]["code"], error["message"]


# --- Media types ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        ("application/json", JSON),
        ("Application/JSON; charset=utf-8", JSON),
        ("application/graphql-response+json", GRAPHQL_JSON),
        ("application/graphql-response+json, application/json;q=0.9", GRAPHQL_JSON),
        ("application/json;q=0.9, application/graphql-response+json", GRAPHQL_JSON),
        ("application/graphql-response+json, application/json", GRAPHQL_JSON),
        ("application/json, application/graphql-response+json", JSON),
        ("application/graphql-response+json;q=0.5, */*;q=0.1", GRAPHQL_JSON),
        ("text/html, */*;q=0.1", JSON),
        ("application/json;q=0, */*", GRAPHQL_JSON),
        ("text/html", None),
        ("application/json;q=0", None),
        ("application/json;q=x", None),
        ("application/jsonp", None),
        (" , ,", JSON),
    ],
)
def test_the_client_chooses_the_media_type(accept, media_type):
    assert negotiate(accept) == media_type


@pytest.mark.parametrize("media_type", [JSON, GRAPHQL_JSON])
def test_an_answer_says_what_it_is(media_type):
    response = post(HELLO, media_type)
    assert response.status_code == 200
    assert response.json() == {"data": {"hello": "Hello, world!"}}
    assert response.headers["content-type"] == f"{media_type}; charset=utf-8"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert set(response.headers) == {"content-type", "content-length", "x-content-type-options"}


def test_what_no_answer_can_be_is_not_acceptable():
    response = post(HELLO, "text/html")
    assert (response.status_code, response.headers["content-type"]) == (406, "application/json; charset=utf-8")
    assert error_of(response)[1] == (
        "Accept application/graphql-response+json or application/json; there is no other answer."
    )


# --- Statuses ---------------------------------------------------------------------------------------------------------

VARIABLE = "query ($value: Int!) { number(value: $value) }"
LIMIT = {"query": "{" + " ".join(f"a{i}: hello" for i in range(101)) + "}"}


@pytest.mark.parametrize(
    ("body", "code", "status", "json_status"),
    [
        ({"query": "{"}, "GRAPHQL_PARSE_FAILED", 400, 200),
        ({"query": "{ unknown }"}, "GRAPHQL_VALIDATION_FAILED", 400, 200),
        ({"query": VARIABLE}, "BAD_USER_INPUT", 400, 200),
        ({"query": VARIABLE, "variables": {"value": None}}, "BAD_USER_INPUT", 400, 200),
        ({"query": VARIABLE, "variables": {"value": 2**31}}, "BAD_USER_INPUT", 400, 200),
        ({"query": VARIABLE, "variables": {"value": "1"}}, "BAD_USER_INPUT", 400, 200),
        ({"query": "query A { hello } query B { hello }"}, "BAD_USER_INPUT", 400, 400),
        ({"query": "query A { hello }", "operationName": "B"}, "BAD_USER_INPUT", 400, 400),
        ({"query": "subscription { ticks }"}, "BAD_USER_INPUT", 400, 400),
        (LIMIT, "COST_EXCEEDED", 400, 400),
        ({"notquery": "{ hello }"}, "BAD_USER_INPUT", 400, 400),
    ],
)
def test_a_refused_request_has_no_data_and_a_status_that_its_media_type_allows(body, code, status, json_status):
    for accept, expected in ((GRAPHQL_JSON, status), (JSON, json_status), (None, json_status), ("*/*", json_status)):
        response = post(body, accept)
        assert response.status_code == expected
        assert error_of(response)[0] == code


@pytest.mark.parametrize("media_type", [JSON, GRAPHQL_JSON])
@pytest.mark.parametrize(("field", "data"), [("fails", {"fails": None}), ("failsHard", None)])
def test_what_ran_is_answered_with_200_whatever_came_of_it(media_type, field, data):
    response = post({"query": f'{{ {field}(how: "missing") }}'}, media_type)
    assert (response.status_code, response.json()["data"]) == (200, data)
    assert list(response.json()) == ["errors", "data"]


# --- Requests by POST -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("parameter", ["variables", "operationName", "extensions"])
def test_parameters_may_be_null(parameter):
    assert post({**HELLO, parameter: None}).json() == {"data": {"hello": "Hello, world!"}}


def test_all_parameters_together():
    query = "query A($name: String) { hello(name: $name) } query B { ratio }"
    body = {"query": query, "operationName": "A", "variables": {"name": "Ségou 🏃"}, "extensions": {"any": 1}, "id": 7}
    assert post(body).json() == {"data": {"hello": "Hello, Ségou 🏃!"}}


@pytest.mark.parametrize("wrong", [{"obj": "ect"}, 0, False, ["array"], "string"])
@pytest.mark.parametrize("parameter", ["query", "operationName", "variables", "extensions"])
def test_a_parameter_of_the_wrong_type_is_refused(parameter, wrong):
    if isinstance(wrong, str if parameter in ("query", "operationName") else dict):
        return
    response = post({**HELLO, parameter: wrong})
    assert response.status_code == 400
    assert f"at `$.{parameter}`" in error_of(response)[1]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "The body is empty."),
        (b"NONSENSE", "The body is not JSON in UTF-8"),
        (b'{"query":', "The body is not JSON in UTF-8"),
        (b'{"query": "{ hello }"} more', "The body is not JSON in UTF-8"),
        (b'{"query": "{ hello }", "variables": {"v": NaN}}', "The body is not JSON in UTF-8"),
        (b'{"query": "{ hello }", "variables": {"v": Infinity}}', "The body is not JSON in UTF-8"),
        (
            b'{"query": "{ hello }", "variables": {"v": 1e400}}',
            "The body is not a GraphQL request: Number out of range",
        ),
        (b'{"query": "{ hello }", "variables": {"v": ' + b"9" * 5_000 + b"}}", "Integer value out of range"),
        (b'{"query": "{ hello \xff }"}', "The body is not JSON in UTF-8"),
        (b'{"query": "{ hello(name: \\"\\ud800\\") }"}', "The body is not JSON in UTF-8"),
        (b'{"query": "{ hello }", "operationName": "\\ud800"}', "The body is not JSON in UTF-8"),
        (b"\xef\xbb\xbf" + b'{"query": "{ hello }"}', "The body is not JSON in UTF-8"),
        ('{"query": "{ hello }"}'.encode("utf-16"), "The body is not JSON in UTF-8"),
        (b"5", "The body is not a GraphQL request: Expected `object`, got `int`."),
        (b"null", "The body is not a GraphQL request"),
        (b'"x"', "The body is not a GraphQL request"),
        (b"true", "The body is not a GraphQL request"),
        (b' [{"query": "{ hello }"}]', "The body is a list. Batching is not supported: send one request at a time."),
        (b"[" * 100_000, "not"),
        (b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested deeper than 64"),
        (b'{"query": "{ hello }", "variables": {"v": ' + b"[" * 64 + b"]" * 64 + b"}}", "nested deeper than 64"),
        (b'{"query": "{ hello }", "extensions": {"v": ' + b"[" * 64 + b"]" * 64 + b"}}", "nested deeper than 64"),
    ],
)
def test_a_body_that_is_no_request_is_refused(body, message):
    response = send(content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 400
    code, told = error_of(response)
    assert code == "BAD_USER_INPUT"
    assert message in told


def test_of_a_key_that_stands_twice_the_last_counts():
    body = b'{"query": "{ ratio }", "query": "{ hello }"}'
    response = send(content=body, headers={"Content-Type": "application/json"})
    assert response.json() == {"data": {"hello": "Hello, world!"}}


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 200),
        ("application/json; charset=utf-8", 200),
        ('Application/JSON; charset="UTF-8"', 200),
        ("application/json; charset=utf-16", 415),
        ("application/json; charset=latin1", 415),
        ("application/jsonp", 415),
        ("application/graphql", 415),
        ("text/plain", 415),
        ("text/plain; application/json", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        ("", 415),
    ],
)
def test_a_body_is_json_in_utf_8_and_says_so(content_type, status):
    root = Root()
    body = json.dumps({"query": "mutation { put(value: 1) }"})
    headers = WRITER | ({"Content-Type": content_type} if content_type else {})
    response = send(content=body, headers=headers, app=make_app(root))
    assert response.status_code == status
    assert root.put_values == ([1] if status == 200 else [])


def test_a_compressed_body_is_not_expanded():
    response = send(json=HELLO, headers={"Content-Encoding": "gzip"})
    assert (response.status_code, error_of(response)[1]) == (
        415,
        "A compressed body is not read. Send it without Content-Encoding.",
    )


def test_a_body_may_have_as_many_bytes_as_the_limit():
    body = json.dumps(HELLO).encode()
    headers = {"Content-Type": "application/json"}
    assert send(content=body, headers=headers, app=make_app(max_body=len(body))).status_code == 200
    response = send(content=body, headers=headers, app=make_app(max_body=len(body) - 1))
    assert response.status_code == 413
    assert response.headers["connection"] == "close"
    assert error_of(response)[1] == f"The body is larger than {len(body) - 1} bytes. Send less at a time."


def drive(headers: list[tuple[bytes, bytes]], parts: list[dict[str, Any]]) -> tuple[int | None, int]:
    """The status of the answer, or None, and how many parts of the body were read."""
    read, sent = 0, []

    async def receive() -> dict[str, Any]:
        nonlocal read
        read += 1
        return parts[read - 1]

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/graphql", "query_string": b""}
    asyncio.run(make_app()({**scope, "headers": [(b"content-type", b"application/json"), *headers]}, receive, send))
    return (sent[0]["status"] if sent else None), read


def test_a_body_that_says_it_is_too_large_is_not_read():
    assert drive([(b"content-length", b"64000000")], []) == (413, 0)


def test_a_body_that_does_not_say_is_read_up_to_the_limit():
    part = {"type": "http.request", "body": b" " * 65_536, "more_body": True}
    assert drive([], [part] * 1_000) == (413, 17)


def test_a_client_that_goes_away_gets_no_answer():
    parts = [{"type": "http.request", "body": b'{"query"', "more_body": True}, {"type": "http.disconnect"}]
    assert drive([], parts) == (None, 2)


# --- Requests by GET --------------------------------------------------------------------------------------------------


def test_a_query_may_come_in_the_address():
    query = "query A($name: String) { hello(name: $name) } query B { ratio }"
    response = get(query=query, operationName="A", variables='{"name": "Tombouctou"}', extensions="{}")
    assert response.json() == {"data": {"hello": "Hello, Tombouctou!"}}
    assert response.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("media_type", [JSON, GRAPHQL_JSON])
def test_a_mutation_by_get_is_not_run(media_type):
    root = Root()
    response = get(make_app(root), media_type, query="mutation { put(value: 1) }")
    assert (response.status_code, response.headers["allow"], root.put_values) == (405, "POST", [])
    assert error_of(response) == ("BAD_USER_INPUT", "GET is for queries only. Send this operation by POST.")


@pytest.mark.parametrize(
    ("query_string", "message"),
    [
        ("", "The request has no query."),
        ("operationName=A", "The request has no query."),
        ("query={hello}&variables=[1]", "variables is not a JSON object: Expected `object | null`, got `array`."),
        ("query={hello}&variables={", "variables is not a JSON object"),
        ("query={hello}&extensions=x", "extensions is not a JSON object"),
        ('query={hello}&variables={"v":' + "[" * 100 + "]" * 100 + "}", "nested deeper than 64"),
        ('query={hello}&variables={"v":' + "[" * 9_000 + "]" * 9_000 + "}", "nested deeper than 64"),
        ("query={hello}&query={ratio}", "The address gives a parameter twice."),
        ("query=%ff", "The address is not percent-encoded UTF-8."),
        ("query=%ed%a0%80", "The address is not percent-encoded UTF-8."),
    ],
)
def test_an_address_that_is_no_request_is_refused(query_string, message):
    response = send("GET", f"/graphql?{query_string}")
    assert response.status_code == 400
    assert message in error_of(response)[1]


def test_the_limits_hold_for_addresses_too():
    assert error_of(get(**LIMIT))[0] == "COST_EXCEEDED"
    response = get(make_app(max_body=100), query="{ hello }" + " " * 100)
    assert (response.status_code, error_of(response)[1]) == (
        414,
        "The address is longer than 100 bytes. Send the request by POST.",
    )


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods_mean_nothing(method):
    response = send(method, params=HELLO)
    assert (response.status_code, response.headers["allow"]) == (405, "GET, HEAD, POST")


def test_head_is_answered_as_get_without_the_body():
    head, whole = (send(method, params=HELLO, headers={"Accept": JSON}) for method in ("HEAD", "GET"))
    assert (head.status_code, dict(head.headers)) == (200, dict(whole.headers))


# --- GraphiQL ---------------------------------------------------------------------------------------------------------

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def test_a_browser_gets_graphiql():
    response = get(accept=BROWSER)
    assert (response.status_code, response.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "GraphiQL" in response.text
    assert response.headers["content-security-policy"] == "frame-ancestors 'none'"


def test_a_browser_that_asks_a_question_gets_the_answer():
    assert get(accept=BROWSER, query="{ hello }").json() == {"data": {"hello": "Hello, world!"}}


def test_graphiql_can_be_off():
    response = get(make_app(graphiql=False), BROWSER)
    assert (response.status_code, error_of(response)[0]) == (400, "BAD_USER_INPUT")


@pytest.mark.parametrize("accept", [None, "*/*", JSON, GRAPHQL_JSON])
def test_a_program_does_not_get_graphiql(accept):
    assert get(accept=accept).status_code == 400


# --- Errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "code", "message"),
    [
        ("input", "BAD_USER_INPUT", "first is 101. Ask for 1 to 100."),
        ("cursor", "INVALID_CURSOR", "The cursor was altered. Take one from an edge."),
        ("missing", "NOT_FOUND", "There is no version 9."),
        ("conflict", "CONFLICT", "Somebody changed country:ML."),
        ("busy", "TIMEOUT", "Process 4711 is writing. Try again."),
        ("store", "INTERNAL", "The store is damaged at record 7."),
        ("other", "BAD_USER_INPUT", "This is refused."),
        ("coded", "UNAUTHENTICATED", "Sign in first."),
    ],
)
def test_a_refusal_keeps_its_text_and_has_a_code(how, code, message):
    answer = post({"query": f'{{ hello fails(how: "{how}") }}'}).json()
    assert answer["data"] == {"hello": "Hello, world!", "fails": None}
    (error,) = answer["errors"]
    assert (error["message"], error["extensions"]["code"]) == (message, code)
    assert (error["path"], error["locations"]) == (["fails"], [{"line": 1, "column": 9}])


def test_what_a_resolver_adds_to_an_error_is_kept():
    (error,) = post({"query": '{ fails(how: "coded") }'}).json()["errors"]
    assert error["extensions"] == {"code": "UNAUTHENTICATED", "realm": "graph"}


def test_the_unforeseen_is_masked_and_logged_in_full_once(caplog):
    query = "{ failures(count: 2) } #" + "x" * 5_000
    response = post({"query": query})
    request_id = response.headers["x-request-id"]
    assert response.json()["data"] == {"failures": [None, None]}
    assert response.json()["errors"] == [
        {
            "message": f"Internal error. Report it with this id: {request_id}.",
            "locations": [{"line": 1, "column": 3}],
            "path": ["failures", index],
            "extensions": {"code": "INTERNAL", "requestId": request_id},
        }
        for index in range(2)
    ]
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.exc_info[0] is ZeroDivisionError
    assert request_id in record.getMessage()
    assert len(record.getMessage()) < 1_000


def test_a_bug_outside_of_any_field_is_masked_too(caplog):
    app = make_app()
    app._graphql._executor._make_context = lambda caller: 1 / 0
    for accept in (JSON, GRAPHQL_JSON):
        response = post(HELLO, accept, app)
        assert response.status_code == 500
        code, message = error_of(response)
        assert (code, message) == (
            "INTERNAL",
            f"Internal error. Report it with this id: {response.headers['x-request-id']}.",
        )
    assert [record.exc_info[0] for record in caplog.records] == [ZeroDivisionError] * 2


def test_messages_are_cut():
    (error,) = post({"query": '{ fails(how: "long") }'}).json()["errors"]
    assert len(error["message"]) == 300
    assert error["message"].endswith("…")


def test_twenty_errors_are_told_and_how_many_more_there_are():
    query = "{" + " ".join(f'e{i}: fails(how: "missing")' for i in range(50)) + "}"
    errors = post({"query": query}).json()["errors"]
    assert len(errors) == 20
    assert errors[-1] == {"message": "31 more errors are left out.", "extensions": {"code": "NOT_FOUND"}}


def test_an_argument_that_a_variable_leaves_null_is_the_fault_of_the_client():
    query = "query ($value: Int = 1) { number(value: $value) }"
    (error,) = post({"query": query, "variables": {"value": None}}).json()["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert error["message"].startswith("Argument 'value' has invalid value")


def test_a_value_that_its_type_cannot_hold_is_our_fault():
    root = Root()
    resolvers = root.resolvers()
    resolvers["Query"]["ratio"] = lambda _, info: float("nan")
    root.resolvers = lambda: resolvers  # type: ignore[method-assign]
    response = post({"query": "{ ratio }"}, app=make_app(root))
    assert b"NaN" not in response.content
    assert response.json()["data"] == {"ratio": None}
    assert response.json()["errors"][0]["extensions"]["code"] == "INTERNAL"


def test_a_refused_request_is_logged_in_one_line_that_is_no_error(caplog):
    caplog.set_level(logging.INFO, "fieldgraph")
    response = post({"query": "{ unknown }" + "\n# forged" * 1_000})
    (record,) = caplog.records
    assert record.levelno == logging.INFO
    assert record.getMessage().startswith(
        f"request {response.headers['x-request-id']} refused: GRAPHQL_VALIDATION_FAILED Cannot query field 'unknown'"
    )
    assert len(record.getMessage()) < 1_000
    assert "secret" not in record.getMessage()
