"""What a search finds, in which order, and that commits keep the index what one made anew would be."""

import re
import string
import time
import unicodedata
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, note

from graph.engine import Hits, settle
from graph.graph import Graph
from graph.parse import write
from graph.plan import WHOLE, Page, Resolve, Search
from graph.resident import Resident
from graph.search.words import key, phrases
from graph.vocabulary import Kind
from tests.api.stage import permits
from tests.conftest import SMALL_WORLD, graph_of
from tests.oracle import Line, Oracle, applied
from tests.worlds import COMMIT, NAMES, WORLD, Choices, choices, commit, examples, world

TEXTS = [*NAMES, "k", "Ko", "kor 1", "stras", "Kôro 2 ML", "ml mli", "МА", "ما", "京", "koor", "zurcih", "A-1", "тест"]


def search(graph: Graph, text: str, page: Page = WHOLE, **narrowed: Any) -> Hits:
    return settle(graph.engine.search(Search(text, **narrowed), page))


def found(graph: Graph, text: str, **narrowed: Any) -> list[str]:
    return [entity.id for entity in search(graph, text, **narrowed).entities]


# What is found: against brute force over graph lines


def words(text: str) -> str:
    """The words of a text, each between spaces: letters and digits without case and accents, Chinese ones apart."""
    folded = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)).casefold()
    apart = re.sub(r"([\u3040-\u30ff\u4e00-\u9fff])", r" \1 ", folded.replace("ł", "l").replace("ى", "ي"))
    return " ".join(["", *re.findall(r"[^\W_]+", apart), ""])


def own_names(line: Line) -> list[str]:
    plain = [line.get(name) for name in ("name", "officialName", "acronym")]
    return [*filter(None, plain), *line.get("aliases", ()), *line.get("labels", {}).values()]


def around(oracle: Oracle, id: str) -> set[str]:
    """The places and countries that an entity is in."""
    stated = {"PROJECT": "LOCATED_IN", "EVENT": "OCCURRED_IN", "PLACE": "PART_OF"}.get(oracle.kind(id))
    holders = {line["object"] for line in oracle.leaving(id, stated)} if stated else set()
    holders = {other for other in holders if oracle.value(other, "type") not in ("REGION", "WORLD")}
    return holders.union(*(around(oracle, other) for other in holders))


def all_words(oracle: Oracle, id: str) -> str:
    line = oracle.entities[id]
    kind_of_code = ("code", "alpha3", "numeric") if oracle.kind(id) in ("COUNTRY", "INDICATOR") else ()
    texts = [*own_names(line), *(line.get(name) for name in (*kind_of_code, "summary", "definition", "publisher"))]
    texts += [*line.get("glides", ()), *(code["code"] for code in line.get("identifiers", ()))]
    texts += [code.get("label") for name in ("activities", "sectors") for code in line.get(name, ())]
    texts += [name for other in around(oracle, id) for name in own_names(oracle.entities[other])]
    return " ".join(words(text) for text in texts if text)


def expected(oracle: Oracle, text: str) -> set[str]:
    """The entities that have every word, the last at least as the head of one."""
    *whole, last = words(text).split() or [""]
    if not last:
        return set()
    held = {id: all_words(oracle, id) for id in oracle.entities}
    return {id for id, its in held.items() if f" {last}" in its and all(f" {word} " in its for word in whole)}


@examples(20)
@given(choose=choices(WORLD))
def test_what_has_all_the_words_is_found_each_once(choose: Choices) -> None:
    lines = world(choose.part(WORLD))
    graph, oracle = graph_of(lines), Oracle(lines)
    for text in TEXTS:
        ids = found(graph, text)
        assert len(set(ids)) == len(ids)
        if due := expected(oracle, text):
            assert set(ids) == due, text
        else:
            assert all(score < 1 for score in search(graph, text).scores), text  # taken for misspelt, if at all
        counts = settle(graph.engine.count_found(Search(text)))
        assert counts == {kind: sum(oracle.kind(id) == kind for id in ids) for kind in Kind}
        for kind in (Kind.PROJECT, Kind.PLACE):
            assert found(graph, text, kinds=(kind,)) == [id for id in ids if oracle.kind(id) == kind]


@examples(20)
@given(choose=choices(WORLD))
def test_names_and_codes_that_are_just_the_text_come_first_then_those_that_begin_so(choose: Choices) -> None:
    lines = world(choose)
    graph, oracle = graph_of(lines), Oracle(lines)
    for text in TEXTS:
        hits = search(graph, text)
        assert hits.scores == sorted(hits.scores, reverse=True)
        if not expected(oracle, text):
            continue
        for entity, score in zip(hits.entities, hits.scores, strict=True):
            line = oracle.entities[entity.id]
            names = [words(name) for name in (*own_names(line), *codes(line))]
            exact = words(text) in names
            assert (score >= 3) is exact, (text, entity.id)
            assert (score >= 2) is (exact or any(name.startswith(words(text)[:-1]) for name in names))


def codes(line: Line) -> list[str]:
    plain = ("code", "alpha3", "numeric") if line["kind"] in ("COUNTRY", "INDICATOR") else ()
    given = [line[name] for name in plain if line.get(name)]
    return [*given, *line.get("glides", ()), *(code["code"] for code in line.get("identifiers", ()))]


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("clinic", ["project:koro"]),
        ("koro clinic", ["project:koro"]),
        ("malnut", ["project:koro"]),  # an activity's label
        ("MSF", ["partner:msf", "source:report"]),  # an acronym before a publisher
        ("medecins", ["partner:msf"]),
        ("koro", ["place:koro", "project:koro", "event:flood"]),
        ("flood mopti", ["event:flood"]),  # by the place around its place
        ("hospital mali", ["project:bamako"]),
        ("hospital مالي", ["project:bamako"]),
        ("faso", ["country:BF"]),
        ("western africa", ["place:africa"]),  # no country is in it by name
        ("clinic hospital", []),
    ],
)
def test_what_a_text_finds_in_the_small_world(small: Graph, text: str, ids: list[str]) -> None:
    assert found(small, text) == ids


def test_names_weigh_more_than_texts_and_texts_more_than_places() -> None:
    row = {"kind": "PROJECT"}
    lines = [
        {"id": "place:b", "kind": "PLACE", "type": "TOWN", "name": "Old Mango"},
        {"id": "project:in", **row, "name": "First hospital here"},
        {"id": "project:text", **row, "name": "Second hospital here", "summary": "A mango tree."},
        {"id": "project:name", **row, "name": "Third mango hospital"},
        {"relation": "LOCATED_IN", "subject": "project:in", "object": "place:b"},
        *({"id": f"project:{number}", **row, "name": f"Other {number}"} for number in range(20)),
    ]
    assert found(graph_of(lines), "hospital mango") == ["project:name", "project:text", "project:in"]


# Misspelt words


def edits(word: str) -> set[str]:
    """All that one edit makes of a word."""
    letters = string.ascii_lowercase
    cuts = [(word[:place], word[place:]) for place in range(len(word) + 1)]
    return {
        *(head + tail[1:] for head, tail in cuts if tail),
        *(head + tail[1] + tail[0] + tail[2:] for head, tail in cuts if len(tail) > 1),
        *(head + letter + tail[1:] for head, tail in cuts if tail for letter in letters),
        *(head + letter + tail for head, tail in cuts for letter in letters),
    } - {word}


@pytest.mark.parametrize("word", ["clinic", "hospital", "koro", "flood", "faso"])
def test_a_word_of_four_letters_or_more_may_be_one_edit_away(small: Graph, word: str) -> None:
    ids = set(found(small, word))
    plain = Oracle(SMALL_WORLD)
    for typed in sorted(edits(word)):
        if len(typed) >= 4 and not expected(plain, typed):
            assert ids <= set(found(small, typed)), typed
            assert ids <= set(found(small, f"{typed} ")), typed


def test_short_words_numbers_and_words_far_away_are_not_guessed(small: Graph) -> None:
    assert found(small, "msx") == []
    assert found(small, "2033") == []
    assert found(small, "clnc") == []
    assert found(small, "hospitla mali") == ["project:bamako"]


# The index after commits


def held(engine: Resident) -> dict[str, Any]:
    """All that the index holds but its vocabulary, which may know words that are gone."""
    tables = ["rowid, name, names, codes, texts, places FROM found", "* FROM entities", "* FROM meanings"]
    return {table: sorted(engine.words.rows(f"SELECT {table}")) for table in tables}


def answers(graph: Graph) -> list[Any]:
    whole = [search(graph, text, most_ranked=most) for text in TEXTS for most in (1, 1_000)]
    pages = [(hits.entities, hits.scores, [hits.highlights(at) for at in range(len(hits.entities))]) for hits in whole]
    return [pages, [settle(graph.engine.resolve(Resolve(text))) for text in TEXTS]]


@examples(25)
@given(choose=choices(WORLD + 6 * COMMIT + 12))
def test_after_any_commits_the_index_is_the_one_made_anew(choose: Choices) -> None:
    lines = world(choose.part(WORLD))
    graph = graph_of(lines)
    for _ in range(6):
        graph.engine.prepare(choose.one([0, 3, 100]))  # in stretches, with commits between them
        if choose.one([True, False]):
            found(graph, "koro")
        changes = commit(choose.part(COMMIT), lines)
        if permits(graph, changes):
            note(f"written: {changes}")
            lines = applied(lines, changes)
    anew = graph_of(lines)
    assert held(graph.engine) == held(anew.engine)
    assert answers(graph) == answers(anew)


def test_making_it_ready_ends_and_then_costs_nothing(small: Graph) -> None:
    stretches = 0
    while small.engine.prepare(4):
        stretches += 1
    assert stretches == (sum("kind" in line for line in SMALL_WORLD) - 1) // 4
    assert not small.engine.prepare(1)
    small.apply([write({"id": "project:new", "kind": "PROJECT", "name": "New"})])
    assert not small.engine.prepare(1)
    assert found(small, "new") == ["project:new"]


# Pages


def walked(graph: Graph, text: str, first: int, most: int, between: Sequence[list[Any]] = ()) -> list[str]:
    """All pages, one after the other, with commits between them."""
    ids: list[str] = []
    after, commits = None, list(between)
    while True:
        hits = search(graph, text, Page(first=first, after=after), most_ranked=most)
        assert hits.has_previous is bool(ids)
        ids += [entity.id for entity in hits.entities]
        if not hits.has_next:
            return ids
        after = hits.position(len(hits.entities) - 1)
        if commits:
            graph.apply(map(write, commits.pop(0)))


@examples(20)
@given(choose=choices(WORLD))
def test_pages_joined_are_the_whole(choose: Choices) -> None:
    graph = graph_of(world(choose))
    for text in ("k", "koro", "м", "2", "koor"):
        for most in (1, 3, 1_000):
            whole = found(graph, text, most_ranked=most)
            assert [walked(graph, text, first, most) for first in (1, 2, 5)] == [whole] * 3


@pytest.mark.parametrize("most", [1, 5, 1_000])
def test_what_is_written_elsewhere_makes_a_page_neither_repeat_nor_skip(most: int) -> None:
    """BM25 rests on all that there is: what is written elsewhere changes every score."""
    names = [f"Clinic {'of the long road ' * (number % 4)}{number}" for number in range(12)]
    lines = [{"id": f"project:{number}", "kind": "PROJECT", "name": name} for number, name in enumerate(names)]
    elsewhere = [
        [{"id": f"partner:{number}", "kind": "PARTNER", "type": "OTHER", "name": "Somebody else, on a long road"}]
        for number in range(20)
    ]
    whole = found(graph_of(lines), "clinic", most_ranked=most)
    assert len(whole) == 12
    assert walked(graph_of(lines), "clinic", 1, most, elsewhere) == whole


# Scripts, and hostile texts


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("مالي", ["مالي", "مَالِي", "مـالـي", "مالى", "ما"]),
        ("أفغانستان", ["افغانستان", "أَفغانستان", "افغان"]),
        ("غزة", ["غزه", "غزة"]),
        ("索马里海岸", ["马里", "索马里", "海岸", "里海"]),
        ("東京タワー", ["東京", "タワー", "ﾀﾜｰ"]),
        ("Київська область", ["київська", "КИЇВ", "область"]),
        ("İzmir Łódź Søren", ["izmir", "lodz", "soren", "IZMIR LODZ"]),
        ("ประเทศไทย", ["ไทย", "ประเทศ"]),
        ("हिन्दी केंद्र", ["हिन्दी", "केंद्र"]),
        ("서울 병원", ["서울", "병원"]),
        ("Camp ٢٠٢٣", ["2023", "٢٠٢٣"]),
        ("N’Djaména", ["n'djamena", "N’Dja", "djamena"]),
    ],
)
def test_names_are_found_however_their_script_lets_one_write_them(name: str, typed: list[str]) -> None:
    graph = graph_of([{"id": "place:x", "kind": "PLACE", "type": "TOWN", "name": name}])
    for text in typed:
        assert found(graph, text) == ["place:x"], text
        assert search(graph, text).scores[0] >= 1, text


def test_letters_of_scripts_without_spaces_are_found_only_as_they_stand() -> None:
    graph = graph_of([{"id": "place:x", "kind": "PLACE", "type": "TOWN", "name": "索马里"}])
    assert found(graph, "里马") == []


HOSTILE = [
    *('"', "'", "%", "_", "\\", "*", "^", "-", "+", ":", "(", ")", "{", "}", "[", "]", ";", "--", "/*", "\0", "\x01"),
    *('koro"', '"koro', "'koro'", "koro*", "^koro", "-koro", "+koro", "name:koro", "name : koro", "(koro)", "{koro}"),
    *("koro; DROP TABLE found", "koro OR 1=1", "koro AND", "NOT koro", "NEAR(koro mali, 5)", "NEAR", "koro NOT mali"),
    *(
        ".*",
        "k.*o",
        "(k+)+$",
        "[a-z]*",
        "\N{RIGHT-TO-LEFT MARK}koro",
        "\N{RIGHT-TO-LEFT OVERRIDE}orok",
        "ko\N{SOFT HYPHEN}ro",
    ),
    *("\ud800", "koro\udfff", "\udfff\ud800 koro", "\x00koro\x00", "ko\x01ro", "\U0010ffff", "🏥", "﷽" * 14, "ﷺ" * 256),
    *("a " * 128, "a" * 256, "é" * 256, "里" * 256, "\u0301" * 256, "koro " * 51, '"' * 256, "(" * 256, "* " * 128),
]


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_no_text_is_an_operator_and_all_are_answered_in_time(small: Graph, text: str) -> None:
    found(small, "koro")  # the index is there
    start = time.perf_counter()
    ids = found(small, text)
    settle(small.engine.count_found(Search(text)))
    settle(small.engine.resolve(Resolve(text)))
    assert time.perf_counter() - start < 0.25
    assert ids == found(small, key(text))
    assert held(small.engine) == held(graph_of(SMALL_WORLD).engine)


def test_names_may_be_as_hostile_as_texts() -> None:
    names = [text for text in HOSTILE if not any("\ud800" <= char <= "\udfff" for char in text)]
    lines = [{"id": f"partner:{at}", "kind": "PARTNER", "type": "OTHER", "name": name} for at, name in enumerate(names)]
    graph = graph_of(lines)
    for line in lines:
        assert not phrases(line["name"]) or line["id"] in found(graph, line["name"])


# Where it was found


def test_highlights_say_where_the_words_are(small: Graph) -> None:
    def told(text: str) -> list[tuple[str, str]]:
        return [tuple(one) for one in search(small, text).highlights(0)]

    assert told("koro clinic") == [("name", "Koro clinic"), ("places", "Koro")]
    assert told("malnutr") == [("activities", "Malnutrition care")]
    assert told("مالي") == [("label", "مالي")]
    assert told("clinci") == [("name", "Koro clinic")]
    assert told("msf") == [("acronym", "MSF")]


def test_of_a_long_text_the_part_around_the_first_of_the_words_is_shown() -> None:
    summary = f"{'Nothing of note happened. ' * 30}Then a Cholera outbreak began. {'Much was done. ' * 30}"
    graph = graph_of([{"id": "project:x", "kind": "PROJECT", "name": "X", "summary": summary}])
    ((field, text),) = search(graph, "cholera").highlights(0)
    assert (field, text[0], text[-1]) == ("summary", "…", "…")
    assert len(text) <= 162
    assert text.strip("…") in summary
    assert "a Cholera outbreak" in text
