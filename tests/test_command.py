"""The `fieldgraph` command as a user runs it: in processes of its own, with stores that survive them."""

import json
import os
import pty
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from random import Random
from threading import Thread
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx
import pytest

from api.exports import export
from api.imports import import_files
from graph.formats.registry import WRITABLE
from graph.graph import STORE, Graph
from graph.parse import write
from tests.conftest import SMALL, SMALL_WORLD, graph_of
from tests.graph.conftest import text_of

SEEDED = "project:msf-ml-koro"  # stands for the seed: it is there, or it is not
NEW = '{"id": "project:new", "kind": "PROJECT", "name": "New"}\n'
HOLD = "import sqlite3, sys; db = sqlite3.connect(sys.argv[1], isolation_level=None); db.execute('BEGIN IMMEDIATE');"
HOLD += "print('held', flush=True); sys.stdin.read()"
READY_WITHIN = 20  # seconds


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "api", *map(str, arguments)]


def environment(**settings: object) -> dict[str, str]:
    """The environment of a command, with these settings and no others. Its default store is nobody's."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("FIELDGRAPH_")}
    given = {f"FIELDGRAPH_{name.upper()}": str(value) for name, value in settings.items()}
    return plain | {"XDG_DATA_HOME": "/nonexistent"} | given


class Done(NamedTuple):
    """What a command that ended left behind."""

    code: int
    out: str
    err: str


def run(*arguments: object, stdin: str | bytes = b"", cwd: Path | None = None, **settings: object) -> Done:
    """Runs the command to its end. Whatever it says, it never shows a traceback."""
    given = stdin.encode() if isinstance(stdin, str) else stdin
    done = subprocess.run(
        command(*arguments),
        input=given,
        capture_output=True,
        cwd=cwd,
        env=environment(**settings),
        timeout=60,
        check=False,
    )
    told = Done(done.returncode, done.stdout.decode(), done.stderr.decode())
    assert "Traceback" not in told.err, told.err
    return told


def refused(*arguments: object, **options: Any) -> str:
    """What a command that is refused says: one clear message on standard error, nothing else."""
    done = run(*arguments, **options)
    assert (done.code, done.out) == (1, "")
    return done.err


@contextmanager
def serving(*arguments: object, **settings: object) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The service as a process, and what it announced, from when it is ready."""
    with subprocess.Popen(
        command("serve", *arguments), stdout=subprocess.PIPE, text=True, env=environment(**{"port": 0, **settings})
    ) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline()
        finally:
            process.kill()


def url_of(announced: str) -> str:
    return announced.split(" on ")[1].split("/graphql")[0]


def ask(url: str, query: str) -> Any:
    return httpx.post(f"{url}/graphql", json={"query": query}, timeout=10).json()["data"]


@contextmanager
def held(store: Path) -> Iterator[int]:
    """The store's write lock, kept by another process; its id."""
    with subprocess.Popen([sys.executable, "-c", HOLD, store], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"held\n"
            yield holder.pid
        finally:
            holder.kill()


def held_by(directory: Path) -> tuple[int, str]:
    """The version of a store and all that it holds."""
    with closing(Graph.open(directory)) as graph:
        return graph.version, text_of(graph)


@pytest.fixture
def store(tmp_path) -> Path:
    """A directory with the small world in its store."""
    with closing(Graph.open(tmp_path / "store")) as graph:
        graph.apply(write(line) for line in SMALL_WORLD)
    return tmp_path / "store"


@pytest.fixture
def new(tmp_path) -> Path:
    """A file with one new project."""
    path = tmp_path / "new.jsonl"
    path.write_text(NEW)
    return path


# Import and export


def test_a_file_is_imported_and_exported_again_byte_by_byte(tmp_path):
    done = run("import", SMALL, "--data", tmp_path / "a")
    created = f"{len(SMALL_WORLD)} created, 0 updated, 0 unchanged, 0 removed, 0 refused"
    assert done == (0, f"{created}; the store is at version 1.\n", "")
    assert run("export", "-o", tmp_path / "a.jsonl", "--data", tmp_path / "a") == (0, "", "")
    assert run("import", tmp_path / "a.jsonl", "--data", tmp_path / "b").code == 0
    assert run("export", "--data", tmp_path / "b").out == (tmp_path / "a.jsonl").read_text("utf-8")
    assert (tmp_path / "a.jsonl").read_text("utf-8") == text_of(graph_of(SMALL_WORLD))


def test_the_same_file_again_changes_nothing(store):
    done = run("import", SMALL, "--data", store)
    left = f"0 created, 0 updated, {len(SMALL_WORLD)} unchanged, 0 removed, 0 refused"
    assert done.out == f"{left}; the store is at version 1.\n"


def test_several_files_and_standard_input_are_one_version_and_may_refer_to_each_other(tmp_path):
    rows = SMALL.read_text("utf-8").splitlines(keepends=True)
    (tmp_path / "relations.jsonl").write_text("".join(row for row in rows if '"relation"' in row), "utf-8")
    entities = "".join(row for row in rows if '"kind"' in row)
    done = run("import", tmp_path / "relations.jsonl", "-", "--data", tmp_path / "store", stdin=entities)
    assert (done.code, done.out.split(";")[1]) == (0, " the store is at version 1.\n")
    assert held_by(tmp_path / "store") == (1, text_of(graph_of(SMALL_WORLD)))


def test_lines_of_windows_are_read_like_others(tmp_path):
    text = b"\xef\xbb\xbf" + SMALL.read_bytes().replace(b"\n", b"\r\n")
    assert run("import", "-", "--data", tmp_path / "store", stdin=text).code == 0
    assert held_by(tmp_path / "store") == (1, text_of(graph_of(SMALL_WORLD)))


def test_every_fault_of_a_file_is_told_with_its_line_and_nothing_is_stored(store, tmp_path):
    before = held_by(store)
    bad = tmp_path / "bad.jsonl"
    bad.write_text(
        NEW
        + '{"id": "place:x", "kind": "PLACE", "name": 3}\n'
        + "{nonsense}\n"
        + '{"relation": "LOCATED_IN", "subject": "project:new", "object": "place:x"}\n'  # its fault is line 2's
        + '{"relation": "LOCATED_IN", "subject": "project:new", "object": "country:XX"}\n'
        + NEW
    )
    assert refused("import", bad, "--data", store) == (
        "line 2: a PLACE needs the key 'type'\n"
        "line 2: name is 3, expected a text\n"
        "line 3: this is not JSON: JSON is malformed: object keys must be strings (byte 1)\n"
        "line 5: LOCATED_IN has the object 'country:XX', which is not known. Check the id, or add the entity.\n"
        "line 6: project:new is written twice, here and on line 1. Keep one of the two.\n"
        "Nothing was stored.\n"
    )
    assert held_by(store) == before


def test_among_several_files_a_fault_names_its_file(store, new, tmp_path):
    (tmp_path / "other.jsonl").write_text(f"# again\n{NEW}")
    assert refused("import", new, tmp_path / "other.jsonl", "--data", store) == (
        f"{tmp_path}/other.jsonl line 2: project:new is written twice, here and on {new} line 1. Keep one of the two.\n"
        "Nothing was stored.\n"
    )


def test_a_dry_run_tells_what_would_be_done_and_makes_no_store(tmp_path):
    project, missing = tmp_path / "project.jsonl", tmp_path / "missing"
    project.write_text('{"id": "project:x", "kind": "PROJECT", "name": "X"}\n')
    done = run("import", project, "--dry-run", "--data", missing)
    assert done.code == 0
    assert "1 created" in done.out + done.err
    assert not missing.exists()


def test_refused_lines_can_be_set_aside_corrected_and_imported_again(store, tmp_path):
    bad, rejects = tmp_path / "bad.jsonl", tmp_path / "rejects.jsonl"
    bad.write_bytes(
        b"\xef\xbb\xbf"
        + b'{"id": "place:\\nx", "kind": "PLACE", "name": "X"}\r\n'
        + NEW.encode()
        + b'{"relation": "LOCATED_IN", "subject": "project:new", "object": "place:\\nx"}\r\n'
        + b'{"relation": "LOCATED_IN", "subject": "project:koro", "object": "partner:msf"}\n'
        + b'{"id": "metric:x", "kind": "METRIC", "name": "X", "unit": "x", "startedOn": "2023", "endedOn": "2023"}\n'
        + b'{"relation": "MEASURES", "subject": "metric:x", "object": "indicator:consultations"}\n'
        + b'{"id": "country:ML", "kind": "PROJECT", "name": "X"}'
    )
    done = run("import", bad, "--skip-invalid", "--rejects", rejects, "--data", store)
    assert (done.code, done.err) == (
        0,
        f"The refused records are in {rejects}, each with its reason: correct and import them.\n",
    )
    assert done.out == "1 created, 0 updated, 0 unchanged, 0 removed, 6 refused; the store is at version 2.\n"
    rows = rejects.read_text("utf-8").splitlines()
    assert [row for row in rows if not row.startswith("#")] == [
        row.strip("\ufeff") for row in bad.read_text("utf-8").splitlines() if row != NEW.strip()
    ]
    assert rows[:2] == ["# line 1: a PLACE needs the key 'type'", '{"id": "place:\\nx", "kind": "PLACE", "name": "X"}']
    corrected = (
        rejects.read_text("utf-8")
        .replace('"name": "X"}', '"name": "X", "type": "TOWN"}', 1)
        .replace('"object": "partner:msf"', '"object": "country:BF"')
        .replace('"country:ML", "kind": "PROJECT"', '"project:ml", "kind": "PROJECT"')
    )
    about = '{"relation": "ABOUT", "subject": "metric:x", "object": "country:BF"}\n'
    done = run("import", "-", "--data", store, stdin=corrected + about)
    assert done == (0, "7 created, 0 updated, 0 unchanged, 0 removed, 0 refused; the store is at version 3.\n", "")


def test_without_a_fault_nothing_is_set_aside(store, new, tmp_path):
    done = run("import", new, "--skip-invalid", "--data", store, cwd=tmp_path)
    assert done == (0, "1 created, 0 updated, 0 unchanged, 0 removed, 0 refused; the store is at version 2.\n", "")
    assert not (tmp_path / "rejects.jsonl").exists()


def test_where_refused_lines_cannot_be_set_aside_nothing_is_stored(store, tmp_path):
    before = held_by(store)
    rejects = tmp_path / "none" / "rejects.jsonl"
    told = refused("import", "-", "--skip-invalid", "--rejects", rejects, "--data", store, stdin=NEW + "{}\n")
    assert told == f"fieldgraph: {rejects} cannot be written: No such file or directory. Name another file.\n"
    assert held_by(store) == before


@pytest.mark.parametrize("rejects", ["/dev/full", "-"])
def test_where_refused_lines_are_lost_on_their_way_nothing_is_stored(store, tmp_path, rejects):
    """What was written waits in memory until it is sent on: only then is it known that there is no place for it."""
    before, bad = held_by(store), tmp_path / "bad.jsonl"
    bad.write_text(NEW + "{}\n", encoding="utf-8")
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            command("import", bad, "--skip-invalid", "--rejects", rejects, "--data", store),
            stdout=full, stderr=subprocess.PIPE, env=environment(), check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert b"cannot be written: No space left on device" in done.stderr
    assert held_by(store) == before


def test_a_file_that_is_named_twice_is_refused(store, new):
    told = refused("import", new, new, "--data", store)
    assert told == f"fieldgraph: {new} is named twice. Name each file once.\n"


@pytest.mark.parametrize(("name", "why"), [("missing.jsonl", "No such file or directory"), ("", "Is a directory")])
def test_a_file_that_cannot_be_read_is_told(tmp_path, name, why):
    told = refused("import", tmp_path / name, "--data", tmp_path / "store")
    assert told == f"fieldgraph: {tmp_path / name} cannot be read: {why}. Nothing was stored.\n"


def test_two_imports_at_once_both_succeed(store, tmp_path):
    files = []
    for part in "ab":
        path = tmp_path / f"{part}.jsonl"
        path.write_text("".join(f'{{"id": "{part}{n}", "kind": "PROJECT", "name": "X"}}\n' for n in range(2_000)))
        files.append(path)
    imports = [
        subprocess.Popen(command("import", path, "--data", store), env=environment(), stdout=subprocess.PIPE, text=True)
        for path in files
    ]
    told = sorted(process.communicate(timeout=60)[0].partition(", ")[0::2] for process in imports)
    assert [process.returncode for process in imports] == [0, 0]
    assert [created for created, _ in told] == ["2,000 created"] * 2
    assert [text.split("at ")[1] for _, text in told] == ["version 2.\n", "version 3.\n"]
    version, text = held_by(store)
    assert (version, text.count("\n")) == (3, len(SMALL_WORLD) + 4_000)


@pytest.mark.parametrize(("most", "told"), [(0, 0), (1, 1), (3, 3)])
def test_as_many_remarks_are_told_as_are_wanted(tmp_path, most, told):
    page = tmp_path / "page.txt"
    page.write_text("Chad\n\nYearly Report 2022\n12\nWells\nOne thing.\nAnother.\nA third one.\n", encoding="utf-8")
    lines = run("import", page, "--remarks", most, "--data", tmp_path / "store").err.splitlines()
    assert len([line for line in lines if "not read" in line]) == told
    assert lines[told:] == ([f"and {3 - told} more remarks (--remarks 3 tells all)"] if told < 3 else [])


def test_progress_is_shown_on_a_terminal_only(store, new):
    ours, theirs = pty.openpty()
    done = subprocess.run(
        command("import", new, "--data", store),
        stdout=subprocess.PIPE,
        stderr=theirs,
        env=environment(TERM="xterm"),
        check=True,
    )
    os.close(theirs)
    assert b"Reading" in os.read(ours, 65_536)
    os.close(ours)
    assert done.stdout.startswith(b"1 created")


# Export


def test_a_part_is_exported_with_all_that_it_cites_and_can_be_imported(store, tmp_path):
    where = '{"indicator": {"name": {"contains": "a"}}, "value": {"isNull": false}}'
    part = tmp_path / "part.jsonl"
    assert run("export", "--kind", "metric", "--where", where, "-o", part, "--data", store).code == 0
    rows = [json.loads(row) for row in part.read_text("utf-8").splitlines()]
    assert {row["kind"] for row in rows if "kind" in row} >= {"METRIC", "INDICATOR", "SOURCE"}
    assert run("import", part, "--data", tmp_path / "other").code == 0
    assert run("export", "--data", tmp_path / "other").out == part.read_text("utf-8")


@pytest.mark.parametrize("format", WRITABLE)
def test_every_format_is_written_and_equal_graphs_give_equal_files(store, tmp_path, format):
    for name in ("a", "b"):
        assert run("export", "--format", format, "-o", tmp_path / name, "--data", store).code == 0
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() != b""


def test_an_export_is_of_the_version_that_is_named(store):
    before = run("export", "--data", store).out
    assert run("import", "-", "--data", store, stdin=NEW).code == 0
    assert run("export", "--data", store).out != before
    assert run("export", "--as-of", 1, "--data", store).out == before
    told = refused("export", "--as-of", 7, "--data", store)
    assert told == "fieldgraph: There is no version 7. The newest is 2, and the first is 1.\n"


def test_entities_have_the_address_that_is_given(store):
    given = run("export", "--format", "jsonld", "--base", "https://graph.example.org/x/", "--data", store).out
    assert '"@id":"https://graph.example.org/x/e/country:ML"' in given
    assert '"@id":"http://127.0.0.1:8000/e/country:ML"' in run("export", "--format", "jsonld", "--data", store).out


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--where", "{}"], "where needs a kind: say of which kind the entities are that it filters."),
        (
            ["--kind", "COUNTRIES"],
            "There is no kind 'COUNTRIES'. Known are: COUNTRY, PLACE, PROJECT, EVENT, PARTNER, INDICATOR, METRIC,",
        ),
        (["--kind", "PROJECT", "--where", "{"], "where is not JSON: Input data was truncated."),
        (
            ["--kind", "PROJECT", "--where", '{"status": {"eq": "OVER"}}'],
            "where.status.eq: Value 'OVER' does not exist in 'ProjectStatus' enum.",
        ),
        (
            ["--kind", "PROJECT", "--where", '{"nam": {"eq": "Koro"}}'],
            "where: Expected value of type 'ProjectFilter' not to include unknown field 'nam'. Did you mean 'name'",
        ),
        (["--kind", "PROJECT", "--where", '{"name": null}'], "name is null, which a filter cannot mean"),
        (["--kind", "PROJECT", "--where", "[" * 100 + "]" * 100], "The JSON of the request is nested deeper than 64."),
        (
            ["--kind", "METRIC", "--format", "hxl"],
            "The format hxl has no place for METRIC. It can be asked for",
        ),
        (["--base", "example.org"], "FIELDGRAPH_BASE is 'example.org', but must be an address, such as https://"),
    ],
)
def test_what_cannot_be_exported_is_told(store, tmp_path, options, told):
    assert refused("export", *options, "-o", tmp_path / "out", "--data", store).startswith(f"fieldgraph: {told}")
    assert not (tmp_path / "out").exists()


# Export, schema: where it is written to


def test_what_is_exported_appears_whole_in_place_of_what_was_there(store, tmp_path):
    target, link = tmp_path / "out.jsonl", tmp_path / "link.jsonl"
    target.write_text("old")
    link.symlink_to(target.name)
    assert run("export", "-o", link, "--data", store).code == 0
    assert link.is_symlink()
    assert target.read_text("utf-8") == text_of(graph_of(SMALL_WORLD))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.jsonl", "out.jsonl", "store"]


def test_a_pipe_is_written_to_and_stays_a_pipe(store, tmp_path):
    pipe, received = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = Thread(target=lambda: received.append(pipe.read_text("utf-8")))
    reader.start()
    assert run("export", "-o", pipe, "--data", store).code == 0
    reader.join(10)
    assert received == [text_of(graph_of(SMALL_WORLD))]
    assert pipe.is_fifo()


def test_a_reader_that_leaves_is_no_error_to_talk_about(tmp_path):
    with closing(Graph.open(tmp_path)) as graph:
        graph.apply(write({"id": f"project:{n}", "kind": "PROJECT", "name": "x" * 50}) for n in range(5_000))
    for what in (command("export", "--data", tmp_path), command("schema")):
        with subprocess.Popen(what, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            assert process.stdout.readline() != b""
            process.stdout.close()
            assert process.stderr.read() == b""


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="this system has no /dev/full")
@pytest.mark.parametrize("what", [["export"], ["query", "{ __typename }"], ["import", "-"]], ids=lambda what: what[0])
def test_an_output_that_is_full_is_told(store, what):
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            command(*what, "--data", store),
            input=b"",
            stdout=full,
            stderr=subprocess.PIPE,
            env=environment(),
            check=False,
        )
    assert done.returncode == 1
    assert (
        done.stderr == b"fieldgraph: standard output cannot be written: No space left on device. Name another file.\n"
    )


@pytest.mark.parametrize(("target", "why"), [("none/out", "No such file or directory"), (".", "Is a directory")])
def test_a_place_that_cannot_be_written_is_told(tmp_path, target, why):
    told = refused("schema", "-o", target, cwd=tmp_path)
    assert told == f"fieldgraph: {target} cannot be written: {why}. Name another file.\n"


def test_a_format_nobody_knows_is_answered_with_those_there_are(store):
    told = refused("export", "--format", "xml", "--data", store)
    known = "jsonl, csv, jsonld, graphml, geojson, hxl"
    assert told == f"fieldgraph: There is no format 'xml' to export. Known are: {known}.\n"


def test_the_schema_is_the_committed_one():
    committed = Path(__file__).parents[1] / "api" / "schema.graphql"
    assert run("schema").out == committed.read_text("utf-8")


# Query


def answered(*arguments: object, **options: Any) -> Any:
    done = run("query", *arguments, **options)
    assert (done.code, done.err) == (0, "")
    assert done.out.count("\n") == 1
    return json.loads(done.out)["data"]


def test_a_document_is_given_as_text_as_a_file_or_on_standard_input(store, tmp_path):
    called = 'query Called($code: String!) { country(code: $code) { label(languages: ["ar"]) { value } } }'
    document = f"{called} query Other {{ __typename }}"
    (tmp_path / "called.graphql").write_text(document)
    for given, stdin in [(document, ""), (tmp_path / "called.graphql", ""), ("-", document)]:
        options = ("--operation", "Called", "--variables", '{"code": "ML"}', "--data", store)
        assert answered(given, *options, stdin=stdin) == {"country": {"label": {"value": "مالي"}}}


def test_errors_are_in_the_answer_and_in_the_exit_code(store):
    done = run("query", '{ country(code: "ML") { name } countries(first: 101) { totalCount } }', "--data", store)
    assert done.code == 1
    answer = json.loads(done.out)
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    done = run("query", "{ nonsense }", "--data", store)
    assert (done.code, json.loads(done.out)["errors"][0]["extensions"]["code"]) == (1, "GRAPHQL_VALIDATION_FAILED")


@pytest.mark.parametrize(
    ("arguments", "stdin", "told"),
    [
        (["nonsense"], b"", "'nonsense' is neither a GraphQL document nor a file that holds one: "),
        (["-"], b"\xff{}", "'-' is neither a GraphQL document nor a file that holds one: 'utf-8' codec can't decode"),
        (
            ["{ __typename }", "--variables", "[1]"],
            b"",
            "--variables is no JSON object: Expected `object`, got `array`. Give one",
        ),
        (
            ["{ __typename }", "--variables", "{"],
            b"",
            "--variables is no JSON object: Input data was truncated. Give one",
        ),
        (
            ["{ __typename }", "--variables", '{"a":' * 9_999],
            b"",
            "--variables is no JSON object: maximum recursion depth",
        ),
        (["{ __typename }", "--variables", '{"a":"\udcff"}'], b"", "--variables is no JSON object: "),
    ],
)
def test_what_is_no_question_is_told(store, arguments, stdin, told):
    assert refused("query", *arguments, "--data", store, stdin=stdin).startswith(f"fieldgraph: {told}")


# Explain


def test_how_a_document_is_answered_is_told(store):
    query = (
        "query Q($code: String!) { country(code: $code) { projects(where: {status: {eq: SUSPENDED}}) { totalCount } } }"
    )
    options = ("--variables", '{"code": "ML"}', "--operation", "Q", "--data", store)
    done = run("explain", query, *options, explain=False)
    assert (done.code, done.err) == (0, "")
    assert re.sub(r"\d+\.\d{3}", "0.000", done.out) == (
        "Answered compiled, at version 1, in 0.000 ms.\n"
        "\n"
        "step        in  out     ms  by index      asked\n"
        "country      1    1  0.000  code; alpha3  find COUNTRY by code or alpha3\n"
        "  projects   1    1  0.000                count projectsInside where status = SUSPENDED\n"
    )
    done = run("explain", query, *options, "--executor", "reference")
    assert done.out.startswith("Answered by graphql-core, at version 1, in ")


def test_errors_are_told_beside_the_plan_and_in_the_exit_code(store):
    done = run("explain", '{ country(code: "ML") { name } a: countries(first: 101) { totalCount } }', "--data", store)
    assert (done.code, done.err) == (1, "fieldgraph: a: first is 101; a page holds 1 to 100 items.\n")
    assert "\ncountry " in done.out
    done = run("explain", "{ nonsense }", "--data", store)
    assert (done.code, done.out) == (1, "")
    assert "\nfieldgraph: Cannot query field 'nonsense' on type 'Query'. " in done.err


# The seed


def has_seed(directory: Path) -> bool:
    return SEEDED in held_by(directory)[1]


def test_an_empty_store_is_seeded_once_for_whatever_asks_first(tmp_path, new):
    document = f'{{ project(id: "{SEEDED}") {{ id }} }}'
    assert answered(document, "--data", tmp_path) == {"project": {"id": SEEDED}}
    run("import", "-", "--data", tmp_path, stdin=f'{{"remove": "{SEEDED}"}}')
    assert answered(document, "--data", tmp_path) == {"project": None}
    with serving("--data", tmp_path) as (_, announced):
        assert ask(url_of(announced), document) == {"project": None}
    assert held_by(tmp_path)[0] == 2


def test_a_store_made_by_an_import_is_not_seeded(tmp_path, new):
    assert run("import", new, "--data", tmp_path / "data").code == 0
    with serving("--data", tmp_path / "data") as (_, announced):
        assert announced.startswith("Fieldgraph serves 1 entities and 0 relations on http://127.0.0.1:")
        assert ask(url_of(announced), "{ projects { totalCount } countries { totalCount } }") == {
            "projects": {"totalCount": 1},
            "countries": {"totalCount": 0},
        }
    assert not has_seed(tmp_path / "data")


@pytest.mark.parametrize(("arguments", "settings"), [(["--no-seed"], {}), ([], {"seed": "false"})])
def test_the_seed_can_be_left_out(tmp_path, arguments, settings):
    document = "{ countries { totalCount } }"
    assert answered(document, "--data", tmp_path, *arguments, **settings) == {"countries": {"totalCount": 0}}
    assert held_by(tmp_path) == (0, "")
    # Whoever only reads does not fill the empty store that somebody made; a service does.
    assert answered(document, "--data", tmp_path) == {"countries": {"totalCount": 0}}


def test_an_option_brings_the_seed_that_the_environment_leaves_out(tmp_path):
    answer = answered("{ countries { totalCount } }", "--data", tmp_path, "--seed", seed="false")
    assert answer["countries"]["totalCount"] > 200


# Serve


def test_an_import_while_the_service_runs_is_seen_within_a_second(store, new):
    with serving("--data", store) as (_, announced):
        url = url_of(announced)
        assert ask(url, '{ project(id: "project:new") { name } }') == {"project": None}
        assert run("import", new, "--data", store).code == 0
        deadline = time.monotonic() + 1
        while ask(url, '{ project(id: "project:new") { name } }') != {"project": {"name": "New"}}:
            assert time.monotonic() < deadline
        assert httpx.get(f"{url}/readyz").json() == {"ready": True, "version": 2}


LENGTH = 300
ASKED = [
    {"query": '{ country(code: "ML") { name } }'},
    {"query": "{ unknown }"},
    {"query": "{"},
    {"query": "query ($c: String!) { country(code: $c) { name } }", "variables": {"c": 5}},
    {"query": "mutation { save(input: {}) { userErrors { message } } }"},
    {"query": "{ central(kind: PARTNER, first: 2) { nodes { score } } }"},
    {"query": "{ projects { nodes { id } } }", "extensions": {"citations": True}},
    {"query": "subscription { changes { version } }"},
    [],
]


def posted(connection: HTTPConnection, body: bytes, headers: dict[str, str]) -> tuple[object, ...]:
    """What is answered, but for what is of the moment."""
    connection.request("POST", "/graphql", body, {"Content-Type": "application/json", **headers})
    response = connection.getresponse()
    shown = re.sub(rb'"requestId":"[^"]*"', b"", response.read())
    fleeting = {"date", "x-request-id"}
    return response.status, [each for each in response.getheaders() if each[0].lower() not in fleeting], shown


def test_what_comes_over_a_connection_that_asked_before_is_answered_as_on_a_new_one(store):
    """From the third request with the same head on, requests go a short way (api/heads.py)."""
    token = run("token", "create", "writer", "--scope", "write", "--data", store).out.split()[-1]
    bodies = [json.dumps(asked).encode() for asked in ASKED]
    bodies = [body[:-1] + b" " * (LENGTH - len(body)) + body[-1:] for body in bodies] + [b"x" * LENGTH]
    own = {"Authorization": f"Bearer {token}"}
    with serving("--data", store) as (_, announced):
        host = urlsplit(url_of(announced)).netloc
        for headers in ({}, {"Accept": "application/graphql-response+json"}, {"Accept-Encoding": "gzip"}, own):
            with closing(HTTPConnection(host, timeout=20)) as known:
                for _ in range(2):
                    posted(known, bodies[0], headers)
                for body in bodies:
                    with closing(HTTPConnection(host, timeout=20)) as new:
                        assert posted(known, body, headers) == posted(new, body, headers)
        with closing(HTTPConnection(host, timeout=20)) as known:
            assert [posted(known, bodies[0], own)[0] for _ in range(3)] == [200] * 3
            run("token", "revoke", "writer", "--data", store)
            assert posted(known, bodies[0], own)[0] == 401


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_the_service_ends_with_0_when_it_is_told_to(store, sig):
    with serving("--data", store) as (process, announced):
        assert ask(url_of(announced), "{ __typename }") == {"__typename": "Query"}
        process.send_signal(sig)
        assert process.wait(10) == 0
    assert [path.name for path in store.iterdir()] == [STORE]


def test_a_port_in_use_is_told_before_anything_is_made(tmp_path):
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        told = refused("serve", "--port", port, "--data", tmp_path / "store")
    in_use = f"Port {port} of 127.0.0.1 is in use by another program. Stop it, or give another port with --port."
    assert told == f"fieldgraph: {in_use}\n"
    assert not (tmp_path / "store").exists()


# Settings


def test_no_workers_at_all_are_refused(tmp_path):
    told = refused("serve", "--workers", 0, "--data", tmp_path)
    assert told == "fieldgraph: FIELDGRAPH_WORKERS is 0, but must be a whole number from 1 to 64.\n"


def test_host_port_and_data_can_be_set_in_the_environment(store):
    with closing(socket.create_server(("127.0.0.1", 0))) as probe:
        port = probe.getsockname()[1]
    with serving(host="localhost", port=port, data=store) as (_, announced):
        assert announced.startswith("Fieldgraph serves 15 entities and 21 relations on http://")
        assert f":{port}/graphql" in announced
        assert ask(f"http://localhost:{port}", "{ countries { totalCount } }") == {"countries": {"totalCount": 2}}


def test_an_option_goes_before_the_environment(store, tmp_path):
    assert "country:ML" in run("export", "--data", store, data=tmp_path / "nothing").out
    assert not (tmp_path / "nothing").exists()


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"port": "http"}, "FIELDGRAPH_PORT is 'http', but must be a whole number from 0 to 65535."),
        ({"workers": "two"}, "FIELDGRAPH_WORKERS is 'two', but must be a whole number from 1 to 64."),
        ({"wait": "-1"}, "FIELDGRAPH_WAIT is '-1', but must be a number of seconds from 0 on."),
        (
            {"host": "no-such-host.invalid"},
            "'no-such-host.invalid' is no address of this machine. Give another one with --host.",
        ),
    ],
)
def test_a_setting_without_meaning_is_told(settings, told, tmp_path):
    assert refused("serve", data=tmp_path, **settings) == f"fieldgraph: {told}\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("arguments", "settings"), [(["--wait", "0.1"], {}), ([], {"wait": "0.1"})])
def test_a_write_lock_kept_too_long_is_told_with_its_holder(store, new, arguments, settings):
    before = held_by(store)
    with held(store / STORE) as pid:
        told = refused("import", new, "--data", store, *arguments, **settings)
        assert answered("{ countries { totalCount } }", "--data", store) == {"countries": {"totalCount": 2}}
    who = f"Process {pid}" if Path("/proc/locks").exists() else "Another process"
    assert told == (
        f"fieldgraph: {who} is writing to the store {store / STORE}."
        " Try again when it has finished, or wait longer with --wait.\n"
    )
    assert held_by(store) == before


# Stores that cannot be used


DAMAGED = (
    "The store {0} is damaged at commit 1, change 5. It was left as it is. Restore a backup, or save what came before"
    " the damage with `fieldgraph recover --data {0.parent} --to DIR`."
)
NOT_OURS = "{0} is not a Fieldgraph store. It was left as it is; choose another directory with --data."


def damaged(store: Path) -> bytes:
    content = bytearray(store.read_bytes())
    place = content.index(b"Koro clinic")
    content[place] ^= 1
    return bytes(content)


def foreign(store: Path) -> bytes:
    store.unlink()
    with closing(sqlite3.connect(store)) as db:
        db.execute("CREATE TABLE diary (day, text)")
        db.commit()
    return store.read_bytes()


@pytest.mark.parametrize(
    ("what", "make", "told"),
    [
        (["serve"], damaged, DAMAGED),
        (["query", "{ __typename }"], damaged, DAMAGED),
        (["import", "-"], damaged, DAMAGED),
        (["export"], damaged, DAMAGED),
        (["serve"], foreign, NOT_OURS),
        (["serve", "--workers", "2"], damaged, DAMAGED),
        (["import", "-"], foreign, NOT_OURS),
        (["export"], lambda store: b"", NOT_OURS),
    ],
)
def test_a_store_that_cannot_be_used_is_told_and_left_as_it_is(store, what, make, told):
    path = store / STORE
    content = make(path)
    path.write_bytes(content)
    assert refused(*what, "--data", store, stdin=NEW, port=0) == f"fieldgraph: {told.format(path)}\n"
    assert path.read_bytes() == content
    assert [file.name for file in store.iterdir()] == [STORE]


@pytest.mark.parametrize(
    ("directory", "why"),
    [("file", "File exists"), ("file/in", "Not a directory"), ("/proc/none", "No such file or directory")],
)
def test_a_directory_that_cannot_be_written_is_told(tmp_path, new, directory, why):
    (tmp_path / "file").write_text("mine")
    data = tmp_path / directory
    assert refused("import", new, "--data", data) == (
        f"fieldgraph: The data directory {data} cannot be used: {why}. Choose another with --data.\n"
    )
    assert (tmp_path / "file").read_text() == "mine"


# Kill -9

KILLS = {"import": 12, "first start": 8}


def many_lines(chance: Random) -> list[dict[str, Any]]:
    """A world of a few thousand lines."""
    places = [{"id": f"place:{n}", "kind": "PLACE", "name": f"Place {n}", "type": "TOWN"} for n in range(500)]
    projects = [
        {"id": f"project:{n}", "kind": "PROJECT", "name": f"Project {n}", "summary": "x" * 2_000} for n in range(1_500)
    ]
    located = [
        {"relation": "LOCATED_IN", "subject": project["id"], "object": f"place:{chance.randrange(500)}"}
        for project in projects
    ]
    return [*places, *projects, *located]


@pytest.fixture(scope="module")
def many(tmp_path_factory) -> tuple[Path, str]:
    """A file of a few thousand lines, and what a store with the small world and these lines holds."""
    lines = many_lines(Random(1))
    path = tmp_path_factory.mktemp("many") / "many.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path, text_of(graph_of([*SMALL_WORLD, *lines]))


def kill_in_time(process: subprocess.Popen[bytes], store: Path, chance: Random) -> bool:
    """Kills the process at a random moment, in half of the cases while it writes; says whether it had ended before."""
    deadline = time.monotonic() + chance.uniform(0.05, 1.5)
    if chance.random() < 0.5:
        log = Path(f"{store}-wal")
        deadline = time.monotonic() + READY_WITHIN
        while process.poll() is None and time.monotonic() < deadline and not (log.exists() and log.stat().st_size):
            pass  # what is written is written within milliseconds: to sleep would be to miss it
        deadline = time.monotonic() + chance.choice([0, 0, 0.002, 0.01, 0.05, 0.2])
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.001)
    ended = process.poll() is not None
    process.kill()
    process.wait()
    return ended


@pytest.mark.parametrize("seed", range(KILLS["import"]))
def test_an_import_killed_at_any_moment_is_there_or_not_and_succeeds_when_repeated(store, many, seed):
    path, expected = many
    acknowledged = held_by(store)
    with subprocess.Popen(
        command("import", path, "--data", store), stdout=subprocess.PIPE, env=environment()
    ) as process:
        ended = kill_in_time(process, store / STORE, Random(seed))
        assert process.stdout is not None
        told = process.stdout.read()
    version, text = found = held_by(store)
    assert found in (acknowledged, (2, expected))
    if ended or told:
        assert (version, text) == (2, expected)
    with closing(Graph.open(store)) as graph:
        again = import_files(graph, [path])
        assert again.applied.version == 2
        export(graph, store / "out.jsonl")
    assert (store / "out.jsonl").read_text("utf-8") == expected


@pytest.mark.parametrize("seed", range(KILLS["first start"]))
def test_a_first_start_killed_at_any_moment_leaves_the_whole_seed_or_none_of_it(tmp_path, seeded, seed):
    arguments = command("serve", "--data", tmp_path)
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, env=environment(port=0)) as process:
        assert not kill_in_time(process, tmp_path / STORE, Random(1_000 + seed))
        assert process.stdout is not None
        told = process.stdout.read()
    whole = (1, text_of(seeded))
    found = held_by(tmp_path)
    assert found in ((0, ""), whole)
    if told:
        assert found == whole
    if seed == 0:
        with serving("--data", tmp_path) as (_, announced):
            assert announced.startswith("Fieldgraph serves ")
        assert held_by(tmp_path) == whole


def test_a_refused_import_into_a_new_directory_leaves_an_empty_store(tmp_path):
    refused("import", "-", "--data", tmp_path / "store", stdin="{}\n")
    assert held_by(tmp_path / "store") == (0, "")


# Teaching


def test_help_teaches_a_newcomer():
    told = run("--help").out
    for word in (
        "serve",
        "query",
        "explain",
        "backup",
        "verify",
        "recover",
        "import",
        "export",
        "schema",
        "FIELDGRAPH_DATA",
        "http://127.0.0.1:8000/graphql",
    ):
        assert word in told


# Check

WRONG = '{"id": "project:wrong", "kind": "PROJECT", "name": "Wrong\\u001b", "startedOn": "2023", "endedOn": "2022"}\n'


def test_what_looks_wrong_is_told_and_errors_are_in_the_exit_code(store):
    before = held_by(store)
    done = run("check", "--data", store)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("INFO unsourced: country:BF cites no source, and 1 of the relations that leave")
    assert done.out.endswith("14 findings at version 1: 0 ERROR, 0 WARNING, 14 INFO.\n  unsourced  INFO     14\n")
    assert held_by(store) == before
    run("import", "-", "--data", store, stdin=WRONG)
    done = run("check", "--data", store)
    assert (done.code, done.err) == (1, "")
    first = "ERROR ends-before-start: project:wrong ends (endedOn 2022) before it starts (startedOn 2023). "
    assert done.out.startswith(first)
    assert " at version 2: 1 ERROR, " in done.out
    assert "\n  ends-before-start  ERROR    1\n" in done.out


def test_findings_are_told_to_programs(store):
    run("import", "-", "--data", store, stdin=WRONG)
    done = run("check", "--data", store, "--format", "json")
    assert done.code == 1
    told = json.loads(done.out)
    assert (told["version"], told["summary"][0]) == (
        2,
        {"rule": "ends-before-start", "severity": "ERROR", "count": 1},
    )
    assert sum(rule["count"] for rule in told["summary"]) == len(told["findings"])
    assert told["findings"][0]["entities"] == ["project:wrong"]
    rows = run("check", "--data", store, "--format", "jsonl").out.splitlines()
    assert [json.loads(row) for row in rows] == told["findings"]


def test_a_check_makes_no_store(tmp_path):
    told = refused("check", "--data", tmp_path / "none")
    assert told == f"fieldgraph: There is no store in {tmp_path}/none. Name another directory with --data.\n"
    assert not (tmp_path / "none").exists()
    told = refused("check", "--data", tmp_path, "--format", "xml")
    assert told == "fieldgraph: There is no format 'xml'. Known are: text, json, jsonl.\n"


# Looking after a store


def test_a_store_is_backed_up_while_it_is_served_and_restored(store, new, tmp_path):
    backup = tmp_path / "backup.sqlite"
    with serving("--data", store):
        assert run("import", new, "--data", store).code == 0
        assert run("backup", backup, "--data", store) == (0, f"{backup} holds the store at version 2.\n", "")
    assert refused("backup", backup, "--data", store) == (
        f"fieldgraph: {backup} exists, and a backup replaces nothing. Name another file.\n"
    )
    (tmp_path / "restored").mkdir()
    backup.rename(tmp_path / "restored" / STORE)
    exports = [run("export", "--data", directory).out for directory in (store, tmp_path / "restored")]
    assert exports[0] == exports[1]
    assert "project:new" in exports[0]


def test_a_served_store_is_verified_with_its_snapshots(store):
    changes = len(SMALL_WORLD)
    with serving("--data", store, snapshot_changes=1):
        deadline = time.monotonic() + READY_WITHIN
        while not list(store.glob("*.snapshot")) and time.monotonic() < deadline:
            time.sleep(0.05)
        told = f"All is as it was written: {changes} changes in 1 commit, and 1 snapshot.\n"
        assert run("verify", "--data", store) == (0, told, "")


def test_damage_is_told_with_what_to_do_and_what_came_before_it_is_saved(store, new, tmp_path):
    run("import", new, "--data", store)
    expected = held_by(store)
    path = store / STORE
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE changes SET checksum = 7 WHERE version = 2")
        db.commit()
    advice = f"`fieldgraph recover --data {store} --to DIR`."
    assert run("verify", "--data", store) == (
        1,
        f"The store {path} is damaged: commit 2, change 0 is not what was written.\n"
        f"Whole are {len(SMALL_WORLD)} changes in 1 commit before any damaged record. Restore a backup, or save what"
        f" came before the damage with {advice}\n",
        "",
    )
    assert advice in refused("export", "--data", store)
    saved = tmp_path / "saved"
    assert run("recover", "--data", store, "--to", saved) == (
        0,
        f"{saved} holds {len(SMALL_WORLD)} changes in 1 commit, all that came before the damage of {path} at commit 2,"
        " change 0.\n",
        "",
    )
    assert held_by(saved)[0] == 1
    assert run("import", new, "--data", saved).code == 0
    assert held_by(saved) == expected


def test_a_damaged_snapshot_is_no_reason_to_recover(store, tmp_path):
    with closing(Graph.open(store)) as graph:
        assert graph.take_snapshot(1)
    path = store / "fieldgraph.1.snapshot"
    path.write_bytes(path.read_bytes()[:-1])
    done = run("verify", "--data", store)
    assert done.code == 1
    assert done.out.startswith(f"The snapshot {path} is damaged at byte ")
    assert "Delete it: the journal holds all that it held." in done.out
    done = run("recover", "--data", store, "--to", tmp_path / "saved")
    assert (done.code, "is whole, so nothing was written" in done.out) == (0, True)
    assert not (tmp_path / "saved").exists()
    done = run("export", "--data", store)
    assert (done.code, "is damaged at byte" in done.err) == (0, True)


@pytest.mark.parametrize("what", [["backup", "copy"], ["verify"], ["recover", "--to", "saved"]])
def test_whoever_looks_after_a_store_makes_none(tmp_path, what):
    told = refused(*what, "--data", tmp_path, cwd=tmp_path)
    assert told == f"fieldgraph: There is no store in {tmp_path}. Name another directory with --data.\n"
    assert list(tmp_path.iterdir()) == []
