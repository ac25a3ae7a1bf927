"""How an answer came about: told beside the answer, which it does not change, and drawn by `fieldgraph explain`."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, note

from api.__main__ import executor_of
from api.app import build_app
from api.execute import GraphQLRequest
from api.explain import drawn, labels
from api.settings import Settings
from api.wording import in_words
from graph.engine import settle
from graph.graph import Graph
from graph.paths import PROJECT_PARTNERS
from graph.plan import (
    And,
    CodeCount,
    Codes,
    Compare,
    Expand,
    Match,
    Not,
    Operator,
    Or,
    OrderKey,
    Page,
    Quantifier,
    Reached,
    Related,
    RelatedCount,
    Relations,
    ValueType,
)
from graph.vocabulary import Direction, Kind, PartnerRole, PartnerType, ProjectStatus, RelationKind
from tests.api.small import feed_of, send
from tests.api.test_calls import COSTS, peopled
from tests.api.twins import Twins
from tests.conftest import graph_of
from tests.engines import Counting, Sabotaged
from tests.operations import OPERATION, Asked, operation_of
from tests.worlds import WORLD, Choices, choices, examples, world

MARK = b',"extensions":{"explain":'


@pytest.fixture(autouse=True, scope="module")
def _no_log() -> Iterator[None]:
    logger = logging.getLogger("fieldgraph")
    before, logger.level = logger.level, logging.CRITICAL + 1
    yield
    logger.setLevel(before)


def explained(graph: Graph, text: str, executor: str = "compiled", **variables: Any) -> dict[str, Any]:
    """What the answer to a query tells of how it came about."""
    twins = Twins(graph.engine, graph.head)
    answer = getattr(twins, executor)(Asked(text, None, variables, {}), explained=True)
    told: dict[str, Any] = json.loads(answer.body)["extensions"]["explain"]
    return told


def steps(graph: Graph, text: str, executor: str = "compiled") -> list[tuple[Any, ...]]:
    """Each step: its path, its field or leaves, rows in and out."""
    told = explained(graph, text, executor)["steps"]
    return [(step["path"], step["field"] or step["leaves"], step["rowsIn"], step["rowsOut"]) for step in told]


def asked(graph: Graph, text: str) -> list[tuple[list[str], list[str]]]:
    """What each step that asked the engine asked, and by which indexes the answers were found."""
    return [(step["asked"], step["indexes"]) for step in explained(graph, text)["steps"] if step["calls"]]


# Beside the answer


@examples(60)
@given(choose=choices(WORLD + 1 + OPERATION))
def test_the_answer_is_the_same_and_every_call_is_told(choose: Choices) -> None:
    graph = graph_of(world(choose.part(WORLD)))
    salt = choose.one([None, None, 1, 2, 3])
    counting = Counting(graph.engine if salt is None else Sabotaged(graph.engine, salt))
    twins = Twins(counting, graph.head)
    drawn_operation = operation_of(choose.part(OPERATION))
    note(f"asked: {drawn_operation.text}\nof it: {drawn_operation.name}, with {drawn_operation.variables}")
    for answer in (twins.compiled, twins.reference):
        plain = answer(drawn_operation)
        counting.calls.clear()
        told = answer(drawn_operation, explained=True)
        body, mark, _ = told.body.rpartition(MARK)
        if not mark:
            assert told == plain
            assert json.loads(told.body).keys() == {"errors"}  # refused as a whole: nothing has run
            continue
        assert body == plain.body[:-1]
        plan = json.loads(told.body)["extensions"]["explain"]
        assert sum(step["calls"] for step in plan["steps"]) == counting.calls.total()
        labels(plan["steps"])


@pytest.mark.parametrize("text", COSTS)
def test_what_a_query_costs_is_told(text: str) -> None:
    told = explained(graph_of(peopled(3)), text)["steps"]
    assert sum(step["calls"] for step in told) == sum(COSTS[text].values())


def test_what_is_told(small: Graph) -> None:
    told = explained(small, '{ country(code: "ML") { name } }')
    assert list(told) == ["executor", "version", "ms", "steps"]
    assert (told["executor"], told["version"]) == ("compiled", 1)
    country, name = told["steps"]
    assert country.pop("ms") >= 0
    assert name.pop("ms") >= 0
    assert country == {
        "path": "country",
        "field": "Query.country",
        "leaves": [],
        "asked": ["find COUNTRY by code or alpha3"],
        "calls": 1,
        "indexes": ["code", "alpha3"],
        "rowsIn": 1,
        "rowsOut": 1,
    }
    assert name == {
        "path": "country",
        "field": None,
        "leaves": ["name"],
        "asked": [],
        "calls": 0,
        "indexes": [],
        "rowsIn": 1,
        "rowsOut": 1,
    }


LISTS = (
    '{ country(code: "ML") { p: projects { totalCount nodes { name partners { edges { role node { name } } } } } } }'
)


def test_rows_are_counted_where_they_come_in_and_where_they_go_out(small: Graph) -> None:
    assert steps(small, LISTS) == [
        ("country", "Query.country", 1, 1),
        ("country.p", "Country.projects", 1, 2),
        ("country.p.nodes", ["name"], 2, 2),
        ("country.p.nodes.partners", "Project.partners", 2, 3),
        ("country.p.nodes.partners.edges", ["role"], 3, 3),
        ("country.p.nodes.partners.edges.node", "PartnerEdge.node", 3, 3),
        ("country.p.nodes.partners.edges.node", ["name"], 3, 3),
    ]


def test_of_graphql_core_the_calls_are_told_so_that_the_two_can_be_compared(small: Graph) -> None:
    told = explained(small, LISTS, "reference")
    assert told["executor"] == "reference"
    assert [
        (step["path"], step["field"], step["calls"], step["rowsIn"], step["rowsOut"]) for step in told["steps"]
    ] == [
        ("country", "Query.country", 1, 1, 1),
        ("country.p", "Country.projects", 2, 1, 2),
        ("country.p.nodes.partners", "Project.partners", 2, 2, 3),
    ]


def test_what_only_graphql_core_answers_is_told_to_be_its(small: Graph) -> None:
    told = explained(small, "{ __schema { queryType { name } } graph { version } }")
    assert (told["executor"], [step["path"] for step in told["steps"]]) == ("reference", ["graph"])


def test_nothing_is_told_of_steps_that_nobody_reaches(small: Graph) -> None:
    assert steps(small, '{ country(code: "XX") { projects { nodes { name } } } }') == [
        ("country", "Query.country", 1, 0)
    ]


def test_objects_of_several_kinds_are_asked_for_in_one_step(small: Graph) -> None:
    text = '{ nodes(ids: ["country:ML", "project:koro"]) { ... on Entity { sources { nodes { id } } } } }'
    assert steps(small, text) == [("nodes", "Query.nodes", 1, 2), ("nodes.sources", "Country.sources", 2, 1)]


def test_counts_count_as_one_row_each(small: Graph) -> None:
    assert steps(small, "{ countries { nodes { projects { totalCount } } } events { totalCount } }") == [
        ("countries", "Query.countries", 1, 2),
        ("countries.nodes.projects", "Country.projects", 2, 2),
        ("events", "Query.events", 1, 1),
    ]


def test_a_step_s_time_is_its_own(small: Graph) -> None:
    told = explained(small, LISTS)
    assert all(step["ms"] >= 0 for step in told["steps"])
    assert sum(step["ms"] for step in told["steps"]) <= told["ms"] + 0.01  # each is rounded


# Indexes


@pytest.mark.parametrize(
    ("where", "said", "indexes"),
    [
        ("status: {eq: SUSPENDED}", "status = SUSPENDED", ["status = SUSPENDED"]),
        (
            "partners: {some: {type: {eq: GOVERNMENT}}}",
            "some projectPartners (type = GOVERNMENT)",
            ["projectPartners.type = GOVERNMENT"],
        ),
        (
            'name: {contains: "a"}, status: {eq: SUSPENDED}, events: {some: {type: {eq: FLOOD}}}',
            'name contains "a" and status = SUSPENDED and some affectedBy (type = FLOOD)',
            ["status = SUSPENDED", "affectedBy.type = FLOOD"],
        ),
        (
            "or: [{partners: {some: {type: {eq: GOVERNMENT}}}}, {status: {eq: SUSPENDED}}]",
            "some projectPartners (type = GOVERNMENT) or status = SUSPENDED",
            ["projectPartners.type = GOVERNMENT"],
        ),
        ('name: {contains: "a"}', 'name contains "a"', []),
        ("partners: {all: {type: {eq: GOVERNMENT}}}", "all projectPartners (type = GOVERNMENT)", []),
    ],
)
def test_the_indexes_that_a_filter_uses_are_told(small: Graph, where: str, said: str, indexes: list[str]) -> None:
    assert asked(small, f"{{ projects(where: {{{where}}}) {{ nodes {{ id }} }} }}") == [
        ([f"match PROJECT where {said}, first 3"], indexes)
    ]
    assert asked(small, f"{{ projects(where: {{{where}}}) {{ totalCount }} }}") == [
        ([f"count PROJECT where {said}"], indexes)
    ]


def test_attributes_are_named_as_in_the_schema(small: Graph) -> None:
    text = "{ indicators(where: {countBasis: {eq: CONSULTATIONS}}, orderBy: [{field: COUNT_BASIS}]) { nodes { id } } }"
    assert asked(small, text) == [
        (
            ["match INDICATOR where countBasis = CONSULTATIONS, ordered by countBasis, first 3"],
            ["countBasis = CONSULTATIONS"],
        )
    ]


# Words

STATUS = Compare("status", ValueType.TERM, Operator.EQ, ProjectStatus.SUSPENDED)
STARTED = Compare("started_on", ValueType.DATE, Operator.GTE, "2023")
NGO = Compare("type", ValueType.TERM, Operator.IN, (PartnerType.GOVERNMENT, PartnerType.FOUNDATION))
FUNDS = Compare("role", ValueType.TERM, Operator.EQ, PartnerRole.FUNDING)
CODE = Compare("code", ValueType.TEXT, Operator.NE, 'a"b')
MANY = Compare("count", ValueType.NUMBER, Operator.GT, 2)
PARTNERS = Reached(PROJECT_PARTNERS, And(()), And(()))


@pytest.mark.parametrize(
    ("where", "said"),
    [
        (
            And((STATUS, Or((STARTED, Not(FUNDS))))),
            'status = SUSPENDED and (startedOn >= "2023" or not (role = FUNDING))',
        ),
        (Or(()), "nothing"),
        (Not(And(())), "not (anything)"),
        (Compare("ended_on", ValueType.DATE, Operator.IS_NULL, True), "endedOn is null"),
        (Compare("ended_on", ValueType.DATE, Operator.IS_NULL, False), "endedOn is not null"),
        (Codes("sectors", Quantifier.NONE, CODE), 'none sectors (code != "a\\"b")'),
        (CodeCount("activities", MANY), "activities (count > 2)"),
        (RelatedCount(PARTNERS, MANY), "projectPartners (count > 2)"),
        (
            Related(Reached(PROJECT_PARTNERS, FUNDS, NGO), Quantifier.SOME, STATUS),
            "some projectPartners by relations with (role = FUNDING) among those with"
            " (type in [GOVERNMENT, FOUNDATION]) (status = SUSPENDED)",
        ),
        (
            Compare("name", ValueType.TEXT, Operator.NOT_IN, ("x" * 99, *"abcdef")),
            f'name not in ["{"x" * 59}…", "a", "b", "c", "d" and 2 more]',
        ),
    ],
)
def test_conditions_are_put_in_words(where: Any, said: str) -> None:
    assert in_words("count", Match(Kind.PROJECT, where)) == f"count PROJECT where {said}"


def test_questions_are_put_in_words() -> None:
    order = (OrderKey(ValueType.DATE, "started_on", descending=True), OrderKey(ValueType.NUMBER, path=PROJECT_PARTNERS))
    assert in_words("expand", Expand(PROJECT_PARTNERS, order=order), Page(last=5, before=("x",))) == (
        "expand projectPartners, ordered by startedOn descending, count of projectPartners, last 5 before a cursor"
    )
    assert in_words("list", Relations(), Page(first=1_000, after=(1,))) == "list relations, first 1,000 after a cursor"
    assert in_words("count", Relations((), Direction.OUT)) == "count relations of kind none that leave"
    kinds = (RelationKind.CITES, RelationKind.ABOUT)
    assert in_words("count", Relations(kinds, Direction.IN)) == "count relations of kind CITES or ABOUT that reach"


def test_long_questions_are_cut() -> None:
    assert len(in_words("match", Match(Kind.PROJECT, And((STATUS,) * 200)), Page(first=1))) == 1_000


# Whether it is told at all


def ask(graph: Graph, extensions: Any, **settings: Any) -> tuple[int, dict[str, Any]]:
    executor = executor_of(graph, Settings(**settings))
    answer = settle(executor.execute(GraphQLRequest("{ __typename }", extensions=extensions)))
    return answer.status, json.loads(answer.body)


@pytest.mark.parametrize("extensions", [None, {}, {"explain": False}, {"explain": None}, {"persisted": True}])
def test_it_is_told_only_where_it_is_asked_for(small: Graph, extensions: Any) -> None:
    assert ask(small, extensions) == (200, {"data": {"__typename": "Query"}})


@pytest.mark.parametrize("value", [True, "yes", 1])
def test_where_requests_may_not_ask_the_extension_is_ignored(small: Graph, value: Any) -> None:
    assert ask(small, {"explain": value}, explain=False) == (200, {"data": {"__typename": "Query"}})


@pytest.mark.parametrize(("value", "shown"), [("yes", '"yes"'), (1, "1"), ({"x": 1}, '{"x":1}')])
def test_a_value_that_is_no_boolean_is_refused(small: Graph, value: Any, shown: str) -> None:
    status, document = ask(small, {"explain": value})
    assert (status, document) == (
        400,
        {
            "errors": [
                {
                    "message": f'extensions.explain is {shown}, but must be true or false: {{"explain": true}}.',
                    "extensions": {"code": "BAD_USER_INPUT"},
                }
            ]
        },
    )


def test_an_explained_answer_is_never_kept(small: Graph) -> None:
    settings = Settings()
    executor = executor_of(small, settings)
    app = build_app(executor, settings, feed_of(executor, small), sdl="", state=lambda: 1, ready=dict)
    for extensions, is_explained in (('{"explain": true}', True), ('{"explain": "yes"}', False), ("{}", False)):
        params = {"query": "{ __typename }", "extensions": extensions}
        answer = send("GET", app=app, params=params)
        is_kept = extensions == "{}"
        assert ("explain" in answer.json().get("extensions", {})) is is_explained
        assert ("etag" in answer.headers) is is_kept
        assert answer.headers["cache-control"] == ("no-cache" if is_kept else "no-store")
        again = send("GET", app=app, params=params, headers={"If-None-Match": answer.headers.get("etag", "*")})
        assert again.status_code == (304 if is_kept else answer.status_code)


def test_what_is_remembered_of_the_schema_holds_no_plan_and_makes_none(small: Graph) -> None:
    executor = executor_of(small, Settings())
    plain, extended = [
        GraphQLRequest("{ __schema { queryType { name } } }", extensions={"explain": asks}) for asks in (False, True)
    ]
    answers = [json.loads(settle(executor.execute(request)).body) for request in (plain, extended, plain, extended)]
    assert answers[0] == answers[2] == {"data": {"__schema": {"queryType": {"name": "Query"}}}}
    assert [answers[index]["extensions"]["explain"]["executor"] for index in (1, 3)] == ["reference"] * 2


# Drawn


def test_steps_are_drawn_as_a_tree(small: Graph) -> None:
    told = explained(small, LISTS.replace("totalCount", "pageInfo { endCursor }").replace("{ p:", "{ code p:"))
    assert labels(told["steps"]) == [
        "country",
        "  { code }",
        "  p (Country.projects)",
        "    pageInfo { endCursor }",
        "    nodes { name }",
        "    nodes.partners",
        "      edges { role }",
        "      edges.node",
        "        { name }",
    ]


def test_siblings_stand_beside_each_other(small: Graph) -> None:
    told = explained(small, "{ a: graph { version } __typename events { nodes { id } } }")
    assert labels(told["steps"]) == ["a (Query.graph)", "  { version }", "{ __typename }", "events"]


def test_a_plan_is_drawn_as_plain_text(small: Graph) -> None:
    told = explained(small, '{ country(code: "ML") { projects(where: {status: {eq: SUSPENDED}}) { totalCount } } }')
    told |= {"ms": 1.5, "steps": [step | {"ms": 0.25} for step in told["steps"]]}
    assert drawn(told) == (
        "Answered compiled, at version 1, in 1.500 ms.\n"
        "\n"
        "step        in  out     ms  by index      asked\n"
        "country      1    1  0.250  code; alpha3  find COUNTRY by code or alpha3\n"
        "  projects   1    1  0.250                count projectsInside where status = SUSPENDED\n"
    )
    assert max(map(len, drawn(told, 60).splitlines())) <= 60
    told["steps"][1]["calls"] = 1_200
    assert "  1,200 times: count projectsInside where" in drawn(told)


def test_a_plan_without_a_step_says_who_answered(small: Graph) -> None:
    told = explained(small, "{ __schema { queryType { name } } }") | {"ms": 1.5}
    assert drawn(told) == "Answered by graphql-core, at version 1, in 1.500 ms.\n"
