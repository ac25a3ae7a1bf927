"""What a client is told when something goes wrong: each error carries a code and says what to do next.

Refusals of the graph keep their text. What nobody foresaw is masked behind the id of the request, and logged in full.
"""

import logging
import os
from collections.abc import Mapping, Sequence
from typing import Any

from graphql import GraphQLError

from graph.errors import (
    Conflict,
    FieldgraphError,
    IncompatibleAggregation,
    InvalidCursor,
    InvalidInput,
    NotFound,
    Refused,
    StoreBusy,
    StoreError,
)

BAD_USER_INPUT = "BAD_USER_INPUT"
COST_EXCEEDED = "COST_EXCEEDED"
DEPTH_EXCEEDED = "DEPTH_EXCEEDED"
FORBIDDEN = "FORBIDDEN"
INTERNAL = "INTERNAL"
PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
THROTTLED = "THROTTLED"
UNAUTHENTICATED = "UNAUTHENTICATED"
VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"


class Throttled(FieldgraphError):
    """More is asked for than can be done now; nothing of it was."""


CODES: dict[type[FieldgraphError], str] = {
    FieldgraphError: BAD_USER_INPUT,
    InvalidInput: BAD_USER_INPUT,
    InvalidCursor: "INVALID_CURSOR",
    NotFound: "NOT_FOUND",
    IncompatibleAggregation: "INCOMPATIBLE_AGGREGATION",
    Conflict: "CONFLICT",
    Refused: BAD_USER_INPUT,
    StoreError: INTERNAL,
    StoreBusy: "TIMEOUT",
    Throttled: THROTTLED,
}
"""The code of each refusal of the graph; a class that is not listed has that of the nearest one it derives from."""

MAX_ERRORS = 20
MAX_MESSAGE = 300  # characters: a client may have sent a name of a megabyte, which the message repeats
MAX_LOGGED = 800  # characters of a document, so that a line of the log stays under 1 kB

logger = logging.getLogger("fieldgraph")


class InvalidSettings(FieldgraphError):
    """Settings that have no meaning: one sentence for each."""


class CannotListen(FieldgraphError):
    """The address to serve on cannot be had."""


class CannotServe(FieldgraphError):
    """No worker can be started."""


class RequestError(Exception):
    """A request that is refused as a whole, before anything of it ran.

    `status` is the HTTP status that says so. An answer in application/json has `json_status`: old clients take the body
    for GraphQL only with 200, so that is what faults of a well-formed request's document and variables get there.
    """

    def __init__(
        self,
        errors: Sequence[GraphQLError],
        *,
        status: int = 400,
        json_status: int | None = None,
        headers: Sequence[tuple[bytes, bytes]] = (),
    ) -> None:
        super().__init__(errors[0].message)
        self.errors = errors
        self.status = status
        self.json_status = json_status or status
        self.headers = headers


def refusal(
    message: str,
    code: str = BAD_USER_INPUT,
    *,
    status: int = 400,
    headers: Sequence[tuple[bytes, bytes]] = (),
) -> RequestError:
    """A refusal in one sentence."""
    return RequestError([GraphQLError(message, extensions={"code": code})], status=status, headers=headers)


def document_fault(errors: Sequence[GraphQLError], code: str) -> RequestError:
    """A refusal of a well-formed request for what its document or its variables say."""
    for error in errors:
        error.extensions = {"code": code}
    return RequestError(errors, json_status=200)


def new_request_id() -> str:
    """What a client is told by, and finds in the log, a request that went wrong."""
    return os.urandom(8).hex()


def present(errors: Sequence[GraphQLError], *, request_id: str, document: str | None) -> list[dict[str, Any]]:
    """The errors as a client sees them, at most twenty; what is ours rather than the client's is logged, once."""
    unforeseen = [error for error in errors if code_of(error) == INTERNAL]
    if unforeseen:
        logger.error(
            "request %s: internal errors: %d, the first at %s in %s",
            request_id,
            len(unforeseen),
            unforeseen[0].path,
            shorten(document or "", MAX_LOGGED),
            exc_info=cause_of(unforeseen[0]),
        )
    shown = errors if len(errors) <= MAX_ERRORS else errors[: MAX_ERRORS - 1]
    told = [_tell(error, request_id) for error in shown]
    if left := len(errors) - len(shown):
        told.append({"message": f"{left:,} more errors are left out.", "extensions": {"code": code_of(errors[-1])}})
    return told


def log_refusal(error: RequestError, *, request_id: str, document: str | None) -> None:
    """One line about a request that was the client's fault: worth reading while a front end is being written."""
    first = error.errors[0]
    where = f" in {shorten(document, MAX_LOGGED - MAX_MESSAGE)}" if document else ""
    logger.info("request %s refused: %s %s%s", request_id, code_of(first), shorten(first.message), where)


def code_of(error: GraphQLError) -> str:
    """The code under which a client can act on the error."""
    if code := (error.extensions or {}).get("code"):
        return str(code)
    cause = cause_of(error)
    if isinstance(cause, FieldgraphError):
        return next(CODES[kind] for kind in type(cause).__mro__ if kind in CODES)
    # graphql-core has no class of its own for arguments that cannot be coerced; whatever else it raises without a
    # cause (a value that its type cannot print, a type that cannot be told) is a fault of ours.
    is_about_argument = isinstance(cause, GraphQLError) and error.message.startswith("Argument '")
    return BAD_USER_INPUT if is_about_argument else INTERNAL


def cause_of(error: GraphQLError) -> Exception:
    """What was raised at first, under the locations and paths that graphql-core put around it."""
    cause: Exception = error
    while isinstance(cause, GraphQLError) and cause.original_error is not None:
        cause = cause.original_error
    return cause


def public(error: FieldgraphError) -> str:
    """What a client may know of it: not where the store is."""
    return error.public if isinstance(error, StoreError) else str(error)


def shorten(text: str, limit: int = MAX_MESSAGE) -> str:
    """The text, cut where it grows too long to show."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _tell(error: GraphQLError, request_id: str) -> dict[str, Any]:
    code = code_of(error)
    extensions: Mapping[str, Any] = {**(error.extensions or {}), "code": code}
    cause = cause_of(error)
    message = public(cause) if isinstance(cause, StoreError) else error.message
    if code == INTERNAL and not isinstance(cause, FieldgraphError):
        message = f"Internal error. Report it with this id: {request_id}."
        extensions = {"code": INTERNAL, "requestId": request_id}
    told: dict[str, Any] = {"message": shorten(message)}
    if error.locations:
        told["locations"] = [{"line": place.line, "column": place.column} for place in error.locations]
    if error.path:
        told["path"] = error.path
    told["extensions"] = extensions
    return told
