"""What is remembered of JSON takes the memory that it is said to take, and goes with what it shows."""

import gc
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from api.fragments import OVERHEAD, Fragments, Memory


class Thing:
    """Something that can be shown."""


def taken(caches: list[Fragments[bytes]]) -> int:
    return sum(len(written) + OVERHEAD for cache in caches for written in cache.known.values())


def test_a_fragment_goes_with_what_it_shows():
    memory = Memory(10_000)
    cache, thing = memory.fragments(), Thing()
    cache.remember(thing, b"written", 7)
    assert cache.known == {id(thing): b"written"}
    del thing
    assert (cache.known, memory.spent) == ({}, 0)


def test_a_cache_that_is_gone_gives_its_memory_back():
    memory = Memory(10_000)
    cache, thing = memory.fragments(), Thing()
    cache.remember(thing, b"written", 7)
    del cache
    gc.collect()
    assert memory.spent == 0
    del thing  # whose fragment is gone already


STEPS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 400), st.booleans()), max_size=60)


@given(STEPS)
def test_the_memory_is_bounded_and_counted_exactly(steps: list[tuple[int, int, bool]]) -> None:
    memory = Memory(3_000)
    caches = [memory.fragments() for _ in range(3)]
    alive: list[Any] = []
    for place, size, goes in steps:
        thing = Thing()
        caches[place].remember(thing, b"x" * size, size)
        alive.append(thing)
        del thing
        if goes:
            alive.pop(0)
        assert memory.spent == taken(caches) <= 3_000
