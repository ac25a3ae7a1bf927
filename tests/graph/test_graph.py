"""Specifies graph/graph.py: all of a write or nothing, versions 1, 2, 3, and everybody told what changed."""

import gc
import weakref
from contextlib import closing, suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph.engine import settle
from graph.errors import Conflict, Refused
from graph.graph import STORE, Graph
from graph.journal.memory import MemoryJournal
from graph.model import Change, Line, Patch, Relation, RelationName, Unrelate, Write
from graph.parse import write
from graph.resident import Resident
from graph.vocabulary import ChangeAction, Kind, RelationKind
from graph.writing import Applied, Edit
from tests.conftest import SMALL_WORLD, graph_of
from tests.graph.conftest import text_of
from tests.worlds import worlds

BAD = {"relation": "LOCATED_IN", "subject": "project:koro", "object": "country:XX"}


def project(id: str, name: str = "X", **attributes: Any) -> Write:
    return write({"id": id, "kind": "PROJECT", "name": name, **attributes})


def actions(applied: Applied) -> list[tuple[str, str]]:
    """What each change did, and to whom."""
    return [
        (str(change.action), str(change.record.name) if isinstance(change.record, Relation) else change.record.id)
        for change in applied.changes
    ]


def counts(applied: Applied) -> tuple[int, int, int, int]:
    return applied.created, applied.updated, applied.removed, applied.unchanged


# Versions


def test_a_new_graph_is_empty_and_at_version_0():
    graph = Graph.in_memory()
    assert (graph.version, graph.head.time, text_of(graph)) == (0, None, "")


def test_each_write_makes_the_next_version():
    graph = Graph.in_memory()
    assert [graph.apply([project(f"project:{number}")]).version for number in (1, 2, 3)] == [1, 2, 3]


def test_changes_are_numbered_from_0_within_their_version(small):
    changes = small.apply([project("project:x"), project("project:y")]).changes
    assert [(change.version, change.index, change.action) for change in changes] == [
        (2, 0, ChangeAction.CREATED),
        (2, 1, ChangeAction.CREATED),
    ]


def test_what_changes_nothing_makes_no_version(small):
    assert counts(small.apply(write(line) for line in SMALL_WORLD)) == (0, 0, 0, len(SMALL_WORLD))
    assert counts(small.apply([])) == (0, 0, 0, 0)
    assert counts(small.apply([write({"remove": "project:nowhere"})])) == (0, 0, 0, 0)
    assert counts(small.apply([Unrelate(RelationName(RelationKind.FOLLOWED, "event:attack", "event:flood"))])) == (
        0,
        0,
        0,
        0,
    )
    assert small.version == 1


def test_a_version_carries_its_time_in_utc():
    now = datetime.fromisoformat("2026-05-04T13:00:00+02:00")
    graph = Graph(MemoryJournal(), clock=lambda: now)
    graph.apply([project("project:x")])
    assert graph.head == (1, "2026-05-04T11:00:00.000000Z")


def test_the_time_of_a_version_is_never_before_the_one_before():
    times = iter(["2026-05-04", "2020-01-01", "2026-05-05"])
    graph = Graph(MemoryJournal(), clock=lambda: datetime.fromisoformat(next(times)).replace(tzinfo=UTC))
    heads = []
    for number in range(3):
        graph.apply([project(f"project:{number}")])
        heads.append(graph.head.time)
    assert [time[:10] for time in heads] == ["2026-05-04", "2026-05-04", "2026-05-05"]


# What a write does


def test_entities_and_relations_are_created_updated_or_left_as_they_are(small):
    applied = small.apply([
        project("project:x"),
        project("project:koro", "Koro hospital"),
        write({"id": "partner:moh", "kind": "PARTNER", "name": "Ministry of Health", "type": "GOVERNMENT"}),
        write({"relation": "LOCATED_IN", "subject": "project:x", "object": "country:BF"}),
        write({"relation": "LOCATED_IN", "subject": "project:koro", "object": "place:koro", "percentage": 50}),
        write({"relation": "LOCATED_IN", "subject": "project:bamako", "object": "country:ML"}),
    ])  # fmt: skip
    assert counts(applied) == (2, 2, 0, 2)
    assert actions(applied) == [
        ("CREATED", "project:x"),
        ("UPDATED", "project:koro"),
        ("RELATED", "project:x LOCATED_IN country:BF"),
        ("RELATED", "project:koro LOCATED_IN place:koro"),
    ]


def test_an_entity_line_replaces_the_whole_record_and_leaves_its_relations(small):
    small.apply([project("project:koro", "Koro hospital")])
    (entity,) = settle(small.engine.lookup(["project:koro"]))
    assert entity == project("project:koro", "Koro hospital")
    assert len(small.engine.relations_of("project:koro")) == 3


def test_a_relation_line_replaces_all_that_the_relation_says(small):
    line = {"relation": "PARTICIPATES_IN", "subject": "partner:msf", "object": "project:koro", "role": "IMPLEMENTING"}
    small.apply([write({**line, "until": "2024"})])
    assert small.engine.relation(write(line).name) == write({**line, "until": "2024"})  # since 2023 is gone


def test_removing_an_entity_takes_its_relations_along(small):
    applied = small.apply([write({"remove": "project:bamako"})])
    assert counts(applied) == (0, 0, 1, 0)
    assert sorted(actions(applied)[:-1]) == [
        ("UNRELATED", "event:attack AFFECTED project:bamako as ATTACKED"),
        ("UNRELATED", "event:attack AFFECTED project:bamako as SUSPENDED"),
        ("UNRELATED", "partner:moh PARTICIPATES_IN project:bamako"),
        ("UNRELATED", "partner:msf PARTICIPATES_IN project:bamako as IMPLEMENTING"),
        ("UNRELATED", "project:bamako LOCATED_IN country:ML"),
    ]
    assert actions(applied)[-1] == ("REMOVED", "project:bamako")
    assert "project:bamako" not in text_of(small)


def test_removing_a_source_takes_it_from_the_relations_that_it_states(small):
    applied = small.apply([write({"remove": "source:report"})])
    assert counts(applied) == (0, 0, 1, 0)
    assert actions(applied)[-1] == ("RELATED", "partner:msf PARTICIPATES_IN project:koro as FUNDING")
    assert "source:report" not in text_of(small)


def test_a_relation_may_be_restated_while_its_source_goes(small):
    line = {"relation": "PARTICIPATES_IN", "subject": "partner:msf", "object": "project:koro", "role": "FUNDING"}
    small.apply([write({"remove": "source:report"}), write({**line, "since": "2022"})])
    assert small.engine.relation(write(line).name) == write({**line, "since": "2022"})


def test_a_relation_can_go_alone(small):
    name = RelationName(RelationKind.FOLLOWED, "event:flood", "event:attack")
    applied = small.apply([Unrelate(name)])
    assert (counts(applied), actions(applied)) == ((0, 0, 1, 0), [("UNRELATED", str(name))])
    assert small.engine.relation(name) is None


def test_an_id_that_went_may_come_again_as_another_kind(small):
    small.apply([write({"remove": "partner:red-cross"})])
    small.apply([project("partner:red-cross")])
    assert settle(small.engine.statistics()).entities[Kind.PARTNER] == 2
    assert settle(small.engine.lookup(["partner:red-cross"])) == [project("partner:red-cross")]


# All or nothing


@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_fault_refuses_the_whole_write(small, place):
    before = text_of(small)
    writes = [project("project:x"), write({"remove": "project:bamako"})]
    with pytest.raises(Refused) as caught:
        small.apply([*writes[:place], write(BAD), *writes[place:]])
    assert len(caught.value.faults) == 1
    assert (small.version, text_of(small)) == (1, before)
    assert small.apply(writes).version == 2


def test_a_check_stores_nothing(small):
    assert [fault.reason for fault in small.check([Line(write(BAD))])] == [
        "LOCATED_IN has the object 'country:XX', which is not known. Check the id, or add the entity."
    ]
    assert small.check([Line(project("project:x"))]) == []
    assert small.version == 1


# Telling


class Told(list[tuple[int, int]]):
    """A listener that keeps the numbers of the changes it hears of."""

    def __call__(self, changes: list[Change]) -> None:
        self.extend((change.version, change.index) for change in changes)


def test_listeners_hear_of_every_change_in_order_and_of_nothing_else(small):
    told = Told()
    small.on_change(told)
    small.apply([project("project:x"), project("project:y")])
    small.apply([project("project:x")])
    with pytest.raises(Refused):
        small.apply([write(BAD)])
    small.apply([write({"remove": "project:x"})])
    assert told == [(2, 0), (2, 1), (3, 0)]


def test_what_is_told_can_be_asked_for(small):
    seen = []
    small.on_change(lambda changes: seen.append((small.version, settle(small.engine.lookup(["project:x"])))))
    small.apply([project("project:x")])
    assert seen == [(2, [project("project:x")])]


# Two graphs on one store


@pytest.fixture
def pair(tmp_path):
    """Two graphs on the same store, as two processes have."""
    mine, other = Graph.open(tmp_path), Graph.open(tmp_path)
    yield mine, other
    mine.close()
    other.close()


def test_what_another_committed_is_seen_when_asked_for(pair):
    mine, other = pair
    told = Told()
    mine.on_change(told)
    assert (mine.behind(), mine.follow()) == (0, False)
    other.apply([project("project:x")])
    other.apply([project("project:y")])
    assert (mine.version, mine.behind()) == (0, 2)
    assert mine.follow()
    assert (mine.head, text_of(mine), mine.behind()) == (other.head, text_of(other), 0)
    assert not mine.follow()
    assert told == [(1, 0), (2, 0)]


def test_a_write_is_checked_against_what_others_committed_before_it(pair):
    mine, other = pair
    other.apply([project("project:x")])
    assert counts(mine.apply([project("project:x"), project("project:y")])) == (1, 0, 0, 1)
    assert mine.version == 2
    other.follow()
    assert text_of(mine) == text_of(other)


def test_listeners_hear_what_others_committed_even_if_their_own_write_is_refused(pair):
    mine, other = pair
    told = Told()
    mine.on_change(told)
    other.apply([project("project:x")])
    with pytest.raises(Refused):
        mine.apply([write(BAD)])
    assert (mine.version, told) == (1, [(1, 0)])


def test_what_was_fetched_twice_is_taken_in_once(pair):
    mine, other = pair
    told = Told()
    mine.on_change(told)
    other.apply([project("project:x")])
    fetched = mine.fetch()
    assert (mine.version, mine.take_in(fetched), mine.take_in(fetched)) == (0, True, False)
    assert (mine.version, told) == (1, [(1, 0)])


def test_a_graph_that_was_closed_opens_as_it_was(tmp_path):
    graph = Graph.open(tmp_path / "deep" / "inside")
    graph.apply(write(line) for line in SMALL_WORLD)
    expected = graph.head, text_of(graph)
    graph.close()
    assert [path.name for path in (tmp_path / "deep" / "inside").iterdir()] == [STORE]
    again = Graph.open(tmp_path / "deep" / "inside")
    assert (again.head, text_of(again)) == expected
    again.close()


# Laws


def state(engine: Resident) -> Any:
    """All that the engine holds and the indexes beside it, but what it remembers of paths."""
    shelves = {kind: list(shelf.entities) for kind, shelf in engine._shelves.items()}
    found = {key: {value: ids for value, ids in index.items() if ids} for key, index in engine._found.items()}
    return shelves, found, settle(engine.statistics())


@settings(max_examples=60, deadline=None)
@given(st.lists(worlds(), min_size=1, max_size=3), st.randoms(use_true_random=False))
def test_replaying_the_journal_rebuilds_graph_and_indexes(drawn, chance):
    journal = MemoryJournal()
    graph = Graph(journal)
    for world in drawn:  # each world changes the one before: their ids come from one pool
        gone = [{"remove": line["id"]} for line in world if "id" in line and chance.random() < 0.2]
        some = [line for line in world if chance.random() < 0.8]
        for lines in (world, gone, some):
            with suppress(Refused):
                graph.apply(write(line) for line in lines)
    again = Graph(journal)
    assert (again.head, text_of(again)) == (graph.head, text_of(graph))
    assert state(again.engine) == state(graph.engine)


@settings(max_examples=60, deadline=None)
@given(worlds())
def test_the_same_world_again_changes_nothing(world):
    graph = graph_of(world)
    assert counts(graph.apply(write(line) for line in world)) == (0, 0, 0, len(world))


def test_what_is_followed_while_the_lock_is_waited_for_counts_too(tmp_path):
    with closing(Graph.open(tmp_path)) as mine, closing(Graph.open(tmp_path)) as theirs:
        project = {"id": "project:x", "kind": "PROJECT", "name": "X"}
        mine.apply([write(project)])
        theirs.follow()
        renamed = Edit([Line(Patch("project:x", Kind.PROJECT, {"id": "project:x", "name": "Mine"}))], expected=1)
        steps = mine.writing([renamed])
        begin = steps.send(next(steps)())
        theirs.apply([write({**project, "name": "Theirs"})])
        mine.follow()
        with pytest.raises(StopIteration) as ended:
            steps.send(steps.send(begin())())
        (outcome,) = ended.value.value
        assert [fault.kind for fault in outcome.faults] == [Conflict]
        assert mine.engine.entity("project:x").name == "Theirs"


def test_a_small_graph_that_is_gone_leaves_nothing_behind(tmp_path):
    with closing(Graph.open(tmp_path)) as graph:
        graph.apply([project("project:x")])
        seen = weakref.ref(graph.engine), weakref.ref(graph.as_of(0).engine)
    del graph
    gc.collect()
    assert [each() for each in seen] == [None, None]
