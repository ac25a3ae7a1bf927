"""Specifies graph/vocabulary.py: what can be said, held against the contract (tests/api/contract.graphql)."""

from pathlib import Path

import pytest
from graphql import EnumTypeDefinitionNode, parse

from graph import vocabulary
from graph.vocabulary import REQUIRED_RELATIONS, RULES, ChangeAction, Kind, PartnerRole, RelationKind, Term

CONTRACT = Path(__file__).parents[1] / "api" / "contract.graphql"
ENUMS = {
    node.name.value: [value.name.value for value in node.values]
    for node in parse(CONTRACT.read_text("utf-8")).definitions
    if isinstance(node, EnumTypeDefinitionNode)
}
LISTS = [
    list_ for list_ in vars(vocabulary).values() if isinstance(list_, type) and issubclass(list_, Term) and list(list_)
]

# What the contract says beside each kind of relation: how many may leave an entity, the ends, what it carries.
SAID = """
    PART_OF          one   PLACE -> COUNTRY PLACE, COUNTRY -> PLACE, PARTNER -> PARTNER     sources
    LOCATED_IN       many  PROJECT -> COUNTRY PLACE                                         percentage sources
    OCCURRED_IN      many  EVENT -> COUNTRY PLACE                                           sources
    AFFECTED         many  EVENT -> COUNTRY PARTNER PLACE PROJECT                           impact sources
    DISPLACED_FROM   many  EVENT -> COUNTRY PLACE                                           sources
    FOLLOWED         many  EVENT -> EVENT                                                   sources
    PARTICIPATES_IN  many  PARTNER -> PROJECT                                               role since sources until
    OPERATES_IN      many  PARTNER -> COUNTRY                                               since sources until
    ABOUT            one   METRIC -> COUNTRY EVENT PARTNER PLACE PROJECT                    sources
    MEASURES         one   METRIC -> INDICATOR                                              sources
"""
ROWS = [row.split(maxsplit=2) for row in SAID.strip().splitlines()]


def pairs(kind: RelationKind) -> set[tuple[str, str]]:
    """The kinds that may stand at the ends, as the rule answers."""
    return {(str(a), str(b)) for a in Kind for b in Kind if RULES[kind].permits(a, b)}


@pytest.mark.parametrize(("kind", "how_many", "rest"), ROWS)
def test_a_relation_permits_what_the_contract_says(kind, how_many, rest):
    ends, _, attributes = rest.partition("  ")
    said = {
        (subject.strip(), object)
        for subject, objects in (pair.split("->") for pair in ends.split(","))
        for object in objects.split()
    }
    rule = RULES[RelationKind[kind]]
    assert pairs(RelationKind[kind]) == said
    assert sorted(rule.attributes) == attributes.split()
    assert rule.single is (how_many == "one")


def test_anything_but_a_source_may_cite_a_source_with_a_locator_and_no_further_source():
    assert pairs(RelationKind.CITES) == {(str(kind), "SOURCE") for kind in Kind if kind is not Kind.SOURCE}
    assert RULES[RelationKind.CITES].attributes == {"locator"}
    assert not RULES[RelationKind.CITES].single


def test_every_kind_of_relation_has_its_rule():
    assert list(RULES) == list(RelationKind)
    assert {kind for kind, *_ in ROWS} | {"CITES"} == set(RelationKind.__members__)


def test_a_metric_needs_what_it_is_about_and_what_it_measures():
    assert REQUIRED_RELATIONS == {Kind.METRIC: (RelationKind.ABOUT, RelationKind.MEASURES)}


def test_a_rule_tells_its_ends_in_words():
    assert str(RULES[RelationKind.LOCATED_IN]) == "PROJECT -> COUNTRY or PLACE"
    assert str(RULES[RelationKind.PART_OF]) == "PLACE -> COUNTRY or PLACE, COUNTRY -> PLACE, PARTNER -> PARTNER"


@pytest.mark.parametrize("list_", LISTS, ids=lambda list_: list_.__name__)
def test_a_list_has_the_words_of_the_contract_in_their_order(list_):
    assert [str(term) for term in list_] == ENUMS[list_.__name__]


@pytest.mark.parametrize("list_", LISTS, ids=lambda list_: list_.__name__)
def test_a_word_is_text_knows_its_place_and_means_something(list_):
    for place, term in enumerate(list_):
        assert (term, term.rank, str(term)) == (term.name, place, term.name)
        assert term.description[0].isupper()
        assert term.description.endswith(".")


def test_roles_and_actions_stand_in_the_order_of_their_lists():
    assert [role.rank for role in (PartnerRole.FUNDING, PartnerRole.IMPLEMENTING)] == [0, 3]
    assert [str(action) for action in ChangeAction] == ["CREATED", "UPDATED", "REMOVED", "RELATED", "UNRELATED"]
