"""What is remembered of JSON once written: the leaf fields of a record, and one parent's list of such records, be it
as a list or as its text.

Records are values and lasting pages are given anew when anything on them changes, so what is remembered by the identity
of such an object is never stale. Nothing larger is remembered: no filter's result, no answer. What is remembered takes
bounded memory; over the bound all of it is forgotten, which costs a moment and needs no bookkeeping on the hot path.
"""

from collections.abc import Callable
from typing import Any, Generic, TypeVar
from weakref import WeakSet, ref

Written = TypeVar("Written")

OVERHEAD = 250
"""Bytes that a remembered fragment takes beside its own: its two entries, and what keeps its identity."""


class Memory:
    """The memory that all fragments take together, at most about `limit` bytes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.spent = 0
        self._caches: WeakSet[Fragments[Any]] = WeakSet()

    def of_records(self) -> "Fragments[bytes]":
        """A new, empty cache within this memory: for what is written of records."""
        return self._add(Fragments(self))

    def of_pages(self) -> "PageFragments[Any]":
        """... and for what is written of pages, or of the entities on them."""
        return self._add(PageFragments(self))

    def _add(self, cache: "Cache") -> "Cache":
        self._caches.add(cache)
        return cache

    def spend(self, size: int) -> None:
        if self.spent + size > self._limit:
            for cache in self._caches:
                cache.clear()
            self.spent = 0
        self.spent += size


class Fragments(Generic[Written]):
    """What was written, by the identity of the record it shows: `known[id(record)]`."""

    __slots__ = ("__weakref__", "_memory", "_shown", "known")

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self.known: dict[int, Written] = {}
        self._shown: dict[int, Any] = {}  # an identity means something only while its object lives

    def remember(self, shown: object, written: Written, size: int) -> None:
        self._memory.spend(size + OVERHEAD)
        key = id(shown)
        self.known[key] = written
        self._shown[key] = self._held(shown, size + OVERHEAD)

    def clear(self) -> None:
        self.known.clear()
        self._shown.clear()

    def _held(self, shown: object, spent: int) -> Any:
        """A record that was replaced is held until memory is cleared: it is no larger than what is written of it."""
        return shown


Cache = TypeVar("Cache", bound=Fragments[Any])


class PageFragments(Fragments[Written]):
    """What was written, by the identity of a page. It goes with the page, as one that was replaced holds a whole
    list."""

    __slots__ = ("_gone",)

    def __init__(self, memory: Memory) -> None:
        super().__init__(memory)
        own = ref(self)

        def gone(page: "_Page") -> None:
            if (fragments := own()) is not None:
                fragments._forget(page)

        self._gone = gone

    def _held(self, shown: object, spent: int) -> Any:
        return _Page(shown, self._gone, spent)

    def _forget(self, page: "_Page") -> None:
        del self._shown[page.key], self.known[page.key]
        self._memory.spent -= page.spent


class _Page(ref[Any]):
    """A weak reference to a page that remembers its identity, and what memory it took to remember it."""

    __slots__ = ("key", "spent")
    key: int
    spent: int

    def __new__(cls, page: object, gone: "Callable[[_Page], None]", spent: int) -> "_Page":
        made = super().__new__(cls, page, gone)
        made.key, made.spent = id(page), spent
        return made

    def __init__(self, page: object, gone: "Callable[[_Page], None]", spent: int) -> None:
        super().__init__(page, gone)  # type: ignore[call-arg]
