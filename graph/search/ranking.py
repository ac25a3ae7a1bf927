"""What a text is found in, best first.

1. What is named or coded just so, the surest names first.
2. What has a name or code that begins so, then all else that has every word somewhere in it. Both by BM25, in which
   names and codes weigh more than texts, and texts more than the names of where something is.

Words that very many have in common tell little: where more match than are ranked, BM25 gives way to the numbers of the
entities, by kind, short names first.

A text that is found nowhere as it stands is taken for misspelt. The words that the index does not have, or all if it
has them all, then stand for those that are nearest to them too; what is found so is ordered by BM25 alone.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from graph.engine import Highlight, Hits
from graph.model import Entity
from graph.plan import Page, Position, Search
from graph.search.index import SearchIndex, ranges_of
from graph.search.passages import passages
from graph.search.words import key, phrases
from graph.vocabulary import Kind

MOST_NEAR = 20
"""Words that a misspelt one stands for at most."""

EXACT, BEGINS, HOLDS, MISSPELT = 3.0, 2.0, 1.0, 0.0
"""What a score begins with; BM25 adds less than 1."""

LONGEST_INDEXED_HEAD = 3
"""FTS5 has what begins with so many letters at hand."""

MOST_WHOLE = 20
"""Words that the head of a word stands for before it is left to FTS5."""

LAST = chr(0x10FFFF)
"""Comes after whatever a name goes on with."""

LONGEST_EXCERPT = 160


class Phrase(NamedTuple):
    """Words that stand together; the last one of a text may be the head of a word."""

    words: str
    is_last: bool

    @property
    def needle(self) -> str:
        """As it stands in the words of a text, that have a space at either end."""
        return f" {self.words}" if self.is_last else f" {self.words} "


class Sought(NamedTuple):
    """A text as it is asked for in the index. `expression` is what must match; `needles` are its phrases as they
    stand in texts."""

    expression: str
    needles: list[str]
    is_misspelt: bool = False


def sought(index: SearchIndex, text: str) -> Sought | None:
    """What a text asks for; None if there is no word in it, or none that anything could be a misspelling of.

    The expression is made of words alone, which hold no quotes; nothing in it is the text's own.
    """
    asked = [Phrase(" ".join(words), is_last=False) for words in phrases(text)]
    if not asked:
        return None
    asked[-1] = asked[-1]._replace(is_last=True)
    expression = _all_of(index, [[phrase] for phrase in asked])
    if index.has(expression):
        return Sought(expression, [phrase.needle for phrase in asked])
    return _misspelt(index, asked)


def _misspelt(index: SearchIndex, asked: Sequence[Phrase]) -> Sought | None:
    """What the text may be a misspelling of: of words that the index does not have, or of all if it has them all."""
    known = [index.has(_all_of(index, [[phrase]])) for phrase in asked]
    meant = []
    for phrase, is_known in zip(asked, known, strict=True):
        near = [] if is_known and not all(known) else _near(index, phrase)
        meant.append([phrase, *near] if is_known else near)
    if not all(meant):
        return None
    expression = _all_of(index, meant)
    needles = [phrase.needle for either in meant for phrase in either]
    return Sought(expression, needles, is_misspelt=True) if index.has(expression) else None


def _near(index: SearchIndex, phrase: Phrase) -> list[Phrase]:
    words = [] if " " in phrase.words else index.near(phrase.words, MOST_NEAR, completes=phrase.is_last)
    return [Phrase(word, phrase.is_last) for word in words]


def _all_of(index: SearchIndex, parts: Sequence[Sequence[Phrase]]) -> str:
    """What matches one phrase of each part."""
    return " AND ".join(f"({' OR '.join(matching(index, phrase) for phrase in either)})" for either in parts)


def matching(index: SearchIndex, phrase: Phrase) -> str:
    """What matches a phrase. For the head of a few words these are asked for, which takes FTS5 a tenth of the time."""
    if phrase.is_last and " " not in phrase.words and len(phrase.words) > LONGEST_INDEXED_HEAD:
        whole = index.completions(phrase.words, MOST_WHOLE + 1)
        if 0 < len(whole) <= MOST_WHOLE:
            return " OR ".join(f'"{word}"' for word in whole)
    return f'"{phrase.words}" *' if phrase.is_last else f'"{phrase.words}"'


class Place(NamedTuple):
    """Where an entity stands: those of a higher score first, of equals the one with the lower number."""

    score: float
    doc: int

    @property
    def order(self) -> tuple[float, int]:
        return -self.score, self.doc


class Ranking:
    """What one search finds, in order: first the ranked; where there are too many to rank, then the rest by number."""

    def __init__(self, index: SearchIndex, search: Search, asked: Sought) -> None:
        self._index = index
        self._search = search
        self._asked = asked
        self._base = MISSPELT if asked.is_misspelt else HOLDS
        self._scores: dict[int, float] = {}
        found = self._matching("rowid", "LIMIT 1 OFFSET ?", search.most_ranked)
        self._has_rest = bool(found)
        if not self._has_rest:
            self._scores |= {doc: self._base + _below_one(-rank) for doc, rank in self._matching("rowid, rank")}
        if not asked.is_misspelt:
            self._raise_names(key(search.text))
        places = (Place(score, doc) for doc, score in self._scores.items())
        self._ranked = sorted(places, key=lambda place: place.order)

    def _matching(self, columns: str, end: str = "", *values: int) -> list[tuple[Any, ...]]:
        kinds = among(self._search.kinds)
        order = "ORDER BY rowid" if end else ""
        statement = f"SELECT {columns} FROM found WHERE found MATCH ? AND {kinds} {order} {end}"
        return self._index.rows(statement, self._asked.expression, *values)

    def _raise_names(self, named: str) -> None:
        """Raises those with a name or code that is the text, or begins with it."""
        kinds, most = among(self._search.kinds, "doc"), self._search.most_ranked
        beginning = f"SELECT DISTINCT doc FROM meanings WHERE key >= ? AND key < ? AND strength > 0 AND {kinds}"
        for (doc,) in self._index.rows(f"{beginning} ORDER BY doc LIMIT ?", named, named + LAST, most):
            self._scores[doc] = self._scores.get(doc, HOLDS) + BEGINS - HOLDS
        exact = f"SELECT doc, min(strength) FROM meanings WHERE key = ? AND strength > 0 AND {kinds} GROUP BY doc"
        for doc, strength in self._index.rows(f"{exact} ORDER BY 2, 1 LIMIT ?", named, most):
            self._scores[doc] = EXACT + (9 - strength) / 10

    def page(self, page: Page) -> Hits:
        """The page; `first` is its size, or all of it."""
        start, last = (0, None) if page.after is None else self._after(page.after)
        stop = len(self._ranked) if page.first is None else start + page.first + 1  # one more, to see if there is one
        shown = self._ranked[start:stop]
        if self._has_rest and (page.first is None or len(shown) <= page.first):
            shown += self._rest(last, None if page.first is None else page.first + 1 - len(shown))
        places = shown[: page.first]
        entities = [self._index.entity(place.doc) for place in places]
        by_id = {entity.id: place for entity, place in zip(entities, places, strict=True)}
        return Hits(
            entities,
            [place.score for place in places],
            self._highlights,
            lambda entity: (*by_id[entity.id], entity.id),
            has_previous=start > 0 or last is not None,
            has_next=len(shown) > len(places),
        )

    def _after(self, position: Position) -> tuple[int, int | None]:
        """What comes after a position: where in the ranked, and after which number in the rest. The position is that of
        the entity now, if it is still found: what is written elsewhere may have changed its score."""
        score, doc, id = position
        now = self._index.number(id)
        if now is not None:
            score, doc = self._scores.get(now, self._base if self._has_rest else score), now
        if self._has_rest and score <= self._base:
            return len(self._ranked), doc
        return bisect_right(self._ranked, Place(score, doc).order, key=lambda place: place.order), None

    def _rest(self, after: int | None, most: int | None) -> list[Place]:
        """So many of those that are not ranked, by number."""
        end = "AND rowid > ? ORDER BY rowid LIMIT ?"
        limit = -1 if most is None else most + len(self._ranked)  # which may lie among them
        kinds = among(self._search.kinds)
        statement = f"SELECT rowid FROM found WHERE found MATCH ? AND {kinds} {end}"
        rows = self._index.rows(statement, self._asked.expression, -1 if after is None else after, limit)
        return [Place(self._base, doc) for (doc,) in rows if doc not in self._scores][:most]

    def _highlights(self, entity: Entity) -> list[Highlight]:
        return list(highlights(entity, self._index, self._asked.needles))


def among(kinds: Sequence[Kind] | None, column: str = "rowid") -> str:
    """The numbers of these kinds, as a condition on a column."""
    if kinds is None:
        return "1"
    ranges = sorted({ranges_of(kind) for kind in kinds})
    within = [f"{column} BETWEEN {low} AND {high}" for low, high in ranges]
    return f"({' OR '.join(within)})" if within else "0"


def _below_one(number: float) -> float:
    """A number that is not negative, in the same order, below 1."""
    return number / (1 + number)


def search_page(index: SearchIndex, search: Search, page: Page) -> Hits:
    """A page of what a search finds."""
    asked = sought(index, search.text)
    if asked is None:
        return Hits([], [], lambda entity: [], lambda entity: ())
    return Ranking(index, search, asked).page(page)


def count_found(index: SearchIndex, search: Search) -> dict[Kind, int]:
    """How many of each kind a search finds."""
    asked = sought(index, search.text)
    if asked is None:
        return dict.fromkeys(Kind, 0)
    statement = "SELECT count(*) FROM found WHERE found MATCH ? AND rowid BETWEEN ? AND ?"
    return {kind: index.rows(statement, asked.expression, *ranges_of(kind))[0][0] for kind in Kind}


# Where a text was found.


def highlights(entity: Entity, index: SearchIndex, needles: Sequence[str]) -> Iterator[Highlight]:
    """The passages that hold one of the words, each text once."""
    told = set()
    for passage in passages(entity, index.holder):
        words = f" {key(passage.text)} "
        if passage.column is not None and passage.text not in told and any(needle in words for needle in needles):
            told.add(passage.text)
            yield Highlight(passage.field, excerpt(passage.text, needles))


def excerpt(text: str, needles: Sequence[str]) -> str:
    """The text, or where it is long the part of it around the first of the words."""
    if len(text) <= LONGEST_EXCERPT:
        return text
    words = re.finditer(r"\S+", text)
    first = next((word.start() for word in words if any(needle in f" {key(word[0])} " for needle in needles)), 0)
    start = max(0, min(first - LONGEST_EXCERPT // 4, len(text) - LONGEST_EXCERPT))
    stop = start + LONGEST_EXCERPT
    if start > 0:
        start = text.find(" ", start, first) + 1 or start
    if stop < len(text):
        stop = text.rfind(" ", first + 1, stop) if " " in text[first + 1 : stop] else stop
    return f"{'…' if start > 0 else ''}{text[start:stop].strip()}{'…' if stop < len(text) else ''}"
