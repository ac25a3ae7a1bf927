"""Searching and resolving: names as they are typed, letter by letter; whole names; misspelt ones; codes."""

import time
from collections.abc import Callable, Sequence
from random import Random

from graph.engine import settle
from graph.graph import Graph
from graph.plan import Page, Resolve, Search
from tests.bench.lab import Lab
from tests.bench.report import Goal, figure, p, table

NAMES = 300
TYPED = 60
MOST_SEARCH_MS, MOST_RESOLVE_MS = 10, 2


def measure(lab: Lab, graph: Graph) -> tuple[str, list[Goal]]:
    lab.tell("making the search index")
    start = time.perf_counter()
    while graph.engine.prepare(100):
        pass
    made_s = time.perf_counter() - start

    def found(text: str) -> None:
        hits = settle(graph.engine.search(Search(text), Page(first=10)))
        for place in range(len(hits.entities)):
            hits.highlights(place)

    def counted(text: str) -> None:
        found(text)
        settle(graph.engine.count_found(Search(text)))

    def meant(text: str) -> None:
        settle(graph.engine.resolve(Resolve(text)))

    lab.tell("searching and resolving")
    names, codes = drawn(graph, Random(1))
    typed = [name[:end] for name in names[:TYPED] for end in range(1, len(name) + 1)]
    misspelt = [typo(name) for name in names]
    asked: list[tuple[str, Callable[[str], None], Sequence[str]]] = [
        ("search as you type: 10 hits with highlights", found, typed),
        ("the same, with facets by kind", counted, typed),
        ("search, a misspelt name", found, misspelt),
        ("resolve, a name or a code", meant, [*names, *codes]),
        ("resolve, a misspelt name", meant, misspelt),
    ]
    found("mispselt")  # brings the words in order, which is done once
    times = {name: taken(question, texts) for name, question, texts in asked}
    goals = [
        Goal("search as you type, 95 of 100", p(times[asked[0][0]], 95), MOST_SEARCH_MS, at_most=True, unit=" ms"),
        Goal("resolve, 95 of 100", p(times[asked[3][0]], 95), MOST_RESOLVE_MS, at_most=True, unit=" ms"),
    ]
    rows = [[name, *map(figure, (p(each, 50), p(each, 95), max(each)))] for name, each in times.items()]
    text = f"""
The search index took {figure(made_s)} s to make, in stretches between which requests are answered. Milliseconds:

{table(["", "median", "95 %", "most"], rows)}
"""
    return text, goals


def drawn(graph: Graph, chance: Random) -> tuple[list[str], list[str]]:
    """Names and codes of entities of all kinds, drawn at random."""
    entities = list(graph.engine.entities())
    some = chance.sample(entities, NAMES)
    names = [chance.choice([entity.name, *entity.aliases, *entity.labels.values()]) for entity in some]
    codes = [code.code for entity in entities for code in entity.identifiers]
    return names, chance.sample(codes, min(NAMES, len(codes)))


def typo(name: str) -> str:
    """The name with two letters of its longest word exchanged."""
    word = max(name.split(), key=len)
    middle = len(word) // 2
    return name.replace(word, word[: middle - 1] + word[middle] + word[middle - 1] + word[middle + 1 :], 1)


def taken(question: Callable[[str], None], texts: Sequence[str]) -> list[float]:
    """Milliseconds that each question took."""
    times = []
    for text in texts:
        start = time.perf_counter()
        question(text)
        times.append(1_000 * (time.perf_counter() - start))
    return times
