"""Bringing a store of an older format to this one's: forwards only, in one transaction, so wholly or not at all."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from graph.errors import StoreError
from graph.journal.layout import FORMAT, TABLES, connect, format_in
from graph.journal.reading import Damage, whole_rows
from graph.journal.rows import Chain, checksum_of, checksum_over

Damaged = Callable[[str], StoreError]

TABLES_1 = """
CREATE TABLE commits (
    version INTEGER PRIMARY KEY, time TEXT NOT NULL, author TEXT, note TEXT, changes INTEGER NOT NULL,
    digest BLOB NOT NULL
) STRICT;
CREATE TABLE changes (
    version INTEGER NOT NULL, position INTEGER NOT NULL, action TEXT NOT NULL, kind TEXT NOT NULL,
    record BLOB NOT NULL, checksum INTEGER NOT NULL, PRIMARY KEY (version, position)
) STRICT, WITHOUT ROWID;
"""

CHECKED = ("keys", "tokens")
"""Tables whose rows have had checksums since format 3."""

# A record is JSON in a BLOB, which SQLite would take for its own binary form.
NAMED = """
CREATE TEMP TABLE named AS
SELECT version, position, action, iif(entity IS NULL, subject, entity) AS one, object AS other,
    lag(version) OVER same AS replaced_version, lag(position) OVER same AS replaced_position,
    lag(action) OVER same AS replaced_action
FROM (
    SELECT version, position, action, kind,
        json_extract(told, '$.id') AS entity, json_extract(told, '$.subject') AS subject,
        json_extract(told, '$.object') AS object, json_extract(told, '$.role') AS role,
        json_extract(told, '$.impact') AS impact
    FROM (SELECT *, CAST(record AS TEXT) AS told FROM old_changes)
)
WINDOW same AS (PARTITION BY iif(entity IS NULL, kind, ''), entity, subject, object, role, impact
                ORDER BY version, position);
"""
CHANGES = """
SELECT c.version, c.position, c.action, c.kind, c.record, r.record
FROM old_changes c JOIN named n ON n.version = c.version AND n.position = c.position
LEFT JOIN old_changes r ON c.action IN ('UPDATED', 'RELATED') AND n.replaced_action NOT IN ('REMOVED', 'UNRELATED')
    AND r.version = n.replaced_version AND r.position = n.replaced_position
WHERE c.version = ? ORDER BY c.position
"""
MENTIONS = """
INSERT INTO mentions SELECT one, version, position FROM named
UNION SELECT other, version, position FROM named WHERE other IS NOT NULL ORDER BY 1, 2, 3
"""


def migrate(path: Path, wait_s: float, damaged: Damaged) -> None:
    """Raises StoreError, made by `damaged`, where a record of the old store is; the store is then as it was."""
    with closing(connect(path, wait_s)) as db:
        db.execute("PRAGMA synchronous = FULL")
        db.execute("BEGIN IMMEDIATE")
        try:
            found = format_in(db, path)  # another process may have come first
            if found == 1:
                _from_1(db, damaged)
            elif found == 2:
                _from_2(db)
            db.execute(f"PRAGMA user_version = {FORMAT}")
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise


def _from_2(db: sqlite3.Connection) -> None:
    """Each row of the keys and tokens gets a checksum."""
    db.execute("DROP INDEX keys_by_age")
    for table in CHECKED:
        db.execute(f"ALTER TABLE {table} RENAME TO old_{table}")
    for statement in TABLES.split(";"):
        if any(f" {table} (" in statement for table in CHECKED):
            db.execute(statement)
    for table in CHECKED:
        for row in db.execute(f"SELECT * FROM old_{table}").fetchall():
            insert_checked(db, table, row)
        db.execute(f"DROP TABLE old_{table}")


def insert_checked(db: sqlite3.Connection, table: str, values: Sequence[Any]) -> None:
    """Puts a row into the keys or tokens, with its checksum."""
    row = (*values, checksum_over(*values))
    db.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)


def _from_1(db: sqlite3.Connection, damaged: Damaged) -> None:
    """Changes tell what they replaced, and are found by the entities in whose history they stand."""
    try:
        for _ in whole_rows(db, 1):
            pass  # every record and every commit is looked at before anything rests on them
    except Damage as damage:
        raise damaged(damage.place) from damage
    for table in ("changes", "commits"):
        db.execute(f"ALTER TABLE {table} RENAME TO old_{table}")
    for statement in TABLES.split(";"):
        db.execute(statement)
    db.execute(NAMED)
    db.execute("CREATE INDEX temp.named_at ON named (version, position)")
    previous = b""
    for version, time, author, note, count, _ in db.execute("SELECT * FROM old_commits ORDER BY version"):
        chain = Chain(previous, version, time, author, note)
        db.executemany("INSERT INTO changes VALUES (?, ?, ?, ?, ?, ?, ?)", _rows_of(db, version, chain))
        previous = chain.digest()
        db.execute("INSERT INTO commits VALUES (?, ?, ?, ?, ?, ?)", (version, time, author, note, count, previous))
    db.execute(MENTIONS)
    for table in ("old_changes", "old_commits", "named"):
        db.execute(f"DROP TABLE {table}")


def _rows_of(db: sqlite3.Connection, version: int, chain: Chain) -> Iterator[tuple[Any, ...]]:
    for row in db.execute(CHANGES, (version,)):
        checksum = checksum_of(*row)
        chain.add(checksum)
        yield (*row, checksum)
