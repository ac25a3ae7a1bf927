"""Work in a thread beside the loop, which goes on to its end whoever stops waiting for it."""

import asyncio
import concurrent.futures
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


Start = Callable[[Callable[[], None]], object]
"""Has something called in a thread."""


def begun(work: Callable[[], T], start: Start) -> "Future[T]":
    """Begins work in a thread; where there is no loop that must go on meanwhile, does it at once."""
    coming: Future[T] = Future()
    coming.set_running_or_notify_cancel()  # from here on nobody who waits for it can cancel it for others

    def carry_out() -> None:
        try:
            coming.set_result(work())
        except BaseException as error:  # noqa: BLE001  # it is raised where it is waited for
            coming.set_exception(error)

    if _has_loop():
        start(carry_out)
    else:
        carry_out()
    return coming


async def over(coming: "Future[T]", seconds: float | None = None) -> None:
    """Waits until it is done, well or not, so long at most."""
    if coming.done():
        return
    if not _has_loop():
        concurrent.futures.wait([coming], seconds)
        return
    waiting = asyncio.wrap_future(coming)
    try:
        await asyncio.wait([waiting], timeout=seconds)
    finally:
        if waiting.done() and not waiting.cancelled():
            waiting.exception()  # who wants to know asks the work itself
        waiting.cancel()  # the work goes on


def _has_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False  # somebody asks from a REPL, and has nothing else to do
    return True
