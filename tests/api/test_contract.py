"""The committed schema keeps every promise of contract.graphql, and later.txt says truly what is not built yet."""

import re
from pathlib import Path

import pytest
from graphql import GraphQLSchema, build_schema, validate_schema

from tests.api.contract import broken, definitions, promises, read_later, stands_for

HERE = Path(__file__).parent
COMMITTED = HERE.parents[1] / "api" / "schema.graphql"
LATER = read_later((HERE / "later.txt").read_text("utf-8"))
CONTRACT = build_schema((HERE / "contract.graphql").read_text("utf-8"))
PROMISED = promises(CONTRACT)
DUE = {name: what for name, what in PROMISED.items() if not any(stands_for(line, name) for line in LATER)}


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return build_schema(COMMITTED.read_text("utf-8"))


# The promise


def test_the_schema_keeps_the_contract(schema: GraphQLSchema) -> None:
    faults = broken(DUE, promises(schema))
    assert not faults, "\n".join(faults)


def test_what_is_built_is_taken_off_the_list_of_what_comes_later(schema: GraphQLSchema) -> None:
    built = promises(schema).keys() & PROMISED.keys()
    ready = [line for line in LATER if any(stands_for(line, name) for name in built)]
    assert not ready, "\n".join(["take off tests/api/later.txt:", *ready])


def test_what_comes_later_is_in_the_contract() -> None:
    assert [line for line in LATER if not any(stands_for(line, name) for name in PROMISED)] == []
    assert [line for line, issue in LATER.items() if not issue] == []


def test_nothing_due_now_needs_what_comes_later() -> None:
    not_yet = PROMISED.keys() - DUE.keys()
    assert [name for name, what in DUE.items() if not_yet.intersection(re.findall(r"\w+", what))] == []


# The schema


def test_the_committed_schema_is_what_the_code_prints() -> None:
    from api.schema import print_sdl  # here, because all else in this file judges the two texts without the code

    hint = "api/schema.graphql is out of date: print it with `fieldgraph schema` and review the difference"
    assert COMMITTED.read_text("utf-8") == print_sdl(), hint


def test_the_contract_and_the_schema_are_valid(schema: GraphQLSchema) -> None:
    assert validate_schema(CONTRACT) == []
    assert validate_schema(schema) == []


def test_everything_in_the_schema_is_described(schema: GraphQLSchema) -> None:
    silent = [name for name, definition in definitions(schema) if not (definition.description or "").strip()]
    assert not silent, "\n".join(["without a description:", *silent])


def test_every_connection_has_the_shape_that_relay_expects(schema: GraphQLSchema) -> None:
    given = promises(schema)
    # Connections of groups have no edges: a group is no node, and its page has a cursor only at the end.
    for connection in [name for name in given if re.fullmatch(r"\w+(?<!Group)Connection", name)]:
        edge = connection.removesuffix("Connection") + "Edge"
        node = given[f"{edge}.node"]
        shape = {
            f"{connection}.edges": f"[{edge}!]!",
            f"{connection}.nodes": f"[{node}]!",
            f"{connection}.pageInfo": "PageInfo!",
            f"{connection}.totalCount": "Int!",
            f"{edge}.cursor": "String!",
            f"{edge}.node": f"{node.removesuffix('!')}!",
        }
        assert {name: given.get(name) for name in shape} == shape


# The comparison itself

SMALL = """
interface Node { id: ID! }
type Country implements Node { id: ID!  name: String!  area: Float }
enum Kind { COUNTRY PLACE }
input CountryFilter { name: String  kinds: [Kind!] = [COUNTRY] }
type Query { country(code: String!): Country  countries(where: CountryFilter, first: Int = 20): [Country!]! }
"""


def edited(before: str, after: str) -> dict[str, str]:
    assert before in SMALL
    return promises(build_schema(SMALL.replace(before, after)))


@pytest.mark.parametrize(
    ("before", "after", "faults"),
    [
        ("Node", "Thing", ["Country implements Node is missing", "Node is missing"]),
        ("implements Node", "", ["Country implements Node is missing"]),
        ("area: Float", "", ["Country.area is missing"]),
        ("area", "surface", ["Country.area is missing"]),
        ("area: Float", "area: Int", ["Country.area: promised Float, is Int"]),
        ("name: String!", "name: String", ["Country.name: promised String!, is String"]),
        ("area: Float", "area: Float!", ["Country.area: promised Float, is Float!"]),
        ("area: Float", "area(unit: ID!): Float", ["Country.area(unit) is required, clients do not know of it"]),
        ("[Country!]!", "[Country]!", ["Query.countries: promised [Country!]!, is [Country]!"]),
        ("COUNTRY PLACE", "COUNTRY", ["Kind.PLACE is missing"]),
        ("type Query", "schema { query: Root } type Root { a: Int } type Query", ["Query answers query is missing"]),
        (
            "input CountryFilter { name: String  kinds: [Kind!] = [COUNTRY] }",
            "scalar CountryFilter",
            [
                "CountryFilter.kinds is missing",
                "CountryFilter.name is missing",
                "CountryFilter: promised input object type definition, is scalar type definition",
            ],
        ),
        ("name: String ", "", ["CountryFilter.name is missing"]),
        ("name: String ", "name: String! ", ["CountryFilter.name: promised String, is String!"]),
        ("name: String ", "name: String code: ID! ", ["CountryFilter.code is required, clients do not know of it"]),
        ("= [COUNTRY]", "= [PLACE]", ["CountryFilter.kinds: promised [Kind!] = [COUNTRY], is [Kind!] = [PLACE]"]),
        ("(code: String!)", "", ["Query.country(code) is missing"]),
        ("code: String!", "code: ID!", ["Query.country(code): promised String!, is ID!"]),
        ("first: Int = 20", "first: Int = 10", ["Query.countries(first): promised Int = 20, is Int = 10"]),
        ("first: Int = 20", "first: Int", ["Query.countries(first): promised Int = 20, is Int"]),
        (
            "where: CountryFilter",
            "where: CountryFilter = null",
            ["Query.countries(where): promised CountryFilter, is CountryFilter = null"],
        ),
        (
            "first: Int = 20",
            "first: Int = 20, kind: Kind!",
            ["Query.countries(kind) is required, clients do not know of it"],
        ),
    ],
)
def test_what_is_renamed_removed_or_narrowed_is_noticed(before: str, after: str, faults: list[str]) -> None:
    assert broken(promises(build_schema(SMALL)), edited(before, after)) == faults


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("enum Kind", "type Place { id: ID! } enum Kind"),
        ("type Country implements Node", "interface Named { name: String! } type Country implements Node & Named"),
        ("area: Float", "area(unit: String): Float"),
        ("area: Float", "area: Float places(kind: Kind!): Int!"),
        ("PLACE", "PLACE PROJECT"),
        ("name: String ", "name: String code: ID "),
        ("name: String ", "name: String exact: Boolean! = true "),
        ("first: Int = 20", "first: Int = 20, after: String, direction: Boolean! = false"),
        ("type Query {", "type Mutation { a: Int } type Query {"),
    ],
)
def test_what_is_added_breaks_no_promise(before: str, after: str) -> None:
    assert broken(promises(build_schema(SMALL)), edited(before, after)) == []


@pytest.mark.parametrize(
    ("line", "name", "meant"),
    [
        ("Path", "Path", True),
        ("Path", "Path.hops", True),
        ("Path", "PathResult", False),
        ("Change", "Change implements Node", True),
        ("Query.search", "Query.search(text)", True),
        ("Query.search", "Query.searches", False),
        ("Query.search(kinds)", "Query.search(kinds)", True),
        ("Query.search(kinds)", "Query.search", False),
        ("*.history", "Project.history(first)", True),
        ("*Connection.facets", "ProjectConnection.facets", True),
        ("*Connection.facets", "ProjectConnection.nodes", False),
        ("*Group", "Query.Group", False),
    ],
)
def test_a_line_of_the_list_stands_for_a_name_and_what_belongs_to_it(line: str, name: str, meant: bool) -> None:
    assert stands_for(line, name) is meant
