"""Comparing values: text without case and accents, partial dates as spans of days."""

import re
import unicodedata
from calendar import monthrange
from functools import lru_cache
from typing import Annotated

import msgspec

PARTIAL_DATE = r"^[0-9]{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?)?\Z"

PartialDate = Annotated[str, msgspec.Meta(pattern=PARTIAL_DATE)]
"""What is known of a date: "2023", "2023-11" or "2023-11-05" (EDTF level 0).

As text such dates already stand in their order: by the start of their span, a longer span before a shorter one.
"""

_is_partial_date = re.compile(PARTIAL_DATE).match


LONGEST_KEPT = 200
"""Longer texts are folded anew each time: what is remembered of texts must be bounded in size, not only in number."""


def fold(text: str) -> str:
    """The text without case and accents, as text is compared, ordered and searched."""
    return _fold(text) if len(text) <= LONGEST_KEPT else _fold.__wrapped__(text)


@lru_cache(maxsize=65_536)
def _fold(text: str) -> str:
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(char for char in decomposed if not unicodedata.combining(char)).casefold()


def is_partial_date(text: str) -> bool:
    """Whether the text is a date that exists, to whatever precision: "2023-02-30" is not."""
    if not _is_partial_date(text) or text.startswith("0000"):
        return False
    return len(text) < 10 or int(text[8:]) <= monthrange(int(text[:4]), int(text[5:7]))[1]


@lru_cache(maxsize=65_536)
def span(date: str) -> tuple[str, str]:
    """The first and the last day of a partial date, both as "YYYY-MM-DD".

    >>> span("2024-02")
    ('2024-02-01', '2024-02-29')
    """
    if len(date) == 4:
        return f"{date}-01-01", f"{date}-12-31"
    if len(date) == 7:
        return f"{date}-01", f"{date}-{monthrange(int(date[:4]), int(date[5:]))[1]}"
    return date, date
