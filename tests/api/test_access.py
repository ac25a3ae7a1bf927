"""Who may do what over HTTP: callers are known by their tokens, every operation needs a scope, guessing is slow."""

import io
import logging
from contextlib import closing
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import httpx
import pytest
from graphql import OperationType
from hypothesis import example, given
from hypothesis import strategies as st

from api.__main__ import executor_of
from api.access import ANONYMOUS, NEEDS, OWNER, WINDOW_S, Access, Caller
from api.app import Application, build_app
from api.errors import RequestError
from api.execute import GraphQLRequest
from api.negotiation import GRAPHQL_JSON, HTML, JSON
from api.schema import core, schema
from api.settings import Settings
from api.telemetry import configure_logging
from graph.graph import Graph
from graph.journal.memory import MemoryTokens
from graph.parse import write
from graph.resident import utc_now
from graph.tokens import PREFIX, Scope, create, revoke
from tests.api.small import ADMIN, MADE, READER, TOKENS, WRITER, Root, feed_of, header, make_app, send
from tests.conftest import SMALL_WORLD

HELLO = {"query": "{ hello }"}
PUT = {"query": "mutation { put(value: 1) }"}
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
UNKNOWN = {"Authorization": f"Bearer {PREFIX}{'0' * 64}"}


def refused(response: httpx.Response) -> tuple[int, str, str]:
    """The status, the code and the challenge of a refusal, which is a GraphQL answer without data, never to be kept."""
    (error,) = response.json()["errors"]
    assert response.json().keys() == {"errors"}
    assert response.headers["cache-control"] == "no-store"
    return response.status_code, error["extensions"]["code"], response.headers.get("www-authenticate", "")


def message_of(response: httpx.Response) -> str:
    message: str = response.json()["errors"][0]["message"]
    return message


NEEDS_TOKEN = (401, "UNAUTHENTICATED", 'Bearer realm="Fieldgraph"')
INVALID = (401, "UNAUTHENTICATED", 'Bearer error="invalid_token"')
NEEDS_WRITE = (403, "FORBIDDEN", 'Bearer error="insufficient_scope", scope="write"')

# --- Scopes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("accept", [JSON, GRAPHQL_JSON])
@pytest.mark.parametrize(
    ("sent", "expected"),
    [({}, NEEDS_TOKEN), (READER, NEEDS_WRITE), (WRITER, None), (ADMIN, None), (UNKNOWN, INVALID)],
    ids=["anonymous", "read", "write", "admin", "unknown"],
)
def test_a_mutation_needs_a_token_with_scope_write(accept, sent, expected):
    root = Root()
    response = send(json=PUT, headers={"Accept": accept} | sent, app=make_app(root))
    if expected is None:
        assert (response.json(), root.put_values) == ({"data": {"put": 1}}, [1])
    else:
        assert (refused(response), root.put_values) == (expected, [])
        assert response.headers["content-type"] == f"{accept}; charset=utf-8"


def test_a_refusal_says_what_is_needed_and_how_to_get_it():
    assert message_of(send(json=PUT)) == (
        "A mutation needs a token with scope write. `fieldgraph token create NAME --scope write` makes one, to be sent"
        " as `Authorization: Bearer TOKEN`."
    )
    told = message_of(send(json=PUT, headers=header(Scope.READ, "map")))
    assert told.startswith("A mutation needs scope write; the token 'map' has scope read. `fieldgraph token create")


@pytest.mark.parametrize("sent", [{}, READER, WRITER, ADMIN], ids=["anonymous", "read", "write", "admin"])
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_reading_is_open_to_all(method, sent):
    request = {"json": HELLO} if method == "POST" else {"params": HELLO}
    assert send(method, headers=sent, **request).json() == {"data": {"hello": "Hello, world!"}}


def test_what_is_asked_for_counts_not_what_stands_beside_it():
    both = "query A { hello } mutation B { put(value: 1) }"
    assert send(json={"query": both, "operationName": "A"}).json() == {"data": {"hello": "Hello, world!"}}
    assert refused(send(json={"query": both, "operationName": "B"})) == NEEDS_TOKEN


def test_a_mutation_by_get_is_a_mutation_by_get_whoever_asks():
    for sent in ({}, READER, WRITER):
        root = Root()
        response = send("GET", params=PUT, headers=sent, app=make_app(root))
        assert (response.status_code, response.headers["allow"], root.put_values) == (405, "POST", [])


def test_what_the_caller_may_not_run_is_not_remembered_by_its_hash():
    app, digest = make_app(), sha256(PUT["query"].encode()).hexdigest()
    claim = {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": digest}}}
    assert refused(send(json=PUT | claim, app=app)) == NEEDS_TOKEN
    assert send(json=claim, headers=WRITER, app=app).json()["errors"][0]["message"] == "PersistedQueryNotFound"


def test_every_kind_of_operation_needs_a_scope_and_what_is_in_no_list_nobody_may():
    assert NEEDS.keys() == set(OperationType)
    assert {kind for kind, scope in NEEDS.items() if scope is Scope.READ} == {
        OperationType.QUERY,
        OperationType.SUBSCRIPTION,
    }


MUTATIONS = {
    "save": "mutation { save(input: {}) { version } }",
    "remove": "mutation { remove(input: { ids: [] }) { version } }",
}


def test_every_mutation_there_is_is_tried_here():
    assert MUTATIONS.keys() == core(schema).mutation_type.fields.keys()  # type: ignore[union-attr]


@pytest.mark.parametrize("text", MUTATIONS.values(), ids=MUTATIONS)
def test_every_mutation_there_is_needs_scope_write(small, text):
    executor = executor_of(small, Settings())
    for caller, status in ((ANONYMOUS, 401), (Caller("reader", Scope.READ), 403)):
        with pytest.raises(RequestError) as caught:
            executor.prepare(GraphQLRequest(text), caller)
        assert (caught.value.status, caught.value.json_status) == (status, status)
    for caller in (OWNER, Caller("writer", Scope.WRITE), Caller("admin", Scope.ADMIN)):
        assert executor.prepare(GraphQLRequest(text), caller).text == text


# --- Tokens -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given",
    [
        "",
        " ",
        "Bearer",
        "Bearer ",
        "Bearer  ",
        "Basic dXNlcjpwYXNz",
        READER["Authorization"].removeprefix("Bearer "),
        f"{READER['Authorization']} and more",
        f"{READER['Authorization']}, {READER['Authorization']}",
        f"Token {READER['Authorization']}",
        "Bearer \xe9\xff",
        "Bearer \x00",
        f"Bearer {'x' * 60_000}",
        f"Bearer {PREFIX}",
        f"Bearer {PREFIX}{'٣' * 64}".encode(),
        READER["Authorization"].upper(),
    ],
    ids=map(str, range(16)),  # not the tokens, of which each process draws its own
)
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_what_is_no_token_is_refused_even_for_what_needs_none(method, given):
    sent = {b"Authorization": given if isinstance(given, bytes) else given.encode("latin-1")}
    request = {"json": HELLO} if method == "POST" else {"params": HELLO}
    assert refused(send(method, headers=sent, app=make_app(token_failures=1_000), **request)) == INVALID


def test_two_headers_are_none():
    sent = [("Authorization", READER["Authorization"]), ("Authorization", WRITER["Authorization"])]
    assert refused(send(json=HELLO, headers=sent)) == INVALID


@pytest.mark.parametrize("form", ["Bearer {}", "bearer {}", "BEARER   {}", "  Bearer {} "])
def test_the_scheme_is_known_in_any_case(form):
    root, secret = Root(), WRITER["Authorization"].removeprefix("Bearer ")
    send(json=PUT, headers={"Authorization": form.format(secret)}, app=make_app(root))
    assert root.put_values == [1]


def test_a_refused_token_is_told_why_but_never_repeated():
    revoked, expired = header(Scope.WRITE, "gone"), header(Scope.READ, "late", MADE + timedelta(days=1))
    revoke(TOKENS, "gone", utc_now())
    for sent, told in (
        (revoked, "This token was revoked. `fieldgraph token create NAME --scope write` makes one"),
        (expired, "This token has expired. `fieldgraph token create NAME --scope read` makes one"),
        (UNKNOWN, "This token is not known here. `fieldgraph token create NAME --scope SCOPE` makes one"),
        ({"Authorization": "Basic eA=="}, "The header Authorization is not as it must be. Send `Bearer TOKEN`"),
    ):
        response = send(json=HELLO, headers=sent, app=make_app(token_failures=1_000))
        assert refused(response) == INVALID
        assert message_of(response).startswith(told)
        assert sent["Authorization"].split()[1] not in response.text


def access(tokens: MemoryTokens | None = None, clock: Any = lambda: NOON, **settings: Any) -> Access:
    return Access(tokens or MemoryTokens(), Settings(**settings), clock)


ISSUED = MemoryTokens()
HOLDS = create(ISSUED, "holds", Scope.WRITE, NOON, NOON + timedelta(days=1))
EXPIRED = create(ISSUED, "expired", Scope.WRITE, NOON - timedelta(days=1), NOON)
REVOKED = create(ISSUED, "revoked", Scope.ADMIN, NOON)
revoke(ISSUED, "revoked", NOON)

NEAR = st.sampled_from([HOLDS, EXPIRED, REVOKED])


@given(
    given=st.text()
    | st.from_regex(rf"{PREFIX}[0-9a-f]{{64}}", fullmatch=True)
    | NEAR
    | st.tuples(NEAR, st.integers(0, 80), st.text(max_size=2)).map(
        lambda cut: cut[0][: cut[1]] + cut[2] + cut[0][cut[1] :]
    )
    | NEAR.flatmap(lambda secret: st.integers(0, len(secret)).map(lambda length: secret[:length])),
    scheme=st.sampled_from(["Bearer ", "bearer ", "", "Basic "]) | st.text(max_size=9),
)
@example(HOLDS, "Bearer ")
@example(EXPIRED, "Bearer ")
@example(REVOKED, "Bearer ")
@example(f"{HOLDS}\n", "Bearer ")
def test_nothing_but_a_token_that_was_made_and_holds_is_taken_for_one(given, scheme):
    sent, asked = f"{scheme}{given}", access(ISSUED, token_failures=10**9)
    if sent.strip().lower() == f"bearer {HOLDS}" and HOLDS in sent:
        assert asked.caller(sent, "") == Caller("holds", Scope.WRITE)
        return
    with pytest.raises(RequestError) as caught:
        asked.caller(sent, "")
    assert (caught.value.status, caught.value.json_status) == (401, 401)


def test_whether_a_caller_may_go_on_can_be_asked_at_any_time():
    tokens, now = MemoryTokens(), NOON
    known = access(tokens, lambda: now)
    callers = [
        known.caller(f"Bearer {create(tokens, name, Scope.READ, NOON, expires)}", "")
        for name, expires in (("a", None), ("b", NOON + timedelta(days=1)))
    ]
    assert [known.still_holds(caller) for caller in (*callers, ANONYMOUS)] == [True, True, True]
    revoke(tokens, "a", NOON)
    assert [known.still_holds(caller) for caller in (*callers, ANONYMOUS)] == [False, True, True]
    now += timedelta(days=1)
    assert [known.still_holds(caller) for caller in (*callers, ANONYMOUS)] == [False, False, True]


# --- Closed reading ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "request_",
    [
        {"json": HELLO},
        {"json": PUT},
        {"json": {"query": "{ unknown }"}},
        {"json": {"query": "{ __schema { queryType { name } } }"}},
        {"content": b"no JSON"},
        {"method": "GET", "params": HELLO},
        {"method": "GET", "params": PUT},
        {"method": "GET"},
        {"method": "GET", "url": "/schema.graphql"},
    ],
    ids=str,
)
def test_where_reading_is_closed_nobody_learns_anything_without_a_token(request_):
    app = make_app(reading="closed")
    response = send(**request_, app=app)
    assert refused(response) == NEEDS_TOKEN
    assert message_of(response).startswith(
        "Reading needs a token here, and so does writing. `fieldgraph token create NAME"
    )
    assert refused(send(**request_, headers=UNKNOWN, app=app)) == INVALID


def test_where_reading_is_closed_a_token_opens_it():
    app = make_app(reading="closed")
    for sent in (READER, WRITER, ADMIN):
        assert send(json=HELLO, headers=sent, app=app).json() == {"data": {"hello": "Hello, world!"}}
        assert send("GET", params=HELLO, headers=sent, app=app).json() == {"data": {"hello": "Hello, world!"}}
        assert send("GET", "/schema.graphql", headers=sent, app=app).text.startswith("\ntype Query")
    assert refused(send(json=PUT, headers=READER, app=app)) == NEEDS_WRITE


def test_where_reading_is_closed_the_page_and_the_probes_stay_open():
    app = make_app(reading="closed")
    page = send("GET", headers={"Accept": HTML}, app=app)
    assert (page.status_code, "GraphiQL" in page.text) == (200, True)
    assert [send("GET", f"/{probe}", app=app).status_code for probe in ("healthz", "readyz")] == [200, 200]


# --- Guessing ---------------------------------------------------------------------------------------------------------


def guess(asked: Access, given: str | None, address: str = "192.0.2.1") -> int:
    """The status that a guess from an address is answered with."""
    try:
        asked.caller(given and f"Bearer {given}", address)
    except RequestError as error:
        return error.status
    return 200


def test_after_some_wrong_tokens_in_a_minute_none_is_looked_at():
    second = 0.0
    asked = Access(ISSUED, Settings(token_failures=3), lambda: NOON, lambda: second)
    assert [guess(asked, given) for given in ("a", HOLDS, REVOKED, HOLDS, "b", HOLDS, "c")] == [
        401, 200, 401, 200, 401, 429, 429,
    ]  # fmt: skip
    assert guess(asked, None) == 200  # who sends none is answered all the same
    assert guess(asked, HOLDS, "192.0.2.2") == 200
    second = WINDOW_S - 0.5
    assert guess(asked, HOLDS) == 429
    second = WINDOW_S
    assert [guess(asked, given) for given in (HOLDS, "a", "b", HOLDS, "c", HOLDS)] == [200, 401, 401, 200, 401, 429]


def test_whoever_must_wait_is_told_how_long():
    app = make_app(token_failures=2)
    assert [send(json=HELLO, headers=UNKNOWN, app=app).status_code for _ in range(3)] == [401, 401, 429]
    response = send(json=HELLO, headers=READER, app=app)
    assert refused(response) == (429, "THROTTLED", "")
    assert 0 < int(response.headers["retry-after"]) <= WINDOW_S
    assert message_of(response) == (
        "Too many tokens from your address were refused. Send one that holds in"
        f" {response.headers['retry-after']} s, or none."
    )
    assert send("GET", "/schema.graphql", headers=READER, app=app).status_code == 429
    assert send(json=HELLO, app=app).json() == {"data": {"hello": "Hello, world!"}}


@pytest.mark.parametrize(
    ("first", "second", "are_one"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("2001:db8::1", "2001:db8::2", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("", "", True),
    ],
)
def test_whoever_has_many_addresses_of_one_network_has_no_more_guesses(first, second, are_one):
    asked = access(token_failures=1)
    assert guess(asked, "a", first) == 401
    assert guess(asked, "a", second) == (429 if are_one else 401)


def test_what_is_remembered_of_addresses_is_bounded():
    asked = access(token_failures=1)
    for number in range(11_000):
        guess(asked, "a", f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert asked._failures._recent.spent == 10_000


# --- Answers to callers with tokens -----------------------------------------------------------------------------------


@pytest.mark.parametrize("sent", [READER, WRITER])
def test_what_is_answered_to_a_token_must_not_be_kept(sent):
    post = send(json=HELLO, headers=sent)
    assert (post.json(), post.headers["cache-control"]) == ({"data": {"hello": "Hello, world!"}}, "no-store")
    app = make_app(cache_control="public, max-age=60")
    first = send("GET", params=HELLO, headers=sent, app=app)
    again = send("GET", params=HELLO, headers=sent | {"If-None-Match": first.headers["etag"]}, app=app)
    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
    assert [response.headers["cache-control"] for response in (first, again)] == ["no-store"] * 2
    assert send("GET", params=HELLO, app=app).headers["cache-control"] == "public, max-age=60"


@pytest.mark.parametrize(("sent", "kept"), [({}, None), (READER, "no-store"), (UNKNOWN, "no-store")])
def test_the_schema_as_text_is_answered_as_privately(sent, kept):
    response = send("GET", "/schema.graphql", headers=sent)
    assert (response.headers.get("cache-control"), response.headers["vary"]) == (kept, "Authorization")


@pytest.mark.parametrize(
    "query", ["{ hello }", "{ unknown }", "{", "mutation { put(value: 1) }", '{ fails(how: "bug") }']
)
@pytest.mark.parametrize("sent", [{}, READER, UNKNOWN])
def test_every_answer_to_a_get_says_that_it_depends_on_the_token(query, sent):
    response = send("GET", params={"query": query}, headers=sent)
    assert response.headers.get_list("vary") == ["Accept, Accept-Encoding, Authorization"]
    assert response.headers.get_list("cache-control", split_commas=True) in (["no-cache"], ["no-store"])


def test_a_tag_is_of_a_scope():
    first = send("GET", params=HELLO, headers=WRITER)
    for sent, status in (({}, 200), (READER, 200), (WRITER, 304)):
        asked = sent | {"If-None-Match": first.headers["etag"]}
        assert send("GET", params=HELLO, headers=asked).status_code == status


def test_pages_of_listed_origins_may_send_tokens_and_read_refusals():
    origin = "https://maps.example"
    app = make_app(cors_origins=(origin,))
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    allowed = send("OPTIONS", headers={"Origin": origin} | asks, app=app)
    assert allowed.status_code == 200
    assert "authorization" in allowed.headers["access-control-allow-headers"].lower().replace(" ", "").split(",")
    assert "access-control-allow-credentials" not in allowed.headers  # cookies and such are not for this service
    told = send(json=PUT, headers={"Origin": origin}, app=app)
    assert (told.status_code, told.headers["access-control-allow-origin"]) == (401, origin)
    exposed = told.headers["access-control-expose-headers"].split(", ")
    assert {"Retry-After", "WWW-Authenticate"} <= set(exposed)


# --- With a store -----------------------------------------------------------------------------------------------------

SAVE = (
    "mutation ($input: SaveInput!) { save(input: $input) { version userErrors { message } changes { author note } } }"
)
REMOVE = 'mutation { remove(input: { ids: ["project:new"] }) { version } }'
CHANGE = {"projects": [{"id": "project:new", "name": "New"}], "note": "As told by phone"}
HISTORY = '{ node(id: "project:new") { ... on Entity { history(first: 1) { nodes { author note } } } } }'


class Service:
    """A graph in a store, served."""

    def __init__(self, graph: Graph) -> None:
        settings = Settings()
        head = {"version": 1}
        executor = executor_of(graph, settings)
        self.app: Application = build_app(
            executor, settings, feed_of(executor, graph), sdl="", state=lambda: graph.head, ready=lambda: head,
            tokens=graph.tokens,
        )  # fmt: skip

    def ask(self, query: str, secret: str | None = None, **variables: Any) -> httpx.Response:
        sent = {} if secret is None else {"Authorization": f"Bearer {secret}"}
        return send(json={"query": query, "variables": variables}, headers=sent, app=self.app)


def test_what_is_written_has_the_name_of_the_token_as_its_author(tmp_path):
    with closing(Graph.open(tmp_path)) as graph:
        graph.apply(write(line) for line in SMALL_WORLD)
        service = Service(graph)
        reader, writer = (create(graph.tokens, str(scope), scope, utc_now()) for scope in (Scope.READ, Scope.WRITE))
        for query in (SAVE, REMOVE):
            assert refused(service.ask(query, input=CHANGE)) == NEEDS_TOKEN
            assert refused(service.ask(query, reader, input=CHANGE)) == NEEDS_WRITE
        assert graph.version == 1
        told = service.ask(SAVE, writer, input=CHANGE).json()["data"]["save"]
        assert told == {"version": 2, "userErrors": [], "changes": [{"author": "write", "note": "As told by phone"}]}
        assert service.ask(HISTORY).json()["data"]["node"]["history"]["nodes"] == told["changes"]
        with closing(Graph.open(tmp_path)) as elsewhere:
            revoke(elsewhere.tokens, "write", utc_now())
        assert refused(service.ask(REMOVE, writer)) == INVALID
        assert graph.version == 2


# --- The log ----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("_restored_logging")
@pytest.mark.parametrize("log_format", ["text", "json"])
def test_no_token_is_ever_in_the_log(log_format):
    secret, stream, app = WRITER["Authorization"].removeprefix("Bearer "), io.StringIO(), make_app(token_failures=3)
    configure_logging(Settings(log_format=log_format, log_level="debug", access_log=True), stream)
    for query in (
        f'{{ fails(how: "{secret}") }}',
        f"{{ {secret} }}",
        f"{{ hello }} # {secret}",
        f"{{ {secret[:30]} }}",
    ):
        send(json={"query": query}, headers=WRITER, app=app)
        send("GET", params={"query": query}, headers=WRITER, app=app)
    for _ in range(4):
        send(json=HELLO, headers={"Authorization": f"Basic {secret}"}, app=app)
    logging.getLogger("uvicorn.access").info('"GET /graphql?access_token=%s HTTP/1.1" 200', secret)
    logged = stream.getvalue()
    assert secret[:30] not in logged
    assert f"{PREFIX}..." in logged
    assert "3 tokens from 127.0.0.1 were refused within a minute; now none is looked at" in logged
