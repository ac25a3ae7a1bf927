"""What is remembered of JSON once written: the leaf fields of a record, and one parent's list of such records.

Records are values and lasting pages are given anew when anything on them changes, so what is remembered by the identity
of such an object is never stale. Nothing larger is remembered: no filter's result, no answer. What is remembered takes
bounded memory; over the bound all of it is forgotten, which costs a moment and needs no bookkeeping on the hot path.
"""

from typing import Any
from weakref import WeakSet

OVERHEAD = 200
"""Bytes that a remembered fragment takes beside its own: its entry, its key, its place in the list of what is kept."""


class Memory:
    """The memory that all fragments take together, at most about `limit` bytes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._spent = 0
        self._caches: WeakSet[Fragments] = WeakSet()

    def fragments(self) -> "Fragments":
        """A new, empty cache within this memory."""
        cache = Fragments(self)
        self._caches.add(cache)
        return cache

    def spend(self, size: int) -> None:
        self._spent += size + OVERHEAD
        if self._spent > self._limit:
            for cache in self._caches:
                cache.clear()
            self._spent = 0


class Fragments:
    """Fragments by the identity of the object they show: `known[id(thing)]`."""

    __slots__ = ("__weakref__", "_kept", "_memory", "known")

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self.known: dict[int, bytes] = {}
        self._kept: list[Any] = []  # an identity means something only while its object lives

    def remember(self, thing: object, fragment: bytes) -> None:
        self._memory.spend(len(fragment))
        self.known[id(thing)] = fragment
        self._kept.append(thing)

    def clear(self) -> None:
        self.known.clear()
        self._kept.clear()
