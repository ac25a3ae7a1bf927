"""Single entities: found by id and code, read as they were written, with their labels, edges and relations."""

from typing import Any

import pytest
from graphql import get_named_type
from hypothesis import given, note

from graph.graph import Graph
from graph.parse import write
from tests.api.stage import Kept, answer, ask, show
from tests.conftest import SMALL_WORLD, Ask, asking, graph_of
from tests.oracle import DEFAULTS, KINDS, SCHEMA, Line, type_name
from tests.worlds import WORLD, Choices, attributes, choices, examples, is_leaf, is_list, world

IDS = {line["kind"]: line["id"] for line in SMALL_WORLD if "kind" in line}
"""An id of each kind in the small world."""


@pytest.fixture
def ask_small(small: Graph) -> Ask:
    return asking(small)


# As they were written


@examples(40)
@given(choose=choices(WORLD))
def test_what_was_written_is_read(choose: Choices) -> None:
    oracle = show(world(choose))
    for kind in KINDS:
        query = f"query($id: ID!) {{ node(id: $id) {{ ... on {type_name(kind)} {{ {selection(kind)} }} }} }}"
        for id in oracle.of_kind(kind):
            assert ask(query, {"id": id})["data"]["node"] == as_read(kind, oracle.entities[id]), id


def selection(kind: str) -> str:
    """All that an entity says of itself."""
    codes = [name for name, type_ in attributes(kind).items() if not is_leaf(type_)]
    plain = [name for name in attributes(kind) if name not in codes]
    fields = SCHEMA.type_map[type_name(kind)].fields
    parts = ["id kind", *plain, *(f"{name} {{ vocabulary code label }}" for name in codes)]
    parts += ["coordinates { latitude longitude }"] if "coordinates" in fields else []
    return " ".join([*parts, *(["year"] if "year" in fields else [])])


def as_read(kind: str, line: Line) -> Line:
    """What a line says, as an answer does."""
    known = DEFAULTS.get(kind, {}) | line
    read: Line = {"id": line["id"], "kind": kind}
    for name, type_ in attributes(kind).items():
        value = known.get(name)
        if get_named_type(type_).name == "Code":
            value = [{"label": None} | code for code in value or []]
        read[name] = (value or []) if is_list(type_) else value
    if "coordinates" in SCHEMA.type_map[type_name(kind)].fields:
        point = {name: known.get(name) for name in ("latitude", "longitude")}
        read["coordinates"] = None if None in point.values() else point
    return read | ({"year": int(known["startedOn"][:4])} if "year" in SCHEMA.type_map[type_name(kind)].fields else {})


SINGLES = {
    "COUNTRY": ["region"],
    "PLACE": ["parent", "country"],
    "PARTNER": ["parent"],
    "METRIC": ["indicator", "subject"],
}


@examples(40)
@given(choose=choices(WORLD))
def test_fields_with_one_entity_or_a_few_lead_where_the_oracle_says(choose: Choices) -> None:
    oracle = show(world(choose))
    for kind, fields in SINGLES.items():
        asked = " ".join(f"{field} {{ id }}" for field in fields)
        for id in oracle.of_kind(kind):
            found = ask(f"query($id: ID!) {{ node(id: $id) {{ ... on {type_name(kind)} {{ {asked} }} }} }}", {"id": id})
            ends = {field: oracle.single(id, field) for field in fields}
            assert found["data"]["node"] == {field: end and {"id": end} for field, end in ends.items()}, id
    for id in oracle.of_kind("EVENT"):
        found = ask("query($id: ID!) { event(id: $id) { displacedFrom { id } } }", {"id": id})
        assert [end["id"] for end in found["data"]["event"]["displacedFrom"]] == oracle.displaced_from(id)


def test_an_event_displaced_from_more_places_than_are_shown_shows_the_first_by_name() -> None:
    event = {"id": "event:x", "kind": "EVENT", "name": "Flight", "type": "DISPLACEMENT"}
    places = [{"id": f"place:{n}", "kind": "PLACE", "name": f"Place {99 - n}", "type": "TOWN"} for n in range(25)]
    ends = [{"relation": "DISPLACED_FROM", "subject": "event:x", "object": place["id"]} for place in places]
    show([event, *places, *ends])
    found = ask('{ event(id: "event:x") { displacedFrom { name } } }')["data"]["event"]["displacedFrom"]
    assert [place["name"] for place in found] == [f"Place {n}" for n in range(75, 95)]


# Labels


@examples(40)
@given(choose=choices(WORLD + 10))
def test_a_label_is_in_the_first_language_that_is_known(choose: Choices) -> None:
    oracle = show(world(choose.part(WORLD)))
    tags = ["fr", "FR", "fr-CA", "fr-ca-x-1", "ar-ML", "zh", "zh-hant-TW", "en", "de", "", "f"]
    languages = [choose.one(tags) for _ in range(choose.one([1, 2, 3, 0]))]
    note(f"languages: {languages}")
    query = (
        "query($id: ID!, $languages: [String!]!) { node(id: $id) { ... on Entity {"
        " label(languages: $languages) { value language isFallback } } } }"
    )
    for id in oracle.entities:
        label = ask(query, {"id": id, "languages": languages})["data"]["node"]["label"]
        assert label == oracle.label(id, languages), id


@pytest.mark.parametrize(
    ("languages", "value", "language"),
    [
        (["fr"], "Mali (fr)", "fr"),
        (["ar", "fr"], "مالي", "ar"),
        (["de", "fr"], "Mali (fr)", "fr"),
        (["fr-CA"], "Mali (fr)", "fr"),
        (["FR-ca"], "Mali (fr)", "fr"),
        (["fr-Latn-CA", "ar"], "Mali (fr)", "fr"),
        (["de-fr"], "Mali", None),
        (["de"], "Mali", None),
        ([], "Mali", None),
    ],
)
def test_a_tag_falls_back_to_its_shorter_forms_and_then_to_the_next(
    languages: list[str], value: str, language: str | None
) -> None:
    labels = {"ar": "مالي", "fr": "Mali (fr)"}
    show([{"id": "country:ML", "kind": "COUNTRY", "name": "Mali", "code": "ML", "alpha3": "MLI", "labels": labels}])
    query = "query($in: [String!]!) { countries { nodes { label(languages: $in) { value language isFallback } } } }"
    (label,) = [node["label"] for node in ask(query, {"in": languages})["data"]["countries"]["nodes"]]
    assert label == {"value": value, "language": language, "isFallback": language is None}


# By id and code


@pytest.mark.parametrize("kind", KINDS)
def test_node_finds_an_entity_of_every_kind_by_its_id(ask_small: Ask, kind: str) -> None:
    query = "query($id: ID!) { node(id: $id) { __typename id ... on Entity { kind } } }"
    node = ask_small(query, {"id": IDS[kind]})["data"]["node"]
    assert node == {"__typename": type_name(kind), "id": IDS[kind], "kind": kind}


@pytest.mark.parametrize("id", ["nobody", "", "country:ml", "COUNTRY:ML", " country:ML"])
def test_node_of_an_unknown_id_is_null(ask_small: Ask, id: str) -> None:
    assert ask_small("query($id: ID!) { node(id: $id) { id } }", {"id": id}) == {"data": {"node": None}}


def test_nodes_answers_in_the_order_of_the_ids_with_null_for_the_unknown_ones(ask_small: Ask) -> None:
    ids = ["source:report", "nobody", "country:ML", "project:koro", "country:ML", ""]
    answered = ask_small("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": ids})
    assert [node and node["id"] for node in answered["data"]["nodes"]] == [id if ":" in id else None for id in ids]


def test_nodes_takes_at_most_a_hundred_ids(ask_small: Ask) -> None:
    query = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    assert ask_small(query, {"ids": []}) == {"data": {"nodes": []}}
    assert ask_small(query, {"ids": ["nobody"] * 100}) == {"data": {"nodes": [None] * 100}}
    answered = ask_small(query, {"ids": ["country:ML"] * 101})
    assert answered["data"] is None
    (error,) = answered["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert error["message"] == "101 ids; at most 100 are answered at once. Ask in several requests."


SINGLE_FIELDS = [
    name for name, field in SCHEMA.type_map["Query"].fields.items() if get_named_type(field.type).name.upper() in KINDS
]
BY_ID = [name for name in SINGLE_FIELDS if "id" in SCHEMA.type_map["Query"].fields[name].args]


@pytest.mark.parametrize("field", BY_ID)
@pytest.mark.parametrize("kind", KINDS)
def test_a_kinds_own_field_finds_its_ids_and_no_others(ask_small: Ask, field: str, kind: str) -> None:
    found = ask_small(f"query($id: ID!) {{ {field}(id: $id) {{ id }} }}", {"id": IDS[kind]})["data"][field]
    assert found == ({"id": IDS[kind]} if kind == field.upper() else None)


@pytest.mark.parametrize(
    ("code", "id"),
    [
        ("ML", "country:ML"),
        ("ml", "country:ML"),
        ("mLi", "country:ML"),
        ("BFA", "country:BF"),
        ("NE", None),
        ("466", None),
        ("country:ML", None),
        ("", None),
    ],
)
def test_a_country_is_found_by_either_code_in_any_case(ask_small: Ask, code: str, id: str | None) -> None:
    answered = ask_small("query($code: String!) { country(code: $code) { id } }", {"code": code})
    assert answered == {"data": {"country": id and {"id": id}}}


@pytest.mark.parametrize(("code", "known"), [("consultations", True), ("Consultations", False), ("", False)])
def test_an_indicator_is_found_by_its_code_as_written(ask_small: Ask, code: str, known: bool) -> None:
    answered = ask_small("query($code: String!) { indicator(code: $code) { id } }", {"code": code})
    assert answered == {"data": {"indicator": {"id": "indicator:consultations"} if known else None}}


def test_a_country_that_changed_its_code_is_found_by_the_new_one_only() -> None:
    mali = {"id": "country:ML", "kind": "COUNTRY", "name": "Mali", "code": "ML", "alpha3": "MLI"}
    graph = graph_of([mali])
    ask_changed = asking(graph)
    graph.apply([write(mali | {"code": "XX"})])
    assert ask_changed(
        '{ a: country(code: "ML") { id } b: country(code: "XX") { id } c: country(code: "MLI") { id } }'
    ) == {"data": {"a": None, "b": {"id": "country:ML"}, "c": {"id": "country:ML"}}}


# Edges


def test_an_edge_tells_all_relations_to_the_parent_and_their_sources() -> None:
    show(SMALL_WORLD)
    (edge,) = answer(Kept("PROJECT", "partners"), "project:koro")["edges"]
    assert {key: value for key, value in edge.items() if key != "cursor"} == {
        "node": {"id": "partner:msf"},
        "roles": ["FUNDING", "IMPLEMENTING"],
        "impacts": [],
        "role": "FUNDING",
        "impact": None,
        "since": "2023",
        "until": None,
        "percentage": None,
        "sources": [{"id": "source:report"}],
    }


@pytest.mark.parametrize(
    ("kept", "id", "told"),
    [
        (Kept("EVENT", "projects"), "event:attack", {"impacts": ["ATTACKED", "SUSPENDED"], "impact": "ATTACKED"}),
        (Kept("PROJECT", "events"), "project:bamako", {"impacts": ["ATTACKED", "SUSPENDED"], "impact": "ATTACKED"}),
        (Kept("PROJECT", "places"), "project:koro", {"percentage": 100}),
        (Kept("PROJECT", "countries"), "project:koro", {"percentage": 100}),
        (Kept(None, "projects"), None, {"percentage": None, "roles": [], "sources": []}),
    ],
)
def test_an_edge_tells_of_the_relations_that_its_list_follows(kept: Kept, id: str | None, told: Line) -> None:
    show(SMALL_WORLD)
    edge = answer(kept, id)["edges"][0]
    assert {key: edge[key] for key in told} == told


def test_a_partner_that_operates_in_a_country_and_works_on_a_project_there_is_listed_once_with_both() -> None:
    since = {"relation": "OPERATES_IN", "subject": "partner:msf", "object": "country:ML", "since": "1985"}
    show([*SMALL_WORLD, since])
    edges = answer(Kept("COUNTRY", "partners"), "country:ML")["edges"]
    assert [(edge["node"]["id"], edge["roles"], edge["since"]) for edge in edges] == [
        ("partner:msf", ["FUNDING", "IMPLEMENTING"], "2023"),  # PARTICIPATES_IN comes before OPERATES_IN
        ("partner:moh", [], None),
        ("partner:red-cross", [], "1990"),
    ]


# Relations


def test_relations_are_shown_with_both_ends_in_their_order_each_way() -> None:
    show(SMALL_WORLD)
    relations = Kept("PROJECT", "relations")
    both = answer(relations, "project:bamako")["nodes"]
    told: Any = [(it["kind"], it["subject"]["id"], it["object"]["id"], it["role"] or it["impact"]) for it in both]
    assert told == [
        ("LOCATED_IN", "project:bamako", "country:ML", None),
        ("AFFECTED", "event:attack", "project:bamako", "ATTACKED"),
        ("AFFECTED", "event:attack", "project:bamako", "SUSPENDED"),
        ("PARTICIPATES_IN", "partner:moh", "project:bamako", None),
        ("PARTICIPATES_IN", "partner:msf", "project:bamako", "IMPLEMENTING"),
    ]
    assert answer(relations, "project:bamako", direction="OUT")["nodes"] == both[:1]
    assert answer(relations, "project:bamako", direction="IN")["nodes"] == both[1:]
    assert answer(relations, "project:bamako", kinds=["AFFECTED"])["nodes"] == both[1:3]
    assert answer(relations, "project:bamako", kinds=[])["nodes"] == []
