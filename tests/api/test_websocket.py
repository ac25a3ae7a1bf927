"""GraphQL over WebSocket: what graphql-transport-ws says, and what a client may not do to the service."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from api import feed, websocket
from graph.errors import StoreError
from graph.graph import Graph
from graph.resident import utc_now
from graph.tokens import Scope, create, revoke
from tests.api.live import SUBPROTOCOL, Service, ask, heard, run, say, served, small_socket, told, until

WATCH = "subscription ($since: Int, $after: ID) { changes(since: $since, after: $after) { id version index } }"
INIT = {"type": "connection_init"}
HELLO = {"type": "subscribe", "id": "1", "payload": {"query": "{ __typename }"}}
SUBSCRIBE = {"type": "subscribe", "id": "1", "payload": {"query": "subscription { changes { id } }"}}


async def closed_with(client: Any) -> tuple[int, str]:
    """What the service closes the connection with, whatever it says before."""
    await asyncio.wait_for(client.wait_closed(), 5)
    with pytest.raises(ConnectionClosed) as caught:
        await client.send("")
    received = caught.value.rcvd
    assert received is not None
    assert len(received.reason.encode()) <= 123
    return received.code, received.reason


# What is answered


def test_a_query_is_answered_and_completed():
    async def work() -> None:
        async with served() as service, service.greeted() as client:
            assert client.subprotocol == SUBPROTOCOL
            await ask(client, "a", "{ graph { version } }")
            assert await heard(client) == {"id": "a", "type": "next", "payload": {"data": {"graph": {"version": 0}}}}
            assert await heard(client) == {"id": "a", "type": "complete"}
            await ask(client, "a", "{ __schema { queryType { name } } }")
            assert (await heard(client))["payload"] == {"data": {"__schema": {"queryType": {"name": "Query"}}}}

    run(work())


def test_a_field_that_fails_is_an_answer_and_not_an_error():
    async def work() -> None:
        async with served() as service, service.greeted() as client:
            await ask(client, "a", '{ nodes(ids: ["x"]) { id } projects(first: 101) { totalCount } }')
            message = await heard(client)
            assert (message["type"], message["payload"]["data"]) == ("next", None)
            assert message["payload"]["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
            assert (await heard(client))["type"] == "complete"

    run(work())


@pytest.mark.parametrize(
    ("payload", "code", "message"),
    [
        ({"query": "{"}, "GRAPHQL_PARSE_FAILED", "Syntax Error"),
        ({"query": "{ nothing }"}, "GRAPHQL_VALIDATION_FAILED", "Cannot query field 'nothing'"),
        ({"query": "{ __typename }", "operationName": "A"}, "BAD_USER_INPUT", "no operation 'A'"),
        ({"query": "query ($a: Int!) { projects(first: $a) { totalCount } }"}, "BAD_USER_INPUT", "$a"),
        ({"query": "{ __typename }", "variables": {"a": "x" * 100_001}}, "BAD_USER_INPUT", "100,001 characters"),
        ({}, "BAD_USER_INPUT", "The request has no query"),
        ({"query": "subscription { changes { id } changes2: changes { id } }"}, "GRAPHQL_VALIDATION_FAILED", "one"),
        ({"query": "subscription { changes(since: 1) { id } }"}, "NOT_FOUND", "There is no version 1 yet"),
        ({"query": "subscription { changes(since: -1) { id } }"}, "BAD_USER_INPUT", "since is -1"),
        ({"query": 'subscription { changes(after: "x") { id } }'}, "BAD_USER_INPUT", "'x' is no id of a change"),
        (
            {"query": 'subscription { changes(after: "change:1.00000000") { id } }'},
            "NOT_FOUND",
            "There is no change 'change:1.00000000'.",
        ),
        (
            {"query": 'subscription { changes(since: 0, after: "change:1.00000000") { id } }'},
            "BAD_USER_INPUT",
            "Both since and after are given",
        ),
        ({"query": "subscription { changes(kinds: [X]) { id } }"}, "GRAPHQL_VALIDATION_FAILED", "'X' does not exist"),
    ],
)
def test_what_is_refused_is_an_error_of_its_operation_and_the_connection_goes_on(payload, code, message):
    async def work() -> None:
        async with served() as service, service.greeted() as client:
            await say(client, type="subscribe", id="a", payload=payload)
            refused = await heard(client)
            assert (refused["id"], refused["type"]) == ("a", "error")
            assert refused["payload"][0]["extensions"]["code"] == code
            assert message in refused["payload"][0]["message"]
            await ask(client, "a", "{ __typename }")
            assert (await heard(client))["type"] == "next"

    run(work())


def test_a_subscriber_is_told_every_change_from_now_on_in_order():
    async def work() -> None:
        async with served() as service, service.greeted() as client:
            service.change("before")
            await ask(client, "a", WATCH)
            await ask(client, "b", "{ __typename }")
            assert [(await heard(client))["id"] for _ in range(2)] == ["b", "b"]
            for number in range(3):
                service.change(f"first {number}", f"second {number}")
            ids = [change["id"] for change in await told(client, 6)]
            assert ids == [f"change:{version}.0000000{index}" for version in (2, 3, 4) for index in (0, 1)]

    run(work())


@pytest.mark.parametrize(
    ("variables", "first"), [({"since": 2}, "3.00000000"), ({"after": "change:2.00000000"}, "2.00000001")]
)
def test_a_subscriber_that_comes_back_is_told_what_it_missed_and_then_what_is_new(variables, first):
    async def work() -> None:
        async with served() as service:
            for number in range(3):
                service.change(f"first {number}", f"second {number}")
            async with service.greeted() as client:
                await ask(client, "a", WATCH, **variables)
                (change,) = await told(client, 1)
                assert change["id"] == f"change:{first}"
                await told(client, 6 - 2 * change["version"] + 1 - change["index"])
                service.change("new")
                assert [change["id"] for change in await told(client, 1)] == ["change:4.00000000"]

    run(work())


def test_a_subscriber_may_leave_and_give_its_id_to_another_operation():
    async def work() -> None:
        async with served() as service, service.greeted() as client:
            await ask(client, "a", WATCH)
            await until(lambda: service.feed._groups)
            await say(client, type="complete", id="a")
            await until(lambda: not service.feed._groups)
            service.change("nobody is told")
            await ask(client, "a", "{ __typename }")
            assert (await heard(client))["payload"] == {"data": {"__typename": "Query"}}

    run(work())


def test_a_client_that_vanishes_leaves_nothing_behind():
    async def work() -> None:
        async with served() as service, service.greeted() as client:
            for id in "abc":
                await ask(client, id, WATCH, since=0)
            await until(lambda: service.feed._groups)
            client.transport.abort()
            await until(lambda: not service.feed._groups, within_s=1)
            await until(lambda: not service.server.server_state.tasks, within_s=1)

    run(work())


def test_a_ping_is_answered_with_what_it_holds():
    async def work() -> None:
        async with served() as service, service.connect() as client:
            await say(client, type="ping")
            assert await heard(client) == {"type": "pong"}
            await say(client, type="ping", payload={"a": [1]})
            assert await heard(client) == {"type": "pong", "payload": {"a": [1]}}
            await say(client, type="pong")
            await say(client, type="connection_init", payload={"any": 1})
            assert await heard(client) == {"type": "connection_ack"}

    run(work())


# What has the connection closed


@pytest.mark.parametrize(
    ("messages", "code", "reason"),
    [
        ([HELLO], 4401, "Unauthorized"),
        ([INIT, INIT], 4429, "Too many initialisation requests"),
        ([INIT, SUBSCRIBE, SUBSCRIBE], 4409, "Subscriber for 1 already exists"),
        (["nonsense"], 4400, "JSON is malformed"),
        (["[]"], 4400, "Expected `object`, got `array`"),
        (["null"], 4400, "Expected `object`, got `null`"),
        (["{}"], 4400, "missing required field `type`"),
        ([{"type": 7}], 4400, "Expected `str`, got `int`"),
        ([{"type": "start"}], 4400, "no message of type 'start'"),
        ([{"type": "x" * 1_000}], 4400, "no message of type 'xxx"),
        (["[" * 100_000], 4400, ""),
        ([INIT, HELLO | {"id": 1}], 4400, "Expected `str | null`, got `int` - at `$.id`"),
        ([INIT, HELLO | {"id": ""}], 4400, "has an id"),
        ([INIT, HELLO | {"id": "x" * 129}], 4400, "has an id"),
        ([INIT, {"type": "subscribe", "payload": {}}], 4400, "has an id"),
        ([INIT, {"type": "complete"}], 4400, "has an id"),
        ([INIT, HELLO | {"payload": None}], 4400, "The payload of subscribe is an object."),
        ([INIT, HELLO | {"payload": {"query": 7}}], 4400, "Expected `str | null`, got `int`"),
        ([{"type": "connection_init", "payload": 7}], 4400, "The payload of connection_init is an object."),
        ([b"bytes"], 4400, "A message is text, not bytes."),
        (["x" * 1_048_577], 1009, ""),
    ],
)
def test_who_breaks_the_protocol_is_told_how(messages, code, reason):
    async def work() -> None:
        async with served() as service, service.connect() as client:
            for message in messages:
                await client.send(json.dumps(message) if isinstance(message, dict) else message)
            closed = await closed_with(client)
            assert closed[0] == code
            assert reason in closed[1]
            await until(lambda: not service.server.server_state.connections)

    run(work())


def test_who_does_not_begin_in_time_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(websocket, "INIT_S", 0.2)

    async def work() -> None:
        async with served() as service, service.connect() as client:
            assert await closed_with(client) == (4408, "Connection initialisation timeout")

    run(work())


@pytest.mark.parametrize("subprotocol", [None, "graphql-ws", "soap"])
def test_another_subprotocol_is_not_acceptable(subprotocol):
    async def work() -> None:
        async with served() as service, service.connect(subprotocol) as client:
            assert await closed_with(client) == (4406, f"Subprotocol not acceptable. Ask for {SUBPROTOCOL}.")

    run(work())


@pytest.mark.parametrize("flood", ["pings", "pieces", "messages"])
def test_a_flood_is_ended(flood):
    async def work() -> None:
        async with served() as service, service.connect() as client:
            piece = {"pings": b"\x89\x80", "pieces": b"\x00\x80", "messages": b"\x81\x8f"}[flood] + bytes(4)
            begun = b"\x01\x80" + bytes(4) if flood == "pieces" else b""
            said = b'{"type":"pong"}' if flood == "messages" else b""
            client.transport.write(begun + (piece + said) * 2_000)
            assert await closed_with(client) == (1008, "More than 1,000 frames within a second.")

    run(work())


def test_operations_on_one_connection_are_bounded():
    async def work() -> None:
        async with served(max_socket_operations=2) as service, service.greeted() as client:
            for id in "abc":
                await ask(client, id, WATCH)
            refused = await heard(client)
            assert (refused["id"], refused["type"]) == ("c", "error")
            assert refused["payload"][0]["message"].startswith("2 operations are under way on this connection")
            await say(client, type="complete", id="a")
            await ask(client, "c", "{ __typename }")
            assert (await heard(client))["type"] == "next"

    run(work())


# Who may connect


@pytest.mark.parametrize(
    ("origin", "is_welcome"),
    [
        (None, True),
        ("http://127.0.0.1:{port}", True),
        ("http://127.0.0.1", False),
        ("http://127.0.0.1:1", False),
        ("https://maps.example.org", True),
        ("https://maps.example.org.evil.example", False),
        ("http://maps.example.org", False),
        ("null", False),
        ("nonsense", False),
        ("http://[", False),
    ],
)
def test_a_page_of_another_site_is_not_let_in(origin, is_welcome):
    async def work() -> None:
        async with served(cors_origins="https://maps.example.org") as service:
            given = origin and origin.replace("{port}", str(service.port))
            if is_welcome:
                async with service.greeted(origin=given):
                    return
            with pytest.raises(InvalidStatus) as caught:
                await service.connect(origin=given)
            assert caught.value.response.status_code == 403

    run(work())


def test_there_is_no_socket_elsewhere():
    async def work() -> None:
        async with served() as service:
            elsewhere = service._replace(port=f"{service.port}/other")  # type: ignore[arg-type]
            with pytest.raises(InvalidStatus) as caught:
                await elsewhere.connect()
            assert caught.value.response.status_code == 403

    run(work())


def test_a_token_is_given_in_the_first_message_and_only_so_long_as_it_holds_is_anything_told(monkeypatch):
    monkeypatch.setattr(websocket, "CHECKED_S", 0.1)

    async def work() -> None:
        async with served(reading="closed") as service, service.connect() as stranger, service.connect() as client:
            secret = create(service.graph.tokens, "map", Scope.READ, utc_now())
            await say(stranger, **INIT)
            code, reason = await closed_with(stranger)
            assert (code, reason[:26]) == (4403, "Reading needs a token here")
            await say(client, type="connection_init", payload={"authorization": f"Bearer {secret}"})
            assert await heard(client) == {"type": "connection_ack"}
            await ask(client, "1", 'mutation { remove(input: { ids: ["project:1"] }) { version } }')
            assert (await heard(client))["payload"][0]["extensions"]["code"] == "FORBIDDEN"
            await ask(client, "2", WATCH, since=0)
            service.change("first")
            assert [change["id"] for change in await told(client, 1)] == ["change:1.00000000"]
            revoke(service.graph.tokens, "map", utc_now())
            assert await closed_with(client) == (4403, "The token was revoked, or has expired.")

    run(work())


SAVE = 'mutation { save(input: { sources: [{ id: "source:x", name: "X", type: REPORT }] }) { version } }'


@asynccontextmanager
async def with_token(service: Service) -> AsyncIterator[Any]:
    """A connection by the token "bot", which may write."""
    secret = create(service.graph.tokens, "bot", Scope.WRITE, utc_now())
    async with service.connect() as client:
        await say(client, type="connection_init", payload={"authorization": f"Bearer {secret}"})
        assert await heard(client) == {"type": "connection_ack"}
        yield client


def test_a_token_that_was_revoked_writes_nothing_from_that_moment_on():
    async def work() -> None:
        async with served() as service, with_token(service) as client:
            revoke(service.graph.tokens, "bot", utc_now())
            await ask(client, "1", SAVE)
            assert await closed_with(client) == (4403, "The token was revoked, or has expired.")
            assert service.graph.version == 0

    run(work())


@pytest.mark.parametrize("asks", [False, True])
def test_who_has_a_token_that_cannot_be_looked_at_is_parted_from(asks, monkeypatch, caplog):
    if not asks:
        monkeypatch.setattr(websocket, "CHECKED_S", 0.1)

    async def work() -> None:
        async with served() as service, with_token(service) as client:
            monkeypatch.setattr(service.graph.tokens, "named", _failing)
            if asks:
                await ask(client, "1", SAVE)
            told = "It cannot be looked up whether the token holds. Connect again."
            assert await closed_with(client) == (1011, told)
            assert service.graph.version == 0
            assert "the token 'bot' could not be looked at" in caplog.text
            assert "StoreError: disk I/O error" in caplog.text

    run(work())


def _failing(_: str) -> None:
    raise StoreError("disk I/O error")


# Who does not read


@asynccontextmanager
async def slow(service: Service, query: str) -> AsyncIterator[asyncio.StreamReader]:
    """A client that subscribes, and then reads nothing."""
    reader, writer = await asyncio.open_connection(sock=small_socket(service.port), limit=1_000)
    head = (
        "GET /graphql HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    )
    head += f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: {SUBPROTOCOL}\r\n\r\n"
    subscribe = {"type": "subscribe", "id": "1", "payload": {"query": query}}
    for message in (INIT, subscribe):
        data = json.dumps(message).encode()
        head_of = b"\x81" + (bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + len(data).to_bytes(2, "big"))
        writer.write((head.encode() if message is INIT else b"") + head_of + bytes(4) + data)
    groups = len(service.feed._groups)
    await until(lambda: len(service.feed._groups) > groups)
    try:
        yield reader
    finally:
        writer.transport.abort()


LONG = "subscription { changes { id fields { after } } }"


def test_who_does_not_read_is_left_behind_and_told_where_to_resume(monkeypatch):
    monkeypatch.setattr("api.transport.CUT_OFF_S", 1)

    async def work() -> None:
        async with (
            served(subscription_backlog=50) as service,
            service.greeted() as quick,
            slow(service, LONG) as reader,
        ):
            await ask(quick, "1", WATCH, since=0)
            for number in range(500):
                service.change("x" * 2_000 + str(number))
                await asyncio.sleep(0)
            assert [change["version"] for change in await told(quick, 500)] == list(range(1, 501))
            await until(lambda: len(service.feed._groups) == 1)
            received = await asyncio.wait_for(reader.read(-1), 10)
            assert received[:2] == b"HT"
            last = int(received.rpartition(b'"id":"change:')[2].partition(b".")[0])
            assert received.endswith(b"\x11\x3aToo slow. Resume with since: %d." % last), received[-200:]
            await ask(quick, "2", WATCH, since=last)
            assert [change["version"] for change in await told(quick, 500 - last)] == list(range(last + 1, 501))

    run(work())


def test_who_never_reads_is_cut_off(monkeypatch):
    monkeypatch.setattr("api.transport.CUT_OFF_S", 0.3)

    async def work() -> None:
        async with served(subscription_backlog=50) as service, slow(service, LONG):
            for number in range(1_000):
                service.change("x" * 2_000 + str(number))
                await asyncio.sleep(0)
            await until(lambda: not service.server.server_state.connections)

    run(work())


def test_who_reads_too_little_for_too_long_is_left_behind_however_little_it_missed(monkeypatch):
    monkeypatch.setattr("api.transport.CUT_OFF_S", 1)
    monkeypatch.setattr(feed.Subscriber, "STUCK_S", 1)

    async def work() -> None:
        async with served() as service, slow(service, LONG) as reader:
            for number in range(500):
                service.change("x" * 2_000 + str(number))
                await asyncio.sleep(0)
            await until(lambda: not service.feed._groups)
            assert b"Too slow. Resume with since:" in await asyncio.wait_for(reader.read(-1), 10)

    run(work())


# The end


def test_a_service_that_ends_says_so_and_waits_for_nobody():
    async def work() -> None:
        async with served(graph=Graph.in_memory()) as service:
            client = await service.connect()
            await say(client, **INIT)
            await ask(client, "1", WATCH)
            await until(lambda: service.feed._groups)
        assert (await closed_with(client))[0] == 1012

    run(work())
