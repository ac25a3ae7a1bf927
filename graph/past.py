"""The graph as it was: copies of the engine in which what came later is undone, a few of them kept.

A copy shares with the engine whatever did not change in between, so a past version costs the time of the changes since
then; or of those until then, where these are fewer.
"""

import gc
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

from graph.adjacency import Adjacency
from graph.beside import begun, over
from graph.engine import Archive
from graph.model import Change, Entity, Relation, RelationName
from graph.resident import Resident
from graph.vocabulary import ChangeAction

Build = Callable[[], Resident]


class Making(NamedTuple):
    """A view that is being made, beside the loop."""

    version: int
    view: Future[Resident]


class Past:
    """Views of past versions, of which the `most` most recently asked for are kept.

    `budget` is how many references the live graph remembers along paths; all views together remember a fraction of
    that, each an equal part, whatever is asked of them. One is made at a time, as each takes memory from its
    beginning; and what was begun is made to its end and kept, even if whoever asked has gone.
    """

    FRACTION = 4
    """The live graph remembers so many times what all past views do."""

    def __init__(self, live: Resident, archive: Archive, most: int, budget: int | None) -> None:
        self._live = live
        self._archive = archive
        self._most = most
        self._budget = max(1, (budget or Adjacency.BUDGET) // (self.FRACTION * most))
        self._views: dict[int, Resident] = {}
        self._making: Making | None = None
        self._thread = ThreadPoolExecutor(1, "past")  # always the same: an archive keeps a connection for each

    async def at(self, version: int) -> Resident:
        """The graph at a version, which there must be."""
        while (found := self._at_hand(version)) is None:
            if self._making is None:
                self._making = Making(version, begun(self._begin(version), self._thread.submit))
            making = self._making
            await over(making.view)
            if making.version == version:
                self._take_in()
                return making.view.result()
        return found

    def close(self) -> None:
        """Waits for what is being made, which reads from the archive."""
        self._thread.shutdown()

    def _at_hand(self, version: int) -> Resident | None:
        self._take_in()
        found = self._views.pop(version, None)
        if found is not None:
            self._views[version] = found
        return found

    def _take_in(self) -> None:
        """Keeps what has been made since."""
        making = self._making
        if making is not None and making.view.done():
            self._making = None
            if making.view.exception() is None:
                self._keep(making.view.result())

    def _keep(self, view: Resident) -> None:
        self._views[view.version] = view
        if len(self._views) > self._most:
            del self._views[next(iter(self._views))]
            gc.collect()  # an engine's parts know each other, and the collector comes by itself only after a long time

    def _begin(self, version: int) -> Build:
        """Begins to make the graph at a version: what is returned makes the rest of it, in another thread."""
        newer = (view for view in [self._live, *self._views.values()] if view.version >= version)
        origin = min(newer, key=lambda view: view.version)
        if self._archive.count(0, version) < self._archive.count(version, origin.version):
            return partial(self._made, version)
        return partial(self._undone, origin.copy(self._budget), version)

    def _made(self, version: int) -> Resident:
        view = Resident(self._budget, self._live.clock, self._archive)
        view.apply(self._archive.replay(0, version))
        view.version = version
        return view

    def _undone(self, view: Resident, version: int) -> Resident:
        view.apply(undone(self._archive.replay(version, view.version), view))
        view.version = version
        return view


def undone(changes: Iterable[Change], graph: Resident) -> Iterator[Change]:
    """What takes a graph back to where it was before these changes, which are the last that it went through."""
    entities: dict[str, Entity | None] = {}
    relations: dict[RelationName, Relation | None] = {}
    for change in changes:
        held = change.record if change.action in (ChangeAction.REMOVED, ChangeAction.UNRELATED) else change.before
        if isinstance(change.record, Entity):
            assert not isinstance(held, Relation)
            entities.setdefault(change.record.id, held)
        else:
            assert not isinstance(held, Entity)
            relations.setdefault(change.record.name, held)
    steps = [*_gone(entities, relations, graph), *_back(entities, relations, graph)]
    for index, (action, record) in enumerate(steps):
        yield Change(graph.version, index, action, record)


class Undoing(NamedTuple):
    """A step back."""

    action: ChangeAction
    record: Entity | Relation


def _gone(
    entities: dict[str, Entity | None], relations: dict[RelationName, Relation | None], graph: Resident
) -> Iterator[Undoing]:
    """What came later: relations go before their ends do."""
    for name, relation in relations.items():
        if relation is None and (later := graph.relation(name)) is not None:
            yield Undoing(ChangeAction.UNRELATED, later)
    for id, entity in entities.items():
        newcomer = graph.entity(id)
        if newcomer is not None and (entity is None or entity.kind is not newcomer.kind):
            yield Undoing(ChangeAction.REMOVED, newcomer)


def _back(
    entities: dict[str, Entity | None], relations: dict[RelationName, Relation | None], graph: Resident
) -> Iterator[Undoing]:
    """What was: ends come before their relations do."""
    for id, entity in entities.items():
        now = graph.entity(id)
        if entity is not None and entity != now:
            stays = now is not None and now.kind is entity.kind
            yield Undoing(ChangeAction.UPDATED if stays else ChangeAction.CREATED, entity)
    for name, relation in relations.items():
        if relation is not None and relation != graph.relation(name):
            yield Undoing(ChangeAction.RELATED, relation)
