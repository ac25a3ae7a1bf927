"""HTTP as uvicorn speaks it, with one system call for what one turn of the loop writes.

uvicorn writes the head of an answer and its body one by one, and uvloop sends each at once. On a small answer the
second system call is a sixth of all the work.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class Together:
    """A transport that sends what is written to it at the end of the turn of the loop, all in one."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._written: list[bytes] = []
        self.is_closing = transport.is_closing  # asked with every answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if not self._written:
            self._loop.call_soon(self.flush)
        self._written.append(data)

    def close(self) -> None:
        self.flush()
        self._transport.close()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.flush()
        self._transport.set_protocol(protocol)

    def flush(self) -> None:
        """Sends what was written, now. If the other side has gone, nobody is left to send it to."""
        written, self._written = self._written, []
        if written and not self._transport.is_closing():
            self._transport.writelines(written)


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol over such a transport."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._together = Together(transport, self.loop)
        super().connection_made(self._together)  # type: ignore[arg-type]

    def eof_received(self) -> None:
        # The client sends no more, but may still read: the loop closes the transport when this returns.
        self._together.flush()
        super().eof_received()
