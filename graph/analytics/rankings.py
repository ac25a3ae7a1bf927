"""The most central entities: computed beside the questions, for a recent version, and remembered.

While a newer version is computed, the last one is answered. A new one is begun when somebody asks, and so rarely that
it takes a tenth of the time at most.
"""

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from heapq import merge, nsmallest
from itertools import islice
from threading import Thread
from time import monotonic
from typing import NamedTuple

import numpy as np

from graph.analytics.centrality import Scored, scored
from graph.analytics.wiring import KINDS, Snapshot, Wires
from graph.beside import begun, over
from graph.model import Entity
from graph.questions import TIME, Central, Ranked, Ranking, Truncation
from graph.vocabulary import CentralityMeasure, Kind

logger = logging.getLogger("fieldgraph")

REST = 9
"""How many times as long as the last one took, one waits before a newer one is begun."""

Placed = tuple[float, int, str]
"""Where an entity stands: its negative score, the rank of its kind, its id."""

Compute = Callable[[Wires, CentralityMeasure, int], Scored]


class Computed(NamedTuple):
    """The first entities of each kind at a version, in order, and how many there are of it; when it was done, and how
    many seconds it took."""

    version: int
    most: int
    first: dict[Kind, list[Placed]]
    counts: dict[Kind, int]
    is_estimate: bool
    done_at: float
    took: float


class Standing:
    """What is known by one measure."""

    def __init__(self) -> None:
        self.last: Computed | None = None
        self.coming: Future[None] | None = None


class Rankings:
    """Ranks entities by each measure, over snapshots of the graph."""

    def __init__(
        self,
        snapshot: Callable[[], Snapshot],
        find: Callable[[str], Entity | None],
        *,
        compute: Compute = scored,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """`find` gets the entity that an id has now."""
        self._snapshot = snapshot
        self._find = find
        self._compute = compute
        self._clock = clock
        self._standings: dict[tuple[CentralityMeasure, int], Standing] = {}

    @property
    def versions(self) -> dict[str, int]:
        """From which version each measure is answered: as long as these are the same, so are the answers."""
        known = sorted((measure, standing.last) for (measure, _), standing in self._standings.items() if standing.last)
        return {str(measure): last.version for measure, last in known}

    async def ranking(self, asked: Central, version: int) -> Ranking:
        """The first entities; `version` is the graph's now."""
        standing = self._standings.setdefault((asked.measure, asked.pivots), Standing())
        coming = self._renewed(standing, asked, version)
        if standing.last is None and coming is not None:
            await over(coming, asked.ms / 1_000)
            if coming.done():
                coming.result()
        if standing.last is None:
            return Ranking([], version, False, Truncation(TIME, asked.ms))
        return self._shown(standing.last, asked)

    def _renewed(self, standing: Standing, asked: Central, version: int) -> Future[None] | None:
        """The ranking that is being made. A newer one is begun where the last will not do any more."""
        if standing.coming is not None and standing.coming.done():
            standing.coming = None
        if standing.coming is not None or (standing.last and self._is_good(standing.last, asked, version)):
            return standing.coming
        snapshot = self._snapshot()

        def work() -> None:
            try:
                standing.last = self._computed(snapshot, asked, version)
            except Exception:
                logger.exception("entities cannot be ranked by %s", asked.measure)
                raise

        # A daemon, as nobody should have to wait for it when the process ends.
        name = f"ranking by {asked.measure}"
        standing.coming = begun(work, lambda work: Thread(target=work, name=name, daemon=True).start())
        return standing.coming

    def _is_good(self, last: Computed, asked: Central, version: int) -> bool:
        """Whether the last one will do for now."""
        if last.most < asked.most:
            return False
        return last.version == version or self._clock() < last.done_at + REST * last.took

    def _computed(self, snapshot: Snapshot, asked: Central, version: int) -> Computed:
        begun = self._clock()
        wires = snapshot.wired()
        scores, is_estimate = self._compute(wires, asked.measure, asked.pivots)
        first, counts = {}, {}
        for kind in Kind:
            places = np.flatnonzero(wires.kinds == kind.rank)
            first[kind] = _first(wires, scores[places], places, kind, asked.most)
            counts[kind] = len(places)
        now = self._clock()
        return Computed(version, asked.most, first, counts, is_estimate, now, now - begun)

    def _shown(self, computed: Computed, asked: Central) -> Ranking:
        kinds = [kind for kind in KINDS if asked.kinds is None or kind in asked.kinds]
        placed = merge(*(computed.first[kind] for kind in kinds))
        items = [*islice(self._ranked(placed), asked.first)]
        is_cut = sum(computed.counts[kind] for kind in kinds) > asked.first
        cut = Truncation("first", asked.first) if is_cut else None
        return Ranking(items, computed.version, computed.is_estimate, cut)

    def _ranked(self, placed: Iterator[Placed]) -> Iterator[Ranked]:
        """Those of them that are still there."""
        for score, rank, id in placed:
            entity = self._find(id)
            if entity is not None and entity.kind.rank == rank:
                yield Ranked(entity, -score)


def _first(wires: Wires, scores: np.ndarray, places: np.ndarray, kind: Kind, most: int) -> list[Placed]:
    """The first of a kind, without sorting them all: that could not be interrupted."""
    if len(places) > most:
        least = np.partition(scores, len(scores) - most)[len(scores) - most]
    else:
        least = scores.min(initial=np.inf)
    above, equal = places[scores > least], places[scores == least]
    higher = zip(above, scores[scores > least], strict=True)
    found = [(-float(score), kind.rank, wires.ids[place]) for place, score in higher]
    tied = nsmallest(most - len(found), (wires.ids[place] for place in equal))
    return sorted(found) + [(-float(least), kind.rank, id) for id in tied]
