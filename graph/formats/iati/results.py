"""Results: their indicators, and baselines, targets and actual values as metrics.

An indicator is its activity's own, told apart by its title, unless it refers to a published list: then it is the one
of that list. A value for some people or places only (dimensions, locations) measures an indicator of its own, so that
the whole and its parts are never added.
"""

from collections import Counter
from typing import NamedTuple

from graph.formats.cells import Period, shown, slug
from graph.formats.iati.codes import INDICATORS, OWN, QUALITATIVE, UNITS
from graph.formats.iati.told import Told
from graph.formats.iati.words import (
    Notes,
    code_of,
    dated,
    labels_of,
    name_of,
    narratives,
    number,
    period,
)
from graph.formats.xml import LONGEST_TEXT, Element
from graph.model import Code, Indicator, Metric, Relation
from graph.values import fold, is_partial_date
from graph.vocabulary import MetricMeasure, RelationKind

MEASURES = {
    "baseline": MetricMeasure.BASELINE,
    "target": MetricMeasure.TARGET,
    "actual": MetricMeasure.ACTUAL,
}


class Measured(NamedTuple):
    """An indicator, the name of its metrics' beginning, and whether other activities may measure it, too."""

    indicator: Indicator
    title: str
    is_shared: bool
    measure: str


class Results:
    """The results of one activity."""

    def __init__(
        self, activity: Element, project: str, publisher: str, language: str, told: Told, notes: Notes
    ) -> None:
        self._activity = activity
        self._project = project
        self._identifier = project.partition(":")[2]
        self._publisher = publisher
        self._language = language
        self._told = told
        self._notes = notes
        self._ids: Counter[str] = Counter()

    def read(self) -> None:
        elements = [
            (result, each) for result in self._activity.findall("result") for each in result.findall("indicator")
        ]
        listed = Counter(code for _, element in elements for code in self._references(element)[:1])
        titles = Counter(fold(self._title(element)) for _, element in elements)
        for result, element in elements:
            title = self._title(element)
            within = name_of(result.find("title"), self._language) if titles[fold(title)] > 1 or not title else ""
            reference = next((code for code in self._references(element) if listed[code] == 1), None)
            if not _is_measured(element):
                self._notes.remark(element, f"the indicator {shown(title)} has no values: left out")
                continue
            measured = self._listed(element, reference, title) if reference else self._scoped(element, title, within)
            for baseline in element.findall("baseline"):
                self._baseline(baseline, measured)
            for each in element.findall("period"):
                self._period(each, measured)

    def _title(self, indicator: Element) -> str:
        return name_of(indicator.find("title"), self._language)

    def _references(self, element: Element) -> list[Code]:
        given = [(code_of(each, "vocabulary"), code_of(each)) for each in element.findall("reference")]
        lists = INDICATORS | dict.fromkeys(OWN, f"indicator of {self._publisher}")
        return [Code(lists[vocabulary], code) for vocabulary, code in sorted(given) if vocabulary in lists and code]

    def _measure(self, element: Element) -> str:
        code = code_of(element, "measure")
        if code not in UNITS:
            told = f"there is no indicator measure {shown(code)}" if code else "the indicator has no measure"
            self._notes.remark(element, f"{told}: units were taken", once=bool(code))
        return code if code in UNITS else "1"

    def _listed(self, element: Element, code: Code, title: str) -> Measured:
        """An indicator of a list: a published one, or its publisher's own."""
        measure = self._measure(element)
        key = f"{slug(code.vocabulary)}-{code.code}"
        indicator = Indicator(
            id=f"indicator:{key}",
            name=title if title and code.vocabulary not in INDICATORS.values() else f"{code.vocabulary} {code.code}",
            code=key,
            unit=UNITS[measure],
            identifiers=(code,),
        )
        self._told.ensure_cited(indicator)
        return Measured(indicator, title or indicator.name, True, measure)

    def _scoped(self, element: Element, title: str, within: str) -> Measured:
        """An indicator that is the activity's own."""
        measure = self._measure(element)
        named = title or within or "Indicator"
        key = self._once(f"{self._identifier}/{slug(f'{within} {title}' if within and title else named)}")
        told = narratives(element.find("title"), self._language)
        indicator = Indicator(
            id=f"indicator:{key}",
            name=named,
            labels=labels_of(told) if len(told) > 1 else {},
            code=key,
            unit=UNITS[measure],
            definition=_paragraphs(element, self._language),
        )
        self._told.own(indicator)
        self._told.cite(indicator.id)
        return Measured(indicator, named, False, measure)

    def _once(self, key: str) -> str:
        """The key, numbered where it was there before: only equal titles depend on their order."""
        self._ids[key] += 1
        return key if self._ids[key] == 1 else f"{key}-{self._ids[key]}"

    def _baseline(self, element: Element, measured: Measured) -> None:
        before = len(self._notes.faults)
        day = dated(element, self._notes, element, "baseline") if element.get("iso-date") else None
        year = code_of(element, "year")
        if len(self._notes.faults) > before:
            return
        if day is None and year and not (len(year) == 4 and is_partial_date(year)):
            self._notes.fault(element, f"year of the baseline is {shown(year)}, expected a year, as 2020. Correct it")
        elif day or year:
            when = day or year
            self._value(element, measured, Period(when, when))
        elif _printed(element):
            self._notes.remark(element, "the baseline has neither year nor iso-date: left out")

    def _period(self, element: Element, measured: Measured) -> None:
        values = [*element.findall("target"), *element.findall("actual")]
        if any(map(_printed, values)) and (during := period(element, self._notes, "period")):
            for value in values:
                self._value(value, measured, during)

    def _value(self, element: Element, measured: Measured, during: Period) -> None:
        printed = _printed(element)
        if not printed:
            return
        value = number(printed.removesuffix("%").strip())
        if value is None and measured.measure not in QUALITATIVE:
            self._notes.remark(element, f"{element.tag} is {shown(printed)}, no number: kept as printed only")
        if value is not None and value < 0 and measured.measure == "1":
            self._notes.remark(element, f"{element.tag} is negative ({printed}): kept as given")
        indicator, title = self._part(element, measured)
        start, end = during
        when = start if start == end else f"{start}/{end}"
        key = f"{indicator.code}" if not measured.is_shared else f"{self._identifier}/{indicator.code}"
        metric = Metric(
            id=f"metric:{self._once(f'{key}/{element.tag}/{when}')}",
            name=f"{title}, {element.tag}, {when.replace('/', ' to ')}",
            summary=name_of(element.find("comment"), self._language) or None,
            value=value,
            printed=printed,
            unit=indicator.unit,
            measure=MEASURES[str(element.tag)],
            started_on=start,
            ended_on=end,
        )
        self._told.own(metric)
        self._told.relate(Relation(RelationKind.ABOUT, metric.id, self._project, sources=self._told.sources))
        self._told.relate(Relation(RelationKind.MEASURES, metric.id, indicator.id, sources=self._told.sources))
        self._told.cite(metric.id)

    def _part(self, element: Element, measured: Measured) -> tuple[Indicator, str]:
        """The indicator that a value measures: of all, or of the people and places that it is about."""
        dimensions = [(code_of(each, "name"), code_of(each, "value")) for each in element.findall("dimension")]
        locations = [("location", code_of(each, "ref")) for each in element.findall("location")]
        parts = sorted({(name, value) for name, value in [*dimensions, *locations] if value})
        whole = measured.indicator
        if not parts:
            return whole, measured.title
        told = ", ".join(f"{name}: {value}" for name, value in parts)
        key = f"{whole.code}/{slug(told)}"
        part = Indicator(
            id=f"indicator:{key}", name=f"{whole.name} ({told})", code=key, unit=whole.unit, definition=whole.definition
        )
        if measured.is_shared:
            self._told.ensure_cited(part)
        else:
            self._told.own(part)
            self._told.cite(part.id)
        return part, f"{measured.title} ({told})"


def _printed(element: Element) -> str:
    """A value as it is given; some have it as text, and of what is not counted it is one anyway."""
    given = element.get("value")
    return " ".join((given if given is not None else element.text or "").split())[:LONGEST_TEXT]


def _is_measured(element: Element) -> bool:
    values = [*element.iterfind("baseline"), *element.iterfind("period/target"), *element.iterfind("period/actual")]
    return any(map(_printed, values))


def _paragraphs(element: Element, language: str) -> str | None:
    told = narratives(element.find("description"), language, paragraphs=True)
    return told[0].value if told else None
