"""Readers while another process commits to the same store: what they lose by it.

A round drives the page query twice, once with the commits going on and once without, in changing order.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import NamedTuple

from tests.bench.drive import CONNECTIONS, Drive, drive
from tests.bench.errors import BenchError
from tests.bench.lab import QUERIES, Lab
from tests.bench.report import Goal, Part, figure, table
from tests.bench.servers import ROOT, Server, end, fieldgraph, plain, running

TITLE = "Readers while 50 commits a second go on"
RATE = 50
LEAST_RATE = 0.9 * RATE
MOST_LOST = 0.2
SEEN_WITHIN_S = 5


class Written(NamedTuple):
    """What the writer did while it was told to."""

    commits: int
    seconds: float
    version: int


class Round(NamedTuple):
    alone: Drive
    beside: Drive
    written: Written

    @property
    def lost(self) -> float:
        return 1 - self.beside.rate / self.alone.rate


class Writer:
    """The process that commits (tests/bench/writer.py)."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._expect_line()  # that it is ready

    def start(self) -> None:
        self._send()

    def stop(self) -> Written:
        self._send()
        return Written(**json.loads(self._expect_line()))

    def _send(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def _expect_line(self) -> str:
        assert self._process.stdout is not None
        if line := self._process.stdout.readline():
            return line
        raise BenchError(f"The writer ended with {self._process.wait()}; it said why above.")


@contextmanager
def writing(store: Path, rate: float) -> Iterator[Writer]:
    command = [sys.executable, "-m", "tests.bench.writer", str(store), str(rate)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, env=plain(), stdin=pipe, stdout=pipe, text=True) as process:
        try:
            yield Writer(process)
        finally:
            end(process)


def measure(lab: Lab) -> Part:
    store = lab.copied_store("store-written-to")
    with running(fieldgraph(store), lab.directory) as server, writing(store, RATE) as writer:
        lab.tell(f"{RATE} commits a second beside readers")
        drive(server.url, QUERIES["page"], lab.seconds)
        rounds = [_round(server, writer, lab.seconds, turn % 2 == 0) for turn in range(lab.rounds)]
    return Part(TITLE, _text(rounds), list(_goals(rounds)))


def _round(server: Server, writer: Writer, seconds: int, alone_first: bool) -> Round:
    alone = drive(server.url, QUERIES["page"], seconds) if alone_first else None
    writer.start()
    beside = drive(server.url, QUERIES["page"], seconds)
    written = writer.stop()
    _require_seen(server, written)
    return Round(alone or drive(server.url, QUERIES["page"], seconds), beside, written)


def _require_seen(server: Server, written: Written) -> None:
    """Raises BenchError unless the readers' service soon shows all that was committed."""
    deadline = time.monotonic() + SEEN_WITHIN_S
    while (seen := server.get("/readyz")["version"]) < written.version:
        if time.monotonic() > deadline:
            raise BenchError(f"The service shows version {seen} {SEEN_WITHIN_S} s after {written.version} was written.")
        time.sleep(0.01)


def _goals(rounds: list[Round]) -> Iterator[Goal]:
    yield Goal("answers lost to commits", 100 * median(each.lost for each in rounds), 100 * MOST_LOST, True, " %")
    rate = median(each.written.commits / each.written.seconds for each in rounds)
    yield Goal("commits a second meanwhile", rate, LEAST_RATE)


def _text(rounds: list[Round]) -> str:
    def row(name: str, drives: list[Drive]) -> list[str]:
        return [name, *(figure(median(numbers)) for numbers in zip(*drives, strict=True))]

    rows = [row("alone", [each.alone for each in rounds]), row("beside commits", [each.beside for each in rounds])]
    lost = sorted(100 * each.lost for each in rounds)
    return f"""
The page query over {CONNECTIONS} connections, with and without another process that imports small files (a new \
metric, a changed project, a new event, for countries drawn at random) into the same store, each import durable; \
{len(rounds)} rounds. Lost: {figure(median(lost))} % ({figure(lost[0])} to {figure(lost[-1])}).

{table(["", "answers a second", "half within, ms", "99 % within, ms"], rows)}
"""
