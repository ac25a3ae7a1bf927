"""What one request may see and use: the graph at one version, and the settings that bound what is done with it."""

import msgspec

from api.settings import Settings
from graph.engine import Engine
from graph.journal.journal import Head


class Request(msgspec.Struct, frozen=True):
    """The context of every step of an operation.

    `fleeting` gets what was answered in part only because time was over: asked again, it may be another answer, which
    must not be kept.
    """

    engine: Engine
    head: Head
    settings: Settings
    fleeting: list[object] = []
