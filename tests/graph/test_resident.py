"""Specifies the port (graph/engine.py) and graph/resident.py, on the small world: sets in, answers in their order."""

import asyncio
from collections.abc import Sequence
from contextlib import closing

import pytest

from graph.engine import Reach, RelationPage, give_way, settle
from graph.graph import Graph
from graph.model import Entity
from graph.parse import write
from graph.paths import (
    COUNTRIES_INSIDE,
    COUNTRY_AROUND,
    EVENTS_INSIDE,
    METRICS,
    PARTNERS_INSIDE,
    PLACES_INSIDE,
    PROJECT_COUNTRIES,
    PROJECT_PARTNERS,
    PROJECTS_INSIDE,
    SOURCES,
)
from graph.plan import (
    ALWAYS,
    WHOLE,
    And,
    Compare,
    Expand,
    Match,
    Not,
    Operator,
    OrderKey,
    Page,
    Quantifier,
    Reached,
    Related,
    Relations,
    ValueType,
    natural_order,
)
from graph.vocabulary import Direction, Kind, PartnerType, ProjectStatus, RelationKind
from tests.conftest import SMALL_WORLD

NAMED_M = Compare("name", ValueType.TEXT, Operator.STARTS_WITH, "m")


def ids(entities: Sequence[Entity | None]) -> list[str | None]:
    return [entity.id if entity else None for entity in entities]


def reached(small: Graph, frontier: list[str], step: Expand, page: Page = WHOLE) -> list[list[str | None]]:
    return [ids(reach.entities) for reach in settle(small.engine.expand(frontier, step, page))]


def told(page: RelationPage) -> list[str]:
    return [str(relation.name) for relation in page.relations]


# Lookup and find


def test_entities_come_in_the_order_of_their_ids_none_where_unknown(small):
    asked = ["source:report", "nobody", "country:ML", "", "country:ML"]
    expected = ["source:report", None, "country:ML", None, "country:ML"]
    assert ids(settle(small.engine.lookup(asked))) == expected
    assert settle(small.engine.lookup([])) == []


def test_a_country_is_found_by_either_code_as_it_is_written(small):
    found = settle(small.engine.find(Kind.COUNTRY, ["MLI", "BF", "ml", "XX", "ML", ""]))
    assert ids(found) == ["country:ML", "country:BF", None, None, "country:ML", None]


def test_the_first_attribute_that_knows_a_value_decides_and_of_several_entities_the_first_by_id(small):
    row = {"kind": "INDICATOR", "name": "X", "unit": "x", "code": "consultations"}
    small.apply([write({"id": "indicator:a", **row}), write({"id": "indicator:z", **row})])
    assert ids(settle(small.engine.find(Kind.INDICATOR, ["consultations"]))) == ["indicator:a"]
    small.apply([write({"remove": "indicator:a"})])
    assert ids(settle(small.engine.find(Kind.INDICATOR, ["consultations"]))) == ["indicator:consultations"]


def test_a_code_that_changed_or_went_finds_nothing(small):
    small.apply([write({"id": "country:BF", "kind": "COUNTRY", "name": "X", "code": "XB", "alpha3": "BFA"})])
    assert ids(settle(small.engine.find(Kind.COUNTRY, ["BF", "XB"]))) == [None, "country:BF"]
    small.apply([write({"remove": "country:BF"})])
    assert ids(settle(small.engine.find(Kind.COUNTRY, ["XB", "BFA"]))) == [None, None]


# Match and count


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (Kind.COUNTRY, ["country:BF", "country:ML"]),
        (Kind.PLACE, ["place:koro", "place:mopti", "place:africa"]),
        (Kind.PARTNER, ["partner:msf", "partner:moh", "partner:red-cross"]),
        (Kind.EVENT, ["event:flood", "event:attack"]),  # newest first
        (Kind.SOURCE, ["source:report"]),
    ],
)
def test_a_kind_is_listed_in_its_natural_order(small, kind, expected):
    match = Match(kind, order=natural_order(kind))
    reach = settle(small.engine.match(match, WHOLE))
    assert ids(reach.entities) == expected
    assert (reach.has_previous, reach.has_next) == (False, False)
    assert settle(small.engine.count(match)) == len(expected)


def test_a_condition_keeps_and_an_order_sorts(small):
    match = Match(Kind.PARTNER, NAMED_M, (OrderKey(ValueType.ID, "id", descending=True),))
    assert ids(settle(small.engine.match(match, WHOLE)).entities) == ["partner:msf", "partner:moh"]
    assert settle(small.engine.count(match)) == 2


def test_an_order_may_count_what_a_path_reaches(small):
    order = (OrderKey(ValueType.NUMBER, path=PROJECT_PARTNERS, descending=True),)
    assert ids(settle(small.engine.match(Match(Kind.PROJECT, order=order), WHOLE)).entities) == [
        "project:bamako",
        "project:koro",
    ]


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        (Page(first=1), (["place:koro"], False, True)),
        (Page(first=3), (["place:koro", "place:mopti", "place:africa"], False, False)),
        (Page(first=0), ([], False, True)),
        (Page(last=1), (["place:africa"], True, False)),
        (Page(last=2), (["place:mopti", "place:africa"], True, False)),
        (Page(first=1, after=("Koro", "place:koro")), (["place:mopti"], True, True)),
        (Page(after=("Mopti", "place:mopti")), (["place:africa"], True, False)),
        (Page(last=1, before=("Western Africa", "place:africa")), (["place:mopti"], True, True)),
        (Page(after=("Koro", "place:koro"), before=("Western Africa", "place:africa")), (["place:mopti"], True, True)),
        (Page(after=("Lomé", "place:that-went")), (["place:mopti", "place:africa"], True, False)),
        (Page(after=("ZZ", "z")), ([], True, False)),
        (Page(before=("A", "a")), ([], False, True)),
    ],
)
def test_a_page_starts_at_a_place_in_the_order(small, page, expected):
    reach = settle(small.engine.match(Match(Kind.PLACE), page))
    assert (ids(reach.entities), reach.has_previous, reach.has_next) == expected


def test_a_position_leads_on_from_where_it_was_taken(small):
    first = settle(small.engine.match(Match(Kind.PLACE), Page(first=1)))
    assert first.position(0) == ("Koro", "place:koro")
    small.apply([write({"remove": "place:koro"})])
    assert ids(settle(small.engine.match(Match(Kind.PLACE), Page(after=first.position(0)))).entities) == [
        "place:mopti",
        "place:africa",
    ]


# Expand


def test_each_of_a_frontier_is_answered_in_its_place(small):
    frontier = ["country:BF", "nobody", "place:africa", "country:ML", "place:africa", "project:koro"]
    assert reached(small, frontier, Expand(PROJECTS_INSIDE)) == [
        [],
        [],
        ["project:bamako", "project:koro"],
        ["project:bamako", "project:koro"],
        ["project:bamako", "project:koro"],
        [],
    ]
    assert settle(small.engine.count_reached(frontier, Expand(PROJECTS_INSIDE))) == [0, 0, 2, 2, 2, 0]


@pytest.mark.parametrize(
    ("path", "start", "expected"),
    [
        (PLACES_INSIDE, "country:ML", ["place:koro", "place:mopti"]),
        (COUNTRIES_INSIDE, "place:africa", ["country:BF", "country:ML"]),
        (COUNTRY_AROUND, "place:koro", ["country:ML"]),
        (COUNTRY_AROUND, "place:africa", []),
        (EVENTS_INSIDE, "country:ML", ["event:flood", "event:attack"]),
        (EVENTS_INSIDE, "country:BF", []),  # DISPLACED_FROM does not count
        (PARTNERS_INSIDE, "country:ML", ["partner:msf", "partner:moh", "partner:red-cross"]),
        (PARTNERS_INSIDE, "place:koro", ["partner:msf"]),
        (PROJECT_COUNTRIES, "project:koro", ["country:ML"]),
        (METRICS, "country:ML", ["metric:ml-2023"]),
        (METRICS, "place:africa", []),  # metrics are about the entity itself
        (SOURCES, "metric:ml-2023", ["source:report"]),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_a_path_reaches_what_the_contract_says_each_once(small, path, start, expected):
    assert reached(small, [start], Expand(path, order=natural_order(path.target))) == [expected]


def test_an_edge_tells_the_relations_by_which_it_was_reached(small):
    [reach] = settle(small.engine.expand(["project:koro"], Expand(PROJECT_PARTNERS), WHOLE))
    assert [[str(link.role) for link in reach.links[entity.id]] for entity in reach.entities] == [
        ["FUNDING", "IMPLEMENTING"]
    ]


def test_the_link_to_a_country_is_what_puts_the_project_in_a_place_inside_it(small):
    [reach] = settle(small.engine.expand(["country:ML"], Expand(PROJECTS_INSIDE), WHOLE))
    assert [[str(link.name) for link in reach.links[entity.id]] for entity in reach.entities] == [
        ["project:bamako LOCATED_IN country:ML"],
        ["project:koro LOCATED_IN place:koro"],
    ]


def test_a_match_has_no_links(small):
    assert settle(small.engine.match(Match(Kind.COUNTRY), WHOLE)).links == {}


def test_every_one_of_a_frontier_has_its_own_page_of_what_meets_the_condition(small):
    step = Expand(PARTNERS_INSIDE, NAMED_M)
    pages: list[Reach] = settle(small.engine.expand(["place:koro", "country:ML", "country:BF"], step, Page(first=1)))
    assert [(ids(page.entities), page.has_next) for page in pages] == [
        (["partner:msf"], False),
        (["partner:msf"], True),
        ([], False),
    ]
    assert settle(small.engine.count_reached(["place:koro", "country:ML", "country:BF"], step)) == [1, 2, 0]


def test_what_a_path_reaches_follows_every_change(small):
    step = Expand(PROJECTS_INSIDE)
    assert reached(small, ["place:mopti"], step) == [["project:koro"]]
    small.apply([write({"relation": "LOCATED_IN", "subject": "project:bamako", "object": "place:koro"})])
    assert reached(small, ["place:mopti"], step) == [["project:bamako", "project:koro"]]
    small.apply([write({"id": "project:koro", "kind": "PROJECT", "name": "A new name"})])
    assert reached(small, ["place:mopti"], step) == [["project:koro", "project:bamako"]]
    small.apply([write({"remove": "place:koro"})])
    assert reached(small, ["place:mopti"], step) == [[]]


# Relations


@pytest.mark.parametrize(
    ("kinds", "direction", "expected"),
    [
        (None, Direction.OUT, ["place:koro PART_OF place:mopti"]),
        (None, Direction.IN, ["project:koro LOCATED_IN place:koro", "event:flood OCCURRED_IN place:koro"]),
        (
            None,
            Direction.BOTH,
            [
                "place:koro PART_OF place:mopti",
                "project:koro LOCATED_IN place:koro",
                "event:flood OCCURRED_IN place:koro",
            ],
        ),
        (
            (RelationKind.OCCURRED_IN, RelationKind.PART_OF),
            Direction.BOTH,
            ["place:koro PART_OF place:mopti", "event:flood OCCURRED_IN place:koro"],
        ),
        ((RelationKind.CITES,), Direction.BOTH, []),
        ((), Direction.BOTH, []),
    ],
)
def test_relations_come_in_canonical_order_by_kind_and_direction(small, kinds, direction, expected):
    step = Relations(kinds, direction)
    [page] = settle(small.engine.relations(["place:koro"], step, WHOLE))
    assert (told(page), page.has_previous, page.has_next) == (expected, False, False)
    assert settle(small.engine.count_relations(["place:koro"], step)) == [len(expected)]


def test_relations_are_asked_of_many_at_once_and_paged_for_each(small):
    frontier = ["event:flood", "nobody", "partner:msf"]
    assert settle(small.engine.count_relations(frontier, Relations())) == [3, 0, 3]
    pages = settle(small.engine.relations(frontier, Relations(), Page(first=2)))
    assert [told(page) for page in pages] == [
        ["event:flood OCCURRED_IN place:koro", "event:flood DISPLACED_FROM country:BF"],
        [],
        [
            "partner:msf PARTICIPATES_IN project:bamako as IMPLEMENTING",
            "partner:msf PARTICIPATES_IN project:koro as FUNDING",
        ],
    ]
    assert [page.has_next for page in pages] == [True, False, True]
    last = pages[2].relations[-1].name.sort_key
    [rest] = settle(small.engine.relations(["partner:msf"], Relations(), Page(after=last)))
    assert told(rest) == ["partner:msf PARTICIPATES_IN project:koro as IMPLEMENTING"]
    assert (rest.has_previous, rest.has_next) == (True, False)


def test_a_relation_to_oneself_is_one_relation(small):
    small.apply([write({"relation": "FOLLOWED", "subject": "event:flood", "object": "event:flood"})])
    for direction in Direction:
        [page] = settle(small.engine.relations(["event:flood"], Relations((RelationKind.FOLLOWED,), direction), WHOLE))
        assert told(page).count("event:flood FOLLOWED event:flood") == 1


# Statistics


def test_statistics_tell_every_kind_also_those_of_which_there_is_nothing(small):
    statistics = settle(small.engine.statistics())
    kinds = [line["kind"] for line in SMALL_WORLD if "kind" in line]
    relations = [line["relation"] for line in SMALL_WORLD if "relation" in line]
    assert statistics.entities == {kind: kinds.count(kind) for kind in Kind}
    assert statistics.relations == {kind: relations.count(kind) for kind in RelationKind}
    assert list(statistics.entities) == list(Kind)
    assert list(statistics.relations) == list(RelationKind)
    nothing = settle(Graph.in_memory().engine.statistics())
    assert set(nothing.entities.values()) | set(nothing.relations.values()) == {0}
    assert list(nothing.entities) == list(Kind)


def test_statistics_follow_every_change(small):
    small.apply([write({"remove": "project:bamako"})])
    statistics = settle(small.engine.statistics())
    assert statistics.entities[Kind.PROJECT] == 1
    assert [statistics.relations[kind] for kind in (RelationKind.AFFECTED, RelationKind.PARTICIPATES_IN)] == [0, 2]


# Indexes

NGO = Compare("type", ValueType.TERM, Operator.EQ, PartnerType.NATIONAL_NGO)
SUSPENDED = Compare("status", ValueType.TERM, Operator.EQ, ProjectStatus.SUSPENDED)
SOME_NGO = Related(Reached(PROJECT_PARTNERS, ALWAYS, ALWAYS), Quantifier.SOME, NGO)
SOME_PROJECT = Related(Reached(PROJECTS_INSIDE, ALWAYS, ALWAYS), Quantifier.ALL, SOME_NGO)


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        (Match(Kind.PROJECT), []),
        (Match(Kind.PROJECT, NAMED_M), []),
        (Match(Kind.PROJECT, SUSPENDED), ["status = SUSPENDED"]),
        (Match(Kind.PROJECT, Not(SUSPENDED)), []),
        (
            Match(Kind.PROJECT, And((SOME_NGO, NAMED_M, SUSPENDED))),
            ["status = SUSPENDED", "projectPartners.type = NATIONAL_NGO"],
        ),
        (Match(Kind.COUNTRY, SOME_PROJECT), ["projectPartners.type = NATIONAL_NGO"]),
        (Expand(PROJECTS_INSIDE), []),
        (Expand(PROJECTS_INSIDE, SUSPENDED), []),
        (Expand(PROJECTS_INSIDE, Not(SOME_NGO)), ["projectPartners.type = NATIONAL_NGO"]),
        (Relations(), []),
        (Kind.COUNTRY, ["code", "alpha3"]),
        (Kind.PROJECT, []),
    ],
)
def test_the_indexes_are_told_by_which_a_question_is_answered(small, question, expected):
    assert settle(small.engine.indexes(question)) == expected


# Settling


def test_an_answer_that_has_to_wait_must_be_awaited():
    async def asked() -> None:
        await waited_for

    with closing(asyncio.new_event_loop()) as loop:
        waited_for = loop.create_future()
        with pytest.raises(RuntimeError, match="await the call instead"):
            settle(asked())


def test_one_that_only_gives_way_goes_on_at_once():
    async def answered() -> int:
        await give_way()
        await give_way()
        return 3

    assert settle(answered()) == 3
