"""Rows of CSV (RFC 4180, UTF-8 without a byte order mark), safe to open in a spreadsheet.

A spreadsheet computes what begins with one of = + - @, whoever wrote it there. So before such a text, and before one
that begins with an apostrophe and then such a character, stands one more apostrophe, which is to be taken away again by
whoever reads the file otherwise. An empty text is written "", and what is unknown as nothing.
"""

import re
from collections.abc import Iterable

_is_computed = re.compile(r"'*[=+\-@\t\r]").match
_needs_quotes = re.compile(r'[",\r\n]|^\s|\s$|^$').search


def row(cells: Iterable[str | int | float | None]) -> bytes:
    """A line of cells: texts, numbers, and None for what is unknown."""
    return (",".join(map(_cell, cells)) + "\r\n").encode()


def guarded(text: str) -> str:
    """The text as no spreadsheet computes it.

    >>> guarded("=1+1"), guarded("'=1"), guarded("'Amran")
    ("'=1+1", "''=1", "'Amran")
    """
    return f"'{text}" if _is_computed(text) else text


def unguarded(text: str) -> str:
    """What was guarded."""
    return text[1:] if text.startswith("'") and _is_computed(text) else text


def _cell(value: str | int | float | None) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        return str(value)
    text = guarded(value)
    return f'"{text.replace(chr(34), chr(34) * 2)}"' if _needs_quotes(text) else text
