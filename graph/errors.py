"""The few errors the graph raises. Each message says what was given, what was expected and what to do next."""

from collections.abc import Sequence
from typing import NamedTuple


class FieldgraphError(Exception):
    """Any refusal of the graph; its text is meant for people and safe to show to a client."""


class InvalidInput(FieldgraphError):
    """A question asked in a way that has no meaning: a page size, a date, a filter."""


class InvalidCursor(FieldgraphError):
    """A cursor that was altered, or that belongs to another list or order."""


class NotFound(FieldgraphError):
    """Something named that is not there."""


class Conflict(FieldgraphError):
    """Somebody else changed what was about to be changed."""


class Fault(NamedTuple):
    """One broken rule. `line` counts from 1 in a file, or is None where there is no file; `place` names the
    change otherwise ("project:x-1")."""

    line: int | None
    place: str
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}" if self.line is not None else f"{self.place}: {self.reason}"


class Refused(FieldgraphError):
    """Changes that break the rules of the vocabulary. Nothing of them was stored.

    `faults` holds the first thousand in the order of the input; `uncounted` is how many more there were.
    """

    def __init__(self, faults: Sequence[Fault], uncounted: int = 0) -> None:
        self.faults = list(faults)
        self.uncounted = uncounted
        lines = [str(fault) for fault in self.faults]
        if uncounted:
            lines.append(f"and {uncounted} more faults")
        super().__init__("\n".join(lines))


class StoreError(FieldgraphError):
    """The store cannot be used: not ours, damaged, newer than this program, or not writable."""


class StoreBusy(StoreError):
    """Another process kept the write lock longer than we were ready to wait."""
