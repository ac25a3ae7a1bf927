"""Graph questions are answered as networkx answers them, in a fixed order, whatever the world; what is cut is told.

The oracle is networkx's own algorithms on the plain graph in which two entities are neighbors however many relations
they have, either way.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, note

from graph.analytics.centrality import betweenness, degree, pagerank, pivots_of, scored
from graph.analytics.wiring import Wiring
from graph.engine import settle
from graph.graph import Graph
from graph.model import Relation
from graph.questions import Central, Neighborhood, Paths, Similar, Truncation
from graph.vocabulary import CentralityMeasure, Kind, RelationKind
from tests.api.stage import permits
from tests.conftest import graph_of
from tests.oracle import applied
from tests.worlds import COMMIT, WORLD, Choices, choices, commit, examples, world

PLENTY = 10**6
LONG_MS = 60_000


def drawn_world(choose: Choices) -> Graph:
    return graph_of(world(choose.part(WORLD), links=6))


def plain(graph: Graph, kinds: Sequence[RelationKind] | None = None) -> Any:
    """The graph as walks see it, as networkx's own."""
    found = nx.Graph()
    found.add_nodes_from(entity.id for entity in graph.engine.entities())
    for relation in graph.engine.all_relations():
        if (kinds is None or relation.kind in kinds) and relation.subject != relation.object:
            found.add_edge(relation.subject, relation.object)
    return found


def kind_of(graph: Graph, id: str) -> Kind:
    entity = graph.engine.entity(id)
    assert entity is not None
    return entity.kind


def between(graph: Graph, ids: Sequence[str], kinds: Sequence[RelationKind] | None) -> list[Relation]:
    """The relations among some entities, in canonical order."""
    found = [
        relation
        for relation in graph.engine.all_relations()
        if relation.subject in ids and relation.object in ids and (kinds is None or relation.kind in kinds)
    ]
    return sorted(found, key=lambda relation: relation.name.sort_key)


def some(choose: Choices, terms: Any) -> Any:
    """Some terms, all of them, or no list."""
    several = tuple(dict.fromkeys(choose.one([*terms]) for _ in range(choose.one([3, 5, 8]))))
    return choose.one([None, None, several, several, ()])


# Neighborhoods


@examples(300)
@given(choose=choices(WORLD + 60))
def test_a_neighborhood_is_what_networkx_finds_within_so_many_hops(choose: Choices) -> None:
    graph = drawn_world(choose)
    ids = [entity.id for entity in graph.engine.entities()]
    for start in ids[:6]:
        hops, limit, most = choose.one([1, 2, 3, 4]), choose.one([1, 2, 5, 100]), choose.one([1, 3, PLENTY, PLENTY])
        relations, kinds = some(choose, RelationKind), some(choose, Kind)
        asked = Neighborhood(start, hops, limit, relations, kinds, most, LONG_MS)
        note(f"{asked}")
        walked = plain(graph, relations).subgraph(
            [id for id in ids if id == start or kinds is None or kind_of(graph, id) in kinds]
        )
        distances = nx.single_source_shortest_path_length(walked, start, cutoff=hops)
        assert set(distances) == set(nx.ego_graph(walked, start, radius=hops))
        order = sorted(distances, key=lambda id: (distances[id], kind_of(graph, id).rank, id))
        shown = order[: limit + 1]
        held = between(graph, shown, relations)

        found = settle(graph.engine.neighborhood(asked))
        assert found is not None
        assert [(near.entity.id, near.distance) for near in found.entities] == [(id, distances[id]) for id in shown]
        assert found.relations == held[:most]
        cut = Truncation("limit", limit) if len(order) > limit + 1 else None
        assert found.truncated == cut or (Truncation("relations", most) if len(held) > most else None)
        assert (found.truncated is not None) == (len(order) > limit + 1 or len(held) > most)


# Paths


@examples(300)
@given(choose=choices(WORLD + 80))
def test_paths_are_those_of_networkx_shortest_first(choose: Choices) -> None:
    graph = drawn_world(choose)
    ids = [entity.id for entity in graph.engine.entities()]
    for _ in range(6 if ids else 0):
        start, end = choose.one(ids), choose.one(ids)
        most_hops, first = choose.one([1, 2, 3, 4, 4]), choose.one([1, 2, 3, 20, PLENTY])
        relations, avoid = some(choose, RelationKind), some(choose, Kind) or ()
        asked = Paths(start, end, most_hops, relations, avoid, first, LONG_MS)
        note(f"{asked}")
        walked = plain(graph, relations).subgraph(
            [id for id in ids if id in (start, end) or kind_of(graph, id) not in avoid]
        )
        paths = [tuple(path) for path in nx.all_simple_paths(walked, start, end, cutoff=most_hops)]
        paths.sort(key=lambda path: (len(path), path))

        found = settle(graph.engine.paths(asked))
        assert found is not None
        assert [(start, *(hop.to.id for hop in trail.hops)) for trail in found.paths] == paths[:first]
        assert found.truncated == (Truncation("first", first) if len(paths) > first else None)
        for trail, path in zip(found.paths, paths, strict=False):
            assert trail.length == len(path) - 1
            for hop, (one, other) in zip(trail.hops, pairwise(path), strict=True):
                assert (hop.from_.id, hop.to.id) == (one, other)
                held = between(graph, (one, other), relations)
                assert hop.relation == next(relation for relation in held if relation.subject != relation.object)
                assert hop.forward == (hop.relation.subject == one)


# What is alike


@examples(200)
@given(choose=choices(WORLD + 30))
def test_likeness_is_adamic_and_adars_index(choose: Choices) -> None:
    graph = drawn_world(choose)
    walked = plain(graph)
    for start in list(walked)[:8]:
        first, most_shared = choose.one([1, 2, 5, PLENTY]), choose.one([1, 2, 5])
        peers = [id for id in walked if id != start and kind_of(graph, id) is kind_of(graph, start)]
        pairs = [(start, peer) for peer in peers if next(iter(nx.common_neighbors(walked, start, peer)), None)]
        scores = {peer: score for _, peer, score in nx.adamic_adar_index(walked, pairs)}

        found = settle(graph.engine.similar(Similar(start, first, most_shared, LONG_MS)))
        assert found is not None
        shown = {item.entity.id: item.score for item in found.items}
        assert shown == pytest.approx({id: scores[id] for id in shown})
        assert len(shown) == min(first, len(scores))
        assert list(shown) == sorted(shown, key=lambda id: (-shown[id], id))
        assert min(shown.values(), default=0) >= max([scores[id] for id in scores if id not in shown], default=0) - 1e-9
        assert found.truncated == (Truncation("first", first) if len(scores) > first else None)
        for item in found.items:
            common = sorted(nx.common_neighbors(walked, start, item.entity.id), key=lambda id: (walked.degree(id), id))
            assert [entity.id for entity in item.shared] == common[:most_shared]


def test_what_shares_alike_has_just_the_same_score_and_stands_by_id() -> None:
    """However sums come about: floating-point numbers added in another order give another sum."""
    lines: list[dict[str, Any]] = [
        {"id": f"source:{name}", "kind": "SOURCE", "name": name, "type": "REPORT"} for name in "abcdefghij"
    ]
    for number in range(20):
        lines.append({"id": f"project:{number:02}", "kind": "PROJECT", "name": "x"})
        order = "abcdefghij"[number % 10 :] + "abcdefghij"[: number % 10]
        lines += [{"relation": "CITES", "subject": f"project:{number:02}", "object": f"source:{to}"} for to in order]
    lines += [{"id": f"event:{number}", "kind": "EVENT", "name": "x", "type": "FLOOD"} for number in range(10)]
    lines += [
        {"relation": "CITES", "subject": f"event:{number}", "object": f"source:{to}"}
        for most, to in enumerate("abcdefghij")
        for number in range(most)
    ]
    found = settle(graph_of(lines).engine.similar(Similar("project:05", 19, 5, LONG_MS)))
    assert found is not None
    assert len({item.score for item in found.items}) == 1
    assert [item.entity.id for item in found.items] == [f"project:{number:02}" for number in range(20) if number != 5]


# What is central


def wires_of(graph: Graph) -> Any:
    return graph.engine.wiring.snapshot().wired()


@examples(150)
@given(choose=choices(WORLD))
def test_centrality_is_what_networkx_computes(choose: Choices) -> None:
    graph = drawn_world(choose)
    wires, walked = wires_of(graph), plain(graph)
    directed = nx.DiGraph()
    directed.add_nodes_from(wires.ids)
    directed.add_edges_from((relation.subject, relation.object) for relation in graph.engine.all_relations())
    expected = nx.pagerank(directed, tol=1e-12, max_iter=1_000) if directed else {}
    assert dict(zip(wires.ids, pagerank(wires), strict=True)) == pytest.approx(expected, rel=1e-6)
    # networkx says that the only one there is has all of them for neighbors.
    expected = nx.degree_centrality(walked) if len(walked) > 1 else dict.fromkeys(walked, 0)
    assert dict(zip(wires.ids, degree(wires), strict=True)) == pytest.approx(expected)
    exact = betweenness(wires, range(wires.size))
    assert dict(zip(wires.ids, exact, strict=True)) == pytest.approx(nx.betweenness_centrality(walked))


@examples(60)
@given(choose=choices(WORLD))
def test_betweenness_is_estimated_from_the_paths_of_the_sample(choose: Choices) -> None:
    graph = drawn_world(choose)
    wires, walked = wires_of(graph), plain(graph)
    pivots = pivots_of(wires.ids, 5)
    if wires.size < 6:
        return
    told = nx.betweenness_centrality_subset(walked, [wires.ids[place] for place in pivots], list(walked))
    scale = 2 * wires.size / 5 / ((wires.size - 1) * (wires.size - 2))  # it counts each path half
    expected = {id: scale * score for id, score in told.items()}
    assert dict(zip(wires.ids, betweenness(wires, pivots), strict=True)) == pytest.approx(expected)


def test_the_sample_is_the_same_however_entities_are_numbered() -> None:
    ids = [f"project:{number}" for number in range(500)]
    chosen = {ids[place] for place in pivots_of(ids, 20)}
    assert {ids[::-1][place] for place in pivots_of(ids[::-1], 20)} == chosen
    others = [id for id in ids if id not in chosen][:100]
    assert {others[place] for place in pivots_of(others, 20)}.isdisjoint(chosen)
    assert len(chosen & set(ids[:250])) > 3  # drawn from all over


@examples(100)
@given(choose=choices(WORLD + 20))
def test_the_first_of_some_kinds_are_ranked_by_score_kind_and_id(choose: Choices) -> None:
    graph = drawn_world(choose)
    wires = wires_of(graph)
    for measure in CentralityMeasure:
        kinds, first, most = some(choose, Kind), choose.one([1, 2, 5, 50]), choose.one([50, 100])
        scores, is_estimate = scored(wires, measure, 4)
        order = sorted(
            (-score, kind_of(graph, id).rank, id)
            for id, score in zip(wires.ids, scores, strict=True)
            if kinds is None or kind_of(graph, id) in kinds
        )
        found = settle(graph.engine.central(Central(measure, kinds, first, most, 4, LONG_MS)))
        assert [(-item.score, item.entity.kind.rank, item.entity.id) for item in found.items] == order[:first]
        assert found.truncated == (Truncation("first", first) if len(order) > first else None)
        assert found.version == graph.version
        assert found.is_estimate == is_estimate == (measure == "BETWEENNESS" and wires.size > 4)


# Unknown entities, and what is kept up


def test_there_is_nothing_to_tell_of_an_unknown_entity(small: Graph) -> None:
    engine, nobody, mali = small.engine, "country:nowhere", "country:ML"
    assert settle(engine.neighborhood(Neighborhood(nobody, 1, 10, None, None, 10, LONG_MS))) is None
    assert settle(engine.paths(Paths(nobody, mali, 4, None, (), 3, LONG_MS))) is None
    assert settle(engine.paths(Paths(mali, nobody, 4, None, (), 3, LONG_MS))) is None
    assert settle(engine.similar(Similar(nobody, 3, 5, LONG_MS))) is None


@examples(60)
@given(choose=choices(WORLD + 8 * COMMIT))
def test_after_every_commit_arrays_and_ids_are_those_of_the_graph(choose: Choices) -> None:
    lines = world(choose.part(WORLD))
    graph = graph_of(lines)
    graph.engine.wiring.SLACK = choose.one([0, 3, PLENTY])  # type: ignore[misc]
    for _ in range(8):
        changes = commit(choose.part(COMMIT), lines)
        if permits(graph, changes):
            lines = applied(lines, changes)
        wires = wires_of(graph)
        held = {entity.id: entity.kind for entity in graph.engine.entities()}
        assert dict(zip(wires.ids, [list(Kind)[rank] for rank in wires.kinds], strict=True)) == held
        ends = zip(wires.subjects, wires.objects, strict=True)
        expected = {(relation.subject, relation.object) for relation in graph.engine.all_relations()}
        assert sorted((wires.ids[one], wires.ids[other]) for one, other in ends) == sorted(expected)
        ids = {kind: {id for id, own in held.items() if own is kind} for kind in Kind}
        assert graph.engine.around.ids == ids


def test_a_snapshot_stays_as_it_was() -> None:
    wiring = Wiring()
    for id in ("a", "b"):
        wiring.add(id, Kind.PLACE)
    wiring.relate("a", "b")
    snapshot = wiring.snapshot()
    wiring.relate("a", "b", -1)
    wiring.remove("b")
    assert snapshot.wired().ids == ["a", "b"]
    assert np.array_equal(snapshot.wired().objects, [1])
    assert wiring.snapshot().wired().ids == ["a"]
