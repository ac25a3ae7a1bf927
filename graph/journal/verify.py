"""Verifying a store: all that it holds is gone through from the first commit on, and held against what it should be.

A start trusts what a snapshot stands for; this trusts nothing. It reads one version of the store while others write.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, closing
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from graph.errors import StoreError
from graph.journal.layout import FORMAT, TABLES, connect, format_of
from graph.journal.reading import CommitRow, Damage, whole_rows
from graph.journal.rows import Row, change_of, checksum_over, encode
from graph.journal.snapshot import Record, Snapshot, SnapshotDamaged
from graph.journal.snapshots import paths
from graph.journal.sqlite import SQLiteJournal
from graph.journal.tail import tail_of
from graph.model import Change, Relation
from graph.vocabulary import ChangeAction

SCHEMA = "SELECT name, sql FROM sqlite_master"
MENTIONED = "SELECT 1 FROM mentions WHERE entity = ? AND version = ? AND position = ?"


class Verified(NamedTuple):
    """What was gone through and found whole, and what is damaged: in the journal, which has to be recovered, and of the
    snapshots, which can be done without."""

    commits: int
    changes: int
    snapshots: int
    journal_faults: list[str]
    snapshot_faults: list[str]


def verify(store: Path, wait_s: float = 5.0) -> Verified:
    """Goes through a store. Raises StoreError where it is none of ours, or cannot be read at all."""
    if format_of(store) < FORMAT:
        SQLiteJournal(store, wait_s).close()  # which brings it to this format
    with ExitStack() as stack:
        # Opened before the store is looked at: it then holds all that they do, whoever replaces them meanwhile.
        snapshots, faults = _opened(store, stack)
        try:
            db = stack.enter_context(closing(connect(store, wait_s, changes=False)))
            db.execute("BEGIN")
            db.execute("PRAGMA user_version")
        except sqlite3.OperationalError as error:
            raise StoreError(f"The store {store} cannot be read: {error}. Check its disk and permissions.") from error
        except sqlite3.DatabaseError as error:
            return Verified(0, 0, 0, [f"SQLite cannot read it at all: {error}"], faults)
        check = Check(db, snapshots)
        check.faults["snapshot"] += faults
        check.look_at_log(store)
        check.run()
        return check.verified()


def _opened(store: Path, stack: ExitStack) -> tuple[dict[int, list[Snapshot]], list[str]]:
    """The snapshots by their versions, and why others cannot be looked at."""
    snapshots: dict[int, list[Snapshot]] = defaultdict(list)
    faults = []
    for path in paths(store):
        try:
            snapshot = stack.enter_context(Snapshot(path))
        except FileNotFoundError:
            continue  # a newer one has just taken its place
        except OSError as error:
            faults.append(f"The snapshot {path} cannot be read: {error.strerror}.")
        except SnapshotDamaged as error:
            faults.append(str(error))
        else:
            snapshots[snapshot.version].append(snapshot)
    return snapshots, faults


class Check:
    """One run over a store, and what it has found so far: of each sort of fault in the journal the first."""

    def __init__(self, db: sqlite3.Connection, snapshots: dict[int, list[Snapshot]]) -> None:
        self.faults: dict[str, list[str]] = defaultdict(list)
        self._db = db
        self._snapshots = snapshots
        self._held: dict[str | bytes, bytes] = {}
        """What there is after the changes so far: by its name the digest of its record, a tenth of the memory."""
        self._commits = self._changes = self._mentions = self._good_snapshots = 0
        self._time = ""

    def verified(self) -> Verified:
        faults = dict(self.faults)
        of_snapshots = faults.pop("snapshot", [])
        of_journal = [fault for found in faults.values() for fault in found]
        return Verified(self._commits, self._changes, self._good_snapshots, of_journal, of_snapshots)

    def look_at_log(self, store: Path) -> None:
        tail = tail_of(store)
        if tail is not None and tail.commits:
            behind = f"behind which {tail.commits} commits stand"
            self._note("log", f"its log cannot be read from byte {tail.offset} on, {behind}")

    def run(self) -> None:
        changes = 0
        try:
            for row in whole_rows(self._db, FORMAT):
                if isinstance(row, CommitRow):
                    self._take_commit(row)
                    self._commits, self._changes = row.version, changes
                else:
                    self._take_change(row)
                    changes += 1
            self._require_no_other_mentions()
        except Damage as damage:
            self._note("record", f"{damage.place} is not what was written")
        else:
            for snapshot in (snapshot for found in self._snapshots.values() for snapshot in found):
                self._note_snapshot(f"The snapshot {snapshot.path} is of version {snapshot.version}, beyond the last.")
        self._require_tables()
        self._require_whole("keys", "key")
        self._require_whole("tokens", "token")
        for fault in self._pages():
            self._note("page", f"SQLite finds in its pages: {fault}")

    def _note(self, sort: str, fault: str) -> None:
        if not self.faults[sort]:
            self.faults[sort].append(fault)

    def _note_snapshot(self, fault: str) -> None:
        self.faults["snapshot"].append(fault)

    def _take_commit(self, commit: CommitRow) -> None:
        if commit.time < self._time:
            self._note("time", f"commit {commit.version} is of {commit.time}, before the commit before it")
        self._time = commit.time
        for snapshot in self._snapshots.pop(commit.version, ()):
            self._compare(snapshot, commit.digest)

    def _take_change(self, row: Row) -> None:
        place = f"commit {row[0]}, change {row[1]}"
        change = change_of(row)
        if change is None:
            raise Damage(place)
        if not self._fits(change):
            self._note("before", f"{place} does not fit what the changes before it left")
        self._require_mentions(change, place)

    def _fits(self, change: Change) -> bool:
        """Whether what a change says of the state before it is so. Takes it in."""
        name, new = _name(change.record), _digest(change.record)
        was = self._held.get(name)
        if change.action in (ChangeAction.REMOVED, ChangeAction.UNRELATED):
            self._held.pop(name, None)
            return was == new and change.before is None
        self._held[name] = new
        said = None if change.before is None else _digest(change.before)
        is_plausible = {ChangeAction.CREATED: said is None, ChangeAction.UPDATED: said is not None}
        return was == said and is_plausible.get(change.action, True)

    def _require_mentions(self, change: Change, place: str) -> None:
        for id in change.ids:
            self._mentions += 1
            try:
                if self._db.execute(MENTIONED, (id, change.version, change.index)).fetchone() is None:
                    self._note("mention", f"{place} is missing in the history of {id}")
            except sqlite3.DatabaseError as error:
                self._note("mention", f"{place} cannot be found by {id}: {error}")

    def _require_no_other_mentions(self) -> None:
        try:
            (found,) = self._db.execute("SELECT count(*) FROM mentions").fetchone()
        except sqlite3.DatabaseError as error:
            self._note("mention", f"the index of histories cannot be read: {error}")
        else:
            if found > self._mentions:
                self._note("mention", f"histories hold {found - self._mentions} changes that are not of their entity")

    def _require_tables(self) -> None:
        """Whether they are laid out as this program does it, to the letter."""
        with closing(sqlite3.connect(":memory:")) as fresh:
            fresh.executescript(TABLES)
            expected = dict(fresh.execute(SCHEMA))
        try:
            found = dict(self._db.execute(SCHEMA))
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            self._note("schema", f"its tables cannot be listed: {error}")
            return
        for name in sorted(expected.keys() | found.keys()):
            if expected.get(name) != found.get(name):
                self._note("schema", f"{name} is not laid out as this program does it")

    def _require_whole(self, table: str, row_name: str) -> None:
        try:
            for *values, checksum in self._db.execute(f"SELECT * FROM {table}"):
                if checksum != checksum_over(*values):
                    self._note(table, f"{row_name} {values[0]!r} is not what was written")
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            self._note(table, f"its {table} cannot be read: {error}")

    def _compare(self, snapshot: Snapshot, digest: bytes) -> None:
        """Whether a snapshot of the version that has been reached holds just what there is."""
        if snapshot.digest != digest:
            self._note_snapshot(f"The snapshot {snapshot.path} is of another store, or of what this one was before.")
            return
        seen: set[str | bytes] = set()
        try:
            for record in snapshot.records():
                name = _name(record)
                if name in seen or self._held.get(name) != _digest(record):
                    self._note_snapshot(f"The snapshot {snapshot.path} is wrong about {_told(record)}.")
                    return
                seen.add(name)
        except SnapshotDamaged as error:
            self._note_snapshot(str(error))
            return
        if len(seen) < len(self._held):
            self._note_snapshot(f"The snapshot {snapshot.path} lacks {len(self._held) - len(seen)} records.")
            return
        self._good_snapshots += 1

    def _pages(self) -> Iterator[str]:
        """What SQLite itself finds, which looks at the order of rows and pages that nobody uses too."""
        try:
            for (told,) in self._db.execute("PRAGMA integrity_check(1)"):
                if told != "ok":
                    yield " ".join(told.split())
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            yield str(error)


def _name(record: Record) -> str | bytes:
    return encode(record.name) if isinstance(record, Relation) else record.id


def _digest(record: Record) -> bytes:
    return blake2b(encode(record), digest_size=16, key=str(record.kind).encode()).digest()


def _told(record: Record) -> str:
    return str(record.name) if isinstance(record, Relation) else record.id
