"""GraphQL over server-sent events, an operation for each request: graphql-sse's "distinct connections mode".

Of a request that is GraphQL at all even a refusal is streamed, as a browser's EventSource could not read it otherwise.
An event of a subscription has its mark as id, so a browser that connects again goes on where it was.
"""

import asyncio
from collections.abc import Mapping

from starlette.types import Receive, Scope, Send

from api.access import Access, Caller
from api.documents import Operation
from api.errors import UNAUTHENTICATED, RequestError, refusal
from api.execute import Executor, GraphQLRequest, Headers, refuse, unforeseen
from api.feed import Event, Feed, Subscriber, TooSlow, text_of
from api.transport import OUTLET, Outlet

EVENTS = "text/event-stream"
LAST_EVENT = b"last-event-id"
HEADERS: Headers = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # nginx would keep events until there are many
    (b"vary", b"Accept"),
)
KEEP_ALIVE_S = 12.0
"""Seconds after which something is sent, so that nobody between takes the connection for dead."""

CHECKED_S = 2.0
"""Seconds after which it is looked whether a caller's token still holds."""

COMPLETE = b"event: complete\ndata:\n\n"


def _next(body: bytes) -> bytes:
    return b"event: next\ndata: %b\n\n" % body


def _told(event: Event) -> bytes:
    return b"id: %b\n%b" % (text_of(event.mark).encode(), _next(event.body))


def _mark(subscriber: Subscriber) -> bytes:
    """An event that nobody is told of, but from whose mark the client goes on."""
    return b"id: %b\n\n" % text_of(subscriber.mark).encode()


class EventStreams:
    """Answers requests with streams of events."""

    def __init__(self, executor: Executor, feed: Feed, access: Access) -> None:
        self._executor = executor
        self._feed = feed
        self._access = access

    async def answer(
        self,
        request: GraphQLRequest,
        caller: Caller,
        scope: Scope,
        headers: Mapping[bytes, bytes],
        receive: Receive,
        send: Send,
    ) -> None:
        """Streams the answer to a request that was read. Raises RequestError where not even that may be."""
        await asyncio.sleep(0)  # from here on in a task: see api/transport.py
        stream = Stream(send, scope["extensions"][OUTLET])
        try:
            try:
                operation = self._executor.prepare(request, caller, read_only=scope["method"] != "POST", streamed=True)
                if operation.is_subscription:
                    await self._watch(stream, request, caller, operation, headers, receive)
                    return
                body = (await self._executor.answer(request, operation, caller)).body
            except RequestError as error:
                if error.status in (401, 403, 405) and not stream.is_begun:
                    raise
                body = refuse(error, document=request.query).body
            await stream.send(_next(body) + COMPLETE)
            await stream.end()
        except RequestError:
            raise
        except TooSlow as error:
            told = refuse(refusal(str(error), "THROTTLED"), document=request.query)
            await stream.part(_next(told.body) + COMPLETE)
        except Exception as error:  # noqa: BLE001 - the client gets an id, the log gets all of it
            told = refuse(unforeseen(error), document=request.query)
            await stream.part(_next(told.body) + COMPLETE)

    async def _watch(
        self,
        stream: "Stream",
        request: GraphQLRequest,
        caller: Caller,
        operation: Operation,
        headers: Mapping[bytes, bytes],
        receive: Receive,
    ) -> None:
        last = headers.get(LAST_EVENT, b"").decode("latin-1")
        subscriber = await self._feed.subscribe(operation, request.variables or {}, last)
        leaving = asyncio.create_task(_until_gone(receive, subscriber))
        try:
            await stream.send(_mark(subscriber))
            told = subscriber.mark
            within_s = KEEP_ALIVE_S if caller.name is None else CHECKED_S
            while (events := await subscriber.next(within_s)) is not None:
                if not self._access.still_holds(caller):
                    raise refusal("The token was revoked, or has expired.", UNAUTHENTICATED, status=401)
                if not stream.outlet.is_free:
                    await subscriber.keep_pace(stream.outlet, told)
                told = subscriber.mark
                await stream.send(b"".join(map(_told, events)) if events else _mark(subscriber))
            await stream.end()  # without `complete`: the service goes down, and the client is to come back
        finally:
            subscriber.close()
            leaving.cancel()


async def _until_gone(receive: Receive, subscriber: Subscriber) -> None:
    """Ends the subscription when the client has closed its connection."""
    while (await receive())["type"] != "http.disconnect":
        pass
    subscriber.close()


class Stream:
    """The stream of one answer; it begins with the first that is sent."""

    def __init__(self, send: Send, outlet: Outlet) -> None:
        self.outlet = outlet
        self._send = send
        self.is_begun = False

    async def send(self, events: bytes) -> None:
        await self._begin()
        await self._send({"type": "http.response.body", "body": events, "more_body": True})

    async def end(self) -> None:
        await self._begin()
        self.outlet.is_endless = False
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def part(self, events: bytes) -> None:
        """Says the last words to a client that does not read."""
        self.outlet.let_go()
        await self.send(events)
        await self.end()

    async def _begin(self) -> None:
        if not self.is_begun:
            self.is_begun = True
            self.outlet.hold_little()
            self.outlet.is_endless = True
            await self._send({"type": "http.response.start", "status": 200, "headers": HEADERS})
