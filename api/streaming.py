"""Long answers: made in slices between which requests are answered, sent as the client reads, ended when it leaves.

Whatever ends one early cuts the connection off, so that nobody takes a part for the whole.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from time import perf_counter

from starlette.types import Receive, Send

from api.compression import STREAMED
from api.execute import Headers
from api.transport import Outlet

SLICE_S, PAUSE = 0.003, 2
"""For so many seconds an answer is made before others have their turn; if there are others, it rests for so many times
as long."""

BUSY_S = 0.0001
"""If others take longer than this for their turn, there are requests."""

PIECE = 65_536
"""Bytes that are sent at a time."""

STALLED_S = 30.0
"""Seconds after which a client that does not read a piece is cut off: others may be waiting for its place."""

CHECKED_S = 2.0
"""Seconds after which it is looked whether the caller may still have it."""

logger = logging.getLogger("fieldgraph")


async def paced(pieces: Iterator[bytes], coding: str | None = None) -> AsyncGenerator[bytes, None]:
    """The pieces, in larger ones and in a content coding; some may be empty."""
    squeezer = None if coding is None else STREAMED[coding]()
    made: list[bytes] = []
    size, begun = 0, perf_counter()
    for piece in pieces:
        made.append(piece)
        size += len(piece)
        if size >= PIECE or perf_counter() - begun > SLICE_S:
            body = b"".join(made)
            made, size = [], 0
            body = body if squeezer is None else squeezer.compress(body)
            worked = perf_counter() - begun
            yield body
            await _rest(worked)
            begun = perf_counter()
    body = b"".join(made)
    yield body if squeezer is None else squeezer.compress(body) + squeezer.flush()


async def _rest(worked: float) -> None:
    """Lets others have their turn, after so many seconds of work."""
    ended = perf_counter()
    await asyncio.sleep(0)
    if perf_counter() - ended > BUSY_S:
        await asyncio.sleep(PAUSE * worked)


async def stream(
    headers: Headers,
    pieces: AsyncGenerator[bytes, None],
    receive: Receive,
    send: Send,
    outlet: Outlet | None,
    holds: Callable[[], bool],
) -> None:
    """Sends an answer whose pieces are made meanwhile. `holds` tells whether the caller may still have it."""
    gone = asyncio.create_task(_until_gone(receive))
    try:
        async with aclosing(pieces):
            await _send(headers, pieces, send, gone, holds)
    except (Exception, asyncio.CancelledError) as error:  # cancelled is what is left when the service goes down
        _tell(error)
        if outlet is None:
            raise
        outlet.cut()
        await asyncio.wait([gone], timeout=1)
    finally:
        gone.cancel()


async def _send(
    headers: Headers,
    pieces: AsyncGenerator[bytes, None],
    send: Send,
    gone: "asyncio.Task[None]",
    holds: Callable[[], bool],
) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    checked = perf_counter()
    async for piece in pieces:
        if gone.done():
            return
        if perf_counter() - checked > CHECKED_S:
            checked = perf_counter()
            if not holds():
                raise PermissionError("its caller may not have it any more")
        if piece:
            async with asyncio.timeout(STALLED_S):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _tell(error: BaseException) -> None:
    match error:
        case TimeoutError():
            logger.info("an answer was cut off: its client did not read for %g s", STALLED_S)
        case PermissionError():
            logger.info("an answer was cut off: %s", error)
        case asyncio.CancelledError():
            logger.info("an answer was cut off: the service is shutting down")
        case _:
            logger.error("an answer was cut off", exc_info=error)


async def _until_gone(receive: Receive) -> None:
    """Ends when the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass
