"""The port that every journal fills.

A commit is numbered 1, 2, 3, holds its changes in order, and is there wholly or not at all. Times never run backwards.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

from graph.engine import Archive
from graph.model import Change, Commit, Done
from graph.tokens import Tokens


class Head(NamedTuple):
    """The newest commit and when it was recorded (RFC 3339, UTC); version 0 and None where there is none."""

    version: int
    time: str | None


class Authorship(NamedTuple):
    """Who made a commit, and why; both may be unknown."""

    author: str | None = None
    note: str | None = None


class Key(NamedTuple):
    """By what an edit is recognised when it is asked for again: a name, and what all that was asked for comes to."""

    name: str
    digest: bytes


class Kept(NamedTuple):
    """What an edit with a key came to: how many entities and relations it created, updated, removed or left as they
    were, in which version, and whether that is its own."""

    digest: bytes
    version: int
    created: int
    updated: int
    removed: int
    unchanged: int
    has_changes: bool


class Appender(Protocol):
    """The right to append, held while the journal's write lock is."""

    def keep(self, key: str, kept: Kept, now: datetime) -> None:
        """Has it known what the edit with this key came to."""

    def append(self, done: Sequence[Done], now: datetime, authorship: Authorship) -> list[Change]:
        """Makes these the changes of the next commit. They are durable once the lock is released without an error."""


class Journal(Archive, Protocol):
    """The order in which things became known."""

    @property
    def tokens(self) -> Tokens:
        """Who may ask, and who may have something appended."""

    def head(self) -> Head:
        """The newest commit. Cheap: it is asked many times a second."""

    def commit(self, version: int) -> Commit:
        """When a commit was recorded, by whom and why."""

    def version_at(self, time: str) -> int:
        """The newest version that was recorded at a time (as `commit_time` writes it) or before it; 0 if none was."""

    def replay(self, after: int, until: int) -> Iterator[Change]:
        """The changes of the commits after one version, up to another, in order. Raises StoreError at the first record
        that is damaged."""

    def kept(self, key: str) -> Kept | None:
        """What an edit with this key came to, if one was stored."""

    def writing(self) -> AbstractContextManager[Appender]:
        """Takes the write lock. Raises StoreBusy when another process keeps it too long."""

    def close(self) -> None:
        """Lets the journal go; it can not be used again."""


def commit_time(now: datetime, previous: str | None) -> str:
    """The time to record: `now` in RFC 3339 and UTC, but never before the commit before, whatever the clock did."""
    return max(in_utc(now), previous or "")


def in_utc(time: datetime) -> str:
    """A time as commits have it: texts that compare as the times do."""
    return time.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
