"""The real tables, feed and page: their totals, counted by a few lines of their own, are what the graph answers."""

import csv
from collections import defaultdict

import pytest

from graph.errors import Refused
from graph.vocabulary import Kind, MetricMeasure, RelationKind
from seed.load import records
from tests.conftest import graph_of
from tests.graph.conftest import text_of
from tests.graph.formats.reading import all_of, related, taken, told
from tests.graph.formats.real import real_file

CODES, WHO, MOVEMENTS = "ocha_global_pcodes_adm_1_2.csv", "hxl_rowca-3w-hxl.csv", "hxl_mali-population-movements.csv"
MONEY, FEED, ALERTS = "hdx_iati_covid_transactions_hxl.csv", "gdacs_rss.xml", "gdacs_rss_information.csv"
PAGE = "mali-page.txt"


def rows(name):
    with real_file(name).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


@pytest.fixture
def graph():
    return graph_of(list(records()))


@pytest.mark.parametrize("name", [WHO, MOVEMENTS, MONEY, FEED, ALERTS, PAGE])
def test_a_second_import_changes_nothing(graph, name):
    taken(graph, real_file(name))
    before = text_of(graph)
    assert taken(graph, real_file(name)).applied[1:4] == (0, 0, 0)
    assert text_of(graph) == before


def test_every_unit_of_the_list_is_a_place_within_the_one_that_the_list_names(graph):
    """What the seed knows to lie in something stays there: the list overwrites nothing."""
    listed = rows(CODES)[1:]
    held = dict(related(graph, RelationKind.PART_OF))
    taken(graph, real_file(CODES))
    code_of = {
        entity.id: identifier.code
        for entity in all_of(graph, Kind.PLACE).values()
        for identifier in entity.identifiers
        if identifier.vocabulary == "P-code"
    }
    assert sorted(code_of.values()) == sorted(row[2] for row in listed)
    alpha3 = {id: country.alpha3 for id, country in all_of(graph, Kind.COUNTRY).items()}
    within = {
        (code_of[part], code_of.get(whole) or alpha3[whole])
        for part, whole in related(graph, RelationKind.PART_OF)
        if part in code_of and part not in held
    }
    known = {code_of[part] for part in held if part in code_of}
    assert within == {(row[2], row[4]) for row in listed if row[2] not in known}
    assert held.items() <= dict(related(graph, RelationKind.PART_OF)).items()
    assert taken(graph, real_file(CODES)).applied[1:4] == (0, 0, 0)


def test_who_does_what_where_is_whole(graph):
    listed = rows(WHO)[2:]
    before, operated = (related(graph, kind) for kind in (RelationKind.LOCATED_IN, RelationKind.OPERATES_IN))
    taken(graph, real_file(WHO))
    new = {id for id in all_of(graph, Kind.PROJECT) if not id.startswith("project:msf")}
    assert len(new) == len({(row[1], row[7]) for row in listed})
    located = related(graph, RelationKind.LOCATED_IN) - before
    assert len(located) == len({(row[1], row[7], row[12], row[13]) for row in listed})
    partners = {partner for partner, project, *_ in related(graph, RelationKind.PARTICIPATES_IN) if project in new}
    names = {all_of(graph, Kind.PARTNER)[id].name for id in partners}
    assert names == {row[1] for row in listed}
    operating = related(graph, RelationKind.OPERATES_IN)
    where, told = (
        {(graph.engine.entity(partner).name, graph.engine.entity(country).name) for partner, country in pairs}
        for pairs in (operating, operating - operated)
    )
    assert told <= {(row[1], row[12]) for row in listed} <= where


def test_people_who_moved_are_all_there(graph):
    listed = rows(MOVEMENTS)[2:]
    taken(graph, real_file(MOVEMENTS))
    sums = defaultdict(float)
    measured = dict(related(graph, RelationKind.MEASURES))
    for metric in all_of(graph, Kind.METRIC).values():
        sums[measured[metric.id]] += metric.value or 0
    assert [sums[f"indicator:hxl-{code}"] for code in ("affected-idps", "affected-refugees", "affected")] == [
        sum(int(row[column]) for row in listed) for column in (1, 2, 3)
    ]
    moved = [each for each in all_of(graph, Kind.METRIC).values() if measured[each.id].startswith("indicator:hxl-")]
    periods = {each.started_on for each in moved}
    assert (min(periods), max(periods), len(periods)) == ("2012-09", "2014-05", 21)


def test_money_comes_to_the_same_sums(graph):
    listed = rows(MONEY)[2:]
    taken(graph, real_file(MONEY))
    expected, sums = defaultdict(float), defaultdict(float)
    for row in listed:
        kind = MetricMeasure.COMMITMENT if row[8] == "commitments" else MetricMeasure.EXPENDITURE
        for name, column in (("net", 10), ("total", 11)):
            expected[f"project:{row[9]}", name, kind, row[0]] += float(row[column])
    about = dict(related(graph, RelationKind.ABOUT))
    for metric in all_of(graph, Kind.METRIC).values():
        if metric.unit == "unknown currency":
            name = "net" if metric.name.startswith("Money: net") else "total"
            sums[about[metric.id], name, metric.measure, metric.started_on] += metric.value
    assert {key: round(value, 2) for key, value in sums.items()} == {
        key: round(value, 2) for key, value in expected.items()
    }


def test_alerts_are_events_and_the_table_of_them_adds_nothing_new(graph):
    listed = rows(ALERTS)
    taken(graph, real_file(FEED))
    head = listed[0]
    for row in listed[1:]:
        cells = dict(zip(head, row, strict=True))
        event = all_of(graph, Kind.EVENT)[f"event:gdacs-{cells['id']}"]
        point = all_of(graph, Kind.PLACE)[f"place:gdacs-{cells['id']}"]
        assert (point.latitude, point.longitude) == (float(cells["geo_lat"]), float(cells["geo_long"]))
        assert (event.id, "country:US") in related(graph, RelationKind.OCCURRED_IN)
        assert event.affected
    before = all_of(graph, Kind.EVENT)
    assert taken(graph, real_file(ALERTS)).applied.created == 0
    assert all_of(graph, Kind.EVENT) == before


def test_the_page_says_what_the_seed_has_and_its_prose_is_told_as_not_read(graph):
    before = text_of(graph)
    imported = taken(graph, real_file(PAGE))
    assert text_of(graph) == before
    assert len(told(imported)) == 5
    assert all("not read" in remark for remark in told(imported))


def test_a_table_of_codes_without_tags_is_refused_with_a_guess(graph):
    with pytest.raises(Refused, match=r"#country\+code for 'ISO3166-1-Alpha-3'"):
        taken(graph, real_file("country_codes.csv"))
