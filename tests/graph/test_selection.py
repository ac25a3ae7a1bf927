"""Specifies graph/selection.py: what is selected can stand by itself, in canonical order."""

import json
import tracemalloc
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph import selection as selecting
from graph.engine import settle
from graph.formats.format import Writer
from graph.formats.lines import read, write_lines
from graph.formats.registry import WRITABLE
from graph.graph import Graph
from graph.selection import Selection, chosen, everything
from graph.vocabulary import Kind, RelationKind
from seed.world import world
from tests.conftest import SMALL_WORLD, graph_of
from tests.graph.conftest import text_of
from tests.worlds import World, examples, worlds


def text(selection: Selection) -> str:
    return b"".join(write_lines(selection)).decode()


@given(worlds())
def test_a_whole_graph_comes_in_canonical_order(lines: World):
    graph = graph_of(lines)
    whole = settle(everything(graph.engine.holding))
    assert text(whole) == text_of(graph)
    assert whole.passed == graph.engine.size


@given(worlds(), st.randoms(use_true_random=False))
@examples(60)
def test_a_part_stands_by_itself_and_holds_all_between_its_ends(lines: World, chance):
    graph = graph_of(lines)
    wanted = [entity for entity in graph.engine.entities() if chance.random() < 0.4]
    selection = settle(chosen(graph.engine.holding, [entity.id for entity in wanted]))
    part = text(selection)
    again = Graph.in_memory()
    again.apply(chain.from_iterable(record.writes for record in read(part.encode().splitlines(keepends=True))))
    assert text_of(again) == part
    ids = {line["id"] for line in map(json.loads, part.splitlines()) if "id" in line}
    assert {entity.id for entity in wanted} <= ids
    whole = [json.loads(row) for row in text_of(graph).splitlines()]
    between = [row for row in whole if "relation" in row and row["subject"] in ids and row["object"] in ids]
    assert [json.loads(row) for row in part.splitlines() if "relation" in row] == between
    for row in between:
        assert set(row.get("sources", [])) <= ids
    cited = {row["object"] for row in whole if row.get("relation") == "CITES" and row["subject"] in ids}
    assert cited <= ids


def test_a_figure_comes_with_what_it_is_about_and_what_it_measures():
    graph = graph_of(SMALL_WORLD)
    (metric, *_) = [entity for entity in graph.engine.entities() if entity.kind is Kind.METRIC]
    selection = settle(chosen(graph.engine.holding, [metric.id]))
    kinds = {entity.kind for entity in selection.entities()}
    assert Kind.INDICATOR in kinds
    assert {relation.kind for relation in selection.relations()} >= {RelationKind.ABOUT, RelationKind.MEASURES}


def test_stretches_are_merged_into_one_order(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(selecting, "IN_TURN", 2)
    graph = graph_of(SMALL_WORLD)
    assert text(settle(everything(graph.engine.holding))) == text_of(graph)


def test_what_is_selected_of_a_copy_stays_as_it_was(small: Graph):
    before = text_of(small)
    selection = settle(everything(small.engine.holding.copy()))
    rows = write_lines(selection)
    first = next(rows)
    entity = next(iter(selection.entities(Kind.PROJECT)))
    small.apply([record for record in read([b'{"remove": "%b"}' % entity.id.encode()]) for record in record.writes])
    assert (first + b"".join(rows)).decode() == before
    assert text_of(small) != before


@pytest.fixture(scope="module")
def large() -> Graph:
    return graph_of(list(world(4_000, 16_000)))


@pytest.mark.parametrize("writer", WRITABLE.values(), ids=lambda writer: writer.name)
def test_nothing_is_gathered_but_ids(large: Graph, writer: Writer):
    tracemalloc.start()
    try:
        size = sum(map(len, writer.write(settle(everything(large.engine.holding)), "http://127.0.0.1:8000")))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 1_000_000
    assert size > 2_000_000 or writer.is_compressed or writer.kinds != tuple(Kind)
