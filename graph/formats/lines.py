"""Graph lines, the lossless interchange format: UTF-8 JSON Lines, one entity, relation or removal a line.

Reading keeps every line's number, so that a fault can be named. A blank line and a line that begins with "#" say
nothing: the file of refused lines tells each line's reason so. Writing is canonical: equal graphs give equal files.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from graph.errors import Fault
from graph.model import Entity, Line, Relation, share_ids
from graph.parse import Unreadable, write

BOM = b"\xef\xbb\xbf"
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
EXACT = 2.0**63
"""Whole numbers below this are written as integers."""


class Refusal(NamedTuple):
    """A line nobody could read: its number, all that is wrong with it, the ids in it."""

    number: int
    file: str
    reasons: Sequence[str]
    ids: frozenset[str] = frozenset()

    @property
    def faults(self) -> list[Fault]:
        return [Fault(self.number, "", reason, self.file) for reason in self.reasons]


def read(rows: Iterable[bytes], file: str = "") -> Iterator[Line | Refusal]:
    """The writes that a file asks for, in its order; `file` is its name, where a fault should tell it."""
    ids: dict[str, str] = {}
    for number, row in enumerate(rows, 1):
        text = (row.removeprefix(BOM) if number == 1 else row).strip()
        if not text or text.startswith(b"#"):
            continue
        try:
            wanted = write(_decode(text))
            if isinstance(wanted, Relation):
                share_ids(wanted, lambda id: ids.setdefault(id, id))
            yield Line(wanted, number, file)
        except Unreadable as error:
            yield Refusal(number, file, error.reasons, error.ids)
        except UnicodeDecodeError as error:
            yield Refusal(number, file, [f"this is not UTF-8: {error.reason} at byte {error.start}"])
        except (msgspec.DecodeError, RecursionError) as error:
            yield Refusal(number, file, [f"this is not JSON: {error}"])


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


def canonical(entities: Iterable[Entity], relations: Iterable[Relation]) -> Iterator[bytes]:
    """A whole graph as lines: entities by kind and id, then relations by their names."""
    for entity in sorted(entities, key=lambda entity: (entity.kind.rank, entity.id)):
        yield line(entity) + b"\n"
    for relation in sorted(relations, key=lambda relation: relation.name.sort_key):
        yield line(relation) + b"\n"
