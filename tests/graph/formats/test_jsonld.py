"""Specifies graph/formats/jsonld.py: graph lines to whoever reads JSON, schema.org and PROV-O to whoever reads RDF."""

import json
from typing import Any
from urllib.parse import quote, unquote

import pytest
import rdflib
from hypothesis import given
from rdflib import RDF, RDFS, Literal, URIRef
from rdflib.namespace import PROV

from graph.formats.jsonld import CONTEXT, LINKS, PARENT, address
from graph.graph import Graph
from tests.conftest import SMALL_WORLD, graph_of
from tests.graph.formats.written import BASE, Line, hostile, same, told, written
from tests.worlds import World, examples, worlds

# What rdflib itself does to read JSON-LD.
pytestmark = pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning")

SCHEMA = rdflib.Namespace("https://schema.org/")
FG = rdflib.Namespace("urn:fieldgraph:")
KEYS = {key: str(kind) for kind, (key, _) in LINKS.items()} | {PARENT[0]: "PART_OF"}


def id_of(address: str) -> str:
    return unquote(address.removeprefix(f"{BASE}/e/"))


def rebuilt(data: bytes) -> list[Line]:
    """The graph lines that a document comes to. Links say no more than statements do, but for plain citations."""
    document = json.loads(data)
    assert document["@context"] == CONTEXT
    lines, links = [], set()
    for node in document["@graph"]:
        types = node.pop("@type")
        assert types[-1] == "prov:Entity"
        if types[0] == "rdf:Statement":
            ends = {key: id_of(node[key]) for key in ("subject", "object")}
            sources = {"sources": [*map(id_of, node["sources"])]} if "sources" in node else {}
            lines.append(node | ends | sources)
            continue
        assert id_of(node.pop("@id")) == node["id"]
        links |= {(KEYS[key], node["id"], id_of(end)) for key in KEYS.keys() & node.keys() for end in node[key]}
        lines.append({key: value for key, value in node.items() if key not in KEYS and key != "citation"})
    stated = {(line["relation"], line["subject"], line["object"]) for line in lines if "relation" in line}
    assert stated <= links
    assert {relation for relation, *_ in links - stated} <= {"CITES"}
    return lines + [{"relation": kind, "subject": a, "object": b} for kind, a, b in links - stated]


@given(worlds())
@examples(40)
def test_a_document_holds_all_that_a_graph_does(world: World):
    graph = graph_of(world)
    assert same(rebuilt(written("jsonld", graph)), told(graph))


def test_hostile_texts_come_back():
    graph = hostile()
    assert same(rebuilt(written("jsonld", graph)), told(graph))


def triples(data: bytes) -> Any:
    return rdflib.Graph().parse(data=data, format="json-ld")


def iri(id: str) -> URIRef:
    return URIRef(f"{BASE}/e/{quote(id, safe=':')}")


@given(worlds(most=2, links=2))
@examples(10)
def test_rdf_says_what_the_graph_says(world: World):
    graph = graph_of(world)
    found = triples(written("jsonld", graph))
    lines = told(graph)
    for line in lines:
        if "kind" in line:
            assert (iri(line["id"]), SCHEMA.name, Literal(line["name"])) in found
            assert (iri(line["id"]), FG.kind, Literal(line["kind"])) in found
            assert (iri(line["id"]), RDF.type, PROV.Entity) in found
            for language, name in line.get("labels", {}).items():
                assert (iri(line["id"]), RDFS.label, Literal(name, lang=language)) in found
        elif line["relation"] == "CITES":
            assert (iri(line["subject"]), PROV.wasDerivedFrom, iri(line["object"])) in found
    statements = [line for line in lines if "relation" in line and (line["relation"] != "CITES" or "locator" in line)]
    assert len(set(found.subjects(RDF.type, RDF.Statement))) == len(statements)
    for line in statements:
        (node,) = [
            node
            for node in found.subjects(RDF.subject, iri(line["subject"]))
            if (node, RDF.object, iri(line["object"])) in found
            and (node, FG.relation, Literal(line["relation"])) in found
            and found.value(node, FG.role) == (Literal(line["role"]) if "role" in line else None)
            and found.value(node, FG.impact) == (Literal(line["impact"]) if "impact" in line else None)
        ]
        assert set(found.objects(node, PROV.wasDerivedFrom)) == {iri(source) for source in line.get("sources", [])}


def test_every_key_has_a_meaning_and_every_property_is_one_of_a_vocabulary():
    found = triples(written("jsonld", graph_of(SMALL_WORLD)))
    vocabularies = (str(SCHEMA), str(PROV), str(RDF), str(RDFS), str(FG), "http://purl.org/dc/terms/")
    assert [str(each) for each in set(found.predicates()) if not str(each).startswith(vocabularies)] == []
    keys = {key for node in json.loads(written("jsonld", graph_of(SMALL_WORLD)))["@graph"] for key in node}
    assert [key for key in keys if not key.startswith("@") and key not in CONTEXT] == []


def test_a_partner_is_an_organisation_with_a_parent_and_a_place_lies_in_another():
    found = triples(
        written(
            "jsonld",
            graph_of(
                [
                    {"id": "partner:a", "kind": "PARTNER", "name": "A", "type": "INTERNATIONAL_NGO"},
                    {"id": "partner:b", "kind": "PARTNER", "name": "B", "type": "OTHER"},
                    {"id": "place:a", "kind": "PLACE", "name": "A", "type": "TOWN", "latitude": 1.5, "longitude": 2},
                    {"id": "place:b", "kind": "PLACE", "name": "B", "type": "ADMIN1"},
                    {"relation": "PART_OF", "subject": "partner:a", "object": "partner:b"},
                    {"relation": "PART_OF", "subject": "place:a", "object": "place:b"},
                ]
            ),
        )
    )
    assert (iri("partner:a"), RDF.type, SCHEMA.NGO) in found
    assert (iri("partner:a"), SCHEMA.parentOrganization, iri("partner:b")) in found
    assert (iri("place:a"), SCHEMA.containedInPlace, iri("place:b")) in found
    assert found.value(iri("place:a"), SCHEMA.latitude).toPython() == 1.5


def test_what_the_graph_knows_of_a_source_is_there_with_its_citation(seeded: Graph):
    found = triples(written("jsonld", seeded))
    cited = rdflib.URIRef("http://purl.org/dc/terms/bibliographicCitation")
    assert len(list(found.subject_objects(cited))) == sum(line.get("kind") == "SOURCE" for line in told(seeded))


def test_an_address_holds_any_id():
    assert address("place:a/é %?#", BASE) == f"{BASE}/e/place:a%2F%C3%A9%20%25%3F%23"
