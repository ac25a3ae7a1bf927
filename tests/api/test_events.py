"""GraphQL over server-sent events: an operation for each request, and a browser that comes back misses nothing."""

import asyncio
import json

import pytest

from api import events, feed
from graph.resident import utc_now
from graph.tokens import Scope, create, revoke
from tests.api.live import Events, run, served, until

WATCH = "subscription ($since: Int, $after: ID) { changes(since: $since, after: $after) { id version } }"


def test_a_query_is_one_event_and_the_end():
    async def work() -> None:
        async with served() as service, Events.of(service.port, {"query": "{ __typename }"}) as stream:
            head = stream.head.decode().lower()
            assert head.startswith("http/1.1 200 ok")
            assert "content-type: text/event-stream; charset=utf-8" in head
            assert "cache-control: no-store" in head
            assert await stream.next() == {"event": "next", "data": '{"data":{"__typename":"Query"}}'}
            assert await stream.next() == {"event": "complete", "data": ""}
            assert await stream.next() is None

    run(work())


@pytest.mark.parametrize(
    ("request_", "headers", "code"),
    [
        ({"query": "{"}, [], "GRAPHQL_PARSE_FAILED"),
        ({"query": "{ nothing }"}, [], "GRAPHQL_VALIDATION_FAILED"),
        ({"query": WATCH, "variables": {"since": "x"}}, [], "BAD_USER_INPUT"),
        ({"query": WATCH, "variables": {"since": 7}}, [], "NOT_FOUND"),
        ({"query": WATCH, "variables": {"since": 0, "after": "x"}}, [], "BAD_USER_INPUT"),
        ({"query": WATCH}, ["Last-Event-ID: nonsense"], "BAD_USER_INPUT"),
        ({"query": WATCH}, ["Last-Event-ID: change:1.00000000"], "NOT_FOUND"),
        ({"query": WATCH}, ["Last-Event-ID: version:1"], "NOT_FOUND"),
    ],
)
def test_what_is_refused_is_told_by_an_event_as_a_browser_reads_nothing_else(request_, headers, code):
    async def work() -> None:
        async with served() as service, Events.of(service.port, request_, headers) as stream:
            event = await stream.next()
            assert event is not None
            assert json.loads(event["data"])["errors"][0]["extensions"]["code"] == code
            assert await stream.next() == {"event": "complete", "data": ""}
            assert await stream.next() is None

    run(work())


@pytest.mark.parametrize(
    ("request_", "accept", "status"),
    [
        ([], "text/event-stream", 400),
        ({"query": WATCH}, "application/json", 400),
        ({"query": WATCH}, "application/json, text/event-stream", 400),
        ({"query": WATCH}, "text/event-stream, application/json", 200),
        ({"query": WATCH}, "text/event-stream;q=0, application/json", 400),
    ],
)
def test_only_who_asks_for_events_first_gets_them(request_, accept, status):
    async def work() -> None:
        async with served() as service, Events.of(service.port, request_, accept=accept) as stream:
            assert stream.head.startswith(b"HTTP/1.1 %d " % status)

    run(work())


def test_a_subscriber_is_told_every_change_in_order_with_its_id():
    async def work() -> None:
        async with served() as service:
            service.change("before")
            async with Events.of(service.port, {"query": WATCH}) as stream:
                assert await stream.next() == {"id": "version:1"}  # of no change, but a place to come back to
                for number in range(3):
                    service.change(f"{number}", f"{number}")
                told = await stream.told(6)
                assert [change["id"] for change in told] == [change["event"] for change in told]
                assert [change["version"] for change in told] == [2, 2, 3, 3, 4, 4]

    run(work())


@pytest.mark.parametrize(
    ("last", "variables", "first"),
    [
        ("change:2.00000000", {}, "change:2.00000001"),
        ("version:2", {}, "change:3.00000000"),
        ("change:2.00000000", {"since": 0}, "change:2.00000001"),
        ("change:1.00000000", {"since": 2}, "change:3.00000000"),
        ("change:1.00000000", {"after": "change:2.00000001"}, "change:3.00000000"),
    ],
)
def test_a_browser_that_comes_back_goes_on_after_the_last_event(last, variables, first):
    async def work() -> None:
        async with served() as service:
            for number in range(3):
                service.change(f"{number}", f"second {number}")
            request = {"query": WATCH, "variables": variables}
            async with Events.of(service.port, request, [f"Last-Event-ID: {last}"]) as stream:
                assert [change["id"] for change in await stream.told(1)] == [first]

    run(work())


def test_a_silent_stream_says_now_and_then_that_it_is_there(monkeypatch):
    monkeypatch.setattr(events, "KEEP_ALIVE_S", 0.05)

    async def work() -> None:
        async with served() as service, Events.of(service.port, {"query": WATCH}) as stream:
            assert [await stream.next() for _ in range(3)] == [{"id": "version:0"}] * 3

    run(work())


def test_who_leaves_leaves_nothing_behind():
    async def work() -> None:
        async with served() as service:
            async with Events.of(service.port, {"query": WATCH}):
                await until(lambda: service.feed._groups)
            await until(lambda: not service.feed._groups, within_s=1)
            await until(lambda: not service.server.server_state.tasks, within_s=1)

    run(work())


def test_only_so_long_as_a_token_holds_is_anything_told(monkeypatch):
    monkeypatch.setattr(events, "CHECKED_S", 0.1)

    async def work() -> None:
        async with served(reading="closed") as service:
            secret = create(service.graph.tokens, "map", Scope.READ, utc_now())
            async with Events.of(service.port, {"query": WATCH}) as stream:
                assert stream.head.startswith(b"HTTP/1.1 401 ")
            async with Events.of(service.port, {"query": WATCH}, [f"Authorization: Bearer {secret}"]) as stream:
                assert await stream.next() == {"id": "version:0"}
                revoke(service.graph.tokens, "map", utc_now())
                while (event := await stream.next()) and "data" not in event:
                    pass
                assert event is not None
                assert json.loads(event["data"])["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
                assert await stream.next() == {"event": "complete", "data": ""}

    run(work())


def test_who_does_not_read_is_left_behind_and_told_where_to_resume(monkeypatch):
    monkeypatch.setattr(feed.Subscriber, "STUCK_S", 1)

    async def work() -> None:
        async with served() as service:
            query = "subscription { changes { version fields { after } } }"
            async with Events.of(service.port, {"query": query}) as stream:
                stream._reader._limit = 10
                stream._writer.transport.pause_reading()
                for number in range(1_500):
                    service.change("x" * 4_000 + str(number))
                    await asyncio.sleep(0)
                await until(lambda: not service.feed._groups)
                stream._writer.transport.resume_reading()
                last, words = 0, None
                while (event := await stream.next()) and event.get("event") != "complete":
                    if event.get("event") == "next":
                        words = json.loads(event["data"])
                        last = words["data"]["changes"]["version"] if "data" in words else last
                assert 0 < last < 1_500
                assert words is not None
                assert words["errors"] == [
                    {"message": f"Too slow. Resume with since: {last}.", "extensions": {"code": "THROTTLED"}}
                ]

    run(work())


def test_a_service_that_ends_ends_its_streams_without_saying_that_they_are_complete():
    async def work() -> None:
        async with served() as service:
            stream = await Events.of(service.port, {"query": WATCH}).__aenter__()
            assert await stream.next() == {"id": "version:0"}
        assert await stream.next() is None
        stream._writer.close()

    run(work())
