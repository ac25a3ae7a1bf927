"""Search and resolve as clients ask for them: limits, cursors, facets, scores."""

from typing import Any

import pytest

from api.settings import Settings
from graph.graph import Graph
from tests.conftest import Ask, asking, refusal

SEARCH = """
query($text: String!, $kinds: [Kind!], $first: Int, $after: String) {
  search(text: $text, kinds: $kinds, first: $first, after: $after) {
    totalCount
    nodes { id }
    edges { cursor score node { id } highlights { field text } }
    pageInfo { hasNextPage hasPreviousPage endCursor }
  }
}
"""
RESOLVE = """
query($text: String!, $kinds: [Kind!], $first: Int) {
  resolve(text: $text, kinds: $kinds, first: $first) { score reason entity { id ... on Country { code } } }
}
"""
FACETS = """
query($kinds: [Kind!], $scope: FacetScope, $first: Int) {
  search(text: "koro", kinds: $kinds) {
    totalCount
    facets(fields: [KIND], scope: $scope, first: $first) { field more buckets { value label count } }
  }
}
"""


@pytest.fixture
def of_small(small: Graph) -> Ask:
    return asking(small)


def test_a_search_shows_what_it_found_where_and_how_well(of_small: Ask) -> None:
    page = of_small(SEARCH, {"text": "koro"})["data"]["search"]
    assert [node["id"] for node in page["nodes"]] == ["place:koro", "project:koro", "event:flood"]
    assert [edge["node"] for edge in page["edges"]] == page["nodes"]
    assert page["edges"][0]["highlights"] == [{"field": "name", "text": "Koro"}]
    assert [int(edge["score"]) for edge in page["edges"]] == [3, 2, 1]
    assert page["totalCount"] == 3


def test_a_search_goes_on_from_a_cursor_of_its_own_only(of_small: Ask) -> None:
    first = of_small(SEARCH, {"text": "koro", "first": 1})["data"]["search"]
    assert (first["pageInfo"]["hasNextPage"], first["pageInfo"]["hasPreviousPage"]) == (True, False)
    cursor = first["pageInfo"]["endCursor"]
    rest = of_small(SEARCH, {"text": "koro", "after": cursor})["data"]["search"]
    assert [node["id"] for node in rest["nodes"]] == ["project:koro", "event:flood"]
    assert (rest["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasPreviousPage"]) == (False, True)
    for other in ({"text": "kor"}, {"text": "koro", "kinds": ["PLACE"]}):
        assert refusal(of_small(SEARCH, {**other, "after": cursor}))[0] == "INVALID_CURSOR"
    assert refusal(of_small(SEARCH, {"text": "koro", "after": cursor[:-1]}))[0] == "INVALID_CURSOR"


@pytest.mark.parametrize(
    ("given", "total", "buckets", "more"),
    [
        ({}, 3, ["PLACE", "PROJECT", "EVENT"], False),
        ({"kinds": ["EVENT"]}, 1, ["PLACE", "PROJECT", "EVENT"], False),
        ({"kinds": ["EVENT"], "scope": "FILTERED"}, 1, ["EVENT"], False),
        ({"kinds": ["EVENT"], "scope": "ALL"}, 1, ["PLACE", "PROJECT", "EVENT"], False),
        ({"kinds": [], "scope": "FILTERED"}, 0, [], False),
        ({"first": 2}, 3, ["PLACE", "PROJECT"], True),
        ({"first": None, "scope": None}, 3, ["PLACE", "PROJECT", "EVENT"], False),
    ],
)
def test_facets_count_by_kind(of_small: Ask, given: dict[str, Any], total: int, buckets: list[str], more: bool) -> None:
    found = of_small(FACETS, given)["data"]["search"]
    shown = [{"value": kind, "label": kind.title(), "count": 1} for kind in buckets]
    assert found == {"totalCount": total, "facets": [{"field": "KIND", "more": more, "buckets": shown}]}


def test_what_a_code_means(of_small: Ask) -> None:
    (meant,) = of_small(RESOLVE, {"text": "mli"})["data"]["resolve"]
    assert meant == {
        "score": 1.0,
        "reason": "ISO 3166-1 alpha-3 code",
        "entity": {"id": "country:ML", "code": "ML"},
    }


@pytest.mark.parametrize("query", [SEARCH, RESOLVE])
def test_a_text_that_is_too_long_is_refused_whatever_is_in_it(small: Graph, query: str) -> None:
    ask = asking(small)
    assert "errors" not in ask(query, {"text": "é" * 256})
    code, message = refusal(ask(query, {"text": "é" * 257}))
    assert (code, message) == ("BAD_USER_INPUT", "The text has 257 characters; at most 256 are looked for.")
    assert "at most 4 are" in refusal(asking(small, Settings(max_text=4))(query, {"text": "koro "}))[1]


@pytest.mark.parametrize("query", [SEARCH, RESOLVE])
@pytest.mark.parametrize("first", [0, -1, 101])
def test_a_size_out_of_range_is_refused(of_small: Ask, query: str, first: int) -> None:
    code, message = refusal(of_small(query, {"text": "koro", "first": first}))
    assert code == "BAD_USER_INPUT"
    assert message.startswith(f"first is {first}; ")


def test_where_more_match_than_are_ranked_all_are_found(small: Graph) -> None:
    few = asking(small, Settings(ranked_matches=1))(SEARCH, {"text": "mali"})["data"]["search"]
    all = asking(small)(SEARCH, {"text": "mali"})["data"]["search"]
    assert few["totalCount"] == all["totalCount"] > 2
    assert {node["id"] for node in few["nodes"]} == {node["id"] for node in all["nodes"]}
    assert few["nodes"][0] == all["nodes"][0] == {"id": "country:ML"}
