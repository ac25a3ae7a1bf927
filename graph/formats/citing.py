"""The citations of what is written, for formats that carry them beside each fact."""

from collections.abc import Iterable

from graph.model import Relation, Source
from graph.selection import Selection
from graph.vocabulary import RelationKind


def sources_of(selection: Selection, id: str, relations: Iterable[Relation] = ()) -> list[Source]:
    """The sources that an entity cites, and those of relations, each once."""
    ids = [relation.object for relation in selection.leaving(id, RelationKind.CITES)]
    for relation in relations:
        ids += relation.sources
    found = map(selection.entity, dict.fromkeys(ids))
    return [source for source in found if isinstance(source, Source)]
