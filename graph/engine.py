"""The port that every engine fills: asked in sets, lists in, lists out, answers in the order of the inputs.

Every call may wait (a database has to). The resident engine waits for nothing, but gives way to others where its work
is long, so `settle` runs its calls without a loop. An unknown id in a frontier reaches nothing.
"""

import types
from collections.abc import Callable, Coroutine, Generator, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple, Protocol, TypeVar

from graph.errors import FieldgraphError
from graph.grouping import Grouping, Groups
from graph.model import Change, Entity, Mark, Recorded, Relation
from graph.plan import Expand, Match, Page, Position, Relations, Resolve, Search
from graph.questions import Central, Likenesses, Neighborhood, Paths, Ranking, Similar, Subgraph, Trails
from graph.vocabulary import FindingSeverity, Kind, RelationKind

T = TypeVar("T")


class Lasting(list[Entity]):
    """Entities of a page that the engine gives anew, as another object, only when anything on it has changed: what is
    made of them may be remembered for as long as this object lives. Not to be altered."""

    __slots__ = ("__weakref__", "_ids")

    def __init__(self, entities: Iterable[Entity]) -> None:
        super().__init__(entities)
        self._ids: tuple[str, ...] | None = None

    @property
    def ids(self) -> tuple[str, ...]:
        """Their ids, always the same object."""
        if self._ids is None:
            self._ids = tuple([entity.id for entity in self])
        return self._ids


class Several(list[Entity]):
    """The entities of several lasting pages, one page after the other."""

    __slots__ = ("pages",)

    def __init__(self, pages: Sequence[Lasting]) -> None:
        super().__init__(chain.from_iterable(pages))
        self.pages = pages

    @property
    def ids(self) -> list[str]:
        return list(chain.from_iterable([page.ids for page in self.pages]))


class Reach:
    """A page of entities.

    `links` has the relations by which each was reached, by its id; of a match it is empty. `total` is the length of the
    whole list, or None where the engine would have to count it.
    """

    __slots__ = ("__weakref__", "_position", "entities", "has_next", "has_previous", "links", "total")

    def __init__(
        self,
        entities: Sequence[Entity],
        links: Mapping[str, Sequence[Relation]],
        position: Callable[[Entity], Position],
        *,
        has_previous: bool = False,
        has_next: bool = False,
        total: int | None = None,
    ) -> None:
        self.entities = entities
        self.links = links
        self.has_previous = has_previous
        self.has_next = has_next
        self.total = total
        self._position = position

    def position(self, index: int) -> Position:
        """Where the index-th entity stands in the order, for a cursor."""
        return self._position(self.entities[index])


class Highlight(NamedTuple):
    """Where a text was found: the field of the schema, and what it holds, or the part of it around."""

    field: str
    text: str


class Hits(Reach):
    """A page of what a search finds. `scores` has a number for each entity, the higher the better."""

    __slots__ = ("_highlights", "scores")

    def __init__(
        self,
        entities: Sequence[Entity],
        scores: Sequence[float],
        highlights: Callable[[Entity], Sequence[Highlight]],
        position: Callable[[Entity], Position],
        *,
        has_previous: bool = False,
        has_next: bool = False,
    ) -> None:
        super().__init__(entities, {}, position, has_previous=has_previous, has_next=has_next)
        self.scores = scores
        self._highlights = highlights

    def highlights(self, index: int) -> Sequence[Highlight]:
        """Where in the index-th entity the text was found."""
        return self._highlights(self.entities[index])


class Resolution(NamedTuple):
    """An entity that a text may mean. The score is 1 if no other can be meant; `reason` says by what it is."""

    entity: Entity
    score: float
    reason: str


class RelationPage(NamedTuple):
    """A page of relations in canonical order; the position of one is the sort key of its name."""

    relations: Sequence[Relation]
    has_previous: bool
    has_next: bool
    total: int | None = None

    @property
    def items(self) -> Sequence[Relation]:
        return self.relations

    def position(self, index: int) -> Position:
        return self.relations[index].name.sort_key


class ChangePage(NamedTuple):
    """A page of an entity's history: the newest version first, the changes of one version in their order. The position
    of a change is its version and its index."""

    changes: Sequence[Recorded]
    has_previous: bool
    has_next: bool
    total: int | None = None

    @property
    def items(self) -> Sequence[Recorded]:
        return self.changes

    def position(self, index: int) -> Position:
        change = self.changes[index].change
        return change.version, change.index


class Archive(Protocol):
    """What is known of what changed; the journal is one."""

    def history(self, id: str, page: Page, until: int) -> ChangePage:
        """A page of the changes up to a version that an entity, or a relation of it, went through."""

    def count_history(self, id: str, until: int) -> int:
        """How many there are in all."""

    def own_change(self, id: str, since: int, until: int) -> Change | None:
        """The first change of an entity itself, not of its relations, in the versions from one to another."""

    def count(self, after: int, until: int | None = None) -> int:
        """How many changes there are in the commits after a version, up to another or the newest."""

    def replay(self, after: int, until: int) -> Iterator[Change]:
        """The changes of the commits after one version, up to another, in order."""

    def changes(self, after: Mark, until: int, most: int) -> list[Recorded]:
        """The first changes after a mark, of the commits up to a version, in order. Raises StoreError at the first
        record that is damaged or missing."""


def entity_then(archive: Archive, now: Entity | None, id: str, version: int, until: int) -> Entity | None:
    """An entity as it was in a version that changed its relations; one that went in it, as it was before. `now` is the
    entity in the version `until`."""
    own = archive.own_change(id, version, until)
    if own is None:
        return now  # nothing has happened to it since
    was = own.before if own.version > version and own.before is not None else own.record
    assert isinstance(was, Entity)
    return was


class Finding(NamedTuple):
    """Something that looks wrong: the rule that says so, what is wrong and what to do, the ids of whom it is about."""

    rule: str
    severity: FindingSeverity
    message: str
    entities: Sequence[str]

    @property
    def position(self) -> Position:
        """Where it stands: the worst first, then by rule, then by ids."""
        return len(FindingSeverity) - 1 - self.severity.rank, self.rule, *self.entities


class FindingPage(NamedTuple):
    """A page of findings; `total` is how many there are in all."""

    findings: Sequence[Finding]
    has_previous: bool
    has_next: bool
    total: int


class Statistics(NamedTuple):
    """How much there is: kinds in their order, also those of which there is nothing."""

    entities: dict[Kind, int]
    relations: dict[RelationKind, int]


Grouped = Groups | FieldgraphError
"""The answer to one grouping: a page of groups, or why there can be none."""


class View(NamedTuple):
    """What answers for one version that does not change any more, and when that was recorded (None for version 0)."""

    engine: "Engine"
    version: int
    time: str | None


class Engine(Protocol):
    """What answers questions. One instance answers for one version at a time."""

    async def as_of(self, moment: int | str) -> View:
        """The graph as it was recorded at a version, or at a time (as commits have it). Raises NotFound for a version
        not yet made, InvalidInput where this is a view itself."""

    async def lookup(self, ids: Sequence[str]) -> list[Entity | None]:
        """The entity of each id, None where unknown."""

    async def find(self, kind: Kind, values: Sequence[str]) -> list[Entity | None]:
        """The entity of this kind that has each value in the first of its kind's natural keys where one has it; of
        several, the first by id."""

    async def match(self, match: Match, page: Page) -> Reach:
        """A page of the entities that match."""

    async def count(self, match: Match) -> int:
        """How many match."""

    async def expand(self, frontier: Sequence[str], step: Expand, page: Page) -> Sequence[Reach]:
        """For each id, a page of what the step reaches from it."""

    async def count_reached(self, frontier: Sequence[str], step: Expand) -> list[int]:
        """For each id, how many the step reaches from it."""

    async def relations(self, frontier: Sequence[str], step: Relations, page: Page) -> list[RelationPage]:
        """For each id, a page of its relations."""

    async def count_relations(self, frontier: Sequence[str], step: Relations) -> list[int]:
        """For each id, how many relations it has."""

    async def history(self, frontier: Sequence[str], page: Page) -> list[ChangePage]:
        """For each id, a page of what the entity and its relations went through, this version included."""

    async def count_history(self, frontier: Sequence[str]) -> list[int]:
        """For each id, how many changes that were."""

    async def once(self, named: Sequence[tuple[str, int]]) -> list[Entity | None]:
        """Each entity as it was in a version that changed its relations; one that went in it, as it was before. None
        where nothing has a history."""

    async def search(self, search: Search, page: Page) -> Hits:
        """A page of what is found, of which only `first` and `after` are looked at."""

    async def count_found(self, search: Search) -> dict[Kind, int]:
        """How many of each kind are found, in the order of the kinds; the kinds that are asked for narrow nothing."""

    async def resolve(self, resolve: Resolve) -> list[Resolution]:
        """What a code or name may mean."""

    async def group(self, match: Match, groupings: Sequence[Grouping]) -> list["Grouped"]:
        """Groups of the entities of the kind; the condition is each grouping's own."""

    async def group_reached(
        self, frontier: Sequence[str], step: Expand, groupings: Sequence[Grouping]
    ) -> list[list["Grouped"]]:
        """For each id, groups of what the path reaches from it; the condition is each grouping's own."""

    async def statistics(self) -> Statistics:
        """How many entities and relations of each kind there are."""

    async def neighborhood(self, asked: Neighborhood) -> Subgraph | None:
        """What lies around an entity; None where there is no such entity, as with the two below."""

    async def paths(self, asked: Paths) -> Trails | None:
        """The shortest paths from one entity to another."""

    async def similar(self, asked: Similar) -> Likenesses | None:
        """What is most like an entity."""

    async def central(self, asked: Central) -> Ranking:
        """The most central entities, at this version or a recent one."""

    async def findings(self, page: Page) -> FindingPage:
        """A page of what looks wrong, all of it in one version, which is not older than the question."""

    async def indexes(self, question: Match | Expand | Relations | Search | Resolve | Kind) -> list[str]:
        """The indexes by which it finds what a question asks for, by names that say what they hold; a kind stands for
        the question of `find`."""


@types.coroutine
def give_way() -> Generator[None, None, None]:
    """Lets whatever else is ready have its turn, if there is a loop; goes on at once where there is none."""
    yield


def settle(call: Coroutine[Any, Any, T]) -> T:
    """Runs to its end a call that waits for nothing, as those of the resident engine; giving way is no waiting.

    >>> from graph.graph import Graph
    >>> settle(Graph.in_memory().engine.lookup(["country:ML"]))
    [None]
    """
    try:
        while call.send(None) is None:
            pass  # it has given way, and nobody else is here
    except StopIteration as done:
        result: T = done.value
        return result
    call.close()
    raise RuntimeError("This engine has to wait for its answers: await the call instead.")
