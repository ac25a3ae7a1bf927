"""How central each entity is, by each measure: computed on arrays, as networkx would have it.

networkx's own functions take its graph, which only one thread may use, and visit it relation by relation.
"""

from collections.abc import Callable, Sequence
from hashlib import blake2b
from heapq import nsmallest
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from graph.analytics.wiring import Numbers, Wires
from graph.vocabulary import CentralityMeasure

Scores = NDArray[np.float64]

DAMPING, TOLERANCE, MOST_ROUNDS = 0.85, 1e-10, 500
SEED = b"fieldgraph"
DIGITS = 9
"""Digits of a score that tell: what differs in later ones, differs by rounding errors alone."""


class Scored(NamedTuple):
    """The scores of all entities, and whether they are estimates."""

    scores: Scores
    is_estimate: bool


def scored(wires: Wires, measure: CentralityMeasure, pivots: int) -> Scored:
    """All entities by a measure; BETWEENNESS from at most so many pivots."""
    if measure is not CentralityMeasure.BETWEENNESS:
        return Scored(rounded(MEASURES[measure](wires)), False)
    chosen = pivots_of(wires.ids, pivots)
    return Scored(rounded(betweenness(wires, chosen)), len(chosen) < wires.size)


def pagerank(wires: Wires) -> Scores:
    """Brin and Page's: where one comes who follows relations from subject to object, or now and then jumps anywhere."""
    size = wires.size
    leaving = np.bincount(wires.subjects, minlength=size)
    share = np.divide(1.0, leaving, out=np.zeros(size), where=leaving > 0)
    rank = np.full(size, 1 / max(size, 1))
    for _ in range(MOST_ROUNDS):
        flow = np.bincount(wires.objects, weights=(rank * share)[wires.subjects], minlength=size)
        lost = rank[leaving == 0].sum()
        before, rank = rank, DAMPING * (flow + lost / max(size, 1)) + (1 - DAMPING) / max(size, 1)
        if np.abs(rank - before).sum() < TOLERANCE:
            break
    return rank


def degree(wires: Wires) -> Scores:
    """The share of all other entities that are neighbors."""
    one, _ = wires.either_way()
    return np.bincount(one, minlength=wires.size) / max(wires.size - 1, 1)


MEASURES: dict[CentralityMeasure, Callable[[Wires], Scores]] = {
    CentralityMeasure.PAGERANK: pagerank,
    CentralityMeasure.DEGREE: degree,
}


def pivots_of(ids: Sequence[str], number: int) -> list[int]:
    """The entities from which betweenness is estimated: always the same ones of the same entities, and mostly the same
    after a change, as each is drawn by a seeded hash of its id."""

    def drawn(place: int) -> tuple[bytes, str]:
        return blake2b(ids[place].encode(), digest_size=8, key=SEED).digest(), ids[place]

    return nsmallest(number, range(len(ids)), key=drawn)


def betweenness(wires: Wires, pivots: Sequence[int]) -> Scores:
    """The share of the shortest paths between all others that pass through each entity (Brandes, 2001), as those from
    the pivots tell it."""
    size = wires.size
    total = np.zeros(size)
    if size < 3:
        return total
    one, neighbors = wires.either_way()
    starts = np.concatenate([[0], np.cumsum(np.bincount(one, minlength=size))])
    for pivot in pivots:
        total += dependencies(starts, neighbors, pivot)
    return total * (size / len(pivots)) / ((size - 1) * (size - 2))


def dependencies(starts: Numbers, neighbors: Numbers, pivot: int) -> Scores:
    """How much of the shortest paths from the pivot to each other entity passes through each. The neighbors of entity n
    stand from `starts[n]` on."""
    size = len(starts) - 1
    depth, ways = np.full(size, -1), np.zeros(size)
    depth[pivot], ways[pivot] = 0, 1
    frontier, levels = np.array([pivot]), list[tuple[Numbers, Numbers]]()
    while len(frontier):
        heads, tails = _leaving(starts, neighbors, frontier)
        is_new = depth[tails] < 0
        heads, tails = heads[is_new], tails[is_new]
        ways += np.bincount(tails, weights=ways[heads], minlength=size)
        depth[tails] = len(levels) + 1
        frontier = np.flatnonzero(depth == len(levels) + 1)
        levels.append((heads, tails))
    through = np.zeros(size)
    for heads, tails in reversed(levels):
        part = ways[heads] / ways[tails] * (1 + through[tails])
        through += np.bincount(heads, weights=part, minlength=size)
    through[pivot] = 0
    return through


def _leaving(starts: Numbers, neighbors: Numbers, frontier: Numbers) -> tuple[Numbers, Numbers]:
    """All pairs of an entity of the frontier and a neighbor."""
    first, counts = starts[frontier], starts[frontier + 1] - starts[frontier]
    places = np.repeat(first - (np.cumsum(counts) - counts), counts) + np.arange(counts.sum())
    return np.repeat(frontier, counts), neighbors[places]


def rounded(scores: Scores) -> Scores:
    """The scores with the digits that tell."""
    digits = np.zeros(len(scores))
    np.log10(scores, out=digits, where=scores > 0)
    scale = 10.0 ** (DIGITS - 1 - np.floor(digits))
    found: Scores = np.round(scores * scale) / scale
    return found
