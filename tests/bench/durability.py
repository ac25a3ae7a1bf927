"""Lines imported a second, and what a start takes of a store with a long history: with a snapshot and without."""

import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from random import Random
from statistics import median

from graph.graph import STORE, Graph
from graph.journal.sqlite import SQLiteJournal
from graph.model import Project
from tests.bench.errors import BenchError
from tests.bench.lab import Lab
from tests.bench.report import Goal, Part, figure, table

TITLE = "A long history"
ENTITIES, COMMITS, UPDATES = 20_000, 100, 5_000
LEAST_LINES = 20_000  # a second


def measure(lab: Lab) -> Part:
    store = lab.directory / "history"
    lab.tell(f"updating {ENTITIES:,} entities {COMMITS * UPDATES:,} times")
    _make(store)
    lab.tell("starting from its journal")
    replayed = [_seconds(lambda: Graph(SQLiteJournal(store / STORE))) for _ in range(lab.rounds)]
    with closing(Graph.open(store)) as graph:
        if not graph.take_snapshot(1):
            raise BenchError("No snapshot was written.")
    lab.tell("starting from its snapshot")
    quick = [_seconds(lambda: Graph.open(store)) for _ in range(lab.rounds)]
    rates = [_import_rate(lab, number) for number in range(lab.rounds)]
    rows = [
        ["starting from the journal alone, s", *_spread(replayed)],
        ["starting from a snapshot, s", *_spread(quick)],
        ["lines imported a second", *_spread(rates)],
    ]
    text = f"""
A store of {ENTITIES:,} entities that were updated {COMMITS * UPDATES:,} times, {UPDATES:,} in a commit; the world of \
the other parts as one import, durable, the start of the command included; {lab.rounds} rounds. A snapshot makes the \
start {figure(median(replayed) / median(quick))} times as quick.

{table(["", "median", "least", "most"], rows)}
"""
    return Part(TITLE, text, [Goal("lines imported a second", median(rates), LEAST_LINES)])


def _make(store: Path) -> None:
    chance = Random(1)
    with closing(Graph.open(store)) as graph:
        graph.apply(_project(number, "") for number in range(ENTITIES))
        for commit in range(COMMITS):
            graph.apply(_project(number, f" {commit}") for number in chance.sample(range(ENTITIES), UPDATES))


def _project(number: int, suffix: str) -> Project:
    return Project(id=f"project:{number}", name=f"Project {number}{suffix}", summary="x" * 100)


def _seconds(start: Callable[[], Graph]) -> float:
    begun = time.perf_counter()
    graph = start()
    seconds = time.perf_counter() - begun
    graph.close()
    return seconds


def _import_rate(lab: Lab, number: int) -> float:
    with lab.world.open("rb") as lines:
        count = sum(1 for _ in lines)
    return count / lab.imported(lab.world, lab.directory / f"imported-{number}").seconds


def _spread(numbers: list[float]) -> list[str]:
    return [figure(median(numbers)), figure(min(numbers)), figure(max(numbers))]
