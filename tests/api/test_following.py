"""The search index is made while the service runs: at once where nobody asks, else beside the requests."""

import asyncio

import pytest

from api import following
from api.following import PREPARED_AT_ONCE, Follower
from graph.graph import Graph
from graph.plan import Page, Search
from tests.conftest import graph_of

ENTITIES = 10 * PREPARED_AT_ONCE


@pytest.fixture
def graph() -> Graph:
    return graph_of([{"id": f"project:{n}", "kind": "PROJECT", "name": f"Clinic {n}"} for n in range(ENTITIES)])


def pauses(graph: Graph, patch: pytest.MonkeyPatch, *, others_s: float) -> list[float]:
    """What is waited for while the index is made, where each part takes 2 ms and others take so long in between."""
    now, waited = [0.0], []

    def clock() -> float:
        return now[0]

    async def sleep(seconds: float) -> None:
        now[0] += seconds or others_s
        waited.append(seconds)

    def prepare(most: int) -> bool:
        now[0] += 0.002
        return graph.engine.words.catch_up(most)

    patch.setattr(following, "perf_counter", clock)
    patch.setattr(asyncio, "sleep", sleep)
    patch.setattr(graph.engine, "prepare", prepare)
    follower = Follower(graph)

    async def until_ready() -> None:
        while await follower._prepare():
            pass

    asyncio.run(until_ready())
    return [seconds for seconds in waited if seconds]


def test_with_nobody_there_the_index_is_made_without_a_pause(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    assert pauses(graph, monkeypatch, others_s=0.00001) == []


def test_beside_others_it_pauses_nine_times_as_long_as_it_worked(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    assert pauses(graph, monkeypatch, others_s=0.001) == [pytest.approx(0.018)] * (ENTITIES // PREPARED_AT_ONCE - 1)


def test_a_search_that_comes_first_lets_others_in_while_the_index_is_made(graph: Graph) -> None:
    async def search_beside_others() -> int:
        searching = asyncio.create_task(graph.engine.search(Search("clinic 7"), Page(first=1)))  # type: ignore[arg-type]
        turns = 0
        while not searching.done():
            turns += 1
            await asyncio.sleep(0)
        assert [entity.id for entity in (await searching).entities] == ["project:7"]
        return turns

    assert asyncio.run(search_beside_others()) >= 2
