"""Reading a store from its first commit on, past any journal: what it holds as rows, each verified before it counts."""

import sqlite3
from collections.abc import Iterator
from typing import NamedTuple

from graph.errors import StoreError
from graph.journal.rows import Chain, Row, checksum_of


class CommitRow(NamedTuple):
    """A commit as the store has it."""

    version: int
    time: str
    author: str | None
    note: str | None
    changes: int
    digest: bytes


class Damage(StoreError):
    """What a store holds is not what was written to it. `place` says where: "commit 7, change 3"."""

    def __init__(self, place: str) -> None:
        super().__init__(f"The store is damaged at {place}.")
        self.place = place


def whole_rows(db: sqlite3.Connection, format: int) -> Iterator[Row | CommitRow]:
    """The rows of a commit's changes, each whole, and then, when all of it has turned out to be, the commit's own; so
    for one commit after the other. Rows of format 1 have no `before`. Raises Damage at the first that is not whole."""
    newest, previous, place = 0, b"", "its list of commits"
    try:
        for found in db.execute("SELECT * FROM commits ORDER BY version"):
            newest += 1
            place = f"commit {newest}"
            commit = CommitRow(*found)
            if commit.version != newest:
                raise Damage(place)
            chain = Chain(previous, *commit[:4])
            for row in _changes(db, newest, format):
                chain.add(row[-1])
                yield row
            if chain.count != commit.changes or chain.digest() != commit.digest:
                raise Damage(place)
            yield commit
            previous, place = commit.digest, f"commit {newest + 1}"
        if db.execute("SELECT max(version) FROM changes").fetchone()[0] not in (None, newest):
            raise Damage(place)
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        raise Damage(f"{place} ({error})") from error


def _changes(db: sqlite3.Connection, version: int, format: int) -> Iterator[Row]:
    rows = db.execute("SELECT * FROM changes WHERE version = ? ORDER BY position", (version,))
    for expected, (_, position, action, kind, record, *more) in enumerate(rows):
        before, checksum = (None, *more) if format == 1 else more
        # A damaged row may hold text where its table has bytes.
        is_whole = position == expected and isinstance(record, bytes) and isinstance(before, bytes | None)
        if not is_whole or checksum != checksum_of(version, position, action, kind, record, before):
            raise Damage(f"commit {version}, change {expected}")
        yield version, position, action, kind, record, before, checksum
