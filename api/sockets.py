"""WebSockets as uvicorn speaks them, with a short way out, and bounds on what a client may do to the connection.

What many are told is the same, so a message goes out as the bytes it is: no text to be encoded, no frame to be made and
no task to wait for each. A client that does not read is no longer read from; one that has to go is told why, then cut
off if it does not read that either.
"""

from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

from api.transport import CUT_OFF_S, Outlet, Together

SOCKET = "fieldgraph.socket"
"""An extension of ASGI: the Socket of a WebSocket."""

MOST_FRAMES = 1_000
"""Frames that a client may send within a second."""

POLICY_VIOLATED = 1008  # RFC 6455, 7.4.1
LONGEST_REASON = 123  # bytes; RFC 6455, 5.5


def frame(text: bytes) -> bytes:
    """A message of text as it goes out (RFC 6455, 5.2)."""
    length = len(text)
    if length < 126:
        return b"\x81%c%b" % (length, text)
    if length < 1 << 16:
        return b"\x81\x7e%b%b" % (length.to_bytes(2, "big"), text)
    return b"\x81\x7f%b%b" % (length.to_bytes(8, "big"), text)


class Socket(WebSocketsSansIOProtocol):
    """One connection."""

    outlet: Outlet
    _second, _frames = 0.0, 0

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        assert isinstance(transport, Together)
        self.outlet = Outlet(transport, self.writable, self.writable.set)
        self.outlet.hold_little()

    def handle_connect(self, event: Any) -> None:
        super().handle_connect(event)
        if not self.close_sent:
            self.scope["extensions"][SOCKET] = self  # type: ignore[assignment]

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        # What refers to itself would wait for the garbage collector, which comes seldom: 15 kB for each connection.
        self.conn = None  # type: ignore[assignment]
        if self.handshake_initiated:
            self.scope["extensions"].clear()

    @property
    def is_open(self) -> bool:
        return self.handshake_complete and not (self.close_sent or self.disconnected or self.transport.is_closing())

    def write(self, frames: bytes) -> None:
        """Sends frames, whether or not the client reads: wait for the outlet where that matters."""
        if self.is_open:
            self.transport.write(frames)

    def end(self, code: int, reason: str) -> None:
        """Closes the connection and says why; as soon as that was read, or after a while."""
        if not self.is_open:
            return
        told = reason.encode()[:LONGEST_REASON].decode(errors="ignore")
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": told})
        self.conn.send_close(code, told)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.outlet.let_go()
        self.transport.resume_reading()  # for the client's word that it knows
        self.read_paused = False
        self.close_timer = self.loop.call_later(CUT_OFF_S, self.transport.close)

    def shutdown(self) -> None:
        super().shutdown()
        self.loop.call_later(1.0, self.transport.abort)

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self.outlet.let_go()

    def pause_writing(self) -> None:
        super().pause_writing()
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self.read_paused:
            self.transport.resume_reading()

    # Every frame counts: pings are answered, and a message may come in any number of empty pieces.

    def handle_ping(self) -> None:
        if self._may_go_on():
            super().handle_ping()

    def handle_cont(self, event: Frame) -> None:
        if self._may_go_on():
            super().handle_cont(event)

    def handle_text(self, event: Frame) -> None:
        if self._may_go_on():
            super().handle_text(event)

    def handle_bytes(self, event: Frame) -> None:
        if self._may_go_on():
            super().handle_bytes(event)

    def _may_go_on(self) -> bool:
        now = self.loop.time()
        if now - self._second >= 1:
            self._second, self._frames = now, 0
        self._frames += 1
        if self._frames > MOST_FRAMES:
            self.end(POLICY_VIOLATED, f"More than {MOST_FRAMES:,} frames within a second.")
        return not self.close_sent


def socket_of(scope: Any) -> Socket:
    found: Socket = scope["extensions"][SOCKET]
    return found
