"""Partial updates: what a record becomes when some of its values are given anew."""

from typing import Any

from graph.formats.lines import values_of
from graph.model import Entity, Patch, Relation
from graph.parse import write
from graph.vocabulary import Kind


def patched(patch: Patch, before: Entity | Relation | None) -> Entity | Relation:
    """The record as the patch wants it; `before` is what is held now. Raises Unreadable.

    Of a record of another kind nothing is kept: the rules refuse that it be replaced.
    """
    known: dict[str, Any] = values_of(before) if before is not None and before.kind is patch.kind else {}
    told = {"kind": str(patch.kind)} if isinstance(patch.kind, Kind) else {}
    record = write({**told, **known, **patch.values})
    assert isinstance(record, Entity | Relation)
    return record
