"""The benchmark: measures, prints what it found, and writes BENCHMARKS.md.

    make bench                              everything but the large world, in about a quarter of an hour
    make bench-large                        the large world
    make bench ROUNDS=1 SECONDS=1           a quick look, which is printed and not written
    make bench ARGS="cold commits"          some parts

Everything runs on loopback, in a temporary directory, in processes that are ended with the run.
"""

import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from tests.bench import (
    cold,
    commits,
    durability,
    exports,
    hxl,
    iati,
    large,
    live,
    past,
    questions,
    saves,
    throughput,
    workers,
)
from tests.bench.errors import BenchError
from tests.bench.lab import Lab
from tests.bench.peers.recipes import wanted
from tests.bench.report import Part, machine, write_report
from tests.bench.servers import ROOT

PARTS: dict[str, Callable[[Lab], Part | None]] = {
    "throughput": throughput.measure,
    "cold": cold.measure,
    "commits": commits.measure,
    "live": live.measure,
    "workers": workers.measure,
    "questions": questions.measure,
    "past": past.measure,
    "saves": saves.measure,
    "durability": durability.measure,
    "hxl": hxl.measure,
    "iati": iati.measure,
    "export": exports.measure,
    "large": large.measure,
}
ONLY_WHEN_NAMED = {"export", "large"}

ROUNDS, SECONDS = 7, 3
"""What a number that is written down rests on, at least."""


def bench(
    parts: Annotated[list[str] | None, typer.Argument(help=f"Which parts: {', '.join(PARTS)}.")] = None,
    rounds: Annotated[int, typer.Option(min=1, help="How often each thing is measured.")] = ROUNDS,
    seconds: Annotated[int, typer.Option(min=1, help="How many seconds a measurement lasts.")] = SECONDS,
    report: Annotated[Path, typer.Option(help="Where the report is written.")] = ROOT / "BENCHMARKS.md",
    directory: Annotated[Path | None, typer.Option(help="Where stores are made for the time of the run.")] = None,
) -> None:
    """Measure, print what was found, and write it down if it rests on enough. Exits with 1 if a goal is missed."""
    chosen = parts or [name for name in PARTS if name not in ONLY_WHEN_NAMED]
    if unknown := set(chosen) - PARTS.keys():
        raise typer.BadParameter(f"No part {', '.join(sorted(unknown))}. There are {', '.join(PARTS)}.")
    found: list[Part] = []
    with TemporaryDirectory(prefix="fieldgraph-bench-", dir=directory) as made:
        lab = Lab(Path(made), rounds, seconds, tell)
        for name in chosen:
            tell(f"measuring: {name}")
            if part := PARTS[name](lab):
                typer.echo(f"\n{part}")
                found.append(part)
    if rounds >= ROUNDS and seconds >= SECONDS:
        write_report(report, found, machine(wanted()), f"{datetime.now(UTC):%Y-%m-%d}")
        tell(f"written to {report}")
    else:
        tell(f"a quick look, not written down: that takes {ROUNDS} rounds of {SECONDS} s")
    if missed := [goal.what for part in found for goal in part.goals if not goal.is_met]:
        tell(f"missed: {'; '.join(missed)}")
        raise typer.Exit(1)


def tell(what: str) -> None:
    typer.echo(f"[{datetime.now(UTC):%H:%M:%S}] {what}", err=True)


def main() -> None:
    # A run that is told to end ends its servers first.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        typer.run(bench)
    except BenchError as error:
        typer.echo(f"bench: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
