"""What is like an entity: of its kind, and with neighbors that are also its own (Adamic and Adar, 2003)."""

from collections.abc import Mapping
from heapq import nlargest
from math import log

from graph.analytics.neighbors import Surroundings
from graph.analytics.pace import Walk
from graph.questions import TIME, Likeness, Likenesses, Similar, Truncation


def likenesses(around: Surroundings, asked: Similar) -> Walk[Likenesses | None]:
    """The entities that are like it; None where there is no such entity."""
    if not around.holds(asked.start):
        return None
    near, peers = around.neighbors(), around.ids[around.entity(asked.start).kind]
    own = []
    truncated = None
    for id in near.of(asked.start):
        if (yield):
            truncated = Truncation(TIME, asked.ms)
            break
        own.append((near.degree(id), id))
    # The rarest first: they tell most if time runs out, and what has the same weights gets just the same sum of them.
    own.sort()
    scores: dict[str, float] = {}
    shared: dict[str, list[str]] = {}
    for degree, id in own:
        if (yield):
            truncated = Truncation(TIME, asked.ms)
            break
        if degree < 2:
            continue  # it is shared with nobody
        weight = 1 / log(degree)
        for peer in near.among(id, peers):
            if peer not in scores:
                scores[peer], shared[peer] = weight, [id]
                continue
            scores[peer] += weight
            if len(shared[peer]) < asked.most_shared:
                shared[peer].append(id)
    scores.pop(asked.start, None)
    if truncated is None and len(scores) > asked.first:
        truncated = Truncation("first", asked.first)
    items = [
        Likeness(around.entity(peer), scores[peer], [around.entity(id) for id in shared[peer]])
        for peer in _highest(scores, asked.first)
    ]
    return Likenesses(items, truncated)


def _highest(scores: Mapping[str, float], number: int) -> list[str]:
    """So many with the highest scores, ties by id; found by the scores alone first, which takes a third of the time."""
    least = min(nlargest(number, scores.values()), default=0.0)
    found = sorted((-score, id) for id, score in scores.items() if score >= least)
    return [id for _, id in found[:number]]
