"""Figures: what a column of numbers measures, by its tag and by what the row says of whom it counts."""

import re
from typing import NamedTuple

from graph.formats.cells import slug
from graph.formats.currencies import currency
from graph.formats.hxl.tags import Tag
from graph.model import Indicator
from graph.vocabulary import CountBasis, MetricMeasure

PEOPLE = {
    "population": "Population",
    "affected": "People affected",
    "inneed": "People in need",
    "targeted": "People targeted",
    "reached": "People reached",
    "beneficiary": "Beneficiaries",
}
"""The tags whose columns count people, as they are called."""

MONEY = "value"

WORDS = {
    "f": "female", "m": "male", "idps": "internally displaced people", "refugees": "refugees",
    "returnees": "returnees", "displaced": "displaced people", "incamp": "in camps", "noncamp": "not in camps",
    "host": "host community", "hh": "households", "nondisplaced": "not displaced", "newarrivals": "new arrivals",
}  # fmt: skip
SILENT = {"num", "ind", "total", "people", "number"}
"""Attributes that say no more than the tag does."""

FLOWS = {
    "commitment": MetricMeasure.COMMITMENT,
    "commitments": MetricMeasure.COMMITMENT,
    "disbursement": MetricMeasure.DISBURSEMENT,
    "disbursements": MetricMeasure.DISBURSEMENT,
    "spending": MetricMeasure.EXPENDITURE,
    "expenditure": MetricMeasure.EXPENDITURE,
    "expenditures": MetricMeasure.EXPENDITURE,
    "spent": MetricMeasure.EXPENDITURE,
    "budget": MetricMeasure.BUDGET,
    "planned": MetricMeasure.BUDGET,
    "required": MetricMeasure.BUDGET,
    "pledge": MetricMeasure.COMMITMENT,
}
"""What money does, in a cell or as an attribute."""


class Figure(NamedTuple):
    """What a number measures: its indicator, in which sense, and how it is called within an id."""

    indicator: Indicator
    measure: MetricMeasure
    slug: str
    name: str


def people(tag: Tag, splits: tuple[tuple[Tag, str], ...] = ()) -> Figure:
    """A count of people, or of households. What was reached and what was aimed at are one indicator's values."""
    words = sorted(word for word in tag.attributes if word not in SILENT and word[:2] not in ("v_", "i_"))
    told = [WORDS.get(word, word.replace("_", " ")) for word in words if word != "hh"]
    told += [f"{split.name.replace('_', ' ')} {text}" for split, text in splits]
    is_target = tag.name == "targeted"
    of = "reached" if is_target else tag.name
    unit = "households" if "hh" in words else "people"
    name, own = (_called(PEOPLE[each], unit, told) for each in (of, tag.name))
    parts = [*words, *(f"{split.name}-{slug(text)}" for split, text in splits)]
    code = "+".join([f"#{of}", *words, *(f"{split.name}:{text}" for split, text in splits)])
    indicator = Indicator(
        id="-".join(["indicator:hxl", of, *parts]),
        name=name,
        code=code,
        unit=unit,
        count_basis=CountBasis.HOUSEHOLDS if unit == "households" else CountBasis.INDIVIDUALS,
        definition=f"What HXL tables count under {code}.",
    )
    measure = MetricMeasure.TARGET if is_target else MetricMeasure.ACTUAL
    return Figure(indicator, measure, "-".join([tag.name, *parts]), own)


def _called(what: str, unit: str, told: list[str]) -> str:
    what = what.replace("People", "Households") if unit == "households" else what
    return f"{what}: {', '.join(told)}" if told else what


def money(tag: Tag, unit: str, flow: str) -> Figure:
    """An amount of money."""
    words = sorted(word for word in tag.attributes if word not in SILENT | FLOWS.keys() and not currency(word))
    measure = next((FLOWS[word] for word in (flow, *sorted(tag.attributes)) if word in FLOWS), MetricMeasure.ACTUAL)
    code = "+".join(["#value", *words])
    indicator = Indicator(
        id="-".join(["indicator:hxl-value", *words]),
        name=_called("Money", "", [WORDS.get(word, word.replace("_", " ")) for word in words]),
        code=code,
        unit="money",
        count_basis=CountBasis.MONEY,
        definition=f"Amounts that HXL tables give under {code}; each value says its currency.",
    )
    flow_slug = [slug(flow)] if flow else [str(measure).lower()]
    return Figure(indicator, measure, "-".join(["value", *words, *flow_slug, slug(unit)]), indicator.name)


def currency_in(header: str) -> str | None:
    """The ISO 4217 code that the name of a column mentions."""
    return next((code for code in re.findall(r"\b[A-Z]{3}\b", header) if currency(code)), None)
