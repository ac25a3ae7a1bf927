"""One store served by two processes beside one: what the second adds."""

from statistics import median

from tests.bench.drive import CONNECTIONS, Drive, drive
from tests.bench.lab import QUERIES, Lab
from tests.bench.report import Part, figure, table
from tests.bench.servers import Server, fieldgraph, running

TITLE = "Two workers"
ASKED = ("small", "page")


def measure(lab: Lab) -> Part:
    two = fieldgraph(lab.store, "two workers", "--workers", "2")
    with running(fieldgraph(lab.store, "one process"), lab.directory) as one, running(two, lab.directory) as both:
        lab.tell("driving one process and two workers")
        servers = [one, both]
        drives: dict[tuple[Server, str], list[Drive]] = {(server, query): [] for server in servers for query in ASKED}
        for turn in range(1 + lab.rounds):  # the first warms up
            for server, query in drives if turn % 2 == 0 else reversed(drives):
                drives[server, query].append(drive(server.url, QUERIES[query], lab.seconds))
    return Part(TITLE, _text({(server.name, query): found[1:] for (server, query), found in drives.items()}))


def _text(drives: dict[tuple[str, str], list[Drive]]) -> str:
    def row(name: str) -> list[str]:
        return [name, *(figure(median(each.rate for each in drives[name, query])) for query in ASKED)]

    ratios = [
        median(b.rate / a.rate for a, b in zip(drives["one process", query], drives["two workers", query], strict=True))
        for query in ASKED
    ]
    rows = [row("one process"), row("two workers"), ["times as many", *map(figure, ratios)]]
    return f"""
Answers a second over {CONNECTIONS} connections. The driver shares the cores with them.

{table(["", *ASKED], rows)}
"""
