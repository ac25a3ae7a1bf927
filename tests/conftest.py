"""What all tests share: the seeded graph, a small world that a reader can remember, and a way to ask them."""

import asyncio
import json
import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from api.__main__ import executor_of
from api.access import OWNER
from api.execute import GraphQLRequest
from api.settings import PREFIX, Settings
from graph.graph import Graph
from graph.parse import write
from seed.load import records

# Before any test module says how many examples it draws (tests/worlds.py).
settings.register_profile("long", max_examples=2_000)
if profile := os.environ.get("HYPOTHESIS_PROFILE"):
    settings.load_profile(profile)

Ask = Callable[..., dict[str, Any]]

SMALL = Path(__file__).with_name("small.jsonl")
SMALL_WORLD: list[dict[str, Any]] = [json.loads(row) for row in SMALL.read_text().splitlines() if row[0] != "#"]


def graph_of(lines: list[dict[str, Any]]) -> Graph:
    """A graph in memory that holds these graph lines."""
    graph = Graph.in_memory()
    graph.apply(write(line) for line in lines)
    return graph


def asking(graph: Graph, settings: Settings | None = None) -> Ask:
    """A way to ask a graph as its owner would, past HTTP: `ask(query, variables)` is the answer's JSON document."""
    executor = executor_of(graph, settings or Settings())

    def ask(query: str, variables: dict[str, Any] | None = None) -> dict[str, Any]:
        request = GraphQLRequest(query=query, variables=variables)
        answer: dict[str, Any] = json.loads(asyncio.run(executor.execute(request, OWNER)).body)
        return answer

    return ask


def refusal(answer: dict[str, Any]) -> tuple[str, str]:
    """The code and the message of an answer's one error."""
    (error,) = answer["errors"]
    return error["extensions"]["code"], error["message"]


@pytest.fixture(scope="session", autouse=True)
def _plain_environment() -> Iterator[None]:
    """Settings are the defaults, whatever the environment of whoever runs the tests says."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(PREFIX)]:
            patch.delenv(name)
        yield


@pytest.fixture(scope="session")
def seeded() -> Graph:
    """The graph as a new store has it. Shared: do not change it."""
    return graph_of(list(records()))


@pytest.fixture(scope="session")
def ask(seeded: Graph) -> Ask:
    """Asks the seeded graph."""
    return asking(seeded)


@pytest.fixture
def small() -> Graph:
    """The small world, a new one for each test."""
    return graph_of(SMALL_WORLD)


@pytest.fixture
def _restored_logging() -> Iterator[None]:
    """The log goes where it went before, whatever the test says."""
    root = logging.getLogger()
    names = ("fieldgraph", "uvicorn.error", "uvicorn.access")
    handlers, level = list(root.handlers), root.level
    levels = {name: logging.getLogger(name).level for name in names}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, each in levels.items():
        logging.getLogger(name).setLevel(each)
