"""What may be there twice."""

from collections.abc import Iterator, Sequence

from graph.model import Entity, Metric
from graph.quality.rule import MOST_NAMED, Found, number, several
from graph.quality.view import Coded, Figure, Named, View
from graph.vocabulary import Kind


def doubled_entities(having: tuple[Named, list[Entity]], view: View) -> Iterator[Found]:
    """Those of one name that share a country, and those that have none."""
    _, entities = having
    if len(entities) < 2:
        return
    kind = entities[0].kind
    by_country: dict[str, list[Entity]] = {}
    for entity in entities:
        countries = set() if kind is Kind.COUNTRY else view.countries_of(entity)
        for country in countries or [""]:
            by_country.setdefault(country, []).append(entity)
    for country, sharing in by_country.items():
        if len(sharing) > 1:
            yield Found(named(sharing), (kind, _first(sharing).name, country, len(sharing)))


def tell_doubled_entities(ids: Sequence[str], kind: Kind, name: str, country: str, count: int) -> str:
    where = f" in {country}" if country else ""
    return f"{count:,} of kind {kind}{where} have the name {name!r} ({several(ids)})"


def doubled_codes(having: tuple[Coded, list[Entity]], view: View) -> Iterator[Found]:
    (_, vocabulary, code), entities = having
    if len(entities) > 1:
        yield Found(named(entities), (vocabulary, code, len(entities)))


def tell_doubled_codes(ids: Sequence[str], vocabulary: str, code: str, count: int) -> str:
    return f"{count:,} have the {vocabulary} code {code!r} ({several(ids)})"


def doubled_metrics(stating: tuple[Figure, list[Metric]], view: View) -> Iterator[Found]:
    _, metrics = stating
    if len(metrics) < 2:
        return
    alike: dict[tuple[float, frozenset[str]], list[Metric]] = {}
    for metric in metrics:
        if metric.value is not None:
            alike.setdefault((metric.value, view.cited(metric.id)), []).append(metric)
    for (value, _), same in alike.items():
        if len(same) > 1:
            yield Found(named(same), (value, len(same)))


def tell_doubled_metrics(ids: Sequence[str], value: float, count: int) -> str:
    told = f"{count:,} metrics state the same value, {number(value)}, from the same sources"
    return f"{told}, of one indicator, subject and period ({several(ids)})"


def named(entities: Sequence[Entity]) -> tuple[str, ...]:
    """The ids of those that a finding names, in their order."""
    return tuple(sorted(entity.id for entity in entities)[:MOST_NAMED])


def _first(entities: Sequence[Entity]) -> Entity:
    return min(entities, key=lambda entity: entity.id)
