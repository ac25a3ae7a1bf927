"""Specifies graph/formats/pages/: the text of a page about a country into figures and sources."""

import pytest

from graph.formats.format import Unusable
from graph.formats.pages.measures import measured
from graph.formats.pages.text import amount, report_name
from graph.graph import Graph
from graph.vocabulary import CountBasis, Kind, RelationKind, SourceType
from tests.conftest import graph_of
from tests.graph.conftest import text_of
from tests.graph.formats.reading import FIXTURES, all_of, faults, records, related, taken, told, unsourced


def figures(graph):
    return {
        (metric.name, metric.value, metric.printed, metric.lower, metric.upper, metric.unit)
        for metric in all_of(graph, Kind.METRIC).values()
    }


def test_figures_have_the_labels_below_them_and_the_year_of_the_report():
    graph = Graph.in_memory()
    imported = taken(graph, "page-chad.txt")
    assert figures(graph) == {
        ("Outpatient consultations, Chad, 2022", 1_200_000, "1.2 million", None, None, "consultations"),
        ("Children admitted to nutrition programmes, Chad, 2022", 1040, "more than 1,040", 1040, None, "admissions"),
        ("Vaccinations against measles, Chad, 2022", 85_300, "85,300", None, None, "doses"),
        ("Spent on medicines, Chad, 2022", 3_500_000, "€3.5 million", None, None, "EUR"),
    }
    assert {metric.started_on for metric in all_of(graph, Kind.METRIC).values()} == {"2022"}
    assert {(each.name, each.type, each.published_on) for each in all_of(graph, Kind.SOURCE).values()} == {
        ("Chad (country page, Care for All Yearly Report)", SourceType.WEBPAGE, None),
        ("Care for All Yearly Report 2022", SourceType.REPORT, None),
        ("A night at the well: “We count the lights”", SourceType.STORY, "2023-03-04"),
        ("Rain at last over the plains of the south and", SourceType.STORY, "2022-11-21"),
    }
    assert len({source for about, source in related(graph, RelationKind.CITES) if about == "country:TD"}) == 4
    (unread,) = told(imported)
    assert unread.startswith("line 3: not read: 'A first paragraph")
    assert unsourced(graph) == []


def test_labels_may_stand_above_their_figures():
    graph = Graph.in_memory()
    imported = taken(graph, "page-drc.txt")
    assert {(metric.value, metric.unit) for metric in all_of(graph, Kind.METRIC).values()} == {
        (12_400, "cases"), (9_000_000, "litres"), (300, "people"), (45, "%")
    }  # fmt: skip
    assert [line.partition(":")[0] for line in told(imported)] == ["line 2", "line 11"]


def test_of_several_countries_the_page_is_about_the_one_of_which_it_speaks():
    text = "Chad\nMali\nNiger\nNiger\nOur work in Niger\nAnnual Report 2020\n12\nPatients treated\n"
    names = [write.name for each in records("page", text.encode()) for write in each.writes if hasattr(write, "value")]
    assert names == ["Patients treated, Niger, 2020"]


def test_a_figure_may_share_a_line_with_its_label_and_one_that_is_none_is_a_fault():
    text = (FIXTURES / "page-niger.txt").read_bytes()
    assert faults("page", text) == ["7: '12,34' is no number, as 1040, 1,040 or 0.5"]
    graph = Graph.in_memory()
    assert taken(graph, "page-niger.txt", skip_invalid=True, dry_run=True).refused == 1
    names = [
        write.name for each in records("page", text) for write in each.writes if getattr(write, "kind", "") == "METRIC"
    ]
    assert names == ["Consultations externes, Niger, 2020", "births assisted, Niger, 2020"]


def test_indicators_places_and_sources_that_the_store_has_are_used():
    graph = graph_of(
        [
            {"id": "x:chad", "kind": "COUNTRY", "name": "Tchad", "code": "TD", "alpha3": "TCD"},
            {"id": "x:out", "kind": "INDICATOR", "name": "OUTPATIENT consultations", "code": "out", "unit": "visits"},
            {"id": "x:report", "kind": "SOURCE", "name": "Care for all yearly report 2022", "type": "REPORT"},
            {"id": "x:rain", "kind": "SOURCE", "name": "Rain at last over the plains of the south and of the east",
             "type": "STORY", "publishedOn": "2022-11-21"},
            {"id": "x:metric", "kind": "METRIC", "name": "As we had it", "value": 1200000, "unit": "visits",
             "startedOn": "2022", "endedOn": "2022"},
            {"relation": "ABOUT", "subject": "x:metric", "object": "x:chad"},
            {"relation": "MEASURES", "subject": "x:metric", "object": "x:out"},
        ]
    )  # fmt: skip
    taken(graph, "page-chad.txt")
    assert {each.id for each in graph.engine.entities() if each.kind is Kind.COUNTRY} == {"x:chad"}
    assert len(all_of(graph, Kind.METRIC)) == 4  # one is the one that was there
    assert {("x:metric", "x:report"), ("x:chad", "x:rain")} <= related(graph, RelationKind.CITES)
    assert len(all_of(graph, Kind.SOURCE)) == 4


def test_pages_of_two_organisations_are_two_sources_though_their_figures_are_equal(tmp_path):
    page = (FIXTURES / "page-chad.txt").read_text(encoding="utf-8")
    other = tmp_path / "other.txt"
    other.write_text(page.replace("Care for All Yearly", "Doctors at Work Annual"), encoding="utf-8")
    together, after = Graph.in_memory(), Graph.in_memory()
    taken(together, "page-chad.txt", other)
    taken(after, "page-chad.txt")
    taken(after, other)
    assert len(metrics := all_of(after, Kind.METRIC)) == 8
    assert metrics == all_of(together, Kind.METRIC)
    pages = {id for id, source in all_of(after, Kind.SOURCE).items() if source.type is SourceType.WEBPAGE}
    assert pages == {
        "source:chad-country-page-care-for-all-yearly-report", "source:chad-country-page-doctors-at-work-annual-report"
    }  # fmt: skip


@pytest.mark.parametrize("name", ["page-chad.txt", "page-drc.txt"])
def test_a_second_import_changes_nothing(name):
    graph = Graph.in_memory()
    first = taken(graph, name)
    assert taken(graph, name).applied[:4] == (first.applied.version, 0, 0, 0)


def test_refused_figures_are_corrected_and_imported_to_the_same_end(tmp_path):
    graph, at_once, rejects, whole = (
        Graph.in_memory(),
        Graph.in_memory(),
        tmp_path / "rejects.txt",
        tmp_path / "page.txt",
    )
    taken(graph, "page-niger.txt", skip_invalid=True, rejects=rejects)
    text = rejects.read_text(encoding="utf-8")
    assert text == (
        "Niger\nRapport d'activité 2020\n\n#! line 7: '12,34' is no number, as 1040, 1,040 or 0.5\n"
        "Births assisted elsewhere: 12,34\n"
    )
    rejects.write_text(text.replace(": 12,34", ": 1,234"), encoding="utf-8")
    taken(graph, rejects)
    whole.write_text(
        (FIXTURES / "page-niger.txt").read_text(encoding="utf-8").replace("12,34", "1,234"), encoding="utf-8"
    )
    taken(at_once, whole)
    assert text_of(graph) == text_of(at_once)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Nowhereland\n12\nPatients\n", "line 1: no line is the name of a country"),
        ("Mali\nProse alone.\n", "line 1: no figure with a label follows"),
        ("Mali\n12\nPat\0ients\n", "line 3: it holds a NUL character"),
        ("Mali\n" + "a\n" * 30_000, "line 20001: a page has at most 20,000 lines"),
    ],
)
def test_a_page_that_says_nothing_is_refused(text, told):
    with pytest.raises(Unusable) as error:
        records("page", text.encode())
    assert told in str(error.value)


def test_figures_without_a_year_and_figures_told_twice_are_faults():
    assert "it is not told of which year it is" in faults("page", b"Mali\n12\nPatients treated\n")[0]
    text = b"Mali\nAnnual Report 2020\n12\nPatients treated\n13\nPatients treated\n"
    assert faults("page", text) == ["5: line 3 states 'Patients treated' already, as '12'. Leave one out"]


@pytest.mark.parametrize(
    ("printed", "value", "lower", "upper", "unit"),
    [
        ("530,000", 530_000, None, None, None), ("1.2 million", 1_200_000, None, None, None),
        ("More than 1,040", 1040, 1040, None, None), ("900+", 900, 900, None, None),
        ("nearly 3 thousand", 3000, None, 3000, None), ("around 70", 70, None, None, None),
        ("US$ 2bn", 2e9, None, None, "USD"), ("4.5%", 4.5, None, None, "%"), ("12 500", 12_500, None, None, None),
    ],
)  # fmt: skip
def test_figures_are_read_as_people_write_them(printed, value, lower, upper, unit):
    assert amount(printed) == (value, lower, upper, unit)


@pytest.mark.parametrize(
    ("label", "unit", "basis"),
    [
        ("Outpatient consultations", "consultations", CountBasis.CONSULTATIONS),
        ("Patients admitted to hospitals", "admissions", CountBasis.ADMISSIONS),
        ("Surgical interventions", "interventions", CountBasis.PROCEDURES),
        ("People treated for intentional physical violence", "people", CountBasis.INDIVIDUALS),
        ("People treated after surgical interventions", "people", CountBasis.INDIVIDUALS),
        ("Births assisted, including caesareans", "births", CountBasis.PROCEDURES),
        ("Families receiving relief items", "households", CountBasis.HOUSEHOLDS),
        ("Routine vaccinations", "doses", CountBasis.DOSES),
        ("Tonnes of relief", "tonnes", CountBasis.ITEMS),
        ("Nuits sans lune", "count", CountBasis.OTHER),
    ],
)
def test_a_label_tells_by_its_words_what_is_counted(label, unit, basis):
    assert measured(label) == (unit, basis)


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("*Data from MSF International Activity Report 2023", "MSF International Activity Report 2023"),
        ("Source: Annual Report 2020", "Annual Report 2020"),
        ("Rapport d'activité 2020", "Rapport d'activité 2020"),
    ],
)
def test_the_report_is_what_the_line_names(line, name):
    assert report_name(line) == name


def corrected(tmp_path, text: str, wrong: str, right: str, *lines) -> tuple[Graph, Graph]:
    """A graph of a page that was corrected, and one of its good part and its refused part, which was corrected then."""
    page, rejects = tmp_path / "page.txt", tmp_path / "rejects.txt"
    page.write_text(text, encoding="utf-8")
    parts, whole = graph_of(list(lines)), graph_of(list(lines))
    assert taken(parts, page, format="page", skip_invalid=True, rejects=rejects).refused == 1
    refused = rejects.read_text(encoding="utf-8")
    assert wrong in refused
    rejects.write_text(refused.replace(wrong, right), encoding="utf-8")
    page.write_text(text.replace(wrong, right), encoding="utf-8")
    taken(parts, rejects, format="page")
    taken(whole, page, format="page")
    return parts, whole


FAR = "A line of which nothing is taken, as there are many.\n" * 130


@pytest.mark.parametrize(
    ("text", "wrong", "right"),
    [
        (f"Chad\n\n-5\nBirths assisted\n{FAR}Data from Yearly Report 2022\n12\nWells\n", "-5", "5"),
        ("Chad\n\nCare in 2023\n\n-5\nBirths assisted\n12\nWells\n", "-5", "5"),
        ("Chad\n\nYearly Report 2022\n12\nWells\n\nA school \x07opens\nMay 5, 2021 \u2014 It begins.\n", "\x07", ""),
    ],
    ids=["a report far down", "a year in a heading", "a story"],
)
def test_what_is_refused_of_a_page_is_corrected_and_imported_to_the_same_end(tmp_path, text, wrong, right):
    parts, whole = corrected(tmp_path, text, wrong, right)
    assert text_of(parts) == text_of(whole)


def test_a_country_that_goes_by_a_name_of_the_stores_does_so_among_what_is_refused(tmp_path):
    mali = {
        "id": "country:ML", "kind": "COUNTRY", "name": "Mali", "code": "ML", "alpha3": "MLI", "aliases": ["Le Pays"]
    }  # fmt: skip
    parts, whole = corrected(tmp_path, "Le Pays\n\nYearly Report 2022\n-5\nBirths\n12\nWells\n", "-5", "5", mali)
    assert text_of(parts) == text_of(whole)
