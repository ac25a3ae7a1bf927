"""Whatever is done to a file, a reader gives records, faults or a refusal, and the store nothing half."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph.errors import Refused
from graph.formats import registry
from graph.formats.format import Refused as Rejected
from graph.formats.format import Unusable
from graph.graph import Graph
from tests.graph.formats.reading import FIXTURES, records

FILES = {
    "hxl": ["3w.csv", "3w-bad.csv", "figures.csv", "figures-mali.csv", "money.csv", "units.csv"],
    "pcodes": ["pcodes.csv", "pcodes-bad.csv"],
    "gdacs": ["gdacs.xml"],
    "page": ["page-chad.txt", "page-drc.txt", "page-niger.txt"],
}
TEXTS = {(format, name): (FIXTURES / name).read_bytes() for format, names in FILES.items() for name in names}
PIECES = st.sampled_from(
    [b"", b",", b'"', b"\n", b"\r", b"\0", b"#", b"+", b"\xff", b"\xc3\xa9", b"-1", b"9" * 400, b"nan", b"1e999",
     b"2023-02-30", b"<", b"&x;", b"]]>", b"\xe2\x80\xae", b"\xd9\xa3", b"Mali", b"Chad\n", b"million", b"#date", b"0",
     b"\t;", b"\xef\xbb\xbf"]
) | st.binary(max_size=6)  # fmt: skip
EDITS = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 30), PIECES), min_size=1, max_size=6)


def mutated(text: bytes, edits: list[tuple[float, int, bytes]]) -> bytes:
    for where, length, piece in edits:
        place = int(where * len(text))
        text = text[:place] + piece + text[place + length :]
    return text


@pytest.mark.parametrize(("format", "name"), TEXTS)
@settings(max_examples=150, deadline=None)
@given(edits=EDITS)
def test_a_file_that_is_damaged_anywhere_is_taken_in_part_or_refused(format, name, edits):
    text = mutated(TEXTS[format, name], edits)
    graph = Graph.in_memory()
    for each in registry.READABLE.values():
        each.recognises(text)
    with suppress(Unusable):
        found = records(format, text, name=name)
        for record in found:
            assert not (record.faults and record.writes)
        refused = [Rejected(record.text, [fault.text for fault in record.faults]) for record in found if record.faults]
        b"".join(registry.named(format).reject(refused, text))
        with suppress(Refused):
            graph.apply(write for record in found for write in record.writes)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(sorted(FILES)))
def test_any_bytes_are_taken_or_refused(text, format):
    with suppress(Unusable):
        records(format, text)
