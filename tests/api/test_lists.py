"""What lists hold: filters, orders, counts and edges, whatever the world and the question.

Worlds and questions are drawn (tests/worlds.py, tests/questions.py) and answered again by brute force
(tests/oracle.py).
"""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import assume, given, note

from graph.graph import Graph
from tests.api.stage import LISTS, Kept, answer, items, parents, refusal, show
from tests.conftest import SMALL_WORLD, Ask, asking, graph_of
from tests.oracle import KINDS, SCHEMA, Given, Line
from tests.questions import QUESTION, each_condition, filter_of
from tests.worlds import WORLD, Choices, choices, examples, world

NARROWED = [kept for kept in LISTS if "where" in kept.arguments]
OTHERS = [kept for kept in LISTS if kept not in NARROWED]
ROOTS = {kept.kind: kept for kept in NARROWED if kept.parent is None}
PROJECTS = ROOTS["PROJECT"]


def said(page: Line) -> list[Line]:
    """What the edges say, their cursors apart."""
    return [{key: value for key, value in edge.items() if key != "cursor"} for edge in page["edges"]]


# Against the oracle


@pytest.mark.parametrize("kind", KINDS)
@examples(20)
@given(choose=choices(WORLD + 4 * QUESTION))
def test_every_list_of_a_kind_is_what_the_oracle_says(kind: str, choose: Choices) -> None:
    oracle = show(world(choose.part(WORLD), **{kind: 6}))
    for _ in range(4):
        narrowed = ROOTS[kind].narrowing(choose)
        note(f"asked: {narrowed}")
        for kept in [kept for kept in NARROWED if kept.kind == kind]:
            for id in parents(kept, oracle):
                page = answer(kept, id, **narrowed, first=100)
                ids = items(kept, id, oracle, narrowed)
                assert [node["id"] for node in page["nodes"]] == ids, (kept, id)
                assert said(page) == [oracle.edge(id, kept.connection, other) for other in ids], (kept, id)
                assert page["totalCount"] == len(ids), (kept, id)


@examples(20)
@given(choose=choices(WORLD + len(OTHERS) * 10))
def test_every_list_of_relations_or_of_several_kinds_is_what_the_oracle_says(choose: Choices) -> None:
    oracle = show(world(choose.part(WORLD)))
    for kept in OTHERS:
        narrowed = kept.narrowing(choose.part(10))
        for id in parents(kept, oracle):
            page = answer(kept, id, **narrowed, first=100)
            expected = items(kept, id, oracle, narrowed)
            if kept.connection == "relations":
                assert page["nodes"] == expected, (kept, id, narrowed)
                assert said(page) == [{"node": relation} for relation in expected], (kept, id, narrowed)
            else:
                assert [node["id"] for node in page["nodes"]] == expected, (kept, id, narrowed)
                assert said(page) == [oracle.edge(id, kept.connection, other) for other in expected], (
                    kept,
                    id,
                    narrowed,
                )
            assert page["totalCount"] == len(expected), (kept, id, narrowed)


@pytest.mark.parametrize("kind", KINDS)
@examples(3)
@given(choose=choices(WORLD + 1_200))
def test_every_single_condition_is_as_the_oracle_says(kind: str, choose: Choices) -> None:
    """So that none is left to chance."""
    root = ROOTS[kind]
    oracle = show(world(choose.part(WORLD), **{kind: 12}))
    for where in each_condition(choose, kind):
        page = answer(root, where=where, first=100)
        assert [node["id"] for node in page["nodes"]] == oracle.listed(None, root.connection, where), where


@pytest.mark.parametrize("kind", KINDS)
@examples(3)
@given(choose=choices(WORLD))
def test_every_single_order_is_as_the_oracle_says(kind: str, choose: Choices) -> None:
    root = ROOTS[kind]
    oracle = show(world(choose, **{kind: 12}))
    fields: Any = SCHEMA.type_map[f"{kind.capitalize()}OrderField"]
    for order in [
        [{"field": field, "direction": direction}] for field in fields.values for direction in ("ASC", "DESC")
    ]:
        page = answer(root, orderBy=order, first=100)
        assert [node["id"] for node in page["nodes"]] == oracle.listed(None, root.connection, order=order), order


# Dates


DATE_TABLE = [
    # operator, given, which of these lie so
    ("eq", "2023", "2023 2023-11 2023-11-05"),
    ("eq", "2023-11", "2023-11 2023-11-05"),
    ("eq", "2023-11-05", "2023-11-05"),
    ("ne", "2023", "2022-12-31 2024 2024-01"),
    ("ne", "2023-11", "2022-12-31 2023 2024 2024-01"),
    ("in", ["2024", "2023-11-05"], "2023-11-05 2024 2024-01"),
    ("in", [], ""),
    ("lt", "2023", "2022-12-31"),
    ("lt", "2024", "2022-12-31 2023 2023-11 2023-11-05"),
    ("lt", "2023-11-05", "2022-12-31"),
    ("lt", "2024-02", "2022-12-31 2023 2023-11 2023-11-05 2024-01"),
    ("lte", "2023", "2022-12-31 2023 2023-11 2023-11-05"),
    ("lte", "2023-11", "2022-12-31 2023-11 2023-11-05"),
    ("lte", "2023-11-05", "2022-12-31 2023-11-05"),
    ("lte", "2022", "2022-12-31"),
    ("gt", "2022", "2023 2023-11 2023-11-05 2024 2024-01"),
    ("gt", "2023-10", "2023-11 2023-11-05 2024 2024-01"),
    ("gt", "2023-11-01", "2023-11-05 2024 2024-01"),
    ("gt", "2023", "2024 2024-01"),
    ("gte", "2023", "2023 2023-11 2023-11-05 2024 2024-01"),
    ("gte", "2023-01-01", "2023 2023-11 2023-11-05 2024 2024-01"),
    ("gte", "2023-01-02", "2023-11 2023-11-05 2024 2024-01"),
    ("gte", "2023-11-05", "2023-11-05 2024 2024-01"),
    ("isNull", True, "unknown"),
    ("isNull", False, "2022-12-31 2023 2023-11 2023-11-05 2024 2024-01"),
]


@pytest.fixture(scope="module")
def dated() -> Ask:
    """Asks projects that are named after the dates on which they started."""
    dates = ["2022-12-31", "2023", "2023-11", "2023-11-05", "2024", "2024-01", None]
    names = [date or "unknown" for date in dates]
    return asking(
        graph_of(
            [
                {"id": f"project:{name}", "kind": "PROJECT", "name": name, "startedOn": date}
                for name, date in zip(names, dates, strict=True)
            ]
        )
    )


@pytest.mark.parametrize(("operator", "given", "found"), DATE_TABLE)
def test_partial_dates_compare_as_spans(dated: Ask, operator: str, given: Any, found: str) -> None:
    query = "query($where: ProjectFilter) { projects(where: $where) { nodes { name } } }"
    answered = dated(query, {"where": {"startedOn": {operator: given}}})
    assert [node["name"] for node in answered["data"]["projects"]["nodes"]] == found.split()


def test_dates_are_ordered_by_their_start_and_a_longer_span_first_either_way_the_missing_last(dated: Ask) -> None:
    query = "query($by: [ProjectOrder!]) { projects(orderBy: $by) { nodes { name } } }"
    known = ["2022-12-31", "2023", "2023-11", "2023-11-05", "2024", "2024-01"]
    for direction, expected in (("ASC", known), ("DESC", known[::-1])):
        answered = dated(query, {"by": {"field": "STARTED_ON", "direction": direction}})
        assert [node["name"] for node in answered["data"]["projects"]["nodes"]] == [*expected, "unknown"]


@pytest.mark.parametrize(
    "date", ["", "23", "2023-13", "2023-02-30", "2023-1", "0000", "2023-11-05T00:00", "٢٠٢٣", 2023]
)
def test_a_date_that_does_not_exist_is_refused(dated: Ask, date: Any) -> None:
    query = "query($where: ProjectFilter) { projects(where: $where) { nodes { name } } }"
    (error,) = dated(query, {"where": {"startedOn": {"eq": date}}})["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert "as 2023, 2023-11 or 2023-11-05" in error["message"]


# What matches everything and nothing


@pytest.mark.parametrize(
    ("where", "everything"),
    [
        (None, True),
        ({}, True),
        ({"and": []}, True),
        ({"or": []}, False),
        ({"or": [{}]}, True),
        ({"not": {}}, False),
        ({"not": {"or": []}}, True),
        ({"name": {}}, True),
        ({"name": {"in": []}}, False),
        ({"name": {"notIn": []}}, True),
        ({"status": {"notIn": []}}, True),  # which some lack
        ({"aliases": {"notIn": []}}, True),  # which all lack
        ({"aliases": {"in": []}}, False),
        ({"aliases": {"ne": "x"}}, False),
        ({"not": {"aliases": {"ne": "x"}}}, True),
        ({"aliases": {"isNull": True}}, True),
        ({"identifiers": {}}, True),
        ({"identifiers": {"all": {"code": {"eq": "x"}}}}, True),
        ({"identifiers": {"none": {}}}, True),
        ({"identifiers": {"some": {}}}, False),
        ({"identifiers": {"count": {"eq": 0}}}, True),
        ({"identifiers": {"count": {"isNull": True}}}, False),
        ({"metrics": {}}, True),
        ({"metrics": {"where": {"value": {"gt": 0}}}}, True),  # narrows a set of which nothing is said
        ({"metrics": {"role": {"eq": "FUNDING"}}}, True),
        ({"metrics": {"all": {"or": []}}}, True),
        ({"metrics": {"some": {}}}, False),
    ],
)
def test_empty_conditions_match_everything_or_nothing(small: Graph, where: Given | None, everything: bool) -> None:
    answered = asking(small)(
        "query($where: ProjectFilter) { projects(where: $where) { totalCount } }", {"where": where}
    )
    assert answered["data"]["projects"]["totalCount"] == (2 if everything else 0)


# Null


@examples(100)
@given(choose=choices(QUESTION + 1))
def test_null_inside_a_filter_is_refused_wherever_it_stands(choose: Choices) -> None:
    kind = choose.one(KINDS)
    where = filter_of(choose, kind)
    inside = list(objects("", where))
    assume(inside)
    around, holder = choose.one(inside)
    key = choose.one(sorted(holder))
    compares = not isinstance(holder[key], dict | list) or key in ("in", "notIn")
    holder[key] = None
    note(f"asked: {where}")
    show([])
    code, message = refusal(ROOTS[kind], where=where)
    place = f"{around}.{key}" if compares else key
    assert code == "BAD_USER_INPUT"
    assert message == f"{place} is null, which a filter cannot mean: leave it out, or use isNull."


def objects(around: str, given: Any) -> Iterator[tuple[str, Given]]:
    """Every object that has a key, at any depth, and the key under which it stands."""
    if isinstance(given, dict):
        if given:
            yield around, given
        for key, value in given.items():
            yield from objects(key, value)
    if isinstance(given, list):
        for value in given:
            yield from objects(around, value)


@pytest.mark.parametrize("kept", LISTS, ids=lambda kept: f"{kept.parent}.{kept.connection}")
def test_an_argument_given_as_null_counts_as_absent(kept: Kept) -> None:
    oracle = show(SMALL_WORLD)
    for id in parents(kept, oracle):
        given_none = answer(kept, id)
        assert answer(kept, id, **dict.fromkeys(kept.arguments)) == given_none
        assert given_none["totalCount"] == len(items(kept, id, oracle, {}))
