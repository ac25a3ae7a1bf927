"""Specifies api/snapshots.py: the service writes snapshots beside the requests, and ends in the midst of one."""

import asyncio
import logging
import time
from contextlib import closing
from pathlib import Path

from starlette.applications import Starlette

from api.snapshots import SnapshotWriter
from graph.errors import StoreError
from graph.graph import Graph
from graph.model import Project

WITHIN_S = 10


def lived(writer: SnapshotWriter, done: object = lambda: True) -> float:
    """Has the writer live until something is so; how many seconds its end took."""

    async def live() -> float:
        async with writer.lifespan(Starlette()):
            deadline = time.monotonic() + WITHIN_S
            while not done():  # type: ignore[operator]
                assert time.monotonic() < deadline
                await asyncio.sleep(0.01)
            begun = time.monotonic()
        return time.monotonic() - begun

    return asyncio.run(live())


def grow(graph: Graph, name: str, size: int = 20) -> None:
    graph.apply(Project(id=f"project:{name}-{number}", name="X") for number in range(size))


def snapshots(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.glob("*.snapshot"))


def test_a_snapshot_is_written_whenever_enough_was_committed(tmp_path):
    with closing(Graph.open(tmp_path)) as graph:
        grow(graph, "a", 19)
        looks = iter(range(10))
        lived(SnapshotWriter(graph, 20, interval_s=0.01), lambda: next(looks, None) is None)
        assert snapshots(tmp_path) == []
        for version, size in ((2, 1), (3, 20)):
            grow(graph, f"v{version}", size)
            expected = f"fieldgraph.{version}.snapshot"
            lived(SnapshotWriter(graph, 20, interval_s=0.01), lambda name=expected: name in snapshots(tmp_path))


def test_none_is_written_where_none_is_wanted(tmp_path):
    with closing(Graph.open(tmp_path)) as graph:
        grow(graph, "a")
        lived(SnapshotWriter(graph, 0, interval_s=0))
    assert snapshots(tmp_path) == []


def test_the_service_does_not_wait_for_a_snapshot_when_it_ends(tmp_path, monkeypatch):
    monkeypatch.setattr("api.snapshots.PAUSE", 10_000_000)  # it rests for an hour
    with closing(Graph.open(tmp_path)) as graph:
        grow(graph, "a", 2_000)
        resting = []
        slices = graph.engine.slices
        monkeypatch.setattr(
            graph.engine, "slices", lambda size: (resting.append(each) or each for each in slices(size))
        )
        assert lived(SnapshotWriter(graph, 1, interval_s=0), lambda: resting) < WITHIN_S / 2
        assert len(resting) == 1
    assert snapshots(tmp_path) == []


def test_why_none_can_be_written_is_told_once(tmp_path, monkeypatch, caplog):
    tries = []

    def fail(*_: object) -> bool:
        tries.append(1)
        raise StoreError("No room.")

    with closing(Graph.open(tmp_path)) as graph:
        monkeypatch.setattr(graph, "take_snapshot", fail)
        lived(SnapshotWriter(graph, 1, interval_s=0.001), lambda: len(tries) > 5)
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR] == ["No room."]
