"""What all tests share: the seeded graph, a small world that a reader can remember, and a way to ask them."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from api.__main__ import executor_of
from api.execute import GraphQLRequest
from api.settings import Settings
from graph.graph import Graph
from graph.parse import write
from seed.load import records

Ask = Callable[..., dict[str, Any]]

SMALL_WORLD: list[dict[str, Any]] = [
    # Two countries in one region; Koro lies in Mopti, Mopti in Mali. MSF runs two projects, one with the ministry.
    {"id": "place:africa", "kind": "PLACE", "name": "Western Africa", "type": "REGION"},
    {"id": "country:ML", "kind": "COUNTRY", "name": "Mali", "code": "ML", "alpha3": "MLI", "labels": {"ar": "مالي", "fr": "Mali"}},
    {"id": "country:BF", "kind": "COUNTRY", "name": "Burkina Faso", "code": "BF", "alpha3": "BFA"},
    {"id": "place:mopti", "kind": "PLACE", "name": "Mopti", "type": "ADMIN1"},
    {"id": "place:koro", "kind": "PLACE", "name": "Koro", "type": "TOWN", "latitude": 14.07, "longitude": -3.08},
    {"id": "project:koro", "kind": "PROJECT", "name": "Koro clinic", "status": "IMPLEMENTATION", "startedOn": "2023",
     "activities": [{"vocabulary": "fieldgraph", "code": "malnutrition", "label": "Malnutrition care"}]},
    {"id": "project:bamako", "kind": "PROJECT", "name": "Bamako hospital", "status": "SUSPENDED", "startedOn": "2020-05"},
    {"id": "partner:msf", "kind": "PARTNER", "name": "Médecins Sans Frontières", "type": "INTERNATIONAL_NGO", "acronym": "MSF"},
    {"id": "partner:moh", "kind": "PARTNER", "name": "Ministry of Health", "type": "GOVERNMENT"},
    {"id": "partner:red-cross", "kind": "PARTNER", "name": "Red Cross", "type": "NATIONAL_NGO"},
    {"id": "event:flood", "kind": "EVENT", "name": "Flood in Koro", "type": "FLOOD", "startedOn": "2024-10", "affected": 47000},
    {"id": "event:attack", "kind": "EVENT", "name": "Attack in Bamako", "type": "ATTACK_ON_AID", "startedOn": "2023-11-05"},
    {"id": "indicator:consultations", "kind": "INDICATOR", "name": "Consultations", "code": "consultations",
     "unit": "consultations", "countBasis": "CONSULTATIONS"},
    {"id": "metric:ml-2023", "kind": "METRIC", "name": "Consultations, Mali, 2023", "value": 530000, "unit": "consultations",
     "startedOn": "2023", "endedOn": "2023"},
    {"id": "source:report", "kind": "SOURCE", "name": "Activity report", "type": "REPORT", "publisher": "MSF", "publishedOn": "2024"},
    {"relation": "PART_OF", "subject": "country:ML", "object": "place:africa"},
    {"relation": "PART_OF", "subject": "country:BF", "object": "place:africa"},
    {"relation": "PART_OF", "subject": "place:mopti", "object": "country:ML"},
    {"relation": "PART_OF", "subject": "place:koro", "object": "place:mopti"},
    {"relation": "LOCATED_IN", "subject": "project:koro", "object": "place:koro", "percentage": 100},
    {"relation": "LOCATED_IN", "subject": "project:bamako", "object": "country:ML"},
    {"relation": "PARTICIPATES_IN", "subject": "partner:msf", "object": "project:koro", "role": "IMPLEMENTING", "since": "2023"},
    {"relation": "PARTICIPATES_IN", "subject": "partner:msf", "object": "project:koro", "role": "FUNDING", "sources": ["source:report"]},
    {"relation": "PARTICIPATES_IN", "subject": "partner:msf", "object": "project:bamako", "role": "IMPLEMENTING"},
    {"relation": "PARTICIPATES_IN", "subject": "partner:moh", "object": "project:bamako"},
    {"relation": "OPERATES_IN", "subject": "partner:red-cross", "object": "country:ML", "since": "1990"},
    {"relation": "OCCURRED_IN", "subject": "event:flood", "object": "place:koro"},
    {"relation": "OCCURRED_IN", "subject": "event:attack", "object": "country:ML"},
    {"relation": "AFFECTED", "subject": "event:attack", "object": "project:bamako", "impact": "ATTACKED"},
    {"relation": "AFFECTED", "subject": "event:attack", "object": "project:bamako", "impact": "SUSPENDED"},
    {"relation": "DISPLACED_FROM", "subject": "event:flood", "object": "country:BF"},
    {"relation": "FOLLOWED", "subject": "event:flood", "object": "event:attack"},
    {"relation": "ABOUT", "subject": "metric:ml-2023", "object": "country:ML"},
    {"relation": "MEASURES", "subject": "metric:ml-2023", "object": "indicator:consultations"},
    {"relation": "CITES", "subject": "metric:ml-2023", "object": "source:report", "locator": "p. 43"},
    {"relation": "CITES", "subject": "country:ML", "object": "source:report"},
]  # fmt: skip


def graph_of(lines: list[dict[str, Any]]) -> Graph:
    """A graph in memory that holds these graph lines."""
    graph = Graph.in_memory()
    graph.apply(write(line) for line in lines)
    return graph


def asking(graph: Graph, settings: Settings | None = None) -> Ask:
    """A way to ask a graph as a client would, past HTTP: `ask(query, variables)` is the answer's JSON document."""
    executor = executor_of(graph, settings or Settings())

    def ask(query: str, variables: dict[str, Any] | None = None) -> dict[str, Any]:
        request = GraphQLRequest(query=query, variables=variables)
        answer: dict[str, Any] = json.loads(asyncio.run(executor.execute(request, request_id="test")).body)
        return answer

    return ask


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
