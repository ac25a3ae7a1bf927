"""What an engine is asked, in words that whoever wrote the query knows.

Attributes and terms are named as the schema names them, paths as graph/paths.py does.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

from api.errors import shorten
from graph.grouping import Grouping
from graph.plan import (
    ALWAYS,
    And,
    CodeCount,
    Codes,
    Compare,
    Expand,
    Match,
    Not,
    Operator,
    Or,
    Order,
    OrderKey,
    Page,
    Reached,
    Related,
    RelatedCount,
    Relations,
    Resolve,
    Search,
    Where,
)
from graph.questions import Central, GraphQuestion, Neighborhood, Paths, Similar
from graph.vocabulary import Direction, Kind, Term

LONGEST = 1_000
"""Characters of a question. A client may have sent a thousand names, and knows them."""

LONGEST_VALUE = 60
MOST_VALUES = 5

SIGNS = {
    Operator.EQ: "=",
    Operator.NE: "!=",
    Operator.IN: "in",
    Operator.NOT_IN: "not in",
    Operator.LT: "<",
    Operator.LTE: "<=",
    Operator.GT: ">",
    Operator.GTE: ">=",
    Operator.CONTAINS: "contains",
    Operator.STARTS_WITH: "starts with",
}

DIRECTIONS = {Direction.OUT: " that leave", Direction.IN: " that reach", Direction.BOTH: ""}


def in_words(call: str, question: Match | Expand | Relations | Search | Resolve | str, page: Page | None = None) -> str:
    """A call with what it asks.

    >>> from graph.plan import ValueType
    >>> from graph.vocabulary import Kind, ProjectStatus
    >>> suspended = Compare("status", ValueType.TERM, Operator.EQ, ProjectStatus.SUSPENDED)
    >>> in_words("match", Match(Kind.PROJECT, suspended), Page(first=20))
    'match PROJECT where status = SUSPENDED, first 20'
    """
    match question:
        case Match(kind, where, order):
            said = f"{call} {kind}{_narrowed(where)}{_ordered(order) if page else ''}"
        case Expand(path, where, order):
            said = f"{call} {path.name}{_narrowed(where)}{_ordered(order) if page else ''}"
        case Relations(kinds, direction):
            of_kinds = "" if kinds is None else f" of kind {' or '.join(map(str, kinds)) or 'none'}"
            said = f"{call} relations{of_kinds}{DIRECTIONS[direction]}"
        case str():
            said = f"{call} {question}"
        case Search(text, kinds):
            said = f"{call} {_value(text)}{_among(kinds)}"
        case Resolve(text, kinds, first):
            said = f"{call} {_value(text)}{_among(kinds)}, first {first:,}"
    return shorten(f"{said}{'' if page is None else _paged(page)}", LONGEST)


def grouping_in_words(what: str, groupings: Sequence[Grouping]) -> str:
    """A call for groups with what it asks.

    >>> from graph.grouping import GROUP_KEYS
    >>> grouping_in_words("PROJECT", [Grouping((key,)) for key in list(GROUP_KEYS[Kind.PROJECT].values())[:2]])
    'group PROJECT by STATUS, by count descending; by ACTIVITY, by count descending'
    """
    return shorten(f"group {what} {'; '.join(map(_grouping, groupings))}", LONGEST)


def _grouping(grouping: Grouping) -> str:
    by = " and ".join(key.name for key in grouping.keys) or "nothing"
    having = "" if grouping.having == ALWAYS else f" having {condition(grouping.having)}"
    figure = "by key" if grouping.by is None else f"by {grouping.by.value}"
    order = f", {figure}{' descending' if grouping.descending else ''}" if grouping.keys else ""
    adds = ", adding values" if grouping.adds else ""
    first = "" if grouping.first is None else f", first {grouping.first:,}"
    after = "" if grouping.after is None else " after a cursor"
    return f"by {by}{_narrowed(grouping.where)}{having}{order}{adds}{first}{after}"


def question_in_words(asked: GraphQuestion) -> str:
    """A graph question, with all that bounds it but its time.

    >>> from graph.vocabulary import CentralityMeasure
    >>> question_in_words(Central(CentralityMeasure.DEGREE, None, 10, 100, 64, 1_000))
    'rank entities by DEGREE, first 10'
    """
    match asked:
        case Neighborhood(start, hops, limit, relations, kinds):
            said = f"walk up to {hops} hops from {_value(start)}{_terms('by', relations)}{_terms('to', kinds)}"
            bound = f"first {limit:,}"
        case Paths(start, end, hops, relations, avoid, first):
            ends = f"from {_value(start)} to {_value(end)}"
            said = (
                f"find paths of up to {hops} hops {ends}{_terms('by', relations)}{_terms('not through', avoid or None)}"
            )
            bound = f"first {first:,}"
        case Similar(start, first):
            said, bound = f"find what is like {_value(start)}", f"first {first:,}"
        case Central(measure, kinds, first):
            said, bound = f"rank entities{_terms('of', kinds)} by {measure}", f"first {first:,}"
    return shorten(f"{said}, {bound}", LONGEST)


def _terms(word: str, terms: Sequence[Term] | None) -> str:
    return "" if terms is None else f" {word} {' or '.join(map(str, terms)) or 'nothing'}"


def condition(where: Where) -> str:
    """A condition as one would say it."""
    match where:
        case Compare(attribute, _, operator, value):
            if operator is Operator.IS_NULL:
                return f"{camel(attribute)} is {'' if value else 'not '}null"
            return f"{camel(attribute)} {SIGNS[operator]} {_value(value)}"
        case And(parts):
            return " and ".join(map(_grouped, parts)) or "anything"
        case Or(parts):
            return " or ".join(map(_grouped, parts)) or "nothing"
        case Not(part):
            return f"not ({condition(part)})"
        case Codes(attribute, quantifier, inner):
            return f"{quantifier.value} {camel(attribute)} ({condition(inner)})"
        case CodeCount(attribute, count):
            return f"{camel(attribute)} ({condition(count)})"
        case Related(reached, quantifier, inner):
            return f"{quantifier.value} {_reached(reached)} ({condition(inner)})"
        case RelatedCount(reached, count):
            return f"{_reached(reached)} ({condition(count)})"


def camel(text: str) -> str:
    """Names of attributes as the schema has them, wherever they stand in the text; terms, in capitals, stay."""
    return re.sub(r"(?<=[a-z0-9])_([a-z])", lambda found: found[1].upper(), text)


def _grouped(where: Where) -> str:
    return f"({condition(where)})" if isinstance(where, And | Or) else condition(where)


def _reached(reached: Reached) -> str:
    link = "" if reached.link == ALWAYS else f" by relations with ({condition(reached.link)})"
    within = "" if reached.within == ALWAYS else f" among those with ({condition(reached.within)})"
    return f"{reached.path.name}{link}{within}"


def _among(kinds: Sequence[Kind] | None) -> str:
    return "" if kinds is None else f" among {' and '.join(map(str, kinds)) or 'none'}"


def _value(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_value, value[:MOST_VALUES]))}{_more(value)}]"
    if type(value) is str:
        return json.dumps(shorten(value, LONGEST_VALUE), ensure_ascii=False)
    return str(value)


def _more(values: Sequence[Any]) -> str:
    left = len(values) - MOST_VALUES
    return f" and {left:,} more" if left > 0 else ""


def _narrowed(where: Where) -> str:
    return "" if where == ALWAYS else f" where {condition(where)}"


def _ordered(order: Order) -> str:
    return f", ordered by {', '.join(map(_key, order))}" if order else ""


def _key(key: OrderKey) -> str:
    by = camel(key.attribute) if key.path is None else f"count of {key.path.name}"
    return f"{by} descending" if key.descending else by


def _paged(page: Page) -> str:
    sizes = [f"{name} {size:,}" for name, size in (("first", page.first), ("last", page.last)) if size is not None]
    cursors = [f"{name} a cursor" for name in ("after", "before") if getattr(page, name) is not None]
    return f", {' '.join([*sizes, *cursors])}" if sizes or cursors else ""
