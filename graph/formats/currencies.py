"""Currencies by their codes in ISO 4217."""

from functools import cache

import pycountry

NO_CURRENCY = "unknown currency"
"""The unit of an amount of which no currency is stated: such amounts are never added."""


def currency(word: str) -> str | None:
    """The ISO 4217 code that a word is, whatever its case.

    >>> currency("usd"), currency("dollars")
    ('USD', None)
    """
    code = word.upper()
    return code if code in _codes() else None


@cache
def _codes() -> frozenset[str]:
    return frozenset(each.alpha_3 for each in pycountry.currencies)
