"""What one request may see and use: the graph at one version, and the limits that hold for it."""

import msgspec

from graph.engine import Engine
from graph.journal.journal import Head


class Request(msgspec.Struct, frozen=True):
    """The context of every step of an operation. `page_default` and `page_limit` are numbers of items in a list,
    `most_conditions` that of comparisons in a filter, `longest_text` that of characters in a text to look for, of whose
    matches `most_ranked` are ranked."""

    engine: Engine
    head: Head
    page_default: int
    page_limit: int
    most_conditions: int
    longest_text: int
    most_ranked: int
