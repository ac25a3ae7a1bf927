"""The few errors the graph raises. Each message says what was given, what was expected and what to do next."""

from collections.abc import Iterable
from typing import NamedTuple


class FieldgraphError(Exception):
    """Any refusal of the graph; its text is meant for people and safe to show to a client."""


class InvalidInput(FieldgraphError):
    """A question asked in a way that has no meaning: a page size, a date, a filter."""


class InvalidCursor(FieldgraphError):
    """A cursor that was altered, or that belongs to another list or order."""


class NotFound(FieldgraphError):
    """Something named that is not there."""


class IncompatibleAggregation(FieldgraphError):
    """Values that cannot be added were asked to be."""


class Conflict(FieldgraphError):
    """Somebody else changed what was about to be changed."""


class Fault(NamedTuple):
    """One broken rule, and where: the line of a file (from 1; `file` is empty where only one is read) and which of the
    records that begin there (from 0), or, where there is no file, what the write was about ("project:x-1") and the way
    to it in the request. `kind` is the error that it would be if it stood alone."""

    line: int | None
    place: str
    reason: str
    file: str = ""
    path: tuple[str, ...] = ()
    kind: type[FieldgraphError] = InvalidInput
    nth: int = 0

    @property
    def position(self) -> tuple[object, ...]:
        """Where it stands in the input, and among what is wrong there."""
        path = [(int(step), "") if step.isdecimal() else (-1, step) for step in self.path]
        return self.file, self.line or 0, self.nth, path, self.place, self.reason

    def __str__(self) -> str:
        where = self.place if self.line is None else f"line {self.line}"
        return on_one_line(f"{self.file} {where}: {self.reason}".lstrip())


def on_one_line(text: str) -> str:
    """The text with all that does not print escaped: an id may hold line ends, or what a terminal obeys."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


class Refused(FieldgraphError):
    """Changes that break the rules of the vocabulary. Nothing of them was stored.

    `faults` holds all, in the order of the input; the text tells the first thousand and how many more there are.
    """

    MOST = 1_000

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = sorted(faults, key=lambda fault: fault.position)
        told = [str(fault) for fault in self.faults[: self.MOST]]
        if more := len(self.faults) - len(told):
            told.append(f"and {more} more faults")
        super().__init__("\n".join(told))


class StoreError(FieldgraphError):
    """The store cannot be used: not ours, damaged, newer than this program, or not writable.

    The text may say where it is, for those who run it; `public` is what anybody may know.
    """

    def __init__(self, text: str, public: str | None = None) -> None:
        super().__init__(text)
        self.public = public or text


class StoreBusy(StoreError):
    """Another process kept the write lock longer than we were ready to wait."""
