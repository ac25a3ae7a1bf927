"""GraphML, for Gephi and whatever else draws networks: directed, with typed attributes, nodes labelled by their names.

Lists are JSON in their texts. What XML cannot hold is written as JSON would, in small letters (\\u0001), and so is a
backslash before what looks like that: whoever replaces these has what was there.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import chain

import msgspec

from graph.formats.dictionary import Attribute, Shape, attributes, known, relation_attributes
from graph.formats.format import Writer
from graph.model import Entity, Relation
from graph.selection import Selection
from graph.vocabulary import Kind, RelationKind

HEAD = b"""<?xml version="1.0" encoding="UTF-8"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns" \
xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" \
xsi:schemaLocation="http://graphml.graphdrawing.org/xmlns http://graphml.graphdrawing.org/xmlns/1.0/graphml.xsd">
"""
TYPES = {Shape.NUMBER: "double", Shape.WHOLE: "long"}
ELSEWHERE = {"id", "subject", "object"}
"""Keys that elements have as attributes of XML."""

LABEL = {"name": "label"}
"""Keys that have another name here, by which Gephi knows them."""

_encode = msgspec.json.Encoder().encode
_unfit = re.compile('[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]|\\\\(?=u[0-9a-f]{4})|[&<>"\t\n\r]')
_MARKS = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}


def write_graphml(selection: Selection, base: str = "") -> Iterator[bytes]:
    """The document."""
    yield HEAD
    yield from _declared("node", chain.from_iterable(map(attributes, Kind)))
    yield from _declared("edge", chain.from_iterable(map(relation_attributes, RelationKind)))
    yield b'<graph id="fieldgraph" edgedefault="directed">\n'
    for entity in selection.entities():
        yield f'<node id="{marked(entity.id)}">{_data("node", entity)}</node>\n'.encode()
    for number, relation in enumerate(selection.relations()):
        ends = f'source="{marked(relation.subject)}" target="{marked(relation.object)}"'
        yield f'<edge id="e{number}" {ends}>{_data("edge", relation)}</edge>\n'.encode()
    yield b"</graph>\n</graphml>\n"


def _declared(element: str, attributes: Iterable[Attribute]) -> Iterator[bytes]:
    types = {"kind": "string"} | {each.key: TYPES.get(each.shape, "string") for each in attributes}
    for key, type in types.items():
        if key not in ELSEWHERE:
            name = LABEL.get(key, key)
            yield f'<key id="{element}-{key}" for="{element}" attr.name="{name}" attr.type="{type}"/>\n'.encode()


def _data(element: str, record: Entity | Relation) -> str:
    """What is known of a record."""
    told = [f'<data key="{element}-kind">{record.kind}</data>']
    for attribute, value in known(record):
        if attribute.key not in ELSEWHERE:
            shown = value if isinstance(value, str) else _encode(value).decode()
            told.append(f'<data key="{element}-{attribute.key}">{marked(shown)}</data>')
    return "".join(told)


def marked(text: str) -> str:
    """The text as it stands in an element or an attribute."""
    return _unfit.sub(_replacement, text) if _unfit.search(text) else text


def _replacement(found: re.Match[str]) -> str:
    return _MARKS.get(found[0]) or f"\\u{ord(found[0]):04x}"


def unmarked(text: str) -> str:
    """What was meant by a text, once XML is read.

    >>> unmarked(r"a\\u0007b\\u005cu0007")
    'a\\x07b\\\\u0007'
    """
    return re.sub(r"\\u([0-9a-f]{4})", lambda found: chr(int(found[1], 16)), text)


GRAPHML = Writer("graphml", "GraphML, as Gephi opens it", ".graphml", "application/graphml+xml", write_graphml)
