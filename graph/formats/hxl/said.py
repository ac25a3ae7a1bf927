"""What the cells of one row say: where, who, when, of what sector and status."""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import chain
from typing import Generic, NamedTuple, TypeVar

from graph.formats.cells import NoYear, Period, Unclear, number, ordered, period, shown, taken
from graph.formats.countries import country_coded
from graph.formats.format import Needs
from graph.formats.hxl.columns import SMALLEST, Column, Columns, Named
from graph.formats.rows import BETWEEN
from graph.formats.shared import Shared, Spot, Unit
from graph.formats.sheets import unguarded
from graph.model import Code
from graph.values import fold
from graph.vocabulary import Kind, PartnerRole, PartnerType, PlaceType, ProjectStatus

CLUSTERS = {
    "CCM": "camp coordination and camp management; camp coordination & camp management; cccm; camp coordination",
    "EDU": "education; education cluster; education in emergencies",
    "ERY": "early recovery",
    "FSC": "food security; securite alimentaire; food security and livelihoods; food security & livelihoods",
    "HEA": "health; sante",
    "LOG": "logistics; logistique",
    "NUT": "nutrition",
    "PRO": "protection",
    "PRO-CPN": "child protection; protection de l'enfance",
    "PRO-GBV": "gender based violence; gender-based violence; gbv; vbg",
    "PRO-HLP": "housing land and property; housing, land and property",
    "PRO-MIN": "mine action",
    "SHL": "shelter; shelter and nfi; emergency shelter and nfi; shelter & nfi; abris",
    "TEL": "emergency telecommunications; telecommunications",
    "WSH": "water sanitation hygiene; water, sanitation and hygiene; water sanitation & hygiene; wash;"
    " water sanitation and hygiene; eau hygiene et assainissement; eha",
}
"""The clusters of the IASC by their codes, and the names by which tables speak of them."""
CLUSTER_OF = {name.strip(): code for code, names in CLUSTERS.items() for name in names.split(";")}
IASC, HXL_SECTOR, HXL_ACTIVITY = "IASC", "HXL #sector", "HXL #activity"

STATUSES = {
    ProjectStatus.PIPELINE: "pipeline; planned; planifie; prevu; 1",
    ProjectStatus.IMPLEMENTATION: "implementation; ongoing; active; en cours; in progress; started; 2",
    ProjectStatus.FINALISATION: "finalisation; finalization; 3",
    ProjectStatus.CLOSED: "closed; completed; complete; finished; done; ended; termine; acheve; cloture; 4",
    ProjectStatus.CANCELLED: "cancelled; canceled; annule; 5",
    ProjectStatus.SUSPENDED: "suspended; suspendu; on hold; paused; 6",
}
STATUS_OF = {word: status for status, words in STATUSES.items() for word in words.split("; ")}

PARTNER_TYPES = {
    PartnerType.GOVERNMENT: "10; government; gov; govt; gouvernement; donor government",
    PartnerType.LOCAL_GOVERNMENT: "11; local government; local authority",
    PartnerType.OTHER_PUBLIC_SECTOR: "15; other public sector",
    PartnerType.INTERNATIONAL_NGO: "21; international ngo; ingo; ong internationale; ongi; international"
    " non-governmental organisation",
    PartnerType.NATIONAL_NGO: "22; national ngo; nngo; local ngo; ong nationale; ongn; ong locale",
    PartnerType.REGIONAL_NGO: "23; regional ngo",
    PartnerType.PARTNER_COUNTRY_NGO: "24; partner country based ngo",
    PartnerType.PUBLIC_PRIVATE_PARTNERSHIP: "30; public private partnership",
    PartnerType.MULTILATERAL: "40; multilateral; un; un agency; united nations; igo; agence un; nations unies",
    PartnerType.FOUNDATION: "60; foundation; fondation",
    PartnerType.PRIVATE_SECTOR: "70; 71; 72; 73; private sector; company; prive",
    PartnerType.ACADEMIC: "80; academic, training and research; academic; university",
    PartnerType.OTHER: "90; other; autre; ngo; ong; red cross; red crescent; red cross / red crescent",
}
PARTNER_TYPE_OF = {word.strip(): type for type, words in PARTNER_TYPES.items() for word in words.split(";")}

ROLE_OF = {
    **{str(role).lower(): role for role in PartnerRole},
    **dict.fromkeys(("1", "funder", "donor"), PartnerRole.FUNDING),
    **dict.fromkeys(("2", "lead"), PartnerRole.ACCOUNTABLE),
    **dict.fromkeys(("3", "programming"), PartnerRole.EXTENDING),
    **dict.fromkeys(("4", "implementer", "implementing partner"), PartnerRole.IMPLEMENTING),
}
PLACE_TYPE_OF = {type.label.lower(): type for type in PlaceType}

P_CODE_SHAPE = re.compile(r"[A-Z]{2,3}-?\d[A-Z0-9-]*")
NOWHERE = re.compile(r"un-?specified|not specified|no country specified|unknown", re.IGNORECASE)
YEAR = re.compile(r"(?<!\d)((?:19|20)\d\d)(?!\d)")


MOST_REMEMBERED = 10_000
"""Rows of cells of which it is remembered what they say."""

T = TypeVar("T")


class Where(NamedTuple):
    """The smallest place that a row names, and the country that it lies in."""

    smallest: Spot | None = None
    country: Spot | None = None


class Doing(NamedTuple):
    """Who does what, as a row has it."""

    code: str
    name: str
    partners: list[tuple[str, PartnerRole | None]]
    sectors: list[Code]


class Memo(Generic[T]):
    """What some columns say, by what stands in them: the cells of many rows are the same. What was wrong or odd is told
    again; what was spoken of is needed again."""

    def __init__(self, said: "Said", columns: Iterable[Column | None], read: Callable[[], T]) -> None:
        self._said = said
        self._places = [column.place for column in columns if column]
        self._read = read
        self._known: dict[tuple[str, ...], tuple[T, dict[int, Needs]]] = {}

    def __call__(self) -> T:
        said, shared = self._said, self._said.shared
        cells = tuple([said.cells[place] for place in self._places if place < len(said.cells)])
        if found := self._known.get(cells):
            shared.need(found[1])
            return found[0]
        before, told = shared.needed(), len(said.faults) + len(said.remarks)
        value = self._read()
        needed = shared.needed()
        shared.need(before)
        shared.need(needed)
        if len(said.faults) + len(said.remarks) == told:
            if len(self._known) >= MOST_REMEMBERED:
                self._known.clear()
            self._known[cells] = value, needed
        return value


class Said:
    """Reads the cells of a table's rows. What is wrong with one, and what is to be said of it, is collected until it is
    taken; of each odd value that is said once."""

    def __init__(self, columns: Columns, shared: Shared) -> None:
        self._columns = columns
        self.shared = shared
        self._levels = sorted(columns.places.items())
        self.cells: list[str] = []
        position = (columns.single.get(part) for part in ("lat", "lon"))
        self.where = Memo(self, chain(*columns.places.values(), position), self._where)
        self.period = Memo(self, columns.dates.values(), self._period)
        self._partners = Memo(self, chain(*columns.orgs.values()), self._read_partners)
        self._sectors = Memo(self, chain(*columns.sectors.values()), self._read_sectors)
        self._remarked: set[str] = set()
        self.faults: list[str] = []
        self.remarks: list[str] = []

    def begin(self, cells: list[str]) -> None:
        self.cells, self.faults, self.remarks = cells, [], []

    def remark(self, text: str) -> None:
        if text not in self._remarked:
            self._remarked.add(text)
            self.remarks.append(text)

    def cell(self, column: Column | None) -> str:
        """What stands in a column, empty where nothing is known."""
        if column is None or column.place >= len(self.cells) or not (cell := self.cells[column.place]):
            return ""
        try:
            return taken(unguarded(cell))
        except Unclear as error:
            self.faults.append(f"{column}: {error}")
            return ""

    def single(self, part: str) -> str:
        return self.cell(self._columns.single.get(part))

    # Where.

    def _where(self) -> Where:
        country = smallest = None
        for level, named in self._levels:
            code, name = self._code_and_name(named, level)
            if not (code or name):
                continue
            if level == 0:
                country = smallest = self._country(code, name)
            else:
                labels = {language: text for language, column in named.labels.items() if (text := self.cell(column))}
                at = self._position() if level == SMALLEST else None
                type = PLACE_TYPE_OF.get(fold(self.cell(named.type)))
                self._compare(code, country)
                smallest = self.shared.unit(Unit(level % SMALLEST, code, name, smallest, labels, at, type))
        return Where(smallest, country if country and country.is_country else None)

    def _compare(self, code: str, country: Spot | None) -> None:
        """Tells of a P-code that begins as those of another country do."""
        found = P_CODE_SHAPE.fullmatch(code)
        iso = country_coded(re.split(r"[\d-]", code, maxsplit=1)[0]) if found else None
        if iso and country and country.is_country and self.shared.country(iso.alpha_2) != country:
            self.remark(f"{shown(code)} is a P-code of {iso.name}, but the row names {country.name}: the code is taken")

    def _code_and_name(self, named: Named, level: int) -> tuple[str, str]:
        code, name = self.cell(named.code), self.cell(named.name)
        if either := self.cell(named.either):
            if level and P_CODE_SHAPE.fullmatch(either):
                code = code or either
            else:
                name = name or either
        return code, name

    def _country(self, code: str, name: str) -> Spot | None:
        for given in (code, name):
            if given and (spot := self.shared.country(given)):
                return spot
        given = name or code
        area = re.sub(r"\s*\(.*?\)\s*", "", given)
        if area and (spot := self.shared.area(area)):
            return spot
        if NOWHERE.search(given):
            self.remark(f"{shown(given)} is no country: it is taken as not known")
            return None
        self.remark(f"no country has the code or name {shown(given)}: it is kept as a place")
        return self.shared.unit(Unit(0, "", given))

    # Who does what.

    def doing(self) -> Doing:
        activity = self._columns.activity
        return Doing(self.cell(activity.code), self.cell(activity.name), self._partners(), self._sectors())

    def _read_partners(self) -> list[tuple[str, PartnerRole | None]]:
        """The organisations of the row, and what each does as far as its column says so."""
        found = []
        for role, named in self._columns.orgs.items():
            name, acronym, code = (self.cell(column) for column in (named.name, named.acronym, named.code))
            if name or acronym or code:
                type = self._partner_type(self.cell(named.type))
                does = self._role(self.cell(named.role)) or role
                id = self.shared.partner(name, acronym, code, type)
                self._compare_acronym(id, name, acronym)
                found.append((id, does))
        return found

    def _compare_acronym(self, id: str, name: str, acronym: str) -> None:
        """Tells of another organisation with the same acronym, which this one may be under another name."""
        other = self.shared.known.named(Kind.PARTNER, acronym) if name and acronym else None
        if other and other != id and (held := self.shared.known.entity(other)):
            self.remark(f"{shown(name)} has the acronym of {held.name}: it is taken as another organisation")

    def _role(self, given: str) -> PartnerRole | None:
        role = ROLE_OF.get(fold(given))
        if given and role is None:
            self.remark(f"{shown(given)} is no role that is known: it is taken as that of its column")
        return role

    def _partner_type(self, given: str) -> PartnerType:
        if given and fold(given) not in PARTNER_TYPE_OF:
            self.remark(f"{shown(given)} is no type of organisation that is known: it is taken as OTHER")
        return PARTNER_TYPE_OF.get(fold(given), PartnerType.OTHER)

    # When.

    def _period(self) -> Period | None:
        dates = self._columns.dates
        start, end = self._date("start"), self._date("end")
        if start or end:
            try:
                first, last = (start or end), (end or start)
                return ordered(first.start, last.end) if first and last else None
            except Unclear as error:
                self.faults.append(f"{dates['start']}: {error}" if "start" in dates else str(error))
                return None
        year, month = self.cell(dates.get("year")), self.cell(dates.get("month"))
        if year and month:
            return self._read(f"{month} {year}", dates["month"]) if not YEAR.search(month) else self._date("month")
        for part in ("period", "month", "year"):
            if part in dates and self.cell(dates[part]):
                return self._date(part)
        return None

    def open_ends(self) -> set[str]:
        """Which of start and end the row leaves open, while it tells the other."""
        told = {part for part in ("start", "end") if self.cell(self._columns.dates.get(part))}
        return {"start", "end"} - told if told else set()

    def _date(self, part: str) -> Period | None:
        column = self._columns.dates.get(part)
        text = self.cell(column)
        return self._read(text, column) if text and column else None

    def _read(self, text: str, column: Column) -> Period | None:
        try:
            return period(text)
        except NoYear as error:
            if self._columns.has_figures:
                self.faults.append(f"{column}: {error}")
            else:
                self.remark(f"{column}: {error}. It is taken as not known")
        except Unclear as error:
            self.faults.append(f"{column}: {error}")
        return None

    # What.

    def status(self) -> ProjectStatus | None:
        given = self.single("status")
        if given and fold(given) not in STATUS_OF:
            self.remark(f"{shown(given)} is no status that is known: it is not carried")
        return STATUS_OF.get(fold(given))

    def _read_sectors(self) -> list[Code]:
        found = []
        for named in self._columns.sectors.values():
            code, name = self.cell(named.code), self.cell(named.name)
            if code or name:
                found.append(_sector(code, name, self.cell(named.vocab)))
        return found

    def kinds(self) -> list[str]:
        """What sorts of activity it is."""
        return [kind.strip() for kind in self.cell(self._columns.activity.type).split(BETWEEN) if kind.strip()]

    def number(self, column: Column, *, may_be_negative: bool = False) -> float | None:
        """None where none is known or it is wrong."""
        text = self.cell(column)
        if not text:
            return None
        try:
            value = number(text)
        except Unclear as error:
            self.faults.append(f"{column}: {error}")
            return None
        if value < 0 and not may_be_negative:
            self.faults.append(f"{column}: {text} is below 0, and people are counted")
        elif not may_be_negative and not value.is_integer():
            self.remark(f"{column}: {text} is no whole number, and people are counted: it is kept as given")
        return value

    def _position(self) -> tuple[float, float] | None:
        columns = [self._columns.single.get(part) for part in ("lat", "lon")]
        latitude, longitude = (self.number(column, may_be_negative=True) if column else None for column in columns)
        if latitude is None or longitude is None:
            return None
        if abs(latitude) > 90 or abs(longitude) > 180:
            self.faults.append(
                f"{latitude:g}, {longitude:g} is no place on earth: latitudes end at 90, longitudes at 180"
            )
        return latitude, longitude


@lru_cache(maxsize=1_024)
def _sector(code: str, name: str, vocabulary: str) -> Code:
    """A sector as a code of the list that is named, or of the IASC's clusters where it is one; else as it stands."""
    if code and vocabulary:
        return Code(vocabulary, code, name or None)
    if code.upper() in CLUSTERS:
        return Code(IASC, code.upper(), name or None)
    if not code and (cluster := CLUSTER_OF.get(fold(name))):
        return Code(IASC, cluster, name)
    return Code(HXL_SECTOR, code or name, name or None)
