"""Single saves over 8 connections to a running service, each durable before it is answered."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from itertools import count
from pathlib import Path
from statistics import median
from typing import NamedTuple
from urllib.parse import urlsplit

from graph.graph import STORE
from graph.journal.sqlite import SQLiteJournal
from graph.resident import utc_now
from graph.tokens import Scope, create
from tests.bench.drive import CONNECTIONS
from tests.bench.errors import BenchError
from tests.bench.lab import Lab
from tests.bench.report import Goal, Part, figure, p, table
from tests.bench.servers import ANSWER_WITHIN_S, Server, fieldgraph, running

TITLE = "Saves"
LEAST_RATE = 300
SAVE = "mutation ($input: SaveInput!) { save(input: $input) { version userErrors { message } } }"


class Round(NamedTuple):
    """Saves a second, the milliseconds that each took, and in how many groups they were stored."""

    rate: float
    took: list[float]
    groups: int


def measure(lab: Lab) -> Part:
    store = lab.copied_store("store-saved-to")
    with closing(SQLiteJournal(store / STORE)) as journal:
        secret = create(journal.tokens, "bench", Scope.WRITE, utc_now())
    with running(fieldgraph(store), lab.directory) as server:
        lab.tell(f"saving over {CONNECTIONS} connections")
        save_for(server, secret, 1, "warming")
        rounds = [_round(server, store, secret, lab.seconds, turn) for turn in range(lab.rounds)]
    return Part(TITLE, _text(rounds), [Goal("saves a second", median(each.rate for each in rounds), LEAST_RATE)])


def _round(server: Server, store: Path, secret: str, seconds: float, turn: int) -> Round:
    before = server.get("/readyz")["version"]
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        names = [f"{turn}-{connection}" for connection in range(CONNECTIONS)]
        took = [list(each) for each in threads.map(lambda name: save_for(server, secret, seconds, name), names)]
    saves = sum(map(len, took))
    with closing(SQLiteJournal(store / STORE)) as journal:
        if (version := journal.head().version) != before + saves:
            raise BenchError(f"{saves} saves were acknowledged, and {version - before} are in the store.")
        times = {journal.commit(each).time for each in range(before + 1, version + 1)}
    return Round(saves / seconds, [1_000 * each for some in took for each in some], len(times))


def save_for(server: Server, secret: str, seconds: float, name: str) -> list[float]:
    """Saves one project after the other over a connection that is kept; how many seconds each took."""
    address = urlsplit(server.url)
    assert address.hostname is not None
    connection = HTTPConnection(address.hostname, address.port, timeout=ANSWER_WITHIN_S)
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {secret}"}
    return list(_saves(connection, headers, time.monotonic() + seconds, name))


def _saves(connection: HTTPConnection, headers: dict[str, str], until: float, name: str) -> Iterator[float]:
    for number in count():
        if time.monotonic() > until:
            break
        project = {"id": f"project:{name}-{number}", "name": f"Saved {number}", "status": "IMPLEMENTATION"}
        body = json.dumps({"query": SAVE, "variables": {"input": {"projects": [project]}}})
        begun = time.perf_counter()
        connection.request("POST", "/graphql", body, headers)
        answer = json.loads(connection.getresponse().read())
        yield time.perf_counter() - begun
        if answer.get("errors") or answer["data"]["save"]["userErrors"]:
            raise BenchError(f"A save is answered with {answer}")
    connection.close()


def _text(rounds: list[Round]) -> str:
    took = [each for some in rounds for each in some.took]
    together = median(len(each.took) / each.groups for each in rounds)
    rates = sorted(each.rate for each in rounds)
    row = [figure(median(rates)), figure(rates[0]), figure(rates[-1]), figure(p(took, 50)), figure(p(took, 99))]
    return f"""
Each save makes a project, by a token, and is answered once it is durable (`synchronous=FULL`); {CONNECTIONS} \
connections, {len(rounds)} rounds. Those that come together wait for the disk together: {figure(together)} at a time.

{table(["saves a second", "least", "most", "half within, ms", "99 % within, ms"], [row])}
"""
