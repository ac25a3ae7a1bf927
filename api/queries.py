"""The root of every question."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
import strawberry

from api.analytics import (
    CENTRAL,
    NEIGHBORHOOD,
    PATHS,
    SIMILAR,
    CentralityResult,
    PathResult,
    SimilarResult,
    Subgraph,
)
from api.fields import Arguments, Step, argument, attribute, stepped
from api.lists import every
from api.past import as_of
from api.quality import FindingConnection, quality
from api.request import Request
from api.search import Resolution, SearchConnection, resolve, search
from api.terms import DateTime
from api.types import (
    Connection,
    Country,
    Event,
    Indicator,
    Metric,
    MetricConnection,
    Node,
    Partner,
    Place,
    Project,
    Source,
)
from graph.engine import Statistics
from graph.errors import InvalidInput
from graph.vocabulary import Kind, RelationKind


class Counted(msgspec.Struct, frozen=True):
    """How many there are of a kind."""

    kind: Kind | RelationKind
    count: int


class Info(NamedTuple):
    """What GraphInfo shows."""

    version: int
    updated_at: str | None
    statistics: Statistics

    @property
    def entity_count(self) -> int:
        return sum(self.statistics.entities.values())

    @property
    def relation_count(self) -> int:
        return sum(self.statistics.relations.values())

    @property
    def counts(self) -> list[Counted]:
        return [Counted(kind, number) for kind, number in self.statistics.entities.items()]

    @property
    def relation_counts(self) -> list[Counted]:
        return [Counted(kind, number) for kind, number in self.statistics.relations.items()]


def by_id(kind: Kind) -> Any:
    """A field with the entity of this kind that has an id."""

    async def run(request: Request, sources: Sequence[Any], given: Arguments) -> Sequence[Any]:
        (entity,) = await request.engine.lookup([given["id"]])
        found = entity if entity is not None and entity.kind is kind else None
        return [found] * len(sources)

    what = f"The {kind.title().lower()} with this id; null where there is none."
    return stepped(Step(run), what, argument("id", strawberry.ID, "An id, as another answer gave it."))


def by_code(kind: Kind, description: str, told: str, *, any_case: bool = False) -> Any:
    """A field with the entity of this kind that has a code, one of its natural keys."""

    async def run(request: Request, sources: Sequence[Any], given: Arguments) -> Sequence[Any]:
        code = given["code"]
        wanted = code.upper() if any_case and code.isascii() else code  # "ß".upper() is South Sudan's code
        (entity,) = await request.engine.find(kind, [wanted])
        return [entity] * len(sources)

    return stepped(Step(run), description, argument("code", str, told))


async def _node(request: Request, sources: Sequence[Any], given: Arguments) -> Sequence[Any]:
    (entity,) = await request.engine.lookup([given["id"]])
    return [entity] * len(sources)


async def _nodes(request: Request, sources: Sequence[Any], given: Arguments) -> Sequence[Any]:
    ids = given["ids"]
    if len(ids) > request.settings.max_page:
        raise InvalidInput(
            f"{len(ids)} ids; at most {request.settings.max_page} are answered at once. Ask in several requests."
        )
    entities = await request.engine.lookup(ids)
    return [entities for _ in sources]


async def _graph(request: Request, sources: Sequence[Any], given: Arguments) -> Sequence[Any]:
    info = Info(request.head.version, request.head.time, await request.engine.statistics())
    return [info for _ in sources]


@strawberry.type(description="How many entities of a kind there are.")
class KindCount:
    kind: Kind = attribute("The kind.")
    count: int = attribute("How many.")


@strawberry.type(description="How many relations of a kind there are.")
class RelationKindCount:
    kind: RelationKind = attribute("The kind.")
    count: int = attribute("How many.")


@strawberry.type(description="The graph as a whole.")
class GraphInfo:
    version: int = attribute("The number of its newest commit; 0 where nothing was ever stored.")
    updated_at: DateTime | None = attribute("When that commit was recorded; null where nothing was ever stored.")
    entity_count: int = attribute("How many entities it holds.")
    relation_count: int = attribute("How many relations it holds.")
    counts: list[KindCount] = attribute("How many entities of each kind it holds.")
    relation_counts: list[RelationKindCount] = attribute("How many relations of each kind it holds.")


@strawberry.type(description="What can be asked. An unknown id or code is answered with null.")
class Query:
    node: Node | None = stepped(
        Step(_node), "The entity with this id; null where there is none.", argument("id", strawberry.ID, "Its id.")
    )
    nodes: list[Node | None] = stepped(
        Step(_nodes),
        "The entities with these ids, in their order; null where there is none.",
        argument("ids", list[strawberry.ID], "Ids, at most 100."),
    )
    country: Country | None = by_code(
        Kind.COUNTRY,
        "The country with this code; null where there is none.",
        "ISO 3166-1 alpha-2 or alpha-3, in any case: ML, mli.",
        any_case=True,
    )
    project: Project | None = by_id(Kind.PROJECT)
    event: Event | None = by_id(Kind.EVENT)
    partner: Partner | None = by_id(Kind.PARTNER)
    place: Place | None = by_id(Kind.PLACE)
    indicator: Indicator | None = by_code(
        Kind.INDICATOR, "The indicator with this code; null where there is none.", "Its code, as written."
    )
    metric: Metric | None = by_id(Kind.METRIC)
    source: Source | None = by_id(Kind.SOURCE)
    countries: Connection[Country] = every(Kind.COUNTRY, "All countries, by name.")
    projects: Connection[Project] = every(Kind.PROJECT, "All projects, by name.")
    events: Connection[Event] = every(Kind.EVENT, "All events, newest first.")
    partners: Connection[Partner] = every(Kind.PARTNER, "All partners, by name.")
    places: Connection[Place] = every(Kind.PLACE, "All places, by name.")
    indicators: Connection[Indicator] = every(Kind.INDICATOR, "All indicators, by name.")
    metrics: MetricConnection = every(Kind.METRIC, "All metrics, newest first.")
    sources: Connection[Source] = every(Kind.SOURCE, "All sources, newest first.")
    neighborhood: Subgraph | None = NEIGHBORHOOD
    paths: PathResult | None = PATHS
    similar: SimilarResult | None = SIMILAR
    central: CentralityResult = CENTRAL
    quality: FindingConnection = quality("What looks wrong in the graph, the worst first, then by rule and by ids.")
    search: SearchConnection = search
    resolve: list[Resolution] = resolve
    as_of: "Query | None" = as_of(
        "The graph as it was recorded then: every field below answers as of that version. Give a version or a time. Ids"
        " are the same in all versions, so keep answers of the past apart. It cannot stand inside itself."
    )
    graph: GraphInfo = stepped(Step(_graph), "The graph as a whole: its version, and how much it holds.")
