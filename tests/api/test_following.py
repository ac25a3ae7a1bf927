"""What other processes commit is seen here, or the service is not ready. The search index is made while it runs:
at once where nobody asks, else beside the requests."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from starlette.applications import Starlette

from api import following as following_module
from api.following import FEW_CHANGES, PREPARED_AT_ONCE, Follower
from graph.errors import StoreError
from graph.graph import Graph
from graph.parse import write
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

    patch.setattr(following_module, "perf_counter", clock)
    patch.setattr(asyncio, "sleep", sleep)
    patch.setattr(graph.engine, "prepare", prepare)
    follower = Follower(graph)

    async def until_ready() -> None:
        while await follower._prepare():
            pass

    asyncio.run(until_ready())
    return [seconds for seconds in waited if seconds]


# Following


@asynccontextmanager
async def following(directory: Path) -> AsyncIterator[tuple[Graph, Graph, Follower]]:
    """A graph that follows its store, another one that writes to it, and what follows."""
    with closing(Graph.open(directory)) as graph, closing(Graph.open(directory)) as other:
        follower = Follower(graph)
        async with follower.lifespan(Starlette()):
            yield graph, other, follower


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110  # nobody tells of it
            await asyncio.sleep(0.005)


def reason(follower: Follower) -> str | None:
    """Why the service is not ready; None if it is."""
    try:
        follower.facts()
    except StoreError as error:
        return str(error)
    return None


SOURCE = {"id": "source:x", "kind": "SOURCE", "name": "X", "type": "REPORT"}


@pytest.mark.parametrize("part", ["prepare", "behind"])
def test_what_fails_once_is_told_and_the_store_followed_again(part, tmp_path, monkeypatch, caplog):
    async def work() -> None:
        async with following(tmp_path) as (graph, other, follower):
            owner = graph.engine if part == "prepare" else graph
            works, failing = getattr(owner, part), True

            def fails(*given: Any) -> Any:
                if failing:
                    raise MemoryError("once")
                return works(*given)

            monkeypatch.setattr(owner, part, fails)
            await until(lambda: reason(follower) is not None)
            assert reason(follower) == "The store cannot be followed: MemoryError('once'). Restart the service."
            await asyncio.sleep(0.1)
            assert caplog.text.count("MemoryError: once") == 1
            other.apply([write(SOURCE)])
            failing = False
            await until(lambda: graph.version == 1)
            await until(lambda: reason(follower) is None)
            assert follower.facts() == {"version": 1}

    asyncio.run(work())


def test_a_service_that_no_longer_follows_its_store_is_not_ready(tmp_path, monkeypatch):
    async def work() -> None:
        async with following(tmp_path) as (graph, _, follower):
            assert reason(follower) is None
            with monkeypatch.context() as stuck:
                stuck.setattr(following_module, "LATE_S", 0.1)
                stuck.setattr(graph, "behind", lambda: FEW_CHANGES + 1)
                go_on = Event()
                stuck.setattr(graph, "fetch", lambda: [go_on.wait(5)][1:])  # a thread that reads for long
                await until(lambda: (reason(follower) or "").startswith("The store was last looked at 0 s ago"))
                go_on.set()
            await until(lambda: reason(follower) is None)
        assert (reason(follower) or "").startswith("The store is not followed")

    asyncio.run(work())


# The search index


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
