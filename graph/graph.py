"""The one object that callers hold: what is known, kept in a journal, answered by an engine.

A fact's way: check -> journal -> engine -> announce. All of a commit is stored or nothing is, and what was acknowledged
is durable.
"""

import gc
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from contextlib import contextmanager
from datetime import datetime
from itertools import chain
from pathlib import Path
from threading import RLock

from graph.draft import Draft
from graph.engine import View, settle
from graph.errors import Fault, FieldgraphError, NotFound
from graph.journal.journal import Authorship, Head, Journal
from graph.journal.memory import MemoryJournal
from graph.journal.snapshot import SnapshotDamaged
from graph.journal.snapshots import Rest, Snapshots
from graph.journal.sqlite import SQLiteJournal
from graph.model import Change, Commit, Entity, Line, Mark, Recorded, Write
from graph.past import Past
from graph.resident import Resident, utc_now
from graph.rules import faults
from graph.vocabulary import Kind
from graph.writing import ANONYMOUS, Applied, Edit, Outcome, Steps, Writer, run

STORE = "fieldgraph.sqlite"
"""The name of the store's file in its data directory."""

logger = logging.getLogger("fieldgraph")

Listener = Callable[[Sequence[Change]], None]


STRETCH = 10_000
"""From so many new objects on, looking through all of them for garbage takes as long as making them."""


@contextmanager
def one_stretch(objects: int = STRETCH) -> Iterator[None]:
    """Work that makes objects which stay; the garbage collector leaves them alone, then and later."""
    if objects < STRETCH or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


class Graph:
    """A knowledge graph: ask `engine`, change it with `apply`. `tokens` say who may.

    >>> graph = Graph.in_memory()
    >>> from graph.parse import write
    >>> graph.apply([write({"id": "source:x", "kind": "SOURCE", "name": "X", "type": "REPORT"})]).created
    1
    >>> graph.version
    1
    """

    def __init__(
        self,
        journal: Journal,
        clock: Callable[[], datetime] = utc_now,
        *,
        budget: int | None = None,
        past_views: int = 4,
        snapshots: Snapshots | None = None,
    ) -> None:
        """`budget` is how many references the engine remembers along paths (see Adjacency), `past_views` how many past
        versions are kept at hand. A start is quick where there are snapshots."""
        self._journal = journal
        self._clock = clock
        self._listeners: list[Listener] = []
        self._lock = RLock()
        self._snapshots = snapshots
        self.head = journal.head()
        with one_stretch(journal.count(0)):
            self.engine = self._started(lambda: Resident(budget, clock, journal))
        self.engine.look_back = self._look_back
        self._past = Past(self.engine, journal, past_views, budget)
        self._writer = Writer(journal, self.engine, self.take_in, clock)
        self.tokens = journal.tokens

    def _started(self, empty: Callable[[], Resident]) -> Resident:
        """An engine that holds all that the journal does: from the newest snapshot that is whole, and what came after
        it; where there is none, from the first commit on."""
        if (snapshots := self._snapshots) is not None:
            for snapshot in snapshots.usable():
                engine = empty()
                try:
                    engine.apply(chain(snapshot.changes(), self._journal.replay(snapshot.version, self.head.version)))
                except SnapshotDamaged as error:
                    snapshots.pass_over(snapshot.path, error)
                else:
                    engine.version = self.head.version  # also where nothing is held
                    snapshots.newest = snapshot.version
                    return engine
        engine = empty()
        engine.apply(self._journal.replay(0, self.head.version))
        return engine

    @classmethod
    def in_memory(cls) -> "Graph":
        return cls(MemoryJournal())

    @classmethod
    def open(cls, directory: Path, wait_s: float = 5.0, *, budget: int | None = None, past_views: int = 4) -> "Graph":
        """The graph of a data directory, which is made where it is missing. Raises StoreError."""
        journal = SQLiteJournal(directory / STORE, wait_s)
        try:
            snapshots = Snapshots(directory / STORE, journal)
            return cls(journal, budget=budget, past_views=past_views, snapshots=snapshots)
        except BaseException:
            journal.close()
            raise

    @property
    def version(self) -> int:
        return self.head.version

    def as_of(self, moment: int | str) -> View:
        """The graph as it was recorded at a version, or at a time as commits have it. Raises NotFound for a version not
        yet made."""
        return settle(self._look_back(moment))

    async def _look_back(self, moment: int | str) -> View:
        version = self._journal.version_at(moment) if isinstance(moment, str) else moment
        if not 0 <= version <= self.version:
            raise NotFound(f"There is no version {version}. The newest is {self.version}, and the first is 1.")
        engine = await self._past.at(version)
        return View(engine, version, self._journal.commit(version).time if version else None)

    def close(self) -> None:
        self._past.close()
        self._journal.close()

    def on_change(self, listener: Listener) -> None:
        """Has every commit's changes announced to the listener, once they are stored and can be asked for. What it
        raises is logged, and harms nobody else."""
        self._listeners.append(listener)

    def changes(self, after: Mark, most: int) -> list[Recorded]:
        """The first changes after a mark in the journal, of the versions that the graph shows, in order."""
        return self._journal.changes(after, self.version, most)

    def count_changes(self, after: int) -> int:
        """How many changes there are in the versions after one."""
        return self._journal.count(after)

    def commit(self, version: int) -> Commit:
        """When a version was recorded, by whom and why."""
        return self._journal.commit(version)

    def kind_at(self, id: str, version: int) -> tuple[Kind | None, int, int]:
        """The kind of an entity at a version that changed its relations, and the versions from and to which it is known
        to have had it; of one that went in that version, the kind that it had."""
        # Only by going does an entity come to another kind. So whatever happens to it next tells what it is.
        own = self._journal.own_change(id, version, self.version)
        if own is not None:
            assert isinstance(own.record, Entity)
            return own.record.kind, version, own.version
        entity = self.engine.entity(id)
        return None if entity is None else entity.kind, version, self.version

    def was_there(self, id: str) -> bool:
        """Whether there is an entity with this id, or ever was."""
        return self._journal.own_change(id, 1, self.version) is not None

    def follow(self) -> bool:
        """Takes in what other processes have committed since; says whether there was anything."""
        return self.take_in(self.fetch())

    def behind(self) -> int:
        """How many changes other processes have committed since. Cheap: it is asked many times a second."""
        return self._journal.count(self.version) if self._journal.head().version != self.version else 0

    def fetch(self) -> list[Change]:
        """What other processes have committed since, read and verified as a whole; for `take_in`.

        It changes nothing, so it may run in a thread while questions are answered.
        """
        newest = self._journal.head().version
        return list(self._journal.replay(self.version, newest)) if newest > self.version else []

    def take_in(self, fetched: Sequence[Change]) -> bool:
        """Takes in what was fetched, and tells listeners; says whether anything of it was new."""
        with self._lock:
            changes = [change for change in fetched if change.version > self.version]
            self._advance(changes)
            self._announce(changes)
        return bool(changes)

    def take_snapshot(self, least: int, rest: Rest = lambda: False) -> bool:
        """Writes a snapshot beside the store, if at least so many changes were committed since the last one and no
        other process is at it; says whether it did. Raises StoreError.

        It is meant for a thread of its own: writers and readers go on, above all whenever it rests.
        """
        snapshots = self._snapshots
        return (
            snapshots is not None
            and snapshots.is_due(least, self.engine.size)
            and snapshots.take(self.engine, self.version, least, rest)
        )

    def check(self, lines: Sequence[Line], suspects: Set[str] = frozenset()) -> list[Fault]:
        """Every rule that the writes would break; nothing is stored."""
        return list(faults(Draft(lines, self.engine, suspects)))

    def apply(self, writes: Iterable[Write | Line], authorship: Authorship = ANONYMOUS) -> Applied:
        """Stores all of the writes in one version, or raises Refused with every fault and stores nothing.

        What changes nothing makes no version.
        """
        lines = [write if isinstance(write, Line) else Line(write) for write in writes]
        (outcome,) = self.write([Edit(lines, authorship)])
        if isinstance(outcome, FieldgraphError):
            raise outcome
        return outcome

    def write(self, edits: Sequence[Edit]) -> list[Outcome]:
        """Stores edits together, each as a version of its own; a refused one stores nothing, and harms no other.

        Raises StoreError where the store cannot be written; then nothing was stored.
        """
        with self._lock, one_stretch(sum(len(edit.lines) for edit in edits)):
            return run(self.writing(edits))

    def writing(self, edits: Sequence[Edit]) -> Steps:
        """As `write`, in steps, for whoever must not wait. Only one may be under way at a time."""
        return self._writer.steps(edits, self.fetch)

    def _advance(self, changes: Sequence[Change]) -> None:
        if changes:
            head = Head(changes[-1].version, self._journal.commit(changes[-1].version).time)
            with one_stretch(len(changes)):
                self.engine.apply(changes)
            self.head = head

    def _announce(self, changes: Sequence[Change]) -> None:
        if not changes:
            return
        for listener in self._listeners:
            try:
                listener(changes)
            except Exception:  # whatever it is, the commit is stored, which whoever wrote it must be told
                first, last = changes[0].version, changes[-1].version
                logger.exception("somebody could not be told of versions %d to %d, which are stored", first, last)
