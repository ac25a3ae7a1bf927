"""The store's file: its tables, how it is recognised, how it comes into being.

A commit's `digest` chains it to the one before; a `checksum` is over all else that its row holds. `mentions` has the
changes by the entities in whose history they stand; it can be made anew from `changes`. `keys` has what edits came to
that may be asked for again. `tokens` has who may do what, for good; of each token itself only its SHA-256.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from tempfile import mkstemp

from graph.errors import StoreError

MAGIC = b"SQLite format 3\x00"
APPLICATION_ID = int.from_bytes(b"FGRF", "big")
FORMAT = 3
"""The layout of the tables; a store with a higher one was written by a newer program."""

TABLES = """
CREATE TABLE commits (
    version INTEGER PRIMARY KEY, time TEXT NOT NULL, author TEXT, note TEXT, changes INTEGER NOT NULL,
    digest BLOB NOT NULL
) STRICT;
CREATE TABLE changes (
    version INTEGER NOT NULL, position INTEGER NOT NULL, action TEXT NOT NULL, kind TEXT NOT NULL,
    record BLOB NOT NULL, before BLOB, checksum INTEGER NOT NULL, PRIMARY KEY (version, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE mentions (
    entity TEXT NOT NULL, version INTEGER NOT NULL, position INTEGER NOT NULL,
    PRIMARY KEY (entity, version, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE keys (
    name TEXT PRIMARY KEY, digest BLOB NOT NULL, version INTEGER NOT NULL, created INTEGER NOT NULL,
    updated INTEGER NOT NULL, removed INTEGER NOT NULL, unchanged INTEGER NOT NULL, has_changes INTEGER NOT NULL,
    time TEXT NOT NULL, checksum INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX keys_by_age ON keys (time);
CREATE TABLE tokens (
    name TEXT PRIMARY KEY, scope TEXT NOT NULL, digest BLOB NOT NULL UNIQUE, created TEXT NOT NULL, expires TEXT,
    revoked TEXT, checksum INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
"""


def create(path: Path) -> None:
    """Makes an empty store that appears at once or not at all, readable by its owner only."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError), drafted(path) as draft, closing(connect(draft)) as db:
        lay_out(db, TABLES, FORMAT)  # where another process made the store first, it is as good as ours


def connect(path: Path, wait_s: float = 5.0, *, changes: bool = True) -> sqlite3.Connection:
    """A store's database, of a format that is known, without transactions of Python's own. Where it is not to change,
    not even what a killed process left in the log is put in its place. Raises StoreError."""
    mode = "rw" if changes else "ro"
    db = sqlite3.connect(
        f"{path.resolve().as_uri()}?mode={mode}",
        timeout=wait_s,
        isolation_level=None,
        check_same_thread=False,
        uri=True,
    )
    try:
        format_in(db, path)
    except BaseException:
        db.close()
        raise
    return db


def lay_out(db: sqlite3.Connection, tables: str, format: int) -> None:
    """Makes an empty database the store of this format."""
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    db.execute(f"PRAGMA user_version = {format}")
    db.execute("PRAGMA journal_mode = WAL")
    db.executescript(tables)


@contextmanager
def drafted(path: Path) -> Iterator[Path]:
    """A file for its owner only, to be filled, that has its name once it is whole and durable. Raises FileExistsError
    if there is one of that name by then."""
    # A name of its own, for its owner only: a process that was killed here may have had the same id, as in a container.
    handle, name = mkstemp(prefix=f"{path.name}.", suffix=".new", dir=path.parent)
    draft = Path(name)
    try:
        yield draft
        os.fsync(handle)
        os.link(draft, path)
        sync_directory(path.parent)
    finally:
        os.close(handle)
        draft.unlink()


def sync_directory(directory: Path) -> None:
    """Makes the names of the files in it durable: a file that was synced may lose its name in a power cut."""
    if os.name != "posix":
        return  # other systems do not open directories
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def format_of(path: Path) -> int:
    """The format that the file of a store was made with, at most ours. Looks at its header, without opening it as a
    database, which could write to it. Raises StoreError."""
    with path.open("rb") as file:
        header = file.read(100)
    if header[:16] != MAGIC or int.from_bytes(header[68:72], "big") != APPLICATION_ID:
        raise StoreError(
            f"{path} is not a Fieldgraph store. It was left as it is; choose another directory with --data."
        )
    return _known(int.from_bytes(header[60:64], "big"), path)


def format_in(db: sqlite3.Connection, path: Path) -> int:
    """The format that a store has by now, at most ours: what has brought it there may stand in the log only. Raises
    StoreError."""
    (found,) = db.execute("PRAGMA user_version").fetchone()
    return _known(found, path)


def _known(format: int, path: Path) -> int:
    if format > FORMAT:
        why = f"has format {format}, and this program reads up to {FORMAT}: use a newer Fieldgraph."
        raise StoreError(f"The store {path} {why}", f"The store {why}")
    return format
