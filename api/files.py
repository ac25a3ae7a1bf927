"""Files of the command: written whole or not at all, read from where they are, with progress on a terminal."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from io import RawIOBase, UnsupportedOperation
from pathlib import Path
from stat import S_ISREG
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO, cast

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from graph.errors import FieldgraphError

STREAM = Path("-")
"""Stands for standard input or output."""

KEPT_IN_MEMORY = 16 * 2**20
"""Bytes of standard input from which on it is kept on disk while it is read."""


class CannotTransfer(FieldgraphError):
    """A file that cannot be read or written."""


@contextmanager
def reading(path: Path) -> Iterator[BinaryIO]:
    """A file that can be read more than once, from its beginning; what comes through a pipe is kept meanwhile."""
    with ExitStack() as held:
        try:
            source = _opened(path, held)
        except OSError as error:
            raise unreadable(path, error) from error
        yield source


def _opened(path: Path, held: ExitStack) -> BinaryIO:
    source = held.enter_context(os.fdopen(0, "rb", closefd=False) if path == STREAM else path.open("rb"))
    if path != STREAM and path.is_file():
        source.peek(1)  # a disk that fails is told here
        return source
    kept = held.enter_context(SpooledTemporaryFile(KEPT_IN_MEMORY))  # noqa: SIM115  # it is entered
    shutil.copyfileobj(source, kept)
    kept.seek(0)
    return cast(BinaryIO, kept)


def unreadable(path: Path, error: OSError) -> CannotTransfer:
    return CannotTransfer(f"{path} cannot be read: {error.strerror}. Nothing was stored.")


class Watched(RawIOBase):
    """A stream of which each step forward moves a bar."""

    def __init__(self, stream: BinaryIO, advance: "Advance") -> None:
        self._stream = stream
        self._advance = advance

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        taken = self._stream.read(len(buffer))
        buffer[: len(taken)] = taken
        self._advance(len(taken))
        return len(taken)


@contextmanager
def writing(path: Path) -> Iterator[BinaryIO]:
    """A file that appears whole or not at all, or, where that cannot be, the pipe, the device or standard output."""
    try:
        with _target(path) as out:
            yield out
    except BrokenPipeError:
        raise  # whoever read it has gone, as `head` does: nobody is left to be told
    except OSError as error:
        name = "standard output" if path == STREAM else path
        raise CannotTransfer(f"{name} cannot be written: {error.strerror}. Name another file.") from error


def settle(out: BinaryIO) -> None:
    """Has what was written to a file arrive where it goes, so that it is known whether it does."""
    out.flush()
    with suppress(UnsupportedOperation):  # of what is no file of the system
        if S_ISREG(os.fstat(out.fileno()).st_mode):
            os.fsync(out.fileno())


def _target(path: Path) -> AbstractContextManager[BinaryIO]:
    if path == STREAM:
        return _standard_output()
    if path.exists() and not path.is_file():
        return path.open("wb")  # a pipe or a device must not make way for a file
    return _replacing(path.resolve() if path.exists() else path)


@contextmanager
def _standard_output() -> Iterator[BinaryIO]:
    try:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    except OSError:
        # Python would write what is left once more on closing it, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    draft = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with draft.open("wb") as out:
            if path.exists():
                draft.chmod(path.stat().st_mode)  # what was private stays so
            yield out
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def progress(title: str, total: int | None) -> Iterator["Advance"]:
    """A bar on standard error if that is a terminal; nothing in a pipe."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        yield Advance(bar, title, total)


class Advance:
    """Moves a bar on, seldom enough to cost nothing."""

    STEPS = 200

    def __init__(self, bar: Progress, title: str, total: int | None) -> None:
        self._bar = bar
        self._task = bar.add_task(title, total=total)
        self._step = max(1, (total or 1_000_000) // self.STEPS)
        self._pending = 0

    def __call__(self, amount: int) -> None:
        self._pending += amount
        if self._pending >= self._step:
            self._bar.advance(self._task, self._pending)
            self._pending = 0
