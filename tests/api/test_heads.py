"""Specifies api/heads.py: a head that came before is looked up, and nobody can tell."""

import asyncio
from collections.abc import Iterable
from typing import Any
from unittest.mock import patch

import pytest
import uvicorn
from hypothesis import given, settings
from hypothesis import strategies as st
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from api.heads import AGAIN, LONGEST, MOST, Heads, Reply, Shortcut
from api.transport import OUTLET, Protocol

SAME = b"POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"
FORMS = [
    SAME, SAME, SAME,
    b"POST /graphql HTTP/1.1\r\nHost: b\r\nContent-Length: %d\r\n\r\n",
    b"POST /e/%%20?x=1 HTTP/1.1\r\nhost: a\r\nX-Two: 1\r\nX-Two: 2\r\ncontent-length: %d\r\n\r\n",
    b"PUT /graphql HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n",
    b"POST /graphql HTTP/1.0\r\nHost: a\r\nContent-Length: %d\r\n\r\n",
    b"POST /graphql HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: %d\r\n\r\n",
    b"POST /graphql HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n",
    b"\r\nPOST /graphql HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n",
    b"POST /graphql HTTP/1.1\nHost: a\nContent-Length: %d\n\n",
    b"POST /graphql HTTP/1.1\r\nHost: a\r\nX: " + b"x" * LONGEST + b"\r\nContent-Length: %d\r\n\r\n",
]  # fmt: skip
OTHERS = [
    b"GET /graphql?query={a} HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST /graphql HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    b"POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\nabcd",
    b"POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Length: 99\r\n\r\nabcd",
    b"POST /graphql HTTP/1.1\r\nHost: a\r\nX-Not-Yet: ",
    b"nonsense\r\n\r\n",
]  # fmt: skip
REFUSED = b"HTTP/1.1 400 Bad Request\r\n"
BODIES = st.sampled_from([b"", b"{}", b"[]", b"{ }\r\n\r\n", b"x" * 70_000])
REQUESTS = st.builds(lambda form, body: form % len(body) + body, st.sampled_from(FORMS), BODIES)
KNOWN = st.builds(lambda body: SAME % 2 + body, st.sampled_from([b"{}", b"[]"]))
PIECES = st.lists(st.one_of(KNOWN, KNOWN, REQUESTS, st.sampled_from(OTHERS)), min_size=1, max_size=8)


class Written(asyncio.Transport):
    """A transport that keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__({"sockname": ("127.0.0.1", 80), "peername": ("127.0.0.1", 81)})
        self.written = b""
        self.closed = False

    def write(self, data: bytes) -> None:  # type: ignore[override]
        self.written += b"" if self.closed else data

    def writelines(self, list_of_data: Iterable[bytes]) -> None:  # type: ignore[override]
        self.write(b"".join(list_of_data))

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


def heard(
    protocol: type[HttpToolsProtocol], pieces: list[bytes], *, takes_shortcuts: bool = False
) -> tuple[list[Any], bytes, bool]:
    """The requests that an application gets from a connection, what was answered, and whether it was closed."""
    asked: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        told = {key: value for key, value in scope.items() if key != "extensions"}
        told["headers"] = list(told["headers"])

        async def reply(body: bytes) -> Reply:
            if body == b"[]":
                await asyncio.sleep(0)  # so that the next may have come
            asked.append((told, body))
            said = b"%d" % (len(asked) % 10)

            async def sent(send: Any) -> None:
                await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1")]})
                await send({"type": "http.response.body", "body": said})

            return Reply(None if body == b"{ }" else said, sent)

        if offer := takes_shortcuts and scope.get("extensions", {}).get(AGAIN):
            offer(send, Shortcut(b"", reply))
        first = await reply(body)
        scope["headers"].append((b"x-mine", b"1"))
        scope["state"]["mine"] = 1
        await first.send(send)

    async def connection() -> tuple[list[Any], bytes, bool]:
        config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off")
        config.load()
        made = protocol(config, ServerState(), {"kept": 1}, asyncio.get_running_loop())
        transport = Written()
        made.connection_made(transport)
        for piece in pieces:
            if not transport.closed:
                made.data_received(piece)
            for _ in range(0 if piece.endswith(b"[]") else 10):
                await asyncio.sleep(0)
        for _ in range(50):
            await asyncio.sleep(0)
        made.connection_lost(None)
        await asyncio.sleep(0)
        return asked, transport.written, transport.closed

    return asyncio.run(connection())


@given(PIECES, st.data())
@settings(max_examples=500, deadline=None)
def test_requests_are_heard_and_answered_as_by_the_parser(pieces: list[bytes], data: st.DataObject) -> None:
    for _ in range(data.draw(st.integers(0, 2))):  # some come together
        place = data.draw(st.integers(0, len(pieces) - 1))
        pieces[place : place + 2] = [b"".join(pieces[place : place + 2])]
    for _ in range(data.draw(st.integers(0, 2))):  # some come in two pieces
        place = data.draw(st.integers(0, len(pieces) - 1))
        cut = data.draw(st.integers(0, len(pieces[place])))
        pieces[place : place + 1] = filter(None, [pieces[place][:cut], pieces[place][cut:]])
    mine = heard(Protocol, pieces, takes_shortcuts=data.draw(st.booleans()))
    theirs = heard(HttpToolsProtocol, pieces)
    if REFUSED in theirs[1]:  # what was asked before nonsense is answered sooner here
        assert mine[2]
        assert mine[1].endswith(theirs[1].partition(REFUSED)[2])
    else:
        assert mine == theirs


def test_a_head_is_read_once() -> None:
    with patch.object(Protocol, "_feed", autospec=True, side_effect=Protocol._feed) as feed:
        asked, _, _ = heard(Protocol, [SAME % 2 + b"{}", SAME % 2 + b"[]", SAME % 3 + b"{ }", SAME % 2 + b"()"])
    assert [body for _, body in asked] == [b"{}", b"[]", b"{ }", b"()"]
    assert feed.call_count == 2


def test_few_heads_are_remembered_and_each_has_a_scope_of_its_own() -> None:
    heads = Heads()

    class Cycle:
        keep_alive = True
        scope = {"headers": [(b"content-length", b"0")]}  # noqa: RUF012  # it stands for one

    for number in range(10 * MOST):
        heads.learn(b"POST /%d HTTP/1.1\r\nContent-Length: 0\r\n\r\n" % number, Cycle)  # type: ignore[arg-type]
        assert len(heads._known) <= MOST
    known = heads.read(b"POST /%d HTTP/1.1\r\nContent-Length: 0\r\n\r\n" % number)
    assert known is not None
    one, other = known[0].scope, known[0].scope
    assert one == other
    assert one is not other
    assert one["headers"] is not other["headers"]
    assert OUTLET not in one


@pytest.mark.parametrize("value", [b"+2", b"02", b"2, 2"])
def test_a_length_that_is_written_in_another_way_is_for_the_parser(value: bytes) -> None:
    pieces = [b"POST / HTTP/1.1\r\nContent-Length: %b\r\n\r\n{}" % value] * 2
    assert heard(Protocol, pieces) == heard(HttpToolsProtocol, pieces)
