"""Specifies graph/past.py and graph/holding.py: every version is answered as it was, whatever came later."""

import asyncio
import gc
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from threading import Event
from typing import Any

import pytest
from hypothesis import given, note

from graph import resident
from graph.engine import settle
from graph.errors import InvalidInput, NotFound, StoreError
from graph.graph import Graph
from graph.journal.memory import MemoryJournal
from graph.journal.sqlite import SQLiteJournal
from graph.parse import write
from graph.plan import WHOLE, Search
from graph.resident import Resident
from graph.search.index import SearchIndex
from graph.vocabulary import Direction
from tests.api.stage import permits
from tests.conftest import graph_of
from tests.graph.conftest import canonical
from tests.graph.test_adjacency import indexed, remembered
from tests.oracle import Line, applied
from tests.worlds import COMMIT, WORLD, Choices, choices, commit, examples, world

TABLES = ["rowid, name, names, codes, texts, places FROM found", "* FROM entities", "* FROM meanings"]


@pytest.fixture(scope="module", autouse=True)
def _quick_collections() -> Iterator[None]:
    """What was there before is not looked through again and again."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


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


def some_commit(chance: Random) -> list[Line]:
    """Changes to one of a few projects, the places that they are in, or what is stated of both."""
    project, place = f"project:{chance.choice('abcde')}", f"place:{chance.choice('xyz')}"
    related = {"relation": "LOCATED_IN", "subject": project, "object": place}
    return chance.choice(
        [
            [{"id": project, "kind": "PROJECT", "name": f"{chance.random()}"}],
            [{"id": place, "kind": "PLACE", "type": "TOWN", "name": f"{chance.random()}"}],
            [related],
            [related | {"percentage": chance.randrange(100)}],
            [{"unrelate": related}],
            [{"remove": chance.choice([project, place])}],
        ]
    )


@pytest.mark.parametrize("seed", range(8))
def test_views_stay_as_they_are_whichever_others_go(seed: int) -> None:
    chance = Random(seed)
    graph = Graph(MemoryJournal(), past_views=1)
    # So much at first that views are made of newer ones, of which many go soon.
    graph.apply([write({"id": f"project:{number}", "kind": "PROJECT", "name": "P"}) for number in range(60)])
    held: dict[int, Resident] = {}

    def drop(version: int) -> None:
        anew = Resident()
        anew.apply(graph._journal.replay(0, version))
        ids = [entity.id for entity in anew.entities()]
        engine = held.pop(version)
        assert (exported(engine), indexed(engine, ids)) == (exported(anew), indexed(anew, ids))

    for _ in range(200):
        if chance.random() < 0.6:
            permits(graph, some_commit(chance))
        else:
            version = chance.randint(1, graph.version)
            held[version] = graph.as_of(version).engine  # type: ignore[assignment]
            if len(held) > 2:
                drop(chance.choice(list(held)))
                gc.collect()
    held[graph.version] = graph.engine
    for version in list(held):
        drop(version)


def test_a_view_made_of_one_that_has_gone_is_not_told_what_comes_later(graph: Graph) -> None:
    between = graph.engine.copy()
    view = between.copy()
    del between
    gc.collect()
    graph.apply([write({"id": "project:x", "kind": "PROJECT", "name": "six"})])
    shown = [engine.entity("project:x") for engine in (view, graph.engine)]
    assert [entity and entity.name for entity in shown] == ["five", "six"]


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


def test_all_views_together_remember_a_fourth_of_what_the_live_graph_does() -> None:
    graph = Graph(MemoryJournal(), budget=8_000, past_views=4)
    for name in "abc":
        graph.apply([write({"id": "project:x", "kind": "PROJECT", "name": name})])
    views = [graph.engine, *(graph.as_of(version).engine for version in (3, 2, 1, 0))]
    assert [engine.adjacency._budget for engine in views] == [8_000, *[500] * 4]  # type: ignore[attr-defined]


def test_views_asked_for_at_once_are_made_one_after_the_other(graph: Graph) -> None:
    async def ask() -> list[int]:
        views = await asyncio.gather(*(graph.engine.as_of(version % 9) for version in range(30)))
        return [view.engine.version for view in views]  # type: ignore[attr-defined]

    assert asyncio.run(ask()) == [version % 9 for version in range(30)]


class Workshop:
    """Views are made when the test allows it."""

    def __init__(self, graph: Graph, patch: pytest.MonkeyPatch) -> None:
        self.may_work, self.begun = Event(), list[int]()
        undone, copy = graph._past._undone, graph.engine.copy

        def wait(view: Resident, version: int) -> Resident:
            assert self.may_work.wait(10)
            return undone(view, version)

        def counted(budget: int | None = None) -> Resident:
            self.begun.append(graph.version)
            return copy(budget)

        patch.setattr(graph._past, "_undone", wait)
        patch.setattr(graph.engine, "copy", counted)


@pytest.fixture
def workshop(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    return Workshop(graph, monkeypatch)


def test_who_asks_and_goes_leaves_one_view_to_be_made_and_it_is_kept(graph: Graph, workshop: Workshop) -> None:
    async def story() -> None:
        for version in (6, 5, 4, 7, 8):
            asking = asyncio.create_task(graph.engine.as_of(version))  # type: ignore[arg-type]
            await asyncio.sleep(0.01)
            asking.cancel()
        assert len(workshop.begun) == 1
        workshop.may_work.set()
        assert (await graph.engine.as_of(6)).version == 6
        assert len(workshop.begun) == 1

    asyncio.run(story())


def test_those_who_ask_for_one_version_at_once_share_its_making(graph: Graph, workshop: Workshop) -> None:
    async def story() -> None:
        asking = [asyncio.ensure_future(graph.engine.as_of(6)) for _ in range(10)]
        await asyncio.sleep(0.01)
        asking[0].cancel()
        workshop.may_work.set()
        assert len({id(view.engine) for view in await asyncio.gather(*asking[1:])}) == 1
        assert len(workshop.begun) == 1

    asyncio.run(story())


def test_a_view_that_a_loop_left_in_the_making_is_there_without_one(graph: Graph, workshop: Workshop) -> None:
    async def leave() -> None:
        asking = asyncio.ensure_future(graph.engine.as_of(6))
        await asyncio.sleep(0.01)
        asking.cancel()

    asyncio.run(leave())
    workshop.may_work.set()
    assert (graph.as_of(6).version, graph.as_of(5).version) == (6, 5)
    graph.close()


def test_a_view_that_cannot_be_made_is_an_error_for_who_asked_for_it_alone(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    undone = graph._past._undone

    def damaged(view: Resident, version: int) -> Resident:
        if version == 6:
            raise StoreError("broken")
        return undone(view, version)

    async def story() -> None:
        views = await asyncio.gather(*map(graph.engine.as_of, (6, 7, 6)), return_exceptions=True)
        assert [getattr(view, "version", str(view)) for view in views] == ["broken", 7, "broken"]

    monkeypatch.setattr(graph._past, "_undone", damaged)
    asyncio.run(story())


def test_views_are_read_over_one_connection_and_closing_waits_for_it(tmp_path: Path) -> None:
    graph = Graph.open(tmp_path)
    for name in "one", "two", "three", "four":
        graph.apply([write({"id": "project:x", "kind": "PROJECT", "name": name})])

    async def story() -> None:
        for version in 3, 2, 1, 0:
            await graph.engine.as_of(version)
        asking = asyncio.ensure_future(graph.engine.as_of(3))
        await asyncio.sleep(0)
        asking.cancel()

    graph._past._most = 1
    asyncio.run(story())
    assert isinstance(graph._journal, SQLiteJournal)
    assert len(graph._journal._readers) == 2
    graph.close()
    assert graph._past._making is not None
    assert graph._past._making.view.exception() is None


def places(names: Sequence[str]) -> list[Line]:
    """A place in another, and so on; a project is in the last one."""
    shared = {"kind": "PLACE", "type": "TOWN"}
    lines: list[Line] = [{"id": f"place:{number}", "name": name, **shared} for number, name in enumerate(names)]
    lines += [
        {"relation": "PART_OF", "subject": f"place:{number}", "object": f"place:{number - 1}"}
        for number in range(1, len(names))
    ]
    located = {"relation": "LOCATED_IN", "subject": "project:x", "object": f"place:{len(names) - 1}"}
    return [*lines, {"id": "project:x", "kind": "PROJECT", "name": "X"}, located]


def test_first_searches_at_once_share_one_index_whatever_is_committed_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(resident, "CHANGES_IN_TURN", 1)
    then = [*places("abcdef"), *({"id": f"project:{number}", "kind": "PROJECT", "name": "X"} for number in range(99))]
    graph = graph_of(then)
    begun: list[SearchIndex] = []
    begin_as = SearchIndex.begin_as

    def counted(index: SearchIndex, origin: SearchIndex) -> None:
        begun.append(index)
        begin_as(index, origin)

    monkeypatch.setattr(SearchIndex, "begin_as", counted)
    chance = Random(1)

    def change() -> None:
        """Renames a place, and moves the last one, with all that is in it."""
        number, inside = chance.randrange(6), next(iter(graph.engine.relations_of("place:5", Direction.OUT))).object
        name = {"id": f"place:{number}", "kind": "PLACE", "type": "TOWN", "name": f"n{chance.random()}"}
        moved = {"relation": "PART_OF", "subject": "place:5"}
        others = [f"place:{number}" for number in range(5) if f"place:{number}" != inside]
        to = {**moved, "object": chance.choice(others)}
        assert permits(graph, [name, {"unrelate": {**moved, "object": inside}}, to])

    async def story() -> Resident:
        for _ in range(30):
            change()
        view = (await graph.engine.as_of(1)).engine
        searches = [asyncio.ensure_future(view.search(Search(name), WHOLE)) for name in "abcdef"]
        turns = 0
        while not all(search.done() for search in searches):
            change()
            turns += 1
            await asyncio.sleep(0)
        assert turns > 10
        anew = graph_of(then).engine
        for name, search in zip("abcdef", searches, strict=True):
            assert search.result().entities == settle(anew.search(Search(name), WHOLE)).entities != []
        return view  # type: ignore[return-value]

    view = asyncio.run(story())
    assert begun == [view.words]
    assert words(view) == words(graph_of(then).engine)
