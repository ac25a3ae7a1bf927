"""Specifies graph/formats/geojson.py: what RFC 7946 demands, and where things are."""

import json
from typing import Any

from hypothesis import given

from graph.graph import Graph
from tests.conftest import graph_of
from tests.graph.formats.written import hostile, told, written
from tests.worlds import World, examples, worlds

PLACED = [
    {"id": "country:ML", "kind": "COUNTRY", "name": "Mali", "code": "ML", "alpha3": "MLI", "latitude": 17,
     "longitude": -4},
    {"id": "place:a", "kind": "PLACE", "name": "A", "type": "TOWN", "latitude": 14.5, "longitude": -3},
    {"id": "place:b", "kind": "PLACE", "name": "B", "type": "TOWN", "latitude": 15, "longitude": -2.25},
    {"id": "place:c", "kind": "PLACE", "name": "C", "type": "TOWN", "latitude": 91, "longitude": 0},
    {"id": "place:d", "kind": "PLACE", "name": "D", "type": "TOWN", "latitude": 1},
    {"id": "project:1", "kind": "PROJECT", "name": "In a place", "status": "CLOSED", "startedOn": "2020"},
    {"id": "project:2", "kind": "PROJECT", "name": "In two, and the country"},
    {"id": "project:3", "kind": "PROJECT", "name": "In a place that is nowhere, and the country"},
    {"id": "project:4", "kind": "PROJECT", "name": "In a place that is nowhere"},
    {"id": "project:5", "kind": "PROJECT", "name": "Nowhere"},
    {"id": "partner:x", "kind": "PARTNER", "name": "X", "type": "OTHER"},
    {"id": "source:s", "kind": "SOURCE", "name": "S", "type": "REPORT", "publisher": "P"},
    {"id": "source:t", "kind": "SOURCE", "name": "T", "type": "REPORT", "publisher": "P"},
    {"relation": "PART_OF", "subject": "place:a", "object": "country:ML"},
    {"relation": "LOCATED_IN", "subject": "project:1", "object": "place:a", "percentage": 100, "sources": ["source:t"]},
    *(
        {"relation": "LOCATED_IN", "subject": project, "object": place}
        for project, places in {
            "project:2": ["country:ML", "place:a", "place:b"],
            "project:3": ["country:ML", "place:d"],
            "project:4": ["place:c"],
        }.items()
        for place in places
    ),
    {"relation": "PARTICIPATES_IN", "subject": "partner:x", "object": "project:1", "role": "FUNDING"},
    {"relation": "CITES", "subject": "project:1", "object": "source:s"},
]  # fmt: skip


def features(graph: Graph) -> dict[str, Any]:
    collection = json.loads(written("geojson", graph))
    assert collection.keys() == {"type", "features"}
    assert collection["type"] == "FeatureCollection"
    found = {feature["id"]: feature for feature in collection["features"]}
    assert len(found) == len(collection["features"])
    return found


def check_shape(feature: dict[str, Any]) -> None:
    """What RFC 7946 says of a feature with points."""
    assert feature.keys() == {"type", "id", "geometry", "properties"}
    assert feature["type"] == "Feature"
    geometry = feature["geometry"]
    if geometry is not None:
        positions = geometry["coordinates"] if geometry["type"] == "MultiPoint" else [geometry["coordinates"]]
        assert geometry["type"] in ("Point", "MultiPoint")
        assert positions
        for longitude, latitude in positions:
            assert -180 <= longitude <= 180
            assert -90 <= latitude <= 90


@given(worlds())
@examples(40)
def test_places_and_projects_are_features_with_all_their_attributes(world: World):
    graph = graph_of(world)
    found = features(graph)
    lines = {line["id"]: line for line in told(graph) if line.get("kind") in ("PLACE", "PROJECT")}
    assert list(found) == list(lines)
    for id, line in lines.items():
        check_shape(found[id])
        for key, value in line.items():
            if key not in ("id", "latitude", "longitude"):
                assert found[id]["properties"][key] == value
        if line["kind"] == "PLACE" and "latitude" in line and "longitude" in line:
            assert found[id]["geometry"] == {"type": "Point", "coordinates": [line["longitude"], line["latitude"]]}


def test_projects_are_where_their_places_are():
    found = features(graph_of(PLACED))
    shown = {id: (feature["geometry"], feature["properties"].get("precision")) for id, feature in found.items()}
    assert shown == {
        "place:a": ({"type": "Point", "coordinates": [-3, 14.5]}, None),
        "place:b": ({"type": "Point", "coordinates": [-2.25, 15]}, None),
        "place:c": (None, None),
        "place:d": (None, None),
        "project:1": ({"type": "Point", "coordinates": [-3, 14.5]}, "PLACE"),
        "project:2": ({"type": "MultiPoint", "coordinates": [[-3, 14.5], [-2.25, 15]]}, "PLACE"),
        "project:3": ({"type": "Point", "coordinates": [-4, 17]}, "COUNTRY"),
        "project:4": (None, None),
        "project:5": (None, None),
    }


def test_a_project_tells_where_by_whom_and_on_whose_word():
    assert features(graph_of(PLACED))["project:1"]["properties"] == {
        "kind": "PROJECT",
        "name": "In a place",
        "status": "CLOSED",
        "startedOn": "2020",
        "locatedIn": [{"id": "place:a", "kind": "PLACE", "name": "A", "percentage": 100}],
        "partners": [{"id": "partner:x", "kind": "PARTNER", "name": "X", "role": "FUNDING"}],
        "precision": "PLACE",
        "citations": ["P (n.d.). S.", "P (n.d.). T."],
    }


def test_hostile_texts_come_back_and_nothing_is_still_a_collection():
    names = [feature["properties"]["name"] for feature in features(hostile()).values()]
    assert sorted(names) == sorted(line["name"] for line in told(hostile()) if line.get("kind") == "PROJECT")
    assert features(Graph.in_memory()) == {}
