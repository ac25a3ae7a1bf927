"""Servers as processes on loopback: started, asked, weighed, ended."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.bench.errors import BenchError

ROOT = Path(__file__).parents[2]
HOST = "127.0.0.1"
ANSWER_WITHIN_S = 120
END_WITHIN_S = 15


class Recipe(NamedTuple):
    """How to start a server; {port} in the command or environment stands for the port it gets."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = {}
    cwd: Path = ROOT
    path: str = "/graphql"


class Memory(NamedTuple):
    """Bytes of memory that a process takes: now, and at most so far."""

    now: int
    peak: int


class Server:
    """A running server."""

    def __init__(self, name: str, pid: int, url: str) -> None:
        self.name = name
        self.pid = pid
        self.url = url

    def ask(self, query: str, variables: Mapping[str, Any] | None = None) -> Any:
        """The answer's JSON document. Raises OSError while nobody answers."""
        body = json.dumps({"query": query, "variables": variables or {}}).encode()
        request = urllib.request.Request(self.url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=ANSWER_WITHIN_S) as answer:
            return json.loads(answer.read())

    def get(self, path: str) -> Any:
        """The JSON document at another path of the server."""
        address = f"http://{HOST}:{self.url.split(':')[2].partition('/')[0]}{path}"
        with urllib.request.urlopen(address, timeout=ANSWER_WITHIN_S) as answer:
            return json.loads(answer.read())

    def memory(self) -> Memory:
        return memory_of(self.pid)


def fieldgraph(store: Path, name: str = "Fieldgraph", *options: str, **environment: str) -> Recipe:
    """Our service over a store, one process with plain settings."""
    command = [sys.executable, "-m", "api", "serve", "--port", "{port}", "--data", str(store), *options]
    return Recipe(name, command, environment)


@contextmanager
def running(recipe: Recipe, logs: Path, within_s: float = ANSWER_WITHIN_S) -> Iterator[Server]:
    """The server, from when it answers; it is ended afterwards."""
    port = _free_port()
    command = [part.replace("{port}", str(port)) for part in recipe.command]
    environment = {name: value.replace("{port}", str(port)) for name, value in recipe.environment.items()}
    log = logs / f"{recipe.name.replace(' ', '-')}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=recipe.cwd, env=plain() | environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    try:
        server = Server(recipe.name, process.pid, f"http://{HOST}:{port}{recipe.path}")
        _wait(server, process, log, within_s)
        yield server
    finally:
        end(process)


def plain() -> dict[str, str]:
    """The environment without settings of ours, so that all run as they come."""
    return {name: value for name, value in os.environ.items() if not name.startswith("FIELDGRAPH_")}


def end(process: subprocess.Popen[Any]) -> None:
    """Ends a process that was started here, however it takes it."""
    process.terminate()
    try:
        process.wait(END_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait(server: Server, process: subprocess.Popen[Any], log: Path, within_s: float) -> None:
    deadline = time.monotonic() + within_s
    while True:
        try:
            server.ask("{ __typename }")
            return
        except OSError as error:
            told = log.read_text(encoding="utf-8", errors="replace")[-2_000:]
            if process.poll() is not None:
                raise BenchError(f"{server.name} ended at its start with {process.returncode}:\n{told}") from error
            if time.monotonic() > deadline:
                raise BenchError(f"{server.name} was not ready after {within_s:.0f} s:\n{told}") from error
            time.sleep(0.02)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def memory_of(pid: int) -> Memory:
    """Resident memory: Linux tells the peak as well, other systems only what it is now."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        told = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=True).stdout
        return Memory(int(told) * 1024, int(told) * 1024)
    sizes = dict(line.split(":", 1) for line in status.splitlines())
    now, peak = (int(sizes[key].split()[0]) * 1024 for key in ("VmRSS", "VmHWM"))
    return Memory(now, peak)
