"""GDACS: the alerts of the Global Disaster Alert and Coordination System, as its RSS feed or as a CSV table of it.

An item is an event with its type, dates, GLIDE numbers and the people it exposed, in the countries that the item names
and at its point; its source is the page that it links to. What is said of it, alert level and severity stand in the
summary. Not carried: bounding boxes, episodes, scores, vulnerability, images, lists of resources, and who observed it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

from lxml import etree

from graph.formats.cells import Unclear, number, period, plain, shown
from graph.formats.format import Format, Reason, Record, Refused, Source, Unusable
from graph.formats.rows import CHUNK, Cells, lines_of, opening, reasoned, table, widths
from graph.formats.shared import Shared, Spot
from graph.model import Code, Ensure, Event, Place, Relation, Write
from graph.model import Source as Document
from graph.values import fold, is_partial_date
from graph.vocabulary import EventType, PlaceType, PopulationStatus, RelationKind, SourceType

GDACS, GEO, GLIDE, DC = (
    "{http://www.gdacs.org}",
    "{http://www.w3.org/2003/01/geo/wgs84_pos#}",
    "{http://glidenumber.net}",
    "{http://purl.org/dc/elements/1.1/}",
)
PUBLISHER = "Global Disaster Alert and Coordination System (GDACS)"

TYPES = {
    "EQ": EventType.EARTHQUAKE,
    "TC": EventType.CYCLONE,
    "FL": EventType.FLOOD,
    "VO": EventType.VOLCANO,
    "DR": EventType.DROUGHT,
    "WF": EventType.FIRE,
    "TS": EventType.TSUNAMI,
}
TYPE_OF = {
    **{str(type).lower(): type for type in TYPES.values()},
    "tropical cyclone": EventType.CYCLONE,
    "forest fire": EventType.FIRE,
    "forest fires": EventType.FIRE,
    "wildfire": EventType.FIRE,
}
GLIDE_SHAPE = re.compile(r"[A-Z]{2}-\d{4}-\d{6}-[A-Z]{3}")
LEAD = b"\xef\xbb\xbf", b"\xc3\xaf\xc2\xbb\xc2\xbf"
"""A byte order mark, and one that was taken for text and encoded once more, with which the feed itself comes."""

DEAD = re.compile(r"killed|dead|death|fatal|casualt|injured", re.IGNORECASE)
"""Units of those who are not merely exposed; what is said of them stands in the summary."""

MOST_AFFECTED = 2**31 - 1

COLUMNS = {"id", "iso3", "title", "event_type", "from_date", "to_date", "link"}
REASON = "reason"


class Item(NamedTuple):
    """An alert as the feed or the table tells it, each value as a text, empty where it is unknown."""

    line: int
    id: str
    title: str
    link: str
    type: str
    iso3: str
    country: str
    started: str
    ended: str
    published: str = ""
    name: str = ""
    level: str = ""
    severity: str = ""
    people: str = ""
    exposed: str = ""
    unit: str = ""
    said: str = ""
    glides: str = ""
    latitude: str = ""
    longitude: str = ""
    is_current: bool = False


# The feed.


def recognises(head: bytes) -> bool:
    return b"<rss" in head and b"http://www.gdacs.org" in head


def read(source: Source) -> Iterator[Record]:
    """Raises Unusable."""
    alerts = Alerts(source)
    for element in _items(source):
        text = etree.tostring(element, encoding="utf-8", with_tail=False) if source.keeps_texts else b""
        yield alerts.record(_item(element), text)


def _items(source: Source) -> Iterator[Any]:
    """The items one after the other, each dropped when the next is asked for. Nothing that a DTD declares is looked at,
    and nothing is fetched."""
    parser: Any = etree.XMLPullParser(
        ("start", "end"), resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False
    )
    try:
        chunk = _without_lead(source.stream.read(CHUNK))
        while chunk:
            parser.feed(chunk)
            yield from _ended(parser)
            chunk = source.stream.read(CHUNK)
        parser.close()
    except etree.XMLSyntaxError as error:
        raise Unusable(f"line {error.lineno or 1}: this is not XML: {error.msg}. Get the file anew") from error


def _without_lead(chunk: bytes) -> bytes:
    for lead in LEAD:
        chunk = chunk.removeprefix(lead)
    return chunk.lstrip()


def _ended(parser: Any) -> Iterator[Any]:
    for action, element in parser.read_events():
        if element.getparent() is None and action == "start":
            if element.getroottree().docinfo.internalDTD is not None:
                raise Unusable("line 1: it has a document type, which may hold anything. Take out <!DOCTYPE ...>")
            if element.tag != "rss":
                raise Unusable(f"line {element.sourceline}: it begins with <{element.tag}>, expected <rss>")
        if action == "end" and element.tag == "item":
            yield element
            element.clear()
            while element.getprevious() is not None:
                del element.getparent()[0]


def _item(element: Any) -> Item:
    def text(*names: str) -> str:
        found = (element.findtext(name) for name in names)
        return next((value.strip() for value in found if value and value.strip()), "")

    def value(name: str) -> str:
        found = element.find(GDACS + name)
        return "" if found is None else found.get("value", "").strip()

    type = text(f"{GDACS}eventtype")
    return Item(
        line=element.sourceline or 1,
        id=text("guid") or type + text(f"{GDACS}eventid"),
        title=text("title"),
        link=text("link"),
        type=type,
        iso3=text(f"{GDACS}iso3"),
        country=text(f"{GDACS}country"),
        started=text(f"{GDACS}fromdate"),
        ended=text(f"{GDACS}todate"),
        published=text("pubDate"),
        name=text(f"{GDACS}eventname"),
        level=text(f"{GDACS}alertlevel"),
        severity=text(f"{GDACS}severity"),
        people=text(f"{GDACS}population"),
        exposed=value("population"),
        unit=found.get("unit", "").strip() if (found := element.find(GDACS + "population")) is not None else "",
        said=text("description"),
        glides=text(f"{GDACS}glide", f"{GLIDE}glide", f"{GLIDE}number"),
        latitude=text(f"{GEO}Point/{GEO}lat", f"{GEO}lat"),
        longitude=text(f"{GEO}Point/{GEO}long", f"{GEO}long"),
        is_current=text(f"{GDACS}iscurrent").lower() == "true",
    )


def reject(refused: Iterable[Refused], head: bytes) -> Iterator[bytes]:  # a feed's own head says nothing of its items
    """A feed of the refused items, each after its reasons."""
    yield b'<?xml version="1.0" encoding="utf-8"?>\n<rss version="2.0" xmlns:gdacs="http://www.gdacs.org">\n<channel>\n'
    for record in refused:
        for reason in record.reasons:
            yield f"<!-- {reason.replace('--', '- -')} -->\n".encode("utf-8", "replace")
        yield record.text + b"\n"
    yield b"</channel>\n</rss>\n"


# The table.


def is_head(cells: Cells) -> bool:
    return {fold(cell.strip()) for cell in cells} >= COLUMNS


def recognises_table(head: bytes) -> bool:
    return table(iter(opening(head)), is_head) is not None


def read_table(source: Source) -> Iterator[Record]:
    """Raises Unusable."""
    found = table(lines_of(source.stream), is_head)
    if found is None:
        raise Unusable(f"line 1: no row names the columns of a table of alerts: {', '.join(sorted(COLUMNS))}")
    alerts, names = Alerts(source, is_whole=False), [fold(cell.strip()) for cell in found.head.cells]
    for row in found.rows:
        text = row.raw.encode("utf-8", "surrogatepass") if source.keeps_texts else b""
        if fault := row.fault or widths(row, len(names)):
            yield Record(row.line, faults=[Reason(row.line, fault)], text=text)
        else:
            cells = {name: cell.strip() for name, cell in zip(names, row.cells, strict=False)}
            yield alerts.record(_of_row(cells, row.line), text)


def _of_row(cells: Mapping[str, str], line: int) -> Item:
    severity = [cells.get("severity_value", ""), cells.get("severity_unit", "")]
    return Item(
        line=line,
        id=cells["id"],
        title=cells["title"],
        link=cells["link"],
        type=cells["event_type"],
        iso3=cells["iso3"],
        country=cells.get("country", ""),
        started=cells["from_date"],
        ended=cells["to_date"],
        severity=" ".join(filter(None, severity)),
        said=cells.get("description", ""),
        latitude=cells.get("geo_lat", ""),
        longitude=cells.get("geo_long", ""),
    )


def reject_table(refused: Iterable[Refused], head: bytes) -> Iterator[bytes]:
    """The table's head and the refused rows, each after its reasons."""
    found = table(iter(opening(head)), is_head)
    if found is None:
        return
    again = fold(found.head.cells[0].strip()) == REASON
    yield f"{'' if again else REASON.capitalize() + found.delimiter}{found.head.raw}\n".encode()
    yield from reasoned(refused, found.delimiter, again=again)


# What an item says.


class Alerts:
    """Turns items into records. A table leaves out much of the feed: it adds to what is known and replaces nothing."""

    def __init__(self, source: Source, *, is_whole: bool = True) -> None:
        self._is_whole = is_whole
        self._shared = Shared(source.known)
        self._lines: dict[str, int] = {}

    def record(self, item: Item, text: bytes) -> Record:
        faults: list[str] = []
        remarks: list[str] = []
        writes: list[Write] = []
        try:
            texts: dict[str, Any] = {
                key: plain(value) for key, value in item._asdict().items() if isinstance(value, str)
            }
            writes = self._event(item._replace(**texts), faults, remarks)
        except Unclear as error:
            faults.append(str(error))
        needed = self._shared.needed()
        notes = [Reason(item.line, remark) for remark in remarks]
        if faults:
            ids = frozenset({f"event:gdacs-{item.id}"})
            return Record(item.line, (), [Reason(item.line, fault) for fault in faults], notes, ids, text)
        return Record(
            item.line, [*self._shared.untold(needed), *writes], (), notes, text=text, needs=[*needed.values()]
        )

    def _event(self, item: Item, faults: list[str], remarks: list[str]) -> list[Write]:
        if not item.id:
            faults.append("it has no guid, and no type and number of an event. Add a <guid>, as EQ1457082")
        elif (first := self._lines.setdefault(item.id, item.line)) != item.line:
            faults.append(f"line {first} has the same event, {item.id}. Leave one of them out")
        if not item.link:
            faults.append("it has no link, which is its source")
        type = TYPES.get(item.type) or TYPE_OF.get(fold(item.type))
        if type is None:
            remarks.append(f"{shown(item.type)} is no type of event that is known: it is taken as OTHER")
            type = EventType.OTHER
        start, end = self._dates(item, faults)
        source, tail = f"source:gdacs-{item.id}", f"gdacs-{item.id}"
        self._shared.sources = (source,)
        countries = self._countries(item, remarks)
        where = " and ".join(spot.name for spot in countries)
        event = Event(
            id=f"event:{tail}",
            name=item.name or " in ".join(filter(None, [type.label, where])) + (f", {start}" if start else ""),
            summary=_summary(item),
            identifiers=(Code("GDACS", item.id),),
            type=type,
            started_on=start,
            ended_on=end,
            affected=_affected(item, faults),
            affected_status=PopulationStatus.AFFECTED if _counts_affected(item) else None,
            glides=_glides(item, remarks),
        )
        published = _date("pubDate", item.published, faults)
        document = Document(
            id=source,
            name=item.title or event.name,
            type=SourceType.WEBPAGE,
            publisher=PUBLISHER,
            url=item.link,
            published_on=published,
        )
        place = _point(item, event.name, faults)
        own = [document, event, *([place] if place else [])]
        told: list[Write] = [record if self._is_whole else Ensure(record) for record in own]
        return [] if faults else [*told, *_around(event.id, source, countries, place)]

    def _dates(self, item: Item, faults: list[str]) -> tuple[str | None, str | None]:
        """An event that goes on has no end, though the feed gives the day until which it is known to."""
        start, end = _date("fromdate", item.started, faults), _date("todate", item.ended, faults)
        if start and end and end < start:
            faults.append(f"it ends on {end}, before it begins on {start}")
        return start, None if item.is_current and end != start else end

    def _countries(self, item: Item, remarks: list[str]) -> list[Spot]:
        found: dict[str, Spot] = {}
        codes, names = (list(filter(None, re.split(r"[,;]\s*", text))) for text in (item.iso3, item.country))
        for given in codes + names if len(names) > len(codes) else codes:  # the first one alone has a code at times
            if given and (spot := self._shared.country(given)):
                found[spot.id] = spot
            elif given:
                remarks.append(f"no country has the code or name {shown(given)}: it is not carried")
        return list(found.values())


def _around(event: str, source: str, countries: list[Spot], place: Place | None) -> Iterator[Write]:
    sources = (source,)
    yield Relation(RelationKind.CITES, event, source)
    for spot in countries:
        yield Relation(RelationKind.OCCURRED_IN, event, spot.id, sources=sources)
    if place:
        yield Relation(RelationKind.CITES, place.id, source)
        yield Relation(RelationKind.OCCURRED_IN, event, place.id, sources=sources)
        if len(countries) == 1:
            yield Ensure(Relation(RelationKind.PART_OF, place.id, countries[0].id, sources=sources))


def _summary(item: Item) -> str | None:
    parts = {"Alert level": item.level, "Severity": item.severity, "Population": item.people}
    told = " ".join(f"{name}: {text}." for name, text in parts.items() if text)
    return "\n\n".join(filter(None, [item.said, told])) or None


def _counts_affected(item: Item) -> bool:
    """Whether the number of an item is one of people who are exposed, not of those who died."""
    return item.exposed not in ("", "0") and not DEAD.search(item.unit)


def _affected(item: Item, faults: list[str]) -> int | None:
    """The people exposed; 0 is as good as not known."""
    if not _counts_affected(item):
        return None
    try:
        people = number(item.exposed)
    except Unclear as error:
        faults.append(f"population: {error}")
        return None
    if people < 0 or people > MOST_AFFECTED:
        faults.append(f"population is {item.exposed}, expected a number of people")
        return None
    return round(people) or None


def _glides(item: Item, remarks: list[str]) -> tuple[str, ...]:
    glides = [glide for glide in re.split(r"[\s,;]+", item.glides) if glide]
    for glide in glides:
        if not GLIDE_SHAPE.fullmatch(glide):
            remarks.append(f"{shown(glide)} is no GLIDE number, as FL-2024-000123-MLI: it is kept as given")
    return tuple(sorted(set(glides)))


def _date(name: str, text: str, faults: list[str]) -> str | None:
    """The day in UTC of a date as e-mails write it, or of any that is clear."""
    if not text:
        return None
    try:
        moment = parsedate_to_datetime(text)
        day = (moment if moment.tzinfo is None else moment.astimezone(UTC)).date().isoformat()
        if is_partial_date(day):
            return day
    except (ValueError, TypeError, OverflowError, IndexError):
        pass  # it may be a plain date
    try:
        return period(text).start
    except Unclear:
        faults.append(f"{name} is {shown(text)}, expected a date, as Tue, 10 Dec 2024 18:04:35 GMT or 2024-12-10")
    return None


def _point(item: Item, name: str, faults: list[str]) -> Place | None:
    if not (item.latitude and item.longitude):
        return None
    try:
        latitude, longitude = number(item.latitude), number(item.longitude)
    except Unclear as error:
        faults.append(f"its point: {error}")
        return None
    if abs(latitude) > 90 or abs(longitude) > 180:
        faults.append(f"its point, {latitude:g} {longitude:g}, is not on earth: latitudes end at 90, longitudes at 180")
    return Place(
        id=f"place:gdacs-{item.id}",
        name=f"Point of: {name}",
        type=PlaceType.OTHER,
        latitude=latitude,
        longitude=longitude,
    )


FEED = Format("gdacs", "the RSS feed of GDACS", ".xml", recognises, read, reject)
TABLE = Format("gdacs-csv", "a CSV table of GDACS's alerts", ".csv", recognises_table, read_table, reject_table)
