"""The ASGI application: GraphQL, the schema as text, and what the people who run the service ask of it."""

import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from api.access import ANONYMOUS, Access
from api.endpoint import Endpoint, State
from api.errors import RequestError, public
from api.events import EventStreams
from api.execute import Executor, refuse
from api.feed import Feed
from api.settings import Settings
from api.websocket import WebSocketEndpoint
from graph.errors import FieldgraphError
from graph.journal.memory import MemoryTokens
from graph.tokens import Tokens

logger = logging.getLogger("fieldgraph")

PATH = "/graphql"
Lifespan = Callable[[Starlette], AbstractAsyncContextManager[None]]
NO_SNIFFING = {"X-Content-Type-Options": "nosniff"}


class Application(Starlette):
    """Starlette, with a short way to GraphQL: past the layers of middleware and the search for a route."""

    def __init__(self, graphql: ASGIApp, sockets: ASGIApp, **options: Any) -> None:
        super().__init__(**options)
        self._graphql = graphql
        self._sockets = sockets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == PATH:
            await self._graphql(scope, receive, send)
        elif scope["type"] == "websocket" and scope["path"] == PATH:
            await self._sockets(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def build_app(
    executor: Executor,
    settings: Settings,
    feed: Feed,
    *,
    sdl: str,
    state: State,
    ready: Callable[[], Mapping[str, object]],
    tokens: Tokens | None = None,
    lifespan: Lifespan | None = None,
) -> Application:
    """The application.

    `state` tells what answers rest on: the version of the graph. `ready` tells what /readyz shows, and raises
    FieldgraphError while questions cannot be answered. By `tokens` callers are known; without any, nobody is.
    `lifespan` is entered before the first request and left after the last.
    """
    access = Access(tokens or MemoryTokens(), settings)
    endpoint: ASGIApp = Endpoint(executor, settings, state, access, EventStreams(executor, feed, access))
    middleware = []
    if settings.cors_origins:
        cors: dict[str, Any] = {
            "allow_origins": settings.cors_origins,
            "allow_methods": ("GET", "POST"),
            "allow_headers": ("*",),  # each that a page asks for is named to it: for Authorization * would not do
            "expose_headers": ("ETag", "Retry-After", "WWW-Authenticate", "X-Request-Id"),
        }
        endpoint = CORSMiddleware(endpoint, **cors)
        middleware.append(Middleware(CORSMiddleware, **cors))

    async def root(_: Request) -> Response:
        return RedirectResponse(PATH)

    async def healthz(_: Request) -> Response:
        return _json({"alive": True}, 200)

    async def schema(request: Request) -> Response:
        given = ", ".join(request.headers.getlist("authorization")) if "authorization" in request.headers else None
        try:
            caller = access.caller(given, request.client.host if request.client else "")
        except RequestError as error:
            return _refused(error)
        kept = {} if caller is ANONYMOUS else {"Cache-Control": "no-store"}
        return PlainTextResponse(sdl, headers={**NO_SNIFFING, **kept, "Vary": "Authorization"})

    async def readyz(_: Request) -> Response:
        try:
            facts = {"ready": True, **ready()}
        except FieldgraphError as error:
            logger.warning("not ready: %s", error)
            return _json({"ready": False, "reason": public(error)}, 503)
        return _json(facts, 200)

    routes = [
        Route("/", root),
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Route("/schema.graphql", schema),
        Route(PATH, endpoint),  # for /graphql/, which is sent on to it
    ]
    sockets = WebSocketEndpoint(executor, feed, settings, access)
    return Application(endpoint, sockets, routes=routes, middleware=middleware, lifespan=lifespan)


def _refused(error: RequestError) -> Response:
    answer = refuse(error)
    headers = {name.decode(): value.decode() for name, value in answer.headers}
    headers |= {
        **NO_SNIFFING,
        "Cache-Control": "no-store",
        "Vary": "Authorization",
        "X-Request-Id": answer.request_id or "",
    }
    return Response(answer.body, answer.status, headers=headers, media_type="application/json")


def _json(facts: Mapping[str, object], status: int) -> Response:
    headers = {**NO_SNIFFING, "Cache-Control": "no-store"}
    return Response(msgspec.json.encode(facts), status, headers=headers, media_type="application/json")


def together(*lifespans: Lifespan) -> Lifespan:
    """What each of these does while the application runs."""

    @asynccontextmanager
    async def lifespan(application: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for each in lifespans:
                await stack.enter_async_context(each(application))
            yield

    return lifespan
