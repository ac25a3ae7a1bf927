"""A file of XML as a stream of its records: one element at a time, and the line on which each of its elements stands.

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

PIECE = 65_536
"""Bytes of a line that go to the parser at a time: a file may be one line."""

LARGEST = 16 * 2**20
"""Bytes of a record, and of what stands between two: it is held as a whole."""

LONGEST_TEXT = 100_000
"""Characters; what is longer is cut off there."""

LEAD = b"\xef\xbb\xbf", b"\xc3\xaf\xc2\xbb\xc2\xbf"
"""A byte order mark, and one that was taken for text and encoded once more, with which some feeds come."""

SAFE: dict[str, Any] = {
    "resolve_entities": "internal",  # none can be declared; with False lxml takes no notice of those that are not
    "no_network": True,
    "load_dtd": False,
    "dtd_validation": False,
    "huge_tree": False,
}

FIRST = re.compile(rb"<(?:!DOCTYPE|[A-Za-z_:])")
HAS_DOCTYPE = "it has a document type (DOCTYPE), in which entities are declared, and which no file needs. Take it out"

BEYOND = re.compile(r"XML_PARSE_HUGE|excessive|too long|too big|too large", re.IGNORECASE)
"""How libxml2 tells of what is well-formed and goes beyond its limits."""
PLACE = re.compile(r", line \d+, column \d+.*$")


_string = etree.XPath("string()")


class Found:
    """A record, and the lines of its elements in their order, itself first."""

    def __init__(self, element: Element, line: int) -> None:
        self.element = element
        self.lines = [line]

    def line(self, element: Element) -> int:
        return self._lines_of.get(element, self.lines[0])

    @cached_property
    def _lines_of(self) -> dict[Element, int]:
        """Made only if something is to be told of a record."""
        return dict(zip(self.element.iter("*"), self.lines, strict=False))


def records_of(
    stream: BinaryIO, check: Callable[[Element], None], begins: Callable[[Element], bool]
) -> Iterator[Found]:
    """Every record of a file, held until the next one is asked for. `check` looks at the root; `begins` tells elements
    that are records. Raises Unusable."""
    parser = etree.XMLPullParser(events=("start",), **SAFE)
    root: Element | None = None
    current: Found | None = None
    size = 0
    for line, piece in _pieces(stream):
        if (size := size + len(piece)) > LARGEST:
            raise Unusable(
                f"line {line}: a record, or what stands between two, has more than {LARGEST >> 20} MB. Take it out"
            )
        if root is None and _has_doctype(piece):
            raise Unusable(f"line {line}: {HAS_DOCTYPE}")
        for element in _fed(parser, piece, line):
            if root is None:
                root = element
                if root.getroottree().docinfo.doctype:
                    raise Unusable(f"line {line}: {HAS_DOCTYPE}")
                check(root)
            elif begins(element):
                if current:
                    yield current
                _drop_before(element)
                current, size = Found(element, line), len(piece)
            elif current:
                current.lines.append(line)
    _closed(parser)
    if current:
        yield current


def _pieces(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """The file in pieces, each with its line, from its first sign on."""
    line, has_begun = 1, False
    while piece := stream.readline(PIECE):
        is_end = piece.endswith(b"\n")
        if not has_begun:
            for lead in LEAD:
                piece = piece.removeprefix(lead)
            piece = piece.lstrip()
            has_begun = bool(piece)
        if piece:
            yield line, piece
        line += is_end


def _has_doctype(piece: bytes) -> bool:
    """Whether a document type stands before the root. One behind a comment is found by the parser."""
    first = FIRST.search(piece.replace(b"\0", b""))
    return first is not None and first[0].endswith(b"DOCTYPE")


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


def _drop_before(element: Element) -> None:
    parent = element.getparent()
    while parent[0] is not element:
        del parent[0]


def beginning(head: bytes) -> str:
    """The text of a file that begins with these bytes."""
    encoding = "utf-16" if head.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "latin-1"
    return head.decode(encoding, "ignore")


def text_of(element: Element | None, *, paragraphs: bool = False) -> str:
    """All text of an element, with single blanks."""
    if element is None:
        return ""
    text = str(_string(element)) if len(element) else element.text or ""
    if paragraphs and "\n" in text:
        parts = (" ".join(part.split()) for part in re.split(r"\n[^\S\n]*\n", text))
        return "\n\n".join(filter(None, parts))[:LONGEST_TEXT]
    return " ".join(text.split())[:LONGEST_TEXT]


def parted(name: str) -> tuple[str, str]:
    """The namespace of a name, if it has one, and the name in it. lxml's own QName raises where a parser does not.

    >>> parted("{urn:a}b"), parted("b")
    (('urn:a', 'b'), ('', 'b'))
    """
    namespace, brace, local = name.removeprefix("{").rpartition("}")
    return (namespace, local) if brace else ("", name)


def written(element: Element) -> bytes:
    """An element as it stands in its file."""
    text: bytes = etree.tostring(element, encoding="utf-8", with_tail=False)
    return text


def commented(text: str) -> bytes:
    """A text as a comment, which must not hold two hyphens."""
    return f"<!-- {re.sub(r'-(?=-)', '- ', text).removesuffix('-')} -->\n".encode("utf-8", "replace")
