"""HXL tables into writes, a row after the other: figures about places, admin units, and what rows say of projects."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import chain, islice
from typing import NamedTuple

import msgspec

from graph.formats.cells import Period, slug
from graph.formats.currencies import NO_CURRENCY, currency
from graph.formats.format import Format, Reason, Record, Unusable
from graph.formats.format import Source as File
from graph.formats.hxl.columns import Column, columns_of
from graph.formats.hxl.figures import Figure, currency_in, money, people
from graph.formats.hxl.rejects import frame_of
from graph.formats.hxl.said import HXL_ACTIVITY, YEAR, Doing, Said, Where
from graph.formats.hxl.tags import Tag, guess, is_tag_row
from graph.formats.hxl.works import Work, metric_of, metric_writes, record
from graph.formats.rows import BETWEEN, FIRST_ROWS, Row, Table, lines_of, opening, reject, table, widths, written
from graph.formats.shared import Shared, Spot
from graph.model import Code, Metric, Write
from graph.vocabulary import PartnerRole, RelationKind

PROJECT = "project:"
MOST_GUESSES = 12
LIKE_ROWS = 3
"""So many rows of as many cells as the first one make a table of a text."""


class Stating(NamedTuple):
    """Who states what a row says, in which file, and where that file's title says it is."""

    sources: tuple[str, ...]
    place: Spot | None


def recognises(head: bytes) -> bool:
    """Whether there is a row of tags, or else a table that lacks one: `read` then says which it wants."""
    lines = opening(head)
    found = table(iter(lines), is_tag_row)
    return (found is not None and not _is_heading(found.head.cells)) or _untagged(lines) is not None


def _is_heading(cells: Sequence[str]) -> bool:
    """Whether it is the heading of a text, as "# Mali", more likely than one tag."""
    filled = [cell for cell in cells if cell.strip()]
    return len(filled) == 1 and " " in filled[0].strip()


def _untagged(lines: list[str]) -> Table | None:
    """A table without tags: the first rows have as many cells as the head, and more than one."""
    found = table(iter(lines), lambda cells: len(cells) > 1 and all(len(cell) < 80 for cell in cells))
    if found is None or found.above:
        return None
    with suppress(Unusable):
        rows = list(islice(found.rows, LIKE_ROWS))
        if rows and all(len(row.cells) == len(found.head.cells) for row in rows):
            return found
    return None


def read(source: File) -> Iterator[Record]:
    """Raises Unusable."""
    lines = lines_of(source.stream)
    begin = list(islice(lines, 4 * FIRST_ROWS))
    found = table(chain(begin, lines), is_tag_row)
    if found is None:
        raise Unusable(_tags_wanted(begin))
    return Reader(source, found).records()


def _tags_wanted(begin: list[str]) -> str:
    """What to do with a table without tags: the row of tags that its head wants, as far as that can be guessed."""
    found = _untagged(begin)
    if found is None:
        return "line 1: no row has HXL tags, as #country+code. Add one below the names of the columns"
    headers = [cell.strip() for cell in found.head.cells]
    tags = {header: guess(header) or "" for header in headers[: 10 * MOST_GUESSES]}
    guessed = [f"{tag} for {header[:40]!r}" for header, tag in tags.items() if tag]
    told = ", ".join(guessed[:MOST_GUESSES]) or "none can be guessed from the names of its columns"
    row = written([tags.get(header, "") for header in headers[:MOST_GUESSES]], found.delimiter)
    ending = found.delimiter + "..." if len(headers) > MOST_GUESSES else ""
    advice = f" As a row: {row}{ending}" if guessed else " The tags are on hxlstandard.org"
    return (
        f"line {found.head.line}: it is a table without HXL tags. Add a row of them below the names of its columns;"
        f" the nearest: {told}.{advice}"
    )


class Reader:
    """Reads one table."""

    def __init__(self, file: File, found: Table) -> None:
        self._file = file
        self._table = found
        self._header = found.above[-1].cells if found.above else []
        self._columns = columns_of(found.head.cells, self._header)
        self._shared = Shared(file.known)
        self._said = Said(self._columns, self._shared)
        self._works: dict[str, Work] = {}
        self._cells: dict[str, tuple[int, Column]] = {}  # of the metrics, by their ids: line and column
        self._titles = " ".join(cell for row in found.above[:-1] for cell in row.cells)
        self._figures: dict[tuple[object, ...], Figure] = {}
        self._titled: dict[str, Spot | None] = {}

    def records(self) -> Iterator[Record]:
        """Raises Unusable."""
        self._require_something()
        frame = frame_of(self._table)
        for told in self._told():
            yield told._replace(frame=frame) if told.faults else told

    def _told(self) -> Iterator[Record]:
        head = self._table.head.line
        yield Record(head, remarks=[Reason(head, remark) for remark in self._columns.remarks])
        for row in self._table.rows:
            if told := self._row(row):
                yield told
        for work in self._works.values():
            yield record(work, self._shared)

    def _require_something(self) -> None:
        columns = self._columns
        if not (columns.has_projects or columns.has_figures or any(named.code for named in columns.places.values())):
            raise Unusable(
                f"line {self._table.head.line}: its tags say nothing that is read. Wanted are #org or #activity (who"
                " does what), #affected, #inneed, #targeted, #reached, #population or #value (figures), or P-codes as"
                " #adm1+code (places)"
            )

    def _row(self, row: Row) -> Record | None:
        """What a row says, unless it is kept for later."""
        said, columns = self._said, self._columns
        said.begin(row.cells)
        stating = self._stating(said.single("file"), said.single("source"), said.single("url"))
        where = said.where()
        if where.smallest is None and stating.place:
            where = Where(stating.place, stating.place)
        if fault := row.fault or widths(row, columns.width):
            return self._torn(row, fault, where)
        if self._gathers:
            return self._gathered(row, where, stating)
        if columns.has_figures:
            return self._stated(row, where, stating)
        if where.smallest is None and not said.faults:
            said.faults.append("it names no place: its cells of codes and names are empty")
        return self._record(row, [])

    @property
    def _gathers(self) -> bool:
        return self._columns.has_projects or bool(self._columns.money)

    def _torn(self, row: Row, fault: str, where: Where) -> Record | None:
        """Refuses a row that has cells too few or too many, and with it what its cells seem to speak of."""
        said = self._said
        id = self._subject(said.doing(), where, said.period())[0] if self._gathers and row.cells else ""
        self._shared.needed()
        said.faults, said.remarks = [fault], []
        if not id:
            return self._record(row, [])
        self._keep(row, self._works.setdefault(id, Work(row.line, id)))
        return None

    def _stating(self, file: str, source: str, url: str) -> Stating:
        name = file or self._file.name
        named = [each.strip() for each in source.split(BETWEEN) if each.strip()]
        cited = {self._shared.source(each, url=url or None) for each in named} or {self._shared.file(name)}
        sources = self._shared.sources = tuple(sorted(cited))
        if name not in self._titled:
            self._titled[name] = self._shared.country_within(f"{self._titles} {name}")
        place = self._titled[name]
        return Stating(sources, place and self._shared.country(place.name))

    # A row by itself.

    def _record(self, row: Row, writes: list[Write]) -> Record:
        said, needed = self._said, self._shared.needed()
        remarks = [Reason(row.line, text) for text in said.remarks]
        text = self._text(row).encode("utf-8", "surrogatepass")
        if said.faults:
            return Record(
                row.line, (), [Reason(row.line, fault) for fault in dict.fromkeys(said.faults)], remarks, text=text
            )
        told: list[Write] = [*self._shared.untold(needed), *writes]
        return Record(row.line, told, (), remarks, text=text, needs=[*needed.values()])

    def _stated(self, row: Row, where: Where, stating: Stating) -> Record:
        """Figures about a place."""
        spot, said = where.smallest, self._said
        if spot is None:
            told = "its figures are about no place. Add a column #country+code, or name the country in the file's name"
            said.faults += [] if said.faults else [told]
            return self._record(row, [])
        writes: list[Write] = []
        for metric, indicator in self._metrics(row, (spot.id, spot.name), stating):
            writes += metric_writes(metric, spot.id, indicator, stating.sources)
        return self._record(row, writes)

    def _metrics(self, row: Row, about: tuple[str, str], stating: Stating) -> Iterator[tuple[Metric, str]]:
        """The counts of people in a row, each with its indicator."""
        period = self._said.period()
        splits = tuple(
            (column.tag, text)
            for column in self._columns.splits
            if (text := self._said.cell(column)) and text.lower() not in ("all", "total")
        )
        for column in self._columns.figures:
            value = self._said.number(column)
            if value is None:
                continue
            figure = self._figure(column.tag, splits)
            if found := self._metric(row, column, figure, figure.indicator.unit, about, period, stating):
                yield msgspec.structs.replace(found, value=value), figure.indicator.id

    def _figure(self, tag: Tag, splits: tuple[tuple[Tag, str], ...]) -> Figure:
        if (tag, splits) not in self._figures:
            self._figures[tag, splits] = people(tag, splits)
        found = self._figures[tag, splits]
        self._shared.there(found.indicator)
        return found

    def _metric(
        self,
        row: Row,
        column: Column,
        figure: Figure,
        unit: str,
        about: tuple[str, str],
        period: Period | None,
        stating: Stating,
    ) -> Metric | None:
        """A metric of a cell, still without value, unless it has no time or was stated before."""
        period = period or self._year(column)
        if period is None:
            if not self._said.faults:
                self._said.faults.append(f"{column} has a figure without a time. Add a column #date")
            return None
        metric = metric_of(figure, unit, about, period, stating.sources, self._said.cell(column))
        line, first = self._cells.setdefault(metric.id, (row.line, column))
        if (line, first) != (row.line, column) and column not in self._columns.money:
            where = f"line {line}" if line != row.line else str(first)
            self._said.faults.append(
                f"{column}: {where} states the same figure of the same place and time. Tag what tells them apart, or"
                " leave one out"
            )
            return None
        return metric

    def _year(self, column: Column) -> Period | None:
        """The one year that the name of a column or the title of the table mentions."""
        for text in (column.header, self._titles):
            if len(years := set(YEAR.findall(text))) == 1:
                (year,) = years
                return Period(year, year)
        return None

    # Rows that go together.

    def _gathered(self, row: Row, where: Where, stating: Stating) -> Record | None:
        """Puts a row to the others of its project, or of its place's money."""
        said, columns = self._said, self._columns
        doing, period = said.doing(), said.period()
        id, name = self._subject(doing, where, period)
        if not id:
            said.faults.append("it names no organisation, activity or place, so that nothing can be told from it")
            return self._record(row, [])
        work = self._works.setdefault(id, Work(row.line, id))
        work.name, work.code = work.name or name, work.code or doing.code
        work.is_own, work.is_part = not columns.money, "reason" in columns.single
        work.sources.update(stating.sources)
        if work.name:
            self._add(work, doing, where, stating)
            work.widen(period)
            work.open_ends |= said.open_ends()
        about = (id, work.name or (where.smallest.name if where.smallest else id))
        for metric, indicator in self._metrics(row, about, stating) if columns.figures else ():
            work.add(metric, indicator, stating.sources)
        self._add_money(row, work, about, period, stating)
        self._keep(row, work)
        return None

    def _keep(self, row: Row, work: Work) -> None:
        said = self._said
        work.needed |= self._shared.needed()
        work.faults += [Reason(row.line, fault) for fault in dict.fromkeys(said.faults)]
        work.remarks += [Reason(row.line, text) for text in said.remarks]
        if self._file.keeps_texts:
            work.raws.append(self._text(row))

    def _subject(self, doing: Doing, where: Where, period: Period | None) -> tuple[str, str]:
        """The id of what a row is about, and its name if it is a project.

        A code of an activity that has a letter, or is an id, is taken as unique in the world, a mere number as unique
        among those of its organisation. Without a code it is who, what, where and when that make a project.
        """
        code, name, partners, sectors = doing
        own = next((id for id, role in partners if role in (None, PartnerRole.IMPLEMENTING)), None)
        own = own or next((id for id, _ in partners), "")
        tail, spot = own.partition(":")[2], where.smallest
        place = spot.id.partition(":")[2] if spot else ""
        sector = (sectors[0].label or sectors[0].code) if sectors else ""
        if code:
            code = code.removeprefix(PROJECT)
            parts = [code] if code != doing.code or any(map(str.isalpha, code)) else [tail, code]
            parts += [place] if self._columns.figures and place else []
        elif own:
            dates = dict.fromkeys(period) if period else ()
            parts = [tail, slug(sector) if sector else "", slug(name) if name else "", place, *dates]
        else:
            return (spot.id if spot and not self._columns.has_projects else ""), ""
        label = name or " in ".join(filter(None, [sector, spot.name if spot else ""])) or code
        return PROJECT + ".".join(filter(None, parts)), label if name or not code else code

    def _add(self, work: Work, doing: Doing, where: Where, stating: Stating) -> None:
        said = self._said
        work.status = said.status() or work.status
        work.summary = work.summary or said.single("description") or None
        work.sectors |= dict.fromkeys(doing.sectors)
        named = [] if self._columns.activity.type else filter(None, [doing.name])
        for kind in said.kinds() or named:
            work.activities[Code(HXL_ACTIVITY, kind)] = None
        if where.smallest:
            work.places.setdefault(where.smallest.id, set()).update(stating.sources)
        for partner, role in doing.partners:
            default = None if self._columns.money or self._columns.says_roles else PartnerRole.IMPLEMENTING
            work.partners.setdefault((partner, role or default), set()).update(stating.sources)
            if where.country:
                self._shared.relate(RelationKind.OPERATES_IN, partner, where.country.id)

    def _add_money(self, row: Row, work: Work, about: tuple[str, str], period: Period | None, stating: Stating) -> None:
        for column in self._columns.money:
            value = self._said.number(column, may_be_negative=True)
            if value is None:
                continue
            unit = self._currency(column)
            figure = money(column.tag, unit, self._said.single("flow").lower())
            self._shared.there(figure.indicator)
            if metric := self._metric(row, column, figure, unit, about, period, stating):
                work.add(metric, figure.indicator.id, stating.sources)
                work.amounts.setdefault(metric.id, []).append(value)

    def _currency(self, column: Column) -> str:
        given = self._said.single("currency")
        if given:
            known = currency(given)
            if not known:
                self._said.remark(f"{given[:20]!r} is no currency of ISO 4217: it is kept as given")
            return known or given
        named = next((known for word in column.tag.attributes if (known := currency(word))), None)
        unit = named or currency_in(column.header)
        if unit is None:
            self._said.remark(f"{column}: no currency is stated. Add a column #currency, or an attribute as #value+usd")
        return unit or NO_CURRENCY

    def _text(self, row: Row) -> str:
        """A row for the file of refused rows: with the file where it stood, as that is its source."""
        if not self._file.keeps_texts:
            return ""
        delimiter = self._table.delimiter
        return (
            row.raw if "file" in self._columns.single else written([self._file.name], delimiter) + delimiter + row.raw
        )


HXL = Format("hxl", "a CSV table with HXL tags", ".csv", recognises, read, reject)
