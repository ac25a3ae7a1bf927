"""What a run found: parts with their tables and goals, written as BENCHMARKS.md.

A run replaces the parts that it measured. Parts that were measured on another machine do not stay beside them: numbers
of two machines mean nothing together.
"""

import os
import platform
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

HEAD = """# Benchmarks

Written by `make bench` and `make bench-large`; `tests/bench/` tells how. Everything ran on one machine, over \
loopback, and only what was measured side by side in one run can be compared.
"""
PACKAGES = ("strawberry-graphql", "graphql-core", "networkx", "msgspec", "starlette", "uvicorn", "uvloop", "httptools")


class Goal(NamedTuple):
    """A number that must be reached: at least so much, or at most."""

    what: str
    reached: float
    needed: float
    at_most: bool = False
    unit: str = ""

    @property
    def is_met(self) -> bool:
        return self.reached <= self.needed if self.at_most else self.reached >= self.needed

    def row(self) -> list[str]:
        sign = "≤" if self.at_most else "≥"
        return [
            self.what,
            f"{sign} {figure(self.needed)}{self.unit}",
            f"{figure(self.reached)}{self.unit}",
            "yes" if self.is_met else "**no**",
        ]


def p(times: Iterable[float], share: int) -> float:
    """What so many of 100 take at most."""
    ordered = sorted(times)
    return ordered[min(len(ordered) * share // 100, len(ordered) - 1)]


class Part(NamedTuple):
    """One part of a run: what was measured and found, in Markdown, and the goals it was held against."""

    title: str
    text: str
    goals: Sequence[Goal] = ()

    def __str__(self) -> str:
        told = [f"## {self.title}", self.text.strip()]
        if self.goals:
            told.append(table(["must reach", "needed", "reached", "met"], (goal.row() for goal in self.goals)))
        return "\n\n".join(told) + "\n"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; all columns but the first are numbers."""
    ruler = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, ruler, *rows))


def figure(number: float) -> str:
    """A number with three digits that tell, and none that do not.

    >>> [figure(number) for number in (0.5012, 7.04, 43.21, 12_345.6)]
    ['0.501', '7.04', '43.2', '12,300']
    """
    if number == 0:
        return "0"
    if abs(number) < 100:
        return f"{number:.3g}"
    digits = len(str(int(abs(number)))) - 3
    return f"{round(number, -digits):,.0f}"


def megabytes(size: float) -> str:
    return f"{size / 2**20:,.0f} MB"


def write_report(path: Path, parts: Sequence[Part], machine: str, date: str) -> None:
    """Writes the parts in place of those of the same titles; the others stay if they are of this machine."""
    kept = _kept(path.read_text(encoding="utf-8"), machine) if path.exists() else {}
    told = {part.title: f"{part}\nMeasured on {date}.\n" for part in parts}
    path.write_text("\n".join([HEAD, machine, *{**kept, **told}.values()]), encoding="utf-8")


def _kept(report: str, machine: str) -> dict[str, str]:
    """The parts of an earlier report, by title, if it is of this machine."""
    _, *parts = re.split(r"^(?=## )", report, flags=re.MULTILINE)
    by_title = {part.partition("\n")[0].removeprefix("## "): part.strip() + "\n" for part in parts}
    return {title: part for title, part in by_title.items() if title != MACHINE} if machine in report else {}


MACHINE = "Machine"


def machine(peers: Mapping[str, str]) -> str:
    """The machine and all programs that take part, in Markdown; `peers` are Node's packages and their versions."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    rows = [
        ["processor", f"{_processor()}, {os.cpu_count()} cores"],
        ["memory", f"{memory / 2**30:.0f} GB"],
        ["system", f"{_system()}, {platform.machine()}"],
        ["Python", f"{platform.python_version()}; {packages}"],
        ["Node", f"{_said('node', '--version')}; {', '.join(f'{name} {number}' for name, number in peers.items())}"],
        ["driver", re.split(r"\s+\[|\s+Copyright", _said("wrk", "--version"))[0]],
    ]
    return f"## {MACHINE}\n\n{table(['', ''], rows)}\n".replace("---:", "---")


def _system() -> str:
    try:
        return f"{platform.freedesktop_os_release()['PRETTY_NAME']}, {platform.system()} {platform.release()}"
    except OSError:
        return platform.platform()


def _processor() -> str:
    try:
        told = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        told = None
    return told[1] if told else platform.processor() or "unknown"


def _said(*command: str) -> str:
    """The first line that a program prints; wrk tells its version with exit code 1."""
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except OSError:
        return "none"
    return (said.stdout or said.stderr).strip().partition("\n")[0]
