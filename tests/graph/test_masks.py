"""Conditions told of columns hold for just those entities that they hold for one by one, after every commit."""

from typing import Any

import pytest
from hypothesis import given, note

from graph import matching
from graph.adjacency import Adjacency
from graph.engine import settle
from graph.grouping import GROUP_KEYS, Grouping, Groups
from graph.matching import Matcher
from graph.parse import write
from graph.plan import And, Compare, Match, Not, Operator, Or, ValueType
from graph.vocabulary import Kind
from tests.api.stage import permits
from tests.conftest import asking, graph_of
from tests.graph.test_groups import check_all
from tests.oracle import KINDS
from tests.questions import filter_of
from tests.worlds import COMMIT, WORLD, Choices, choices, commit, examples, world

COMMITS, FILTERS, FILTER = 3, 4, 80
FIELDS = {kind: f"{kind.lower()}s" for kind in KINDS} | {"COUNTRY": "countries"}


def found(graph: Any, kind: str, where: Any, many: int) -> Any:
    """The ids of what meets a filter; from `many` entities on they are told of columns."""
    text = f"query($where: {kind.title()}Filter) {{ list: {FIELDS[kind]}(where: $where) {{ nodes {{ id }} }} }}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Matcher, "MANY", many)
        return asking(graph)(text, {"where": where})


@examples(60)
@given(choose=choices(WORLD + COMMITS * COMMIT + (COMMITS + 1) * FILTERS * FILTER))
def test_columns_tell_what_a_look_at_each_tells_after_every_commit(choose: Choices) -> None:
    lines = world(choose.part(WORLD))
    graph = graph_of(lines)
    asked = [(kind := choose.one(KINDS), filter_of(choose.part(FILTER), kind)) for _ in range(FILTERS)]
    for _ in range(COMMITS + 1):
        for kind, where in asked:
            note(f"{kind}: {where}")
            assert found(graph, kind, where, 0) == found(graph, kind, where, 10**9)
        changes = commit(choose.part(COMMIT), lines)
        if permits(graph, changes):
            note(f"written: {changes}")


@pytest.mark.parametrize("bulk", [500, 2], ids=["change by change", "in bulk"])
@examples(25)
@given(choose=choices(WORLD + COMMITS * COMMIT + FILTERS * FILTER))
def test_commits_that_come_while_columns_are_read_in_turns_are_seen(bulk: int, choose: Choices) -> None:
    lines = world(choose.part(WORLD))
    graph = graph_of(lines)
    coming = [choose.part(COMMIT) for _ in range(COMMITS)]

    async def write_meanwhile() -> None:
        if coming:
            permits(graph, commit(coming.pop(), lines))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Adjacency, "BULK", bulk)
        patch.setattr(matching, "READ_IN_TURN", 1)
        patch.setattr(matching, "give_way", write_meanwhile)
        for _ in range(FILTERS):
            kind, filters = choose.one(KINDS), choose.part(FILTER)
            where = filter_of(filters, kind)
            note(f"{kind}: {where}")
            assert found(graph, kind, where, 0) == found(graph, kind, where, 10**9)
            settle(graph.engine.group(Match(Kind[kind]), [Grouping((key,)) for key in GROUP_KEYS[Kind[kind]].values()]))
    check_all(graph.engine)


def test_reading_columns_ends_though_each_turn_has_them_read_anew(small: Any) -> None:
    turns = 0

    async def move_a_place() -> None:
        nonlocal turns
        turns += 1
        small.apply([write({"id": "place:koro", "kind": "PLACE", "name": f"Koro {turns}", "type": "TOWN"})])
        assert turns < 100

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matching, "READ_IN_TURN", 1)
        patch.setattr(matching, "give_way", move_a_place)
        grouping = Grouping((GROUP_KEYS[Kind.PROJECT]["REGION"],))
        assert isinstance(settle(small.engine.group(Match(Kind.PROJECT), [grouping]))[0], Groups)
    assert turns


def test_what_columns_cannot_tell_is_left_and_named_ones_are_told(small: Any) -> None:
    named = Compare("name", ValueType.TEXT, Operator.CONTAINS, "o")
    aliased = Compare("aliases", ValueType.TEXT, Operator.CONTAINS, "o")
    started = Compare("started_on", ValueType.DATE, Operator.GTE, "2021")
    for where, many, columns in (
        (And((named, Not(Or((started,))))), 0, ["column name", "column started_on"]),
        (And((named, aliased)), 0, ["column name"]),
        (Or((named, aliased)), 0, []),
        (named, 3, []),
    ):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Matcher, "MANY", many)
            assert settle(small.engine.indexes(Match(Kind.PROJECT, where))) == columns
