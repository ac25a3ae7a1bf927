"""What a code or a name means, and whether it can mean anything else.

It is never guessed. A score of 1 needs an entity that alone has this code or name; and where it is a name, that no
other country or region has one that holds it or goes on from it: Guinea is not Equatorial Guinea, Niger not Nigeria,
and whoever writes one may mean the other.
"""

from collections.abc import Iterator
from typing import NamedTuple

from graph.engine import Resolution
from graph.plan import Resolve
from graph.search.index import COUNTRIES_AND_REGIONS, SearchIndex
from graph.search.passages import Strength
from graph.search.ranking import Phrase, among, matching, sought
from graph.search.words import key

SURE = 1.0
NAMED_SO = 0.9
"""The score of the surest sort of name where there are others; each less sure one has a bit less."""

LESS_SURE = 0.05
HOLDS_IT, NEAR_IT = 0.5, 0.4


class Meaning(NamedTuple):
    """An entity by its number, how surely a text means it, and why."""

    doc: int
    score: float
    reason: str


def resolve(index: SearchIndex, asked: Resolve) -> list[Resolution]:
    """What a text may mean, the surest first, equals by number: countries first, short names first."""
    found = [] if key(asked.text) == "" else list(_meanings(index, asked))
    found.sort(key=lambda meaning: (-meaning.score, meaning.doc))
    return [Resolution(index.entity(doc), score, reason) for doc, score, reason in found[: asked.first]]


def _meanings(index: SearchIndex, asked: Resolve) -> Iterator[Meaning]:
    named = key(asked.text)
    exact = _exact(index, asked, named)
    if not exact:
        yield from _partly(index, asked)
        return
    strongest = Strength(exact[0][1])
    others = [] if strongest <= Strength.CODE else _confused_with(index, asked, {row[0] for row in exact})
    if len(exact) == 1 and not others:
        ((doc, _, told),) = exact
        yield Meaning(doc, SURE, told)
        return
    for doc, strength, told in exact:
        yield Meaning(doc, round(NAMED_SO - LESS_SURE * strength, 2), told)
    for doc in others:
        yield Meaning(doc, HOLDS_IT, "part of a name")


def _exact(index: SearchIndex, asked: Resolve, named: str) -> list[tuple[int, int, str]]:
    """Who has just this code or name: number, strength, what sort of name; one more than is asked for."""
    statement = (
        f"SELECT doc, min(strength), told FROM meanings WHERE key = ? AND {among(asked.kinds, 'doc')}"
        " GROUP BY doc ORDER BY 2, 1 LIMIT ?"
    )
    return index.rows(statement, named, asked.first + 1)


def _confused_with(index: SearchIndex, asked: Resolve, exact: set[int]) -> list[int]:
    """Countries and regions that have a name which holds this one, or, if it is one word, one that begins with it."""
    statement = (
        "SELECT rowid FROM found WHERE found MATCH ? AND rowid BETWEEN ? AND ?"
        f" AND {among(asked.kinds)} ORDER BY rowid LIMIT ?"
    )
    named = f" {key(asked.text)} "
    spelt = {named, named.replace(" st ", " saint "), named.replace(" saint ", " st ")}
    phrases = [Phrase(one.strip(), is_last=" " not in one.strip()) for one in sorted(spelt)]
    expression = f"{{name names}} : ({' OR '.join(matching(index, phrase) for phrase in phrases)})"
    rows = index.rows(statement, expression, *COUNTRIES_AND_REGIONS, asked.first + len(exact))
    return [doc for (doc,) in rows if doc not in exact]


def _partly(index: SearchIndex, asked: Resolve) -> Iterator[Meaning]:
    """Whose names and codes hold all the words; else whose words are near to them."""
    wanted = sought(index, asked.text)
    if wanted is None:
        return
    statement = f"SELECT rowid FROM found WHERE found MATCH ? AND {among(asked.kinds)} ORDER BY rowid LIMIT ?"
    expression = f"{{name names codes}} : ({wanted.expression})"
    score, reason = (NEAR_IT, "similar to a name") if wanted.is_misspelt else (HOLDS_IT, "part of a name")
    for (doc,) in index.rows(statement, expression, asked.first):
        yield Meaning(doc, score, reason)
