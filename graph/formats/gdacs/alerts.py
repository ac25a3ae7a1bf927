"""Alerts into events, with their types, dates, GLIDE numbers and the people they exposed, in the countries that they
name and at their points. The source is the page that an alert links to; what is said of it, its level and severity
stand in the summary.
"""

import re
from collections.abc import Iterator
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

from graph.formats.cells import Period, Unclear, number, period, plain, shown
from graph.formats.format import Reason, Record, Source
from graph.formats.shared import Shared, Spot
from graph.model import Code, Ensure, Event, Place, Relation, Write
from graph.model import Source as Document
from graph.values import fold, is_partial_date, span
from graph.vocabulary import GLIDE_SHAPE, EventType, PlaceType, PopulationStatus, RelationKind, SourceType

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

DEAD = re.compile(r"killed|dead|death|fatal|casualt|injured", re.IGNORECASE)
"""Units of those who are not merely exposed; what is said of them stands in the summary."""

MOST_AFFECTED = 2**31 - 1


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
        elif item.id in self._lines:
            faults.append(f"line {self._lines[item.id]} has the same event, {item.id}. Leave one of them out")
        else:
            self._lines[item.id] = item.line
        if not item.link:
            faults.append("it has no link, which is its source")
        type = TYPES.get(item.type) or TYPE_OF.get(fold(item.type))
        if type is None:
            remarks.append(f"{shown(item.type)} is no type of event that is known: it is taken as OTHER")
            type = EventType.OTHER
        start, end = self._dates(item, faults)
        tail = f"gdacs-{item.id}"
        document = self._document(item, faults)
        self._shared.sources, self._shared.documents = (document.id,), [Ensure(document)]
        countries, affected = self._countries(item, remarks), _affected(item, faults)
        where = " and ".join(spot.name for spot in countries)
        event = Event(
            id=f"event:{tail}",
            name=item.name or " in ".join(filter(None, [type.label, where])) + (f", {start}" if start else ""),
            summary=_summary(item),
            identifiers=(Code("GDACS", item.id),),
            type=type,
            started_on=start,
            ended_on=end,
            affected=affected,
            affected_status=PopulationStatus.AFFECTED if affected else None,
            glides=_glides(item, remarks),
        )
        place = _point(item, event.name, faults)
        own = [document, event, *([place] if place else [])]
        told: list[Write] = [record if self._is_whole else Ensure(record) for record in own]
        return [] if faults else [*told, *_around(event.id, document.id, countries, place)]

    def _document(self, item: Item, faults: list[str]) -> Document:
        published = _date("pubDate", item.published, faults)
        return Document(
            id=f"source:gdacs-{item.id}",
            name=item.title or f"Alert {item.id}",
            type=SourceType.WEBPAGE,
            publisher=PUBLISHER,
            url=item.link,
            published_on=published and published.start,
        )

    def _dates(self, item: Item, faults: list[str]) -> tuple[str | None, str | None]:
        """An event that goes on has no end, though the feed gives the day until which it is known to."""
        first, last = _date("fromdate", item.started, faults), _date("todate", item.ended, faults)
        start, end = first and first.start, last and last.end
        if start and end and span(end)[1] < span(start)[0]:
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


def _affected(item: Item, faults: list[str]) -> int | None:
    """The people exposed, not those who died; 0 is as good as not known."""
    if not item.exposed or DEAD.search(item.unit):
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


def _date(name: str, text: str, faults: list[str]) -> Period | None:
    """The day in UTC of a date as e-mails write it, or any period that is clear."""
    if not text:
        return None
    try:
        moment = parsedate_to_datetime(text)
        day = (moment if moment.tzinfo is None else moment.astimezone(UTC)).date().isoformat()
        if is_partial_date(day):
            return Period(day, day)
    except (ValueError, TypeError, OverflowError, IndexError):
        pass  # it may be a plain date
    try:
        return period(text)
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
