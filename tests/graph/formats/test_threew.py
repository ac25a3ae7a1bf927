"""Specifies graph/formats/threew.py: who does what where, a row for each combination."""

import csv
from collections import Counter
from io import StringIO

import pytest
from hypothesis import given

from graph.formats.sheets import unguarded
from graph.formats.threew import COLUMNS
from graph.graph import Graph
from graph.parse import write
from tests.conftest import graph_of
from tests.graph.formats.reading import records
from tests.graph.formats.test_geojson import PLACED
from tests.graph.formats.written import Line, hostile, told, written
from tests.worlds import World, examples, worlds


def rows(graph: Graph) -> list[dict[str, str]]:
    """The rows by their tags."""
    header, tags, *cells = csv.reader(StringIO(written("hxl", graph).decode(), newline=""), strict=True)
    assert (header, tags) == ([*COLUMNS.values()], [*COLUMNS])
    assert {len(each) for each in cells} <= {len(tags)}
    return [dict(zip(tags, map(unguarded, each), strict=True)) for each in cells]


def size(lines: list[Line], project: Line) -> int:
    """How many rows a project has."""
    places = [line for line in lines if line.get("relation") == "LOCATED_IN" and line["subject"] == project["id"]]
    partners = [line for line in lines if line.get("relation") == "PARTICIPATES_IN" and line["object"] == project["id"]]
    return max(1, len(places)) * max(1, len(partners)) * max(1, len(project.get("sectors", [])))


@given(worlds(PROJECT=6))
@examples(40)
def test_there_is_a_row_for_each_project_place_partner_and_sector(world: World):
    graph = graph_of(world)
    lines = told(graph)
    counts = {line["id"]: size(lines, line) for line in lines if line.get("kind") == "PROJECT"}
    codes = (row["#activity+code"].removeprefix("project:") for row in rows(graph))
    assert Counter(f"project:{code}" for code in codes) == counts


CARE = [{"vocabulary": "v", "code": "a", "label": "Care"}, {"vocabulary": "v", "code": "b"}]
HEALTH = [{"vocabulary": "DAC", "code": "122", "label": "Basic health"}]
CLINIC = [
    {"id": "place:adm", "kind": "PLACE", "name": "Mopti", "type": "ADMIN1",
     "identifiers": [{"vocabulary": "P-code", "code": "ML05"}]},
    {"id": "project:1", "kind": "PROJECT", "name": "Clinic", "summary": "S", "status": "CLOSED", "startedOn": "2020",
     "endedOn": "2021-03", "activities": CARE, "sectors": HEALTH},
    {"relation": "PART_OF", "subject": "place:a", "object": "place:adm"},
    {"relation": "PART_OF", "subject": "place:adm", "object": "country:ML"},
]  # fmt: skip


def test_a_row_says_who_does_what_where_since_when_and_on_whose_word():
    graph = graph_of([line for line in PLACED if line.get("relation") != "PART_OF"])
    graph.apply(map(write, CLINIC))
    (found,) = [row for row in rows(graph) if row["#activity+code"] == "project:1"]
    assert {tag: cell for tag, cell in found.items() if cell} == {
        "#activity+name": "Clinic",
        "#activity+code": "project:1",  # a mere number may be anybody's
        "#activity+type": "Care | b",
        "#description": "S",
        "#sector+name": "Basic health",
        "#sector+code": "122",
        "#sector+vocab": "DAC",
        "#org+name": "X",
        "#org+code": "x",
        "#org+type": "Other",
        "#org+role": "Funding",
        "#country+name": "Mali",
        "#country+code": "ML",
        "#adm1+name": "Mopti",
        "#adm1+code": "ML05",
        "#loc+name": "A",
        "#loc+type": "Town",
        "#geo+lat": "14.5",
        "#geo+lon": "-3",
        "#status": "Closed",
        "#date+start": "2020",
        "#date+end": "2021-03",
        "#meta+source": "P (n.d.). S. | P (n.d.). T.",
    }


def test_hostile_texts_come_back_and_none_is_computed():
    text = written("hxl", hostile()).decode()
    cells = [cell for row in csv.reader(StringIO(text, newline="")) for cell in row]
    assert [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))] == []
    names = sorted(line["name"] for line in told(hostile()) if line.get("kind") == "PROJECT")
    assert sorted(row["#activity+name"] for row in rows(hostile())) == names


def read_into(graph: Graph, data: bytes) -> None:
    """Has a graph take what is written."""
    found = records("hxl", data, graph)
    assert [record.faults for record in found if record.faults] == []
    graph.apply([write for record in found for write in record.writes])


@pytest.fixture
def clinic() -> Graph:
    nowhere = "place:c"  # at a latitude that no reader takes
    lines = [line for line in PLACED if line.get("relation") != "PART_OF" and nowhere not in line.values()]
    begun = {"id": "project:2", "kind": "PROJECT", "name": "Begun", "startedOn": "2021"}
    graph = graph_of(lines)
    graph.apply(map(write, [*CLINIC, begun]))
    return graph


def unsourced(graph: Graph) -> list[str]:
    """The rows without their sources: what has none gets the file that says it."""
    return sorted(str(row | {"#meta+source": ""}) for row in rows(graph))


def test_what_is_written_is_read_again_as_it_was(clinic: Graph):
    data, before = written("hxl", clinic), unsourced(clinic)
    read_into(clinic, data)
    assert unsourced(clinic) == before
    once = told(clinic)
    read_into(clinic, data)
    assert told(clinic) == once


def test_what_is_written_fills_an_empty_graph_with_all_that_it_holds(clinic: Graph):
    again = Graph.in_memory()
    read_into(again, written("hxl", clinic))
    assert unsourced(again) == unsourced(clinic)
    assert again.engine.entity("project:1") is not None
