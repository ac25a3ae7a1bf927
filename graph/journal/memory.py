"""A journal that lives and dies with its process: for tests, for trying things."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from threading import RLock

from graph.journal.journal import Authorship, Head, commit_time
from graph.model import Change, Done


class MemoryJournal:
    """Keeps commits in a list."""

    def __init__(self) -> None:
        self._commits: list[list[Change]] = []
        self._times: list[str] = []
        self._lock = RLock()

    def head(self) -> Head:
        return Head(len(self._commits), self._times[-1] if self._times else None)

    def time(self, version: int) -> str:
        return self._times[version - 1]

    def count(self, after: int) -> int:
        return sum(map(len, self._commits[after:]))

    def replay(self, after: int, until: int) -> Iterator[Change]:
        for changes in self._commits[after:until]:
            yield from changes

    @contextmanager
    def writing(self) -> Iterator["MemoryJournal"]:
        with self._lock:
            before = len(self._commits)
            try:
                yield self
            except BaseException:
                del self._commits[before:], self._times[before:]
                raise

    def append(self, done: Sequence[Done], now: datetime, authorship: Authorship) -> list[Change]:
        version = len(self._commits) + 1
        changes = [Change(version, index, action, record) for index, (action, record) in enumerate(done)]
        self._times.append(commit_time(now, self.head().time))
        self._commits.append(changes)
        return changes

    def close(self) -> None:
        self._commits.clear()
