"""Saving from a damaged store what came before the damage, into a new store; the damaged one is not touched."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple

from graph.errors import StoreError
from graph.journal.layout import FORMAT, TABLES, connect, drafted, format_in, format_of, lay_out
from graph.journal.migration import TABLES_1, insert_checked, migrate
from graph.journal.reading import CommitRow, Damage, whole_rows
from graph.journal.rows import Row, change_of, checksum_over
from graph.journal.salvage import salvaged
from graph.journal.tail import tail_of
from graph.journal.verify import verify

MENTION = "INSERT INTO mentions VALUES (?, ?, ?)"


class Recovered(NamedTuple):
    """What was saved, and the place of the first damage; None where no commit was, but what finds them, or
    tokens or keys, which are then left out."""

    commits: int
    changes: int
    place: str | None


def recover(store: Path, to: Path) -> Recovered | None:
    """Writes all commits before the first damage into a new store at `to`, just as they are; what finds them by their
    entities is made anew. None where there is no damage, and nothing is written. Raises StoreError."""
    made_with = format_of(store)
    if to.exists():
        raise StoreError(f"{to} exists already, and was left as it is. Name a directory without a store.")
    if made_with == FORMAT and not verify(store).journal_faults:
        return None
    try:
        to.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with drafted(to) as draft:
            return _saved(store, draft)
    except FileExistsError as error:
        raise StoreError(f"{to} was made by somebody else meanwhile, and was left alone. Name another one.") from error
    except OSError as error:
        raise StoreError(f"{to} cannot be written: {error.strerror}. Name another directory.") from error
    except sqlite3.OperationalError as error:
        raise StoreError(
            f"What {store} holds could not be written to {to}: {error}. Check the permissions of both directories, and"
            " that there is room."
        ) from error


def _saved(store: Path, draft: Path) -> Recovered:
    opened, format = _readable(store)
    with closing(opened) as source, closing(connect(draft)) as target:
        is_first = format == 1
        lay_out(target, TABLES_1 if is_first else TABLES, 1 if is_first else FORMAT)
        target.execute("PRAGMA synchronous = OFF")  # it is made durable as a whole
        saved = _copied(source, target, format)
        if saved.place is None and (tail := tail_of(store)) is not None and tail.commits:
            saved = saved._replace(place=f"byte {tail.offset} of its log")
        if not is_first:
            if saved.place is not None:
                saved = _salvaged(store, target, saved)
            _copy_rest(source, target, format, saved.commits)
    if not saved.commits:
        raise StoreError(
            f"Nothing of {store} can be saved: it is damaged at {saved.place}, and nothing comes before that. Restore a"
            " backup."
        )
    if is_first:
        migrate(draft, 0.0, StoreError)
    return saved


def _readable(store: Path) -> tuple[sqlite3.Connection, int]:
    """The store and its format; an empty database stands in for one of which SQLite can read nothing."""
    try:
        source = connect(store, changes=False)
        return source, format_in(source, store)
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:
        return sqlite3.connect(":memory:"), format_of(store)


def _salvaged(store: Path, target: sqlite3.Connection, saved: Recovered) -> Recovered:
    """What was saved, or what is found past SQLite's trees, if that is more."""
    with salvaged(store) as source:
        if _count_commits(source) <= saved.commits:
            return saved
        for table in ("commits", "changes", "mentions"):
            target.execute(f"DELETE FROM {table}")
        return _copied(source, target, FORMAT)


def _count_commits(db: sqlite3.Connection) -> int:
    """How many commits are whole, from the first on."""
    count = 0
    with suppress(Damage):
        for row in whole_rows(db, FORMAT):
            count += isinstance(row, CommitRow)
    return count


def _copied(source: sqlite3.Connection, target: sqlite3.Connection, format: int) -> Recovered:
    commits = changes = 0
    mentions: list[tuple[str, int, int]] = []
    try:
        target.execute("BEGIN")
        for row in whole_rows(source, format):
            if isinstance(row, CommitRow):
                target.execute("INSERT INTO commits VALUES (?, ?, ?, ?, ?, ?)", row)
                if mentions:  # the first format has none
                    target.executemany(MENTION, sorted(mentions))
                target.execute("COMMIT")
                commits, changes, mentions = row.version, changes + row.changes, []
                target.execute("BEGIN")
            elif format > 1:
                target.execute("INSERT INTO changes VALUES (?, ?, ?, ?, ?, ?, ?)", row)
                mentions += _mentions(row)
            else:
                target.execute("INSERT INTO changes VALUES (?, ?, ?, ?, ?, ?)", (*row[:5], row[6]))
    except Damage as damage:
        return Recovered(commits, changes, damage.place)
    finally:
        target.execute("ROLLBACK")  # of the commit that is damaged
    return Recovered(commits, changes, None)


def _copy_rest(source: sqlite3.Connection, target: sqlite3.Connection, format: int, newest: int) -> None:
    """What edits came to that may be asked for again, else one might be stored twice, and by what callers are known: as
    far as it can be read, and is what was written."""
    rest = {"keys": ("WHERE version <= ?", (newest,)), "tokens": ("", ())}
    for table, (condition, values) in rest.items():
        with suppress(sqlite3.DatabaseError, UnicodeDecodeError):
            for row in source.execute(f"SELECT * FROM {table} {condition}", values):
                held = row if format == 2 else row[:-1]
                if format == 2 or row[-1] == checksum_over(*held):
                    insert_checked(target, table, held)


def _mentions(row: Row) -> Iterator[tuple[str, int, int]]:
    change = change_of(row)
    assert change is not None  # its checksum was right
    return ((id, change.version, change.index) for id in change.ids)
