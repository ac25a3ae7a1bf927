"""Specifies graph/past.py and graph/holding.py: every version is answered as it was, whatever came later."""

import asyncio
import gc
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, note

from graph.engine import settle
from graph.errors import InvalidInput, NotFound
from graph.graph import Graph
from graph.parse import write
from graph.plan import WHOLE, Search
from graph.resident import Resident
from tests.api.stage import permits
from tests.conftest import graph_of
from tests.graph.conftest import canonical
from tests.graph.test_adjacency import indexed, remembered
from tests.oracle import Line, applied
from tests.worlds import COMMIT, WORLD, Choices, choices, commit, examples, world

TABLES = ["rowid, name, names, codes, texts, places FROM found", "* FROM entities", "* FROM meanings"]


def exported(engine: Resident) -> list[bytes]:
    return list(canonical(engine.entities(), engine.all_relations()))


def words(engine: Resident) -> list[Any]:
    """All that its index of words holds."""
    settle(engine.search(Search("a"), WHOLE))
    return [sorted(engine.words.rows(f"SELECT {table}")) for table in TABLES]


def known(engine: Resident, ids: Sequence[str]) -> list[Any]:
    """All that an engine holds and remembers."""
    wires = engine.wiring.snapshot().wired()
    pairs = sorted((wires.ids[one], wires.ids[other]) for one, other in zip(wires.subjects, wires.objects, strict=True))
    return [exported(engine), indexed(engine, ids), remembered(engine, ids), words(engine), pairs]


@examples(15)
@given(choose=choices(WORLD + 6 * (COMMIT + 2) + 12))
def test_every_version_is_what_the_first_commits_came_to_and_stays_so(choose: Choices) -> None:
    lines = world(choose.part(WORLD))
    graph = graph_of(lines)
    was: list[list[Line]] = [[], lines]
    ids = list(dict.fromkeys(line["id"] for line in lines if "id" in line))
    seen: list[tuple[int, Resident]] = []
    if choose.one([True, False]):
        graph.engine.prepare(100)
    for _ in range(6):
        changes = commit(choose.part(COMMIT), was[-1], size=6)
        if permits(graph, changes) and graph.version == len(was):
            note(f"version {graph.version}: {changes}")
            was.append(applied(was[-1], changes))
            ids = list(dict.fromkeys([*ids, *(line["id"] for line in was[-1] if "id" in line)]))
        version = choose.one(range(len(was)))
        view = graph.as_of(version)
        assert (view.version, view.engine.version) == (version, version)  # type: ignore[attr-defined]
        seen.append((version, view.engine))  # type: ignore[arg-type]
    for version, engine in seen:
        anew = Graph.in_memory()
        if was[version]:
            anew = graph_of(was[version])
        assert known(engine, ids) == known(anew.engine, ids)
    assert known(graph.engine, ids) == known(graph_of(was[-1]).engine, ids)


@pytest.fixture
def graph() -> Graph:
    """A project that was renamed four times, moved, removed and made again."""
    place = {"kind": "PLACE", "type": "TOWN"}
    graph = graph_of([{"id": "place:a", "name": "A", **place}, {"id": "place:b", "name": "B", **place}])
    project = {"id": "project:x", "kind": "PROJECT"}
    for name in "one", "two", "three", "four":
        graph.apply([write({**project, "name": name})])
    graph.apply([write({"relation": "LOCATED_IN", "subject": "project:x", "object": "place:a"})])
    graph.apply([write({"remove": "project:x"})])
    graph.apply([write({**project, "name": "five"})])
    return graph


def names(graph: Graph) -> list[str | None]:
    """What the project was called, version by version."""
    found = [settle(graph.as_of(version).engine.lookup(["project:x"]))[0] for version in range(graph.version + 1)]
    return [None if entity is None else entity.name for entity in found]


def test_an_entity_is_shown_as_it_was(graph: Graph) -> None:
    assert names(graph) == [None, None, "one", "two", "three", "four", "four", None, "five"]


def test_a_time_means_the_newest_version_that_was_recorded_by_then(graph: Graph) -> None:
    times = [graph._journal.commit(version).time for version in range(1, graph.version + 1)]
    assert graph.as_of("2000-01-01T00:00:00.000000Z").version == 0
    assert [graph.as_of(time).time for time in times] == times
    assert graph.as_of("9999-01-01T00:00:00.000000Z").version == graph.version


def test_the_history_of_a_view_ends_with_it(graph: Graph) -> None:
    for version in range(graph.version + 1):
        (page,) = settle(graph.as_of(version).engine.history(["project:x"], WHOLE))
        versions = dict.fromkeys(found.change.version for found in page.changes)
        assert list(versions) == list(range(version, 1, -1))


def test_a_version_not_yet_made_and_a_view_of_a_view_are_refused(graph: Graph) -> None:
    with pytest.raises(NotFound, match=r"There is no version 9\. The newest is 8, and the first is 1\."):
        graph.as_of(9)
    with pytest.raises(NotFound):
        graph.as_of(-1)
    with pytest.raises(InvalidInput, match="asOf cannot stand inside asOf"):
        settle(graph.as_of(3).engine.as_of(2))


def test_few_views_are_kept_and_the_live_graph_shares_with_nobody_once_they_are_gone(graph: Graph) -> None:
    assert names(graph) == names(graph)
    assert len(graph._past._views) == 4
    assert graph.engine._holding._own is not None
    graph._past._views.clear()
    gc.collect()
    graph.apply([write({"id": "project:x", "kind": "PROJECT", "name": "six"})])
    assert graph.engine._holding._own is None
    assert names(graph)[-2:] == ["five", "six"]


def test_views_asked_for_at_once_are_made_one_after_the_other(graph: Graph) -> None:
    async def ask() -> list[int]:
        views = await asyncio.gather(*(graph.engine.as_of(version % 9) for version in range(30)))
        return [view.engine.version for view in views]  # type: ignore[attr-defined]

    assert asyncio.run(ask()) == [version % 9 for version in range(30)]
