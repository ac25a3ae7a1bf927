"""Specifies graph/formats/lines.py: graph lines are lossless, canonical, and say which line is at fault."""

import json
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.formats.format import Record
from graph.formats.lines import line, read
from graph.graph import Graph
from graph.model import Metric, Project, Remove
from graph.parse import write
from graph.vocabulary import RULES
from tests.conftest import SMALL_WORLD, graph_of
from tests.graph.conftest import COMMON_KEYS, KEYS, RELATION_KEYS, canonical, text_of
from tests.worlds import World, worlds

# A line of every kind with every key, in the order in which FORMAT writes them.
FULL = Path(__file__).with_name("full.jsonl").read_bytes()


def imported(text: bytes) -> Graph:
    """A new graph from a file, all of whose lines are good."""
    graph = Graph.in_memory()
    graph.apply(chain.from_iterable(record.writes for record in read(text.splitlines(keepends=True))))
    return graph


def shuffled(lines: Iterable[dict[str, object]], seed: int) -> list[dict[str, object]]:
    """The same lines, and their keys, in another order."""
    chance = Random(seed)
    mixed = [dict(chance.sample(sorted(line.items()), len(line))) for line in lines]
    chance.shuffle(mixed)
    return mixed


# Lossless and canonical


def test_a_line_of_every_kind_is_written_as_format_says():
    assert text_of(imported(FULL)).encode() == FULL


def test_the_lines_above_have_every_kind_and_every_key():
    rows = [json.loads(row) for row in FULL.splitlines()]
    entities = {row["kind"]: list(row) for row in rows if "kind" in row}
    assert entities == {kind: f"{COMMON_KEYS} {keys}".split() for kind, keys in KEYS.items()}
    relations = {row["relation"]: list(row) for row in rows if "relation" in row}
    ends = {"relation", "subject", "object"}
    assert relations == {
        str(kind): [key for key in RELATION_KEYS.split() if key in ends | rule.attributes]
        for kind, rule in RULES.items()
    }


@given(worlds())
def test_export_and_import_is_identity(world: World):
    exported = text_of(graph_of(world))
    again = imported(exported.encode())
    assert text_of(again) == exported


@given(worlds(), st.integers())
def test_equal_graphs_give_equal_files_however_they_came_about(world: World, seed: int):
    graph = Graph.in_memory()
    entities = [row for row in world if row.get("kind", "METRIC") != "METRIC"]
    graph.apply(write(row) for row in shuffled(entities, seed))
    graph.apply(write(row) for row in shuffled(world, seed))
    assert text_of(graph) == text_of(graph_of(world))


def test_entities_come_by_kind_and_id_then_relations_by_kind_subject_object_role_impact():
    rows = [json.loads(row) for row in text_of(graph_of(shuffled(SMALL_WORLD, 7))).splitlines()]
    assert [row["id"] for row in rows[:5]] == ["country:BF", "country:ML", "place:africa", "place:koro", "place:mopti"]
    told = [(row["subject"], row["object"], row.get("role"), row.get("impact")) for row in rows if "relation" in row]
    assert told[0] == ("country:BF", "place:africa", None, None)
    assert [row[3] for row in told if row[0] == "event:attack"] == [None, "ATTACKED", "SUSPENDED"]
    assert [row[2] for row in told if row[:2] == ("partner:msf", "project:koro")] == ["FUNDING", "IMPLEMENTING"]


def test_what_is_unknown_or_the_default_is_absent():
    metric = {"id": "m", "kind": "METRIC", "name": "M", "unit": "x", "startedOn": "2023", "endedOn": "2023"}
    spelt_out = {**metric, "measure": "ACTUAL", "value": None, "labels": {}, "aliases": []}
    assert line(write(metric)) == line(write(spelt_out)) == json.dumps(metric, separators=(",", ":")).encode()


# Numbers


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (530000.0, "530000"), (0.0, "0"), (-0.0, "0"), (-4.0, "-4"), (17, "17"), (0.1, "0.1"), (-2.5, "-2.5"),
        (2.0**53, "9007199254740992"), (1e16, "10000000000000000"), (2.0**62, "4611686018427387904"),
        (2.0**63, "9.223372036854776e18"), (1e22, "1e22"), (1e300, "1e300"), (5e-324, "5e-324"),
        (1 / 3, "0.3333333333333333"),
    ],
)  # fmt: skip
def test_whole_numbers_are_written_as_such(value, written):
    record = Metric(id="m", name="M", unit="x", started_on="2023", ended_on="2023", value=float(value))
    assert f'"value":{written},'.encode() in line(record)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_comes_back_exactly(value: float):
    record = Metric(id="m", name="M", unit="x", started_on="2023", ended_on="2023", value=value)
    (back,) = read([line(record)])
    assert back.writes == (record,)
    assert line(*back.writes) == line(record)


# Text


@given(st.text(min_size=1), st.text(min_size=1), st.text(), st.dictionaries(st.text(min_size=1), st.text(), max_size=3))
def test_any_text_comes_back_as_it_was(id: str, name: str, summary: str, labels: dict[str, str]):
    record = Project(id=id, name=name, summary=summary, labels=labels, aliases=(summary, name))
    written = line(record)
    assert b"\n" not in written
    (back,) = read([written + b"\n"])
    assert back.writes == (record,)
    assert line(*back.writes) == written


def test_text_is_not_escaped_more_than_json_asks_for():
    name = "Mali مالي 馬利 🏥 é e\u0301 / \u2028 < \x7f"
    assert f'"name":"{name}"'.encode() in line(Project(id="x", name=name))
    assert rb'"name":"\"\\\n\t\u0000"' in line(Project(id="x", name='"\\\n\t\x00'))


# Reading


def test_every_line_keeps_its_number_and_where_it_is_wanted_its_text():
    rows = [b"# a comment\n", b"\n", b'{"remove": "x"}\n', b"  \t\r\n", b'{"remove": "y"}']
    assert list(read(rows)) == [Record(3, (Remove("x"),)), Record(5, (Remove("y"),))]
    assert [record.text for record in read(rows, keeps_texts=True)] == [b'{"remove": "x"}', b'{"remove": "y"}']


@pytest.mark.parametrize(
    "row",
    [b'\xef\xbb\xbf{"remove": "x"}\n', b'{"remove": "x"}\r\n', b' {"remove" :\t"x"} \n', b'{"remove": "\\u0078"}'],
)
def test_what_windows_and_people_add_does_no_harm(row):
    assert [record.writes for record in read([row])] == [(Remove("x"),)]


def test_the_last_of_equal_keys_holds():
    assert [record.writes for record in read([b'{"remove": "x", "remove": "y"}'])] == [(Remove("y"),)]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b"{", "this is not JSON: "),
        (b'{"id": NaN}', "this is not JSON: "),
        (b'{"value": 1e400}', "this is not JSON: "),
        (b'{"id": "\xff"}', "this is not UTF-8: invalid start byte at byte 0"),
        (b'{"id": "\xed\xa0\x80"}', "this is not UTF-8: invalid continuation byte at byte 0"),
        (b'{"id": "\\ud800"}', "this is not JSON: "),
        (b'{"id": "a\x00"}', "this is not JSON: "),
        (b'{"remove": "x"} {"remove": "y"}', "this is not JSON: "),
        (b"\x00\x00\xfe\xff\x00{", "this is not JSON: "),
        (b'{"x":' * 100_000, "this is not JSON: "),
        (b"[" * 100_000 + b"]" * 100_000, "this is not JSON: "),
        (b"1" * 5_000, "this is not JSON: "),
        (b'"text"', 'expected an object, as {"id": ..., "kind": ...}, got \'text\''),
    ],
)
def test_a_line_that_is_no_json_is_refused_with_its_number_and_why(row, reason):
    (refused,) = read([row])
    (fault,) = refused.faults
    assert fault.line == 1
    assert fault.text.startswith(reason)
    assert len(fault.text) < 200


def test_a_line_that_is_no_write_tells_all_that_is_wrong_and_the_others_are_read():
    rows = [b'{"id": "x", "kind": "PLACE", "name": 3}', b'{"remove": "x"}']
    refused, good = read(rows)
    assert refused.faults == [(1, "a PLACE needs the key 'type'"), (1, "name is 3, expected a text")]
    assert (refused.writes, refused.ids) == ((), {"x"})
    assert good == Record(2, (Remove("x"),))


def test_a_text_of_ten_megabytes_is_a_text():
    name = "x" * 10_000_000
    (record,) = read([line(Project(id="x", name=name))])
    assert record.writes == (Project(id="x", name=name),)


def test_writing_takes_one_record_at_a_time():
    rows = canonical([Project(id="b", name="B"), Project(id="a", name="A")], [])
    assert next(iter(rows)) == b'{"id":"a","kind":"PROJECT","name":"A"}\n'
