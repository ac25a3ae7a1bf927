"""A page about a country into writes: its figures as metrics; the page, its report and its stories as sources."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property, partial

from graph.formats.cells import Period, Unclear, shown, slug
from graph.formats.countries import country_named
from graph.formats.format import Format, Reason, Record, Refused, Unusable, framed
from graph.formats.format import Source as File
from graph.formats.pages.measures import measured
from graph.formats.pages.text import (
    REFUSED,
    Amount,
    Page,
    Stated,
    Text,
    Told,
    amount,
    clean,
    looks_like_page,
    name_of,
    parsed,
    report_name,
    series_of,
    texts_of,
    years_of,
)
from graph.formats.rows import lines_of
from graph.formats.shared import Shared, Spot
from graph.model import Ensure, Indicator, Metric, Relation, Source, Write
from graph.values import fold
from graph.vocabulary import CountBasis, Kind, RelationKind, SourceType

ALIKE = 30
"""Titles of one day whose first characters are the same are of one story: pages cut them."""


def recognises(head: bytes) -> bool:
    return looks_like_page(head, lambda name: country_named(name) is not None)


def read(source: File) -> Iterator[Record]:
    """Raises Unusable."""
    texts = texts_of(lines_of(source.stream))
    shared = Shared(source.known)
    page = parsed(texts, lambda name: len(name) > 2 and shared.country(name) is not None)
    shared.needed()
    if page.country is None:
        raise Unusable("line 1: no line is the name of a country. Put one above the figures, by itself, as Mali")
    if not (page.stated or page.told):
        raise Unusable(f"line {page.country.line}: no figure with a label follows, and no dated story")
    yield from Reader(source, shared, page, page.country, years_of(page, texts)).records()


class Reader:
    """Reads one page."""

    def __init__(self, file: File, shared: Shared, page: Page, heading: Text, year: Period | None) -> None:
        self._keeps_texts = file.keeps_texts
        self._shared = shared
        self._page = page
        self._heading = heading
        self._year = year
        self._lines: dict[str, Stated] = {}
        self._sources = self._cited(heading)
        shared.sources = self._sources

    def _cited(self, heading: Text) -> tuple[str, ...]:
        """The page itself, and the report that it is from."""
        page = self._shared.source(self._name, SourceType.WEBPAGE)
        report = self._page.report
        if report is None:
            return (page,)
        return page, self._shared.source(report_name(report.text), SourceType.REPORT)

    @cached_property
    def _name(self) -> str:
        """What the page is called. Several organisations have pages about a country: one in the store is this one if
        figures that cite it cite a report of the same series."""
        plain, report, known = f"{self._spot().name} (country page)", self._page.report, self._shared.known
        if report is None:
            return plain
        series, held = series_of(report_name(report.text)), known.named(Kind.SOURCE, plain)
        citing = known.related(held, RelationKind.CITES) if held else ()
        reports = (source.name for _, each in citing for _, source in known.related(each.id, RelationKind.CITES))
        return plain if series in map(series_of, reports) else f"{self._spot().name} (country page, {series})"

    def _spot(self) -> Spot:
        spot = self._shared.country(name_of(self._heading.text))
        assert spot is not None
        return spot

    def records(self) -> Iterator[Record]:
        yield self._record(self._heading.line, self._about_country(), self._remarks())
        for stated in self._page.stated:
            yield self._read(stated, partial(self._metric, stated))
        for told in self._page.told:
            yield self._read(told, partial(self._story, told))

    def _read(self, found: Stated | Told, writes_of: Callable[[], Iterable[Write]]) -> Record:
        """A figure or a story, taken or refused."""
        text = "\n".join(found.raw).encode("utf-8", "replace") if self._keeps_texts else b""
        try:
            return self._record(found.line, list(writes_of()), [], text)
        except Unclear as error:
            self._shared.needed()
            return Record(found.line, faults=[Reason(found.line, str(error))], text=text, frame=self._frame)

    @cached_property
    def _frame(self) -> list[str]:
        """The lines by which refused figures and stories are those of this page."""
        report = self._page.report
        year = report.text if report else self._year.start if self._year else ""
        return list(filter(None, [self._heading.text, year]))

    def _record(self, line: int, writes: list[Write], remarks: list[Reason], text: bytes = b"") -> Record:
        needed = self._shared.needed()
        writes = [*self._shared.untold(needed), *writes]
        return Record(line, writes, (), remarks, text=text, needs=[*needed.values()], frame=self._frame)

    def _remarks(self) -> list[Reason]:
        unread = [Reason(line, f"not read: {shown(text)}") for line, text in self._page.unread]
        if self._year is None and self._page.stated:
            line = self._page.report.line if self._page.report else self._heading.line
            unread.append(Reason(line, "no line names one year of which the figures are"))
        return unread

    def _about_country(self) -> list[Write]:
        spot = self._spot()
        self._cited(self._heading)
        return [Ensure(Relation(RelationKind.CITES, spot.id, source)) for source in self._sources]

    # Figures.

    def _metric(self, stated: Stated) -> list[Write]:
        """Raises Unclear."""
        if self._year is None:
            told = "it is not told of which year it is. Name the report, as Data from Activity Report 2023"
            raise Unclear(f"{shown(stated.printed)}: {told}")
        label, found = clean(stated.label), amount(stated.printed)
        first = self._lines.setdefault(fold(label), stated)
        if first is not stated:
            raise Unclear(f"line {first.line} states {shown(label)} already, as {shown(first.printed)}. Leave one out")
        spot, indicator = self._spot(), self._indicator(label, found)
        self._cited(self._heading)
        held = self._held(spot, indicator, found)
        if held is not None:
            return [Ensure(Relation(RelationKind.CITES, held.id, source)) for source in self._sources]
        country = spot.id.partition(":")[2].lower()
        metric = Metric(
            id=f"metric:{self._sources[-1].removeprefix('source:')}.{country}.{slug(label)}",
            name=f"{label}, {spot.name}, {self._year.start}",
            value=found.value,
            printed=stated.printed,
            lower=found.lower,
            upper=found.upper,
            unit=found.unit or indicator.unit,
            started_on=self._year.start,
            ended_on=self._year.end,
        )
        return [
            metric,
            Relation(RelationKind.ABOUT, metric.id, spot.id, sources=tuple(sorted(self._sources))),
            Relation(RelationKind.MEASURES, metric.id, indicator.id, sources=tuple(sorted(self._sources))),
            *(Ensure(Relation(RelationKind.CITES, metric.id, source)) for source in self._sources),
        ]

    def _indicator(self, label: str, found: Amount) -> Indicator:
        id = self._shared.known.named(Kind.INDICATOR, label)
        held = self._shared.known.entity(id or f"indicator:{slug(label)}")
        if isinstance(held, Indicator):
            return held
        unit, basis = measured(label)
        if found.unit:
            unit, basis = found.unit, CountBasis.OTHER if found.unit == "%" else CountBasis.MONEY
        new = Indicator(id=f"indicator:{slug(label)}", name=label, code=slug(label), unit=unit, count_basis=basis)
        self._shared.there(new)
        return new

    def _held(self, spot: Spot, indicator: Indicator, found: Amount) -> Metric | None:
        """The metric by which the store has this very figure, as another who read the same report may have told it."""
        assert self._year is not None
        known = self._shared.known
        for metric in known.stated(spot.id, indicator.id, self._year):
            cited = {source.id for _, source in known.related(metric.id, RelationKind.CITES)}
            if metric.value == found.value and (not cited or cited & set(self._sources)):
                return metric
        return None

    # Stories.

    def _story(self, told: Told) -> Iterator[Write]:
        """Raises Unclear."""
        title, day = clean(told.title), told.day
        title = title.rstrip(".… ") or title
        id = self._held_story(title, day)
        if id is None:
            id = f"source:story-{day}-{slug(title[: 2 * ALIKE])}"
            yield Ensure(Source(id=id, name=title, type=SourceType.STORY, published_on=day))
        yield Ensure(Relation(RelationKind.CITES, self._spot().id, id))

    def _held_story(self, title: str, day: str) -> str | None:
        alike = (held.id for held in self._stories[day] if fold(held.name)[:ALIKE] == fold(title)[:ALIKE])
        return next(alike, None)

    @cached_property
    def _stories(self) -> Mapping[str | None, list[Source]]:
        """The stories of the store by the day of their publication."""
        found: dict[str | None, list[Source]] = defaultdict(list)
        for held in self._shared.known.all_of(Kind.SOURCE):
            if isinstance(held, Source) and held.type is SourceType.STORY:
                found[held.published_on].append(held)
        return found


def reject(refused: Iterable[Refused]) -> Iterator[bytes]:
    """What stands above them on the page, then the refused figures and stories, each after its reasons."""
    frame, records = framed(refused)
    for text in frame or ():
        yield f"{text}\n".encode("utf-8", "replace")
    for record in records:
        yield b"\n"
        for reason in record.reasons:
            yield f"{REFUSED}{reason}\n".encode("utf-8", "replace")
        yield record.text + b"\n"


PAGE = Format("page", "the plain text of a page about a country", ".txt", recognises, read, reject)
