"""Partial updates: what a record becomes when some of its values are given anew, or those that it lacks."""

from typing import Any, TypeVar

import msgspec

from graph.formats.lines import values_of
from graph.model import Code, Entity, Partner, Patch, Relation
from graph.parse import write
from graph.values import fold
from graph.vocabulary import Kind, PartnerType

Held = TypeVar("Held", bound=Entity | Relation)


def patched(patch: Patch, before: Entity | Relation | None) -> Entity | Relation:
    """The record as the patch wants it; `before` is what is held now. Raises Unreadable.

    Of a record of another kind nothing is kept: the rules refuse that it be replaced.
    """
    known: dict[str, Any] = values_of(before) if before is not None and before.kind is patch.kind else {}
    told = {"kind": str(patch.kind)} if isinstance(patch.kind, Kind) else {}
    record = write({**told, **known, **patch.values})
    assert isinstance(record, Entity | Relation)
    return record


def completed(held: Held, told: Entity | Relation) -> Held:
    """What is held, with what it lacks of what is told of the same thing. Nothing is overwritten; lists are joined, and
    a name by which it is not known yet becomes an alias."""
    if held == told:
        return held
    values = {name: _joined(getattr(held, name), getattr(told, name)) for name in held.__struct_fields__}
    if isinstance(held, Entity) and isinstance(told, Entity):
        values["aliases"] = _aliases(held, told, values.get("acronym"))
    if isinstance(held, Partner) and isinstance(told, Partner) and held.type is PartnerType.OTHER:
        values["type"] = told.type  # OTHER stands for what is not known, too
    return msgspec.structs.replace(held, **values)


def _joined(held: Any, told: Any) -> Any:
    if isinstance(held, dict):
        return {**told, **held}
    if not isinstance(held, tuple):
        return told if held is None else held
    known = {_key(value) for value in held}
    joined = (*held, *(value for value in told if _key(value) not in known))
    return joined if all(isinstance(value, Code) for value in joined) else tuple(sorted(joined))


def _key(value: Any) -> Any:
    return (value.vocabulary, value.code) if isinstance(value, Code) else value


def _aliases(held: Entity, told: Entity, acronym: str | None) -> tuple[str, ...]:
    known = {fold(name) for name in (held.name, acronym or "", *held.aliases)}
    new = {fold(name): name for name in (told.name, *told.aliases) if name and fold(name) not in known}
    return (*held.aliases, *new.values())
