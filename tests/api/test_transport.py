"""What one turn of the loop writes goes out in one piece, and nothing of it is lost."""

import asyncio
import logging
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import uvicorn
import uvloop

from api.transport import Protocol, Together

REQUEST = b"GET /%d HTTP/1.1\r\nHost: test\r\n\r\n"
TURNS = 50


async def app(scope, receive, send):
    """Answers with the path; of /slow, piece by piece."""
    path = scope["path"].encode()
    pieces = [path[:1], path[1:]] if path == b"/slow" else [path]
    length = (b"content-length", b"%d" % len(path))
    await send({"type": "http.response.start", "status": 200, "headers": [length]})
    for place, piece in enumerate(pieces, 1):
        await send({"type": "http.response.body", "body": piece, "more_body": place < len(pieces)})
        await asyncio.sleep(0.02 if len(pieces) > 1 else 0)


@asynccontextmanager
async def served() -> AsyncIterator[int]:
    """The port on which the application is served."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(app, http=Protocol, loop="none", lifespan="off", log_config=None, access_log=False)
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
