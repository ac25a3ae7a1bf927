"""Specifies seed/world.py: worlds of any size that a graph can take, with all there is, and the same every time."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from graph.graph import Graph
from graph.model import Relation
from graph.parse import write
from graph.values import is_partial_date
from graph.vocabulary import Impact, Kind, MetricMeasure, PartnerRole, PlaceType, RelationKind
from seed.synthetic.names import ARABIC, CYRILLIC, LATIN, spell
from seed.world import FEWEST, world

ROOT = Path(__file__).parents[2]
ENTITIES, RELATIONS = 2_000, 8_000


@pytest.fixture(scope="module")
def lines():
    return list(world(ENTITIES, RELATIONS))


@pytest.fixture(scope="module")
def entities(lines):
    return [line for line in lines if "kind" in line]


@pytest.fixture(scope="module")
def relations(lines):
    return [line for line in lines if "relation" in line]


@pytest.mark.parametrize(("size", "links"), [(FEWEST, 300), (FEWEST, 400), (500, 2_000), (ENTITIES, RELATIONS)])
@pytest.mark.parametrize("seed", [7, 8])
def test_a_world_breaks_no_rule_and_has_the_size_that_was_asked_for(size, links, seed):
    graph = Graph.in_memory()
    graph.apply(write(line) for line in world(size, links, seed))
    assert graph.engine.graph.number_of_nodes() == size
    assert graph.engine.graph.number_of_edges() == pytest.approx(links, rel=0.2 if size == FEWEST else 0.05)


def test_the_same_numbers_give_the_same_world_in_any_process(lines):
    command = [sys.executable, "-m", "seed.world", str(ENTITIES), str(RELATIONS)]
    written = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, timeout=60).stdout
    assert [json.loads(row) for row in written.splitlines()] == lines


def test_another_seed_gives_another_world(lines):
    assert list(world(ENTITIES, RELATIONS, seed=8)) != lines


def test_all_kinds_are_there(entities, relations):
    assert {line["kind"] for line in entities} == set(Kind)
    assert {line["relation"] for line in relations} == set(RelationKind)


@pytest.mark.parametrize(
    ("attribute", "terms"), [("measure", MetricMeasure), ("role", PartnerRole), ("impact", Impact), ("type", PlaceType)]
)
def test_all_terms_are_there(lines, attribute, terms):
    assert {line[attribute] for line in lines if attribute in line} >= set(terms)


def test_places_lie_three_deep_in_countries_and_countries_in_regions(entities, relations):
    holder = {line["subject"]: line["object"] for line in relations if line["relation"] == "PART_OF"}
    types = {line["id"]: line.get("type", "COUNTRY") for line in entities if line["kind"] in ("PLACE", "COUNTRY")}

    def way(id: str) -> list[str]:
        return [types[id], *(way(holder[id]) if id in holder else [])]

    tops = Counter(tuple(way(id)[1:]) for id, type_ in types.items() if type_ in ("VILLAGE", "CAMP", "FACILITY"))
    assert list(tops) == [("ADMIN2", "ADMIN1", "COUNTRY", "REGION", "WORLD")]


def test_what_an_event_followed_came_before_it(relations):
    followed = [line for line in relations if line["relation"] == "FOLLOWED"]
    assert all(int(line["object"].split(":w")[1]) < int(line["subject"].split(":w")[1]) for line in followed)


def test_partners_stand_in_hierarchies_and_have_several_roles_in_a_project(relations):
    partners = [line for line in relations if line["relation"] == "PART_OF" and line["subject"].startswith("partner:")]
    assert {line["object"] for line in partners} & {line["subject"] for line in partners}
    roles = Counter((line["subject"], line["object"]) for line in relations if line["relation"] == "PARTICIPATES_IN")
    assert max(roles.values()) > 1


def test_facts_have_sources_and_some_are_not_known(entities, relations):
    assert {"CITES"} < {line["relation"] for line in relations}
    stated = [bool(line.get("sources")) for line in relations if line["relation"] != "CITES"]
    assert 0.3 < sum(stated) / len(stated) < 0.7
    for kind, attribute in [("METRIC", "value"), ("EVENT", "startedOn"), ("PROJECT", "status"), ("PLACE", "latitude")]:
        known = [attribute in line for line in entities if line["kind"] == kind]
        assert 0 < sum(known) < len(known)


def test_dates_exist_and_are_known_to_a_year_a_month_or_a_day(lines):
    keys = ("startedOn", "endedOn", "publishedOn", "since")
    dates = [line[key] for line in lines for key in keys if key in line]
    assert {len(date) for date in dates} == {4, 7, 10}
    assert all(map(is_partial_date, dates))


def test_names_are_in_three_scripts_and_no_number_shares_one(entities):
    scripts = dict.fromkeys("aаا", 0)
    for line in entities:
        for letter in scripts:
            scripts[letter] += letter in line["name"]
    assert min(scripts.values()) > 10
    assert any("aliases" in line for line in entities)
    assert len({spell(number, script) for number in range(50_000) for script in (LATIN, ARABIC, CYRILLIC)}) == 150_000


def test_there_are_hubs_as_in_life(relations):
    """A country, a partner and an indicator have far more than an equal share; most places have next to nothing."""
    reached = Counter(line["object"] for line in relations) + Counter(line["subject"] for line in relations)
    for hub, kind in [("country:AA", "country:"), ("partner:w0", "partner:"), ("indicator:w0", "indicator:")]:
        of_kind = [number for id, number in reached.items() if id.startswith(kind)]
        assert reached[hub] > 4 * sum(of_kind) / len(of_kind)


def test_every_line_is_one_that_is_written_back_the_same(lines):
    relation = next(line for line in lines if line.get("relation") == "PARTICIPATES_IN")
    record = write(relation)
    assert isinstance(record, Relation)
    assert (record.kind, record.subject, record.object) == tuple(
        relation[key] for key in ("relation", "subject", "object")
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((99, 400), "A world has at least 100 entities, so as to have all kinds; 99 were asked."),
        ((1_000, 1_000), "1,000 entities have at least 1,259 relations; 1,000 were asked."),
    ],
)
def test_too_few_are_refused_with_how_many_there_must_be(arguments, message):
    with pytest.raises(ValueError, match=message):
        world(*arguments)


def test_the_command_tells_how_it_is_used():
    command = [sys.executable, "-m", "seed.world", "many"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert done.stderr.endswith("Usage: python -m seed.world ENTITIES RELATIONS [SEED] > world.jsonl\n")
