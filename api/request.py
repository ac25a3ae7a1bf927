"""What one request may see and use: the graph at one version, and the settings that bound what is done with it."""

from typing import Protocol

import msgspec

from api.settings import Settings
from graph.engine import Engine
from graph.journal.journal import Head
from graph.writing import Applied, Edit


class Store(Protocol):
    """Where edits are stored."""

    @property
    def version(self) -> int:
        """The newest version that can be asked for."""

    async def store(self, edit: Edit) -> Applied:
        """What became of the edit, once it is durable. Raises Refused, or StoreError where nothing can be stored."""


class Request(msgspec.Struct, frozen=True):
    """The context of every step of an operation.

    `fleeting` gets what was answered in part only because time was over: asked again, it may be another answer, which
    must not be kept. `store` is where edits are stored, if that is possible, for the `author`.
    """

    engine: Engine
    head: Head
    settings: Settings
    fleeting: list[object] = []
    store: Store | None = None
    author: str | None = None
