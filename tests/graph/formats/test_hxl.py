"""Specifies graph/formats/hxl/: tables with hashtags into projects, figures, places and money."""

from pathlib import Path

import pytest

from graph.errors import Refused
from graph.formats.hxl.tags import guess, is_tag_row, tag_of
from graph.graph import Graph
from graph.model import Code, RelationName
from graph.vocabulary import Kind, MetricMeasure, PartnerRole, PartnerType, PlaceType, ProjectStatus, RelationKind
from tests.bench.hxl import write_people, write_works
from tests.conftest import graph_of
from tests.graph.conftest import text_of
from tests.graph.formats.reading import FIXTURES, all_of, faults, records, related, taken, told, unsourced

CLEAN = ["3w.csv", "figures-mali.csv", "money.csv"]


@pytest.fixture
def graph() -> Graph:
    return Graph.in_memory()


# Tags


@pytest.mark.parametrize(
    ("cell", "tag"),
    [
        ("#adm1+name+f", "#adm1+f+name"), (" #ADM1 + F+ name", "#adm1+f+name"), ("#org+female", "#org+f"),
        ("#period_date", "#date"), ("#activity_id", "#activity+code"), ("#idp_num+f", "#affected+f+idps"),
        ("# org", "#org"),
    ],
)  # fmt: skip
def test_a_tag_is_understood_whatever_its_case_blanks_order_and_age(cell, tag):
    assert str(tag_of(cell)) == tag


@pytest.mark.parametrize("cell", ["org", "#", "#1st", "#org+", "#org name", "", "#é"])
def test_what_is_no_tag_is_none(cell):
    assert tag_of(cell) is None


def test_a_row_of_tags_has_at_least_half_of_them():
    assert is_tag_row(["#org", "", "Name"])
    assert not is_tag_row(["#org", "Name", "Name"])
    assert not is_tag_row(["# 1", "#2", ""])
    assert not is_tag_row(["", ""])


# Who does what where


def test_rows_of_one_activity_are_one_project_with_all_its_places_partners_sectors_and_time(graph):
    taken(graph, "3w.csv")
    project = all_of(graph, Kind.PROJECT)["project:A-1"]
    assert (project.name, project.status) == ("Mobile clinics", ProjectStatus.IMPLEMENTATION)
    assert (project.started_on, project.ended_on) == ("2022-12", "2023-11")
    assert project.sectors == (Code("IASC", "HEA", "Health"), Code("IASC", "NUT", "Nutrition"))
    located = {place for each, place in related(graph, RelationKind.LOCATED_IN) if each == project.id}
    assert located == {"place:ML0505", "place:ML0504"}
    assert {each for each in related(graph, RelationKind.PARTICIPATES_IN) if each[1] == project.id} == {
        ("partner:medecins-sans-frontieres", project.id, PartnerRole.IMPLEMENTING),
        ("partner:fonds-vert", project.id, PartnerRole.FUNDING),
    }


def test_a_number_is_a_code_within_its_organisation_and_what_has_no_code_is_told_apart_by_all_else(graph):
    taken(graph, "3w.csv")
    assert set(all_of(graph, Kind.PROJECT)) == {
        "project:A-1",
        "project:puits-du-sahel.17",
        "project:puits-du-sahel.eau-pour-tous.ML04.2023-04.2023-06",
        "project:filet-bleu.17",
    }
    wells = all_of(graph, Kind.PROJECT)["project:puits-du-sahel.17"]
    assert (wells.name, wells.started_on, wells.status) == ("Wells, and care for them", "2023-03", ProjectStatus.CLOSED)


def test_partners_operate_in_the_country_and_have_type_and_acronym(graph):
    taken(graph, "3w.csv")
    partners = all_of(graph, Kind.PARTNER)
    assert partners["partner:medecins-sans-frontieres"].acronym == "MSF"
    assert {partners[f"partner:{id}"].type for id in ("medecins-sans-frontieres", "puits-du-sahel", "filet-bleu")} == {
        PartnerType.INTERNATIONAL_NGO, PartnerType.NATIONAL_NGO, PartnerType.OTHER
    }  # fmt: skip
    assert ("partner:filet-bleu", "country:BF") in related(graph, RelationKind.OPERATES_IN)


def test_places_lie_in_each_other_as_the_columns_say(graph):
    taken(graph, "3w.csv")
    assert related(graph, RelationKind.PART_OF) == {
        ("place:ML05", "country:ML"), ("place:ML04", "country:ML"), ("place:ML0505", "place:ML05"),
        ("place:ML0504", "place:ML05"), ("place:bf-adm1-sahel", "country:BF"),
    }  # fmt: skip
    koro = all_of(graph, Kind.PLACE)["place:ML0505"]
    assert (koro.type, koro.identifiers) == (PlaceType.ADMIN2, (Code("P-code", "ML0505"),))


def test_what_is_not_carried_and_what_is_not_known_is_told_once(graph):
    assert told(taken(graph, "3w.csv")) == [
        "line 3: column 16 (#guests): this tag is not read; what it holds is not carried",
        "line 7: 'perhaps' is no status that is known: it is not carried",
        "line 8: 'Society' is no type of organisation that is known: it is taken as OTHER",
    ]


def test_what_the_store_has_is_used_by_its_codes_and_names():
    graph = graph_of(
        [
            {"id": "x:mali", "kind": "COUNTRY", "name": "Mali", "code": "ML", "alpha3": "MLI"},
            {"id": "x:mopti", "kind": "PLACE", "name": "Région de Mopti", "type": "ADMIN1",
             "identifiers": [{"vocabulary": "P-code", "code": "ML05"}]},
            {"id": "x:segou", "kind": "PLACE", "name": "Segou", "type": "ADMIN1"},
            {"id": "x:segou-town", "kind": "PLACE", "name": "Ségou", "type": "TOWN"},
            {"relation": "PART_OF", "subject": "x:segou", "object": "x:mali"},
            {"relation": "PART_OF", "subject": "x:segou-town", "object": "x:segou"},
            {"id": "x:msf", "kind": "PARTNER", "name": "MSF", "type": "OTHER",
             "aliases": ["Medecins sans frontieres"]},
        ]
    )  # fmt: skip
    taken(graph, "3w.csv")
    assert {"x:mopti", "x:segou"} <= set(all_of(graph, Kind.PLACE))
    assert not {"place:ML05", "place:ML04", "country:ML"} & {entity.id for entity in graph.engine.entities()}
    assert ("place:ML0505", "x:mopti") in related(graph, RelationKind.PART_OF)
    assert ("x:msf", "project:A-1", PartnerRole.IMPLEMENTING) in related(graph, RelationKind.PARTICIPATES_IN)
    assert all_of(graph, Kind.PARTNER)["x:msf"].type is PartnerType.INTERNATIONAL_NGO


def test_a_project_that_others_told_of_keeps_what_they_told(graph):
    theirs = {"id": "project:A-1", "kind": "PROJECT", "name": "Their name", "status": "CLOSED", "startedOn": "2020"}
    graph = graph_of([theirs])
    taken(graph, "3w.csv")
    project = all_of(graph, Kind.PROJECT)["project:A-1"]
    assert (project.name, project.status, project.started_on) == ("Their name", ProjectStatus.CLOSED, "2020")
    assert [code.code for code in project.sectors] == ["HEA", "NUT"]


# Figures


def test_figures_are_about_the_country_of_the_files_name_where_no_column_names_a_place(graph):
    taken(graph, "figures-mali.csv")
    metrics = all_of(graph, Kind.METRIC)
    assert {(metric.name, metric.value, metric.printed, metric.unit) for metric in metrics.values()} == {
        ("People affected: internally displaced people, Mali, 2021-12", 1200, "1,200", "people"),
        ("People affected: internally displaced people, Mali, 2022-01", 1180, "1 180", "people"),
        ("Households affected: refugees, Mali, 2021-12", 310, "310", "households"),
        ("Households affected: refugees, Mali, 2022-02", 295, "295", "households"),
        ("People targeted: internally displaced people, Mali, 2021-12", 1500, "1500", "people"),
        ("People targeted: internally displaced people, Mali, 2022-01", 1500, "1500", "people"),
    }
    targets = [metric for metric in metrics.values() if metric.measure is MetricMeasure.TARGET]
    assert {each for each in related(graph, RelationKind.MEASURES) if each[0] == targets[0].id} == {
        (targets[0].id, "indicator:hxl-reached-idps")
    }


def test_cells_that_say_of_whom_it_is_make_indicators_of_their_own(graph):
    text = (FIXTURES / "figures.csv").read_bytes()
    found = records("hxl", text)
    codes = {write.record.code for each in found for write in each.writes if hasattr(write, "record")
             and write.record.kind is Kind.INDICATOR}  # fmt: skip
    assert "#inneed+children+gender:f" in codes
    assert "#inneed" in codes
    assert len(codes) == 9


def test_a_figure_that_is_stated_twice_is_refused():
    row = b"#country,#date,#affected\nMali,2023,5\nMali,2023,6\n"
    assert faults("hxl", row) == [
        "3: column 3 (#affected): line 2 states the same figure of the same place and time. Tag what tells them"
        " apart, or leave one out"
    ]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("Mali,2023,-5", "-5 is below 0, and people are counted"),
        ("Mali,2023,many", "'many' is no number, as 1040, 1,040 or 0.5"),
        ("Mali,June,5", "'June' has no year"),
        ("Mali,,5", "a figure without a time. Add a column #date"),
        (",2023,5", "its figures are about no place"),
        ("Mali,2023", "the row has 2 cells, its head has 3"),
        ("Mali,2023,5,6", "the row has 4 cells, its head has 3"),
        ("Ma\0li,2023,5", "a NUL character"),
        ("Ma\x07li,2023,5", "control characters"),
        (f"{'x' * 20_000},2023,5", "it has 20,000 characters"),
        (f"{'x' * 10_000_000},2023,5", "a cell has more than 131,072 characters"),
    ],
)
def test_a_row_that_is_wrong_says_why_and_the_others_are_taken(row, told):
    found = records("hxl", f"#country,#date,#affected\n{row}\nNiger,2022,7\n".encode())
    (reason,) = found[1].faults
    assert reason.line == 2
    assert told in reason.text
    assert found[2].faults == ()
    assert found[2].writes


def test_every_row_is_read_however_many_there_are():
    rows = "".join(f"Mali,{1900 + number},{number}\n" for number in range(199))
    found = records("hxl", f"#country,#date,#affected\n{rows}".encode())
    assert [record.line for record in found] == list(range(1, 201))


def test_a_year_may_stand_in_the_name_of_a_column_or_above_the_table():
    for text in (
        b"Country,People in 2019\n#country,#population\nMali,5\n",
        b"Census 2019,\nC,P\n#country,#population\nMali,5",
    ):
        (*_, record) = records("hxl", text)
        assert [write.started_on for write in record.writes if getattr(write, "kind", "") is Kind.METRIC] == ["2019"]


# Money


def test_money_of_one_project_and_month_is_added_by_kind_and_currency(graph):
    assert told(taken(graph, "money.csv")) == [
        "line 6: 'Nowhere (no country specified)' is no country: it is taken as not known",
    ]
    found = {
        (each.measure, each.unit, each.started_on, each.value, each.name.partition(",")[0])
        for each in all_of(graph, Kind.METRIC).values()
    }
    assert found == {
        (MetricMeasure.COMMITMENT, "USD", "2022-03", 150.5, "Money: net"),
        (MetricMeasure.COMMITMENT, "EUR", "2022-03", 135, "Money"),
        (MetricMeasure.EXPENDITURE, "USD", "2022-03", -20, "Money: net"),
        (MetricMeasure.EXPENDITURE, "EUR", "2022-03", -18, "Money"),
        (MetricMeasure.EXPENDITURE, "USD", "2022-04", 7, "Money: net"),
        (MetricMeasure.EXPENDITURE, "EUR", "2022-04", 6, "Money"),
        (MetricMeasure.ACTUAL, "USD", "2022-04", 3, "Money: net"),
        (MetricMeasure.ACTUAL, "EUR", "2022-04", 2, "Money"),
    }
    located = {place for each, place in related(graph, RelationKind.LOCATED_IN) if each == "project:XX-TEST-1-A"}
    assert located == {"country:ML", "country:NE"}


# Admin units


def test_units_have_codes_names_in_languages_and_parents(graph):
    imported = taken(graph, "units.csv", skip_invalid=True, rejects=FIXTURES / "none.csv", dry_run=True)
    assert imported.refused == 1
    found = records("hxl", (FIXTURES / "units.csv").read_bytes())
    assert [record.line for record in found if record.faults] == [4]
    assert "95, 7 is no place on earth" in found[3].faults[0].text
    places = [write.record for record in found for write in record.writes if write.record.kind is Kind.PLACE]
    assert [(place.id, place.name) for place in places] == [
        ("place:NE01", "Agadès"), ("place:NE0101", "Aderbissinat"), ("place:ne0101-loc-puits", "Puits"),
        ("place:NE0102", "Arlit"),
    ]  # fmt: skip
    assert places[0].labels == {"ar": "أغاديز"}
    assert (places[2].latitude, places[2].longitude) == (15.5, 7.9)


# What is refused as a whole


def test_a_table_without_tags_is_told_which_it_wants(graph):
    with pytest.raises(Refused) as refused:
        taken(graph, "untagged.csv")
    assert (
        "line 1: it is a table without HXL tags. Add a row of them below the names of its columns; the nearest:"
        " #country+code for 'Country code', #org+name for 'Organisaton', #date for 'Reporting period', #reached for"
        " 'People reached'. As a row: #country+code,#org+name,,#date,#reached" in str(refused.value)
    )
    assert graph.version == 0


def test_the_name_of_a_column_is_guessed_from_many():
    assert [guess(name) for name in ("iso3", "Admin1 Pcode", "Région", "Bénéficiaires", "Shoe size", "")] == [
        "#country+code", "#adm1+code", "#adm1+name", None, None, None
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"#country,#date,#affected\nMali,2023,5\nM\xe9xico,2023,5\n", "line 3: byte 0xe9 is not UTF-8. Save the"),
        (b'#country,#date,#affected\nMali,2023,"5\nNiger,2023,6\n', "line 2: a quotation mark in the row that begins"),
        ("#country,#affected\n".encode("utf-16-le"), "line 1: it looks like UTF-16 without a byte order mark"),
        ("#country,#affected\n".encode("utf-32"), "line 1: it is UTF-32"),
        (b"#contact,#meta\na,b\n", "line 1: its tags say nothing that is read"),
        (b"", "line 1: no row has HXL tags"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_says_where_and_what_to_do(text, told):
    with pytest.raises(Exception, match=r"^line") as error:
        records("hxl", text)
    assert told in str(error.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_encodings_and_line_ends_say_nothing(graph, encoding, ending):
    text = (FIXTURES / "3w.csv").read_text(encoding="utf-8")
    plain, other = (
        [record._replace(text=b"") for record in records("hxl", each)]
        for each in (text.encode(), text.replace("\n", ending).encode(encoding))
    )
    assert plain == other


# The store


@pytest.mark.parametrize("name", CLEAN)
def test_a_second_import_changes_nothing_and_each_fact_has_its_source(graph, name):
    first = taken(graph, name)
    assert first.applied.created
    assert taken(graph, name).applied[:4] == (first.applied.version, 0, 0, 0)
    assert unsourced(graph) == []


def test_refused_rows_are_corrected_and_imported_to_the_same_end(graph, tmp_path):
    rejects = tmp_path / "rejects.csv"
    bad = FIXTURES / "3w-bad.csv"
    imported = taken(graph, bad, skip_invalid=True, rejects=rejects)
    assert imported.refused == 6  # of B-4 one row of two is wrong
    assert set(all_of(graph, Kind.PROJECT)) == {"project:B-5", "project:B-7"}
    text = rejects.read_text(encoding="utf-8")
    assert text.startswith("#meta+reason,#meta+file,#org,#activity+code")
    assert "'03/04/2023' may be 2023-04-03 or 2023-03-04. Write the one it is,3w-bad.csv,Filet Bleu,B-3" in text
    whole = bad.read_text(encoding="utf-8")
    for wrong, right in [
        ("2023-05,2023-04", "2023-04,2023-05"),
        ("B-2,Seeds,BFA,Sahel,2023-05", "B-2,Seeds,BFA,Sahel,2023-05,"),
        (",03/04/2023", ",2023-04-03"),
        ("2023-13", "2023-12"),
        ('"Filet Bleu" & Co', "Filet Bleu & Co"),
    ]:
        text, whole = text.replace(wrong, right), whole.replace(wrong, right)
    text, whole = text.replace("csv,,,Seeds", "csv,Filet Bleu,B-8,Seeds"), whole.replace("\n,,", "\nFilet Bleu,B-8,")
    rejects.write_text(text, encoding="utf-8")
    taken(graph, rejects)
    corrected = tmp_path / bad.name
    corrected.write_text(whole, encoding="utf-8")
    at_once = Graph.in_memory()
    taken(at_once, corrected)
    assert text_of(graph) == text_of(at_once)


def test_rows_refused_again_have_their_new_reasons(graph, tmp_path):
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    taken(graph, FIXTURES / "3w-bad.csv", skip_invalid=True, rejects=first)
    taken(graph, first, skip_invalid=True, rejects=second)
    before, after = first.read_text(encoding="utf-8").splitlines(), second.read_text(encoding="utf-8").splitlines()
    assert before[0] == after[0]
    assert {line.partition(",3w-bad.csv,")[2] for line in before} == {
        line.partition(",3w-bad.csv,")[2] for line in after
    }


def test_the_tables_of_the_benchmark_are_read_without_a_fault(tmp_path):
    for write, kind in ((write_works, Kind.PROJECT), (write_people, Kind.METRIC)):
        graph, file = Graph.in_memory(), tmp_path / "table.csv"
        write(file, 600)
        assert told(taken(graph, file)) == []
        assert len(all_of(graph, kind)) == 600


def test_roles_lists_sorts_and_sources_that_each_row_names_are_taken():
    source = {"id": "x:report", "kind": "SOURCE", "name": "A report", "type": "REPORT", "publisher": "Filet Bleu"}
    graph = graph_of([source])
    text = (
        "#activity+code,#activity+name,#activity+type,#org+name,#org+code,#org+role,#sector+code,#sector+vocab,"
        "#country+code,#loc+name,#loc+type,#meta+source\n"
        "p-1,Gardens,Seeds | Tools,Filet Bleu,filet,Funding,122,DAC,ML,Koro,Town,Filet Bleu (n.d.). A report. | Other\n"
    )
    graph.apply(write for record in records("hxl", text.encode(), graph) for write in record.writes)
    project = all_of(graph, Kind.PROJECT)["project:p-1"]
    assert [code.code for code in project.activities] == ["Seeds", "Tools"]
    assert project.sectors == (Code("DAC", "122"),)
    assert related(graph, RelationKind.PARTICIPATES_IN) == {("partner:filet", "project:p-1", PartnerRole.FUNDING)}
    assert all_of(graph, Kind.PARTNER)["partner:filet"].identifiers == ()
    assert {place.type for place in all_of(graph, Kind.PLACE).values()} == {PlaceType.TOWN}
    assert {source for about, source in related(graph, RelationKind.CITES) if about == "project:p-1"} == {
        "x:report", "source:other"
    }  # fmt: skip


def test_of_rows_of_one_project_each_source_states_what_its_row_says(graph):
    text = (
        "#activity+code,#activity,#org,#adm1+code,#meta+source\n"
        "p-1,Gardens,Filet Bleu,BF46,First\n"
        "p-1,Gardens,Filet Bleu,BF47,Second\n"
    )
    graph.apply(write for record in records("hxl", text.encode(), graph) for write in record.writes)
    both, first, second = ("source:first", "source:second"), ("source:first",), ("source:second",)
    assert {source for about, source in related(graph, RelationKind.CITES) if about == "project:p-1"} == set(both)
    stated = {(each.kind, each.subject, each.object): each.sources for each in graph.engine.all_relations()}
    assert stated[RelationKind.LOCATED_IN, "project:p-1", "place:BF46"] == first
    assert stated[RelationKind.LOCATED_IN, "project:p-1", "place:BF47"] == second
    assert stated[RelationKind.PARTICIPATES_IN, "partner:filet-bleu", "project:p-1"] == both


# Rows that were refused, and others of the same thing that were not

MONEY = """#date,#org,#activity+code,#value+spend+eur
2023-01,Filet Bleu,a-1,100
2023-01,Filet Bleu,a-1,30
2023-01,Filet Bleu,a-2,7
"""


def refused_first(graph: Graph, directory: Path, text: str) -> Path:
    """Imports what is good of a table, and gives the file of what was refused."""
    whole, rejects = directory / "money.csv", directory / "rejects.csv"
    whole.write_text(text, encoding="utf-8")
    taken(graph, whole, skip_invalid=True, rejects=rejects)
    return rejects


def sums(graph: Graph) -> dict[str, float | None]:
    about = dict(related(graph, RelationKind.ABOUT))
    return {about[id]: metric.value for id, metric in all_of(graph, Kind.METRIC).items()}


@pytest.mark.parametrize("torn", ["2023-01,Filet Bleu,a-1", "2023-01,Filet Bleu,a-1,30,9,9"])
def test_a_row_with_cells_too_few_or_too_many_holds_back_the_sum_that_it_belongs_to(graph, tmp_path, torn):
    rejects = refused_first(graph, tmp_path, MONEY.replace("2023-01,Filet Bleu,a-1,30", torn))
    assert sums(graph) == {"project:a-2": 7}
    text = rejects.read_text(encoding="utf-8")
    rejects.write_text(text.replace(f"{torn}\n", "2023-01,Filet Bleu,a-1,30\n"), encoding="utf-8")
    for _ in range(2):
        taken(graph, rejects)
        assert sums(graph) == {"project:a-1": 130, "project:a-2": 7}


@pytest.mark.parametrize(("amount", "count"), [("30", 1), ("100", 0)])
def test_a_row_of_which_nobody_knew_what_it_was_of_never_replaces_a_sum_in_silence(graph, tmp_path, amount, count):
    rejects = refused_first(graph, tmp_path, MONEY.replace("a-1,30", f'"a"-1,{amount}'))
    assert sums(graph) == {"project:a-1": 100, "project:a-2": 7}
    rejects.write_text(rejects.read_text(encoding="utf-8").replace('"a"-1', "a-1"), encoding="utf-8")
    imported = taken(graph, rejects, skip_invalid=True, rejects=(again := tmp_path / "again.csv"))
    assert imported.refused == count
    assert sums(graph) == {"project:a-1": 100, "project:a-2": 7}
    text = again.read_text(encoding="utf-8") if count else told(imported)[0]
    assert "Where this row is another one, correct it in the whole file" in text


def test_a_row_that_comes_later_widens_the_time_of_its_project(graph, tmp_path):
    text = (
        "#org,#activity+code,#activity,#date+start,#date+end\n"
        "Filet Bleu,p-1,Wells,2023-03,2023-04\n"
        '"Filet" Bleu,p-1,Wells,2023-01,2023-03\n'
    )
    rejects = refused_first(graph, tmp_path, text)
    rejects.write_text(rejects.read_text(encoding="utf-8").replace('"Filet" Bleu', "Filet Bleu"), encoding="utf-8")
    taken(graph, rejects)
    project = all_of(graph, Kind.PROJECT)["project:p-1"]
    assert (project.started_on, project.ended_on) == ("2023-01", "2023-04")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("#org,#country+code,#date,#reached+f,#reached+f\nA,NER,2023,1,2\n", "column 5 (#reached+f): column 4"),
        ("#country+code,#date,#affected,#affected\nNER,2023,1,2\n", "column 4 (#affected): column 3"),
        ("#org,#country+code,#date+start,#date+end\nA,NER,never,2023\n", "column 3 (#date+start): 'never'"),
    ],
)
def test_what_is_wrong_in_a_row_is_told_once(text, told):
    (fault,) = faults("hxl", text.encode())
    assert told in fault


def test_what_good_rows_share_with_a_refused_one_is_stored_with_them(graph, tmp_path):
    first, second, rejects = tmp_path / "first.csv", tmp_path / "second.csv", tmp_path / "rejects.csv"
    tags = "#org,#sector,#country+code,#date+start\n"
    first.write_text(f"{tags}A,Health,NER,2023-01-01\nB,WASH,MLI,2023-02-01\n", encoding="utf-8")
    second.write_text(f"{tags}A,Health,NER,2023-01-01\nB,WASH,NER,2023-02-01\n", encoding="utf-8")
    assert taken(graph, first, second, skip_invalid=True, rejects=rejects).refused == 1
    assert len(all_of(graph, Kind.PROJECT)) == 3
    assert {"source:file-first-csv", "source:file-second-csv"} <= all_of(graph, Kind.SOURCE).keys()
    assert unsourced(graph) == []


def test_a_p_code_of_another_country_than_the_row_names_is_told(graph, tmp_path):
    file = tmp_path / "table.csv"
    file.write_text("#org,#country+code,#adm1+code\nA,MLI,NE005\nC,MLI,ML05\n", encoding="utf-8")
    assert told(taken(graph, file)) == [
        "line 2: 'NE005' is a P-code of Niger, but the row names Mali: the code is taken"
    ]


def test_where_a_row_names_several_sources_what_the_store_has_keeps_its_own(graph, tmp_path):
    tags, file = "#org,#activity+code,#activity,#country+code,#meta+source\n", tmp_path / "table.csv"
    file.write_text(f"{tags}A,p-1,Wells,MLI,First\n", encoding="utf-8")
    taken(graph, file)
    before = {each.name: each.sources for each in graph.engine.all_relations()}
    file.write_text(f"{tags}A,p-1,Wells,MLI,First | Second\nA,p-2,Wells,NER,First | Second\n", encoding="utf-8")
    taken(graph, file)
    after = {each.name: each.sources for each in graph.engine.all_relations()}
    assert {name: after[name] for name in before} == before
    assert after[RelationName(RelationKind.LOCATED_IN, "project:p-2", "country:NE")] == (
        "source:first", "source:second"
    )  # fmt: skip
    file.write_text(f"{tags}A,p-1,Wells,MLI,Second\n", encoding="utf-8")
    taken(graph, file)
    located = RelationName(RelationKind.LOCATED_IN, "project:p-1", "country:ML")
    assert {each.name: each.sources for each in graph.engine.all_relations()}[located] == (
        "source:first", "source:second"
    )  # fmt: skip


def test_what_was_written_so_that_no_spreadsheet_computes_it_is_read_as_it_was(graph, tmp_path):
    file = tmp_path / "table.csv"
    file.write_text("#org,#activity+code,#activity\n'=A1,p-1,''+x\n", encoding="utf-8")
    taken(graph, file)
    assert [each.name for each in all_of(graph, Kind.PARTNER).values()] == ["=A1"]
    assert all_of(graph, Kind.PROJECT)["project:p-1"].name == "'+x"


def test_of_whom_a_projects_figures_are_is_told_apart_as_well(graph):
    rows = """#org+name,#activity+code,#adm1+name,#gender,#sector,#date,#reached
Care A,X-1,Kayes,Female,Health,2023,100
Care A,X-1,Kayes,Male,Health,2023,50
Care A,X-1,Kayes,Male,WASH,2023,70
"""
    found = records("hxl", rows.encode(), graph)
    assert [record.faults for record in found if record.faults] == []
    graph.apply(write for record in found for write in record.writes)
    assert {(metric.name, metric.value) for metric in all_of(graph, Kind.METRIC).values()} == {
        ("People reached: gender Female, sector Health, X-1, 2023", 100),
        ("People reached: gender Male, sector Health, X-1, 2023", 50),
        ("People reached: gender Male, sector WASH, X-1, 2023", 70),
    }


def test_an_organisation_is_not_another_one_for_its_acronym(graph):
    msf = {"id": "partner:msf", "kind": "PARTNER", "name": "M\u00e9decins Sans Fronti\u00e8res", "acronym": "MSF",
           "type": "INTERNATIONAL_NGO"}  # fmt: skip
    graph = graph_of([msf])
    rows = "#org+name,#org+acronym,#activity+code\nMine Safety Fund,MSF,X-1\n,MSF,X-2\n"
    found = records("hxl", rows.encode(), graph)
    graph.apply(write for record in found for write in record.writes)
    assert related(graph, RelationKind.PARTICIPATES_IN) == {
        ("partner:mine-safety-fund", "project:X-1", PartnerRole.IMPLEMENTING),
        ("partner:msf", "project:X-2", PartnerRole.IMPLEMENTING),
    }  # fmt: skip
    remarks = [remark.text for record in found for remark in record.remarks]
    assert remarks == [
        "'Mine Safety Fund' has the acronym of M\u00e9decins Sans Fronti\u00e8res: it is taken as another organisation"
    ]


def test_people_are_whole(graph):
    found = records("hxl", b"#country+code,#date,#affected\nML,2023,12.5\n", graph)
    (remark,) = [remark.text for record in found for remark in record.remarks]
    assert remark == "column 3 (#affected): 12.5 is no whole number, and people are counted: it is kept as given"


def test_what_stands_above_a_table_may_be_long(graph, tmp_path):
    bad, rejects = tmp_path / "bad.csv", tmp_path / "rejects.csv"
    title = "x" * 70_000
    bad.write_text(f"{title}\nCountry,Date,Affected\n#country+code,#date,#affected\nML,2023,many\n", encoding="utf-8")
    taken(graph, bad, format="hxl", skip_invalid=True, rejects=rejects)
    rejects.write_text(rejects.read_text(encoding="utf-8").replace("2023,many", "2023,9"), encoding="utf-8")
    taken(graph, rejects, format="hxl")
    assert [metric.value for metric in all_of(graph, Kind.METRIC).values()] == [9]


def test_cells_that_come_again_say_the_same_again(graph):
    rows = """#org,#activity+code,#country+code,#adm1+name,#date
Care A,X-1,ML,Kayes,soon
Care A,X-2,ML,Kayes,soon
Care A,X-3,ML,Kayes,2023
Care A,X-4,ML,Kayes,2023
"""
    found = records("hxl", rows.encode(), graph)
    assert [(record.line, len(record.faults)) for record in found if record.faults] == [(2, 1), (3, 1)]
    good = [record for record in found if record.writes]
    assert [len(record.needs) for record in good] == [len(good[0].needs)] * 2  # if one is refused, the other has them
    graph.apply(write for record in good for write in record.writes)
    assert related(graph, RelationKind.LOCATED_IN) == {
        ("project:X-3", "place:ml-adm1-kayes"), ("project:X-4", "place:ml-adm1-kayes"),
    }  # fmt: skip
