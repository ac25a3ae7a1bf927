"""What the documents say is so: README's snippets run, its table has every setting, links lead somewhere.

Commands are shown in `console` blocks, each after "$ " and with what it prints where that is worth showing. They run
one after the other in one directory, with one store, as a reader would run them.
"""

import asyncio
import doctest
import importlib
import json
import os
import re
import socket
import subprocess
import sysconfig
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from api.__main__ import executor_of
from api.access import ANONYMOUS
from api.execute import GraphQLRequest
from api.feed import Feed
from api.settings import PREFIX, Settings
from graph.graph import Graph
from graph.model import Line
from graph.parse import write
from graph.quality.table import RULES
from graph.vocabulary import FindingSeverity
from seed.load import records

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "seed").rglob("*.md")]

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")
READY_WITHIN = 20  # seconds


class Block(NamedTuple):
    language: str
    text: str
    line: int

    def __str__(self) -> str:
        return f"{self.language}-{self.line}"


BLOCKS = [Block(found[1], found[2], README.count("\n", 0, found.start()) + 1) for found in BLOCK.finditer(README)]


def written_in(language: str) -> list[Block]:
    return [block for block in BLOCKS if block.language == language]


def test_every_snippet_is_of_a_kind_that_runs_here():
    assert {block.language for block in BLOCKS} == {"console", "graphql", "jsonl", "pycon"}


def is_subscription(block: Block) -> bool:
    return block.text.startswith("subscription")


@pytest.mark.parametrize("block", [block for block in written_in("graphql") if is_subscription(block)], ids=str)
def test_a_subscription_of_the_readme_tells_what_changes(block):
    graph = Graph.in_memory()
    executor = executor_of(graph, Settings())
    feed = Feed(graph, executor, Settings())

    async def first_told():
        operation = executor.prepare(GraphQLRequest(block.text), ANONYMOUS, streamed=True)
        subscriber = await feed.subscribe(operation, {})
        graph.apply(write(record) for record in records())
        return await subscriber.next()

    told = [json.loads(event.body) for event in asyncio.run(first_told())]
    assert [answer for answer in told if "errors" in answer or None in answer["data"].values()] == []


@pytest.mark.parametrize("block", [block for block in written_in("graphql") if not is_subscription(block)], ids=str)
def test_a_query_of_the_readme_finds_what_it_asks_for(block, ask):
    answer = ask(block.text)
    assert "errors" not in answer
    assert [field for field, value in answer["data"].items() if value is None] == []


@pytest.mark.parametrize("block", written_in("jsonl"), ids=str)
def test_graph_lines_of_the_readme_fit_the_seed(block):
    graph = Graph.in_memory()
    graph.apply(write(record) for record in records())
    assert graph.check([Line(write(json.loads(row))) for row in block.text.splitlines()]) == []


@pytest.mark.parametrize("block", written_in("pycon"), ids=str)
def test_a_python_session_of_the_readme_shows_what_python_shows(block):
    session = doctest.DocTestParser().get_doctest(block.text, {}, str(block), "README.md", block.line)
    assert failures_of(session) == ""


def test_the_commands_of_the_readme_do_what_is_shown(tmp_path):
    environment = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)} | {
        "PATH": f"{sysconfig.get_path('scripts')}{os.pathsep}{os.environ['PATH']}",
        f"{PREFIX}DATA": str(tmp_path / "store"),
        f"{PREFIX}PORT": str(free_port()),
    }
    for command, shown in commands():
        if command.startswith("make "):
            assert re.search(rf"^{command.split()[1]}:", MAKEFILE, re.MULTILINE), f"Makefile knows no {command!r}"
        elif command.startswith("curl "):
            with serving("fieldgraph serve", tmp_path, environment):
                assert streamed(command, environment, len(shown)) == shown
        elif command.startswith("fieldgraph serve"):
            with serving(command, tmp_path, environment) as service:
                pass
            assert service.returncode == 0, f"{command!r}, told to stop, exited with {service.returncode}"
        else:
            done = subprocess.run(
                command, shell=True, cwd=tmp_path, env=environment, capture_output=True, encoding="utf-8", check=False
            )
            assert done.returncode == 0, f"{command!r} exited with {done.returncode}: {done.stderr}"
            assert not shown or value_of(done.stdout) == value_of(shown), command


def test_ci_runs_the_commands_that_the_readme_gives_for_tests():
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert [line for line in script if line.startswith("make ")] == ["make check", "make test"]
    assert "make test" in [command for command, _ in commands()]


def test_the_readme_lists_every_setting_with_its_default_and_meaning(monkeypatch):
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    expected = [
        f"| `{PREFIX}{name.upper()}` | {shown(field.get_default(call_default_factory=True))} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    assert [line for line in README.splitlines() if line.startswith(f"| `{PREFIX}")] == expected


def test_the_readme_lists_every_rule_with_its_severity_and_what_it_finds():
    expected = [f"| `{rule.name}` | {rule.severity} | {rule.finds} |" for rule in RULES]
    severities = "|".join(severity.name for severity in FindingSeverity)
    assert [line for line in README.splitlines() if re.match(rf"\| `[\w-]+` \| ({severities}) ", line)] == expected


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(document):
    targets = LINK.findall(document.read_text(encoding="utf-8"))
    assert [target for target in targets if not (document.parent / target).exists()] == []


@pytest.mark.parametrize(
    "module",
    [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for package in ("api", "graph", "seed")
        for path in sorted((ROOT / package).rglob("*.py"))
        if ">>> " in path.read_text(encoding="utf-8")
    ],
)
def test_examples_in_docstrings_show_what_python_shows(module):
    examples = doctest.DocTestFinder(exclude_empty=True).find(importlib.import_module(module))
    assert "".join(map(failures_of, examples)) == ""


def commands() -> Iterator[tuple[str, str]]:
    """Each command of the README with the output that is shown below it."""
    for block in written_in("console"):
        for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            yield command, output


def value_of(output: str) -> object:
    """What an output says, however JSON is laid out."""
    try:
        return json.loads(output)
    except json.JSONDecodeError:
        return output.strip()


def shown(default: object) -> str:
    """A default as the README writes it."""
    if isinstance(default, Path):
        return f"`~/{default.relative_to(Path.home()).as_posix()}`"
    if isinstance(default, tuple):
        return f"`{','.join(default)}`" if default else "none"
    if default == "":
        return "none"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def streamed(command: str, environment: dict[str, str], length: int) -> str:
    """The first that a command prints which goes on until it is ended."""
    at_port = command.replace(":8000", f":{environment[f'{PREFIX}PORT']}")
    with subprocess.Popen(f"exec {at_port}", shell=True, env=environment, stdout=subprocess.PIPE) as process:
        alarm = threading.Timer(READY_WITHIN, process.kill)
        alarm.start()
        assert process.stdout is not None
        read = process.stdout.read(length)
        alarm.cancel()
        process.kill()
    return read.decode()


def failures_of(examples: doctest.DocTest) -> str:
    told: list[str] = []
    doctest.DocTestRunner(verbose=False).run(examples, out=told.append)
    return "".join(told)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def serving(command: str, directory: Path, environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """The service that the command starts, from when it is ready until it has been told to stop and did."""
    log = directory / "service.log"
    with (
        log.open("w", encoding="utf-8") as output,
        subprocess.Popen(
            f"exec {command}", shell=True, cwd=directory, env=environment, stderr=output, stdout=output
        ) as service,
    ):
        try:
            address = f"http://127.0.0.1:{environment[f'{PREFIX}PORT']}/readyz"
            deadline = time.monotonic() + READY_WITHIN
            while not answers(address):
                assert service.poll() is None, f"{command!r} ended: {log.read_text(encoding='utf-8')}"
                assert time.monotonic() < deadline, f"{command!r} was not ready after {READY_WITHIN} s"
                time.sleep(0.05)
            yield service
        finally:
            service.terminate()
            service.wait(timeout=READY_WITHIN)


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=1) as answer:
            return answer.status == 200
    except OSError:  # not there yet, or too busy with its first start to answer within the second
        return False
