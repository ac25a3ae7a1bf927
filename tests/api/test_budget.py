"""How many nodes an operation asks for."""

import time
from typing import Any

import pytest

from api.documents import Documents
from api.errors import RequestError
from api.schema import core, schema
from api.settings import Settings
from tests.api.small import make_schema

SCHEMA = make_schema()


def count(text: str, variables: dict[str, Any] | None = None) -> int:
    """The most nodes that the operation is held to return: the lowest budget that it passes."""
    documents = Documents(SCHEMA, Settings(max_nodes=1))
    operation = documents.prepare(text)
    if variables is None:
        return operation.most_nodes
    try:
        documents.check_nodes(operation, variables)
    except RequestError as error:
        return int(error.errors[0].message.split(" up to ")[1].split(" nodes")[0].replace(",", ""))
    return 1


@pytest.mark.parametrize(
    ("text", "nodes"),
    [
        ("{ hello }", 0),
        ("{ thing(id: 1) { name } }", 0),
        ("{ things { nodes { id } } }", 20),
        ("{ things(first: 7) { nodes { id } } }", 7),
        ("{ things(last: 7) { edges { node { id } } totalCount } }", 7),
        ("{ things(first: null) { nodes { id } } }", 20),
        ("{ things(first: 101) { nodes { id } } }", 100),  # the field refuses it, and says what is allowed
        ("{ things(first: -1) { nodes { id } } }", 0),
        ('{ search(text: "x") { id } }', 5),
        ("{ nodes(ids: [1, 2, 3]) { id } }", 3),
        ("{ nodes(ids: 7) { id } }", 1),
        ("{ things(first: 50) { nodes { things(first: 10) { nodes { id } } } } }", 50 + 50 * 10),
        ("{ a: things(first: 3) { totalCount } b: things(first: 4) { totalCount } }", 7),
        ("{ ...F ...F } fragment F on Query { things(first: 5) { totalCount } }", 10),
        ("{ thing(id: 1) { ... on Thing { ... { things(first: 6) { totalCount } } } } }", 6),
        ("query ($n: Int) { things(first: $n) { totalCount } }", 100),
    ],
)
def test_page_sizes_multiply_down_nested_lists(text, nodes):
    assert count(text) == nodes


@pytest.mark.parametrize(
    ("variables", "nodes"),
    [({"n": 3}, 33), ({"n": 100}, 1_100), ({}, 77), ({"n": None}, 220), ({"n": "7"}, 1_100), ({"n": -5}, 1)],
)
def test_a_variable_counts_with_its_value_or_its_default(variables, nodes):
    text = "query ($n: Int = 7) { things(first: $n) { nodes { things(first: 10) { totalCount } } } }"
    assert count(text, variables) == nodes


@pytest.mark.parametrize(
    ("text", "nodes"),
    [
        ("{ projects(first: 3) { facets(fields: [STATUS, YEAR]) { field } } }", 3 + 2 * 10),
        ("{ projects(first: 3) { facets(fields: STATUS, first: 5) { field } totalCount } }", 3 + 5),
        ("query ($f: [ProjectFacetField!]!) { projects(first: 3) { facets(fields: $f) { field } } }", 3 + 100 * 10),
        ("{ projects(first: 3) { groupBy(keys: YEAR) { totalCount } nodes { events { nodes { id } } } } }", 163),
        ("{ projects(first: 3) { ...F } } fragment F on ProjectConnection { groupBy(keys: YEAR) { totalCount } }", 103),
    ],
)
def test_what_tells_of_a_whole_list_counts_once_for_it_not_for_each_of_its_items(text, nodes):
    assert Documents(core(schema), Settings()).prepare(text).most_nodes == nodes


@pytest.mark.parametrize(
    ("text", "nodes"),
    [
        ("neighborhood(id: 1, limit: 7) { entities { entity { id } } }", 7),
        ("neighborhood(id: 1, limit: 7) { relations { kind } }", 7 + 5_000),
        ("paths(from: 1, to: 2, first: 2) { paths { hops { from { id } } } }", 2 + 2 * 6),
        ("similar(id: 1, first: 2) { items { shared { id } } }", 2 + 2 * 5),
    ],
)
def test_what_graph_questions_show_counts_with_its_bound(text, nodes):
    assert Documents(core(schema), Settings()).prepare(f"{{ {text} }}").most_nodes == nodes


def test_ids_in_a_variable_count_each():
    text = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    assert count(text, {"ids": ["a", "b", "c"]}) == 3
    assert count(text) == 100


def test_more_than_half_a_million_nodes_are_refused_with_their_number():
    documents = Documents(SCHEMA, Settings())
    levels = "{ things(first: 100) { nodes { things(first: 100) { nodes { things(first: %d) { totalCount } } } } } }"
    documents.check_nodes(documents.prepare(levels % 48), {})
    with pytest.raises(RequestError) as caught:
        documents.check_nodes(documents.prepare(levels % 100), {})
    assert caught.value.errors[0].extensions == {"code": "COST_EXCEEDED"}
    assert str(caught.value) == (
        "The operation asks for up to 1,010,100 nodes (its nested page sizes multiplied); the limit is 500,000. "
        "Ask for smaller pages with first or last, or for fewer lists inside lists."
    )


def test_counting_a_chain_of_fragments_takes_linear_time():
    chain = " ".join(f"fragment F{i} on Thing {{ parent {{ ...F{i + 1} }} ...F{i + 1} }}" for i in range(18))
    text = f"{{ thing(id: 1) {{ ...F0 }} }} {chain} fragment F18 on Thing {{ things(first: 1) {{ totalCount }} }}"
    documents = Documents(SCHEMA, Settings(max_fields=10**9, max_depth=100))
    start = time.perf_counter()
    assert documents.prepare(text).most_nodes == 2**18
    assert time.perf_counter() - start < 1
