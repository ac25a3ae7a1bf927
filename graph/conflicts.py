"""What changed since somebody last looked: whoever says which version they have read overwrites nothing newer."""

from collections.abc import Iterator

from graph.differences import differences
from graph.draft import Draft
from graph.errors import Conflict, Fault
from graph.model import Line, Recorded, Relation, RelationName
from graph.pending import Pending
from graph.vocabulary import ChangeAction

MOST = 10_000
"""So many changes are looked through; who has read something older must read it again."""


def conflicts(draft: Draft, expected: int, pending: Pending) -> Iterator[Fault]:
    """For each entity and relation that is named in the draft and changed after the expected version, what did.

    An entity is named where it is written or removed, at both ends of a relation and among its sources; it changes when
    its own attributes do, and one that is removed when its relations do, too: they would go with it.
    """
    relations = {**draft.relations, **draft.unrelations}
    left = MOST
    for id, (line, keys) in _named_entities(draft).items():
        found = pending.since(expected, id, left + 1)
        left -= len(found)
        if left < 0:
            told = f"More than {MOST:,} changes have come after version {expected}, which you have read."
            yield line.fault(f"{told} Read again, and say so with expectedVersion.", *keys, kind=Conflict)
            return
        is_told = False
        for recorded in found:
            record = recorded.change.record
            if isinstance(record, Relation) and id not in draft.removals:
                if record.subject == id and (named := relations.pop(record.name, None)) is not None:
                    yield _conflict(named, (), str(record.name), expected, recorded)
            elif not is_told:
                is_told = True
                what = str(record.name) if isinstance(record, Relation) else id
                yield _conflict(line, keys, what, expected, recorded)


def _named_entities(draft: Draft) -> dict[str, tuple[Line, tuple[str, ...]]]:
    named: dict[str, tuple[Line, tuple[str, ...]]] = {}
    for id, line in {**draft.entities, **draft.removals}.items():
        named[id] = line, ()
    name: RelationName
    for name, line in {**draft.relations, **draft.unrelations}.items():
        named.setdefault(name.subject, (line, ("subject",)))
        named.setdefault(name.object, (line, ("object",)))
        for source in draft.sources_given(name):
            named.setdefault(source, (line, ("sources", source)))
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
