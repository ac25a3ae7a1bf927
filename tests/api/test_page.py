"""A front end renders the page of Mali from one query: every fact of it, each with its citation.

What the page says stands in tests/seed/test_mali.py; here it must come out of the API, in one answer.
"""

import pytest

from tests.seed.test_mali import EVENTS, EVERYWHERE, METRICS, PAGE, PROJECTS, SOURCES

QUERY = """
query Page($page: ID!) {
  country(code: "ml") {
    name
    summary
    sources(first: 50) { nodes { id type name publisher publishedOn citation } }
    projects(where: {sources: {some: {id: {eq: $page}}}}) {
      totalCount
      nodes {
        status
        places { nodes { name parent { name } } }
        activities { label }
        partners { edges { role node { name type } } }
        sources { nodes { id citation } }
      }
    }
    events(first: 100, where: {sources: {some: {id: {eq: $page}}}}) {
      totalCount
      nodes {
        type
        startedOn
        summary
        affected
        places(orderBy: {field: NAME}) { nodes { name } }
        countries { nodes { code } }
        displacedFrom { name }
        projects { edges { impact node { name } } }
        partners { edges { impacts node { name } } }
        sources { nodes { id citation } }
      }
    }
    metrics(where: {sources: {some: {id: {eq: $page}}}}) {
      totalCount
      nodes {
        printed
        value
        unit
        year
        startedOn
        endedOn
        measure
        indicator { name countBasis }
        sources { nodes { id citation } }
      }
    }
  }
}
"""


@pytest.fixture(scope="module")
def mali(ask):
    answer = ask(QUERY, {"page": PAGE})
    assert "errors" not in answer
    return answer["data"]["country"]


def test_the_situation_comes_with_its_sources(mali):
    assert "medical care" in mali["summary"]
    told = {
        source["id"]: (source["type"], source["name"], source["publisher"], source["publishedOn"])
        for source in mali["sources"]["nodes"]
    }
    assert SOURCES.items() <= told.items()


def test_the_projects_come_with_places_activities_partners_and_roles(mali):
    assert mali["projects"]["totalCount"] == len(PROJECTS)
    told = {project["places"]["nodes"][0]["name"]: project for project in mali["projects"]["nodes"]}
    assert told.keys() == PROJECTS.keys()
    for place, (status, activities, partners) in PROJECTS.items():
        project = told[place]
        assert project["status"] == status
        # What other sources saw there, in other years, comes with it.
        assert activities | EVERYWHERE <= {activity["label"] for activity in project["activities"]}
        assert partners <= {(edge["node"]["name"], edge["role"]) for edge in project["partners"]["edges"]}


def test_the_events_come_with_dates_places_and_what_they_touched(mali):
    assert mali["events"]["totalCount"] == len(EVENTS)
    told = set()
    for event in mali["events"]["nodes"]:
        touched = [f"{edge['node']['name']} {edge['impact']}" for edge in event["projects"]["edges"]]
        touched += [f"{edge['node']['name']} {edge['impacts'][0]}" for edge in event["partners"]["edges"]]
        told.add((
            event["type"],
            event["startedOn"],
            ", ".join(place["name"] for place in event["places"]["nodes"]),
            ", ".join(touched),
            ", ".join(place["name"] for place in event["displacedFrom"]),
            event["affected"],
            frozenset(source["id"] for source in event["sources"]["nodes"]),
        ))  # fmt: skip
        assert event["countries"]["nodes"] == [{"code": "ML"}]
    assert told == {(*event[:-1], frozenset(event[-1])) for event in EVENTS}


def test_the_key_figures_come_as_printed_and_as_numbers(mali):
    assert mali["metrics"]["totalCount"] == len(METRICS)
    told = {
        metric["indicator"]["name"]: (
            metric["printed"],
            metric["value"],
            metric["unit"],
            metric["indicator"]["countBasis"],
        )
        for metric in mali["metrics"]["nodes"]
    }
    assert told == METRICS
    assert {metric["year"] for metric in mali["metrics"]["nodes"]} == {2023}


def test_nothing_comes_without_a_citation(mali):
    facts = [fact for part in ("projects", "events", "metrics") for fact in mali[part]["nodes"]]
    assert len(facts) == len(PROJECTS) + len(EVENTS) + len(METRICS)
    assert all(source["citation"] for fact in facts for source in fact["sources"]["nodes"])
    assert all(PAGE in {source["id"] for source in fact["sources"]["nodes"]} for fact in facts)
