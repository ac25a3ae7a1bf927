"""The RSS feed of GDACS: an item after the other."""

from collections.abc import Iterable, Iterator

from graph.formats.format import Format, Record, Refused, Source, Unusable
from graph.formats.gdacs.alerts import Alerts, Item
from graph.formats.xml import Element, Found, beginning, commented, records_of, text_of, written

GDACS, GEO, GLIDE = (
    "{http://www.gdacs.org}",
    "{http://www.w3.org/2003/01/geo/wgs84_pos#}",
    "{http://glidenumber.net}",
)


def recognises(head: bytes) -> bool:
    text = beginning(head)
    return "<rss" in text and "http://www.gdacs.org" in text


def read(source: Source) -> Iterator[Record]:
    """Raises Unusable."""
    alerts = Alerts(source)
    for found in records_of(source.stream, _check, lambda element: bool(element.tag == "item")):
        text = written(found.element) if source.keeps_texts else b""
        yield alerts.record(_item(found), text)


def _check(root: Element) -> None:
    if root.tag != "rss":
        raise Unusable(f"line 1: it begins with <{root.tag}>, expected <rss>")


def _item(found: Found) -> Item:
    element = found.element

    def text(*names: str, paragraphs: bool = False) -> str:
        texts = (text_of(each, paragraphs=paragraphs) for name in names for each in element.iterfind(name))
        return next(filter(None, texts), "")

    population = element.find(GDACS + "population")
    people = {} if population is None else population.attrib
    type, number = text(f"{GDACS}eventtype"), text(f"{GDACS}eventid")
    return Item(
        line=found.lines[0],
        id=text("guid") or (type + number if number else ""),
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
        exposed=people.get("value", "").strip(),
        unit=people.get("unit", "").strip(),
        said=text("description", paragraphs=True),
        glides=text(f"{GDACS}glide", f"{GLIDE}glide", f"{GLIDE}number"),
        latitude=text(f"{GEO}Point/{GEO}lat", f"{GEO}lat"),
        longitude=text(f"{GEO}Point/{GEO}long", f"{GEO}long"),
        is_current=text(f"{GDACS}iscurrent").lower() == "true",
    )


def reject(refused: Iterable[Refused]) -> Iterator[bytes]:
    """A feed of the refused items, each after its reasons."""
    yield b'<?xml version="1.0" encoding="utf-8"?>\n<rss version="2.0" xmlns:gdacs="http://www.gdacs.org">\n<channel>\n'
    for record in refused:
        yield from map(commented, record.reasons)
        yield record.text + b"\n"
    yield b"</channel>\n</rss>\n"


FEED = Format("gdacs", "the RSS feed of GDACS", ".xml", recognises, read, reject)
