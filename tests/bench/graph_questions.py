"""Neighborhoods, paths, likeness and centrality, beside networkx's plain algorithms on the plain graph."""

import asyncio
import time
from collections.abc import Callable, Iterator
from itertools import islice
from random import Random
from typing import Any, NamedTuple

import networkx as nx

from api.__main__ import executor_of
from api.execute import GraphQLRequest
from api.settings import Settings
from graph.analytics.centrality import scored
from graph.graph import Graph
from graph.vocabulary import CentralityMeasure
from tests.bench.errors import BenchError
from tests.bench.lab import Lab
from tests.bench.report import Goal, figure, p, table

ASKED, PLAIN_ASKED = 400, 30
"""How often ours is asked in a round, and how often networkx, which takes long."""

HOPS, LIMIT, MOST_HOPS, FIRST = 3, 100, 4, 3
WITHIN_MS = {"neighborhood": 20, "paths": 25}

TEXTS = {
    "neighborhood": f"""query($a: ID!) {{ neighborhood(id: $a, hops: {HOPS}, limit: {LIMIT}) {{
        entities {{ distance entity {{ id kind name }} }} relations {{ kind subject {{ id }} object {{ id }} }}
        truncated {{ reason }} }} }}""",
    "paths": f"""query($a: ID!, $b: ID!) {{ paths(from: $a, to: $b, maxHops: {MOST_HOPS}, first: {FIRST}) {{
        paths {{ hops {{ from {{ id }} relation {{ kind }} to {{ id name }} }} }} truncated {{ reason }} }} }}""",
    "similar": """query($a: ID!) { similar(id: $a) { items { score entity { name } shared { name } } } }""",
}


class Row(NamedTuple):
    """A question, and how many milliseconds each time took: of ours, and of networkx."""

    name: str
    ours: list[float]
    plain: list[float]

    def cells(self) -> list[str]:
        return [
            self.name,
            *(figure(p(times, share)) for times in (self.ours, self.plain) for share in (50, 95)),
            f"{figure(p(self.plain, 50) / p(self.ours, 50))}×",
        ]


def measure(lab: Lab, graph: Graph) -> tuple[str, list[Goal]]:
    lab.tell("graph questions")
    found = [Row(name, list(ours(lab, graph, text)), []) for name, text in TEXTS.items()]
    lab.tell("the same asked of networkx")
    whole = plain(graph)
    for row in found:
        row.plain.extend(plainly(PLAIN[row.name], whole, graph))
    lab.tell("centrality")
    central = [ranked(graph, measured, whole) for measured in CentralityMeasure]
    goals = [
        Goal(f"{name}, 95 %", p(row.ours, 95), WITHIN_MS[name], True, " ms")
        for row in found
        if (name := row.name) in WITHIN_MS
    ]
    return text_of(found, central), goals


def pairs(graph: Graph, number: int) -> list[tuple[str, str]]:
    """Entities drawn at random."""
    ids = sorted(entity.id for entity in graph.engine.entities())
    chance = Random(number)
    return [(chance.choice(ids), chance.choice(ids)) for _ in range(number)]


def ours(lab: Lab, graph: Graph, text: str) -> Iterator[float]:
    """Milliseconds of each question, compiled, from its text to the bytes of its answer."""
    executor = executor_of(graph, Settings())
    with asyncio.Runner() as runner:
        for start, end in pairs(graph, ASKED * lab.rounds):
            request = GraphQLRequest(text, None, {"a": start} | ({"b": end} if "$b" in text else {}))
            begun = time.perf_counter()
            answer = runner.run(executor.execute(request))
            yield 1_000 * (time.perf_counter() - begun)
            if answer.has_errors or b'"time"' in answer.body:
                raise BenchError(f"{text}\nof {start} and {end} is answered with {answer.body[:500]!r}")


def plain(graph: Graph) -> Any:
    made = nx.Graph()
    made.add_nodes_from(entity.id for entity in graph.engine.entities())
    made.add_edges_from((relation.subject, relation.object) for relation in graph.engine.all_relations())
    return made


def plainly(ask: Callable[[Any, Graph, str, str], Any], whole: Any, graph: Graph) -> Iterator[float]:
    for start, end in pairs(graph, PLAIN_ASKED):
        begun = time.perf_counter()
        ask(whole, graph, start, end)
        yield 1_000 * (time.perf_counter() - begun)


def plain_neighborhood(whole: Any, graph: Graph, start: str, _: str) -> Any:
    distances = nx.single_source_shortest_path_length(whole, start, cutoff=HOPS)
    kinds = {id: graph.engine.graph.nodes[id]["record"].kind.rank for id in distances}
    return sorted(distances, key=lambda id: (distances[id], kinds[id], id))[: LIMIT + 1]


def plain_paths(whole: Any, _: Graph, start: str, end: str) -> Any:
    try:
        return [*islice(nx.shortest_simple_paths(whole, start, end), FIRST)]
    except nx.NetworkXNoPath:
        return []


def plain_similar(whole: Any, graph: Graph, start: str, _: str) -> Any:
    kind = graph.engine.graph.nodes[start]["record"].kind
    around = {id for near in whole[start] for id in whole[near]} - {start}
    peers = [id for id in around if graph.engine.graph.nodes[id]["record"].kind is kind]
    scores = nx.adamic_adar_index(whole, [(start, peer) for peer in peers])
    return sorted(((-score, peer) for _, peer, score in scores))[:10]


PLAIN: dict[str, Callable[[Any, Graph, str, str], Any]] = {
    "neighborhood": plain_neighborhood,
    "paths": plain_paths,
    "similar": plain_similar,
}


def ranked(graph: Graph, measured: CentralityMeasure, whole: Any) -> list[str]:
    """Seconds to rank all entities; of networkx, betweenness from four of our pivots, times what is missing."""
    pivots = Settings().pivots
    begun = time.perf_counter()
    scored(graph.engine.wiring.snapshot().wired(), measured, pivots)
    taken = time.perf_counter() - begun
    begun = time.perf_counter()
    factor = 1.0
    if measured is CentralityMeasure.PAGERANK:
        directed = nx.DiGraph((relation.subject, relation.object) for relation in graph.engine.all_relations())
        begun = time.perf_counter()
        nx.pagerank(directed)
    elif measured is CentralityMeasure.DEGREE:
        nx.degree_centrality(whole)
    else:
        nx.betweenness_centrality(whole, k=4, seed=7)
        factor = pivots / 4
    return [str(measured), figure(taken), figure(factor * (time.perf_counter() - begun))]


def text_of(rows: list[Row], central: list[list[str]]) -> str:
    header = ["", "half within", "95 % within", "networkx, half", "networkx, 95 %", "times as fast"]
    return f"""
Entities drawn at random, whole answers. Milliseconds for a neighborhood of {HOPS} hops (limit {LIMIT}), the {FIRST} \
shortest paths within {MOST_HOPS} hops, and the ten most similar entities. networkx, on the plain graph, makes nothing \
but the ids:

{table(header, (row.cells() for row in rows))}

Seconds to rank all entities, in a thread beside the questions; betweenness from {Settings().pivots} pivots (networkx: \
from 4, times {Settings().pivots // 4}):

{table(["", "ours", "networkx"], central)}
"""
