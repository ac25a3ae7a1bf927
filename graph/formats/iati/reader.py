"""IATI Activity 2.0x: a file of activities, each of which is a record. What is carried and what is not: README."""

import re
from collections.abc import Iterable, Iterator
from xml.sax.saxutils import quoteattr

from lxml import etree

from graph.formats.cells import shown, slug
from graph.formats.format import Format, Reason, Record, Refused, Source, Unusable
from graph.formats.iati.activity import Activity, File, identifier_of
from graph.formats.iati.partners import Partners
from graph.formats.iati.places import Places
from graph.formats.iati.stream import ACTIVITIES, ORGANISATIONS, Element, Found, activities, recognises, root_of
from graph.formats.iati.words import LONGEST_CODE, Notes
from graph.model import Source as Document
from graph.vocabulary import SourceType

VERSION = re.compile(r"2\.\d\d?")
OLD = re.compile(r"1\.\d\d?")
XML_LANG = "{http://www.w3.org/XML/1998/namespace}"


def read(source: Source) -> Iterator[Record]:
    """The activities of a file. Raises Unusable."""
    reading = _Reading(source)
    for found in activities(source.stream, reading.check):
        yield reading.record(found)


class _Reading:
    """One reading of a file. It remembers the identifiers that it came by, and what it told once."""

    def __init__(self, source: Source) -> None:
        self._keeps_texts = source.keeps_texts
        name = source.name if source.name not in ("", "-") else "standard input"
        document = Document(id=f"source:file-{slug(name)}", name=name, type=SourceType.DATASET)
        self._file = File(source.known, Partners(source.known), Places(source.known), document)
        self._lines: dict[str, int] = {}
        self._told: set[str] = set()
        self._has_version = True

    def check(self, root: Element) -> None:
        """Raises Unusable where the root is not that of activities in version 2.0x."""
        name = etree.QName(root)
        if name.localname == ORGANISATIONS:
            told = "it is an IATI organisation file, about budgets and documents of one publisher, which is not read"
            raise Unusable(f"{told}. Import the publisher's activity file")
        if name.localname != ACTIVITIES:
            raise Unusable(f"line 1: its root is {shown(name.localname)}, expected {ACTIVITIES!r}")
        if name.namespace:
            raise Unusable(
                f"line 1: its elements are of the namespace {shown(name.namespace)}; those of IATI are of none"
            )
        version = (root.get("version") or "").strip()
        if OLD.fullmatch(version):
            raise Unusable(_old(f"it is in version {version} of IATI"))
        if version and not VERSION.fullmatch(version):
            raise Unusable(f"line 1: version is {shown(version)}, expected one of 2.01, 2.02 and 2.03")
        self._has_version = bool(version)

    def record(self, found: Found) -> Record:
        element, line = found.element, found.lines[0]
        if not self._has_version and _is_old(element):
            raise Unusable(_old(f"line {line}: it has no version, and its form is that of IATI 1.0x"))
        text = _text(element) if self._keeps_texts else b""
        identifier = identifier_of(element)
        if refused := self._refusal(identifier, line):
            return Record(line, faults=[Reason(line, refused)], ids=_ids(identifier), text=text)
        self._lines[identifier] = line
        notes = Notes(found, self._told)
        activity = Activity(element, identifier, self._file, notes)
        activity.read()
        if notes.faults:
            return Record(line, faults=notes.faults, ids=_ids(identifier), text=text)
        return Record(line, activity.told.writes(), remarks=notes.remarks, text=text)

    def _refusal(self, identifier: str, line: int) -> str | None:
        if not identifier:
            return "the activity has no iati-identifier. Add the one by which its publisher knows it"
        if len(identifier) > LONGEST_CODE:
            return f"iati-identifier has {len(identifier):,} characters, expected at most {LONGEST_CODE}. Correct it"
        if first := self._lines.get(identifier):
            return f"the activity {shown(identifier)} is there twice, here and on line {first}. Keep one of the two"
        return None


def _ids(identifier: str) -> frozenset[str]:
    return frozenset({f"project:{identifier}"} if identifier else ())


def _is_old(activity: Element) -> bool:
    """Whether its texts stand where those of 1.0x do."""
    texts = [each for name in ("title", "description", "reporting-org") for each in activity.findall(name)]
    return any((each.text or "").strip() and each.find("narrative") is None for each in texts)


def _old(what: str) -> str:
    told = (
        "2.01 to 2.03 are read. Ask its publisher for a newer file, or bring it to 2.03 with IATI's own transformation"
    )
    return f"{what}, which was withdrawn in 2019; {told}"


def _text(element: Element) -> bytes:
    text: bytes = etree.tostring(element, encoding="utf-8", with_tail=False)
    return text


def reject(refused: Iterable[Refused], head: bytes) -> Iterator[bytes]:
    """Each activity below its reasons, which are comments, in a root like that of the file."""
    root = root_of(head)
    names = [f" xmlns:{prefix}={quoteattr(uri)}" for prefix, uri in root.nsmap.items() if prefix]
    values = [f" {_name(root, name)}={quoteattr(value)}" for name, value in root.attrib.items()]
    yield f'<?xml version="1.0" encoding="UTF-8"?>\n<{ACTIVITIES}{"".join([*names, *values])}>\n'.encode()
    for record in refused:
        for reason in record.reasons:
            yield f"<!-- {_commented(reason)} -->\n".encode()
        yield record.text + b"\n"
    yield f"</{ACTIVITIES}>\n".encode()


def _name(root: Element, name: str) -> str:
    """An attribute's name as it stands in the file."""
    qualified = etree.QName(name)
    if not qualified.namespace:
        return str(qualified.localname)
    prefixes = {uri: prefix for prefix, uri in root.nsmap.items()} | {XML_LANG[1:-1]: "xml"}
    return f"{prefixes[qualified.namespace]}:{qualified.localname}"


def _commented(reason: str) -> str:
    """A text as a comment may have it."""
    return re.sub(r"-(?=-)", "- ", reason).removesuffix("-")


IATI_ACTIVITIES = Format("iati", "IATI Activity 2.0x, XML", ".xml", recognises, read, reject)
