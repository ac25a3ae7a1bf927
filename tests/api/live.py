"""A service within a test, on a real socket, and clients that watch it."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import uvloop
from websockets.asyncio.client import ClientConnection, connect

from api.__main__ import executor_of, state_of
from api.app import build_app
from api.feed import Feed
from api.server import Server, config_of, listen
from api.settings import Settings
from graph.graph import Graph
from graph.parse import write

SUBPROTOCOL = "graphql-transport-ws"
WITHIN_S = 20


class Service(NamedTuple):
    graph: Graph
    feed: Feed
    server: Server
    port: int

    def change(self, *names: str) -> None:
        """A commit that gives projects names, one change for each."""
        ids = [f"project:{number}" for number in range(len(names))]
        lines = zip(ids, names, strict=True)
        self.graph.apply([write({"id": id, "kind": "PROJECT", "name": name}) for id, name in lines])

    def connect(self, subprotocol: str | None = SUBPROTOCOL, **options: Any) -> Any:
        asked = None if subprotocol is None else [subprotocol]
        return connect(f"ws://127.0.0.1:{self.port}/graphql", subprotocols=asked, ping_interval=None, **options)

    @asynccontextmanager
    async def greeted(self, **options: Any) -> AsyncIterator[ClientConnection]:
        """A connection that was acknowledged."""
        async with self.connect(**options) as client:
            await say(client, type="connection_init")
            assert await heard(client) == {"type": "connection_ack"}
            yield client


def run(work: Coroutine[Any, Any, None], within_s: float = WITHIN_S) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(asyncio.wait_for(work, within_s))


@asynccontextmanager
async def served(graph: Graph | None = None, **given: Any) -> AsyncIterator[Service]:
    """The service of a graph, as `fieldgraph serve` has it but for the process and what follows other processes."""
    graph, settings = graph or Graph.in_memory(), Settings(**given)
    executor = executor_of(graph, settings)
    feed = Feed(graph, executor, settings)
    app = build_app(
        executor,
        settings,
        feed,
        sdl="",
        state=lambda: state_of(graph),
        ready=dict,
        tokens=graph.tokens,
        graph=graph,
    )
    listener = listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    server = Server(config_of(app, settings), lambda: None, feed.close)
    task = asyncio.create_task(server._serve([listener]))
    while not server.started:  # noqa: ASYNC110  # uvicorn has no event for it
        await asyncio.sleep(0.01)
    try:
        yield Service(graph, feed, server, port)
    finally:
        server.should_exit = True
        await task


async def say(client: ClientConnection, **message: Any) -> None:
    await client.send(json.dumps(message))


async def ask(client: ClientConnection, id: str, query: str, **variables: Any) -> None:
    await say(client, type="subscribe", id=id, payload={"query": query, "variables": variables})


async def heard(client: ClientConnection, within_s: float = 5) -> Any:
    return json.loads(await asyncio.wait_for(client.recv(), within_s))


async def told(client: ClientConnection, count: int) -> list[Any]:
    """The changes of the next messages, all of them `next`."""
    messages = [await heard(client) for _ in range(count)]
    assert {message["type"] for message in messages} <= {"next"}, messages
    return [message["payload"]["data"]["changes"] for message in messages]


async def until(condition: Any, within_s: float = 5) -> None:
    """Waits until something holds."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110  # nobody tells of it
            await asyncio.sleep(0.01)


class Events:
    """A stream of server-sent events, read from a raw connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.head = b""

    @classmethod
    @asynccontextmanager
    async def of(
        cls, port: int, request: Any, headers: Sequence[str] = (), accept: str = "text/event-stream"
    ) -> AsyncIterator["Events"]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        body = json.dumps(request).encode()
        lines = ["POST /graphql HTTP/1.1", "Host: localhost", "Content-Type: application/json", f"Accept: {accept}"]
        head = "\r\n".join([*lines, *headers, f"Content-Length: {len(body)}", "", ""])
        writer.write(head.encode() + body)
        stream = cls(reader, writer)
        stream.head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        try:
            yield stream
        finally:
            writer.close()

    async def next(self) -> dict[str, str] | None:
        """The fields of the next event; None at the end of the stream."""
        fields: dict[str, str] = {}
        while line := await self._line():
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")
        return fields or None

    async def told(self, count: int) -> list[Any]:
        """The changes of the next events that tell of any."""
        changes: list[Any] = []
        while len(changes) < count:
            event = await self.next()
            assert event is not None, "the stream has ended"
            if event.get("event") == "next":
                changes.append(json.loads(event["data"])["data"]["changes"] | {"event": event["id"]})
        return changes

    _left = b""
    _is_over = False

    async def _line(self) -> str:
        while b"\n" not in self._left and not self._is_over:
            size = int(await asyncio.wait_for(self._reader.readline(), 5) or b"0", 16)
            self._left += await self._reader.readexactly(size)
            await self._reader.readexactly(2 if size else 0)
            self._is_over = size == 0
        line, _, self._left = self._left.partition(b"\n")
        return line.decode()


def small_socket(port: int) -> socket.socket:
    """A connection whose owner's system holds little for it."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    made.connect(("127.0.0.1", port))
    return made
