"""Heads of requests that came before on a connection, with what was read from them.

A client sends nearly the same head with each request of a connection: what the parser made of it the first time, and
uvicorn after it, can then be had by looking it up. That is a tenth of the time that a small answer takes.
"""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, NamedTuple

from starlette.types import Send
from uvicorn._types import HTTPScope
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

END = b"\r\n\r\n"

MOST, LONGEST = 8, 1_024
"""Heads that are remembered of one connection, and bytes that each may have."""

FRAMING = frozenset({b"transfer-encoding", b"expect", b"upgrade"})
"""Headers by which more follows than a body of so many bytes."""


AGAIN = "fieldgraph.again"
"""An extension of ASGI, offered with a request whose head will be known again: a function of its `send` and a Shortcut.
"""


class Reply(NamedTuple):
    """An answer: `send` sends it. It has a `body` if nothing but that is to be told, with status 200 and the header
    lines of its Shortcut."""

    body: bytes | None
    send: Callable[[Send], Awaitable[None]]


class Shortcut(NamedTuple):
    """How what comes with one head is answered: `reply` makes an answer of a body. It raises nothing."""

    lines: bytes
    reply: Callable[[bytes], Coroutine[Any, Any, Reply]]


class Head:
    """What a head says: the scope that it made, how many bytes its body has, and how it is answered, once that is
    known."""

    __slots__ = ("_scope", "length", "shortcut")

    def __init__(self, scope: HTTPScope, length: int) -> None:
        self._scope: HTTPScope = {**scope, "headers": list(scope["headers"])}
        self.length = length
        self.shortcut: Shortcut | None = None

    @property
    def scope(self) -> HTTPScope:
        """A scope that its request may alter."""
        return {**self._scope, "headers": list(self._scope["headers"])}


class Heads:
    """Those of one connection."""

    def __init__(self) -> None:
        self._known: dict[bytes, Head] = {}

    def learn(self, data: bytes, cycle: RequestResponseCycle) -> Head | None:
        """Remembers the head of a request that has come as these bytes and no others, if they tell all of it."""
        end = data.find(END) + len(END)
        headers = cycle.scope["headers"]
        lengths = [value for name, value in headers if name == b"content-length"]
        is_plain = cycle.keep_alive and FRAMING.isdisjoint(name for name, _ in headers)
        if end > LONGEST or not is_plain or lengths != [b"%d" % (len(data) - end)]:
            return None
        if len(self._known) >= MOST:
            self._known.clear()
        head = self._known[data[:end]] = Head(cycle.scope, len(data) - end)
        return head

    def read(self, data: bytes) -> tuple[Head, bytes] | None:
        """The head and the body of one request, and nothing else; None where the parser must tell."""
        end = data.find(END) + len(END)
        head = self._known.get(data[:end])
        return None if head is None or len(data) != end + head.length else (head, data[end:])
