"""Figures that do not go together: of two sources, of a target and what was reached, of a part and its whole."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from graph.model import Indicator, Metric
from graph.quality.rule import MOST_NAMED, Found, number, several
from graph.quality.view import Figure, View
from graph.values import fold
from graph.vocabulary import CountBasis, Kind, MetricMeasure

Stating = tuple[Figure, list[Metric]]

SHARES = {"%", "‰", "percent", "per cent", "percentage", "ratio", "rate", "share", "index", "score", "average"}
"""Units of which a part may have more than its whole."""

PLACES = (Kind.PLACE, Kind.COUNTRY)


class Value(NamedTuple):
    """What a metric states, and according to whom."""

    id: str
    value: float
    sources: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{number(self.value)} in {self.id}" + (f" by {several(self.sources)}" if self.sources else "")


def contradictions(stating: Stating, view: View) -> Iterator[Found]:
    """The metrics of one figure that differ in value from another one, which cites other sources.

    One without sources contradicts nobody: who says so is not known.
    """
    _, metrics = stating
    if len(metrics) < 2:
        return
    citing = [(metric.value, view.cited(metric.id)) for metric in metrics]
    known = {(value, sources) for value, sources in citing if value is not None and sources}
    values, cited = Counter(value for value, _ in known), Counter(sources for _, sources in known)
    contested = {
        (value, sources) for value, sources in known if len(known) > values[value] + cited[sources] - 1
    }  # all but those of its value, and those of its sources, but not itself twice
    told = sorted(
        Value(metric.id, metric.value, tuple(sorted(sources)))
        for metric, (_, sources) in zip(metrics, citing, strict=True)
        if metric.value is not None and (metric.value, sources) in contested
    )
    if told:
        yield Found(_ids(told), tuple(told))


def tell_contradictions(ids: Sequence[str], *stated: Value) -> str:
    return f"sources differ on one indicator, subject and period: {several(map(str, stated))}"


def reached_over_target(stating: Stating, view: View) -> Iterator[Found]:
    figure, aims = stating
    if figure.measure != MetricMeasure.TARGET.rank:
        return
    reached = _values(view.figures.get(figure._replace(measure=MetricMeasure.ACTUAL.rank), ()))
    targets = _values(aims)
    if not reached or not targets:
        return
    least, most = min(target.value for target in targets), max(actual.value for actual in reached)
    over = [actual for actual in reached if actual.value > least]
    under = [target for target in targets if target.value < most]
    if over:
        yield Found(_ids([*over, *under]), (tuple(over), tuple(under)))


def tell_reached_over_target(ids: Sequence[str], over: Sequence[Value], under: Sequence[Value]) -> str:
    return f"more was reached ({several(map(str, over))}) than was aimed at ({several(map(str, under))})"


def part_over_whole(stating: Stating, view: View) -> Iterator[Found]:
    figure, metrics = stating
    if figure.subject not in view.whole or view.entities[figure.subject].kind not in PLACES:
        return
    wholes = [
        whole for around in view.wholes(figure.subject) for whole in _values(view.figures.get(figure.about(around), ()))
    ]
    if wholes and adds_up(view.entities[figure.indicator], figure.unit):
        for part in _values(metrics):
            if smaller := sorted(whole for whole in wholes if whole.value < part.value):
                yield Found(_ids([part, *smaller]), (part, tuple(smaller)))


def tell_part_over_whole(ids: Sequence[str], part: Value, wholes: Sequence[Value]) -> str:
    return f"a place has more ({part}) than what it lies in ({several(map(str, wholes))})"


def adds_up(indicator: object, unit: str) -> bool:
    """Whether a whole has as much as each of its parts: counts have, shares and rates need not."""
    if isinstance(indicator, Indicator) and indicator.count_basis is not CountBasis.OTHER:
        return True
    folded = fold(unit)
    return not (folded in SHARES or "/" in folded or "per " in folded)


def _values(metrics: Sequence[Metric]) -> list[Value]:
    return sorted(Value(metric.id, metric.value) for metric in metrics if metric.value is not None)


def _ids(stated: Sequence[Value]) -> tuple[str, ...]:
    return tuple(one.id for one in stated[:MOST_NAMED])
