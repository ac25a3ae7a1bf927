"""What one turn of the loop writes goes out in one piece, and nothing of it is lost."""

import asyncio
import contextlib
import inspect
import logging
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import uvicorn
import uvloop
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState

from api.heads import AGAIN, Reply, Shortcut
from api.transport import OneTimer, Protocol, Together

REQUEST = b"GET /%d HTTP/1.1\r\nHost: test\r\n\r\n"
POST = b"POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: %d\r\n\r\n%b"
TURNS = 50
PLAIN = {"access_log": False}
LONG = b"x" * 300_000


async def app(scope, receive, send):
    """Answers with the path; of /slow, piece by piece; of /echo, with the body and whether a task read it."""
    if scope["path"] == "/echo":
        await echo(receive, send)
        return
    if scope["path"] in ("/again", "/between"):
        await again(scope, receive, send)
        return
    path = scope["path"].encode()
    pieces = [path[:1], path[1:]] if path == b"/slow" else [path]
    length = (b"content-length", b"%d" % len(path))
    await send({"type": "http.response.start", "status": 200, "headers": [length]})
    for place, piece in enumerate(pieces, 1):
        await send({"type": "http.response.body", "body": piece, "more_body": place < len(pieces)})
        await asyncio.sleep(0.02 if len(pieces) > 1 else 0)


async def echo(receive, send):
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message["body"], message["more_body"]
    by = b" at once" if asyncio.current_task() is None else b" by a task"
    if body.startswith(b"wait"):
        with contextlib.suppress(ZeroDivisionError):
            await asyncio.get_running_loop().run_in_executor(None, lambda: 1 / 0)
        await asyncio.sleep(0)
        by += b", then by a task" if asyncio.current_task() else b""
    if body == b"fail":
        raise ValueError("told in the log")
    said = body + by
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(said))]})
    await send({"type": "http.response.body", "body": said})


async def again(scope, receive, send):
    """Sends the body back (of "long", more), and has what comes with the same head answered by a shortcut; that waits a
    while of "wait", and leaves "more" to `send`. At /between there is a `send` of somebody else's."""
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message["body"], message["more_body"]

    async def between(message):
        await send(message)

    def sender(said, by):
        async def sent(send):
            length = (b"content-length", b"%d" % len(said))
            await send({"type": "http.response.start", "status": 200, "headers": [*lines, length, (b"x-sent", by)]})
            await send({"type": "http.response.body", "body": said})

        return sent

    async def reply(body):
        if body == b"wait":
            await asyncio.sleep(0.02)
        said = LONG if body == b"long" else body
        return Reply(None if body == b"more" else said, sender(said, b"after all"))

    lines = [(b"content-type", b"text/plain")]
    if offer := scope.get("extensions", {}).get(AGAIN):
        offer(between if scope["path"] == "/between" else send, Shortcut(b"content-type: text/plain\r\n", reply))
    await sender(LONG if body == b"long" else body, b"at first")(send)


@asynccontextmanager
async def served(**options) -> AsyncIterator[int]:
    """The port on which the application is served."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(app, http=Protocol, loop="none", lifespan="off", log_config=None, **PLAIN | options)
        server = uvicorn.Server(config)
        server.install_signal_handlers = lambda: None
        task = asyncio.create_task(server._serve([listener]))
        while not server.started:  # noqa: ASYNC110  # uvicorn has no event for it
            await asyncio.sleep(0.01)
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            await task


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Callable[[Awaitable[None]], None]:
    def on_loop(work):
        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(work)

    return on_loop


def test_a_client_that_sends_no_more_after_its_request_is_answered(run):
    async def work() -> None:
        async with served() as port:
            for turn in range(TURNS):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(REQUEST % turn)
                writer.write_eof()
                assert (await reader.read()).endswith(b"\r\n\r\n/%d" % turn)
                writer.close()

    run(work())


def test_requests_that_come_together_are_answered_in_their_order(run):
    async def work() -> None:
        async with served() as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"".join(REQUEST % turn for turn in range(TURNS)))
            for turn in range(TURNS):
                await reader.readuntil(b"\r\n\r\n")
                assert await reader.readexactly(len(b"/%d" % turn)) == b"/%d" % turn
            writer.close()

    run(work())


def test_what_is_written_later_is_sent_later(run):
    async def work() -> None:
        async with served() as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /slow HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
            assert (await reader.read(1_000)).endswith(b"\r\n\r\n/")
            assert await reader.read() == b"slow"
            writer.close()

    run(work())


def test_a_client_that_has_gone_is_no_error(run, caplog):
    async def work() -> None:
        async with served() as port:
            for turn in range(TURNS):
                client = socket.create_connection(("127.0.0.1", port))
                client.sendall(REQUEST % turn)
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                client.close()  # with a reset
                await asyncio.sleep(0)
            await asyncio.sleep(0.1)

    run(work())
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


class Written:
    """A transport that tells what system calls it would make."""

    def __init__(self) -> None:
        self.calls: list[list[bytes]] = []
        self.closed = False

    def is_closing(self) -> bool:
        return self.closed

    def writelines(self, pieces: list[bytes]) -> None:
        self.calls.append(list(pieces))

    def close(self) -> None:
        self.closed = True


def test_the_head_and_the_body_of_an_answer_are_sent_at_once():
    async def work() -> None:
        written = Written()
        transport = Together(written, asyncio.get_running_loop())  # type: ignore[arg-type]
        transport.write(b"head")
        transport.write(b"body")
        assert written.calls == []
        await asyncio.sleep(0)
        assert written.calls == [[b"head", b"body"]]
        transport.write(b"last")
        transport.close()
        await asyncio.sleep(0)
        assert written.calls == [[b"head", b"body"], [b"last"]]
        transport.write(b"too late")
        await asyncio.sleep(0)
        assert len(written.calls) == 2

    asyncio.run(work())


async def answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line[16:]) for line in head.split(b"\r\n") if line.startswith(b"content-length: "))
    return await reader.readexactly(length)


def test_a_post_is_answered_at_once_if_it_is_whole_and_need_not_wait(run):
    async def work() -> None:
        async with served() as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            for body, told in (
                (b"hello", b"hello at once"),
                (b"wait", b"wait at once, then by a task"),
                (b"hello", b"hello at once"),
            ):
                writer.write(POST % (len(body), body))
                assert await answer(reader) == told
            writer.write(POST % (10, b"first"))
            await asyncio.sleep(0.02)
            writer.write(b" last")
            assert await answer(reader) == b"first last by a task"
            writer.close()

    run(work())


def test_posts_that_come_together_take_turns_with_other_clients(run):
    async def work() -> None:
        async with served() as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            bodies = [b"%d" % turn if turn % 3 else b"wait %d" % turn for turn in range(TURNS)]
            writer.write(b"".join(POST % (len(body), body) for body in bodies))
            answers = [await answer(reader) for _ in bodies]
            assert [told.rpartition(b" at once")[0] or told.partition(b" by")[0] for told in answers] == bodies
            assert answers[1] == b"1 by a task"
            writer.close()

    run(work())


def test_a_post_that_fails_is_told_of_and_the_next_is_answered(run, caplog):
    async def work() -> None:
        async with served() as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(POST % (4, b"fail"))
            assert b"500 Internal Server Error" in await reader.readuntil(b"\r\n\r\n")
            assert await reader.read() == b"Internal Server Error"
            writer.close()
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(POST % (1, b"x"))
            assert await answer(reader) == b"x at once"
            writer.close()

    run(work())
    assert "told in the log" in caplog.text


def test_a_connection_is_closed_when_it_has_been_idle_for_long_enough(run):
    async def work() -> None:
        async with served(timeout_keep_alive=0.3) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            for _ in range(4):  # longer than that in all, but never idle for so long
                writer.write(POST % (1, b"x"))
                await answer(reader)
                await asyncio.sleep(0.15)
            began = asyncio.get_running_loop().time()
            assert await reader.read() == b""
            assert asyncio.get_running_loop().time() - began < 0.3
            writer.close()

    run(work())


def test_a_timer_that_is_taken_back_does_not_go_off(run):
    async def work() -> None:
        fired: list[str] = []
        timer = OneTimer(asyncio.get_running_loop())
        timer.call_later(0.02, lambda: fired.append("taken back")).cancel()
        timer.call_later(0.04, lambda: fired.append("kept"))
        await asyncio.sleep(0.03)
        assert fired == []
        await asyncio.sleep(0.03)
        assert fired == ["kept"]
        timer.call_later(0.01, lambda: fired.append("again"))
        await asyncio.sleep(0.03)
        assert fired == ["kept", "again"]
        timer.call_later(0.01, lambda: fired.append("never")).cancel()
        await asyncio.sleep(0.03)
        assert fired == ["kept", "again"]

    run(work())


def lines_of(head: bytes) -> list[bytes]:
    return sorted(line for line in head.split(b"\r\n") if line and not line.startswith(b"date: "))


AGAIN_REQUEST = b"POST /again HTTP/1.1\r\nHost: test\r\nContent-Length: %d\r\n\r\n%b"


async def answers_to(requests: list[list[bytes]], said: bytes, **options) -> list[bytes]:
    """The heads of the answers to requests that come one after the other in these pieces, each of which says this."""
    async with served(**options) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=len(LONG))
        heads = []
        for pieces in requests:
            for piece in pieces:
                writer.write(piece)
                await asyncio.sleep(0.02)
            heads.append(await reader.readuntil(b"\r\n\r\n"))
            assert await reader.readexactly(len(said)) == said
        writer.close()
    return heads


@pytest.mark.parametrize(("body", "said"), [(b"hello", b"hello"), (b"", b""), (b"long", LONG)])
def test_a_shortcut_answers_as_send_would_have(run, body, said):
    async def work() -> None:
        first, *others = await answers_to([[AGAIN_REQUEST % (len(body), body)]] * 3, said)
        for head in others:
            assert [*lines_of(head), b"x-sent: at first"] == lines_of(first)
            assert b"date: " in head

    run(work())


@pytest.mark.parametrize("body", [b"wait", b"more"])
def test_a_shortcut_that_waits_or_has_more_to_tell_is_answered_by_send(run, body):
    async def work() -> None:
        def asked(said: bytes) -> bytes:
            return AGAIN_REQUEST % (4, said)

        async with served() as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            told = []
            for request, answers in [
                (asked(b"1..."), 1),
                (asked(body), 1),
                (asked(b"2...") + asked(b"3..."), 2),
                (asked(body) + asked(b"4..."), 2),
            ]:
                writer.write(request)
                for _ in range(answers):
                    head = await reader.readuntil(b"\r\n\r\n")
                    told.append((b"x-sent: after all" in head, await reader.readexactly(4)))
            for request in (asked(body), asked(b"5...")):
                writer.write(request)  # the second while the first waits
                await asyncio.sleep(0.01)
            for _ in range(2):
                head = await reader.readuntil(b"\r\n\r\n")
                told.append((b"x-sent: after all" in head, await reader.readexactly(4)))
            writer.close()
        assert [said for _, said in told] == [b"1...", body, b"2...", b"3...", body, b"4...", body, b"5..."]
        assert [said for by_rest, said in told if by_rest] == [body, body]

    run(work())


CHUNKS = [
    b"POST /again HTTP/1.1\r\nHost: test\r\n",
    b"Transfer-Encoding: chunked\r\n\r\n",
    b"5\r\nhello\r\n",
    b"0\r\n\r\n",
]


@pytest.mark.parametrize(
    ("pieces", "options"),
    [
        pytest.param(CHUNKS, {}, id="it comes in pieces"),
        pytest.param([b"".join(CHUNKS)], {}, id="its head does not tell its length"),
        pytest.param([(AGAIN_REQUEST % (5, b"hello")).replace(b"again", b"between")], {}, id="somebody stands between"),
        pytest.param([AGAIN_REQUEST % (5, b"hello")], {"access_log": True}, id="a log tells of it"),
    ],
)
def test_what_is_not_plain_takes_no_shortcut(run, pieces, options):
    async def work() -> None:
        for head in await answers_to([pieces] * 3, b"hello", **options):
            assert b"x-sent: at first" in head

    run(work())


def test_a_client_that_does_not_read_takes_no_shortcut(run):
    """What waits for it would grow with each of its requests."""

    async def work() -> None:
        async with served() as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
            for _ in range(60):
                writer.write(AGAIN_REQUEST % (4, b"long"))
                await asyncio.sleep(0.005)
            shortcuts = 0
            for _ in range(60):
                shortcuts += b"x-sent" not in await reader.readuntil(b"\r\n\r\n")
                assert await reader.readexactly(len(LONG)) == LONG
            assert 1 <= shortcuts < 59
            writer.close()

    run(work())


@pytest.mark.parametrize("head", [b"HTTP/1.1\r\nConnection: close", b"HTTP/1.0"])
def test_a_connection_that_is_to_be_closed_is_closed(run, head):
    async def work() -> None:
        async with served() as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write((AGAIN_REQUEST % (5, b"hello")).replace(b"HTTP/1.1", head))
            told = await reader.read()
            assert b"connection: close\r\n" in told
            assert told.endswith(b"\r\n\r\nhello")
            writer.close()

    run(work())


def test_an_access_log_tells_of_every_answer(run, caplog):
    with caplog.at_level(logging.INFO, logger="uvicorn.access"):
        run(answers_to([[AGAIN_REQUEST % (2, b"hi")]] * 3, b"hi", access_log=True))
    assert caplog.text.count('"POST /again HTTP/1.1" 200') == 3


UPGRADE = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n"


@pytest.mark.parametrize("pieces", [1, 2], ids=["at once", "in pieces"])
def test_a_wish_for_another_protocol_is_passed_over(run, pieces, caplog):
    """curl --http2 sends one; what follows its head is its body, not another request."""
    body = POST % (5, b"inner")

    async def work() -> None:
        async with served() as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            for _ in range(2):
                head = b"POST /echo HTTP/1.1\r\nHost: test\r\n%bContent-Length: %d\r\n\r\n" % (UPGRADE, len(body))
                for piece in [head + body] if pieces == 1 else [head, body[:7], body[7:]]:
                    writer.write(piece)
                    await asyncio.sleep(0.01)
                assert (await answer(reader)).startswith(body)
            writer.write(b"GET /plain HTTP/1.1\r\nHost: test\r\n%b\r\n" % UPGRADE)
            assert await answer(reader) == b"/plain"
            writer.close()

    run(work())
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_a_tunnel_is_refused(run):
    async def work() -> None:
        async with served() as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n")
            assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
            writer.close()

    run(work())


@pytest.mark.parametrize("count", [1, 2, 3, 10])
@pytest.mark.parametrize("body", [b"hello", b"wait"])
def test_all_that_a_client_asked_for_before_it_closed_its_side_is_answered(run, count, body):
    async def work() -> None:
        async with served() as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(POST % (len(body), body) * count)
            writer.write_eof()
            told = await asyncio.wait_for(reader.read(), 5)
            assert told.count(b"HTTP/1.1 200 OK") == count
            writer.close()

    run(work())


def test_an_address_that_is_too_long_is_told_so(run):
    async def work() -> None:
        async with served() as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=10**6)
            writer.write(b"GET /%b HTTP/1.1\r\nHost: test\r\n\r\n" % (b"x" * 65_534))
            assert await answer(reader) == b"/" + b"x" * 65_534
            writer.write(b"GET /%b HTTP/1.1\r\nHost: test\r\n\r\n" % (b"x" * 70_000))
            told = await reader.read()
            assert told.startswith(b"HTTP/1.1 414 ")
            assert b"Send the request by POST" in told
            writer.close()

    run(work())


def test_what_is_used_of_the_server_is_there():
    """These are no part of uvicorn's promises: whoever lifts its pin learns here what has gone."""
    for name in (
        "_start_asgi_task",
        "_unset_keepalive_if_required",
        "send_400_response",
        "on_headers_complete",
        "on_message_begin",
        "on_response_complete",
    ):
        assert callable(getattr(HttpToolsProtocol, name))
    for name in ("handle_connect", "handle_ping", "handle_cont", "handle_text", "handle_bytes", "keepalive_timeout"):
        assert callable(getattr(WebSocketsSansIOProtocol, name))
    config = uvicorn.Config(app, http=Protocol, ws=WebSocketsSansIOProtocol, log_config=None)
    config.load()
    made = WebSocketsSansIOProtocol(config, ServerState(), {}, asyncio.new_event_loop())
    made.loop.close()
    assert {"queue", "writable", "close_sent", "read_paused"} <= vars(made).keys()
    assert isinstance(FlowControl(None)._is_writable_event, asyncio.Event)
    given = inspect.signature(RequestResponseCycle.__init__).parameters
    assert {"flow", "access_log", "default_headers", "message_event", "keep_alive", "on_response"} <= given.keys()
