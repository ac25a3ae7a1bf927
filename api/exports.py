"""Exports as files, for the command."""

from pathlib import Path

from api.files import progress, writing
from api.selecting import Wanted
from graph.engine import settle
from graph.formats.lines import LINES
from graph.graph import Graph
from graph.resident import Resident

ALL = Wanted(LINES)


def export(graph: Graph, to: Path, wanted: Wanted = ALL, base: str = "", version: int | None = None) -> int:
    """Writes what is wanted, as it was at a version if one is given; says of how many entities and relations.

    Raises NotFound for a version not yet made.
    """
    engine = graph.engine if version is None else graph.as_of(version).engine
    assert isinstance(engine, Resident)
    selection = settle(wanted.select(engine, lambda: engine.holding))  # nobody writes to it meanwhile
    passed = 0
    with progress(f"Writing {to}", engine.size if wanted.kind is None else None) as advance, writing(to) as out:
        for piece in wanted.writer.write(selection, base):
            out.write(piece)
            advance(selection.passed - passed)
            passed = selection.passed
    return selection.passed
