"""Specifies /e/: an entity by itself, for programs as JSON-LD and for people as a page, whatever its id holds."""

import json
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote, unquote

import httpx
import pytest

from api import entities
from graph.formats.jsonld import CONTEXT, address
from graph.graph import Graph
from graph.parse import write
from graph.resident import utc_now
from graph.tokens import Scope, create
from tests.api.live import run
from tests.api.test_downloads import serving
from tests.conftest import SMALL_WORLD, graph_of
from tests.graph.formats.written import hostile

HTML = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
LD = "application/ld+json"


EMPTY = {"meta", "link", "br"}


class Reader(HTMLParser):
    """Reads a page, and holds it against what a plain and accessible one is."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.feed(text)
        self.close()
        assert self._open == [], "what is opened is closed"

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        self.links += [value for name, value in attrs if tag == "a" and name == "href"]
        if tag not in EMPTY:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] not in ("style", "title"):
            self.texts.append(data)


def test_programs_get_json_ld_and_browsers_a_page():
    async def work() -> None:
        async with serving() as (_, client):
            for accept, media_type in [
                ("*/*", LD), (LD, LD), ("application/json", "application/json"), (HTML["accept"], "text/html"),
                ("text/html;q=0.5, application/ld+json", LD),
            ]:  # fmt: skip
                response = await client.get("/e/country:ML", headers={"accept": accept})
                assert response.status_code == 200
                assert response.headers["content-type"].partition(";")[0] == media_type
                assert response.headers["vary"] == "Accept, Accept-Encoding, Authorization"
            assert (await client.get("/e/country:ML", headers={"accept": "image/png"})).status_code == 406
            assert (await client.post("/e/country:ML")).status_code == 405

    run(work())


def test_an_entity_is_told_with_its_relations_and_sources():
    async def work() -> None:
        async with serving(base="https://graph.example.org/") as (_, client):
            document = (await client.get("/e/metric:ml-2023")).json()
            assert document["@context"] == CONTEXT
            metric, *others = document["@graph"]
            base = "https://graph.example.org/e/"
            assert (metric["@id"], metric["value"], metric["measure"]) == (f"{base}metric:ml-2023", 530_000, "ACTUAL")
            assert metric["about"] == [f"{base}country:ML"]
            assert metric["cites"] == [f"{base}source:report"]
            (citation,) = [node for node in others if node.get("relation") == "CITES"]
            assert citation["locator"] == "p. 43"
            (source,) = [node for node in others if "@id" in node]
            assert source["@id"] == f"{base}source:report"
            assert source["citation"]

    run(work())


def test_a_page_shows_what_is_known_and_leads_on():
    async def work() -> None:
        async with serving() as (service, client):
            page = Reader((await client.get("/e/metric:ml-2023", headers=HTML)).text)
            text = " ".join(page.texts)
            for told in ("Consultations, Mali, 2023", "530,000", "consultations", "p. 43"):
                assert told in text
            source = service.graph.engine.entity("source:report")
            assert source is not None
            assert source.citation in text  # type: ignore[attr-defined]
            assert {"/e/country:ML", "/e/indicator:consultations", "/e/source:report"} <= set(page.links)
            for link in page.links:
                if link.startswith("/e/"):
                    assert (await client.get(link, headers=HTML)).status_code == 200

    run(work())


def test_a_page_is_plain_and_may_load_nothing():
    async def work() -> None:
        async with serving() as (_, client):
            response = await client.get("/e/country:ML", headers=HTML)
            page = Reader(response.text)
            assert not {"script", "img", "iframe", "form", "object", "base"} & set(page.tags)
            assert [each for each in page.attributes if each[1].startswith("on") or each[1] == "style"] == []
            assert ("html", "lang", "en") in page.attributes
            assert (page.tags.count("h1"), page.tags.count("main")) == (1, 1)
            policy = response.headers["content-security-policy"]
            assert policy.startswith("default-src 'none'; style-src 'sha256-")
            assert "unsafe" not in policy
            assert response.headers["x-content-type-options"] == "nosniff"

    run(work())


def test_hostile_texts_are_shown_and_hostile_ids_found():
    graph = hostile()

    async def work() -> None:
        async with serving(graph) as (_, client):
            for entity in graph.engine.entities():
                where = address(entity.id)
                found = (await client.get(where)).json()["@graph"][0]
                assert found["id"] == entity.id
                page = Reader((await client.get(where, headers=HTML)).text)
                assert not {"script", "node", "data"} & set(page.tags)
                assert [link for link in page.links if not link.startswith(("/e/", "http://", "https://"))] == []

    run(work())


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "//evil.example", 'https://x" onclick="y'])
def test_an_address_that_is_none_of_a_site_is_no_link(url):
    lines = [{"id": "source:x", "kind": "SOURCE", "name": "X", "type": "OTHER", "url": url}]

    async def work() -> None:
        async with serving(graph_of(lines)) as (_, client):
            page = Reader((await client.get("/e/source:x", headers=HTML)).text)
            assert page.links == ([url] if url.startswith("https://") else [])
            assert [each for each in page.attributes if each[1] == "onclick"] == []

    run(work())


@pytest.mark.parametrize(
    "id", ["a/b", "a//b/", "100%", "%2F", "%", "é", "東京 🏥", "a?b#c", "a\nb", "a;b=c", "a+b", ":", "."]
)
def test_whatever_an_id_holds_is_found(id):
    async def work() -> None:
        lines = [{"id": f"place:{id}", "kind": "PLACE", "name": "X", "type": "OTHER"}]
        async with serving(graph_of(lines)) as (_, client):
            encoded = quote(f"place:{id}", safe="")
            # As it is on the wire: a client that tidies addresses up is not asked.
            request = client.build_request("GET", "/e/x")
            request.url = httpx.URL(str(client.base_url) + f"/e/{encoded}")
            assert unquote(request.url.raw_path.decode()) == f"/e/place:{id}"
            assert (await client.send(request)).json()["@graph"][0]["id"] == f"place:{id}"

    run(work())


def test_what_never_was_is_404_and_what_has_gone_410():
    async def work() -> None:
        async with serving() as (service, client):
            service.change("new")
            service.graph.apply([write({"remove": "project:0"})])
            for id, status in (("project:none", 404), ("project:0", 410), ("<script>", 404)):
                told = await client.get(f"/e/{quote(id)}")
                assert (told.status_code, told.json()["errors"][0]["extensions"]["code"]) == (status, "NOT_FOUND")
                assert told.headers["cache-control"] == "no-store"
                shown = await client.get(f"/e/{quote(id)}", headers=HTML)
                assert shown.status_code == status
                assert "script" not in Reader(shown.text).tags
                assert "etag" not in shown.headers

    run(work())


def test_a_copy_that_is_still_good_is_not_sent_again():
    async def work() -> None:
        async with serving() as (service, client):
            first = await client.get("/e/country:ML")
            tag = first.headers["etag"]
            assert (await client.get("/e/country:ML", headers={"if-none-match": tag})).status_code == 304
            assert (await client.get("/e/country:ML", headers={"if-none-match": tag, **HTML})).status_code == 200
            head = await client.head("/e/country:ML")
            assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", tag)
            assert head.headers["content-length"] == first.headers["content-length"]
            service.change("new")
            assert (await client.get("/e/country:ML", headers={"if-none-match": tag})).status_code == 200

    run(work())


def test_of_very_many_relations_some_are_shown_and_the_rest_counted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(entities, "SHOWN", 10)
    lines: list[dict[str, Any]] = [
        {"id": "country:ML", "kind": "COUNTRY", "name": "Mali", "code": "ML", "alpha3": "MLI"},
        {"id": "source:s", "kind": "SOURCE", "name": "S", "type": "REPORT"},
        {"relation": "CITES", "subject": "country:ML", "object": "source:s"},
    ]
    for number in range(25):
        lines.append({"id": f"project:{number}", "kind": "PROJECT", "name": f"P{number}"})
        lines.append({"relation": "LOCATED_IN", "subject": f"project:{number}", "object": "country:ML"})

    async def work() -> None:
        async with serving(graph_of(lines)) as (_, client):
            country, *others = (await client.get("/e/country:ML")).json()["@graph"]
            assert country["relationsLeftOut"] == 15
            assert country["cites"] == ["http://127.0.0.1:8000/e/source:s"]
            assert sum(node.get("relation") == "LOCATED_IN" for node in others) == 10
            assert "15 more relations are left out" in (await client.get("/e/country:ML", headers=HTML)).text

    run(work())


def test_whoever_may_not_read_gets_nothing():
    async def work() -> None:
        async with serving(reading="closed") as (service, client):
            for id in ("country:ML", "none"):
                assert (await client.get(f"/e/{id}", headers=HTML)).status_code == 401
            secret = create(service.graph.tokens, "reader", Scope.READ, utc_now())
            response = await client.get("/e/country:ML", headers={"authorization": f"Bearer {secret}"})
            assert (response.status_code, response.headers["cache-control"]) == (200, "no-store")

    run(work())


def test_every_entity_of_the_seed_has_a_page(seeded: Graph):
    async def work() -> None:
        async with serving(seeded) as (_, client):
            for entity in list(seeded.engine.entities())[::25]:
                assert json.loads((await client.get(address(entity.id))).content)["@graph"][0]["name"] == entity.name
                Reader((await client.get(address(entity.id), headers=HTML)).text)

    run(work())


def test_the_small_world_is_what_these_tests_think(small: Graph):
    assert {line["id"] for line in SMALL_WORLD if "id" in line} >= {"country:ML", "metric:ml-2023", "source:report"}
