"""Specifies graph/writing.py, graph/pending.py and api/scribe.py: several writers, and nothing of anybody's is lost."""

import asyncio
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from subprocess import PIPE, Popen
from threading import Event
from typing import Any

import msgspec
import pytest
from hypothesis import given, note

from api.errors import Throttled
from api.scribe import Scribe
from graph.draft import Draft, effects
from graph.errors import Conflict, Refused, StoreBusy, StoreError
from graph.graph import Graph
from graph.journal.journal import Authorship, Key
from graph.model import Change, Commit, Line, Patch, Recorded, RelationName, Remove
from graph.parse import write
from graph.pending import Pending
from graph.plan import Page
from graph.resident import Resident
from graph.rules import faults
from graph.vocabulary import Direction, Kind, RelationKind
from graph.writing import Applied, Edit, Outcome, Taken
from tests.api.stage import writes
from tests.conftest import graph_of
from tests.worlds import COMMIT, WORLD, Choices, choices, commit, examples, world

ID = "event:x"
START = {"id": ID, "kind": "EVENT", "name": "X", "type": "FLOOD", "affected": 0}


def patch(id: str = ID, **values: Any) -> Line:
    return Line(Patch(id, Kind.EVENT, {"id": id, **values}))


def affected(graph: Graph) -> int:
    return graph.engine.entity(ID).affected  # type: ignore[union-attr, return-value]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Graph]:
    with closing(Graph.open(tmp_path)) as graph:
        graph.apply([write(START)])
        yield graph


# One after the other, stored together


def test_each_edit_is_a_version_of_its_own_and_sees_those_before_it(store: Graph) -> None:
    edits = [
        Edit([patch(affected=1)], Authorship("ada", "first")),
        Edit([patch("event:y", name="Y")]),  # a type is missing
        Edit([Line(write({"relation": "FOLLOWED", "subject": "event:z", "object": ID}))]),  # not there yet
        Edit([patch("event:z", name="Z", type="FIRE")]),
        Edit([Line(write({"relation": "FOLLOWED", "subject": "event:z", "object": ID}))]),
        Edit([patch(affected=1)]),
        Edit([Line(Remove("event:z"))]),
        Edit([Line(write({"relation": "FOLLOWED", "subject": "event:z", "object": ID}))]),
    ]
    outcomes = store.write(edits)
    versions = [outcome.version if isinstance(outcome, Applied) else type(outcome) for outcome in outcomes]
    assert versions == [2, Refused, Refused, 3, 4, 4, 5, Refused]
    assert outcomes[0].commit == store._journal.commit(2)
    assert outcomes[0].commit[2:] == ("ada", "first")
    assert [len(outcome.changes) for outcome in outcomes if isinstance(outcome, Applied)] == [1, 1, 1, 0, 2]
    with closing(Graph.open(Path(store._journal._path).parent)) as again:
        assert list(again._journal.replay(0, 5)) == list(store._journal.replay(0, 5))
        assert again.engine.relations_of(ID) == []


@examples(60)
@given(choose=choices(WORLD + 4 * COMMIT))
def test_what_is_pending_is_what_the_graph_will_be(choose: Choices) -> None:
    lines = world(choose.part(WORLD))
    graph = graph_of(lines)
    start = graph_of(lines)
    pending = Pending(start.engine, start._journal)
    for _ in range(4):
        asked = [Line(each) for each in writes(commit(choose.part(COMMIT), lines))]
        drafts = [Draft(asked, pending), Draft(asked, graph.engine)]
        told = [sorted(map(str, faults(draft))) for draft in drafts]
        assert told[0] == told[1]
        if told[0]:
            continue
        note(f"{asked}")
        done, expected = (effects(draft) for draft in drafts)
        assert (sorted(done[0], key=str), done[1]) == (sorted(expected[0], key=str), expected[1])
        pending.add(done[0], Commit(graph.version + 1, "2024-01-01T00:00:00Z"))
        graph.apply(asked)
        ids = {line["id"] for line in lines if "id" in line} | {entity.id for entity in graph.engine.entities()}
        for id in ids:
            assert pending.entity(id) == graph.engine.entity(id)
            told, kept = ([each.change for each in each] for each in (pending.since(0, id, 1_000), _history(graph, id)))
            assert [change.version for change in told] == [change.version for change in kept]
            assert _in_any_order(told) == _in_any_order(kept)
            for direction in Direction:
                both = (sorted(map(str, each.relations_of(id, direction))) for each in (pending, graph.engine))
                assert next(both) == next(both)
            assert sorted(map(str, pending.citing({id}))) == sorted(map(str, graph.engine.citing({id})))


def _history(graph: Graph, id: str) -> Sequence[Recorded]:
    return graph._journal.history(id, Page(first=1_000), graph.version).changes


@examples(60)
@given(choose=choices(WORLD + 6 * (COMMIT + 4)))
def test_edits_stored_together_come_to_what_they_come_to_one_by_one(choose: Choices) -> None:
    lines = world(choose.part(WORLD))
    together, one_by_one = graph_of(lines), graph_of(lines)
    edits = []
    for _ in range(6):
        asked = [Line(each) for each in writes(commit(choose.part(COMMIT), lines))]
        key = choose.one([None, None, Key("k", b"1"), Key("k", b"2"), Key("other", b"1")])
        expected = choose.one([None, None, 0, 1, 2, 3, 4])
        dry_run, strict = choose.one([False, False, True]), choose.one([True, False])
        edits.append(Edit(asked, expected=expected, key=key, dry_run=dry_run, strict=strict))
    note(f"{edits}")
    outcomes = together.write(edits)
    assert [_told(outcome) for outcome in outcomes] == [_told(one_by_one.write([edit])[0]) for edit in edits]
    both = (_in_any_order(graph._journal.replay(0, graph.version)) for graph in (together, one_by_one))
    assert next(both) == next(both)


def _in_any_order(changes: Iterable[Change]) -> list[str]:
    """Relations that go with an entity may do so in any order."""
    return sorted(str(msgspec.structs.replace(change, index=0)) for change in changes)


def _told(outcome: Outcome) -> object:
    """All of it but when it was."""
    if isinstance(outcome, Refused):
        return outcome.faults
    assert isinstance(outcome, Applied)
    commit = outcome.commit and outcome.commit._replace(time="")
    return outcome._replace(changes=_in_any_order(outcome.changes), commit=commit)


def test_only_the_first_of_those_who_have_read_the_same_version_wins(store: Graph) -> None:
    edits = [Edit([patch(affected=number)], Authorship(f"reader {number}"), expected=1) for number in (1, 2)]
    first, second = store.write(edits)
    assert isinstance(first, Applied)
    assert isinstance(second, Refused)
    assert [(fault.kind, "version 2 by reader 1" in fault.reason) for fault in second.faults] == [(Conflict, True)]
    assert (store.version, affected(store)) == (2, 1)


def test_a_source_that_is_named_in_a_relation_must_not_have_changed(small: Graph) -> None:
    name = RelationName(RelationKind.LOCATED_IN, "project:koro", "place:koro")
    values = {"relation": "LOCATED_IN", "subject": "project:koro", "object": "place:koro"}

    def relate(**given: Any) -> Outcome:
        line = Line(Patch(name, RelationKind.LOCATED_IN, {**values, **given}))
        return small.write([Edit([line], expected=1)])[0]

    small.write([Edit([Line(Patch("source:report", Kind.SOURCE, {"id": "source:report", "summary": "New"}))])])
    refused = relate(sources=["source:report"])
    assert isinstance(refused, Refused)
    assert [(fault.kind, fault.path) for fault in refused.faults] == [(Conflict, ("sources", "source:report"))]
    assert isinstance(relate(percentage=50.0), Applied)  # the sources that it has stay: they are not named


def test_what_changed_after_an_old_version_is_looked_through_once_and_within_bounds(
    store: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = [{**START, "id": f"event:{number}"} for number in range(500)]
    followed = [{"relation": "FOLLOWED", "subject": ID, "object": event["id"]} for event in events]
    store.apply([write(line) for line in (*events, *followed)])
    for _ in range(2):
        store.write([Edit([patch(affected=store.version)])])
    lines = [Line(write({**line, "sources": []})) for line in followed]
    asked: list[str] = []
    history = type(store._journal).history
    monkeypatch.setattr(type(store._journal), "history", lambda *given: asked.append(given[1]) or history(*given))
    (refused,) = store.write([Edit(lines, expected=1)])
    assert isinstance(refused, Refused)
    assert len(refused.faults) == 1 + 500 + 500  # the event, the others, the relations
    assert len(asked) == 501  # each entity once
    monkeypatch.setattr("graph.conflicts.MOST", 100)
    (refused,) = store.write([Edit(lines, expected=1)])
    assert isinstance(refused, Refused)
    assert "More than 100 changes have come after version 1" in str(refused)


def test_what_edits_stored_together_look_at_is_read_once(store: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a hundred that have read an old version would each have thousands of changes read while nobody else has a
    turn."""
    for number in range(1, 10):
        store.write([Edit([patch(affected=number)])])
    asked: list[str] = []
    history = type(store._journal).history
    monkeypatch.setattr(type(store._journal), "history", lambda *given: asked.append(given[1]) or history(*given))
    outcomes = store.write([Edit([patch(summary="S")], expected=expected) for expected in (3, 5, 3, 9, 10, 10)])
    assert [isinstance(outcome, Refused) for outcome in outcomes] == [True] * 4 + [False, True]
    assert asked == [ID]
    store.write([Edit([patch(summary="T")], expected=expected) for expected in (9, 3)])
    assert asked == [ID] * 3  # what was read for the first does not reach back so far


def test_sources_that_go_are_looked_for_once_for_all_edits_that_are_stored_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Going through a million relations takes most of a second, in which nobody else has a turn."""
    sources = [{"id": f"source:{n}", "kind": "SOURCE", "name": "S", "type": "REPORT"} for n in range(4)]
    cited = {"relation": "FOLLOWED", "subject": ID, "object": "event:y", "sources": [each["id"] for each in sources]}
    graph = graph_of([START, {**START, "id": "event:y"}, *sources, cited])
    looks: list[int] = []
    all_relations = Resident.all_relations
    monkeypatch.setattr(Resident, "all_relations", lambda self: looks.append(1) or all_relations(self))
    graph.write([Edit([Line(Remove(f"source:{n}"))]) for n in (0, 1, 3)])
    assert len(looks) == 1
    (relation,) = graph.engine.relations_of(ID)
    assert relation.sources == ("source:2",)


def test_a_store_that_cannot_be_written_has_every_edit_fail_and_changes_nothing(store: Graph) -> None:
    path = store._journal._path
    blocked = Graph.open(path.parent, wait_s=0.05)
    with closing(blocked), store._journal.writing(), pytest.raises(StoreBusy):
        blocked.write([Edit([patch(affected=1)]), Edit([patch(affected=2)])])
    assert (blocked.version, affected(store)) == (1, 0)
    assert [outcome.version for outcome in store.write([Edit([patch(affected=3)])])] == [2]  # the lock was let go


def test_whatever_is_raised_half_way_lets_the_lock_go(store: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr("graph.writing.stored", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            store.write([Edit([patch(affected=1)])])
    steps = store.writing([Edit([patch(affected=1)])])
    begin = steps.send(next(steps)())
    begin()
    with monkeypatch.context() as broken:
        broken.setattr(store._writer, "_take_in", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            _abandoned(steps)
    assert store.apply([write({**START, "affected": 5})]).version == 2


def test_who_cannot_be_told_what_was_stored_is_told_that_it_was(store: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fails right after the commit: whoever sent it must not send it again."""
    with monkeypatch.context() as broken:
        broken.setattr(store._journal, "commit", _failing)
        outcomes = store.write(
            [Edit([patch(affected=1)]), Edit([patch("event:y", name="Y")]), Edit([patch(affected=1)])]
        )
    told = "Stored as version 2, but it cannot be shown yet, so do not send it again. disk I/O error"
    assert isinstance(outcomes[0], StoreError)
    assert str(outcomes[0]) == told
    assert isinstance(outcomes[1], Refused)
    assert isinstance(outcomes[2], Applied)  # as it was so already, nothing was stored
    assert (store.follow(), store.version, affected(store)) == (True, 2, 1)


def _failing(_: int) -> Commit:
    raise StoreError("disk I/O error")


def test_who_listens_and_fails_harms_neither_the_writer_nor_other_listeners(
    store: Graph, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[int] = []
    store.on_change(lambda _: 1 // 0)
    store.on_change(lambda changes: heard.append(changes[0].version))
    assert store.apply([write({**START, "affected": 1})]).version == 2
    assert heard == [2]
    assert "somebody could not be told of versions 2 to 2, which are stored" in caplog.text
    assert "ZeroDivisionError" in caplog.text


def _abandoned(steps: Any) -> None:
    """Goes on as whoever runs the steps does: what is yielded next is run, and then the error comes."""
    abort = steps.send([])
    abort()
    steps.send(None)


# Keys


def keyed(name: str, value: int) -> Edit:
    return Edit([patch(affected=value)], key=Key(name, b"%d" % value))


def test_a_key_is_known_after_a_restart_to_other_processes_and_within_a_group(store: Graph) -> None:
    first, again, other = store.write([keyed("k", 1), keyed("k", 1), keyed("k", 2)])
    assert first == again
    assert isinstance(other, Refused)
    assert [fault.kind for fault in other.faults] == [Conflict]
    store.write([Edit([patch(affected=7)])])
    with closing(Graph.open(store._journal._path.parent)) as reopened:
        assert reopened.write([keyed("k", 1)]) == [first]
        assert (reopened.version, affected(reopened)) == (3, 7)


def test_an_edit_with_a_key_is_checked_once(store: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[int] = []
    monkeypatch.setattr("graph.writing.effects", lambda draft: checked.append(1) or effects(draft))
    assert isinstance(store.write([keyed("k", 1)])[0], Applied)
    assert len(checked) == 1


def test_a_key_that_another_process_stores_before_the_lock_is_taken_is_not_stored_twice(store: Graph) -> None:
    """Though the other stores nothing else, and makes no version."""
    steps = store.writing([keyed("k", 0), keyed("l", 5)])
    begin = steps.send(next(steps)())
    with closing(Graph.open(store._journal._path.parent)) as other:
        stored = other.write([keyed("k", 0)])
    finish = steps.send(begin())
    with pytest.raises(StopIteration) as ended:
        steps.send(finish())
    assert ended.value.value[0] == stored[0]
    assert (store.version, affected(store)) == (2, 5)


# Two writers


def count_up(graph: Graph, times: int) -> None:
    """Adds one to the number so many times; tries again where somebody else was first."""
    for _ in range(times):
        while True:
            seen = graph.version
            (outcome,) = graph.write([Edit([patch(affected=affected(graph) + 1)], expected=seen)])
            if isinstance(outcome, Applied):
                break
            assert isinstance(outcome, Refused)
            assert {fault.kind for fault in outcome.faults} == {Conflict}


def test_two_threads_lose_no_change(store: Graph) -> None:
    with (
        closing(Graph.open(store._journal._path.parent)) as other,
        ThreadPoolExecutor(2) as threads,
    ):
        list(threads.map(count_up, (store, other), (40, 40)))
    store.follow()
    assert affected(store) == 80


COUNTING = """
import sys
from pathlib import Path
from graph.graph import Graph
from tests.graph.test_writing import count_up
count_up(Graph.open(Path(sys.argv[1]), wait_s=30), 40)
"""


def test_two_processes_lose_no_change(store: Graph) -> None:
    directory = str(store._journal._path.parent)
    workers = [Popen([sys.executable, "-c", COUNTING, directory], stderr=PIPE) for _ in range(2)]
    for worker in workers:
        _, told = worker.communicate(timeout=60)
        assert (worker.returncode, told) == (0, b"")
    store.follow()
    assert affected(store) == 80


def test_partial_updates_of_different_attributes_all_stand(store: Graph) -> None:
    with closing(Graph.open(store._journal._path.parent)) as other:
        for graph, given in ((store, {"affected": 9}), (other, {"summary": "Seen"}), (store, {"startedOn": "2024"})):
            graph.write([Edit([patch(**given)])])
        other.follow()
        event = other.engine.entity(ID)
    assert (event.affected, event.summary, event.started_on) == (9, "Seen", "2024")  # type: ignore[union-attr]


@pytest.mark.parametrize("authorship", [Authorship("a\ud800"), Authorship("ada", "why\udfff")])
def test_an_author_or_a_note_that_is_no_text_is_refused_whatever_keeps_the_journal(
    store: Graph, authorship: Authorship
) -> None:
    for graph in (store, graph_of([START])):
        with pytest.raises(Refused, match="expected a text of whole characters"):
            graph.apply([write({**START, "affected": 1})], authorship)
        assert graph.version == 1


# Beside requests


def test_those_that_come_together_are_stored_together_and_each_gets_its_own_answer(store: Graph) -> None:
    async def save(scribe: Scribe, number: int) -> Any:
        try:
            return (
                await scribe.store(Edit([patch(f"event:{number}", name="N", type="FIRE" if number else None)]))
            ).version
        except Refused:
            return None

    async def all_at_once() -> list[Any]:
        scribe = Scribe(store)
        return await asyncio.gather(*(save(scribe, number) for number in range(250)))

    assert asyncio.run(all_at_once()) == [None, *range(2, 251)]
    times = {store._journal.commit(version).time for version in range(2, 251)}
    assert len(times) < 10  # one for each group


def test_a_group_ends_after_so_many_lines(store: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a group is checked nobody else has a turn."""
    groups: list[list[int]] = []
    writing = store.writing
    monkeypatch.setattr(
        store, "writing", lambda edits: groups.append([len(each.lines) for each in edits]) or writing(edits)
    )
    sizes = [900, 900, 900, 900, 2_500, 900]

    async def all_at_once() -> list[Applied]:
        scribe = Scribe(store)
        edits = [
            Edit([patch(f"event:{n}-{line}", name="N", type="FIRE") for line in range(size)])
            for n, size in enumerate(sizes)
        ]
        return await asyncio.gather(*map(scribe.store, edits))

    assert [applied.created for applied in asyncio.run(all_at_once())] == sizes
    assert groups == [[900, 900, 900], [900, 2_500], [900]]


def test_more_than_can_wait_is_refused_and_what_waits_is_stored(store: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is larger than all that may wait is stored where nobody waits."""
    monkeypatch.setattr("api.scribe.MOST_WAITING", 50_000)

    def edit(name: str, size: int) -> Edit:
        return Edit([patch(f"event:{name}", name="x" * size, type="FIRE")])

    async def all_at_once() -> None:
        scribe = Scribe(store)
        names = "abcde"
        outcomes = await asyncio.gather(*(scribe.store(edit(name, 15_000)) for name in names), return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [Applied] * 3 + [Throttled] * 2
        assert str(outcomes[-1]) == (
            "3 others wait to store something, as many as can. Nothing of yours was stored: send it again in some"
            " seconds, and less at a time."
        )
        assert isinstance(await scribe.store(edit("f", 60_000)), Applied)
        assert isinstance(await scribe.store(edit("g", 15_000)), Applied)

    asyncio.run(all_at_once())
    assert store.version == 1 + 3 + 2


def test_whoever_stops_waiting_takes_nothing_back(store: Graph) -> None:
    async def leave() -> None:
        scribe = Scribe(store)
        saving = asyncio.create_task(scribe.store(Edit([patch(affected=1)])))
        await asyncio.sleep(0)
        saving.cancel()
        assert (await scribe.store(Edit([patch(summary="S")]))).version == 3

    asyncio.run(leave())
    assert affected(store) == 1


def test_a_loop_that_ends_in_the_middle_of_a_group_stores_it_and_lets_the_lock_go(
    store: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that wait behind it are told that they are not stored."""
    begun, go_on = Event(), Event()
    finish = Taken.finish

    def slow(*given: Any) -> list[Outcome]:
        begun.set()
        assert go_on.wait(10)
        return finish(*given)

    monkeypatch.setattr(Taken, "finish", slow)

    async def leave() -> list[asyncio.Task[Applied]]:
        scribe = Scribe(store)
        first = asyncio.create_task(scribe.store(Edit([patch(affected=1)])))
        await asyncio.to_thread(begun.wait, 10)
        behind = asyncio.create_task(scribe.store(Edit([patch(affected=2)])))
        await asyncio.sleep(0)
        asyncio.get_running_loop().call_later(0.05, go_on.set)
        return [first, behind]  # what is left of the loop's tasks is cancelled

    assert [task.cancelled() for task in asyncio.run(leave())] == [True, True]
    monkeypatch.undo()
    with closing(Graph.open(store._journal._path.parent, wait_s=0.5)) as other:
        assert affected(other) == 1
        assert other.apply([write({**START, "affected": 5})]).version == 3


def test_a_store_that_is_gone_is_told_and_the_next_edit_is_tried_anew(store: Graph) -> None:
    async def save() -> None:
        scribe = Scribe(store)
        path = store._journal._path
        with (
            closing(Graph.open(path.parent, wait_s=0.01)) as blocked,
            store._journal.writing(),
            pytest.raises(StoreError),
        ):
            await Scribe(blocked).store(Edit([patch(affected=1)]))
        assert (await scribe.store(Edit([patch(affected=2)]))).version == 2

    asyncio.run(save())
    assert affected(store) == 2


def test_a_relation_is_patched_by_its_name(small: Graph) -> None:
    name = RelationName(RelationKind.LOCATED_IN, "project:koro", "place:koro")
    values = {"relation": "LOCATED_IN", "subject": "project:koro", "object": "place:koro"}
    small.write([Edit([Line(Patch(name, RelationKind.LOCATED_IN, {**values, "sources": ["source:report"]}))])])
    relation = small.engine.relation(name)
    assert relation is not None
    assert (relation.percentage, relation.sources) == (100.0, ("source:report",))
