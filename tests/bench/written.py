"""Writes a store as a file that nobody keeps, and tells what it took, as JSON.

    python -m tests.bench.written STORE FORMAT

Memory is measured from when the graph is there, so the graph's own does not count.
"""

import ctypes
import gc
import json
import os
import sys
import time
from contextlib import suppress
from pathlib import Path

from api.settings import Settings
from graph.engine import settle
from graph.formats.registry import WRITABLE
from graph.graph import Graph
from graph.selection import everything
from tests.bench.servers import memory_of


def main() -> None:
    store, format = Path(sys.argv[1]), sys.argv[2]
    graph = Graph.open(store)
    gc.collect()
    with suppress(OSError, AttributeError):  # Linux alone gives back what is free, and forgets how much it was at most
        ctypes.CDLL(None).malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    before = memory_of(os.getpid()).now
    start = time.perf_counter()
    size = 0
    with Path("/dev/null").open("wb") as out:
        for piece in WRITABLE[format].write(settle(everything(graph.engine.holding)), Settings().address):
            size += out.write(piece)
    seconds = time.perf_counter() - start
    told = {
        "seconds": seconds,
        "bytes": size,
        "grown": memory_of(os.getpid()).peak - before,
        "lines": graph.engine.size,
    }
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main()
