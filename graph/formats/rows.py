"""Tables as text: the rows of a CSV file, each with its line, whatever the delimiter, in UTF-8 or UTF-16.

A row that cannot be read says why; what makes the rest of the file unreadable, too (a wrong encoding, a quotation mark
that is never closed), is Unusable.
"""

import csv
import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, BOM_UTF32_BE, BOM_UTF32_LE, getincrementaldecoder
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from io import BytesIO, IncrementalNewlineDecoder
from itertools import chain, islice
from typing import BinaryIO, NamedTuple

from graph.formats.format import Refused, Unusable, framed
from graph.values import fold

CHUNK = 65_536
LONGEST_LINE = 2**24
"""Characters; what goes on for longer is no table, and no text."""

DELIMITERS = (",", ";", "\t")
FIRST_ROWS = 25
"""A table's head is looked for in so many rows."""

Cells = Sequence[str]


class Row(NamedTuple):
    """A row, the line where it begins (counted from 1), how it stands in the file; with a fault it has no cells."""

    line: int
    cells: list[str]
    raw: str
    fault: str | None = None


class Table(NamedTuple):
    """A table: the rows above its head, its head, and the rows below, which are read as they are asked for."""

    delimiter: str
    above: list[Row]
    head: Row
    rows: Iterator[Row]


def encoding_of(head: bytes) -> str:
    """Raises Unusable."""
    if head.startswith((BOM_UTF32_LE, BOM_UTF32_BE)):
        raise Unusable("line 1: it is UTF-32. Save it as UTF-8")
    if head.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        return "utf-16"
    begin = head.removeprefix(BOM_UTF8)[:200]
    if begin.count(0) * 3 > len(begin):
        raise Unusable("line 1: it looks like UTF-16 without a byte order mark. Save it as UTF-8")
    return "utf-8-sig"


def lines_of(stream: BinaryIO, errors: str = "strict") -> Iterator[str]:
    """The lines of a text without their ends, be these of Unix, Windows or old Macs. Raises Unusable."""
    chunk = stream.read(CHUNK)
    decoder = getincrementaldecoder(encoding_of(chunk))(errors)
    newlines = IncrementalNewlineDecoder(None, translate=True)
    rest, number = "", 0
    while chunk:
        try:
            decoded = decoder.decode(chunk)
        except UnicodeDecodeError as error:
            line = number + rest.count("\n") + error.object[: error.start].count(b"\n") + 1
            told = f"line {line}: byte 0x{error.object[error.start]:02x} is not {error.encoding.upper()}"
            raise Unusable(f"{told}. Save the file as UTF-8 (in a spreadsheet: as “CSV UTF-8”)") from error
        *whole, rest = (rest + newlines.decode(decoded)).split("\n")
        number += len(whole)
        yield from whole
        if len(rest) > LONGEST_LINE:
            raise Unusable(f"line {number + 1}: it has more than {LONGEST_LINE:,} characters, which no table has")
        chunk = stream.read(CHUNK)
    if errors == "strict" and decoder.getstate()[0]:
        raise Unusable(f"line {number + 1}: the file breaks off within a character. Get it anew")
    if rest := rest + newlines.decode("", final=True):
        yield from rest.removesuffix("\n").split("\n")


def opening(head: bytes) -> list[str]:
    """The first lines of a file that begins with these bytes, as far as they can be told."""
    try:
        return list(islice(lines_of(BytesIO(head), errors="replace"), 4 * FIRST_ROWS))
    except (Unusable, UnicodeError):
        return []


def table(lines: Iterator[str], is_head: Callable[[Cells], bool]) -> Table | None:
    """The table whose head is this one; None where none of the first rows is."""
    begin = list(islice(lines, 4 * FIRST_ROWS))
    for delimiter in DELIMITERS:
        with suppress(Unusable):  # of what stands after the first rows: it is told when it is read
            for place, row in enumerate(islice(rows_of(iter(begin), delimiter), FIRST_ROWS)):
                if row.fault is None and is_head(row.cells):
                    rows = rows_of(chain(begin, lines), delimiter)
                    above = list(islice(rows, place))
                    return Table(delimiter, above, next(rows), rows)
    return None


def rows_of(lines: Iterator[str], delimiter: str) -> Iterator[Row]:
    """Every row that is not blank. Raises Unusable."""
    raw: list[str] = []

    def taken() -> Iterator[str]:
        for line in lines:
            raw.append(line)
            yield line + "\n"

    reader = csv.reader(taken(), delimiter=delimiter, strict=True)
    while True:
        first = reader.line_num + 1
        raw.clear()
        cells: list[str] = []
        try:
            cells = next(reader)
            fault = None
        except StopIteration:
            return
        except csv.Error as error:
            if len(raw) > 1 or "end of data" in str(error):
                told = "a quotation mark in the row that begins here is never closed, or stands at a wrong place"
                raise Unusable(f"line {first}: {told}") from error
            fault = _told(str(error), delimiter)
        text = raw[0] if len(raw) == 1 else "\n".join(raw)
        if "\0" in text:
            fault = "it holds a NUL character, which no text does. Take it out"
        if fault:
            yield Row(first, [], text, fault)
        elif any(cells) and not text.isspace():
            yield Row(first, cells, text)


def _told(error: str, delimiter: str) -> str:
    if "limit" in error:
        return f"a cell has more than {csv.field_size_limit():,} characters. Shorten it"
    return f"a quotation mark stands within a cell: double it, or put the whole cell in quotation marks ({error})"


def widths(row: Row, width: int) -> str | None:
    """What is wrong with the number of cells of a row, if anything; blank cells too many are none."""
    count = len(row.cells)
    if count < width or any(cell.strip() for cell in row.cells[width:]):
        return f"the row has {count} cells, its head has {width}. Put cells that hold a delimiter in quotation marks"
    return None


REASON = "reason"
"""The name of the column that says why rows were refused."""

BETWEEN = " | "
"""Stands between several values in a cell, as between the reasons of a refused row."""


class Frame(NamedTuple):
    """What stands above refused rows, as lines; `again` if these were refused before."""

    delimiter: str
    above: Sequence[str]
    again: bool


def frame_of(found: Table) -> Frame:
    """The frame of a table that has nothing above its head: its first column is then for the reasons."""
    again = fold(found.head.cells[0].strip()) == REASON
    return Frame(found.delimiter, [("" if again else REASON.capitalize() + found.delimiter) + found.head.raw], again)


def reject(refused: Iterable[Refused]) -> Iterator[bytes]:
    """A table of the refused rows, each after its reasons."""
    frame, records = framed(refused)
    if frame is not None:
        yield from (f"{line}\n".encode("utf-8", "replace") for line in frame.above)
        yield from _reasoned(records, frame.delimiter, again=frame.again)


def _reasoned(refused: Iterable[Refused], delimiter: str, *, again: bool) -> Iterator[bytes]:
    """Refused rows, each after its reasons; those that a row has from before, if it was refused `again`, go."""
    first = re.compile(rf'(?:"(?:[^"]|"")*"|[^"{re.escape(delimiter)}]*){re.escape(delimiter)}')
    for record in refused:
        reasons = written([BETWEEN.join(record.reasons)], delimiter)
        text = record.text.decode("utf-8", "replace")
        with suppress(Unusable):  # each of its rows has been read before
            for row in rows_of(iter(text.split("\n")), delimiter):
                raw = first.sub("", row.raw, count=1) if again else row.raw
                yield f"{reasons}{delimiter}{raw}\n".encode("utf-8", "replace")


def written(cells: Cells, delimiter: str = ",") -> str:
    """Cells as they stand in a row."""

    def quoted(cell: str) -> str:
        plain = not any(char in cell for char in (delimiter, '"', "\n", "\r"))
        return cell if plain else '"' + cell.replace('"', '""') + '"'

    return delimiter.join(map(quoted, cells))
