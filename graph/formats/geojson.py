"""GeoJSON (RFC 7946): places where they lie, projects at the points of the places where they work.

A project that is stated to work in places that have coordinates is at these; else at the points of the countries that
it is stated to work in, which `precision` tells. What has no coordinates, or none that can be, has no geometry.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from graph.formats.citing import sources_of
from graph.formats.dictionary import known, plain
from graph.formats.format import Writer
from graph.model import Country, Entity, Place, Relation
from graph.selection import Selection
from graph.vocabulary import Kind, RelationKind

CARRIED = (Kind.PLACE, Kind.PROJECT)
ELSEWHERE = {"id", "latitude", "longitude"}
PRECISION = (Kind.PLACE, Kind.COUNTRY)
"""By whose points a project is placed: the first of which there are any."""

_encode = msgspec.json.Encoder().encode

Position = tuple[float, float]


def write_geojson(selection: Selection, base: str = "") -> Iterator[bytes]:
    """A collection of features, one a line."""
    before = b'{"type":"FeatureCollection","features":[\n'
    for entity in selection.entities(*CARRIED):
        yield before + _encode(_feature(selection, entity))
        before = b",\n"
    yield (b"\n" if before == b",\n" else before) + b"]}\n"


def _feature(selection: Selection, entity: Entity) -> dict[str, Any]:
    told: dict[str, Any] = {"kind": str(entity.kind)}
    told |= {attribute.key: value for attribute, value in known(entity) if attribute.key not in ELSEWHERE}
    if isinstance(entity, Place):
        stated = selection.leaving(entity.id, RelationKind.PART_OF)
        told["partOf"] = [end for relation in stated for end in _end(selection, relation.object)]
        positions = _positions([entity])
    else:
        stated = selection.leaving(entity.id, RelationKind.LOCATED_IN)
        told["locatedIn"] = [end for relation in stated for end in _end(selection, relation.object, relation)]
        taking_part = selection.reaching(entity.id, RelationKind.PARTICIPATES_IN)
        told["partners"] = [end for relation in taking_part for end in _end(selection, relation.subject, relation)]
        positions, told["precision"] = _of_project(selection, stated)
        stated += taking_part
    told["citations"] = [source.citation for source in sources_of(selection, entity.id, stated)]
    return {"type": "Feature", "id": entity.id, "geometry": _geometry(positions), "properties": told}


def _of_project(selection: Selection, located: Sequence[Relation]) -> tuple[list[Position], str | None]:
    """Where a project is, and how precisely that is known."""
    ends = [selection.entity(relation.object) for relation in located]
    for kind in PRECISION:
        if positions := _positions([end for end in ends if end is not None and end.kind is kind]):
            return positions, str(kind)
    return [], None


def _positions(entities: Sequence[Entity]) -> list[Position]:
    """The points of countries and places that have one, each once; longitude first."""
    found: dict[Position, None] = {}
    for entity in entities:
        assert isinstance(entity, Country | Place)
        latitude, longitude = entity.latitude, entity.longitude
        if latitude is not None and longitude is not None and abs(latitude) <= 90 and abs(longitude) <= 180:
            found[plain(longitude), plain(latitude)] = None
    return list(found)


def _geometry(positions: Sequence[Position]) -> dict[str, Any] | None:
    if not positions:
        return None
    if len(positions) == 1:
        return {"type": "Point", "coordinates": positions[0]}
    return {"type": "MultiPoint", "coordinates": positions}


def _end(selection: Selection, id: str, relation: Relation | None = None) -> Iterator[dict[str, Any]]:
    """What a relation leads to, with what it says itself."""
    if (entity := selection.entity(id)) is not None:
        told = {"id": id, "kind": str(entity.kind), "name": entity.name}
        if relation is not None and relation.role is not None:
            told["role"] = str(relation.role)
        if relation is not None and relation.percentage is not None:
            told["percentage"] = plain(relation.percentage)
        yield told


GEOJSON = Writer("geojson", "GeoJSON, places and projects", ".geojson", "application/geo+json", write_geojson, CARRIED)
