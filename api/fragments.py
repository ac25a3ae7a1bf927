"""What is remembered of JSON once written: the leaf fields of a record, and one parent's list of such records.

Records are values and lasting pages are given anew when anything on them changes, so what is remembered by the identity
of such an object is never stale. Nothing larger is remembered: no filter's result, no answer. What is remembered takes
bounded memory; over the bound all of it is forgotten, which costs a moment and needs no bookkeeping on the hot path.
"""

from collections.abc import Callable
from typing import Any
from weakref import WeakSet, ref

OVERHEAD = 250
"""Bytes that a remembered fragment takes beside its own: its two entries, and what keeps its identity."""


class Memory:
    """The memory that all fragments take together, at most about `limit` bytes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.spent = 0
        self._caches: WeakSet[Fragments] = WeakSet()

    def fragments(self, *, of_pages: bool = False) -> "Fragments":
        """A new, empty cache within this memory."""
        cache = PageFragments(self) if of_pages else Fragments(self)
        self._caches.add(cache)
        return cache

    def spend(self, size: int) -> None:
        if self.spent + size > self._limit:
            for cache in self._caches:
                cache.clear()
            self.spent = 0
        self.spent += size


class Fragments:
    """Fragments by the identity of the record they show: `known[id(record)]`."""

    __slots__ = ("__weakref__", "_memory", "_shown", "known")

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self.known: dict[int, bytes] = {}
        self._shown: dict[int, Any] = {}  # an identity means something only while its object lives

    def remember(self, shown: object, fragment: bytes) -> None:
        self._memory.spend(len(fragment) + OVERHEAD)
        key = id(shown)
        self.known[key] = fragment
        self._shown[key] = self._held(shown)

    def clear(self) -> None:
        self.known.clear()
        self._shown.clear()

    def _held(self, shown: object) -> Any:
        """A record that was replaced is held until memory is cleared: it is no larger than what is written of it."""
        return shown


class PageFragments(Fragments):
    """Fragments by the identity of a page. They go with it, as a page that was replaced holds a whole list."""

    __slots__ = ("_gone",)

    def __init__(self, memory: Memory) -> None:
        super().__init__(memory)
        own = ref(self)

        def gone(page: "_Page") -> None:
            if (fragments := own()) is not None:
                fragments._forget(page.key)

        self._gone = gone

    def _held(self, shown: object) -> Any:
        return _Page(shown, self._gone)

    def _forget(self, key: int) -> None:
        del self._shown[key]
        self._memory.spent -= len(self.known.pop(key)) + OVERHEAD


class _Page(ref[Any]):
    """A weak reference to a page that remembers its identity."""

    __slots__ = ("key",)
    key: int

    def __new__(cls, page: object, gone: "Callable[[_Page], None]") -> "_Page":
        made = super().__new__(cls, page, gone)
        made.key = id(page)
        return made
