"""seed/data as graph lines: entities first, then the relations between them.

Each table below is a file of seed/data; its columns are attributes of the same name in the interchange format, or ids
of what a row relates. A new attribute is a new column, here and in the file; a new fact is a new row, there alone.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from graph.vocabulary import (
    RULES,
    CountBasis,
    EventType,
    Impact,
    Kind,
    MetricMeasure,
    PartnerRole,
    PartnerType,
    PlaceType,
    PopulationStatus,
    ProjectStatus,
    RelationKind,
    SourceType,
)
from seed.countries import Placed, countries, regions
from seed.tables import Columns, Row, Table, count, date, ids, keyed, number, one_of, read, text

DATA: Traversable = files("seed") / "data"

Record = dict[str, Any]

NAMED: Columns = {"id": text, "name": text}
SOURCED: Columns = {"source": ids}
SUMMARY: Columns = {"summary": text}
PERIOD: Columns = {"startedOn": date, "endedOn": date}

ENTITIES: dict[Kind, Table] = {
    Kind.PLACE: Table(
        "places.csv",
        {**NAMED, **SOURCED, "type": one_of(PlaceType)},
        {**SUMMARY, "latitude": number, "longitude": number},
    ),
    Kind.PARTNER: Table(
        "partners.csv",
        {**NAMED, **SOURCED, "type": one_of(PartnerType)},
        {**SUMMARY, "acronym": text, "website": text},
    ),
    Kind.INDICATOR: Table(
        "indicators.csv",
        {**NAMED, **SOURCED, "code": text, "unit": text, "countBasis": one_of(CountBasis)},
        {**SUMMARY, "definition": text},
    ),
    Kind.PROJECT: Table(
        "projects.csv",
        {**NAMED, **SOURCED},
        {**SUMMARY, **PERIOD, "status": one_of(ProjectStatus)},
    ),
    Kind.EVENT: Table(
        "events.csv",
        {**NAMED, **SOURCED, "type": one_of(EventType)},
        {**SUMMARY, **PERIOD, "affected": count, "affectedStatus": one_of(PopulationStatus)},
    ),
    Kind.METRIC: Table(
        "metrics.csv",
        {**NAMED, **SOURCED, **PERIOD, "about": text, "indicator": text, "unit": text},
        {
            **SUMMARY,
            "value": number,
            "printed": text,
            "lower": number,
            "upper": number,
            "measure": one_of(MetricMeasure),
            "status": text,
        },
    ),
}
SOURCES = Table(
    "sources.csv",
    {**NAMED, "type": one_of(SourceType)},
    {**SUMMARY, "publisher": text, "url": text, "publishedOn": date, "accessedOn": date, "license": text},
)

COUNTRIES = Table("countries.csv", {"alpha2": text, "summary": text, **SOURCED})
ALIASES = Table("aliases.csv", {"entity": text, "alias": text, **SOURCED})
IDENTIFIERS = Table("identifiers.csv", {"entity": text, "vocabulary": text, "code": text, **SOURCED})
ACTIVITIES = Table("activities.csv", {"code": text, "label": text})
PROJECT_ACTIVITIES = Table("project_activities.csv", {"project": text, "activity": text, **SOURCED})
CITATIONS = Table("citations.csv", {"entity": text, **SOURCED}, {"locator": text})


@dataclass(frozen=True)
class RelationTable:
    """A table of relations of one kind: the columns that hold their ends, and their attributes."""

    file: str
    subject: str
    object: str
    attributes: Columns = field(default_factory=dict)

    def read(self, data: Traversable) -> Iterator[Row]:
        return read(Table(self.file, {self.subject: text, self.object: text, **SOURCED}, self.attributes), data)


RELATIONS: dict[RelationKind, RelationTable] = {
    RelationKind.PART_OF: RelationTable("part_of.csv", "part", "whole"),
    RelationKind.LOCATED_IN: RelationTable("located_in.csv", "project", "place", {"percentage": number}),
    RelationKind.OCCURRED_IN: RelationTable("occurred_in.csv", "event", "place"),
    RelationKind.AFFECTED: RelationTable("affected.csv", "event", "affected", {"impact": one_of(Impact)}),
    RelationKind.DISPLACED_FROM: RelationTable("displaced_from.csv", "event", "place"),
    RelationKind.FOLLOWED: RelationTable("followed.csv", "event", "earlier"),
    RelationKind.PARTICIPATES_IN: RelationTable(
        "participates_in.csv", "partner", "project", {"role": one_of(PartnerRole), "since": date, "until": date}
    ),
    RelationKind.OPERATES_IN: RelationTable("operates_in.csv", "partner", "country", {"since": date, "until": date}),
}


def records(data: Traversable = DATA) -> Iterator[Record]:
    """Every line of the seed, the same at every call. Raises WrongRow at the first row that cannot be taken."""
    seed = _Seed()
    for row in read(SOURCES, data):
        seed.add(row, {"id": row["id"], "kind": Kind.SOURCE.value, **row.without()}, sources=[])
    seed.add_placed(regions(data))
    seed.add_placed(countries(data))
    for kind, table in ENTITIES.items():
        seed.add_entities(kind, read(table, data))
    seed.add_details(data)
    seed.add_activities(data)
    for relation, ends in RELATIONS.items():
        for row in ends.read(data):
            attributes = row.without(ends.subject, ends.object)
            seed.relate(row, relation, row[ends.subject], row[ends.object], attributes)
    yield from seed.entities.values()
    yield from seed.relations.values()
    yield from seed.citations.values()


class _Seed:
    """What was read so far: each row is checked against it, and what several rows say of one entity is put together."""

    def __init__(self) -> None:
        self.entities: dict[str, Record] = {}
        self.relations: dict[tuple[object, ...], Record] = {}
        self.citations: dict[tuple[str, str], Record] = {}

    def add_placed(self, placed: Iterable[Placed]) -> None:
        for row, entity, sources, parent in placed:
            self.add(row, entity, sources)
            if parent:
                self.relate(row, RelationKind.PART_OF, entity["id"], parent)

    def add_entities(self, kind: Kind, rows: Iterable[Row]) -> None:
        for row in rows:
            entity = {"id": row["id"], "kind": kind.value, **row.without("about", "indicator")}
            self.add(row, entity, row["source"])
            if kind is Kind.METRIC:
                self.relate(row, RelationKind.ABOUT, row["id"], row["about"])
                self.relate(row, RelationKind.MEASURES, row["id"], row["indicator"])

    def add_details(self, data: Traversable) -> None:
        """What an entity has several of, and what is known of a country beside its codes and names."""
        for row in keyed(COUNTRIES, data).values():
            self.detail(row, f"country:{row['alpha2']}")["summary"] = row["summary"]
        for row in read(ALIASES, data):
            self.append(row, row["entity"], "aliases", row["alias"])
        for row in read(IDENTIFIERS, data):
            self.append(row, row["entity"], "identifiers", row.without("entity"))
        for row in read(CITATIONS, data):
            self.detail(row, row["entity"])

    def add_activities(self, data: Traversable) -> None:
        known = keyed(ACTIVITIES, data)
        for row in read(PROJECT_ACTIVITIES, data):
            code = row["activity"]
            if code not in known:
                raise row.wrong(f"no activity {code!r} in {ACTIVITIES.file}; add it there, or use {', '.join(known)}")
            activity = {"vocabulary": "fieldgraph", "code": code, "label": known[code]["label"]}
            self.append(row, row["project"], "activities", activity)

    def add(self, row: Row, entity: Record, sources: Iterable[str]) -> None:
        if entity["id"] in self.entities:
            raise row.wrong(f"{entity['id']} stands in an earlier row; an id names one entity")
        self.entities[entity["id"]] = entity
        self.cite(row, entity["id"], sources)

    def append(self, row: Row, entity: str, key: str, value: Any) -> None:
        values = self.detail(row, entity).setdefault(key, [])
        if value in values:
            raise row.wrong(f"{entity} has this already among its {key}; one row may name several sources")
        values.append(value)

    def detail(self, row: Row, entity: str) -> Record:
        """The entity that a row says more about. Whoever says it becomes a source of the entity."""
        self.require(row, entity)
        self.cite(row, entity, row["source"], row.get("locator"))
        return self.entities[entity]

    def relate(self, row: Row, kind: RelationKind, subject: str, object: str, attributes: Record | None = None) -> None:
        rule = RULES[kind]
        ends = self.require(row, subject), self.require(row, object)
        if not rule.permits(*ends):
            raise row.wrong(f"{kind} does not lead from {ends[0]} to {ends[1]}; it leads from {rule}")
        for source in row["source"]:
            self.require(row, source, Kind.SOURCE)
        relation = {"relation": kind.value, "subject": subject, "object": object, **(attributes or {})}
        name = (kind, subject) if rule.single else (kind, subject, object, relation.get("role"), relation.get("impact"))
        if name in self.relations:
            stated = self.relations[name]["object"]
            raise row.wrong(f"{subject} {kind} {stated} is stated already; one row may name several sources")
        self.relations[name] = {**relation, "sources": row["source"]}

    def cite(self, row: Row, entity: str, sources: Iterable[str], locator: str | None = None) -> None:
        for source in sources:
            self.require(row, source, Kind.SOURCE)
            citation = {"relation": RelationKind.CITES.value, "subject": entity, "object": source}
            stated = self.citations.setdefault((entity, source), citation)
            if locator:
                stated["locator"] = locator

    def require(self, row: Row, id: str, kind: Kind | None = None) -> Kind:
        """The kind of an entity that must be there."""
        if id not in self.entities:
            raise row.wrong(f"nothing has the id {id!r}; add it to its table, or correct the id")
        found = Kind[self.entities[id]["kind"]]
        if kind and found is not kind:
            raise row.wrong(f"{id} is a {found}; here belongs a {kind}")
        return found
