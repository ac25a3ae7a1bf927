"""Specifies seed/load.py and seed/tables.py: lines a graph can take; a wrong row answered with file, line, reason."""

import csv
import json
import shutil
from pathlib import Path

import pytest

from seed.load import DATA, ENTITIES, RELATIONS, records
from seed.tables import WrongRow

# What FORMAT.md requires and permits, and which ends the contract gives each relation; not read from the code.
REQUIRED = {
    "COUNTRY": {"code", "alpha3"},
    "PLACE": {"type"},
    "PROJECT": set(),
    "EVENT": {"type"},
    "PARTNER": {"type"},
    "INDICATOR": {"code", "unit"},
    "METRIC": {"unit", "startedOn", "endedOn"},
    "SOURCE": {"type"},
}
PERMITTED = {
    "COUNTRY": "officialName code alpha3 numeric latitude longitude",
    "PLACE": "type latitude longitude",
    "PROJECT": "status startedOn endedOn activities sectors",
    "EVENT": "type startedOn endedOn affected affectedStatus glides",
    "PARTNER": "type acronym website",
    "INDICATOR": "code unit countBasis definition",
    "METRIC": "value printed lower upper unit measure startedOn endedOn status",
    "SOURCE": "type publisher url publishedOn accessedOn license",
}
ENDS = {
    "PART_OF": {("PLACE", "PLACE"), ("PLACE", "COUNTRY"), ("COUNTRY", "PLACE"), ("PARTNER", "PARTNER")},
    "LOCATED_IN": {("PROJECT", "COUNTRY"), ("PROJECT", "PLACE")},
    "OCCURRED_IN": {("EVENT", "COUNTRY"), ("EVENT", "PLACE")},
    "AFFECTED": {("EVENT", "PROJECT"), ("EVENT", "PARTNER"), ("EVENT", "PLACE"), ("EVENT", "COUNTRY")},
    "DISPLACED_FROM": {("EVENT", "COUNTRY"), ("EVENT", "PLACE")},
    "FOLLOWED": {("EVENT", "EVENT")},
    "PARTICIPATES_IN": {("PARTNER", "PROJECT")},
    "OPERATES_IN": {("PARTNER", "COUNTRY")},
    "ABOUT": {("METRIC", kind) for kind in ("COUNTRY", "PLACE", "PROJECT", "EVENT", "PARTNER")},
    "MEASURES": {("METRIC", "INDICATOR")},
    "CITES": {(kind, "SOURCE") for kind in REQUIRED if kind != "SOURCE"},
}
ATTRIBUTES = {
    "LOCATED_IN": {"percentage", "sources"},
    "AFFECTED": {"impact", "sources"},
    "PARTICIPATES_IN": {"role", "since", "until", "sources"},
    "OPERATES_IN": {"since", "until", "sources"},
    "CITES": {"locator"},
}


def test_the_lines_are_the_same_at_every_call(seed):
    assert list(records()) == seed.all


def test_the_lines_are_json_without_unknown_values(seed):
    for line in seed.all:
        assert json.loads(json.dumps(line)) == line
        assert all(value not in (None, "", [], {}) for value in line.values()), line


def test_entities_come_before_relations_and_a_source_before_all_others(seed):
    assert seed.all == [*seed.entities.values(), *seed.relations]
    sources = seed.of("SOURCE")
    assert seed.all[: len(sources)] == sources


def test_an_id_names_one_entity_and_tells_its_kind(seed):
    ids = [line["id"] for line in seed.all if "id" in line]
    assert len(ids) == len(seed.entities)
    for id, entity in seed.entities.items():
        assert id.startswith(entity["kind"].lower() + ":")


def test_an_entity_has_what_is_required_and_nothing_unknown(seed):
    common = {"id", "kind", "name", "summary", "aliases", "labels", "identifiers"}
    for entity in seed.entities.values():
        assert {"id", "kind", "name"} | REQUIRED[entity["kind"]] <= entity.keys()
        assert entity.keys() <= common | set(PERMITTED[entity["kind"]].split())


def test_a_relation_has_the_ends_and_attributes_that_its_kind_permits(seed):
    for line in seed.relations:
        ends = seed[line["subject"]]["kind"], seed[line["object"]]["kind"]
        assert ends in ENDS[line["relation"]]
        assert line.keys() - {"relation", "subject", "object"} <= ATTRIBUTES.get(line["relation"], {"sources"})


def test_every_relation_is_stated_once(seed):
    names = [
        (line["relation"], line["subject"], line["object"], line.get("role"), line.get("impact"))
        for line in seed.relations
    ]
    assert len(set(names)) == len(names)


def test_a_metric_is_about_one_thing_and_measures_one_indicator(seed):
    for metric in seed.of("METRIC"):
        assert len(seed.stated("ABOUT", metric["id"])) == len(seed.stated("MEASURES", metric["id"])) == 1


def test_at_most_one_part_of_leaves_an_entity_and_none_leads_back(seed):
    subjects = [line["subject"] for line in seed.stated("PART_OF")]
    assert len(set(subjects)) == len(subjects)
    for subject in subjects:
        assert subject not in list(seed.around(subject))


def test_no_entity_is_without_a_citation(seed):
    cited = {line["subject"] for line in seed.stated("CITES")}
    assert [id for id, entity in seed.entities.items() if entity["kind"] != "SOURCE" and id not in cited] == []


def test_no_relation_is_without_sources_and_each_is_known(seed):
    for line in seed.relations:
        if line["relation"] != "CITES":
            assert line["sources"]
            assert {seed[source]["kind"] for source in line["sources"]} == {"SOURCE"}


def test_no_source_is_idle(seed):
    used = {line["object"] for line in seed.stated("CITES")}
    assert {source["id"] for source in seed.of("SOURCE")} == used


def test_a_citation_says_where_in_the_source_when_that_is_known(seed):
    metric = "metric:msf-ml-2023-outpatient-consultations"
    locators = {line["object"]: line.get("locator") for line in seed.stated("CITES", metric)}
    assert locators == {"source:msf-us-mali": "key figures", "source:msf-iar-2023": None}


def test_every_file_of_the_data_is_read(data):
    read = {table.file for table in ENTITIES.values()} | {table.file for table in RELATIONS.values()}
    read |= {"sources.csv", "regions.csv", "country_regions.csv", "country_names.csv", "countries.csv"}
    read |= {"aliases.csv", "identifiers.csv", "activities.csv", "project_activities.csv", "citations.csv"}
    assert {path.name for path in data.iterdir()} == read | {"README.md"}
    explained = (data / "README.md").read_text(encoding="utf-8")
    assert [file for file in sorted(read) if f"`{file}`" not in explained] == []


@pytest.fixture
def data(tmp_path):
    """A copy of the seed's data that a test may spoil."""
    return Path(shutil.copytree(str(DATA), tmp_path / "data"))


def spoil(path, before, after):
    content = path.read_text(encoding="utf-8")
    assert content.count(before) >= 1
    path.write_text(content.replace(before, after, 1), encoding="utf-8")


@pytest.mark.parametrize(
    ("file", "before", "after", "answer"),
    [
        (
            "events.csv",
            ",FLOOD,",
            ",FLOODS,",
            "events.csv, line 10: type is 'FLOODS'; expected one of ARMED_CONFLICT, VIOLENCE_AGAINST_CIVILIANS,",
        ),
        (
            "events.csv",
            ",2023-11,2023-11,",
            ",2023-11,2023-11-31,",
            "events.csv, line 6: endedOn is '2023-11-31'; expected a date as precise as it is known: 2023, 2023-11 or",
        ),
        (
            "events.csv",
            ",47000,",
            ',"47,000",',
            "events.csv, line 10: affected is '47,000'; expected a whole number as 47000, without separators or unit",
        ),
        (
            "metrics.csv",
            ",1870,",
            ",NaN,",
            "metrics.csv, line 4: value is 'NaN'; expected a number as 1870 or 30.5, without separators or unit",
        ),
        (
            "metrics.csv",
            "country:ML,530000",
            "country:MM1,530000",
            "metrics.csv, line 2: nothing has the id 'country:MM1'; add it to its table, or correct the id",
        ),
        (
            "partners.csv",
            "MSF,source:msf-us-mali",
            "MSF,",
            "partners.csv, line 2: source must be filled",
        ),
        (
            "partners.csv",
            "MSF,source:msf-us-mali",
            "MSF,country:ML",
            "partners.csv, line 2: country:ML is a COUNTRY; here belongs a SOURCE",
        ),
        (
            "partners.csv",
            "partner:ml-ministry-of-health,",
            "partner:msf,",
            "partners.csv, line 3: partner:msf stands in an earlier row; an id names one entity",
        ),
        (
            "partners.csv",
            "acronym",
            "acronim",
            "partners.csv, line 1: no column is named 'acronim'. Did you mean 'acronym'?",
        ),
        ("partners.csv", "acronym", "note", "partners.csv, line 1: column 'note' stands twice"),
        ("partners.csv", "type,", "website,", "partners.csv, line 1: the header lacks type"),
        (
            "places.csv",
            "Mopti Region,",
            "Mopti, Region,",
            "places.csv, line 2: 7 cells, but the header has 6 columns; quote a cell with a comma",
        ),
        ("places.csv", ",Koro,", ',"Koro"x,', "places.csv, line 6: not CSV: "),
        (
            "part_of.csv",
            "place:ml-koro,place:ml-mopti-region",
            "place:ml-koro,project:msf-ml-koro",
            "part_of.csv, line 6: PART_OF does not lead from PLACE to PROJECT; it leads from ",
        ),
        (
            "part_of.csv",
            "place:ml-douentza,",
            "place:ml-koro,",
            "part_of.csv, line 7: place:ml-koro PART_OF place:ml-mopti-region is stated already; one row may name",
        ),
        (
            "affected.csv",
            "project:msf-ml-boni",
            "project:msf-ml-kidal",
            "affected.csv, line 6: event:ml-2023-11-evacuation AFFECTED project:msf-ml-kidal is stated already;",
        ),
        (
            "project_activities.csv",
            ",refugees,",
            ",refugee,",
            "project_activities.csv, line 3: no activity 'refugee' in activities.csv; add it there, or use ",
        ),
        (
            "project_activities.csv",
            "msf-ml-koro,refugees,",
            "msf-ml-koro,displaced-people,",
            "project_activities.csv, line 3: project:msf-ml-koro has this already among its activities;",
        ),
        (
            "activities.csv",
            "refugees,",
            "paediatric,",
            "activities.csv, line 10: code 'paediatric' stands in line 9 too; keep one of them",
        ),
        (
            "citations.csv",
            "source:msf-us-mali,key figures",
            "source:msf-us-malli,key figures",
            "citations.csv, line 5: nothing has the id 'source:msf-us-malli'; add it to its table, or correct the id",
        ),
        (
            "country_regions.csv",
            "ML,466,011,",
            "ML,466,011x,",
            "country_regions.csv, line 146: nothing has the id 'place:m49-011x'; add it to its table, or",
        ),
        (
            "country_regions.csv",
            "ML,466,011,",
            "MM,466,011,",
            "country_regions.csv, line 147: alpha2 'MM' stands in line 146 too; keep one of them",
        ),
        (
            "country_regions.csv",
            "ML,466,011,source:unsd-m49,\n",
            "",
            "country_regions.csv, line 1: no row for ML, which ISO 3166-1 has; add it",
        ),
        (
            "country_names.csv",
            "VN,",
            "VX,",
            "country_names.csv, line 10: 'VX' is no alpha-2 code of ISO 3166-1",
        ),
    ],
)
def test_a_wrong_row_is_answered_with_file_line_and_reason(data, file, before, after, answer):
    spoil(data / file, before, after)
    with pytest.raises(WrongRow) as refusal:
        list(records(data))
    assert str(refusal.value)[: len(answer)] == answer


def test_a_file_that_is_not_utf_8_is_named(data):
    path = data / "partners.csv"
    path.write_bytes(path.read_text(encoding="utf-8").encode("latin-1", "replace"))
    with pytest.raises(WrongRow, match=r"^partners\.csv: byte \d+ is not UTF-8; save the file as UTF-8$"):
        list(records(data))


def test_a_table_as_a_spreadsheet_saves_it_reads_the_same(seed, data):
    for path in data.glob("*.csv"):
        rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            csv.writer(file, quoting=csv.QUOTE_ALL).writerows([*rows, []])
    assert list(records(data)) == seed.all


def test_a_column_that_is_empty_throughout_may_be_left_out(seed, data):
    path = data / "located_in.csv"
    rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
    empty = rows[0].index("percentage")
    assert {row[empty] for row in rows[1:]} == {""}
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([*row[:empty], *row[empty + 1 :]] for row in rows)
    assert list(records(data)) == seed.all


def test_a_new_fact_is_a_new_row(seed, data):
    with (data / "followed.csv").open("a", encoding="utf-8") as file:
        file.write("event:ml-2023-11-evacuation,event:ml-2023-ambulances-attacked,source:msf-us-mali,\n")
    (line,) = [line for line in records(data) if line not in seed.all]
    assert line == {
        "relation": "FOLLOWED",
        "subject": "event:ml-2023-11-evacuation",
        "object": "event:ml-2023-ambulances-attacked",
        "sources": ["source:msf-us-mali"],
    }
