"""Files into a store, for the command: recognised, checked as a whole, stored in one version or not at all."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from io import SEEK_END, BufferedReader
from itertools import chain, count
from pathlib import Path
from typing import BinaryIO, NamedTuple

from api.files import STREAM, CannotTransfer, Watched, progress, reading, settle, unreadable, writing
from graph.errors import Fault, Refused
from graph.formats import registry
from graph.formats.format import Format, Needs, Record, Source, Unusable
from graph.formats.format import Refused as Rejected
from graph.formats.known import Known
from graph.graph import Graph, one_stretch
from graph.journal.journal import Authorship
from graph.model import Line, Write
from graph.writing import Applied, Edit

Place = tuple[str, int | None, int]
"""A file, the line on which a record of it begins, and which of those it is that begin there."""

Faults = dict[Place, list[Fault]]
"""What is wrong with each record that is refused."""


class Given(NamedTuple):
    """A file to import: where it is, its bytes, and how it is told; the name is empty where there is only one."""

    path: Path
    stream: BinaryIO
    format: Format
    name: str


class Asked(NamedTuple):
    """What records of a file speak of together, and which records these are: the first has it in its writes."""

    needs: Needs
    by: list[Place]


class Reading(NamedTuple):
    """What files hold: writes, what is wrong with the others, which ids these may have been about, what is worth
    knowing of what was taken, and what records share."""

    lines: list[Line]
    faults: Faults
    suspects: set[str]
    remarks: list[Fault]
    shared: dict[int, Asked]


class Imported(NamedTuple):
    """What became of the files: what was stored, how many records were not and where those went, and what is worth
    knowing of the others."""

    applied: Applied
    refused: int
    rejects: Sequence[Path]
    remarks: Sequence[Fault]


def import_files(
    graph: Graph,
    files: Sequence[Path],
    *,
    format: str | None = None,
    dry_run: bool = False,
    skip_invalid: bool = False,
    rejects: Path | None = None,
) -> Imported:
    """Stores all records of the files in one version. Raises Refused with every fault, or CannotTransfer, and stores
    nothing.

    With `skip_invalid` the good records are stored, and the others written to files in the form of their own, each with
    its reasons: to `rejects`, or to "rejects" in the working directory. A dry run stores and writes nothing.
    """
    if twice := next((path for path, count in Counter(files).items() if count > 1), None):
        raise CannotTransfer(f"{twice} is named twice. Name each file once.")
    graph.follow()
    known = Known(graph.engine)
    with one_stretch(), ExitStack() as held:
        given = [_given(held, path, format, several=len(files) > 1) for path in files]
        found = _read(given, known)
        authorship = Authorship(note=f"Imported from {', '.join(path.name for path in files)}")
        good, faults = found.lines, found.faults
        if skip_invalid:
            good, faults = _sifted(graph, found)
        elif faults:
            raise Refused([*_all(faults), *graph.check(found.lines, found.suspects)])
        written = held.enter_context(_Rejects(rejects, known, given)) if skip_invalid and not dry_run else None
        if written is not None:
            written.write(faults)
        (outcome,) = graph.write([Edit(good, authorship, dry_run=dry_run)])
        if not isinstance(outcome, Applied):
            raise outcome
        return Imported(outcome, len(faults), written.paths if written else (), found.remarks)


def _given(held: ExitStack, path: Path, format: str | None, *, several: bool) -> Given:
    stream = held.enter_context(reading(path))
    name = str(path) if several else ""
    head = stream.read(registry.HEAD)
    stream.seek(0)
    try:
        chosen = registry.named(format) if format else registry.recognised(head)
    except Unusable as error:
        raise _unusable(path, error) from error
    return Given(path, stream, chosen, name)


def _unusable(path: Path, error: Unusable) -> Refused:
    return Refused([Fault(None, str(path), str(error))])


def _records(given: Given, known: Known, *, keeps_texts: bool = False) -> Iterator[Record]:
    """The records of a file, from its beginning, those of one line numbered; shown as progress."""
    size = given.stream.seek(0, SEEK_END)
    given.stream.seek(0)
    with progress(f"Reading {given.path}", size) as advance:
        stream = BufferedReader(Watched(given.stream, advance), registry.HEAD)
        try:
            yield from _numbered(given.format.read(Source(stream, given.path.name, known, keeps_texts)))
        except Unusable as error:
            raise _unusable(given.path, error) from error
        except OSError as error:
            raise unreadable(given.path, error) from error


def _numbered(records: Iterator[Record]) -> Iterator[Record]:
    line, nth = 0, 0
    for record in records:
        nth = nth + 1 if record.line == line else 0
        line = record.line
        yield record._replace(nth=nth) if nth else record


def _read(files: Sequence[Given], known: Known) -> Reading:
    found = Reading([], {}, set(), [], {})
    for given in files:
        for record in _records(given, known):
            if record.faults:
                faults = [Fault(line, "", text, given.name, nth=record.nth) for line, text in record.faults]
                found.faults[given.name, record.line, record.nth] = faults
            found.remarks.extend(Fault(line, "", text, given.name) for line, text in record.remarks)
            found.suspects.update(record.ids)
            if not record.faults:
                place = given.name, record.line, record.nth
                found.lines.extend(_lines(record.writes, place))
                for needs in record.needs:
                    found.shared.setdefault(id(needs), Asked(needs, [])).by.append(place)
    return found


def _lines(writes: Iterable[Write], place: Place) -> Iterator[Line]:
    file, line, nth = place
    return (Line(write, line, file, nth=nth) for write in writes)


def _sifted(graph: Graph, found: Reading) -> tuple[list[Line], Faults]:
    """The lines that can be stored, and why the others cannot. A record that needs a bad one is bad itself, so it takes
    as many tries as such needs follow each other."""
    faults, good = found.faults, found.lines
    tellers = {key: asked.by[0] for key, asked in found.shared.items()}
    while more := graph.check(good):
        for fault in more:
            faults.setdefault((fault.file, fault.line, fault.nth), []).append(fault)
        good = [line for line in good if (line.file, line.number, line.nth) not in faults]
        for key in [key for key, teller in tellers.items() if teller in faults]:
            needs, by = found.shared[key]
            if teller := next((place for place in by if place not in faults), None):
                tellers[key] = teller
                good += _lines(needs, teller)
            else:
                del tellers[key]
    return good, faults


def _all(faults: Faults) -> Iterator[Fault]:
    return chain.from_iterable(faults.values())


class _Rejects:
    """Files of refused records; of all or none, and only where there are any."""

    def __init__(self, path: Path | None, known: Known, files: Sequence[Given]) -> None:
        self.paths: list[Path] = []
        self._path = path
        self._known = known
        self._files = files
        self._held = ExitStack()

    def __enter__(self) -> "_Rejects":
        self._held.__enter__()
        return self

    def __exit__(self, *raised: object) -> None:
        self._held.__exit__(*raised)  # type: ignore[arg-type]

    def write(self, faults: Faults) -> None:
        """Writes them so that they are there before anything is stored: nothing that is refused is lost for want of a
        place. The files appear under their names, or make way, once it is known what became of the others."""
        for given in self._files:
            if any(file == given.name for file, *_ in faults):
                path = self._next(given.format)
                out = self._held.enter_context(writing(path))
                out.writelines(self._rejected(given, faults))
                settle(out)
                self.paths.append(path)

    def _next(self, format: Format) -> Path:
        """The file for the next refused records: as it was named, but each has its own number after the first. What is
        there already stays: it may hold records that wait to be corrected."""
        path = self._path or Path(f"rejects{format.suffix}")
        numbered = (path.with_stem(f"{path.stem}-{number}") for number in count(2))
        names = (name for name in chain([path], numbered) if name not in self.paths)
        if self._path is None:
            return next(name for name in names if not name.exists())
        name = next(names)
        if name != STREAM and name.is_file():
            raise CannotTransfer(f"{name} is there already, and is not overwritten. Name another file with --rejects.")
        return name

    def _rejected(self, given: Given, faults: Faults) -> Iterator[bytes]:
        records = (
            Rejected(
                record.text, [str(fault) for fault in sorted(found, key=lambda fault: fault.position)], record.frame
            )
            for record in _records(given, self._known, keeps_texts=True)
            if (found := faults.get((given.name, record.line, record.nth)))
        )
        return given.format.reject(records)
