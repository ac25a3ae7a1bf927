"""Conditions over columns: which rows of a table meet one, in a few operations on arrays.

Not every condition is told so: those on what a relation says, on codes and on lists of texts are left to
`predicates.py`. Where both can tell, they tell the same, to which a property test holds them.
"""

import operator
from collections.abc import Callable, Iterator, Sequence
from functools import reduce
from typing import Any

import numpy as np

from graph.columns import MISSING, Floats, Mask, Numbers
from graph.grouping import KeyType
from graph.model import Entity
from graph.paths import Path
from graph.plan import (
    And,
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
from graph.predicates import Predicate, value_test
from graph.table import ColumnKey, Form, Table
from graph.values import fold, span

FORMS: dict[ValueType, tuple[KeyType | Form, ...]] = {
    ValueType.NUMBER: (Form.NUMBER,),
    ValueType.DATE: (Form.FIRST_DAY, Form.LAST_DAY),
    ValueType.TERM: (KeyType.TERM,),
    ValueType.TEXT: (Form.FOLDED,),
    ValueType.ID: (),
}
"""In which columns values of a type are looked up."""


def columns_in(where: Where, table: Table) -> Iterator[ColumnKey]:
    """The columns that tell of a condition, as far as they do."""
    match where:
        case And(parts) | Or(parts):
            for part in parts:
                yield from columns_in(part, table)
        case Not(part):
            yield from columns_in(part, table)
        case Compare(attribute) if not table.is_list(attribute):
            yield from (ColumnKey(form, attribute) for form in FORMS[where.type])
        case Related(Reached(path, And(()), And(()))) | RelatedCount(Reached(path, And(()), And(()))):
            yield ColumnKey.reached(path)


ORDER: dict[Operator, Callable[[Any, Any], Any]] = {
    Operator.EQ: operator.eq,
    Operator.NE: operator.ne,
    Operator.LT: operator.lt,
    Operator.LTE: operator.le,
    Operator.GT: operator.gt,
    Operator.GTE: operator.ge,
}


class Masks:
    """Tells which of some rows meet conditions. `entity` gets a related entity by id, `meets` makes a function of a
    condition on such."""

    def __init__(
        self,
        table: Table,
        rows: Numbers,
        entity: Callable[[str], Entity | None],
        meets: Callable[[Where], Predicate],
    ) -> None:
        self._table = table
        self._rows = rows
        self._entity = entity
        self._meets = meets

    def of(self, where: Where) -> Mask | None:
        """Which rows meet the condition; None if that cannot be told of columns."""
        match where:
            case And(parts):
                return self._all(parts, operator.and_, whole=True)
            case Or(parts):
                return self._all(parts, operator.or_, whole=False)
            case Not(part):
                mask = self.of(part)
                return None if mask is None else ~mask
            case Compare():
                return self._compared(where)
            case Related(Reached(path, And(()), And(())), quantifier, inner):
                return self._related(path, quantifier, inner)
            case RelatedCount(Reached(path, And(()), And(())), Compare() as count):
                known = self._table.column(ColumnKey.reached(path)).known(self._rows)
                return _numbers(known.astype(np.float64), count)
        return None

    def _all(self, parts: Sequence[Where], join: Callable[[Any, Any], Any], *, whole: bool) -> Mask | None:
        masks = [self.of(part) for part in parts]
        if any(mask is None for mask in masks):
            return None
        return reduce(join, masks, np.full(len(self._rows), whole))

    def _compared(self, where: Compare) -> Mask | None:
        if where.operator is Operator.NOT_IN and not where.value:
            return np.ones(len(self._rows), bool)
        if self._table.is_list(where.attribute):
            return None
        match where.type:
            case ValueType.NUMBER:
                return _numbers(self._table.numbers(where.attribute).of(self._rows), where)
            case ValueType.DATE:
                return self._dates(where)
            case ValueType.TERM:
                column = self._table.column(ColumnKey(KeyType.TERM, where.attribute))
                test = value_test(where)
                return column.any(self._rows, np.array([test(value) for value in column.values], bool))
            case ValueType.TEXT:
                return _texts(self._table.texts(where.attribute).of(self._rows), where)
        return None

    def _dates(self, where: Compare) -> Mask:
        first, last = (column.of(self._rows) for column in self._table.dates(where.attribute))
        missing = np.isnan(first)
        match where.operator:
            case Operator.IS_NULL:
                return missing if where.value else ~missing
            case Operator.IN | Operator.NOT_IN | Operator.EQ | Operator.NE:
                dates = where.value if isinstance(where.value, tuple) else (where.value,)
                within = np.zeros(len(self._rows), bool)
                for start, end in map(_days, dates):
                    within |= (first >= start) & (last <= end)
                return within if where.operator in (Operator.IN, Operator.EQ) else ~(within | missing)
        start, end = _days(where.value)
        mine, given = {
            Operator.LT: (last, start),
            Operator.LTE: (last, end),
            Operator.GT: (first, end),
            Operator.GTE: (first, start),
        }[where.operator]
        mask: Mask = ORDER[where.operator](mine, given)
        return mask

    def _related(self, path: Path, quantifier: Quantifier, inner: Where) -> Mask:
        column = self._table.column(ColumnKey.reached(path))
        check = self._meets(inner)
        reached = (self._entity(id) for id in column.values[1:])
        meets = np.array([False, *(entity is not None and check(entity) for entity in reached)], bool)
        if quantifier is Quantifier.ALL:
            fails = ~meets
            fails[MISSING] = False
            return ~column.any(self._rows, fails)
        some = column.any(self._rows, meets)
        return some if quantifier is Quantifier.SOME else ~some


def _numbers(values: Floats, where: Compare) -> Mask:
    """Of numbers that are floats, or whole and of at most 32 bits."""
    known: Mask = ~np.isnan(values)
    given = where.value
    mask: Mask
    match where.operator:
        case Operator.IS_NULL:
            mask = ~known if given else known
        case Operator.IN:
            mask = np.isin(values, list(given))
        case Operator.NOT_IN:
            mask = known & ~np.isin(values, list(given))
        case _:
            mask = known & ORDER[where.operator](values, given)
    return mask


def _texts(texts: list[str | None], where: Compare) -> Mask:
    """Of texts that are folded already."""
    given = where.value
    match where.operator:
        case Operator.IS_NULL:
            found = [(text is None) is given for text in texts]
        case Operator.IN | Operator.NOT_IN:
            listed = set(map(fold, given))
            found = [text is not None and (text in listed) is (where.operator is Operator.IN) for text in texts]
        case Operator.CONTAINS:
            part = fold(given)
            found = [text is not None and part in text for text in texts]
        case Operator.STARTS_WITH:
            start = fold(given)
            found = [text is not None and text.startswith(start) for text in texts]
        case Operator.EQ | Operator.NE:
            same = fold(given)
            found = [text is not None and (text == same) is (where.operator is Operator.EQ) for text in texts]
    return np.array(found, bool)


def _days(date: str) -> tuple[float, float]:
    first, last = span(date)
    return float(first.replace("-", "")), float(last.replace("-", ""))
