"""The CSV table of GDACS's alerts, as its archive gives it out: a row an item."""

from collections.abc import Iterator, Mapping

from graph.formats.format import Format, Reason, Record, Source, Unusable
from graph.formats.gdacs.alerts import Alerts, Item
from graph.formats.rows import Cells, frame_of, lines_of, opening, reject, table, widths
from graph.values import fold

COLUMNS = {"id", "iso3", "title", "event_type", "from_date", "to_date", "link"}


def is_head(cells: Cells) -> bool:
    return {fold(cell.strip()) for cell in cells} >= COLUMNS


def recognises(head: bytes) -> bool:
    return table(iter(opening(head)), is_head) is not None


def read(source: Source) -> Iterator[Record]:
    """Raises Unusable."""
    found = table(lines_of(source.stream), is_head)
    if found is None:
        raise Unusable(f"line 1: no row names the columns of a table of alerts: {', '.join(sorted(COLUMNS))}")
    alerts, names = Alerts(source, is_whole=False), [fold(cell.strip()) for cell in found.head.cells]
    frame = frame_of(found)
    for row in found.rows:
        text = row.raw.encode("utf-8", "surrogatepass") if source.keeps_texts else b""
        if fault := row.fault or widths(row, len(names)):
            yield Record(row.line, faults=[Reason(row.line, fault)], text=text, frame=frame)
        else:
            cells = {name: cell.strip() for name, cell in zip(names, row.cells, strict=False)}
            yield alerts.record(_of_row(cells, row.line), text)._replace(frame=frame)


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


TABLE = Format("gdacs-csv", "a CSV table of GDACS's alerts", ".csv", recognises, read, reject)
