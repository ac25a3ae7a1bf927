"""Tokens in the store's file. Each call is one statement, so it is whole by itself and sees what others did before."""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

from graph.errors import StoreError
from graph.journal.journal import in_utc
from graph.journal.rows import checksum_over
from graph.tokens import Scope, Token

COLUMNS = "name, scope, digest, created, expires, revoked, checksum"
REVOKE = """
UPDATE tokens SET revoked = coalesce(revoked, :now),
    checksum = checksum_over(name, scope, digest, created, expires, coalesce(revoked, :now)) WHERE name = :name
"""


class SQLiteTokens:
    """Reads and writes over a connection of its own: one that is reading a large import shows what was when it began,
    and a token that has been revoked since. `explained` turns what SQLite says into StoreError, and `damaged` tells
    what of the store is."""

    def __init__(
        self,
        db: sqlite3.Connection,
        explained: Callable[[], AbstractContextManager[None]],
        damaged: Callable[[str], StoreError],
    ) -> None:
        self._db = db
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.create_function("checksum_over", -1, checksum_over, deterministic=True)
        self._explained = explained
        self._damaged = damaged

    def add(self, token: Token) -> bool:
        values = (token.name, str(token.scope), token.digest, *map(_told, token[3:]))
        row = (*values, checksum_over(*values))
        with self._explained():
            statement = f"INSERT INTO tokens ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO NOTHING"
            return self._db.execute(statement, row).rowcount == 1

    def revoke(self, name: str, now: datetime) -> bool:
        with self._explained():
            return self._db.execute(REVOKE, {"now": in_utc(now), "name": name}).rowcount == 1

    def find(self, digest: bytes) -> Token | None:
        with self._explained():
            row = self._db.execute(f"SELECT {COLUMNS} FROM tokens WHERE digest = ?", (digest,)).fetchone()
        return None if row is None else self._token(row)

    def named(self, name: str) -> Token | None:
        with self._explained():
            row = self._db.execute(f"SELECT {COLUMNS} FROM tokens WHERE name = ?", (name,)).fetchone()
        return None if row is None else self._token(row)

    def all(self) -> Sequence[Token]:
        with self._explained():
            rows = self._db.execute(f"SELECT {COLUMNS} FROM tokens ORDER BY created, name").fetchall()
        return [self._token(row) for row in rows]

    def _token(self, row: Sequence[Any]) -> Token:
        *values, checksum = row
        name, scope, digest, *times = values
        if checksum != checksum_over(*values):
            raise self._damaged(f"token {name!r}")
        try:
            created, expires, revoked = (None if time is None else datetime.fromisoformat(time) for time in times)
            assert created is not None  # as the table has it
            return Token(name, Scope[scope.upper()], digest, created, expires, revoked)
        except (KeyError, ValueError) as error:
            raise self._damaged(f"token {name!r}") from error

    def close(self) -> None:
        self._db.close()


def _told(time: datetime | None) -> str | None:
    return None if time is None else in_utc(time)
