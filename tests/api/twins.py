"""Two executors over one graph: one that compiles, and one on graphql-core, which is right by definition."""

import asyncio
import atexit
from math import inf
from typing import Any

import msgspec
from graphql import DocumentNode

from api.access import Caller
from api.compile import Compiler
from api.documents import Documents, Operation
from api.execute import Answer, Executor, GraphQLRequest
from api.fragments import Memory
from api.request import Request
from api.schema import core, schema
from api.settings import Settings
from api.trace import EXTENSION, Trace
from graph.engine import Engine
from graph.journal.journal import Head
from graph.resident import Resident
from tests.operations import Asked

SETTINGS = Settings(default_page=3, max_nodes=10**15, question_ms=60_000, ranked_matches=5)
"""Small pages, so that lists have several; few matches ranked; no budget, as the worlds of tests are small."""

Resident.SLICE_S = inf
"""On graphql-core what gives way fails after what need not, and of two failures that make the same position null the
first is told."""

LOOP = asyncio.new_event_loop()
"""For what waits: to make a new one for each question would take longer than most answers."""

atexit.register(LOOP.close)

PLENTY = 10**9
"""Memory for all fragments of a test."""


class Trusting(Documents):
    """Takes documents for valid, as generated ones are (tests/test_operations.py): to validate them would take most of
    the time."""

    def _validate(self, document: DocumentNode) -> None:
        pass


class Watched(Executor):
    """Counts what it could not answer compiled."""

    fallbacks = 0

    async def _run_on_core(
        self, operation: Operation, variables: dict[str, Any], caller: Caller, trace: Trace | None = None
    ) -> Answer:
        self.fallbacks += 1
        return await super()._run_on_core(operation, variables, caller, trace)


class Twins:
    """Answers every question twice, from an engine that can be exchanged at any time."""

    def __init__(
        self, engine: Engine, head: Head, *, memory: int = PLENTY, documents: type[Documents] = Trusting
    ) -> None:
        self.show(engine, head)
        self.memory = Memory(memory)
        remembered = documents(core(schema), SETTINGS)
        compiler = Compiler(core(schema), self.memory, PLENTY)
        self._compiled = Watched(core(schema), self._context, remembered, compiler, explains=True)
        self._reference = Executor(core(schema), self._context, remembered, explains=True)

    def show(self, engine: Engine, head: Head) -> None:
        self.engine = engine
        self.head = head

    @property
    def fallbacks(self) -> int:
        """How often the one that compiles did not."""
        return self._compiled.fallbacks

    def compiled(self, asked: Asked, *, explained: bool = False) -> Answer:
        return _answer(self._compiled, asked, explained)

    def reference(self, asked: Asked, *, explained: bool = False) -> Answer:
        return _answer(self._reference, asked, explained)

    def _context(self, caller: Caller) -> Request:
        return Request(self.engine, self.head, SETTINGS)


def _answer(executor: Executor, asked: Asked, explained: bool) -> Answer:
    """The answer, but for the id by which a log tells of its errors: no two are alike."""
    extensions = {EXTENSION: True} if explained else None
    answer = LOOP.run_until_complete(
        executor.execute(GraphQLRequest(asked.text, asked.name, asked.variables, extensions))
    )
    if answer.request_id is None:
        return answer
    body = answer.body.replace(answer.request_id.encode(), b"ID")
    return msgspec.structs.replace(answer, body=body, request_id="ID")
