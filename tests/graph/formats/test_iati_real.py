"""Real activities, where they are at hand: what a few lines of lxml count in a file is what the graph answers."""

import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from api.imports import Imported, import_files
from graph.graph import Graph
from graph.model import Country
from graph.vocabulary import ProjectStatus, RelationKind
from tests.conftest import Ask, asking
from tests.graph.formats.real import real_file

ACTIVITIES = "iati_dportal_covid_activities.xml"
EXAMPLE = "iati_203_activity_example_annotated.xml"
OURS = 'identifiers: { some: { vocabulary: { eq: "IATI" } } }'


@pytest.fixture(scope="module")
def file() -> Path:
    return real_file(ACTIVITIES)


@pytest.fixture(scope="module")
def root(file: Path) -> Any:
    return etree.parse(file).getroot()


@pytest.fixture(scope="module")
def filled(file: Path, seeded: Graph) -> tuple[Graph, Imported]:
    graph = Graph.in_memory()
    graph.apply([*seeded.engine.entities(), *seeded.engine.all_relations()])
    return graph, import_files(graph, [file])


@pytest.fixture(scope="module")
def ask(filled: tuple[Graph, Imported]) -> Ask:
    return asking(filled[0])


def groups(ask: Ask, keys: str, where: str) -> dict[tuple[str, ...], dict[str, Any]]:
    """The groups of metrics by the values of some keys."""
    query = f"""query ($after: String) {{ metrics(where: {{ {where} }}) {{
      groupBy(keys: [{keys}], first: 100, after: $after) {{
        nodes {{ keys {{ value }} count value {{ sum }} }} pageInfo {{ hasNextPage endCursor }} }} }} }}"""
    found, after, more = {}, None, True
    while more:
        answer = ask(query, {"after": after})
        assert "errors" not in answer
        page = answer["data"]["metrics"]["groupBy"]
        found |= {tuple(key["value"] for key in node["keys"]): node for node in page["nodes"]}
        after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
    return found


def test_the_whole_file_is_taken_and_a_second_import_changes_nothing(file: Path, filled: tuple[Graph, Imported]):
    graph, first = filled
    assert first.refused == 0
    again = import_files(graph, [file]).applied
    assert (again.version, again.created, again.updated, again.removed) == (first.applied.version, 0, 0, 0)


def test_activities_by_status_are_as_many(root: Any, ask: Ask):
    asked = "totalCount groupBy(keys: [STATUS]) { nodes { keys { value } count } }"
    projects = ask(f"{{ projects(where: {{ {OURS} }}) {{ {asked} }} }}")["data"]["projects"]
    assert projects["totalCount"] == len(root.findall("iati-activity")) == 401
    names = dict(zip("123456", map(str, ProjectStatus), strict=True))
    counted = Counter(names[code] for code in root.xpath("//activity-status/@code"))
    assert {node["keys"][0]["value"]: node["count"] for node in projects["groupBy"]["nodes"]} == counted


def test_money_by_kind_and_currency_comes_to_the_same(root: Any, ask: Ask):
    expected: dict[tuple[str, str], list[float]] = defaultdict(list)
    for element in root.xpath("//budget | //planned-disbursement | //transaction"):
        kind = element.find("transaction-type")
        type = element.get("type") or "1" if kind is None else kind.get("code") or kind.text
        value = element.find("value")
        values = expected[f"indicator:iati-{element.tag}-{type}-{value.get('currency')}", value.get("currency")]
        values += [float(value.text)] if value.text else []
    found = groups(ask, "INDICATOR, UNIT", 'indicator: { code: { startsWith: "iati-" } }')
    assert found.keys() == expected.keys()
    sums = {key: node["value"] and node["value"]["sum"] for key, node in found.items()}
    assert {key: total or 0 for key, total in sums.items()} == pytest.approx(
        {key: sum(values) for key, values in expected.items()}
    )
    assert sums["indicator:iati-transaction-1-CZK", "CZK"] is None  # stated without amounts


def test_results_have_as_many_periods_and_values_and_come_to_the_same(root: Any, ask: Ask):
    elements = root.xpath("//indicator/baseline | //indicator/period/target | //indicator/period/actual")
    expected = Counter(element.tag.upper() for element in elements if element.get("value"))
    where = """sources: { some: { name: { startsWith: "IATI activities of" } } },
        not: { indicator: { code: { startsWith: "iati-" } } }"""
    found = groups(ask, "MEASURE, INDICATOR, PERIOD", where)
    counted: Counter[str] = Counter()
    for (measure, *_), node in found.items():
        counted[measure] += node["count"]
    assert counted == expected
    periods = {(indicator, period) for measure, indicator, period in found if measure != "BASELINE"}
    stated = [period for period in root.xpath("//indicator/period") if period.xpath("target/@value | actual/@value")]
    assert len(periods) == len(stated)
    values = [float(element.get("value")) for element in elements if element.get("value")]
    assert sum(node["value"]["sum"] for node in found.values()) == pytest.approx(sum(values))


def test_organisations_are_as_many(root: Any, filled: tuple[Graph, Imported]):
    graph, _ = filled
    codes = set()
    for element in root.xpath("//participating-org | //provider-org | //receiver-org"):
        ref = " ".join((element.get("ref") or "").split())
        if re.match(r"[A-Za-z]{2,}-.+", ref) and " " not in ref:
            codes.add(ref)
    codes |= {each.get("ref") for each in root.iter("reporting-org") if each.get("secondary-reporter") != "1"}
    where = 'identifiers: { some: { vocabulary: { eq: "org-id" } } }'
    found = asking(graph)(f"{{ partners(where: {{ {where} }}) {{ totalCount }} }}")
    assert found["data"]["partners"]["totalCount"] == len(codes)


def test_countries_have_the_shares_that_are_stated(root: Any, filled: tuple[Graph, Imported]):
    graph, _ = filled
    stated = {
        (f"project:{activity.findtext('iati-identifier')}", element.get("code")): float(element.get("percentage"))
        for activity in root.iter("iati-activity")
        for element in activity.iterfind("recipient-country")
    }
    found = {
        (each.subject, place.code): each.percentage
        for each in graph.engine.all_relations()
        if each.kind is RelationKind.LOCATED_IN and each.percentage is not None
        if isinstance(place := graph.engine.entity(each.object), Country)
    }
    assert {key: share for key, share in stated.items() if key[1] != "TA"} == found  # which ISO 3166-1 does not list


def test_what_is_told_of_the_file_is_true_of_it(root: Any, filled: tuple[Graph, Imported]):
    told = Counter(re.sub(r"'[^']*'|\(.*?\)", "…", remark.reason) for remark in filled[1].remarks)
    assert told["the transaction has no value: kept without one"] == len(root.xpath("//transaction[not(value/text())]"))
    assert told["activity-date has no iso-date: left out"] == len(root.xpath("//activity-date[not(@iso-date)]"))
    assert told["the budget is negative …: kept as given"] == len(root.xpath("//budget[value < 0]"))
    assert told["sector has no code: left out"] == len(root.xpath("//sector[not(@code)]"))
    assert told["other-identifier has no ref: left out"] == len(root.xpath("//other-identifier[not(@ref)]"))


def test_the_standards_own_example_is_taken_and_taken_again():
    graph = Graph.in_memory()
    first = import_files(graph, [real_file(EXAMPLE)])
    assert first.refused == 0
    assert import_files(graph, [real_file(EXAMPLE)]).applied.version == first.applied.version
