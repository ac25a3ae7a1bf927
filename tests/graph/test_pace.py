"""Long walks let others in, end when their time is over, and are answered from one version all the same."""

import asyncio
from collections.abc import Callable
from time import perf_counter
from typing import Any

import pytest

from graph.analytics.likeness import likenesses
from graph.analytics.neighborhoods import neighborhood
from graph.analytics.neighbors import Surroundings
from graph.analytics.pace import SLICE_S, Walk, run
from graph.analytics.routes import routes
from graph.engine import settle
from graph.model import Project
from graph.questions import Neighborhood, Paths, Similar, Truncation
from graph.vocabulary import Kind


class Clock:
    """Goes on by a step whenever it is read."""

    def __init__(self, step: float) -> None:
        self.now = 0.0
        self._step = step

    def __call__(self) -> float:
        self.now += self._step
        return self.now


def counting(stops: int) -> Walk[tuple[int, bool]]:
    """Stops so often, unless its time is over; how often it was, and whether that was so."""
    for number in range(stops):
        if (yield):
            return number, True
    return stops, False


# The pace


def test_a_walk_that_never_stops_is_done_at_once() -> None:
    assert settle(run(lambda: counting(0), 1, lambda: 1)) == (0, False)


def test_a_walk_is_told_when_its_time_is_over() -> None:
    stops, is_over = settle(run(lambda: counting(1_000), 500, lambda: 1, Clock(0.001)))
    assert is_over
    assert 400 < stops < 500
    assert settle(run(lambda: counting(400), 500, lambda: 1, Clock(0.001))) == (400, False)


@pytest.mark.parametrize(("changes_at", "stops", "times"), [(None, 40, 1), (15, 55, 2)])
def test_a_walk_gives_way_after_each_slice_and_begins_anew_once(changes_at: int | None, stops: int, times: int) -> None:
    """What has begun anew goes on to its end without giving way, however often the graph changes."""
    made: list[Walk[Any]] = []
    gave_way, stopped = 0, 0

    def walk() -> Walk[int]:
        nonlocal stopped
        for _ in range(40):
            stopped += 1
            yield
        return stopped

    def begin() -> Walk[int]:
        made.append(walk())
        return made[-1]

    def version() -> int:
        return 0 if changes_at is None or stopped < changes_at else stopped

    running = run(begin, 10**9, version, Clock(SLICE_S / 10))
    while True:
        try:
            assert running.send(None) is None
        except StopIteration as done:
            found = done.value
            break
        gave_way += 1
    assert len(made) == times
    assert gave_way == (4 if changes_at is None else 2)
    assert found == stopped
    assert stopped - 40 < SLICE_S * 1_000 * 2 * (times - 1) + 1


# The deadline, on a made-up graph


def crowds(size: int, names: str) -> Surroundings:
    """Crowds that know nothing of each other; in each, everybody is everybody's neighbor."""
    rows: dict[str, Any] = {}
    for name in names:
        ids = [f"{name}:{number:05}" for number in range(size)]
        rows |= dict.fromkeys(ids, dict.fromkeys(ids, NOTHING))
    nodes = {id: {"record": Project(id=id, name=id)} for id in rows}
    made = Surroundings(nodes, rows, dict.fromkeys(rows, NOTHING))
    made.ids[Kind.PROJECT] = set(rows)
    return made


NOTHING: dict[str, Any] = {}
MS = 400
START, END = "a:00000", "b:00000"
LONG: dict[str, Callable[[Surroundings], Walk[Any]]] = {
    "neighborhood": lambda around: neighborhood(around, Neighborhood(START, 6, 10**6, None, None, 10**6, MS)),
    "paths": lambda around: routes(around, Paths(START, END, 6, None, (), 3, MS)),
    "similar": lambda around: likenesses(around, Similar(START, 100, 5, MS)),
}


@pytest.fixture(scope="module")
def crowd() -> Surroundings:
    return crowds(6_000, "ab")


@pytest.mark.parametrize("question", LONG)
def test_a_deadline_stops_the_work_within_a_tenth_over_its_time(crowd: Surroundings, question: str) -> None:
    taken = []
    for _ in range(5):  # the machine may have been busy with something else
        started = perf_counter()
        found = settle(run(lambda: LONG[question](crowd), MS, lambda: 1))
        taken.append(perf_counter() - started)
        assert found.truncated == Truncation("time", MS)
        if taken[-1] < 1.1 * MS / 1_000:
            break
    assert MS / 1_000 <= min(taken) < 1.1 * MS / 1_000


@pytest.mark.parametrize("question", LONG)
def test_others_are_let_in_while_a_walk_goes_on(crowd: Surroundings, question: str) -> None:
    async def both() -> int:
        turns = 0
        walking = asyncio.create_task(run(lambda: LONG[question](crowd), MS, lambda: 1))
        while not walking.done():
            turns += 1
            await asyncio.sleep(0)
        return turns

    assert asyncio.run(both()) >= MS / 1_000 / SLICE_S / 4


def test_what_was_found_in_time_is_told(crowd: Surroundings) -> None:
    found: Any = settle(run(lambda: LONG["neighborhood"](crowd), MS, lambda: 1))
    assert [near.distance for near in found.entities] == [0, *[1] * 5_999]
    found = settle(run(lambda: LONG["similar"](crowd), MS, lambda: 1))
    assert len(found.items) == 100
    assert all(len(item.shared) == 5 for item in found.items)
