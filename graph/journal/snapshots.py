"""The snapshots of a store: which there are, which can be trusted, when another is due, how it comes into being.

They make a start quick, and hold nothing that the journal does not. One that is damaged, or is not of this journal, is
passed over, and an older one is taken, or the whole journal replayed.
"""

import logging
import os
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from io import BufferedWriter, FileIO
from pathlib import Path
from typing import Any, BinaryIO

from graph.errors import StoreError
from graph.journal.layout import sync_directory
from graph.journal.snapshot import KINDS, About, Block, Record, Snapshot, SnapshotDamaged, write
from graph.journal.sqlite import SQLiteJournal
from graph.model import Change, Relation, RelationName
from graph.resident import Resident
from graph.vocabulary import ChangeAction, Kind, RelationKind

if sys.platform != "win32":
    import fcntl

KEPT = 2
"""The newest, and one older in case that one is damaged."""

SHARE = 10
"""Of a large graph another is due when a tenth as much has changed as there is: writing all takes its time, and
replaying a tenth hardly any beside reading the rest."""

SLICE = 500
"""So many records are looked at, or written, between two rests: a millisecond or two."""

SYNCED = 1 << 23
"""Bytes that are made durable at a time, so that a commit never waits for all of a snapshot to reach the disk."""

Rest = Callable[[], bool]
"""Lets others work for a while; says whether to stop for good."""

logger = logging.getLogger("fieldgraph")


class Stopped(Exception):
    """Whoever let others work was told not to go on."""


def paths(store: Path) -> list[Path]:
    """The files of a store's snapshots, newest first."""
    found = [path for path in store.parent.glob(f"{store.stem}.*.snapshot") if _version(path) is not None]
    return sorted(found, key=lambda path: _version(path) or 0, reverse=True)


def _version(path: Path) -> int | None:
    number = path.suffixes[-2][1:]
    return int(number) if number.isdecimal() and number.isascii() else None


class Snapshots:
    """Those of the store at `store`, of which `journal` is the journal."""

    def __init__(self, store: Path, journal: SQLiteJournal) -> None:
        self._store = store
        self._journal = journal
        self._passed_over: set[Path] = set()
        self.newest = 0
        """The version of the newest that is known to be good."""

    def usable(self) -> Iterator[Snapshot]:
        """Those that are of this journal, newest first, each open until the next is asked for. Whoever finds one
        damaged says so with `pass_over`."""
        for path in paths(self._store):
            if path in self._passed_over:
                continue
            try:
                with Snapshot(path) as snapshot:
                    self._require_own(snapshot)
                    yield snapshot
            except FileNotFoundError:
                continue  # another process has just written a newer one
            except (OSError, SnapshotDamaged) as error:
                self.pass_over(path, error)

    def _require_own(self, snapshot: Snapshot) -> None:
        version = snapshot.version
        if version > self._journal.head().version or snapshot.digest != self._journal.digest(version):
            raise SnapshotDamaged(
                f"The snapshot {snapshot.path} is not of this store, or of what its journal was before."
            )

    def pass_over(self, path: Path, error: Exception) -> None:
        logger.warning("%s It is passed over; the next snapshot takes its place.", error)
        self._passed_over.add(path)

    def is_due(self, least: int, held: int) -> bool:
        """Whether at least so many changes were committed since the newest, and enough beside what is held."""
        return self._journal.count(self.newest) >= max(least, held // SHARE)

    def take(self, engine: Resident, since: int, least: int, rest: Rest) -> bool:
        """Writes a snapshot of the newest version, if one is due and no other process is at it; says whether it did.

        The engine holds at least all up to the version `since`. What it holds is looked at slice by slice while it
        changes; then what was committed from `since` on is put in its place, so what comes out is the newest version,
        whatever was met half way. Raises StoreError.
        """
        try:
            with _alone(self._store.parent) as is_alone:
                if not (is_alone and self._is_still_due(least, engine.size)):
                    return False
                met: dict[Kind | RelationKind, list[Record]] = defaultdict(list)
                for records in engine.slices(SLICE):
                    for record in records:
                        met[record.kind].append(record)
                    _rest(rest)
                version = self._journal.head().version
                news = News(self._journal.replay(since, version))
                self._write(About(version, self._journal.digest(version)), _blocks(met, news, rest))
        except Stopped:
            return False
        except OSError as error:
            raise StoreError(
                f"No snapshot of {self._store} could be written: {error.strerror}. The store is whole; only starting"
                " takes longer. Check its disk and permissions."
            ) from error
        return True

    def _is_still_due(self, least: int, held: int) -> bool:
        """The same, now that no other process can write one."""
        for snapshot in self.usable():
            self.newest = max(self.newest, snapshot.version)
            break
        return self.is_due(least, held)

    def _write(self, about: About, blocks: Iterator[Block]) -> None:
        path = self._store.with_name(f"{self._store.stem}.{about.version}.snapshot")
        draft = path.with_name(f"{self._store.stem}.snapshot.new")
        draft.unlink(missing_ok=True)  # a process that was killed here left it
        try:
            with _new(draft) as file:
                write(file, about, blocks)
            draft.replace(path)
            sync_directory(path.parent)
        finally:
            draft.unlink(missing_ok=True)
        self._passed_over.discard(path)
        self.newest = about.version
        others = [other for other in paths(self._store) if other not in self._passed_over and other != path]
        kept = [other for other in others if (_version(other) or 0) < about.version][: KEPT - 1]
        for other in paths(self._store):
            if other not in (path, *kept):
                other.unlink(missing_ok=True)


class News:
    """What became of the entities and relations that changed while they were looked at; None of those that went."""

    def __init__(self, changes: Iterable[Change]) -> None:
        self.records: dict[str | RelationName, Record | None] = {}
        self._places: set[str | tuple[str, str]] = set()
        for change in changes:
            record = change.record
            has_gone = change.action in (ChangeAction.REMOVED, ChangeAction.UNRELATED)
            self.records[_name(record)] = None if has_gone else record
            self._places.add(_place(record))

    def concern(self, record: Record) -> bool:
        """Whether it is known better. Its ends are looked at first: to make a name takes longer than all the rest."""
        return _place(record) in self._places and _name(record) in self.records


def _place(record: Record) -> str | tuple[str, str]:
    return (record.subject, record.object) if isinstance(record, Relation) else record.id


def _name(record: Record) -> str | RelationName:
    return record.name if isinstance(record, Relation) else record.id


def _blocks(met: dict[Kind | RelationKind, list[Record]], news: News, rest: Rest) -> Iterator[Block]:
    """All that was met, with the news in its place."""
    for kind in KINDS:
        records = met.get(kind, [])
        for start in range(0, len(records), SLICE):
            yield kind, [record for record in records[start : start + SLICE] if not news.concern(record)]
            _rest(rest)
        yield kind, [record for record in news.records.values() if record is not None and record.kind is kind]


def _rest(rest: Rest) -> None:
    if rest():
        raise Stopped


class Steady(FileIO):
    """A file that is made durable as it grows: else a commit, which is made durable meanwhile, might have to wait until
    all of it is."""

    _unsynced = 0

    def write(self, content: Any) -> int:
        written = super().write(content)
        self._unsynced += written
        if self._unsynced >= SYNCED:
            os.fsync(self.fileno())
            self._unsynced = 0
        return written


@contextmanager
def _new(path: Path) -> Iterator[BinaryIO]:
    """A new file for its owner only, durable when the context ends."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with BufferedWriter(Steady(handle, "wb"), 1 << 16) as file:
        yield file
        file.flush()
        os.fsync(handle)


@contextmanager
def _alone(directory: Path) -> Iterator[bool]:
    """Whether no other process is writing a snapshot, and none will until the context ends. A lock that goes with its
    holder, on the directory: no file is in the way, whoever is killed."""
    if sys.platform == "win32":
        yield True
        return
    handle = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
    else:
        yield True
    finally:
        os.close(handle)
