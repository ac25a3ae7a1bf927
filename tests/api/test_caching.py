"""What spares work and bytes between a client and /graphql: tags by which answers are kept, and content codings."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from api.__main__ import executor_of, state_of
from api.app import build_app
from api.compression import zstd
from api.negotiation import CODINGS, GRAPHQL_JSON, JSON
from api.settings import Settings
from graph.graph import Graph
from graph.journal.memory import MemoryJournal
from graph.parse import write
from tests.api.small import Root, feed_of, make_app, send

HELLO = {"query": "{ hello }"}

# --- Kept answers ---------------------------------------------------------------------------------------------------


def ask(query: str = HELLO["query"], app: Any = None, headers: Any = None, **params: str) -> Any:
    return send("GET", app=app, params={"query": query, **params}, headers=headers)


def test_a_repeated_get_is_answered_304_without_being_run():
    root = Root()
    asked = []
    resolvers = root.resolvers()
    resolvers["Query"]["hello"] = lambda *_, **__: asked.append(1) or "Hello!"
    root.resolvers = lambda: resolvers  # type: ignore[method-assign]
    app = make_app(root, cache_control="public, max-age=60")
    first = ask(app=app)
    tag = first.headers["etag"]
    for given in (tag, f"W/{tag}", f'"other", {tag}'):
        again = ask(app=app, headers={"If-None-Match": given})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
        assert again.headers["cache-control"] == "public, max-age=60"
        assert again.headers["vary"] == "Accept, Accept-Encoding, Authorization"
    assert ask(app=app, headers={"If-None-Match": '"other"'}).status_code == 200
    assert len(asked) == 2


def test_an_answer_that_the_next_day_changes_is_not_kept_over_midnight():
    now = datetime(2026, 5, 31, 23, 59, tzinfo=UTC)
    graph = Graph(MemoryJournal(), clock=lambda: now)
    graph.apply(
        [write({"id": "source:x", "kind": "SOURCE", "name": "X", "type": "REPORT", "publishedOn": "2026-06-02"})]
    )
    executor = executor_of(graph, Settings())
    feed = feed_of(executor, graph)
    app = build_app(executor, Settings(), feed, sdl="", state=lambda: state_of(graph), ready=dict)
    query = "{ quality { nodes { rule entities { id } } } }"
    first = ask(query, app)
    assert ask(query, app, {"If-None-Match": first.headers["etag"]}).status_code == 304
    now += timedelta(minutes=2)
    second = ask(query, app, {"If-None-Match": first.headers["etag"]})
    assert (second.status_code, second.headers["etag"] == first.headers["etag"]) == (200, False)
    assert len(first.json()["data"]["quality"]["nodes"]) > len(second.json()["data"]["quality"]["nodes"])


def test_whatever_can_change_a_byte_of_an_answer_changes_its_tag():
    version = 1
    app = make_app(state=lambda: version)
    named = "query A($v: Int = 1) { number(value: $v) } query B { hello }"
    requests = [
        {},
        {"query": "{ hello  }"},
        {"query": named, "operationName": "A"},
        {"query": named, "operationName": "B"},
        {"query": named, "operationName": "A", "variables": '{"v": 2}'},
        {"extensions": '{"a": 1}'},
        {"headers": {"Accept": GRAPHQL_JSON}},
        {"headers": {"Accept-Encoding": "gzip"}},
        {"headers": {"Accept-Encoding": "zstd"}},
    ]
    tags = [ask(app=app, **request).headers["etag"] for request in requests]
    assert tags == [ask(app=app, **request).headers["etag"] for request in requests]
    version = 2
    tags += [ask(app=app, **request).headers["etag"] for request in requests]
    assert len(set(tags)) == 2 * len(requests)


@pytest.mark.parametrize("query", ["{ unknown }", "{", '{ fails(how: "missing") }'])
def test_what_went_wrong_is_not_kept(query):
    response = ask(query)
    assert "etag" not in response.headers
    assert response.headers["cache-control"] == "no-store"
    assert len(response.headers["x-request-id"]) == 16


def test_if_any_answer_will_do_there_must_be_one():
    assert ask(headers={"If-None-Match": "*"}).status_code == 304
    assert ask("{ unknown }", headers={"If-None-Match": "*"}).json()["errors"]


@pytest.mark.parametrize("settings", [{"default_page": 7}, {"max_page": 50}, {"compress_from": 7}, {"max_nodes": 7}])
def test_settings_that_change_answers_change_tags(settings):
    alike = make_app(port=1, log_level="error", cache_control="max-age=1")
    assert ask(app=alike).headers["etag"] == ask().headers["etag"] != ask(app=make_app(**settings)).headers["etag"]


def test_a_header_of_several_lines_is_one_list():
    tag = ask().headers["etag"]
    given = [("If-None-Match", tag), ("If-None-Match", '"other"'), ("Accept", JSON), ("Accept", "text/plain")]
    assert ask(headers=given).status_code == 304


def test_a_tag_makes_nothing_right():
    tag = ask().headers["etag"]
    assert ask("{ unknown }", headers={"If-None-Match": tag}).json()["errors"]
    assert ask("mutation { put(value: 1) }", headers={"If-None-Match": tag}).status_code == 405


# --- Compressed answers -----------------------------------------------------------------------------------------------

LONG = {"query": "{" + " ".join(f"a{i}: hello" for i in range(100)) + "}"}


def uncompressed(response: httpx.Response) -> bytes:
    is_zstd = response.headers.get("content-encoding") == "zstd"  # which httpx cannot undo by itself, as gzip
    return zstd.decompress(response.content) if is_zstd else response.content


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip, deflate", "gzip"),
        ("zstd;q=0.1, gzip", "gzip"),
        ("*", "zstd"),
        ("zstd;q=0, *;q=0.5", "gzip"),
        ("gzip;q=0", None),
        ("br", None),
        ("", None),
        ("gzip;q=x", None),
        ("gzip;q=nan", None),
        ("identity, gzip;q=0.5", None),
        ("identity, gzip", "gzip"),
    ],
)
def test_an_answer_is_compressed_as_the_client_likes_best(accepted, coding):
    plain = send(json=LONG)
    response = send(json=LONG, headers={"Accept-Encoding": accepted})
    assert response.headers.get("content-encoding") == coding
    assert uncompressed(response) == plain.content
    assert (int(response.headers["content-length"]) < len(plain.content)) is (coding is not None)


def test_small_answers_are_not_compressed():
    for size, coding in ((1_000_000, None), (1, "gzip")):
        app = make_app(compress_from=size)
        response = send(app=app, json=LONG, headers={"Accept-Encoding": "gzip"})
        assert response.headers.get("content-encoding") == coding


@pytest.mark.parametrize("coding", CODINGS)
def test_equal_answers_are_equal_when_compressed(coding):
    first, second = (send(json=LONG, headers={"Accept-Encoding": coding}).content for _ in range(2))
    assert first == second


def test_large_answers_are_compressed_too():
    root = Root()
    resolvers = root.resolvers()
    resolvers["Query"]["hello"] = lambda *_, **__: "Hello, world!" * 20_000
    root.resolvers = lambda: resolvers  # type: ignore[method-assign]
    for coding in ("zstd", "gzip"):
        response = send(app=make_app(root), json=HELLO, headers={"Accept-Encoding": coding})
        assert response.headers["content-encoding"] == coding
        assert json.loads(uncompressed(response)) == {"data": {"hello": "Hello, world!" * 20_000}}
