"""Automatic persisted queries, as Apollo's clients ask for them: a document that was sent once is named by its SHA-256.

A client sends the hash alone; if the document is not known here, it repeats the request with both, and from then on the
hash is enough. Whoever has the hash has had the document, so nothing is given away by it.
"""

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import msgspec
from graphql import GraphQLError

from api.errors import RequestError, refusal, shorten
from api.recent import Recent

NAME = "persistedQuery"
VERSION = 1
FORM = '{"version": 1, "sha256Hash": "64 lower-case hexadecimal digits"}'

# The message and the code of what clients act on are the protocol's: they repeat the request with the document, or stop
# sending hashes.
NOT_FOUND = "PersistedQueryNotFound", "PERSISTED_QUERY_NOT_FOUND"
NOT_SUPPORTED = "PersistedQueryNotSupported", "PERSISTED_QUERY_NOT_SUPPORTED"

_is_hash = re.compile("[0-9a-f]{64}").fullmatch
_encode = msgspec.json.Encoder().encode


def hash_in(extensions: Mapping[str, Any]) -> str | None:
    """The hash that the extensions of a request give, or None if they give none. Raises RequestError."""
    given = extensions.get(NAME)
    if given is None:
        return None
    if not isinstance(given, dict):
        raise _malformed(NAME, given, f"the object {FORM}")
    version, digest = given.get("version"), given.get("sha256Hash")
    if version != VERSION or version is True:
        raise _malformed(f"{NAME}.version", version, f"{VERSION}, the only version there is")
    if not isinstance(digest, str) or not _is_hash(digest):
        expected = "64 lower-case hexadecimal digits, the SHA-256 of the query in UTF-8"
        raise _malformed(f"{NAME}.sha256Hash", digest, expected)
    return digest


class PersistedQueries:
    """Documents by their hashes, the most recently used ones, of so many characters together; with 0 there are none."""

    def __init__(self, characters: int) -> None:
        self._is_on = characters > 0
        self._recent = Recent[str, str](characters, lambda digest, text: len(digest) + len(text))

    def text(self, digest: str, query: str | None) -> str:
        """The document that a request means by its hash, beside which it may give the document. Raises RequestError."""
        if query is None:
            known = self._recent.get(digest)
            if known is None:
                raise _told_by_protocol(*(NOT_FOUND if self._is_on else NOT_SUPPORTED))
            return known
        # Half a surrogate pair is no reason to fail here: the document is refused for it.
        actual = sha256(query.encode("utf-8", "surrogatepass")).hexdigest()
        if actual != digest:
            raise refusal(
                f"{NAME}.sha256Hash is {digest}, but the SHA-256 of the query in UTF-8 is {actual}. Hash the query "
                "exactly as it is sent."
            )
        return query

    def remember(self, digest: str, text: str) -> None:
        """Take the document, which is that of the hash and valid, for what the hash means."""
        if self._recent.get(digest) is None:
            self._recent.put(digest, text)


def _malformed(name: str, given: object, expected: str) -> RequestError:
    return refusal(f"{name} is {shorten(_encode(given).decode(), 80)}, but must be {expected}.")


def _told_by_protocol(message: str, code: str) -> RequestError:
    return RequestError([GraphQLError(message, extensions={"code": code})], json_status=200)
