"""From words to entities: what a text is found in, and what a code or name means."""

from collections.abc import Sequence
from enum import Enum
from functools import partial
from typing import Any, NamedTuple

import strawberry

from api.facets import MOST_BUCKETS, Counted, Counts, Facet, FacetScope, facet_arguments
from api.fields import Arguments, Step, argument, attribute, stepped
from api.inputs import number_given, terms_given
from api.relay import CURSOR, ENDS, NODES, PAGING, TOTAL, Listing, PageArguments, PageInfo, list_identity
from api.request import Request
from api.terms import enum_of
from api.types import Entity
from graph import model
from graph.engine import Highlight as Found
from graph.engine import Hits
from graph.errors import InvalidInput
from graph.plan import Page, Resolve, Search, fits_search
from graph.vocabulary import Kind

MOST_MEANT = 5
"""How many meanings are given where nobody says."""


class SearchFacetField(Enum):
    """What can be counted of what a search finds."""

    KIND = "KIND"


enum_of(SearchFacetField, {"KIND": "The kind of the entities."}, "What can be counted of what a search finds.")


class Hit(NamedTuple):
    """What an edge shows: the entity at a place of a page."""

    node: model.Entity
    score: float
    highlights: Sequence[Found]
    position: Any
    identity: Any


class FoundList:
    """What a search finds: asked for once, when it is first looked at."""

    def __init__(self, request: Request, search: Search, page: Page) -> None:
        self._request = request
        self._search = search
        self._page = page
        self._pages: list[Hits] | None = None
        self._counts: dict[Kind, int] | None = None

    async def pages(self) -> Sequence[Hits]:
        if self._pages is None:
            self._pages = [await self._request.engine.search(self._search, self._page)]
        return self._pages

    async def by_kind(self) -> dict[Kind, int]:
        """How many of each kind there are, of those too that are not asked for."""
        if self._counts is None:
            self._counts = await self._request.engine.count_found(self._search)
        return self._counts

    async def asked_for(self) -> dict[Kind, int]:
        """How many there are of each kind that is asked for."""
        kinds = self._search.kinds
        return {kind: count for kind, count in (await self.by_kind()).items() if kinds is None or kind in kinds}

    async def counts(self) -> Sequence[int]:
        return [sum((await self.asked_for()).values())]


async def _search(request: Request, sources: Sequence[Any], given: Arguments) -> Sequence[Any]:
    search = Search(text_given(given, request), terms_given(given.get("kinds")), request.settings.ranked_matches)
    arguments = PageArguments.read(given, request)
    identity = partial(list_identity, "search", search.text, search.kinds)
    page = arguments.page(identity(), fits_search) if arguments.has_cursor else arguments.first_page
    return [Listing(FoundList(request, search, page), 0, identity)] * len(sources)


async def _resolve(request: Request, sources: Sequence[Any], given: Arguments) -> Sequence[Any]:
    first = number_given(given, "first", MOST_MEANT, request.settings.max_page)
    asked = Resolve(text_given(given, request), terms_given(given.get("kinds")), first)
    meant = await request.engine.resolve(asked)
    return [meant for _ in sources]


async def _edges(request: Request, listings: Sequence[Listing], given: Arguments) -> Sequence[Any]:
    return [_hits(await listing.page(), listing) for listing in listings]


def _hits(page: Hits, listing: Listing) -> list[Hit]:
    return [
        Hit(entity, page.scores[index], page.highlights(index), partial(page.position, index), listing.identity)
        for index, entity in enumerate(page.entities)
    ]


async def _facets(request: Request, listings: Sequence[Listing], given: Arguments) -> Sequence[Any]:
    first = number_given(given, "first", MOST_BUCKETS, request.settings.max_page)
    filtered = given.get("scope") is FacetScope.FILTERED  # by kinds alone, which is the facet's own field
    return [[await _by_kind(listing.asked, first, filtered=filtered) for _ in given["fields"]] for listing in listings]


async def _by_kind(asked: Any, first: int, *, filtered: bool) -> Counts:
    assert isinstance(asked, FoundList)
    counts = await (asked.asked_for() if filtered else asked.by_kind())
    found = sorted((kind for kind in counts if counts[kind]), key=lambda kind: (-counts[kind], kind.rank))
    buckets = [Counted(kind.name, kind.title(), counts[kind]) for kind in found[:first]]
    return Counts(SearchFacetField.KIND.name, buckets, len(found) > first)


def text_given(given: Arguments, request: Request) -> str:
    """The text to look for. Raises InvalidInput if it is too long."""
    text: str = given["text"]
    if len(text) > (most := request.settings.max_text):
        raise InvalidInput(f"The text has {len(text):,} characters; at most {most} are looked for.")
    return text


@strawberry.type(description="Where a search found its words.")
class Highlight:
    field: str = attribute("The field of the entity: name, label, aliases, identifiers, summary, places ...")
    text: str = attribute("What the field holds, as plain text; of a long text the part around the first of the words.")


@strawberry.type(description="An entity that a search finds.")
class SearchEdge:
    cursor: str = stepped(CURSOR, "Where it stands in the list; give it as after.")
    node: Entity = attribute("The entity.")
    score: float = attribute(
        "The higher the better, within one answer: from 3 on for what is named or coded just so, from 2 on for what has"
        " a name that begins so, from 1 on for all else; below 1 if the text was taken for misspelt."
    )
    highlights: list[Highlight] = attribute("Where the words were found; of equal texts the first.")


@strawberry.type(description="A page of what a search finds, best first (Relay).")
class SearchConnection:
    edges: list[SearchEdge] = stepped(Step(_edges), "The page's entities, each with its score and where it was found.")
    nodes: list[Entity] = stepped(NODES, "The page's entities alone.")
    page_info: PageInfo = stepped(ENDS, "Where the page lies in the list.")
    total_count: int = stepped(TOTAL, "How many entities are found in all, of the kinds that are asked for.")
    facets: list[Facet] = stepped(
        Step(_facets),
        "How many entities of each kind are found.",
        *facet_arguments(list[SearchFacetField]),
    )


@strawberry.type(description="An entity that a code or name may mean.")
class Resolution:
    entity: Entity = attribute("The entity.")
    score: float = attribute("How surely it is meant, up to 1: then no other can be meant.")
    reason: str = attribute("By what it is: ISO 3166-1 alpha-2 code, identifier (P-code), name, name in fr, alias ...")


KINDS = argument("kinds", list[Kind] | None, "Only entities of these kinds. All if left out, none if empty.")

search: Any = stepped(
    Step(_search),
    "Words to entities, best first: over names, aliases, labels in every language, codes, summaries, and the names of"
    " the places and countries where projects, events and places are. Every word is found; the last may be unfinished."
    " Case, accents and marks do not matter. If nothing is found so, words of four letters or more may be misspelt.",
    argument("text", str, "The words, at most 256 characters. Nothing in it is an operator."),
    KINDS,
    *PAGING[:2],
)
resolve: Any = stepped(
    Step(_resolve),
    "A code, id, name, alias or acronym, in any language, to the entity it means, the surest first. Where it may mean"
    " several, as Congo and Guinea, none of them has the score 1.",
    argument("text", str, "The code or name, at most 256 characters."),
    KINDS,
    argument("first", int | None, "At most so many, 1 to 100.", MOST_MEANT),
)
