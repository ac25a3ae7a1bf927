"""Specifies graph/formats/iati/: activities of IATI 2.0x into projects, partners, places, money, results, documents."""

from collections import Counter
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from api.imports import Imported, import_files
from graph.errors import Refused
from graph.formats import registry
from graph.formats.format import Record, Source, Unusable
from graph.formats.iati.reader import IATI_ACTIVITIES, read
from graph.formats.known import Known
from graph.graph import Graph
from graph.model import Code, Ensure, Entity, Relation
from graph.vocabulary import Kind, PlaceType, RelationKind
from tests.conftest import asking, graph_of, refusal
from tests.graph.conftest import text_of

FIXTURES = Path(__file__).with_name("fixtures")
KORO, REGION = "project:XX-EX-1-KORO", "project:XX-EX-1-REGION"
HEAD = '<iati-activities version="2.03">'
IDENTIFIER = "<iati-identifier>XX-EX-1-A</iati-identifier>"
REPORTING = '<reporting-org ref="XX-EX-1" type="21"><narrative>Example Aid</narrative></reporting-org>'
TITLE = "<title><narrative>A</narrative></title>"


def records(text: str | bytes, graph: Graph | None = None, **options: Any) -> list[Record]:
    """What the reader makes of a file."""
    stream = BytesIO(text.encode() if isinstance(text, str) else text)
    return list(read(Source(stream, "a file.xml", Known((graph or Graph.in_memory()).engine), **options)))


def activity(body: str = "", *, attributes: str = "", around: str = IDENTIFIER + REPORTING + TITLE) -> str:
    return f"{HEAD}<iati-activity {attributes}>{around}{body}</iati-activity></iati-activities>"


def reasons(text: str) -> list[str]:
    """The faults and remarks of a file's one activity."""
    (record,) = records(text)
    return [told for _, told in (*record.faults, *record.remarks)]


def graph_from(text: str, *lines: dict[str, Any]) -> Graph:
    """A graph of these lines, after a good file was taken."""
    graph = graph_of(list(lines))
    for record in records(text, graph):
        assert not record.faults
        graph.apply(record.writes)
    return graph


def taken(graph: Graph, name: str | Path, **options: Any) -> Imported:
    return import_files(graph, [FIXTURES / name], **options)


@pytest.fixture
def world(small: Graph) -> Graph:
    """The small world, after the fixture was imported."""
    taken(small, "iati.xml")
    return small


def held(graph: Graph, id: str) -> Any:
    found = graph.engine.entity(id)
    assert found is not None, id
    return found


def related(graph: Graph, kind: RelationKind, id: str) -> dict[str, Relation]:
    """The relations of a kind from or to an entity, by the other end, with the role where there is one."""
    found = {}
    for relation in graph.engine.relations_of(id):
        if relation.kind is kind:
            other = relation.object if relation.subject == id else relation.subject
            found[f"{other} {relation.role}" if relation.role else other] = relation
    return found


def ids(graph: Graph, kind: Kind) -> set[str]:
    return {entity.id for entity in graph.engine.entities() if entity.kind is kind}


# What an activity is


def test_an_activity_is_a_project_with_its_names_codes_status_and_dates(world: Graph):
    project = held(world, KORO)
    assert (project.name, project.labels) == ("Clinic of Koro", {"en": "Clinic of Koro", "fr": "Clinique de Koro"})
    assert project.summary == (
        "A clinic for all.\n\nOpen at night.\n\nObjectives: Fewer children fall ill.\n\nPart of activity: XX-EX-1-MALI"
    )
    assert (project.status, project.started_on, project.ended_on) == ("IMPLEMENTATION", "2023-02-01", "2025-12-31")
    assert project.identifiers == (
        Code("IATI", "XX-EX-1-KORO"),
        Code("internal activity id", "K-17", "Example Aid"),
        Code("FTS", "123456"),
    )


def test_related_activities_are_told_by_their_codes_below_how_they_are_related():
    related = ("X-1", "2"), ("X-2", "2"), ("X-1", "2"), ("Y", "3"), ("Z", "9"), ("", "1")
    body = "".join(f'<related-activity ref="{code}" type="{type}"/>' for code, type in related)
    (project,) = (each for each in graph_from(activity(body)).engine.entities() if each.kind is Kind.PROJECT)
    assert project.summary == "Parts, as activities: X-1, X-2\n\nSibling activities: Y\n\nRelated activities 9: Z"
    assert [told.partition(":")[0] for told in reasons(activity(body))] == [
        "there is no type '9' of related-activity", "related-activity has no ref",
    ]  # fmt: skip


def test_sectors_tags_scopes_and_markers_are_codes_of_their_lists(world: Graph):
    project = held(world, KORO)
    assert [(code.vocabulary, code.code) for code in project.sectors] == [
        ("DAC", "12220"),
        ("DAC", "12240"),
        ("IATI humanitarian cluster", "7"),
        ("sector of XX-EX-1", "K"),
    ]
    assert project.activities == (
        Code("IATI attribute", "humanitarian", "Humanitarian"),
        Code("SDG target", "3.2"),
        Code("GLIDE", "CE-2012-000000-MLI", "Crisis"),
        Code("DAC policy marker", "1", "Gender, principal objective"),
    )


def test_its_source_is_its_publisher_and_everything_says_so(world: Graph):
    source = held(world, "source:iati-XX-EX-1")
    assert source.citation == "Example Aid (n.d.). IATI activities of XX-EX-1."
    cites = related(world, RelationKind.CITES, KORO)
    assert cites[source.id].locator == "XX-EX-1-KORO, last updated 2024-04-30"
    mine = {id for id in (KORO, REGION, *ids(world, Kind.METRIC)) if "XX-EX-1" in id}
    assert [id for id in mine if source.id not in related(world, RelationKind.CITES, id)] == []
    stated = [each for id in mine for each in world.engine.relations_of(id) if each.kind is not RelationKind.CITES]
    assert {each.sources for each in stated} == {(source.id,)}


def test_documents_are_sources_that_the_project_cites(world: Graph):
    assert {id for id in related(world, RelationKind.CITES, KORO) if "example.org" in id} == {
        "source:example.org/koro",
        "source:example.org/koro.pdf",
    }
    document = held(world, "source:example.org/koro.pdf")
    assert (document.name, document.type, document.published_on) == ("Review of Koro", "REPORT", "2024-02-05")
    assert document.identifiers == (Code("IATI document category", "A07"),)


def test_addresses_that_are_nearly_alike_are_documents_of_their_own():
    addresses = ["https://example.org/a-b", "https://example.org/a/b", "https://example.org/A/b", "ftp:", "http:///"]
    addresses += [f"https://example.org/{'x' * 300}{end}" for end in "yz"]
    links = "".join(f'<document-link url="{address}"/>' for address in addresses)
    cited = set(related(graph_from(activity(links)), RelationKind.CITES, "project:XX-EX-1-A"))
    assert len(cited - {"source:iati-XX-EX-1"}) == len(addresses) - 1  # "ftp:" is no address


def test_a_document_that_the_store_has_under_another_id_is_that_one():
    known = {"id": "source:x", "kind": "SOURCE", "name": "X", "type": "REPORT", "url": "https://example.org/x"}
    graph = graph_from(activity('<document-link url="https://example.org/x"/>'), known)
    assert "source:x" in related(graph, RelationKind.CITES, "project:XX-EX-1-A")


# Who


def test_organisations_take_part_in_their_roles_found_by_code_then_by_name(world: Graph):
    assert set(related(world, RelationKind.PARTICIPATES_IN, KORO)) == {
        "partner:XX-EX-1 ACCOUNTABLE",
        "partner:YY-GOV-7 FUNDING",
        "partner:koro-health-union IMPLEMENTING",
        "partner:road-builders",  # it got money
    }
    assert set(related(world, RelationKind.PARTICIPATES_IN, REGION)) == {
        "partner:XX-EX-1/77 FUNDING",
        "partner:msf IMPLEMENTING",  # the store knows it by this name
        "partner:road-builders IMPLEMENTING",
        "partner:ministry-of-water",
    }


def test_an_organisation_keeps_its_code_its_first_name_and_its_type(world: Graph):
    partner = held(world, "partner:XX-EX-1")
    assert (partner.name, partner.aliases, partner.type) == ("Example Aid", (), "INTERNATIONAL_NGO")
    assert partner.identifiers == (Code("org-id", "XX-EX-1"), Code("previous org-id", "XX-OLD-1"))
    assert held(world, "partner:XX-EX-1/77").identifiers == (Code("organisation of XX-EX-1", "77"),)


def test_an_organisation_that_reports_takes_part_unless_it_reports_for_others():
    assert related(graph_from(activity()), RelationKind.PARTICIPATES_IN, "partner:XX-EX-1").keys() == {
        "project:XX-EX-1-A"
    }
    for_others = activity(around=IDENTIFIER + REPORTING.replace('type="21"', 'secondary-reporter="1"') + TITLE)
    assert ids(graph_from(for_others), Kind.PARTNER) == set()


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({"id": "partner:a", "name": "Other", "identifiers": [{"vocabulary": "org-id", "code": "ZZ-1"}]}, "partner:a"),
        ({"id": "partner:a", "name": "Zinc Aid"}, "partner:a"),
        ({"id": "partner:a", "name": "Zinc Aid", "identifiers": [{"vocabulary": "org-id", "code": "ZZ-2"}]}, None),
        ({"id": "partner:a", "name": "Zinc"}, None),
    ],
    ids=["same code", "same name, no code", "same name, other code", "other name"],
)
def test_an_organisation_with_a_code_is_the_stores_if_code_or_name_say_so(known: dict[str, Any], expected: str | None):
    body = '<participating-org ref="ZZ-1" role="1"><narrative>ZINC Aid</narrative></participating-org>'
    graph = graph_from(activity(body), {"kind": "PARTNER", "type": "OTHER", **known})
    found = related(graph, RelationKind.PARTICIPATES_IN, "project:XX-EX-1-A")
    assert f"{expected or 'partner:ZZ-1'} FUNDING" in found
    assert Code("org-id", "ZZ-1") in held(graph, expected or "partner:ZZ-1").identifiers


def test_one_code_is_one_organisation_whether_named_or_not():
    named = '<participating-org ref="ZZ-1" role="1"><narrative>Zinc Aid</narrative></participating-org>'
    ours = {"id": "partner:a", "kind": "PARTNER", "name": "Zinc Aid", "type": "OTHER"}
    graph = graph_from(activity(f'<participating-org ref="ZZ-1" role="4"/>{named}'), ours)
    assert ids(graph, Kind.PARTNER) == {"partner:a", "partner:XX-EX-1"}


def test_ministries_that_bear_the_same_name_are_those_of_their_countries():
    body = '<participating-org role="4"><narrative>Ministère de la Santé</narrative></participating-org>'
    graph = graph_from(activity(f'{body}<recipient-country code="TD"/>'))
    assert "partner:td-ministere-de-la-sante" in ids(graph, Kind.PARTNER)


@pytest.mark.parametrize("type", ["70", "71", "72", "73"])
def test_all_companies_are_of_the_private_sector(type: str):
    graph = graph_from(activity(f'<participating-org ref="ZZ-1" role="1" type="{type}"/>'))
    assert held(graph, "partner:ZZ-1").type == "PRIVATE_SECTOR"


# Where


def test_countries_and_regions_have_their_shares(world: Graph):
    located = related(world, RelationKind.LOCATED_IN, KORO)
    assert {id: relation.percentage for id, relation in located.items()} == {
        "country:ML": 80,
        "place:dac-region-298": 20,
        "place:GeoNames-9000001": None,
    }
    located = related(world, RelationKind.LOCATED_IN, REGION)
    assert {id: relation.percentage for id, relation in located.items()} == {
        "country:NE": 60,  # named twice
        "place:country-ZZ": 30,
        "place:m49-011": 20,
        "place:XX-EX-1-REGION/far-village@13.50,2.10": None,
    }


def test_a_country_that_the_store_lacks_is_made_with_its_codes_and_one_that_is_none_is_a_place(world: Graph):
    niger = held(world, "country:NE")
    assert (niger.name, niger.alpha3, niger.numeric) == ("Niger", "NER", "562")
    assert held(world, "place:country-ZZ").identifiers == (Code("ISO 3166-1", "ZZ"),)
    assert ids(graph_from(activity('<recipient-country code="XK"/>')), Kind.COUNTRY) == {"country:XK"}


def test_a_location_is_a_place_in_its_country(world: Graph):
    place = held(world, "place:GeoNames-9000001")
    assert (place.name, place.type) == ("Koro", PlaceType.FACILITY)
    assert (place.latitude, place.longitude) == (14.07, -3.08)
    assert place.identifiers == (Code("GeoNames", "9000001"),)
    assert set(related(world, RelationKind.PART_OF, place.id)) == {"country:ML"}
    village = "place:XX-EX-1-REGION/far-village@13.50,2.10"
    assert held(world, village).type == PlaceType.TOWN
    assert set(related(world, RelationKind.PART_OF, village)) == {"country:NE"}


def test_a_location_that_the_store_knows_in_that_country_is_that_place(small: Graph):
    body = '<recipient-country code="ML"/><location><name><narrative>KORO</narrative></name></location>'
    for record in records(activity(body), small):
        small.apply(record.writes)
    assert "place:koro" in related(small, RelationKind.LOCATED_IN, "project:XX-EX-1-A")


def test_regions_are_those_of_the_seed_where_it_has_the_code(seeded: Graph):
    text = activity('<recipient-region code="011" vocabulary="2"/>')
    (record,) = records(text, seeded)
    (located,) = (each for each in record.writes if isinstance(each, Relation) and each.kind is RelationKind.LOCATED_IN)
    assert held(seeded, located.object).name == "Western Africa"


def test_a_second_list_of_regions_says_the_same_again_so_its_shares_are_not_told():
    body = (
        '<recipient-region code="89" vocabulary="1" percentage="100"/>'
        '<recipient-region code="R5" vocabulary="99" percentage="100"/>'
    )
    located = related(graph_from(activity(body)), RelationKind.LOCATED_IN, "project:XX-EX-1-A")
    assert {id: relation.percentage for id, relation in located.items()} == {
        "place:dac-region-89": 100,
        "place:XX-EX-1/region-R5": None,
    }


# Money


def test_amounts_are_metrics_in_their_own_currency(world: Graph):
    metrics = [held(world, id) for id in sorted(ids(world, Kind.METRIC)) if "KORO/" in id]
    told = {(each.id.split("/")[1], each.unit, each.measure, each.value, each.printed) for each in metrics}
    assert {each for each in told if each[1].isupper()} == {
        ("budget-1", "EUR", "BUDGET", 61500.5, "60000 + 1,500.50"),
        ("budget-2", "USD", "BUDGET", 70000, "70000"),
        ("planned-disbursement-1", "EUR", "BUDGET", 500, "500"),
        ("transaction-1", "EUR", "ACTUAL", 40000, "40000"),
        ("transaction-3", "XOF", "DISBURSEMENT", 750000, "1000000 + -250000"),
        ("transaction-3", "EUR", "DISBURSEMENT", 10, "10"),
    }
    budget = held(world, "metric:XX-EX-1-KORO/budget-1/2023-01-01/2023-12-31/EUR")
    assert (budget.started_on, budget.ended_on, budget.status) == ("2023-01-01", "2023-12-31", "committed")
    assert set(related(world, RelationKind.MEASURES, budget.id)) == {"indicator:iati-budget-1-EUR"}
    assert set(related(world, RelationKind.ABOUT, budget.id)) == {KORO}


def test_amounts_in_two_currencies_are_not_added_not_even_those_of_one_day(world: Graph):
    asked = """{ metrics(where: { measure: { eq: DISBURSEMENT } }) {
      aggregate { value { sum } } groupBy(keys: [INDICATOR]) { nodes { keys { value } value { sum } } } } }"""
    answer = asking(world)(asked)
    assert refusal(answer)[0] == "INCOMPATIBLE_AGGREGATION"
    assert {
        node["keys"][0]["value"]: node["value"]["sum"] for node in answer["data"]["metrics"]["groupBy"]["nodes"]
    } == {
        "indicator:iati-transaction-3-EUR": 10,
        "indicator:iati-transaction-3-XOF": 750000,
    }


def test_an_amount_keeps_its_id_when_others_come_go_or_change_places():
    def budget(year: int, value: int) -> str:
        when = f'<period-start iso-date="{year}-01-01"/><period-end iso-date="{year}-12-31"/>'
        return f"<budget>{when}<value>{value}</value></budget>"

    def values(*budgets: str) -> dict[str, float]:
        graph = graph_from(activity("".join(budgets), attributes='default-currency="EUR"'))
        return {id: held(graph, id).value for id in ids(graph, Kind.METRIC)}

    first = values(budget(2020, 5), budget(2021, 6))
    assert values(budget(2021, 6), budget(2020, 5)) == first
    assert values(budget(2019, 4), budget(2020, 5), budget(2021, 7)).keys() > first.keys()


def test_an_amount_without_a_currency_is_kept_as_printed_only():
    body = '<transaction-type code="3"/><transaction-date iso-date="2020-01-01"/><value>5</value>'
    text = activity(f"<transaction>{body}</transaction>")
    (metric,) = (held(graph_from(text), id) for id in ids(graph_from(text), Kind.METRIC))
    assert (metric.value, metric.printed, metric.unit) == (None, "5", "unknown currency")
    assert reasons(text) == [
        "the transaction has no currency, and the activity no default: its amount is kept as printed only"
    ]


@pytest.mark.parametrize(
    ("type", "measure"),
    [(1, "ACTUAL"), (2, "COMMITMENT"), (3, "DISBURSEMENT"), (4, "EXPENDITURE"), (8, "ACTUAL"), (11, "COMMITMENT")],
)
def test_what_a_transaction_is_decides_what_its_value_is(type: int, measure: str):
    given = f'<transaction-type code="{type}"/><transaction-date iso-date="2020-01-01"/><value currency="EUR">5</value>'
    graph = graph_from(activity(f"<transaction>{given}</transaction>"))
    (metric,) = ids(graph, Kind.METRIC)
    assert held(graph, metric).measure == measure


# Results


def test_results_are_indicators_and_what_was_before_aimed_at_and_reached(world: Graph):
    assert {id for id in ids(world, Kind.INDICATOR) if "KORO" in id or "sphere" in id} == {
        "indicator:XX-EX-1-KORO/consultations",
        "indicator:XX-EX-1-KORO/consultations/age-adult-sex-female",
        "indicator:XX-EX-1-KORO/what-people-say",
        "indicator:sphere-handbook-HS-1",
    }
    metrics = related(world, RelationKind.MEASURES, "indicator:XX-EX-1-KORO/consultations")
    told = {(each.measure, each.value, each.printed, each.started_on) for each in (held(world, id) for id in metrics)}
    assert told == {
        ("BASELINE", 0, "0", "2022"),
        ("TARGET", 12000, "12000", "2023-01-01"),
        ("ACTUAL", 11500, "11,500", "2023-01-01"),
    }


def test_a_value_of_some_people_measures_an_indicator_of_its_own(world: Graph):
    part = held(world, "indicator:XX-EX-1-KORO/consultations/age-adult-sex-female")
    assert (part.name, part.unit) == ("Consultations (age: adult, sex: female)", "units")
    (metric,) = related(world, RelationKind.MEASURES, part.id)
    assert held(world, metric).value == 6000


def test_percentages_and_words_are_values_as_far_as_they_are_numbers(world: Graph):
    (beds,) = related(world, RelationKind.MEASURES, "indicator:sphere-handbook-HS-1")
    assert (held(world, beds).value, held(world, beds).printed, held(world, beds).unit) == (85, "85%", "%")
    said = [held(world, id) for id in related(world, RelationKind.MEASURES, "indicator:XX-EX-1-KORO/what-people-say")]
    assert {(each.value, each.printed) for each in said} == {(None, "good"), (None, "mostly good")}


def test_indicators_of_one_title_are_told_apart_by_their_results():
    value = '<baseline year="2020" value="1"/>'
    indicator = f'<indicator measure="1"><title><narrative>People</narrative></title>{value}</indicator>'
    result = "<result><title><narrative>{}</narrative></title>{}</result>"
    graph = graph_from(activity(result.format("Reached", indicator * 2) + result.format("Trained", indicator)))
    assert ids(graph, Kind.INDICATOR) == {
        "indicator:XX-EX-1-A/reached-people",
        "indicator:XX-EX-1-A/reached-people-2",
        "indicator:XX-EX-1-A/trained-people",
    }


# What is not as it should be


def test_what_is_unknown_is_kept_as_given_and_told(small: Graph):
    assert [str(remark) for remark in taken(small, "iati.xml").remarks] == [
        "line 45: planned-disbursement has no period-end: the other end stands for both",
        "line 77: the indicator 'Never counted' has no values: left out",
        "line 91: the percentages of recipient countries and regions come to 110, not 100: kept as given",
        "line 93: ISO 3166-1 has no country 'ZZ': kept as a place",
        "line 86: the ref 'N/A' is no code: the name stands for it",
        "line 86: there is no organisation type '12': OTHER was taken",
        "line 88: there is no role '9': the organisation takes part without one",
        "line 89: there is no activity status '7': left out",
        "line 90: activity-date has no iso-date: left out",
        "line 97: transaction-date has the iso-date '5000': its text, '2023-01-31', was taken",
        "line 97: the transaction has no value: kept without one",
        "line 98: ISO 4217 has no currency 'ABX': kept as given",
        "line 99: there is no transaction type '44': kept as given",
        "line 100: document-link has the address 'javascript:alert(1)', which is none of the web: left out",
    ]


def test_each_fault_says_where_what_was_given_what_was_expected(small: Graph):
    with pytest.raises(Refused) as refused:
        taken(small, "iati-bad.xml")
    assert str(refused.value).splitlines() == [
        "line 12: activity-date is '2023-02-30', expected a date that exists, as 2020-01-31. Correct iso-date",
        "line 13: percentage is 'all', expected a number, as 25 or 33.3. Correct it",
        "line 15: pos is '-3.1 194.1', which is no place on earth: latitudes end at 90, longitudes at 180:"
        " is it turned around? Latitude comes first",
        "line 17: budget ends (2023-01-01) before it starts (2023-12-31). Correct its period",
        "line 20: budget has no period. Add period-start and period-end, each with an iso-date",
        "line 25: value is '1.000,50', expected a number without signs of currencies, as 1200 or 1200.50. Correct it",
        "line 27: the transaction has no type. Add transaction-type, with a code from 1 to 13",
        "line 28: the transaction has no date. Add transaction-date, with an iso-date",
        "line 30: year of the baseline is 'two', expected a year, as 2020. Correct it",
        "line 33: the activity has no iati-identifier. Add the one by which its publisher knows it",
        "line 36: the activity 'XX-EX-1-GOOD' is there twice, here and on line 2. Keep one of the two",
    ]


def test_refused_activities_are_corrected_and_imported_to_the_same_end(small: Graph, tmp_path: Path):
    bad = (FIXTURES / "iati-bad.xml").read_text()
    corrections = [
        ("2023-02-30", "2023-02-28"), ("all", "100"), ("-3.1 194.1", "14.1 -3.1"), ("1.000,50", "1000.50"),
        ("two", "2020"),
        ('"2023-12-31"/><period-end iso-date="2023-01-01"', '"2022-12-31"/><period-end iso-date="2023-01-01"'),
        ("<budget>\n   <value>10</value>\n  </budget>", ""),
        ("<transaction><transaction-date", '<transaction><transaction-type code="3"/><transaction-date'),
        ('code="3"/><value>10', 'code="3"/><transaction-date iso-date="2023-03-01"/><value>10'),
        ("<title><narrative>Nameless", "<iati-identifier>XX-EX-1-N</iati-identifier><title><narrative>Nameless"),
        ("GOOD</iati-identifier>\n  <title><narrative>Again", "C</iati-identifier>\n  <title><narrative>Again"),
    ]  # fmt: skip

    def corrected(text: str) -> str:
        for wrong, right in corrections:
            text = text.replace(wrong, right)
        return text

    at_once, file, rejects = graph_of([]), tmp_path / "bad.xml", tmp_path / "rejects.xml"
    file.write_text(corrected(bad))
    import_files(at_once, [file])
    parted = graph_of([])
    file.write_text(bad)
    assert import_files(parted, [file], skip_invalid=True, rejects=rejects).refused == 3
    assert ids(parted, Kind.PROJECT) == {"project:XX-EX-1-GOOD"}
    text = rejects.read_text()
    assert "<!-- line 12: activity-date is '2023-02-30'" in text
    file.write_text(corrected(text))
    import_files(parted, [file])
    assert text_of(parted).replace("file-rejects", "file-bad") == text_of(at_once)


def test_activities_of_one_line_are_refused_one_by_one(tmp_path: Path):
    body = "".join(
        f"<iati-activity><iati-identifier>X-{number}</iati-identifier>{REPORTING}{TITLE}"
        f'<transaction><transaction-type code="3"/><transaction-date iso-date="{day}"/><value currency="EUR">1</value>'
        "</transaction></iati-activity>"
        for number, day in enumerate(["2020-02-30", "2020-02-01", "2020-02-31", "2020-02-02"])
    )
    file, rejects, graph = tmp_path / "file.xml", tmp_path / "rejects.xml", graph_of([])
    file.write_text(f"{HEAD}{body}</iati-activities>".replace("\n", ""))
    assert import_files(graph, [file], skip_invalid=True, rejects=rejects).refused == 2
    assert ids(graph, Kind.PROJECT) == {"project:X-1", "project:X-3"}
    text = rejects.read_text()
    assert [text.count(each) for each in ("X-0<", "X-1<", "X-2<", "X-3<", "<!--")] == [1, 0, 1, 0, 2]
    assert text.index("'2020-02-30'") < text.index("X-0<") < text.index("'2020-02-31'") < text.index("X-2<")


def test_a_second_import_changes_nothing_whatever_the_store_held(seeded: Graph):
    for lines in ([], [*seeded.engine.entities(), *seeded.engine.all_relations()]):
        graph = Graph.in_memory()
        graph.apply(lines)
        first = taken(graph, "iati.xml").applied
        assert first.created > 100
        assert taken(graph, "iati.xml").applied[:4] == (first.version, 0, 0, 0)


def test_a_name_that_became_another_ones_too_still_means_who_it_meant():
    """The store's one Zinc Aid is meant; the same file brings another of that name."""
    ours = {"id": "partner:a", "kind": "PARTNER", "name": "Zinc Aid", "type": "OTHER",
            "identifiers": [{"vocabulary": "org-id", "code": "ZZ-2"}]}  # fmt: skip
    by_name = activity('<participating-org role="1"><narrative>Zinc Aid</narrative></participating-org>')
    by_code = activity('<participating-org ref="ZZ-1" role="1"><narrative>Zinc Aid</narrative></participating-org>')
    both = by_name.replace("</iati-activities>", "") + by_code.removeprefix(HEAD).replace("XX-EX-1-A", "XX-EX-1-B")
    graph = graph_of([ours])
    writes = [write for record in records(both, graph) for write in record.writes]
    graph.apply(writes)
    version = graph.version
    graph.apply([write for record in records(both, graph) for write in record.writes])
    assert graph.version == version
    assert "partner:a FUNDING" in related(graph, RelationKind.PARTICIPATES_IN, "project:XX-EX-1-A")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('<iati-activities version="1.05"><iati-activity/></iati-activities>', "it is in version 1.05 of IATI"),
        ("<iati-activities><iati-activity><title>Old</title></iati-activity></iati-activities>", "it has no version"),
        ('<iati-activities version="3.0"/>', "line 1: version is '3.0', expected one of 2.01, 2.02 and 2.03"),
        ('<iati-organisations version="2.03"/>', "it is an IATI organisation file"),
        ('<rss version="2.0"/>', "line 1: its root is 'rss', expected 'iati-activities'"),
        ('<iati-activities xmlns="urn:x" version="2.03"/>', "line 1: its elements are of the namespace 'urn:x'"),
        (f"{HEAD}\n<iati-activity>", "line 2: the file breaks off"),
        (f"{HEAD}\n<iati-activity></iati-activities>", "line 2: this is not well-formed XML"),
        (f'<!DOCTYPE x [<!ENTITY a "b">]>{HEAD}</iati-activities>', "it has a document type (DOCTYPE)"),
        (f'<!DOCTYPE x SYSTEM "file:///etc/passwd">{HEAD}</iati-activities>', "it has a document type"),
        (f"{HEAD}\n&nothing;</iati-activities>", "line 2: this is not well-formed XML (Entity 'nothing' not defined)"),
        ('<?xml version="1.0" encoding="no-such"?><iati-activities/>', "line 1: "),
        ("", "line 1: the file breaks off"),
        (f"{HEAD}{'<a>' * 10_000}", "line 1: it is deeper, or a text of it longer, than any that is read"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_taken_says_why(text: str, told: str):
    with pytest.raises(Unusable) as error:
        records(text)
    assert told in str(error.value)


def test_old_files_are_told_what_to_do():
    with pytest.raises(Unusable, match=r"2\.01 to 2\.03 are read\. Ask its publisher .* or bring it to 2\.03"):
        records('<iati-activities version="1.04"/>')


def test_an_entity_bomb_is_refused_before_it_grows():
    levels = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    bomb = f'<!DOCTYPE x [<!ENTITY l0 "ha">{levels}]><iati-activities version="&l11;">&l11;</iati-activities>'
    with pytest.raises(Unusable):
        records(bomb)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "iso-8859-1"])
def test_encodings_are_read_as_declared(encoding: str):
    declared = "" if encoding == "utf-8-sig" else f'<?xml version="1.0" encoding="{encoding}"?>\n'
    text = (declared + activity().replace(">A<", ">Ségou<")).encode(encoding)
    assert IATI_ACTIVITIES.recognises(text)
    (record,) = records(text)
    assert [each.name for each in record.writes if isinstance(each, Entity)] == ["Ségou"]
    assert [line for line, _ in record.faults] == []


def test_a_wrong_encoding_is_told():
    with pytest.raises(Unusable, match="Save the file as UTF-8"):
        records(activity().replace(">A<", ">Ségou<").encode("latin-1"))


def test_files_are_recognised_by_what_they_hold():
    assert registry.recognised((FIXTURES / "iati.xml").read_bytes()) is IATI_ACTIVITIES
    assert registry.recognised(b'<iati-organisations version="2.03"/>') is IATI_ACTIVITIES
    assert not IATI_ACTIVITIES.recognises(b"<rss><channel>iati-activities</channel></rss>")


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_lines_are_counted_however_long_a_file_is(ends: str):
    bad = "<budget>\n<value\ncurrency='EUR'>ten</value>\n<period-start iso-date='2020-01-01'/></budget>\n"
    text = activity(bad).replace(HEAD, HEAD + "\n" * 70_000 + "<!--\n-->").replace("\n", ends)
    (record,) = records(text)
    (fault,) = record.faults
    assert record.line == 70_002
    assert fault.line == 70_004


def test_an_activity_that_goes_on_for_ever_is_refused():
    with pytest.raises(Unusable, match="a record, or what stands between two, has more than 16 MB"):
        records(activity(f"<comment>{'x' * 1_000}</comment>\n" * 17_000))


def test_an_activity_with_thousands_of_faults_is_read_in_no_time():
    bad = "<budget><value>ten</value></budget>\n"
    (record,) = records(activity(bad * 20_000))
    assert len(record.faults) == 20_000
    assert record.faults[-1].line == 20_000


def test_the_language_of_a_file_is_that_of_its_activities():
    text = activity().replace(HEAD, HEAD.replace(">", ' xml:lang="fr">'))
    assert held(graph_from(text), "project:XX-EX-1-A").labels == {"fr": "A"}


def test_a_code_or_a_text_that_is_too_long_is_not_taken():
    text = activity(around=f"<iati-identifier>{'x' * 301}</iati-identifier>")
    assert reasons(text) == ["iati-identifier has 301 characters, expected at most 300. Correct it"]
    assert records(activity(f'<sector code="{"x" * 301}"/>'))[0].remarks[0].text == "sector has no code: left out"


# Whatever comes


GOOD = (FIXTURES / "iati.xml").read_bytes()
BAD = (FIXTURES / "iati-bad.xml").read_bytes()


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    text = bytearray(draw(st.sampled_from([GOOD, BAD])))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(text) - 1))
        match draw(st.integers(0, 4)):
            case 0:
                text[at] ^= draw(st.integers(1, 255))
            case 1:
                del text[at:]
                text = text or bytearray(b" ")
            case 2:
                del text[at : at + draw(st.integers(1, 200))]
                text = text or bytearray(b" ")
            case 3:
                text[at:at] = draw(st.binary(max_size=20))
            case _:
                text[at:at] = draw(
                    st.sampled_from([b"&lt;", b"&a;", b"<!-- -->", b"<![CDATA[x]]>", b"-1", b"\x00", b'"'])
                )
    return bytes(text)


@st.composite
def misspelt(draw: st.DrawFn) -> bytes:
    """Well-formed, but with values, elements and attributes that are not what they should be."""
    root = etree.fromstring(draw(st.sampled_from([GOOD, BAD])))
    elements = list(root.iter("*"))[1:]
    words = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="￾￿"), max_size=30)
    values = words | st.sampled_from(["", " ", "-1", "1e999", "NaN", "2020-13-01", "9" * 400, "١٢", "0000-01-01", "--"])
    for _ in range(draw(st.integers(1, 12))):
        element = elements[draw(st.integers(0, len(elements) - 1))]
        match draw(st.integers(0, 3)):
            case 0 if element.attrib:
                element.set(draw(st.sampled_from(sorted(element.attrib))), draw(values))
            case 1:
                element.text = draw(values)
            case 2 if element.getparent() is not None:
                element.getparent().remove(element)
            case _ if element.attrib:
                del element.attrib[draw(st.sampled_from(sorted(element.attrib)))]
    return etree.tostring(root, encoding="utf-8")


@pytest.mark.parametrize("drawn", [mutated(), misspelt()], ids=["bytes", "values"])
def test_whatever_a_file_holds_it_is_unusable_or_its_activities_are_taken_or_refused(drawn: Any):
    @settings(max_examples=150, deadline=None)
    @given(drawn)
    def holds(text: bytes) -> None:
        IATI_ACTIVITIES.recognises(text)
        try:
            found = records(text, keeps_texts=True)
        except Unusable:
            return
        for record in found:
            assert not (record.faults and record.writes)
            assert etree.fromstring(record.text).tag == "iati-activity"
        graph = Graph.in_memory()
        graph.apply([write for record in found for write in record.writes])
        version = graph.version
        again = [write for record in records(text, graph) for write in record.writes]
        assert graph.apply(again).version == version
        assert Counter(type(write) is Ensure for write in again).total() == len(again)

    holds()


RESULT = "<result type='1'><indicator measure='{}'><title><narrative>Wells</narrative></title>{}</indicator></result>"
PERIOD = "<period><period-start iso-date='2020-01-01'/><period-end iso-date='2020-12-31'/>{}</period>"


def test_values_of_results_may_be_texts_and_long_ones():
    graph = graph_from(activity(RESULT.format(1, PERIOD.format("<actual>55</actual>"))))
    assert [each.value for each in graph.engine.entities() if each.kind is Kind.METRIC] == [55]
    told = "All is well. " * 30
    graph = graph_from(activity(RESULT.format(5, PERIOD.format(f"<actual value='{told}'/>"))))
    assert [each.printed for each in graph.engine.entities() if each.kind is Kind.METRIC] == [told.strip()]
    assert reasons(activity(RESULT.format(1, "<baseline>7</baseline>"))) == [
        "the baseline has neither year nor iso-date: left out"
    ]


def school(*points: str) -> str:
    location = "<location><name><narrative>School</narrative></name><point><pos>{}</pos></point></location>"
    return activity("<recipient-country code='ML' percentage='100'/>" + "".join(map(location.format, points)))


def test_a_place_of_a_name_that_is_known_is_another_one_where_it_lies_elsewhere():
    once, then = graph_from(school("14.5 -4", "12.6 -8")), graph_from(school("14.5 -4"))
    for record in records(school("14.5 -4", "12.6 -8"), then):
        then.apply(record.writes)
    assert len(ids(then, Kind.PLACE)) == 2
    assert text_of(once) == text_of(then)


def test_a_document_type_within_a_text_is_none():
    (record,) = records(activity("<description><narrative><![CDATA[<!DOCTYPE html> x]]></narrative></description>"))
    assert not record.faults


def test_codes_of_related_activities_are_there_however_long_the_description():
    told = activity(f"<description><narrative>{'x' * 200_000}</narrative></description><related-activity ref='B'/>")
    assert held(graph_from(told), "project:XX-EX-1-A").summary.endswith("Related activities: B")


def test_refused_activities_of_a_file_keep_it_as_their_source(tmp_path):
    """As no organisation reports them, it is the file that states what they say."""
    parts, whole = Graph.in_memory(), Graph.in_memory()
    file, rejects = tmp_path / "given.xml", tmp_path / "rejects.xml"
    bad = activity("<activity-date type='1' iso-date='soon'/>", around=IDENTIFIER + TITLE)
    file.write_text(f"<!-- {'x' * 80_000} -->\n{bad}", encoding="utf-8")
    import_files(parts, [file], format="iati", skip_invalid=True, rejects=rejects)
    rejects.write_text(rejects.read_text(encoding="utf-8").replace('"soon"', '"2020-01-01"'), encoding="utf-8")
    file.write_text(bad.replace("soon", "2020-01-01"), encoding="utf-8")
    import_files(parts, [rejects])
    import_files(whole, [file])
    assert text_of(parts) == text_of(whole)
    assert "given.xml" in text_of(whole)


def test_an_activity_that_two_files_have_is_told_once(tmp_path):
    files = [tmp_path / name for name in ("a.xml", "b.xml")]
    for file in files:
        file.write_text(activity("<recipient-country code='ML'/>"), encoding="utf-8")
    with pytest.raises(Refused) as told:
        import_files(Graph.in_memory(), files)
    (fault,) = told.value.faults
    assert str(fault) == (
        f"{files[1]} line 1: project:XX-EX-1-A is written twice, here and on {files[0]} line 1. Keep one of the two."
    )
