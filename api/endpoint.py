"""GraphQL over HTTP, as its draft demands, as one ASGI application.

A POST of JSON or, for queries, a GET becomes an answer in application/graphql-response+json, whose status tells what
happened, or in application/json for clients of old. A browser that opens the address gets GraphiQL.
"""

import asyncio
import os
from collections.abc import Sequence
from itertools import count

from graphql import GraphQLError
from starlette.types import Receive, Scope, Send
from strawberry.http.ides import get_graphql_ide_html

from api.errors import RequestError, present, refusal
from api.execute import Answer, Executor, encode, refuse
from api.negotiation import ANSWERS, GRAPHQL_JSON, HTML, JSON, negotiate
from api.parameters import CLOSE, ClientGone, read_get, read_post
from api.settings import Settings

Headers = Sequence[tuple[bytes, bytes]]

NO_SNIFFING = (b"x-content-type-options", b"nosniff")
ALLOW = ((b"allow", b"GET, POST"),)

ANSWER_HEADERS: dict[str, Headers] = {
    media_type: ((b"content-type", f"{media_type}; charset=utf-8".encode()), NO_SNIFFING, (b"vary", b"Accept"))
    for media_type in ANSWERS
}
PAGE_HEADERS: Headers = (
    (b"content-type", b"text/html; charset=utf-8"),
    NO_SNIFFING,
    (b"vary", b"Accept"),
    (b"content-security-policy", b"frame-ancestors 'none'"),
)
CACHING: dict[str, Headers] = {
    "GET": ((b"cache-control", b"no-cache"),),  # may be kept, must be asked for again
    "POST": ((b"cache-control", b"no-store"),),
}
SENT: dict[tuple[str | None, str], Headers] = {
    (media_type, method): (*ANSWER_HEADERS[media_type], *caching)
    for media_type in ANSWERS
    for method, caching in CACHING.items()
}


class Endpoint:
    """What stands at /graphql."""

    def __init__(self, executor: Executor, settings: Settings) -> None:
        self._executor = executor
        self._settings = settings
        self._page = get_graphql_ide_html("graphiql").encode() if settings.graphiql else None
        self._process = os.urandom(4).hex()
        self._numbers = count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = f"{self._process}-{next(self._numbers):07x}"
        method = scope["method"]
        headers: dict[bytes, bytes] = dict(scope["headers"])
        accept = headers.get(b"accept", b"").decode("latin-1")
        if self._page and method == "GET" and _wants_page(accept, scope["query_string"]):
            await _send(send, 200, PAGE_HEADERS, self._page, request_id)
            return
        media_type = negotiate(accept)
        try:
            answer = await self._answer(scope, receive, headers, media_type, request_id)
        except ClientGone:
            return
        status = answer.status if media_type == GRAPHQL_JSON else answer.json_status
        sent = SENT.get((media_type, method), ANSWER_HEADERS[JSON])
        await _send(send, status, (*sent, *answer.headers) if answer.headers else sent, answer.body, request_id)

    async def _answer(
        self, scope: Scope, receive: Receive, headers: dict[bytes, bytes], media_type: str | None, request_id: str
    ) -> Answer:
        is_get = scope["method"] == "GET"
        document = None
        try:
            _check(scope["method"], media_type)
            if is_get:
                request = read_get(scope["query_string"], self._settings)
            else:
                request = await read_post(headers, receive, self._settings)
            document = request.query
            return await self._executor.execute(request, request_id=request_id, read_only=is_get)
        except RequestError as error:
            return refuse(error, request_id=request_id)
        except ClientGone:
            raise
        except asyncio.CancelledError:
            # Requests are cancelled at one point only: when the time to finish in has passed at shutdown.
            return _SHUTTING_DOWN
        except Exception as error:  # noqa: BLE001 - the client gets an id, the log gets all of it
            return _unforeseen(error, request_id, document)


def _wants_page(accept: str, query_string: bytes) -> bool:
    if not accept or any(part.startswith(b"query=") for part in query_string.split(b"&")):
        return False
    return negotiate(accept, (*ANSWERS, HTML)) == HTML


def _check(method: str, media_type: str | None) -> None:
    if method not in ("GET", "POST"):
        message = f"{method[:20]} means nothing here. Send GraphQL by POST, or queries by GET."
        raise refusal(message, status=405, headers=ALLOW)
    if media_type is None:
        raise refusal(f"Accept {GRAPHQL_JSON} or {JSON}; there is no other answer.", status=406)


def _unforeseen(error: Exception, request_id: str, document: str | None) -> Answer:
    told = present([GraphQLError(str(error), original_error=error)], request_id=request_id, document=document)
    return Answer(encode({"errors": told}), 500, 500, has_errors=True)


_SHUTTING_DOWN = Answer(
    encode({"errors": [{"message": "The service is shutting down. Try again.", "extensions": {"code": "TIMEOUT"}}]}),
    503,
    503,
    CLOSE,
    has_errors=True,
)


async def _send(send: Send, status: int, headers: Headers, body: bytes, request_id: str) -> None:
    own = ((b"content-length", b"%d" % len(body)), (b"x-request-id", request_id.encode()))
    await send({"type": "http.response.start", "status": status, "headers": [*headers, *own]})
    await send({"type": "http.response.body", "body": body})
