"""From the body or the address of an HTTP request to the GraphQL request in it. Whatever is odd is refused."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from starlette.types import Message, Receive

from api.errors import refusal
from api.execute import GraphQLRequest
from api.limits import check_values, too_deep
from api.settings import Settings

FORM = '{"query": text, "variables": object, "operationName": text, "extensions": object}'
CLOSE = ((b"connection", b"close"),)  # what the client still sends is not read

_decode_request = msgspec.json.Decoder(GraphQLRequest).decode
_decode_object = msgspec.json.Decoder(dict[str, Any] | None).decode


class ClientGone(Exception):
    """The client closed its connection before its request was complete."""


async def read_body(headers: Mapping[bytes, bytes], receive: Receive, settings: Settings) -> bytes:
    """The body of a POST, which must be JSON and no larger than settings allow. Raises RequestError."""
    content_type = headers.get(b"content-type", b"")
    if content_type != b"application/json":
        _check_content_type(content_type.decode("latin-1"))
    if headers.get(b"content-encoding", b"identity") != b"identity":
        raise refusal("A compressed body is not read. Send it without Content-Encoding.", status=415)
    length = headers.get(b"content-length", b"")
    if length.isdigit() and int(length[:20]) > settings.max_body:
        raise _too_large(settings)
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body", False):
        body: bytes = message.get("body", b"")  # nearly always it comes in one piece
    else:
        body = await _read_pieces(message, receive, settings)
    if len(body) > settings.max_body:
        raise _too_large(settings)
    return body


def read_get(query_string: bytes, settings: Settings) -> GraphQLRequest:
    """The request in the query string of an address. Raises RequestError."""
    if len(query_string) > settings.max_body:
        raise refusal(f"The address is longer than {settings.max_body:,} bytes. Send the request by POST.", status=414)
    try:
        pairs = parse_qsl(query_string.decode("ascii"), keep_blank_values=True, errors="strict")
    except ValueError as error:  # not ASCII, or percent-encoded bytes that are not UTF-8
        raise refusal("The address is not percent-encoded UTF-8.") from error
    given = dict(pairs)
    if len(given) < len(pairs):
        raise refusal("The address gives a parameter twice.")
    request = GraphQLRequest(
        query=given.get("query"),
        operation_name=given.get("operationName"),
        variables=_decode_parameter("variables", given, settings),
        extensions=_decode_parameter("extensions", given, settings),
    )
    return checked(request, settings)


def decode_request(body: bytes, settings: Settings) -> GraphQLRequest:
    """The request in a JSON text; of a key that stands twice the last counts. Raises RequestError."""
    if not body:
        raise refusal('The body is empty. Send {"query": "{ __typename }"}, for example.')
    try:
        request = _decode_request(body)
    except RecursionError as error:
        raise too_deep(settings) from error
    except msgspec.ValidationError as error:
        if body.lstrip()[:1] == b"[":
            raise refusal("The body is a list. Batching is not supported: send one request at a time.") from error
        raise refusal(f"The body is not a GraphQL request: {error}. Send {FORM}.") from error
    except ValueError as error:  # msgspec.DecodeError, UnicodeDecodeError
        raise refusal(f"The body is not JSON in UTF-8: {error}. Send {FORM}.") from error
    return checked(request, settings)


def checked(request: GraphQLRequest, settings: Settings) -> GraphQLRequest:
    """The request, if its variables and extensions are within the limits. Raises RequestError."""
    if request.variables and not _are_small(request.variables, settings):
        check_values(request.variables, settings)
    if request.extensions:
        check_values(request.extensions, settings)
    return request


def _are_small(values: dict[str, Any], settings: Settings) -> bool:
    """Whether the values are plain and well within every limit, as those of nearly all requests."""
    longest = settings.max_string
    for value in values.values():
        if type(value) is str:
            if len(value) > longest:
                return False
        elif value is not None and type(value) is not int and type(value) is not bool:
            return False
    return len(values) < settings.max_values and settings.max_json_depth > 1


def _decode_parameter(name: str, given: dict[str, str], settings: Settings) -> dict[str, Any] | None:
    try:
        return _decode_object(given[name]) if name in given else None
    except RecursionError as error:
        raise too_deep(settings) from error
    except ValueError as error:
        raise refusal(f"{name} is not a JSON object: {error}.") from error


def _check_content_type(content_type: str) -> None:
    # Forms and plain text are what a page of another site may send without asking: JSON makes a browser ask first.
    media_type, *parameters = (part.strip() for part in content_type.lower().split(";"))
    charset = next((part[8:].strip('"') for part in parameters if part.startswith("charset=")), "utf-8")
    if media_type != "application/json" or charset not in ("utf-8", "utf8"):
        got = f"not {content_type[:80]!r}" if content_type else "and say so"
        raise refusal(f"Send the request as Content-Type: application/json in UTF-8, {got}.", status=415)


async def _read_pieces(message: Message, receive: Receive, settings: Settings) -> bytes:
    body = bytearray()
    while True:
        if message["type"] == "http.disconnect":
            raise ClientGone
        body += message.get("body", b"")
        if len(body) > settings.max_body or not message.get("more_body", False):
            return bytes(body)
        message = await receive()


def _too_large(settings: Settings) -> Exception:
    return refusal(
        f"The body is larger than {settings.max_body:,} bytes. Send less at a time.", status=413, headers=CLOSE
    )
