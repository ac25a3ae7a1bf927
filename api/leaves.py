"""How scalars and enum values are written as JSON, just as graphql-core serializes them."""

from collections.abc import Callable
from enum import Enum
from functools import cache
from math import isfinite
from typing import Any

import msgspec
from graphql import GraphQLEnumType, GraphQLLeafType

Encode = Callable[[Any], bytes]

NULL = b"null"
to_json: Encode = msgspec.json.Encoder().encode
INT_32 = range(-(2**31), 2**31)

# Values of just these types need no coercion; all else goes the way of graphql-core.
_PLAIN: dict[str, Callable[[Any], bool]] = {
    "String": lambda value: type(value) is str,
    "ID": lambda value: type(value) is str,
    "PartialDate": lambda value: type(value) is str,
    "DateTime": lambda value: type(value) is str,
    "Boolean": lambda value: type(value) is bool,
    "Int": lambda value: type(value) is int and value in INT_32,
    "Float": lambda value: type(value) is float and isfinite(value),
}


@cache
def encoder(leaf: GraphQLLeafType) -> Encode:
    """Writes a value that is not None. Raises what graphql-core raises for a value that the type cannot show."""
    coerce = leaf.coerce_output_value
    if isinstance(leaf, GraphQLEnumType):
        return _enum_encoder(coerce)
    is_plain = _PLAIN.get(leaf.name, lambda value: False)
    return lambda value: to_json(value if is_plain(value) else coerce(value))


def optional(encode: Encode) -> Encode:
    """Writes null for None."""
    return lambda value: NULL if value is None else encode(value)


def required(encode: Encode, name: str) -> Encode:
    """Refuses null, as graphql-core does for the field of that name."""

    def write(value: Any) -> bytes:
        written = encode(value)
        if written is NULL:
            raise TypeError(f"Cannot return null for non-nullable field {name}.")
        return written

    return write


def listed(encode: Encode) -> Encode:
    """Writes each of several values."""
    return lambda values: NULL if values is None else b"[%b]" % b",".join(map(encode, values))


def _enum_encoder(coerce: Callable[[Any], Any]) -> Encode:
    known: dict[Any, bytes] = {}

    def encode(value: Any) -> bytes:
        written = known.get(value)
        if written is None:
            written = to_json(coerce(value))
            if isinstance(value, Enum):
                known[value] = written
        return written

    return encode
