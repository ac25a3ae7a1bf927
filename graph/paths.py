"""The ways the graph is walked: what "the projects of a country" means, hop by hop.

A path leads from an entity to the entities of one connection. It may have several ways (a partner of a country operates
there, or takes part in a project there); an entity reached by several ways is reached once. Each way names the hop
whose relations a client is shown on the edge: role, percentage, sources.
"""

import msgspec

from graph.vocabulary import Direction, Kind, RelationKind


class Hop(msgspec.Struct, frozen=True):
    """One step along a relation; with `many`, any number of steps, none included."""

    relation: RelationKind
    direction: Direction
    many: bool = False


class Way(msgspec.Struct, frozen=True):
    """Hops in the order in which they are walked; `link` is the one whose relations the edge tells."""

    hops: tuple[Hop, ...]
    link: int = 0


class Path(msgspec.Struct, frozen=True, cache_hash=True):
    """All ways from an entity to the entities of a connection; `target` is their kind, or None for any."""

    name: str
    target: Kind | None
    ways: tuple[Way, ...]


def _out(relation: RelationKind) -> Hop:
    return Hop(relation, Direction.OUT)


def _in(relation: RelationKind) -> Hop:
    return Hop(relation, Direction.IN)


INSIDE = Hop(RelationKind.PART_OF, Direction.IN, many=True)
"""An entity and all that lies in it, at any depth."""

AROUND = Hop(RelationKind.PART_OF, Direction.OUT, many=True)
"""An entity and all that it lies in, at any height."""

IN_IT = _in(RelationKind.PART_OF)
WITHIN = _out(RelationKind.PART_OF)
LOCATED_HERE = _in(RelationKind.LOCATED_IN)
OCCURRED_HERE = _in(RelationKind.OCCURRED_IN)
OPERATES_HERE = _in(RelationKind.OPERATES_IN)
TAKES_PART = _out(RelationKind.PARTICIPATES_IN)
HAS_PART_TAKER = _in(RelationKind.PARTICIPATES_IN)
ABOUT_IT = _in(RelationKind.ABOUT)


def _path(name: str, target: Kind | None, *ways: Way) -> Path:
    return Path(name, target, ways)


def _hop(name: str, target: Kind | None, hop: Hop) -> Path:
    return Path(name, target, (Way((hop,)),))


# Of any entity
SOURCES = _hop("sources", Kind.SOURCE, _out(RelationKind.CITES))
METRICS = _hop("metrics", Kind.METRIC, ABOUT_IT)

# Of a country or a place: with what is in places inside it
PROJECTS_INSIDE = _path("projectsInside", Kind.PROJECT, Way((INSIDE, LOCATED_HERE), link=1))
EVENTS_INSIDE = _path("eventsInside", Kind.EVENT, Way((INSIDE, OCCURRED_HERE), link=1))
PLACES_INSIDE = _path("placesInside", Kind.PLACE, Way((INSIDE, IN_IT), link=1))
COUNTRIES_INSIDE = _path("countriesInside", Kind.COUNTRY, Way((INSIDE, IN_IT), link=1))
PARTNERS_INSIDE = _path(
    "partnersInside",
    Kind.PARTNER,
    Way((INSIDE, OPERATES_HERE), link=1),
    Way((INSIDE, LOCATED_HERE, HAS_PART_TAKER), link=2),
)
REGION = _hop("region", Kind.PLACE, WITHIN)
PARENT = _hop("parent", None, WITHIN)
CHILDREN = _hop("children", Kind.PLACE, IN_IT)
AROUND_IT = _path("aroundIt", None, Way((WITHIN, AROUND)))
COUNTRY_AROUND = _path("countryAround", Kind.COUNTRY, Way((AROUND,)))

# Of a project
PROJECT_COUNTRIES = _path("projectCountries", Kind.COUNTRY, Way((_out(RelationKind.LOCATED_IN), AROUND)))
PROJECT_PLACES = _hop("projectPlaces", Kind.PLACE, _out(RelationKind.LOCATED_IN))
PROJECT_PARTNERS = _hop("projectPartners", Kind.PARTNER, HAS_PART_TAKER)
AFFECTED_BY = _hop("affectedBy", Kind.EVENT, _in(RelationKind.AFFECTED))

# Of an event
EVENT_COUNTRIES = _path("eventCountries", Kind.COUNTRY, Way((_out(RelationKind.OCCURRED_IN), AROUND)))
EVENT_PLACES = _hop("eventPlaces", Kind.PLACE, _out(RelationKind.OCCURRED_IN))
DISPLACED_FROM = _hop("displacedFrom", None, _out(RelationKind.DISPLACED_FROM))
FOLLOWED = _hop("followed", Kind.EVENT, _out(RelationKind.FOLLOWED))
LED_TO = _hop("ledTo", Kind.EVENT, _in(RelationKind.FOLLOWED))
AFFECTED_PROJECTS = _hop("affectedProjects", Kind.PROJECT, _out(RelationKind.AFFECTED))
AFFECTED_PARTNERS = _hop("affectedPartners", Kind.PARTNER, _out(RelationKind.AFFECTED))

# Of a partner
PARTNER_PARENT = _hop("partnerParent", Kind.PARTNER, WITHIN)
PARTNER_COUNTRIES = _path(
    "partnerCountries",
    Kind.COUNTRY,
    Way((_out(RelationKind.OPERATES_IN),)),
    Way((TAKES_PART, _out(RelationKind.LOCATED_IN), AROUND)),
)
PARTNER_PROJECTS = _hop("partnerProjects", Kind.PROJECT, TAKES_PART)

# Of an indicator, a metric, a source
MEASURED_BY = _hop("measuredBy", Kind.METRIC, _in(RelationKind.MEASURES))
INDICATOR = _hop("indicator", Kind.INDICATOR, _out(RelationKind.MEASURES))
SUBJECT = _hop("subject", None, _out(RelationKind.ABOUT))
SUBJECT_COUNTRY = _path("subjectCountry", Kind.COUNTRY, Way((_out(RelationKind.ABOUT), AROUND)))
CITED_BY = _hop("citedBy", None, _in(RelationKind.CITES))
