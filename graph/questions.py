"""Graph questions as data, and what they are answered with.

In all of them relations are walked either way, and two entities are neighbors however many relations they have. Each
has a time, in milliseconds, after which it is answered with what has been found.
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from graph.model import Entity, Relation
from graph.vocabulary import CentralityMeasure, Kind, RelationKind

Kinds = tuple[Kind, ...] | None
RelationKinds = tuple[RelationKind, ...] | None
"""Some kinds; None are all."""


class Neighborhood(msgspec.Struct, frozen=True):
    """What lies within some hops of `start`: at most `limit` entities beside it, the nearest, by distance, kind and id,
    and at most `most_relations` between them. Entities of other kinds are neither kept nor walked through."""

    start: str
    hops: int
    limit: int
    relations: RelationKinds
    kinds: Kinds
    most_relations: int
    ms: int


class Paths(msgspec.Struct, frozen=True):
    """The `first` paths of at most `most_hops` between two entities, on each of which an entity stands once, by length
    and then by the ids along them. A path passes through no entity of the kinds in `avoid`."""

    start: str
    end: str
    most_hops: int
    relations: RelationKinds
    avoid: tuple[Kind, ...]
    first: int
    ms: int


class Similar(msgspec.Struct, frozen=True):
    """The `first` entities of its kind that share most neighbors with `start`, the rarer the more (Adamic and Adar's
    index), and of each the `most_shared` (one or more) rarest that
    they share."""

    start: str
    first: int
    most_shared: int
    ms: int


class Central(msgspec.Struct, frozen=True):
    """The `first` entities of some kinds by a measure. BETWEENNESS is estimated from `pivots` entities where there are
    more. Whoever asks never wants more than `most`."""

    measure: CentralityMeasure
    kinds: Kinds
    first: int
    most: int
    pivots: int
    ms: int


GraphQuestion = Neighborhood | Paths | Similar | Central


TIME = "time"
"""The reason of what was cut because its time was over: asked again, the answer may be another one."""


class Truncation(NamedTuple):
    """What cut an answer: an argument (`limit`, `first`) or a budget (`relations`, `time`), and how much it allows."""

    reason: str
    limit: int


class Near(NamedTuple):
    """An entity, and how many hops away it is."""

    entity: Entity
    distance: int


class Subgraph(NamedTuple):
    """A neighborhood: its entities by distance, kind and id, and the relations between them in canonical order."""

    entities: Sequence[Near]
    relations: Sequence[Relation]
    truncated: Truncation | None


class PathHop(NamedTuple):
    """A step of a path; `forward` if it goes from the relation's subject to its object."""

    from_: Entity
    relation: Relation
    forward: bool
    to: Entity


class Trail(NamedTuple):
    """A path from one entity to another; none of an entity to itself has hops."""

    hops: Sequence[PathHop]

    @property
    def length(self) -> int:
        return len(self.hops)


class Trails(NamedTuple):
    """Paths, the shortest first."""

    paths: Sequence[Trail]
    truncated: Truncation | None


class Likeness(NamedTuple):
    """An entity that is like another, how much, and what they share, the most telling first."""

    entity: Entity
    score: float
    shared: Sequence[Entity]


class Likenesses(NamedTuple):
    """What is like an entity, the likest first."""

    items: Sequence[Likeness]
    truncated: Truncation | None


class Ranked(NamedTuple):
    """An entity and its score by a measure."""

    entity: Entity
    score: float


class Ranking(NamedTuple):
    """The most central entities at some version of the graph, and whether their scores are estimates."""

    items: Sequence[Ranked]
    version: int
    is_estimate: bool
    truncated: Truncation | None
