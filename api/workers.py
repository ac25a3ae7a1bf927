"""Serving from several processes: this one starts the workers, replaces those that end, and ends them all.

They share one listening socket: whoever is free takes the next connection. Each opens the store and follows it as a
single process does, so there is nothing between them that could go stale.

uvicorn's own supervisor does not fit: it learns of a worker only that it lives, so a store that cannot be opened could
not be told; workers outlive it when it is killed; and at the end it waits for ever for one that is stuck.
"""

import logging
import multiprocessing
import os
import pkgutil
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from typing import NamedTuple

from api.errors import CannotServe
from api.server import GRACE_S
from api.settings import Settings
from api.telemetry import configure_logging
from graph.errors import FieldgraphError

PAUSE_S = 5.0
"""Seconds before a worker is started in the place of one that could not even start, which may well happen again."""

END_S = GRACE_S + 1  # seconds beyond the time to finish in; a worker that is stuck ends itself a second earlier

Serve = Callable[[Settings, socket.socket, Callable[[str], None]], None]
"""Serves until SIGTERM, and says in a line what it serves once it answers."""

logger = logging.getLogger("fieldgraph")

# Not fork: a copy of a process that has threads may hang, and on macOS one that has looked up an address.
_spawn = multiprocessing.get_context("spawn")


class Said(NamedTuple):
    """What a worker tells of its start: that it answers and what it serves, or why it cannot."""

    answers: bool
    text: str


def supervise(serve: str, settings: Settings, listener: socket.socket, announce: Callable[[str], None]) -> None:
    """Serve from `settings.workers` processes until SIGINT or SIGTERM.

    `serve` names what each of them does, a `Serve`, as "module:function": a function itself could not be sent to them
    from the module that Python was started with.

    `announce` gets what the first worker says. Raises CannotServe if that one cannot start; exits with 1 if a worker
    had to be cut off at the end.
    """
    crew = Crew(lambda: Worker(serve, settings, listener), settings.workers, announce)
    with _signals() as signals:
        try:
            crew.start()
            while signals not in (ready := wait([signals, *crew.workers], crew.pause())):
                crew.attend([crew.workers[pipe] for pipe in ready if isinstance(pipe, Connection)])
                crew.start()
            signals.recv(64)
        finally:
            listener.close()  # or whoever connects from now on would wait for nobody
            all_finished = crew.end(signals, settings.shutdown_timeout + END_S)
    if not all_finished:
        sys.exit(1)


class Worker:
    """A process that serves, seen from the one that started it."""

    def __init__(self, serve: str, settings: Settings, listener: socket.socket) -> None:
        self.answers = False
        self.fault: str | None = None
        self.pipe, theirs = _spawn.Pipe(duplex=False)
        # The settings go along as they are, so the worker reads neither environment nor command line.
        self._process = _spawn.Process(target=_work, args=(serve, settings, listener, theirs), daemon=True)
        # A terminal sends Ctrl+C to workers too, which hold it back until uvicorn listens; here it waits its turn.
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        try:
            self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
        theirs.close()

    @property
    def id(self) -> int | None:
        return self._process.pid

    def hear(self) -> Said | None:
        """What the worker says, or None if it has ended: its end of the pipe closes with it, however it ends."""
        try:
            said: Said = self.pipe.recv()
        except (EOFError, OSError):
            return None
        self.answers = said.answers
        self.fault = None if said.answers else said.text
        return said

    def tell(self, sig: int) -> None:
        if self._process.pid is not None and self._process.exitcode is None:
            os.kill(self._process.pid, sig)

    def exit_code(self) -> int | None:
        """Waits for the end of the process, which is near."""
        self._process.join()
        self.pipe.close()
        return self._process.exitcode


class Crew:
    """The workers, each by its pipe, and when the next are to be started.

    The first is alone until it answers: it seeds an empty store, and finds out what else would stop them all.
    """

    def __init__(self, recruit: Callable[[], Worker], count: int, announce: Callable[[str], None]) -> None:
        self.workers: dict[Connection, Worker] = {}
        self._recruit = recruit
        self._count = count
        self._announce = announce
        self._has_served = False
        self._due = [time.monotonic()]

    def pause(self) -> float | None:
        """Seconds until a worker is to be started."""
        return max(0.0, min(self._due) - time.monotonic()) if self._due else None

    def start(self) -> None:
        """Starts the workers whose time has come."""
        now = time.monotonic()
        for _ in [due for due in self._due if due <= now]:
            worker = self._recruit()
            self.workers[worker.pipe] = worker
        self._due = [due for due in self._due if due > now]

    def attend(self, workers: Sequence[Worker]) -> None:
        """Takes in what these workers say, or that they have ended."""
        for worker in workers:
            said = worker.hear()
            if said is None:
                self._replace(worker)
            elif said.answers:
                self._take_on(worker, said.text)

    def _take_on(self, worker: Worker, text: str) -> None:
        logger.info("worker %s answers", worker.id)
        if not self._has_served:
            self._has_served = True
            self._announce(text)
            self._due += [time.monotonic()] * (self._count - 1)

    def _replace(self, worker: Worker) -> None:
        del self.workers[worker.pipe]
        code = worker.exit_code()
        if not self._has_served:
            raise CannotServe(worker.fault or f"The service ended with exit code {code} before it could answer.")
        pause = 0.0 if worker.answers else PAUSE_S
        why = worker.fault or f"exit code {code}"
        logger.warning("worker %s ended, and in %.0f s another takes its place: %s", worker.id, pause, why)
        self._due.append(time.monotonic() + pause)

    def end(self, signals: socket.socket, within_s: float) -> bool:
        """Ends all workers, and hands on Ctrl+C, which waits for nobody. Says whether none had to be cut off."""
        deadline = time.monotonic() + within_s
        self._tell(signal.SIGTERM)
        codes: list[int | None] = []
        while self.workers:
            ready = wait([signals, *self.workers], max(0.0, deadline - time.monotonic()))
            if not ready:
                self._tell(signal.SIGKILL)
                deadline += within_s
            if signals in ready and signal.SIGINT in signals.recv(64):
                self._tell(signal.SIGINT)
            for worker in [self.workers[pipe] for pipe in ready if isinstance(pipe, Connection)]:
                if worker.hear() is None:
                    del self.workers[worker.pipe]
                    codes.append(worker.exit_code())
        return not {1, -signal.SIGKILL} & set(codes)

    def _tell(self, sig: int) -> None:
        for worker in self.workers.values():
            worker.tell(sig)


@contextmanager
def _signals() -> Iterator[socket.socket]:
    """A socket that can be read when SIGINT or SIGTERM has come: a byte for each, its number."""
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
    before = {sig: signal.signal(sig, lambda *_: None) for sig in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield ours
    finally:
        for sig, handler in before.items():
            signal.signal(sig, handler)
        signal.set_wakeup_fd(-1)
        ours.close()
        theirs.close()


def _work(name: str, settings: Settings, listener: socket.socket, pipe: Connection) -> None:
    """What a worker does."""

    def say(answers: bool, text: str) -> None:
        with suppress(BrokenPipeError):  # nobody is left to hear it
            pipe.send(Said(answers, text))

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    threading.Thread(target=_end_with_parent, daemon=True).start()
    configure_logging(settings)
    serve: Serve = pkgutil.resolve_name(name)
    try:
        serve(settings, listener, lambda text: say(True, text))
        return
    except FieldgraphError as error:
        say(False, str(error))
    sys.exit(1)  # without the error, whose traceback holds what is to be closed


def _end_with_parent() -> None:
    """Ends this process in the ordinary way when its parent is gone, even killed."""
    if parent := multiprocessing.parent_process():
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)
