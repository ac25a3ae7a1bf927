"""The faces of the records: what a client sees of each kind of entity and of relations.

One line a field: its type, its meaning, and how it gets its value (api/fields.py, api/lists.py). Filters and orders are
derived from these lines (api/derived.py); so are resolvers and plans.
"""

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import strawberry
from graphql import GraphQLResolveInfo

import api.changes as changes
from api.facets import Facet, facets
from api.fields import Arguments, Step, argument, attribute, computed, specialized, stepped
from api.groups import GroupConnection, MetricAggregate, aggregate, group_by
from api.lists import along, along_any, history_of, relations_of
from api.relay import (
    CURSOR,
    EDGES,
    ENDS,
    LISTED_EDGES,
    LISTED_NODES,
    NODES,
    TOTAL,
    Linked,
    PageInfo,
)
from api.request import Request
from api.terms import DateTime, PartialDate
from graph import model, paths
from graph.paths import Path
from graph.plan import Expand, Page
from graph.vocabulary import (
    ChangeAction,
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

T = TypeVar("T")
MOST_DISPLACED_FROM = 20


# Steps that lead to entities without a list around them.


def reached(path: Path, description: str) -> Any:
    """A field with the one entity that the path reaches, or null."""

    async def run(request: Request, sources: Sequence[model.Entity], given: Arguments) -> Sequence[Any]:
        step = Expand(path)
        reaches = await request.engine.expand([source.id for source in sources], step, Page(first=1))
        return [reach.entities[0] if reach.entities else None for reach in reaches]

    return stepped(Step(run, path, single=True), description)


async def _displaced_from(request: Request, events: Sequence[model.Entity], given: Arguments) -> Sequence[Any]:
    step, page = Expand(paths.DISPLACED_FROM), Page(first=MOST_DISPLACED_FROM)
    return [reach.entities for reach in await request.engine.expand([event.id for event in events], step, page)]


def _end(end: str) -> Step:
    async def run(request: Request, relations: Sequence[model.Relation], given: Arguments) -> Sequence[Any]:
        ends = await changes.named(request, relations, [(getattr(relation, end),) for relation in relations])
        return [entity for (entity,) in ends]

    return Step(run)


async def _stated_by(request: Request, relations: Sequence[model.Relation], given: Arguments) -> Sequence[Any]:
    return await changes.named(request, relations, [relation.sources for relation in relations])


async def _linked_by(request: Request, edges: Sequence[Linked], given: Arguments) -> Sequence[Any]:
    ids = [dict.fromkeys(id for relation in edge.links for id in relation.sources) for edge in edges]
    return await changes.named(request, edges, [tuple(edge_ids) for edge_ids in ids])


# What is worked out from a record alone.


def label(entity: model.Entity, languages: Sequence[str]) -> model.Label:
    """The name in the first of these languages that is known, or the plain name with isFallback. A tag falls back to
    its shorter forms: fr-CA to fr (RFC 4647 lookup)."""
    return entity.label(languages)


def coordinates(record: model.Country | model.Place) -> model.Country | model.Place | None:
    """Where it lies, as one point; null unless both numbers are known."""
    return None if record.latitude is None or record.longitude is None else record


def roles(edge: Linked) -> Sequence[PartnerRole]:
    """The roles that its relations to the parent state, each once, in the order of the enum."""
    return sorted({relation.role for relation in edge.links if relation.role}, key=lambda role: role.rank)


def impacts(edge: Linked) -> Sequence[Impact]:
    """The impacts that its relations to the parent state, each once, in the order of the enum."""
    return sorted({relation.impact for relation in edge.links if relation.impact}, key=lambda impact: impact.rank)


def role(edge: Linked) -> PartnerRole | None:
    """The first of its roles."""
    return next(iter(roles(edge)), None)


def impact(edge: Linked) -> Impact | None:
    """The first of its impacts."""
    return next(iter(impacts(edge)), None)


def since(edge: Linked) -> str | None:
    """Since when it holds: as the first of its relations that says so has it."""
    return next((relation.since for relation in edge.links if relation.since), None)


def until(edge: Linked) -> str | None:
    """Until when it held: as the first of its relations that says so has it."""
    return next((relation.until for relation in edge.links if relation.until), None)


def percentage(edge: Linked) -> float | None:
    """The share of the project that goes there, in percent (0 to 100): as the first of its relations that says so has
    it."""
    return next((relation.percentage for relation in edge.links if relation.percentage is not None), None)


def locator(edge: Linked) -> str | None:
    """Where in the source the fact stands, as a page: as the first of its relations that says so has it."""
    return next((relation.locator for relation in edge.links if relation.locator), None)


# Values inside records.


@strawberry.type(description="A name, and the language it is in.")
class Label:
    value: str = attribute("The name.")
    language: str | None = attribute("Its language, as a BCP 47 tag; null where the plain name stands in.")
    is_fallback: bool = attribute("Whether none of the languages asked for is known, so that this is the plain name.")


@strawberry.type(description="A point on the Earth (WGS 84).")
class Coordinates:
    latitude: float = attribute("Degrees north of the equator, -90 to 90.")
    longitude: float = attribute("Degrees east of Greenwich, -180 to 180.")


@strawberry.type(description="A code of a published list, as that list writes it.")
class Code:
    vocabulary: str = attribute("The list: M49, P-code, IATI, org-id, GLIDE, FTS, DAC, fieldgraph ...")
    code: str = attribute("The code, as the list writes it.")
    label: str | None = attribute("What it stands for.")


# Connections and edges: one of each a kind.


@strawberry.type(description="An item of a list, where it stands, and the relations to the list's parent.")
class Edge(Generic[T]):
    cursor: str = stepped(CURSOR, "Where it stands in the list; give it as after or before.")
    node: T = attribute("The item.")
    roles: list[PartnerRole] = computed(roles)
    impacts: list[Impact] = computed(impacts)
    role: PartnerRole | None = computed(role)
    impact: Impact | None = computed(impact)
    since: PartialDate | None = computed(since)
    until: PartialDate | None = computed(until)
    percentage: float | None = computed(percentage)
    locator: str | None = computed(locator)
    sources: list["Source"] = stepped(Step(_linked_by), "The sources that state these relations, each once.")


@strawberry.type(description="A page of a list (Relay). A node stands once in it.")
class Connection(Generic[T]):
    edges: list[Edge[T]] = stepped(EDGES, "The page's items, each with its cursor and its relations to the parent.")
    nodes: list[T] = stepped(NODES, "The page's items alone.")
    page_info: PageInfo = stepped(ENDS, "Where the page lies in the list.")
    total_count: int = stepped(TOTAL, "How many items the whole list has, filters applied.")
    facets: list[Facet] = facets()
    group_by: GroupConnection = group_by()


# What all entities have.


@strawberry.interface(description="Anything with an id that can be asked for again.")
class Node:
    id: strawberry.ID = attribute("Stable and readable, as country:ML; treat it as opaque.")

    @classmethod
    def is_type_of(cls, value: object, info: GraphQLResolveInfo[Request]) -> bool:
        """Faces are named like their records."""
        return type(value).__name__ == cls.__name__

    @classmethod
    def resolve_type(cls, value: object, info: GraphQLResolveInfo[Request], abstract: object) -> str:
        return type(value).__name__


@strawberry.interface(description="Everything the graph knows by name.")
class Entity(Node):
    kind: Kind = attribute("Its kind.", filtered=False)
    name: str = attribute("Its name, as the graph shows it.")
    label: Label = computed(
        label, argument("languages", list[str], "BCP 47 tags, the best liked first: fr, ar, zh-Hant.")
    )
    aliases: list[str] = attribute("Other names: short forms, former names, spellings.")
    summary: str | None = attribute("What there is to know of it, in a few sentences.", filtered=False)
    identifiers: list[Code] = attribute("Codes by which others know it: M49, P-code, IATI, org-id, GLIDE, FTS ...")
    sources: Connection["Source"] = along(paths.SOURCES, "The sources that state what is known of it, newest first.")
    relations: "RelationConnection" = relations_of("Its relations, in a fixed order: by kind, subject, object.")
    history: "ChangeConnection" = history_of(
        "What it and its relations went through, the newest version first, the changes of one version in their order."
        " Of an id that was used again, all of it."
    )


# The kinds.


@strawberry.type(description="A country or territory (ISO 3166-1).")
class Country(Entity):
    code: str = attribute("ISO 3166-1 alpha-2, as ML; or user-assigned, as XK.")
    alpha3: str = attribute("ISO 3166-1 alpha-3, as MLI.")
    numeric: str | None = attribute("ISO 3166-1 numeric, three digits, as 466; also its UN M49 code.")
    official_name: str | None = attribute("Its name in full, as the Republic of Mali.")
    coordinates: Coordinates | None = computed(coordinates)
    region: "Place | None" = reached(
        paths.REGION,
        "The smallest UN M49 area that holds it: the intermediate region where there is one (Mali: 011 Western Africa),"
        " else the sub-region.",
    )
    places: Connection["Place"] = along(paths.PLACES_INSIDE, "Places inside it, at any depth.")
    projects: Connection["Project"] = along(paths.PROJECTS_INSIDE, "Projects in it or in a place inside it, each once.")
    events: Connection["Event"] = along(
        paths.EVENTS_INSIDE, "Events that occurred in it or in a place inside it, each once; newest first."
    )
    metrics: "MetricConnection" = along(paths.METRICS, "Figures about the country itself; newest first.")
    partners: Connection["Partner"] = along(
        paths.PARTNERS_INSIDE, "Partners that operate there, or take part in a project there, each once."
    )


@strawberry.type(description="A place of any size but a country: the world, a region, an admin unit, a town, a camp.")
class Place(Entity):
    type: PlaceType = attribute("What it is.")
    coordinates: Coordinates | None = computed(coordinates)
    parent: Entity | None = reached(paths.PARENT, "What it is part of: a place or a country.")
    country: "Country | None" = reached(paths.COUNTRY_AROUND, "The country it lies in; null for a region or the world.")
    children: Connection["Place"] = along(paths.CHILDREN, "The places directly inside it.")
    countries: Connection["Country"] = along(paths.COUNTRIES_INSIDE, "Countries inside it, at any depth.")
    places: Connection["Place"] = along(paths.PLACES_INSIDE, "Places inside it, at any depth.")
    projects: Connection["Project"] = along(paths.PROJECTS_INSIDE, "Projects in it or in a place inside it, each once.")
    events: Connection["Event"] = along(
        paths.EVENTS_INSIDE, "Events that occurred in it or in a place inside it, each once; newest first."
    )
    metrics: "MetricConnection" = along(paths.METRICS, "Figures about the place itself; newest first.")
    partners: Connection["Partner"] = along(
        paths.PARTNERS_INSIDE, "Partners that operate there, or take part in a project there, each once."
    )


@strawberry.type(description="Work that somebody does somewhere for some time; what IATI calls an activity.")
class Project(Entity):
    status: ProjectStatus | None = attribute("Where it stands (IATI ActivityStatus).")
    started_on: PartialDate | None = attribute("When it started.")
    ended_on: PartialDate | None = attribute("When it ended.")
    activities: list[Code] = attribute("What is done in it.")
    sectors: list[Code] = attribute("The sectors it belongs to (DAC, IASC clusters).")
    countries: Connection["Country"] = along(paths.PROJECT_COUNTRIES, "Countries it works in, or in a place of which.")
    places: Connection["Place"] = along(paths.PROJECT_PLACES, "Places it works in, as stated.")
    partners: Connection["Partner"] = along(
        paths.PROJECT_PARTNERS, "Partners that take part in it; their edges tell their roles."
    )
    events: Connection["Event"] = along(paths.AFFECTED_BY, "Events that affected it; newest first.")
    metrics: "MetricConnection" = along(paths.METRICS, "Figures about it; newest first.")


@strawberry.type(description="Something that happened.")
class Event(Entity):
    type: EventType = attribute("What happened.")
    started_on: PartialDate | None = attribute("When it began.")
    ended_on: PartialDate | None = attribute("When it was over.")
    affected: int | None = attribute("How many people; affectedStatus says what the number counts.")
    affected_status: PopulationStatus | None = attribute("What `affected` counts (HDX HAPI population status).")
    glides: list[str] = attribute("GLIDE numbers, one a country: FL-2024-000178-MLI.")
    countries: Connection["Country"] = along(paths.EVENT_COUNTRIES, "Countries it occurred in, or in a place of which.")
    places: Connection["Place"] = along(paths.EVENT_PLACES, "Places it occurred in, as stated.")
    displaced_from: list[Entity] = stepped(
        Step(_displaced_from), "Countries and places that people were driven from, by name; at most 20."
    )
    followed: Connection["Event"] = along(paths.FOLLOWED, "The earlier events that led to it.")
    led_to: Connection["Event"] = along(paths.LED_TO, "The later events that followed from it.")
    projects: Connection["Project"] = along(
        paths.AFFECTED_PROJECTS, "Projects affected by it; their edges tell the impact."
    )
    partners: Connection["Partner"] = along(
        paths.AFFECTED_PARTNERS, "Partners affected by it; their edges tell the impact."
    )
    metrics: "MetricConnection" = along(paths.METRICS, "Figures about it; newest first.")


@strawberry.type(description="An organisation that funds, runs or supports projects.")
class Partner(Entity):
    type: PartnerType = attribute("What sort of organisation it is (IATI OrganisationType).")
    acronym: str | None = attribute("Its short name, as MSF.")
    website: str | None = attribute("The address of its site.")
    parent: "Partner | None" = reached(paths.PARTNER_PARENT, "The organisation it is part of.")
    countries: Connection["Country"] = along(
        paths.PARTNER_COUNTRIES, "Countries it operates in, or takes part in a project in, each once."
    )
    projects: Connection["Project"] = along(
        paths.PARTNER_PROJECTS, "Projects it takes part in; their edges tell its roles."
    )
    events: Connection["Event"] = along(paths.AFFECTED_BY, "Events that affected it; newest first.")
    metrics: "MetricConnection" = along(paths.METRICS, "Figures about it; newest first.")


@strawberry.type(description="What metrics measure: a unit, what one of it counts, a definition.")
class Indicator(Entity):
    code: str = attribute("Its code, as outpatient-consultations.")
    unit: str = attribute("The unit of its values: people, consultations, EUR ...")
    count_basis: CountBasis = attribute("What one unit counts; values on two bases are never added.")
    definition: str | None = attribute("What exactly is measured.")
    metrics: "MetricConnection" = along(paths.MEASURED_BY, "Its values, of any subject and period; newest first.")


@strawberry.type(description="One figure about one subject for one period.")
class Metric(Entity):
    value: float | None = attribute("The value, in `unit`; null where it is known to be missing.")
    printed: str | None = attribute("The value as the source prints it: more than 530,000.")
    lower: float | None = attribute("The value is at least this.")
    upper: float | None = attribute("The value is at most this.")
    unit: str = attribute("The indicator's unit, unless the value is in another (money: its ISO 4217 currency).")
    measure: MetricMeasure = attribute("What the value is: counted, aimed at, budgeted ...")
    started_on: PartialDate = attribute("When its period starts.")
    ended_on: PartialDate = attribute("When its period ends.")
    year: int = attribute("The year in which its period starts.")
    status: str | None = attribute("What is to be said of the observation (SDMX OBS_STATUS letter): E is estimated.")
    indicator: "Indicator" = reached(paths.INDICATOR, "What it measures.")
    subject: Entity = reached(paths.SUBJECT, "What it is about.")


@specialized
@strawberry.type(description="A page of a list of metrics (Relay). A node stands once in it.")
class MetricConnection(Connection[Metric]):
    aggregate: MetricAggregate = aggregate()


@strawberry.type(description="A document or data set that states facts. `name` is the title as printed.")
class Source(Entity):
    type: SourceType = attribute("What it is.")
    publisher: str | None = attribute("Who published it.")
    url: str | None = attribute("Where it is found.")
    published_on: PartialDate | None = attribute("When it was published.")
    accessed_on: PartialDate | None = attribute("When it was read.")
    license: str | None = attribute("Under which terms it may be used (SPDX identifier where there is one).")
    citation: str = attribute("One line, ready to print: publisher (date). title. address.", filtered=False)
    entities: Connection[Entity] = along_any(paths.CITED_BY, "What cites it, by name.")


# Relations.


@strawberry.type(
    description="A stated fact: the subject stands to the object as the kind says, according to the sources."
)
class Relation:
    kind: RelationKind = attribute("What it states.")
    subject: Entity = stepped(_end("subject"), "What it is stated of.")
    object: Entity = stepped(_end("object"), "What it leads to.")
    role: PartnerRole | None = attribute("The partner's role (PARTICIPATES_IN); part of the relation's name.")
    impact: Impact | None = attribute("What the event did (AFFECTED); part of the relation's name.")
    since: PartialDate | None = attribute("Since when it holds.")
    until: PartialDate | None = attribute("Until when it held.")
    percentage: float | None = attribute("The share of the project that goes there, in percent (LOCATED_IN).")
    locator: str | None = attribute("Where in the source, as a page (CITES).")
    sources: list[Source] = stepped(Step(_stated_by), "The sources that state it.")


@strawberry.type(description="A relation in a list, and where it stands.")
class RelationEdge:
    cursor: str = stepped(CURSOR, "Where it stands in the list; give it as after or before.")
    node: Relation = attribute("The relation.")


@strawberry.type(description="A page of a list of relations (Relay).")
class RelationConnection:
    edges: list[RelationEdge] = stepped(LISTED_EDGES, "The page's relations, each with its cursor.")
    nodes: list[Relation] = stepped(LISTED_NODES, "The page's relations alone.")
    page_info: PageInfo = stepped(ENDS, "Where the page lies in the list.")
    total_count: int = stepped(TOTAL, "How many relations the whole list has.")


# Changes.


@strawberry.type(description="An attribute before and after a change, as JSON text; null where it was not known.")
class FieldChange:
    field: str = attribute("The attribute, by its key in graph lines: name, startedOn, latitude ...")
    before: str | None = attribute("What it was.")
    after: str | None = attribute("What it became.")


@strawberry.type(
    description="What a commit did to one entity or relation. A version is one commit; no half of one is ever visible."
)
class Change:
    id: strawberry.ID = computed(changes.id)
    version: int = computed(changes.version)
    index: int = computed(changes.index)
    time: DateTime = computed(changes.time)
    action: ChangeAction = computed(changes.action)
    entity: Entity | None = stepped(changes.ENTITY, "The entity, as it is now; null where it is gone.")
    entity_id: strawberry.ID = computed(changes.entity_id)
    relation: Relation | None = computed(changes.relation)
    author: str | None = computed(changes.author)
    note: str | None = computed(changes.note)
    fields: list[FieldChange] = computed(changes.fields)


@strawberry.type(description="A change in a list, and where it stands.")
class ChangeEdge:
    cursor: str = stepped(CURSOR, "Where it stands in the list; give it as after or before.")
    node: Change = attribute("The change.")


@strawberry.type(description="A page of a list of changes (Relay).")
class ChangeConnection:
    edges: list[ChangeEdge] = stepped(LISTED_EDGES, "The page's changes, each with its cursor.")
    nodes: list[Change] = stepped(LISTED_NODES, "The page's changes alone.")
    page_info: PageInfo = stepped(ENDS, "Where the page lies in the list.")
    total_count: int = stepped(TOTAL, "How many changes the whole list has.")


FACES: dict[Kind, Any] = {face_kind: globals()[face_kind.title()] for face_kind in Kind}
"""The face of each kind."""
