"""Answers made smaller on their way, for clients that say they can take it."""

import asyncio
import gzip
import sys
import zlib
from collections.abc import Callable
from typing import Any

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LARGE = 131_072
"""Bytes from which on compressing takes milliseconds: other requests must not wait for it."""


def _gzip(body: bytes) -> bytes:
    return gzip.compress(body, compresslevel=4, mtime=0)  # without a time, equal bodies have equal bytes


def _zstd(body: bytes) -> bytes:
    return zstd.compress(body, level=3)


COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {"zstd": _zstd, "gzip": _gzip}


STREAMED: dict[str, Callable[[], Any]] = {
    "zstd": lambda: zstd.ZstdCompressor(level=3),
    "gzip": lambda: zlib.compressobj(4, zlib.DEFLATED, 31),  # with the head that makes it gzip
}
"""What compresses a body that comes in pieces: each has `compress`, and `flush` for the end."""


async def compressed(coding: str, body: bytes) -> bytes:
    """The body in one of these codings."""
    compress = COMPRESSORS[coding]
    return await asyncio.to_thread(compress, body) if len(body) >= LARGE else compress(body)
