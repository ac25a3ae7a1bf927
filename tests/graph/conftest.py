"""What the core's tests share."""

from graph.formats.lines import canonical
from graph.graph import Graph

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


def text_of(graph: Graph) -> str:
    """All that a graph holds, as its canonical graph lines: equal texts are equal graphs."""
    return b"".join(canonical(graph.engine.entities(), graph.engine.all_relations())).decode()
