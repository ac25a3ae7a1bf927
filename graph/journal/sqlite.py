"""The journal in one SQLite file: WAL, full synchronous, a checksum in every record, a digest that chains the commits.

SQLite's own write lock is the store's: whoever appends holds it, in whichever process, and a killed one lets it go.
`synchronous=FULL` is what an acknowledgement rests on: NORMAL loses acknowledged commits in a power cut. What was
refused because the disk failed is not there later either: see log.py.
"""

import logging
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from threading import RLock, Thread, current_thread, local
from typing import Any

from graph.engine import ChangePage
from graph.errors import StoreBusy, StoreError
from graph.journal.journal import Authorship, Head, Kept, commit_time, in_utc
from graph.journal.layout import FORMAT, connect, create, format_in, format_of
from graph.journal.log import KEPT, cut_off, overgrown
from graph.journal.migration import migrate
from graph.journal.rows import Chain, change_of, checksum_over, rows_of
from graph.journal.tail import tail_of
from graph.journal.tokens import SQLiteTokens
from graph.model import Change, Commit, Done, Mark, Recorded
from graph.plan import Page

logger = logging.getLogger("fieldgraph")

KEPT_FOR = timedelta(days=30)
"""So long it is known what an edit with a key came to."""

HEAD = "SELECT max(version), time, (SELECT max(version) FROM changes) FROM commits"
OWN_CHANGE = (
    "SELECT c.* FROM mentions m JOIN changes c ON c.version = m.version AND c.position = m.position"
    " WHERE m.entity = ? AND m.version BETWEEN ? AND ? AND c.action IN ('CREATED', 'UPDATED', 'REMOVED')"
    " ORDER BY m.version, m.position LIMIT 1"
)
WRITE_LOCK_BYTE = "120"
"""Where SQLite locks its shared-memory file while a process writes (WAL_WRITE_LOCK of its WAL format)."""
_STANDS = {
    False: "(m.version < ? OR (m.version = ? AND m.position > ?))",
    True: "(m.version > ? OR (m.version = ? AND m.position < ?))",
}
"""The condition of standing after (False) or before (True) a position in a history."""


class SQLiteJournal:
    """Opens the store at `path`, or makes it. `wait_s` bounds how long another process' write lock is waited for."""

    def __init__(self, path: Path, wait_s: float = 5.0) -> None:
        self._path = path
        self._wait_s = wait_s
        self._lock = RLock()
        self._own = local()
        self._readers: dict[Thread, sqlite3.Connection] = {}
        self._log_is_durable = False
        self._commit_failed = False
        self._log_is_overgrown = False
        try:
            if not path.exists():
                create(path)
            found = format_of(path)
        except (OSError, sqlite3.OperationalError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise StoreError(
                f"The data directory {path.parent} cannot be used: {reason}. Choose another with --data."
            ) from error
        self._look_at_log()
        with self._explained(), ExitStack() as half_open:
            if found < FORMAT:
                migrate(path, wait_s, self._damaged)
            # Not what is read over: what is read is what was committed, also while this process is about to commit.
            self._writer = half_open.enter_context(closing(connect(path, wait_s)))
            self._writer.execute("PRAGMA synchronous = FULL")
            self._writer.execute(f"PRAGMA journal_size_limit = {KEPT}")  # it is cut when it is begun anew
            tokens = SQLiteTokens(connect(path, wait_s), self._explained, self._damaged)
            self.tokens = half_open.enter_context(closing(tokens))
            half_open.pop_all()

    def _look_at_log(self) -> None:
        """Raises StoreError where commits stand behind a damaged place of the log; SQLite would pass them over."""
        tail = tail_of(self._path)
        if tail is not None and tail.is_damage:
            raise self._damaged(f"byte {tail.offset} of its log, behind which {tail.commits} commits stand")
        if tail is not None:
            told = "The last %d bytes of the log of %s are not whole and were left out: a write that did not end."
            logger.warning(told, tail.size, self._path)

    @property
    def _db(self) -> sqlite3.Connection:
        """What this thread reads over. All that is read over one connection is of one version while anything read over
        it is under way: a thread that replays must not have another one see an old head."""
        db: sqlite3.Connection | None = getattr(self._own, "db", None)
        if db is None:
            self._close_unused()
            db = self._own.db = connect(self._path, self._wait_s)
            db.execute("PRAGMA query_only = ON")
            self._readers[current_thread()] = db
        return db

    def _close_unused(self) -> None:
        """Closes what threads that have ended read over."""
        for thread in [thread for thread in list(self._readers) if not thread.is_alive()]:
            if (db := self._readers.pop(thread, None)) is not None:  # else another thread is at it too
                db.close()

    def head(self) -> Head:
        with self._explained():
            version, time, changed = self._db.execute(HEAD).fetchone()
        if version != changed:  # a table that has lost its end says nothing of it itself
            raise self._damaged("its newest commit")
        return Head(version or 0, time)

    def commit(self, version: int) -> Commit:
        with self._explained():
            query = "SELECT version, time, author, note FROM commits WHERE version = ?"
            return Commit(*self._db.execute(query, (version,)).fetchone())

    def version_at(self, time: str) -> int:
        with self._explained():
            # Times do not run backwards, so the newest commit that is old enough is found from the newest one down.
            query = "SELECT version FROM commits WHERE time <= ? ORDER BY version DESC LIMIT 1"
            found = self._db.execute(query, (time,)).fetchone()
        return found[0] if found else 0

    def count(self, after: int, until: int | None = None) -> int:
        with self._explained():
            query = (
                "SELECT coalesce(sum(changes), 0) FROM commits WHERE version > ? AND version <= coalesce(?, version)"
            )
            count: int = self._db.execute(query, (after, until)).fetchone()[0]
        return count

    def replay(self, after: int, until: int) -> Iterator[Change]:
        with self._explained():
            newest, previous = after, self._digest(self._db, after)
            commits = self._db.execute(
                "SELECT * FROM commits WHERE version > ? AND version <= ? ORDER BY version", (after, until)
            )
            for version, time, author, note, count, digest in commits:
                newest += 1
                if version != newest:
                    raise self._damaged(f"commit {newest}")
                chain = Chain(previous, version, time, author, note)
                for change, checksum in self._changes(version):
                    chain.add(checksum)
                    yield change
                if chain.count != count or chain.digest() != digest:
                    raise self._damaged(f"commit {version}")
                previous = digest
            if newest != until or self._has_changes_of_no_commit():
                raise self._damaged(f"commit {newest + 1}")

    def _has_changes_of_no_commit(self) -> bool:
        """Whether the newest commit has lost its row, but not its changes."""
        query = "SELECT 1 FROM changes WHERE version > (SELECT coalesce(max(version), 0) FROM commits) LIMIT 1"
        return self._db.execute(query).fetchone() is not None

    def _changes(self, version: int) -> Iterator[tuple[Change, int]]:
        rows = self._db.execute("SELECT * FROM changes WHERE version = ? ORDER BY position", (version,))
        for expected, row in enumerate(rows):
            change = change_of(row) if row[1] == expected else None
            if change is None:
                raise self._damaged(f"commit {version}, change {expected}")
            yield change, row[-1]

    def changes(self, after: Mark, until: int, most: int) -> list[Recorded]:
        with self._explained():
            rows = self._db.execute(
                "SELECT k.changes, c.*, k.time, k.author, k.note FROM changes c LEFT JOIN commits k USING (version)"
                " WHERE (c.version, c.position) > (?, ?) AND c.version <= ? ORDER BY c.version, c.position LIMIT ?",
                (*after, until, most),
            )
            found: list[Recorded] = []
            (version, index), last = after, None  # the last change of the commit, as far as that is known
            for count, *row in rows:
                is_next = row[1] == index + 1 if row[0] == version else row[:2] == [version + 1, 0]
                if count is None or not is_next or (row[0] > version and last not in (None, index)):
                    raise self._damaged(f"commit {version}, after change {index}")
                version, index, last = row[0], row[1], count - 1
                found.append(self._recorded(row))
            return found

    def history(self, id: str, page: Page, until: int) -> ChangePage:
        with self._explained():
            forwards = page.last is None
            size = page.first if forwards else page.last
            found = self._mentioned(id, until, page, forwards=forwards, most=-1 if size is None else size + 1)
            cut = size is not None and len(found) > size
            shown = found[:size] if cut else found
            if not forwards:
                shown.reverse()
            # What lies beyond the other end is what the cursor there left out.
            beyond = page.after if forwards else page.before
            other = beyond is not None and self._is_beyond(id, until, beyond, forwards=forwards)
            has_previous, has_next = (other, cut) if forwards else (cut, other)
            return ChangePage(shown, has_previous, has_next)

    def _mentioned(self, id: str, until: int, page: Page, *, forwards: bool, most: int) -> list[Recorded]:
        down, up = ("DESC", "ASC") if forwards else ("ASC", "DESC")
        conditions, values = ["entity = ?", "m.version <= ?"], [id, until]
        for position, before in ((page.after, False), (page.before, True)):
            if position is not None:
                conditions.append(_STANDS[before])
                values += [position[0], position[0], position[1]]
        rows = self._db.execute(
            "SELECT c.*, k.time, k.author, k.note FROM mentions m"
            " JOIN changes c ON c.version = m.version AND c.position = m.position"
            " JOIN commits k ON k.version = m.version"
            f" WHERE {' AND '.join(conditions)} ORDER BY m.version {down}, m.position {up} LIMIT ?",
            (*values, most),
        )
        return [self._recorded(row) for row in rows]

    def _is_beyond(self, id: str, until: int, position: Sequence[Any], *, forwards: bool) -> bool:
        """Whether anything stands at a position or on its other side."""
        query = f"SELECT 1 FROM mentions m WHERE entity = ? AND m.version <= ? AND NOT {_STANDS[not forwards]} LIMIT 1"
        values = (id, until, position[0], position[0], position[1])
        return self._db.execute(query, values).fetchone() is not None

    def _recorded(self, row: Sequence[Any]) -> Recorded:
        *held, time, author, note = row
        change = change_of(held)
        if change is None:
            raise self._damaged(f"commit {held[0]}, change {held[1]}")
        return Recorded(change, Commit(change.version, time, author, note))

    def count_history(self, id: str, until: int) -> int:
        with self._explained():
            query = "SELECT count(*) FROM mentions WHERE entity = ? AND version <= ?"
            count: int = self._db.execute(query, (id, until)).fetchone()[0]
        return count

    def own_change(self, id: str, since: int, until: int) -> Change | None:
        with self._explained():
            row = self._db.execute(OWN_CHANGE, (id, since, until)).fetchone()
        if row is None:
            return None
        if (change := change_of(row)) is None:
            raise self._damaged(f"commit {row[0]}, change {row[1]}")
        return change

    def digest(self, version: int) -> bytes:
        """The digest of a commit, which stands for it and all before it. Raises StoreError where it is not there."""
        with self._explained():
            return self._digest(self._db, version)

    def _digest(self, db: sqlite3.Connection, version: int) -> bytes:
        if version == 0:
            return b""
        row = db.execute("SELECT digest FROM commits WHERE version = ?", (version,)).fetchone()
        if not row or not isinstance(row[0], bytes):
            raise self._damaged(f"commit {version}")
        return row[0]

    @contextmanager
    def writing(self) -> Iterator["SQLiteJournal"]:
        with self._lock, self._explained(" Nothing was stored."):
            self._make_ready()
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                format_in(self._writer, self._path)  # a newer program may have brought it to its own meanwhile
                yield self
                self._commit()
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise
            self._watch_log()

    def _make_ready(self) -> None:
        """Has the log hold nothing that may not be durable, before anything is written after it."""
        if self._commit_failed:
            try:
                self._withdraw()
            except OSError as error:
                raise self._unusable(f"{error.strerror}. Nothing was stored.") from error
        if not self._log_is_durable:
            # Somebody's fsync may have failed before he was killed. The next one would say nothing of that, and what is
            # in memory only would be built upon; so it is written once more, into the store itself.
            self._writer.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
            self._log_is_durable = True

    def _commit(self) -> None:
        try:
            self._writer.execute("COMMIT")
        except sqlite3.OperationalError as error:
            self._commit_failed = True
            try:
                self._withdraw()
            except (OSError, sqlite3.OperationalError):
                raise self._unusable(
                    f"{error}. Nobody sees the commit; but if every process that uses the store is killed before the"
                    " disk works again, it may turn out to be stored."
                ) from error
            raise

    def _watch_log(self) -> None:
        """Tells, once, that the log grows because somebody reads for so long; else it is put in its place now and then,
        and begun anew."""
        with suppress(OSError, sqlite3.Error):  # the commit is stored, whatever becomes of this
            size = overgrown(self._path)
            if size is None:
                self._log_is_overgrown = False
            elif not self._log_is_overgrown:
                _, pages, in_place = self._writer.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
                self._log_is_overgrown = in_place < pages
                if self._log_is_overgrown:
                    told = "The log of %s has %d MiB, more than twice the store: it grows until those who have been"
                    logger.warning(f"{told} reading it for long end, as a backup or `verify`.", self._path, size >> 20)

    def _withdraw(self) -> None:
        """Takes a commit that failed out of the log, where a crash would have it found."""
        if self._writer.in_transaction:
            self._writer.execute("ROLLBACK")
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            cut_off(self._path)
        finally:
            self._writer.execute("ROLLBACK")
        self._commit_failed = False

    def append(self, done: Sequence[Done], now: datetime, authorship: Authorship) -> list[Change]:
        newest, newest_time, _ = self._writer.execute(HEAD).fetchone()  # which may be of this very transaction
        version, time = (newest or 0) + 1, commit_time(now, newest_time)
        changes = [Change(version, index, *each) for index, each in enumerate(done)]
        chain = Chain(self._digest(self._writer, version - 1), version, time, *authorship)
        self._writer.executemany("INSERT INTO changes VALUES (?, ?, ?, ?, ?, ?, ?)", rows_of(changes, chain))
        # In the order of the index, or each would be written somewhere else: a third of the time of a large import.
        mentions = sorted((id, version, change.index) for change in changes for id in change.ids)
        self._writer.executemany("INSERT INTO mentions VALUES (?, ?, ?)", mentions)
        row = (version, time, *authorship, len(changes), chain.digest())
        self._writer.execute("INSERT INTO commits VALUES (?, ?, ?, ?, ?, ?)", row)
        return changes

    def keep(self, key: str, kept: Kept, now: datetime) -> None:
        oldest = in_utc(now - KEPT_FOR)
        self._writer.execute("DELETE FROM keys WHERE time < ?", (oldest,))
        row = (key, *kept[:-1], int(kept.has_changes), in_utc(now))
        self._writer.execute("INSERT INTO keys VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (*row, checksum_over(*row)))

    def kept(self, key: str) -> Kept | None:
        with self._explained():
            found = self._db.execute("SELECT * FROM keys WHERE name = ?", (key,)).fetchone()
        if found is None:
            return None
        *values, checksum = found
        if checksum != checksum_over(*values):
            raise self._damaged(f"key {key!r}")
        _, *kept, has_changes, _ = values
        return Kept._make((*kept, bool(has_changes)))

    def close(self) -> None:
        for db in (*self._readers.values(), self._writer):
            db.close()
        self.tokens.close()

    @contextmanager
    def _explained(self, outcome: str = "") -> Iterator[None]:
        """Turns what SQLite says into one sentence about the store, and what became of what was asked of it."""
        try:
            yield
        except sqlite3.OperationalError as error:
            # Our statements fit our tables: where SQLite finds a mistake in one, or has no code, tables are damaged.
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
            if code == sqlite3.SQLITE_ERROR:
                raise self._damaged(str(error)) from error
            if code == sqlite3.SQLITE_BUSY:
                raise self._busy() from error
            raise self._unusable(f"{error}.{outcome}") from error
        except (sqlite3.ProgrammingError, sqlite3.InterfaceError):
            raise  # a mistake of ours says nothing of the store
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            raise self._damaged(str(error)) from error

    def _busy(self) -> StoreBusy:
        holder = lock_holder(self._path)
        who = f"Process {holder}" if holder else "Another process"
        return StoreBusy(
            f"{who} is writing to the store {self._path}. Try again when it has finished, or wait longer with --wait.",
            "Another process is writing to the store. Try again when it has finished.",
        )

    def _unusable(self, why: str) -> StoreError:
        return self._refused(f"cannot be used: {why}", "Check its disk and permissions.")

    def _damaged(self, place: str) -> StoreError:
        return self._refused(
            f"is damaged at {place}. It was left as it is.",
            "Restore a backup, or save what came before the damage with"
            f" `fieldgraph recover --data {self._path.parent} --to DIR`.",
        )

    def _refused(self, why: str, advice: str) -> StoreError:
        return StoreError(f"The store {self._path} {why} {advice}", f"The store {why}")


def lock_holder(path: Path) -> int | None:
    """The id of the process that holds the store's write lock, where the system tells (Linux does)."""
    try:
        inode = Path(f"{path}-shm").stat().st_ino
        locks = Path("/proc/locks").read_text().splitlines()
    except OSError:
        return None
    for lock in locks:
        _, _, _, mode, pid, file, start, *_ = [field for field in lock.split() if field != "->"]
        if mode == "WRITE" and start == WRITE_LOCK_BYTE and file.endswith(f":{inode}"):
            return int(pid)
    return None
