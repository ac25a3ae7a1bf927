"""The ASGI application: GraphQL, the schema as text, and what the people who run the service ask of it."""

import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.convertors import register_url_convertor
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from api.access import ANONYMOUS, Access
from api.downloads import PATH as EXPORT
from api.downloads import Downloads
from api.endpoint import Endpoint, State
from api.entities import EntityPages, Id
from api.errors import RequestError, public
from api.events import EventStreams
from api.execute import Executor
from api.feed import Feed
from api.responses import NO_SNIFFING, caller_of, refused, told
from api.settings import Settings
from api.websocket import WebSocketEndpoint
from graph.errors import FieldgraphError
from graph.formats.jsonld import PATH as ENTITIES
from graph.graph import Graph
from graph.journal.memory import MemoryTokens
from graph.tokens import Tokens

logger = logging.getLogger("fieldgraph")

PATH = "/graphql"
Lifespan = Callable[[Starlette], AbstractAsyncContextManager[None]]


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
    graph: Graph | None = None,
    lifespan: Lifespan | None = None,
) -> Application:
    """The application.

    `state` tells what answers rest on: the version of the graph. `ready` tells what /readyz shows, and raises
    FieldgraphError while questions cannot be answered. By `tokens` callers are known; without any, nobody is. Of the
    `graph`, if there is one, files and pages are made.
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
            "expose_headers": ("Content-Disposition", "ETag", "Retry-After", "WWW-Authenticate", "X-Request-Id"),
        }
        endpoint = CORSMiddleware(endpoint, **cors)
        middleware.append(Middleware(CORSMiddleware, **cors))

    async def root(_: Request) -> Response:
        return RedirectResponse(PATH)

    async def healthz(_: Request) -> Response:
        return told({"alive": True}, 200)

    async def schema(request: Request) -> Response:
        try:
            caller = caller_of(request, access)
        except RequestError as error:
            return refused(error)
        kept = {} if caller is ANONYMOUS else {"Cache-Control": "no-store"}
        return PlainTextResponse(sdl, headers={**NO_SNIFFING, **kept, "Vary": "Authorization"})

    async def readyz(_: Request) -> Response:
        try:
            facts = {"ready": True, **ready()}
        except FieldgraphError as error:
            logger.warning("not ready: %s", error)
            return told({"ready": False, "reason": public(error)}, 503)
        return told(facts, 200)

    routes = [
        Route("/", root),
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Route("/schema.graphql", schema),
        Route(PATH, endpoint),  # for /graphql/, which is sent on to it
    ]
    if graph is not None:
        register_url_convertor("id", Id())
        routes += [
            Route(EXPORT, Downloads(graph, settings, access)),
            Route(f"{ENTITIES}{{id:id}}", EntityPages(graph, settings, access)),
        ]
    sockets = WebSocketEndpoint(executor, feed, settings, access)
    return Application(endpoint, sockets, routes=routes, middleware=middleware, lifespan=lifespan)


def together(*lifespans: Lifespan) -> Lifespan:
    """What each of these does while the application runs."""

    @asynccontextmanager
    async def lifespan(application: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for each in lifespans:
                await stack.enter_async_context(each(application))
            yield

    return lifespan
