"""Asking of the graph as it was: the root again, of another version."""

from collections.abc import Sequence
from typing import Any

from api.fields import Arguments, ElsewhereStep, argument, stepped
from api.request import Request
from api.terms import DateTime
from graph.errors import InvalidInput


async def _as_of(request: Request, sources: Sequence[Any], given: Arguments) -> Sequence[Any]:
    moments = [moment for name in ("version", "time") if (moment := given.get(name)) is not None]
    if len(moments) != 1:
        raise InvalidInput(f"asOf takes either a version or a time; {'both were' if moments else 'neither was'} given.")
    view = await request.look_back(moments[0])
    return [request.as_of(view) for _ in sources]


def as_of(description: str) -> Any:
    """A field that leads to the root, as it was at a version or a time."""
    version = argument("version", int | None, "A version, from 0: the graph before anything was stored.")
    time = argument("time", DateTime | None, "A moment: what had been recorded by then. After the newest, the newest.")
    return stepped(ElsewhereStep(_as_of), description, version, time)
