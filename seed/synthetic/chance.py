"""Chance as it is in life: a few have most, much is not known, dates are known to a day, a month or a year."""

from collections.abc import Callable, Iterable, Sequence
from random import Random
from typing import Any, TypeVar

T = TypeVar("T")

UNEVEN = (0.0, 0.5, 0.5, 1.0, 3.0)
"""Some have none and some have many; one on average."""

YEARS = range(2000, 2025)


class Chance:
    """Draws that the seed settles. All rest on one function, as most are drawn millions of times."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed).random

    def pick(self, values: Sequence[T]) -> T:
        return values[int(self.random() * len(values))]

    def hub(self, size: int, steepness: int) -> int:
        """A number below `size`; with a steepness above 1 the first are drawn far more often (a power law)."""
        return int(size * self.random() ** steepness)

    def maybe(self, probability: float, **attributes: Any) -> dict[str, Any]:
        """The attributes, or nothing of them."""
        return attributes if self.random() < probability else {}

    def several(self, mean: float, draw: Callable[[], T]) -> Iterable[T]:
        """What is drawn, each once: unevenly many, and `mean` on average where there are enough to draw from."""
        wanted = int(mean * self.pick(UNEVEN) + self.random())
        drawn: dict[T, None] = {}
        for _ in range(4 * wanted):
            drawn[draw()] = None
            if len(drawn) == wanted:
                break
        return drawn

    def year(self) -> int:
        return self.pick(YEARS)

    def date(self, year: int) -> str:
        """A date in the year, as precise as it is known."""
        drawn = self.random()
        if drawn < 0.3:
            return f"{year}"
        month = self.hub(12, 1) + 1
        return f"{year}-{month:02d}" if drawn < 0.6 else f"{year}-{month:02d}-{self.hub(28, 1) + 1:02d}"

    def magnitude(self) -> int:
        """A number from one to a million, small ones as often as large ones."""
        return int(10 ** (6 * self.random()))

    def degrees(self, most: int) -> float:
        return round(most * (2 * self.random() - 1), 4)
