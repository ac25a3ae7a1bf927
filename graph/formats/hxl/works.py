"""What several rows say of one thing: of a project its places, partners, sectors and time, and of money its sum.

Such rows may stand anywhere in a table, so what they say is gathered first, and told once the table has ended; one bad
row holds back all that is said of its project, as a sum without it would be wrong.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from math import fsum

from msgspec.structs import replace

from graph.formats.cells import Period
from graph.formats.format import Needs, Reason, Record
from graph.formats.hxl.figures import Figure
from graph.formats.known import Known
from graph.formats.shared import Shared
from graph.model import Code, Ensure, Metric, Patch, Project, Relation, Write
from graph.values import span
from graph.vocabulary import Kind, PartnerRole, ProjectStatus, RelationKind


@dataclass(slots=True)
class Work:
    """What was gathered of a project, or of money about a place; without a name it is no project."""

    line: int
    id: str
    name: str = ""
    is_own: bool = True
    """Whether the table tells of the project itself, not only of its money."""
    is_part: bool = False
    """Whether the store may have other rows of it already, as these were refused before."""
    summary: str | None = None
    status: ProjectStatus | None = None
    period: Period | None = None
    open_ends: set[str] = field(default_factory=set)
    """Which of start and end some row leaves open: a project that has started need not have ended."""
    code: str = ""
    activities: dict[Code, None] = field(default_factory=dict)
    sectors: dict[Code, None] = field(default_factory=dict)
    sources: set[str] = field(default_factory=set)
    places: dict[str, set[str]] = field(default_factory=dict)
    partners: dict[tuple[str, PartnerRole | None], set[str]] = field(default_factory=dict)
    """Where it is and who takes part, each with the sources that state it."""
    metrics: dict[str, Metric] = field(default_factory=dict)
    amounts: dict[str, list[float]] = field(default_factory=dict)
    measured: dict[str, str] = field(default_factory=dict)
    """The indicators of the metrics."""
    stated: dict[str, set[str]] = field(default_factory=dict)
    """The sources of the metrics."""
    needed: dict[int, Needs] = field(default_factory=dict)
    faults: list[Reason] = field(default_factory=list)
    remarks: list[Reason] = field(default_factory=list)
    raws: list[str] = field(default_factory=list)

    def add(self, metric: Metric, indicator: str, sources: Iterable[str]) -> None:
        """A figure, or one more amount of it."""
        self.metrics.setdefault(metric.id, metric)
        self.measured[metric.id] = indicator
        self.stated.setdefault(metric.id, set()).update(sources)

    def widen(self, period: Period | None) -> None:
        """Has its time hold this one, too."""
        if period is None or self.period is None:
            self.period = self.period or period
            return
        start = min(self.period.start, period.start, key=lambda date: span(date)[0])
        end = max(self.period.end, period.end, key=lambda date: span(date)[1])
        self.period = Period(start, end)


def record(work: Work, shared: Shared) -> Record:
    """What was gathered, as one record."""
    text = "\n".join(work.raws).encode("utf-8", "surrogatepass")
    figures = [_summed(metric, work.amounts.get(id)) for id, metric in work.metrics.items()]
    if work.is_part:
        _compare(work, figures, shared.known)
    if work.faults:
        return Record(work.line, (), work.faults, work.remarks, frozenset({work.id}), text)
    writes: list[Write] = [*shared.untold(work.needed)]
    if work.name:
        writes += _project(work, shared.known)
    for metric in figures:
        writes += metric_writes(metric, work.id, work.measured[metric.id], tuple(sorted(work.stated[metric.id])))
    return Record(work.line, writes, (), work.remarks, text=text, needs=[*work.needed.values()])


def _summed(metric: Metric, amounts: list[float] | None) -> Metric:
    """A figure; one of money is the sum of its rows, and is printed nowhere."""
    return replace(metric, value=fsum(amounts), printed=None) if amounts else metric


def _compare(work: Work, figures: list[Metric], known: Known) -> None:
    """Refuses sums of which the store has other rows: of which rows it was made nobody knows any more."""
    for metric in figures:
        held = known.entity(metric.id)
        if metric.id not in work.amounts or not isinstance(held, Metric) or held.value is None:
            continue
        told = f"{held.value:,.15g} {held.unit} of {held.name!r} are stored already"
        advice = "Where this row is another one, correct it in the whole file, and import that"
        if held.value == metric.value:
            work.remarks.append(Reason(work.line, f"{told}. {advice}"))
        else:
            work.faults.append(Reason(work.line, f"{told}, of other rows. {advice}"))


def _project(work: Work, known: Known) -> Iterator[Write]:
    """The project: in full where it is new, else what the table says of it, so that what others said stays."""
    start, end = work.period if work.period and work.is_own else (None, None)
    start, end = None if "start" in work.open_ends else start, None if "end" in work.open_ends else end
    told = Project(
        id=work.id,
        name=work.name,
        summary=work.summary,
        identifiers=(Code("HXL", work.code),) if work.code else (),
        status=work.status,
        started_on=start,
        ended_on=end,
        activities=tuple(work.activities),
        sectors=tuple(work.sectors),
    )
    held = known.entity(work.id)
    if work.is_part and isinstance(held, Project) and held.started_on and held.ended_on and work.period:
        work.widen(Period(held.started_on, held.ended_on))
        start, end = start and work.period.start, end and work.period.end
    if held is None and work.is_own:
        yield told
        yield from _relations(work)
        return
    if isinstance(held, Project):
        if work.is_own and held.name == work.name:
            values = {"status": told.status, "startedOn": start, "endedOn": end, "summary": work.summary}
            yield Patch(work.id, Kind.PROJECT, {key: value for key, value in values.items() if value is not None})
        words = {word for activity in held.activities for word in (activity.code, activity.label)}
        new = tuple(activity for activity in told.activities if activity.code not in words)
        told = Project(id=work.id, name=held.name, activities=new, sectors=told.sectors)
    yield Ensure(told)
    is_cited = any(known.related(work.id, RelationKind.CITES)) and len(work.sources) > 1
    for relation in _relations(work):
        if not known.stays_as_it_is(relation) and not (is_cited and relation.kind is RelationKind.CITES):
            yield Ensure(relation)


def _relations(work: Work) -> Iterator[Relation]:
    for source in sorted(work.sources):
        yield Relation(RelationKind.CITES, work.id, source)
    for place, sources in work.places.items():
        yield Relation(RelationKind.LOCATED_IN, work.id, place, sources=tuple(sorted(sources)))
    for (partner, role), sources in work.partners.items():
        yield Relation(RelationKind.PARTICIPATES_IN, partner, work.id, role=role, sources=tuple(sorted(sources)))


def metric_writes(metric: Metric, about: str, indicator: str, sources: tuple[str, ...]) -> list[Write]:
    """A metric and what it needs around it."""
    return [
        metric,
        Relation(RelationKind.ABOUT, metric.id, about, sources=sources),
        Relation(RelationKind.MEASURES, metric.id, indicator, sources=sources),
        *(Relation(RelationKind.CITES, metric.id, source) for source in sources),
    ]


def metric_of(
    figure: Figure, unit: str, about: tuple[str, str], period: Period, sources: tuple[str, ...], printed: str
) -> Metric:
    """A metric of a figure; `about` is the id and the name of its subject."""
    id, name = about
    when = period.start if period.start == period.end else f"{period.start} to {period.end}"
    dates = period.start if period.start == period.end else f"{period.start}.{period.end}"
    return Metric(
        id=".".join(["metric:" + sources[0].removeprefix("source:"), id.partition(":")[2], figure.slug, dates]),
        name=f"{figure.name}, {name}, {when}",
        printed=printed or None,
        unit=unit,
        measure=figure.measure,
        started_on=period.start,
        ended_on=period.end,
    )
