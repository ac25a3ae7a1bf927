"""What an activity asks of the graph, collected: its own facts, and what it shares with others."""

from graph.model import Code, Ensure, Entity, Relation, RelationName, Write
from graph.vocabulary import RelationKind


class Told:
    """The writes of one activity. Whatever is told twice is told once; each fact cites where it is from."""

    def __init__(self, source: str) -> None:
        self.source = source
        self._own: dict[str, Entity] = {}
        self._relations: dict[RelationName, Relation] = {}
        self._shared: list[Ensure] = []

    def own(self, record: Entity) -> None:
        self._own[record.id] = record

    def relate(self, relation: Relation) -> None:
        self._relations.setdefault(relation.name, relation)

    def cite(self, id: str, locator: str | None = None) -> None:
        self.relate(Relation(RelationKind.CITES, id, self.source, locator=locator))

    def ensure(self, record: Entity | Relation) -> None:
        self._shared.append(Ensure(record))

    def ensure_cited(self, record: Entity) -> None:
        """What the store lacks, and who says that it is there."""
        self.ensure(record)
        self.ensure(Relation(RelationKind.CITES, record.id, self.source))

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.source,)

    def writes(self) -> list[Write]:
        return [*self._shared, *self._own.values(), *self._relations.values()]


def distinct(codes: list[Code]) -> tuple[Code, ...]:
    """Each code of a list once, the first with its label."""
    found: dict[tuple[str, str], Code] = {}
    for code in codes:
        known = found.setdefault((code.vocabulary, code.code), code)
        if known.label is None and code.label:
            found[code.vocabulary, code.code] = code
    return tuple(found.values())
