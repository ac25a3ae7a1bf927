"""A journal that lives and dies with its process: for tests, for trying things."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import chain, islice
from threading import RLock

from graph.engine import ChangePage
from graph.journal.journal import Authorship, Head, Kept, commit_time
from graph.model import Change, Commit, Done, Entity, Mark, Recorded
from graph.ordering import bounds
from graph.plan import Page, Position
from graph.tokens import Token


class MemoryJournal:
    """Keeps commits in a list."""

    def __init__(self) -> None:
        self.tokens = MemoryTokens()
        self._commits: list[tuple[Commit, list[Change]]] = []
        self._kept: dict[str, Kept] = {}
        self._lock = RLock()

    def head(self) -> Head:
        return Head(len(self._commits), self._commits[-1][0].time if self._commits else None)

    def commit(self, version: int) -> Commit:
        return self._commits[version - 1][0]

    def version_at(self, time: str) -> int:
        return sum(commit.time <= time for commit, _ in self._commits)

    def count(self, after: int, until: int | None = None) -> int:
        return sum(len(changes) for _, changes in self._commits[after:until])

    def replay(self, after: int, until: int) -> Iterator[Change]:
        for _, changes in self._commits[after:until]:
            yield from changes

    def changes(self, after: Mark, until: int, most: int) -> list[Recorded]:
        first = max(after.version, 1)
        following = (
            Recorded(change, commit)
            for commit, changes in self._commits[first - 1 : until]
            for change in changes[after.position + 1 if commit.version == after.version else 0 :]
        )
        return list(islice(following, most))

    def history(self, id: str, page: Page, until: int) -> ChangePage:
        found = self._history(id, until)
        low, high = bounds(found, page, _compare)
        return ChangePage(found[low:high], low > 0, high < len(found), len(found))

    def count_history(self, id: str, until: int) -> int:
        return len(self._history(id, until))

    def _history(self, id: str, until: int) -> list[Recorded]:
        return [
            Recorded(change, commit)
            for commit, changes in reversed(self._commits[:until])
            for change in changes
            if id in change.ids
        ]

    def own_change(self, id: str, since: int, until: int) -> Change | None:
        changes = chain.from_iterable(changes for _, changes in self._commits[since - 1 : until])
        return next((each for each in changes if isinstance(each.record, Entity) and each.record.id == id), None)

    @contextmanager
    def writing(self) -> Iterator["MemoryJournal"]:
        with self._lock:
            before, kept = len(self._commits), dict(self._kept)
            try:
                yield self
            except BaseException:
                del self._commits[before:]
                self._kept = kept
                raise

    def append(self, done: Sequence[Done], now: datetime, authorship: Authorship) -> list[Change]:
        version = len(self._commits) + 1
        changes = [Change(version, index, *each) for index, each in enumerate(done)]
        self._commits.append((Commit(version, commit_time(now, self.head().time), *authorship), changes))
        return changes

    def keep(self, key: str, kept: Kept, now: datetime) -> None:
        self._kept[key] = kept

    def kept(self, key: str) -> Kept | None:
        return self._kept.get(key)

    def close(self) -> None:
        self._commits.clear()


class MemoryTokens:
    """Keeps tokens in a dictionary, by their names."""

    def __init__(self) -> None:
        self._tokens: dict[str, Token] = {}

    def add(self, token: Token) -> bool:
        return self._tokens.setdefault(token.name, token) is token

    def revoke(self, name: str, now: datetime) -> bool:
        token = self._tokens.get(name)
        if token is not None and token.revoked is None:
            self._tokens[name] = token._replace(revoked=now)
        return token is not None

    def find(self, digest: bytes) -> Token | None:
        return next((token for token in self._tokens.values() if token.digest == digest), None)

    def named(self, name: str) -> Token | None:
        return self._tokens.get(name)

    def all(self) -> Sequence[Token]:
        return sorted(self._tokens.values(), key=lambda token: (token.created, token.name))


def _compare(recorded: Recorded, position: Position) -> int:
    mine, theirs = (-recorded.change.version, recorded.change.index), (-position[0], position[1])
    return (mine > theirs) - (mine < theirs)
