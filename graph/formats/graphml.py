"""GraphML, for Gephi and whatever else draws networks: directed, with typed attributes, nodes labelled by their names.

Lists are JSON in their texts. What XML cannot hold is written as JSON would, in small letters (\\u0001), and so is a
backslash before what looks like that: whoever replaces these has what was there.
"""

import json
import re
from collections.abc import Iterable, Iterator
from itertools import chain

from graph.formats.dictionary import Attribute, Shape, attributes, attributes_of, plain, relation_attributes
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

_odd = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]|\\\\(?=u[0-9a-f]{4})")
_marked = re.compile('[&<>"\t\n\r]')
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
    for attribute in attributes_of(record):
        if attribute.key not in ELSEWHERE and (value := plain(attribute.of(record))) is not None:
            shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            told.append(f'<data key="{element}-{attribute.key}">{marked(shown)}</data>')
    return "".join(told)


def marked(text: str) -> str:
    """The text as it stands in an element or an attribute."""
    if _odd.search(text):
        text = _odd.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    return _marked.sub(lambda found: _MARKS[found[0]], text) if _marked.search(text) else text


def unmarked(text: str) -> str:
    """What was meant by a text, once XML is read.

    >>> unmarked(r"a\\u0007b\\u005cu0007")
    'a\\x07b\\\\u0007'
    """
    return re.sub(r"\\u([0-9a-f]{4})", lambda found: chr(int(found[1], 16)), text)


GRAPHML = Writer("graphml", "GraphML, as Gephi opens it", ".graphml", "application/graphml+xml", write_graphml)
