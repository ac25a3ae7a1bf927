"""Relay's side of a list: pages, cursors that hold a place, connections and edges.

A cursor is a place in one list under one order: the values of the order's keys and the id, sealed with the identity of
the list. The seal is no secret; it keeps a cursor from being altered or used where it means nothing.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from functools import partial
from hashlib import blake2b
from typing import Any, NamedTuple, Protocol

import msgspec
import strawberry

from api.fields import Arguments, Step, argument, attribute
from api.request import Request
from graph.engine import ChangePage, Reach, RelationPage
from graph.errors import InvalidCursor, InvalidInput
from graph.model import Entity, Recorded, Relation
from graph.plan import Page, Position

SEAL = 8
"""Bytes of a cursor's seal."""

PAGING = (
    argument(
        "first",
        int | None,
        "At most so many items from the start of the list, or after `after`: 1 to 100; 20 without first and last.",
    ),
    argument("after", str | None, "Only items after this cursor."),
    argument("last", int | None, "At most so many items from the end of the list, or before `before`: 1 to 100."),
    argument("before", str | None, "Only items before this cursor."),
)


class PageArguments(NamedTuple):
    """Which page is asked for, its cursors not yet opened."""

    first: int | None
    last: int | None
    after: str | None
    before: str | None

    @classmethod
    def read(cls, given: Arguments, request: Request) -> "PageArguments":
        """Raises InvalidInput for a size out of range, or for first together with last."""
        first, last = given.get("first"), given.get("last")
        if first is not None and last is not None:
            raise InvalidInput(f"Give first or last, not both; got first: {first} and last: {last}.")
        for name, size in (("first", first), ("last", last)):
            if size is not None and not 1 <= size <= request.settings.max_page:
                raise InvalidInput(f"{name} is {size}; a page holds 1 to {request.settings.max_page} items.")
        if first is None and last is None:
            first = request.settings.default_page
        return cls(first, last, given.get("after"), given.get("before"))

    @property
    def has_cursor(self) -> bool:
        return self.after is not None or self.before is not None

    def page(self, identity: bytes, fits: "Fits") -> Page:
        """The page with its cursors opened for one list. Raises InvalidCursor."""
        after = None if self.after is None else open_cursor(self.after, identity, fits)
        before = None if self.before is None else open_cursor(self.before, identity, fits)
        return Page(self.first, self.last, after, before)

    @property
    def first_page(self) -> Page:
        """The page, where it takes no cursor."""
        return Page(self.first, self.last)


def list_identity(*what: object) -> bytes:
    """What tells a list from every other: what it lists, whose it is, under which condition and order."""
    return blake2b(repr(what).encode(), digest_size=16).digest()


def seal_cursor(position: Position, identity: bytes) -> str:
    """A cursor for a position of the list."""
    return _sealed(msgspec.json.encode(position), identity)


def _sealed(place: bytes, identity: bytes) -> str:
    seal = blake2b(place, key=identity, digest_size=SEAL).digest()
    return urlsafe_b64encode(seal + place).rstrip(b"=").decode()


Fits = Callable[[Position], bool]
"""Whether a position can be one of a list: anybody can make a seal, so what it seals is looked at too."""


def open_cursor(cursor: str, identity: bytes, fits: Fits) -> Position:
    """The position that a cursor holds. Raises InvalidCursor unless it was made for just this list."""
    try:
        place = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))[SEAL:]
    except ValueError:
        place = b""
    # Sealed anew it must be the same to the letter: base64 has several spellings of one value. It is read only then, as
    # the JSON of a cursor that was made up may be nested too deeply to be read.
    if place and _sealed(place, identity) == cursor:
        try:
            position = tuple(msgspec.json.decode(place, type=list[Any]))
        except (msgspec.DecodeError, RecursionError):
            position = ()
        if fits(position):
            return position
    raise InvalidCursor(
        "This cursor is not one of this list under this order and filter. Take a cursor from an answer to the same"
        " question, or leave it out to start anew."
    )


class AskedLists(Protocol):
    """The lists under one field, of all its sources, asked for together."""

    async def pages(self) -> Sequence[Any]:
        """The page of each list: a Reach, a RelationPage or a ChangePage."""

    async def counts(self) -> Sequence[int]:
        """How long each list is as a whole."""


class Listing(NamedTuple):
    """What a connection shows: one of the lists asked for, and its identity, worked out only for cursors."""

    asked: AskedLists
    place: int
    identity: Callable[[], bytes]

    async def page(self) -> Any:
        return (await self.asked.pages())[self.place]


class Linked(NamedTuple):
    """What an edge shows: the entity, the relations that led to it, where it stands in which list."""

    node: Entity
    links: Sequence[Relation]
    position: Callable[[], Position]
    identity: Callable[[], bytes]


class Listed(NamedTuple):
    """What an edge shows in a list of what is no entity."""

    node: Relation | Recorded
    position: Callable[[], Position]
    identity: Callable[[], bytes]


class Ends(NamedTuple):
    """What pageInfo shows: the cursors of a page's ends, and whether there is more beyond them."""

    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


async def _nodes(request: Request, listings: Sequence[Listing], given: Arguments) -> Sequence[Any]:
    return [(await listing.page()).entities for listing in listings]


async def _edges(request: Request, listings: Sequence[Listing], given: Arguments) -> Sequence[Any]:
    return [_linked(await listing.page(), listing.identity) for listing in listings]


def _linked(reach: Reach, identity: Callable[[], bytes]) -> list[Linked]:
    return [
        Linked(entity, reach.links.get(entity.id, ()), partial(reach.position, index), identity)
        for index, entity in enumerate(reach.entities)
    ]


async def _listed_nodes(request: Request, listings: Sequence[Listing], given: Arguments) -> Sequence[Any]:
    return [(await listing.page()).items for listing in listings]


async def _listed_edges(request: Request, listings: Sequence[Listing], given: Arguments) -> Sequence[Any]:
    pages = [(await listing.page(), listing.identity) for listing in listings]
    return [
        [Listed(item, partial(page.position, index), identity) for index, item in enumerate(page.items)]
        for page, identity in pages
    ]


async def _ends(request: Request, listings: Sequence[Listing], given: Arguments) -> Sequence[Any]:
    return [_ends_of(await listing.page(), listing.identity) for listing in listings]


def _ends_of(page: Reach | RelationPage | ChangePage, identity: Callable[[], bytes]) -> Ends:
    items = page.entities if isinstance(page, Reach) else page.items
    positions = [page.position(index) for index in (0, len(items) - 1)] if items else []
    start, end = [seal_cursor(position, identity()) for position in positions] or (None, None)
    return Ends(page.has_next, page.has_previous, start, end)


async def _total(request: Request, listings: Sequence[Listing], given: Arguments) -> Sequence[int]:
    return [(await listing.asked.counts())[listing.place] for listing in listings]


async def _cursor(request: Request, edges: Sequence[Linked | Listed], given: Arguments) -> Sequence[str]:
    return [seal_cursor(edge.position(), edge.identity()) for edge in edges]


NODES, EDGES, ENDS, TOTAL, CURSOR = Step(_nodes), Step(_edges), Step(_ends), Step(_total, whole=True), Step(_cursor)
LISTED_NODES, LISTED_EDGES = Step(_listed_nodes), Step(_listed_edges)


@strawberry.type(description="Where a page lies in its list (Relay).")
class PageInfo:
    """The face of Ends."""

    has_next_page: bool = attribute("Whether items follow this page.")
    has_previous_page: bool = attribute("Whether items precede this page.")
    start_cursor: str | None = attribute("The cursor of the page's first item; null where the page is empty.")
    end_cursor: str | None = attribute("The cursor of the page's last item; null where the page is empty.")
