"""Groups, facets, pages far in, and counts, over the world that all servers hold: 60,000 metrics, 5,000 projects."""

import asyncio
import json
import time
from collections.abc import Iterator
from typing import NamedTuple

from api.__main__ import executor_of
from api.execute import Executor, GraphQLRequest
from api.settings import Settings
from graph.graph import Graph
from tests.bench.errors import BenchError
from tests.bench.lab import Lab, loaded
from tests.bench.report import Goal, figure, p, table

ASKED = 60
"""How often each question is asked in a round."""

PAGE, FAR = 50, 1_000
FAR_TIMES = 1.2


class Asked(NamedTuple):
    """A question, and what 95 of 100 answers may take at most, in ms."""

    name: str
    text: str
    most_ms: float | None = None


GROUPED = "{ metrics { groupBy(keys: [%s], orderBy: {by: %s}) { nodes { count keys { value label } %s } } } }"
FACETS = "{ projects%s { facets(fields: [%s]) { field more buckets { value label count } } } }"
EVERY = "STATUS, ACTIVITY, SECTOR, COUNTRY, REGION, PARTNER, YEAR"
ASKING = [
    Asked("groups by country and year, counts", GROUPED % ("COUNTRY, YEAR", "COUNT", ""), 50),
    Asked(
        "groups by country, year and indicator, values",
        GROUPED % ("COUNTRY, YEAR, INDICATOR", "COUNT", "value { sum avg min max }"),
        100,
    ),
    Asked(
        "the same, in the order of sums",
        GROUPED % ("COUNTRY, YEAR, INDICATOR", "SUM", "value { sum avg min max }"),
        100,
    ),
    Asked("seven facets of all projects", FACETS % ("", EVERY), 10),
    Asked("seven facets of some projects", FACETS % ("(where: {status: {ne: SUSPENDED}})", EVERY), 10),
    Asked("totalCount, by an enum", "{ projects(where: {status: {eq: SUSPENDED}}) { totalCount } }", 10),
    Asked("totalCount, by a text", '{ projects(where: {name: {contains: "1"}}) { totalCount } }', 10),
    Asked(
        "totalCount, by what is related",
        "{ projects(where: {events: {impact: {eq: EVACUATED}, some: {}}}) { totalCount } }",
        10,
    ),
    Asked("totalCount, by a date", '{ metrics(where: {startedOn: {gte: "2021"}}) { totalCount } }', 10),
    Asked("totalCount, by a number", "{ metrics(where: {value: {gt: 1000}}) { totalCount } }", 10),
]
PAGED = f"""query($after: String) {{
    metrics(first: {PAGE}, after: $after) {{ nodes {{ id name }} pageInfo {{ endCursor }} }} }}"""


def measure(lab: Lab, _: Graph) -> tuple[str, list[Goal]]:
    lab.tell("loading the world of the other servers")
    graph = loaded(lab.world)
    executor = executor_of(graph, Settings())
    rows, goals = [], []
    with asyncio.Runner() as runner:
        for asked in ASKING:
            lab.tell(asked.name)
            first, *times = taken(runner, executor, asked.text, {}, ASKED * lab.rounds)
            rows.append([asked.name, *map(figure, (first, p(times, 50), p(times, 95)))])
            if asked.most_ms is not None:
                goals.append(Goal(f"{asked.name}, 95 %", p(times, 95), asked.most_ms, at_most=True, unit=" ms"))
        lab.tell("pages far in")
        near, far = [list(pages) for pages in zip(*far_pages(runner, executor, lab.rounds), strict=True)]
    ratio = p([there / here for here, there in zip(near, far, strict=True)], 50)
    goals.append(Goal(f"page {FAR:,} of a list, against page 1", ratio, FAR_TIMES, at_most=True, unit="×"))
    text = f"""
The world of the other servers (60,000 metrics, 5,000 projects), in process, whole answers. Milliseconds of the first \
answer, which brings what it needs in order, and of those after it:

{table(["", "first", "half within", "95 % within"], rows)}

A page of {PAGE} metrics, asked for in turn: {figure(p(near, 50))} ms for page 2, {figure(p(far, 50))} ms for page \
{FAR:,} (half within).
"""
    return text, goals


def taken(
    runner: asyncio.Runner, executor: Executor, text: str, variables: dict[str, object], times: int
) -> Iterator[float]:
    """Milliseconds of each answer."""
    for _ in range(times):
        yield asked_once(runner, executor, text, variables)[0]


def asked_once(
    runner: asyncio.Runner, executor: Executor, text: str, variables: dict[str, object]
) -> tuple[float, bytes]:
    begun = time.perf_counter()
    answer = runner.run(executor.execute(GraphQLRequest(text, None, variables)))
    spent = 1_000 * (time.perf_counter() - begun)
    if answer.has_errors:
        raise BenchError(f"{text}\nis answered with {answer.body[:500]!r}")
    return spent, answer.body


def far_pages(runner: asyncio.Runner, executor: Executor, rounds: int) -> Iterator[tuple[float, float]]:
    """Milliseconds of the page after the first, and of one far in, asked for in turn: both by cursor."""
    cursors = [None]
    for _ in range(FAR - 1):
        _, body = asked_once(runner, executor, PAGED, {"after": cursors[-1]})
        cursors.append(json.loads(body)["data"]["metrics"]["pageInfo"]["endCursor"])
    for _ in range(ASKED * rounds):
        near, _ = asked_once(runner, executor, PAGED, {"after": cursors[1]})
        far, _ = asked_once(runner, executor, PAGED, {"after": cursors[-1]})
        yield near, far
