"""Conditions told of columns hold for just those entities that they hold for one by one, after every commit."""

from typing import Any

import pytest
from hypothesis import given, note

from graph.engine import settle
from graph.matching import Matcher
from graph.plan import And, Compare, Match, Not, Operator, Or, ValueType
from graph.vocabulary import Kind
from tests.api.stage import permits
from tests.conftest import asking, graph_of
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


def test_what_columns_cannot_tell_is_left_and_named_ones_are_told(small: Any) -> None:
    named = Compare("name", ValueType.TEXT, Operator.CONTAINS, "o")
    aliased = Compare("aliases", ValueType.TEXT, Operator.CONTAINS, "o")
    started = Compare("started_on", ValueType.DATE, Operator.GTE, "2021")
    for where, many, columns in (
        (And((named, Not(Or((started,))))), 0, ["column name", "column started_on"]),
        (And((aliased,)), 0, []),
        (named, 500, []),
    ):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Matcher, "MANY", many)
            assert settle(small.engine.indexes(Match(Kind.PROJECT, where))) == columns
