"""GraphQL over WebSocket: the protocol graphql-transport-ws, of any number of operations on one connection.

The protocol of old, graphql-ws, is not spoken: of all that came before connection_init it let some through.
"""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.types import Receive, Scope, Send

from api.access import Access, Caller
from api.errors import COST_EXCEEDED, RequestError, new_request_id, refusal
from api.execute import Executor, GraphQLRequest, encode, told_of, unforeseen
from api.feed import Feed, Subscriber, TooSlow
from api.parameters import checked
from api.settings import Settings
from api.sockets import Socket, frame, socket_of

SUBPROTOCOL = "graphql-transport-ws"
INIT_S = 10.0
"""Seconds within which a client says connection_init."""

LONGEST_ID = 128
"""Characters of an operation's id; it is repeated in each message."""

STUCK_S = 30.0
"""Seconds within which a client reads an answer."""

CHECKED_S = 2.0
"""Seconds after which it is looked whether a caller's token still holds."""

# What the protocol closes a connection with; 4410 is ours.
BAD, UNAUTHORIZED, FORBIDDEN, NOT_ACCEPTABLE = 4400, 4401, 4403, 4406
INIT_TIMEOUT, ID_IN_USE, TOO_SLOW, INIT_TWICE = 4408, 4409, 4410, 4429

UNFORESEEN = 1011  # RFC 6455, 7.4.1

PORTS = {"http": ":80", "https": ":443"}

logger = logging.getLogger("fieldgraph")


class Closing(Exception):
    """The client broke the protocol, which has the connection closed with a code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class Message(msgspec.Struct, frozen=True):
    """What a client says."""

    type: str
    id: str | None = None
    payload: Any = None


_decode = msgspec.json.Decoder(Message).decode


class WebSocketEndpoint:
    """What stands at /graphql for WebSockets."""

    def __init__(self, executor: Executor, feed: Feed, settings: Settings, access: Access) -> None:
        self.executor = executor
        self.feed = feed
        self.settings = settings
        self.access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()  # that somebody wants to connect
        headers: dict[bytes, bytes] = dict(scope["headers"])
        if not self._is_welcome(headers):
            await send({"type": "websocket.close"})  # which is a 403
            return
        is_known = SUBPROTOCOL in scope["subprotocols"]
        await send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL if is_known else None})
        socket = socket_of(scope)
        if not is_known:
            socket.end(NOT_ACCEPTABLE, f"Subprotocol not acceptable. Ask for {SUBPROTOCOL}.")
        client = scope.get("client")
        await Session(self, socket, headers, client[0] if client else "").run(receive)

    def _is_welcome(self, headers: Mapping[bytes, bytes]) -> bool:
        """Whether the page that connects, if it is one, is of this host or of one that may read answers. No browser
        asks that before it connects with what it knows of the user."""
        origin = headers.get(b"origin", b"").decode("latin-1")
        allowed = self.settings.cors_origins
        if not origin or origin in allowed or "*" in allowed:
            return True
        scheme, _, host = origin.partition("://")
        port = PORTS.get(scheme)
        own = headers.get(b"host", b"").decode("latin-1").lower()
        return port is not None and host.lower().removesuffix(port) == own.removesuffix(port)


class Session:
    """One connection: what was said on it, and the operations under way."""

    def __init__(
        self, service: WebSocketEndpoint, socket: Socket, headers: Mapping[bytes, bytes], address: str
    ) -> None:
        self._service = service
        self._socket = socket
        self._headers = headers
        self._address = address
        self._caller: Caller | None = None  # until it was admitted
        self._is_greeted = False
        self._operations: dict[str, asyncio.Task[None]] = {}

    async def run(self, receive: Receive) -> None:
        """Hears the client until it is gone."""
        loop = asyncio.get_running_loop()
        timer = loop.call_later(INIT_S, self._too_late)
        try:
            while (said := await receive())["type"] == "websocket.receive":
                try:
                    await self._hear(_read(said.get("text")))
                except Closing as closing:
                    self._socket.end(closing.code, str(closing))
        finally:
            timer.cancel()
            for task in self._operations.values():
                task.cancel()

    def _too_late(self) -> None:
        if not self._is_greeted:
            self._socket.end(INIT_TIMEOUT, "Connection initialisation timeout")

    async def _hear(self, message: Message) -> None:
        if message.type == "subscribe":
            await self._subscribe(message)
        elif message.type == "complete":
            if task := self._operations.pop(_id(message), None):
                task.cancel()
        elif message.type == "ping":
            pong = {"type": "pong"} if message.payload is None else {"type": "pong", "payload": message.payload}
            await self._say(frame(encode(pong)))
        elif message.type == "connection_init":
            await self._greet(message)
        elif message.type != "pong":
            raise Closing(BAD, f"There is no message of type {message.type[:40]!r}.")

    async def _greet(self, message: Message) -> None:
        if self._is_greeted:
            raise Closing(INIT_TWICE, "Too many initialisation requests")
        self._is_greeted = True
        try:
            given = _authorization(_object(message), self._headers)
            self._caller = self._service.access.caller(given, self._address)
        except RequestError as error:
            raise Closing(FORBIDDEN, str(error)) from error
        self._check()
        await self._say(frame(b'{"type":"connection_ack"}'))

    def _check(self) -> None:
        """Looks whether the caller may go on, and again in a while."""
        is_known = self._caller is not None and self._caller.name is not None
        if is_known and self._socket.is_open and self._may_go_on():
            asyncio.get_running_loop().call_later(CHECKED_S, self._check)

    def _may_go_on(self) -> bool:
        """Parts from a caller whose token was revoked, or has expired; or of whom nobody can say."""
        assert self._caller is not None
        try:
            holds = self._service.access.still_holds(self._caller)
        except Exception:  # whatever it is, nobody goes on by a token that could not be looked at
            logger.exception("the token %r could not be looked at; its connection is closed", self._caller.name)
            self._socket.end(UNFORESEEN, "It cannot be looked up whether the token holds. Connect again.")
            return False
        if not holds:
            self._socket.end(FORBIDDEN, "The token was revoked, or has expired.")
        return holds

    async def _subscribe(self, message: Message) -> None:
        id = _id(message)
        if self._caller is None:
            raise Closing(UNAUTHORIZED, "Unauthorized")
        if id in self._operations:
            raise Closing(ID_IN_USE, f"Subscriber for {id} already exists")
        try:
            request = msgspec.convert(_object(message), GraphQLRequest)
        except msgspec.ValidationError as error:
            raise Closing(BAD, f"The payload is not a GraphQL request: {error}") from error
        if not self._may_go_on():
            return
        if len(self._operations) >= (most := self._service.settings.max_socket_operations):
            told = f"{most:,} operations are under way on this connection, the most there may be. Complete one first."
            await self._refuse(id, refusal(told, COST_EXCEEDED), request)
            return
        task = self._operations[id] = asyncio.create_task(self._operate(id, request, self._caller))
        task.add_done_callback(lambda task: self._forget(id, task))

    def _forget(self, id: str, task: "asyncio.Task[None]") -> None:
        if self._operations.get(id) is task:
            del self._operations[id]

    async def _operate(self, id: str, request: GraphQLRequest, caller: Caller) -> None:
        try:
            await self._answer(id, request, caller)
        except TooSlow as error:
            self._socket.end(TOO_SLOW, str(error))
        except RequestError as error:
            await self._refuse(id, error, request)
        except Exception as error:  # noqa: BLE001 - the client gets an id, the log gets all of it
            await self._refuse(id, unforeseen(error), request)

    async def _refuse(self, id: str, error: RequestError, request: GraphQLRequest) -> None:
        await self._say(_message(id, "error", encode(told_of(error, new_request_id(), request.query))))

    async def _answer(self, id: str, request: GraphQLRequest, caller: Caller) -> None:
        executor = self._service.executor
        operation = executor.prepare(checked(request, self._service.settings), caller, streamed=True)
        if operation.is_subscription:
            await self._stream(id, await self._service.feed.subscribe(operation, request.variables or {}))
            return
        answering = executor.answer(request, operation, caller)
        # What changes something is not given up halfway because its client left.
        answer = await (answering if operation.is_query else asyncio.shield(asyncio.ensure_future(answering)))
        await self._say(_message(id, "next", answer.body) + frame(b'{"id":%b,"type":"complete"}' % encode(id)))

    async def _stream(self, id: str, subscriber: Subscriber) -> None:
        before = b'{"id":%b,"type":"next","payload":' % encode(id)
        try:
            while (events := await subscriber.next()) is not None:
                self._socket.write(b"".join([frame(b"%b%b}" % (before, event.body)) for event in events]))
                if not self._socket.outlet.is_free:
                    await subscriber.keep_pace(self._socket.outlet, subscriber.mark)
        finally:
            subscriber.close()

    async def _say(self, frames: bytes) -> None:
        self._socket.write(frames)
        if not self._socket.outlet.is_free and not await self._socket.outlet.drained(STUCK_S):
            self._socket.end(TOO_SLOW, f"Too slow: nothing was read for {STUCK_S:.0f} seconds.")


def _message(id: str, type: str, payload: bytes) -> bytes:
    return frame(b'{"id":%b,"type":"%b","payload":%b}' % (encode(id), type.encode(), payload))


def _read(text: str | None) -> Message:
    if text is None:
        raise Closing(BAD, "A message is text, not bytes.")
    try:
        return _decode(text)
    except RecursionError as error:
        raise Closing(BAD, "The message is nested too deeply.") from error
    except ValueError as error:  # msgspec's errors, and lone surrogates
        raise Closing(BAD, f"The message is not one of {SUBPROTOCOL}: {error}") from error


def _id(message: Message) -> str:
    if not message.id or len(message.id) > LONGEST_ID:
        raise Closing(BAD, f"A message of type {message.type} has an id, a text of 1 to {LONGEST_ID} characters.")
    return message.id


def _authorization(payload: Mapping[str, Any], headers: Mapping[bytes, bytes]) -> str | None:
    """What is given as `Authorization: Bearer TOKEN`; by the payload, as a page has no say in the headers here."""
    given = payload.get("authorization", payload.get("Authorization"))
    if given is not None and not isinstance(given, str):
        raise Closing(BAD, "authorization is a text, as in Bearer TOKEN.")
    header = headers.get(b"authorization")
    return given if given is not None or header is None else header.decode("latin-1")


def _object(message: Message) -> dict[str, Any]:
    if message.payload is None and message.type == "connection_init":
        return {}
    if not isinstance(message.payload, dict):
        raise Closing(BAD, f"The payload of {message.type} is an object.")
    return message.payload
