"""Storing edits while the service answers: those that come together are stored together, with one wait for the disk."""

import asyncio
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from api.errors import Throttled
from graph.errors import FieldgraphError
from graph.graph import Graph
from graph.writing import Applied, Edit, Outcome, Steps

MOST, MOST_LINES = 100, 2_000
"""Edits that are stored together, and after how many of their lines no other joins them: while they are checked nobody
else has a turn, and two thousand lines take less than a tenth of a second."""

MOST_WAITING = 16 << 20
"""Characters of edits that may wait: up to 100,000 lines, which take the store some seconds. Whoever waits for longer
has gone away, and each line takes some times its characters of memory."""


class Waiting(NamedTuple):
    """An edit of so many characters that is to be stored, and whoever waits for what becomes of it."""

    edit: Edit
    outcome: asyncio.Future[Outcome]
    size: int


class Scribe:
    """Stores edits one group after the other. What may wait runs in a thread of its own, all else on the loop."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._thread = ThreadPoolExecutor(1, "scribe")
        self._waiting: deque[Waiting] = deque()
        self._size = 0  # characters of what waits
        self._working: asyncio.Task[None] | None = None

    @property
    def version(self) -> int:
        return self._graph.version

    async def store(self, edit: Edit) -> Applied:
        """What became of the edit, once it is durable. Raises Refused, StoreError where the store cannot be written, or
        Throttled.

        Whoever no longer waits for it does not take it back.
        """
        size = len(repr(edit.lines))
        if self._waiting and self._size + size > MOST_WAITING:
            raise Throttled(
                f"{len(self._waiting):,} others wait to store something, as many as can. Nothing of yours was stored:"
                " send it again in some seconds, and less at a time."
            )
        outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.append(Waiting(edit, outcome, size))
        self._size += size
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._work())
        applied = await outcome
        if isinstance(applied, FieldgraphError):
            raise applied
        return applied

    async def _work(self) -> None:
        while self._waiting:
            group = self._next_group()
            try:
                outcomes = await self._run(self._graph.writing([each.edit for each in group]))
            except Exception as error:  # noqa: BLE001  # it is told to all whose edits were to be stored
                for each in group:
                    if not each.outcome.done():
                        each.outcome.set_exception(error)
            else:
                for each, became in zip(group, outcomes, strict=True):
                    if not each.outcome.done():
                        each.outcome.set_result(became)
            if (task := asyncio.current_task()) is not None and task.cancelling():
                for each in self._waiting:
                    each.outcome.cancel()
                self._waiting.clear()
                self._size = 0
                raise asyncio.CancelledError

    def _next_group(self) -> list[Waiting]:
        """Those that have waited longest."""
        group: list[Waiting] = []
        lines = 0
        while self._waiting and len(group) < MOST and lines < MOST_LINES:
            group.append(self._waiting.popleft())
            lines += len(group[-1].edit.lines)
            self._size -= group[-1].size
        return group

    async def _run(self, steps: Steps) -> list[Outcome]:
        """Takes the steps, each in the thread, and all of them: the lock of the store is held between them."""
        loop = asyncio.get_running_loop()
        answer: Any = None
        fault: BaseException | None = None
        while True:
            try:
                step = steps.send(answer) if fault is None else steps.throw(fault)
            except StopIteration as ended:
                outcomes: list[Outcome] = ended.value
                return outcomes
            running = loop.run_in_executor(self._thread, step)
            while not running.done():
                try:
                    await asyncio.wait([running])
                except asyncio.CancelledError:
                    continue  # the task is cancelled once nothing is half done
            answer, fault = (None, error) if (error := running.exception()) else (running.result(), None)
