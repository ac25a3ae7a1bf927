"""What an element says: texts, narratives in their languages, dates, numbers; and what is told about it."""

import re
from collections.abc import Sequence

from graph.formats.cells import Period, shown
from graph.formats.format import Reason
from graph.formats.xml import Element, Found, text_of
from graph.model import Label
from graph.values import is_partial_date

LONGEST_CODE = 300
"""Characters; what is longer is none."""

LANG = "{http://www.w3.org/XML/1998/namespace}lang"
LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})*")
LIKELY_YEAR = re.compile(r"(19|20)\d\d")
AFTER_DATE = re.compile(r"(T[0-9:.]+)?(Z|[+-]\d\d:?\d\d)?", re.IGNORECASE)
NUMBER = re.compile(r"[+-]?(\d{1,3}(,\d{3})+|\d{1,30})(\.\d{0,60})?|[+-]?\.\d{1,60}", re.ASCII)
NO_REFERENCE = frozenset(
    {"", "0", "-", "--", "n/a", "na", "none", "null", "not available", "unknown", "tbc", "tbd", "?"}
)
"""What publishers write, in folded text, where a code is not known."""


class Notes:
    """What is wrong with an activity, and what is worth knowing of it. `told` are the remarks of the file that need not
    be made again."""

    def __init__(self, found: Found, told: set[str]) -> None:
        self.faults: list[Reason] = []
        self.remarks: list[Reason] = []
        self._found = found
        self._told = told

    def fault(self, element: Element, text: str) -> None:
        self.faults.append(Reason(self._found.line(element), text))

    def remark(self, element: Element, text: str, *, once: bool = False) -> None:
        if once and text in self._told:
            return
        if once:
            self._told.add(text)
        self.remarks.append(Reason(self._found.line(element), text))


def code_of(element: Element | None, attribute: str = "code") -> str:
    """A code as it is given, but for blanks around it; nothing where there is none."""
    if element is None:
        return ""
    code = " ".join((element.get(attribute) or "").split())
    return code if len(code) <= LONGEST_CODE else ""


def typed(element: Element, attribute: str = "code") -> str:
    """A code that 1.0x had as text, and that some files of 2.0x still have there."""
    return code_of(element, attribute) or text_of(element)[:LONGEST_CODE]


def narratives(element: Element | None, language: str, *, paragraphs: bool = False) -> list[Label]:
    """What an element says, each text with its language, as far as that is known; those in `language` first."""
    if element is None:
        return []
    parts = element.findall("narrative") or ([] if len(element) else [element])
    told = (Label(text_of(part, paragraphs=paragraphs), _language(part.get(LANG)) or language, False) for part in parts)
    return sorted((label for label in told if label.value), key=lambda label: label.language != language)


def name_of(element: Element | None, language: str) -> str:
    return next((label.value for label in narratives(element, language)), "")


def _language(tag: str | None) -> str:
    folded = (tag or "").strip().lower().replace("_", "-")
    return folded if LANGUAGE.fullmatch(folded) else ""


def language_of(activity: Element) -> str:
    """The default language of an activity, its own or that of its file; nothing where there is none."""
    return _language(activity.get(LANG)) or _language(activity.getparent().get(LANG))


def labels_of(told: Sequence[Label]) -> dict[str, str]:
    return {label.language: label.value for label in reversed(told) if label.language}


def date(text: str) -> str | None:
    """The day of a date as XML Schema writes it, with or without time zone; None where there is none.

    >>> date(" 2020-01-01Z ")
    '2020-01-01'
    """
    day, rest = text.strip()[:10], text.strip()[10:]
    return day if len(day) == 10 and is_partial_date(day) and AFTER_DATE.fullmatch(rest) else None


def coarse_date(text: str) -> str | None:
    """A year or a month alone. A number of four digits may be anything, so the year must be a likely one."""
    given = text.strip()
    return given if is_partial_date(given) and LIKELY_YEAR.match(given) else None


def dated(element: Element | None, notes: Notes, owner: Element, what: str) -> str | None:
    """The date that an element gives, in its attribute or, as in 1.0x, in its text. What is not a date is a fault; what
    is not there is for the caller to tell of."""
    if element is None:
        return None
    given, text = element.get("iso-date") or "", text_of(element)
    if found := date(given):
        return found
    if found := date(text):
        notes.remark(element, f"{what} has the iso-date {shown(given)}: its text, {shown(text)}, was taken")
        return found
    if found := coarse_date(given):
        return found
    if given.strip():
        notes.fault(element, f"{what} is {shown(given)}, expected a date that exists, as 2020-01-31. Correct iso-date")
    return None


def period(element: Element, notes: Notes, what: str) -> Period | None:
    """From period-start to period-end. What is missing or turned around is a fault."""
    before = len(notes.faults)
    start = dated(element.find("period-start"), notes, element, f"period-start of {what}")
    end = dated(element.find("period-end"), notes, element, f"period-end of {what}")
    if len(notes.faults) > before:
        return None
    if start is None and end is None:
        notes.fault(element, f"{what} has no period. Add period-start and period-end, each with an iso-date")
        return None
    if start is None or end is None:
        missing = "period-start" if start is None else "period-end"
        notes.remark(element, f"{what} has no {missing}: the other end stands for both")
    found = Period(start or end or "", end or start or "")
    if found.end < found.start:
        notes.fault(element, f"{what} ends ({found.end}) before it starts ({found.start}). Correct its period")
        return None
    return found


def number(text: str) -> float | None:
    """A number as XML Schema writes it, thousands also set apart by commas; None where it is none.

    >>> number("-1,200.50"), number("1.200,50")
    (-1200.5, None)
    """
    return float(text.replace(",", "")) if NUMBER.fullmatch(text) else None
