"""What a change shows: who did what to which entity or relation, when, and each attribute before and after.

A relation's change is told of its subject, and stands in the history of both ends.
"""

from collections.abc import Sequence
from typing import Any

from api.fields import Arguments, Step
from api.request import Request
from graph.differences import FieldChange, differences
from graph.errors import InvalidInput
from graph.model import Recorded, Relation
from graph.vocabulary import ChangeAction

INDEX_DIGITS = 8
"""So that ids of one version stand in their order as texts too."""

PREFIX = "change:"


def change_id(version: int, index: int) -> str:
    """
    >>> change_id(12, 3)
    'change:12.00000003'
    """
    return f"{PREFIX}{version}.{index:0{INDEX_DIGITS}}"


def read_change_id(id: str) -> tuple[int, int]:
    """The version and the index of a change. Raises InvalidInput.

    >>> read_change_id("change:12.00000003")
    (12, 3)
    """
    version, _, index = id.removeprefix(PREFIX).partition(".")
    # Only what this service wrote reads back to the same text: no signs, spaces, other digits.
    if len(id) <= 40 and version.isdecimal() and index.isdecimal() and change_id(int(version), int(index)) == id:
        return int(version), int(index)
    raise InvalidInput(f"{id!r:.60} is no id of a change. Give one as an answer or a subscription told it.")


# What the face shows: each is a field of the schema, whose docstring describes it.


def id(recorded: Recorded) -> str:
    """Stable: give it as `after` to go on from here."""
    return change_id(recorded.change.version, recorded.change.index)


def version(recorded: Recorded) -> int:
    """The commit that it is part of."""
    return recorded.change.version


def index(recorded: Recorded) -> int:
    """Its place in the commit, from 0."""
    return recorded.change.index


def time(recorded: Recorded) -> str:
    """When the commit was recorded."""
    return recorded.commit.time


def action(recorded: Recorded) -> ChangeAction:
    """What it did."""
    return recorded.change.action


def entity_id(recorded: Recorded) -> str:
    """The id of the entity; of a relation, that of its subject."""
    return recorded.change.ids[0]


def relation(recorded: Recorded) -> Relation | None:
    """The relation that it is about: as it became, or as it was when it was removed. Null where it is about an entity
    itself."""
    return recorded.change.record if isinstance(recorded.change.record, Relation) else None


def author(recorded: Recorded) -> str | None:
    """Who made the commit; null where that is not known."""
    return recorded.commit.author


def note(recorded: Recorded) -> str | None:
    """Why, in the author's words."""
    return recorded.commit.note


def fields(recorded: Recorded) -> list[FieldChange]:
    """The attributes that it altered, in the order in which graph lines have them; a new or removed record tells all
    that is known of it. What makes out a record (id, kind, subject, object) is left out."""
    return differences(recorded.change)


async def _entity(request: Request, changes: Sequence[Recorded], given: Arguments) -> Sequence[Any]:
    return await request.engine.lookup([entity_id(recorded) for recorded in changes])


ENTITY = Step(_entity)
