"""Specifies what the seed has of MSF's public figures, projects, events and partners: how many, by which rules, and
single facts of many countries, which were copied by hand from what was published, not from the seed's own tables."""

from collections import Counter

import pytest

from graph.graph import Graph
from graph.parse import write
from tests.conftest import asking

MSF = "partner:msf"
MONEY = {"EUR", "CAD", "CHF", "XAF", "XOF"}


@pytest.fixture(scope="module")
def metrics(seed):
    """Of each metric: the line, what it is about, its indicator, and the sources that it cites."""
    about = {line["subject"]: line["object"] for line in seed.stated("ABOUT")}
    measured = {line["subject"]: line["object"] for line in seed.stated("MEASURES")}
    cited = {}
    for line in seed.stated("CITES"):
        cited.setdefault(line["subject"], set()).add(line["object"])
    return [(line, about[line["id"]], seed[measured[line["id"]]], cited[line["id"]]) for line in seed.of("METRIC")]


def test_how_much_there_is(seed, metrics):
    counts = {kind: len(seed.of(kind)) for kind in ("SOURCE", "INDICATOR", "METRIC", "PROJECT", "EVENT", "PARTNER")}
    assert counts == {"SOURCE": 533, "INDICATOR": 264, "METRIC": 1365, "PROJECT": 442, "EVENT": 369, "PARTNER": 87}
    about = {subject for _, subject, _, _ in metrics}
    assert len([id for id in about if id.startswith("country:")]) == 76
    assert {id for id in about if not id.startswith("country:")} == {"place:m49-001", "place:central-mediterranean"}
    assert len({line["object"] for line in seed.stated("OPERATES_IN", MSF)}) == 79
    assert Counter(place["type"] for place in seed.of("PLACE"))["ADMIN1"] > 100


def test_every_figure_has_what_it_counts_and_of_when(metrics):
    for metric, _, indicator, sources in metrics:
        assert {"value", "printed"} <= metric.keys()
        assert metric["startedOn"] <= metric["endedOn"]
        assert metric["unit"] == indicator["unit"]
        assert indicator["definition"].endswith(".")
        assert sources


# Subject, indicator, start -> value, as printed, sources without "source:".
FIGURES = [
    ("country:CD", "outpatient-consultations", "2023", 2578300, "2,578,300", {"ca-drc-2023", "mx-drc-2023"}),
    ("country:CD", "outpatient-consultations", "2023", 2122709, "2,122,709", {"msf-drc-2023"}),
    ("country:NG", "outpatient-consultations", "2023", 1203600, "1,203,600", {"be-nigeria-2023", "mx-nigeria-2023"}),
    ("country:NG", "outpatient-consultations", "2023", 689979, "689,979", {"press-nigeria-2023"}),
    ("country:CF", "outpatient-consultations", "2023", 725700, "725,700", {"mx-car-2023"}),
    ("country:CF", "outpatient-consultations", "2023", 565938, "565,938", {"press-car-2023"}),
    ("country:ML", "outpatient-consultations", "2020", 510900, "510,900", {"es-mali-2020"}),
    ("country:ML", "outpatient-consultations", "2020", 510896, "510,896", {"ca-overview-2020"}),
    ("country:ML", "outpatient-consultations", "2022", 552800, "552,800", {"iar2022-p43", "es-mali-2022"}),
    ("country:ML", "expenditure-xof", "2022", 14117681822, "14,117,681,822", {"press-mali-2022b"}),
    ("country:ML", "inpatient-feeding-koutiala", "2012", 4400, "4,400", {"us-mali-2012"}),
    ("country:TD", "litres-water-distributed", "2024", 402932000, "402,932,000", {"ca-chad-2024"}),
    ("country:TD", "malnourished-children-feeding-programmes", "2023", 63100, "63,100", {"mx-chad-2023"}),
    ("country:LR", "people-in-mental-health-epilepsy-care", "2021", 20300, "20,300", {"es-liberia-2021"}),
    ("country:SD", "staff-total", "2012", 1031, "1,031", {"us-sudan-2012"}),
    ("country:SD", "emergency-room-admissions", "2023", 102300, "102,300", {"ca-sudan-2023", "mx-sudan-2023"}),
    ("country:YE", "caesarean-sections", "2022", 5470, "5,470", {"ca-yemen-2022", "ca-yemen22-fr", "es-yemen-2022"}),
    ("country:SS", "outpatient-consultations", "2016-01", 110822, "110,822", {"msf-southsudan-2016"}),
    ("country:SY", "litres-water-distributed", "2022", 185310000, "185,310,000", {"be-syria-2022", "es-syria-2022"}),
    ("country:HT", "people-treated-sexual-violence", "2021", 1560, "1,560", {"us-haiti-2021"}),
    ("country:MX", "torture-victims-treated", "2022", 90, "90", {"iar2022-p43", "es-mexico-2022"}),
    ("country:UZ", "people-started-tb-treatment", "2017", 2466, "2,466", {"msf-uzbekistan-2017"}),
    ("country:VE", "births-assisted", "2023-01", 622, "622", {"efe-venezuela-2023h1"}),
    ("country:CM", "expenditure", "2023", 7700000, "7.7 million", {"be-cameroon-2023", "br-cameroon-2023"}),
    ("country:ET", "expenditure", "2016", 26800000, "26.8 million", {"uy-ethiopia-2016"}),
    ("country:NG", "expenditure-cad", "2022", 125000000, "125 million", {"ca-nigeria-2022"}),
    ("country:CD", "expenditure-chf-ocg", "2022", 26900000, "26.9 million", {"ch-overview-2022"}),
    ("country:SY", "expenditure-section-fr", "2014", 3527000, "3,527,000", {"msffr-syria"}),
    ("country:JO", "staff-fte", "2023", 232, "232", {"es-jordan-2023", "msf-jordan-2023"}),
    ("country:PK", "deliveries-bajaur", "2017", 1311, "1,311", {"msf-pakistan-2017", "msf-pakistan-2017es"}),
    ("country:UG", "camp-primary-care-consultations", "2017", 273773, "273,773", {"de-uganda-2017"}),
    ("country:LB", "syrian-refugees-hosted", "2023", 1500000, "1,500,000", {"br-lebanon-2023"}),
    ("place:m49-001", "outpatient-consultations", "2023", 16459000, "16,459,000", {"us-world-2023"}),
    ("place:m49-001", "income", "2023", 2400000000, "2.4 billion", {"wiki-msf-ja"}),
    ("place:central-mediterranean", "people-rescued-at-sea", "2015-05", 23747, "23,747", {"uy-mediterranean"}),
]


@pytest.mark.parametrize(("subject", "code", "start", "value", "printed", "sources"), FIGURES)
def test_a_figure(metrics, subject, code, start, value, printed, sources):
    found = [
        (metric["printed"], cited)
        for metric, about, indicator, cited in metrics
        if (about, indicator["code"], metric["startedOn"], metric["value"]) == (subject, code, start, value)
    ]
    assert found == [(printed, {f"source:{name}" for name in sources})]


@pytest.mark.parametrize(
    ("id", "attributes"),
    [
        ("metric:msf-cd-2018-outpatient-consultations", {"value": 1800000, "lower": 1800000, "printed": ">1,800,000"}),
        ("metric:msf-ss-2018-outpatient-consultations", {"value": 1100000, "status": "E"}),
        ("metric:msf-bf-2022-h2-births-assisted", {"startedOn": "2022-07", "endedOn": "2022-12", "status": "E"}),
        ("metric:msf-cf-2024-expenditure-xaf", {"value": 47000000000, "lower": 47000000000, "unit": "XAF"}),
        ("metric:msf-id-2018-2022-young-people-reached-programme-total", {"startedOn": "2018", "endedOn": "2022"}),
        ("metric:msf-cd-2022-people-advanced-hiv", {"value": 19100, "status": "U"}),
        ("metric:msf-hn-2023-people-protected-target", {"measure": "TARGET"}),
        ("metric:msf-cm-2023-expenditure", {"measure": "EXPENDITURE", "unit": "EUR"}),
    ],
)
def test_bounds_periods_and_doubts(seed, id, attributes):
    assert attributes.items() <= seed[id].items()


def test_more_than_is_a_lower_bound_and_nothing_has_an_upper_one(metrics):
    bounded = [metric for metric, *_ in metrics if "lower" in metric]
    assert len(bounded) == 38
    assert all(metric["lower"] == metric["value"] and metric["printed"].startswith(">") for metric in bounded)
    assert not any("upper" in metric for metric, *_ in metrics)
    assert Counter(metric.get("status") for metric, *_ in metrics) == {None: 1343, "E": 19, "U": 3}


def test_money_is_in_the_currency_of_its_indicator(metrics):
    for metric, _, indicator, _ in metrics:
        assert (indicator["countBasis"] == "MONEY") == (metric["unit"] in MONEY)
        assert (metric.get("measure") == "EXPENDITURE") == indicator["code"].startswith("expenditure")
    staff = {indicator["unit"] for *_, indicator, _ in metrics if indicator["code"].endswith("fte")}
    assert staff == {"full-time equivalents"}


def test_a_part_of_a_programme_and_what_is_not_msfs_are_told(seed):
    definitions = [indicator["definition"] for indicator in seed.of("INDICATOR")]
    assert sum("one part of a country's programme" in definition for definition in definitions) == 53
    assert sum("not MSF's activity" in definition for definition in definitions) == 5


@pytest.fixture(scope="module")
def ask(seed):
    graph = Graph.in_memory()
    graph.apply(write(line) for line in seed.all)
    return asking(graph)


def test_values_in_two_currencies_are_never_added(ask):
    answer = ask("""{ metrics(where: { measure: { eq: EXPENDITURE }, year: { eq: 2022 } }) {
        aggregate { value { sum } } groupBy(keys: [UNIT, INDICATOR]) { nodes { keys { value } value { sum } } }
    } }""")
    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "INCOMPATIBLE_AGGREGATION"
    groups = {group["keys"][0]["value"] for group in answer["data"]["metrics"]["groupBy"]["nodes"]}
    assert groups == {"EUR", "CAD", "CHF", "XOF"}


def test_sources_that_differ_are_found(ask):
    answer = ask("{ quality(first: 50) { totalCount nodes { rule severity } } }")
    rules = Counter(finding["rule"] for finding in answer["data"]["quality"]["nodes"])
    assert rules["contradicting-sources"] == 19
    assert "ERROR" not in {finding["severity"] for finding in answer["data"]["quality"]["nodes"]}


def test_one_organisation_at_one_place_is_one_project(seed):
    located = Counter()
    for project in seed.of("PROJECT"):
        if project["name"].startswith("MSF "):
            located.update([tuple(seed.objects("LOCATED_IN", project["id"]))])
    assert max(located.values()) == 1


@pytest.mark.parametrize(
    ("id", "status", "started", "ended", "seen", "places", "activities"),
    [
        # one site, seen by six sources in several years, under as many names
        ("ml-ansongo", "IMPLEMENTATION", "2012", None, ("2012", "2023"), ["ml-ansongo"], {"surgery", "war-wounded"}),
        (
            "ml-koutiala",
            "IMPLEMENTATION",
            None,
            None,
            ("2021", "2023"),
            ["ml-koutiala"],
            {"paediatric", "malnutrition"},
        ),
        ("td-metche-camp", "IMPLEMENTATION", None, None, ("2023", "2024"), ["td-metche-camp"], {"surgery", "women"}),
        (
            "sl-bombali-tb",
            "IMPLEMENTATION",
            "2019",
            None,
            ("2019", "2023"),
            ["sl-bombali", "sl-makeni"],
            {"tuberculosis"},
        ),
        ("pk-timergara-hospital", "CLOSED", "2008", "2021-01", ("2008", "2021-01"), ["pk-timergara"], {"neonatal"}),
        ("co-telembi-triangle", "CLOSED", "2021", "2023-04", ("2021", "2023-04"), None, {"mental-health"}),
        ("hn-arbovirus-prevention", "CLOSED", "2023-06", "2025-09", ("2023-06", "2025-09"), ["hn-el-manchen"], set()),
        ("af-boost-hospital", "IMPLEMENTATION", None, None, ("2022", "2023"), ["af-boost-hospital"], {"hospital-care"}),
        ("ve-vargas-hospital", None, None, None, ("2019", "2019"), ["ve-caracas"], {"construction"}),
        ("cd-rutshuru", "IMPLEMENTATION", None, None, ("2022", "2022"), ["cd-rutshuru"], {"sexual-violence"}),
        ("med-geo-barents", "CLOSED", "2021-05", "2024", ("2021-05", "2024"), None, {"search-and-rescue"}),
    ],
)
def test_a_project(seed, id, status, started, ended, seen, places, activities):
    project = seed[f"project:msf-{id}"]
    assert (project.get("status"), project.get("startedOn"), project.get("endedOn")) == (status, started, ended)
    (runs,) = seed.stated("PARTICIPATES_IN", MSF, project["id"])
    assert (runs["role"], runs["since"], runs["until"]) == ("IMPLEMENTING", *seen)
    assert places in (None, [place.removeprefix("place:") for place in seed.objects("LOCATED_IN", project["id"])])
    assert activities <= {activity["code"] for activity in project["activities"]}


def test_msf_runs_every_project(seed):
    run = [line["object"] for line in seed.stated("PARTICIPATES_IN", MSF) if line["role"] == "IMPLEMENTING"]
    assert sorted(run) == sorted(project["id"] for project in seed.of("PROJECT"))


def test_there_is_one_ministry_of_health_for_each_country_one_msf_and_one_of_each_un_agency(seed):
    national = [partner for partner in seed.of("PARTNER") if partner["type"] == "GOVERNMENT"]
    ministries = [partner["id"] for partner in national if partner["id"].endswith("-ministry-of-health")]
    countries = Counter(country for id in ministries for country in seed.objects("OPERATES_IN", id))
    assert set(countries.values()) == {1}
    assert len(countries) == len(ministries) == 38
    names = [partner["name"] for partner in seed.of("PARTNER")]
    assert len({name.casefold() for name in names}) == len(names)
    assert [name for name in names if "Frontières" in name or "MSF" in name] == ["Médecins Sans Frontières"]
    assert seed["partner:ml-ministry-of-health"]["aliases"] == ["Ministry of Health and Social Development"]
    assert {seed[f"partner:{id}"]["type"] for id in ("unhcr", "who", "iom", "ocha")} == {"MULTILATERAL"}


@pytest.mark.parametrize(
    ("country", "since", "sources"),
    [
        (
            "ML",
            "1985",
            {"press-mali-2022", "iar2022-p43", "iar2021-p53", "jp-mali-2017", "msf-us-mali", "msf-iar-2023"},
        ),
        ("SO", "1979", {"jp-somalia-2017", "ar-somalia-2020"}),
        ("TD", "1981", {"za-chad-2022", "ar-chad-2020"}),
        ("KI", "2022", {"es-kiribati-2022"}),
    ],
)
def test_msf_works_in_a_country_since_the_earliest_year_that_a_source_has(seed, country, since, sources):
    (works,) = seed.stated("OPERATES_IN", MSF, f"country:{country}")
    assert works["since"] == since
    assert set(works["sources"]) == {f"source:{name}" for name in sources}


@pytest.mark.parametrize(
    ("id", "type", "started", "affected", "status", "sources"),
    [
        ("sd-2023-04-war-breaks-out-between-sudans", "ARMED_CONFLICT", "2023-04-15", None, None, 2),
        ("et-2021-06-three-msf-staff-killed-tigray", "ATTACK_ON_AID", "2021-06-24", None, None, 2),
        ("af-2023-10-earthquakes-herat", "EARTHQUAKE", "2023-10", 275000, "IN_NEED", 2),
        ("mz-2019-03-cyclone-idai", "CYCLONE", "2019-03-15", 1850000, "AFFECTED", 1),
        ("mg-2017-08-pneumonic-plague", "EPIDEMIC", "2017-08", None, None, 1),
        ("gn-2017-03-measles-conakry", "EPIDEMIC", "2017-03", 650000, "REACHED", 2),
        ("cd-2013-07-four-msf-staff-abducted-kamango", "ABDUCTION", "2013-07", 4, "AFFECTED", 1),
        ("co-1985-11-nevado-del-ruiz-erupts", "VOLCANO", "1985-11-13", None, None, 2),
        ("ss-2016-02-msf-medical-centre-pibor-looted", "LOOTING", "2016-02", None, None, 1),
        ("ug-2023-arua-programme-handed-over-20", "RESPONSE", "2023", None, None, 1),
        ("so-2013-08-msf-leaves-22-years", "WITHDRAWAL", "2013-08", None, None, 1),
    ],
)
def test_an_event(seed, id, type, started, affected, status, sources):
    event = seed[f"event:{id}"]
    assert (event["type"], event["startedOn"]) == (type, started)
    assert (event.get("affected"), event.get("affectedStatus")) == (affected, status)
    assert len(seed.objects("CITES", event["id"])) == sources


def test_every_event_is_placed_in_a_country_but_those_at_sea(seed):
    at_sea = [
        event["id"]
        for event in seed.of("EVENT")
        if not any(place.startswith("country:") for place in seed.objects("OCCURRED_IN", event["id"]))
    ]
    assert len(at_sea) == 6
    assert all(id.startswith("event:med-") for id in at_sea)


@pytest.mark.parametrize(
    ("event", "affected", "impact"),
    [
        ("ye-2016-08-airstrike-abs-hospital", "project:msf-ye-abs-general-hospital", "ATTACKED"),
        ("mz-2024-05-armed-attack-macomia", "partner:msf", "LOOTED"),
        ("za-2022-09-khayelitsha-hiv-tuberculosis-project-handed", "project:msf-za-khayelitsha", "CLOSED"),
        ("bf-2023-02-two-msf-staff-killed-marked", "partner:msf", "ATTACKED"),
    ],
)
def test_an_event_that_touched_msf(seed, event, affected, impact):
    assert impact in {line["impact"] for line in seed.stated("AFFECTED", f"event:{event}", affected)}


def test_refugees_are_displaced_from_where_they_fled(seed):
    assert seed.objects("DISPLACED_FROM", "event:bd-2017-08-rohingya-flee-rakhine") == ["place:mm-rakhine"]
    assert seed.objects("DISPLACED_FROM", "event:ug-2017-south-sudanese-refugees-reach") == ["country:SS"]


@pytest.mark.parametrize(
    ("place", "type", "code", "whole"),
    [
        ("ng-zamfara", "ADMIN1", "NG037", "country:NG"),
        ("mz-macomia", "ADMIN2", "MZ0106", "place:mz-cabo-delgado"),
        ("ml-gao-region", "ADMIN1", "ML07", "country:ML"),
        ("ml-gao", "TOWN", None, "place:ml-gao-region"),
        ("cd-north-kivu", "ADMIN1", None, "country:CD"),
        ("cd-goma", "TOWN", None, "place:cd-north-kivu"),
        ("ke-dagahaley-camp", "CAMP", None, "place:ke-dadaab"),
        ("cm-mora-hospital", "FACILITY", None, "country:CM"),
        ("gt-la-democracia", "ADMIN2", "GT0503", "place:gt-escuintla"),
    ],
)
def test_a_place(seed, place, type, code, whole):
    entity = seed[f"place:{place}"]
    assert entity["type"] == type
    assert [identifier["code"] for identifier in entity.get("identifiers", [])] == ([code] if code else [])
    assert seed.objects("PART_OF", entity["id"]) == [whole]


def test_a_p_code_stands_on_one_admin_unit(seed):
    coded = [
        (identifier["code"], place["type"])
        for place in seed.of("PLACE")
        for identifier in place.get("identifiers", [])
        if identifier["vocabulary"] == "P-code"
    ]
    assert len({code for code, _ in coded}) == len(coded) == 207
    assert {type for _, type in coded} == {"ADMIN1", "ADMIN2"}
