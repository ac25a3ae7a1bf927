"""What the parts of a run share: how long to measure, a directory that goes with the run, the world and its store."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import msgspec

from graph.graph import Graph
from graph.parse import write
from tests.bench.errors import BenchError
from tests.bench.peers.recipes import PEERS
from tests.bench.servers import ROOT, end, plain

QUERIES = {name: PEERS / "queries" / f"{name}.graphql" for name in ("small", "page", "big", "filter")}
WORLD = ("200", "5000", "20000", "1000", "60000")
"""Countries, projects, events, partners and metrics of the world that all servers hold."""

MAKE_WITHIN_S = 1_800


class Work(NamedTuple):
    """What a command took: seconds, and bytes of memory at most."""

    seconds: float
    peak: int


class Lab:
    """`rounds` and `seconds` say how often and how long each thing is measured; `tell` shows progress."""

    def __init__(self, directory: Path, rounds: int, seconds: int, tell: Callable[[str], None]) -> None:
        self.directory = directory
        self.rounds = rounds
        self.seconds = seconds
        self.tell = tell

    @cached_property
    def world(self) -> Path:
        """The world as graph lines."""
        path = self.directory / "world.jsonl"
        self.write([sys.executable, str(PEERS / "world.py"), *WORLD], path)
        return path

    @cached_property
    def store(self) -> Path:
        """A store that holds the world. It is not to be changed: copy it."""
        path = self.directory / "store"
        self.tell("importing the world")
        self.imported(self.world, path)
        return path

    def copied_store(self, name: str) -> Path:
        return Path(shutil.copytree(self.store, self.directory / name))

    @cached_property
    def seeded(self) -> Path:
        """A store that holds the seed. It is not to be changed: copy it."""
        path = self.directory / "store-seeded"
        asked = [sys.executable, "-m", "api", "query", "{ countries { totalCount } }", "--data", str(path)]
        self.write(asked, self.directory / "seeded.json")
        return path

    def write(self, command: list[str], path: Path) -> Work:
        """Runs a command whose output becomes a file."""
        with path.open("wb") as out:
            return _run(command, out.fileno())

    def imported(self, world: Path, store: Path) -> Work:
        """Has our command import a world into a new store."""
        with (self.directory / "import.log").open("wb") as log:
            return _run([sys.executable, "-m", "api", "import", str(world), "--data", str(store)], log.fileno())


def _run(command: list[str], out: int) -> Work:
    """Runs a command to its end. Raises BenchError if it fails or takes far too long."""
    start = time.monotonic()
    process = subprocess.Popen(command, cwd=ROOT, env=plain(), stdin=subprocess.DEVNULL, stdout=out)
    try:
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            if time.monotonic() > start + MAKE_WITHIN_S:
                raise BenchError(f"{' '.join(command)} was not done after {MAKE_WITHIN_S} s.")
            time.sleep(0.05)
        process.returncode = os.waitstatus_to_exitcode(status)
    finally:
        if process.returncode is None:
            end(process)
    if process.returncode:
        raise BenchError(f"{' '.join(command)} failed with {process.returncode}; it said why above.")
    in_bytes = 1 if sys.platform == "darwin" else 1024
    return Work(time.monotonic() - start, usage.ru_maxrss * in_bytes)


def loaded(path: Path) -> Graph:
    decode = msgspec.json.Decoder().decode
    graph = Graph.in_memory()
    with path.open("rb") as lines:
        graph.apply(write(decode(line)) for line in lines)
    return graph
