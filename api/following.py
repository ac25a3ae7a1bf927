"""Following the store while serving: what other processes commit is seen here a moment later."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from time import monotonic, perf_counter

from starlette.applications import Starlette

from graph.errors import FieldgraphError, StoreError
from graph.graph import Graph

INTERVAL_S = 0.025
"""A look costs about 10 µs, so forty a second cost nothing that can be measured."""

FEW_CHANGES = 100
"""To read so many takes less than to hand the work to a thread and wait for Python's lock there."""

PREPARED_AT_ONCE = 20
"""Entities for which the search index is made ready at a time: about two milliseconds."""

BUSY_S, PAUSE = 0.0001, 9
"""If others take longer than this for their turn, there are requests; then so many times the work is let pass."""

LATE_S = 30.0
"""Seconds without success after which the service is not ready: what it shows may be that old."""

logger = logging.getLogger("fieldgraph")


class Follower:
    """Takes in others' commits while the application runs. `problem` is why it cannot, while it cannot."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self.problem: FieldgraphError | None = None
        self._task: asyncio.Task[None] | None = None
        self._succeeded_at = monotonic()

    @asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        """Follows for as long as the context is open."""
        self._succeeded_at = monotonic()
        self._task = task = asyncio.create_task(self._follow())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _follow(self) -> None:
        while True:
            if not await self._step():
                await asyncio.sleep(INTERVAL_S)

    async def _step(self) -> bool:
        """Takes in what there is, and goes on with the search index; whether there is more to do. What fails is told
        once, and tried again: readers keep what is known."""
        try:
            await self._look()
            is_more = await self._prepare()
        except FieldgraphError as error:
            self._report(error)
        except Exception as error:  # noqa: BLE001  # whatever it is, readers keep what is known, and /readyz tells
            self._report(StoreError(f"The store cannot be followed: {error!r}. Restart the service."))
        else:
            self.problem, self._succeeded_at = None, monotonic()
            return is_more
        return False

    async def _prepare(self) -> bool:
        """Goes on with the search index; whether there is more to do. Of a large world it takes a minute, so beside
        requests it takes a tenth of the time only."""
        begun = perf_counter()
        if not self._graph.engine.prepare(PREPARED_AT_ONCE):
            return False
        ended = perf_counter()
        await asyncio.sleep(0)
        if perf_counter() - ended > BUSY_S:
            await asyncio.sleep(PAUSE * (ended - begun))
        return True

    async def _look(self) -> None:
        """Takes in what there is."""
        behind = self._graph.behind()
        if 0 < behind <= FEW_CHANGES:
            self._graph.follow()
        elif behind:
            # A large import takes seconds to read and verify, which is done beside the questions. Taking it in must not
            # be: about a second for 200,000 lines, in which nobody sees half of it.
            self._graph.take_in(await asyncio.to_thread(self._graph.fetch))

    def _report(self, problem: FieldgraphError) -> None:
        if self.problem is None:
            logger.error("%s", problem, exc_info=True)
        self.problem = problem

    def facts(self) -> dict[str, object]:
        """What /readyz tells. Raises the problem, if there is one."""
        if self.problem is not None:
            raise self.problem
        if self._task is None or self._task.done():
            raise StoreError("The store is not followed: what others write to it is not seen. Restart the service.")
        if (late_s := monotonic() - self._succeeded_at) > LATE_S:
            told = f"The store was last looked at {late_s:.0f} s ago: what was written to it since is not seen."
            raise StoreError(f"{told} Wait, and restart the service if this does not pass.")
        return {"version": self._graph.version}
