"""What is remembered of JSON once written: the leaf fields of a record, and one parent's list of such records, be it
as a list or as its text.

Records are values and lasting pages are given anew when anything on them changes, so what is remembered by the identity
of such an object is never stale, and it goes with its object. Nothing larger is remembered: no filter's result, no
answer. What is remembered takes bounded memory; over the bound all of it is forgotten, which costs a moment and needs
no bookkeeping on the hot path.
"""

from collections.abc import Callable
from typing import Any, Generic, TypeVar
from weakref import WeakSet, ref

Written = TypeVar("Written")

OVERHEAD = 300
"""Bytes that a fragment takes beside its own: its two entries, and the weak reference to what it shows."""


class Memory:
    """The memory that all fragments take together, at most about `limit` bytes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._caches: WeakSet[Fragments[Any]] = WeakSet()
        self.spent = 0

    def fragments(self) -> "Fragments[Any]":
        """A new, empty cache within this memory."""
        cache = Fragments[Any](self)
        self._caches.add(cache)
        return cache

    def spend(self, size: int) -> None:
        if self.spent + size > self._limit:
            for cache in self._caches:
                cache.clear()
        self.spent += size


class Fragments(Generic[Written]):
    """What was written, by the identity of what it shows: `known[id(record)]`."""

    __slots__ = ("__weakref__", "_gone", "_memory", "_shown", "_spent", "known")

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._spent = 0
        self.known: dict[int, Written] = {}
        self._shown: dict[int, _Shown] = {}
        own = ref(self)

        def gone(shown: _Shown) -> None:
            if (fragments := own()) is not None:
                fragments._forget(shown)

        self._gone = gone

    def remember(self, shown: object, written: Written, size: int) -> None:
        """Keeps what was written, which takes `size` bytes, for as long as `shown` lives. Of one thing once."""
        held = _Shown(shown, self._gone, size + OVERHEAD)
        self._memory.spend(held.size)
        self._spent += held.size
        self.known[held.key] = written
        self._shown[held.key] = held

    def _forget(self, shown: "_Shown") -> None:
        del self._shown[shown.key], self.known[shown.key]
        self._give_back(shown.size)

    def clear(self) -> None:
        self.known.clear()
        self._shown.clear()
        self._give_back(self._spent)

    def _give_back(self, size: int) -> None:
        self._spent -= size
        self._memory.spent -= size

    def __del__(self) -> None:
        self._give_back(self._spent)


class _Shown(ref[Any]):
    """A weak reference to what a fragment shows: its identity, and the memory that the fragment takes."""

    __slots__ = ("key", "size")
    key: int
    size: int

    def __new__(cls, shown: object, gone: "Callable[[_Shown], None]", size: int) -> "_Shown":
        made = super().__new__(cls, shown, gone)
        made.key, made.size = id(shown), size
        return made

    def __init__(self, shown: object, gone: "Callable[[_Shown], None]", size: int) -> None:
        super().__init__(shown, gone)  # type: ignore[call-arg]
