"""What the tests of readers share: fixtures, and what importing a file comes to."""

from io import BytesIO
from pathlib import Path
from typing import Any

from api.imports import Imported, import_files
from graph.formats import registry
from graph.formats.format import Record, Source
from graph.formats.known import Known
from graph.graph import Graph
from graph.model import Entity, Relation
from graph.vocabulary import Kind, RelationKind

FIXTURES = Path(__file__).with_name("fixtures")


def taken(graph: Graph, *names: str | Path, **options: Any) -> Imported:
    """Imports fixtures, or other files, by what they are recognised as."""
    return import_files(graph, [FIXTURES / name for name in names], **options)


def records(
    format: str, text: bytes, graph: Graph | None = None, name: str = "a file.csv", *, keeps_texts: bool = False
) -> list[Record]:
    """What a reader makes of these bytes."""
    known = Known((graph or Graph.in_memory()).engine)
    return list(registry.named(format).read(Source(BytesIO(text), name, known, keeps_texts)))


def faults(format: str, text: bytes) -> list[str]:
    return [f"{line}: {told}" for record in records(format, text) for line, told in record.faults]


def all_of(graph: Graph, kind: Kind) -> dict[str, Any]:
    """The entities of a kind by id."""
    return {entity.id: entity for entity in graph.engine.entities() if entity.kind is kind}


def related(graph: Graph, kind: RelationKind) -> set[tuple[Any, ...]]:
    """Subject and object of each relation of a kind, and its role if it has one."""
    found = (relation for relation in graph.engine.all_relations() if relation.kind is kind)
    return {tuple(filter(None, (each.subject, each.object, each.role))) for each in found}


def told(imported: Imported) -> list[str]:
    return [str(remark) for remark in imported.remarks]


def unsourced(graph: Graph) -> list[str]:
    """Entities that no source states, and relations that name none."""
    cited = {relation.subject for relation in graph.engine.all_relations() if relation.kind is RelationKind.CITES}
    found: list[Entity | Relation] = [
        entity for entity in graph.engine.entities() if entity.kind is not Kind.SOURCE and entity.id not in cited
    ]
    found += [each for each in graph.engine.all_relations() if not each.sources and each.kind is not RelationKind.CITES]
    return [str(each.name if isinstance(each, Relation) else each.id) for each in found]
