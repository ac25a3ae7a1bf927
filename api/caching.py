"""Answers that clients keep: strong entity tags (RFC 9110, 8.8.3), by which they ask whether theirs still holds."""

from hashlib import blake2b
from importlib.metadata import version

import msgspec

from api.execute import GraphQLRequest

PROGRAM = version("fieldgraph")


def entity_tag(request: GraphQLRequest, media_type: str, coding: str | None, state: object) -> bytes:
    """The tag of the answer to a request: of all that can change a byte of it.

    `state` is what answers rest on beside their requests, and prints alike while it is the same. Who may see what will
    be part of it; so far everybody sees everything.
    """
    said = (PROGRAM, request, media_type, coding, repr(state))
    return b'"%b"' % blake2b(msgspec.json.encode(said), digest_size=16).hexdigest().encode()


def names_tag(if_none_match: bytes, tag: bytes) -> bool:
    """Whether the header If-None-Match names the tag, as a strong one or, as gateways make it, a weak one (W/)."""
    return any(given.strip().removeprefix(b"W/") == tag for given in if_none_match.split(b","))
