"""The plans of operations: within the memory that they are given, however many there are."""

import asyncio
import gc
import tracemalloc

import pytest

from api.__main__ import executor_of
from api.compile import FIELD_SIZE, PLAN_OVERHEAD, Compiler
from api.documents import Documents
from api.execute import GraphQLRequest
from api.fragments import Memory
from api.operation import CompiledOperation
from api.schema import core, schema
from api.settings import Settings
from graph.graph import Graph

# Each fragment spreads the one before it twice: 2 ** 5 fields of a text that names one.
TREE = "fragment F0 on Country { name code }" + "".join(
    f" fragment F{level} on Country {{ a: region {{ name }} "
    f"projects(first: 1) {{ nodes {{ countries(first: 1) {{ nodes {{ ...F{level - 1} }} }} }} }} "
    f"events(first: 1) {{ nodes {{ countries(first: 1) {{ nodes {{ ...F{level - 1} }} }} }} }} }}"
    for level in range(1, 5)
)
DOCUMENT = (
    "query ($a: Boolean!, $b: Boolean!) { countries(first: 1) { nodes { ...F4 } }"
    " c: countries(first: 1) @skip(if: $a) { totalCount } d: countries(first: 1) @skip(if: $b) { totalCount } }" + TREE
)


def compiler_with(memory: int) -> Compiler:
    return Compiler(core(schema), Memory(10**6), memory)


@pytest.mark.parametrize("memory", [10**9, 200_000, 1])
def test_plans_take_the_memory_that_their_fields_need_and_no_more_than_is_given(memory):
    compiler = compiler_with(memory)
    operation = Documents(core(schema), Settings()).prepare(DOCUMENT)
    compiled = CompiledOperation(compiler, operation)
    plans = [compiled.plan({"a": a, "b": b}) for a in (True, False) for b in (True, False)]
    assert all(plan is not None for plan in plans)
    assert compiler.plans.spent <= memory
    if memory == 10**9:
        each = compiler.plans.spent / 4
        assert each > PLAN_OVERHEAD + 2**4 * FIELD_SIZE


def test_a_plan_is_made_once():
    compiler = compiler_with(10**9)
    operation = Documents(core(schema), Settings()).prepare(DOCUMENT)
    given = {"a": True, "b": False}
    first, again = (
        CompiledOperation(compiler, operation).plan(given),
        CompiledOperation(compiler, operation).plan(given),
    )
    assert first is not None
    assert again is not None
    assert first[0] is again[0]


IDS = ["country:ML", "place:koro", "project:koro", "event:flood", "partner:msf", "metric:x", "source:msf"]
RELATIONS = " ".join(
    f"r{number}: relations(first: 1) {{ nodes {{ kind subject {{ id name }} object {{ id }} sources {{ id }} }} }}"
    for number in range(20)
)
ATTACKS = {
    "many fields under an interface": "query ($ids: [ID!]!) { n0: nodes(ids: $ids) { ... on Entity { RELATIONS } } }",
    "much text": "query ($ids: [ID!]!) { n0: nodes(ids: $ids) { id } } # " + "x" * 40_000,
}


@pytest.mark.parametrize("document", ATTACKS.values(), ids=ATTACKS)
def test_whatever_documents_come_plans_and_documents_take_about_what_they_may(small: Graph, document: str):
    limit, rounds = 3_000_000, 40
    settings = Settings(plan_memory=limit, cached_characters=10_000, fragment_memory=limit)
    executor = executor_of(small, settings)
    document = document.replace("RELATIONS", RELATIONS)
    asyncio.run(executor.execute(GraphQLRequest(document, variables={"ids": IDS})))
    gc.collect()
    tracemalloc.start()
    try:
        for number in range(rounds):
            answer = asyncio.run(
                executor.execute(GraphQLRequest(document.replace("n0", f"n{number + 1}"), variables={"ids": IDS}))
            )
            assert not answer.has_errors
        gc.collect()
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken < 2.5 * limit  # plans, fragments, and the documents among them
