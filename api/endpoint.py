"""GraphQL over HTTP, as its draft demands, as one ASGI application.

A POST of JSON or, for queries, a GET becomes an answer in application/graphql-response+json, whose status tells what
happened, or in application/json for clients of old; or a stream of events, where the client asks for one. A browser
that opens the address gets GraphiQL.

A POST that is answered is the hot path. It passes no more than it needs, and its answer carries no header that means
nothing there: nobody keeps the answer to a POST by itself, so it has neither Cache-Control nor Vary. What is answered
to a token says that it must not be kept, whatever stands in between.
"""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import msgspec
from graphql import GraphQLError
from starlette.types import Receive, Scope, Send
from strawberry.http.ides import get_graphql_ide_html

from api.access import ANONYMOUS, Access, Caller
from api.caching import EntityTags, names_tag
from api.compression import compressed
from api.errors import RequestError, new_request_id, present, refusal
from api.events import EVENTS, EventStreams
from api.execute import NO_STORE, Answer, Executor, GraphQLRequest, Headers, encode, refuse
from api.heads import AGAIN, Reply, Shortcut
from api.negotiation import ANSWERS, GRAPHQL_JSON, HTML, JSON, content_coding, negotiate
from api.parameters import CLOSE, ClientGone, decode_request, read_body, read_get
from api.settings import Settings

READING = ("GET", "HEAD")  # uvicorn leaves out the body of an answer to HEAD
NO_SNIFFING = (b"x-content-type-options", b"nosniff")
ALLOW = ((b"allow", b"GET, HEAD, POST"),)
VARY = (b"vary", b"Accept, Accept-Encoding, Authorization")

ANSWER_HEADERS: dict[str, Headers] = {
    media_type: ((b"content-type", f"{media_type}; charset=utf-8".encode()), NO_SNIFFING) for media_type in ANSWERS
}
NO_EXTENSIONS: dict[str, Any] = {}
PAGE_HEADERS: Headers = (
    (b"content-type", b"text/html; charset=utf-8"),
    NO_SNIFFING,
    VARY,
    (b"content-security-policy", b"frame-ancestors 'none'"),
    (b"cache-control", b"no-cache"),
)
State = Callable[[], object]
"""Tells what answers rest on beside their requests: the graph's version, the day. While they are the same, it prints
alike."""


class Asked(NamedTuple):
    """What the head of a request says. `media_type` is that of its answer; `address` is where it comes from."""

    method: str
    headers: Mapping[bytes, bytes]
    media_type: str
    address: str

    @property
    def is_private(self) -> bool:
        """Whether the answer is for somebody who is known by a token."""
        return b"authorization" in self.headers

    @property
    def head(self) -> bytes:
        """The header lines of an answer of which nothing more is to be said than its body."""
        lines = (*ANSWER_HEADERS[self.media_type], *((NO_STORE,) if self.is_private else ()))
        return b"".join(b"%b: %b\r\n" % header for header in lines)


class Endpoint:
    """What stands at /graphql."""

    def __init__(
        self, executor: Executor, settings: Settings, state: State, access: Access, streams: EventStreams
    ) -> None:
        self._executor = executor
        self._streams = streams
        self._access = access
        self._settings = settings
        self._state = state
        self._tags = EntityTags(settings)
        self._cache_control = (b"cache-control", settings.cache_control.encode())
        self._page = get_graphql_ide_html("graphiql").encode() if settings.graphiql else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        if len(headers) < len(scope["headers"]):
            headers = _joined(scope["headers"])
        accept = headers.get(b"accept", b"").decode("latin-1")
        media_type = negotiate(accept)
        asked = Asked(scope["method"], headers, media_type or JSON, (scope.get("client") or [""])[0])
        document = None
        try:
            if EVENTS in accept and _wants_events(asked.method, accept):
                await self._stream(asked, scope, receive, send)
                return
            if asked.method == "POST" and media_type is not None:
                caller = self._caller(asked)  # first: without a token that is needed nobody learns anything
                body = await read_body(headers, receive, self._settings)
                if again := scope.get("extensions", NO_EXTENSIONS).get(AGAIN):
                    again(send, Shortcut(asked.head, partial(self._posted_again, asked)))
                answer = await self._posted(asked, body, caller)
            elif self._page and asked.method in READING and _wants_page(accept, scope["query_string"]):
                await _send(send, 200, PAGE_HEADERS, self._page)
                return
            else:
                _check(asked.method, media_type)
                caller = self._caller(asked)
                request = read_get(scope["query_string"], self._settings)
                document = request.query
                answer = await self._get(request, caller, asked)
        except ClientGone:
            return
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - the client is told, and the log
            answer = _failed(error, document)
        await _tell(asked, answer, send)

    async def _posted_again(self, asked: Asked, body: bytes) -> Reply:
        """The answer to one more POST with the same head."""
        answer = await self._posted(asked, body)
        return Reply(answer.body if answer.is_plain else None, partial(_tell, asked, answer))

    async def _posted(self, asked: Asked, body: bytes, caller: Caller | None = None) -> Answer:
        """The answer to a POST of a caller, who may not be known yet; be it that nothing is answered."""
        document = None
        try:
            caller = caller or self._caller(asked)
            request = decode_request(body, self._settings)
            document = request.query
            answer = await self._executor.execute(request, caller)
            return await self._compressed(answer, asked) if b"accept-encoding" in asked.headers else answer
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - the client is told, and the log
            return _failed(error, document)

    async def _stream(self, asked: Asked, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers with a stream of events. Raises RequestError where the request cannot be read."""
        caller = self._caller(asked)
        if asked.method == "POST":
            request = decode_request(await read_body(asked.headers, receive, self._settings), self._settings)
        else:
            request = read_get(scope["query_string"], self._settings)
        await self._streams.answer(request, caller, scope, asked.headers, receive, send)

    def _caller(self, asked: Asked) -> Caller:
        """Who sends the request. Raises RequestError."""
        given = asked.headers.get(b"authorization")
        return self._access.caller(None if given is None else given.decode("latin-1"), asked.address)

    async def _get(self, request: GraphQLRequest, caller: Caller, asked: Asked) -> Answer:
        """The answer to a GET, which may be asked for again by its tag, and be kept where no token was needed. Raises
        RequestError."""
        answer = await self._kept(request, caller, asked)
        return await self._compressed(answer, asked) if b"accept-encoding" in asked.headers else answer

    async def _kept(self, request: GraphQLRequest, caller: Caller, asked: Asked) -> Answer:
        operation = self._executor.prepare(request, caller, read_only=True)
        if self._executor.explains(request):  # no two such answers are alike: they tell times
            return await self._executor.answer(request, operation, caller)
        coding = content_coding(asked.headers.get(b"accept-encoding", b""))
        state = self._state()
        tag = self._tags.tag(request, asked.media_type, coding, state, caller.scope)
        kept = ((b"etag", tag), self._cache_control if caller is ANONYMOUS else NO_STORE)
        wanted = asked.headers.get(b"if-none-match", b"")
        if names_tag(wanted, tag):
            return Answer(b"", 304, 304, kept)
        answer = await self._executor.answer(request, operation, caller)
        if answer.has_errors or NO_STORE in answer.headers:
            return answer
        if self._state() != state:  # while it gave way to others; whose the tag would be is not known
            return msgspec.structs.replace(answer, headers=(NO_STORE,))
        return Answer(b"", 304, 304, kept) if wanted == b"*" else msgspec.structs.replace(answer, headers=kept)

    async def _compressed(self, answer: Answer, asked: Asked) -> Answer:
        """The answer, smaller if its client takes that."""
        if len(answer.body) < self._settings.compress_from:
            return answer
        coding = content_coding(asked.headers[b"accept-encoding"])
        if coding is None:
            return answer
        body = await compressed(coding, answer.body)
        return msgspec.structs.replace(
            answer, body=body, headers=(*answer.headers, (b"content-encoding", coding.encode()))
        )


def _wants_events(method: str, accept: str) -> bool:
    return method in ("GET", "POST") and negotiate(accept, (*ANSWERS, EVENTS)) == EVENTS


def _joined(headers: Headers) -> dict[bytes, bytes]:
    """Headers by name, those that come in several lines as the list that they are (RFC 9110, 5.3)."""
    joined: dict[bytes, bytes] = {}
    for name, value in headers:
        joined[name] = b"%b, %b" % (joined[name], value) if name in joined else value
    return joined


def _wants_page(accept: str, query_string: bytes) -> bool:
    if not accept or any(part.startswith((b"query=", b"extensions=")) for part in query_string.split(b"&")):
        return False
    return negotiate(accept, (*ANSWERS, HTML)) == HTML


def _check(method: str, media_type: str | None) -> None:
    if method not in (*READING, "POST"):
        message = f"{method[:20]} means nothing here. Send GraphQL by POST, or queries by GET."
        raise refusal(message, status=405, headers=ALLOW)
    if media_type is None:
        raise refusal(f"Accept {GRAPHQL_JSON} or {JSON}; there is no other answer.", status=406)


def _failed(error: Exception | asyncio.CancelledError, document: str | None) -> Answer:
    """What a client is told whose request came to nothing."""
    if isinstance(error, RequestError):
        return refuse(error, document=document)
    if isinstance(error, asyncio.CancelledError):
        # Requests are cancelled for one reason only: the time to finish in has passed at shutdown.
        return refuse(_shutting_down(), document=document)
    request_id = new_request_id()
    errors = [GraphQLError(str(error), original_error=error)]
    told = present(errors, request_id=request_id, document=document)
    return Answer(encode({"errors": told}), 500, 500, request_id=request_id)


def _shutting_down() -> RequestError:
    return refusal("The service is shutting down. Try again.", "TIMEOUT", status=503, headers=CLOSE)


async def _tell(asked: Asked, answer: Answer, send: Send) -> None:
    headers = [*ANSWER_HEADERS[asked.media_type], *answer.headers]
    if answer.request_id is not None:
        headers.append((b"x-request-id", answer.request_id.encode()))
    if NO_STORE not in headers and (answer.request_id is not None or asked.is_private):
        headers.append(NO_STORE)
    if asked.method in READING:
        headers.append(VARY)
    status = answer.status if asked.media_type == GRAPHQL_JSON else answer.json_status
    await _send(send, status, headers, answer.body)


async def _send(send: Send, status: int, headers: Headers, body: bytes) -> None:
    if status != 304:  # it has no body, whose length it could tell
        headers = [*headers, (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
