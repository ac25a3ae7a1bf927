"""Answers that clients keep: strong entity tags (RFC 9110, 8.8.3), by which they ask whether theirs still holds."""

from hashlib import blake2b
from importlib.metadata import version

import msgspec

from api.execute import GraphQLRequest
from api.settings import Settings
from graph.tokens import Scope

PROGRAM = version("fieldgraph")


ELSEWHERE = {"host", "port", "data", "workers", "wait", "seed", "shutdown_timeout", "cors_origins", "graphiql"}
ELSEWHERE |= {
    "log_level",
    "log_format",
    "access_log",
    "cache_control",
    "reading",
    "token_failures",
    "base",
    "max_exports",
}
"""Settings that change no byte of an answer: instances that differ in these alone give equal tags."""


class EntityTags:
    """Makes the tags of answers, each of all that can change a byte of one."""

    def __init__(self, settings: Settings) -> None:
        chosen = settings.model_dump(exclude=ELSEWHERE)
        self._instance = (repr(sorted(chosen.items())),)

    def tag(self, request: GraphQLRequest, media_type: str, coding: str | None, state: object, scope: Scope) -> bytes:
        """The tag of the answer to a request.

        `state` is what answers rest on beside their requests, and prints alike while it is the same. The caller's
        scope is part of it: what some may see and others may not must never be taken for the same.
        """
        return tag_of(*self._instance, request, media_type, coding, repr(state), scope)


def tag_of(*said: object) -> bytes:
    """The tag of what rests on all of this, and on nothing else but the program."""
    return b'"%b"' % blake2b(msgspec.json.encode((PROGRAM, *said)), digest_size=16).hexdigest().encode()


def names_tag(if_none_match: bytes, tag: bytes) -> bool:
    """Whether the header If-None-Match names the tag, as a strong one or, as gateways make it, a weak one (W/)."""
    return any(given.strip().removeprefix(b"W/") == tag for given in if_none_match.split(b","))
