"""Specifies graph/formats/graphml.py: networkx, and so Gephi, reads the graph's own nodes and edges."""

import json
from io import BytesIO
from typing import Any
from xml.etree import ElementTree

import networkx as nx
import pytest
from hypothesis import given

from graph.formats.graphml import marked, unmarked
from graph.graph import Graph
from tests.conftest import graph_of
from tests.graph.formats.written import HOSTILE, RELATION_KEYS, Line, hostile, same, told, written
from tests.worlds import World, examples, worlds

LISTS = {"aliases", "labels", "identifiers", "activities", "sectors", "glides", "sources"}


def read(data: bytes) -> Any:
    graph = nx.read_graphml(BytesIO(data), force_multigraph=True)
    assert graph.is_directed()
    return graph


def rebuilt(data: bytes) -> list[Line]:
    graph = read(data)
    lines = [{"id": unmarked(id)} | values({"name": data.pop("label"), **data}) for id, data in graph.nodes(data=True)]
    for subject, object, data in graph.edges(data=True):
        data.pop("id", None)
        ends = {"relation": data.pop("kind"), "subject": unmarked(subject), "object": unmarked(object)}
        lines.append(ends | values(data))
    return lines


def values(data: dict[str, Any]) -> Line:
    """What was meant: lists are JSON, numbers numbers, and a whole number has no point."""
    found = {}
    for key, value in data.items():
        if isinstance(value, float) and value.is_integer() and abs(value) < 2**63:
            value = int(value)
        if isinstance(value, str):
            value = unmarked(value)
        found[key] = json.loads(value) if key in LISTS else value
    return found


@given(worlds())
@examples(40)
def test_nodes_and_edges_are_those_of_the_graph(world: World):
    graph = graph_of(world)
    assert same(rebuilt(written("graphml", graph)), told(graph))


def test_hostile_texts_come_back():
    graph = hostile()
    assert same(rebuilt(written("graphml", graph)), told(graph))


@pytest.mark.parametrize("text", [*HOSTILE, "\ud7ff", "\\u005c", "\\" * 3 + "u0001"])
def test_a_text_is_one_that_xml_holds_and_means_what_it_meant(text):
    element = ElementTree.fromstring(f'<a b="{marked(text)}">{marked(text)}</a>')
    assert unmarked(element.text or "") == unmarked(element.get("b")) == text


def test_attributes_are_typed_and_nodes_labelled(seeded: Graph):
    root = ElementTree.fromstring(written("graphml", seeded))
    keys = {(each.get("for"), each.get("attr.name")): each.get("attr.type") for each in root.findall("{*}key")}
    assert keys["node", "label"] == "string"
    assert (keys["node", "latitude"], keys["node", "value"], keys["node", "affected"]) == ("double", "double", "long")
    assert keys["edge", "percentage"] == "double"
    assert {name for element, name in keys if element == "edge"} == {"kind"}.union(*RELATION_KEYS.values()) - {
        "subject",
        "object",
    }
    ids = [edge.get("id") for edge in root.findall(".//{*}edge")]
    assert len(set(ids)) == len(ids)
    assert root.find("{*}graph").attrib["edgedefault"] == "directed"
