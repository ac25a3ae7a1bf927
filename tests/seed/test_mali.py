"""Every fact of the first page, a country page of Doctors Without Borders about Mali, and nothing beside them.

The tables here were written from the page's facts, not from the seed's own files: what is lost or altered there fails
here. What other sources say of Mali is not looked at: a fact of the page is one that cites it.
"""

from collections import Counter

import pytest

from seed.load import DATA, PROJECT_ACTIVITIES
from seed.tables import read

IAR, PAGE = "source:msf-iar-2023", "source:msf-us-mali"
KORO_STORY, FLOOD_STORY = "source:msf-us-2024-12-10-koro", "source:msf-us-2024-10-07-floods"

SOURCES = {
    IAR: ("REPORT", "MSF International Activity Report 2023", "Médecins Sans Frontières", None),
    PAGE: ("WEBPAGE", "Mali (country page)", "Doctors Without Borders USA", None),
    KORO_STORY: (
        "STORY",
        "Mali: “Our village has been turned into a tomb”",
        "Doctors Without Borders USA",
        "2024-12-10",
    ),
    FLOOD_STORY: (
        "STORY",
        "Mali floods affect 47,000 people as more heavy rains are forecast",
        "Doctors Without Borders USA",
        "2024-10-07",
    ),
}

# Place -> what it lies in, the nearest first, up to the country.
PLACES = {
    "Koro": ["Mopti Region", "Mali"],
    "Douentza": ["Mopti Region", "Mali"],
    "Kidal": ["Kidal Region", "Mali"],
    "Boni": ["Mopti Region", "Mali"],
    "Nampala": ["Ségou Region", "Mali"],
    "Bamako": ["Bamako District", "Mali"],
}

EVERYWHERE = {
    "Care for the war-wounded",
    "Maternal care",
    "Paediatric care",
    "Malnutrition screening and treatment",
    "Mental health care",
    "Emergency surgery",
}
DISPLACED = {"Care for displaced people", "Care for refugees"}
CANCER = {"Breast cancer care", "Cervical cancer care"}
MSF, MINISTRY = ("Médecins Sans Frontières", "IMPLEMENTING"), ("Ministry of Health of Mali", None)

# Place -> status, activities beside those that are everywhere, partners with their roles.
PROJECTS = {
    "Koro": ("IMPLEMENTATION", DISPLACED, {MSF}),
    "Douentza": ("IMPLEMENTATION", DISPLACED, {MSF}),
    "Kidal": ("SUSPENDED", set(), {MSF}),
    "Boni": ("SUSPENDED", set(), {MSF}),
    "Nampala": ("SUSPENDED", set(), {MSF}),
    "Bamako": ("IMPLEMENTATION", CANCER, {MSF, MINISTRY}),
}

# Type, when, where beside the country, what it touched and how, where people fled from, number affected, sources.
EVENTS = {
    ("WITHDRAWAL", "2023", "", "", "", None, (PAGE, IAR)),
    ("ABDUCTION", "2023", "", "Médecins Sans Frontières ATTACKED", "", None, (PAGE, IAR)),
    ("LOOTING", "2023", "", "Médecins Sans Frontières LOOTED", "", None, (PAGE, IAR)),
    ("ATTACK_ON_AID", "2023", "", "Médecins Sans Frontières ATTACKED", "", None, (PAGE, IAR)),
    (
        "EVACUATION",
        "2023-11",
        "Boni, Kidal, Nampala",
        "MSF Boni EVACUATED, MSF Kidal EVACUATED, MSF Nampala EVACUATED",
        "",
        None,
        (PAGE, IAR),
    ),
    ("DISPLACEMENT", "2023", "Douentza, Koro", "", "", None, (PAGE, IAR)),
    ("DISPLACEMENT", "2023", "Douentza, Koro", "", "Burkina Faso", None, (PAGE, IAR)),
    ("DISPLACEMENT", "2024-12", "Koro", "", "", None, (KORO_STORY, PAGE)),
    ("FLOOD", "2024-10", "", "", "", 47000, (FLOOD_STORY, PAGE)),
}

# Indicator -> as printed, value, unit, count basis.
METRICS = {
    "Outpatient consultations": ("530,000", 530000, "consultations", "CONSULTATIONS"),
    "Patients admitted to hospitals": ("66,000", 66000, "admissions", "ADMISSIONS"),
    "Surgical interventions": ("1,870", 1870, "interventions", "PROCEDURES"),
    "People treated for intentional physical violence": ("1,040", 1040, "people", "INDIVIDUALS"),
}


def on_page(seed, kind):
    """The entities of a kind that the page is a source of."""
    cited = {line["subject"] for line in seed.stated("CITES", object=PAGE)}
    return [entity for entity in seed.of(kind) if entity["id"] in cited]


def project_at(seed, place):
    (town,) = [entity["id"] for entity in on_page(seed, "PLACE") if entity["name"] == place]
    (project,) = [
        project for project in on_page(seed, "PROJECT") if seed.objects("LOCATED_IN", project["id"]) == [town]
    ]
    return project


def activities_on_page(project):
    """The codes of those that the page is a source of; other pages saw more of some projects, in other years."""
    rows = [row for row in read(PROJECT_ACTIVITIES, DATA) if row["project"] == project["id"]]
    return [row["activity"] for row in rows if PAGE in row["source"]]


@pytest.mark.parametrize("id", SOURCES)
def test_a_source_has_its_title_as_printed(seed, id):
    source = seed[id]
    assert (source["type"], source["name"], source["publisher"], source.get("publishedOn")) == SOURCES[id]


def test_the_situation_is_summed_up_with_its_source_and_the_stories_are_found_at_the_country(seed):
    summary = seed["country:ML"]["summary"]
    assert all(word in summary for word in ("north", "centre", "medical care", "supplies", "armed groups"))
    assert {PAGE, KORO_STORY, FLOOD_STORY} <= set(seed.objects("CITES", "country:ML"))


@pytest.mark.parametrize("place", PLACES)
def test_a_place_lies_where_it_lies(seed, place):
    (town,) = [entity for entity in on_page(seed, "PLACE") if entity["name"] == place]
    around = [seed[id]["name"] for id in seed.around(town["id"])]
    assert town["type"] == "TOWN"
    assert around[: around.index("Mali") + 1] == PLACES[place]


def test_the_page_is_cited_for_geography_only_where_it_has_it(seed):
    placed = {line["subject"] for line in seed.stated("PART_OF") if PAGE in line["sources"]}
    assert placed == {"place:ml-koro", "place:ml-douentza", "place:ml-mopti-region"}
    assert "capital" in seed["place:ml-bamako"]["summary"]


@pytest.mark.parametrize(
    ("place", "pcode"),
    [("mopti-region", "ML05"), ("segou-region", "ML04"), ("kidal-region", "ML08"), ("bamako-district", "ML09")],
)
def test_admin_units_have_their_p_codes(seed, place, pcode):
    unit = seed[f"place:ml-{place}"]
    assert unit["type"] == "ADMIN1"
    assert unit["identifiers"] == [{"vocabulary": "P-code", "code": pcode}]


@pytest.mark.parametrize("place", PROJECTS)
def test_a_project_with_status_activities_and_partners(seed, place):
    status, activities, partners = PROJECTS[place]
    project = project_at(seed, place)
    assert project["status"] == status
    assert {activity["vocabulary"] for activity in project["activities"]} == {"fieldgraph"}
    labels = {activity["code"]: activity["label"] for activity in project["activities"]}
    assert {labels[code] for code in activities_on_page(project)} == activities | EVERYWHERE
    assert {
        (seed[line["subject"]]["name"], line.get("role"))
        for line in seed.stated("PARTICIPATES_IN", object=project["id"])
        if PAGE in line["sources"]
    } == partners


@pytest.mark.parametrize("place", ["Koro", "Douentza"])
def test_a_project_that_cares_for_refugees_says_where_they_are_from(seed, place):
    assert "refugees from Burkina Faso" in project_at(seed, place)["summary"]


def test_nothing_is_said_of_when_a_project_began_or_ended(seed):
    assert not any("startedOn" in project or "endedOn" in project for project in on_page(seed, "PROJECT"))


@pytest.mark.parametrize(
    ("id", "name", "type"),
    [
        ("partner:msf", "Médecins Sans Frontières", "INTERNATIONAL_NGO"),
        ("partner:ml-ministry-of-health", "Ministry of Health of Mali", "GOVERNMENT"),
    ],
)
def test_a_partner_with_its_type_works_in_mali(seed, id, name, type):
    assert (seed[id]["name"], seed[id]["type"]) == (name, type)
    (works,) = seed.stated("OPERATES_IN", id, "country:ML")
    assert PAGE in works["sources"]


def test_msf_is_found_by_its_acronym_and_its_english_name(seed):
    assert seed["partner:msf"]["acronym"] == "MSF"
    assert seed["partner:msf"]["aliases"] == ["Doctors Without Borders"]


def test_the_events_cell_by_cell(seed):
    def names(lines, *attributes):
        return ", ".join(sorted(" ".join([seed[line["object"]]["name"], *map(line.get, attributes)]) for line in lines))

    found = [
        (
            event["type"],
            event["startedOn"],
            names([line for line in seed.stated("OCCURRED_IN", event["id"]) if line["object"] != "country:ML"]),
            names(seed.stated("AFFECTED", event["id"]), "impact"),
            names(seed.stated("DISPLACED_FROM", event["id"])),
            event.get("affected"),
            tuple(seed.objects("CITES", event["id"])),
        )
        for event in on_page(seed, "EVENT")
    ]
    assert len(found) == len(EVENTS)
    assert set(found) == EVENTS


def test_every_event_occurred_in_mali_at_least(seed):
    assert all("country:ML" in seed.objects("OCCURRED_IN", event["id"]) for event in on_page(seed, "EVENT"))


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ("event:ml-2023-ngo-withdrawal", ["international", "humanitarian", "need", "fighting"]),
        ("event:ml-2023-abductions", ["MSF", "other NGOs"]),
        ("event:ml-2023-facilities-looted", ["health facilities", "MSF"]),
        ("event:ml-2023-ambulances-attacked", ["Ambulances", "MSF"]),
        ("event:ml-2023-11-evacuation", ["security", "teams"]),
        ("event:ml-2023-displacement", ["displaced inside the country", "assisted"]),
        ("event:ml-2023-refugees-burkina-faso", ["Burkina Faso", "assisted"]),
        ("event:ml-2024-12-koro-displacement", ["Thousands", "communities", "urgently", "10 December 2024"]),
        ("event:ml-2024-10-floods", ["47,000", "rain", "forecast", "7 October 2024"]),
    ],
)
def test_what_no_attribute_can_hold_is_in_the_summary(seed, event, words):
    summary = seed[event]["summary"]
    assert [word for word in words if word not in summary] == []


def test_an_event_has_ended_only_where_that_is_said(seed):
    lasting = {event["id"] for event in on_page(seed, "EVENT") if "endedOn" not in event}
    assert {seed[id]["type"] for id in lasting} == {"DISPLACEMENT", "FLOOD"}
    assert all(event["endedOn"] == event["startedOn"] for event in on_page(seed, "EVENT") if event["id"] not in lasting)
    assert seed["event:ml-2024-10-floods"]["affectedStatus"] == "AFFECTED"


@pytest.mark.parametrize("indicator", METRICS)
def test_a_metric_with_its_indicator(seed, indicator):
    printed, value, unit, basis = METRICS[indicator]
    (measured,) = [entity for entity in seed.of("INDICATOR") if entity["name"] == indicator]
    (metric,) = [
        metric for metric in on_page(seed, "METRIC") if seed.objects("MEASURES", metric["id"]) == [measured["id"]]
    ]
    assert (metric["printed"], metric["value"], metric["unit"]) == (printed, value, unit)
    assert (metric["startedOn"], metric["endedOn"]) == ("2023", "2023")
    assert (measured["unit"], measured["countBasis"]) == (unit, basis)
    assert measured["id"] == f"indicator:{measured['code']}"
    assert measured["definition"]
    assert seed.objects("ABOUT", metric["id"]) == ["country:ML"]
    assert set(seed.objects("CITES", metric["id"])) == {PAGE, IAR}


def test_nothing_is_lost_and_nothing_is_added(seed):
    kinds = ("PROJECT", "EVENT", "PARTNER", "METRIC", "INDICATOR")
    assert {kind: len(on_page(seed, kind)) for kind in kinds} == {
        "PROJECT": 6,
        "EVENT": 9,
        "PARTNER": 2,
        "METRIC": 4,
        "INDICATOR": 4,
    }
    assert [country["id"] for country in on_page(seed, "COUNTRY")] == ["country:ML"]
    assert sum(len(activities_on_page(project)) for project in on_page(seed, "PROJECT")) == 6 * 6 + 3 * 2
    relations = Counter(line["relation"] for line in seed.relations if PAGE in line.get("sources", []))
    assert relations == {
        "PART_OF": 3,
        "LOCATED_IN": 6,
        "OCCURRED_IN": 9 + 8,
        "AFFECTED": 6,
        "DISPLACED_FROM": 1,
        "PARTICIPATES_IN": 7,
        "OPERATES_IN": 2,
        "ABOUT": 4,
        "MEASURES": 4,
    }


def test_every_fact_of_the_page_can_be_reached_from_mali(seed):
    inside = {"country:ML"} | {place["id"] for place in seed.of("PLACE") if "country:ML" in seed.around(place["id"])}
    for kind, relation in [("PROJECT", "LOCATED_IN"), ("EVENT", "OCCURRED_IN"), ("METRIC", "ABOUT")]:
        for entity in on_page(seed, kind):
            assert inside & set(seed.objects(relation, entity["id"]))
