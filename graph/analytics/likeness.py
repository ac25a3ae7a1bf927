"""What is like an entity: of its kind, and with neighbors that are also its own (Adamic and Adar, 2003)."""

from heapq import nsmallest
from math import log

from graph.analytics.neighbors import Surroundings
from graph.analytics.pace import Walk
from graph.questions import Likeness, Likenesses, Similar, Truncation


def likenesses(around: Surroundings, asked: Similar) -> Walk[Likenesses | None]:
    """The entities that are like it; None where there is no such entity."""
    if not around.holds(asked.start):
        return None
    near, peers = around.neighbors(), around.ids[around.entity(asked.start).kind]
    own = []
    truncated = None
    for id in near.of(asked.start):
        if (yield):
            truncated = Truncation("time", asked.ms)
            break
        own.append((near.degree(id), id))
    # The rarest first: they tell most if time runs out, and what has the same weights gets just the same sum of them.
    own.sort()
    scores: dict[str, float] = {}
    for degree, id in own:
        if (yield):
            truncated = Truncation("time", asked.ms)
            break
        if degree > 1:  # else it is shared with nobody
            weight = 1 / log(degree)
            for peer in near.among(id, peers):
                scores[peer] = scores.get(peer, 0.0) + weight
    scores.pop(asked.start, None)
    if truncated is None and len(scores) > asked.first:
        truncated = Truncation("first", asked.first)
    rarity = {id: place for place, (_, id) in enumerate(own)}
    items = []
    for peer in nsmallest(asked.first, scores, key=lambda peer: (-scores[peer], peer)):
        shared = nsmallest(asked.most_shared, near.among(peer, rarity.keys()) - {peer}, key=rarity.__getitem__)
        items.append(Likeness(around.entity(peer), scores[peer], [around.entity(id) for id in shared]))
    return Likenesses(items, truncated)
