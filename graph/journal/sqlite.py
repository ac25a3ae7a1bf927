"""The journal in one SQLite file: WAL, full synchronous, a checksum in every record, a digest that chains the commits.

SQLite's own write lock is the store's: whoever appends holds it, in whichever process, and a killed one lets it go.
`synchronous=FULL` is what an acknowledgement rests on: NORMAL loses acknowledged commits in a power cut.
"""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from tempfile import mkstemp
from threading import RLock
from zlib import crc32

import msgspec

from graph.errors import StoreBusy, StoreError
from graph.journal.journal import Authorship, Head, commit_time
from graph.model import RECORDS, Change, Done, Relation
from graph.vocabulary import ChangeAction, RelationKind

MAGIC = b"SQLite format 3\x00"
APPLICATION_ID = int.from_bytes(b"FGRF", "big")
FORMAT = 1
"""The layout of the tables; a store with a higher one was written by a newer program."""

TABLES = """
CREATE TABLE commits (
    version INTEGER PRIMARY KEY, time TEXT NOT NULL, author TEXT, note TEXT, changes INTEGER NOT NULL,
    digest BLOB NOT NULL
) STRICT;
CREATE TABLE changes (
    version INTEGER NOT NULL, position INTEGER NOT NULL, action TEXT NOT NULL, kind TEXT NOT NULL,
    record BLOB NOT NULL, checksum INTEGER NOT NULL, PRIMARY KEY (version, position)
) STRICT, WITHOUT ROWID;
"""
HEAD = "SELECT max(version), time, (SELECT max(version) FROM changes) FROM commits"
WRITE_LOCK_BYTE = "120"
"""Where SQLite locks its shared-memory file while a process writes (WAL_WRITE_LOCK of its WAL format)."""

_encode = msgspec.json.Encoder().encode
_decoders = {str(kind): msgspec.json.Decoder(record).decode for kind, record in RECORDS.items()} | {
    str(kind): msgspec.json.Decoder(Relation).decode for kind in RelationKind
}
_actions = {str(action): action for action in ChangeAction}


class SQLiteJournal:
    """Opens the store at `path`, or makes it. `wait_s` bounds how long another process' write lock is waited for."""

    def __init__(self, path: Path, wait_s: float = 5.0) -> None:
        self._path = path
        self._lock = RLock()
        try:
            if not path.exists():
                _create(path)
            _require_ours(path)
        except (OSError, sqlite3.OperationalError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise StoreError(
                f"The data directory {path.parent} cannot be used: {reason}. Choose another with --data."
            ) from error
        with self._explained(), ExitStack() as half_open:
            # Two connections: what is read is what was committed, also while this process is about to commit more.
            self._db = half_open.enter_context(closing(self._connect(wait_s)))
            self._db.execute("PRAGMA query_only = ON")
            self._writer = half_open.enter_context(closing(self._connect(wait_s)))
            self._writer.execute("PRAGMA synchronous = FULL")
            half_open.pop_all()

    def _connect(self, wait_s: float) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=wait_s, isolation_level=None, check_same_thread=False)

    def head(self) -> Head:
        with self._explained():
            version, time, changed = self._db.execute(HEAD).fetchone()
        if version != changed:  # a table that has lost its end says nothing of it itself
            raise self._damaged("its newest commit")
        return Head(version or 0, time)

    def time(self, version: int) -> str:
        with self._explained():
            time: str = self._db.execute("SELECT time FROM commits WHERE version = ?", (version,)).fetchone()[0]
        return time

    def count(self, after: int) -> int:
        with self._explained():
            query = "SELECT coalesce(sum(changes), 0) FROM commits WHERE version > ?"
            count: int = self._db.execute(query, (after,)).fetchone()[0]
        return count

    def replay(self, after: int, until: int) -> Iterator[Change]:
        with self._explained():
            newest, previous = after, self._digest(after)
            commits = self._db.execute(
                "SELECT * FROM commits WHERE version > ? AND version <= ? ORDER BY version", (after, until)
            )
            for version, time, author, note, count, digest in commits:
                newest += 1
                if version != newest:
                    raise self._damaged(f"commit {newest}")
                chain = _Chain(previous, version, time, author, note)
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
        rows = self._db.execute(
            "SELECT position, action, kind, record, checksum FROM changes WHERE version = ? ORDER BY position",
            (version,),
        )
        for expected, (position, action, kind, record, checksum) in enumerate(rows):
            # A damaged row may hold text where its table has bytes.
            is_whole = position == expected and isinstance(record, bytes)
            if not is_whole or checksum != _checksum(version, position, action, kind, record):
                raise self._damaged(f"commit {version}, change {expected}")
            yield Change(version, position, _actions[action], _decoders[kind](record)), checksum

    def _digest(self, version: int) -> bytes:
        if version == 0:
            return b""
        row = self._db.execute("SELECT digest FROM commits WHERE version = ?", (version,)).fetchone()
        if not row or not isinstance(row[0], bytes):
            raise self._damaged(f"commit {version}")
        return row[0]

    @contextmanager
    def writing(self) -> Iterator["SQLiteJournal"]:
        with self._lock, self._explained():
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise

    def append(self, done: Sequence[Done], now: datetime, authorship: Authorship) -> list[Change]:
        head = self.head()
        version, time = head.version + 1, commit_time(now, head.time)
        changes = [Change(version, index, action, record) for index, (action, record) in enumerate(done)]
        chain = _Chain(self._digest(head.version), version, time, *authorship)
        self._writer.executemany("INSERT INTO changes VALUES (?, ?, ?, ?, ?, ?)", _rows(changes, chain))
        row = (version, time, *authorship, len(changes), chain.digest())
        self._writer.execute("INSERT INTO commits VALUES (?, ?, ?, ?, ?, ?)", row)
        return changes

    def close(self) -> None:
        self._db.close()
        self._writer.close()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turns what SQLite says into one sentence about the store."""
        try:
            yield
        except sqlite3.OperationalError as error:
            # Our statements fit our tables: where SQLite finds a mistake in one, or has no code, tables are damaged.
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
            if code == sqlite3.SQLITE_ERROR:
                raise self._damaged(str(error)) from error
            if code == sqlite3.SQLITE_BUSY:
                raise StoreBusy(self._busy()) from error
            raise StoreError(
                f"The store {self._path} cannot be used: {error}. Check its disk and permissions."
            ) from error
        except (sqlite3.ProgrammingError, sqlite3.InterfaceError):
            raise  # a mistake of ours says nothing of the store
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            raise self._damaged(str(error)) from error

    def _busy(self) -> str:
        holder = lock_holder(self._path)
        who = f"Process {holder}" if holder else "Another process"
        return (
            f"{who} is writing to the store {self._path}. Try again when it has finished, or wait longer with --wait."
        )

    def _damaged(self, place: str) -> StoreError:
        return StoreError(
            f"The store {self._path} is damaged at {place}. It was left as it is; restore it from a backup."
        )


class _Chain:
    """The digest of a commit: over the digest before it, what is said of it, and the checksums of its changes."""

    def __init__(self, previous: bytes, *said: object) -> None:
        self._hash = blake2b(previous, digest_size=16)
        self._hash.update(_encode(said))
        self.count = 0

    def add(self, checksum: int) -> None:
        self._hash.update(checksum.to_bytes(4, "big"))
        self.count += 1

    def digest(self) -> bytes:
        return self._hash.digest()


def _rows(changes: Sequence[Change], chain: _Chain) -> Iterator[tuple[int, int, str, str, bytes, int]]:
    for change in changes:
        action, kind, record = str(change.action), str(change.record.kind), _encode(change.record)
        checksum = _checksum(change.version, change.index, action, kind, record)
        chain.add(checksum)
        yield change.version, change.index, action, kind, record, checksum


def _checksum(version: int, position: int, action: str, kind: str, record: bytes) -> int:
    return crc32(record, crc32(f"{version} {position} {action} {kind}".encode()))


def _create(path: Path) -> None:
    """Makes an empty store that appears at once or not at all, readable by its owner only."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # A name of its own, for its owner only: a process that was killed here may have had the same id, as in a container.
    handle, draft = mkstemp(prefix=f"{path.name}.", suffix=".new", dir=path.parent)
    os.close(handle)
    try:
        with closing(sqlite3.connect(draft, isolation_level=None)) as db:
            db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            db.execute(f"PRAGMA user_version = {FORMAT}")
            db.execute("PRAGMA journal_mode = WAL")
            db.executescript(TABLES)
        os.link(draft, path)
    except FileExistsError:
        return  # Another process made the store first; it is as good as ours.
    finally:
        Path(draft).unlink()


def _require_ours(path: Path) -> None:
    """Looks at the file's header, without opening it as a database, which could write to it."""
    with path.open("rb") as file:
        header = file.read(100)
    if header[:16] != MAGIC or int.from_bytes(header[68:72], "big") != APPLICATION_ID:
        raise StoreError(
            f"{path} is not a Fieldgraph store. It was left as it is; choose another directory with --data."
        )
    if (found := int.from_bytes(header[60:64], "big")) > FORMAT:
        raise StoreError(
            f"The store {path} has format {found}, and this program reads up to {FORMAT}: use a newer Fieldgraph."
        )


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
