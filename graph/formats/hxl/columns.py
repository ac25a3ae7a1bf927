"""What the columns of a table say, by their tags: which name a place, which an organisation, which hold figures."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import NamedTuple

from graph.formats.hxl.figures import MONEY, PEOPLE
from graph.formats.hxl.tags import Tag, tag_of
from graph.vocabulary import PartnerRole

LEVELS = {"country": 0, **{f"adm{level}": level for level in range(1, 6)}, "loc": 6}
"""From the largest place to the smallest; #loc is any place below the admin units."""
SMALLEST = 6

NOT_PERIOD = {"published", "updated", "created", "approved", "canceled", "cancelled", "modified", "accessed"}
"""Dates of something else than what a row tells of."""

SPLITS = ("gender", "age", "group", "population_group", "population_status", "sector", "subsector", "severity", "cause")
"""Columns by whose cells figures are told apart: what one counts is of that gender, age and so on."""

ROLES = {
    "funder": PartnerRole.FUNDING,
    "impl": PartnerRole.IMPLEMENTING,
    "prog": PartnerRole.EXTENDING,
    "coord": PartnerRole.ACCOUNTABLE,
    "lead": PartnerRole.ACCOUNTABLE,
    "accountable": PartnerRole.ACCOUNTABLE,
}
"""What an organisation does, by an attribute of its column. The programming one manages it on behalf of the funder."""

FILE, REASON = Tag("meta", frozenset({"file"})), Tag("meta", frozenset({"reason"}))
"""The tags of a file of refused rows: the file where a row stood, and why it was refused."""


class Column(NamedTuple):
    """A column that is read."""

    place: int
    tag: Tag
    header: str

    def __str__(self) -> str:
        return f"column {self.place + 1} ({self.tag})"


@dataclass
class Named:
    """The columns that name one thing: its code, its name, its names in languages, its acronym and type."""

    code: Column | None = None
    name: Column | None = None
    acronym: Column | None = None
    type: Column | None = None
    role: Column | None = None
    """Of an organisation, where each row says what it does."""
    vocab: Column | None = None
    """Of a sector, the list that its code is of."""
    either: Column | None = None
    """Of a place, a column without an attribute, where either a code or a name may stand."""
    labels: dict[str, Column] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Column]:
        """All of them."""
        own = (self.code, self.name, self.acronym, self.type, self.role, self.vocab, self.either)
        return filter(None, (*own, *self.labels.values()))


@dataclass
class Columns:
    """All columns that are read, by what they are for."""

    width: int
    places: dict[int, Named] = field(default_factory=lambda: defaultdict(Named))
    orgs: dict[PartnerRole | None, Named] = field(default_factory=lambda: defaultdict(Named))
    activity: Named = field(default_factory=Named)
    sectors: dict[str, Named] = field(default_factory=lambda: defaultdict(Named))
    dates: dict[str, Column] = field(default_factory=dict)
    """By start, end, year, month, and period for any other."""
    figures: list[Column] = field(default_factory=list)
    money: list[Column] = field(default_factory=list)
    splits: list[Column] = field(default_factory=list)
    single: dict[str, Column] = field(default_factory=dict)
    """By lat, lon, status, description, currency, flow, file, source, url, type."""
    remarks: list[str] = field(default_factory=list)

    @property
    def has_projects(self) -> bool:
        return bool(self.orgs or self.activity.code or self.activity.name)

    @property
    def says_roles(self) -> bool:
        """Whether a column says what organisations do: where it says nothing, that is not known."""
        return any(named.role for named in self.orgs.values())

    @property
    def has_figures(self) -> bool:
        return bool(self.figures or self.money)


def columns_of(tags: Sequence[str], headers: Sequence[str]) -> Columns:
    """The columns of a table with this row of tags, and these names above it."""
    columns = Columns(max(len(tags), len(headers)))
    for place, cell in enumerate(tags):
        if not cell.strip():
            continue
        header = headers[place].strip() if place < len(headers) else ""
        tag = tag_of(cell)
        if tag is None:
            columns.remarks.append(
                f"column {place + 1} has {cell[:60]!r}, which is no tag as #adm1+code; {NOT_CARRIED}"
            )
        elif reason := _take(columns, Column(place, tag, header)):
            columns.remarks.append(f"{Column(place, tag, header)}: {reason}; {NOT_CARRIED}")
    for part in ("lat", "lon"):
        if SMALLEST not in columns.places and (column := columns.single.pop(part, None)):
            columns.remarks.append(f"{column}: a position is that of a #loc, and there is none; {NOT_CARRIED}")
    if columns.sectors and not (columns.has_projects or columns.has_figures):
        columns.remarks.append(f"#sector tells nothing where there is no #org, #activity or figure; {NOT_CARRIED}")
    return columns


NOT_CARRIED = "what it holds is not carried"


def _take(columns: Columns, column: Column) -> str | None:
    """Puts a column where it belongs. Returns why it belongs nowhere, if it does not."""
    name, tag = column.tag.name, column.tag
    if name in LEVELS:
        return _name(columns.places[LEVELS[name]], column, is_place=True)
    if name == "org":
        roles = [role for word, role in ROLES.items() if tag.has(word)]
        return _name(columns.orgs[roles[0] if roles else None], column)
    if name == "activity":
        return _name(columns.activity, column)
    if name in ("sector", "subsector"):
        if not any(split.tag.name == name for split in columns.splits):
            columns.splits.append(column)
        return _name(columns.sectors[name], column)
    if name == "date":
        return _date(columns, column)
    if name in PEOPLE and not _is_code(tag):
        columns.figures.append(column)
        return None
    if name == "value":
        if tag.has("type"):
            return _once(columns.single, "flow", column)
        columns.money.append(column)
        return None
    if name in SPLITS:
        columns.splits.append(column)
        return None
    return _single(columns, column)


def _is_code(tag: Tag) -> bool:
    return tag.has("code", "type", "name", "text")


def _name(named: Named, column: Column, *, is_place: bool = False) -> str | None:
    tag = column.tag
    language = next((word[2:] for word in sorted(tag.attributes) if word.startswith("i_")), None)
    if kind := next((word for word in ("type", "role", "vocab") if tag.has(word)), None):
        part = kind
    elif tag.has("acronym"):
        part = "acronym"
    elif tag.has("code"):
        part = "code"
    elif is_place and not tag.has("name"):
        part = "either"
    elif tag.has("url", "contact", "email", "phone"):
        return "it holds no name"
    else:
        part = "name"
    if part in ("name", "either") and language and (named.name or named.either):
        named.labels.setdefault(language, column)
        return None
    if getattr(named, part) is not None:
        return f"{getattr(named, part)} says the same"
    setattr(named, part, column)
    return None


def _date(columns: Columns, column: Column) -> str | None:
    tag = column.tag
    if tag.has(*NOT_PERIOD):
        return "it is the date of something else"
    part = next((word for word in ("start", "end", "year", "month") if tag.has(word)), "period")
    return _once(columns.dates, part, column)


SINGLE = {
    Tag("geo", frozenset({"lat"})): "lat",
    Tag("geo", frozenset({"lon"})): "lon",
    Tag("status"): "status",
    Tag("description"): "description",
    Tag("currency"): "currency",
    Tag("x_transaction_type"): "flow",
    Tag("meta", frozenset({"source"})): "source",
    Tag("meta", frozenset({"url"})): "url",
    FILE: "file",
    REASON: "reason",
}


def _single(columns: Columns, column: Column) -> str | None:
    for tag, part in SINGLE.items():
        if tag.name == column.tag.name and tag.attributes <= column.tag.attributes:
            return _once(columns.single, part, column)
    known = [*LEVELS, *PEOPLE, *SPLITS, MONEY, *(tag.name for tag in SINGLE), "org", "activity", "date"]
    near = get_close_matches(column.tag.name, known, 1)
    is_near = near and near[0] != column.tag.name
    return f"this tag is not read, did you mean #{near[0]}?" if is_near else "this tag is not read"


def _once(parts: dict[str, Column], part: str, column: Column) -> str | None:
    if part in parts:
        return f"{parts[part]} says the same"
    parts[part] = column
    return None


def cells_of(columns: Iterable[Column], cells: Sequence[str]) -> Iterator[tuple[Column, str]]:
    """What stands in each of the columns where anything does."""
    for column in columns:
        if column.place < len(cells) and (cell := cells[column.place].strip()):
            yield column, cell
