"""Storing edits while the service answers: those that come together are stored together, with one wait for the disk."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from graph.errors import FieldgraphError
from graph.graph import Graph
from graph.writing import Applied, Edit, Outcome, Steps

MOST = 100
"""Edits that are stored together: while they are checked nobody else has a turn."""


class Scribe:
    """Stores edits one group after the other. What may wait runs in a thread of its own, all else on the loop."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._thread = ThreadPoolExecutor(1, "scribe")
        self._waiting: list[tuple[Edit, asyncio.Future[Outcome]]] = []
        self._working: asyncio.Task[None] | None = None

    @property
    def version(self) -> int:
        return self._graph.version

    async def store(self, edit: Edit) -> Applied:
        """What became of the edit, once it is durable. Raises Refused, or StoreError where the store cannot be written.

        Whoever no longer waits for it does not take it back.
        """
        outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.append((edit, outcome))
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._work())
        applied = await outcome
        if isinstance(applied, FieldgraphError):
            raise applied
        return applied

    async def _work(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
            try:
                outcomes = await self._run(self._graph.writing([edit for edit, _ in group]))
            except Exception as error:  # noqa: BLE001  # it is told to all whose edits were to be stored
                for _, outcome in group:
                    if not outcome.done():
                        outcome.set_exception(error)
            else:
                for (_, outcome), became in zip(group, outcomes, strict=True):
                    if not outcome.done():
                        outcome.set_result(became)
            if (task := asyncio.current_task()) is not None and task.cancelling():
                for _, outcome in self._waiting:
                    outcome.cancel()
                self._waiting.clear()
                raise asyncio.CancelledError

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
