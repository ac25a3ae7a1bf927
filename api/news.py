"""What was announced last, kept for those who are up to date: they need not read it in the journal."""

from bisect import bisect_right
from collections.abc import Sequence
from functools import cached_property
from itertools import chain

from api.execute import encode
from api.kinds import Kinds
from graph.model import Change, Mark, Recorded
from graph.vocabulary import Kind

MOST, MOST_BYTES = 2_000, 8 << 20
"""Most changes that are kept, and most bytes of them as JSON. When there are more, half of that is kept."""


def mark_of(recorded: Recorded) -> Mark:
    return Mark(recorded.change.version, recorded.change.index)


class Announced:
    """Changes that follow a mark, up to another, and what they are about."""

    def __init__(self, changes: Sequence[Change], kinds: Kinds) -> None:
        self.changes = changes
        self.since, self.until = Mark(changes[0].version - 1), Mark(changes[-1].version)
        self._kinds = kinds

    @cached_property
    def ids(self) -> set[str]:
        return set(chain.from_iterable(change.ids for change in self.changes))

    @cached_property
    def kinds(self) -> set[Kind | None]:
        return set(chain.from_iterable(map(self._kinds.of, self.changes)))


class News:
    """All changes after a mark, in order."""

    def __init__(self, since: Mark) -> None:
        self.forget(since)

    def forget(self, since: Mark) -> None:
        """Keeps nothing of what was announced up to a mark."""
        self.since = since
        self._changes: list[Recorded] = []
        self._sizes: list[int] = []
        self.size = 0

    def add(self, changes: Sequence[Recorded]) -> None:
        """Keeps the changes that follow."""
        sizes = [len(encode(each.change)) for each in changes]
        self._changes += changes
        self._sizes += sizes
        self.size += sum(sizes)
        if len(self) > MOST or self.size > MOST_BYTES:
            self._halve()

    def after(self, mark: Mark, most: int) -> list[Recorded]:
        """The first changes after a mark, which is not before `since`."""
        start = bisect_right(self._changes, mark, key=mark_of)
        return self._changes[start : start + most]

    def _halve(self) -> None:
        gone, size = 0, self.size
        while len(self) - gone > MOST // 2 or size > MOST_BYTES // 2:
            size -= self._sizes[gone]
            gone += 1
        self.since, self.size = mark_of(self._changes[gone - 1]), size
        del self._changes[:gone], self._sizes[:gone]

    def __len__(self) -> int:
        return len(self._changes)
