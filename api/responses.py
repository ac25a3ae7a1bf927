"""Answers of what stands beside /graphql, and who asks for them."""

from collections.abc import Awaitable, Mapping

import msgspec
from graphql import GraphQLError
from starlette.requests import Request
from starlette.responses import Response

from api.access import Access, Caller
from api.errors import RequestError, refusal
from api.execute import refuse, unforeseen
from graph.errors import FieldgraphError, NotFound, StoreError

READING = ("GET", "HEAD")
NO_SNIFFING = {"X-Content-Type-Options": "nosniff"}
NO_STORE = {"Cache-Control": "no-store"}


def caller_of(request: Request, access: Access) -> Caller:
    """Who sends a request. Raises RequestError."""
    given = ", ".join(request.headers.getlist("authorization")) if "authorization" in request.headers else None
    return access.caller(given, request.client.host if request.client else "")


def check_method(request: Request) -> None:
    """Raises RequestError for whatever is not reading."""
    if request.method not in READING:
        message = f"{request.method[:20]} means nothing here. Send GET."
        raise refusal(message, status=405, headers=((b"allow", ", ".join(READING).encode()),))


async def answered(answer: Awaitable[Response | None]) -> Response | None:
    """An answer, or what is said where it raises."""
    try:
        return await answer
    except RequestError as error:
        return refused(error)
    except FieldgraphError as error:
        return refused(_refusal_of(error))
    except Exception as error:  # noqa: BLE001 - the client gets an id, the log gets all of it
        return refused(unforeseen(error), status=500)


def _refusal_of(error: FieldgraphError) -> RequestError:
    """What the graph refuses, as a refusal of the request."""
    status = 404 if isinstance(error, NotFound) else 503 if isinstance(error, StoreError) else 400
    return RequestError([GraphQLError(str(error), original_error=error)], status=status)


def headers_only(status: int, headers: Mapping[str, str]) -> Response:
    """An answer without a body, and without a word on how long that would be."""
    response = Response(None, status, headers=headers)
    del response.headers["content-length"]
    return response


def refused(error: RequestError, status: int | None = None) -> Response:
    answer = refuse(error)
    headers = {name.decode(): value.decode() for name, value in answer.headers}
    headers |= {**NO_SNIFFING, **NO_STORE, "Vary": "Authorization", "X-Request-Id": answer.request_id or ""}
    return Response(answer.body, status or answer.status, headers=headers, media_type="application/json")


def told(facts: Mapping[str, object], status: int) -> Response:
    """Facts as JSON, for now."""
    return Response(
        msgspec.json.encode(facts), status, headers={**NO_SNIFFING, **NO_STORE}, media_type="application/json"
    )
