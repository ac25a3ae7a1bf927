"""Specifies graph/formats/tables.py: the tables hold all that the graph does, and say what it means."""

import csv
import json
from collections import Counter
from io import BytesIO, StringIO
from zipfile import ZipFile

import pytest
from hypothesis import given

from graph.engine import settle
from graph.formats.sheets import guarded, row, unguarded
from graph.formats.tables import KIND_TABLES, RELATION_TABLES, write_tables
from graph.graph import Graph
from graph.selection import everything
from tests.conftest import SMALL_WORLD, graph_of
from tests.graph.formats.written import HOSTILE, Line, hostile, same, told, written
from tests.worlds import World, examples, worlds

NUMBERS = {"number", "whole number"}


def tables(data: bytes) -> dict[str, list[dict[str, str]]]:
    """Each table, read as anybody would."""
    with ZipFile(BytesIO(data)) as archive:
        assert archive.testzip() is None
        texts = {name.removesuffix(".csv"): archive.read(name).decode() for name in archive.namelist()}
    return {name: list(csv.DictReader(StringIO(text, newline=""), strict=True)) for name, text in texts.items()}


def rebuilt(data: bytes) -> list[Line]:
    """The graph lines that the tables come to, read by nothing but their data dictionary."""
    found = tables(data)
    types = {(line["table"], line["column"]): line["type"] for line in found["dictionary"]}
    kinds = {name: {"kind": str(kind)} for kind, name in KIND_TABLES.items()}
    kinds |= {name: {"relation": str(kind)} for kind, name in RELATION_TABLES.items()}
    return [
        kinds[name] | {key: value(cell, types[name, key]) for key, cell in line.items() if cell != ""}
        for name, lines in found.items()
        if name in kinds
        for line in lines
    ]


def value(cell: str, type: str) -> object:
    if type in NUMBERS:
        return json.loads(cell)
    return json.loads(cell) if type.endswith("as JSON") else unguarded(cell)


def without_empty(lines: list[Line]) -> list[Line]:
    """Python's reader, as most, does not tell an empty text from none."""
    return [{key: value for key, value in line.items() if value != ""} for line in lines]


@given(worlds())
@examples(40)
def test_the_tables_hold_all_that_a_graph_does(world: World):
    graph = graph_of(world)
    assert same(rebuilt(written("csv", graph)), without_empty(told(graph)))


def test_hostile_texts_come_back():
    graph = hostile()
    assert same(rebuilt(written("csv", graph)), without_empty(told(graph)))


def test_no_cell_is_computed_by_a_spreadsheet():
    cells = [cell for lines in tables(written("csv", hostile())).values() for line in lines for cell in line.values()]
    assert [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))] == []
    assert [unguarded(guarded(text)) for text in HOSTILE] == HOSTILE
    assert row(["'Amran", -4.5, "-4.5"]) == b"'Amran,-4.5,'-4.5\r\n"


def test_an_empty_text_is_told_from_what_is_unknown():
    assert row(["", None, "a"]) == b'"",,a\r\n'


def test_every_column_and_every_term_is_explained(seeded: Graph):
    found = tables(written("csv", seeded))
    explained = {(line["table"], line["column"]): line for line in found["dictionary"]}
    shown = set(KIND_TABLES.values()) | set(RELATION_TABLES.values())
    columns = {(name, key) for name, lines in found.items() if name in shown for key in lines[0]}
    assert columns <= explained.keys()
    assert [line for line in explained.values() if not line["type"] or not line["description"]] == []
    terms = {(line["codelist"], line["code"]) for line in found["codelists"] if line["description"]}
    used = {
        (explained[name, key]["codelist"], cell)
        for name, lines in found.items()
        if name in shown
        for line in lines
        for key, cell in line.items()
        if cell and explained[name, key]["codelist"]
    }
    assert used
    assert used <= terms


def test_the_citations_are_ready_to_print_and_say_how_much_rests_on_each():
    found = tables(written("csv", graph_of(SMALL_WORLD)))
    counted: Counter[str] = Counter()
    for line in SMALL_WORLD:
        counted.update([line["object"]] if line.get("relation") == "CITES" else line.get("sources", []))
    assert {line["id"]: int(line["cited"]) for line in found["citations"]} == {
        line["id"]: counted[line["id"]] for line in SMALL_WORLD if line.get("kind") == "SOURCE"
    }
    assert all(line["citation"] for line in found["citations"])


def test_equal_graphs_give_equal_archives_and_empty_tables_are_left_out(small: Graph):
    assert written("csv", small) == written("csv", graph_of(SMALL_WORLD))
    with ZipFile(BytesIO(written("csv", Graph.in_memory()))) as archive:
        assert archive.namelist() == ["dictionary.csv", "codelists.csv"]


def test_an_archive_that_nobody_wants_any_more_is_given_up_quietly(seeded: Graph):
    selection = settle(everything(seeded.engine.holding))
    pieces = write_tables(selection)
    assert next(pieces)[:2] == b"PK"
    pieces.close()


@pytest.mark.parametrize("text", HOSTILE)
def test_a_cell_is_read_as_it_was_written(text):
    (cells,) = csv.reader(StringIO(row([text, "x"]).decode(), newline=""), strict=True)
    assert cells == [guarded(text), "x"]
