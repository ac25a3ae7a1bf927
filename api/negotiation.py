"""Which media type and content coding an answer goes out in, by the headers of its request."""

from functools import lru_cache

JSON = "application/json"
GRAPHQL_JSON = "application/graphql-response+json"
HTML = "text/html"

CODINGS = ("zstd", "gzip")
"""The first where the client has no preference: it is smaller, and several times as quick to make."""

ANSWERS = (JSON, GRAPHQL_JSON)  # the first where the client has no preference

# Headers longer than any client's own are cut, so that the memory for remembered ones is bounded.
_LONGEST = 1_000


def negotiate(accept: str, offered: tuple[str, ...] = ANSWERS) -> str | None:
    """The offered media type that the client likes best, or None if it takes none of them.

    A higher quality (q) goes first, then what the header names first, then what is offered first.

    >>> negotiate("application/graphql-response+json, application/json;q=0.9")
    'application/graphql-response+json'
    """
    return _negotiate(accept[:_LONGEST], offered)


def content_coding(accept_encoding: bytes) -> str | None:
    """The content coding that the client likes best, or None if it takes or likes an answer better as it is.

    >>> content_coding(b"gzip, deflate, br, zstd"), content_coding(b"deflate, gzip;q=0.5"), content_coding(b"br")
    ('zstd', 'gzip', None)
    """
    return _coding(accept_encoding[:_LONGEST].decode("latin-1"))


@lru_cache(maxsize=256)
def _negotiate(accept: str, offered: tuple[str, ...]) -> str | None:
    ranges = [_parse(part) for part in accept.lower().split(",") if part.strip()]
    if not ranges:
        return offered[0]
    best, best_rank = None, (0.0, 0)
    for media_type in offered:
        rank = _rank(media_type, ranges)
        if rank > best_rank:
            best, best_rank = media_type, rank
    return best


@lru_cache(maxsize=256)
def _coding(accept_encoding: str) -> str | None:
    qualities = dict(_parse(part) for part in accept_encoding.lower().split(",") if part.strip())
    others = qualities.get("*", 0.0)
    best = max(CODINGS, key=lambda coding: qualities.get(coding, others))  # of equals the first
    quality = qualities.get(best, others)
    return best if quality and quality >= qualities.get("identity", 0.0) else None


def _parse(part: str) -> tuple[str, float]:
    media_range, *parameters = (piece.strip() for piece in part.split(";"))
    quality = next((piece[2:] for piece in parameters if piece.startswith("q=")), "1")
    try:
        return media_range, max(0.0, min(float(quality), 1.0))  # 0 if it is NaN
    except ValueError:
        return media_range, 0.0


def _rank(media_type: str, ranges: list[tuple[str, float]]) -> tuple[float, int]:
    """The quality that the most specific matching range gives, and how early it stands."""
    for candidate in (media_type, f"{media_type.partition('/')[0]}/*", "*/*"):
        for place, (media_range, quality) in enumerate(ranges):
            if media_range == candidate:
                return (quality, -place) if quality else (0.0, 0)
    return 0.0, 0
