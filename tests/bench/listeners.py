"""Many subscribers in one process, each on a WebSocket of its own, who check what they are told.

    python -m tests.bench.listeners PORT SUBSCRIBERS SINCE CHANGES

Says "ready" once all are connected, and the time (of the system's monotonic clock) at which all had been told the first
change of each of so many versions after SINCE, in their order; ends with 1 as soon as one was told anything else.
"""

import asyncio
import re
import sys
import time

import uvloop

HEAD = (
    "GET /graphql HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
)
QUERY = (
    "subscription ($since: Int) { changes(since: $since) { id action entityId entity { id name kind } author time } }"
)
TOLD = re.compile(rb'"changes":\{"id":"change:(\d+)\.00000000"')
WITHIN_S = 120


def masked(text: str) -> bytes:
    """A message as a client sends it, with a mask of zeros."""
    data = text.encode()
    return b"\x81" + bytes([0x80 | 126]) + len(data).to_bytes(2, "big") + bytes(4) + data


class Listener(asyncio.Protocol):
    """One subscriber. What it is told is searched as it comes in: its frames are never taken apart."""

    def __init__(self, since: int, changes: int) -> None:
        self.ready = asyncio.get_running_loop().create_future()
        self.done = asyncio.get_running_loop().create_future()
        self._since = since
        self._expected = since + 1
        self._last = since + changes
        self._rest = b""

    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        end = 0
        for found in TOLD.finditer(data):
            end = found.end()
            self._take(int(found[1]))
        if not self.ready.done() and b"connection_ack" in data:
            self.ready.set_result(None)
        self._rest = data[max(end, len(data) - 100) :]

    def _take(self, version: int) -> None:
        if version != self._expected and not self.done.done():
            self.done.set_exception(ValueError(f"told of version {version} instead of {self._expected}"))
        self._expected = version + 1
        if version == self._last and not self.done.done():
            self.done.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        for awaited in (self.ready, self.done):
            if not awaited.done():
                awaited.set_exception(ConnectionError(f"closed after version {self._expected - 1}"))


async def listen(port: int, subscribers: int, since: int, changes: int) -> None:
    loop = asyncio.get_running_loop()
    listeners = []
    for _ in range(subscribers):
        transport, listener = await loop.create_connection(lambda: Listener(since, changes), "127.0.0.1", port)
        transport.write(HEAD.format(port=port).encode() + masked('{"type":"connection_init"}'))
        await listener.ready
        payload = f'{{"query":"{QUERY}","variables":{{"since":{since}}}}}'
        transport.write(masked(f'{{"id":"1","type":"subscribe","payload":{payload}}}'))
        listeners.append(listener)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.wait_for(asyncio.gather(*(listener.done for listener in listeners)), WITHIN_S)
    sys.stdout.write(f"{time.monotonic()}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    uvloop.run(listen(*map(int, sys.argv[1:])))
