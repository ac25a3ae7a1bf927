"""What people write in cells and on pages, as values: numbers, dates and periods, names for ids."""

import re
from functools import lru_cache
from hashlib import sha256
from typing import NamedTuple

from graph.values import LONGEST_KEPT, fold, is_partial_date, span

LONGEST_TEXT = 10_000
LONGEST_NAME = 80
"""Characters of a name within an id; of a longer one the rest is a checksum."""

SHOWN = 60

UNKNOWN = frozenset({"", "-", "–", "—", "..", "...", "n/a", "na", "n.a.", "nd", "n/d", "null", "none", "unknown", "?"})
"""What stands, in folded text, where nothing is known."""


class Unclear(ValueError):
    """A text that does not say what it should; its own text is what was given and what was expected."""


class NoYear(Unclear):
    """A date that would be clear if it had a year."""


class Period(NamedTuple):
    """From one partial date to another, which may be the same one."""

    start: str
    end: str


def shown(text: str) -> str:
    return repr(text if len(text) <= SHOWN else f"{text[:SHOWN]}...")


def plain(text: str) -> str:
    """The text on one line, with single blanks. Raises Unclear."""
    if not text.isprintable() or "  " in text:
        text = " ".join(text.split())
        if any(ord(char) < 32 or 127 <= ord(char) < 160 for char in text):
            raise Unclear(f"{shown(text)} holds control characters. Take them out")
    if len(text) > LONGEST_TEXT:
        raise Unclear(f"it has {len(text):,} characters; at most {LONGEST_TEXT:,} are taken")
    return text.strip()


def is_unknown(text: str) -> bool:
    return not text or fold(text) in UNKNOWN


def taken(cell: str) -> str:
    """What stands in a cell, empty where nothing is known. Raises Unclear."""
    return _taken(cell) if len(cell) <= LONGEST_KEPT else _taken.__wrapped__(cell)


@lru_cache(maxsize=65_536)
def _taken(cell: str) -> str:
    text = plain(cell.strip())
    return "" if is_unknown(text) else text


def slug(text: str) -> str:
    """The text as part of an id: letters and digits without case and accents, joined by hyphens.

    >>> slug("Médecins Sans Frontières (MSF)")
    'medecins-sans-frontieres-msf'
    """
    return _slug(text) if len(text) <= LONGEST_KEPT else _slug.__wrapped__(text)


@lru_cache(maxsize=65_536)
def _slug(text: str) -> str:
    words = "-".join(re.findall(r"[^\W_]+", fold(text)))
    if words and len(words) <= LONGEST_NAME:
        return words
    checksum = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{words[:LONGEST_NAME]}-{checksum}".strip("-")


NUMBER = re.compile(r"[+-]?(\d{1,3}(([,’' \u00a0\u202f])\d{3}(\3\d{3})*)|\d{1,30})(\.\d{1,30})?")


@lru_cache(maxsize=65_536)
def number(text: str) -> float:
    """Raises Unclear.

    >>> number("1,040"), number("-12.5")
    (1040.0, -12.5)
    """
    if not NUMBER.fullmatch(text) or (not text.isascii() and not _is_spaced(text)):
        raise Unclear(f"{shown(text)} is no number, as 1040, 1,040 or 0.5")
    return float(re.sub(r"[,’' \u00a0\u202f]", "", text))


def _is_spaced(text: str) -> bool:
    """Whether all but the separators is ASCII: digits of other scripts may mean another number to a machine."""
    return re.sub(r"[’\u00a0\u202f]", "", text).isascii()


# Dates.

MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan janvier janv",
            "february feb fevrier fevr fev",
            "march mar mars",
            "april apr avril avr",
            "may mai",
            "june jun juin",
            "july jul juillet juil",
            "august aug aout",
            "september sep sept septembre",
            "october oct octobre",
            "november nov novembre",
            "december dec decembre",
        ),
        1,
    )
    for name in names.split()
}
MONTH = "(" + "|".join(sorted(MONTHS, key=len, reverse=True)) + r")\.?"
YEAR = r"((?:19|20)\d\d)"
DAY = r"(\d{1,2})(?:er|st|nd|rd|th)?"
EXPECTED = "a date, as 2023, 2023-11, 2023-11-05 or November 2023"

MONTH_YEAR = re.compile(rf"{MONTH}[ ,/-]*{YEAR}")
YEAR_MONTH = re.compile(rf"{YEAR}[ ,/-]*{MONTH}")
DAY_MONTH_YEAR = re.compile(rf"{DAY}[ -]*{MONTH}[ ,-]*{YEAR}")
MONTH_DAY_YEAR = re.compile(rf"{MONTH} *{DAY},? +{YEAR}")
QUARTER = re.compile(rf"(?:{YEAR}[ -]*[qt]([1-4])|[qt]([1-4])[ -]*{YEAR})")
NUMBERS = re.compile(r"(\d{1,2})([/.-])(\d{1,2})\2((?:19|20)\d\d)")
MONTH_NUMBER_YEAR = re.compile(rf"(\d{{1,2}})[/.-]{YEAR}")
TIMED = re.compile(r"(\d{4}-\d\d-\d\d)[t ]\d\d:\d\d.{0,30}")
PARTS = (re.compile(r"\s+(?:to|until|au|a|-|–|—)\s+"), re.compile(r"\s*(?:–|—|\.\.|/)\s*"), re.compile(r"\s*-\s*"))
FROM = re.compile(r"^(?:from|de|du|between)\s+")


@lru_cache(maxsize=65_536)
def period(text: str) -> Period:
    """A date, month, quarter, year or range of these, in figures or in English or French words. Raises Unclear.

    >>> period("Décembre  2012"), period("Jan-Mar 2013")
    (Period(start='2012-12', end='2012-12'), Period(start='2013-01', end='2013-03'))
    """
    given = FROM.sub("", " ".join(fold(text).split()))
    if found := _one(given):
        return found
    for between in PARTS:
        parts = between.split(given)
        if len(parts) == 2 and (ended := _one(parts[1])):
            started = _one(parts[0]) or _one(f"{parts[0]} {ended.end[:4]}")
            if started:
                return ordered(started.start, ended.end, text)
    if re.fullmatch(MONTH, given):
        raise NoYear(f"{shown(text)} has no year. Write {EXPECTED}")
    raise Unclear(f"{shown(text)} is not {EXPECTED}")


def ordered(start: str, end: str, text: str = "") -> Period:
    """Raises Unclear."""
    if span(end)[1] < span(start)[0]:
        raise Unclear(f"{shown(text or f'{start} to {end}')} ends before it begins")
    return Period(start, end)


def _one(text: str) -> Period | None:
    """Raises Unclear where it may be either of two days."""
    if found := QUARTER.fullmatch(text):
        year, quarter = found[1] or found[4], int(found[2] or found[3])
        return Period(f"{year}-{quarter * 3 - 2:02}", f"{year}-{quarter * 3:02}")
    if timed := TIMED.fullmatch(text):
        text = timed[1]
    date = text.replace("/", "-") if re.fullmatch(r"\d{4}/\d\d(/\d\d)?", text) else _worded(text) or text
    return Period(date, date) if is_partial_date(date) else None


def _worded(text: str) -> str | None:
    if found := MONTH_YEAR.fullmatch(text):
        return f"{found[2]}-{MONTHS[found[1]]:02}"
    if found := YEAR_MONTH.fullmatch(text):
        return f"{found[1]}-{MONTHS[found[2]]:02}"
    if found := DAY_MONTH_YEAR.fullmatch(text):
        return f"{found[3]}-{MONTHS[found[2]]:02}-{int(found[1]):02}"
    if found := MONTH_DAY_YEAR.fullmatch(text):
        return f"{found[3]}-{MONTHS[found[1]]:02}-{int(found[2]):02}"
    if found := MONTH_NUMBER_YEAR.fullmatch(text):
        return f"{found[2]}-{int(found[1]):02}"
    if found := NUMBERS.fullmatch(text):
        return _day(int(found[1]), int(found[3]), found[4], found[2], text)
    return None


def _day(first: int, second: int, year: str, mark: str, text: str) -> str:
    """Day or month first: which, is told by what cannot be a month, or by the dots of those who put the day first."""
    if first != second and first <= 12 and second <= 12 and mark != ".":
        told = f"{year}-{second:02}-{first:02} or {year}-{first:02}-{second:02}"
        raise Unclear(f"{shown(text)} may be {told}. Write the one it is")
    day, month = (second, first) if second > 12 else (first, second)
    return f"{year}-{month:02}-{day:02}"
