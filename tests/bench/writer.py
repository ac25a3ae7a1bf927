"""Writes to a store from a process of its own, so many commits a second, while told to.

    python -m tests.bench.writer STORE COMMITS_A_SECOND

A line on standard input sets it going, the next has it stop and say what it did, as JSON; it ends with its input.
"""

import json
import select
import sys
import time
from collections.abc import Iterator
from itertools import count, cycle
from pathlib import Path
from random import Random

from msgspec.structs import replace

from graph.graph import Graph
from graph.model import Project, Write
from graph.parse import write
from graph.vocabulary import ProjectStatus
from tests.bench.lab import WORLD

COUNTRIES, PROJECTS = int(WORLD[0]), int(WORLD[1])


def main(store: Path, rate: float) -> None:
    graph = Graph.open(store)
    files = _files(graph)
    _say("ready")
    while sys.stdin.readline():
        start, done = time.monotonic(), 0
        while not _told_to_stop(start + done / rate - time.monotonic()):
            graph.apply(next(files))
            done += 1
        sys.stdin.readline()
        seconds = time.monotonic() - start
        _say(json.dumps({"commits": done, "seconds": seconds, "version": graph.version}))
    graph.close()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _told_to_stop(within_s: float) -> bool:
    """Waits for the next commit's time, or for word."""
    return bool(select.select([sys.stdin], [], [], max(0.0, within_s))[0])


def _files(graph: Graph) -> Iterator[list[Write]]:
    """What small imports hold, all over the world: a new metric, a project's new status, a new event."""
    draw = Random(7)
    kinds = cycle((_metric, _status, _event))
    for number in count(int(time.time() * 1_000)):
        yield next(kinds)(graph, f"new-{number}", draw)


def _country(draw: Random) -> str:
    number = draw.randrange(COUNTRIES)
    return f"country:{chr(65 + number // 26)}{chr(65 + number % 26)}"


def _metric(graph: Graph, name: str, draw: Random) -> list[Write]:
    id, year = f"metric:{name}", str(draw.randint(2000, 2023))
    figures = {"value": draw.randrange(1_000_000), "unit": "people", "startedOn": year, "endedOn": year}
    return [
        write({"id": id, "kind": "METRIC", "name": name, **figures}),
        write({"relation": "ABOUT", "subject": id, "object": _country(draw)}),
        write({"relation": "MEASURES", "subject": id, "object": f"indicator:i{draw.randrange(30)}"}),
    ]


def _status(graph: Graph, name: str, draw: Random) -> list[Write]:
    project = graph.engine.entity(f"project:p{draw.randrange(PROJECTS)}")
    assert isinstance(project, Project)
    return [replace(project, status=draw.choice([status for status in ProjectStatus if status is not project.status]))]


def _event(graph: Graph, name: str, draw: Random) -> list[Write]:
    id = f"event:{name}"
    return [
        write({"id": id, "kind": "EVENT", "name": name, "type": "FLOOD", "startedOn": "2023-11"}),
        write({"relation": "OCCURRED_IN", "subject": id, "object": _country(draw)}),
    ]


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
