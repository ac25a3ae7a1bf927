"""What limits.py counts, and that counting takes linear time."""

import time
from typing import Any

import pytest
from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_introspection_query,
    parse,
)
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from api.errors import RequestError
from api.limits import LIMITS, Figures, check_document, check_values
from api.settings import Settings


def refusal_of(text: str, **settings: Any) -> str | None:
    """The code and the message with which the document is refused."""
    try:
        check_document(parse(text), Settings(**settings))
    except RequestError as error:
        return f"{error.errors[0].extensions['code']}: {error}"
    return None


@pytest.mark.parametrize(
    ("text", "depth"),
    [
        ("{ a }", 1),
        ("{ a { b { c } } x }", 3),
        ("{ a { ... { ... on T { b } } } }", 2),
        ("{ a { ...F } } fragment F on T { b { c } }", 3),
        ("{ ...F } fragment F on T { b { ...G } } fragment G on T { c { d } }", 3),
        ("{ a ...Unknown }", 1),
        ("{ a } query B { a { b } }", 2),
    ],
)
def test_depth_counts_levels_of_fields_through_fragments(text, depth):
    assert refusal_of(text, max_depth=depth) is None
    if depth > 1:
        assert refusal_of(text, max_depth=depth - 1) == (
            f"DEPTH_EXCEEDED: The operation nests {depth} levels of fields; the limit is {depth - 1}. Ask in steps."
        )


def test_the_standard_introspection_query_fits_the_default_limits():
    assert refusal_of(get_introspection_query(input_value_deprecation=True, directive_is_repeatable=True)) is None


@pytest.mark.parametrize(
    ("text", "aliases"),
    [
        ("{ a: x b: x c }", 2),
        ("{ a: x { b: x { c: x } } }", 3),
        ("{ ...F ...F } fragment F on T { a: x b: x }", 4),
        ("{ ...F } fragment F on T { k { ...G } l { ...G } } fragment G on T { a: x }", 2),
    ],
)
def test_an_alias_counts_once_for_each_spread_of_its_fragment(text, aliases):
    assert refusal_of(text, max_aliases=aliases) is None
    assert f"has {aliases} aliases; the limit is {aliases - 1}." in refusal_of(text, max_aliases=aliases - 1)


def test_101_aliases_are_refused_with_their_number():
    document = "{" + " ".join(f"a{i}: x" for i in range(101)) + "}"
    assert refusal_of(document) == (
        "COST_EXCEEDED: The operation has 101 aliases; the limit is 100. Ask for fewer at a time."
    )


def test_fields_introspections_and_operations_are_limited():
    assert "COST_EXCEEDED: The operation has 3 fields; the limit is 2." in refusal_of("{ a b { c } }", max_fields=2)
    assert "has 3 __schema and __type fields" in refusal_of("{ ...F ...F ...F } fragment F on Q { __schema { x } }")
    eleven = " ".join(f"query Q{i} {{ a }}" for i in range(11))
    assert refusal_of(eleven) == (
        "COST_EXCEEDED: The document has 11 operations; the limit is 10. Send them in several requests."
    )


@pytest.mark.parametrize(
    ("text", "moments"),
    [
        ("{ a: asOf(version: 1) { x } b: asOf( version: 1, ) { y } }", 1),
        ("{ a: asOf(version: 1) { x } b: asOf(version: 2) { y } }", 2),
        ('query ($v: Int) { a: asOf(version: $v) { x } b: asOf(version: 1) { x } c: asOf(time: "2026") { x } }', 3),
        ("{ ...F ...F a: asOf(version: 1) { x } } fragment F on Q { b: asOf(version: 2) { y } }", 2),
    ],
)
def test_what_is_asked_of_the_past_counts_once_for_each_moment(text, moments):
    assert refusal_of(text, past_views=moments) is None
    if moments > 1:
        assert refusal_of(text, past_views=moments - 1) == (
            f"COST_EXCEEDED: The operation asks for the graph as of {moments} different moments; the limit is "
            f"{moments - 1}. Ask for fewer at a time."
        )


def test_a_name_may_have_128_characters():
    assert refusal_of("{" + "n" * 128 + "}") is None
    assert "a name of 129 characters; the limit is 128" in refusal_of("{ a(" + "n" * 129 + ": 1) }")
    assert refusal_of('{ a(text: "' + "n" * 500 + '") }') is None  # a text is no name


def fragment_bomb(length: int, spread: str) -> str:
    """A chain of fragments, each with the next one twice: two to the power of `length` ways through it."""
    chain = " ".join(f"fragment F{i} on T {{ {spread.format(next=f'F{i + 1}')} }}" for i in range(length))
    return f"{{ ...F0 }} {chain} fragment F{length} on T {{ z: x }}"


@pytest.mark.parametrize("spread", ["...{next} ...{next}", "a: x {{ ...{next} }} b: x {{ ...{next} }}"])
def test_a_fragment_bomb_is_refused_at_once(spread):
    document = parse(fragment_bomb(150, spread))
    start = time.perf_counter()
    with pytest.raises(RequestError):
        check_document(document, Settings())
    assert time.perf_counter() - start < 1  # following each spread would take longer than the universe has lasted


def test_the_number_of_a_bomb_is_told_in_words():
    assert refusal_of(fragment_bomb(39, "...{next} ...{next}")).startswith(
        "COST_EXCEEDED: The operation has 549,755,813,888 "
    )
    assert refusal_of(fragment_bomb(1_000, "...{next} ...{next}")).startswith(
        "COST_EXCEEDED: The operation has more than a trillion aliases; the limit is 100."
    )


def test_a_long_chain_of_fragments_does_not_exhaust_the_stack():
    document = fragment_bomb(2_000, "x {{ ...{next} }}")
    assert "nests 2,001 levels" in refusal_of(document)


def selections(earlier: list[str]) -> st.SearchStrategy[str]:
    """Selections, which may spread fragments written earlier."""
    leaf = st.sampled_from(["a", "b: x", "__schema", *(f"...{name}" for name in earlier)])
    nested = st.recursive(
        leaf, lambda inner: st.builds("{} {{ {} }}".format, st.sampled_from(["n", "m: x", "..."]), inner)
    )
    return st.lists(nested, min_size=1, max_size=4).map(" ".join)


@st.composite
def documents(draw: st.DrawFn) -> str:
    """A document of one operation and a few fragments, in any order."""
    names = [f"F{i}" for i in range(draw(st.integers(0, 6)))]
    definitions = [f"fragment {name} on T {{ {draw(selections(names[:i]))} }}" for i, name in enumerate(names)]
    return " ".join(draw(st.permutations([*definitions, f"{{ {draw(selections(names))} }}"])))


def follow(selection_set: SelectionSetNode, fragments: dict[str, FragmentDefinitionNode], level: int = 1) -> Figures:
    """The figures of a definition, every spread followed anew."""
    total = Figures()
    for node in selection_set.selections:
        if isinstance(node, FieldNode):
            total.add(Figures(level, 1, node.alias is not None, node.name.value == "__schema"), 0)
        inner = fragments[node.name.value] if isinstance(node, FragmentSpreadNode) else node
        if inner.selection_set:
            total.add(follow(inner.selection_set, fragments, level + isinstance(node, FieldNode)), 0)
    return total


@given(documents())
@examples(deadline=None, max_examples=50)  # a busy machine is no fault
def test_the_figures_are_those_of_following_every_spread(text):
    definitions = parse(text).definitions
    (operation,) = (node for node in definitions if isinstance(node, OperationDefinitionNode))
    fragments = {node.name.value: node for node in definitions if isinstance(node, FragmentDefinitionNode)}
    figures = follow(operation.selection_set, fragments)
    exact = {limit.setting: max(getattr(figures, limit.figure), 1) for limit in LIMITS}
    assert refusal_of(text, **exact) is None
    for setting, most in exact.items():
        if most > 1:
            assert f"limit is {most - 1:,}." in str(refusal_of(text, **{**exact, setting: most - 1}))


@pytest.mark.parametrize(
    "text",
    [
        "{ ...F } fragment F on T { a ...F }",
        "{ ...F } fragment F on T { a { ...G } } fragment G on T { b { ...F } }",
    ],
)
def test_fragments_in_a_circle_are_left_to_validation(text):
    assert refusal_of(text, max_depth=1) is None


def nested(levels: int) -> dict[str, Any]:
    value: Any = 1
    for _ in range(levels - 1):
        value = [value]
    return {"v": value}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (nested(64), "The JSON of the request is nested deeper than 64. Send flatter values."),
        ({"v": [0] * 1_001}, "The request has a list of 1,001 items; the limit is 1,000. Send less at a time."),
        ({"v": "x" * 100_001}, "a string of 100,001 characters; the limit is 100,000."),
        ({f"v{i}": 0 for i in range(20_000)}, "The request has 20,001 values; the limit is 20,000."),
        ({f"v{i}": [0] * 1_000 for i in range(21)}, "values; the limit is 20,000."),
    ],
)
def test_variables_are_limited(values, message):
    with pytest.raises(RequestError) as caught:
        check_values(values, Settings())
    assert message in str(caught.value)
    assert caught.value.errors[0].extensions == {"code": "BAD_USER_INPUT"}


def test_variables_at_the_limits_pass():
    check_values(nested(63), Settings())
    check_values({"v": [0] * 1_000, "w": "x" * 100_000}, Settings())
    check_values({f"v{i}": 0 for i in range(19_999)}, Settings())
