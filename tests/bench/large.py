"""A world of a million entities and four million relations: imported, started from its store, walked."""

import sys
import time
from statistics import median
from typing import NamedTuple

from tests.bench.drive import CONNECTIONS, Drive, drive
from tests.bench.errors import BenchError
from tests.bench.lab import QUERIES, Lab, Work
from tests.bench.report import Goal, Part, figure, megabytes, table
from tests.bench.servers import Memory, Server, fieldgraph, running

TITLE = "A million entities"
ENTITIES, RELATIONS = 1_000_000, 4_000_000
MOST_MEMORY = 6 * 2**30
READY_WITHIN_S = 90
GIVE_UP_AFTER_S = 900

COUNTRIES = [chr(65 + number // 26) + chr(65 + number % 26) for number in range(200)]
WALKS = {
    "partners of all projects": """{ countries(first: 50) { nodes { name
        projects(first: 100) { nodes { name partners(first: 20) { nodes { name parent { name } } } } } } } }""",
    "what events led to": """{ events(first: 100) { nodes { name places { nodes { name parent { name } } }
        followed { nodes { name } } projects { edges { impact node { name partners { nodes { name } } } } }
        sources { nodes { citation } } } } }""",
    "figures and their subjects": """{ indicators(first: 20) { nodes { name
        metrics(first: 50) { totalCount nodes { value subject { name } sources { nodes { name } } } } } } }""",
    "places three deep": """{ countries(first: 20) { nodes { name places(first: 100) { totalCount nodes { name
        parent { name } projects(first: 5) { totalCount nodes { name } } } } } } }""",
}


class Walk(NamedTuple):
    """Seconds that a question took, asked for the first time and once more."""

    first: float
    again: float


class Found(NamedTuple):
    written: Work
    imported: Work
    ready_s: float
    at_start: Memory
    pages: list[Walk]
    walks: dict[str, Walk]
    driven: Drive
    at_end: Memory


def measure(lab: Lab) -> Part:
    found = _measure(lab)
    goals = [
        Goal("importing, memory at most", found.imported.peak / 2**30, MOST_MEMORY / 2**30, True, " GB"),
        Goal("serving and walking, memory at most", found.at_end.peak / 2**30, MOST_MEMORY / 2**30, True, " GB"),
        Goal("from start to first answer", found.ready_s, READY_WITHIN_S, True, " s"),
    ]
    return Part(TITLE, _text(found), goals)


def _measure(lab: Lab) -> Found:
    world, store = lab.directory / "large.jsonl", lab.directory / "large"
    lab.tell("writing the world")
    written = lab.write([sys.executable, "-m", "seed.world", str(ENTITIES), str(RELATIONS)], world)
    lab.tell(f"importing it ({figure(written.seconds)} s to write)")
    imported = lab.imported(world, store)
    world.unlink()
    lab.tell(f"starting from its store ({figure(imported.seconds)} s to import)")
    start = time.monotonic()
    with running(fieldgraph(store), lab.directory, GIVE_UP_AFTER_S) as server:
        ready_s, at_start = time.monotonic() - start, server.memory()
        lab.tell(f"walking it ({figure(ready_s)} s to start)")
        page = QUERIES["page"].read_text(encoding="utf-8")
        pages = [_walk(server, page, code) for code in COUNTRIES]
        walks = {name: _walk(server, text) for name, text in WALKS.items()}
        driven = drive(server.url, QUERIES["page"], lab.seconds)
        return Found(written, imported, ready_s, at_start, pages, walks, driven, server.memory())


def _walk(server: Server, query: str, code: str = "") -> Walk:
    taken = []
    for _ in range(2):
        start = time.monotonic()
        answer = server.ask(query, {"code": code} if code else None)
        taken.append(time.monotonic() - start)
        if "errors" in answer:
            raise BenchError(f"{query}\nis answered with {answer['errors']}")
    return Walk(*taken)


def _text(found: Found) -> str:
    written, imported = found.written, found.imported
    first, again = ([1_000 * walk[turn] for walk in found.pages] for turn in (0, 1))
    work = [
        ["writing the world (`python -m seed.world`)", figure(written.seconds), megabytes(written.peak)],
        ["importing it", figure(imported.seconds), megabytes(imported.peak)],
        ["starting from its store", figure(found.ready_s), megabytes(found.at_start.peak)],
        ["serving, after all walks", "", megabytes(found.at_end.peak)],
    ]
    rows = [
        ["the page of a country, median of 200", figure(median(first)), figure(median(again))],
        ["the page of a country, slowest of 200", figure(max(first)), figure(max(again))],
        *([name, *(figure(1_000 * seconds) for seconds in walk)] for name, walk in found.walks.items()),
    ]
    return f"""
{ENTITIES:,} entities and {RELATIONS:,} relations of all kinds (`seed/world.py`), one process.

{table(["", "seconds", "memory at most"], work)}

Milliseconds for a question, asked for the first time since the start, and once more:

{table(["", "first", "again"], rows)}

The page query over {CONNECTIONS} connections, for countries drawn at random: {figure(found.driven.rate)} answers a \
second.
"""
