"""What is remembered is never stale: after each commit it is what an engine made anew from the same lines answers."""

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, note

from graph import paths
from graph.adjacency import Adjacency, Known
from graph.engine import settle
from graph.graph import Graph
from graph.ordering import Shelf
from graph.paths import Path
from graph.plan import ALWAYS, WHOLE, Compare, Expand, Match, Operator, Page, Quantifier, Reached, Related, ValueType
from graph.resident import Resident
from graph.vocabulary import Direction, Kind, PartnerType
from tests.api.stage import permits
from tests.conftest import graph_of
from tests.oracle import Line, applied
from tests.worlds import COMMIT, SHAPED_TEXTS, WORLD, Choices, choices, commit, examples, texts, world

PATHS = [path for path in vars(paths).values() if isinstance(path, Path)]
CODES = {
    Kind.COUNTRY: [*SHAPED_TEXTS["COUNTRY", "code"], *SHAPED_TEXTS["COUNTRY", "alpha3"]],
    Kind.INDICATOR: texts("INDICATOR", "code"),
}
COMMITS = 5


def remembered(engine: Resident, ids: Iterable[str]) -> dict[Any, Any]:
    """What each path reaches from each start, and by which relations."""
    found = {(path.name, id): engine.adjacency.members(path, id) for path in PATHS for id in ids}
    return {place: (members.entities, members.links) for place, members in found.items()}


def indexed(engine: Resident, ids: Iterable[str]) -> dict[Any, Any]:
    """All that an engine knows by an index of its own."""
    found = {kind: settle(engine.find(kind, codes)) for kind, codes in CODES.items()}
    shelves = {kind: settle(engine.match(Match(kind), WHOLE)).entities for kind in Kind}
    ends = {
        (id, direction): sorted(engine.relations_of(id, direction), key=lambda relation: relation.name.sort_key)
        for id in ids
        for direction in Direction
    }
    return {"found": found, "shelves": shelves, "ends": ends, "statistics": settle(engine.statistics())}


def shown(engine: Resident, frontier: tuple[str, ...]) -> list[Any]:
    """First pages of what each path reaches, the row of them again, and what postings find."""
    asked = [(Expand(path), Page(first=number)) for path in PATHS for number in (1, 2)]
    pages = [settle(engine.expand(frontier, *asking)) for asking in asked * 2]
    supported = [
        Related(
            Reached(paths.PROJECT_PARTNERS, ALWAYS, ALWAYS),
            Quantifier.SOME,
            Compare("type", ValueType.TERM, Operator.EQ, type),
        )
        for type in PartnerType
    ]
    found = [settle(engine.match(Match(Kind.PROJECT, where), WHOLE)).entities for where in supported]
    return [[page.entities for page in row] for row in pages] + found


def held(adjacency: Adjacency) -> int:
    """How many references it remembers, counted one by one."""
    return sum(map(held_along, adjacency._known.values()))


def held_along(known: Known) -> int:
    members = sum(2 * len(members.entities) + 4 for members in known.values())
    pages = sum(8 + len(page.entities) for pages in known.pages.values() for page in pages.values())
    rows = sum(2 * len(row) for pages in known.pages.values() for _, row in pages._rows.values())
    postings = sum(len(ids) for postings in known.postings.values() for ids in postings._starts.values())
    return members + pages + rows + postings


@pytest.mark.parametrize(
    ("most", "few"),
    [
        pytest.param(500, 4_000_000, id="change by change"),
        pytest.param(2, 4_000_000, id="in bulk"),
        pytest.param(500, 100, id="with little room"),
    ],
)
@examples(20)
@given(choose=choices(WORLD + COMMITS * COMMIT))
def test_after_every_commit_all_that_is_remembered_is_what_a_new_engine_finds(
    most: int, few: int, choose: Choices
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Adjacency, "BULK", most)
        patch.setattr(Shelf, "BULK", most)
        patch.setattr(Adjacency, "BUDGET", few)
        lines: list[Line] = world(choose.part(WORLD))
        note("\n".join(map(str, lines)))
        graph = graph_of(lines)
        ids = dict.fromkeys(line["id"] for line in lines if "id" in line)
        frontier = tuple(ids)
        for _ in range(COMMITS):
            remembered(graph.engine, ids)
            shown(graph.engine, frontier)
            changes = commit(choose.part(COMMIT), lines)
            if permits(graph, changes):
                note(f"written: {changes}")
                lines = applied(lines, changes)
            ids |= dict.fromkeys(line["id"] for line in lines if "id" in line)
            anew = graph_of(lines).engine
            assert indexed(graph.engine, ids) == indexed(anew, ids)
            assert remembered(graph.engine, ids) == remembered(anew, ids)
            assert shown(graph.engine, frontier) == shown(anew, frontier)
            assert graph.engine.adjacency._size == held(graph.engine.adjacency) <= few + 2 * len(ids)


def test_a_commit_forgets_only_what_it_could_have_altered(small: Graph) -> None:
    adjacency = small.engine.adjacency
    untouched = adjacency.members(paths.PROJECT_PARTNERS, "project:koro")
    touched = adjacency.members(paths.PARTNERS_INSIDE, "country:ML")
    other_country = adjacency.members(paths.PARTNERS_INSIDE, "country:BF")
    changes = [{"id": "partner:red-cross", "kind": "PARTNER", "name": "Croix-Rouge", "type": "NATIONAL_NGO"}]
    assert permits(small, changes)
    assert adjacency.members(paths.PROJECT_PARTNERS, "project:koro") is untouched
    assert adjacency.members(paths.PARTNERS_INSIDE, "country:BF") is other_country
    assert [partner.name for partner in touched.entities][-1] == "Red Cross"
    names = [partner.name for partner in adjacency.members(paths.PARTNERS_INSIDE, "country:ML").entities]
    assert names == ["Croix-Rouge", "Médecins Sans Frontières", "Ministry of Health"]


def test_what_is_asked_again_is_remembered(small: Graph) -> None:
    adjacency = small.engine.adjacency
    assert adjacency.members(paths.PROJECTS_INSIDE, "country:ML") is adjacency.members(
        paths.PROJECTS_INSIDE, "country:ML"
    )


def test_an_unknown_start_reaches_nothing_until_it_is_known(small: Graph) -> None:
    adjacency = small.engine.adjacency
    assert adjacency.members(paths.PROJECT_PLACES, "project:new").entities == []
    new = {"id": "project:new", "kind": "PROJECT", "name": "New"}
    assert permits(small, [new, {"relation": "LOCATED_IN", "subject": "project:new", "object": "place:koro"}])
    assert [place.id for place in adjacency.members(paths.PROJECT_PLACES, "project:new").entities] == ["place:koro"]
