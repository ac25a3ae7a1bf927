"""What was used last, as much of it as a bound permits."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Recent(Generic[Key, Value]):
    """Values by their keys: at most `most` of them, whose sizes together are at most `limit`.

    Over either bound the least recently used are forgotten. A value that alone is too large is not kept, and nothing is
    forgotten for it. `size` is asked when a value comes, and again when `weigh` is told that it has grown.

    >>> recent = Recent[str, str](limit=5, size=lambda key, value: len(value))
    >>> for word in ("one", "by", "three words"):
    ...     recent.put(word, word)
    >>> recent.get("one"), recent.get("three words")
    ('one', None)
    >>> recent.put("a", "a")  # "by" was used before "one"
    >>> recent.get("one"), recent.get("by"), recent.spent
    ('one', None, 4)
    """

    def __init__(self, limit: int, size: Callable[[Key, Value], int], most: int | None = None) -> None:
        self._limit = limit
        self._size = size
        self._most = most
        self._kept: OrderedDict[Key, Value] = OrderedDict()
        self._sizes: dict[Key, int] = {}
        self.spent = 0
        # The two halves of get(), for the hot path, where a call of a Python function would be half of the cost.
        self.peek = self._kept.get
        self.touch = self._kept.move_to_end

    def get(self, key: Key) -> Value | None:
        """The value, from now on the most recently used one."""
        value = self.peek(key)
        if value is not None:
            self.touch(key)
        return value

    def put(self, key: Key, value: Value) -> None:
        """Keep the value, in place of one that has the same key."""
        if key in self._kept:
            self._forget(key)
        size = self._size(key, value)
        if size > self._limit:
            return
        self._kept[key] = value
        self._sizes[key] = size
        self.spent += size
        self._keep_bounds()

    def weigh(self, key: Key) -> None:
        """Have a value's size count as it is now, if the value is still kept."""
        if key in self._kept:
            grown = self._size(key, self._kept[key]) - self._sizes[key]
            self._sizes[key] += grown
            self.spent += grown
            self._keep_bounds()

    def _keep_bounds(self) -> None:
        while self.spent > self._limit or (self._most is not None and len(self._kept) > self._most):
            self._forget(next(iter(self._kept)))

    def _forget(self, key: Key) -> None:
        del self._kept[key]
        self.spent -= self._sizes.pop(key)
