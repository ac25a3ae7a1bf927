"""A store as files, for the command."""

from pathlib import Path

from api.files import progress, writing
from graph.formats import lines
from graph.graph import Graph


def export(graph: Graph, to: Path) -> int:
    """Writes the whole graph in canonical order; says how many lines."""
    entities, relations = list(graph.engine.entities()), list(graph.engine.all_relations())
    count = len(entities) + len(relations)
    with progress(f"Writing {to}", count) as advance, writing(to) as out:
        for row in lines.canonical(entities, relations):
            out.write(row)
            advance(1)
    return count
