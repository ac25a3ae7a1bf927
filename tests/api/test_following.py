"""The search index is made while the service runs: at once where nobody asks, else beside the requests."""

import asyncio
from contextlib import suppress
from time import perf_counter

import pytest

from api.following import PREPARED_AT_ONCE, Follower
from graph.graph import Graph
from graph.plan import Page, Search
from tests.conftest import graph_of

ENTITIES = 100 * PREPARED_AT_ONCE
TURN_S = 0.0005
"""What others do in each of their turns takes five times as long as what is taken for nothing."""


@pytest.fixture
def graph() -> Graph:
    return graph_of([{"id": f"project:{n}", "kind": "PROJECT", "name": f"Clinic {n}"} for n in range(ENTITIES)])


async def turns_until_ready(graph: Graph, *, busy: bool) -> int:
    """How many turns others have until the index is made."""
    follower = Follower(graph)
    turns = 0
    task = asyncio.create_task(follower._follow())
    while graph.engine.words.is_behind:
        end = perf_counter() + (TURN_S if busy else 0)
        while perf_counter() < end:
            pass
        turns += 1
        await asyncio.sleep(0)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    return turns


def test_with_nobody_there_the_index_is_made_without_a_pause(graph: Graph) -> None:
    assert asyncio.run(turns_until_ready(graph, busy=False)) <= 2 * ENTITIES // PREPARED_AT_ONCE


def test_beside_others_the_index_takes_its_turn_one_time_in_many(graph: Graph) -> None:
    assert asyncio.run(turns_until_ready(graph, busy=True)) >= 5 * ENTITIES // PREPARED_AT_ONCE


def test_a_search_that_comes_first_lets_others_in_while_the_index_is_made(graph: Graph) -> None:
    async def search_beside_others() -> int:
        searching = asyncio.create_task(graph.engine.search(Search("clinic 7"), Page(first=1)))  # type: ignore[arg-type]
        turns = 0
        while not searching.done():
            turns += 1
            await asyncio.sleep(0)
        assert [entity.id for entity in (await searching).entities] == ["project:7"]
        return turns

    assert asyncio.run(search_beside_others()) >= 10
