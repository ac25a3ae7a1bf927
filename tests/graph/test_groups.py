"""Groups equal what brute force counts and adds, after every commit; pages of groups join into the whole."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise, product
from math import fsum
from typing import Any

import pytest
from hypothesis import given, note

from graph.adjacency import Adjacency
from graph.engine import settle
from graph.errors import IncompatibleAggregation
from graph.graph import Graph
from graph.grouping import GROUP_KEYS, Figure, Grouping, GroupKey, Groups, KeyType
from graph.model import Entity, Metric
from graph.paths import AROUND_IT, INDICATOR, METRICS, PROJECTS_INSIDE, SOURCES, SUBJECT
from graph.plan import WHOLE, And, Compare, Expand, Match, Operator, ValueType
from graph.resident import Resident
from graph.values import fold, span
from graph.vocabulary import EventType, Kind, MetricMeasure, ProjectStatus
from tests.api.stage import permits
from tests.conftest import graph_of
from tests.oracle import Line, applied
from tests.worlds import COMMIT, WORLD, Choices, choices, commit, examples, world

COMMITS = 3
TERMS: Any = {"status": ProjectStatus, "type": EventType, "measure": MetricMeasure}


def values_of(engine: Resident, key: GroupKey, entity: Entity) -> list[str | None]:
    """The values that an entity has of a key, by plain means; [None] where it has none."""
    if key.type is KeyType.ENTITY:
        reached = {entity.id}
        for path in key.paths:
            reached = {other.id for id in reached for other in engine.adjacency.members(path, id).entities}
        return sorted(reached) or [None]
    if key.type is KeyType.PERIOD:
        assert isinstance(entity, Metric)
        return [f"{span(entity.started_on)[0]}/{span(entity.ended_on)[1]}"]
    value = getattr(entity, key.attribute)
    if key.type is KeyType.CODE:
        return sorted({code.code for code in value}) or [None]
    if value is None or (key.type is KeyType.MONTH and len(value) < 7):
        return [None]
    return [str(value)[: {KeyType.YEAR: 4, KeyType.MONTH: 7}.get(key.type)]]


def counted(engine: Resident, keys: Sequence[GroupKey], entities: Iterable[Entity]) -> dict[Any, list[Entity]]:
    groups: dict[Any, list[Entity]] = defaultdict(list)
    for entity in entities:
        for values in product(*(values_of(engine, key, entity) for key in keys)):
            groups[values].append(entity)
    return dict(groups)


def found(answer: Any) -> dict[Any, int]:
    assert isinstance(answer, Groups)
    return {tuple(value.value for value in group.values): group.size for group in answer.groups}


def only(engine: Resident, path: Any, id: str) -> str:
    (entity,) = engine.adjacency.members(path, id).entities
    return entity.id


def used_of(engine: Resident, metrics: Iterable[Metric]) -> list[Metric]:
    """One metric of each fact: of the newest source, then by id."""

    def newest(metric: Metric) -> str:
        sources = engine.adjacency.members(SOURCES, metric.id).entities
        return max((source.published_on or "" for source in sources), default="")  # type: ignore[attr-defined]

    facts: dict[Any, list[Metric]] = defaultdict(list)
    for metric in metrics:
        if metric.value is not None:
            fact = only(engine, INDICATOR, metric.id), metric.measure, only(engine, SUBJECT, metric.id)
            facts[(*fact, span(metric.started_on)[0], span(metric.ended_on)[1])].append(metric)
    return [max(sorted(same, key=lambda metric: metric.id), key=newest) for same in facts.values()]


def can_be_added(engine: Resident, used: Sequence[Metric]) -> bool:
    if len({(only(engine, INDICATOR, metric.id), metric.measure, metric.unit) for metric in used}) > 1:
        return False
    return not any(is_part(engine, part, whole) for part in used for whole in used if part is not whole)


def is_part(engine: Resident, part: Metric, whole: Metric) -> bool:
    """Whether they count something twice: in the same place, or in one inside the other, on the same day."""
    inner, outer = only(engine, SUBJECT, part.id), only(engine, SUBJECT, whole.id)
    around = {inner, *(entity.id for entity in engine.adjacency.members(AROUND_IT, inner).entities)}
    begins_before_end = span(whole.started_on)[0] <= span(part.ended_on)[1]
    return outer in around and begins_before_end and span(part.started_on)[0] <= span(whole.ended_on)[1]


def check_totals(engine: Resident, keys: Sequence[GroupKey], metrics: Sequence[Any]) -> None:
    (answer,) = settle(engine.group(Match(Kind.METRIC), [Grouping(tuple(keys), adds=True)]))
    assert isinstance(answer, Groups)
    expected = counted(engine, keys, metrics)
    assert found(answer) == {values: len(members) for values, members in expected.items()}
    for group in answer.groups:
        members = expected[tuple(value.value for value in group.values)]
        used, totals = used_of(engine, members), group.totals
        assert totals is not None
        present = sum(metric.value is not None for metric in members)
        assert (totals.present, totals.missing) == (present, len(members) - present)
        if not can_be_added(engine, used):
            assert totals.unlike
            continue
        assert not totals.unlike
        numbers = [metric.value for metric in used]
        known = (fsum(numbers), fsum(numbers) / len(numbers), min(numbers), max(numbers)) if numbers else (None,) * 4
        shown = totals.sum, totals.avg, totals.min, totals.max
        assert shown == (pytest.approx(known, rel=1e-12) if numbers else known)


@pytest.mark.parametrize("bulk", [500, 2], ids=["change by change", "in bulk"])
@examples(10)
@given(choose=choices(WORLD + COMMITS * COMMIT))
def test_groups_are_what_brute_force_counts_and_adds_after_every_commit(bulk: int, choose: Choices) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Adjacency, "BULK", bulk)
        lines: list[Line] = world(choose.part(WORLD))
        note("\n".join(map(str, lines)))
        graph = graph_of(lines)
        for _ in range(COMMITS):
            check_all(graph.engine)
            changes = commit(choose.part(COMMIT), lines)
            if permits(graph, changes):
                note(f"written: {changes}")
                lines = applied(lines, changes)
        check_all(graph.engine)


def check_all(engine: Resident) -> None:
    for kind in Kind:
        entities = settle(engine.match(Match(kind), WHOLE)).entities
        table = GROUP_KEYS[kind]
        groupings = [Grouping((key,)) for key in table.values()] + [Grouping(tuple(table.values())[:3])]
        for grouping, answer in zip(groupings, settle(engine.group(Match(kind), groupings)), strict=True):
            expected = counted(engine, grouping.keys, entities)
            assert found(answer) == {values: len(members) for values, members in expected.items()}
    keys = GROUP_KEYS[Kind.METRIC]
    metrics = settle(engine.match(Match(Kind.METRIC), WHOLE)).entities
    apart = [keys[name] for name in ("INDICATOR", "MEASURE", "UNIT", "SUBJECT", "PERIOD")]
    for chosen in ([], apart[:1], apart[:3], apart[:4], apart, [keys["COUNTRY"], keys["YEAR"]]):
        check_totals(engine, chosen, metrics)


def test_groups_of_what_is_reached_are_those_of_each_start(small: Graph) -> None:
    engine, keys = small.engine, (GROUP_KEYS[Kind.PROJECT]["STATUS"],)
    starts = ["country:ML", "country:BF", "country:none"]
    answers = settle(engine.group_reached(starts, Expand(PROJECTS_INSIDE), [Grouping(keys)]))
    for start, (answer,) in zip(starts, answers, strict=True):
        reached = engine.adjacency.members(PROJECTS_INSIDE, start).entities
        assert found(answer) == {value: len(those) for value, those in counted(engine, keys, reached).items()}


@examples(25)
@given(choose=choices(WORLD))
def test_pages_of_groups_join_into_the_whole_in_every_order(choose: Choices) -> None:
    engine = graph_of(world(choose.part(WORLD))).engine
    apart = ("INDICATOR", "MEASURE", "UNIT", "SUBJECT", "PERIOD")
    for kind, names in ((Kind.PROJECT, ("STATUS", "COUNTRY")), (Kind.EVENT, ("TYPE", "YEAR")), (Kind.METRIC, apart)):
        keys, adds = tuple(GROUP_KEYS[kind][name] for name in names), kind is Kind.METRIC
        for by in (None, Figure.COUNT, *([Figure.SUM, Figure.AVG] if adds else [])):
            for descending in (True, False):
                asked = Grouping(keys, by=by, descending=descending, adds=adds)
                (whole,) = settle(engine.group(Match(kind), [asked]))
                assert isinstance(whole, Groups)
                shown: list[Any] = []
                after = None
                while True:
                    asked = Grouping(keys, by=by, descending=descending, adds=adds, first=2, after=after)
                    (page,) = settle(engine.group(Match(kind), [asked]))
                    assert isinstance(page, Groups)
                    assert page.total == len(whole.groups)
                    assert page.has_previous == bool(shown)
                    shown += page.groups
                    if not page.has_next:
                        break
                    after = page.groups[-1].position
                assert shown == list(whole.groups)
                assert_in_order(engine, keys, shown, by, descending)


def assert_in_order(engine: Resident, keys: Sequence[GroupKey], groups: Sequence[Any], by: Any, down: bool) -> None:
    """Compares neighbors by plain means: figures first, then values; what is missing comes last."""
    for before, after in pairwise(groups):
        first, second = (None, None) if by is None else (figure_of(before, by), figure_of(after, by))
        if first != second:
            assert second is None or (first is not None and (first > second) is down)
            continue
        for key, one, other in zip(keys, before.values, after.values, strict=True):
            if one.value != other.value:
                if one.value is None or other.value is None:
                    assert other.value is None
                else:
                    ordered = ordered_by(engine, key, one.value) < ordered_by(engine, key, other.value)
                    assert ordered is not (by is None and down)
                break
        else:
            raise AssertionError("no two groups have the same values")


def figure_of(group: Any, by: Figure) -> float | None:
    found: float | None = group.size if by is Figure.COUNT else getattr(group.totals, by.value)
    return found


def ordered_by(engine: Resident, key: GroupKey, value: str) -> Any:
    if key.type is KeyType.TERM:
        return TERMS[key.attribute][value].rank
    if key.type is KeyType.ENTITY:
        entity = engine.entity(value)
        assert entity is not None
        return fold(entity.name), entity.name, value
    return fold(value), value


def test_what_is_kept_is_what_meets_the_condition(small: Graph) -> None:
    keys = (GROUP_KEYS[Kind.PROJECT]["COUNTRY"],)
    having = And((Compare("count", ValueType.NUMBER, Operator.GTE, 2),))
    (answer,) = settle(small.engine.group(Match(Kind.PROJECT), [Grouping(keys, having=having)]))
    projects = settle(small.engine.match(Match(Kind.PROJECT), WHOLE)).entities
    expected = {values: len(those) for values, those in counted(small.engine, keys, projects).items()}
    assert found(answer) == {values: size for values, size in expected.items() if size >= 2}


def test_values_that_cannot_be_added_order_nothing(small: Graph) -> None:
    lines = [
        {
            "id": f"metric:{name}",
            "kind": "METRIC",
            "name": name,
            "value": 5,
            "unit": unit,
            "startedOn": "2020",
            "endedOn": "2020",
        }
        for name, unit in (("a", "people"), ("b", "households"))
    ]
    indicator = next(iter(settle(small.engine.match(Match(Kind.INDICATOR), WHOLE)).entities)).id
    links = [
        {"relation": relation, "subject": line["id"], "object": object}
        for line, subject in zip(lines, ("country:ML", "country:BF"), strict=True)
        for relation, object in (("ABOUT", subject), ("MEASURES", indicator))
    ]
    assert permits(small, [*lines, *links])
    (answer,) = settle(small.engine.group(Match(Kind.METRIC), [Grouping((), by=Figure.SUM, adds=True)]))
    assert isinstance(answer, IncompatibleAggregation)
    assert "Group by" in str(answer)
    assert "UNIT" in str(answer)
    reached = settle(small.engine.group_reached(["country:ML"], Expand(METRICS), [Grouping((), adds=True)]))
    assert isinstance(reached[0][0], Groups)
