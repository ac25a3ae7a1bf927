"""Of which kind an entity was when something changed; an id may name a project now that was an event's before."""

from typing import NamedTuple

from graph.graph import Graph
from graph.model import Change, Entity
from graph.vocabulary import Kind

MOST = 10_000
"""Entities whose kinds are remembered."""


class Span(NamedTuple):
    """The kind of an entity in the versions from one to another. The past does not change, so this is never stale."""

    kind: Kind | None
    since: int
    until: int


class Kinds:
    """The kinds of what changes are about."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._known: dict[str, Span] = {}

    def of(self, change: Change) -> set[Kind | None]:
        """The kind of the entity of a change, or of both ends of its relation at that version; of one that went with
        it, the last that it had."""
        if isinstance(change.record, Entity):
            return {change.record.kind}
        return {self._at(id, change.version) for id in change.ids}

    def _at(self, id: str, version: int) -> Kind | None:
        known = self._known.get(id)
        if known is None or not known.since <= version <= known.until:
            if len(self._known) >= MOST:
                self._known.clear()
            known = self._known[id] = Span(*self._graph.kind_at(id, version))
        return known.kind
