"""Running walks a slice at a time: others are let in between, and a walk ends when its time is over."""

from collections.abc import Callable, Generator
from time import perf_counter
from typing import TypeVar

from graph.engine import give_way

T = TypeVar("T")

Walk = Generator[None, bool, T]
"""Work that stops wherever it may be held up or ended; at each stop it is told whether its time is over, upon which it
ends with what it has."""

SLICE_S = 0.01
"""Seconds that others wait at most, but for a single operation on a hub."""


async def run(
    walk: Callable[[], Walk[T]], ms: int, version: Callable[[], int], clock: Callable[[], float] = perf_counter
) -> T:
    """What a walk finds, all of it in one version of the graph.

    It gives way to others after each slice. If the graph has changed meanwhile, it begins anew, once, and from then on
    goes on to its end without giving way; its time goes on too.
    """
    now = clock()
    over, resume = now + ms / 1_000, now + SLICE_S
    begun, started_at, may_wait = walk(), version(), True
    try:
        next(begun)
        while True:
            now = clock()
            if may_wait and now >= resume:
                await give_way()
                if version() != started_at:
                    begun, may_wait = walk(), False
                    next(begun)
                now = clock()
                resume = now + SLICE_S
            begun.send(now >= over)
    except StopIteration as done:
        found: T = done.value
        return found
