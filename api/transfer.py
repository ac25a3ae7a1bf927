"""Graph lines in and out of a store, for the command: files and streams, progress on a terminal, nothing half done."""

import os
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from graph.errors import Fault, FieldgraphError, Refused
from graph.formats import lines
from graph.graph import Graph
from graph.model import Line
from graph.writing import Applied

STREAM = Path("-")
"""Stands for standard input or output."""


class CannotTransfer(FieldgraphError):
    """A file that cannot be read or written."""


class Imported(NamedTuple):
    """What became of the files: what was stored, how many lines were not, and where those went."""

    applied: Applied
    refused: int
    rejects: Path | None


class Reading(NamedTuple):
    """What files hold: writes, lines nobody could read, and, if it was kept, the text of each line."""

    lines: list[Line]
    refusals: list[lines.Refusal]
    texts: dict[tuple[str, int | None], bytes]


def import_files(graph: Graph, files: Sequence[Path], rejects: Path | None) -> Imported:
    """Stores all lines of the files in one version. Raises Refused with every fault, and stores nothing.

    With `rejects`, the good lines are stored and the others written there, each with its reasons.
    """
    graph.follow()
    reading = _read(files, keep_texts=rejects is not None)
    faults = [fault for refusal in reading.refusals for fault in refusal.faults]
    if rejects is None:
        if faults:
            suspects = frozenset().union(*(refusal.ids for refusal in reading.refusals))
            raise Refused([*faults, *graph.check(reading.lines, suspects)])
        return Imported(graph.apply(reading.lines), 0, None)
    with writing(rejects) as out:  # opened first: what is refused must not be lost for want of a place
        applied, found = _store_good(graph, reading.lines)
        refused = _write_rejects(out, [*faults, *found], reading.texts)
    if not refused and rejects.is_file():
        rejects.unlink()
    return Imported(applied, refused, rejects if refused else None)


def _store_good(graph: Graph, asked: list[Line]) -> tuple[Applied, list[Fault]]:
    """Stores the lines that can be, and says why the others cannot. A line that needs a bad one is bad itself, so it
    takes as many tries as such needs follow each other."""
    found: list[Fault] = []
    while True:
        try:
            return graph.apply(asked), found
        except Refused as error:
            found += error.faults
            bad = {(fault.file, fault.line) for fault in error.faults}
            asked = [line for line in asked if (line.file, line.number) not in bad]


def _write_rejects(out: BinaryIO, faults: Sequence[Fault], texts: dict[tuple[str, int | None], bytes]) -> int:
    """Writes the refused lines, each below its reasons, so that they can be corrected and imported again."""
    reasons: dict[tuple[str, int | None], list[Fault]] = defaultdict(list)
    for fault in faults:
        reasons[fault.file, fault.line].append(fault)
    for place in sorted(reasons, key=lambda place: (place[0], place[1] or 0)):
        for fault in reasons[place]:
            out.write(f"# {fault}\n".encode())
        out.write(texts[place].removeprefix(lines.BOM).rstrip(b"\r\n") + b"\n")
    return len(reasons)


def _read(files: Sequence[Path], *, keep_texts: bool) -> Reading:
    reading = Reading([], [], {})
    for file in files:
        name = str(file) if len(files) > 1 else ""
        for item in lines.read(_rows(file, name, reading.texts if keep_texts else None), name):
            if isinstance(item, Line):
                reading.lines.append(item)
            else:
                reading.refusals.append(item)
    return reading


def _rows(file: Path, name: str, texts: dict[tuple[str, int | None], bytes] | None) -> Iterator[bytes]:
    """The file's rows, shown as progress and, where they are wanted again, kept."""
    try:
        stream = os.fdopen(0, "rb", closefd=False) if file == STREAM else file.open("rb")
        size = None if file == STREAM else os.fstat(stream.fileno()).st_size
        with stream, progress(f"Reading {file}", size) as advance:
            for number, row in enumerate(stream, 1):
                advance(len(row))
                if texts is not None:
                    texts[name, number] = row
                yield row
    except OSError as error:
        raise CannotTransfer(f"{file} cannot be read: {error.strerror}. Nothing was stored.") from error


def export(graph: Graph, to: Path) -> int:
    """Writes the whole graph in canonical order; says how many lines."""
    entities, relations = list(graph.engine.entities()), list(graph.engine.all_relations())
    count = len(entities) + len(relations)
    with progress(f"Writing {to}", count) as advance, writing(to) as out:
        for row in lines.canonical(entities, relations):
            out.write(row)
            advance(1)
    return count


@contextmanager
def writing(path: Path) -> Iterator[BinaryIO]:
    """A file that appears whole or not at all, or, where that cannot be, the pipe, the device or standard output."""
    try:
        with _target(path) as out:
            yield out
    except BrokenPipeError:
        raise  # whoever read it has gone, as `head` does: nobody is left to be told
    except OSError as error:
        name = "standard output" if path == STREAM else path
        raise CannotTransfer(f"{name} cannot be written: {error.strerror}. Name another file.") from error


def _target(path: Path) -> AbstractContextManager[BinaryIO]:
    if path == STREAM:
        return _standard_output()
    if path.exists() and not path.is_file():
        return path.open("wb")  # a pipe or a device must not make way for a file
    return _replacing(path.resolve() if path.exists() else path)


@contextmanager
def _standard_output() -> Iterator[BinaryIO]:
    try:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    except OSError:
        # Python would write what is left once more on closing it, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    draft = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with draft.open("wb") as out:
            if path.exists():
                draft.chmod(path.stat().st_mode)  # what was private stays so
            yield out
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def progress(title: str, total: int | None) -> Iterator["Advance"]:
    """A bar on standard error if that is a terminal; nothing in a pipe."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        yield Advance(bar, title, total)


class Advance:
    """Moves a bar on, seldom enough to cost nothing."""

    STEPS = 200

    def __init__(self, bar: Progress, title: str, total: int | None) -> None:
        self._bar = bar
        self._task = bar.add_task(title, total=total)
        self._step = max(1, (total or 1_000_000) // self.STEPS)
        self._pending = 0

    def __call__(self, amount: int) -> None:
        self._pending += amount
        if self._pending >= self._step:
            self._bar.advance(self._task, self._pending)
            self._pending = 0
