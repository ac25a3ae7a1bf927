"""Specifies graph/journal/backup.py, verify.py and recovery.py: a store copied, its damage found, and survived."""

import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from graph.errors import StoreError
from graph.graph import STORE, Graph
from graph.journal.backup import backup
from graph.journal.journal import Authorship, Key
from graph.journal.recovery import Recovered, recover
from graph.journal.rows import Chain, checksum_of
from graph.journal.snapshot import About, Snapshot
from graph.journal.snapshot import write as write_snapshot
from graph.journal.verify import verify
from graph.model import Line, Project
from graph.parse import write
from graph.tokens import Scope, create, recognised
from graph.writing import Edit
from tests.conftest import SMALL_WORLD
from tests.graph.conftest import text_of

ROOT = Path(__file__).parents[2]
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
FORMAT_1 = Path(__file__).with_name("format1.sqlite")
KEYS = "SELECT name, version, digest, created, updated, removed, unchanged, has_changes FROM keys ORDER BY version"
SHOWN = "SELECT version, time, author, note, changes, digest FROM commits ORDER BY version"


@contextmanager
def opened(directory: Path) -> Iterator[Graph]:
    with closing(Graph.open(directory)) as graph:
        yield graph


@contextmanager
def database(store: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(store)) as db:
        yield db
        db.commit()


def rows(store: Path, query: str) -> list[Any]:
    with database(store) as db:
        return db.execute(query).fetchall()


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> tuple[Path, list[str]]:
    """A directory with a store of five commits and a snapshot of the third, and what each version held. Shared: copy
    it."""
    directory, texts = tmp_path_factory.mktemp("built"), [""]
    with opened(directory) as graph:
        for number, lines in enumerate(
            [
                [line for line in SMALL_WORLD if line.get("kind", "METRIC") != "METRIC"],
                SMALL_WORLD,
                [{"id": "project:koro", "kind": "PROJECT", "name": "Koro hospital"}],
                [{"remove": "partner:red-cross"}],
                [{"relation": "LOCATED_IN", "subject": "project:koro", "object": "place:koro", "percentage": 50}],
            ]
        ):
            key = Key(f"key {number}", b"digest")
            graph.write([Edit([Line(write(line)) for line in lines], Authorship("ann", f"number {number}"), key=key)])
            texts.append(text_of(graph))
            if number == 2:
                assert graph.take_snapshot(1)
        for name, scope in (("reader", Scope.READ), ("writer", Scope.WRITE)):
            create(graph.tokens, name, scope, NOON)
    return directory, texts


@pytest.fixture
def store(built, tmp_path) -> Path:
    """The store's file, in a directory to do with as one likes."""
    shutil.copytree(built[0], tmp_path / "data")
    return tmp_path / "data" / STORE


# Verification


def test_a_store_that_is_whole_is_found_to_be(store):
    with database(store) as db:
        (changes,) = db.execute("SELECT count(*) FROM changes").fetchone()
    assert verify(store) == (5, changes, 1, [], [])


def test_a_store_that_is_in_use_can_be_verified(store):
    with opened(store.parent) as graph:
        graph.apply([Project(id="project:x", name="X")])
        assert verify(store).commits == 6
        assert graph.apply([Project(id="project:y", name="Y")]).version == 7


def test_an_older_format_is_brought_to_this_one_and_verified(tmp_path):
    shutil.copy(FORMAT_1, tmp_path / STORE)
    assert verify(tmp_path / STORE) == (6, 46, 0, [], [])


MENTION_OF = "entity = 'project:koro' AND version = 3"
FIRST_UPDATE = "version = 3 AND position = 0"


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (
            "UPDATE changes SET record = CAST('{}' AS BLOB) WHERE version = 1 AND position = 4",
            "commit 1, change 4 is not",
        ),
        ("UPDATE changes SET action = 'REMOVED' WHERE version = 2 AND position = 0", "commit 2, change 0 is not"),
        (f"UPDATE changes SET before = NULL WHERE {FIRST_UPDATE}", "commit 3, change 0 is not"),
        ("DELETE FROM changes WHERE version = 2 AND position = 1", "commit 2, change 1 is not"),
        ("UPDATE commits SET note = 'other' WHERE version = 4", "commit 4 is not"),
        ("UPDATE commits SET digest = x'00' WHERE version = 2", "commit 2 is not"),
        ("DELETE FROM commits WHERE version = 5", "commit 5 is not"),
        ("DELETE FROM commits WHERE version = 2", "commit 2 is not"),
        (f"DELETE FROM mentions WHERE {MENTION_OF}", "commit 3, change 0 is missing in the history of project:koro"),
        ("INSERT INTO mentions VALUES ('project:koro', 1, 0)", "histories hold 1 changes that are not of their entity"),
        ("UPDATE tokens SET scope = 'admin' WHERE name = 'reader'", "token 'reader' is not what was written"),
        ("UPDATE tokens SET checksum = checksum + 1", "token 'reader' is not what was written"),
        ("UPDATE keys SET version = 2 WHERE name = 'key 3'", "key 'key 3' is not what was written"),
        ("UPDATE keys SET time = '2126-05-04T12:00:00Z' WHERE name = 'key 0'", "key 'key 0' is not what was written"),
        ("CREATE TABLE other (id)", "other is not laid out as this program does it"),
        ("DROP INDEX keys_by_age", "keys_by_age is not laid out as this program does it"),
        ("ALTER TABLE tokens RENAME TO old_tokens", "old_tokens is not laid out"),
    ],
)
def test_what_was_tampered_with_is_found(store, damage, told):
    with database(store) as db:
        db.execute(damage)
    faults = verify(store).journal_faults
    assert told in faults[0]
    assert len(faults) == 1 or "RENAME" in damage


def test_a_table_that_is_gone_is_missed_wherever_it_is_looked_for(store):
    with database(store) as db:
        db.execute("DROP TABLE mentions")
    assert sorted(verify(store).journal_faults) == [
        "commit 1, change 0 cannot be found by place:africa: no such table: mentions",
        "mentions is not laid out as this program does it",
    ]


class Forger:
    """Writes what no program of ours would, with checksums and digests that are right."""

    def __init__(self, store: Path) -> None:
        self._store = store

    def change(self, edit: Callable[[sqlite3.Connection], object]) -> None:
        with database(self._store) as db:
            edit(db)
            previous = b""
            for version, time, author, note, *_ in db.execute(SHOWN).fetchall():
                chain = Chain(previous, version, time, author, note)
                query = (
                    "SELECT version, position, action, kind, record, before FROM changes WHERE version = ? ORDER BY 2"
                )
                for row in db.execute(query, (version,)).fetchall():
                    chain.add(checksum_of(*row))
                    db.execute(
                        "UPDATE changes SET checksum = ? WHERE version = ? AND position = ?",
                        (checksum_of(*row), *row[:2]),
                    )
                previous = chain.digest()
                db.execute("UPDATE commits SET digest = ? WHERE version = ?", (previous, version))


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (
            "UPDATE changes SET before = CAST(replace(before, 'Koro', 'Kuru') AS BLOB) WHERE version = 3",
            "commit 3, change 0",
        ),
        ("UPDATE changes SET before = NULL WHERE version = 3", "commit 3, change 0"),
        ("UPDATE changes SET action = 'CREATED', before = NULL WHERE version = 3", "commit 3, change 0"),
        ("UPDATE changes SET before = record WHERE version = 1 AND position = 2", "commit 1, change 2"),
        ("UPDATE commits SET time = '2020-01-01T00:00:00.000000Z' WHERE version = 4", "commit 4 is of 2020"),
    ],
)
def test_what_contradicts_itself_is_found_even_where_checksums_are_right(store, edit, told):
    for path in store.parent.glob("*.snapshot"):
        path.unlink()
    Forger(store).change(lambda db: db.execute(edit))
    (fault,) = verify(store).journal_faults
    assert fault.startswith(told)


def test_a_snapshot_that_is_wrong_is_found_even_where_its_digests_are_right(store):
    (path,) = store.parent.glob("*.snapshot")
    with Snapshot(path) as snapshot:
        about, records = About(snapshot.version, snapshot.digest), list(snapshot.records())
    first = records[0]
    forgeries = {
        f"is wrong about {first.id}.": [msgspec.structs.replace(first, name="Z"), *records[1:]],
        "lacks 1 records.": records[:-1],
        f"is wrong about {first.id}": [first, *records[:-1], first],
    }
    for told, forged in forgeries.items():
        with path.open("wb") as file:
            write_snapshot(file, about, ((record.kind, [record]) for record in forged))
        found = verify(store)
        assert (found.journal_faults, found.snapshots) == ([], 0)
        assert told in found.snapshot_faults[0]


def test_a_page_that_only_sqlite_knows_is_looked_at_too(store):
    """A changed byte is found, wherever it is, unless the file says the same with it."""
    content, chance = store.read_bytes(), Random(2)
    expected = verify(store), rows(store, "SELECT * FROM changes"), rows(store, "SELECT * FROM mentions")
    said = [place for place in range(100, len(content)) if content[place]]
    for place in chance.sample(said, 150):
        damaged = bytearray(content)
        damaged[place] ^= chance.choice([0x01, 0x80, 0xFF])
        store.write_bytes(damaged)
        found = verify(store)
        for left in ("wal", "shm"):
            Path(f"{store}-{left}").unlink(missing_ok=True)
        if not found.journal_faults:
            assert (found, rows(store, "SELECT * FROM changes"), rows(store, "SELECT * FROM mentions")) == expected


# Recovery


@pytest.mark.parametrize(
    ("damage", "place", "commits"),
    [
        ("UPDATE changes SET checksum = checksum + 1 WHERE version = 3", "commit 3, change 0", 2),
        ("UPDATE commits SET author = 'bob' WHERE version = 5", "commit 5", 4),
        ("DELETE FROM changes WHERE version = 2 AND position = 5", "commit 2, change 5", 1),
        ("DELETE FROM commits WHERE version = 5", "commit 5", 4),
        ("DELETE FROM mentions", None, 5),
    ],
)
def test_all_that_came_before_the_damage_is_saved_as_it_was(store, built, tmp_path, damage, place, commits):
    before = {query: rows(store, query) for query in (SHOWN, "SELECT * FROM changes", "SELECT * FROM mentions", KEYS)}
    with database(store) as db:
        db.execute(damage)
    content = store.read_bytes()
    saved = recover(store, tmp_path / "new" / STORE)
    assert saved is not None
    assert (saved.commits, saved.place) == (commits, place)
    assert store.read_bytes() == content
    with opened(tmp_path / "new") as graph:
        assert (graph.version, text_of(graph)) == (commits, built[1][commits])
    for query, expected in before.items():
        at = 1 if "mentions" in query or query == KEYS else 0
        kept = [row for row in expected if row[at] <= commits]
        assert rows(tmp_path / "new" / STORE, query) == kept
    assert saved.changes == sum(row[4] for row in before[SHOWN] if row[0] <= commits)
    assert verify(tmp_path / "new" / STORE).journal_faults == []
    assert stat.S_IMODE((tmp_path / "new" / STORE).stat().st_mode) == 0o600


def test_what_is_only_in_the_log_is_saved_and_the_log_left_as_it_is(store, tmp_path):
    """As a process that was killed leaves it."""
    with opened(store.parent) as graph:
        graph.apply([Project(id="project:x", name="X")])
        graph.apply([Project(id="project:y", name="Y")])
        with closing(sqlite3.connect(store)) as db:
            db.execute("UPDATE changes SET checksum = 7 WHERE version = 7")
            db.commit()
        left = tmp_path / "left"
        left.mkdir()
        for path in (store, Path(f"{store}-wal")):
            shutil.copy(path, left)
    before = {path.name: path.read_bytes() for path in left.iterdir()}
    ((changes,),) = rows(store, "SELECT count(*) FROM changes")
    # Of the last commit the log still holds the page as it was before.
    assert recover(left / STORE, tmp_path / "new" / STORE) == Recovered(7, changes, None)
    assert {name: (left / name).read_bytes() for name in before} == before


def test_where_nothing_is_damaged_nothing_is_written(store, tmp_path):
    (path,) = store.parent.glob("*.snapshot")
    path.write_bytes(path.read_bytes()[:-1])
    assert recover(store, tmp_path / "new" / STORE) is None
    assert not (tmp_path / "new").exists()


def test_what_cannot_be_recovered_is_told(store, tmp_path):
    with pytest.raises(StoreError, match="exists already"):
        recover(store, store)
    with database(store) as db:
        db.execute("UPDATE changes SET checksum = 7 WHERE version = 1")
    with pytest.raises(StoreError, match=r"Nothing of .* can be saved: it is damaged at commit 1, change 0.*backup"):
        recover(store, tmp_path / "new" / STORE)
    assert list((tmp_path / "new").iterdir()) == []


def test_a_damaged_store_of_an_older_format_can_be_recovered(tmp_path):
    shutil.copy(FORMAT_1, tmp_path / STORE)
    with database(tmp_path / STORE) as db:
        db.execute("UPDATE changes SET checksum = 7 WHERE version = 5 AND position = 0")
    content = (tmp_path / STORE).read_bytes()
    saved = recover(tmp_path / STORE, tmp_path / "new" / STORE)
    assert saved is not None
    assert (saved.commits, saved.place) == (4, "commit 5, change 0")
    assert (tmp_path / STORE).read_bytes() == content
    assert verify(tmp_path / "new" / STORE) == (4, saved.changes, 0, [], [])


# Backup


def test_a_backup_of_a_store_that_is_written_to_is_one_of_its_versions(tmp_path):
    """Other processes commit and write snapshots meanwhile."""
    command = [sys.executable, "-m", "tests.graph.load", tmp_path / "data", "7", "snapshots"]
    log = tmp_path / "load.log"
    taken = []
    with log.open("wb") as out, subprocess.Popen(command, cwd=ROOT, stdout=out) as load:
        try:
            while len(taken) < 8:
                assert load.poll() is None
                if log.read_bytes().count(b"stored") > 20 * len(taken):
                    to = tmp_path / f"backup-{len(taken)}"
                    to.mkdir()
                    taken.append((to, backup(tmp_path / "data" / STORE, to / STORE)))
        finally:
            load.kill()
    with opened(tmp_path / "data") as live:
        for to, version in taken:
            assert verify(to / STORE)[:1] + verify(to / STORE)[3:] == (version, [], [])
            with opened(to) as graph:
                changes = list(graph._journal.replay(0, version))
                assert (graph.version, changes) == (version, list(live._journal.replay(0, version)))
    assert [version for _, version in taken] == sorted({version for _, version in taken})


def test_a_backup_that_is_restored_exports_the_same_bytes(store, built, tmp_path):
    assert backup(store, tmp_path / "backup.sqlite") == 5
    assert stat.S_IMODE((tmp_path / "backup.sqlite").stat().st_mode) == 0o600
    (tmp_path / "restored").mkdir()
    shutil.copy(tmp_path / "backup.sqlite", tmp_path / "restored" / STORE)
    with opened(tmp_path / "restored") as graph:
        assert (graph.version, text_of(graph)) == (5, built[1][5])
        assert graph.apply([Project(id="project:x", name="X")]).version == 6


def test_a_backup_replaces_nothing_and_leaves_nothing_half_done(store, tmp_path):
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "link").symlink_to("nowhere")
    for name in ("mine", "link"):
        with pytest.raises(StoreError, match=r"exists, and a backup replaces nothing. Name another file."):
            backup(store, tmp_path / name)
    with pytest.raises(StoreError, match="cannot be written: No such file or directory"):
        backup(store, tmp_path / "none" / "backup")
    with pytest.raises(StoreError, match="is not a Fieldgraph store"):
        backup(tmp_path / "mine", tmp_path / "backup")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "link", "mine"]
    assert (tmp_path / "mine").read_text() == "mine"


def test_whoever_was_known_is_known_to_the_saved_store(store, tmp_path):
    with opened(store.parent) as graph:
        secret = create(graph.tokens, "ada", Scope.WRITE, datetime(2026, 1, 1, tzinfo=UTC))
    with database(store) as db:
        db.execute("UPDATE commits SET author = 'bob' WHERE version = 5")
        db.commit()
    recover(store, tmp_path / "new" / STORE)
    with opened(tmp_path / "new") as graph:
        token = recognised(graph.tokens, secret)
        assert token is not None
        assert (token.name, token.scope) == ("ada", Scope.WRITE)


def test_tokens_and_keys_that_are_damaged_are_left_out_of_the_saved_store(store, tmp_path):
    with database(store) as db:
        db.execute("UPDATE tokens SET scope = 'admin' WHERE name = 'reader'")
        db.execute("UPDATE keys SET version = 1 WHERE name = 'key 3'")
    assert recover(store, tmp_path / "new" / STORE) == Recovered(5, verify(store).changes, None)
    with opened(tmp_path / "new") as graph:
        assert [token.name for token in graph.tokens.all()] == ["writer"]
        assert [graph._journal.kept(f"key {number}") is None for number in range(5)] == [False] * 3 + [True, False]
    assert verify(tmp_path / "new" / STORE).journal_faults == []
    with opened(store.parent) as graph, pytest.raises(StoreError, match="damaged at key 'key 3'"):
        graph._journal.kept("key 3")
