"""Values, dates and codes that cannot be, or hardly."""

import re
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from functools import cache, lru_cache
from math import fsum

import pycountry

from graph.model import Country, Entity, Event, Indicator, Metric, Place, Project, Relation, Source
from graph.quality.rule import Found, number, several
from graph.quality.view import Figure, View
from graph.values import span
from graph.vocabulary import GLIDE_SHAPE, CountBasis

EARLIEST = "1800"
FAR_YEARS = 30
"""Plans reach so far into the future; what reaches further is a slip of the pen."""

MOST_PERCENT, ROUNDED = 100, 100.5
"""Shares of one whole, each rounded, may come to a little more than the whole."""

COUNTED = frozenset(CountBasis) - {CountBasis.MONEY, CountBasis.OTHER}
"""What there cannot be less than none of; money may flow back."""

USER_ASSIGNED = re.compile(r"AA|Q[M-Z]|X[A-Z]|ZZ")
"""Alpha-2 codes that ISO 3166-1 leaves to whoever needs one."""

Dated = Entity | Relation
DATES: dict[type, Sequence[str]] = {
    Project: ("started_on", "ended_on"),
    Event: ("started_on", "ended_on"),
    Metric: ("started_on", "ended_on"),
    Source: ("published_on", "accessed_on"),
    Relation: ("since", "until"),
}
NAMES = {"started_on": "startedOn", "ended_on": "endedOn", "published_on": "publishedOn", "accessed_on": "accessedOn"}
"""Attributes as a client knows them, where that is not as they are here."""


def outside_bounds(metric: Metric, view: View) -> Iterator[Found]:
    stated = (("lower", metric.lower), ("value", metric.value), ("upper", metric.upper))
    known = [(name, value) for name, value in stated if value is not None]
    for place, (name, value) in enumerate(known):
        for above, limit in known[place + 1 :]:
            if value > limit:
                yield Found((metric.id,), (name, value, above, limit))


def tell_outside_bounds(ids: Sequence[str], name: str, value: float, above: str, limit: float) -> str:
    return f"{ids[0]} has a {name} of {number(value)}, more than its {above} of {number(limit)}"


def negative_counts(stating: tuple[Figure, list[Metric]], view: View) -> Iterator[Found]:
    figure, metrics = stating
    for metric in metrics:
        for name in ("value", "lower", "upper"):
            if (value := getattr(metric, name)) is not None and value < 0 and _is_counted(view, figure):
                yield Found((metric.id,), (name, value))


def _is_counted(view: View, figure: Figure) -> bool:
    indicator = view.entities[figure.indicator]
    return isinstance(indicator, Indicator) and indicator.count_basis in COUNTED


def negative_people(event: Event, view: View) -> Iterator[Found]:
    if event.affected is not None and event.affected < 0:
        yield Found((event.id,), ("affected", event.affected))


def tell_negative_counts(ids: Sequence[str], name: str, value: float) -> str:
    return f"{ids[0]} counts {number(value)} ({name})"


def percentages(located: list[Relation], view: View) -> Iterator[Found]:
    for relation in located:
        if relation.percentage is not None and not 0 <= relation.percentage <= MOST_PERCENT:
            yield Found((relation.subject, relation.object), (relation.percentage,))


def tell_percentages(ids: Sequence[str], percentage: float) -> str:
    return f"{ids[0]} is in {ids[1]} by {number(percentage)} percent"


def percentage_sums(located: list[Relation], view: View) -> Iterator[Found]:
    total = fsum(relation.percentage or 0 for relation in located)
    if total > ROUNDED:
        yield Found((located[0].subject,), (round(total, 6), located))


def tell_percentage_sums(ids: Sequence[str], total: float, located: Sequence[Relation]) -> str:
    ordered = sorted(located, key=lambda relation: relation.object)
    shares = several(f"{relation.object} {number(relation.percentage or 0)}" for relation in ordered)
    return f"the places of {ids[0]} have {number(total)} percent together ({shares})"


def coordinates(place: Country | Place, view: View) -> Iterator[Found]:
    for name, most in (("latitude", 90), ("longitude", 180)):
        degrees = getattr(place, name)
        if degrees is not None and not -most <= degrees <= most:
            yield Found((place.id,), (name, degrees, most))


def tell_coordinates(ids: Sequence[str], name: str, degrees: float, most: int) -> str:
    return f"{ids[0]} has a {name} of {number(degrees)}, which goes from -{most} to {most}"


def reversed_periods(record: Dated, view: View) -> Iterator[Found]:
    if isinstance(record, Source):
        return
    start, end = DATES[type(record)]
    first, last = getattr(record, start), getattr(record, end)
    if first and last and last < first and span(last)[1] < span(first)[0]:  # as text, most are told apart sooner
        yield Found(_ids(record), (_name(record), start, first, end, last))


def tell_reversed_periods(ids: Sequence[str], name: str, start: str, first: str, end: str, last: str) -> str:
    return f"{name} ends ({NAMES.get(end, end)} {last}) before it starts ({NAMES.get(start, start)} {first})"


def far_dates(record: Dated, view: View) -> Iterator[Found]:
    is_past = isinstance(record, Source)
    for attribute in DATES[type(record)]:
        date = getattr(record, attribute)
        if date and (limit := _beyond(date, is_past, view.today)):
            yield Found(_ids(record), (_name(record), attribute, date, limit))


def _beyond(date: str, is_past: bool, today: str) -> str:
    """The limit that a date lies beyond, or nothing. Nobody has read what is yet to come: such a date `is_past`."""
    tomorrow, latest = _limits(today)
    if date < EARLIEST:
        return f"before {EARLIEST}"
    if is_past and date > tomorrow:  # it is tomorrow already, somewhere
        return f"after today, {today}"
    return f"after {latest}" if date[:4] > latest else ""


@lru_cache(maxsize=8)
def _limits(today: str) -> tuple[str, str]:
    """Tomorrow, and the last year that anybody plans for."""
    tomorrow = date.fromisoformat(today) + timedelta(days=1)
    return tomorrow.isoformat(), f"{int(today[:4]) + FAR_YEARS:04}"


def tell_far_dates(ids: Sequence[str], name: str, attribute: str, date: str, limit: str) -> str:
    return f"{name} has {NAMES.get(attribute, attribute)} {date}, {limit}"


def glide_shapes(having: tuple[Entity, str], view: View) -> Iterator[Found]:
    entity, glide = having
    if not GLIDE_SHAPE.fullmatch(glide):
        yield Found((entity.id,), (glide,))


def tell_glide_shapes(ids: Sequence[str], glide: str) -> str:
    return f"{ids[0]} has the GLIDE number {glide!r}"


def country_codes(country: Country, view: View) -> Iterator[Found]:
    if USER_ASSIGNED.fullmatch(country.code):
        return
    listed = iso_3166().get(country.code)
    if listed is None:
        yield Found((country.id,), ("code", country.code, None))
        return
    for name, code, official in zip(("alpha3", "numeric"), (country.alpha3, country.numeric), listed, strict=True):
        if code is not None and code != official:
            yield Found((country.id,), (name, code, official))


def tell_country_codes(ids: Sequence[str], name: str, code: str, official: str | None) -> str:
    said = "which ISO 3166-1 does not know" if official is None else f"where ISO 3166-1 has {official!r}"
    return f"{ids[0]} has the {name} {code!r}, {said}"


@cache
def iso_3166() -> dict[str, tuple[str, str]]:
    """ISO 3166-1's alpha-3 and numeric codes, by alpha-2."""
    return {country.alpha_2: (country.alpha_3, country.numeric) for country in pycountry.countries}


def _ids(record: Dated) -> tuple[str, ...]:
    return (record.subject, record.object) if isinstance(record, Relation) else (record.id,)


def _name(record: Dated) -> str:
    return str(record.name) if isinstance(record, Relation) else record.id
