"""The graph as arrays of numbers, kept up with every change: a snapshot of it costs no more than a copy."""

from array import array
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from graph.vocabulary import Kind

Numbers = NDArray[np.int64]
KINDS = tuple(Kind)


class Snapshot(NamedTuple):
    """The graph at one moment. Entities are numbered; `ids` has None where one has gone. For each relation that came or
    went, `subjects` and `objects` have its ends and `signs` has 1 or -1."""

    ids: list[str | None]
    kinds: NDArray[np.int8]
    subjects: NDArray[np.int32]
    objects: NDArray[np.int32]
    signs: NDArray[np.int8]

    def wired(self) -> "Wires":
        """Entities numbered anew without gaps, and which are related."""
        held = np.array([id is not None for id in self.ids], dtype=bool)
        number = np.cumsum(held) - 1
        size = int(held.sum())
        pairs, places = np.unique(number[self.subjects] * size + number[self.objects], return_inverse=True)
        related = pairs[np.bincount(places, weights=self.signs, minlength=len(pairs)) > 0]
        subjects, objects = np.divmod(related, max(size, 1))
        return Wires([id for id in self.ids if id is not None], self.kinds[held], subjects, objects)


class Wires(NamedTuple):
    """Entities, their kinds by rank, and each pair of them that is related, once in each direction that it is."""

    ids: list[str]
    kinds: NDArray[np.int8]
    subjects: Numbers
    objects: Numbers

    @property
    def size(self) -> int:
        return len(self.ids)

    def either_way(self) -> tuple[Numbers, Numbers]:
        """Each pair of neighbors, both ways, in their order."""
        one = np.concatenate([self.subjects, self.objects])
        other = np.concatenate([self.objects, self.subjects])
        loops = one == other
        pairs = np.sort(one[~loops] * self.size + other[~loops])  # numpy.unique takes five times as long
        is_first = np.ones(len(pairs), dtype=bool)
        is_first[1:] = pairs[1:] != pairs[:-1]
        return np.divmod(pairs[is_first], max(self.size, 1))


class Wiring:
    """Who is related to whom. What went is noted like what came, and both are dropped when too much has gone."""

    SLACK = 10_000
    """So many relations that have gone are kept at least, before it is made anew."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._clear()

    def _clear(self) -> None:
        self._ids: list[str | None] = []
        self._kinds = array("b")
        self._subjects, self._objects, self._signs = array("i"), array("i"), array("b")
        self._gone = 0

    def copy(self) -> "Wiring":
        other = Wiring()
        other._numbers = dict(self._numbers)
        other._ids = list(self._ids)
        other._kinds, other._signs = array("b", self._kinds), array("b", self._signs)
        other._subjects, other._objects = array("i", self._subjects), array("i", self._objects)
        other._gone = self._gone
        return other

    def add(self, id: str, kind: Kind) -> None:
        """Adds an entity, unless it is there."""
        if id not in self._numbers:
            self._numbers[id] = len(self._ids)
            self._ids.append(id)
            self._kinds.append(kind.rank)

    def remove(self, id: str) -> None:
        """Removes an entity, whose relations have gone."""
        self._ids[self._numbers.pop(id)] = None
        self._gone += 1

    def relate(self, subject: str, object: str, sign: int = 1) -> None:
        """Adds a relation; with the sign -1, removes one."""
        self._subjects.append(self._numbers[subject])
        self._objects.append(self._numbers[object])
        self._signs.append(sign)
        if sign < 0:
            self._gone += 1

    def tidy(self) -> None:
        """Forgets what has gone, if that is much. Call it after a commit."""
        if self._gone < max(self.SLACK, len(self._signs) // 4):
            return
        snapshot = self.snapshot()
        numbers = np.cumsum([id is not None for id in snapshot.ids]) - 1
        ends = snapshot.subjects.astype(np.int64) * len(snapshot.ids) + snapshot.objects
        pairs, places = np.unique(ends, return_inverse=True)
        left = np.bincount(places, weights=snapshot.signs, minlength=len(pairs)).astype(np.int64)
        subjects, objects = np.divmod(np.repeat(pairs, left), len(snapshot.ids))
        self._clear()
        self._numbers.clear()
        for id, rank in zip(snapshot.ids, snapshot.kinds, strict=True):
            if id is not None:
                self.add(id, KINDS[rank])
        self._subjects = array("i", numbers[subjects].astype(np.int32).tobytes())
        self._objects = array("i", numbers[objects].astype(np.int32).tobytes())
        self._signs = array("b", bytes([1]) * len(subjects))

    def snapshot(self) -> Snapshot:
        return Snapshot(
            list(self._ids),
            np.array(self._kinds, dtype=np.int8),
            np.array(self._subjects, dtype=np.int32),
            np.array(self._objects, dtype=np.int32),
            np.array(self._signs, dtype=np.int8),
        )
