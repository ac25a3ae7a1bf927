"""The formats that can be read, in the order in which a file is tried for them, and those that can be written."""

from graph.errors import InvalidInput
from graph.formats.format import Format, Unusable, Writer
from graph.formats.gdacs.feed import FEED
from graph.formats.gdacs.table import TABLE
from graph.formats.geojson import GEOJSON
from graph.formats.graphml import GRAPHML
from graph.formats.hxl.reader import HXL
from graph.formats.iati.reader import IATI_ACTIVITIES
from graph.formats.jsonld import JSON_LD
from graph.formats.lines import GRAPH_LINES, LINES
from graph.formats.pages.reader import PAGE
from graph.formats.pcodes import P_CODES
from graph.formats.tables import TABLES
from graph.formats.threew import HXL_3W

HEAD = 65_536
"""Bytes from the beginning of a file by which it is recognised."""

READABLE: dict[str, Format] = {
    format.name: format for format in (GRAPH_LINES, IATI_ACTIVITIES, FEED, TABLE, P_CODES, HXL, PAGE)
}

WRITABLE: dict[str, Writer] = {writer.name: writer for writer in (LINES, TABLES, JSON_LD, GRAPHML, GEOJSON, HXL_3W)}

ARCHIVES = {b"PK\x03\x04": "a zip archive", b"\x1f\x8b": "compressed with gzip"}


def named(name: str) -> Format:
    """Raises InvalidInput."""
    if name not in READABLE:
        raise InvalidInput(f"There is no format {name!r} to import. Known are: {', '.join(READABLE)}.")
    return READABLE[name]


def writer(name: str) -> Writer:
    """Raises InvalidInput."""
    if name not in WRITABLE:
        raise InvalidInput(f"There is no format {name!r} to export. Known are: {', '.join(WRITABLE)}.")
    return WRITABLE[name]


def recognised(head: bytes) -> Format:
    """The format of a file that begins with these bytes. Raises Unusable."""
    for magic, what in ARCHIVES.items():
        if head.startswith(magic):
            raise Unusable(f"it is {what}. Unpack it, and import what is in it")
    for format in READABLE.values():
        if format.recognises(head):
            return format
    known = "; ".join(f"{format.name}: {format.title}" for format in READABLE.values())
    raise Unusable(f"its format is not recognised. Name it with --format ({known})")
