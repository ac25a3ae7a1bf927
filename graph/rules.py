"""What must hold of what is written, against the vocabulary, the graph as it is and the writes themselves.

Checked as a whole, before anything is stored. Every fault is found, not only the first.
"""

from collections.abc import Collection, Iterator
from itertools import islice

from graph.draft import Draft
from graph.errors import Fault, InvalidInput, NotFound
from graph.model import Entity, Line, Relation, RelationName
from graph.vocabulary import REQUIRED_RELATIONS, RULES, Direction, Kind, RelationKind

LONGEST_TOLD = 10
"""So many entities of a circle are told."""

MOST_TOLD = 3
"""So many of the other relations are told where there may be only one."""

SHOWN = 60
"""So many characters of where they lead are shown."""

OPTIONAL_ATTRIBUTES = ("role", "impact", "since", "until", "percentage", "locator", "sources")


def faults(draft: Draft) -> Iterator[Fault]:
    """Every rule that the draft would break, in no order."""
    for line, error in draft.unreadable:
        for reason in error.reasons:
            yield line.fault(str(reason), *filter(None, [getattr(reason, "key", None)]))
    yield from _repeated_faults(draft)
    for line in draft.entities.values():
        yield from _entity_faults(line, draft)
    for name, line in draft.relations.items():
        yield from _relation_faults(name, line, draft)
    yield from _single_faults(draft)
    yield from _removal_faults(draft)
    yield from _cycle_faults(draft)


def _repeated_faults(draft: Draft) -> Iterator[Fault]:
    """What is written twice; of two records of files that have much in common, only the first that is so."""
    told = set()
    for line, first in sorted(draft.repeated, key=lambda pair: isinstance(pair[0].write, Relation)):
        records = line.file, line.number, line.nth, first.file, first.number, first.nth
        if line.number is None or records not in told:
            told.add(records)
            yield line.fault(f"{line.fault('').place} is written twice, here and {first.where}. Keep one of the two.")


def missing(draft: Draft) -> Iterator[Fault]:
    """What is to go, but is not there."""
    for id, line in draft.removals.items():
        if draft.graph.entity(id) is None:
            yield line.fault(f"There is no entity {id!r}. Check the id; it may be gone already.", kind=NotFound)
    for name, line in draft.unrelations.items():
        if draft.graph.relation(name) is None:
            told = f"There is no relation {name}. Check its ends, and the role or impact that is part of its name."
            yield line.fault(told, kind=NotFound)


def _entity_faults(line: Line, draft: Draft) -> Iterator[Fault]:
    entity = line.write
    assert isinstance(entity, Entity)
    before = draft.graph.entity(entity.id)
    if before is not None and before.kind is not entity.kind:
        yield line.fault(f"{entity.id} is a {before.kind} in the store, not a {entity.kind}. Choose another id.", "id")
    for kind in REQUIRED_RELATIONS.get(entity.kind, ()):
        if not draft.leaving(entity.id, kind) and entity.id not in draft.suspects:
            yield line.fault(f"{entity.id} needs exactly one {kind} relation and has none. Add the line that gives it.")


def _relation_faults(name: RelationName, line: Line, draft: Draft) -> Iterator[Fault]:
    relation, rule = line.write, RULES[name.kind]
    assert isinstance(relation, Relation)
    subject, object = draft.kind(name.subject), draft.kind(name.object)
    for end, id, kind in (("subject", name.subject, subject), ("object", name.object, object)):
        if kind is None and id not in draft.suspects:
            told = f"{name.kind} has the {end} {_unknown(id, draft)}"
            yield line.fault(told, end, kind=NotFound)
    if subject and object and not rule.permits(subject, object):
        yield line.fault(f"{name.kind} cannot lead from a {subject} to a {object}. It permits {rule}.")
    for attribute in OPTIONAL_ATTRIBUTES:
        if attribute not in rule.attributes and getattr(relation, attribute) not in (None, ()):
            allowed = ", ".join(sorted(rule.attributes)) or "no attributes"
            yield line.fault(f"{name.kind} carries no {attribute}. It may carry {allowed}.", attribute)
    for source in relation.sources:
        if (kind := draft.kind(source)) is not Kind.SOURCE and source not in draft.suspects:
            told = _unknown(source, draft) if kind is None else f"{source!r}, which is a {kind}, not a SOURCE."
            found = NotFound if kind is None else InvalidInput
            yield line.fault(f"{name.kind} has the source {told}", "sources", source, kind=found)


def _unknown(id: str, draft: Draft) -> str:
    if removal := draft.removals.get(id):
        return f"{id!r}, which is removed {removal.where}."
    return f"{id!r}, which is not known. Check the id, or add the entity."


def _single_faults(draft: Draft) -> Iterator[Fault]:
    for (subject, kind), names in draft.single.items():
        leaving = {name: None for name in draft.leaving(subject, kind) if draft.kind(name.object) is not None}
        if len(leaving) < 2:
            continue
        for name in names:
            line = draft.relations.get(name)
            if line and name in leaving:
                told = f"Only one {kind} may leave {subject}, and it leads to {_others(name, leaving)} too."
                yield line.fault(f"{told} Keep one of them.", "object")


def _others(name: RelationName, leaving: Collection[RelationName]) -> str:
    """Where the others lead; of many only the first few, and of long ids only their beginnings: there may be as many
    faults as relations, and each tells it."""
    others = [other.object[:SHOWN] for other in islice(leaving, MOST_TOLD + 1) if other != name][:MOST_TOLD]
    more = len(leaving) - 1 - len(others)
    return ", ".join(others) + (f" and {more:,} more" if more else "")


def _removal_faults(draft: Draft) -> Iterator[Fault]:
    """A metric must not lose what it is about or measures, unless it goes too."""
    lost: dict[tuple[str, RelationKind], Line] = {}
    for id, line in draft.removals.items():
        for relation in draft.graph.relations_of(id, Direction.IN):
            lost[relation.subject, relation.kind] = line
    for name, line in draft.unrelations.items():
        if draft.graph.relation(name) is not None:
            lost[name.subject, name.kind] = line
    for (subject, kind), line in lost.items():
        owner = draft.kind(subject)
        if owner is None or subject in draft.entities or kind not in REQUIRED_RELATIONS.get(owner, ()):
            continue
        if not draft.leaving(subject, kind):
            yield line.fault(
                f"{subject} would lose its {kind} relation. Remove it in the same step, or give it another."
            )


def _cycle_faults(draft: Draft) -> Iterator[Fault]:
    walked: set[str] = set()
    for name in draft.relations:
        if name.kind is not RelationKind.PART_OF:
            continue
        circle = _circle(name.subject, draft, walked)
        for at, step in enumerate(circle):
            if line := draft.relations.get(step):
                yield line.fault(
                    f"PART_OF goes in a circle: {_around(circle, at)}. Leave one of its steps out.", "object"
                )


def _circle(start: str, draft: Draft, walked: set[str]) -> list[RelationName]:
    """The steps of the circle that PART_OF runs into from here, or nothing. Each entity is passed once, whoever asks:
    the time is that of the lines, however long the chains are."""
    way: dict[str, RelationName] = {}
    id = start
    while id not in walked:
        walked.add(id)
        following = draft.leaving(id, RelationKind.PART_OF)
        if len(following) != 1:
            return []
        way[id] = following[0]
        id = following[0].object
    return list(way.values())[list(way).index(id) :] if id in way else []


def _around(circle: list[RelationName], start: int) -> str:
    """The circle from one of its steps back to it: a -> b -> a. The middle of a long one is left out."""
    told = [circle[(start + step) % len(circle)].subject for step in range(min(len(circle), LONGEST_TOLD))]
    if len(circle) > LONGEST_TOLD:
        told.append("...")
    return " -> ".join([*told, circle[start].subject])
