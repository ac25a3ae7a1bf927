"""A graph of a million lines, written in every format: how long that takes, and how much memory beyond its own."""

import json
import subprocess
import sys
from statistics import median
from typing import Any

from graph.formats.registry import WRITABLE
from tests.bench.errors import BenchError
from tests.bench.lab import Lab, Work
from tests.bench.report import Goal, Part, figure, table
from tests.bench.servers import ROOT, plain

TITLE = "Exports"
ENTITIES, RELATIONS = 200_000, 800_000
MOST_S = 60
MOST_GROWN = 64 * 2**20
"""Bytes: the ids in order, and what a format needs to write; a copy of all records would take several times as many."""

WITHIN_S = 600


def measure(lab: Lab) -> Part:
    world, store = lab.directory / "exported.jsonl", lab.directory / "exported"
    lab.write([sys.executable, "-m", "seed.world", str(ENTITIES), str(RELATIONS)], world)
    lab.tell("importing a million lines")
    lab.imported(world, store)
    world.unlink()
    found: dict[str, list[dict[str, Any]]] = {}
    for format in WRITABLE:
        lab.tell(f"writing them as {format}")
        found[format] = [_written(store, format) for _ in range(min(lab.rounds, 3))]
    command = [sys.executable, "-m", "api", "export", "--data", str(store)]
    whole = lab.write(command, lab.directory / "again.jsonl")
    slowest = max(median(each["seconds"] for each in rounds) for rounds in found.values())
    grown = max(each["grown"] for rounds in found.values() for each in rounds)
    goals = [
        Goal("a million lines, in the slowest format", slowest, MOST_S, True, " s"),
        Goal("memory beyond the graph's own, at most", grown / 2**20, MOST_GROWN / 2**20, True, " MB"),
    ]
    return Part(TITLE, _text(found, whole), goals)


def _written(store: Any, format: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.bench.written", str(store), format]
    done = subprocess.run(command, cwd=ROOT, env=plain(), capture_output=True, timeout=WITHIN_S, check=False)
    if done.returncode:
        raise BenchError(f"{format} was not written: {done.stderr.decode(errors='replace')[-2_000:]}")
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def _text(found: dict[str, list[dict[str, Any]]], whole: Work) -> str:
    lines = next(iter(found.values()))[0]["lines"]
    rows = [
        [
            f"`{format}`",
            figure(median(each["seconds"] for each in rounds)),
            figure(rounds[0]["bytes"] / 2**20),
            figure(max(each["grown"] for each in rounds) / 2**20),
        ]
        for format, rounds in found.items()
    ]
    return f"""
{ENTITIES:,} entities and their relations (`seed/world.py`), {lines:,} lines of all kinds, written from a graph that \
is there. `fieldgraph export` as a whole, which has to open the store first, took {figure(whole.seconds)} s.

{table(["", "seconds", "MB written", "MB of memory beyond the graph's own"], rows)}
"""
