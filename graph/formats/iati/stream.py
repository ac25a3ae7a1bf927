"""A file as a stream of activities: one element at a time, and the line on which each of its elements stands.

Nothing is fetched, no entity is expanded, and a document type is refused. lxml's own count of lines is off from line
65,535 on, so a file goes to the parser line by line, and an element stands on the line that completes its start tag.
"""

import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, BinaryIO, TypeAlias

from lxml import etree

from graph.formats.format import Unusable

Element: TypeAlias = Any  # lxml has no annotations

ACTIVITIES, ACTIVITY, ORGANISATIONS = "iati-activities", "iati-activity", "iati-organisations"

PIECE = 65_536
"""Bytes of a line that go to the parser at a time: a file may be one line."""

LARGEST = 16 * 2**20
"""Bytes of an activity, and of what stands between two: it is held as a whole."""

SAFE: dict[str, Any] = {
    "resolve_entities": "internal",  # none can be declared; with False lxml takes no notice of those that are not
    "no_network": True,
    "load_dtd": False,
    "dtd_validation": False,
    "huge_tree": False,
}

DOCTYPE = b"<!DOCTYPE"
HAS_DOCTYPE = (
    "it has a document type (DOCTYPE), in which entities are declared, and which IATI does not need. Take it out"
)

ROOT = re.compile(r"<(?:[\w.-]+:)?iati-(?:activities|activity|organisations)[\s/>]")
BEYOND = re.compile(r"XML_PARSE_HUGE|excessive|too long|too big|too large", re.IGNORECASE)
"""How libxml2 tells of what is well-formed and goes beyond its limits."""
PLACE = re.compile(r", line \d+, column \d+.*$")


class Found:
    """An activity, and the lines of its elements in their order, itself first."""

    def __init__(self, element: Element, line: int) -> None:
        self.element = element
        self.lines = [line]

    def line(self, element: Element) -> int:
        return self._lines_of.get(element, self.lines[0])

    @cached_property
    def _lines_of(self) -> dict[Element, int]:
        """Made only if something is to be told of an activity."""
        return dict(zip(self.element.iter("*"), self.lines, strict=False))


def recognises(head: bytes) -> bool:
    encoding = "utf-16" if head.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "latin-1"
    return ROOT.search(head.decode(encoding, "ignore")) is not None


def activities(stream: BinaryIO, check: Callable[[Element], None]) -> Iterator[Found]:
    """Every activity of a file, held until the next one is asked for. `check` looks at the root. Raises Unusable."""
    parser = etree.XMLPullParser(events=("start",), **SAFE)
    root: Element | None = None
    current: Found | None = None
    size = 0
    for line, piece in _pieces(stream):
        if (size := size + len(piece)) > LARGEST:
            raise Unusable(f"line {line}: an activity has more than {LARGEST >> 20} MB. Take it out, or split it")
        if root is None and DOCTYPE in piece.replace(b"\0", b""):
            raise Unusable(HAS_DOCTYPE)
        for element in _fed(parser, piece, line):
            if root is None:
                root = element
                if root.getroottree().docinfo.doctype:
                    raise Unusable(HAS_DOCTYPE)
                check(root)
            elif element.tag == ACTIVITY and element.getparent() is root:
                if current:
                    yield current
                _drop_before(element, root)
                current, size = Found(element, line), len(piece)
            elif current:
                current.lines.append(line)
    _closed(parser)
    if current:
        yield current


def _pieces(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    line = 1
    while piece := stream.readline(PIECE):
        yield line, piece
        line += piece.endswith(b"\n")


def _fed(parser: Any, piece: bytes, line: int) -> Iterator[Element]:
    """The elements that begin in a piece of the file."""
    try:
        parser.feed(piece)
    except etree.XMLSyntaxError as error:
        raise _unusable(error, line) from error
    except (LookupError, ValueError) as error:  # an encoding that is not known, or cannot be
        raise Unusable(f"line {line}: {error}. Save the file as UTF-8, and declare that or nothing") from error
    for _, element in parser.read_events():
        yield element


def _closed(parser: Any) -> None:
    try:
        parser.close()
    except etree.XMLSyntaxError as error:
        raise _unusable(error, None) from error


def _unusable(error: etree.XMLSyntaxError, line: int | None) -> Unusable:
    told = PLACE.sub("", error.msg or "it is empty").rstrip(".")
    where = f"line {error.lineno or line or 1}: "
    if "UTF-8" in told or "encoding" in told.lower():
        return Unusable(f"{where}{told}. Save the file as UTF-8, and declare that or nothing")
    if BEYOND.search(told):
        return Unusable(f"{where}it is deeper, or a text of it longer, than any that is read. Take that out")
    if line is None:
        return Unusable(f"{where}the file breaks off ({told}). Get it anew")
    return Unusable(f"{where}this is not well-formed XML ({told}). Nothing of such a file can be taken: get it anew")


def _drop_before(element: Element, root: Element) -> None:
    while root[0] is not element:
        del root[0]


def root_of(head: bytes) -> Element:
    """The root of a file that begins with these bytes, and was read before."""
    parser = etree.XMLPullParser(events=("start",), **SAFE)
    parser.feed(head)
    return next(iter(parser.read_events()))[1]
