"""After a write nothing stale is served over HTTP: no fragment, no page, no plan, no entity tag.

That an executor or an engine answers nothing stale stands in test_compiled.py and test_adjacency.py. Here the whole
application answers a few operations that leave much to be remembered, again and again while the store changes, and a
client keeps every answer and asks by its tag whether it still holds. What must be answered is what graphql-core says of
a graph rebuilt from the journal.
"""

import asyncio
import gzip
import json
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from urllib.parse import urlencode

import httpx
import pytest
from hypothesis import given, note

from api.__main__ import executor_of
from api.app import build_app
from api.compression import zstd
from api.execute import GraphQLRequest
from api.negotiation import GRAPHQL_JSON, JSON
from api.settings import Settings
from graph.adjacency import Adjacency, Known
from graph.engine import settle
from graph.graph import STORE, Graph
from graph.journal.journal import Head, Journal
from graph.journal.sqlite import SQLiteJournal
from graph.ordering import Shelf
from graph.pages import FirstPages
from graph.resident import Resident
from tests.api.small import feed_of
from tests.api.stage import permits
from tests.api.test_workers import WITHIN_S, connect_to, service
from tests.oracle import Line, applied
from tests.worlds import COMMIT, SHAPED_TEXTS, WORLD, Choices, choices, commit, examples, world

PAGING: dict[str, int] = {"default_page": 3, "compress_from": 200}
"""Small pages, so that lists have several; of the answers some are compressed and some are not."""

# What is asked. Each answer says which version it is of.

NAMED = "fragment Named on Entity { id name summary }"

COUNTRY = """
query Country($code: String!, $first: Int, $edges: Boolean!, $brief: Boolean!) {
  graph { version }
  country(code: $code) {
    ...Named
    projects(first: $first) {
      totalCount
      nodes { ...Named status @skip(if: $brief) partners { nodes { name type } } events { totalCount } }
    }
    partners(first: $first) @include(if: $edges) {
      edges { role roles since node { ...Named projects { nodes { name status } } } }
    }
    events @skip(if: $brief) { nodes { ...Named type places { nodes { name } } } }
  }
}
"""

BY_TERM = """
query ByTerm($status: ProjectStatus!, $type: PartnerType!, $event: EventType!, $first: Int, $brief: Boolean!) {
  graph { version }
  projects(where: {status: {eq: $status}}, first: $first) { totalCount nodes { id name status @skip(if: $brief) } }
  helped: projects(where: {partners: {some: {type: {eq: $type}}}}) { totalCount nodes { name } }
  countries(where: {projects: {some: {status: {eq: $status}}}}) { totalCount nodes { code name } }
  partners(where: {events: {some: {type: {eq: $event}}}}, first: $first) @skip(if: $brief) { nodes { ...Named type } }
  hurt: events(where: {type: {eq: $event}, projects: {some: {status: {eq: $status}}}}) { totalCount nodes { name } }
}
"""

PROJECTS = """
query Projects($first: Int, $edges: Boolean!) {
  graph { version }
  projects(first: $first) {
    edges @include(if: $edges) {
      cursor
      node {
        name
        places { edges { percentage sources { name } node { name country { name } } } }
        partners { edges { role since until sources { id } node { name type } } }
        events { edges { impact impacts node { name type } } }
      }
    }
    nodes { ...Named status partners { nodes { name type } } }
    pageInfo { hasNextPage endCursor }
  }
}
"""

COUNTED = """
query Counted {
  graph { version updatedAt entityCount relationCount counts { kind count } }
  countries(orderBy: [{field: PROJECT_COUNT, direction: DESC}, {field: NAME}]) {
    totalCount
    nodes { ...Named projects { totalCount } partners { totalCount } events(first: 1) { totalCount nodes { name } } }
  }
  projects(where: {status: {eq: SUSPENDED}, partners: {some: {type: {eq: GOVERNMENT}}}}) { totalCount nodes { name } }
  metrics { totalCount nodes { printed value year indicator { name countBasis } subject { id ...Named } } }
}
"""

NODE = """
query Node($id: ID!, $first: Int, $edges: Boolean!, $brief: Boolean!) {
  graph { version }
  node(id: $id) {
    __typename
    ... on Entity {
      ...Named
      sources(first: $first) { totalCount nodes { citation } }
      relations(first: $first) @include(if: $edges) {
        totalCount
        edges { node { kind role impact percentage sources { name } subject { ...Named } object { ...Named } } }
      }
    }
    ... on Project { status places { nodes { name } } partners(first: $first) { edges { roles node { name type } } } }
    ... on Event { type displacedFrom { name } followed { nodes { name } } projects { edges { impact node { name } } } }
    ... on Partner { partnerType: type parent { name } projects @skip(if: $brief) { nodes { ...Named status } } }
    ... on Place { parent { name } country { name } children { nodes { name } } projects { nodes { name status } } }
    ... on Country { region { name } projects { nodes { ...Named status } } events { totalCount nodes { name } } }
    ... on Metric { printed year indicator { name } subject { name } }
    ... on Source { citation entities(first: $first) { totalCount nodes { name kind } } }
  }
}
"""

DOCUMENTS = {
    text + (NAMED if "...Named" in text else ""): variables
    for text, *variables in [
        (COUNTRY, "code", "first", "edges", "brief"),
        (BY_TERM, "status", "type", "event", "first", "brief"),
        (PROJECTS, "first", "edges"),
        (COUNTED,),
        (NODE, "id", "first", "edges", "brief"),
    ]
}
"""Each document, with the names of its variables."""

FEW = {
    "PROJECT": ("status", ["SUSPENDED", "IMPLEMENTATION"]),
    "PARTNER": ("type", ["GOVERNMENT", "NATIONAL_NGO"]),
    "EVENT": ("type", ["FLOOD", "LOOTING"]),
}
"""The terms that entities have here: so few that a filter mostly finds something, and a write often moves it."""

VALUES = {
    "code": [*SHAPED_TEXTS["COUNTRY", "code"]],
    "first": [None, 1, 2, 100],
    "edges": [True, False],
    "brief": [False, True],
    "status": FEW["PROJECT"][1],
    "type": FEW["PARTNER"][1],
    "event": FEW["EVENT"][1],
}


class Question(NamedTuple):
    """A document and its variables, as JSON."""

    text: str
    variables: str

    def __str__(self) -> str:
        return f"{self.text.split()[1].partition('(')[0]} with {self.variables}"


class Form(NamedTuple):
    """What goes along with a question: the method, and which media type and coding the client takes."""

    method: str
    accept: str | None
    coding: str | None


FORMS = [
    Form("GET", None, None),
    Form("GET", JSON, "gzip"),
    Form("GET", GRAPHQL_JSON, None),
    Form("GET", f"{GRAPHQL_JSON}, {JSON};q=0.9", "gzip, zstd"),
    Form("POST", None, "zstd"),
]


def question_of(choose: Choices, text: str, lines: Sequence[Line]) -> Question:
    """The document with some variables."""
    values = VALUES | {"id": [line["id"] for line in lines if "id" in line] or ["nobody"]}
    return Question(text, json.dumps({name: choose.one(values[name]) for name in DOCUMENTS[text]}))


def with_few_terms(choose: Choices, lines: Sequence[Line]) -> list[Line]:
    """The lines with one of the few terms in each entity that has such an attribute."""
    made = []
    for line in lines:
        if line.get("kind") in FEW:
            attribute, terms = FEW[line["kind"]]
            line = line | {attribute: choose.one(terms)}
        made.append(line)
    return made


# What is answered


class Shown(NamedTuple):
    """An answer as it is sent: the body in its coding."""

    status: int
    tag: str | None
    media_type: str | None
    coding: str | None
    body: bytes

    @property
    def document(self) -> bytes:
        """The body out of its coding."""
        match self.coding:
            case "zstd":
                return zstd.decompress(self.body)
            case "gzip":
                return gzip.decompress(self.body)
        return self.body


def request_of(question: Question, form: Form, named: Sequence[str]) -> tuple[str, str, dict[str, str], bytes | None]:
    """Method, address, headers and body of a request that names these tags."""
    headers = {"Accept": form.accept, "Accept-Encoding": form.coding, "If-None-Match": ", ".join(named)}
    given = {name: value for name, value in headers.items() if value}
    if form.method == "GET":
        parameters = urlencode({"query": question.text, "variables": question.variables})
        return "GET", f"/graphql?{parameters}", given, None
    body = {"query": question.text, "variables": json.loads(question.variables)}
    return "POST", "/graphql", given | {"Content-Type": "application/json"}, json.dumps(body).encode()


class Rebuilt:
    """The graph at one version, made anew from the journal."""

    def show(self, journal: Journal, version: int) -> None:
        self.engine = Resident()
        self.engine.apply(journal.replay(0, version))
        self.head = Head(version, journal.commit(version).time if version else None)


REBUILT = Rebuilt()
REFERENCE = executor_of(REBUILT, Settings(executor="reference", **PAGING))  # type: ignore[arg-type]  # all that it takes


def due(journal: Journal, version: int, question: Question) -> bytes:
    """What graphql-core answers from the graph as it was at a version."""
    REBUILT.show(journal, version)
    answer = settle(REFERENCE.execute(GraphQLRequest(question.text, None, json.loads(question.variables))))
    assert not answer.has_errors, answer.body
    return answer.body


class Kept(NamedTuple):
    """What a client keeps with a tag: of which version the answer is, what was asked, and all of its bytes."""

    version: int
    question: Question
    form: Form
    shown: Shown


class History:
    """Every tag that was given, with what it was given for."""

    def __init__(self) -> None:
        self.kept: dict[str, Kept] = {}

    def keep(self, version: int, question: Question, form: Form, shown: Shown) -> None:
        """Takes an answer in. A tag stands for one answer to one request at one version, for good."""
        if form.method == "POST":
            assert shown.tag is None
            return
        assert shown.tag is not None
        kept = Kept(version, question, form, shown)
        assert self.kept.setdefault(shown.tag, kept) == kept

    def some(self, choose: Choices) -> list[str]:
        """Tags that a client may name: none, one, or all that there ever were."""
        tags = [*self.kept]
        return choose.one([tags, tags, [choose.one(tags)], []]) if tags else []


# One process

STEPS = 24
STEP = 60


class Story:
    """What is written to a store, here and elsewhere, and asked of the application that serves it here."""

    def __init__(self, choose: Choices, directory: Path, stack: ExitStack) -> None:
        self.graph = stack.enter_context(closing(Graph.open(directory)))
        self.elsewhere = stack.enter_context(closing(Graph.open(directory)))
        self.journal = stack.enter_context(closing(SQLiteJournal(directory / STORE)))
        self.history = History()
        self.lines = with_few_terms(choose.part(50), world(choose.part(WORLD)))
        assert permits(self.graph, self.lines)
        bounds = {
            "fragment_memory": choose.one([10**9, 10**9, 3_000]),
            "cached_operations": choose.one([1_000, 1_000, 1]),
            "plan_memory": choose.one([10**8, 1]),
        }
        settings = Settings(**bounds, **PAGING)
        executor = executor_of(self.graph, settings)
        self.app = build_app(
            executor,
            settings,
            feed_of(executor, self.graph),
            sdl="",
            state=lambda: (self.graph.head, settings.default_page),
            ready=dict,
        )
        texts = [choose.one([*DOCUMENTS]) for _ in range(3)]
        self.questions = [question_of(choose.part(10), text, self.lines) for text in texts]
        self.forms = [choose.one(FORMS) for _ in range(2)]
        note(f"within {bounds}")

    async def run(self, choose: Choices) -> None:
        transport = httpx.ASGITransport(app=self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            client.headers.clear()
            for _ in range(STEPS):
                step = choose.part(STEP)
                match step.one(["ask", "ask", "ask", "ask", "write", "write", "write elsewhere", "follow"]):
                    case "ask":
                        await self._ask(step, client)
                    case "write":
                        self._write(step, self.graph)
                    case "write elsewhere":
                        self._write(step, self.elsewhere)
                    case "follow":
                        self.graph.follow()

    def _write(self, choose: Choices, graph: Graph) -> None:
        about = [line["id"] for line in self.lines if line.get("kind") in FEW]
        changes = with_few_terms(choose.part(3), commit(choose, self.lines, size=2, about=about))
        if permits(graph, changes):
            note(f"written {'here' if graph is self.graph else 'elsewhere'}: {changes}")
            self.lines = applied(self.lines, changes)

    async def _ask(self, choose: Choices, client: httpx.AsyncClient) -> None:
        """Asks the same twice, first with tags that were given. Only the tag of the answer that is due now gets 304."""
        question, form = choose.one(self.questions), choose.one(self.forms)
        named = self.history.some(choose)
        version = self.graph.version
        note(f"asked at version {version}: {question}; {form}, naming {named}")
        conditional = await send(client, question, form, named)
        full = await send(client, question, form, [])
        assert full.status == 200
        assert full.document == due(self.journal, version, question)
        self.history.keep(version, question, form, full)
        if full.tag in named:
            assert (conditional.status, conditional.tag, conditional.body) == (304, full.tag, b"")
        else:
            assert conditional == full


async def send(client: httpx.AsyncClient, question: Question, form: Form, named: Sequence[str]) -> Shown:
    method, address, headers, body = request_of(question, form, named)
    async with client.stream(method, address, headers=headers, content=body) as response:
        sent = b"".join([part async for part in response.aiter_raw()])
        told = (response.headers.get(name) for name in ("etag", "content-type", "content-encoding"))
        return Shown(response.status_code, *told, sent)


@pytest.mark.parametrize(
    "room",
    [
        pytest.param({}, id="with room for everything"),
        pytest.param({Adjacency: {"BUDGET": 150}}, id="with little room for what paths reach"),
        pytest.param({Known: {"SIZES_KEPT": 1}, FirstPages: {"ROWS_KEPT": 1}}, id="with one page size and one row"),
        pytest.param({Adjacency: {"BULK": 2}, Shelf: {"BULK": 2}}, id="in bulk"),
    ],
)
@examples(20)
@given(choose=choices(WORLD + 100 + STEPS * STEP))
def test_whatever_is_written_every_answer_and_tag_is_of_the_version_that_there_is(
    room: dict[Any, dict[str, int]], choose: Choices
) -> None:
    with pytest.MonkeyPatch.context() as patch, TemporaryDirectory() as directory, ExitStack() as stack:
        for owner, bounds in room.items():
            for name, bound in bounds.items():
                patch.setattr(owner, name, bound)
        story = Story(choose, Path(directory), stack)
        asyncio.run(story.run(choose))


# Two workers

WRITES = examples(20).max_examples
NAMED_AT_ONCE = 300
"""Tags that fit into one header."""


class Reader:
    """A connection, which leads to the same worker for as long as it lasts, and the version seen there last."""

    def __init__(self, connection: HTTPConnection, history: History) -> None:
        self.version = 0
        self._connection = connection
        self._connection.auto_open = 0  # to connect anew might lead to the other
        self._history = history

    def ask(self, question: Question, form: Form, named: Sequence[str], known: "Known") -> Shown:
        """An answer, or 304, which is wholly that of one version, and of none before what was seen here last."""
        method, address, headers, body = request_of(question, form, named)
        self._connection.request(method, address, body, headers)
        response = self._connection.getresponse()
        told = (response.headers[name] for name in ("etag", "content-type", "content-encoding"))
        shown = Shown(response.status, *told, response.read())
        if shown.status == 304:
            assert shown.tag in named
            kept = self._history.kept[shown.tag]
            assert (kept.question, kept.form, shown.body) == (question, form, b"")
            version = kept.version
        else:
            assert shown.status == 200
            version = json.loads(shown.document)["data"]["graph"]["version"]
            assert shown.document == known.due(version, question)
            self._history.keep(version, question, form, shown)
        assert self.version <= version <= known.newest
        self.version = version
        return shown


class Known:
    """What is to be answered, at the version that there is and those before it."""

    def __init__(self, journal: Journal) -> None:
        self.newest = 0
        self._journal = journal
        self._due: dict[tuple[int, Question], bytes] = {}

    def due(self, version: int, question: Question) -> bytes:
        place = version, question
        if place not in self._due:
            self._due[place] = due(self._journal, version, question)
        return self._due[place]


def all_renamed(lines: Sequence[Line], number: int) -> list[Line]:
    """The lines with another name for every entity, so that no answer of one version can pass for one of another."""
    return [line | {"name": f"{line['id']} as of {number}"} if "kind" in line else line for line in lines]


def written(graph: Graph, choose: Choices, lines: Sequence[Line], number: int) -> list[Line]:
    """The lines after one commit that changes a few of them, if that may be, and renames every entity."""
    changes = with_few_terms(choose, commit(choose.part(COMMIT), [*lines]))
    for some in (changes, []):
        after = all_renamed(applied(lines, some), number)
        others = [line for line in some if "kind" not in line]
        if permits(graph, [*others, *(line for line in after if "kind" in line)]):
            return after
    raise AssertionError("Names can always be changed.")


def test_of_two_workers_neither_serves_what_is_stale_or_mixes_two_versions(tmp_path: Path) -> None:
    chance, data = Random(7), tmp_path / "data"
    choose = Choices(chance.randbytes(WORLD + 200 + WRITES * (COMMIT + 10)))
    lines = with_few_terms(choose.part(50), world(choose.part(WORLD)))
    questions = [question_of(choose.part(10), text, lines) for text in DOCUMENTS]
    with ExitStack() as stack:
        graph = stack.enter_context(closing(Graph.open(data)))
        assert permits(graph, lines)
        known = Known(stack.enter_context(closing(SQLiteJournal(data / STORE))))
        served = stack.enter_context(
            service(tmp_path, "-m", "api", "serve", "--workers", 2, "--port", 0, "--no-seed", data=data, **PAGING)
        )
        workers, history = served.workers(), History()
        made = [connect_to(worker, served.url, workers) for worker in [*workers, *workers]]
        readers = [Reader(stack.enter_context(closing(connection)), history) for connection in made]
        for number in range(WRITES):
            lines = written(graph, choose.part(COMMIT + 10), lines, number)
            known.newest = graph.version
            deadline = time.monotonic() + WITHIN_S
            while any(reader.version < known.newest for reader in readers):
                assert time.monotonic() < deadline
                for reader in readers:
                    reader.ask(chance.choice(questions), chance.choice(FORMS), [*history.kept][-NAMED_AT_ONCE:], known)
            for question in questions:
                for form in chance.sample(FORMS, 3):
                    first, *others = chance.sample(readers, len(readers))
                    tag = first.ask(question, form, [*history.kept][-NAMED_AT_ONCE:], known).tag
                    if form.method == "GET":
                        assert [other.ask(question, form, [tag], known).status for other in others] == [304] * 3
                    older = [tag for tag, kept in history.kept.items() if kept.version < known.newest]
                    assert [other.ask(question, form, older[-NAMED_AT_ONCE:], known).status for other in others] == [
                        200
                    ] * 3
