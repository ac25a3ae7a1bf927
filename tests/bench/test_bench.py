"""Specifies the benchmark's own work: what it reads, computes, refuses and writes; nothing is measured here."""

import os
import sys
from itertools import islice

import pytest
from graphql import build_schema, parse, validate

from graph.formats.format import Source
from graph.formats.iati.reader import read as read_activities
from graph.formats.known import Known
from graph.graph import Graph
from graph.parse import write
from seed.world import world
from tests.bench import graph_questions, iati
from tests.bench.cold import SCHEMA
from tests.bench.drive import Drive, read
from tests.bench.errors import BenchError
from tests.bench.peers.recipes import MERCURIUS, PEERS, RAW, STOCK, wanted
from tests.bench.report import Goal, Part, figure, write_report
from tests.bench.servers import Recipe, memory_of, running
from tests.bench.texts import texts
from tests.bench.throughput import GOALS, OURS, Run, differences
from tests.conftest import asking

SAID = """Running 4s test @ http://127.0.0.1:53919/graphql
  1 threads and 8 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   875.00ms  725.94ms   3.45s    80.00%
    Req/Sec     8.14      2.67    10.00     72.41%
  Latency Distribution
     50%  667.32us
     75%    1.12ms
     90%    2.10s
     99%    3.45s
  29 requests in 4.05s, 46.77MB read
Requests/sec:      7.17
Transfer/sec:     11.56MB
"""


@pytest.mark.parametrize("said", [SAID, SAID.replace("3.45s\n", "3.45s \n")], ids=["plain", "with a blank"])
def test_what_wrk_prints_is_read(said):
    assert read(said) == Drive(rate=7.17, half_ms=pytest.approx(0.66732), most_ms=3_450)


@pytest.mark.parametrize(
    "told", ["  Socket errors: connect 0, read 2, write 0, timeout 1\n", "  Non-2xx or 3xx responses: 3\n"]
)
def test_a_drive_with_failed_answers_counts_for_nothing(told):
    with pytest.raises(BenchError, match=r"^3 answers failed"):
        read(SAID.replace("Requests/sec", f"{told}Requests/sec"))


def test_what_wrk_does_not_print_is_refused():
    with pytest.raises(BenchError, match="not what wrk 4 prints"):
        read("Requests/sec: 7.17")


def test_ratios_are_of_one_round_each():
    ours, theirs = ([Drive(rate, 1, 1) for rate in rates] for rates in ([100, 300], [50, 100]))
    run = Run({(OURS, "page"): ours, (STOCK, "page"): theirs}, {})
    assert run.ratios(STOCK, "page") == [2, 3]


def test_goals_are_those_that_were_set():
    assert GOALS == {
        MERCURIUS: {"page": 1.5, "big": 2, "filter": 2},
        STOCK: {"small": 5, "page": 40, "big": 100, "filter": 10},
        RAW: {"small": 0.75},
    }


def test_the_first_difference_between_answers_is_named():
    one, other = ({"data": {"countries": [{"name": "a"}, {"name": name}]}} for name in "bc")
    assert list(differences(one, other, "answer")) == ["answer.data.countries[1].name: b is not c"]
    assert list(differences({"value": 1.0}, {"value": 1}, "answer")) == []


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (0, "0"),
        (0.5012, "0.501"),
        (7.04, "7.04"),
        (43.21, "43.2"),
        (-109.4, "-109"),
        (999.9, "1,000"),
        (27_456, "27,500"),
    ],
)
def test_numbers_show_the_digits_that_tell(number, shown):
    assert figure(number) == shown


def test_a_goal_is_met_from_either_side():
    assert Goal("speed", 1.5, 1.5).is_met
    assert not Goal("speed", 1.4, 1.5).is_met
    assert Goal("loss", 19, 20, at_most=True).is_met
    assert Goal("loss", 21.04, 20, at_most=True, unit=" %").row() == ["loss", "≤ 20 %", "21 %", "**no**"]


def test_a_report_keeps_what_was_not_measured_anew_unless_on_another_machine(tmp_path):
    path = tmp_path / "BENCHMARKS.md"
    here, elsewhere = "## Machine\n\nhere\n", "## Machine\n\nelsewhere\n"
    write_report(path, [Part("A", "old a"), Part("B", "b", [Goal("speed", 3, 2)])], here, "2026-01-01")
    write_report(path, [Part("A", "new a")], here, "2026-01-02")
    report = path.read_text(encoding="utf-8")
    assert report.count("## ") == 3
    assert "old a" not in report
    assert "new a\n\nMeasured on 2026-01-02." in report
    assert "| speed | ≥ 2 | 3 | yes |\n\nMeasured on 2026-01-01." in report
    write_report(path, [Part("A", "newer a")], elsewhere, "2026-01-03")
    assert "## B" not in path.read_text(encoding="utf-8")


def test_cold_texts_are_valid_and_no_two_are_alike():
    schema = build_schema(SCHEMA.read_text(encoding="utf-8"))
    drawn = list(islice(texts(schema, seed=1), 100))
    assert len({*drawn, *islice(texts(schema, seed=2), 100)}) == 200
    assert [error for text in drawn for error in validate(schema, parse(text))] == []


def test_what_is_measured_beside_networkx_is_answered_alike():
    graph = Graph.in_memory()
    graph.apply(write(line) for line in world(1_000, 4_000))
    whole, ask = graph_questions.plain(graph), asking(graph)
    for start, end in graph_questions.pairs(graph, 40):
        found = {
            name: ask(text, {"a": start} | ({"b": end} if "$b" in text else {}))["data"][name]
            for name, text in graph_questions.TEXTS.items()
        }
        ids = [near["entity"]["id"] for near in found["neighborhood"]["entities"]]
        assert ids == graph_questions.plain_neighborhood(whole, graph, start, end)
        plain_paths = graph_questions.plain_paths(whole, graph, start, end)
        expected = [len(path) - 1 for path in plain_paths if len(path) - 1 <= graph_questions.MOST_HOPS]
        assert [len(path["hops"]) for path in found["paths"]["paths"]] == expected
        scores = [-score for score, _ in graph_questions.plain_similar(whole, graph, start, end)]
        assert [item["score"] for item in found["similar"]["items"]] == pytest.approx(scores)


def test_activities_that_are_made_or_repeated_are_read_and_no_two_are_alike(tmp_path, monkeypatch):
    monkeypatch.setattr(iati, "TIMES", 2)
    made, repeated = tmp_path / "made.xml", tmp_path / "repeated.xml"
    iati.write_made(made)
    iati.repeat(made, repeated)
    with repeated.open("rb") as stream:
        records = list(read_activities(Source(stream, "made", Known(Graph.in_memory().engine))))
    assert [record.line for record in records if record.faults] == []
    assert len(records) == 2 * iati.ACTIVITIES


def test_a_server_that_does_not_answer_is_told_of_and_ended(tmp_path):
    recipe = Recipe(RAW, [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "{port}"], cwd=tmp_path)
    with pytest.raises(BenchError, match="was not ready"), running(recipe, tmp_path, within_s=0.5):
        pass


def test_memory_is_told_in_bytes():
    now, peak = memory_of(os.getpid())
    assert 2**20 < now <= peak


def test_peers_are_pinned_and_no_registry_is_named():
    assert all(number.replace(".", "").isdigit() for number in wanted().values())
    assert "http" not in (PEERS / "package.json").read_text(encoding="utf-8")
    assert not (PEERS / "package-lock.json").exists()
