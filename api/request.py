"""What one request may see and use: the graph at one version, and the settings that bound what is done with it."""

from typing import Protocol

import msgspec

from api.settings import Settings
from graph.engine import Engine, View
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
    must not be kept. `store` is where edits are stored, if that is possible, for the `author`. `views` has,
    on graphql-core, what stands in for this below fields of the root, by their keys in the answer.
    """

    engine: Engine
    head: Head
    settings: Settings
    fleeting: list[object] = []
    store: Store | None = None
    author: str | None = None
    views: dict[str, "Request"] = {}

    def as_of(self, view: View) -> "Request":
        """The same request, of the graph as it was."""
        return msgspec.structs.replace(self, engine=view.engine, head=Head(view.version, view.time))
