"""One store served by two processes beside one: what the second adds."""

import subprocess
import sys
from statistics import median

from tests.bench.drive import CONNECTIONS, Drive, drive
from tests.bench.lab import QUERIES, Lab
from tests.bench.report import Part, figure, table
from tests.bench.servers import ROOT, Server, fieldgraph, plain, running

TITLE = "Two workers"
OPTION = "--workers"
ASKED = ("small", "page")


def measure(lab: Lab) -> Part | None:
    """None where the service has no such option."""
    if not _has_option():
        lab.tell(f"`fieldgraph serve` has no {OPTION}: two workers are left out")
        return None
    two = fieldgraph(lab.store, "two workers", OPTION, "2")
    with running(fieldgraph(lab.store, "one process"), lab.directory) as one, running(two, lab.directory) as both:
        lab.tell("driving one process and two workers")
        servers = [one, both]
        drives: dict[tuple[Server, str], list[Drive]] = {(server, query): [] for server in servers for query in ASKED}
        for turn in range(1 + lab.rounds):  # the first warms up
            for server, query in drives if turn % 2 == 0 else reversed(drives):
                drives[server, query].append(drive(server.url, QUERIES[query], lab.seconds))
    return Part(TITLE, _text({(server.name, query): found[1:] for (server, query), found in drives.items()}))


def _has_option() -> bool:
    command = [sys.executable, "-m", "api", "serve", "--help"]
    told = subprocess.run(command, cwd=ROOT, env=plain(), capture_output=True, text=True, timeout=60, check=True)
    return OPTION in told.stdout


def _text(drives: dict[tuple[str, str], list[Drive]]) -> str:
    def row(name: str) -> list[str]:
        return [name, *(figure(median(each.rate for each in drives[name, query])) for query in ASKED)]

    ratios = [
        median(b.rate / a.rate for a, b in zip(drives["one process", query], drives["two workers", query], strict=True))
        for query in ASKED
    ]
    rows = [row("one process"), row("two workers"), ["times as many", *map(figure, ratios)]]
    return f"""
Answers a second over {CONNECTIONS} connections. The driver needs a core of its own: on two cores a second worker \
takes from the driver what it gives.

{table(["", *ASKED], rows)}
"""
