"""Graph lines, the lossless interchange format: UTF-8 JSON Lines, one entity, relation or removal a line.

Reading keeps every line's number, so that a fault can be named. A blank line and a line that begins with "#" say
nothing: the file of refused lines tells each line's reason so. Writing is canonical: equal graphs give equal files.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from graph.formats.format import Format, Reason, Record, Refused, Writer
from graph.formats.rows import opening
from graph.model import Entity, Relation, share_ids
from graph.parse import Unreadable, write
from graph.selection import Selection

COMMENT = "# "
"""As refused lines have them. A tag of HXL is none."""

BOM = b"\xef\xbb\xbf"
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
EXACT = 2.0**63
"""Whole numbers below this are written as integers."""


def recognises(head: bytes) -> bool:
    """Whether it begins with an object, below comments or not, or says nothing at all."""
    lines = [line.strip() for line in opening(head)]
    first = next((line for line in lines if line and not line.startswith(COMMENT)), None)
    return first.startswith("{") if first else bool(lines) or not head.removeprefix(BOM).strip()


def read(rows: Iterable[bytes], *, keeps_texts: bool = False) -> Iterator[Record]:
    """The writes that a file asks for, in its order."""
    ids: dict[str, str] = {}
    for number, row in enumerate(rows, 1):
        text = (row.removeprefix(BOM) if number == 1 else row).strip()
        if not text or text.startswith(b"#"):
            continue
        record = _record(number, text, ids)
        yield record._replace(text=text) if keeps_texts else record


def _record(number: int, text: bytes, ids: dict[str, str]) -> Record:
    try:
        wanted = write(_decode(text))
        if isinstance(wanted, Relation):
            share_ids(wanted, lambda id: ids.setdefault(id, id))
        return Record(number, (wanted,))
    except Unreadable as error:
        return Record(number, faults=[Reason(number, reason) for reason in error.reasons], ids=error.ids)
    except UnicodeDecodeError as error:
        told = f"this is not UTF-8: {error.reason} at byte {error.start}"
    except (msgspec.DecodeError, RecursionError) as error:
        told = f"this is not JSON: {error}"
    return Record(number, faults=[Reason(number, told)])


def reject(refused: Iterable[Refused]) -> Iterator[bytes]:
    """Each line below its reasons, which are comments."""
    for record in refused:
        for reason in record.reasons:
            yield f"# {reason}\n".encode()
        yield record.text + b"\n"


GRAPH_LINES = Format(
    "jsonl",
    "graph lines, one JSON object a line",
    ".jsonl",
    recognises,
    lambda source: read(source.stream, keeps_texts=source.keeps_texts),
    reject,
)


def line(record: Entity | Relation) -> bytes:
    """The canonical line of a record, without its line end."""
    values = values_of(record)
    if isinstance(record, Entity):
        values = {"id": values.pop("id"), "kind": str(record.kind), **values}
    return _encode(values)


def values_of(record: Entity | Relation) -> dict[str, Any]:
    """What is known of a record, by the keys of its line, in their order."""
    values: dict[str, Any] = msgspec.to_builtins(record)
    for key, value in values.items():
        if isinstance(value, float) and value.is_integer() and abs(value) < EXACT:
            values[key] = int(value)
    if labels := values.get("labels"):
        values["labels"] = dict(sorted(labels.items()))
    return values


def write_lines(selection: Selection, base: str = "") -> Iterator[bytes]:
    """Entities by kind and id, then relations by their names."""
    for entity in selection.entities():
        yield line(entity) + b"\n"
    for relation in selection.relations():
        yield line(relation) + b"\n"


LINES = Writer("jsonl", GRAPH_LINES.title, GRAPH_LINES.suffix, "application/jsonl", write_lines)
