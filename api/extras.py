"""What a request may have told beside its data, by its extensions: how it was answered, and whose word it is."""

from collections.abc import Mapping
from typing import Any

import msgspec

from api.bibliography import EXTENSION as CITATIONS
from api.bibliography import Bibliography
from api.errors import refusal, shorten
from api.request import Request
from api.trace import EXTENSION as EXPLAIN
from api.trace import Trace

encode = msgspec.json.Encoder().encode


def is_asked_for(extensions: Mapping[str, Any] | None, key: str) -> bool:
    """Whether a request's extensions ask for this one. Raises RequestError."""
    given = None if extensions is None else extensions.get(key)
    if given is None or isinstance(given, bool):
        return bool(given)
    told = shorten(encode(given).decode(), 80)
    raise refusal(f'extensions.{key} is {told}, but must be true or false: {{"{key}": true}}.')


class Extras:
    """What watches one execution, if anything does."""

    def __init__(self, trace: Trace | None = None, bibliography: Bibliography | None = None) -> None:
        self.trace = trace
        self._bibliography = bibliography

    @classmethod
    def asked_for(cls, extensions: Mapping[str, Any], *, explains: bool) -> "Extras":
        """Raises RequestError. Where nothing is explained, asking for it is ignored as any unknown extension is."""
        wants_trace = explains and is_asked_for(extensions, EXPLAIN)
        wants_sources = is_asked_for(extensions, CITATIONS)
        return cls(Trace() if wants_trace else None, Bibliography() if wants_sources else None)

    def __bool__(self) -> bool:
        return self.trace is not None or self._bibliography is not None

    def watch(self, request: Request, executor: str) -> Request:
        """The request as the execution, which starts now, is to see it."""
        if self._bibliography is not None:
            request = self._bibliography.watch(request)
        return request if self.trace is None else self.trace.watch(request, executor)

    async def added_to(self, body: bytes) -> bytes:
        """The document of an answer, complete but for what is told here."""
        told = {} if self.trace is None else {EXPLAIN: self.trace.told()}
        if self._bibliography is not None:
            told |= await self._bibliography.told()
        return b'%b,"extensions":%b}' % (body[:-1], encode(told))


NOTHING = Extras()
