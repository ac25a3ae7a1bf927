"""A process that writes to a store at random until it is killed, and tells what it asks for and what is acknowledged.

    python -m tests.graph.load STORE SEED [snapshots]

Each line is JSON: {"asked": [graph lines]} before a write, {"stored": version} or {"refused": why} after it. With
"snapshots" another thread writes one snapshot after the other.
"""

import json
import sys
import threading
from pathlib import Path
from random import Random
from typing import Any

from graph.errors import FieldgraphError
from graph.graph import Graph
from graph.journal.journal import Authorship
from tests.api.stage import writes
from tests.worlds import Choices, commit, world


def main() -> None:
    directory, seed = Path(sys.argv[1]), int(sys.argv[2])
    chance = Random(seed)
    graph = Graph.open(directory)
    if "snapshots" in sys.argv[3:]:
        threading.Thread(target=_snapshots, args=(graph,), daemon=True).start()
    tell(ready=graph.version)
    while True:
        choose = Choices(chance.randbytes(3_000))
        held = [*map(line_of, graph.engine.entities()), *map(line_of, graph.engine.all_relations())]
        lines = commit(choose, held, size=chance.choice([1, 3, 30])) if held else world(choose)
        tell(asked=lines)
        try:
            applied = graph.apply(writes(lines), Authorship("load", f"seed {seed}"))
        except FieldgraphError as error:
            tell(refused=str(error))
        else:
            tell(stored=applied.version)


def line_of(record: Any) -> dict[str, Any]:
    """A record as the worlds know it: what is needed of it to change it."""
    if hasattr(record, "subject"):
        name = record.name
        line = {"relation": str(name.kind), "subject": name.subject, "object": name.object}
        return line | {key: str(value) for key, value in (("role", name.role), ("impact", name.impact)) if value}
    return {"id": record.id, "kind": str(record.kind)}


def tell(**said: Any) -> None:
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


def _snapshots(graph: Graph) -> None:
    while True:
        graph.take_snapshot(1)


if __name__ == "__main__":
    main()
