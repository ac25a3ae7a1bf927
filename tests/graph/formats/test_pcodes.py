"""Specifies graph/formats/pcodes.py: OCHA's list of P-codes into places that lie in each other as it says."""

import pytest

from graph.errors import Refused
from graph.graph import Graph
from graph.model import Code
from graph.vocabulary import Kind, PlaceType, RelationKind
from seed.load import records
from tests.conftest import graph_of
from tests.graph.conftest import text_of
from tests.graph.formats.reading import FIXTURES, all_of, faults, related, taken, told, unsourced


def test_units_are_places_with_their_codes_in_the_unit_that_is_named():
    graph = Graph.in_memory()
    assert told(taken(graph, "pcodes.csv")) == ["line 6: ML0598 has no name: it goes by its code"]
    places = all_of(graph, Kind.PLACE)
    assert {(place.id, place.name, place.type) for place in places.values()} == {
        ("place:ML05", "Mopti", PlaceType.ADMIN1), ("place:ML0505", "Koro", PlaceType.ADMIN2),
        ("place:ML0599", "Far-off", PlaceType.ADMIN2), ("place:ML04", "Ségou", PlaceType.ADMIN1),
        ("place:ML0598", "ML0598", PlaceType.ADMIN2),
    }  # fmt: skip
    assert places["place:ML05"].identifiers == (Code("P-code", "ML05"),)
    assert related(graph, RelationKind.PART_OF) == {
        ("place:ML05", "country:ML"), ("place:ML04", "country:ML"), ("place:ML0505", "place:ML05"),
        ("place:ML0599", "place:ML04"), ("place:ML0598", "place:ML05"),
    }  # fmt: skip
    assert unsourced(graph) == []


def test_the_seeds_places_are_the_same_places_and_a_second_import_changes_nothing():
    graph = graph_of(list(records()))
    first = taken(graph, "pcodes.csv")
    assert "place:ML05" not in all_of(graph, Kind.PLACE)
    assert ("place:ML0505", "place:ml-mopti-region") in related(graph, RelationKind.PART_OF)
    assert taken(graph, "pcodes.csv").applied[:4] == (first.applied.version, 0, 0, 0)


def test_each_row_that_is_wrong_says_why():
    assert faults("pcodes", (FIXTURES / "pcodes-bad.csv").read_bytes()) == [
        "3: line 2 has the same P-code, ML05. Leave one of them out",
        "4: its admin level is '3', expected 1 or 2",
        "5: its location is 'XXX', expected a country of ISO 3166-1, as MLI",
        "6: it has no parent P-code, and a unit of level 2 lies in one of level 1",
        "7: it has no P-code, without which nobody can tell which unit it is",
        "8: valid from date: '2021-02-30' is not a date, as 2023, 2023-11, 2023-11-05 or November 2023",
        "9: the row has 5 cells, its head has 6. Put cells that hold a delimiter in quotation marks",
    ]


def test_a_parent_that_is_nowhere_is_a_fault_of_its_row(tmp_path):
    graph, file = Graph.in_memory(), tmp_path / "units.csv"
    file.write_text("Location,Admin Level,P-Code,Name,Parent P-Code\nMLI,2,ML0901,Bamako,ML09\n")
    with pytest.raises(Refused, match=r"^line 2: .*place:ML09"):
        taken(graph, file)
    assert graph.version == 0


def test_refused_rows_are_corrected_and_imported_to_the_same_end(tmp_path):
    graph, rejects = Graph.in_memory(), tmp_path / "rejects.csv"
    taken(graph, "pcodes-bad.csv", skip_invalid=True, rejects=rejects)
    text, whole = rejects.read_text(encoding="utf-8"), (FIXTURES / "pcodes-bad.csv").read_text(encoding="utf-8")
    assert text.startswith("Reason,Location,Admin Level")
    for wrong, right in [
        ("MLI,2,ML05,Koro", "MLI,2,ML0599,Other"), ("MLI,3,", "MLI,2,"),
        ("XXX,1,XX01,Somewhere,XXX", "MLI,1,ML08,Kidal,MLI"),
        ("Douentza,,", "Douentza,ML05,"), ("MLI,2,,Douentza", "MLI,2,ML0597,Third"), ("2021-02-30,", ","),
        ("2021-02-30\n", "\n"),
        ("Bankass,ML05", "Bankass,ML05,"),
    ]:  # fmt: skip
        text, whole = text.replace(wrong, right), whole.replace(wrong, right)
    rejects.write_text(text, encoding="utf-8")
    taken(graph, rejects)
    corrected, at_once = tmp_path / "whole.csv", Graph.in_memory()
    corrected.write_text(whole, encoding="utf-8")
    taken(at_once, corrected)
    assert text_of(graph) == text_of(at_once)
    assert len(all_of(graph, Kind.PLACE)) == 8
