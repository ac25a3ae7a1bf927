"""The rows of a store that SQLite cannot read any more: taken from its pages one by one, past its trees.

One damaged page near the root of a tree hides all that is below, and a file that was cut short is not opened at all.
Rows are found here wherever they stand, in the file or in its log, and count only while their checksums are right; the
digests of the commits say whether they are all there. The layout of pages is SQLite's promise:
https://sqlite.org/fileformat2.html
"""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from graph.journal.layout import TABLES
from graph.journal.rows import checksum_of
from graph.journal.tail import FRAME_HEADER, HEADER

ROWS, KEYS_WITH_ROWS, ROWS_BELOW = 13, 10, 2
"""Pages that hold rows: leaves of a table by number; leaves and inner pages of one by key."""

KINDS = (ROWS, KEYS_WITH_ROWS, ROWS_BELOW)

TIME = re.compile(r"[0-9-]{10}T[0-9:.]{8,15}Z")

SIZES = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8, 7: 8, 8: 0, 9: 0, 0: 0}
"""Bytes of a value, by its type."""


class Pages:
    """The pages of a store and those in its log, read one by one: a store may be larger than memory."""

    def __init__(self, file: BinaryIO, log: BinaryIO) -> None:
        self._file, self._log = file, log
        header = file.read(100)
        size = int.from_bytes(header[16:18], "big")
        self.size = 65_536 if size == 1 else size if size in (2**power for power in range(9, 16)) else 4_096
        self.usable = self.size - header[20]
        self._newest = self._places_in_log()

    def _places_in_log(self) -> dict[int, int]:
        """Where in the log each page was written last. What is left of an earlier round of the log has other salts than
        its header and its first frame, of which either may be damaged."""
        places = {}
        salts = self._read(self._log, 16, 8), self._read(self._log, HEADER + 8, 8)
        at = HEADER
        while header := self._read(self._log, at, FRAME_HEADER):
            if header[8:16] in salts:
                places[int.from_bytes(header[:4], "big")] = at + FRAME_HEADER
            at += FRAME_HEADER + self.size
        return places

    def all(self) -> Iterator[bytes]:
        """Those in the log, then those in the file."""
        at = HEADER + FRAME_HEADER
        while page := self._read(self._log, at, self.size):
            yield page
            at += FRAME_HEADER + self.size
        at = 0
        while page := self._read(self._file, at, self.size):
            yield page
            at += self.size

    def page(self, number: int) -> bytes:
        """The newest page with this number, counted from 1. Raises ValueError where there is none."""
        if number in self._newest:
            return self._read(self._log, self._newest[number], self.size)
        page = self._read(self._file, (number - 1) * self.size, self.size) if number else b""
        if not page:
            raise ValueError("there is no such page")
        return page

    def _read(self, file: BinaryIO, at: int, size: int) -> bytes:
        file.seek(at)
        return file.read(size)


class Cell(NamedTuple):
    """A row as it stands in a page; `number` is None in tables by key."""

    number: int | None
    payload: bytes


@contextmanager
def salvaged(store: Path) -> Iterator[sqlite3.Connection]:
    """A database in a temporary file with all commits and changes that can be found, to be read as a store."""
    db = sqlite3.connect("", isolation_level=None)
    try:
        db.executescript(TABLES)
        db.execute("BEGIN")
        log = Path(f"{store}-wal")
        with store.open("rb") as file, log.open("rb") if log.exists() else BytesIO() as logged:
            pages = Pages(file, logged)
            for page in pages.all():
                _take_page(db, page, pages)
        db.execute("COMMIT")
        yield db
    finally:
        db.close()


def _take_page(db: sqlite3.Connection, page: bytes, pages: Pages) -> None:
    start = 100 if page.startswith(b"SQLite format 3") else 0
    if len(page) < start + 12:
        return
    kinds = (page[start],) if page[start] in KINDS else KINDS
    for kind in kinds:
        first = start + (12 if kind == ROWS_BELOW else 8)
        most = (len(page) - first) // 2
        count = min(int.from_bytes(page[start + 3 : start + 5], "big"), most)
        places = [int.from_bytes(page[at : at + 2], "big") for at in range(first, first + 2 * count, 2)]
        taken = [_take(db, page, at, kind, pages) for at in places]
        # Where a place is wrong the row may stand at any other.
        if not all(taken) and (any(taken) or page[start] == ROWS):
            for at in range(first, len(page)):
                _take(db, page, at, kind, pages)


def _take(db: sqlite3.Connection, page: bytes, at: int, kind: int, pages: Pages) -> bool:
    """Keeps the row at a place of a page if it is a commit or a change. What only looks like a commit is found out by
    its digest."""
    try:
        cell = _cell(page, at, kind, pages)
        values = _values(cell.payload)
        if kind == ROWS and len(values) == 6 and _is_commit(values):
            db.execute("INSERT OR IGNORE INTO commits VALUES (?, ?, ?, ?, ?, ?)", (cell.number, *values[1:]))
            return True
        if kind != ROWS and len(values) == 7 and checksum_of(*values[:6]) == values[6]:
            db.execute("INSERT OR IGNORE INTO changes VALUES (?, ?, ?, ?, ?, ?, ?)", values)
            return True
    except (ValueError, IndexError, KeyError, TypeError, sqlite3.Error):
        pass  # there is no row of ours
    return False


def _is_commit(values: list[Any]) -> bool:
    _, time, *_, digest = values
    has_time = isinstance(time, str) and TIME.fullmatch(time) is not None
    return has_time and isinstance(digest, bytes) and len(digest) == 16


def _cell(page: bytes, at: int, kind: int, pages: Pages) -> Cell:
    if kind == ROWS_BELOW:
        at += 4
    size, at = _varint(page, at)
    number = None
    if kind == ROWS:
        number, at = _varint(page, at)
    usable = pages.usable
    most = usable - 35 if kind == ROWS else (usable - 12) * 64 // 255 - 23
    if size <= most:
        return Cell(number, page[at : at + size])
    least = (usable - 12) * 32 // 255 - 23
    here = least + (size - least) % (usable - 4)
    here = here if here <= most else least
    payload, following = page[at : at + here], int.from_bytes(page[at + here : at + here + 4], "big")
    parts, left, passed = [payload], size - len(payload), set[int]()
    while left > 0 and following not in passed:  # what is no row may go in a circle
        passed.add(following)
        overflow = pages.page(following)
        following, part = int.from_bytes(overflow[:4], "big"), overflow[4 : 4 + min(usable - 4, left)]
        parts.append(part)
        left -= len(part)
    if left > 0:
        raise ValueError("the rest of the row is not there")
    return Cell(number, b"".join(parts))


def _values(payload: bytes) -> list[Any]:
    """The values of a row. Raises ValueError, IndexError or KeyError where it is none."""
    length, at = _varint(payload, 0)
    types = []
    while at < length:
        type_, at = _varint(payload, at)
        types.append(type_)
    values = []
    for type_ in types:
        size = SIZES[type_] if type_ < 12 else (type_ - 12) // 2
        values.append(_value(type_, payload[at : at + size], size))
        at += size
    return values


def _value(type_: int, data: bytes, size: int) -> Any:
    if len(data) != size:
        raise ValueError("the row is cut off")
    if type_ == 0:
        return None
    if type_ in (8, 9):
        return type_ - 8
    if type_ == 7:
        raise ValueError("no column holds floats")
    if type_ < 12:
        return int.from_bytes(data, "big", signed=True)
    return data.decode() if type_ % 2 else data


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for count in range(9):
        byte = data[at + count]
        if count == 8:
            return value << 8 | byte, at + 9
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + count + 1
    raise ValueError("no number")
