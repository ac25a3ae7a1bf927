"""What was used last is kept, as much as the bounds permit: held to a list that does the same the slow way."""

from hypothesis import given
from hypothesis import strategies as st

from api.recent import Recent
from tests.worlds import examples

KEYS = st.integers(0, 5)
SIZES = st.integers(0, 12)
USES = st.lists(st.tuples(KEYS, st.none() | SIZES), max_size=40)
"""A key is asked for, or with a size something is put there."""


class Listed:
    """The same as pairs in the order of their use."""

    def __init__(self, limit: int, most: int | None) -> None:
        self.limit = limit
        self.most = 10**9 if most is None else most
        self.pairs: list[tuple[int, int]] = []

    def get(self, key: int) -> int | None:
        found = [pair for pair in self.pairs if pair[0] == key]
        self.pairs = [pair for pair in self.pairs if pair[0] != key] + found
        return found[0][1] if found else None

    def put(self, key: int, size: int) -> None:
        self.pairs = [pair for pair in self.pairs if pair[0] != key]
        if size <= self.limit:
            self.pairs.append((key, size))
        while self.spent > self.limit or len(self.pairs) > self.most:
            self.pairs.pop(0)

    @property
    def spent(self) -> int:
        return sum(size for _, size in self.pairs)


@examples(100)
@given(limit=st.integers(0, 20), most=st.none() | st.integers(1, 4), uses=USES)
def test_the_least_recently_used_are_forgotten_and_no_more_than_needed(limit, most, uses):
    recent, listed = Recent[int, int](limit, lambda key, size: size, most), Listed(limit, most)
    for key, size in uses:
        if size is None:
            assert recent.get(key) == listed.get(key)
        else:
            recent.put(key, size)
            listed.put(key, size)
        assert recent.spent == listed.spent <= limit
    assert [recent.peek(key) for key in range(6)] == [dict(listed.pairs).get(key) for key in range(6)]


def test_what_is_too_large_takes_no_others_place():
    recent = Recent[str, str](5, lambda key, text: len(text))
    recent.put("a", "short")
    recent.put("b", "too long")
    assert (recent.get("a"), recent.get("b")) == ("short", None)


def test_to_look_is_no_use_and_to_touch_is():
    recent = Recent[str, str](2, lambda key, text: 1)
    for key in "ab":
        recent.put(key, key)
    assert recent.peek("a") == "a"
    recent.put("c", "c")
    assert recent.peek("a") is None
    recent.touch("b")
    recent.put("d", "d")
    assert (recent.peek("b"), recent.peek("c")) == ("b", None)
