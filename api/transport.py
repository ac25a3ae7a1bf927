"""HTTP as uvicorn speaks it, with less to do for each answer.

Where the answers are small, what surrounds them is most of the work. Three things of uvicorn are done here in another
way; each was a tenth or more of the time that a small answer takes, on uvloop with eight busy connections:

- It writes the head of an answer and its body one by one, and uvloop sends each at once: `Together` sends what one turn
  of the loop writes in one system call.
- It sets a timer after each answer and takes it back with the next request: `OneTimer` keeps one going.
- It makes a task of each request: `Protocol` runs a POST whose body has come, and makes a task of what is left of it
  if it has to wait.

All answers of a turn still leave at its end, not each when it is there: the clients are woken once and ask together
again, which saves more than a task does.
"""

import asyncio
import contextvars
from collections.abc import Callable, Coroutine
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from api.waiting import resumed


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


class OneTimer:
    """A loop whose `call_later` serves one purpose at a time, by one timer: to set and take it back costs nothing. It
    is its own handle. When the timer fires too early, because it was set again meanwhile, it waits for the rest."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._timer: asyncio.TimerHandle | None = None
        self._due: float | None = None
        self._callback: Callable[[], object] = lambda: None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)

    def call_later(self, delay: float, callback: Callable[[], object]) -> "OneTimer":
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


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol over such a transport, with such a timer."""

    _reading = False
    _opened: tuple[RequestResponseCycle, Any] | None = None
    """The request whose head has come in what is being read."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._together = Together(transport, self.loop)
        self.loop = OneTimer(self.loop)  # type: ignore[assignment]
        super().connection_made(self._together)  # type: ignore[arg-type]

    def eof_received(self) -> None:
        # The client sends no more, but may still read: the loop closes the transport when this returns.
        self._together.flush()
        super().eof_received()

    def data_received(self, data: bytes) -> None:
        self._reading = True
        super().data_received(data)
        self._reading = False
        if self._opened is not None:
            (cycle, app), self._opened = self._opened, None
            if cycle.more_body or cycle.scope["method"] != "POST":
                self._start_asgi_task(cycle, app)
            else:
                self._start_at_once(cycle.run_asgi(app))

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        if self._reading:
            self._opened = cycle, app  # its body may be in what is being read
        else:
            super()._start_asgi_task(cycle, app)

    def _start_at_once(self, running: Coroutine[Any, Any, None]) -> None:
        """Runs it up to where it waits; as there is no task until then, it must not ask for the current one before."""
        context = contextvars.copy_context()
        try:
            awaited = context.run(running.send, None)
        except StopIteration:
            return
        task = self.loop.create_task(resumed(running, awaited), context=context)
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)
