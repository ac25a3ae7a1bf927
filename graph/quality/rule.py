"""What a rule is: a line of the table in graph/quality/table.py."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from graph.quality.view import View
from graph.vocabulary import FindingSeverity

MOST_NAMED = 50
"""So many entities are named by one finding; its message tells how many there are."""

MOST_TOLD = 5
"""So many of a list are told in a message."""


class Found(NamedTuple):
    """Whom a rule found, by id, and what of it; `details` are what the rule's `tell` takes after the ids."""

    ids: tuple[str, ...]
    details: tuple[Any, ...] = ()


class Rule(NamedTuple):
    """What it is called, how bad its findings are, what is wrong in general and what to do about it.

    `over` gives what it looks at one by one, and `find` what is wrong with one of them. What it finds about the same
    entities becomes one finding, which `tell` tells part by part: only those that somebody reads, as there may be
    more findings than entities.
    """

    name: str
    severity: FindingSeverity
    finds: str
    advice: str
    over: Callable[[View], Iterable[Any]]
    find: Callable[[Any, View], Iterator[Found]]
    tell: Callable[..., str]

    def message(self, ids: Sequence[str], details: Iterable[tuple[Any, ...]]) -> str:
        told = sorted({self.tell(ids, *some) for some in details})
        return f"{'; '.join(told)}. {self.advice}"


def several(told: Iterable[str]) -> str:
    """A list as a message has it: its first few."""
    texts = list(told)
    more = len(texts) - MOST_TOLD
    return ", ".join(texts[:MOST_TOLD]) + (f" and {more:,} more" if more > 0 else "")


def number(value: float) -> str:
    """A number as people write it."""
    return f"{int(value):,}" if float(value).is_integer() and abs(value) < 1e15 else repr(value)
