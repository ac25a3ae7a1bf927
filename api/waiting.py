"""Running a coroutine as far as it goes without waiting, and the rest of it when it has to."""

import types
from collections.abc import Coroutine, Generator
from functools import partial
from typing import Any


def at_once(running: Coroutine[Any, Any, Any]) -> Any:
    """What a coroutine returns or raises, if it does not wait; else the rest of it, to be awaited. graphql-core takes
    three times as long for what it has to await."""
    try:
        awaited = running.send(None)
    except StopIteration as done:
        return done.value
    return _rest(running, awaited)


async def _rest(running: Coroutine[Any, Any, Any], awaited: Any) -> Any:
    return await resumed(running, awaited)


@types.coroutine
def resumed(running: Coroutine[Any, Any, Any], awaited: Any) -> Generator[Any, Any, Any]:
    """The rest of a coroutine that waits for something."""
    while True:
        try:
            got = yield awaited
        except BaseException as error:  # noqa: BLE001  # whatever it is, it is for the one that waits
            step = partial(running.throw, error)
        else:
            step = partial(running.send, got)
        try:
            awaited = step()
        except StopIteration as done:
            return done.value
