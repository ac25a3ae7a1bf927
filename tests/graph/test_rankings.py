"""Rankings are made beside the questions: who asks first waits without holding up others, later ones get the last."""

import asyncio
from collections.abc import Sequence
from threading import Event, current_thread, main_thread
from typing import Any

import numpy as np
import pytest

from graph.analytics.centrality import Scored
from graph.analytics.rankings import REST, Rankings
from graph.analytics.wiring import Wires, Wiring
from graph.engine import settle
from graph.model import Project
from graph.questions import Central, Ranking, Truncation
from graph.vocabulary import CentralityMeasure, Kind


class Workshop:
    """Some projects, of which each new version adds one with the highest score; ranked when the test allows it."""

    def __init__(self) -> None:
        self.wiring = Wiring()
        self.names: list[str] = []
        self.may_work, self.works = Event(), Event()
        self.computed: list[int] = []
        self.now = 0.0
        self.fails = False
        self.threads: list[bool] = []
        self.rankings = Rankings(self.wiring.snapshot, self.find, compute=self.compute, clock=lambda: self.now)
        self.add("a")

    def add(self, name: str) -> None:
        self.wiring.add(name, Kind.PROJECT)
        self.names.append(name)

    def find(self, id: str) -> Project | None:
        return Project(id=id, name=id) if id in self.names else None

    def compute(self, wires: Wires, measure: CentralityMeasure, pivots: int) -> Scored:
        self.works.set()
        self.threads.append(current_thread() is main_thread())
        assert self.may_work.wait(10)
        if self.fails:
            raise ZeroDivisionError("broken")
        self.computed.append(wires.size)
        self.now += 1
        return Scored(np.arange(1.0, wires.size + 1), False)

    async def ask(self, ms: int = 10_000, most: int = 100) -> Ranking:
        asked = Central(CentralityMeasure.DEGREE, None, 3, most, 64, ms)
        return await self.rankings.ranking(asked, len(self.names))


def shown(ranking: Ranking) -> tuple[Sequence[str], int]:
    return [item.entity.id for item in ranking.items], ranking.version


async def until(condition: Any) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  # what is waited for happens in another thread
            await asyncio.sleep(0.001)


@pytest.fixture
def shop() -> Workshop:
    return Workshop()


def test_who_asks_first_waits_and_nobody_else_does(shop: Workshop) -> None:
    async def story() -> None:
        first, second = asyncio.create_task(shop.ask()), asyncio.create_task(shop.ask())
        await until(shop.works.is_set)
        assert not first.done()
        shop.may_work.set()
        assert shown(await first) == shown(await second) == (["a"], 1)
        assert shop.computed == [1]
        assert shop.threads == [False]

    asyncio.run(story())


def test_while_a_newer_one_is_made_the_last_one_is_answered(shop: Workshop) -> None:
    async def story() -> None:
        shop.may_work.set()
        await shop.ask()
        shop.may_work.clear()
        shop.works.clear()
        shop.add("b")
        shop.now += REST
        assert shown(await shop.ask()) == (["a"], 1)
        await until(shop.works.is_set)
        shop.add("c")
        assert shown(await shop.ask()) == (["a"], 1)
        shop.may_work.set()
        await until(lambda: shop.rankings.versions == {"DEGREE": 2})
        assert shown(await shop.ask()) == (["b", "a"], 2)

    asyncio.run(story())


def test_no_newer_one_is_made_before_the_last_has_stood_for_long_enough(shop: Workshop) -> None:
    shop.may_work.set()
    assert shown(settle(shop.ask())) == (["a"], 1)
    shop.add("b")
    shop.now += REST - 0.5
    assert shown(settle(shop.ask())) == (["a"], 1)
    shop.now += 0.5
    assert shown(settle(shop.ask())) == (["b", "a"], 2)
    shop.now += 100
    settle(shop.ask())
    assert shop.computed == [1, 2]  # of one version nothing is made twice


def test_one_that_is_too_short_is_made_anew(shop: Workshop) -> None:
    shop.may_work.set()
    for name in "bcde":
        shop.add(name)
    assert shown(settle(shop.ask(most=3))) == (["e", "d", "c"], 5)
    assert shown(settle(shop.ask(most=4))) == (["e", "d", "c"], 5)
    assert shop.computed == [5, 5]


def test_who_has_waited_for_long_enough_is_told_to_ask_again(shop: Workshop) -> None:
    async def story() -> None:
        assert await shop.ask(ms=20) == Ranking([], 1, False, Truncation("time", 20))
        shop.may_work.set()
        assert shown(await shop.ask()) == (["a"], 1)
        assert shop.computed == [1]

    asyncio.run(story())


def test_who_no_longer_waits_leaves_it_to_others(shop: Workshop) -> None:
    async def story() -> None:
        first, second = asyncio.create_task(shop.ask()), asyncio.create_task(shop.ask())
        await until(shop.works.is_set)
        first.cancel()
        shop.may_work.set()
        assert shown(await second) == (["a"], 1)

    asyncio.run(story())


def test_without_a_loop_it_is_made_at_once(shop: Workshop) -> None:
    shop.may_work.set()
    assert shown(settle(shop.ask())) == (["a"], 1)
    assert shop.threads == [True]


def test_what_goes_wrong_is_told_and_tried_again(shop: Workshop) -> None:
    async def story() -> None:
        shop.fails = True
        shop.may_work.set()
        with pytest.raises(ZeroDivisionError, match="broken"):
            await shop.ask()
        shop.fails = False
        assert shown(await shop.ask()) == (["a"], 1)

    asyncio.run(story())


def test_who_has_gone_meanwhile_is_left_out_and_the_next_stands_there(shop: Workshop) -> None:
    shop.may_work.set()
    for name in "bcd":
        shop.add(name)
    settle(shop.ask())
    shop.names.remove("c")
    assert shown(settle(shop.ask()))[0] == ["d", "b", "a"]
