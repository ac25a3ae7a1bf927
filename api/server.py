"""Serving the application on a socket until a signal ends it, on uvicorn."""

import ctypes
import errno
import gc
import os
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from api.errors import CannotListen
from api.settings import Settings
from api.sockets import Socket
from api.transport import Protocol

BACKLOG = 2048  # connections that wait to be accepted
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of mallopt(3)
COLLECTED = 1_500, 10, 60  # thresholds of the garbage collector, of its three generations
ONE_PRESS_S = 0.5  # seconds within which all signals come that one Ctrl+C sends
GRACE_S = 1.5  # seconds beyond the time to finish in, after which the process ends all the same


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens, so that an address that cannot be had is known before anything is loaded.

    Raises CannotListen.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:
        raise CannotListen(f"{host!r} is no address of this machine. Give another one with --host.") from error
    try:
        if os.name == "posix":  # elsewhere it would let two programs have one port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise CannotListen(_why(error, host, port)) from error
    listener.setblocking(False)
    return listener


def url_of(listener: socket.socket) -> str:
    """The address of the service, as a browser wants it."""
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def keep_freed_memory() -> None:
    """Has the C library keep blocks of up to 32 MB that were freed, as far as it knows how to.

    By itself glibc maps each block of over 128 kB anew and gives it back: of an answer of 1.7 MB more than a third of
    the time went to the kernel, which clears the pages.
    """
    with suppress(OSError, AttributeError, TypeError):  # another C library, or none that can be asked
        mallopt = ctypes.CDLL(None).mallopt
        for parameter, size in ((M_MMAP_THRESHOLD, 32 << 20), (M_TRIM_THRESHOLD, 128 << 20)):
            mallopt(parameter, size)


def collect_seldom() -> None:
    """Has the garbage collector leave alone what stands when the service starts, and go through all else seldom.

    Hardly anything that requests leave behind is in cycles, but the documents and plans that are remembered are
    hundreds of thousands of objects. As Python has it, going through all of them took a third of the time of texts
    never seen before, 0.2 s at a stretch; now it is a tenth of that. What cycles are forgotten in between, those of
    documents that were displaced, is some 70 MB at most.
    """
    gc.set_threshold(*COLLECTED)
    gc.freeze()


def serve(
    app: ASGIApp,
    listener: socket.socket,
    settings: Settings,
    *,
    announce: Callable[[str], None] = lambda url: None,
    ending: Callable[[], None] = lambda: None,
) -> None:
    """Serve until SIGINT or SIGTERM; `announce` gets the address as soon as requests are answered, and `ending` is
    called when no more are taken, to end what would go on for ever.

    Requests under way have `settings.shutdown_timeout` seconds to finish in.
    """
    keep_freed_memory()
    collect_seldom()
    server = Server(config_of(app, settings), lambda: announce(url_of(listener)), ending)
    try:
        server.run(sockets=[listener])
    finally:
        server.last_resort.cancel()


def config_of(app: ASGIApp, settings: Settings) -> uvicorn.Config:
    """How uvicorn is to serve."""
    return uvicorn.Config(
        app,
        http=Protocol,
        ws=Socket,
        ws_max_size=settings.max_body,
        ws_per_message_deflate=False,  # it takes up to 300 kB for each connection, and time for each that is told
        lifespan="on",
        log_config=None,
        access_log=settings.access_log,
        server_header=False,
        proxy_headers=False,  # nobody's word is taken for where a request came from
        backlog=BACKLOG,
        # uvicorn hands it to asyncio.wait_for, which takes fractions.
        timeout_graceful_shutdown=settings.shutdown_timeout,  # type: ignore[arg-type]
    )


class Server(uvicorn.Server):
    """uvicorn, but it says when it is ready, and a signal that it obeyed is not raised again: that ends with exit 0."""

    def __init__(
        self, config: uvicorn.Config, on_ready: Callable[[], None], on_end: Callable[[], None] = lambda: None
    ) -> None:
        super().__init__(config)
        self._on_ready = on_ready
        self._on_end = on_end
        self._told_at = 0.0
        # A question that takes too long holds the loop, and with it uvicorn's own time-out.
        self.last_resort = threading.Timer((config.timeout_graceful_shutdown or 0) + GRACE_S, os._exit, (1,))
        self.last_resort.daemon = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._on_end()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # uvicorn's own method keeps the signal and raises it once more at the end. The second Ctrl+C waits for nobody;
        # but the first may come twice, from the terminal and in other words from the process that started this one.
        if self.should_exit:
            is_again = sig == signal.SIGINT and monotonic() - self._told_at > ONE_PRESS_S
            self.force_exit = self.force_exit or is_again
            return
        self.should_exit = True  # first: another signal may come while the thread starts
        self._told_at = monotonic()
        self.last_resort.start()


def _why(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} of {host} is in use by another program. Stop it, or give another port with --port."
    if error.errno == errno.EACCES:
        return f"This user may not serve on port {port}. Give one from 1024 on with --port."
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{host!r} is no address of this machine. Give another one with --host."
    return f"Cannot serve on port {port} of {host}: {error.strerror}. Give another --host or --port."
