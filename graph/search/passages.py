"""What of an entity can be found: its names, codes and texts, and the names of where it is."""

from collections.abc import Iterator, Mapping, Sequence
from enum import IntEnum
from typing import NamedTuple, Protocol

from graph.model import Country, Entity, Event, Indicator, Partner, Project, Relation, Source
from graph.vocabulary import Direction, Kind, PlaceType, RelationKind


class Column(IntEnum):
    """The columns of the index."""

    NAME = 0
    NAMES = 1
    CODES = 2
    TEXTS = 3
    PLACES = 4


class Strength(IntEnum):
    """How surely a name means its entity, the surest first."""

    ID = 0
    CODE = 1
    NAME = 2
    OFFICIAL = 3
    LABEL = 4
    ALIAS = 5
    ACRONYM = 6


class Passage(NamedTuple):
    """A text of an entity, by the name of its field in the schema. What names the entity has a strength; `told` says
    what sort of a name it is."""

    field: str
    text: str
    column: Column | None
    strength: Strength | None = None
    told: str = ""


class Holder(Protocol):
    """What holds the graph's records."""

    def entity(self, id: str) -> Entity | None: ...

    def relations_of(self, id: str, direction: Direction = Direction.BOTH) -> list[Relation]: ...


STATED_IN: Mapping[Kind, RelationKind] = {
    Kind.PROJECT: RelationKind.LOCATED_IN,
    Kind.EVENT: RelationKind.OCCURRED_IN,
    Kind.PLACE: RelationKind.PART_OF,
}
"""The relation that says where an entity of a kind is."""

REGIONS = (PlaceType.WORLD, PlaceType.REGION)


def is_region(entity: Entity) -> bool:
    return getattr(entity, "type", None) in REGIONS


def passages(entity: Entity, holder: Holder) -> Iterator[Passage]:
    """All of an entity and of where it is, its own name first."""
    yield from own_passages(entity)
    for around in surroundings(entity, holder):
        yield from (Passage("places", name.text, Column.PLACES) for name in names(around))


def own_passages(entity: Entity) -> Iterator[Passage]:
    """All of the entity itself."""
    yield Passage("id", entity.id, None, Strength.ID, "id")
    yield from names(entity)
    yield from _codes(entity)
    yield from _texts(entity)


def names(entity: Entity) -> Iterator[Passage]:
    """What it is called."""
    yield Passage("name", entity.name, Column.NAME, Strength.NAME, "name")
    if isinstance(entity, Country) and entity.official_name:
        yield Passage("officialName", entity.official_name, Column.NAMES, Strength.OFFICIAL, "official name")
    for language, label in entity.labels.items():
        yield Passage("label", label, Column.NAMES, Strength.LABEL, f"name in {language}")
    for alias in entity.aliases:
        yield Passage("aliases", alias, Column.NAMES, Strength.ALIAS, "alias")
    if isinstance(entity, Partner) and entity.acronym:
        yield Passage("acronym", entity.acronym, Column.NAMES, Strength.ACRONYM, "acronym")


def _codes(entity: Entity) -> Iterator[Passage]:
    if isinstance(entity, Country):
        iso = {"code": "alpha-2", "alpha3": "alpha-3", "numeric": "numeric"}
        for attribute, told in iso.items():
            if code := getattr(entity, attribute):
                yield Passage(attribute, code, Column.CODES, Strength.CODE, f"ISO 3166-1 {told} code")
    if isinstance(entity, Indicator):
        yield Passage("code", entity.code, Column.CODES, Strength.CODE, "code")
    if isinstance(entity, Event):
        for glide in entity.glides:
            yield Passage("glides", glide, Column.CODES, Strength.CODE, "GLIDE number")
    for code in entity.identifiers:
        yield Passage("identifiers", code.code, Column.CODES, Strength.CODE, f"identifier ({code.vocabulary})")


def _texts(entity: Entity) -> Iterator[Passage]:
    if entity.summary:
        yield Passage("summary", entity.summary, Column.TEXTS)
    if isinstance(entity, Indicator) and entity.definition:
        yield Passage("definition", entity.definition, Column.TEXTS)
    if isinstance(entity, Source) and entity.publisher:
        yield Passage("publisher", entity.publisher, Column.TEXTS)
    if isinstance(entity, Project):
        for field, codes in (("activities", entity.activities), ("sectors", entity.sectors)):
            yield from (Passage(field, code.label, Column.TEXTS) for code in codes if code.label)


def surroundings(entity: Entity, holder: Holder) -> Sequence[Entity]:
    """Where it is: the places, and what they lie in up to the country, each once."""
    stated = STATED_IN.get(entity.kind)
    if stated is None:
        return ()
    found: dict[str, Entity] = {}
    waiting = [relation.object for relation in _leaving(entity.id, stated, holder)]
    while waiting:
        id = waiting.pop()
        around = holder.entity(id)
        if around is None or id in found or is_region(around):
            continue
        found[id] = around
        if around.kind is Kind.PLACE:
            waiting += [relation.object for relation in _leaving(id, RelationKind.PART_OF, holder)]
    return [found[id] for id in sorted(found)]


def dependents(id: str, holder: Holder) -> set[str]:
    """What is, at any depth, in a place or country."""
    found: set[str] = set()
    waiting = [id]
    while waiting:
        for relation in holder.relations_of(waiting.pop(), Direction.IN):
            subject = holder.entity(relation.subject)
            if subject is not None and relation.kind is STATED_IN.get(subject.kind) and subject.id not in found:
                found.add(subject.id)
                if subject.kind is Kind.PLACE:
                    waiting.append(subject.id)
    return found


def _leaving(id: str, kind: RelationKind, holder: Holder) -> list[Relation]:
    return [relation for relation in holder.relations_of(id, Direction.OUT) if relation.kind is kind]
