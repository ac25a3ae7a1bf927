"""Whatever is done to a file, a reader gives records, faults or a refusal, and the store nothing half."""

import re
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph.errors import Refused
from graph.formats import registry
from graph.formats.format import Record, Unusable
from graph.formats.format import Refused as Rejected
from graph.graph import Graph
from tests.graph.formats.reading import FIXTURES, records

ELSEWHERE = re.compile(r"\bline \d+|states the same|of which year")
"""Faults that a record has because of another one, or that say where it stood."""

NUMBER = re.compile(r"\d+")
"""As columns before them are more, they have other numbers."""

FILES = {
    "hxl": ["3w.csv", "3w-bad.csv", "figures.csv", "figures-mali.csv", "money.csv", "units.csv"],
    "pcodes": ["pcodes.csv", "pcodes-bad.csv"],
    "gdacs": ["gdacs.xml"],
    "iati": ["iati.xml", "iati-bad.xml"],
    "page": ["page-chad.txt", "page-drc.txt", "page-niger.txt"],
}
TEXTS = {(format, name): (FIXTURES / name).read_bytes() for format, names in FILES.items() for name in names}
TEXTS["gdacs-csv", "alerts.csv"] = (
    b"id,iso3,country,title,event_type,from_date,to_date,link,geo_lat\n"
    b"EQ1,MLI,Mali,Quake,EQ,2022-08-18,2022-08-18,https://example.org/1,14\n"
    b"FL2,NER,Niger,Flood,FL,2022-13-18,2022-08-18,https://example.org/2,x\n"
)
TEXTS["jsonl", "lines.jsonl"] = (
    b'{"id":"project:a","kind":"PROJECT","name":"A","startedOn":"2020"}\n# why\n'
    b'{"relation":"LOCATED_IN","subject":"project:a","object":"country:ML"}\n{"id":"project:b","kind":"PROJEKT"}\n'
)
PIECES = st.sampled_from(
    [b"", b",", b'"', b"\n", b"\r", b"\0", b"#", b"+", b"\xff", b"\xc3\xa9", b"-1", b"9" * 400, b"nan", b"1e999",
     b"2023-02-30", b"<", b"{", b"}", b"<!--", b"-->", b"<!DOCTYPE a>", b"&x;",
     b"]]>", b"\xe2\x80\xae", b"\xd9\xa3", b"Mali", b"Chad\n", b"million", b"#date", b"0",
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
        found = records(format, text, name=name, keeps_texts=True)
        for record in found:
            assert not (record.faults and record.writes)
        with suppress(Refused):
            graph.apply(write for record in found for write in record.writes)
        if refused := [record for record in found if record.faults]:
            assert_refused_again(format, refused)


def assert_refused_again(format: str, refused: list[Record]) -> None:
    """A file of refused records holds them all, and is read as what it is: what was wrong is wrong still, but for what
    was wrong only beside others."""
    rejected = [Rejected(each.text, [fault.text for fault in each.faults], each.frame) for each in refused]
    again = b"".join(registry.named(format).reject(rejected))
    assert all(each.text.strip() for each in refused)
    assert registry.recognised(again).name == format
    told = {NUMBER.sub("9", fault.text) for record in records(format, again) for fault in record.faults}
    for text in (NUMBER.sub("9", fault.text) for record in refused for fault in record.faults):
        assert text in told or ELSEWHERE.search(text), text


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(sorted({format for format, _ in TEXTS})))
def test_any_bytes_are_taken_or_refused(text, format):
    with suppress(Unusable):
        records(format, text)
