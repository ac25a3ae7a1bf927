"""Strategies: worlds as graph lines, commits that change them, filters and orders.

What an entity has and what a filter takes is read from the committed schema, so a new field is covered at once. Values
come from small pools, the same for worlds and filters, so that things are often equal, nearly equal, and found.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

from graphql import GraphQLEnumType, GraphQLInputObjectType, get_named_type, is_list_type, is_required_input_field
from graphql import get_nullable_type as nullable
from hypothesis import strategies as st

from tests.oracle import DEFAULTS, KINDS, SCHEMA, Given, Line, fold, name_of, type_name

World = list[Line]

# Pools

NAMES = [
    *("Koro", "koro", "KORO", "Kôro", "Ko\u0301ro", "Koro 2", "Koro 10", "Korosso"),
    *("Straße", "STRASSE", "Łódź", "Zürich", "Zurich", "İzmir", "Ménaka", "ﬁeld", "Field", "Ångström"),
    *("مالي", "Мали", "МАЛИ", "東京", "ガーナ", "ｶﾞｰﾅ", "नेपाल", "a", "É", "🏥 clinic", "Project \N{NO-BREAK SPACE}\"x\"\\"),
]  # fmt: skip
TEXTS = [*NAMES, ""]
SHAPED_TEXTS = {
    ("COUNTRY", "code"): ["ML", "BF", "NE", "XK"],
    ("COUNTRY", "alpha3"): ["MLI", "BFA", "NER", "XKX"],
    ("COUNTRY", "numeric"): ["466", "854", "004"],
}
LANGUAGES = ["fr", "fr-CA", "ar", "zh-Hant", "EN"]
DATES = [
    *("0999", "2020", "2020-02", "2020-02-28", "2020-02-29", "2020-03", "2020-03-01", "2020-12", "2020-12-31"),
    *("2021", "2021-01", "2021-01-01", "2023", "2023-11", "2023-11-05", "9999-12-31"),
]
INTS = [-1, 0, 1, 2, 3, 47_000, 2**31 - 1]
FLOATS = [-2.5, 0, 0.1, 1, 2, 3, 530_000, 1e300, 5e-324]
PERCENTAGES = [0, 12.5, 100]
SUFFIXES = ["b", "B", "a", "10", "9", "é", "c d", "ж", "x-1", "~", "Z", "zz"]
"""Ends of ids, of which no two orders agree."""

VALUES: dict[str, st.SearchStrategy[Any]] = {
    "Boolean": st.booleans(),
    "Int": st.sampled_from(INTS),
    "Float": st.sampled_from(FLOATS),
    "PartialDate": st.sampled_from(DATES),
}

# Entities

COMPUTED = {"id", "kind", "year", "citation"}
"""Fields of the schema that no line has: worked out, or given elsewhere."""

REGION_TYPES = ("WORLD", "REGION")
codes = st.fixed_dictionaries(
    {"vocabulary": st.sampled_from(["M49", "Iati", "koro"]), "code": st.sampled_from(["1", "A-1", "a-1", "É"])},
    optional={"label": st.sampled_from(NAMES)},
)


@cache
def attributes(kind: str) -> dict[str, Any]:
    """The attributes that lines of a kind have, with their types."""
    fields = SCHEMA.type_map[type_name(kind)].fields
    types = {name: field.type for name, field in fields.items() if not field.args and name not in COMPUTED}
    return {name: type_ for name, type_ in types.items() if get_named_type(type_).name == "Code" or is_leaf(type_)}


def is_leaf(type_: Any) -> bool:
    return not hasattr(get_named_type(type_), "fields")


def is_required(kind: str, attribute: str) -> bool:
    type_ = attributes(kind)[attribute]
    return type_ is not nullable(type_) and not is_list_type(nullable(type_)) and attribute not in DEFAULTS.get(kind, {})


def of_type(type_: Any, kind: str, attribute: str) -> st.SearchStrategy[Any]:
    """Values of an attribute."""
    named = get_named_type(type_)
    if named.name == "Code":
        return st.lists(codes, max_size=3)
    if named.name == "String":
        found = st.sampled_from(SHAPED_TEXTS.get((kind, attribute)) or (NAMES if is_required(kind, attribute) else TEXTS))
        return st.lists(found, max_size=3) if is_list_type(nullable(type_)) else found
    return st.sampled_from(list(named.values)) if isinstance(named, GraphQLEnumType) else VALUES[named.name]


@cache
def entities(kind: str, id: str) -> st.SearchStrategy[Line]:
    """Lines of one entity. Places whose id says so are regions, which never lie in a country."""
    held = {name: of_type(type_, kind, name) for name, type_ in attributes(kind).items()}
    if kind == "PLACE":
        local = [name for name in SCHEMA.type_map["PlaceType"].values if name not in REGION_TYPES]
        held["type"] = st.sampled_from(REGION_TYPES if is_region(id) else local)
    if "coordinates" in SCHEMA.type_map[type_name(kind)].fields:
        held["latitude"] = held["longitude"] = st.sampled_from([-90, 0, 14.07, 90])
    held["labels"] = st.dictionaries(st.sampled_from(LANGUAGES), st.sampled_from(NAMES), max_size=2)
    required = {name for name in attributes(kind) if is_required(kind, name)}
    return st.fixed_dictionaries(
        {"id": st.just(id), "kind": st.just(kind)} | {name: held[name] for name in held if name in required},
        optional={name: held[name] for name in held if name not in required},
    )


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
SPAN = {"since": VALUES["PartialDate"], "until": VALUES["PartialDate"]}
LINK_ATTRIBUTES: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "LOCATED_IN": {"percentage": st.sampled_from(PERCENTAGES)},
    "PARTICIPATES_IN": {"role": st.sampled_from(list(SCHEMA.type_map["PartnerRole"].values)), **SPAN},
    "OPERATES_IN": SPAN,
    "AFFECTED": {"impact": st.sampled_from(list(SCHEMA.type_map["Impact"].values))},
    "CITES": {"locator": st.sampled_from(TEXTS)},
}


def may_lie_in(subject: str, object: str) -> bool:
    """A country and a region lie in regions; other places in whatever there is."""
    return is_region(object) or not (is_region(subject) or subject.startswith("country:"))


def pairs(relation: str, ids: dict[str, str]) -> list[tuple[str, str]]:
    """The ends that a relation may have among these entities (id -> kind)."""
    return [
        (subject, object)
        for subject, kind in ids.items()
        for object, object_kind in ids.items()
        if object_kind in ENDS[relation].get(kind, ())
        if relation != "PART_OF" or (subject != object and may_lie_in(subject, object))
    ]


@st.composite
def relations(draw: st.DrawFn, relation: str, ends: tuple[str, str], ids: dict[str, str]) -> Line:
    """Lines of a relation between two ends."""
    line = {"relation": relation, "subject": ends[0], "object": ends[1]}
    line |= draw(st.fixed_dictionaries({}, optional=LINK_ATTRIBUTES.get(relation, {})))
    sources = [id for id, kind in ids.items() if kind == "SOURCE"]
    if relation != "CITES" and sources and draw(st.booleans()):
        line["sources"] = draw(st.lists(st.sampled_from(sources), max_size=2))
    return line


# Worlds


@st.composite
def worlds(draw: st.DrawFn, most: int = 4, links: int = 7, **more: int) -> World:
    """A world with up to `most` entities of each kind (`more` by kind: PROJECT=9), and up to `links` relations of each."""
    ids: dict[str, str] = {}
    for kind in KINDS:
        ids |= {id_of(kind, number): kind for number in range(draw(st.integers(0, more.get(kind, most))))}
    ids = {id: kind for id, kind in ids.items() if kind != "METRIC" or can_measure(ids)}
    lines = [draw(entities(kind, id)) for id, kind in ids.items()]
    for relation in ENDS:
        lines += draw(_webs(relation, ids, links))
    return lines


def can_measure(ids: dict[str, str]) -> bool:
    return "INDICATOR" in ids.values() and not set(ids.values()).isdisjoint(ENDS["ABOUT"]["METRIC"])


@st.composite
def _webs(draw: st.DrawFn, relation: str, ids: dict[str, str], links: int) -> list[Line]:
    """The relations of one kind in a world."""
    possible = pairs(relation, ids)
    if not possible:
        return []
    if relation not in SINGLE:
        chosen = draw(st.lists(st.sampled_from(possible), max_size=links))
        lines = [draw(relations(relation, ends, ids)) for ends in chosen]
        return list({name_of(line): line for line in lines}.values())
    lines = []
    for subject in dict.fromkeys(subject for subject, _ in possible):
        # To be part of what stands further on, or of what is of another kind, never goes in a circle.
        objects = [object for start, object in possible if start == subject and (relation != "PART_OF" or _later(start, object, ids))]
        if objects and (relation != "PART_OF" or draw(st.booleans())):
            lines.append(draw(relations(relation, (subject, draw(st.sampled_from(objects))), ids)))
    return lines


def _later(subject: str, object: str, ids: dict[str, str]) -> bool:
    order = list(ids)
    return (is_region(subject), order.index(subject)) < (is_region(object), order.index(object)) or ids[object] == "COUNTRY"


# Commits


@st.composite
def commits(draw: st.DrawFn, lines: World, size: int = 3) -> list[Line]:
    """Some lines that change a world: entities and relations that come, change and go. Not all of them are permitted."""
    return [line for _ in range(draw(st.integers(1, size))) for line in draw(_changes(lines))]


@st.composite
def _changes(draw: st.DrawFn, lines: World) -> list[Line]:
    ids = {line["id"]: line["kind"] for line in lines if "kind" in line}
    webs = [line for line in lines if "relation" in line]
    match draw(st.sampled_from(["add", "change", "relate", "move", "unrelate", "remove"])):
        case "add":
            kind = draw(st.sampled_from(KINDS))
            id = next((id for number in range(len(SUFFIXES)) if (id := id_of(kind, number)) not in ids), None)
            return [] if id is None else _with_needs(draw, kind, id, ids)
        case "change" if ids:
            id = draw(st.sampled_from(sorted(ids)))
            return [draw(entities(ids[id], id))]
        case "relate" if possible := {name: found for name in ENDS if (found := pairs(name, ids))}:
            relation = draw(st.sampled_from(sorted(possible)))
            return [draw(relations(relation, draw(st.sampled_from(possible[relation])), ids))]
        case "move" if single := [line for line in webs if line["relation"] in SINGLE]:
            old = draw(st.sampled_from(single))
            objects = [object for subject, object in pairs(old["relation"], ids) if subject == old["subject"]]
            return [{"unrelate": old}, draw(relations(old["relation"], (old["subject"], draw(st.sampled_from(objects))), ids))]
        case "unrelate" if webs:
            return [{"unrelate": draw(st.sampled_from(webs))}]
        case "remove" if ids:
            return [{"remove": draw(st.sampled_from(sorted(ids)))}]
    return []


def _with_needs(draw: st.DrawFn, kind: str, id: str, ids: dict[str, str]) -> list[Line]:
    """A new entity with the relations that it cannot do without, and mostly one more."""
    known = ids | {id: kind}
    if kind == "METRIC" and not can_measure(ids):
        return []
    lines = [draw(entities(kind, id))]
    needed = ["ABOUT", "MEASURES"] if kind == "METRIC" else [draw(st.sampled_from(sorted(ENDS)))]
    for relation in needed:
        if ends := [(subject, object) for subject, object in pairs(relation, known) if id in (subject, object)]:
            lines.append(draw(relations(relation, draw(st.sampled_from(ends)), known)))
    return lines


# Filters and orders

VARIANTS = [str, str.upper, str.lower, fold, lambda text: text[:2], lambda text: text[1:3], lambda text: text[-1:]]
FILTER_TEXTS = sorted({*TEXTS, "M49", "iati", "A-1", *(text for texts in SHAPED_TEXTS.values() for text in texts)})
LEAVES: dict[str, st.SearchStrategy[Any]] = VALUES | {
    "String": st.builds(lambda text, vary: vary(text), st.sampled_from(FILTER_TEXTS), st.sampled_from(VARIANTS)),
    "ID": st.sampled_from([id_of(kind, number) for kind in KINDS for number in range(4)] + ["nobody"]),
}


@cache
def filters(kind: str, depth: int = 2) -> st.SearchStrategy[Given]:
    """Filters of a kind, with filters inside them so many times."""
    return conditions(f"{type_name(kind)}Filter", depth)


@cache
def conditions(name: str, depth: int) -> st.SearchStrategy[Given]:
    """What can be given for an input type of the schema; in the innermost filters only attributes are compared."""
    type_: Any = SCHEMA.type_map[name]
    usable = {key: field.type for key, field in type_.fields.items() if depth or not leads_on(field.type)}
    sizes = st.sampled_from([1, 1, 1, 2, 2, 3, 0])
    keys = sizes.flatmap(lambda size: st.lists(st.sampled_from(sorted(usable)), min_size=min(size, 1), max_size=size, unique=True))
    return keys.flatmap(lambda chosen: st.fixed_dictionaries({key: given_for(usable[key], depth) for key in chosen}))


def given_for(type_: Any, depth: int) -> st.SearchStrategy[Any]:
    """Values of an input type."""
    named = get_named_type(type_)
    if isinstance(named, GraphQLInputObjectType):
        value = conditions(named.name, depth - 1 if is_entity_filter(named.name) else depth)
    else:
        value = st.sampled_from(list(named.values)) if isinstance(named, GraphQLEnumType) else LEAVES[named.name]
    return st.lists(value, max_size=2) if is_list_type(nullable(type_)) else value


def is_entity_filter(name: str) -> bool:
    return name.removesuffix("Filter").upper() in KINDS


def leads_on(type_: Any) -> bool:
    """Whether a condition is one on other entities, or on several filters at once."""
    name = get_named_type(type_).name
    return is_entity_filter(name) or name.endswith("RelationFilter")


@cache
def orders(kind: str) -> st.SearchStrategy[list[Given]]:
    """Orders of a kind: none, one key or several."""
    fields: Any = SCHEMA.type_map[f"{type_name(kind)}OrderField"]
    directions = st.sampled_from(["ASC", "DESC"])
    key = st.fixed_dictionaries({"field": st.sampled_from(list(fields.values))}, optional={"direction": directions})
    return st.lists(key, max_size=3)
