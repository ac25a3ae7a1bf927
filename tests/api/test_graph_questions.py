"""Neighborhoods, paths, what is alike and what is central, as a client asks for them."""

import asyncio
import json
from time import perf_counter
from typing import Any

import httpx
import pytest

from api.__main__ import executor_of
from api.app import build_app
from api.execute import GraphQLRequest
from api.settings import Settings
from graph.graph import Graph
from tests.api.small import feed_of
from tests.conftest import Ask, asking, graph_of

NEIGHBORHOOD = """query($id: ID!, $hops: Int, $relations: [RelationKind!], $kinds: [Kind!], $limit: Int) {
  neighborhood(id: $id, hops: $hops, relations: $relations, kinds: $kinds, limit: $limit) {
    entities { distance entity { id } }
    relations { kind subject { id } object { id } }
    truncated { reason limit }
  }
}"""
PATHS = """query($from: ID!, $to: ID!, $maxHops: Int, $relations: [RelationKind!], $avoid: [Kind!], $first: Int) {
  paths(from: $from, to: $to, maxHops: $maxHops, relations: $relations, avoid: $avoid, first: $first) {
    paths { length hops { from { id } forward relation { kind role } to { id } } }
    truncated { reason limit }
  }
}"""


@pytest.fixture
def ask_small(small: Graph) -> Ask:
    return asking(small)


def entities(answer: dict[str, Any]) -> dict[str, int]:
    return {near["entity"]["id"]: near["distance"] for near in answer["data"]["neighborhood"]["entities"]}


def ways(answer: dict[str, Any]) -> list[list[str]]:
    return [[hop["to"]["id"] for hop in path["hops"]] for path in answer["data"]["paths"]["paths"]]


# In a small world


def test_a_neighborhood_has_the_nearest_first_and_the_relations_between_them(ask_small: Ask) -> None:
    answer = ask_small(NEIGHBORHOOD, {"id": "place:koro", "hops": 2, "kinds": ["PLACE", "EVENT", "PROJECT"]})
    assert entities(answer) == {
        "place:koro": 0,
        "place:mopti": 1,
        "project:koro": 1,
        "event:flood": 1,
        "event:attack": 2,
    }
    told = answer["data"]["neighborhood"]
    assert [relation["kind"] for relation in told["relations"]] == ["PART_OF", "LOCATED_IN", "OCCURRED_IN", "FOLLOWED"]
    assert told["truncated"] is None
    cut = ask_small(NEIGHBORHOOD, {"id": "place:koro", "hops": 2, "limit": 2})
    assert entities(cut) == {"place:koro": 0, "place:mopti": 1, "project:koro": 1}
    assert cut["data"]["neighborhood"]["truncated"] == {"reason": "limit", "limit": 2}


def test_paths_say_how_each_relation_is_walked(ask_small: Ask) -> None:
    answer = ask_small(PATHS, {"from": "partner:moh", "to": "project:koro"})
    assert answer["data"]["paths"] == {
        "paths": [
            {
                "length": 3,
                "hops": [
                    {
                        "from": {"id": "partner:moh"},
                        "forward": True,
                        "relation": {"kind": "PARTICIPATES_IN", "role": None},
                        "to": {"id": "project:bamako"},
                    },
                    {
                        "from": {"id": "project:bamako"},
                        "forward": False,
                        "relation": {"kind": "PARTICIPATES_IN", "role": "IMPLEMENTING"},
                        "to": {"id": "partner:msf"},
                    },
                    {
                        "from": {"id": "partner:msf"},
                        "forward": True,
                        "relation": {"kind": "PARTICIPATES_IN", "role": "FUNDING"},
                        "to": {"id": "project:koro"},
                    },
                ],
            }
        ],
        "truncated": None,
    }


def test_paths_go_around_the_kinds_to_avoid_and_end_at_them(ask_small: Ask) -> None:
    asked = {"from": "project:koro", "to": "country:ML"}
    assert ways(ask_small(PATHS, asked))[0] == ["partner:msf", "project:bamako", "country:ML"]
    around = ways(ask_small(PATHS, asked | {"avoid": ["PARTNER", "COUNTRY"]}))
    assert around[0] == ["place:koro", "place:mopti", "country:ML"]
    assert ways(ask_small(PATHS, asked | {"avoid": ["PARTNER", "PLACE"]})) == []
    assert ways(ask_small(PATHS, asked | {"first": 1})) == [["partner:msf", "project:bamako", "country:ML"]]
    assert ask_small(PATHS, asked | {"first": 1})["data"]["paths"]["truncated"] == {"reason": "first", "limit": 1}


def test_an_entity_to_itself_is_one_path_without_hops(ask_small: Ask) -> None:
    answer = ask_small(PATHS, {"from": "country:ML", "to": "country:ML"})
    assert answer["data"]["paths"] == {"paths": [{"length": 0, "hops": []}], "truncated": None}


def test_what_is_alike_tells_what_is_shared(ask_small: Ask) -> None:
    answer = ask_small(
        '{ similar(id: "project:koro") { items { entity { id } score shared { id } } truncated { reason } } }'
    )
    (item,) = answer["data"]["similar"]["items"]
    assert item == {
        "entity": {"id": "project:bamako"},
        "score": pytest.approx(1 / 0.6931471805599453),
        "shared": [{"id": "partner:msf"}],
    }
    assert answer["data"]["similar"]["truncated"] is None


def test_what_is_central_names_its_version(ask_small: Ask) -> None:
    shown = "items { entity { id } score } version isEstimate truncated { reason limit }"
    assert ask_small(f"{{ central(measure: DEGREE, first: 1) {{ {shown} }} }}")["data"]["central"] == {
        "items": [{"entity": {"id": "country:ML"}, "score": 0.5}],
        "version": 1,
        "isEstimate": False,
        "truncated": {"reason": "first", "limit": 1},
    }


def test_betweenness_is_said_to_be_an_estimate_where_it_is_one(small: Graph) -> None:
    query = "{ central(measure: BETWEENNESS, first: 100) { isEstimate truncated { reason } } }"
    assert asking(small)(query)["data"]["central"] == {"isEstimate": False, "truncated": None}
    sampled = asking(small, Settings(pivots=3))(query)
    assert sampled["data"]["central"] == {"isEstimate": True, "truncated": None}


# What cannot be asked


@pytest.mark.parametrize("executor", ["compiled", "reference"])
@pytest.mark.parametrize(
    ("field", "told"),
    [
        ('neighborhood(id: "country:ML", hops: 0) { truncated { limit } }', "hops is 0; it can be 1 to 6."),
        ('neighborhood(id: "country:ML", hops: -1) { truncated { limit } }', "hops is -1; it can be 1 to 6."),
        ('neighborhood(id: "country:ML", hops: 2147483647) { truncated { limit } }', "it can be 1 to 6."),
        ('neighborhood(id: "country:ML", limit: 0) { truncated { limit } }', "limit is 0; it can be 1 to 1,000."),
        ('neighborhood(id: "nobody", limit: 1001) { truncated { limit } }', "limit is 1001; it can be 1 to 1,000."),
        ('paths(from: "a", to: "b", maxHops: 7) { truncated { limit } }', "maxHops is 7; it can be 1 to 6."),
        ('paths(from: "a", to: "b", first: 0) { truncated { limit } }', "first is 0; it can be 1 to 100."),
        ('similar(id: "a", first: 101) { truncated { limit } }', "first is 101; it can be 1 to 100."),
        ("central(first: -5) { version }", "first is -5; it can be 1 to 100."),
    ],
)
def test_numbers_out_of_range_are_refused_with_the_range(small: Graph, executor: Any, field: str, told: str) -> None:
    (error,) = asking(small, Settings(executor=executor))(f"{{ {field} }}")["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert error["message"].endswith(told)


@pytest.mark.parametrize("id", ["country:nowhere", "", "\ud800", "\0", "a" * 10_000])
def test_of_an_unknown_id_there_is_nothing(ask_small: Ask, id: str) -> None:
    assert ask_small(NEIGHBORHOOD, {"id": id})["data"] == {"neighborhood": None}
    assert ask_small(PATHS, {"from": id, "to": "country:ML"})["data"] == {"paths": None}
    assert ask_small(PATHS, {"from": "country:ML", "to": id})["data"] == {"paths": None}
    assert ask_small("query($id: ID!) { similar(id: $id) { truncated { limit } } }", {"id": id})["data"] == {
        "similar": None
    }


def test_empty_lists_of_kinds_leave_nothing_over_and_null_is_as_good_as_none(ask_small: Ask) -> None:
    alone = {"country:ML": 0}
    assert entities(ask_small(NEIGHBORHOOD, {"id": "country:ML", "kinds": []})) == alone
    assert entities(ask_small(NEIGHBORHOOD, {"id": "country:ML", "relations": []})) == alone
    names = ("hops", "relations", "kinds", "limit")
    assert ask_small(NEIGHBORHOOD, {"id": "country:ML"} | dict.fromkeys(names)) == ask_small(
        NEIGHBORHOOD, {"id": "country:ML"}
    )
    asked = {"from": "country:ML", "to": "partner:moh"}
    names = ("maxHops", "relations", "avoid", "first")
    assert ask_small(PATHS, asked | dict.fromkeys(names)) == ask_small(PATHS, asked | {"avoid": []})


# What takes long

TIME_MS = 500
SEARCH = """{ paths(from: "event:start", to: "event:end", maxHops: 6) {
  paths { length } truncated { reason limit }
} }"""


def maze() -> Graph:
    """One short path, and beside it a crowd where whoever looks for another one tries millions of ways in vain."""
    crowd = [f"event:{number}" for number in range(120)]
    lines: list[dict[str, Any]] = [
        {"id": id, "kind": "EVENT", "name": id, "type": "OTHER"} for id in (*crowd, "event:start", "event:end")
    ]
    lines += [
        {"relation": "FOLLOWED", "subject": one, "object": other}
        for place, one in enumerate(crowd)
        for other in crowd[:place]
    ]
    lines += [{"relation": "FOLLOWED", "subject": end, "object": crowd[0]} for end in ("event:start", "event:end")]
    return graph_of(lines)


@pytest.fixture(scope="module")
def long_way() -> Graph:
    return maze()


@pytest.mark.parametrize("executor", ["compiled", "reference"])
def test_other_requests_are_answered_while_a_long_question_is(long_way: Graph, executor: Any) -> None:
    settings = Settings(executor=executor, question_ms=TIME_MS)
    answering = executor_of(long_way, settings)

    async def story() -> tuple[Any, float, int]:
        started = perf_counter()
        searching = asyncio.create_task(answering.execute(GraphQLRequest(SEARCH)))
        others = 0
        while not searching.done():
            await asyncio.sleep(0)
            other = await answering.execute(GraphQLRequest("{ graph { entityCount } }"))
            assert other.body == b'{"data":{"graph":{"entityCount":122}}}'
            others += 1
        return json.loads(searching.result().body), perf_counter() - started, others

    answer, seconds, others = asyncio.run(story())
    assert answer["data"]["paths"] == {"paths": [{"length": 2}], "truncated": {"reason": "time", "limit": TIME_MS}}
    assert seconds >= TIME_MS / 1_000
    assert others > 10


def test_two_long_questions_in_one_operation_are_both_answered(long_way: Graph) -> None:
    """On graphql-core at the same time, compiled one after the other."""
    query = f"{{ a: {SEARCH[1:-1]} b: {SEARCH[1:-1]} }}".replace("a:  ", "a: ").replace("b:  ", "b: ")
    for executor in ("compiled", "reference"):
        data = asking(long_way, Settings(executor=executor, question_ms=50))(query)["data"]  # type: ignore[arg-type]
        assert [data[key]["truncated"]["reason"] for key in "ab"] == ["time", "time"]


def test_an_answer_that_is_cut_by_time_is_not_kept_and_others_are(long_way: Graph) -> None:
    settings = Settings(question_ms=20)
    head = {"ready": True}
    executor = executor_of(long_way, settings)
    feed = feed_of(executor, long_way)
    app = build_app(executor, settings, feed, sdl="", state=lambda: long_way.head, ready=lambda: head)

    async def get(query: str) -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            return await client.get("/graphql", params={"query": query})

    cut = asyncio.run(get(SEARCH))
    assert '"reason":"time"' in cut.text
    assert "etag" not in cut.headers
    assert cut.headers["cache-control"] == "no-store"
    whole = asyncio.run(get(SEARCH.replace("6", "3")))
    assert whole.json()["data"]["paths"]["truncated"] is None
    assert whole.headers["etag"]


@pytest.mark.parametrize("executor", ["compiled", "reference"])
def test_a_long_question_is_explained_too(long_way: Graph, executor: Any) -> None:
    answering = executor_of(long_way, Settings(executor=executor, question_ms=50))
    request = GraphQLRequest(SEARCH, extensions={"explain": True})
    told = json.loads(asyncio.run(answering.execute(request)).body)["extensions"]["explain"]
    step = told["steps"][0]
    assert step["asked"] == ['find paths of up to 6 hops from "event:start" to "event:end", first 3']
    assert (step["calls"], step["rowsOut"]) == (1, 1)
    assert step["ms"] >= 50
