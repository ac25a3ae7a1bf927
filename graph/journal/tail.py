"""Whether SQLite's write-ahead log can be read to its end. SQLite itself stops at the first frame that is not whole and
says nothing: what a power cut tore off was never acknowledged, but what comes after a damaged frame was.

The layout is SQLite's promise: https://sqlite.org/walformat.html
"""

from pathlib import Path
from struct import iter_unpack
from typing import BinaryIO, NamedTuple

HEADER, FRAME_HEADER = 32, 24
BIG_ENDIAN = 0x377F0683
"""The magic number of a log whose checksums are over big-endian words."""

PAGE = 4_096
"""Bytes of a page, where the log's header does not tell."""

MASK = 0xFFFFFFFF
Sums = tuple[int, int]


class Tail(NamedTuple):
    """What follows the last frame that can be read: where it begins, how many bytes, and how many commits end in it."""

    offset: int
    size: int
    commits: int

    @property
    def is_damage(self) -> bool:
        """A power cut tears the last commit at most."""
        return self.commits > 1


def tail_of(store: Path) -> Tail | None:
    """What of a store's log cannot be read; None where all of it can, or there is none. Others may write meanwhile."""
    path = Path(f"{store}-wal")
    try:
        with path.open("rb") as log:
            while True:
                header = log.read(HEADER)
                found = _tail(log, header) if len(header) == HEADER else None
                log.seek(0)
                if found is None or log.read(HEADER) == header:
                    return found
                log.seek(0)  # somebody has begun it anew
    except FileNotFoundError:
        return None


def _tail(log: BinaryIO, header: bytes) -> Tail | None:
    order = ">" if int.from_bytes(header[:4], "big") == BIG_ENDIAN else "<"
    size, salts = FRAME_HEADER + int.from_bytes(header[8:12], "big"), header[16:24]
    sums = _summed((0, 0), header[:24], order)
    offset = HEADER
    if sums != _words(header[24:32]):  # it is written at once, so it was whole: go by the first frame
        size, salts = FRAME_HEADER + PAGE, log.read(FRAME_HEADER)[8:16]
        log.seek(offset)
    else:
        while len(frame := log.read(size)) == size and frame[8:16] == salts:
            sums = _summed(_summed(sums, frame[:8], order), frame[FRAME_HEADER:], order)
            if sums != _words(frame[16:24]):
                break
            offset += size
        log.seek(offset)
    return _behind(log, offset, size, salts)


def _behind(log: BinaryIO, offset: int, size: int, salts: bytes) -> Tail | None:
    """The frames from an offset on, as far as they are of this log: others are left from before it was begun, or from
    a commit that was undone, which has no end."""
    commits, end = 0, offset
    is_torn = False
    while frame := log.read(size):
        if frame[8:16] == salts:
            end = log.tell()
            is_torn |= len(frame) < size
            commits += len(frame) == size and frame[4:8] != bytes(4)
    return Tail(offset, end - offset, commits) if commits or is_torn else None


def _summed(sums: Sums, data: bytes, order: str) -> Sums:
    first, second = sums
    for even, odd in iter_unpack(f"{order}II", data):
        first = (first + even + second) & MASK
        second = (second + odd + first) & MASK
    return first, second


def _words(data: bytes) -> Sums:
    return int.from_bytes(data[:4], "big"), int.from_bytes(data[4:8], "big")
