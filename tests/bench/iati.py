"""IATI activities: an import as a whole into a store that has the seed, and the memory of the reader alone."""

import gc
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from statistics import median

from graph.formats.format import Source
from graph.formats.iati.reader import read
from graph.formats.known import Known
from graph.graph import Graph
from tests.bench.errors import BenchError
from tests.bench.lab import Lab, Work
from tests.bench.report import Goal, Part, figure, megabytes, table
from tests.bench.servers import ROOT, memory_of, plain

TITLE = "IATI activities"
MOST_SECONDS, MOST_GROWTH_MB = 5, 100
TIMES = 100
"""So many times as large is the file whose reading must not need more memory."""

REAL = "iati_dportal_covid_activities.xml"
ACTIVITIES = 401
IDENTIFIER = re.compile(rb"(<iati-identifier>)([^<]*)(</iati-identifier>)")

MADE = """<iati-activity xml:lang="en" default-currency="EUR" humanitarian="1">
<iati-identifier>XX-EX-1-{n}</iati-identifier>
<reporting-org ref="XX-EX-1" type="21"><narrative>Example Aid</narrative></reporting-org>
<title><narrative>Made activity {n}</narrative></title>
<description type="1"><narrative>{text}</narrative></description>
{partners}<activity-status code="2"/>
<activity-date iso-date="2023-01-01" type="2"/>
<recipient-country code="ML" percentage="60"/>
<recipient-country code="NE" percentage="40"/>
<sector vocabulary="1" code="12220" percentage="100"/>
{money}{documents}</iati-activity>
"""
PARTNER = """<participating-org ref="XX-ORG-{n}" role="1" type="10"><narrative>Organisation {n}</narrative>
</participating-org>
"""
AMOUNT = """<transaction ref="{n}"><transaction-type code="3"/><transaction-date iso-date="2023-{month:02}-01"/>
<value currency="EUR" value-date="2023-01-01">{n}00</value>
<description><narrative>Part {n} of what was agreed on</narrative></description></transaction>
"""
DOCUMENT = """<document-link format="text/html" url="https://example.org/{n}/{m}">
<title><narrative>Page {m} of {n}</narrative></title><category code="A12"/></document-link>
"""


def measure(lab: Lab) -> Part:
    one, name = _one(lab)
    large = lab.directory / "activities-large.xml"
    repeat(one, large)
    stores = [Path(shutil.copytree(lab.seeded, lab.directory / f"store-iati-{turn}")) for turn in range(lab.rounds)]
    lab.tell("importing activities")
    works = [lab.imported(one, store) for store in stores]
    lab.tell(f"reading {large.stat().st_size >> 20} MB of activities")
    small_growth, large_growth = _growth(one), _growth(large)
    goals = [
        Goal(f"import of {ACTIVITIES} activities", median(work.seconds for work in works), MOST_SECONDS, True, " s"),
        Goal(f"memory of the reader, {TIMES} times as many", large_growth / 2**20, MOST_GROWTH_MB, True, " MB"),
    ]
    return Part(TITLE, _text(name, one, large, works, small_growth, large_growth), goals)


def _one(lab: Lab) -> tuple[Path, str]:
    """A file of activities: the real one where it is at hand, else one of the same size that is made."""
    named = os.environ.get("FIELDGRAPH_FIELD_FILES")
    real = (Path(named) if named else ROOT.parent / "shared" / "data" / "files") / REAL
    if real.is_file():
        return real, "real activities"
    made = lab.directory / "activities.xml"
    write_made(made)
    return made, "activities that were made"


def write_made(path: Path) -> None:
    path.write_bytes(b'<iati-activities version="2.03">\n' + b"".join(_made()) + b"</iati-activities>\n")


def _made() -> Iterator[bytes]:
    for n in range(ACTIVITIES):
        partners = "".join(PARTNER.format(n=(n + each) % 200) for each in range(4))
        money = "".join(AMOUNT.format(n=each, month=each % 12 + 1) for each in range(6))
        documents = "".join(DOCUMENT.format(n=n, m=each) for each in range(4))
        text = "What it does for whom, why, where and with whom. " * 60
        yield MADE.format(n=n, text=text, partners=partners, money=money, documents=documents).encode()


def repeat(one: Path, large: Path) -> None:
    """Writes the activities of a file many times, each time with identifiers of their own."""
    text = one.read_bytes()
    start, end = text.index(b"<iati-activity "), text.rindex(b"</iati-activities>")
    with large.open("wb") as out:
        out.write(text[:start])
        for turn in range(TIMES):
            out.write(IDENTIFIER.sub(rb"\1\2-%d\3" % turn, text[start:end]))
        out.write(text[end:])


def _growth(path: Path) -> int:
    """The bytes by which memory grows at most while a process of its own reads a file and keeps nothing."""
    command = [sys.executable, "-m", "tests.bench.iati", str(path)]
    done = subprocess.run(command, cwd=ROOT, env=plain(), capture_output=True, text=True, timeout=1_800, check=False)
    if done.returncode:
        raise BenchError(f"Reading {path} failed: {done.stderr}")
    return int(done.stdout)


def read_alone(path: Path) -> int:
    """Reads a file to its end, and says how many bytes more than before the process had at most."""
    graph = Graph.in_memory()
    gc.collect()
    before = memory_of(os.getpid()).now
    with path.open("rb") as stream:
        for record in read(Source(BufferedReader(stream.raw, 65_536), path.name, Known(graph.engine))):
            for _ in record.writes:
                pass
    return memory_of(os.getpid()).peak - before


def _text(name: str, one: Path, large: Path, works: list[Work], small_growth: int, large_growth: int) -> str:
    seconds = sorted(work.seconds for work in works)
    rows = [
        ["import into a store with the seed", megabytes(one.stat().st_size), f"{figure(median(seconds))} s", "—"],
        ["the reader alone", megabytes(one.stat().st_size), "—", megabytes(small_growth)],
        [f"the reader alone, {TIMES} times as many", megabytes(large.stat().st_size), "—", megabytes(large_growth)],
    ]
    return f"""
{ACTIVITIES} {name}. An import is the whole command, from its start to its end; {len(works)} rounds, from \
{figure(seconds[0])} to {figure(seconds[-1])} s. The reader alone goes through all records and their writes and keeps \
none; its memory is what the process's greatest memory grows by from before the first byte on.

{table(["", "file", "takes", "memory"], rows)}
"""


if __name__ == "__main__":
    sys.stdout.write(str(read_alone(Path(sys.argv[1]))))
