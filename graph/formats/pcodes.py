"""OCHA's global list of P-codes: the admin units of the first and second level of every country that has them.

A row is a unit, PART_OF the unit or country that its own column names: nothing is read out of the code. Not carried:
the date from which a code is valid, for which a place has no attribute.
"""

from collections.abc import Iterator

from graph.formats.cells import Unclear, period, plain
from graph.formats.format import Format, Reason, Record, Source, Unusable
from graph.formats.rows import Cells, Row, Table, frame_of, lines_of, opening, reject, table, widths
from graph.formats.shared import ADMIN, P_CODE, Shared
from graph.model import Code, Ensure, Place, Relation, Write
from graph.values import fold
from graph.vocabulary import Kind, RelationKind, SourceType

COLUMNS = ("location", "admin level", "p-code", "name", "parent p-code")
DATE = "valid from date"
LIST, PUBLISHER = "Global P-Code List", "United Nations Office for the Coordination of Humanitarian Affairs (OCHA)"
URL = "https://data.humdata.org/dataset/global-pcodes"


def is_head(cells: Cells) -> bool:
    return set(COLUMNS) <= {fold(cell.strip()) for cell in cells}


def recognises(head: bytes) -> bool:
    return table(iter(opening(head)), is_head) is not None


def read(source: Source) -> Iterator[Record]:
    """Raises Unusable."""
    found = table(lines_of(source.stream), is_head)
    if found is None:
        raise Unusable(f"line 1: no row names the columns of a list of P-codes: {', '.join(COLUMNS)}")
    units = Units(source, found)
    for row in found.rows:
        yield units.record(row)


class Units:
    """Reads the rows of one list."""

    def __init__(self, source: Source, found: Table) -> None:
        self._head = [fold(cell.strip()) for cell in found.head.cells]
        self._frame = frame_of(found)
        self._known = source.known
        self._shared = Shared(source.known)
        self._keeps_texts = source.keeps_texts
        self._lines: dict[str, int] = {}
        self._sources = (self._shared.source(LIST, SourceType.DATASET, URL, publisher=PUBLISHER),)
        self._shared.sources = self._sources
        self._list = self._shared.needed()

    def record(self, row: Row) -> Record:
        text = row.raw.encode("utf-8", "surrogatepass") if self._keeps_texts else b""
        fault = row.fault or widths(row, len(self._head))
        faults: list[str] = [fault] if fault else []
        remarks: list[str] = []
        writes: list[Write] = []
        if not fault:
            try:
                cells = {name: plain(cell) for name, cell in zip(self._head, row.cells, strict=False)}
                writes = self._unit(cells, row.line, faults, remarks)
            except Unclear as error:
                faults.append(str(error))
        needed = self._list | self._shared.needed()
        reasons, told = ([Reason(row.line, text) for text in texts] for texts in (faults, remarks))
        if reasons:
            return Record(row.line, (), reasons, told, text=text, frame=self._frame)
        writes = [*self._shared.untold(needed), *writes]
        return Record(row.line, writes, (), told, text=text, needs=[*needed.values()], frame=self._frame)

    def _unit(self, cells: dict[str, str], line: int, faults: list[str], remarks: list[str]) -> list[Write]:
        code, name, level = cells["p-code"], cells["name"], cells["admin level"]
        if not code:
            faults.append("it has no P-code, without which nobody can tell which unit it is")
        elif (first := self._lines.setdefault(code, line)) != line:
            faults.append(f"line {first} has the same P-code, {code}. Leave one of them out")
        if level not in ("1", "2"):
            faults.append(f"its admin level is {level[:20]!r}, expected 1 or 2")
        if (date := cells.get(DATE)) and (told := _wrong_date(date)):
            faults.append(f"{DATE}: {told}")
        parent = self._parent(cells, faults)
        if faults or parent is None:
            return []
        if not name:
            remarks.append(f"{code} has no name: it goes by its code")
        return list(self._place(code, name or code, int(level), parent))

    def _parent(self, cells: dict[str, str], faults: list[str]) -> str | None:
        location, parent = cells["location"], cells["parent p-code"]
        country = self._shared.country(location)
        if country is None:
            faults.append(f"its location is {location[:20]!r}, expected a country of ISO 3166-1, as MLI")
        if parent in (location, "") and cells["admin level"] == "1":
            return country.id if country else None
        if not parent:
            faults.append("it has no parent P-code, and a unit of level 2 lies in one of level 1")
        return self._id(parent)

    def _id(self, code: str) -> str:
        return self._known.coded(Kind.PLACE, P_CODE, code) or f"place:{code}"

    def _place(self, code: str, name: str, level: int, parent: str) -> Iterator[Write]:
        id = self._id(code)
        held = self._known.entity(id)
        record = Place(
            id=id,
            name=name,
            identifiers=(Code(P_CODE, code),),
            type=held.type if isinstance(held, Place) else ADMIN[level],
        )
        yield Ensure(record)
        yield Ensure(Relation(RelationKind.PART_OF, id, parent, sources=self._sources))
        yield Ensure(Relation(RelationKind.CITES, id, self._sources[0]))


def _wrong_date(date: str) -> str | None:
    try:
        period(date)
    except Unclear as error:
        return str(error)
    return None


P_CODES = Format("pcodes", "OCHA's list of P-codes, a CSV table", ".csv", recognises, read, reject)
