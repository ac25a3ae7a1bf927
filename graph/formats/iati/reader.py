"""IATI Activity 2.0x: a file of activities, each of which is a record. What is carried and what is not: README."""

import re
from collections.abc import Iterable, Iterator, Mapping
from xml.sax.saxutils import quoteattr

from graph.formats.cells import shown, slug
from graph.formats.format import Format, Reason, Record, Refused, Source, Unusable, framed
from graph.formats.iati.activity import Activity, File, identifier_of
from graph.formats.iati.partners import Partners
from graph.formats.iati.places import Places
from graph.formats.iati.words import LONGEST_CODE, Notes
from graph.formats.xml import Element, Found, beginning, commented, parted, records_of, written
from graph.model import Source as Document
from graph.vocabulary import SourceType

ACTIVITIES, ACTIVITY, ORGANISATIONS = "iati-activities", "iati-activity", "iati-organisations"
ROOT = re.compile(r"<(?:[\w.-]+:)?iati-(?:activities|activity|organisations)[\s/>]")

OWN = "urn:fieldgraph"
FILE = f"{{{OWN}}}file"
"""An attribute of the root of refused activities: the file in which they stood, which may be their source."""

VERSION = re.compile(r"2\.\d\d?")
OLD = re.compile(r"1\.\d\d?")
XML = "http://www.w3.org/XML/1998/namespace"


def read(source: Source) -> Iterator[Record]:
    """The activities of a file. Raises Unusable."""
    reading = _Reading(source)
    for found in records_of(source.stream, reading.check, reading.begins):
        yield reading.record(found)


def recognises(head: bytes) -> bool:
    return ROOT.search(beginning(head)) is not None


class _Reading:
    """One reading of a file. It remembers the identifiers that it came by, and what it told once."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._file: File
        self._frame = ""
        self._lines: dict[str, int] = {}
        self._told: set[str] = set()
        self._has_version = True

    def check(self, root: Element) -> None:
        """Raises Unusable where the root is not that of activities in version 2.0x."""
        namespace, name = parted(root.tag)
        if name == ORGANISATIONS:
            told = "it is an IATI organisation file, about budgets and documents of one publisher, which is not read"
            raise Unusable(f"{told}. Import the publisher's activity file")
        if name != ACTIVITIES:
            raise Unusable(f"line 1: its root is {shown(name)}, expected {ACTIVITIES!r}")
        if namespace:
            raise Unusable(f"line 1: its elements are of the namespace {shown(namespace)}; those of IATI are of none")
        version = (root.get("version") or "").strip()
        if OLD.fullmatch(version):
            raise Unusable(_old(f"it is in version {version} of IATI"))
        if version and not VERSION.fullmatch(version):
            raise Unusable(f"line 1: version is {shown(version)}, expected one of 2.01, 2.02 and 2.03")
        self._has_version = bool(version)
        self._begin(root)

    def _begin(self, root: Element) -> None:
        known, name = self._source.known, root.get(FILE) or self._source.name
        name = name if name not in ("", "-") else "standard input"
        document = Document(id=f"source:file-{slug(name)}", name=name, type=SourceType.DATASET)
        self._file = File(known, Partners(known), Places(known), document)
        if self._source.keeps_texts:
            self._frame = _begin_tag(root, name)

    @staticmethod
    def begins(element: Element) -> bool:
        return bool(element.tag == ACTIVITY) and element.getparent().getparent() is None

    def record(self, found: Found) -> Record:
        element, line = found.element, found.lines[0]
        if not self._has_version and _is_old(element):
            raise Unusable(_old(f"line {line}: it has no version, and its form is that of IATI 1.0x"))
        text = written(element) if self._source.keeps_texts else b""
        identifier = identifier_of(element)
        if refused := self._refusal(identifier, line):
            return Record(line, faults=[Reason(line, refused)], ids=_ids(identifier), text=text, frame=self._frame)
        self._lines[identifier] = line
        notes = Notes(found, self._told)
        activity = Activity(element, identifier, self._file, notes)
        activity.read()
        if notes.faults:
            return Record(line, faults=notes.faults, ids=_ids(identifier), text=text, frame=self._frame)
        return Record(line, activity.told.writes(), remarks=notes.remarks, text=text, frame=self._frame)

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


def reject(refused: Iterable[Refused]) -> Iterator[bytes]:
    """Each activity below its reasons, which are comments, in a root like that of the file."""
    begin, records = framed(refused)
    yield f'<?xml version="1.0" encoding="UTF-8"?>\n{begin}\n'.encode()
    for record in records:
        yield from map(commented, record.reasons)
        yield record.text + b"\n"
    yield f"</{ACTIVITIES}>\n".encode()


def _begin_tag(root: Element, file: str) -> str:
    """The begin tag of a root like this one, which names the file."""
    prefixes = {uri: prefix for prefix, uri in root.nsmap.items() if prefix} | {OWN: "fieldgraph"}
    names = [f" xmlns:{prefix}={quoteattr(uri)}" for uri, prefix in prefixes.items()]
    values = {**root.attrib, FILE: file}
    told = [f" {_name(prefixes, name)}={quoteattr(value)}" for name, value in values.items()]
    return f"<{ACTIVITIES}{''.join([*names, *told])}>"


def _name(prefixes: Mapping[str, str], name: str) -> str:
    """An attribute's name as it stands in the file."""
    namespace, local = parted(name)
    return f"{ {**prefixes, XML: 'xml'}[namespace] }:{local}" if namespace else local


IATI_ACTIVITIES = Format("iati", "IATI Activity 2.0x, XML", ".xml", recognises, read, reject)
