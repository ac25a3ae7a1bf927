"""Whoever watches a service is told just what its journal holds, through lost connections and restarts.

The service is a process of its own, and this one writes to its store.
"""

import asyncio
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from random import Random

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from api.changes import change_id
from graph.graph import Graph
from graph.parse import write
from tests.api.live import SUBPROTOCOL, Events, ask, run, say, told
from tests.bench.live import told as all_told
from tests.bench.servers import Server
from tests.test_command import command, environment

QUERY = "subscription ($after: ID, $since: Int) { changes(after: $after, since: $since) { id action entity { id } } }"
COMMITS, DISCONNECTS = 300, 10
GONE = (OSError, EOFError, WebSocketException, TimeoutError, AssertionError)


@contextmanager
def serving(store: Path, port: int, workers: int) -> Iterator[subprocess.Popen[str]]:
    """The service, from when it answers."""
    options = ("--data", store, "--port", port, "--workers", workers, "--no-seed")
    with subprocess.Popen(command("serve", *options), stdout=subprocess.PIPE, text=True, env=environment()) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("Fieldgraph serves")
            yield process
        finally:
            process.kill()


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        number: int = probe.getsockname()[1]
        return number


Stream = Callable[[int, str | None], AsyncIterator[str]]


async def by_websocket(port: int, last: str | None) -> AsyncIterator[str]:
    """The ids of what one connection is told."""
    async with connect(f"ws://127.0.0.1:{port}/graphql", subprotocols=[SUBPROTOCOL], close_timeout=0) as client:  # type: ignore[list-item]
        await say(client, type="connection_init")
        await client.recv()
        await ask(client, "1", QUERY, after=last, since=None if last else 0)
        while True:
            for change in await told(client, 1):
                yield change["id"]


async def by_events(port: int, last: str | None) -> AsyncIterator[str]:
    headers = [f"Last-Event-ID: {last}"] if last else []
    async with Events.of(port, {"query": QUERY, "variables": {"since": 0}}, headers) as stream:
        while True:
            for change in await stream.told(1):
                yield change["id"]


async def watch(draw: Random, stream: Stream, port: int, heard: list[str], last: Callable[[], str | None]) -> None:
    """Watches until it has heard the last change; hangs up now and then, and comes back whenever it was cut off."""
    patience = [draw.randint(0, 2 * COMMITS // DISCONNECTS) for _ in range(DISCONNECTS)]
    while not heard or heard[-1] != last():
        left = patience.pop() if patience else None
        with suppress(*GONE):
            changes = stream(port, heard[-1] if heard else None)
            async for id in changes:
                heard.append(id)
                if id == last() or left == 0:
                    break
                left = None if left is None else left - 1
            await changes.aclose()  # type: ignore[attr-defined]
        await asyncio.sleep(0.01)


@pytest.mark.parametrize(("workers", "ends"), [(1, [signal.SIGTERM, signal.SIGKILL]), (2, [signal.SIGTERM])])
def test_through_lost_connections_and_restarts_all_are_told_just_what_the_journal_holds(tmp_path, port, workers, ends):
    draw = Random(workers)
    graph = Graph.open(tmp_path)
    finished: list[str] = []

    async def write_on(commits: int) -> None:
        for _ in range(commits):
            names = [f"project:{number}" for number in range(draw.randint(1, 4))]
            graph.apply([write({"id": id, "kind": "PROJECT", "name": str(draw.random())}) for id in names])
            await asyncio.sleep(0.005)

    async def work() -> None:
        heard: list[list[str]] = [[] for _ in range(5)]
        streams = [by_websocket, by_events, by_websocket, by_events, by_websocket]
        watching = [
            asyncio.create_task(watch(Random(place), stream, port, heard[place], lambda: (finished or [None])[-1]))
            for place, stream in enumerate(streams)
        ]
        for sig in ends:
            with serving(tmp_path, port, workers) as service:
                await write_on(COMMITS // len(ends))
                service.send_signal(sig)
                assert await asyncio.to_thread(service.wait, 10) in (0, -signal.SIGKILL)
            await write_on(3)  # which nobody is there to tell
        with serving(tmp_path, port, workers) as service:
            await write_on(1)
            kept = [change_id(change.version, change.index) for change in graph._journal.replay(0, graph.version)]
            finished.append(kept[-1])
            await asyncio.gather(*watching)
            service.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(service.wait, 10) == 0
        assert heard == [kept] * len(heard)

    run(work(), within_s=50)
    graph.close()


def test_many_are_told_of_everything_in_order(tmp_path, port):
    """As `make bench` does, but smaller."""
    with closing(Graph.open(tmp_path)):
        pass
    with serving(tmp_path, port, 1) as service:
        found = all_told(Server("Fieldgraph", service.pid, f"http://127.0.0.1:{port}/graphql"), tmp_path, 50, 20)
    assert found.seconds < 10
    assert found.grown < 50e6
