"""Shares of one whole, in percent: of countries and regions, of sectors."""

from collections.abc import Sequence
from math import fsum

from graph.formats.cells import shown
from graph.formats.iati.words import Notes, code_of, number
from graph.formats.xml import Element

ROUNDED = 0.5
"""So far from 100 they may come to, each being rounded."""


def share(element: Element, notes: Notes) -> float | None:
    given = code_of(element, "percentage")
    value = number(given.removesuffix("%").strip())
    if value is None:
        if given:
            notes.fault(element, f"percentage is {shown(given)}, expected a number, as 25 or 33.3. Correct it")
        return None
    if not 0 <= value <= 100:
        notes.remark(element, f"percentage is {given}, which no share of a whole is: kept as given")
    return value


def total(elements: Sequence[Element]) -> float | None:
    """What the shares come to; None where there are none."""
    given = [number(code_of(each, "percentage").removesuffix("%").strip()) for each in elements]
    shares = [each for each in given if each is not None]
    return fsum(shares) if shares else None


def is_whole(elements: Sequence[Element]) -> bool:
    """Whether nothing is known against them being the whole."""
    known = total(elements)
    return known is None or abs(known - 100) <= ROUNDED


def check_shares(elements: Sequence[Element], what: str, notes: Notes) -> None:
    """Shares that do not come to the whole are told of."""
    if not is_whole(elements):
        notes.remark(elements[0], f"the percentages of {what} come to {total(elements):g}, not 100: kept as given")
