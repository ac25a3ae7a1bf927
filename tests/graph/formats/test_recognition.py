"""Specifies by what files are recognised: each fixture by its own format alone, and what is none of them by none."""

import pytest

from graph.formats import registry
from graph.formats.format import Unusable
from tests.conftest import SMALL
from tests.graph.formats.reading import FIXTURES

OWN = {
    "hxl": ["3w.csv", "3w-bad.csv", "figures.csv", "figures-mali.csv", "money.csv", "units.csv", "untagged.csv"],
    "pcodes": ["pcodes.csv", "pcodes-bad.csv"],
    "gdacs": ["gdacs.xml"],
    "page": ["page-chad.txt", "page-drc.txt", "page-niger.txt"],
}


@pytest.mark.parametrize(("format", "name"), [(format, name) for format, names in OWN.items() for name in names])
def test_a_file_is_recognised_by_what_is_in_it(format, name):
    head = (FIXTURES / name).read_bytes()[: registry.HEAD]
    assert registry.recognised(head).name == format
    others = {each.name for each in registry.READABLE.values() if each.recognises(head)} - {format}
    assert others <= ({"hxl"} if format == "pcodes" else set())  # it is a table without tags, too


def test_graph_lines_are_nothing_else():
    head = SMALL.read_bytes()
    assert [each.name for each in registry.READABLE.values() if each.recognises(head)] == ["jsonl"]


def test_a_comment_does_not_make_graph_lines_of_a_table_or_page():
    table = (FIXTURES / "3w.csv").read_bytes()
    page = (FIXTURES / "page-chad.txt").read_bytes()
    lines = SMALL.read_bytes()
    heads = [b"# a comment\n" + text for text in (table, page, lines)] + [b"# a comment\n\n", b""]
    assert [registry.recognised(head).name for head in heads] == ["hxl", "page", "jsonl", "jsonl", "jsonl"]


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"\r"])
def test_a_row_of_tags_is_no_comment_and_a_heading_is_no_tag(ending):
    table, long = b"#org,#activity\nA,B\n", b"#org," + b",".join([b"#meta+x"] * registry.HEAD) + b"\n"
    page = b"# Mali\n\nAnnual Report 2023\n\n12\nPatients treated\n"
    heads = [head.replace(b"\n", ending)[: registry.HEAD] for head in (table, long, page)]
    assert [registry.recognised(head).name for head in heads] == ["hxl", "hxl", "page"]


@pytest.mark.parametrize(
    "head",
    [
        b"Mali is a country.\nIt has 12 regions.\n", b"Mali\nProse, and no figure.\n", b"12\nPatients\n",
        b"\x00\x01\x02",
        b"<html><body>Mali</body></html>", b'[{"pk": 1}]', b"<?xml version='1.0'?><other/>", b"one line, alone",
        b"\xff\xfe\x00\x00", b"\x89PNG\r\n\x1a\n",
    ],
)  # fmt: skip
def test_what_is_none_of_them_is_told_which_there_are(head):
    with pytest.raises(Unusable, match="its format is not recognised"):
        registry.recognised(head)
