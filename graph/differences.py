"""What a change altered, attribute by attribute."""

from typing import Any, NamedTuple

import msgspec

from graph.formats.lines import values_of
from graph.model import Change
from graph.vocabulary import ChangeAction

IDENTIFYING = {"id", "kind", "relation", "subject", "object"}
"""Keys that say what a record is; no change alters them."""

_encode = msgspec.json.Encoder().encode


class FieldChange(NamedTuple):
    """An attribute before and after a change, by its key in graph lines, as JSON; None where it is not known."""

    field: str
    before: str | None
    after: str | None


def differences(change: Change) -> list[FieldChange]:
    """The attributes that differ, in the order of graph lines; of a new or removed record, all that are known."""
    is_gone = change.action in (ChangeAction.REMOVED, ChangeAction.UNRELATED)
    before, after = (change.record, None) if is_gone else (change.before, change.record)
    were, are = ({} if record is None else values_of(record) for record in (before, after))
    keys = [field.encode_name for field in msgspec.structs.fields(change.record)]
    return [
        FieldChange(key, _told(were, key), _told(are, key))
        for key in keys
        if key not in IDENTIFYING and were.get(key) != are.get(key)
    ]


def _told(values: dict[str, Any], key: str) -> str | None:
    return _encode(values[key]).decode() if key in values else None
