"""asOf of a version 10,000 changes back, in a world of 100,000 entities and 500,000 relations on disk.

How long the first answer takes, and further ones beside those of the live graph.
"""

import asyncio
import sys
import time
from random import Random
from statistics import median

from api.__main__ import executor_of
from api.execute import Executor, GraphQLRequest
from api.settings import Settings
from graph.errors import FieldgraphError
from graph.graph import Graph
from graph.model import Line, Patch
from graph.vocabulary import Kind
from graph.writing import Edit
from tests.bench.errors import BenchError
from tests.bench.lab import Lab
from tests.bench.report import Goal, Part, figure, table

TITLE = "The past"
ENTITIES, RELATIONS = 100_000, 500_000
CHANGES, TOGETHER = 10_000, 50
CHANGED = (Kind.PROJECT, Kind.EVENT, Kind.PARTNER, Kind.METRIC)
FIRST_WITHIN_S, TIMES_LIVE = 2, 2
WARMING, ASKED = 5, 30

ASKING = {
    "a page of countries": """countries(first: 20) { nodes { name
        projects(first: 10) { totalCount nodes { name status partners(first: 5) { nodes { name } } } }
        events(first: 5) { nodes { name startedOn } } } }""",
    "a filter": 'projects(first: 20, where: {startedOn: {gte: "2020"}}) { totalCount nodes { name } }',
    "groups": "metrics { groupBy(keys: [COUNTRY, YEAR]) { nodes { count } } }",
    "a search": 'search(text: "health") { totalCount nodes { id name } }',
    "a neighborhood": 'neighborhood(id: "%s", hops: 2) { entities { distance entity { id name } } }',
}


def measure(lab: Lab) -> Part:
    world, store = lab.directory / "past.jsonl", lab.directory / "past"
    lab.tell("writing and importing the world")
    lab.write([sys.executable, "-m", "seed.world", str(ENTITIES), str(RELATIONS)], world)
    lab.imported(world, store)
    world.unlink()
    graph = Graph.open(store)
    lab.tell(f"{CHANGES:,} changes")
    ids = changed(graph)
    while graph.engine.prepare(1_000):
        pass  # as a service does while nobody asks
    executor = executor_of(graph, Settings())
    with asyncio.Runner() as runner:
        firsts = [first(runner, executor, graph.version - CHANGES + turn) for turn in range(lab.rounds)]
        lab.tell("further answers, beside the live graph's")
        version = graph.version - CHANGES
        rows = []
        for name, text in ASKING.items():
            asked = text % ids[0] if "%s" in text else text
            live, past = beside(runner, executor, asked, version)
            rows.append((name, live, past))
    graph.close()
    goals = [Goal(f"first answer, {CHANGES:,} changes back, in s", max(firsts), FIRST_WITHIN_S, at_most=True)]
    goals += [
        Goal(f"{name}, against the live graph", past / live, TIMES_LIVE, at_most=True, unit="×")
        for name, live, past in rows
    ]
    return Part(TITLE, told(firsts, rows), goals)


def changed(graph: Graph) -> list[str]:
    """Renames entities, each in a commit of its own; the ids of all that may be."""
    ids = [entity.id for entity in graph.engine.entities() if entity.kind in CHANGED]
    chance = Random(1)
    for start in range(0, CHANGES, TOGETHER):
        named = {chance.choice(ids): f"Renamed {start + place}" for place in range(TOGETHER)}
        for outcome in graph.write([renaming(graph, id, name) for id, name in named.items()]):
            if isinstance(outcome, FieldgraphError):
                raise outcome
    while graph.version < CHANGES + 1:  # where one id was drawn twice
        graph.write([renaming(graph, ids[0], f"Renamed to {graph.version}")])
    return ids


def renaming(graph: Graph, id: str, name: str) -> Edit:
    entity = graph.engine.entity(id)
    assert entity is not None
    return Edit([Line(Patch(id, entity.kind, {"id": id, "name": name}))])


def answered(runner: asyncio.Runner, executor: Executor, text: str) -> float:
    """Seconds that an answer takes. Raises BenchError if it has errors."""
    begun = time.perf_counter()
    answer = runner.run(executor.execute(GraphQLRequest(text)))
    taken = time.perf_counter() - begun
    if answer.has_errors:
        raise BenchError(f"{text}\nis answered with {answer.body[:500]!r}")
    return taken


def first(runner: asyncio.Runner, executor: Executor, version: int) -> float:
    """Seconds until a version is answered of that nobody has asked yet."""
    return answered(runner, executor, f"{{ asOf(version: {version}) {{ {ASKING['a page of countries']} }} }}")


def beside(runner: asyncio.Runner, executor: Executor, text: str, version: int) -> tuple[float, float]:
    """Median seconds that further answers take: of the live graph, and of the past, in turns."""
    texts = (f"{{ {text} }}", f"{{ asOf(version: {version}) {{ {text} }} }}")
    for _ in range(WARMING):
        for each in texts:
            answered(runner, executor, each)
    taken = [[answered(runner, executor, each) for each in texts] for _ in range(ASKED)]
    live, past = zip(*taken, strict=True)
    return median(live), median(past)


def told(firsts: list[float], rows: list[tuple[str, float, float]]) -> str:
    cells = [[name, figure(1_000 * live), figure(1_000 * past)] for name, live, past in rows]
    return f"""
{ENTITIES:,} entities and {RELATIONS:,} relations in a store, then {CHANGES:,} commits of one change each. The first \
answer as of {CHANGES:,} changes ago, of {len(firsts)} versions that nobody had asked for: \
{figure(min(firsts))} to {figure(max(firsts))} s. Further answers in ms, medians, in turns:

{table(["", "live", "as of then"], cells)}
"""
