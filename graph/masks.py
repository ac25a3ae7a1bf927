"""Conditions over columns: which rows of a table meet one, in a few operations on arrays.

Not every condition is told so: those on what a relation says, on codes and on lists of texts are left to
`predicates.py`. Where both can tell, they tell the same, to which a property test holds them.
"""

import operator
from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np

from graph.columns import MISSING, Floats, Mask, Numbers
from graph.grouping import KeyType, comparisons
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

COLUMNS_OF: dict[ValueType, tuple[KeyType | Form, ...]] = {
    ValueType.NUMBER: (Form.NUMBER,),
    ValueType.DATE: (Form.FIRST_DAY, Form.LAST_DAY),
    ValueType.TERM: (KeyType.TERM,),
    ValueType.TEXT: (Form.FOLDED,),
}
"""In which columns values of a type are looked up."""


def columns_of(where: Where, table: Table) -> set[ColumnKey] | None:
    """The columns that tell which rows meet a condition; None if that cannot be told of columns."""
    match where:
        case And(parts) | Or(parts):
            columns = [columns_of(part, table) for part in parts]
            return None if None in columns else set().union(*columns)  # type: ignore[arg-type]
        case Not(part):
            return columns_of(part, table)
        case Compare(attribute) if where.type in COLUMNS_OF and not table.is_list(attribute):
            return {ColumnKey(form, attribute) for form in COLUMNS_OF[where.type]}
        case Related(Reached(path, And(()), And(()))):
            return {ColumnKey.reached(path)}
        case RelatedCount(Reached(path, And(()), And(())), Compare() | And()):
            return {ColumnKey.reached(path)}
    return None


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

    def of(self, where: Where) -> Mask:
        """Which rows meet a condition that `columns_of` says columns for."""
        match where:
            case And(parts):
                return reduce(operator.and_, map(self.of, parts), np.ones(len(self._rows), bool))
            case Or(parts):
                return reduce(operator.or_, map(self.of, parts), np.zeros(len(self._rows), bool))
            case Not(part):
                return ~self.of(part)
            case Compare():
                return self._compared(where)
            case Related(reached, quantifier, inner):
                return self._related(reached.path, quantifier, inner)
            case RelatedCount(reached, count):
                known = self._table.column(ColumnKey.reached(reached.path)).known(self._rows).astype(np.float64)
                masks = (numbers_mask(known, compare) for compare in comparisons(count))
                return reduce(operator.and_, masks, np.ones(len(self._rows), bool))
        raise TypeError(f"No column tells of {where!r}.")

    def _compared(self, where: Compare) -> Mask:
        if where.operator is Operator.NOT_IN and not where.value:
            return np.ones(len(self._rows), bool)
        match where.type:
            case ValueType.NUMBER:
                return numbers_mask(self._table.numbers(where.attribute).of(self._rows), where)
            case ValueType.DATE:
                return self._dates(where)
            case ValueType.TERM:
                column = self._table.column(ColumnKey(KeyType.TERM, where.attribute))
                test = value_test(where)
                return column.any(self._rows, np.array([test(value) for value in column.values], bool))
        return _texts(self._table.texts(where.attribute).of(self._rows), where)

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


def numbers_mask(values: Floats, where: Compare) -> Mask:
    """Which numbers meet a comparison; NaN is no number. Whole ones of 32 bits are exact as floats."""
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
