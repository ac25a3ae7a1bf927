"""What the tests of written formats share: graphs to write, and what they hold, as plain graph lines."""

import json
from typing import Any

from graph.engine import settle
from graph.formats.registry import WRITABLE
from graph.graph import Graph
from graph.selection import Selection, everything
from graph.vocabulary import RULES, RelationKind
from tests.conftest import graph_of
from tests.graph.conftest import text_of

BASE = "https://graph.example.org"
Line = dict[str, Any]

HOSTILE = [
    '=HYPERLINK("http://evil.example","x")', "+1", "-1", "@SUM(A1)", "'=1", "''=1", "'Amran", "\t=1", "\r=1", "",
    'a "quoted", text', "two\nlines", "two\r\nlines", " blank ", ";", "|", "\x00\x01\x1f", "\x7f\x85", "\ufffe\uffff",
    "\\u0001", "\\\\u0001", "\\\x01", "\\u00\x01", "</data></node><node id='x'>", "]]>", "<!--", "&amp;", "&#1;", "%41",
    "a/../b?c#d", "../x", "\u2028\u2029", "\ufeffBOM", "\u202eright to left", "🏥 مالي 東京", "<script>",
]  # fmt: skip


def hostile() -> Graph:
    """A graph in which every text is one that some format takes for something else."""
    lines: list[Line] = []
    for number, text in enumerate(HOSTILE):
        code = {"vocabulary": text, "code": text, "label": text}
        shared = {"summary": text, "aliases": [text, "b"], "labels": {"fr": text}, "identifiers": [code]}
        source, project, partner = f"source:{text}", f"project:{text}", f"partner:{text}"
        lines += [
            {"id": source, "kind": "SOURCE", "name": text or "x", "type": "REPORT", "publisher": text, "url": text},
            {"id": project, "kind": "PROJECT", "name": text or "x", **shared, "activities": [code], "sectors": [code]},
            {"id": partner, "kind": "PARTNER", "name": f"{number}{text}", "type": "OTHER", "website": text},
            {"relation": "CITES", "subject": project, "object": source, "locator": text},
            {"relation": "PARTICIPATES_IN", "subject": partner, "object": project, "sources": [source]},
        ]
    return graph_of(lines)


def written(format: str, graph: Graph, selection: Selection | None = None) -> bytes:
    """A graph, or what is selected of it, in a format."""
    return b"".join(WRITABLE[format].write(selection or settle(everything(graph.engine.holding)), BASE))


def told(graph: Graph) -> list[Line]:
    """All that a graph holds, as graph lines that tell defaults, too."""
    return [explicit(json.loads(row)) for row in text_of(graph).split("\n") if row]


def explicit(line: Line) -> Line:
    defaults = {"METRIC": {"measure": "ACTUAL"}, "INDICATOR": {"countBasis": "OTHER"}}
    return defaults.get(line.get("kind", ""), {}) | line


def plain(line: Line) -> str:
    """A line to compare: whatever the order of its keys, and numbers by value."""
    return json.dumps(line, sort_keys=True)


def same(lines: list[Line], others: list[Line]) -> bool:
    return sorted(map(plain, lines)) == sorted(map(plain, others))


RELATION_KEYS = {kind: {"subject", "object", *rule.attributes} for kind, rule in RULES.items()}
assert set(RELATION_KEYS) == set(RelationKind)
