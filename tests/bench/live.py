"""Many subscribers, and another process that commits to the same store: how long until all were told of everything."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median
from typing import NamedTuple

from graph.graph import Graph
from graph.parse import write
from tests.bench.errors import BenchError
from tests.bench.lab import Lab
from tests.bench.report import Goal, Part, figure, table
from tests.bench.servers import ROOT, Server, end, fieldgraph, plain, running

TITLE = "Subscribers"
SUBSCRIBERS, CHANGES = 1_000, 100
MOST_S, MOST_GROWN = 10, 100  # seconds, megabytes


class Round(NamedTuple):
    """Seconds until all had been told: in all, and after the last commit; bytes by which the service has grown."""

    seconds: float
    after_last: float
    grown: int


def measure(lab: Lab) -> Part:
    store = lab.copied_store("store-watched")
    lab.tell(f"{SUBSCRIBERS:,} subscribers are told of {CHANGES} commits")
    rounds = [_round(lab, store) for _ in range(lab.rounds)]
    return Part(TITLE, _text(rounds), list(_goals(rounds)))


def _round(lab: Lab, store: Path) -> Round:
    with running(fieldgraph(store), lab.directory) as server:
        return told(server, store, SUBSCRIBERS, CHANGES)


def told(server: Server, store: Path, subscribers: int, changes: int) -> Round:
    """Has subscribers of a service listen while so many small commits go on. Raises BenchError if one of them was not
    told all in order."""
    with closing(Graph.open(store)) as graph:
        before = server.memory().now
        with _listening(server, subscribers, graph.version, changes) as listeners:
            start = time.monotonic()
            for number in range(changes):
                graph.apply([write({"id": "project:watched", "kind": "PROJECT", "name": f"{graph.version} {number}"})])
            last = time.monotonic()
            done = float(_line(listeners))
        return Round(done - start, done - last, server.memory().peak - before)


@contextmanager
def _listening(server: Server, *numbers: int) -> Iterator[subprocess.Popen[str]]:
    port = server.url.split(":")[2].partition("/")[0]
    command = [sys.executable, "-m", "tests.bench.listeners", port, *map(str, numbers)]
    with subprocess.Popen(command, cwd=ROOT, env=plain(), stdout=subprocess.PIPE, text=True) as process:
        try:
            _line(process)  # that all are there
            yield process
        finally:
            end(process)


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    if line := process.stdout.readline():
        return line
    raise BenchError(f"The subscribers ended with {process.wait()}; they said why above.")


def _goals(rounds: list[Round]) -> Iterator[Goal]:
    what = f"{SUBSCRIBERS:,} subscribers told of {CHANGES} changes"
    yield Goal(what, median(each.seconds for each in rounds), MOST_S, at_most=True, unit=" s")
    yield Goal("memory for them", max(each.grown for each in rounds) / 1e6, MOST_GROWN, at_most=True, unit=" MB")


def _text(rounds: list[Round]) -> str:
    rows = [
        ["seconds until all were told, from the first commit on", figure(median(each.seconds for each in rounds))],
        ["... from when the last was stored", figure(median(each.after_last for each in rounds))],
        ["megabytes by which the service grew, at most", figure(max(each.grown for each in rounds) / 1e6)],
    ]
    return f"""
{SUBSCRIBERS:,} WebSockets with one subscription each, all of one operation, and another process that makes {CHANGES} \
commits one after the other, each durable; {len(rounds)} rounds. All were told all of them, in order.

{table(["", ""], rows)}
"""
