"""What must be answered, worked out by brute force over graph lines.

Written from the words of the contract and of the interchange format alone, slowly and plainly: it shares no code with
what it judges. Of the committed schema it reads only of which type things are, and in which order enums are declared.
"""

import unicodedata
from calendar import monthrange
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from functools import cmp_to_key
from pathlib import Path
from typing import Any

from graphql import build_schema, get_named_type

Line = dict[str, Any]
Given = dict[str, Any]

SCHEMA = build_schema((Path(__file__).parents[1] / "api" / "schema.graphql").read_text("utf-8"))
KINDS = tuple(SCHEMA.type_map["Kind"].values)
DEFAULTS: dict[str, Line] = {"INDICATOR": {"countBasis": "OTHER"}, "METRIC": {"measure": "ACTUAL"}}
NEWEST_STARTED = [{"field": "STARTED_ON", "direction": "DESC"}]
NATURAL_ORDERS: dict[str | None, list[Given]] = {
    "EVENT": NEWEST_STARTED,
    "METRIC": NEWEST_STARTED,
    "SOURCE": [{"field": "PUBLISHED_ON", "direction": "DESC"}],
}
BY_NAME = [{"field": "NAME"}]


# Reading the schema


def type_name(kind: str | None) -> str:
    """The object type of a kind: Project of PROJECT, and Query of no kind."""
    return "Query" if kind is None else kind.capitalize()


def kind_listed(parent: str | None, connection: str) -> str | None:
    """The kind of what a connection of a kind (None: of the root) lists; None where it lists several."""
    listed = get_named_type(SCHEMA.type_map[type_name(parent)].fields[connection].type).name
    kind = listed.removesuffix("Connection").upper()
    return kind if kind in KINDS else None


def rank(enum: str, value: str | None) -> int:
    """The place of a value in an enum's declaration; what is missing comes last."""
    values = list(SCHEMA.type_map[enum].values)
    return len(values) if value is None else values.index(value)


# Comparing values


def fold(text: str) -> str:
    """The text without case and accents."""
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)).casefold()


def first_day(partial: str) -> date:
    year, month, day = [*map(int, partial.split("-")), 1, 1][:3]
    return date(year, month, day)


def last_day(partial: str) -> date:
    year, month, day = [*map(int, partial.split("-")), *[None] * 2][:3]
    month = month or 12
    return date(year, month, day or monthrange(year, month)[1])


def lies_within(inner: str, outer: str) -> bool:
    return first_day(outer) <= first_day(inner) and last_day(inner) <= last_day(outer)


def same_text(value: str, given: str) -> bool:
    return fold(value) == fold(given)


Test = Callable[[Any, Any], bool]
EQUALITY: dict[str, Test] = {"StringFilter": same_text, "DateFilter": lies_within}
PLAIN: dict[str, Test] = {
    "lt": lambda value, given: value < given,
    "lte": lambda value, given: value <= given,
    "gt": lambda value, given: value > given,
    "gte": lambda value, given: value >= given,
}
COMPARISONS: dict[str, dict[str, Test]] = {
    "StringFilter": {
        "contains": lambda value, given: fold(given) in fold(value),
        "startsWith": lambda value, given: fold(value).startswith(fold(given)),
    },
    "DateFilter": {
        "lt": lambda value, given: last_day(value) < first_day(given),
        "lte": lambda value, given: last_day(value) <= last_day(given),
        "gt": lambda value, given: first_day(value) > last_day(given),
        "gte": lambda value, given: first_day(value) >= first_day(given),
    },
    "IntFilter": PLAIN,
    "FloatFilter": PLAIN,
}


def compares(filter_type: str, operator: str, value: Any, given: Any) -> bool:
    """Whether a known value compares so with the one given."""
    same = EQUALITY.get(filter_type, lambda value, given: value == given)
    match operator:
        case "eq":
            return same(value, given)
        case "ne":
            return not same(value, given)
        case "in":
            return any(same(value, one) for one in given)
        case "notIn":
            return not any(same(value, one) for one in given)
    return COMPARISONS[filter_type][operator](value, given)


def meets_comparisons(filter_type: str, value: Any, given: Given) -> bool:
    """Whether a value, which may be missing or a list of texts, meets all of these comparisons."""
    values = value if isinstance(value, list) else [] if value is None else [value]

    def meets(operator: str, wanted: Any) -> bool:
        if operator == "isNull":
            return (not values) is wanted
        if operator == "notIn" and not wanted:
            return True  # matches everything, what is missing too
        return any(compares(filter_type, operator, one, wanted) for one in values)

    return all(meets(operator, wanted) for operator, wanted in given.items())


def meets_counted(items: Sequence[Any], given: Given, meets: Callable[[Any, Given], bool]) -> bool:
    """Whether a set meets what is said with some, all, none and count."""
    return (
        ("some" not in given or any(meets(item, given["some"]) for item in items))
        and ("all" not in given or all(meets(item, given["all"]) for item in items))
        and ("none" not in given or not any(meets(item, given["none"]) for item in items))
        and ("count" not in given or meets_comparisons("IntFilter", len(items), given["count"]))
    )


def meets_code(code: Line, given: Given) -> bool:
    return all(meets_comparisons("StringFilter", code.get(part), wanted) for part, wanted in given.items())


LINK_FILTERS = {"role": "PartnerRoleFilter", "impact": "ImpactFilter", "since": "DateFilter", "until": "DateFilter"}


def meets_link(relation: Line, given: Given) -> bool:
    """Whether one relation meets all that is said of it."""
    return all(
        meets_comparisons(filter_type, relation.get(attribute), given[attribute])
        for attribute, filter_type in LINK_FILTERS.items()
        if attribute in given
    )


# Orders


def order_of(kind: str | None, order: Sequence[Given] | None) -> Sequence[Given]:
    """The keys of an order; without any, those of the natural order of a kind (None: of several kinds)."""
    return order or NATURAL_ORDERS.get(kind, BY_NAME)


def compare_places(one: Sequence[Any], other: Sequence[Any], keys: Sequence[Given]) -> int:
    """Which of two places comes first: by the keys, what is missing last in either direction; then by id."""
    for key, mine, theirs in zip(keys, one, other, strict=False):
        if mine == theirs:
            continue
        if mine is None or theirs is None:
            return 1 if mine is None else -1
        sign = 1 if mine > theirs else -1
        return -sign if key.get("direction") == "DESC" else sign
    return (one[-1] > other[-1]) - (one[-1] < other[-1])


# Lines


def name_of(line: Line) -> Any:
    """What tells an entity or a relation from every other."""
    if "relation" not in line:
        return line["id"]
    return tuple(line.get(part) for part in ("relation", "subject", "object", "role", "impact"))


def canonical(relation: Line) -> tuple[Any, ...]:
    """The order of relations: kind, subject, object, role, impact."""
    return (
        rank("RelationKind", relation["relation"]),
        relation["subject"],
        relation["object"],
        rank("PartnerRole", relation.get("role")),
        rank("Impact", relation.get("impact")),
    )


def applied(lines: Iterable[Line], changes: Iterable[Line]) -> list[Line]:
    """What the lines become: a line replaces that of the same name, {"remove": id} takes what it is named in along, and
    {"unrelate": line} takes a relation."""
    held = {name_of(line): line for line in lines}
    for change in changes:
        if "remove" in change:
            gone = change["remove"]
            kept = [
                line for line in held.values() if gone not in (line.get("id"), line.get("subject"), line.get("object"))
            ]
            held = {name_of(line): _without_source(line, gone) for line in kept}
        elif "unrelate" in change:
            held.pop(name_of(change["unrelate"]), None)
        else:
            held[name_of(change)] = change
    return list(held.values())


def _without_source(line: Line, gone: str) -> Line:
    kept = [source for source in line.get("sources") or () if source != gone]
    return line | {"sources": kept} if "sources" in line else line


class Oracle:
    """Answers from lines."""

    def __init__(self, lines: Iterable[Line]) -> None:
        lines = [{key: value for key, value in line.items() if value is not None} for line in lines]
        self.entities = {line["id"]: DEFAULTS.get(line["kind"], {}) | line for line in lines if "kind" in line}
        self.relations = sorted((line for line in lines if "relation" in line), key=canonical)
        self._links: dict[tuple[str, str], dict[str, list[Line]]] = {}

    def kind(self, id: str) -> str:
        kind: str = self.entities[id]["kind"]
        return kind

    def of_kind(self, kind: str | None) -> list[str]:
        return [id for id in self.entities if kind in (None, self.kind(id))]

    def value(self, id: str, attribute: str) -> Any:
        """The value of an attribute; None where it is missing."""
        entity = self.entities[id]
        return int(entity["startedOn"][:4]) if attribute == "year" else entity.get(attribute)

    # Walking

    def leaving(self, id: str, relation: str) -> list[Line]:
        return [line for line in self.relations if line["relation"] == relation and line["subject"] == id]

    def reaching(self, ids: Iterable[str], relation: str) -> list[Line]:
        return [line for line in self.relations if line["relation"] == relation and line["object"] in ids]

    def inside(self, id: str) -> set[str]:
        """It, and what is part of it at any depth."""
        found, new = {id}, {id}
        while new:
            new = {line["subject"] for line in self.reaching(new, "PART_OF")} - found
            found |= new
        return found

    def around(self, id: str) -> Iterator[str]:
        """It, and what it is part of, ever larger."""
        yield id
        for line in self.leaving(id, "PART_OF"):
            yield from self.around(line["object"])

    def countries_of(self, id: str) -> list[str]:
        return [other for other in self.around(id) if self.kind(other) == "COUNTRY"]

    def single(self, id: str, field: str) -> str | None:
        """The one entity that a field leads to."""
        match self.kind(id), field:
            case ("COUNTRY", "region") | ("PLACE" | "PARTNER", "parent"):
                found = [line["object"] for line in self.leaving(id, "PART_OF")]
            case "PLACE", "country":
                found = self.countries_of(id)
            case "METRIC", "indicator":
                found = [line["object"] for line in self.leaving(id, "MEASURES")]
            case "METRIC", "subject":
                found = [line["object"] for line in self.leaving(id, "ABOUT")]
            case "METRIC", "country":
                found = [country for line in self.leaving(id, "ABOUT") for country in self.countries_of(line["object"])]
            case kind, _:
                raise NotImplementedError(f"The oracle does not know what {field!r} of a {kind} is: teach it.")
        return found[0] if found else None

    def _steps(self, id: str, connection: str) -> Iterator[tuple[str, Line]]:
        """What a connection leads to, each time with a relation that it follows there."""
        match self.kind(id), connection:
            case _, "sources":
                yield from ((line["object"], line) for line in self.leaving(id, "CITES"))
            case "INDICATOR", "metrics":
                yield from ((line["subject"], line) for line in self.reaching([id], "MEASURES"))
            case _, "metrics":
                yield from ((line["subject"], line) for line in self.reaching([id], "ABOUT"))
            case "COUNTRY" | "PLACE", "children":
                yield from ((line["subject"], line) for line in self.reaching([id], "PART_OF"))
            case "COUNTRY" | "PLACE", "places" | "countries":
                yield from ((line["subject"], line) for line in self.reaching(self.inside(id), "PART_OF"))
            case "COUNTRY" | "PLACE", "projects":
                yield from ((line["subject"], line) for line in self.reaching(self.inside(id), "LOCATED_IN"))
            case "COUNTRY" | "PLACE", "events":
                yield from ((line["subject"], line) for line in self.reaching(self.inside(id), "OCCURRED_IN"))
            case "COUNTRY" | "PLACE", "partners":
                yield from ((line["subject"], line) for line in self.reaching(self.inside(id), "OPERATES_IN"))
                projects = [project for project, _ in self._steps(id, "projects")]
                yield from ((line["subject"], line) for line in self.reaching(projects, "PARTICIPATES_IN"))
            case "PROJECT" | "EVENT" as kind, "places" | "countries":
                for line in self.leaving(id, {"PROJECT": "LOCATED_IN", "EVENT": "OCCURRED_IN"}[kind]):
                    ends = [line["object"]] if connection == "places" else self.countries_of(line["object"])
                    yield from ((end, line) for end in ends)
            case "PROJECT", "partners":
                yield from ((line["subject"], line) for line in self.reaching([id], "PARTICIPATES_IN"))
            case "PROJECT" | "PARTNER", "events":
                yield from ((line["subject"], line) for line in self.reaching([id], "AFFECTED"))
            case "EVENT", "projects" | "partners":
                yield from ((line["object"], line) for line in self.leaving(id, "AFFECTED"))
            case "EVENT", "followed":
                yield from ((line["object"], line) for line in self.leaving(id, "FOLLOWED"))
            case "EVENT", "ledTo":
                yield from ((line["subject"], line) for line in self.reaching([id], "FOLLOWED"))
            case "PARTNER", "projects":
                yield from ((line["object"], line) for line in self.leaving(id, "PARTICIPATES_IN"))
            case "PARTNER", "countries":
                yield from ((line["object"], line) for line in self.leaving(id, "OPERATES_IN"))
                for line in self.leaving(id, "PARTICIPATES_IN"):
                    yield from ((country, line) for country, _ in self._steps(line["object"], "countries"))
            case "SOURCE", "entities":
                yield from ((line["subject"], line) for line in self.reaching([id], "CITES"))
            case kind, _:
                raise NotImplementedError(f"The oracle does not know what {connection!r} of a {kind} are: teach it.")

    def links(self, id: str, connection: str) -> dict[str, list[Line]]:
        """What a connection leads to, each with the relations that it follows there, in their order."""
        if (id, connection) not in self._links:
            self._links[id, connection] = self._walk(id, connection)
        return self._links[id, connection]

    def _walk(self, id: str, connection: str) -> dict[str, list[Line]]:
        kind = kind_listed(self.kind(id), connection)
        found: dict[str, list[Line]] = {}
        for other, relation in self._steps(id, connection):
            if kind in (None, self.kind(other)) and relation not in found.setdefault(other, []):
                found[other].append(relation)
        return {other: sorted(relations, key=canonical) for other, relations in found.items() if relations}

    def displaced_from(self, id: str) -> list[str]:
        """Where an event drove people from: by name, at most 20."""
        return self.in_order((line["object"] for line in self.leaving(id, "DISPLACED_FROM")), None, None)[:20]

    # Conditions and orders

    def meets(self, id: str, where: Given) -> bool:
        """Whether an entity meets a filter of its kind."""
        return all(self._meets_key(id, key, given) for key, given in where.items())

    def _meets_key(self, id: str, key: str, given: Any) -> bool:
        match key:
            case "and":
                return all(self.meets(id, part) for part in given)
            case "or":
                return any(self.meets(id, part) for part in given)
            case "not":
                return not self.meets(id, given)
        filter_type = get_named_type(SCHEMA.type_map[f"{type_name(self.kind(id))}Filter"].fields[key].type).name
        if filter_type == "CodeListFilter":
            return meets_counted(self.value(id, key) or [], given, meets_code)
        if filter_type.endswith("RelationFilter"):
            narrowed = [
                other
                for other, relations in self.links(id, key).items()
                if any(meets_link(relation, given) for relation in relations)
                and self.meets(other, given.get("where", {}))
            ]
            return meets_counted(narrowed, given, self.meets)
        if filter_type.removesuffix("Filter").upper() in KINDS:
            other = self.single(id, key)
            return other is not None and self.meets(other, given)
        return meets_comparisons(filter_type, self.value(id, key), given)

    def place(self, id: str, order: Sequence[Given]) -> tuple[Any, ...]:
        """Where an entity stands in an order: what each key sees of it (None: missing), and its id."""
        return (*(self._seen(id, key["field"]) for key in order), id)

    def _seen(self, id: str, field: str) -> Any:
        if field.endswith("_COUNT"):
            return len(self.links(id, counted(self.kind(id), field)))
        attribute = camel(field)
        value = self.value(id, attribute)
        # A list of several kinds is ordered by name, which all of them have.
        type_ = get_named_type(SCHEMA.type_map[type_name(self.kind(id))].fields[attribute].type)
        if value is None:
            return None
        if type_.name == "PartialDate":
            return first_day(value), -(last_day(value) - first_day(value)).days
        if type_.name == "String":
            return fold(value), value
        return list(type_.values).index(value) if hasattr(type_, "values") else value

    def in_order(self, ids: Iterable[str], kind: str | None, order: Sequence[Given] | None) -> list[str]:
        """Sorted by the keys of an order (none: the natural one), then by id."""
        keys = order_of(kind, order)
        places = {id: self.place(id, keys) for id in ids}
        return sorted(places, key=cmp_to_key(lambda one, other: compare_places(places[one], places[other], keys)))

    # Answers

    def listed(
        self, parent: str | None, connection: str, where: Given | None = None, order: Sequence[Given] | None = None
    ) -> list[str]:
        """The ids of a connection of an entity, or of the root."""
        kind = kind_listed(None if parent is None else self.kind(parent), connection)
        ids = self.of_kind(kind) if parent is None else self.links(parent, connection)
        return self.in_order((id for id in ids if self.meets(id, where or {})), kind, order)

    def edge(self, parent: str | None, connection: str, id: str) -> Line:
        """What the edge to an item says."""
        relations = [] if parent is None else self.links(parent, connection)[id]
        roles = sorted(
            {line["role"] for line in relations if "role" in line}, key=lambda role: rank("PartnerRole", role)
        )
        impacts = sorted({line["impact"] for line in relations if "impact" in line}, key=lambda it: rank("Impact", it))

        def stated(attribute: str) -> Any:
            return next((line[attribute] for line in relations if line.get(attribute) is not None), None)

        return {
            "node": {"id": id},
            "roles": roles,
            "impacts": impacts,
            "role": roles[0] if roles else None,
            "impact": impacts[0] if impacts else None,
            "since": stated("since"),
            "until": stated("until"),
            "percentage": stated("percentage"),
            "sources": [{"id": source} for source in dict.fromkeys(s for line in relations for s in sources_of(line))],
        }

    def relations_of(self, id: str, kinds: Sequence[str] | None = None, direction: str = "BOTH") -> list[Line]:
        """The relations of an entity, in their order."""
        ends = {"OUT": ["subject"], "IN": ["object"], "BOTH": ["subject", "object"]}[direction]
        return [
            line
            for line in self.relations
            if any(line[end] == id for end in ends) and (kinds is None or line["relation"] in kinds)
        ]

    def label(self, id: str, languages: Sequence[str]) -> Line:
        """The name in the first of the languages that is known, each with its ever shorter forms."""
        labels = {tag.lower(): (tag, text) for tag, text in self.entities[id].get("labels", {}).items()}
        for language in languages:
            subtags = language.lower().split("-")
            for length in range(len(subtags), 0, -1):
                if found := labels.get("-".join(subtags[:length])):
                    tag, text = found
                    return {"value": text, "language": tag, "isFallback": False}
        return {"value": self.entities[id]["name"], "language": None, "isFallback": True}


def sources_of(relation: Line) -> list[str]:
    """The sources of a relation: a set, told by id."""
    return sorted(set(relation.get("sources", ())))


def camel(field: str) -> str:
    """The attribute that an order field names: startedOn of STARTED_ON."""
    first, *rest = field.lower().split("_")
    return first + "".join(word.capitalize() for word in rest)


def counted(kind: str, field: str) -> str:
    """The connection of a kind whose length an order field names: countries of COUNTRY_COUNT."""
    singular = camel(field.removesuffix("_COUNT"))
    irregular = {"country": "countries", "child": "children", "entity": "entities"}
    fields = SCHEMA.type_map[type_name(kind)].fields
    return next(name for name in (irregular.get(singular, f"{singular}s"), singular) if name in fields)
