"""Snapshots while serving: written whenever enough was committed, beside the requests, for all workers."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import perf_counter

from starlette.applications import Starlette

from graph.errors import FieldgraphError
from graph.graph import Graph

INTERVAL_S = 5.0
"""A look counts the commits since the last snapshot: a few milliseconds."""

PAUSE = 9
"""So many times as long as it works the thread that writes lets others work: it takes a tenth of the time."""

logger = logging.getLogger("fieldgraph")


class SnapshotWriter:
    """Writes a snapshot whenever `changes` were committed since the last; with 0, never."""

    def __init__(self, graph: Graph, changes: int, interval_s: float = INTERVAL_S) -> None:
        self._graph = graph
        self._changes = changes
        self._interval_s = interval_s
        self._stop = threading.Event()
        self._resumed = 0.0

    @asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        """Looks and writes, in a thread of its own, for as long as the context is open."""
        thread = threading.Thread(target=self._run, name="snapshots", daemon=True)
        if self._changes:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            if self._changes:
                await asyncio.to_thread(thread.join)

    def _run(self) -> None:
        problem: str | None = None
        while not self._stop.wait(self._interval_s):
            self._resumed = perf_counter()
            try:
                if self._graph.take_snapshot(self._changes, self._rest):
                    logger.info("wrote a snapshot of version %s or later", self._graph.version)
                problem = None
            except FieldgraphError as error:
                if str(error) != problem:  # a disk that is full is told once, not every few seconds
                    logger.error("%s", error)
                problem = str(error)
            except Exception:  # snapshots can be done without, and the service cannot
                logger.exception("No snapshot could be written, and none will be until the service is started again.")
                return

    def _rest(self) -> bool:
        stopped = self._stop.wait(PAUSE * (perf_counter() - self._resumed))
        self._resumed = perf_counter()
        return stopped
