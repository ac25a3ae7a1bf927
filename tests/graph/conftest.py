"""What the core's tests share."""

from collections.abc import Iterable, Iterator

from graph.formats.lines import line
from graph.graph import Graph
from graph.model import Entity, Relation

# FORMAT's keys in the order in which they are written: of every entity, of each kind, of relations.
COMMON_KEYS = "id kind name summary aliases labels identifiers"
KEYS = {
    "COUNTRY": "officialName code alpha3 numeric latitude longitude",
    "PLACE": "type latitude longitude",
    "PROJECT": "status startedOn endedOn activities sectors",
    "EVENT": "type startedOn endedOn affected affectedStatus glides",
    "PARTNER": "type acronym website",
    "INDICATOR": "code unit countBasis definition",
    "METRIC": "value printed lower upper unit measure startedOn endedOn status",
    "SOURCE": "type publisher url publishedOn accessedOn license",
}
RELATION_KEYS = "relation subject object role impact since until percentage locator sources"


def canonical(entities: Iterable[Entity], relations: Iterable[Relation]) -> Iterator[bytes]:
    """Records as lines in the order that FORMAT tells, found by sorting all of them."""
    for entity in sorted(entities, key=lambda entity: (entity.kind.rank, entity.id)):
        yield line(entity) + b"\n"
    for relation in sorted(relations, key=lambda relation: relation.name.sort_key):
        yield line(relation) + b"\n"


def text_of(graph: Graph) -> str:
    """All that a graph holds, as its canonical graph lines: equal texts are equal graphs."""
    return b"".join(canonical(graph.engine.entities(), graph.engine.all_relations())).decode()
