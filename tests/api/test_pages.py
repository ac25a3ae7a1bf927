"""Pages and cursors: whatever the list, its order and its filter, and whatever is written between two pages."""

from base64 import urlsafe_b64encode
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import assume, given, note
from hypothesis import strategies as st

from api.settings import Settings
from tests.api.stage import LISTS, STAGE, Kept, answer, ask, items, parents, permits, refusal, show
from tests.conftest import SMALL_WORLD, asking, graph_of
from tests.oracle import Given, Line, Oracle, applied, canonical, compare_places, order_of
from tests.questions import QUESTION
from tests.worlds import COMMIT, WORLD, Choices, choices, commit, examples, world

PROJECTS = Kept(None, "projects")
MALI = "country:ML"


def chosen_list(choose: Choices, oracle: Oracle, least: int = 1) -> tuple[Kept, str | None]:
    """One of the lists that have so many items at least: of the root, of an entity, or of relations."""
    possible = [
        (kept, id) for kept in LISTS for id in parents(kept, oracle) if len(items(kept, id, oracle, {})) >= least
    ]
    assume(possible)
    sort = choose.one(["root", "connection", "connection", "other"])
    chosen: tuple[Kept, str | None] = choose.one([one for one in possible if sort_of(one[0]) == sort] or possible)
    return chosen


def sort_of(kept: Kept) -> str:
    return "root" if kept.parent is None else "connection" if "where" in kept.arguments else "other"


def chosen_narrowing(choose: Choices, kept: Kept) -> Given:
    """How the list is narrowed and ordered; mostly not narrowed, as pages need items."""
    narrowed = kept.narrowing(choose.part(QUESTION))
    if choose.one([True, True, True, False]):
        narrowed = {name: None if name in ("where", "kinds") else value for name, value in narrowed.items()}
    note(f"list: {kept}, {narrowed}")
    return narrowed


def names(page: Line) -> list[Any]:
    """What tells the items of a page apart: the ids of entities, the places of relations in their order."""
    nodes = [edge["node"] for edge in page["edges"]]
    return [node["id"] if "id" in node else place_of(node) for node in nodes]


def place_of(shown: Line) -> tuple[Any, ...]:
    """The place of a relation that is shown."""
    ends = {end: shown[end]["id"] for end in ("subject", "object")}
    return canonical(shown | ends | {"relation": shown["kind"]})


def check_page(page: Line, whole: Line, low: int, high: int) -> None:
    """A page is this stretch of the whole list, and says so."""
    edges = whole["edges"][low:high]
    assert page["edges"] == edges
    assert page["nodes"] == whole["nodes"][low:high]
    assert page["totalCount"] == len(whole["edges"])
    assert page["pageInfo"] == {
        "hasPreviousPage": low > 0,
        "hasNextPage": high < len(whole["edges"]),
        "startCursor": edges[0]["cursor"] if edges else None,
        "endCursor": edges[-1]["cursor"] if edges else None,
    }


# A list that stays as it is


@examples(80)
@given(choose=choices(WORLD + QUESTION + 20))
def test_pages_joined_are_the_whole_list_forwards_and_backwards(choose: Choices) -> None:
    oracle = show(world(choose.part(WORLD), most=6))
    kept, id = chosen_list(choose, oracle, least=2)
    narrowed = chosen_narrowing(choose, kept)
    whole = answer(kept, id, **narrowed, first=100)
    total = len(whole["edges"])
    expected = items(kept, id, oracle, narrowed)
    assert expected == (whole["nodes"] if kept.connection == "relations" else names(whole))
    size = choose.one([1, 2, 3, 4, 5, 100])

    cursor = None
    for low in range(0, max(total, 1), size):
        page = answer(kept, id, **narrowed, first=size, after=cursor)
        check_page(page, whole, low, min(low + size, total))
        cursor = page["pageInfo"]["endCursor"]
    cursor = None
    for high in range(total, min(total - 1, 0), -size):
        page = answer(kept, id, **narrowed, last=size, before=cursor)
        check_page(page, whole, max(high - size, 0), high)
        cursor = page["pageInfo"]["startCursor"]


@examples(80)
@given(choose=choices(WORLD + QUESTION + 50))
def test_a_page_between_two_cursors_is_the_first_or_last_stretch_between_them(choose: Choices) -> None:
    oracle = show(world(choose.part(WORLD), most=6))
    kept, id = chosen_list(choose, oracle, least=2)
    narrowed = chosen_narrowing(choose, kept)
    whole = answer(kept, id, **narrowed, first=100)
    total = len(whole["edges"])
    assume(total)
    for _ in range(8):
        after, before = choose.one([None, *range(total)]), choose.one([None, *range(total)])
        side, size = choose.one(["first", "last"]), choose.one([1, 2, 3, 100])
        cursors = {
            name: None if place is None else whole["edges"][place]["cursor"]
            for name, place in (("after", after), ("before", before))
        }
        page = answer(kept, id, **narrowed, **cursors, **{side: size})
        low = 0 if after is None else after + 1
        high = total if before is None else before
        if low > high:  # the cursors have changed places: there is nothing between them
            assert (page["edges"], page["nodes"]) == ([], [])
        elif side == "first":
            check_page(page, whole, low, min(low + size, high))
        else:
            check_page(page, whole, max(high - size, low), high)


# A list that changes under the reader


@examples(120)
@given(choose=choices(WORLD + QUESTION + 8 * COMMIT + 50))
def test_writes_between_pages_repeat_and_skip_nothing_that_kept_its_place(choose: Choices) -> None:
    """Forwards and backwards, with a commit after each of the first pages."""
    lines = world(choose.part(WORLD), most=8, links=10)
    oracle = show(lines)
    kept, id = chosen_list(choose, oracle, least=4)
    narrowed = chosen_narrowing(choose, kept)
    walk = Walk(kept, id, narrowed, choose.one([1, 1, 1, 2, 3]), forwards=choose.one([True, False]))
    more = walk.turn(oracle)
    for _ in range(8):
        if not more:
            break
        about = [name for name in (id, *walk.states[-1]) if isinstance(name, str)]
        lines, oracle = written(choose.part(COMMIT), lines, id, about)
        more = walk.turn(oracle)
    while more:
        more = walk.turn(oracle)
    walk.check_nothing_is_repeated_or_skipped()


def written(
    choose: Choices, lines: Sequence[Line], kept_id: str | None, about: Sequence[str]
) -> tuple[Sequence[Line], Oracle]:
    """The world after a commit, or as it was if that may not be or takes away whose list is read."""
    changes = commit(choose, list(lines), size=2, about=about)
    if {"remove": kept_id} in changes or not permits(STAGE.graph, changes):
        return lines, Oracle(lines)
    note(f"written: {changes}")
    after = applied(lines, changes)
    return after, Oracle(after)


class Walk:
    """Reads a list page by page while it changes, and checks each page against the list as it then is."""

    def __init__(self, kept: Kept, id: str | None, narrowed: Given, size: int, *, forwards: bool) -> None:
        self.kept, self.id, self.narrowed, self.size, self.forwards = kept, id, narrowed, size, forwards
        self.cursor: str | None = None
        self.reached: Any = None
        self.seen: list[Any] = []
        self.states: list[dict[Any, Any]] = []

    def turn(self, oracle: Oracle) -> bool:
        """Reads a page; whether there are more."""
        places = self.places(oracle)
        self.states.append(places)
        ahead = list(places) if self.forwards else list(places)[::-1]
        if self.reached is not None:
            ahead = [name for name in ahead if self.is_ahead(places[name])]
        side, at = ("first", "after") if self.forwards else ("last", "before")
        page = answer(self.kept, self.id, **self.narrowed, **{side: self.size, at: self.cursor})
        shown = names(page)
        assert (shown if self.forwards else shown[::-1]) == ahead[: self.size]
        self.seen += shown
        if shown:
            last = shown[-1 if self.forwards else 0]
            self.cursor = page["pageInfo"]["endCursor" if self.forwards else "startCursor"]
            self.reached = places[last]
        more: bool = page["pageInfo"]["hasNextPage" if self.forwards else "hasPreviousPage"]
        assert more is (len(ahead) > self.size)
        return more

    def places(self, oracle: Oracle) -> dict[Any, Any]:
        """The items in order, each with its place in it."""
        found = items(self.kept, self.id, oracle, self.narrowed)
        if self.kept.connection == "relations":
            return {place: place for place in map(place_of, found)}
        return {id: oracle.place(id, self.keys) for id in found}

    @property
    def keys(self) -> Sequence[Given]:
        return order_of(self.kept.kind, self.narrowed.get("orderBy"))

    def is_ahead(self, place: Any) -> bool:
        if self.kept.connection == "relations":
            return place > self.reached if self.forwards else place < self.reached
        sign = compare_places(place, self.reached, self.keys)
        return sign > 0 if self.forwards else sign < 0

    def check_nothing_is_repeated_or_skipped(self) -> None:
        for name in {name for state in self.states for name in state}:
            places = [state.get(name) for state in self.states]
            if len({place for place in places if place is not None}) > 1:
                continue  # its own place changed
            if None not in places:
                assert self.seen.count(name) == 1, f"{name} was there throughout"
            assert self.seen.count(name) <= 1, f"{name} never moved"


# Cursors


def is_refused(kept: Kept, id: str | None, cursor: str, **narrowed: Any) -> bool:
    """Whether a list knows a cursor for none of its own, as after and as before."""
    answers = [refusal(kept, id, **narrowed, **{side: cursor}) for side in ("after", "before")]
    return [code for code, _ in answers] == ["INVALID_CURSOR"] * 2


@examples(60)
@given(choose=choices(WORLD + QUESTION + 200))
def test_a_cursor_that_was_altered_is_refused(choose: Choices) -> None:
    oracle = show(world(choose.part(WORLD)))
    kept, id = chosen_list(choose, oracle)
    narrowed = chosen_narrowing(choose, kept)
    edges = answer(kept, id, **narrowed, first=100)["edges"]
    assume(edges)
    cursor: str = choose.one(edges)["cursor"]
    for _ in range(10):
        altered = alter(choose, cursor)
        note(f"{cursor} became {altered}")
        assert is_refused(kept, id, altered, **narrowed)


def alter(choose: Choices, cursor: str) -> str:
    """The cursor, with something done to it."""
    place = choose.one(range(len(cursor)))
    other = choose.one([char for char in "Az09-_+/= \n\N{BULLET}\N{NULL}" if char != cursor[place]])
    head, tail = cursor[:place], cursor[place + 1 :]
    ways = [head + other + tail, head, head + tail, cursor + other, other + cursor, cursor[1:], cursor + cursor[place:]]
    altered: str = choose.one(
        [way for way in [*ways, cursor + "=" * (-len(cursor) % 4), cursor[::-1]] if way != cursor]
    )
    return altered


@examples(60)
@given(text=st.text(max_size=40))
def test_what_never_was_a_cursor_is_refused(text: str) -> None:
    show(SMALL_WORLD)
    assert is_refused(PROJECTS, None, text)
    place = urlsafe_b64encode(b"12345678" + text.encode("utf-8", "surrogatepass")).decode()
    assert is_refused(PROJECTS, None, place.rstrip("="))


@pytest.mark.parametrize(
    "place", ["[" * 30_000, "[1e999]", "[" + "9" * 5_000 + "]", "[]", "{}", "null", '["\\ud800"]', "\xff"]
)
def test_a_cursor_that_was_made_up_is_refused(place: str) -> None:
    show(SMALL_WORLD)
    assert is_refused(PROJECTS, None, urlsafe_b64encode(b"12345678" + place.encode("latin-1")).decode().rstrip("="))


STRANGERS: list[tuple[Kept, str | None, Given]] = [
    (Kept(None, "countries"), None, {}),
    (Kept(None, "countries"), None, {"orderBy": {"field": "NAME", "direction": "DESC"}}),
    (Kept(None, "countries"), None, {"orderBy": {"field": "CODE"}}),
    (Kept(None, "countries"), None, {"orderBy": [{"field": "NAME"}, {"field": "CODE"}]}),
    (Kept(None, "countries"), None, {"where": {"name": {"contains": "a"}}}),
    (Kept(None, "countries"), None, {"where": {"name": {"contains": "i"}}}),
    (Kept(None, "countries"), None, {"where": {"not": {"name": {"contains": "x"}}}}),
    (Kept(None, "partners"), None, {}),
    (Kept("COUNTRY", "partners"), MALI, {}),
    (Kept("PLACE", "partners"), "place:africa", {}),
    (Kept("PLACE", "countries"), "place:africa", {}),
    (Kept("PROJECT", "partners"), "project:koro", {}),
    (Kept("PROJECT", "partners"), "project:bamako", {}),
    (Kept("PARTNER", "projects"), "partner:msf", {}),
    (Kept("PARTNER", "projects"), "partner:msf", {"where": {"partners": {"some": {"type": {"ne": "GOVERNMENT"}}}}}),
    (Kept("PARTNER", "projects"), "partner:msf", {"where": {"partners": {"some": {"type": {"ne": "ACADEMIC"}}}}}),
    (Kept("COUNTRY", "sources"), MALI, {}),
    (Kept("METRIC", "sources"), "metric:ml-2023", {}),
    (Kept("SOURCE", "entities"), "source:report", {}),
    (Kept("SOURCE", "entities"), "source:report", {"kinds": ["COUNTRY"]}),
    (Kept("SOURCE", "relations"), "source:report", {}),
    (Kept("COUNTRY", "relations"), MALI, {}),
    (Kept("COUNTRY", "relations"), MALI, {"direction": "IN"}),
    (Kept("COUNTRY", "relations"), MALI, {"kinds": ["LOCATED_IN", "CITES"]}),
]
"""Lists no two of which are the same one."""


def test_a_cursor_belongs_to_one_list_of_one_parent_under_one_order_and_filter() -> None:
    show(SMALL_WORLD)
    cursors = [answer(kept, id, **narrowed)["edges"][0]["cursor"] for kept, id, narrowed in STRANGERS]
    for own, cursor in enumerate(cursors):
        for other, (kept, id, narrowed) in enumerate(STRANGERS):
            if other == own:
                assert answer(kept, id, **narrowed, after=cursor)["pageInfo"]["hasPreviousPage"]
            else:
                assert is_refused(kept, id, cursor, **narrowed), (STRANGERS[own], STRANGERS[other])


def test_the_natural_order_asked_for_by_name_is_the_same_order() -> None:
    show(SMALL_WORLD)
    cursor = answer(PROJECTS)["edges"][0]["cursor"]
    assert answer(PROJECTS, where={}, orderBy=[{"field": "NAME"}], after=cursor) == answer(PROJECTS, after=cursor)


def test_of_many_parents_a_cursor_opens_the_list_of_its_own() -> None:
    show(SMALL_WORLD)
    cursor = answer(Kept("PROJECT", "partners"), "project:bamako")["edges"][0]["cursor"]
    answered = ask(
        "query($after: String) { projects { nodes { id partners(after: $after) { nodes { id } } } } }",
        {"after": cursor},
    )
    (error,) = answered["errors"]
    assert error["extensions"]["code"] == "INVALID_CURSOR"
    assert error["path"] == ["projects", "nodes", 1, "partners"]
    assert answered["data"] is None
    answered = ask(
        "query($a: ID!, $b: ID!, $after: String) { a: project(id: $a) { ...page } b: project(id: $b) { ...page } }"
        "fragment page on Project { partners(after: $after) { nodes { id } } }",
        {"a": "project:koro", "b": "project:bamako", "after": cursor},
    )
    assert answered["data"] == {"a": None, "b": {"partners": {"nodes": [{"id": "partner:moh"}]}}}
    assert [error["path"] for error in answered["errors"]] == [["a", "partners"]]


def test_a_cursor_keeps_its_place_when_its_item_has_gone() -> None:
    oracle = show(SMALL_WORLD)
    first, second = oracle.listed(None, "projects")
    edges = answer(PROJECTS)["edges"]
    assert permits(STAGE.graph, [{"remove": first}])
    page = answer(PROJECTS, after=edges[0]["cursor"])
    assert names(page) == [second]
    assert page["pageInfo"]["hasPreviousPage"] is False
    assert answer(PROJECTS, before=edges[0]["cursor"])["edges"] == []


# Sizes

SAMPLE = [
    (PROJECTS, None),
    (Kept("COUNTRY", "projects"), MALI),
    (Kept("COUNTRY", "relations"), MALI),
    (Kept("SOURCE", "entities"), "source:report"),
]


@pytest.mark.parametrize(("kept", "id"), SAMPLE)
@pytest.mark.parametrize("side", ["first", "last"])
@pytest.mark.parametrize("size", [101, 0, -1, 2**31 - 1, -(2**31)])
def test_a_page_size_out_of_range_is_refused_with_the_range(kept: Kept, id: str | None, side: str, size: int) -> None:
    show(SMALL_WORLD)
    told = f"{side} is {size}; a page holds 1 to 100 items."
    assert refusal(kept, id, **{side: size}) == ("BAD_USER_INPUT", told)


@pytest.mark.parametrize(("kept", "id"), SAMPLE)
def test_first_and_last_together_are_refused(kept: Kept, id: str | None) -> None:
    show(SMALL_WORLD)
    told = "Give first or last, not both; got first: 5 and last: 7."
    assert refusal(kept, id, first=5, last=7) == ("BAD_USER_INPUT", told)


def test_a_page_has_twenty_items_unless_a_size_is_given_and_a_hundred_at_most() -> None:
    lines = [{"id": f"source:{n:03}", "kind": "SOURCE", "name": f"{n}", "type": "REPORT"} for n in range(130)]
    show(lines)
    ids = [line["id"] for line in lines]
    sources = Kept(None, "sources")
    assert names(answer(sources)) == ids[:20]
    assert names(answer(sources, first=100)) == ids[:100]
    assert names(answer(sources, last=100)) == ids[30:]
    assert names(answer(sources, first=None, last=None)) == ids[:20]
    assert names(answer(sources, first=None, last=3)) == ids[-3:]
    assert names(answer(sources, before=answer(sources)["edges"][7]["cursor"])) == ids[:7]
    assert answer(sources)["totalCount"] == 130


def test_settings_say_how_large_pages_are() -> None:
    ask_small = asking(graph_of(SMALL_WORLD), Settings(default_page=2, max_page=3))
    assert len(ask_small("{ partners { nodes { id } } }")["data"]["partners"]["nodes"]) == 2
    (error,) = ask_small("{ partners(first: 4) { nodes { id } } }")["errors"]
    assert error["message"] == "first is 4; a page holds 1 to 3 items."
