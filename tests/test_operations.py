"""What is generated is worth asking: valid, as promised, and of every form that there is."""

import re
from random import Random

import pytest
from graphql import parse, validate

from api.schema import core, schema
from tests.operations import OPERATION, Asked, operation_of
from tests.worlds import Choices

MANY = 150


@pytest.fixture(scope="module")
def asked() -> list[Asked]:
    chance = Random(3)
    return [operation_of(Choices(chance.randbytes(OPERATION))) for _ in range(MANY)]


def test_every_document_is_valid(asked: list[Asked]) -> None:
    for one in asked:
        assert validate(core(schema), parse(one.text)) == [], one.text


def test_the_least_of_choices_make_a_valid_document() -> None:
    assert operation_of(Choices(b"")).text == "query  { __typename  }"


FORMS = {
    "an alias": r"\w+: \w+[ ({]",
    "a fragment on an interface": r"fragment \w+ on (Node|Entity) ",
    "a fragment on a type": r"fragment \w+ on (Project|Relation|MetricEdge) ",
    "a fragment within a fragment": r"fragment [^\n]*\.\.\.F",
    "an inline fragment on an interface": r"\.\.\. on (Node|Entity) ",
    "an inline fragment on a type": r"\.\.\. on (Country|Source|Relation) ",
    "an inline fragment without a condition": r"\.\.\. (@|\{)",
    "a directive on a field": r"\w+ @(skip|include)",
    "a directive on an inline fragment": r"\.\.\. (on \w+ )?@",
    "a directive on a spread": r"\.\.\.F\d+ @",
    "a directive with a variable": r"\(if: \$",
    "both directives": r"@include\(.*?\) @skip",
    "a default": r"\$\w+: \w+ = ",
    "a filter as a variable": r"where: \$",
    "a variable within a literal": r"[\[{][^\[\](){}]*\$\w+[^\[\](){}]*[\]}]",
    "several operations": r"(?s)query A.*query B|query B.*query A",
    "both ends of a page": r"first: [^ ]+ last:",
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_turns_up(asked: list[Asked], form: str) -> None:
    assert sum(bool(re.search(FORMS[form], one.text)) for one in asked) >= 2
