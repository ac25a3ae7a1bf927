"""Several processes serve one store: real ones, which end with the one that each test starts."""

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from typing import NamedTuple

import httpx
import pytest

from api.app import build_app
from api.server import serve
from api.settings import Settings
from graph.graph import STORE, Graph
from graph.parse import write
from tests.api.small import SDL, Root, feed_of, make_executor

ROOT = Path(__file__).parents[2]
WITHIN_S = 20
SEEN_WITHIN_S = 0.1
LOADED = 3  # times as long it may take while other tests run beside


class Service(NamedTuple):
    """Two workers and the process that started them, its address, and where its log goes."""

    process: subprocess.Popen[str]
    url: str
    log: Path

    def told(self, pattern: str) -> list[str]:
        """What the log says of it."""
        return re.findall(pattern, self.log.read_text("utf-8"))

    def workers(self, count: int = 2) -> list[int]:
        """The ids of all workers that have answered, once they are so many."""
        pattern = r"worker (\d+) answers"
        wait_until(lambda: len(self.told(pattern)) >= count)
        return [int(found) for found in self.told(pattern)]

    def wait(self) -> int:
        """The exit code, once nothing is left of the service: each of its processes holds the output open."""
        self.process.communicate(timeout=WITHIN_S)
        with pytest.raises(ConnectionRefusedError):
            connect(self.url)
        assert "Traceback" not in self.log.read_text("utf-8")
        return self.process.returncode


@contextmanager
def service(directory: Path, *command: object, **settings: object) -> Iterator[Service]:
    """The service that a command starts, from when it says where it is."""
    given = {f"FIELDGRAPH_{name.upper()}": str(value) for name, value in settings.items()}
    arguments = [sys.executable, *map(str, command)]
    log = directory / "service.log"
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            arguments,
            cwd=ROOT,
            env=os.environ | given,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,  # so that a test can do what Ctrl+C does
        ) as process,
    ):
        try:
            assert process.stdout is not None
            found = re.search(r"http://[\d.:]+", process.stdout.readline())
            assert found, log.read_text("utf-8")
            yield Service(process, found[0], log)
        finally:
            process.kill()


def wait_until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def connect(url: str) -> HTTPConnection:
    host, port = url.removeprefix("http://").split(":")
    connection = HTTPConnection(host, int(port), timeout=WITHIN_S)
    connection.connect()
    return connection


def connect_to(worker: int, url: str, workers: list[int]) -> HTTPConnection:
    """A connection that this worker takes, as the others are held up meanwhile."""
    others = [other for other in workers if other != worker]
    for other in others:
        os.kill(other, signal.SIGSTOP)
    try:
        connection = connect(url)
        version_at(connection)
    finally:
        for other in others:
            os.kill(other, signal.SIGCONT)
    return connection


def version_at(connection: HTTPConnection) -> int:
    """The version of the worker that answers at the connection."""
    connection.request("GET", "/readyz")
    return int(json.load(connection.getresponse())["version"])


def seen_after(connections: list[HTTPConnection], store: Path, version: int) -> list[float]:
    """How long after a commit each connection's worker saw it, in seconds."""
    seen: dict[int, float] = {}

    def all_see() -> bool:
        for number, connection in enumerate(connections):
            if number not in seen and version_at(connection) >= version:
                seen[number] = time.time()
        return len(seen) == len(connections)

    wait_until(all_see)
    with closing(sqlite3.connect(store)) as db:
        [told] = db.execute("SELECT time FROM commits WHERE version = ?", (version,)).fetchone()
    return [moment - datetime.fromisoformat(told).timestamp() for moment in seen.values()]


def project(number: int) -> dict[str, str]:
    return {"id": f"project:{number}", "kind": "PROJECT", "name": f"Project {number}"}


def test_what_another_process_writes_is_seen_by_each_worker_within_a_tenth_of_a_second(tmp_path):
    data = tmp_path / "data"
    (tmp_path / "new.jsonl").write_text(json.dumps(project(0)))
    # The workers go by the option, as the process that read it does.
    options = ("-m", "api", "serve", "--workers", 2, "--port", 0, "--data", data, "--seed")
    with service(tmp_path, *options, seed="false") as served, ExitStack() as stack:
        workers = served.workers()
        made = [connect_to(worker, served.url, workers) for worker in workers]
        connections = [stack.enter_context(closing(connection)) for connection in made]
        assert [version_at(connection) for connection in connections] == [1, 1]  # seeded once
        with ThreadPoolExecutor() as pool:
            seeing = pool.submit(seen_after, connections, data / STORE, 2)
            importing = [sys.executable, "-m", "api", "import", str(tmp_path / "new.jsonl"), "--data", str(data)]
            subprocess.run(importing, cwd=ROOT, check=True, capture_output=True, timeout=WITHIN_S)
        delays = seeing.result()
        with closing(Graph.open(data)) as graph:
            for version in range(3, 8):
                graph.apply([write(project(version))])
                delays += seen_after(connections, data / STORE, version)
        print(f"seen after {', '.join(f'{delay * 1000:.0f}' for delay in sorted(delays))} ms")  # noqa: T201
        assert median(delays) < SEEN_WITHIN_S * LOADED
        served.process.terminate()
        assert served.wait() == 0


def test_a_worker_that_dies_is_replaced_and_none_lives_on_without_its_parent(tmp_path):
    data = tmp_path / "data"
    with service(tmp_path, "-m", "api", "serve", "--port", 0, "--no-seed", workers=2, data=data) as served:
        first, _ = served.workers()
        os.kill(first, signal.SIGKILL)
        third = served.workers(3)[-1]
        assert served.told(f"worker {first} ended, and in 0 s another takes its place: exit code -9")

        # One that cannot start is told of, and not tried again at once; what there is goes on.
        (tmp_path / "other").write_text("no store")
        (tmp_path / "other").replace(data / STORE)
        os.kill(third, signal.SIGKILL)
        wait_until(lambda: served.told(r"ended, and in 5 s another takes its place: .* is not a Fieldgraph store"))
        assert httpx.get(f"{served.url}/healthz").json() == {"alive": True}

        served.process.kill()
        assert served.wait() == -signal.SIGKILL


class Telling(Root):
    """Says when a question is under way."""

    async def wait(self, source: object, info: object, seconds: float) -> str:
        print("under way", flush=True)  # noqa: T201
        return await super().wait(source, info, seconds)


def serve_slowly(settings: Settings, listener: socket.socket, announce: Callable[[str], None]) -> None:
    executor = make_executor(Telling())
    app = build_app(executor, settings, feed_of(executor), sdl=SDL, state=dict, ready=dict)
    serve(app, listener, settings, announce=announce)


SLOW = f"""
from api.server import listen
from api.settings import Settings
from api.telemetry import configure_logging
from api.workers import supervise
settings = Settings()
configure_logging(settings)
supervise("{__name__}:serve_slowly", settings, listen("127.0.0.1", 0), lambda text: print(text, flush=True))
print("left", flush=True)
"""


def test_ctrl_c_which_a_terminal_sends_to_all_ends_them_after_what_is_under_way(tmp_path):
    with service(tmp_path, "-c", SLOW, workers=2) as served, ThreadPoolExecutor() as pool:
        served.workers()
        asked = {"query": "{ slow(seconds: 1) }"}
        answer = pool.submit(httpx.post, f"{served.url}/graphql", json=asked, timeout=WITHIN_S)
        assert served.process.stdout is not None
        assert served.process.stdout.readline() == "under way\n"
        os.killpg(served.process.pid, signal.SIGINT)
        assert answer.result().json() == {"data": {"slow": "done"}}
        assert served.process.stdout.readline() == "left\n"
        assert served.wait() == 0
