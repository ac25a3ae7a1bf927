"""What stands at /export: the graph, or what a filter keeps, as a file that is sent while it is written.

An export is of one version: what it needs is held apart from the live graph when it begins.
"""

from typing import NamedTuple
from urllib.parse import parse_qsl
from weakref import WeakValueDictionary

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.access import ANONYMOUS, Access, Caller
from api.caching import names_tag, tag_of
from api.errors import THROTTLED, refusal
from api.negotiation import content_coding
from api.responses import NO_SNIFFING, NO_STORE, answered, caller_of, check_method, headers_only
from api.selecting import Wanted, wanted
from api.settings import Settings
from api.streaming import paced, stream
from api.transport import OUTLET
from graph.formats.lines import LINES
from graph.graph import Graph
from graph.holding import Holding
from graph.resident import Resident
from graph.selection import Selection

PATH = "/export"
PARAMETERS = ("format", "kind", "where", "asOf")
COME_AGAIN_S = 10
"""Seconds after which whoever finds all places taken is asked to come again."""


class Asked(NamedTuple):
    """A request for an export, read."""

    wanted: Wanted
    said: dict[str, str]
    as_of: int | None
    coding: str | None
    caller: Caller


class Downloads:
    """Sends exports, at most so many at the same time as the settings say."""

    def __init__(self, graph: Graph, settings: Settings, access: Access) -> None:
        self._graph = graph
        self._settings = settings
        self._access = access
        self._free = settings.max_exports
        self._apart: WeakValueDictionary[int, Holding] = WeakValueDictionary()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        if response := await answered(self._answer(request, send)):
            await response(scope, receive, send)

    async def _answer(self, request: Request, send: Send) -> Response | None:
        """The answer, or None where it has been sent. Raises RequestError and FieldgraphError."""
        check_method(request)
        asked = self._read(request, caller_of(request, self._access))
        headers = self._headers(asked, self._graph.version if asked.as_of is None else asked.as_of)
        if names_tag(request.headers.get("if-none-match", "").encode("latin-1"), headers["ETag"].encode()):
            return headers_only(304, headers)
        if request.method == "HEAD":
            return headers_only(200, headers)
        if not self._free:
            told = f"{self._settings.max_exports} exports are being sent, more at a time there are not. Come again."
            raise refusal(told, THROTTLED, status=503, headers=((b"retry-after", b"%d" % COME_AGAIN_S),))
        self._free -= 1
        try:
            await self._send(asked, request, send)
        finally:
            self._free += 1
        return None

    def _read(self, request: Request, caller: Caller) -> Asked:
        said = parameters(request)
        as_of = version_of(said["asOf"], self._graph) if "asOf" in said else None
        found = wanted(said.get("format", LINES.name), said.get("kind"), said.get("where"), self._settings)
        accepted = request.headers.get("accept-encoding", "").encode("latin-1")
        coding = None if found.writer.is_compressed else content_coding(accepted)
        return Asked(found, said, as_of, coding, caller)

    def _headers(self, asked: Asked, version: int) -> dict[str, str]:
        tag = tag_of(sorted(asked.said.items()), version, asked.coding, self._settings.address, asked.caller.scope)
        writer = asked.wanted.writer
        headers = {
            "Content-Type": writer.media_type + ("; charset=utf-8" if writer.media_type.startswith("text/") else ""),
            "Content-Disposition": f'attachment; filename="{asked.wanted.name}"',
            "ETag": tag.decode(),
            "Cache-Control": self._settings.cache_control,
            "Vary": "Accept-Encoding, Authorization",
            **NO_SNIFFING,
        }
        if asked.caller is not ANONYMOUS:
            headers |= NO_STORE
        return headers | ({} if asked.coding is None else {"Content-Encoding": asked.coding})

    async def _send(self, asked: Asked, request: Request, send: Send) -> None:
        """Raises FieldgraphError where nothing can be sent."""
        version, selection = await self._select(asked)
        headers = headers_only(200, self._headers(asked, version)).raw_headers
        pieces = paced(asked.wanted.writer.write(selection, self._settings.address), asked.coding)
        outlet = request.scope.get("extensions", {}).get(OUTLET)
        holds = lambda: self._access.still_holds(asked.caller)  # noqa: E731
        await stream(headers, pieces, request.receive, send, outlet, holds)

    async def _select(self, asked: Asked) -> tuple[int, Selection]:
        """What is asked for, and the version that it is of."""
        if asked.as_of is not None:
            engine = (await self._graph.engine.as_of(asked.as_of)).engine
            assert isinstance(engine, Resident)
            past = engine.holding
            return asked.as_of, await asked.wanted.select(engine, lambda: past)
        versions: list[int] = []

        def hold() -> Holding:
            versions.append(self._graph.engine.version)
            return self._held_apart()

        selection = await asked.wanted.select(self._graph.engine, hold)
        return versions[0], selection

    def _held_apart(self) -> Holding:
        """What the graph holds now, and that stays; the same for all exports of one version."""
        version = self._graph.engine.version
        held = self._apart.get(version)
        if held is None:
            held = self._apart[version] = self._graph.engine.holding.copy()
        return held


def parameters(request: Request) -> dict[str, str]:
    """What the address asks for. Raises RequestError."""
    try:
        pairs = parse_qsl(request.scope["query_string"].decode("ascii"), keep_blank_values=True, errors="strict")
    except ValueError as error:  # not ASCII, or percent-encoded bytes that are not UTF-8
        raise refusal("The address is not percent-encoded UTF-8.") from error
    said = dict(pairs)
    if len(said) < len(pairs):
        raise refusal("The address gives a parameter twice.")
    if unknown := said.keys() - set(PARAMETERS):
        raise refusal(f"There is no parameter {min(unknown)[:80]!r}. Known are: {', '.join(PARAMETERS)}.")
    return said


def version_of(text: str, graph: Graph) -> int:
    """A version that there is. Raises RequestError."""
    if text.isascii() and text.isdecimal() and len(text) < 19 and int(text) <= graph.version:
        return int(text)
    raise refusal(f"asOf is {text[:80]!r}, but must be a version, from 0 to {graph.version}.")
