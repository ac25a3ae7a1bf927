"""The port that every engine fills: asked in sets, lists in, lists out, answers in the order of the inputs.

Every call may wait (a database has to); the resident engine never does, so `settle` runs its calls without a loop.
An unknown id in a frontier reaches nothing.
"""

from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple, Protocol, TypeVar

from graph.errors import FieldgraphError
from graph.grouping import Grouping, Groups
from graph.model import Entity, Relation
from graph.plan import Expand, Match, Page, Position, Relations
from graph.vocabulary import Kind, RelationKind

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


class RelationPage(NamedTuple):
    """A page of relations in canonical order; the position of one is the sort key of its name."""

    relations: Sequence[Relation]
    has_previous: bool
    has_next: bool
    total: int | None = None


class Statistics(NamedTuple):
    """How much there is: kinds in their order, also those of which there is nothing."""

    entities: dict[Kind, int]
    relations: dict[RelationKind, int]


Grouped = Groups | FieldgraphError
"""The answer to one grouping: a page of groups, or why there can be none."""


class Engine(Protocol):
    """What answers questions. One instance answers for one version at a time."""

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

    async def group(self, match: Match, groupings: Sequence[Grouping]) -> list["Grouped"]:
        """Groups of the entities of the kind; the condition is each grouping's own."""

    async def group_reached(
        self, frontier: Sequence[str], step: Expand, groupings: Sequence[Grouping]
    ) -> list[list["Grouped"]]:
        """For each id, groups of what the path reaches from it; the condition is each grouping's own."""

    async def statistics(self) -> Statistics:
        """How many entities and relations of each kind there are."""

    async def indexes(self, question: Match | Expand | Relations | Kind) -> list[str]:
        """The indexes by which it finds what a question asks for, by names that say what they hold; a kind stands for
        the question of `find`."""


def settle(call: Coroutine[Any, Any, T]) -> T:
    """Runs to its end a call that does not wait, as those of the resident engine.

    >>> from graph.graph import Graph
    >>> settle(Graph.in_memory().engine.lookup(["country:ML"]))
    [None]
    """
    try:
        call.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    call.close()
    raise RuntimeError("This engine has to wait for its answers: await the call instead.")
