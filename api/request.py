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
    must not be kept. `store` is where edits are stored, if that is possible, for the `author`. `views` has, on
    graphql-core, what stands in for this below fields of the root, by their keys in the answer. `looked_back` has the
    past that was looked up, for when the operation is run again.
    """

    engine: Engine
    head: Head
    settings: Settings
    fleeting: list[object] = []
    store: Store | None = None
    author: str | None = None
    views: dict[str, "Request"] = {}
    looked_back: dict[int | str, View] = {}

    async def look_back(self, moment: int | str) -> View:
        """The graph as it was at a version or a time; that of a moment which is over is looked up once."""
        view = self.looked_back.get(moment)
        if view is None:
            view = await self.engine.as_of(moment)
            if view.version < self.head.version:  # else a time may mean a newer one when it is asked for again
                self.looked_back[moment] = view
        return view

    def as_of(self, view: View) -> "Request":
        """The same request, of the graph as it was."""
        return msgspec.structs.replace(self, engine=view.engine, head=Head(view.version, view.time), looked_back={})
