"""Conditions made ready for use: a plan's `Where` becomes a function that says whether a record meets it."""

from collections.abc import Callable, Mapping, Sequence, Set
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec

from graph.model import Entity
from graph.pages import Members
from graph.paths import Path
from graph.plan import (
    ALWAYS,
    And,
    CodeCount,
    Codes,
    Compare,
    Not,
    Operator,
    Or,
    Quantifier,
    Reached,
    Related,
    RelatedCount,
    ValueType,
    Where,
)
from graph.values import fold, span
from graph.vocabulary import Kind

Predicate = Callable[[Any], bool]
Follow = Callable[[Path], Mapping[str, Members]]
"""What a path reaches, by start."""

Starts = Callable[[Path, str, Any], Set[str]]
"""From where a path reaches an entity whose attribute is a term."""


class Tally(msgspec.Struct, frozen=True):
    """A number to hold against conditions on the attribute "count"."""

    count: int


class OneTerm(NamedTuple):
    """That an attribute is a term."""

    attribute: str
    value: Any


class SomeTerm(NamedTuple):
    """That some entity that a path reaches has a term."""

    path: Path
    attribute: str
    term: Any


def predicate(where: Where, follow: Follow, starts: Starts) -> Predicate:
    """The condition as a function of a record; `follow` and `starts` follow paths. Meant for one question: it
    remembers."""
    match where:
        case Compare():
            return _compare(where)
        case And(parts):
            return _all([predicate(part, follow, starts) for part in parts])
        case Or(parts):
            checks = [predicate(part, follow, starts) for part in parts]
            return lambda record: any(check(record) for check in checks)
        case Not(part):
            negated = predicate(part, follow, starts)
            return lambda record: not negated(record)
        case Codes(attribute, quantifier, inner):
            return _quantified(attrgetter(attribute), quantifier, predicate(inner, follow, starts))
        case CodeCount(attribute, count):
            return _counted(attrgetter(attribute), predicate(count, follow, starts))
        case Related(reached, quantifier, inner):
            if some := some_term(where):
                ids = starts(*some)
                return lambda record: record.id in ids
            check = _remembered(predicate(inner, follow, starts))
            return _quantified(_narrowed(reached, follow, starts), quantifier, check)
        case RelatedCount(reached, count):
            return _counted(_narrowed(reached, follow, starts), predicate(count, follow, starts))
    raise TypeError(f"No such condition: {where!r}")


def _all(checks: Sequence[Predicate]) -> Predicate:
    if len(checks) == 1:
        return checks[0]
    if len(checks) == 2:  # half the time of the general way
        first, second = checks
        return lambda record: first(record) and second(record)
    return lambda record: all(check(record) for check in checks)


def some_term(where: Where) -> SomeTerm | None:
    """The condition as "some entity reached has this term", which an index answers; None if it says anything else."""
    match where:
        case Related(Reached(Path(target=Kind()) as path, And(()), And(())), Quantifier.SOME, inner):
            if term := one_term(inner):
                return SomeTerm(path, *term)
    return None


def one_term(where: Where) -> OneTerm | None:
    """The condition as "this attribute is this term", which an index answers; None if it says anything else."""
    match where:
        case Compare(attribute, ValueType.TERM, Operator.EQ, term) | Compare(
            attribute, ValueType.TERM, Operator.IN, (term,)
        ):
            return OneTerm(attribute, term)
    return None


def _quantified(read: Callable[[Any], Sequence[Any]], quantifier: Quantifier, check: Predicate) -> Predicate:
    match quantifier:
        case Quantifier.SOME:
            return lambda record: any(map(check, read(record)))
        case Quantifier.ALL:
            return lambda record: all(map(check, read(record)))
        case Quantifier.NONE:
            return lambda record: not any(map(check, read(record)))


def _counted(read: Callable[[Any], Sequence[Any]], check: Predicate) -> Predicate:
    return lambda record: check(Tally(len(read(record))))


def _narrowed(reached: Reached, follow: Follow, starts: Starts) -> Callable[[Entity], Sequence[Entity]]:
    """Reads the entities reached from a record that have a relation meeting `link` and meet `within`."""
    known = follow(reached.path)
    if reached.link == ALWAYS and reached.within == ALWAYS:
        return lambda record: known[record.id].entities
    link = predicate(reached.link, follow, starts)
    within = _remembered(predicate(reached.within, follow, starts))

    def read(record: Entity) -> Sequence[Entity]:
        found = known[record.id]
        entities, links = found.entities, found.links
        if reached.link == ALWAYS:
            return [entity for entity in entities if within(entity)]
        return [entity for entity in entities if any(map(link, links[entity.id])) and within(entity)]

    return read


def _remembered(check: Predicate) -> Predicate:
    """Checks each entity once: a partner of a thousand projects is looked at one time, not a thousand."""
    known: dict[str, bool] = {}

    def remembered(entity: Entity) -> bool:
        verdict = known.get(entity.id)
        if verdict is None:
            verdict = known[entity.id] = check(entity)
        return verdict

    return remembered


def _compare(where: Compare) -> Predicate:
    read = attrgetter(where.attribute)
    if where.type is ValueType.TERM and where.operator is Operator.EQ:
        term = where.value
        return lambda record: read(record) is term
    test = value_test(where)
    return lambda record: test(read(record))


def value_test(where: Compare) -> Predicate:
    """The comparison as a function of the value, which may be missing, or of a list of values."""
    if where.operator is Operator.IS_NULL:
        return lambda value: (value in (None, ())) is where.value
    if where.operator is Operator.NOT_IN and not where.value:
        return lambda value: True  # as the opposite of `in: []`, on a missing value too
    test = _test(where.type, where.operator, where.value)

    def check(value: Any) -> bool:
        if isinstance(value, tuple):
            return any(map(test, value))
        return value is not None and test(value)

    return check


def _test(type: ValueType, operator: Operator, given: Any) -> Predicate:
    """A comparison with a known value."""
    match operator:
        case Operator.NE:
            same = _test(type, Operator.EQ, given)
            return lambda value: not same(value)
        case Operator.IN:
            return _any_of(type, given)
        case Operator.NOT_IN:
            listed = _any_of(type, given)
            return lambda value: not listed(value)
    if type is ValueType.TEXT:
        return _text_test(operator, fold(given))
    if type is ValueType.DATE:
        return _date_test(operator, given)
    return _plain_test(operator, given)


def _any_of(type: ValueType, given: Sequence[Any]) -> Predicate:
    if type is ValueType.TEXT:
        texts = {fold(text) for text in given}
        return lambda value: fold(value) in texts
    if type is ValueType.DATE:
        dates = tuple(given)
        return lambda value: value.startswith(dates)
    values = set(given)
    return lambda value: value in values


def _text_test(operator: Operator, given: str) -> Predicate:
    match operator:
        case Operator.EQ:
            return lambda value: fold(value) == given
        case Operator.CONTAINS:
            return lambda value: given in fold(value)
        case Operator.STARTS_WITH:
            return lambda value: fold(value).startswith(given)
    raise TypeError(f"Text has no operator {operator}.")


def _date_test(operator: Operator, given: str) -> Predicate:
    """Compares spans. A date lies within a given one exactly if its text starts with the given text."""
    start, end = span(given)
    match operator:
        case Operator.EQ:
            return lambda value: value.startswith(given)
        case Operator.LT:
            return lambda value: span(value)[1] < start
        case Operator.LTE:
            return lambda value: span(value)[1] <= end
        case Operator.GT:
            return lambda value: span(value)[0] > end
        case Operator.GTE:
            return lambda value: span(value)[0] >= start
    raise TypeError(f"Dates have no operator {operator}.")


def _plain_test(operator: Operator, given: Any) -> Predicate:
    match operator:
        case Operator.EQ:
            return lambda value: value == given
        case Operator.LT:
            return lambda value: value < given
        case Operator.LTE:
            return lambda value: value <= given
        case Operator.GT:
            return lambda value: value > given
        case Operator.GTE:
            return lambda value: value >= given
    raise TypeError(f"Such values have no operator {operator}.")
