"""Specifies graph/parse.py: plain values become writes, or all that is wrong with them, in words."""

from typing import Any

import msgspec
import pytest

from graph.model import Entity, Relation, Remove
from graph.parse import SHOWN, Unreadable, write
from graph.vocabulary import CountBasis, MetricMeasure
from tests.graph.conftest import COMMON_KEYS, KEYS, RELATION_KEYS

# The keys that each kind requires, with a value each.
NEEDED: dict[str, dict[str, Any]] = {
    "COUNTRY": {"code": "ML", "alpha3": "MLI"},
    "PLACE": {"type": "TOWN"},
    "PROJECT": {},
    "EVENT": {"type": "FLOOD"},
    "PARTNER": {"type": "GOVERNMENT"},
    "INDICATOR": {"code": "x", "unit": "x"},
    "METRIC": {"unit": "x", "startedOn": "2023", "endedOn": "2023"},
    "SOURCE": {"type": "REPORT"},
}
BARE = {"id": "x", "name": "X"}
CODE = {"vocabulary": "DAC", "code": "12220", "label": "Health"}

# One good value for each key.
GOOD: dict[str, Any] = {
    "summary": "s", "aliases": ["a", "b"], "labels": {"fr": "X"}, "identifiers": [CODE], "officialName": "o",
    "code": "ML", "alpha3": "MLI", "numeric": "466", "latitude": 17.5, "longitude": -4, "startedOn": "2023-11",
    "endedOn": "2023-11-05", "activities": [CODE], "sectors": [{"vocabulary": "DAC", "code": "1"}], "affected": 47000,
    "affectedStatus": "IN_NEED", "glides": ["FL-2024-000001-MLI"], "acronym": "m", "website": "w", "unit": "u",
    "countBasis": "DOSES", "definition": "d", "value": 0.5, "printed": "½", "lower": 0, "upper": 1,
    "measure": "TARGET", "publisher": "p", "url": "u",
    "publishedOn": "2024", "accessedOn": "2025-01-31", "license": "CC", "role": "FUNDING", "impact": "LOOTED",
    "since": "2020", "until": "2021-02", "percentage": 12.5, "locator": "p. 4", "sources": ["source:a", "source:b"],
}  # fmt: skip
TYPED = {"PLACE": "CAMP", "EVENT": "FIRE", "PARTNER": "ACADEMIC", "SOURCE": "STORY"}
STATUS = {"PROJECT": "CLOSED", "METRIC": "A"}


def bare(kind: str, **values: Any) -> dict[str, Any]:
    """The least that an entity needs, and these."""
    return {"kind": kind, **BARE, **NEEDED[kind], **values}


def full(kind: str) -> dict[str, Any]:
    """An entity with every key of its kind, in FORMAT's order."""
    own = {**GOOD, **BARE, "kind": kind, "type": TYPED.get(kind), "status": STATUS.get(kind)}
    return {key: own[key] for key in f"{COMMON_KEYS} {KEYS[kind]}".split()}


def plain(record: Entity | Relation) -> dict[str, Any]:
    """A record as JSON has it."""
    return msgspec.json.decode(msgspec.json.encode(record))


def reasons(line: Any) -> list[str]:
    """All that is wrong with a line."""
    with pytest.raises(Unreadable) as caught:
        write(line)
    return caught.value.reasons


def told(line: Any) -> str:
    """What is wrong with a line, where that is one thing."""
    (reason,) = reasons(line)
    return reason


# What is taken


@pytest.mark.parametrize("kind", KEYS)
def test_every_key_of_a_kind_is_kept(kind):
    record = write(full(kind))
    assert isinstance(record, Entity)
    assert {"kind": str(record.kind), **plain(record)} == full(kind)


@pytest.mark.parametrize("kind", KEYS)
def test_null_is_as_good_as_absent(kind):
    nothing = dict.fromkeys(set(full(kind)) - set(bare(kind)))
    assert write(bare(kind) | nothing) == write(bare(kind))


@pytest.mark.parametrize("kind", KEYS)
def test_an_entity_needs_its_id_its_name_and_what_format_says(kind):
    for key in {"id", "name", *NEEDED[kind]}:
        for line in (bare(kind, **{key: None}), {name: value for name, value in bare(kind).items() if name != key}):
            assert told(line) == f"a {kind} needs the key {key!r}"


@pytest.mark.parametrize("kind", KEYS)
def test_a_key_of_another_kind_is_refused_with_the_keys_there_are(kind):
    reason = told(bare(kind, population=1))
    assert reason.startswith(f"a {kind} has no key 'population'")
    assert reason.endswith("; its keys are " + f"{COMMON_KEYS} {KEYS[kind]}".replace(" kind", "").replace(" ", ", "))


def test_a_key_that_is_nearly_right_is_answered_with_the_right_one():
    assert told(bare("PROJECT", started_on="2023")) == "a PROJECT has no key 'started_on'; did you mean 'startedOn'?"


def test_what_is_counted_and_measured_has_a_default():
    assert write(bare("INDICATOR")).count_basis is CountBasis.OTHER
    assert write(bare("METRIC")).measure is MetricMeasure.ACTUAL


def test_an_empty_list_is_as_good_as_none():
    empty = {"aliases": [], "labels": {}, "identifiers": [], "activities": [], "sectors": []}
    assert write(bare("PROJECT") | empty) == write(bare("PROJECT"))


def test_a_relation_keeps_every_key():
    line = {"relation": "PARTICIPATES_IN", "subject": "a", "object": "b"}
    line |= {key: GOOD[key] for key in RELATION_KEYS.split() if key in GOOD}
    record = write(line)
    assert isinstance(record, Relation)
    assert plain(record) == line
    assert list(plain(record)) == RELATION_KEYS.split()


@pytest.mark.parametrize("key", ["relation", "subject", "object"])
def test_a_relation_needs_its_kind_and_its_ends(key):
    line = {"relation": "CITES", "subject": "a", "object": "b"}
    without = {name: value for name, value in line.items() if name != key}
    expected = "expected one of the keys 'kind', 'relation' and 'remove'" if key == "relation" else None
    assert told(without) == (expected or f"a relation needs the key {key!r}")
    assert reasons(line | {key: None}) == reasons(without)


def test_the_sources_of_a_relation_are_a_set():
    line = {"relation": "LOCATED_IN", "subject": "a", "object": "b"}
    assert write(line | {"sources": ["t", "s", "t"]}) == write(line | {"sources": ["s", "t"]})


def test_a_removal_says_whom():
    assert write({"remove": "project:x"}) == Remove("project:x")
    assert write({"remove": "project:x", "note": None}) == Remove("project:x")


def test_what_was_given_is_left_as_it_was():
    line = {"relation": "LOCATED_IN", "subject": "a", "object": "b", "role": None, "sources": ["t", "s"]}
    before = {**line, "sources": [*line["sources"]]}
    write(line)
    assert line == before


# What is refused

DATE = "a date that exists, as 2023, 2023-11 or 2023-11-05"
LABELS = 'an object of names by language, as {"fr": "Mali"}'
CODES = 'a list of codes, as [{"vocabulary": "fieldgraph", "code": "malnutrition"}]'
EXACT = "a number that a 64-bit float holds exactly"
STATUSES = "one of PIPELINE, IMPLEMENTATION, FINALISATION, CLOSED, CANCELLED, SUSPENDED"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ([], 'expected an object, as {"id": ..., "kind": ...}, got []'),
        ("x", "expected an object, as {\"id\": ..., \"kind\": ...}, got 'x'"),
        (None, 'expected an object, as {"id": ..., "kind": ...}, got None'),
        ({}, "expected one of the keys 'kind', 'relation' and 'remove'"),
        ({"id": "x", "kind": None}, "expected one of the keys 'kind', 'relation' and 'remove'"),
        ({"remove": ""}, "remove is '', expected the id of an entity"),
        ({"remove": ["x"]}, "remove is ['x'], expected the id of an entity"),
        ({"remove": "x", "kind": "PLACE", "id": "x"}, "a removal has no other keys, got 'kind', 'id'"),
        (bare("PROJECT", id=""), "id is empty"),
        (bare("PROJECT", name=""), "name is empty"),
        (bare("PROJECT", id=7), "id is 7, expected a text"),
        (bare("PROJECT", status="ACTIVE"), f"status is 'ACTIVE', expected {STATUSES}"),
        (bare("PROJECT", status="closed"), f"status is 'closed', expected {STATUSES}"),
        (bare("PROJECT", status=2), f"status is 2, expected {STATUSES}"),
        (bare("PROJECT", startedOn="2023-02-30"), f"startedOn is '2023-02-30', expected {DATE}"),
        (bare("PROJECT", endedOn="2023-11-05\n"), f"endedOn is '2023-11-05\\n', expected {DATE}"),
        (bare("PROJECT", startedOn="٢٠٢٣"), f"startedOn is '٢٠٢٣', expected {DATE}"),
        (bare("PROJECT", startedOn=2023), "startedOn is 2023, expected a date, as 2023, 2023-11 or 2023-11-05"),
        (bare("PROJECT", aliases="x"), "aliases is 'x', expected a list of texts"),
        (bare("PROJECT", aliases=["x", None]), "aliases is ['x', None], expected a list of texts"),
        (bare("PROJECT", labels=["x"]), f"labels is ['x'], expected {LABELS}"),
        (bare("PROJECT", labels={"fr": 1}), f"labels is {{'fr': 1}}, expected {LABELS}"),
        (
            bare("PROJECT", activities=["health"]),
            f"activities is ['health'], expected {CODES}",
        ),
        (
            bare("PROJECT", sectors=[{"code": "1"}]),
            f"sectors is [{{'code': '1'}}], expected {CODES}",
        ),
        (bare("EVENT", affected="47,000"), "affected is '47,000', expected a whole number"),
        (bare("EVENT", affected=0.5), "affected is 0.5, expected a whole number"),
        (bare("EVENT", affected=True), "affected is True, expected a whole number"),
        (bare("EVENT", affected=2**31), "affected is 2147483648, expected a whole number of at most 32 bits"),
        (bare("METRIC", value="530,000"), "value is '530,000', expected a number"),
        (bare("METRIC", value=2**53 + 1), f"value is 9007199254740993, expected {EXACT}"),
        (bare("PLACE", latitude="N"), "latitude is 'N', expected a number"),
        (bare("COUNTRY", code="ml"), "code is 'ml', expected two capital letters, as ML"),
        (bare("COUNTRY", code="MLI"), "code is 'MLI', expected two capital letters, as ML"),
        (bare("COUNTRY", code="ÄÖ"), "code is 'ÄÖ', expected two capital letters, as ML"),
        (bare("COUNTRY", code="ML\n"), "code is 'ML\\n', expected two capital letters, as ML"),
        (bare("COUNTRY", alpha3="ML"), "alpha3 is 'ML', expected three capital letters, as MLI"),
        (bare("COUNTRY", numeric="66"), "numeric is '66', expected three digits, as 466"),
        (bare("COUNTRY", numeric="٤٦٦"), "numeric is '٤٦٦', expected three digits, as 466"),
        (bare("COUNTRY", numeric=466), "numeric is 466, expected a text"),
        ({"relation": "CITES", "subject": "", "object": "b"}, "subject is empty"),
        (
            {"relation": "CITES", "subject": "a", "object": "b", "kind": "X"},
            f"a relation has no key 'kind'; its keys are {RELATION_KEYS.replace(' ', ', ')}",
        ),
        (
            {"relation": "LOCATED_IN", "subject": "a", "object": "b", "sources": "s"},
            "sources is 's', expected a list of texts",
        ),
        (
            {"relation": "LOCATED_IN", "subject": "a", "object": "b", "sources": ["s", 1]},
            "sources is ['s', 1], expected a list of texts",
        ),
    ],
)  # fmt: skip
def test_a_fault_says_what_was_given_and_what_was_expected(line, reason):
    assert told(line) == reason


def test_a_kind_that_is_not_known_is_answered_with_those_that_are():
    kinds = "COUNTRY, PLACE, PROJECT, EVENT, PARTNER, INDICATOR, METRIC, SOURCE"
    for kind in ("project", "PROJEKT", 3, ["PROJECT"], {}):
        assert told({"id": "x", "kind": kind, "name": "X"}) == f"kind is {kind!r}, expected one of {kinds}"


def test_a_code_off_the_official_list_is_no_fault():
    assert write(bare("COUNTRY", code="XK", alpha3="XKX", numeric="999")).code == "XK"


@pytest.mark.parametrize("number", [0, -1, 2**53, -(2**53), 2**62, 10**22, 0.1, -0.0, 5e-324, 1.7976931348623157e308])
def test_a_number_is_kept_exactly(number):
    assert write(bare("METRIC", value=number)).value == number


@pytest.mark.parametrize("affected", [0, -1, 2**31 - 1, -(2**31)])
def test_a_count_has_32_bits(affected):
    assert write(bare("EVENT", affected=affected)).affected == affected


def test_every_fault_of_a_line_is_told():
    line = bare("COUNTRY", name=None, code="ml", numeric=1, latitude="x", longitud=-4, startedOn="2023")
    assert reasons(line) == [
        "a COUNTRY has no key 'longitud'; did you mean 'longitude'?",
        "a COUNTRY has no key 'startedOn'; its keys are id, name, summary, aliases, labels, identifiers, officialName,"
        " code, alpha3, numeric, latitude, longitude",
        "a COUNTRY needs the key 'name'",
        "latitude is 'x', expected a number",
        "numeric is 1, expected a text",
        "code is 'ml', expected two capital letters, as ML",
    ]


def test_a_long_value_is_shown_in_part():
    reason = told(bare("PROJECT", status="x" * 10_000_000))
    assert reason == f"status is '{'x' * (SHOWN - 1)}..., expected {STATUSES}"
    assert len(told(bare("PROJECT", **{"k" * 10_000_000: 1}))) < 300


@pytest.mark.parametrize(
    ("line", "ids"),
    [
        ({"id": "x", "kind": "NONSENSE"}, {"x"}),
        ({"id": "x", "kind": "PLACE"}, {"x"}),
        ({"id": 3, "kind": "PLACE"}, set()),
        ({"relation": "CITES", "subject": "x", "object": 3}, {"x"}),
        ({"remove": "x", "id": "y"}, {"x"}),
        ([], set()),
    ],
)
def test_a_line_nobody_can_read_tells_whom_it_was_about(line, ids):
    with pytest.raises(Unreadable) as caught:
        write(line)
    assert caught.value.ids == ids


@pytest.mark.parametrize(
    "text", ["two words", "a\nb", "\x00", "مالي", "🏥", "\u202eabc", "e\u0301", "é", " ", "a" * 100_000]
)
def test_any_text_may_be_an_id_or_a_name_and_is_kept_as_it_is(text):
    record = write(bare("PROJECT", id=text, name=text))
    assert (record.id, record.name) == (text, text)


LONE = "Ko\ud800ro"
"""Half of a character, which JSON cannot say but Python's texts can hold; no store can hold it."""


@pytest.mark.parametrize(
    "given",
    [
        {"id": LONE},
        {"name": LONE},
        {"aliases": ["a", LONE]},
        {"labels": {"fr": LONE}},
        {"labels": {LONE: "Koro"}},
        {"identifiers": [{"vocabulary": "DAC", "code": LONE}]},
    ],
)
def test_half_a_character_is_unreadable_wherever_it_stands(given):
    (key,) = given
    (reason,) = reasons(bare("PROJECT", **given))
    assert reason.startswith(f"{key} is ")
    assert reason.endswith(", expected a text of whole characters: half of one (a lone surrogate) cannot be stored")
    assert reason.isprintable()


def test_half_a_character_is_told_with_all_else_that_is_wrong():
    told = reasons(bare("PROJECT", name=LONE, summary=5, status=LONE, startedOn=LONE, **{LONE: 1}))
    assert [reason.split(" ")[0] for reason in told] == ["a", "name", "status", "summary", "startedOn"]
    assert reasons({"remove": LONE}) == ["remove is 'Ko\\ud800ro', expected the id of an entity"]
    assert len(reasons({"relation": "FOLLOWED", "subject": LONE, "object": "event:x", "sources": [LONE]})) == 2
    (reason,) = reasons(bare("METRIC", value=2**70, name=LONE))
    assert reason.startswith("name is ")


def test_whole_characters_beyond_the_first_plane_are_text():
    assert write(bare("PROJECT", name="\U0001f600")).name == "\U0001f600"
