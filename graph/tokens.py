"""Tokens: by what programs and people are recognised, and what they may do.

A token is 256 random bits, told once to whoever makes it; what is kept is its SHA-256, from which it cannot be found.
Its name is the author of what is written with it, so a name is given once, for good.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from difflib import get_close_matches
from enum import IntEnum
from hashlib import sha256
from hmac import compare_digest
from secrets import token_hex
from typing import NamedTuple, Protocol

from graph.errors import InvalidInput, NotFound, on_one_line

PREFIX = "fieldgraph_"
"""What a token begins with, so that those who look through code and logs for secrets find it."""

SECRET = re.compile(rf"{PREFIX}[0-9a-f]{{64}}", re.ASCII)
LONGEST_NAME = 100


class Scope(IntEnum):
    """What a token is good for; each scope includes those before it."""

    READ = 1
    WRITE = 2
    ADMIN = 3

    def __str__(self) -> str:
        return self.name.lower()


class Token(NamedTuple):
    """What is kept of a token. `digest` is its SHA-256."""

    name: str
    scope: Scope
    digest: bytes
    created: datetime
    expires: datetime | None = None
    revoked: datetime | None = None

    def holds(self, now: datetime) -> bool:
        """Whether it is good for anything: neither revoked nor expired."""
        return self.revoked is None and (self.expires is None or now < self.expires)


class Tokens(Protocol):
    """Where tokens are kept. What one process does is seen by the others at once."""

    def add(self, token: Token) -> bool:
        """Keeps the token, unless another has had its name; says whether it did."""

    def revoke(self, name: str, now: datetime) -> bool:
        """Has the token of this name hold no longer; says whether there is one. The first time counts."""

    def find(self, digest: bytes) -> Token | None:
        """The token with this SHA-256. Cheap: it is asked with every request that carries one."""

    def named(self, name: str) -> Token | None:
        """The token of this name. As cheap."""

    def all(self) -> Sequence[Token]:
        """Every token there ever was, the oldest first, then by name."""


def create(tokens: Tokens, name: str, scope: Scope, now: datetime, expires: datetime | None = None) -> str:
    """Makes a token, which nobody is told again. Raises InvalidInput."""
    if not name.isprintable() or name != name.strip() or not 1 <= len(name) <= LONGEST_NAME:
        raise InvalidInput(
            f"{_shown(name)} is no name of a token: it may have 1 to {LONGEST_NAME} characters that print, and no space"
            " at its ends."
        )
    if expires is not None and expires <= now:
        raise InvalidInput(f"A token that expires on {expires:%Y-%m-%d} would never hold. Choose a later day.")
    secret = f"{PREFIX}{token_hex(32)}"
    if not tokens.add(Token(name, scope, _digest(secret), now, expires)):
        raise InvalidInput(
            f"There is or was a token named {name!r}. Names tell who wrote what, so each is given once: choose another."
        )
    return secret


def revoke(tokens: Tokens, name: str, now: datetime) -> None:
    """Has the token of this name hold no longer. Raises NotFound."""
    if not tokens.revoke(name, now):
        near = get_close_matches(name, [token.name for token in tokens.all()], 1)
        hint = f"Did you mean {near[0]!r}?" if near else "`fieldgraph token list` tells which there are."
        raise NotFound(f"There is no token named {_shown(name)}. {hint}")


def recognised(tokens: Tokens, secret: str) -> Token | None:
    """The token that this is, whether or not it still holds."""
    if not SECRET.fullmatch(secret):
        return None
    digest = _digest(secret)
    token = tokens.find(digest)
    # How long the index takes tells of digests, which nobody can choose; of the comparison it tells nothing.
    return token if token is not None and compare_digest(token.digest, digest) else None


def _digest(secret: str) -> bytes:
    return sha256(secret.encode("ascii")).digest()


def _shown(name: str) -> str:
    return repr(on_one_line(name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"))
