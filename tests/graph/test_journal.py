"""Specifies graph/journal: commits are numbered 1, 2, 3, wholly there or not at all, damage is never served.

The first part is the contract that every journal keeps; the second is about the file that SQLite keeps.
"""

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from threading import Thread, Timer

import pytest

from graph.errors import StoreBusy, StoreError
from graph.graph import STORE, Graph
from graph.journal.backup import backup
from graph.journal.journal import Authorship, Head, Journal, Kept
from graph.journal.layout import APPLICATION_ID, FORMAT, format_of
from graph.journal.log import KEPT
from graph.journal.memory import MemoryJournal
from graph.journal.recovery import recover
from graph.journal.sqlite import SQLiteJournal
from graph.journal.verify import verify
from graph.model import Change, Done, Mark, Project, Relation
from graph.parse import write
from graph.tokens import Scope
from graph.vocabulary import ChangeAction, RelationKind
from tests.conftest import SMALL_WORLD
from tests.graph.conftest import canonical, text_of

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
NOBODY = Authorship()


def created(*ids: str) -> list[Done]:
    return [Done(ChangeAction.CREATED, Project(id=id, name=id)) for id in ids]


def commit(journal: Journal, *ids: str, now: datetime = NOON) -> list[Change]:
    with journal.writing() as appender:
        return appender.append(created(*ids), now, NOBODY)


def ids(changes: Iterator[Change]) -> list[str]:
    return [change.record.id for change in changes]


# Every journal


@pytest.fixture(params=["memory", "sqlite"])
def journal(request, tmp_path) -> Iterator[Journal]:
    journal = MemoryJournal() if request.param == "memory" else SQLiteJournal(tmp_path / STORE)
    yield journal
    journal.close()


def test_a_new_journal_has_no_commit(journal):
    assert journal.head() == Head(0, None)
    assert list(journal.replay(0, 0)) == []


def test_commits_are_numbered_from_1_and_their_changes_from_0(journal):
    first, second = commit(journal, "a", "b"), commit(journal, "c")
    assert [(change.version, change.index) for change in [*first, *second]] == [(1, 0), (1, 1), (2, 0)]
    assert journal.head().version == 2


def test_the_next_that_happened_to_an_entity_itself_is_found_whatever_its_relations_did(journal):
    relation = Relation(kind=RelationKind.FOLLOWED, subject="a", object="b")
    commit(journal, "a", "b")
    for action in (ChangeAction.RELATED, ChangeAction.UNRELATED):
        with journal.writing() as appender:
            appender.append([Done(action, relation)], NOON, NOBODY)
    with journal.writing() as appender:
        appender.append([Done(ChangeAction.REMOVED, Project(id="a", name="a"))], NOON, NOBODY)
    commit(journal, "a")

    def found(since: int, until: int) -> tuple[int, ChangeAction] | None:
        change = journal.own_change("a", since, until)
        return change and (change.version, change.action)

    assert [found(since, 5) for since in (1, 2, 4, 5)] == [
        (1, ChangeAction.CREATED),
        (4, ChangeAction.REMOVED),
        (4, ChangeAction.REMOVED),
        (5, ChangeAction.CREATED),
    ]
    assert found(2, 3) is None
    assert journal.own_change("c", 1, 5) is None


def test_what_was_appended_is_replayed_as_it_was_in_its_order(journal):
    done = [
        (ChangeAction.CREATED, write({"id": "source:x", "kind": "SOURCE", "name": "\x00 é\n🏥", "type": "REPORT"})),
        *((ChangeAction.CREATED, write(line)) for line in SMALL_WORLD if "id" in line),
        *((ChangeAction.RELATED, write(line)) for line in SMALL_WORLD if "relation" in line),
        (ChangeAction.UNRELATED, Relation(RelationKind.FOLLOWED, "event:flood", "event:attack")),
        (ChangeAction.UPDATED, Project(id="project:koro", name="Koro")),
        (ChangeAction.REMOVED, Project(id="project:koro", name="Koro")),
    ]
    with journal.writing() as appender:
        appended = appender.append(done, NOON, NOBODY)
    replayed = list(journal.replay(0, 1))
    assert replayed == appended
    assert [(change.action, change.record) for change in replayed] == done


@pytest.mark.parametrize(
    ("after", "until", "expected"),
    [(0, 3, "abcd"), (0, 1, "ab"), (1, 3, "cd"), (1, 2, "c"), (2, 3, "d"), (3, 3, "")],
)
def test_any_stretch_of_commits_can_be_replayed(journal, after, until, expected):
    commit(journal, "a", "b")
    commit(journal, "c")
    commit(journal, "d")
    assert ids(journal.replay(after, until)) == list(expected)


@pytest.mark.parametrize("most", [1, 2, 3, 100])
def test_changes_are_read_from_any_mark_on_in_pages_of_any_size(journal, most):
    for names in (["p:a"], ["p:b", "p:c", "p:d"], ["p:e", "p:f"]):
        commit(journal, *names)
    mark, read = Mark(0), []
    while page := journal.changes(mark, 3, most):
        assert len(page) <= most
        assert [recorded.commit for recorded in page] == [journal.commit(each.change.version) for each in page]
        read += page
        mark = Mark(page[-1].change.version, page[-1].change.index)
    assert [recorded.change for recorded in read] == list(journal.replay(0, 3))


@pytest.mark.parametrize(
    ("after", "until", "expected"),
    [
        (Mark(1), 3, ["p:b", "p:c", "p:d"]),
        (Mark(1, 0), 3, ["p:b", "p:c", "p:d"]),
        (Mark(2, 0), 3, ["p:c", "p:d"]),
        (Mark(2, 1), 3, ["p:d"]),
        (Mark(2), 2, []),
        (Mark(0), 1, ["p:a"]),
        (Mark(3), 3, []),
    ],
)
def test_changes_follow_a_place_up_to_a_version(journal, after, until, expected):
    for names in (["p:a"], ["p:b", "p:c"], ["p:d"]):
        commit(journal, *names)
    assert [recorded.change.record.id for recorded in journal.changes(after, until, 100)] == expected


def test_what_fails_while_it_is_written_was_never_there(journal):
    commit(journal, "a")

    def fail() -> None:
        with journal.writing() as appender:
            appender.append(created("b"), NOON, NOBODY)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert (journal.head().version, ids(journal.replay(0, 1))) == (1, ["a"])
    assert commit(journal, "c")[0].version == 2
    assert ids(journal.replay(0, 2)) == ["a", "c"]


def test_times_never_run_backwards_whatever_the_clock_does(journal):
    jumps = [0, 5, -3600, 1e-6, 86_400, -86_400 * 365, 86_401]
    for number, seconds in enumerate(jumps):
        commit(journal, str(number), now=NOON + timedelta(seconds=seconds))
    times = [journal.commit(version).time for version in range(1, len(jumps) + 1)]
    assert times == [
        *("2026-05-04T12:00:00.000000Z", "2026-05-04T12:00:05.000000Z", "2026-05-04T12:00:05.000000Z"),
        *("2026-05-04T12:00:05.000000Z", "2026-05-05T12:00:00.000000Z", "2026-05-05T12:00:00.000000Z"),
        "2026-05-05T12:00:01.000000Z",
    ]
    assert journal.head() == Head(len(jumps), times[-1])


def test_times_are_those_of_utc_wherever_the_clock_hangs(journal):
    commit(journal, "a", now=datetime.fromisoformat("2026-05-04T23:30:00-03:30"))
    assert journal.commit(1).time == "2026-05-05T03:00:00.000000Z"


def test_a_graph_can_be_rebuilt_from_it(journal):
    graph = Graph(journal)
    entities = [line for line in SMALL_WORLD if line.get("kind", "METRIC") != "METRIC"]
    graph.apply(write(line) for line in entities)
    graph.apply(write(line) for line in SMALL_WORLD)
    graph.apply([write({"remove": "project:bamako"}), write({"remove": "source:report"})])
    graph.apply([Project(id="project:koro", name="Koro hospital")])
    again = Graph(journal)
    assert (again.head, text_of(again)) == (graph.head, text_of(graph))
    assert again.version == 4


# The file of SQLite


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """A directory with a store of three commits, closed. Shared: copy it."""
    directory = tmp_path_factory.mktemp("built")
    graph = Graph.open(directory)
    graph.apply(write(line) for line in SMALL_WORLD if line.get("kind", "METRIC") != "METRIC")
    graph.apply(write(line) for line in SMALL_WORLD)
    graph.apply([write({"remove": "partner:red-cross"})])
    graph.close()
    return directory


@pytest.fixture
def store(built, tmp_path) -> Path:
    """A store of three commits to do with as one likes."""
    return Path(shutil.copy(built / STORE, tmp_path / STORE))


@contextmanager
def opened(directory: Path, wait_s: float = 5) -> Iterator[Graph]:
    with closing(Graph.open(directory, wait_s)) as graph:
        yield graph


def refusal(path: Path) -> str:
    """Why a store cannot be opened. Its bytes stay as they are."""
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(StoreError) as caught:
        Graph.open(path.parent)
    assert before is None or path.read_bytes() == before
    return str(caught.value)


def test_a_store_and_its_directory_are_for_their_owner_only(tmp_path):
    directory = tmp_path / "data"
    with opened(directory) as graph:
        graph.apply([Project(id="project:x", name="X")])
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()}
        assert modes == {STORE: 0o600, f"{STORE}-wal": 0o600, f"{STORE}-shm": 0o600}
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_an_acknowledged_commit_is_on_the_disk(tmp_path):
    """WAL with synchronous=FULL, which NORMAL is not: there a power cut takes what was acknowledged."""
    with closing(SQLiteJournal(tmp_path / STORE)) as journal:
        assert journal._writer.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert journal._writer.execute("PRAGMA synchronous").fetchone() == (2,)


def test_a_store_says_who_made_it_and_a_commit_who_and_why(tmp_path):
    with closing(SQLiteJournal(tmp_path / STORE)) as journal, journal.writing() as appender:
        appender.append(created("a"), NOON, Authorship("ann", "a note"))
    with closing(sqlite3.connect(tmp_path / STORE)) as db:
        assert db.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
        assert db.execute("PRAGMA user_version").fetchone() == (FORMAT,)
        assert db.execute("SELECT author, note, changes FROM commits").fetchall() == [("ann", "a note", 1)]


def test_what_a_killed_process_left_of_making_a_store_is_in_nobodys_way(tmp_path):
    (tmp_path / f"{STORE}.{os.getpid()}.new").write_bytes(b"half a store")
    with opened(tmp_path) as graph:
        assert graph.version == 0


def test_what_a_thread_read_over_is_closed_when_it_is_gone(tmp_path):
    """Each thread reads over its own connection, and threads come and go."""
    with closing(SQLiteJournal(tmp_path / STORE)) as journal:
        commit(journal, "a")
        assert journal.head().version == 1
        before = open_files(tmp_path)
        for _ in range(20):
            thread = Thread(target=journal.head)
            thread.start()
            thread.join()
        assert open_files(tmp_path) - before <= 2  # of the last of them
        assert journal.head().version == 1
    assert open_files(tmp_path) == 0


def open_files(directory: Path) -> int:
    """How many descriptors this process has of the files of a store, the index of its log apart."""
    descriptors = Path("/proc/self/fd")
    if not descriptors.exists():
        pytest.skip("needs a system that tells which files are open")
    names = [str(entry.readlink()) for entry in list(descriptors.iterdir()) if entry.is_symlink()]
    return sum(name.startswith(str(directory)) and not name.endswith("-shm") for name in names)


def test_the_log_that_grows_beside_a_long_reader_is_told_once_and_shrinks_after_it(tmp_path, caplog):
    log = tmp_path / f"{STORE}-wal"
    with opened(tmp_path) as graph, closing(sqlite3.connect(tmp_path / STORE)) as reader:
        graph.apply([Project(id="project:x", name="X")])
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM commits").fetchone() == (1,)
        for number in range(6):
            graph.apply([Project(id=f"project:{number}", name="X", summary="x" * 3_000_000)])
        assert log.stat().st_size > 2 * KEPT
        (told,) = caplog.messages
        assert told == (
            f"The log of {tmp_path / STORE} has 8 MiB, more than twice the store: it grows until those who have been"
            " reading it for long end, as a backup or `verify`."
        )
        reader.rollback()
        for number in range(3):
            graph.apply([Project(id="project:x", name=f"X {number}")])
        assert log.stat().st_size <= KEPT
    assert len(caplog.messages) == 1


def test_a_large_import_that_nobody_reads_beside_is_nothing_to_be_told(tmp_path, caplog):
    with opened(tmp_path) as graph:
        graph.apply([Project(id=f"project:{number}", name="X", summary="x" * 3_000_000) for number in range(6)])
        graph.apply([Project(id="project:x", name="X")])
        assert Path(tmp_path / f"{STORE}-wal").stat().st_size <= KEPT
    assert caplog.messages == []


# Files that are no store of ours


def other_program(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE commits (version)")
        db.commit()


def newer(path: Path) -> None:
    with closing(SQLiteJournal(path)) as journal:
        journal._writer.execute(f"PRAGMA user_version = {FORMAT + 1}")


NOT_OURS = "{path} is not a Fieldgraph store. It was left as it is; choose another directory with --data."


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (Path.touch, NOT_OURS),
        (lambda path: path.write_bytes(b"SQLite format 3\x00"), NOT_OURS),
        (lambda path: path.write_text("Dear diary, " * 500), NOT_OURS),
        (lambda path: path.write_bytes(bytes(8192)), NOT_OURS),
        (other_program, NOT_OURS),
        (
            newer,
            f"The store {{path}} has format {FORMAT + 1}, and this program reads up to {FORMAT}: use a newer",
        ),
        (Path.mkdir, "The data directory {path.parent} cannot be used: Is a directory. Choose another"),
        (
            lambda path: path.symlink_to("nowhere"),
            "The data directory {path.parent} cannot be used: No such file or directory. Choose another",
        ),
    ],
    ids=["empty", "head", "text", "zeros", "another program's", "newer", "directory", "dangling link"],
)
def test_what_is_no_store_of_ours_is_refused_and_left_as_it_is(tmp_path, make, told):
    make(tmp_path / STORE)
    assert refusal(tmp_path / STORE).startswith(told.format(path=tmp_path / STORE))
    assert [path.name for path in tmp_path.iterdir()] == [STORE]


@contextmanager
def made_newer(store: Path) -> Iterator[None]:
    """A newer program brings the store to its format, which stands in the log only as long as it has it open."""
    with closing(sqlite3.connect(store, isolation_level=None)) as db:
        db.execute("BEGIN")
        db.execute("ALTER TABLE commits ADD COLUMN place TEXT")
        db.execute(f"PRAGMA user_version = {FORMAT + 1}")
        db.execute("COMMIT")
        assert format_of(store) == FORMAT  # as its file says
        yield


USES = {
    "open": lambda store: Graph.open(store.parent),
    "verify": verify,
    "backup": lambda store: backup(store, store.with_name("copy")),
    "recover": lambda store: recover(store, store.with_name("new") / STORE),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_a_newer_format_is_recognised_where_it_stands_in_the_log_only(tmp_path, use):
    """Nothing of it is called damaged, and nothing is written."""
    with opened(tmp_path) as graph:
        graph.apply([Project(id="project:x", name="X")])
    with made_newer(tmp_path / STORE):
        with pytest.raises(StoreError) as caught:
            use(tmp_path / STORE)
        assert str(caught.value) == (
            f"The store {tmp_path / STORE} has format {FORMAT + 1}, and this program reads up to {FORMAT}: use a newer"
            " Fieldgraph."
        )
        assert [path for path in tmp_path.glob("*") if path.is_file() and STORE not in path.name] == []


def test_a_store_that_becomes_newer_while_it_is_open_is_written_to_no_more(tmp_path):
    with opened(tmp_path) as graph:
        graph.apply([Project(id="project:x", name="X")])
        with made_newer(tmp_path / STORE), pytest.raises(StoreError, match="use a newer Fieldgraph"):
            graph.apply([Project(id="project:y", name="Y")])


def test_what_anybody_may_know_of_a_fault_does_not_say_where_the_store_is(tmp_path):
    told = []
    with opened(tmp_path) as graph:
        graph.apply([Project(id="project:x", name="X")])
        with closing(SQLiteJournal(tmp_path / STORE, wait_s=0.01)) as journal:
            with graph._journal.writing(), pytest.raises(StoreBusy) as caught, journal.writing():
                pass
            told.append(caught.value)
            journal._writer.execute("PRAGMA query_only = ON")
            with pytest.raises(StoreError) as caught:
                commit(journal, "a")
            told.append(caught.value)
            journal._writer.execute("PRAGMA query_only = OFF")
            journal._writer.execute("UPDATE changes SET checksum = 7")
            with pytest.raises(StoreError) as caught:
                list(journal.replay(0, 1))
            told.append(caught.value)
            with made_newer(tmp_path / STORE), pytest.raises(StoreError) as caught:
                commit(journal, "a")
            told.append(caught.value)
    assert all(str(tmp_path) in str(error) for error in told)
    assert [error.public for error in told] == [
        "Another process is writing to the store. Try again when it has finished.",
        "The store cannot be used: attempt to write a readonly database. Nothing was stored.",
        "The store is damaged at commit 1, change 0. It was left as it is.",
        f"The store has format {FORMAT + 1}, and this program reads up to {FORMAT}: use a newer Fieldgraph.",
    ]


def test_a_directory_that_cannot_be_is_told(tmp_path):
    (tmp_path / "file").touch()
    for directory, why in [("file", "File exists"), ("file/inside", "Not a directory"), ("/proc/none", "No such file")]:
        with pytest.raises(StoreError, match=f"The data directory .* cannot be used: {why}.*with --data"):
            Graph.open(tmp_path / directory)


# Damage

OTHER_TEXT = "CAST(replace(record, 'name', 'eman') AS BLOB)"

PARTS = 8
EMPTY_STRETCH = 64


def places(content: bytes, part: int) -> Iterator[int]:
    """The bytes of the file that are looked at by one of PARTS tests: all that say something and those beside them; of
    long empty stretches, one in EMPTY_STRETCH."""
    size = len(content) // PARTS
    for place in range(part * size, (part + 1) * size):
        if any(content[max(0, place - 4) : place + 4]) or place % EMPTY_STRETCH == 0:
            yield place


def what_is_found(directory: Path) -> tuple[Head, str] | str:
    """What a store holds, or why it is refused."""
    try:
        with opened(directory) as graph:
            return graph.head, text_of(graph)
    except StoreError as error:
        return str(error)


@pytest.mark.parametrize("part", range(PARTS))
def test_a_changed_byte_is_recognised_or_changes_nothing(built, tmp_path, part):
    """Opening says so, or the graph is equal: nothing else may come of it, whichever byte it is."""
    with opened(built) as graph:
        expected = graph.head, text_of(graph)
    content, chance, path = (built / STORE).read_bytes(), Random(part), tmp_path / STORE
    for place in places(content, part):
        damaged = bytearray(content)
        damaged[place] ^= chance.choice([0x01, 0x80, 0xFF])
        path.write_bytes(damaged)
        found = what_is_found(tmp_path)
        assert found == expected or str(path) in found, f"byte {place}"
        assert found == expected or path.read_bytes() == damaged, f"byte {place}: written to"
        for left in (f"{path}-wal", f"{path}-shm"):
            Path(left).unlink(missing_ok=True)


@pytest.mark.parametrize("length", [1, 99, 100, 1_000, 4_096, 5_000, 8_192, 12_288, -4_096, -1])
def test_a_file_that_was_cut_is_recognised(store, length):
    store.write_bytes(store.read_bytes()[:length])
    assert str(store) in refusal(store)


@pytest.mark.parametrize(
    ("damage", "place"),
    [
        (f"UPDATE changes SET record = {OTHER_TEXT} WHERE version = 1 AND position = 4", "commit 1, change 4"),
        ("UPDATE changes SET action = 'REMOVED' WHERE version = 1 AND position = 0", "commit 1, change 0"),
        ("UPDATE changes SET kind = 'PROJECT' WHERE version = 1 AND position = 0", "commit 1, change 0"),
        ("UPDATE changes SET checksum = checksum + 1 WHERE version = 2 AND position = 3", "commit 2, change 3"),
        ("UPDATE changes SET position = 99 WHERE version = 1 AND position = 0", "commit 1, change 0"),
        ("DELETE FROM changes WHERE version = 1 AND position = 2", "commit 1, change 2"),
        ("DELETE FROM changes WHERE version = 1 AND position = 13", "commit 1"),
        ("UPDATE commits SET time = '2020-01-01T00:00:00.000000Z' WHERE version = 2", "commit 2"),
        ("UPDATE commits SET author = 'somebody' WHERE version = 1", "commit 1"),
        ("UPDATE commits SET changes = 1 WHERE version = 3", "commit 3"),
        ("UPDATE commits SET digest = x'00' WHERE version = 1", "commit 1"),
        ("DELETE FROM commits WHERE version = 1", "commit 1"),
        ("DELETE FROM commits WHERE version = 2", "commit 2"),
        ("DELETE FROM commits WHERE version = 3", "its newest commit"),
        ("DELETE FROM changes WHERE version = 3", "its newest commit"),
        ("DELETE FROM commits", "its newest commit"),
        ("UPDATE commits SET version = 7 WHERE version = 3", "its newest commit"),
        ("DROP TABLE changes", "no such table: changes"),
    ],
)
def test_what_was_tampered_with_is_told_with_its_place(store, damage, place):
    with closing(sqlite3.connect(store)) as db:
        assert db.execute(damage).rowcount != 0
        db.commit()
    assert refusal(store) == (
        f"The store {store} is damaged at {place}. It was left as it is. Restore a backup, or save what came before the"
        f" damage with `fieldgraph recover --data {store.parent} --to DIR`."
    )


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE changes SET checksum = checksum + 1 WHERE version = 2 AND position = 1",
        "DELETE FROM changes WHERE version = 2 AND position = 1",
        "DELETE FROM changes WHERE version = 2",
        "DELETE FROM changes WHERE version = 1 AND position = (SELECT max(position) FROM changes WHERE version = 1)",
        "DELETE FROM commits WHERE version = 2",
    ],
)
def test_no_page_of_changes_passes_over_damage(store, damage):
    with closing(sqlite3.connect(store)) as db:
        assert db.execute(damage).rowcount != 0
        db.commit()
    with closing(SQLiteJournal(store)) as journal, pytest.raises(StoreError, match="damaged at commit"):
        journal.changes(Mark(0), 3, 1_000)


def test_damage_that_happens_later_reaches_nobody_who_follows(tmp_path):
    with opened(tmp_path) as mine, opened(tmp_path) as other:
        other.apply([Project(id="project:x", name="X")])
        mine.follow()
        other.apply([Project(id="project:y", name="Y")])
        with closing(sqlite3.connect(tmp_path / STORE)) as db:
            db.execute(f"UPDATE changes SET record = {OTHER_TEXT} WHERE version = 2")
            db.commit()
        for attempt in (mine.follow, lambda: mine.apply([Project(id="project:z", name="Z")])):
            with pytest.raises(StoreError, match="damaged at commit 2, change 0"):
                attempt()
            assert mine.version == 1
            assert "project:y" not in text_of(mine)


def test_a_log_cut_at_any_length_leaves_whole_commits(tmp_path):
    """As a kill or a power cut leaves it: the commits whose end reached the disk, and nothing of the next."""
    states, log = {}, f"{STORE}-wal"
    with opened(tmp_path / "live") as graph:
        states[0] = text_of(graph)
        for lines in ([line for line in SMALL_WORLD if line.get("kind", "METRIC") != "METRIC"], SMALL_WORLD):
            graph.apply(write(line) for line in lines)
            states[graph.version] = text_of(graph)
        base, whole = ((tmp_path / "live" / name).read_bytes() for name in (STORE, log))
    chance, versions = Random(1), []
    (tmp_path / "cut").mkdir()
    for length in [0, *sorted(chance.sample(range(len(whole)), 60)), len(whole)]:
        (tmp_path / "cut" / STORE).write_bytes(base)
        (tmp_path / "cut" / log).write_bytes(whole[:length])
        with opened(tmp_path / "cut") as graph:
            assert text_of(graph) == states[graph.version]
            versions.append(graph.version)
    assert versions == sorted(versions)
    assert set(versions) == {0, 1, 2}


# Several processes

HOLD = "import sqlite3, sys; db = sqlite3.connect(sys.argv[1], isolation_level=None); db.execute('BEGIN IMMEDIATE');"
HOLD += "print('held', flush=True); sys.stdin.read()"

MEET = """
import sys
from pathlib import Path
from graph.graph import Graph
from graph.model import Project
print("ready", flush=True)
sys.stdin.readline()
graph = Graph.open(Path(sys.argv[1]), 30)
print(graph.apply([Project(id=f"project:{sys.argv[2]}", name="X")]).version, flush=True)
graph.close()
"""


@contextmanager
def python(code: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """A process that runs the code, until the context ends."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def said(process: subprocess.Popen[str]) -> str:
    """The next line that a process prints."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_processes_that_make_the_same_store_at_once_share_it(tmp_path):
    with (
        python(MEET, tmp_path / "new", 1) as first,
        python(MEET, tmp_path / "new", 2) as second,
        python(MEET, tmp_path / "new", 3) as third,
    ):
        processes = [first, second, third]
        assert [said(process) for process in processes] == ["ready"] * 3
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        assert sorted(said(process) for process in processes) == ["1", "2", "3"]
        assert [process.wait(20) for process in processes] == [0, 0, 0]
    with opened(tmp_path / "new") as graph:
        assert [entity.id for entity in graph.engine.entities()] == ["project:1", "project:2", "project:3"]
    assert [path.name for path in (tmp_path / "new").iterdir()] == [STORE]


def test_a_write_lock_kept_too_long_is_told_with_its_holder(store):
    with opened(store.parent, 0.05) as graph, python(HOLD, store) as holder:
        assert said(holder) == "held"
        before = text_of(graph)
        with pytest.raises(StoreBusy) as caught:
            graph.apply([Project(id="project:x", name="X")])
        who = f"Process {holder.pid}" if Path("/proc/locks").exists() else "Another process"
        assert str(caught.value) == (
            f"{who} is writing to the store {store}. Try again when it has finished, or wait longer with --wait."
        )
        assert (graph.version, text_of(graph), graph.follow()) == (3, before, False)  # readers go on
        with opened(store.parent) as reader:
            assert reader.version == 3
        holder.kill()
        holder.wait()
        assert graph.apply([Project(id="project:x", name="X")]).version == 4


def test_a_writer_waits_for_its_turn(store):
    with opened(store.parent, 20) as graph, python(HOLD, store) as holder:
        assert said(holder) == "held"
        soon = Timer(0.3, holder.kill)
        soon.start()
        assert graph.apply([Project(id="project:x", name="X")]).version == 4
        soon.join()
        assert holder.wait() != 0


# A full disk

FULL = """
import resource, sys
from pathlib import Path
from graph.errors import StoreError
from graph.graph import Graph
from graph.model import Project
from tests.graph.conftest import canonical, text_of

def limit(bytes):
    resource.setrlimit(resource.RLIMIT_FSIZE, (bytes, resource.RLIM_INFINITY))

graph = Graph.open(Path(sys.argv[1]))
graph.apply([Project(id="project:x", name="X")])
before, heard = (graph.head, text_of(graph)), []
graph.on_change(heard.extend)
limit(100_000)
for attempt in range(3):
    try:
        graph.apply(Project(id=f"project:{number}", name="y" * 1_000) for number in range(1_000))
        print("stored")
    except StoreError as error:
        print(error)
print((graph.head, text_of(graph)) == before, heard, graph.follow())
limit(resource.RLIM_INFINITY)
print(graph.apply([Project(id="project:y", name="Y")]).version)
graph.close()
"""


def test_a_disk_that_is_full_is_told_to_the_writer_and_harms_nothing(tmp_path):
    with python(FULL, tmp_path) as process:
        told, _ = process.communicate(timeout=20)
    *errors, unharmed, version = told.splitlines()
    told = f"The store {tmp_path / STORE} cannot be used: disk I/O error."
    assert errors == [f"{told} Nothing was stored. Check its disk and permissions."] * 3
    assert (unharmed, version) == ("True [] False", "2")
    with opened(tmp_path) as graph:
        assert [entity.id for entity in graph.engine.entities()] == ["project:x", "project:y"]


# A store of format 1, as the first program made it: seven commits over the small world

FORMAT_1 = Path(__file__).with_name("format1.sqlite")


def test_a_store_of_an_older_format_is_brought_to_this_one_and_loses_nothing(tmp_path):
    shutil.copy(FORMAT_1, tmp_path / STORE)
    with opened(tmp_path) as graph:
        exported = b"".join(canonical(graph.engine.entities(), graph.engine.all_relations()))
        changes = list(graph._journal.replay(0, graph.version))
    assert exported == FORMAT_1.with_suffix(".jsonl").read_bytes()
    with opened(tmp_path) as again:
        assert list(again._journal.replay(0, again.version)) == changes
    held: dict[object, object] = {}
    for change in changes:
        name = change.record.name if isinstance(change.record, Relation) else change.record.id
        if change.action in (ChangeAction.UPDATED, ChangeAction.RELATED):
            assert change.before == held.get(name)
        else:
            assert change.before is None
        held[name] = None if change.action in (ChangeAction.REMOVED, ChangeAction.UNRELATED) else change.record
    assert sum(change.before is not None for change in changes) == 3


# A store of format 2, as its program made it: six commits over the same world, three of them with keys; three tokens

FORMAT_2 = Path(__file__).with_name("format2.sqlite")


def held_of_format_2(path: Path) -> list[list[tuple[object, ...]]]:
    """All that it holds."""
    columns = {
        "commits": "*",
        "changes": "*",
        "mentions": "*",
        "keys": "name, digest, version, created, updated, removed, unchanged, has_changes, time",
        "tokens": "name, scope, digest, created, expires, revoked",
    }
    with closing(sqlite3.connect(path)) as db:
        return [
            db.execute(f"SELECT {names} FROM {table} ORDER BY 1, 2, 3").fetchall() for table, names in columns.items()
        ]


def test_a_store_of_format_2_gets_checksums_for_tokens_and_keys(tmp_path):
    shutil.copy(FORMAT_2, tmp_path / STORE)
    before = held_of_format_2(tmp_path / STORE)
    with opened(tmp_path) as graph:
        assert b"".join(canonical(graph.engine.entities(), graph.engine.all_relations())) == (
            FORMAT_2.with_suffix(".jsonl").read_bytes()
        )
        ada, bot, root = graph.tokens.all()
        assert (ada.scope, ada.expires, bot.expires, root.revoked) == (
            Scope.WRITE,
            None,
            NOON + timedelta(days=30),
            NOON + timedelta(days=1),
        )
        assert graph.tokens.find(bot.digest) == bot
        kept = graph._journal.kept("key 3")
        assert kept == Kept(b"digest 3", 4, created=0, updated=0, removed=1, unchanged=0, has_changes=True)
    assert held_of_format_2(tmp_path / STORE) == before
    assert verify(tmp_path / STORE) == (6, 41, 0, [], [])


@pytest.mark.parametrize("format", [FORMAT_1, FORMAT_2])
def test_a_store_that_was_brought_here_is_laid_out_as_a_new_one(tmp_path, format):
    shutil.copy(format, tmp_path / STORE)
    SQLiteJournal(tmp_path / STORE).close()
    SQLiteJournal(tmp_path / "new" / STORE).close()
    laid_out = []
    for path in (tmp_path / STORE, tmp_path / "new" / STORE):
        with closing(sqlite3.connect(path)) as db:
            laid_out.append(set(db.execute("SELECT name, sql FROM sqlite_master").fetchall()))
            assert db.execute("PRAGMA user_version").fetchone() == (FORMAT,)
    assert laid_out[0] == laid_out[1]


def test_a_damaged_store_of_an_older_format_is_told_and_left_as_it_is(tmp_path):
    store = tmp_path / STORE
    shutil.copy(FORMAT_1, store)
    with closing(sqlite3.connect(store)) as db:
        db.execute("UPDATE changes SET record = CAST('{' AS BLOB) WHERE version = 3 AND position = 1")
        db.commit()
    with pytest.raises(StoreError, match="damaged at commit 3, change 1"):
        SQLiteJournal(store)
    with closing(sqlite3.connect(store)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (1,)
        assert db.execute("SELECT count(*) FROM changes").fetchone() == (46,)
