"""Facets, groups and aggregates as clients ask for them: scopes, orders, cursors, refusals, sums that cannot lie."""

from typing import Any

import pytest
from hypothesis import given, note

from api.relay import list_identity, seal_cursor
from api.settings import Settings
from graph.graph import Graph
from graph.grouping import Figure
from graph.plan import ALWAYS, NATURAL
from graph.vocabulary import Kind, ProjectStatus
from tests.conftest import SMALL_WORLD, Ask, asking, graph_of, refusal
from tests.oracle import Line
from tests.questions import filter_of
from tests.worlds import WORLD, choices, examples, world

FACETS = """
query($where: ProjectFilter, $fields: [ProjectFacetField!]!, $scope: FacetScope, $first: Int) {
  projects(where: $where) {
    totalCount
    facets(fields: $fields, scope: $scope, first: $first) { field more buckets { value label count } }
  }
}
"""
GROUPS = """
query($where: ProjectFilter, $keys: [ProjectGroupKey!]!, $having: GroupFilter, $by: GroupOrder, $n: Int, $at: String) {
  projects(where: $where) {
    groupBy(keys: $keys, having: $having, orderBy: $by, first: $n, after: $at) {
      totalCount
      nodes { count keys { key value label } }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
}
"""
METRICS = """
query($where: MetricFilter, $keys: [MetricGroupKey!]!, $having: GroupFilter, $by: GroupOrder) {
  metrics(where: $where) {
    totalCount
    aggregate { value { sum avg min max } coverage { present missing } }
    groupBy(keys: $keys, having: $having, orderBy: $by) {
      nodes { count keys { value } value { sum avg min max } }
    }
  }
}
"""
OF_MALI = 'query { country(code: "ML") { %s } }'


@pytest.fixture
def of_small(small: Graph) -> Ask:
    return asking(small)


def buckets(answer: dict[str, Any], place: int = 0) -> list[tuple[str | None, int]]:
    facet = answer["data"]["projects"]["facets"][place]
    return [(bucket["value"], bucket["count"]) for bucket in facet["buckets"]]


def consultations(name: str, subject: str, value: float | None, year: str = "2023", **more: str) -> list[Line]:
    """A metric of consultations."""
    period = {"startedOn": year, "endedOn": year}
    metric = {"id": f"metric:{name}", "kind": "METRIC", "name": name, "unit": "consultations", **period, **more}
    return [
        metric | ({} if value is None else {"value": value}),
        {"relation": "MEASURES", "subject": f"metric:{name}", "object": "indicator:consultations"},
        {"relation": "ABOUT", "subject": f"metric:{name}", "object": subject},
    ]


def with_metrics(*lines: list[Line]) -> Ask:
    return asking(graph_of([*SMALL_WORLD, *(line for metric in lines for line in metric)]))


# Facets


def test_facets_count_the_values_of_a_list(of_small: Ask) -> None:
    answer = of_small(FACETS, {"fields": ["STATUS", "COUNTRY", "ACTIVITY"]})["data"]["projects"]
    assert [facet["field"] for facet in answer["facets"]] == ["STATUS", "COUNTRY", "ACTIVITY"]
    assert answer["facets"][1]["buckets"] == [{"value": "country:ML", "label": "Mali", "count": 2}]
    assert answer["facets"][2]["buckets"] == [
        {"value": "malnutrition", "label": "Malnutrition care", "count": 1},
        {"value": None, "label": "Not stated", "count": 1},
    ]


def test_a_facet_counts_as_if_its_own_field_were_not_filtered_unless_told_otherwise(of_small: Ask) -> None:
    where = {"status": {"eq": "SUSPENDED"}, "name": {"contains": "o"}}
    both, one = [("IMPLEMENTATION", 1), ("SUSPENDED", 1)], [("SUSPENDED", 1)]
    for narrowed in (where, {"and": [{"status": where["status"]}, {"and": [where]}]}):
        asked = {"where": narrowed, "fields": ["STATUS", "YEAR"]}
        assert buckets(of_small(FACETS, asked)) == both
        assert buckets(of_small(FACETS, asked | {"scope": None})) == both
        assert buckets(of_small(FACETS, asked | {"scope": "FILTERED"})) == one
        assert buckets(of_small(FACETS, asked), 1) == [("2020", 1)]  # by all other fields it is narrowed
        assert len(buckets(of_small(FACETS, asked | {"scope": "ALL"}), 1)) == 2
    # Under `or` a condition is not the field's own alone.
    assert buckets(of_small(FACETS, {"where": {"or": [where]}, "fields": ["STATUS"]})) == one


def test_the_most_frequent_values_come_first_and_more_says_whether_any_are_left(of_small: Ask) -> None:
    answer = of_small(FACETS, {"fields": ["PARTNER", "STATUS"], "first": 1})
    assert buckets(answer) == [("partner:msf", 2)]
    assert buckets(answer, 1) == [("IMPLEMENTATION", 1)]  # of equals the first in its list
    assert [facet["more"] for facet in answer["data"]["projects"]["facets"]] == [True, True]
    answer = of_small(FACETS, {"fields": ["PARTNER", "STATUS"], "first": 2})
    assert [facet["more"] for facet in answer["data"]["projects"]["facets"]] == [False, False]


@examples(60)
@given(choose=choices(WORLD + 200))
def test_the_count_of_each_bucket_is_the_length_of_the_list_that_it_stands_for(choose: Any) -> None:
    ask = asking(graph_of(world(choose.part(WORLD))))
    where = filter_of(choose, "PROJECT")
    note(where)
    statuses = buckets(ask(FACETS, {"where": where, "fields": ["STATUS"], "scope": "FILTERED", "first": 100}))
    counted = {}
    for status in [*(term.name for term in ProjectStatus), None]:
        own = {"status": {"isNull": True} if status is None else {"eq": status}}
        asked = ask(FACETS, {"where": {"and": [where, own]}, "fields": []})
        counted[status] = asked["data"]["projects"]["totalCount"]
    assert dict(statuses) == {status: count for status, count in counted.items() if count}
    assert [count for _, count in statuses] == sorted((count for _, count in statuses), reverse=True)


def test_facets_stand_beside_a_list_at_every_depth(of_small: Ask) -> None:
    shown = "facets(fields: [%s]) { buckets { value count } }"
    asked = OF_MALI % f"events {{ {shown % 'TYPE'} }} sources {{ nodes {{ entities {{ {shown % 'KIND'} }} }} }}"
    country = of_small(asked)["data"]["country"]
    assert [bucket["value"] for bucket in country["events"]["facets"][0]["buckets"]] == ["ATTACK_ON_AID", "FLOOD"]
    (source,) = country["sources"]["nodes"]
    kinds = [bucket["value"] for bucket in source["entities"]["facets"][0]["buckets"]]
    assert sorted(kinds) == ["COUNTRY", "METRIC"]


# Groups


def test_groups_hold_what_has_the_same_values(of_small: Ask) -> None:
    groups = of_small(GROUPS, {"keys": ["COUNTRY", "PARTNER"]})["data"]["projects"]["groupBy"]
    assert groups["totalCount"] == 2
    assert [(group["count"], [key["value"] for key in group["keys"]]) for group in groups["nodes"]] == [
        (2, ["country:ML", "partner:msf"]),
        (1, ["country:ML", "partner:moh"]),
    ]
    assert groups["nodes"][0]["keys"][1] == {
        "key": "PARTNER",
        "value": "partner:msf",
        "label": "Médecins Sans Frontières",
    }


def test_groups_come_in_the_order_asked_for_and_go_on_from_a_cursor(of_small: Ask) -> None:
    for by, expected in (
        ({"by": "KEY", "direction": "ASC"}, ["2020-05", None]),
        ({"by": "KEY"}, ["2020-05", None]),  # what is missing comes last in either direction
        ({"by": "COUNT", "direction": "ASC"}, ["2020-05", None]),
        (None, ["2020-05", None]),
    ):
        asked = {"keys": ["MONTH"], "by": by, "n": 1}
        found, cursor = [], None
        for page in range(2):
            groups = of_small(GROUPS, asked | {"at": cursor})["data"]["projects"]["groupBy"]
            assert groups["totalCount"] == 2
            assert groups["pageInfo"]["hasPreviousPage"] == (page == 1)
            assert groups["pageInfo"]["hasNextPage"] == (page == 0)
            assert groups["pageInfo"]["startCursor"] == groups["pageInfo"]["endCursor"]
            cursor = groups["pageInfo"]["endCursor"]
            found += [group["keys"][0]["value"] for group in groups["nodes"]]
        assert found == expected


def test_a_cursor_is_of_just_these_groups(of_small: Ask) -> None:
    asked = {"keys": ["STATUS"], "n": 1}
    cursor = of_small(GROUPS, asked)["data"]["projects"]["groupBy"]["pageInfo"]["endCursor"]
    for other in (
        {"keys": ["STATUS", "YEAR"]},
        {"by": {"by": "KEY"}},
        {"having": {"count": {"gt": 0}}},
        {"where": {"name": {"contains": "o"}}},
        {"at": cursor[:-1]},
        {"at": ""},
    ):
        assert refusal(of_small(GROUPS, asked | {"at": cursor} | other))[0] == "INVALID_CURSOR"
    assert "errors" not in of_small(GROUPS, asked | {"at": cursor, "n": 2})


@pytest.mark.parametrize(
    "position", [[], [1], [1, [1], [1]], ["1", [1]], [1, 1], [1, ["x"]], [1, [[]]], [True, [1]], [1, [None]]]
)
def test_a_sealed_cursor_that_holds_no_place_of_these_groups_is_refused(of_small: Ask, position: Any) -> None:
    """The seal is no secret: anybody can make one."""
    own = of_small(GROUPS, {"keys": ["STATUS"], "n": 1})["data"]["projects"]["groupBy"]["pageInfo"]["endCursor"]
    listed = list_identity(Kind.PROJECT.name, ALWAYS, NATURAL)
    identity = list_identity("groups", listed, ["STATUS"], ALWAYS, Figure.COUNT, True)
    assert own == seal_cursor((1, [ProjectStatus.IMPLEMENTATION.rank]), identity)
    refused = of_small(GROUPS, {"keys": ["STATUS"], "at": seal_cursor(position, identity)})
    assert refusal(refused)[0] == "INVALID_CURSOR"


def test_a_cursor_of_the_groups_of_one_parent_is_refused_by_the_others(of_small: Ask) -> None:
    asked = "{ countries { nodes { id projects { groupBy(keys: [STATUS], first: 1%s) { pageInfo { endCursor } } } } } }"
    nodes = of_small(asked % "")["data"]["countries"]["nodes"]
    cursors = {node["id"]: node["projects"]["groupBy"]["pageInfo"]["endCursor"] for node in nodes}
    assert cursors["country:BF"] is None
    answer = of_small(asked % f', after: "{cursors["country:ML"]}"')
    assert refusal(answer)[0] == "INVALID_CURSOR"
    assert answer["errors"][0]["path"][:3] == ["countries", "nodes", 0]  # Burkina Faso


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"keys": []}, "keys is []; give at least one, and each but once."),
        ({"keys": ["YEAR", "STATUS", "YEAR"]}, "keys is [YEAR, STATUS, YEAR]; give at least one, and each but once."),
        ({"keys": ["YEAR"], "n": 0}, "first is 0; it can be 1 to 100."),
        ({"keys": ["YEAR"], "n": 101}, "first is 101; it can be 1 to 100."),
        ({"keys": ["YEAR"], "having": {"count": None}}, "count is null, which a filter cannot mean"),
        ({"keys": ["YEAR"], "having": {"sum": {"gt": 0}}}, "Only metrics have values"),
        ({"keys": ["YEAR"], "by": {"by": "AVG"}}, "Only metrics have values"),
    ],
)
def test_what_groups_cannot_be_is_told(of_small: Ask, given: dict[str, Any], told: str) -> None:
    code, message = refusal(of_small(GROUPS, given))
    assert (code, message[: len(told)]) == ("BAD_USER_INPUT", told)


def test_having_keeps_the_groups_that_meet_it(of_small: Ask) -> None:
    for having, values in (
        ({"count": {"gte": 2}}, ["partner:msf"]),
        ({"count": {"lt": 2}}, ["partner:moh"]),
        ({"count": {"in": []}}, []),
        ({}, ["partner:msf", "partner:moh"]),
    ):
        groups = of_small(GROUPS, {"keys": ["PARTNER"], "having": having})["data"]["projects"]["groupBy"]
        assert [group["keys"][0]["value"] for group in groups["nodes"]] == values
        assert groups["totalCount"] == len(values)


def test_fewer_pairs_and_smaller_pages_can_be_allowed(small: Graph) -> None:
    few = asking(small, Settings(group_pairs=2))
    assert "errors" not in few(GROUPS, {"keys": ["STATUS"]})
    code, message = refusal(few(GROUPS, {"keys": ["PARTNER"]}))
    assert (code, message[:33]) == ("BAD_USER_INPUT", "These keys make more than 2 pairs")
    narrow = asking(small, Settings(max_page=1))
    assert len(narrow(GROUPS, {"keys": ["STATUS"]})["data"]["projects"]["groupBy"]["nodes"]) == 1
    assert len(buckets(narrow(FACETS, {"fields": ["STATUS"]}))) == 1


# Values


def test_values_are_added_where_that_means_something() -> None:
    ask = with_metrics(
        consultations("bf", "country:BF", 70_000), consultations("bf-22", "country:BF", 5, "2022"),
        consultations("unknown", "country:BF", None, "2021"),
    )  # fmt: skip
    metrics = ask(METRICS, {"keys": ["YEAR"], "by": {"by": "SUM"}})["data"]["metrics"]
    assert metrics["aggregate"]["value"] == {"sum": 600_005, "avg": 200_001.66666666666, "min": 5, "max": 530_000}
    assert metrics["aggregate"]["coverage"] == {"present": 3, "missing": 1}
    assert [(group["keys"][0]["value"], group["value"]["sum"]) for group in metrics["groupBy"]["nodes"]] == [
        ("2023", 600_000),
        ("2022", 5),
        ("2021", None),  # what is missing is no zero, and comes last
    ]
    kept = ask(METRICS, {"keys": ["YEAR"], "having": {"sum": {"lt": 100}}})["data"]["metrics"]["groupBy"]["nodes"]
    assert [group["keys"][0]["value"] for group in kept] == ["2022"]
    unknown = ask(METRICS, {"keys": ["YEAR"], "having": {"sum": {"isNull": True}}})["data"]["metrics"]["groupBy"]
    assert [group["keys"][0]["value"] for group in unknown["nodes"]] == ["2021"]


def test_of_nothing_there_is_no_value_and_nothing_is_missing(of_small: Ask) -> None:
    metrics = of_small(METRICS, {"where": {"name": {"eq": "none"}}, "keys": ["YEAR"]})["data"]["metrics"]
    assert metrics["aggregate"] == {
        "value": {"sum": None, "avg": None, "min": None, "max": None},
        "coverage": {"present": 0, "missing": 0},
    }
    assert metrics["groupBy"]["nodes"] == []


@pytest.mark.parametrize(
    ("other", "named"),
    [
        (consultations("koro", "place:koro", 5), "SUBJECT"),
        (consultations("spring", "country:ML", 5, "2023-04"), "PERIOD"),
        (consultations("aim", "country:BF", 5, measure="TARGET"), "MEASURE"),
        (consultations("other", "country:BF", 5, unit="patients"), "UNIT"),
    ],
)
def test_values_that_cannot_be_added_are_an_error_of_their_own_that_names_the_key(other: Any, named: str) -> None:
    ask = with_metrics(other)
    answer = ask(METRICS, {"keys": ["YEAR", named]})
    code, message = refusal(answer)
    assert code == "INCOMPATIBLE_AGGREGATION"
    assert f"Group by {named}" in message
    assert answer["errors"][0]["path"] == ["metrics", "aggregate", "value"]
    metrics = answer["data"]["metrics"]
    assert metrics["aggregate"] == {"value": None, "coverage": {"present": 2, "missing": 0}}
    assert sorted(group["value"]["sum"] for group in metrics["groupBy"]["nodes"]) == [5, 530_000]
    # To be ordered or kept by what cannot be added is an error of the groups.
    answer = ask(METRICS, {"keys": ["YEAR"], "by": {"by": "SUM"}})
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"INCOMPATIBLE_AGGREGATION"}


def test_one_value_counts_where_sources_contradict_each_other() -> None:
    newer = [
        {"id": "source:newer", "kind": "SOURCE", "name": "Newer", "type": "REPORT", "publishedOn": "2025"},
        {"relation": "CITES", "subject": "metric:again", "object": "source:newer"},
    ]
    ask = with_metrics(consultations("again", "country:ML", 540_000), newer)
    metrics = ask(METRICS, {"keys": ["INDICATOR"]})["data"]["metrics"]
    assert metrics["totalCount"] == 2
    assert metrics["groupBy"]["nodes"][0]["count"] == 2
    assert metrics["aggregate"]["value"]["sum"] == 540_000
    assert metrics["aggregate"]["coverage"] == {"present": 2, "missing": 0}
