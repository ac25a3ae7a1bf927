"""SQLite's write-ahead log after a commit that failed: what it holds beyond the last commit is cut off. And
whether it has grown too large.

Where fsync fails, SQLite undoes the commit for all who have the store open, but leaves it whole in the log. The next
commit is written over it; if there is none before everybody is killed, whoever opens the store then finds it in the log
and takes it for stored, though its author was told that it was not, and it may never have reached the disk.

The layout of the two files is SQLite's promise: https://sqlite.org/walformat.html
"""

import os
import sys
from pathlib import Path

HEADER, FRAME_HEADER = 32, 24  # bytes of the log's header, and of what stands before each page in it
SALTS_OF_LOG, SALTS_OF_FRAME = slice(16, 24), slice(8, 16)
"""Frames count only while their salts are those of the log."""

KEPT = 8 << 20
"""Bytes that the log may keep when it is begun anew, after 1,000 pages: twice what these take, as commits vary."""

_indexes: dict[tuple[int, int], int] = {}
"""Open files of the logs' indexes, by device and inode. They are never closed: POSIX drops all locks that a process has
on a file when it closes any descriptor of it, and SQLite's locks are on these."""


def cut_off(store: Path) -> None:
    """Takes out what stands in the log beyond the last commit. Whoever calls it holds the store's write lock, so nobody
    writes there, and nobody reads what is not committed. Raises OSError."""
    end = _end_of_commits(Path(f"{store}-shm"))
    with Path(f"{store}-wal").open("r+b") as log:
        salts = log.read(HEADER)[SALTS_OF_LOG]
        log.seek(end)
        if salts and log.read(FRAME_HEADER)[SALTS_OF_FRAME] == salts:
            log.truncate(end)


def overgrown(store: Path) -> int | None:
    """How many bytes the log has, if these are too many: more than it keeps, and than twice the store. Raises
    OSError."""
    size = Path(f"{store}-wal").stat().st_size
    return size if size > max(KEPT, 2 * store.stat().st_size) else None


def _end_of_commits(path: Path) -> int:
    """Where in the log the last commit ends, as the log's index says to all processes."""
    found = path.stat()
    name = found.st_dev, found.st_ino
    if name not in _indexes or os.fstat(_indexes[name]).st_nlink == 0:
        _indexes[name] = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    header = os.pread(_indexes[name], 20, 0)
    page_size = int.from_bytes(header[14:16], sys.byteorder)
    frames = int.from_bytes(header[16:20], sys.byteorder)
    return HEADER + frames * (FRAME_HEADER + (65_536 if page_size == 1 else page_size))
