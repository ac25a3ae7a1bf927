"""Applying the rules: once for each version, a slice at a time, so that other questions are answered meanwhile."""

import gc
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from heapq import merge
from itertools import islice
from time import perf_counter

import msgspec

from graph.engine import Finding, FindingPage, give_way
from graph.ordering import bounds
from graph.plan import Page, Position
from graph.quality.rule import Rule
from graph.quality.table import RULES
from graph.quality.view import Stated, View

Slices = Generator[None, None, "Findings"]


class Kept(msgspec.Struct, frozen=True, gc=False):
    """A finding as it is remembered, in a fraction of what its message takes; `place` is its rule's in the table."""

    place: int
    ids: tuple[str, ...]
    details: tuple[tuple[object, ...], ...]

    @property
    def finding(self) -> Finding:
        rule = RULES[self.place]
        return Finding(rule.name, rule.severity, rule.message(self.ids, self.details), self.ids)


class Findings:
    """All findings of one version, on one day, in order."""

    def __init__(self, kept: Sequence[Kept], change: int, today: str) -> None:
        self._kept = kept
        self.change = change
        self.today = today

    def page(self, page: Page) -> FindingPage:
        low, high = bounds(self._kept, page, _compare)
        shown = [kept.finding for kept in self._kept[low:high]]
        return FindingPage(shown, low > 0, high < len(self._kept), len(self._kept))


class Checkup:
    """Finds what looks wrong in a graph that changes meanwhile, and remembers it until it has changed.

    Whoever asks does a slice of the work and gives way, until it is done; who asks meanwhile helps. A look is at one
    version. One that began before a question's version is not good enough for it, so it waits for the next.
    """

    SLICE_S = 0.005
    STRETCH, SORTED = 64, 1_000
    """So many steps are taken, and so many findings sorted, between looks at the clock."""

    PATIENCE = 3
    """So often copying the graph's records starts anew when it has changed; then it gives way no more."""

    def __init__(
        self,
        statements: Callable[[], Iterable[Stated]],
        today: Callable[[], str],
    ) -> None:
        """`statements` gives each entity with the relations that leave it, `today` the day as YYYY-MM-DD."""
        self._statements = statements
        self._today = today
        self._changes = 0
        self._work: Slices | None = None
        self._asking = 0
        self._found: Findings | None = None

    def note_change(self) -> None:
        """To be called after each change of the graph."""
        self._changes += 1
        if not self._asking:
            self._work = None  # those who asked have gone

    async def findings(self) -> Findings:
        """What there is to find in the graph as it is now, or as it has become by the time that this is known."""
        wanted, today = self._changes, self._today()
        self._asking += 1
        try:
            while (found := self._found) is None or found.change < wanted or found.today < today:
                if not self._is_slice_the_last():
                    await give_way()
        finally:
            self._asking -= 1
        return found

    def _is_slice_the_last(self) -> bool:
        """Does a slice of the work, and says whether it is done."""
        if self._work is None:
            self._work = self._look(self._today())
        until = perf_counter() + self.SLICE_S
        try:
            next(self._work)  # however slow it is, it goes on
            while perf_counter() < until:
                next(self._work)
        except StopIteration as done:
            self._found, self._work = done.value, None
            return True
        except BaseException:
            self._work = None
            raise
        return False

    def _look(self, today: str) -> Slices:
        with no_full_collections():
            stated, change = yield from self._copied()
            view = View(stated, today)
            yield from view.fill()
            found: list[Kept] = []
            for place, rule in enumerate(RULES):
                yield from self._apply(rule, place, view, found)
            yield from view.dismantle()
            return Findings(found, change, today)

    def _copied(self) -> Generator[None, None, tuple[list[Stated], int]]:
        """What one version states, and after how many changes it is that."""
        for patience in range(self.PATIENCE, -1, -1):
            change, statements, copied = self._changes, iter(self._statements()), list[Stated]()
            while change == self._changes:
                stretch = list(islice(statements, self.STRETCH))
                if not stretch:
                    return copied, change
                copied += stretch
                if patience:
                    yield
        raise AssertionError("the last time nobody else has a turn")

    def _apply(self, rule: Rule, place: int, view: View, found: list[Kept]) -> Generator[None, None, None]:
        """Adds what one rule finds, in the order of its ids."""
        by_ids: dict[tuple[str, ...], tuple[tuple[object, ...], ...]] = {}
        for step, item in enumerate(rule.over(view), 1):
            for ids, details in rule.find(item, view):
                by_ids[ids] = (*by_ids.get(ids, ()), details)
            if not step % self.STRETCH:
                yield
        # To sort a hundred thousand in one go would take too long for a slice.
        unsorted, sorted_parts = list(by_ids.items()), []
        for start in range(0, len(unsorted), self.SORTED):
            sorted_parts.append(sorted(unsorted[start : start + self.SORTED]))
            yield
        for step, (ids, details) in enumerate(merge(*sorted_parts), 1):
            found.append(Kept(place, ids, details))
            if not step % self.SORTED:
                yield


@contextmanager
def no_full_collections() -> Iterator[None]:
    """Has the garbage collector look at what is new alone. What a look makes is no garbage until it is over, and to go
    through all of it again and again would take a tenth of a second each time, in which nobody else has a turn."""
    thresholds = gc.get_threshold()
    gc.set_threshold(*thresholds[:2], 1_000_000)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)


def _compare(kept: Kept, position: Position) -> int:
    rule = RULES[kept.place]
    mine: Position = Finding(rule.name, rule.severity, "", kept.ids).position
    return (mine > position) - (mine < position)
