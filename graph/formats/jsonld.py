"""JSON-LD: to whoever reads JSON the keys of graph lines, to whoever reads RDF schema.org and PROV-O.

The graph is a list of nodes: each entity, with what its relations lead to; then each relation as a statement of its
own, with what it says and the sources that it was derived from. A CITES relation is a statement only where it has a
locator. What no vocabulary has a word for is under `urn:fieldgraph:`.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from graph.formats.dictionary import known
from graph.formats.format import Writer
from graph.model import Entity, Partner, Place, Relation, Source
from graph.selection import Selection
from graph.vocabulary import Kind, PartnerType, PlaceType, RelationKind, SourceType

MEDIA_TYPE = "application/ld+json"
PATH = "/e/"
"""Under which entities are found; their ids follow, percent-encoded."""

OWN_TERMS = (
    *("id", "kind", "officialName", "alpha3", "numeric", "type", "status", "affected", "affectedStatus", "glides"),
    *("acronym", "countBasis", "definition", "printed", "measure", "accessedOn"),
    *("relation", "role", "impact", "since", "until", "percentage", "locator", "relationsLeftOut"),
)
LINKS = {
    RelationKind.PART_OF: ("partOf", "schema:containedInPlace"),
    RelationKind.LOCATED_IN: ("locatedIn", "schema:location"),
    RelationKind.OCCURRED_IN: ("occurredIn", "schema:location"),
    RelationKind.AFFECTED: ("affects", "fg:affects"),
    RelationKind.DISPLACED_FROM: ("displacedFrom", "fg:displacedFrom"),
    RelationKind.FOLLOWED: ("followed", "fg:followed"),
    RelationKind.PARTICIPATES_IN: ("participatesIn", "fg:participatesIn"),
    RelationKind.OPERATES_IN: ("operatesIn", "schema:areaServed"),
    RelationKind.ABOUT: ("about", "schema:observationAbout"),
    RelationKind.MEASURES: ("measures", "schema:variableMeasured"),
    RelationKind.CITES: ("cites", "prov:wasDerivedFrom"),
}
"""The key under which an entity has what its relations of a kind lead to, and the property that it is."""

PARENT = ("parentOrganization", "schema:parentOrganization")
"""As LINKS, of a partner that is part of another."""

_PART = {"label": "schema:name"}
CONTEXT: dict[str, Any] = {
    "@version": 1.1,
    "schema": "https://schema.org/",
    "prov": "http://www.w3.org/ns/prov#",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "dcterms": "http://purl.org/dc/terms/",
    "fg": "urn:fieldgraph:",
    **{term: f"fg:{term}" for term in OWN_TERMS},
    "name": "schema:name",
    "summary": "schema:description",
    "aliases": "schema:alternateName",
    "labels": {"@id": "rdfs:label", "@container": "@language"},
    "identifiers": {
        "@id": "schema:identifier",
        "@context": {"vocabulary": "schema:propertyID", "code": "schema:value", **_PART},
    },
    "activities": {
        "@id": "fg:activities",
        "@context": {"vocabulary": "schema:inDefinedTermSet", "code": "schema:termCode", **_PART},
    },
    "sectors": {
        "@id": "fg:sectors",
        "@context": {"vocabulary": "schema:inDefinedTermSet", "code": "schema:termCode", **_PART},
    },
    "code": "fg:code",
    "latitude": "schema:latitude",
    "longitude": "schema:longitude",
    "startedOn": "schema:startDate",
    "endedOn": "schema:endDate",
    "website": "schema:url",
    "url": "schema:url",
    "unit": "schema:unitText",
    "value": "schema:value",
    "lower": "schema:minValue",
    "upper": "schema:maxValue",
    "publisher": "schema:publisher",
    "publishedOn": "schema:datePublished",
    "license": "schema:license",
    "citation": "dcterms:bibliographicCitation",
    "subject": {"@id": "rdf:subject", "@type": "@id"},
    "object": {"@id": "rdf:object", "@type": "@id"},
    "sources": {"@id": "prov:wasDerivedFrom", "@type": "@id"},
    **{key: {"@id": iri, "@type": "@id"} for key, iri in (*LINKS.values(), PARENT)},
}

PLACES = {
    **dict.fromkeys((PlaceType.REGION, PlaceType.ADMIN1, PlaceType.ADMIN2), "schema:AdministrativeArea"),
    PlaceType.TOWN: "schema:City",
}
NGOS = (
    PartnerType.INTERNATIONAL_NGO,
    PartnerType.NATIONAL_NGO,
    PartnerType.REGIONAL_NGO,
    PartnerType.PARTNER_COUNTRY_NGO,
)
PARTNERS = {
    **dict.fromkeys(NGOS, "schema:NGO"),
    **dict.fromkeys((PartnerType.GOVERNMENT, PartnerType.LOCAL_GOVERNMENT), "schema:GovernmentOrganization"),
    PartnerType.PRIVATE_SECTOR: "schema:Corporation",
}
SOURCES = {
    SourceType.REPORT: "schema:Report",
    SourceType.STORY: "schema:NewsArticle",
    SourceType.DATASET: "schema:Dataset",
    SourceType.WEBPAGE: "schema:WebPage",
}
TYPES = {
    Kind.COUNTRY: "schema:Country",
    Kind.PROJECT: "schema:Project",
    Kind.EVENT: "schema:Event",
    Kind.INDICATOR: "schema:StatisticalVariable",
    Kind.METRIC: "schema:Observation",
}

_is_plain = re.compile(r"[A-Za-z0-9_.~:-]+").fullmatch  # to look for that is quicker than to quote
_encode = msgspec.json.Encoder().encode


def write_jsonld(selection: Selection, base: str) -> Iterator[bytes]:
    """The document, a node a line."""
    yield from _document(_nodes(selection, base))


def document(
    entity: Entity, relations: Sequence[Relation], sources: Iterable[Source], base: str, left_out: int = 0
) -> bytes:
    """An entity by itself: its relations, those that lead to it among them, and sources of what is said. It is told how
    many relations are left out."""
    nodes = [_entity(entity, (each for each in relations if each.subject == entity.id), base)]
    if left_out:
        nodes[0]["relationsLeftOut"] = left_out
    nodes += [_statement(relation, base) for relation in relations if is_statement(relation)]
    nodes += [_entity(source, (), base) for source in sources]
    return b"".join(_document(nodes))


def address(id: str, base: str = "") -> str:
    """Where an entity is found; without a base, seen from the service itself.

    >>> address("place:a/é?", "http://127.0.0.1:8000")
    'http://127.0.0.1:8000/e/place:a%2F%C3%A9%3F'
    """
    return f"{base}{PATH}{id if _is_plain(id) else quote(id, safe=':')}"


def _nodes(selection: Selection, base: str) -> Iterator[dict[str, Any]]:
    for entity in selection.entities():
        leaving = selection.leaving(entity.id, *RelationKind)
        yield _entity(entity, (relation for relation in leaving if relation.object in selection), base)
    for relation in selection.relations():
        if is_statement(relation):
            yield _statement(relation, base)


def _document(nodes: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    before = b'{"@context":' + _encode(CONTEXT) + b',\n"@graph":['
    for node in nodes:
        yield before + b"\n" + _encode(node)
        before = b","
    yield (b"\n" if before == b"," else before) + b"]}\n"


def _entity(entity: Entity, leaving: Iterable[Relation], base: str) -> dict[str, Any]:
    node: dict[str, Any] = {"@id": address(entity.id, base), "@type": [_type(entity), "prov:Entity"]}
    node |= {"id": entity.id, "kind": str(entity.kind), **{attribute.key: value for attribute, value in known(entity)}}
    if isinstance(entity, Source):
        node["citation"] = entity.citation
    for relation in leaving:
        is_partner = relation.kind is RelationKind.PART_OF and isinstance(entity, Partner)
        key, _ = PARENT if is_partner else LINKS[relation.kind]
        ends = node.setdefault(key, [])
        if (end := address(relation.object, base)) not in ends[-1:]:  # several relations may lead to one
            ends.append(end)
    return node


def _statement(relation: Relation, base: str) -> dict[str, Any]:
    said = {attribute.key: value for attribute, value in known(relation)} | {
        "subject": address(relation.subject, base),
        "object": address(relation.object, base),
    }
    if relation.sources:
        said["sources"] = [address(source, base) for source in relation.sources]
    return {"@type": ["rdf:Statement", "prov:Entity"], "relation": str(relation.kind), **said}


def is_statement(relation: Relation) -> bool:
    """Whether a relation says more than the link between its ends does."""
    return relation.kind is not RelationKind.CITES or relation.locator is not None


def _type(entity: Entity) -> str:
    """The type that schema.org has for it."""
    if isinstance(entity, Place):
        return PLACES.get(entity.type, "schema:Place")
    if isinstance(entity, Partner):
        return PARTNERS.get(entity.type, "schema:Organization")
    if isinstance(entity, Source):
        return SOURCES.get(entity.type, "schema:CreativeWork")
    return TYPES[entity.kind]


JSON_LD = Writer("jsonld", "JSON-LD, schema.org and PROV-O", ".jsonld", MEDIA_TYPE, write_jsonld)
