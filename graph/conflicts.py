"""What changed since somebody last looked: whoever says which version they have read overwrites nothing newer."""

from collections.abc import Iterator

from graph.differences import differences
from graph.draft import Draft
from graph.errors import Conflict, Fault
from graph.model import Entity, Line, Recorded, Relation, RelationName
from graph.pending import Pending
from graph.vocabulary import ChangeAction


def conflicts(draft: Draft, expected: int, pending: Pending) -> Iterator[Fault]:
    """For each entity and relation that is named in the draft and changed after the expected version, what did.

    An entity is named where it is written or removed, and at both ends of a relation; it changes when its own
    attributes do.
    """
    for id, (line, keys) in _named_entities(draft).items():
        for recorded in pending.since(expected, id):
            if isinstance(recorded.change.record, Entity):
                yield _conflict(line, keys, id, expected, recorded)
                break
    for name, line in {**draft.relations, **draft.unrelations}.items():
        for recorded in pending.since(expected, name.subject):
            record = recorded.change.record
            if isinstance(record, Relation) and record.name == name:
                yield _conflict(line, (), str(name), expected, recorded)
                break


def _named_entities(draft: Draft) -> dict[str, tuple[Line, tuple[str, ...]]]:
    named: dict[str, tuple[Line, tuple[str, ...]]] = {}
    for id, line in {**draft.entities, **draft.removals}.items():
        named[id] = line, ()
    name: RelationName
    for name, line in {**draft.relations, **draft.unrelations}.items():
        named.setdefault(name.subject, (line, ("subject",)))
        named.setdefault(name.object, (line, ("object",)))
    return named


def _conflict(line: Line, keys: tuple[str, ...], what: str, expected: int, recorded: Recorded) -> Fault:
    change, commit = recorded.change, recorded.commit
    by = f" by {commit.author}" if commit.author else ""
    fields = ", ".join(difference.field for difference in differences(change))
    which = f" ({fields})" if fields and change.action is not ChangeAction.REMOVED else ""
    told = f"{what} was {change.action.lower()}{which} in version {change.version}{by}, after version {expected}"
    return line.fault(
        f"{told}, which you have read. Read it again, and say so with expectedVersion.", *keys, kind=Conflict
    )
