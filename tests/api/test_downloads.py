"""Specifies /export: files that are sent while they are written, of one version, to whoever may read."""

import asyncio
import csv
import gzip
import io
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from api import streaming
from api.streaming import paced
from graph.engine import settle
from graph.formats.registry import WRITABLE
from graph.graph import Graph
from graph.parse import write
from graph.resident import utc_now
from graph.selection import chosen
from graph.tokens import Scope, create
from graph.vocabulary import Kind
from tests.api.live import Service, run, served, small_socket, until
from tests.conftest import SMALL_WORLD, graph_of
from tests.graph.conftest import text_of
from tests.graph.formats.written import written

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MANY = [
    {"id": f"project:{number:04}", "kind": "PROJECT", "name": f"P{number}", "summary": "x" * 10_000}
    for number in range(2_000)
]
"""More than buffers between a service and a client hold."""


@asynccontextmanager
async def serving(graph: Graph | None = None, **given: Any) -> AsyncIterator[tuple[Service, httpx.AsyncClient]]:
    async with served(graph or graph_of(SMALL_WORLD), **given) as service:
        address = f"http://127.0.0.1:{service.port}"
        plain = {"accept-encoding": "identity"}
        async with httpx.AsyncClient(base_url=address, headers=plain, timeout=20, trust_env=False) as client:
            yield service, client


def refusal(response: httpx.Response) -> tuple[int, str, str]:
    (error,) = response.json()["errors"]
    return response.status_code, error["extensions"]["code"], error["message"]


def test_every_format_is_sent_as_a_file():
    async def work() -> None:
        async with serving(base="https://graph.example.org") as (service, client):
            for name, writer in WRITABLE.items():
                response = await client.get("/export", params={"format": name})
                assert response.status_code == 200
                assert response.content == written(name, service.graph)
                assert response.headers["content-type"].partition(";")[0] == writer.media_type
                assert response.headers["content-disposition"] == f'attachment; filename="fieldgraph{writer.suffix}"'
                assert response.headers["x-content-type-options"] == "nosniff"
            whole = await client.get("/export")
            assert whole.text == text_of(service.graph)

    run(work())


def test_a_filter_is_that_of_the_schema():
    async def work() -> None:
        async with serving() as (service, client):
            where = {"name": {"contains": "Koro"}}
            response = await client.get("/export", params={"kind": "PROJECT", "where": json.dumps(where)})
            ids = [
                entity.id
                for entity in service.graph.engine.entities()
                if entity.kind is Kind.PROJECT and "koro" in entity.name.lower()
            ]
            assert ids
            selection = settle(chosen(service.graph.engine.holding, ids))
            assert response.content == written("jsonl", service.graph, selection)
            assert response.headers["content-disposition"] == 'attachment; filename="fieldgraph-project.jsonl"'

    run(work())


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("format=xml", "There is no format 'xml' to export. Known are: jsonl, csv, jsonld, graphml, geojson, hxl."),
        ("kind=CITY", "There is no kind 'CITY'."),
        ("where={}", "where needs a kind"),
        ("kind=PROJECT&where=%7B", "where is not JSON"),
        ('kind=PROJECT&where={"status":{"eq":"OVER"}}', "where.status.eq: Value 'OVER' does not exist"),
        ("kind=PROJECT&where=" + "[" * 70 + "]" * 70, "The JSON of the request is nested deeper than 64."),
        ("kind=METRIC&format=geojson", "The format geojson has no place for METRIC."),
        ("asOf=2", "asOf is '2', but must be a version, from 0 to 1."),
        ("asOf=-1", "asOf is '-1', but must be a version, from 0 to 1."),
        ("asOf=%D9%A1", "asOf is '١', but must be a version, from 0 to 1."),
        ("fmt=csv", "There is no parameter 'fmt'. Known are: format, kind, where, asOf."),
        ("format=csv&format=csv", "The address gives a parameter twice."),
        ("format=%FF", "The address is not percent-encoded UTF-8."),
    ],
)
def test_what_cannot_be_exported_is_told(query, told):
    async def work() -> None:
        async with serving() as (_, client):
            status, code, message = refusal(await client.get(f"/export?{query}"))
            assert (status, code) == (400, "BAD_USER_INPUT")
            assert message.startswith(told)

    run(work())


def test_only_reading_means_anything():
    async def work() -> None:
        async with serving() as (_, client):
            response = await client.post("/export")
            assert (response.status_code, response.headers["allow"]) == (405, "GET, HEAD")

    run(work())


def test_a_copy_that_is_still_good_is_not_sent_again():
    async def work() -> None:
        async with serving() as (service, client):
            first = await client.get("/export?format=csv")
            tag = first.headers["etag"]
            assert first.headers["cache-control"] == "no-cache"
            assert first.headers["vary"] == "Accept-Encoding, Authorization"
            again = await client.get("/export?format=csv", headers={"if-none-match": f'"x", W/{tag}'})
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
            head = await client.head("/export?format=csv")
            assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", tag)
            others = [await client.head(f"/export?{query}") for query in ("", "format=hxl", "format=csv&kind=PROJECT")]
            assert len({response.headers["etag"] for response in others} | {tag}) == 4
            service.change("new")
            assert (await client.get("/export?format=csv", headers={"if-none-match": tag})).status_code == 200

    run(work())


def test_an_earlier_version_is_sent_as_it_was():
    async def work() -> None:
        async with serving() as (service, client):
            before = text_of(service.graph)
            service.change("new")
            assert (await client.get("/export?asOf=1")).text == before
            assert (await client.get("/export?asOf=0")).text == ""
            assert (await client.get("/export")).text == text_of(service.graph) != before
            part = await client.get("/export?asOf=1&kind=PROJECT")
            assert '"new"' not in part.text

    run(work())


@pytest.mark.parametrize(("coding", "opened"), [("gzip", gzip.decompress), ("zstd", zstd.decompress)])
def test_text_is_compressed_for_whom_it_is_worth_it(coding, opened):
    async def work() -> None:
        async with serving(graph_of(MANY)) as (service, client):
            headers = {"accept-encoding": coding}
            async with client.stream("GET", "/export", headers=headers) as response:
                body = b"".join([piece async for piece in response.aiter_raw()])
            assert response.headers["content-encoding"] == coding
            assert opened(body).decode() == text_of(service.graph)
            assert len(body) < 500_000
            archive = await client.head("/export?format=csv", headers=headers)
            assert "content-encoding" not in archive.headers

    run(work())


def test_whoever_may_not_read_gets_nothing():
    async def work() -> None:
        async with serving(reading="closed") as (service, client):
            assert refusal(await client.get("/export"))[:2] == (401, "UNAUTHENTICATED")
            secret = create(service.graph.tokens, "reader", Scope.READ, utc_now())
            response = await client.get("/export", headers={"authorization": f"Bearer {secret}"})
            assert (response.status_code, response.headers["cache-control"]) == (200, "no-store")
            wrong = await client.get("/export", headers={"authorization": "Bearer nonsense"})
            assert refusal(wrong)[:2] == (401, "UNAUTHENTICATED")

    run(work())


def test_an_export_is_of_one_version_while_others_write():
    async def work() -> None:
        async with serving(graph_of(MANY)) as (service, client):
            before = text_of(service.graph)
            async with client.stream("GET", "/export") as response:
                pieces = response.aiter_raw()
                body = await anext(pieces)
                for number in range(3):
                    service.graph.apply([write({"remove": f"project:{1_800 + number}"})])
                    service.graph.apply([write({"id": "project:1900", "kind": "PROJECT", "name": f"{number}"})])
                    body += await anext(pieces)
                body += b"".join([piece async for piece in pieces])
            assert body.decode() == before

    run(work())


def test_requests_are_answered_meanwhile():
    async def work() -> None:
        async with serving(graph_of(MANY)) as (_, client):
            async with client.stream("GET", "/export?format=jsonld") as response:
                pieces = response.aiter_raw()
                await anext(pieces)
                answer = await client.post("/graphql", json={"query": "{ projects { totalCount } }"})
                assert answer.json() == {"data": {"projects": {"totalCount": 2_000}}}
                size = sum([len(piece) async for piece in pieces])
            assert size > 20_000_000

    run(work())


async def begun(port: int, address: str = "/export") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A client that asks and does not read."""
    reader, writer = await asyncio.open_connection(sock=small_socket(port), limit=1_024)
    writer.write(f"GET {address} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    return reader, writer


def test_so_many_at_a_time_and_who_leaves_makes_room():
    async def work() -> None:
        async with serving(graph_of(MANY), max_exports=1) as (_, client):
            reader, writer = await begun(service_port(client))
            assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
            response = await client.get("/export")
            assert refusal(response)[:2] == (503, "THROTTLED")
            assert response.headers["retry-after"] == "10"
            assert (await client.head("/export")).status_code == 200  # which takes no place
            writer.transport.abort()

            async def has_room() -> bool:
                async with client.stream("GET", "/export?kind=COUNTRY") as response:
                    return response.status_code == 200

            async with asyncio.timeout(5):
                while not await has_room():  # noqa: ASYNC110  # nobody tells of it
                    await asyncio.sleep(0.02)

    run(work())


def service_port(client: httpx.AsyncClient) -> int:
    assert client.base_url.port is not None
    return client.base_url.port


def test_who_does_not_read_is_cut_off(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture):
    monkeypatch.setattr(streaming, "STALLED_S", 0.2)

    async def work() -> None:
        async with serving(graph_of(MANY), max_exports=1) as (_, client):
            reader, writer = await begun(service_port(client))
            await asyncio.sleep(0.1)
            await until(lambda: any("did not read" in record.message for record in caplog.records))
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await reader.readexactly(100_000_000)
            writer.close()
            assert (await client.get("/export?kind=COUNTRY")).status_code == 200

    with caplog.at_level("INFO", "fieldgraph"):
        run(work())
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


def test_what_goes_wrong_on_the_way_is_cut_off_and_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def broken(selection: Any, base: str) -> Any:
        yield b"x" * 100_000
        raise ValueError("a fault of ours")

    monkeypatch.setitem(WRITABLE, "jsonl", WRITABLE["jsonl"]._replace(write=broken))

    async def work() -> None:
        async with serving() as (_, client):
            with pytest.raises(httpx.HTTPError):
                await client.get("/export")
            assert (await client.get("/healthz")).json() == {"alive": True}

    run(work())
    assert "a fault of ours" in caplog.text


def test_a_token_that_is_revoked_ends_what_it_began(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(streaming, "CHECKED_S", 0.0)

    async def work() -> None:
        async with serving(graph_of(MANY), reading="closed") as (service, client):
            secret = create(service.graph.tokens, "reader", Scope.READ, utc_now())
            with pytest.raises(httpx.HTTPError):  # noqa: PT012  # it is in reading that it fails
                headers = {"authorization": f"Bearer {secret}"}
                async with client.stream("GET", "/export", headers=headers) as response:
                    pieces = response.aiter_raw(1_024)
                    await anext(pieces)
                    service.graph.tokens.revoke("reader", utc_now())
                    async for _ in pieces:
                        pass

    run(work())


def test_pieces_are_sent_in_larger_ones_and_none_is_lost():
    pieces = [b"%d," % number for number in range(100_000)]

    async def gathered() -> list[bytes]:
        return [piece async for piece in paced(iter(pieces))]

    found = asyncio.run(gathered())
    assert b"".join(found) == b"".join(pieces)
    assert len(found) < 1_000
    assert max(map(len, found)) <= streaming.PIECE + max(map(len, pieces))


def test_a_table_opens_as_it_is_sent():
    async def work() -> None:
        async with serving() as (_, client):
            text = (await client.get("/export?format=hxl")).text
            rows = list(csv.reader(io.StringIO(text, newline="")))
            assert rows[1][0] == "#activity+name"

    run(work())
