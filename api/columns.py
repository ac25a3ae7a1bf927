"""Running a compiled operation: columns of values become columns of JSON, and errors find their places.

A column has an entry for each value of one field, over all objects at once. What cannot be written is FAILED; of that a
nullable position makes null, any other fails in its turn. Where an entry stands is worked out only if it goes wrong: a
`Spot` knows the spot above it, and how its entries came about.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any, Protocol

import msgspec
from graphql import FieldNode, GraphQLError, located_error

from api.request import Request

FAILED = None
"""An entry that has no JSON; its error has been told."""

Column = list[bytes | None]
Rank = tuple[int, ...]
"""Where something stands among its siblings: an item in its list, a field in its selections and the fragments there."""

Place = tuple[tuple[Rank, str | int], ...]
"""Steps from the root to an entry: the rank of each, and its key in the path of an error."""


class Spot(msgspec.Struct):
    """Where the entries of a column stand. `nullable` is whether one may be null without its parent failing."""

    parent: "Spot | None"
    nullable: bool

    def place(self, index: int) -> Place:
        return ()

    def above(self, index: int) -> int:
        """The index of the entry above in the parent's column."""
        return index


class FieldSpot(Spot):
    """The values of a field, one of each object of the parent's column."""

    key: str
    rank: Rank

    def place(self, index: int) -> Place:
        assert self.parent is not None
        return (*self.parent.place(index), (self.rank, self.key))


class ItemSpot(Spot):
    """The items of all lists of the parent's column, one list after the other."""

    lengths: Sequence[int]

    def above(self, index: int) -> int:
        return bisect_right(list(accumulate(self.lengths)), index)

    def place(self, index: int) -> Place:
        assert self.parent is not None
        owner = self.above(index)
        place = index - sum(self.lengths[:owner])
        return (*self.parent.place(owner), ((place,), place))


class PickedSpot(Spot):
    """Some entries of the parent's column, which stand where they stood. What one of them may be, that column says: it
    is not nullable itself."""

    picked: Sequence[int]

    def above(self, index: int) -> int:
        return self.picked[index]

    def place(self, index: int) -> Place:
        assert self.parent is not None
        return self.parent.place(self.picked[index])


ROOT = Spot(None, True)


class Failure(msgspec.Struct, frozen=True):
    """An error at an entry of a column."""

    spot: Spot
    index: int
    error: Exception
    nodes: list[FieldNode]

    def nulled(self) -> Place:
        """The position that becomes null because of it: its own, or the nearest above that may be."""
        spot, index = self.spot, self.index
        while not spot.nullable and spot.parent is not None:
            index = spot.above(index)
            spot = spot.parent
        return spot.place(index)


class Watcher(Protocol):
    """Writes the parts of a run in its stead, to tell what each of them took."""

    async def write(self, part: Any, run: "Run", sources: Sequence[Any], spot: Spot) -> Column: ...


class Run(msgspec.Struct):
    """One execution: what it may use, its variables, coerced and as given, what went wrong, and who watches it, if
    anybody does."""

    request: Request
    variables: Mapping[str, Any]
    given: Mapping[str, Any]
    failures: list[Failure] = []
    trace: Watcher | None = None

    def fail(self, spot: Spot, index: int, error: Exception, nodes: list[FieldNode]) -> None:
        self.failures.append(Failure(spot, index, error, nodes))

    def errors(self) -> list[GraphQLError]:
        """The errors in the order of a walk depth first, without those below a position that an earlier one made null:
        just those that graphql-core would have met."""
        found = sorted(((f.spot.place(f.index), f) for f in self.failures), key=lambda pair: _ranks(pair[0]))
        nulled: set[Place] = set()
        errors = []
        for place, failure in found:
            if not any(place[:length] in nulled for length in range(len(place) + 1)):
                nulled.add(failure.nulled())
                errors.append(located_error(failure.error, failure.nodes, [key for _, key in place]))
        return errors


def _ranks(place: Place) -> tuple[Rank, ...]:
    return tuple(rank for rank, _ in place)
