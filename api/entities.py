"""What stands at /e/: an entity by itself, as JSON-LD for programs and as a page for people.

Its id follows, percent-encoded; whatever an id may hold can be asked for.
"""

from typing import NamedTuple

from starlette.convertors import Convertor
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.access import ANONYMOUS, Access
from api.caching import names_tag, tag_of
from api.compression import compressed
from api.entity_page import CONTENT_SECURITY, page, page_of_nothing
from api.errors import refusal
from api.negotiation import HTML, JSON, content_coding, negotiate
from api.responses import NO_SNIFFING, NO_STORE, answered, caller_of, check_method, headers_only, refused
from api.settings import Settings
from graph.engine import Engine
from graph.formats.jsonld import MEDIA_TYPE, document
from graph.graph import Graph
from graph.model import Entity, Relation, Source
from graph.plan import Page, Relations
from graph.vocabulary import Direction, RelationKind

OFFERED = (MEDIA_TYPE, JSON, HTML)
SHOWN = 500
"""So many relations of each sort are shown: citations, those that leave, those that lead here."""

NOT_CITES = tuple(kind for kind in RelationKind if kind is not RelationKind.CITES)
SORTS = (
    Relations((RelationKind.CITES,), Direction.OUT),
    Relations(NOT_CITES, Direction.OUT),
    Relations(None, Direction.IN),
)


class Id(Convertor[str]):
    """An id in an address, which may hold slashes, and line ends too."""

    regex = r"[\s\S]+"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


class Shown(NamedTuple):
    """An entity, its relations, what they lead to or come from, the sources of it all, and how much is left out."""

    entity: Entity
    relations: list[Relation]
    ends: dict[str, Entity]
    sources: list[Source]
    left_out: int


class EntityPages:
    """Answers with one entity at a time."""

    def __init__(self, graph: Graph, settings: Settings, access: Access) -> None:
        self._graph = graph
        self._settings = settings
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        if response := await answered(self._answer(request)):
            await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        check_method(request)
        media_type = negotiate(request.headers.get("accept", ""), OFFERED)
        if media_type is None:
            raise refusal(f"Accept {MEDIA_TYPE}, {JSON} or {HTML}; there is no other answer.", status=406)
        caller = caller_of(request, self._access)
        id, version = request.path_params["id"], self._graph.version
        coding = content_coding(request.headers.get("accept-encoding", "").encode("latin-1"))
        tag = tag_of(id, media_type, coding, version, self._settings.address, self._settings.base, caller.scope)
        headers = {
            "Content-Type": media_type if media_type == MEDIA_TYPE else f"{media_type}; charset=utf-8",
            "Vary": "Accept, Accept-Encoding, Authorization",
            "Cache-Control": self._settings.cache_control,
            **NO_SNIFFING,
            **(CONTENT_SECURITY if media_type == HTML else {}),
            **(NO_STORE if caller is not ANONYMOUS else {}),
        }
        shown = await shown_of(self._graph.engine, id)
        if shown is None:
            return self._missing(id, media_type, headers)
        headers["ETag"] = tag.decode()
        if names_tag(request.headers.get("if-none-match", "").encode("latin-1"), tag):
            return headers_only(304, headers)
        body = self._body(shown, media_type)
        if coding is not None and len(body) >= self._settings.compress_from:
            headers["Content-Encoding"] = coding
            body = await compressed(coding, body)
        return Response(body, headers=headers)

    def _body(self, shown: Shown, media_type: str) -> bytes:
        if media_type == HTML:
            base = self._settings.base.rstrip("/")
            return page(shown.entity, shown.relations, shown.ends, shown.sources, shown.left_out, base)
        sources = [source for source in shown.sources if source.id != shown.entity.id]
        return document(shown.entity, shown.relations, sources, self._settings.address, shown.left_out)

    def _missing(self, id: str, media_type: str, headers: dict[str, str]) -> Response:
        """There is no such entity: there never was, or it has gone."""
        has_gone = self._graph.was_there(id)
        status = 410 if has_gone else 404
        told = f"{id!r} has gone; its history is in asOf." if has_gone else f"There is no entity {id!r}."
        if media_type == HTML:
            return Response(page_of_nothing(told), status, headers=headers | NO_STORE)
        return refused(refusal(told, "NOT_FOUND", status=status))


async def shown_of(engine: Engine, id: str) -> Shown | None:
    """What is shown of an entity; None where there is none."""
    (entity,) = await engine.lookup([id])
    if entity is None:
        return None
    relations: dict[object, Relation] = {}
    left_out = 0
    for step in SORTS:
        (found,) = await engine.relations([id], step, Page(first=SHOWN))
        relations |= {relation.name: relation for relation in found.relations}
        left_out += (found.total or 0) - len(found.relations)
    named = dict.fromkeys(other for relation in relations.values() for other in (relation.subject, relation.object))
    stated_by = dict.fromkeys(source for relation in relations.values() for source in relation.sources)
    ids = [*named, *stated_by]
    ends = {each.id: each for each in await engine.lookup(ids) if each is not None}
    cited = [relation.object for relation in relations.values() if _is_citation(relation, id)]
    sources = [ends[source] for source in dict.fromkeys([*cited, *stated_by]) if source in ends]
    return Shown(entity, [*relations.values()], ends, [each for each in sources if isinstance(each, Source)], left_out)


def _is_citation(relation: Relation, id: str) -> bool:
    return relation.kind is RelationKind.CITES and relation.subject == id
