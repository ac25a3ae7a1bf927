"""Graph questions: their steps, and the types that they are answered with."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import strawberry

from api.fields import Arguments, Step, argument, attribute, stepped
from api.inputs import number_given, terms_given
from api.request import Request
from api.types import Entity, Relation
from graph.engine import Engine
from graph.questions import TIME, Central, Neighborhood, Paths, Similar
from graph.vocabulary import CentralityMeasure, Kind, RelationKind

# From arguments to questions.


def neighborhood_asked(request: Request, given: Arguments) -> Neighborhood:
    settings = request.settings
    return Neighborhood(
        given["id"],
        number_given(given, "hops", HOPS, settings.max_hops),
        number_given(given, "limit", LIMIT, settings.max_neighbors),
        terms_given(given.get("relations")),
        terms_given(given.get("kinds")),
        settings.max_relations,
        settings.question_ms,
    )


def paths_asked(request: Request, given: Arguments) -> Paths:
    return Paths(
        given["from"],
        given["to"],
        number_given(given, "maxHops", MAX_HOPS, request.settings.max_hops),
        terms_given(given.get("relations")),
        terms_given(given.get("avoid")) or (),
        number_given(given, "first", TRAILS, request.settings.max_results),
        request.settings.question_ms,
    )


def similar_asked(request: Request, given: Arguments) -> Similar:
    settings = request.settings
    first = number_given(given, "first", FIRST, settings.max_results)
    return Similar(given["id"], first, settings.max_shared, settings.question_ms)


def central_asked(request: Request, given: Arguments) -> Central:
    settings = request.settings
    first = number_given(given, "first", FIRST, settings.max_results)
    kinds = terms_given(given.get("kinds"))
    return Central(given["measure"], kinds, first, settings.max_results, settings.pivots, settings.question_ms)


HOPS, LIMIT, MAX_HOPS, TRAILS, FIRST = 1, 100, 4, 3, 10
"""What holds where nothing is given."""


def _asking(read: Callable[[Request, Arguments], Any], ask: Callable[[Engine, Any], Coroutine[Any, Any, Any]]) -> Step:
    async def run(request: Request, sources: Sequence[Any], given: Arguments) -> Sequence[Any]:
        answer = await ask(request.engine, read(request, given))
        if answer is not None and answer.truncated is not None and answer.truncated.reason == TIME:
            request.fleeting.append(answer.truncated)
        return [answer] * len(sources)

    return Step(run)


# Answers.


@strawberry.type(
    description="What cut an answer; null where nothing did. What is there is right, but there is more, or may be."
)
class Truncation:
    reason: str = attribute(
        "limit or first: there is more than was asked for. relations: there are more between these entities than the"
        " service tells. time: the time was over before the search was."
    )
    limit: int = attribute("How much is allowed: a number of items; of time, milliseconds.")


@strawberry.type(description="An entity of a neighborhood.")
class SubgraphEntity:
    entity: Entity = attribute("The entity.")
    distance: int = attribute("How many hops it is away; 0 is the entity that was asked about.")


@strawberry.type(description="What lies within some hops of an entity.")
class Subgraph:
    entities: list[SubgraphEntity] = attribute(
        "The entity itself, then those around it: by distance, then in the order of the kinds, then by id."
    )
    relations: list[Relation] = attribute(
        "The relations between these entities, of the kinds asked for: in a fixed order by kind, subject, object."
    )
    truncated: Truncation | None = attribute("What cut it, if anything did.")


@strawberry.type(description="A step of a path.")
class Hop:
    from_: Entity = attribute("Where it starts.", name="from")
    relation: Relation = attribute("The relation it takes; of several the first in their fixed order.")
    forward: bool = attribute("Whether it goes from the relation's subject to its object.")
    to: Entity = attribute("Where it leads.")


@strawberry.type(description="A way from one entity to another, on which none stands twice.")
class Path:
    length: int = attribute("How many hops it has.")
    hops: list[Hop] = attribute("Its steps; none from an entity to itself.")


@strawberry.type(description="The shortest ways from one entity to another.")
class PathResult:
    paths: list[Path] = attribute("The shortest first; those of one length by the ids along them.")
    truncated: Truncation | None = attribute("What cut it, if anything did.")


@strawberry.type(description="An entity that is like another.")
class Similarity:
    entity: Entity = attribute("The entity, of the same kind.")
    score: float = attribute(
        "How much they share: the sum of 1 / ln(n) over all neighbors that they have in common, where n is how many"
        " neighbors such a one has (Adamic and Adar's index)."
    )
    shared: list[Entity] = attribute("The most telling of what they share: the five with the fewest neighbors.")


@strawberry.type(description="What is most like an entity.")
class SimilarResult:
    items: list[Similarity] = attribute("The likest first, ties by id.")
    truncated: Truncation | None = attribute("What cut it, if anything did.")


@strawberry.type(description="An entity and how central it is.")
class Centrality:
    entity: Entity = attribute("The entity, as it is now.")
    score: float = attribute("By the measure; scores of two measures cannot be compared.")


@strawberry.type(description="The most central entities.")
class CentralityResult:
    items: list[Centrality] = attribute(
        "The most central first, ties in the order of the kinds, then by id. None while nothing has been computed yet:"
        " ask again."
    )
    version: int = attribute("The version of the graph that it was computed for: this one, or a recent one.")
    is_estimate: bool = attribute("Whether the scores are estimated from a sample.")
    truncated: Truncation | None = attribute("What cut it, if anything did.")


# The fields.

_ID = argument("id", strawberry.ID, "Its id.")
_RELATIONS = argument(
    "relations", list[RelationKind] | None, "Only relations of these kinds. All if left out, none if empty."
)


def _first(default: int) -> Any:
    return argument("first", int | None, "At most so many: 1 to 100.", default)


NEIGHBORHOOD = stepped(
    _asking(neighborhood_asked, lambda engine, asked: engine.neighborhood(asked)),
    "What lies within some hops of an entity; null where there is no such entity. Relations are walked either way.",
    _ID,
    argument("hops", int | None, "How far, at most: 1 to 6.", HOPS),
    _RELATIONS,
    argument(
        "kinds",
        list[Kind] | None,
        "Only entities of these kinds beside the entity itself; others are not walked through either. All if left out,"
        " none if empty.",
    ),
    argument("limit", int | None, "At most so many entities beside the entity itself: 1 to 1,000.", LIMIT),
)
PATHS = stepped(
    _asking(paths_asked, lambda engine, asked: engine.paths(asked)),
    "The shortest ways from one entity to another, shortest first, ties in a fixed order; null where there is no such"
    " entity. Relations are walked either way; an entity to itself is one path without hops.",
    argument("from", strawberry.ID, "The id of the entity to start from."),
    argument("to", strawberry.ID, "The id of the entity to reach."),
    argument("max_hops", int | None, "How long a path is, at most: 1 to 6.", MAX_HOPS),
    _RELATIONS,
    argument(
        "avoid", list[Kind] | None, "Kinds that paths do not pass through, such as hubs; their ends may be of them."
    ),
    _first(TRAILS),
)
SIMILAR = stepped(
    _asking(similar_asked, lambda engine, asked: engine.similar(asked)),
    "What is most like an entity: of its kind, and related to the same; null where there is no such entity.",
    _ID,
    _first(FIRST),
)
CENTRAL = stepped(
    _asking(central_asked, lambda engine, asked: engine.central(asked)),
    "The most connected or most between entities. It is computed beside the questions, and remembered: the answer is of"
    " a recent version.",
    argument("measure", CentralityMeasure, "What makes an entity central.", CentralityMeasure.PAGERANK),
    argument("kinds", list[Kind] | None, "Only entities of these kinds. All if left out, none if empty."),
    _first(FIRST),
)
