"""HXL-tagged CSV of who does what where: a row for each project, place, partner and sector.

The first row is for people, the second has the tags. A project without any place, partner or sector has rows
nevertheless, with these cells empty. Codes of projects and partners are those by which their ids end (`msf` of
`partner:msf`), of places P-codes, of regions UN M49's, if there are any, and of countries ISO 3166-1 alpha-2. Terms
are written as people read them.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import product
from typing import TypeAlias

from graph.formats.citing import sources_of
from graph.formats.dictionary import plain
from graph.formats.format import Writer
from graph.formats.rows import BETWEEN
from graph.formats.shared import P_CODE
from graph.formats.sheets import row
from graph.model import Code, Country, Entity, Partner, Place, Project, Relation
from graph.selection import Selection
from graph.vocabulary import Kind, PlaceType, RelationKind

COLUMNS = {
    "#activity+name": "Project",
    "#activity+code": "Project code",
    "#activity+type": "Activities",
    "#description": "Summary",
    "#sector+name": "Sector",
    "#sector+code": "Sector code",
    "#sector+vocab": "Sector list",
    "#org+name": "Organisation",
    "#org+code": "Organisation code",
    "#org+acronym": "Organisation acronym",
    "#org+type": "Organisation type",
    "#org+role": "Role",
    "#country+name": "Country",
    "#country+code": "Country code",
    "#region+name": "Region",
    "#region+code": "Region M49 code",
    "#adm1+name": "Admin 1",
    "#adm1+code": "Admin 1 P-code",
    "#adm2+name": "Admin 2",
    "#adm2+code": "Admin 2 P-code",
    "#loc+name": "Place",
    "#loc+code": "Place P-code",
    "#loc+type": "Place type",
    "#geo+lat": "Latitude",
    "#geo+lon": "Longitude",
    "#status": "Status",
    "#date+start": "Start",
    "#date+end": "End",
    "#meta+source": "Sources",
}
LEVELS = {
    PlaceType.ADMIN1: "#adm1",
    PlaceType.ADMIN2: "#adm2",
    PlaceType.REGION: "#region",
    PlaceType.WORLD: "#region",
}
CODES = {"#region": "M49"}
"""The lists that codes of places are of where these are not P-codes, by tag."""

REMEMBERED = 10_000
"""Places of which it is remembered what they lie in."""

Cells: TypeAlias = dict[str, str | int | float | None]


def write_3w(selection: Selection, base: str = "") -> Iterator[bytes]:
    """The rows."""
    yield row(COLUMNS.values())
    yield row(COLUMNS)
    where = lru_cache(REMEMBERED)(lambda id: _where(selection, id))
    for project in selection.entities(Kind.PROJECT):
        assert isinstance(project, Project)
        located = selection.leaving(project.id, RelationKind.LOCATED_IN)
        taking_part = selection.reaching(project.id, RelationKind.PARTICIPATES_IN)
        what = _what(project)
        what["#meta+source"] = _joined(
            [s.citation for s in sources_of(selection, project.id, [*located, *taking_part])]
        )
        places = [where(relation.object) for relation in located] or [{}]
        partners = [_who(selection, relation) for relation in taking_part] or [{}]
        for place, partner, sector in product(places, partners, [*map(_sector, project.sectors)] or [{}]):
            yield row(map((what | place | partner | sector).get, COLUMNS))


def _what(project: Project) -> Cells:
    return {
        "#activity+name": project.name,
        "#activity+code": local(project),
        "#activity+type": _joined([activity.label or activity.code for activity in project.activities]),
        "#description": project.summary,
        "#status": project.status and project.status.label,
        "#date+start": project.started_on,
        "#date+end": project.ended_on,
    }


def _sector(sector: Code) -> Cells:
    return {"#sector+name": sector.label, "#sector+code": sector.code, "#sector+vocab": sector.vocabulary}


def _who(selection: Selection, relation: Relation) -> Cells:
    partner = selection.entity(relation.subject)
    assert isinstance(partner, Partner)
    return {
        "#org+name": partner.name,
        "#org+code": local(partner),
        "#org+acronym": partner.acronym,
        "#org+type": partner.type.label,
        "#org+role": relation.role and relation.role.label,
    }


def _where(selection: Selection, id: str) -> Cells:
    """A place, and all that it lies in."""
    cells: Cells = {}
    place = selection.entity(id)
    if isinstance(place, Place) and place.latitude is not None and place.longitude is not None:
        cells |= {"#geo+lat": plain(place.latitude), "#geo+lon": plain(place.longitude)}
    while place is not None:
        for cell, value in _level(place).items():
            cells.setdefault(cell, value)
        whole = selection.leaving(place.id, RelationKind.PART_OF)
        # What holds a country is of no use to whoever asks where.
        place = None if isinstance(place, Country) or not whole else selection.entity(whole[0].object)
    return cells


def _level(place: Entity) -> Cells:
    """The cells that tell of a country or place itself."""
    if isinstance(place, Country):
        return {"#country+name": place.name, "#country+code": place.code}
    assert isinstance(place, Place)
    tag = LEVELS.get(place.type, "#loc")
    vocabulary = CODES.get(tag, P_CODE)
    code = next((each.code for each in place.identifiers if each.vocabulary == vocabulary), None)
    cells: Cells = {f"{tag}+name": place.name, f"{tag}+code": code}
    return cells | ({"#loc+type": place.type.label} if tag == "#loc" else {})


def local(entity: Entity) -> str:
    """The id without the kind before it, if it is there; in full where the rest is a mere number, which anybody else
    may give, too."""
    code = entity.id.removeprefix(f"{str(entity.kind).lower()}:")
    return code if any(map(str.isalpha, code)) else entity.id


def _joined(texts: Sequence[str]) -> str | None:
    return BETWEEN.join(texts) or None


HXL_3W = Writer("hxl", "HXL-tagged CSV of who does what where", ".csv", "text/csv", write_3w, (Kind.PROJECT,))
