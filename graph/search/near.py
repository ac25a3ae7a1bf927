"""The words of the index: those that begin with a word, and those that a word may be a misspelling of."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator

from rapidfuzz import process
from rapidfuzz.distance import OSA

LEAST_LETTERS = 4
"""Shorter words are taken as they are written, and so are those with a digit in them."""

LONG_WORD = 8
"""From so many letters on a word may be two edits away, else one."""

Pool = dict[str, None]


class Vocabulary:
    """The words of the index, and perhaps some that are no longer there. Words may be added, never taken away."""

    def __init__(self) -> None:
        self._words: set[str] = set()
        self._new: set[str] = set()
        self._sorted: list[str] = []
        self._by_length: dict[int, Pool] = {}
        self._heads: dict[int, Pool] = {}

    def copy(self) -> "Vocabulary":
        other = Vocabulary()
        other._new = self._words | self._new
        return other

    def add(self, words: Iterable[str]) -> None:
        self._new.update(words)

    def _take_in(self) -> None:
        """Sorts in what is new: all at once, as there may be many before anybody asks."""
        new = self._new - self._words
        self._new.clear()
        if not new:
            return
        self._words |= new
        self._sorted = sorted([*self._sorted, *new])  # two runs, of which the first is merged, not sorted
        for word in filter(is_spelt, new):
            self._by_length.setdefault(len(word), {})[word] = None
            for length, heads in self._heads.items():
                if length <= len(word):
                    heads[word[:length]] = None

    def completions(self, head: str) -> Iterator[str]:
        """The words that begin with a word, itself among them, in the order of the alphabet."""
        self._take_in()
        place = bisect_left(self._sorted, head)
        while place < len(self._sorted) and self._sorted[place].startswith(head):
            yield self._sorted[place]
            place += 1

    def near(self, word: str, *, completes: bool) -> Iterator[list[str]]:
        """The words that differ by one edit (a letter too many, too few, another, or two exchanged), then those that
        differ by two, if the word is long; each in the order of the alphabet. With `completes` heads of words too, as
        the word may be one that is still being written."""
        self._take_in()
        if len(word) < LEAST_LETTERS or not is_spelt(word):
            return
        for edits in (1, 2) if len(word) >= LONG_WORD else (1,):
            found: set[str] = set()
            for length in range(len(word) - edits, len(word) + edits + 1):
                pool = self._heads_of(length) if completes and length >= len(word) else self._by_length.get(length, {})
                near = process.extract(word, pool.keys(), scorer=OSA.distance, score_cutoff=edits, limit=None)
                found.update(other for other, _, _ in near)
            yield sorted(found)

    def _heads_of(self, length: int) -> Pool:
        heads = self._heads.get(length)
        if heads is None:
            long_enough = (words for size, words in self._by_length.items() if size >= length)
            heads = self._heads[length] = {word[:length]: None for words in long_enough for word in words}
        return heads


def is_spelt(word: str) -> bool:
    """Whether it is letters alone: of numbers and codes every one is another."""
    return word.isalpha()
