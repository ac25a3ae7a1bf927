"""Answers a second, side by side: our service, other GraphQL servers, and uvicorn alone, one process each.

All run at once, but only one is driven at a time. A round drives each with each query, every other round in the
opposite order; a ratio is one of two numbers of the same round.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import product
from math import ceil
from statistics import median
from typing import Any, NamedTuple

from tests.bench.drive import CONNECTIONS, Drive, drive
from tests.bench.errors import BenchError
from tests.bench.lab import QUERIES, Lab
from tests.bench.peers.recipes import MERCURIUS, RAW, STOCK, install, raw, recipes
from tests.bench.report import Goal, Part, figure, megabytes, table
from tests.bench.servers import Server, fieldgraph, running

TITLE = "Answers a second"
OURS = "Fieldgraph"
GOALS = {
    MERCURIUS: {"page": 1.5, "big": 2.0, "filter": 2.0},
    STOCK: {"small": 5.0, "page": 40.0, "big": 100.0, "filter": 10.0},
    RAW: {"small": 0.75},
}
"""How many times as many answers a second as they we must give."""

CODES = ("AA", "AB", "AZ", "CI", "GR")
"""Countries for which all must answer alike, from the one with most projects to the one with fewest."""
RAW_CODE = "CI"

FEWEST_ANSWERS = 12
"""A server that is slow is driven until it can have given so many answers, ..."""
LONGEST_S = 30
"""... but never longer."""

Results = dict[tuple[str, str], list[Drive]]
"""By server and query, a drive for each round."""


class Run(NamedTuple):
    """All drives, and what memory each server took after them."""

    results: Results
    memory: dict[str, int]

    def ratios(self, server: str, query: str) -> list[float]:
        """How many times as many answers as `server` ours gave, round by round."""
        mine, theirs = self.results[OURS, query], self.results[server, query]
        return [a.rate / b.rate for a, b in zip(mine, theirs, strict=True)]


def measure(lab: Lab) -> Part:
    """Starts all servers, has them answer alike, drives them."""
    install()
    with ExitStack() as stack:
        wanted = [fieldgraph(lab.store, OURS), *recipes(lab.world), raw()]
        lab.tell(f"starting {', '.join(recipe.name for recipe in wanted)}")
        servers = [stack.enter_context(running(recipe, lab.directory)) for recipe in wanted]
        lab.tell("comparing their answers")
        require_equal_answers(servers)
        run = Run(_drive_all(lab, servers), {server.name: server.memory().now for server in servers})
    return Part(TITLE, _text(run), list(_goals(run)))


def require_equal_answers(servers: Sequence[Server]) -> None:
    """Raises BenchError unless all servers give the same answers, compared as JSON values."""
    ours, *others = servers
    for (name, query), code in product(_texts().items(), CODES):
        expected = ours.ask(query, {"code": code})
        if expected.get("errors") or None in expected["data"].values():
            raise BenchError(f"{ours.name} does not answer {name} for {code}: {str(expected)[:500]}")
        for other in others:
            constant = other.name == RAW
            if not constant or (name, code) == ("small", RAW_CODE):
                _require_equal(expected, other.ask(query, {"code": code}), f"{other.name} on {name} for {code}")


def _require_equal(expected: Any, found: Any, where: str) -> None:
    if expected != found:
        place = next(differences(expected, found, "answer"))
        raise BenchError(f"{where} does not answer as {OURS} does, first at {place}. Nothing was measured.")


def differences(expected: Any, found: Any, path: str) -> Iterator[str]:
    if isinstance(expected, dict) and isinstance(found, dict) and expected.keys() == found.keys():
        for key in expected:
            yield from differences(expected[key], found[key], f"{path}.{key}")
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for index, pair in enumerate(zip(expected, found, strict=True)):
            yield from differences(*pair, f"{path}[{index}]")
    elif expected != found:
        yield f"{path}: {str(expected)[:100]} is not {str(found)[:100]}"


def _texts() -> dict[str, str]:
    return {name: path.read_text(encoding="utf-8") for name, path in QUERIES.items()}


def _drive_all(lab: Lab, servers: Sequence[Server]) -> Results:
    cells = [(server, query) for query in QUERIES for server in servers if server.name != RAW or query == "small"]
    lasting = {}
    for server, query in cells:
        lasting[server.name, query] = _warm_up(server, query, lab.seconds)
    results: Results = {(server.name, query): [] for server, query in cells}
    for turn in range(lab.rounds):
        lab.tell(f"round {turn + 1} of {lab.rounds}, {sum(lasting.values()):,} s")
        for server, query in cells if turn % 2 == 0 else reversed(cells):
            results[server.name, query].append(drive(server.url, QUERIES[query], lasting[server.name, query]))
            _let_finish(server, query)
    return results


def _warm_up(server: Server, query: str, seconds: int) -> int:
    """Has caches filled and compilers done; says how many seconds the server is to be driven for."""
    _let_finish(server, query)
    start = time.monotonic()
    _let_finish(server, query)
    needed = ceil(FEWEST_ANSWERS * (time.monotonic() - start))
    drive(server.url, QUERIES[query], max(1, min(needed, seconds)))
    _let_finish(server, query)
    return max(seconds, min(needed, LONGEST_S))


def _let_finish(server: Server, query: str) -> None:
    """Waits for an answer of its own: by then those that wrk left behind are given, and the machine is the next's."""
    server.ask(_texts()[query], {"code": CODES[0]})


def _goals(run: Run) -> Iterator[Goal]:
    for server, needed in GOALS.items():
        for query, ratio in needed.items():
            yield Goal(f"{query}, against {server}", median(run.ratios(server, query)), ratio, unit="×")


def _text(run: Run) -> str:
    names = list(run.memory)
    others = [name for name in names if name != OURS]
    return f"""
One process each, {CONNECTIONS} connections, rounds: {len(run.results[OURS, "small"])}. `small` and `page` ask for a \
country drawn at random each time; all servers gave the same answers. Answers a second, medians of the rounds, and \
the memory of the whole process after them:

{table(["", *QUERIES, "memory"], [_rates(run, name) for name in names])}

How many times as many answers as the other ours gives, within one round: median (least to most).

{table(["against", *QUERIES], [_ratios(run, name) for name in others])}

How long an answer takes, half of them at most / 99 % of them at most, in ms:

{table(["", *QUERIES], [_latencies(run, name) for name in names])}
"""


def _rates(run: Run, name: str) -> list[str]:
    return [
        name,
        *_cells(run.results, name, lambda found: figure(median(each.rate for each in found))),
        megabytes(run.memory[name]),
    ]


def _latencies(run: Run, name: str) -> list[str]:
    def both(found: list[Drive]) -> str:
        return f"{figure(median(each.half_ms for each in found))} / {figure(median(each.most_ms for each in found))}"

    return [name, *_cells(run.results, name, both)]


def _ratios(run: Run, name: str) -> list[str]:
    row = [name]
    for query in QUERIES:
        ratios = run.ratios(name, query) if (name, query) in run.results else []
        row.append(f"{figure(median(ratios))} ({figure(min(ratios))} to {figure(max(ratios))})" if ratios else "")
    return row


def _cells(results: Mapping[tuple[str, str], list[Drive]], name: str, tell: Any) -> list[str]:
    return [tell(results[name, query]) if (name, query) in results else "" for query in QUERIES]
