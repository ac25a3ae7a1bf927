"""Budgets, planned disbursements and transactions as metrics, each in the currency in which it is stated.

A metric is one figure about one project for one period, so amounts of one kind, period and currency are one metric,
which is their sum; as printed it is each of them. What tells one metric of a project from another is its kind, its
period and its currency: so its id stays when others come, go, or change places.
"""

from collections.abc import Iterator
from decimal import Decimal
from math import isfinite
from typing import NamedTuple

from graph.formats.cells import Period, shown
from graph.formats.currencies import NO_CURRENCY, currency
from graph.formats.iati.codes import BUDGETS, PLANNED, TRANSACTIONS, Money
from graph.formats.iati.told import Told
from graph.formats.iati.words import (
    Notes,
    code_of,
    dated,
    name_of,
    number,
    period,
    typed,
)
from graph.formats.xml import LONGEST_TEXT, Element, text_of
from graph.model import Indicator, Metric, Relation, Source
from graph.vocabulary import CountBasis, MetricMeasure, RelationKind, SourceType

STATUSES = {"1": "indicative", "2": "committed"}
BUDGET, PLANNED_DISBURSEMENT, TRANSACTION = "budget", "planned-disbursement", "transaction"
BUDGET_LISTS = {BUDGET: BUDGETS, PLANNED_DISBURSEMENT: PLANNED}
ORIGINAL = "1"

STANDARD = Source(
    id="source:iati-standard",
    name="IATI Standard 2.03: code lists",
    type=SourceType.REGISTER,
    publisher="International Aid Transparency Initiative",
    url="https://iatistandard.org/en/iati-standard/203/codelists/",
)
"""What the kinds of amounts are from."""

MOST_PRINTED = 1_000
"""Characters of the amounts that a metric is the sum of."""


class Kept(NamedTuple):
    """A kind of amount, period and currency: what is one metric."""

    element: str
    type: str
    period: Period
    currency: str


class Amount(NamedTuple):
    printed: str
    value: Decimal | None
    status: str | None
    told: str


class Amounts:
    """The amounts of one activity."""

    def __init__(self, activity: Element, project: str, title: str, language: str, told: Told, notes: Notes) -> None:
        self._activity = activity
        self._project = project
        self._title = title
        self._language = language
        self._told = told
        self._notes = notes
        self._kept: dict[Kept, list[Amount]] = {}
        self._currency = code_of(activity, "default-currency")

    def read(self) -> None:
        for name, types in BUDGET_LISTS.items():
            for element in self._activity.iterfind(name):
                type = self._type(element, code_of(element, "type") or ORIGINAL, types)
                if during := period(element, self._notes, name):
                    self._keep(element, name, type, during)
        for element in self._activity.iterfind(TRANSACTION):
            self._transaction(element)
        for kept, amounts in self._kept.items():
            self._tell(kept, amounts)

    def _type(self, element: Element, code: str, known: dict[str, str] | dict[str, Money]) -> str:
        if code not in known:
            self._notes.remark(element, f"there is no {element.tag} type {shown(code)}: kept as given", once=True)
        return code

    def _transaction(self, element: Element) -> None:
        given = element.find("transaction-type")
        code = typed(given) if given is not None else ""
        date = element.find("transaction-date")
        day = dated(date, self._notes, element, "transaction-date")
        if not code:
            self._notes.fault(element, "the transaction has no type. Add transaction-type, with a code from 1 to 13")
        elif day:
            self._keep(element, TRANSACTION, self._type(element, code, TRANSACTIONS), Period(day, day))
        elif date is None or not (date.get("iso-date") or "").strip():
            self._notes.fault(element, "the transaction has no date. Add transaction-date, with an iso-date")

    def _keep(self, element: Element, name: str, type: str, during: Period) -> None:
        given = element.find("value")
        printed = text_of(given)
        value = number(printed)
        if given is None or not printed:
            self._notes.remark(element, f"the {name} has no value: kept without one")
        elif value is None or not isfinite(value):
            expected = "a number without signs of currencies, as 1200 or 1200.50"
            self._notes.fault(given, f"value is {shown(printed)}, expected {expected}. Correct it")
            return
        if name == BUDGET and value is not None and value < 0:
            self._notes.remark(element, f"the budget is negative ({printed}): kept as given")
        unit = self._currency_of(element, given)
        known = value is not None and unit != NO_CURRENCY
        amount = Amount(
            printed,
            Decimal(printed.replace(",", "")) if known else None,
            STATUSES.get(code_of(element, "status")),
            name_of(element.find("description"), self._language),
        )
        self._kept.setdefault(Kept(name, type, during, unit), []).append(amount)

    def _currency_of(self, element: Element, value: Element | None) -> str:
        given = code_of(value, "currency") or self._currency
        if not given:
            told = f"the {element.tag} has no currency, and the activity no default: its amount is kept as printed only"
            self._notes.remark(element, told)
            return NO_CURRENCY
        if known := currency(given):
            return known
        self._notes.remark(element, f"ISO 4217 has no currency {shown(given)}: kept as given", once=True)
        return given

    def _tell(self, kept: Kept, amounts: list[Amount]) -> None:
        kind, indicator, measure = self._indicator(kept)
        values = [amount.value for amount in amounts if amount.value is not None]
        statuses = {amount.status for amount in amounts}
        start, end = kept.period
        when = start if start == end else f"{start}/{end}"
        metric = Metric(
            id=f"metric:{self._project.partition(':')[2]}/{kept.element}-{kept.type}/{when}/{kept.currency}",
            name=f"{kind}, {self._title}, {when.replace('/', ' to ')}",
            summary="\n\n".join(_distinct(amount.told for amount in amounts))[:LONGEST_TEXT] or None,
            value=float(sum(values)) if values else None,
            printed=_printed(amounts),
            unit=kept.currency,
            measure=measure,
            started_on=start,
            ended_on=end,
            status=statuses.pop() if len(statuses) == 1 else None,
        )
        self._told.own(metric)
        self._told.relate(Relation(RelationKind.ABOUT, metric.id, self._project, sources=self._told.sources))
        self._told.relate(Relation(RelationKind.MEASURES, metric.id, indicator.id, sources=self._told.sources))
        self._told.cite(metric.id)

    def _indicator(self, kept: Kept) -> tuple[str, Indicator, MetricMeasure]:
        """The name of a kind of amounts, what they measure in their currency, and what they are. There is one indicator
        for each currency: amounts of one day in two currencies are not two statements of one figure."""
        if kept.element == TRANSACTION:
            name, measure = TRANSACTIONS.get(kept.type, Money(f"Transaction of type {kept.type}", MetricMeasure.ACTUAL))
        else:
            names = BUDGET_LISTS[kept.element]
            name, measure = names.get(kept.type, f"{names[ORIGINAL]} of type {kept.type}"), MetricMeasure.BUDGET
        code = f"iati-{kept.element}-{kept.type}-{kept.currency}"
        indicator = Indicator(
            id=f"indicator:{code}",
            name=f"{name}, {kept.currency}",
            code=code,
            unit=kept.currency,
            count_basis=CountBasis.MONEY,
        )
        self._told.ensure(indicator)
        self._told.ensure(STANDARD)
        self._told.ensure(Relation(RelationKind.CITES, indicator.id, STANDARD.id))
        return name, indicator, measure


def _printed(amounts: list[Amount]) -> str | None:
    printed = [amount.printed for amount in amounts if amount.printed]
    joined = " + ".join(printed)
    if len(joined) > MOST_PRINTED:
        joined = f"{joined[:MOST_PRINTED].rpartition(' + ')[0]} + ... ({len(printed)} amounts)"
    return joined or None


def _distinct(texts: Iterator[str]) -> list[str]:
    return list(dict.fromkeys(text for text in texts if text))
