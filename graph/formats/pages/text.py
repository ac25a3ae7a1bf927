"""The plain text of a page about one country: headings, figures with their labels, dated stories.

A figure stands on a line of its own, its label on the next one (or, where all of a group do, on the one before), or on
the same line. The year is that of the report that the page names. Not carried: prose, which is left to people; each
line of which nothing was taken is told as a remark.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from io import BytesIO
from typing import NamedTuple

from graph.formats.cells import Period, Unclear, number, period, plain, shown
from graph.formats.format import Unusable
from graph.formats.pages.measures import UNKNOWN, measured
from graph.formats.rows import lines_of

LONGEST_LABEL = 100
LONGEST_PAGE = 20_000
"""Lines; a page is short."""

CURRENCIES = {"$": "USD", "us$": "USD", "usd": "USD", "€": "EUR", "eur": "EUR", "£": "GBP", "gbp": "GBP", "chf": "CHF"}
SCALES = {"thousand": 1e3, "million": 1e6, "billion": 1e9, "m": 1e6, "k": 1e3, "bn": 1e9}
AT_LEAST = "more than|over|at least|above|plus de"
AT_MOST = "less than|fewer than|under|nearly|almost|up to|close to|moins de|près de"
ABOUT = "about|around|approximately|some|roughly|an estimated|estimated|environ"
NUMBER = (
    rf"(?:(?P<least>{AT_LEAST})\s+|(?P<most>{AT_MOST})\s+|(?:{ABOUT})\s+)?"
    r"(?P<currency>US\$|USD|EUR|GBP|CHF|[$€£])?\s?"
    r"(?P<sign>[-−])?(?P<number>[0-9][0-9.,’' \u00a0\u202f]*[0-9]|[0-9])"
    r"(?:\s?(?P<scale>thousand|million|billion|bn|[mk])(?![a-z]))?"
    r"(?P<plus>\+)?\s?(?P<unit>%|€|per ?cent(?![a-z]))?"
)
FIGURE = re.compile(NUMBER, re.IGNORECASE)
FIGURE_FIRST = re.compile(NUMBER + r"\s+(?P<label>[^\W\d_].*)", re.IGNORECASE)
LABEL_FIRST = re.compile(r"(?P<label>[^\W\d_][^:]*):\s*(?P<figure>\S.*)")
DAY = (
    r"(?:[^\W\d_]{3,9}\.? [0-9]{1,2},? |[0-9]{1,2}(?:er)? [^\W\d_]{3,9}\.? )(?:19|20)[0-9]{2}|"
    r"(?:19|20)[0-9]{2}-[0-9]{2}-[0-9]{2}"
)
DATELINE = re.compile(rf"({DAY})\s*[—–:-]+\s*\S.*")
DATED = re.compile(rf"(?:([^\W\d_][^\d]{{2,30}}?)\s*[|:·-]?\s+)?({DAY})")
REPORT = re.compile(r"report|rapport|review|bilan", re.IGNORECASE)
REPORT_LEAD = re.compile(
    r"^\W*(?:(?:all\s+)?(?:data|figures|information|sources?|données)\b\W*)?(?:(?:are|is|come|comes)\s+)?"
    r"(?:(?:taken\s+)?from\s+|tirées du\s+)?(?:the\s+|our\s+)?",
    re.IGNORECASE,
)
YEAR = re.compile(r"(?<![0-9])((?:19|20)[0-9]{2})(?![0-9])")
NAVIGATION = re.compile(
    r"read more|learn more|see more|see all.*|more news(?: and stories)?|our work in .+|what['’]?s happening in .+|"
    r"how we['’]?re helping(?: in .+)?|related(?: content| stories)?|share|donate|back to top|"
    r"latest news|our activities.*",
    re.IGNORECASE,
)
REFUSED = "#! "
"""Begins a line that says why those after it were refused, in a file of such lines."""


class Text(NamedTuple):
    """A line that is not blank, and its number."""

    line: int
    text: str


class Amount(NamedTuple):
    """A figure as a value; bounds where it is said to be more or less, the unit where it is money or a share."""

    value: float
    lower: float | None
    upper: float | None
    unit: str | None


class Stated(NamedTuple):
    """A figure as printed, and its label."""

    line: int
    printed: str
    label: str
    raw: tuple[str, ...]


class Told(NamedTuple):
    """A story that a page shows: its title, and the day of its publication."""

    line: int
    title: str
    day: str
    raw: tuple[str, ...]


class Page(NamedTuple):
    """What is found on a page. `unread` are the lines of which nothing is taken."""

    country: Text | None
    report: Text | None
    stated: list[Stated]
    told: list[Told]
    unread: list[Text]


IsCountry = Callable[[str], bool]


def texts_of(lines: Iterable[str]) -> list[Text]:
    """The lines that say anything. Raises Unusable."""
    found: list[Text] = []
    for line, each in enumerate(lines, 1):
        if "\0" in each:
            raise Unusable(f"line {line}: it holds a NUL character, which no text does. Save the page as plain text")
        if (text := " ".join(each.split())) and not text.startswith(REFUSED):
            found.append(Text(line, text))
        if len(found) > LONGEST_PAGE:
            raise Unusable(f"line {line}: a page has at most {LONGEST_PAGE:,} lines. Import its parts one by one")
    return found


def looks_like_page(head: bytes, is_country: IsCountry) -> bool:
    """Whether a line is the name of a country, and a figure has a label, or a story a day."""
    if head.lstrip(b"\xef\xbb\xbf \r\n\t")[:1] in (b"{", b"[", b"<"):
        return False
    try:
        page = parsed(texts_of(lines_of(BytesIO(head), errors="replace")), is_country)
    except (Unusable, UnicodeError):
        return False
    return page.country is not None and bool(page.stated or page.told)


def parsed(texts: Sequence[Text], is_country: IsCountry) -> Page:
    """What the lines of a page are."""
    taken: set[int] = set()
    country = _country(texts, is_country)
    report = next((each for each in texts if is_report(each.text)), None)
    taken |= {each.line for each in (country, report) if each}
    told = list(_stories(texts, taken))
    stated = list(_figures([each for each in texts if each.line not in taken], taken))
    unread = [each for each in texts if each.line not in taken and not _is_silent(each.text, country)]
    return Page(country, report, stated, told, unread)


def _country(texts: Sequence[Text], is_country: IsCountry) -> Text | None:
    """The first line that is the name of a country; where several are, as in a list of links, the one of which the page
    speaks most."""
    named = [each for each in texts if is_heading(each.text) and is_country(name_of(each.text))]
    names = dict.fromkeys(name_of(each.text) for each in named)
    if len(names) > 1:
        whole = "\n".join(each.text for each in texts)
        said = {name: len(re.findall(rf"\b{re.escape(name)}\b", whole)) for name in names}
        named = [each for each in named if said[name_of(each.text)] == max(said.values())]
    return named[0] if named else None


def is_heading(text: str) -> bool:
    return len(text) <= 60 and not text.endswith(".")


def name_of(heading: str) -> str:
    return heading.strip("#*_ ").rstrip(":")


def is_report(text: str) -> bool:
    is_named = REPORT.search(text) and YEAR.search(text) and not DATELINE.match(text)
    return len(text) <= 2 * LONGEST_LABEL and bool(is_named)


def report_name(text: str) -> str:
    """The report that a line names.

    >>> report_name("*All figures are from the Care for All Yearly Report 2022.")
    'Care for All Yearly Report 2022'
    """
    name = REPORT_LEAD.sub("", text).strip("*_ .")
    return name or text


def series_of(report: str) -> str:
    """
    >>> series_of("Care for All Yearly Report 2022")
    'Care for All Yearly Report'
    """
    return " ".join(YEAR.sub("", report).split())


def _is_silent(text: str, country: Text | None) -> bool:
    """Whether it is part of the page's frame: a link, a heading of a section, the country's name once more."""
    return bool(NAVIGATION.fullmatch(text)) or (country is not None and name_of(text) == name_of(country.text))


# Stories.


def _stories(texts: Sequence[Text], taken: set[int]) -> Iterator[Told]:
    """A day at the beginning of a line stands below the title of its story, one by itself (or after what kind of story
    it is) above it."""
    for place, (line, text) in enumerate(texts):
        before = texts[place - 1] if place else None
        after = texts[place + 1] if place + 1 < len(texts) else None
        if (found := DATELINE.fullmatch(text)) and (day := day_of(found[1])):
            title = before if before and _is_title(before, taken) else None
        elif (found := DATED.fullmatch(text)) and (day := day_of(found[2])):
            title = next((each for each in (after, before) if each and _is_title(each, taken)), None)
        else:
            continue
        if title:
            taken |= {line, title.line}
            yield Told(title.line, title.text, day, tuple(each for _, each in sorted([(line, text), title])))


def _is_title(each: Text, taken: set[int]) -> bool:
    return (
        each.line not in taken
        and len(each.text) <= 3 * LONGEST_LABEL
        and not (NAVIGATION.fullmatch(each.text) or FIGURE.fullmatch(each.text) or DATED.fullmatch(each.text))
    )


def day_of(text: str) -> str | None:
    """The day of a date in words; None where there is no such day."""
    try:
        found = period(text)
    except Unclear:
        return None
    return found.start if len(found.start) == 10 and found.start == found.end else None


# Figures.


def _figures(texts: Sequence[Text], taken: set[int]) -> Iterator[Stated]:
    """Figures and labels that take turns, and those that share a line."""
    place = 0
    while place < len(texts):
        line, text = texts[place]
        end = _turns(texts, place)
        if end > place:
            yield from _paired(texts[place:end], taken)
            place = end
            continue
        if found := _on_one_line(line, text):
            taken.add(line)
            yield found
        place += 1


def _turns(texts: Sequence[Text], start: int) -> int:
    """Where the figures and labels that take turns from here on end; `start` if there are none."""
    end = start
    sorts: list[str] = []
    while end < len(texts) and (sort := _sort(texts[end].text)) and sort != "".join(sorts[-1:]):
        sorts.append(sort)
        end += 1
    return end if len(sorts) > 1 else start


def _sort(text: str) -> str:
    """Whether a line is a figure, or may be the label of one."""
    if FIGURE.fullmatch(text) and not YEAR.fullmatch(text):
        return "figure"
    is_label = len(text) <= LONGEST_LABEL and not text.endswith((".", "...", "…")) and re.search(r"[^\W\d_]{2}", text)
    return "label" if is_label and not NAVIGATION.fullmatch(text) and not _on_one_line(0, text) else ""


def _paired(texts: Sequence[Text], taken: set[int]) -> Iterator[Stated]:
    """Each figure with its label: the one below, unless the group begins with a label and ends with a figure, or the
    words of the labels above tell better what is counted."""
    figures = [place for place, each in enumerate(texts) if _sort(each.text) == "figure"]
    below = [(place, place + 1) for place in figures if place + 1 < len(texts)]
    above = [(place, place - 1) for place in figures if place > 0]
    more, sense = len(above) - len(below), _sense(texts, above) - _sense(texts, below)
    pairs = above if more > 0 or (more == 0 and sense > 0) else below
    for figure, label in pairs:
        (line, printed), (_, name) = texts[figure], texts[label]
        taken |= {line, texts[label].line}
        yield Stated(line, printed, name, tuple(texts[place].text for place in sorted((figure, label))))


def _sense(texts: Sequence[Text], pairs: Sequence[tuple[int, int]]) -> int:
    return sum(measured(texts[label].text) != UNKNOWN for _, label in pairs)


def _on_one_line(line: int, text: str) -> Stated | None:
    if len(text) > LONGEST_LABEL or text.endswith("."):
        return None
    found = LABEL_FIRST.fullmatch(text)
    if found and FIGURE.fullmatch(found["figure"]) and not YEAR.fullmatch(found["figure"]):
        return Stated(line, found["figure"], found["label"].strip(), (text,))
    if (found := FIGURE_FIRST.fullmatch(text)) and measured(found["label"]) != UNKNOWN:
        printed = text[: found.start("label")].strip()
        return None if YEAR.fullmatch(printed) else Stated(line, printed, found["label"], (text,))
    return None


def amount(printed: str) -> Amount:
    """Raises Unclear.

    >>> amount("more than 1.2 million")
    Amount(value=1200000.0, lower=1200000.0, upper=None, unit=None)
    """
    found = FIGURE.fullmatch(printed)
    if found is None:
        raise Unclear(f"{shown(printed)} is no figure, as 1,040, 1.2 million or more than 500")
    if found["sign"]:
        raise Unclear(f"{shown(printed)} is below 0, and what a page tells is counted")
    value = round(number(found["number"]) * SCALES.get((found["scale"] or "").lower(), 1), 6)
    unit = CURRENCIES.get((found["currency"] or "").lower())
    if found["unit"]:
        unit = "EUR" if found["unit"] == "€" else "%"
    is_least = found["least"] or found["plus"]
    return Amount(value, value if is_least else None, value if found["most"] else None, unit)


def years_of(page: Page, texts: Sequence[Text]) -> Period | None:
    """The year that the page tells of: that of its report, or else the only one that a short line names."""
    told = {each.line for each in page.told}
    lines = (
        [page.report] if page.report else [each for each in texts if is_heading(each.text) and each.line not in told]
    )
    years = {year for each in lines for year in YEAR.findall(each.text) if not DATED.fullmatch(each.text)}
    if len(years) != 1:
        return None
    (year,) = years
    return Period(year, year)


def clean(text: str) -> str:
    """A title or label as a name. Raises Unclear."""
    return plain(text).rstrip("*† ")
