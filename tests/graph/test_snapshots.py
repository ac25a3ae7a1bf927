"""Specifies graph/journal/snapshots.py: a start from one is a full replay, only quicker.

What is damaged, or of another store, is told and passed over.
"""

import logging
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.errors import Refused
from graph.graph import STORE, Graph
from graph.journal import snapshots
from graph.journal.snapshot import MAGIC, Snapshot
from graph.journal.sqlite import SQLiteJournal
from graph.journal.verify import verify
from graph.model import Project
from graph.parse import write
from tests.api.stage import writes
from tests.conftest import SMALL_WORLD
from tests.graph.conftest import text_of
from tests.graph.load import line_of
from tests.graph.test_graph import state
from tests.worlds import COMMIT, WORLD, Choices, choices, commit, examples, world

PASSED_OVER = "It is passed over; the next snapshot takes its place."


@contextmanager
def opened(directory: Path) -> Iterator[Graph]:
    with closing(Graph.open(directory)) as graph:
        yield graph


def replayed(directory: Path) -> Graph:
    """The graph of a store without its snapshots; closed by now, for comparing."""
    with closing(Graph(SQLiteJournal(directory / STORE))) as graph:
        return graph


def files(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.glob("*snapshot*"))


def assert_starts_like_a_full_replay(directory: Path) -> None:
    whole = replayed(directory)
    with opened(directory) as quick:
        assert (quick.head, quick.engine.version) == (whole.head, whole.version)
        assert text_of(quick) == text_of(whole)
        assert state(quick.engine) == state(whole.engine)


@pytest.fixture
def store(tmp_path) -> Path:
    """A directory with a store of three versions, of which the second has a snapshot."""
    with opened(tmp_path) as graph:
        graph.apply(write(line) for line in SMALL_WORLD if line.get("kind", "METRIC") != "METRIC")
        graph.apply(write(line) for line in SMALL_WORLD)
        assert graph.take_snapshot(1)
        projects = [Project(id=f"project:{number}", name="X") for number in range(10)]
        graph.apply([write({"remove": "partner:red-cross"}), *projects])
    return tmp_path


# A quick start


@examples(25)
@given(choices(WORLD + 12 * COMMIT), st.lists(st.booleans(), min_size=12, max_size=12))
def test_a_snapshot_and_what_came_after_it_are_a_full_replay(choose, taken):
    with TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(snapshots, "SHARE", 1_000_000)  # of however large a graph
        directory = Path(name)
        with opened(directory) as graph:
            graph.apply(writes(world(choose.part(WORLD))))
            for takes in taken:
                change(graph, choose.part(COMMIT))
                if takes:
                    graph.take_snapshot(1)
        assert_starts_like_a_full_replay(directory)
        assert len(files(directory)) <= 2
        found = verify(directory / STORE)
        assert (found.journal_faults, found.snapshot_faults) == ([], [])


@examples(25)
@given(choices(WORLD), st.randoms(use_true_random=False))
def test_a_snapshot_is_of_one_version_whatever_is_committed_while_it_is_written(choose, chance):
    with TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(snapshots, "SLICE", 2)
        directory = Path(name)

        def others_work() -> bool:
            if chance.random() < 0.4:
                change(graph, Choices(chance.randbytes(COMMIT)))
            return False

        with opened(directory) as graph:
            graph.apply(writes(world(choose)))
            if graph.version:
                assert graph.take_snapshot(1, others_work)
        assert_starts_like_a_full_replay(directory)
        found = verify(directory / STORE)
        assert (found.journal_faults, found.snapshot_faults) == ([], [])


def change(graph: Graph, choose: Choices) -> None:
    held = [*map(line_of, graph.engine.entities()), *map(line_of, graph.engine.all_relations())]
    with suppress(Refused):
        graph.apply(writes(commit(choose, held)))


def test_a_start_reads_only_what_came_after_the_newest_snapshot(store, monkeypatch):
    asked = []
    replay = SQLiteJournal.replay
    monkeypatch.setattr(SQLiteJournal, "replay", lambda *args: asked.append(args[1:]) or replay(*args))
    assert_starts_like_a_full_replay(store)
    assert asked == [(0, 3), (2, 3)]


def test_a_graph_of_which_all_has_gone_starts_at_its_version(tmp_path):
    with opened(tmp_path) as graph:
        graph.apply([Project(id="project:x", name="X")])
        graph.apply([write({"remove": "project:x"})])
        assert graph.take_snapshot(1)
    assert_starts_like_a_full_replay(tmp_path)
    with opened(tmp_path) as graph:
        assert graph.apply([Project(id="project:x", name="X")]).version == 3


# When, and which are kept


def test_a_snapshot_is_due_when_enough_was_committed_since_the_last(store):
    with opened(store) as graph:
        since = graph._journal.count(2)
        assert not graph.take_snapshot(since + 1)
        assert graph.take_snapshot(since)
        assert not graph.take_snapshot(1)
    with opened(store) as graph:
        assert not graph.take_snapshot(1)


def test_a_large_graph_has_one_when_a_tenth_of_it_has_changed(tmp_path):
    with opened(tmp_path) as graph:
        graph.apply(Project(id=f"project:{number}", name="X") for number in range(100))
        assert graph.take_snapshot(1)
        graph.apply(Project(id=f"project:{number}", name="Y") for number in range(9))
        assert not graph.take_snapshot(1)
        graph.apply([Project(id="project:9", name="Y")])
        assert graph.take_snapshot(1)


def test_the_newest_and_one_older_are_kept_for_their_owner_only(store):
    (store / "fieldgraph.snapshot.new").write_text("what a killed process left")
    with opened(store) as graph:
        for name in "xyz":
            graph.apply([Project(id=f"project:{name}", name="X" * 10) for name in name * 1] * 1)
            graph.apply(Project(id=f"project:{name}-{number}", name="X") for number in range(20))
            assert graph.take_snapshot(1)
    assert files(store) == ["fieldgraph.7.snapshot", "fieldgraph.9.snapshot"]
    assert {stat.S_IMODE((store / name).stat().st_mode) for name in files(store)} == {0o600}


def test_only_one_process_writes_one_at_a_time(store):
    holding = "import fcntl, os, sys; fcntl.flock(os.open(sys.argv[1], os.O_RDONLY), fcntl.LOCK_EX);"
    holding += "print('held', flush=True); sys.stdin.read()"
    command, pipe = [sys.executable, "-c", holding, store], subprocess.PIPE
    with opened(store) as graph, subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert not graph.take_snapshot(1)
        holder.kill()  # the lock goes with its holder
        holder.wait()
        assert graph.take_snapshot(1)


def test_what_another_process_wrote_is_not_written_again(store):
    with opened(store) as mine, opened(store) as other:
        assert other.take_snapshot(1)
        assert not mine.take_snapshot(1)


@pytest.mark.parametrize("rests", range(4))
def test_whoever_is_told_to_stop_leaves_nothing(store, monkeypatch, rests):
    monkeypatch.setattr(snapshots, "SLICE", 5)
    left = iter([False] * rests)
    with opened(store) as graph:
        before = files(store)
        assert not graph.take_snapshot(1, lambda: next(left, True))
        assert files(store) == before
        assert graph.take_snapshot(1)


def test_what_is_replayed_in_a_thread_holds_nobody_else_at_an_old_version(store):
    with closing(SQLiteJournal(store / STORE)) as journal, opened(store) as graph:
        replay = journal.replay(0, 3)
        Thread(target=lambda: next(replay)).start()
        graph.apply([Project(id="project:x", name="X")])
        assert (journal.head().version, journal.commit(4).version) == (4, 4)


# Damage


def recorded(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_changed_byte_is_recognised_told_and_passed_over(store, caplog):
    path = store / "fieldgraph.2.snapshot"
    content, expected, chance = path.read_bytes(), text_of(replayed(store)), Random(1)
    for place in sorted(
        {*range(120), *chance.sample(range(len(content)), 200), *range(len(content) - 30, len(content))}
    ):
        damaged = bytearray(content)
        damaged[place] ^= chance.choice([0x01, 0x80, 0xFF])
        path.write_bytes(damaged)
        caplog.clear()
        with opened(store) as graph:
            assert (graph.version, text_of(graph)) == (3, expected)
        (told,) = recorded(caplog)
        assert told.startswith(f"The snapshot {path} is damaged at "), f"byte {place}"
        assert told.endswith(PASSED_OVER)
        assert verify(store / STORE).snapshot_faults == [told.removesuffix(f" {PASSED_OVER}")]


@pytest.mark.parametrize("length", [0, 1, len(MAGIC), 40, 60, 500, 1_500, -24, -1])
def test_a_snapshot_that_was_cut_is_passed_over(store, caplog, length):
    path = store / "fieldgraph.2.snapshot"
    path.write_bytes(path.read_bytes()[:length])
    assert_starts_like_a_full_replay(store)
    assert [told for told in recorded(caplog) if "is damaged at" in told] == recorded(caplog) != []


def test_a_damaged_snapshot_is_told_once_however_often_one_looks(store, caplog):
    path = store / "fieldgraph.2.snapshot"
    path.write_bytes(path.read_bytes()[:10])
    with opened(store) as graph:
        for _ in range(3):
            assert not graph.take_snapshot(1, lambda: True)
    assert len(recorded(caplog)) == 1


def test_what_was_added_to_a_snapshot_is_recognised(store, caplog):
    with (store / "fieldgraph.2.snapshot").open("ab") as file:
        file.write(b"\0")
    assert_starts_like_a_full_replay(store)
    assert len(recorded(caplog)) == 1


def test_the_older_snapshot_stands_in_for_one_that_is_damaged(store, caplog):
    with opened(store) as graph:
        assert graph.take_snapshot(1)
    newer = store / "fieldgraph.3.snapshot"
    newer.write_bytes(newer.read_bytes()[:-1])
    with opened(store) as graph:
        assert graph._snapshots.newest == 2
        assert len(recorded(caplog)) == 1
        assert graph.take_snapshot(1)  # in place of the damaged one
    with opened(store) as graph:
        assert graph._snapshots.newest == 3
    assert files(store) == ["fieldgraph.2.snapshot", "fieldgraph.3.snapshot"]


def test_a_snapshot_of_another_store_or_another_past_is_not_taken(store, tmp_path_factory, caplog):
    other = tmp_path_factory.mktemp("other")
    with opened(other) as graph:
        for name in ("a", "b", "c"):
            graph.apply([Project(id=f"project:{name}", name="Other")])
        for version in (2, 5):  # a version that the other store has as well, and one that it has not yet
            shutil.copy(store / "fieldgraph.2.snapshot", other / f"fieldgraph.{version}.snapshot")
    assert_starts_like_a_full_replay(other)
    assert len(recorded(caplog)) == 2
    assert all("is not of this store, or of what its journal was before" in told for told in recorded(caplog))
    with opened(other) as graph:
        assert graph.take_snapshot(1)
    assert files(other) == ["fieldgraph.3.snapshot"]


def test_a_snapshot_of_another_program_is_passed_over(store, caplog):
    path = store / "fieldgraph.2.snapshot"
    path.write_bytes(path.read_bytes().replace(MAGIC, b"Fieldgraph snapshot 9\n"))
    assert_starts_like_a_full_replay(store)
    assert "its beginning, which is none that this program writes" in recorded(caplog)[0]


def test_a_snapshot_that_cannot_be_read_is_passed_over(store, caplog):
    (store / "fieldgraph.2.snapshot").unlink()
    (store / "fieldgraph.2.snapshot").mkdir()
    assert_starts_like_a_full_replay(store)
    assert "Is a directory" in recorded(caplog)[0]


def test_files_of_like_names_are_nobodys_business(store):
    for name in ("fieldgraph.x.snapshot", "fieldgraph.²..snapshot", "fieldgraph.snapshot", "other.7.snapshot"):
        (store / name).write_text("mine")
    with opened(store) as graph:
        assert graph.take_snapshot(1)
    assert len(files(store)) == 6


def test_a_snapshot_holds_each_record_once(store):
    with Snapshot(store / "fieldgraph.2.snapshot") as snapshot:
        records = list(snapshot.records())
    assert len(records) == len(SMALL_WORLD) == len(set(map(repr, records)))
