"""Heads of requests that came before on a connection, with what was read from them.

A client sends nearly the same head with each request of a connection: what the parser made of it the first time, and
uvicorn after it, can then be had by looking it up. That is a tenth of the time that a small answer takes.
"""

from typing import NamedTuple

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

END = b"\r\n\r\n"

MOST, LONGEST = 8, 1_024
"""Heads that are remembered of one connection, and bytes that each may have."""

FRAMING = frozenset({b"transfer-encoding", b"expect", b"upgrade"})
"""Headers by which more follows than a body of so many bytes."""


class Head(NamedTuple):
    """What a head says: the scope that it made, and how many bytes its body has."""

    scope: Scope
    length: int


class Heads:
    """Those of one connection."""

    def __init__(self) -> None:
        self._known: dict[bytes, Head] = {}

    def learn(self, data: bytes, cycle: RequestResponseCycle) -> None:
        """Remembers the head of a request that has come as these bytes and no others, if they tell all of it."""
        end = data.find(END) + len(END)
        headers = list(cycle.scope["headers"])
        lengths = [value for name, value in headers if name == b"content-length"]
        is_plain = cycle.keep_alive and FRAMING.isdisjoint(name for name, _ in headers)
        if end <= LONGEST and is_plain and lengths == [b"%d" % (len(data) - end)]:
            if len(self._known) >= MOST:
                self._known.clear()
            self._known[data[:end]] = Head({**cycle.scope, "headers": headers}, len(data) - end)

    def scope_and_body(self, data: bytes) -> tuple[Scope, bytes] | None:
        """What the parser would make of one request, and nothing else; None where that is not known."""
        end = data.find(END) + len(END)
        head = self._known.get(data[:end])
        if head is None or len(data) != end + head.length:
            return None
        scope = {**head.scope}
        scope["headers"] = scope["headers"].copy()
        return scope, data[end:]
