"""HTTP as uvicorn speaks it, with less to do for each answer.

Where the answers are small, what surrounds them is most of the work. Five things of uvicorn are done here in another
way; each was up to a tenth of the time that a small answer takes, on uvloop with eight busy connections:

- It writes the head of an answer and its body one by one, and uvloop sends each at once: `Together` sends what one turn
  of the loop writes in one system call.
- It sets a timer after each answer and takes it back with the next request: `OneTimer` keeps one going.
- It makes a task of each request: `Protocol` runs a POST whose body has come, and makes a task of what is left of it
  if it has to wait.
- It reads the head of each request: one that has come before on a connection is looked up (`api/heads.py`).
- It makes a scope, a cycle and two messages of each request: `Protocol._answer_shortly` has the application answer what
  comes with a head that it knows (`Shortcut`), and makes these only where there is more to tell than a body.

All answers of a turn still leave at its end, not each when it is there: the clients are woken once and ask together
again, which saves more than a task does.
"""

import asyncio
import contextvars
import socket
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Any

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from starlette.types import Receive, Scope, Send
from uvicorn._types import HTTPScope
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from api.heads import AGAIN, Head, Heads, Reply, Shortcut
from api.waiting import resumed

OUTLET = "fieldgraph.outlet"
"""An extension of ASGI: the Outlet of the connection."""

CUT_OFF_S = 5.0
"""Seconds that a client has to read what was sent before its connection was closed."""

HELD = 1 << 15
"""Bytes that wait here for such a client, from which on nothing more is written."""

SEND_BUFFER = 1 << 18
"""Bytes that the system holds for a client of a stream that does not read. By itself Linux lets that grow to 4 MB."""

INVALID = "Invalid HTTP request received."
UPGRADING = (b"upgrade", b"connection", b"http2-settings")
LONGEST_ADDRESS = 65_535
"""Bytes of an address that the parser takes."""


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


class Outlet:
    """The way out to one client: whether it reads what it is sent, and how to part from one that does not.

    `writable` is set while what is written leaves; `resume` has it be set. `is_endless` while an answer is written
    that has no end: who closes its own side then wants no more of it.
    """

    is_endless = False

    def __init__(self, transport: Together, writable: asyncio.Event, resume: Callable[[], None]) -> None:
        self._transport = transport
        self._writable = writable
        self._resume = resume

    @property
    def is_free(self) -> bool:
        return self._writable.is_set()

    async def drained(self, within_s: float) -> bool:
        """Waits until the client has read enough, or is gone; says whether it has."""
        try:
            async with asyncio.timeout(within_s):
                await self._writable.wait()
        except TimeoutError:
            return False
        return True

    def hold_little(self) -> None:
        """Has the system hold no more than SEND_BUFFER, and this process far less: so a client that is too slow is
        known for it early."""
        self._transport.set_write_buffer_limits(HELD)
        with suppress(OSError):  # of a connection that is gone
            self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)

    def cut(self) -> None:
        """Cuts the connection off at once, so that nobody takes for whole what was sent."""
        self._transport.abort()

    def let_go(self) -> None:
        """Lets the last words pass, whether they are read or not; the connection is cut off if they are not soon."""
        self._resume()
        asyncio.get_running_loop().call_later(CUT_OFF_S, self._transport.abort)


class OneTimer:
    """A loop whose `call_later` serves one purpose, with one delay, by one timer: to set and take it back costs little.
    It is its own handle. When the timer fires too early, because it was set again meanwhile, it waits for the rest."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._timer: asyncio.TimerHandle | None = None
        self._due: float | None = None
        self._callback: Callable[[], object] = lambda: None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)

    def call_later(self, delay: float, callback: Callable[[], object]) -> "OneTimer":
        if self._due is not None:
            raise RuntimeError("This timer is set already.")
        self._due = self._loop.time() + delay
        self._callback = callback
        if self._timer is None:
            self._timer = self._loop.call_later(delay, self._fire)
        return self

    def cancel(self) -> None:
        self._due = None

    def _fire(self) -> None:
        self._timer = None
        if self._due is None:
            return
        left = self._due - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(left, self._fire)
        else:
            self._due = None
            self._callback()


async def address_too_long(scope: Scope, receive: Receive, send: Send) -> None:
    told = f"The address is longer than {LONGEST_ADDRESS:,} bytes. Send the request by POST."
    body = b'{"errors":[{"message":"%b","extensions":{"code":"BAD_USER_INPUT"}}]}' % told.encode()
    headers = [
        (b"content-type", b"application/json; charset=utf-8"),
        (b"x-content-type-options", b"nosniff"),
        (b"cache-control", b"no-store"),
        (b"content-length", b"%d" % len(body)),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 414, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _take(cycle: RequestResponseCycle, head: Head, send: Send, shortcut: Shortcut) -> None:
    """Has a shortcut answer what comes with this head, unless somebody stands between who wants to add to answers."""
    if send == cycle.send:
        head.shortcut = shortcut


async def _rest(running: Coroutine[Any, Any, Reply], awaited: Any) -> Reply:
    reply: Reply = await resumed(running, awaited)
    return reply


async def _same(reply: Reply) -> Reply:
    return reply


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol over such a transport, with such a timer."""

    _reading = False
    _within = False
    """Whether a part of a request has come, and more of it must follow."""

    _opened: tuple[RequestResponseCycle, Any] | None = None
    """The request whose head has come in what is being read."""

    _every: list[tuple[bytes, bytes]] | None = None
    _begin = b""
    """With what an answer of status 200 begins, and from which headers of every answer that was made."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._together = Together(transport, self.loop)
        self.loop = OneTimer(self.loop)  # type: ignore[assignment]
        super().connection_made(self._together)  # type: ignore[arg-type]
        self._outlet = Outlet(self._together, self.flow._is_writable_event, self.flow.resume_writing)
        self._heads = Heads()

    def eof_received(self) -> bool:  # type: ignore[override]
        """The client sends no more, but may still read: what it has asked for is answered. Says whether to wait."""
        self._together.flush()
        last: RequestResponseCycle | None = self.cycle
        if last is None or last.response_complete or last.more_body or self._outlet.is_endless:
            return False
        last.keep_alive = False  # its answer, which comes after all others, closes the connection
        return True

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        last: RequestResponseCycle | None = self.cycle
        is_first = not self._within and (last is None or last.response_complete)
        if is_first and (known := self._heads.read(data)):
            head, body = known
            if head.shortcut is not None and not self.flow.write_paused:
                self._answer_shortly(head.shortcut, head, body)
            else:
                self._open(head.scope, body)
                self._answer(self.cycle, self.app, head)
            return
        self._reading = True
        try:
            self._feed(data)
        finally:
            self._reading = False
            opened, self._opened = self._opened, None
        if opened is not None and not self.transport.is_closing():
            cycle, app = opened
            if cycle.more_body or cycle.scope["method"] != "POST":
                cycle.scope["extensions"] = {OUTLET: self._outlet}  # type: ignore[dict-item]
                self._start_asgi_task(cycle, app)
                return
            self._answer(cycle, app, self._heads.learn(data, cycle) if is_first and app is self.app else None)

    def _open(self, scope: HTTPScope, body: bytes) -> None:
        """Begins a request that is whole, as the parser would have it begun."""
        scope["state"] = self.app_state.copy()
        self.cycle = RequestResponseCycle(
            scope=scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=True,
            on_response=self.on_response_complete,
        )
        self.cycle.body += body
        self.cycle.more_body = False
        self.cycle.message_event.set()

    def _answer(self, cycle: RequestResponseCycle, app: Any, head: Head | None) -> None:
        """Runs a POST whose body has come."""
        offered: dict[str, Any] = {OUTLET: self._outlet}
        if head is not None and not self.access_log:
            offered[AGAIN] = partial(_take, cycle, head)
        cycle.scope["extensions"] = offered
        self._start_at_once(cycle.run_asgi(app), contextvars.copy_context())

    def _answer_shortly(self, shortcut: Shortcut, head: Head, body: bytes) -> None:
        """Answers a request by what answers its head. One that has to wait, or of whose answer there is more to say
        than its body, is from there on a request as any other."""
        running, context = shortcut.reply(body), contextvars.copy_context()
        waiting: Coroutine[Any, Any, Reply]
        try:
            waiting = _rest(running, context.run(running.send, None))
        except StopIteration as done:
            if done.value.body is not None:
                self._write_whole(shortcut.lines, done.value.body)
                return
            waiting = _same(done.value)

        async def rest(scope: Any, receive: Any, send: Any) -> None:
            await (await waiting).send(send)

        self._open(head.scope, b"")
        self._start_at_once(self.cycle.run_asgi(rest), context)

    def _write_whole(self, lines: bytes, body: bytes) -> None:
        """Writes an answer of status 200: these header lines and those of every answer, its length, its body."""
        every = self.server_state.default_headers  # another one each second, for the date
        if every is not self._every:
            self._every = every
            self._begin = STATUS_LINE[200] + b"".join(b"%b: %b\r\n" % header for header in every)
        self.transport.write(b"%b%bcontent-length: %d\r\n\r\n" % (self._begin, lines, len(body)))
        self.transport.write(body)
        self.on_response_complete()

    def _feed(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except HttpParserError:
            self.logger.warning(INVALID)
            self.send_400_response(INVALID)
        except HttpParserUpgrade as upgrade:
            rest = data[upgrade.args[0] :]
            if self._wants_websocket():
                self.handle_websocket_upgrade()
                if rest:
                    self.transport.get_protocol().data_received(rest)  # type: ignore[attr-defined]
            else:
                self._feed_without_upgrade(rest)

    def _wants_websocket(self) -> bool:
        """Whether the head that was read asks for a WebSocket, and one is spoken here."""
        is_get: bool = self.parser.get_method() == b"GET"
        return is_get and self._should_upgrade()

    def _feed_without_upgrade(self, rest: bytes) -> None:
        """No other protocol than WebSocket is spoken here, so the wish for one is passed over (RFC 9110, 7.8): the head
        is read again without it, then what comes after. Else the parser would take the body for another protocol's."""
        method: bytes = self.parser.get_method()
        if method == b"CONNECT":
            self.send_400_response(INVALID)
            return
        head = [b"%b %b HTTP/%b\r\n" % (method, self.url, self.parser.get_http_version().encode())]
        head += [b"%b: %b\r\n" % header for header in self.headers if header[0] not in UPGRADING]
        self.parser = HttpRequestParser(self)
        self._feed(b"".join([*head, b"\r\n", rest]))

    def on_message_begin(self) -> None:
        self._within = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        if self.parser.should_upgrade():
            if self._wants_websocket():
                super().on_headers_complete()  # notes what the WebSocket's protocol is told
            return
        if len(self.url) <= LONGEST_ADDRESS:
            super().on_headers_complete()
            return
        app, self.app, self.url = self.app, address_too_long, b"/"
        super().on_headers_complete()
        self.app = app

    def on_message_complete(self) -> None:
        self._within = False
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        if self._reading:
            self._opened = cycle, app  # its body may be in what is being read
        else:
            super()._start_asgi_task(cycle, app)

    def _start_at_once(self, running: Coroutine[Any, Any, None], context: contextvars.Context) -> None:
        """Runs it up to where it waits; as there is no task until then, it must not ask for the current one before."""
        try:
            awaited = context.run(running.send, None)
        except StopIteration:
            return
        task = self.loop.create_task(resumed(running, awaited), context=context)
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)
