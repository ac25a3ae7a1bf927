"""What a change shows: who did what to which entity or relation, when, and each attribute before and after.

A relation's change is told of its subject, and stands in the history of both ends.
"""

from collections.abc import Sequence
from typing import Any

from api.fields import Arguments, Step
from api.request import Request
from graph.differences import FieldChange, differences
from graph.errors import InvalidInput
from graph.model import Entity, Recorded, Relation
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


class RelationThen:
    """A relation of the past, or of a dry run: what it names may be gone, or not be there yet."""

    def __init__(self, recorded: Recorded) -> None:
        self._recorded = recorded

    def __getattr__(self, name: str) -> Any:
        return getattr(self._recorded.change.record, name)

    @property
    def then(self) -> int:
        return self._recorded.change.version

    def planned(self, id: str) -> Entity | None:
        """The entity as the commit would have it, if that is not stored."""
        records = (change.record for change in self._recorded.all)
        return next((each for each in records if isinstance(each, Entity) and each.id == id), None)


async def named(request: Request, relations: Sequence[Any], ids: Sequence[Sequence[str]]) -> list[list[Entity | None]]:
    """The entities that relations name, some ids each: as they are; for relations of the past, what is gone as it was
    then."""
    flat = list(dict.fromkeys(id for some in ids for id in some))
    known = dict(zip(flat, await request.engine.lookup(flat), strict=True))
    gone = [
        (relation, id)
        for relation, some in zip(relations, ids, strict=True)
        if isinstance(relation, RelationThen)
        for id in some
        if known[id] is None
    ]
    if not gone:
        return [[known[id] for id in some] for some in ids]
    were = await request.engine.once([(id, relation.then) for relation, id in gone])
    then = {(relation, id): relation.planned(id) or was for (relation, id), was in zip(gone, were, strict=True)}
    return [
        [known[id] or then.get((relation, id)) for id in some] for relation, some in zip(relations, ids, strict=True)
    ]


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


def relation(recorded: Recorded) -> "RelationThen | None":
    """The relation that it is about: as it became, or as it was when it was removed. What it leads to and its sources
    are told as they are now; what is gone, as it was then. Null where it is about an entity itself."""
    return RelationThen(recorded) if isinstance(recorded.change.record, Relation) else None


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
