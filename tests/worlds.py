"""Worlds as graph lines, and commits that change them, chosen by the bytes that Hypothesis draws.

Which attributes an entity has is read from the committed schema, so a new one is covered at once. Values come from
small pools, so that things are often equal or nearly so; questions (tests/questions.py) are asked with the same.

The bytes of an example are drawn in one piece. Were each value drawn by itself, an example would take ten times as long
to make, and five of six would be the one before it with a value or two exchanged.
"""

from collections.abc import Sequence
from functools import cache
from random import Random
from typing import Any

from graphql import GraphQLEnumType, get_named_type, get_nullable_type, is_list_type, is_non_null_type
from hypothesis import settings
from hypothesis import strategies as st

from tests.oracle import DEFAULTS, KINDS, SCHEMA, Line, name_of, type_name

World = list[Line]
Ids = dict[str, str]
"""Ids of entities, each with its kind."""

# Pools

NAMES = [
    *("Koro", "koro", "KORO", "Kôro", "Ko\u0301ro", "Koro 2", "Koro 10", "Straße", "STRASSE", "Zürich", "Łódź"),
    *("İzmir", "ﬁeld", "Мали", "МАЛИ", "مالي", "東京", "ガーナ", "ｶﾞｰﾅ", "É", "🏥 a", 'x\N{NO-BREAK SPACE}"y"\\'),
]
SHAPED_TEXTS = {
    ("COUNTRY", "code"): ["ML", "BF", "NE", "XK"],
    ("COUNTRY", "alpha3"): ["MLI", "BFA", "NER", "XKX"],
    ("COUNTRY", "numeric"): ["466", "854", "004"],
    ("CODE", "vocabulary"): ["M49", "Iati", "koro"],
    ("CODE", "code"): ["1", "A-1", "a-1", "É"],
    ("CODE", "label"): ["Koro", "Žluť"],
}
LABELS = [
    {},
    {"fr": "Koro"},
    {"fr": "Koro", "fr-CA": "Kôro", "ar": "مالي"},
    {"zh-Hant": "東京", "EN": "Tokyo", "ar": "Мали"},
]
DATES = [
    *("2020", "2020-02", "2020-02-29", "2020-03", "2020-03-01", "2020-12-31", "2021", "2021-01", "2021-01-01"),
    *("2023-11", "2023-11-05", "2023", "0999", "9999-12-31"),
]
INTS = [0, 1, 2, 3, 47_000, -1, 2**31 - 1]
FLOATS = [0, 1, 2, 0.1, -2.5, 530_000, 1e300, 5e-324]
SUFFIXES = ["b", "B", "a", "10", "9", "é", "c d", "ж", "x-1", "~", "Z", "zz"]
"""Ends of ids: in order as they are written, and no other."""


def texts(kind: str, attribute: str) -> list[str]:
    """The texts that an attribute may have, or a part of a code."""
    return SHAPED_TEXTS.get((kind, attribute), NAMES)


def combinations(items: Sequence[Any]) -> list[Any]:
    """Lists of up to three of these, some of them empty."""
    chance = Random(len(items))
    return [[chance.choice(items) for _ in range(size)] for size in (0, 0, 1, 1, 1, 2, 2, 2, 3, 3)]


CODES = [
    {"vocabulary": vocabulary, "code": code, "label": label}
    for vocabulary in texts("CODE", "vocabulary")
    for code in texts("CODE", "code")
    for label in (None, *texts("CODE", "label"))
]
POOLS: dict[str, list[Any]] = {"Int": INTS, "Float": FLOATS, "PartialDate": DATES, "Code": combinations(CODES)}


class Choices:
    """Chooses as bytes say; when they have run out, the first of everything."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._next = 0

    def __repr__(self) -> str:
        return f"Choices({len(self._data)} bytes; what came of them is noted below)"

    def one(self, options: Sequence[Any]) -> Any:
        """One of these, of which there are at most 65,536."""
        place = int.from_bytes(self._take(1 if len(options) <= 256 else 2).ljust(2, b"\0"), "little")
        return options[place % len(options)]

    def part(self, size: int) -> "Choices":
        """So many bytes by themselves: what comes after them is the same however many of them are needed."""
        return Choices(self._take(size))

    def _take(self, size: int) -> bytes:
        start, self._next = self._next, self._next + size
        return self._data[start : self._next]


def examples(number: int) -> settings:
    """So many examples, and more in proportion under a profile that asks for more than the usual hundred."""
    return settings(max_examples=max(1, number * settings.default.max_examples // 100), deadline=None)


@st.composite
def choices(draw: st.DrawFn, size: int) -> Choices:
    """So many bytes of choices."""
    return Choices(draw(st.binary(min_size=size, max_size=size)))


# Entities

COMPUTED = {"id", "kind", "year", "citation"}
"""Fields of the schema that no line has: worked out, or given elsewhere."""

REGION_TYPES = ("WORLD", "REGION")


@cache
def attributes(kind: str) -> dict[str, Any]:
    """The attributes that lines of a kind have, with their types."""
    fields = SCHEMA.type_map[type_name(kind)].fields
    types = {name: field.type for name, field in fields.items() if not field.args and name not in COMPUTED}
    return {name: type_ for name, type_ in types.items() if get_named_type(type_).name == "Code" or is_leaf(type_)}


def is_leaf(type_: Any) -> bool:
    return not hasattr(get_named_type(type_), "fields")


def is_list(type_: Any) -> bool:
    return bool(is_list_type(get_nullable_type(type_)))


def is_required(kind: str, attribute: str) -> bool:
    type_ = attributes(kind)[attribute]
    return is_non_null_type(type_) and not is_list(type_) and attribute not in DEFAULTS.get(kind, {})


def pool(kind: str, attribute: str) -> list[Any]:
    """The values that an attribute may have. Where it may be missing, None (as good as no key) is the first."""
    type_ = attributes(kind)[attribute]
    named = get_named_type(type_)
    if isinstance(named, GraphQLEnumType):
        values = list(named.values)
    elif named.name == "String":
        values = combinations(texts(kind, attribute)) if is_list(type_) else texts(kind, attribute)
    else:
        values = POOLS[named.name]
    if is_required(kind, attribute):
        return values
    return [None, *values, ""] if values is NAMES else [None, *values]


@cache
def pools(kind: str) -> dict[str, list[Any]]:
    """The values that each attribute of a kind may have."""
    found = {name: pool(kind, name) for name in attributes(kind)}
    if "coordinates" in SCHEMA.type_map[type_name(kind)].fields:
        found["latitude"] = found["longitude"] = [None, -90, 0, 14.07, 90]
    return found | {"labels": LABELS}


def entity(choose: Choices, kind: str, id: str) -> Line:
    """A line of an entity. Places whose id says so are regions, which never lie in a country."""
    line = {"id": id, "kind": kind} | {name: choose.one(values) for name, values in pools(kind).items()}
    if kind == "PLACE" and is_region(id) != (line["type"] in REGION_TYPES):
        line["type"] = "REGION" if is_region(id) else "TOWN"
    return line


def is_region(id: str) -> bool:
    return id.startswith("place:region-")


def id_of(kind: str, number: int) -> str:
    """The id of the so many-th entity of a kind. Of places, every third is a region."""
    region = "region-" if kind == "PLACE" and number % 3 == 0 else ""
    return f"{kind.lower()}:{region}{SUFFIXES[number]}"


# Relations

WHERE = ("COUNTRY", "PLACE")
ENDS: dict[str, dict[str, tuple[str, ...]]] = {
    "PART_OF": {"PLACE": WHERE, "COUNTRY": ("PLACE",), "PARTNER": ("PARTNER",)},
    "LOCATED_IN": {"PROJECT": WHERE},
    "OCCURRED_IN": {"EVENT": WHERE},
    "AFFECTED": {"EVENT": ("PROJECT", "PARTNER", *WHERE)},
    "DISPLACED_FROM": {"EVENT": WHERE},
    "FOLLOWED": {"EVENT": ("EVENT",)},
    "PARTICIPATES_IN": {"PARTNER": ("PROJECT",)},
    "OPERATES_IN": {"PARTNER": ("COUNTRY",)},
    "ABOUT": {"METRIC": ("PROJECT", "EVENT", "PARTNER", *WHERE)},
    "MEASURES": {"METRIC": ("INDICATOR",)},
    "CITES": {kind: ("SOURCE",) for kind in KINDS if kind != "SOURCE"},
}
SINGLE = {"PART_OF", "ABOUT", "MEASURES"}
SPAN = {"since": DATES, "until": DATES}
LINK_ATTRIBUTES: dict[str, dict[str, list[Any]]] = {
    "LOCATED_IN": {"percentage": [0, 12.5, 100]},
    "PARTICIPATES_IN": {"role": list(SCHEMA.type_map["PartnerRole"].values), **SPAN},
    "OPERATES_IN": SPAN,
    "AFFECTED": {"impact": list(SCHEMA.type_map["Impact"].values)},
    "CITES": {"locator": ["", "p. 43"]},
}


def pairs(relation: str, ids: Ids) -> list[tuple[str, str]]:
    """The ends that a relation may have among these entities."""
    return [
        (subject, object)
        for subject, kind in ids.items()
        for object, object_kind in ids.items()
        if object_kind in ENDS[relation].get(kind, ())
        if relation != "PART_OF" or (subject != object and may_lie_in(subject, object))
    ]


def may_lie_in(subject: str, object: str) -> bool:
    """A country and a region lie in regions; other places in whatever there is."""
    return is_region(object) or not (is_region(subject) or subject.startswith("country:"))


def relation_line(choose: Choices, relation: str, ends: Sequence[tuple[str, str]], ids: Ids) -> Line:
    """A line of a relation between some of these ends, in a world with these entities."""
    subject, object = choose.one(ends)
    line = {"relation": relation, "subject": subject, "object": object}
    line |= {name: choose.one([None, *values]) for name, values in LINK_ATTRIBUTES.get(relation, {}).items()}
    sources = [id for id, kind in ids.items() if kind == "SOURCE"]
    if relation != "CITES" and sources:
        line["sources"] = choose.one([None, [], *([id] for id in sources), [sources[-1], sources[0]]])
    return line


# Worlds

WORLD = 2_200
"""Bytes enough for a world."""


@st.composite
def worlds(draw: st.DrawFn, most: int = 4, links: int = 8, **more: int) -> World:
    """Worlds, for whoever needs nothing else."""
    return world(draw(choices(WORLD)), most, links, **more)


def world(choose: Choices, most: int = 4, links: int = 8, **more: int) -> World:
    """A world with up to `most` entities of each kind (`more` by kind: PROJECT=9) and `links` relations of each."""
    limits = dict.fromkeys(KINDS, most) | {"PLACE": most + 2} | more
    ids: Ids = {}
    for kind, limit in limits.items():
        ids |= {id_of(kind, number): kind for number in range(_size(choose, limit))}
    ids = {id: kind for id, kind in ids.items() if kind != "METRIC" or can_measure(ids)}
    lines = []
    for kind, limit in limits.items():
        part = choose.part(limit * len(pools(kind)))
        lines += [entity(part, kind, id) for id in ids if ids[id] == kind]
    for relation in ENDS:
        lines += _web(choose.part(10 * links), relation, ids, links)
    return lines


def _size(choose: Choices, most: int) -> int:
    """A number up to `most`, mostly a large one."""
    size: int = choose.one([*range(most), *[most] * most])
    return size


def can_measure(ids: Ids) -> bool:
    return "INDICATOR" in ids.values() and not set(ids.values()).isdisjoint(ENDS["ABOUT"]["METRIC"])


def _web(choose: Choices, relation: str, ids: Ids, links: int) -> list[Line]:
    """The relations of one kind in a world."""
    ends = pairs(relation, ids)
    if not ends:
        return []
    if relation not in SINGLE:
        found = [relation_line(choose, relation, ends, ids) for _ in range(_size(choose, links))]
        return list({name_of(line): line for line in found}.values())
    found = []
    for subject in dict.fromkeys(subject for subject, _ in ends):
        own = [pair for pair in ends if pair[0] == subject and (relation != "PART_OF" or _is_upwards(*pair, ids))]
        if own and (relation != "PART_OF" or choose.one([False, True, True])):
            found.append(relation_line(choose, relation, own, ids))
    return found


def _is_upwards(subject: str, object: str, ids: Ids) -> bool:
    """Whether the object stands further on, or is of another kind: what is part of such wholes goes in no circle."""
    order = list(ids)
    further = order.index(subject) < order.index(object)
    return further or ids[subject] != ids[object] or is_region(subject) < is_region(object)


# Commits

COMMIT = 100
"""Bytes enough for a commit."""


def commit(choose: Choices, lines: World, size: int = 3, about: Sequence[str] = ()) -> list[Line]:
    """Lines that change a world: entities and relations that come, change and go. Not all of them may.

    Mostly they are about these entities, where some are named.
    """
    return [line for _ in range(choose.one(range(1, size + 1))) for line in _change(choose, lines, about)]


def _change(choose: Choices, lines: World, about: Sequence[str]) -> list[Line]:
    ids = {line["id"]: line["kind"] for line in lines if "kind" in line}
    webs = [line for line in lines if "relation" in line]
    match choose.one(["change", "change", "add", "relate", "move", "unrelate", "remove"]):
        case "add":
            kinds = [ids[id] for id in about if id in ids]
            return _newcomer(choose, choose.one(kinds or KINDS), ids, about)
        case "change" if ids:
            id = near(choose, sorted(ids), about)
            return [entity(choose, ids[id], id)]
        case "relate" if possible := {name: found for name in ENDS if (found := pairs(name, ids))}:
            relation = choose.one(sorted(possible))
            return [relation_line(choose, relation, [near(choose, possible[relation], about)], ids)]
        case "move" if single := [line for line in webs if line["relation"] in SINGLE]:
            old = near(choose, single, about)
            ends = [pair for pair in pairs(old["relation"], ids) if pair[0] == old["subject"]]
            new = relation_line(choose, old["relation"], ends, ids)
            return [new] if name_of(new) == name_of(old) else [{"unrelate": old}, new]
        case "unrelate" if webs:
            return [{"unrelate": near(choose, webs, about)}]
        case "remove" if ids:
            return [{"remove": near(choose, sorted(ids), about)}]
    return []


def near(choose: Choices, options: Sequence[Any], about: Sequence[str]) -> Any:
    """An id, a pair of ids or a relation; mostly one of these entities, or with one of them at an end."""
    close = [option for option in options if any(id in (option, *_ends(option)) for id in about)]
    return choose.one(close if close and choose.one([True, True, True, False]) else options)


def _ends(option: Any) -> Sequence[str]:
    if isinstance(option, str):
        return ()
    return (option["subject"], option["object"]) if isinstance(option, dict) else option


def _newcomer(choose: Choices, kind: str, ids: Ids, about: Sequence[str]) -> list[Line]:
    """A new entity with a relation, or those that it cannot do without."""
    id = next((id for number in range(len(SUFFIXES)) if (id := id_of(kind, number)) not in ids), None)
    if id is None or (kind == "METRIC" and not can_measure(ids)):
        return []
    known = ids | {id: kind}
    lines = [entity(choose, kind, id)]
    for relation in ["ABOUT", "MEASURES"] if kind == "METRIC" else [choose.one(sorted(ENDS))]:
        if ends := [pair for pair in pairs(relation, known) if id in pair]:
            lines.append(relation_line(choose, relation, [near(choose, ends, about)], known))
    return lines
