"""A question as data: which entities to match, along which path to go on, what to keep, in what order, which page.

Engines are asked with these parts and nothing else, so every engine gives the same answer. They are values: equal
questions are equal, hashable where their values are, and can be printed.
"""

from collections.abc import Sequence
from enum import Enum
from typing import Any

import msgspec

from graph.paths import Path
from graph.vocabulary import Direction, Kind, RelationKind


class ValueType(Enum):
    """How values of an attribute compare."""

    TEXT = "text"  # folded: no case, no accents
    ID = "id"  # as written
    NUMBER = "number"
    DATE = "date"  # partial dates, as spans
    TERM = "term"  # by place in its codelist


class Operator(Enum):
    """A comparison of one value with a given one (or, for IN and NOT_IN, with several)."""

    EQ = "eq"
    NE = "ne"
    IN = "in"
    NOT_IN = "notIn"
    LT = "lt"
    LTE = "lte"
    GT = "gt"
    GTE = "gte"
    CONTAINS = "contains"
    STARTS_WITH = "startsWith"
    IS_NULL = "isNull"


class Quantifier(Enum):
    """How many of a set must meet a condition."""

    SOME = "some"
    ALL = "all"
    NONE = "none"


class Compare(msgspec.Struct, frozen=True):
    """The value of `attribute` compared. On a missing value every operator but IS_NULL is false; only a NOT_IN of
    nothing holds there too.

    Of a list of texts, it holds where it holds for one of them; an empty list is a missing value.
    """

    attribute: str
    type: ValueType
    operator: Operator
    value: Any


class And(msgspec.Struct, frozen=True):
    """Holds where every part holds; without parts, always."""

    parts: tuple["Where", ...]


class Or(msgspec.Struct, frozen=True):
    """Holds where some part holds; without parts, never."""

    parts: tuple["Where", ...]


class Not(msgspec.Struct, frozen=True):
    """Holds where its part does not."""

    part: "Where"


class Codes(msgspec.Struct, frozen=True):
    """A condition on a list of codes: how many of them meet `where` (conditions on vocabulary, code and label)."""

    attribute: str
    quantifier: Quantifier
    where: "Where"


class CodeCount(msgspec.Struct, frozen=True):
    """A condition on how many codes a list has: comparisons of the attribute "count"."""

    attribute: str
    count: "Where"


class Reached(msgspec.Struct, frozen=True):
    """The entities reached along `path`: those with one relation that meets `link`, and that meet `within`."""

    path: Path
    link: "Where"
    within: "Where"


class Related(msgspec.Struct, frozen=True):
    """A condition on the entities reached: how many of them meet `where`."""

    reached: Reached
    quantifier: Quantifier
    where: "Where"


class RelatedCount(msgspec.Struct, frozen=True):
    """A condition on how many entities are reached: comparisons of the attribute "count"."""

    reached: Reached
    count: "Where"


Where = Compare | And | Or | Not | Codes | CodeCount | Related | RelatedCount

ALWAYS = And(())
"""The condition that everything meets."""


class OrderKey(msgspec.Struct, frozen=True):
    """Orders by an attribute, or by how many entities `path` reaches. What is missing comes last either way."""

    type: ValueType
    attribute: str = ""
    path: Path | None = None
    descending: bool = False


Order = tuple[OrderKey, ...]
"""Keys in falling weight; ties are broken by id, ascending."""

NATURAL: Order = ()
"""No keys: the order that lists of a kind have where nobody asks for another."""

BY_NAME: Order = (OrderKey(ValueType.TEXT, "name"),)
NEWEST_STARTED: Order = (OrderKey(ValueType.DATE, "started_on", descending=True),)
NEWEST_PUBLISHED: Order = (OrderKey(ValueType.DATE, "published_on", descending=True),)

_NATURAL = {Kind.EVENT: NEWEST_STARTED, Kind.METRIC: NEWEST_STARTED, Kind.SOURCE: NEWEST_PUBLISHED}


def natural_order(kind: Kind | None) -> Order:
    """What NATURAL stands for in a list of a kind; None is a list of several kinds."""
    return BY_NAME if kind is None else _NATURAL.get(kind, BY_NAME)


Position = tuple[Any, ...]
"""A place in an order: the values of its keys, then the id. It stays meaningful when the entity there has gone."""


def fits_order(order: Order, position: Position) -> bool:
    """Whether a position can be one of this order: a value of each key's type, or none, and an id."""
    *values, id = position or (None,)
    if len(values) != len(order) or not isinstance(id, str):
        return False
    return all(value is None or isinstance(value, _HELD[key.type]) for key, value in zip(order, values, strict=True))


def fits_search(position: Position) -> bool:
    """Whether a position can be one of what was found: the score, a number that decides between equals, the id."""
    return [type(value) for value in position] == [float, int, str]


def fits_relations(position: Position) -> bool:
    """Whether a position can be one of relations in canonical order."""
    return [type(value) for value in position] == [int, str, str, int, int]


def fits_changes(position: Position) -> bool:
    """Whether a position can be one of changes: a version and an index, which a journal can hold."""
    return [type(value) for value in position] == [int, int] and all(0 <= value < 2**63 for value in position)


def fits_findings(position: Position) -> bool:
    """Whether a position can be one of findings: a place in the order of severities, a rule, ids."""
    place, *texts = position or (None,)
    return type(place) is int and len(texts) > 1 and all(isinstance(text, str) for text in texts)


_HELD: dict[ValueType, tuple[type, ...]] = {
    ValueType.TEXT: (str,),
    ValueType.ID: (str,),
    ValueType.DATE: (str,),
    ValueType.NUMBER: (int, float),
    ValueType.TERM: (int,),
}
"""How positions hold values: terms by their ranks."""


class Page(msgspec.Struct, frozen=True):
    """A stretch of an ordered list: after and before given positions, its first or last so many; else all of it."""

    first: int | None = None
    last: int | None = None
    after: Position | None = None
    before: Position | None = None


WHOLE = Page()


class Match(msgspec.Struct, frozen=True):
    """The entities of a kind that meet a condition."""

    kind: Kind
    where: Where = ALWAYS
    order: Order = NATURAL


class Expand(msgspec.Struct, frozen=True):
    """The entities reached from each of a frontier along a path, those that meet a condition."""

    path: Path
    where: Where = ALWAYS
    order: Order = NATURAL

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left out, and the order is the natural one."""
        return not self.order and self.where == ALWAYS


class Search(msgspec.Struct, frozen=True):
    """The entities in which all words of a text are found, the last one perhaps not yet whole: of these kinds (None: of
    all), best first. Of more than `most_ranked` only the names are ranked, the others follow in a fixed order."""

    text: str
    kinds: tuple[Kind, ...] | None = None
    most_ranked: int = 500


class Resolve(msgspec.Struct, frozen=True):
    """What a code or name may mean among these kinds (None: among all): the `first` so many, the surest first."""

    text: str
    kinds: tuple[Kind, ...] | None = None
    first: int = 5


class Relations(msgspec.Struct, frozen=True):
    """The relations of each of a frontier, in canonical order: of these kinds (None: of all), in this direction."""

    kinds: tuple[RelationKind, ...] | None = None
    direction: Direction = Direction.BOTH


class History(msgspec.Struct, frozen=True):
    """What each of a frontier and its relations went through."""


def conjunction(parts: Sequence[Where]) -> Where:
    """All of these conditions together, as plainly as it can be said."""
    return parts[0] if len(parts) == 1 else And(tuple(parts))
