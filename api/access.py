"""Who may do what: callers are known by their tokens, and every operation needs a scope.

Nobody is known by anything but the header Authorization, or the first message on a WebSocket, which no browser sends by
itself: so a page of another site can do nothing in the name of whoever looks at it.
"""

import logging
import re
from collections.abc import Callable
from datetime import datetime
from ipaddress import IPv6Address, ip_address, ip_network
from math import ceil
from time import monotonic
from typing import NamedTuple

from graphql import OperationType

from api.errors import FORBIDDEN, THROTTLED, UNAUTHENTICATED, RequestError, refusal
from api.recent import Recent
from api.settings import Settings
from graph.resident import utc_now
from graph.tokens import Scope, Tokens, recognised

NEEDS = {
    OperationType.QUERY: Scope.READ,
    OperationType.MUTATION: Scope.WRITE,
    OperationType.SUBSCRIPTION: Scope.READ,
}
"""The scope that each kind of operation needs; there is no other kind, and what is not listed nobody may do."""

MAKING = "`fieldgraph token create NAME --scope {scope}` makes one, to be sent as `Authorization: Bearer TOKEN`."

WINDOW_S = 60
MOST_ADDRESSES = 10_000
"""Addresses whose failures are remembered."""

_bearer = re.compile(r"bearer +([\w.~+/=-]+)", re.ASCII | re.IGNORECASE).fullmatch

logger = logging.getLogger("fieldgraph")


class Caller(NamedTuple):
    """Whoever sends a request: the name of their token, None where they have none, and what they may do."""

    name: str | None
    scope: Scope


ANONYMOUS = Caller(None, Scope.READ)
"""Whoever sends no token, where reading is open."""

OWNER = Caller(None, Scope.ADMIN)
"""Whoever has the store itself, as the command does."""


class Access:
    """Knows callers by what they send with their requests."""

    def __init__(
        self,
        tokens: Tokens,
        settings: Settings,
        clock: Callable[[], datetime] = utc_now,
        timer: Callable[[], float] = monotonic,
    ) -> None:
        self._tokens = tokens
        self._clock = clock
        self._failures = Failures(settings.token_failures, timer)
        self.is_open = settings.reading == "open"

    def caller(self, authorization: str | None, address: str) -> Caller:
        """Who sends this header Authorization, or none, from an address. Raises RequestError.

        A token that is revoked, by whichever process, is refused from then on: nothing is remembered of it here.
        """
        if authorization is None:
            if self.is_open:
                return ANONYMOUS
            raise _unknown(f"Reading needs a token here, and so does writing. {MAKING.format(scope='SCOPE')}")
        if seconds := self._failures.wait_s(address):
            raise _throttled(seconds)
        try:
            return self._recognised(authorization)
        except RequestError:
            self._failures.add(address)
            raise

    def still_holds(self, caller: Caller) -> bool:
        """Whether a caller may go on: for what outlives the request that began it. As cheap as a look at an index."""
        token = None if caller.name is None else self._tokens.named(caller.name)
        return caller.name is None or (token is not None and token.holds(self._clock()))

    def _recognised(self, authorization: str) -> Caller:
        given = _bearer(authorization.strip())
        if given is None:
            raise _invalid("The header Authorization is not as it must be. Send `Bearer TOKEN`, or no such header.")
        token = recognised(self._tokens, given[1])
        if token is None:
            raise _invalid(f"This token is not known here. {MAKING.format(scope='SCOPE')}")
        if token.revoked is not None:
            raise _invalid(f"This token was revoked. {MAKING.format(scope=token.scope)}")
        if not token.holds(self._clock()):
            raise _invalid(f"This token has expired. {MAKING.format(scope=token.scope)}")
        return Caller(token.name, token.scope)


def lacking(caller: Caller, kind: OperationType) -> RequestError:
    """The refusal of an operation for which the caller's scope is too small."""
    needed = NEEDS[kind]
    if caller.name is None:
        return _unknown(f"A {kind.value} needs a token with scope {needed}. {MAKING.format(scope=needed)}")
    told = f"A {kind.value} needs scope {needed}; the token {caller.name!r} has scope {caller.scope}."
    challenge = b'Bearer error="insufficient_scope", scope="%b"' % str(needed).encode()
    return refusal(f"{told} {MAKING.format(scope=needed)}", FORBIDDEN, status=403, headers=_challenge(challenge))


class Failures:
    """Counts refused tokens by the address they come from: whoever guesses has few guesses a minute.

    IPv6 addresses count by their /64, as whoever has one of those has them all.
    """

    def __init__(self, most: int, timer: Callable[[], float]) -> None:
        self._most = most
        self._timer = timer
        self._recent = Recent[str, tuple[float, int]](MOST_ADDRESSES, lambda *_: 1)

    def wait_s(self, address: str) -> int:
        """Seconds for which no token is looked at from there, 0 if one is."""
        until, count = self._recent.get(_network(address)) or (0.0, 0)
        return max(ceil(until - self._timer()), 0) if count >= self._most else 0

    def add(self, address: str) -> None:
        network, now = _network(address), self._timer()
        until, count = self._recent.get(network) or (0.0, 0)
        if until <= now:
            until, count = now + WINDOW_S, 0
        self._recent.put(network, (until, count + 1))
        if count + 1 == self._most:
            logger.warning("%d tokens from %s were refused within a minute; now none is looked at", count + 1, network)


def _network(address: str) -> str:
    if ":" not in address:
        return address
    found = ip_address(address)
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ip_network((found, 64), strict=False))


def _unknown(message: str) -> RequestError:
    return refusal(message, UNAUTHENTICATED, status=401, headers=_challenge(b'Bearer realm="Fieldgraph"'))


def _invalid(message: str) -> RequestError:
    return refusal(message, UNAUTHENTICATED, status=401, headers=_challenge(b'Bearer error="invalid_token"'))


def _throttled(seconds: int) -> RequestError:
    message = f"Too many tokens from your address were refused. Send one that holds in {seconds} s, or none."
    return refusal(message, THROTTLED, status=429, headers=((b"retry-after", b"%d" % seconds),))


def _challenge(challenge: bytes) -> tuple[tuple[bytes, bytes], ...]:
    return ((b"www-authenticate", challenge),)
