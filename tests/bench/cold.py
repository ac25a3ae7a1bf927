"""Operations never seen before: what parsing, validating, compiling and running one costs, against the reference.

Each text goes to two services over one store, one that compiles and one that runs all on graphql-core; which of the two
is asked first changes from text to text.
"""

import json
import time
from http.client import HTTPConnection
from itertools import islice
from pathlib import Path
from statistics import median
from typing import NamedTuple
from urllib.parse import urlsplit

from graphql import build_schema

from tests.bench.errors import BenchError
from tests.bench.lab import Lab
from tests.bench.report import Goal, Part, figure, table
from tests.bench.servers import ANSWER_WITHIN_S, ROOT, Server, fieldgraph, running
from tests.bench.texts import texts

TITLE = "Operations never seen before"
SCHEMA = ROOT / "api" / "schema.graphql"
TEXTS = 1_000
WARMING = 100
MOST_TURNS = 3


class Times(NamedTuple):
    """Seconds for each text, compiled and on the reference executor."""

    compiled: list[float]
    reference: list[float]

    @property
    def ratio(self) -> float:
        """How long the compiling service took for all of them, in times of the reference."""
        return sum(self.compiled) / sum(self.reference)


def measure(lab: Lab) -> Part:
    reference = fieldgraph(lab.store, "Reference", FIELDGRAPH_EXECUTOR="reference")
    with running(fieldgraph(lab.store), lab.directory) as mine, running(reference, lab.directory) as theirs:
        lab.tell("asking texts never seen before")
        _ask_all(mine, theirs, WARMING, seed=0)
        turns = [_ask_all(mine, theirs, TEXTS, seed) for seed in range(1, 1 + min(lab.rounds, MOST_TURNS))]
    goal = Goal(
        "time, against the reference executor", median(turn.ratio for turn in turns), 1.0, at_most=True, unit="×"
    )
    return Part(TITLE, _text(turns), [goal])


def _ask_all(mine: Server, theirs: Server, number: int, seed: int) -> Times:
    """Raises BenchError unless both answer the same bytes."""
    schema = build_schema(Path(SCHEMA).read_text(encoding="utf-8"))
    times = Times([], [])
    asking = [(Asking(mine), times.compiled), (Asking(theirs), times.reference)]
    for text in islice(texts(schema, seed), number):
        answers = set()
        for client, taken in asking:
            start = time.perf_counter()
            answers.add(client.ask(text))
            taken.append(time.perf_counter() - start)
        if len(answers) > 1:
            raise BenchError(f"The executors do not answer alike: {text}\n{b' / '.join(answers)[:2_000].decode()}")
        asking.reverse()
    return times


class Asking:
    """One connection that is kept, so that little but the operation's own time is measured."""

    def __init__(self, server: Server) -> None:
        address = urlsplit(server.url)
        assert address.hostname is not None
        self._connection = HTTPConnection(address.hostname, address.port, timeout=ANSWER_WITHIN_S)
        self._path = address.path

    def ask(self, text: str) -> bytes:
        body = json.dumps({"query": text})
        self._connection.request("POST", self._path, body, {"Content-Type": "application/json"})
        answer = self._connection.getresponse().read()
        if b'"errors"' in answer[:20]:
            raise BenchError(f"An operation that should be valid is not: {text}\n{answer[:1_000].decode()}")
        return answer


def _text(turns: list[Times]) -> str:
    def row(name: str, taken: list[list[float]]) -> list[str]:
        each = sorted(seconds * 1_000 for turn in taken for seconds in turn)
        return [name, figure(sum(each) / len(each)), figure(median(each)), figure(each[len(each) * 99 // 100])]

    rows = [row("compiled", [turn.compiled for turn in turns]), row("reference", [turn.reference for turn in turns])]
    return f"""
{len(turns) * TEXTS:,} texts, each new, one after the other over one connection, to the service as it comes and to \
one with `FIELDGRAPH_EXECUTOR=reference`; both gave the same bytes. Milliseconds from request to answer:

{table(["", "mean", "median", "99 %"], rows)}
"""
