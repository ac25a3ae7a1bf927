"""Specifies what survives: processes that are killed at any moment, and disks that fail.

What was acknowledged is there. What was not is wholly there or wholly not; what was refused is not there at all.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import settings

from graph.graph import STORE, Graph
from graph.journal.sqlite import SQLiteJournal
from graph.journal.verify import verify
from tests.api.stage import writes
from tests.graph.conftest import text_of

ROOT = Path(__file__).parents[2]
READY_WITHIN = 20  # seconds


def replayed(store: Path) -> tuple[int, str]:
    """What a store holds, replayed from its first commit on, and proved to be whole."""
    found = verify(store)
    assert (found.journal_faults, found.snapshot_faults) == ([], [])
    journal = SQLiteJournal(store)
    with closing(Graph(journal)) as graph:
        return graph.version, text_of(graph)


# Kill -9

LOADS = 4
KILLS = 5 * min(10, max(1, settings.default.max_examples // 100))  # of each load


@pytest.mark.parametrize("seed", range(LOADS))
def test_a_store_whose_writers_are_killed_again_and_again_keeps_what_was_acknowledged(tmp_path, seed):
    """Half of the loads write snapshots without a pause."""
    chance, model = Random(seed), Graph.in_memory()
    stored = 0
    for number in range(KILLS):
        with_snapshots = ["snapshots"] if seed % 2 else []
        told = killed_load(tmp_path / "data", chance, str(100 * seed + number), *with_snapshots)
        assert told[0] == {"ready": model.version}
        for asked, answer in zip(told[1::2], [*told[2::2], None], strict=False):
            if answer is None:
                take_whole_or_not(tmp_path / "data", model, asked["asked"])
            elif "stored" in answer:
                assert model.apply(writes(asked["asked"])).version == answer["stored"]
                stored += 1
        held = (model.version, text_of(model))
        assert replayed(tmp_path / "data" / STORE) == held
        with closing(Graph.open(tmp_path / "data")) as graph:
            assert (graph.version, text_of(graph)) == held
    assert stored > KILLS


def killed_load(directory: Path, chance: Random, *arguments: str) -> list[dict[str, Any]]:
    """What a process says that writes to a store (tests/graph/load.py) until it is killed, soon after it began."""
    log = directory.with_name("load.log")
    command = [sys.executable, "-m", "tests.graph.load", str(directory), *arguments]
    with log.open("wb") as out, subprocess.Popen(command, cwd=ROOT, stdout=out) as process:
        try:
            deadline = time.monotonic() + READY_WITHIN
            while not log.stat().st_size:
                assert process.poll() is None, "it ended by itself"
                assert time.monotonic() < deadline
                time.sleep(0.002)
            time.sleep(chance.uniform(0, 0.3))
        finally:
            process.kill()
        assert process.wait() == -signal.SIGKILL
    *lines, _ = log.read_bytes().split(b"\n")  # the last was cut, or is empty
    return [json.loads(line) for line in lines]


def take_whole_or_not(directory: Path, model: Graph, lines: list[dict[str, Any]]) -> None:
    """Has the model hold the write nobody answered, if the store does."""
    with closing(Graph.open(directory)) as graph:
        if graph.version > model.version:
            model.apply(writes(lines))


# Disks that fail


@pytest.fixture(scope="module")
def shim(tmp_path_factory) -> Path:
    """The disk that fails on command (faults.c), as a library."""
    compiler = shutil.which("cc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("needs Linux and a C compiler (cc) for a disk that fails on command; on Debian: apt install gcc")
    library = tmp_path_factory.mktemp("shim") / "faults.so"
    source = Path(__file__).with_name("faults.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-Wall", "-Werror", "-o", library, source, "-ldl"], check=True)
    return library


WRITER = """
import json, sys
from contextlib import suppress
from pathlib import Path
from graph.errors import FieldgraphError
from graph.graph import Graph
from graph.model import Project
from tests.graph.conftest import text_of

graph = Graph.open(Path(sys.argv[1]))
heard = []
graph.on_change(lambda changes: heard.extend(change.version for change in changes))
print(json.dumps("ready"), flush=True)
for line in sys.stdin:
    try:
        match line.split():
            case ["write", name, size]:
                given = [Project(id=f"project:{name}-{n}", name="x" * 1_000) for n in range(int(size))]
                said = graph.apply(given).version
            case ["read"]:
                graph.follow()
                said = [graph.version, text_of(graph), heard]
            case ["snapshot"]:
                said = graph.take_snapshot(1)
            case ["close"]:
                graph.close()
                said = "closed"
    except FieldgraphError as error:
        said = str(error)
    print(json.dumps(said), flush=True)
"""


class Disk:
    """A directory on a disk that fails when it is told to, and processes that use it."""

    def __init__(self, shim: Path, directory: Path) -> None:
        self.data = directory / "data"
        self._flag = directory / "flag"
        self._environment = os.environ | {
            "LD_PRELOAD": str(shim),
            "FAULTS_DIR": str(self.data),
            "FAULTS_FLAG": str(self._flag),
        }

    def fail(self, how: str) -> None:
        self._flag.write_text(how)

    def return_(self) -> None:
        self._flag.unlink(missing_ok=True)

    @contextmanager
    def process(self) -> Iterator[Callable[[str], Any]]:
        """A process that has the store open: what it says to what it is told. It is killed in the end."""
        command = [sys.executable, "-c", WRITER, str(self.data)]
        pipe = subprocess.PIPE
        with subprocess.Popen(
            command, cwd=ROOT, env=self._environment, stdin=pipe, stdout=pipe, text=True, bufsize=1
        ) as process:

            def ask(line: str = "") -> Any:
                assert process.stdin is not None
                assert process.stdout is not None
                if line:
                    process.stdin.write(f"{line}\n")
                return json.loads(process.stdout.readline())

            try:
                assert ask() == "ready"
                yield ask
            finally:
                process.kill()


@pytest.fixture
def disk(shim, tmp_path) -> Disk:
    return Disk(shim, tmp_path)


FAULTS = {"f": "disk I/O error", "w": "database or disk is full", "r": "disk I/O error"}
"""What SQLite says where fsync fails, where the disk is full, where it is read-only."""


@pytest.mark.parametrize("how", FAULTS)
@pytest.mark.parametrize("size", [1, 5_000], ids=["small", "large"])
def test_a_write_that_the_disk_refuses_leaves_all_as_it_was_and_readers_go_on(disk, how, size):
    with disk.process() as writer, disk.process() as reader:
        assert writer("write a 3") == 1
        before = [1, reader("read")[1]]
        disk.fail(how)
        for name in "bc":
            told = writer(f"write {name} {size}")
            assert told == (
                f"The store {disk.data / STORE} cannot be used: {FAULTS[how]}. Nothing was stored."
                " Check its disk and permissions."
            )
            assert [writer("read")[:2], reader("read")[:2]] == [before, before]
        disk.return_()
        assert writer(f"write d {size}") == 2
        assert reader("write e 1") == 3
        assert writer("read") == reader("read")
        version, text, heard = writer("read")
        assert (version, heard) == (3, [1] * 3 + [2] * size + [3])
    assert replayed(disk.data / STORE) == (version, text)


@pytest.mark.parametrize(
    ("how", "end"),
    [*((how, end) for how in FAULTS for end in ("killed", "closed")), *((f"p{n}", "killed") for n in (0, 1, 2, 5, 9))],
)
def test_what_was_refused_is_not_there_after_a_crash(disk, how, end):
    """SQLite alone finds a commit whose fsync failed in its log when the store is opened again, and takes it."""
    with disk.process() as writer:
        assert writer("write a 3") == 1
        before = writer("read")
        disk.fail(how)
        told = writer("write b 20")
        if end == "closed":
            writer("close")
    disk.return_()
    found = replayed(disk.data / STORE)
    if isinstance(told, str):
        assert "Nothing was stored" in told
        assert found == (1, before[1])
    else:
        assert found[0] == told == 2
    with disk.process() as writer:
        assert writer("write c 1") == found[0] + 1


@pytest.mark.parametrize("how", [*FAULTS, "p2"])
def test_a_snapshot_that_the_disk_refuses_is_told_and_leaves_nothing(disk, how):
    with disk.process() as writer:
        assert writer("write a 2000") == 1
        disk.fail(how)
        told = writer("snapshot")
        assert told.startswith(f"No snapshot of {disk.data / STORE} could be written: ")
        assert not list(disk.data.glob("*snapshot*"))
        disk.return_()
        assert writer("snapshot") is True
    assert verify(disk.data / STORE).snapshots == 1
