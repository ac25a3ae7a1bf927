"""The attributes of every kind of entity and relation: keys, types and meanings, for formats that must declare them."""

from collections.abc import Iterator
from enum import Enum
from functools import cache
from inspect import isclass
from typing import Any, NamedTuple, get_args

import msgspec

from graph.formats.lines import EXACT
from graph.model import RECORDS, Code, Entity, Relation
from graph.values import PartialDate
from graph.vocabulary import RULES, Kind, RelationKind, Term


class Shape(Enum):
    """What values of an attribute are."""

    TEXT = "text"
    NUMBER = "number"
    WHOLE = "whole number"
    DATE = "date: 2023, 2023-11 or 2023-11-05"
    TERM = "term of a codelist"
    TEXTS = "list of texts, as JSON"
    CODES = "list of codes, as JSON"
    LABELS = "names by language, as JSON"


class Attribute(NamedTuple):
    """An attribute: its key as in graph lines, its name in the record, what its values are, what it means, and the
    codelist that it takes its terms from."""

    key: str
    name: str
    shape: Shape
    description: str
    terms: type[Term] | None = None


DESCRIPTIONS = {
    "id": "Stable and readable, as country:ML.",
    "name": "Its name; of a source the title as printed.",
    "summary": "What there is to know of it, in a few sentences.",
    "aliases": "Other names: short forms, former names, spellings.",
    "labels": "Names by language (BCP 47).",
    "identifiers": "Codes by which others know it: M49, P-code, IATI, org-id, GLIDE, FTS.",
    "officialName": "Its name in full.",
    "code": "Of a country, ISO 3166-1 alpha-2; of an indicator, its code.",
    "alpha3": "ISO 3166-1 alpha-3.",
    "numeric": "ISO 3166-1 numeric, three digits.",
    "latitude": "Degrees north of the equator (WGS 84).",
    "longitude": "Degrees east of Greenwich (WGS 84).",
    "type": "What it is.",
    "status": "Of a project, where it stands; of a metric, the letter of SDMX OBS_STATUS.",
    "startedOn": "When it, or its period, started.",
    "endedOn": "When it, or its period, ended.",
    "activities": "What is done in it.",
    "sectors": "The sectors it belongs to (DAC, IASC clusters).",
    "affected": "How many people; affectedStatus says what the number counts.",
    "affectedStatus": "What `affected` counts.",
    "glides": "GLIDE numbers.",
    "acronym": "Its short name.",
    "website": "The address of its site.",
    "unit": "The unit of values; of money, its ISO 4217 currency.",
    "countBasis": "What one unit counts; values on two bases are never added.",
    "definition": "What exactly is measured.",
    "value": "The value, in `unit`; empty where it is known to be missing.",
    "printed": "The value as the source prints it.",
    "lower": "The value is at least this.",
    "upper": "The value is at most this.",
    "measure": "What the value is: counted, aimed at, budgeted.",
    "publisher": "Who published it.",
    "url": "Where it is found.",
    "publishedOn": "When it was published.",
    "accessedOn": "When it was read.",
    "license": "Under which terms it may be used.",
    "subject": "The id of what it is stated of.",
    "object": "The id of what it leads to.",
    "role": "The partner's role; part of the relation's name.",
    "impact": "What the event did; part of the relation's name.",
    "since": "Since when it holds.",
    "until": "Until when it held.",
    "percentage": "The share of the project that goes there, in percent.",
    "locator": "Where in the source, as a page.",
    "sources": "The ids of the sources that state it.",
}
ENDS = ("subject", "object")


@cache
def attributes(kind: Kind) -> tuple[Attribute, ...]:
    """The attributes of a kind of entity, in the order of graph lines."""
    return tuple(_attributes(RECORDS[kind]))


@cache
def relation_attributes(kind: RelationKind) -> tuple[Attribute, ...]:
    """The ends and attributes of a kind of relation, in the order of graph lines."""
    wanted = {*ENDS, *RULES[kind].attributes}
    return tuple(attribute for attribute in _attributes(Relation) if attribute.key in wanted)


def known(record: Entity | Relation) -> Iterator[tuple[Attribute, Any]]:
    """What is known of a record, defaults too: each attribute with its value as JSON has it."""
    columns = attributes(record.kind) if isinstance(record, Entity) else relation_attributes(record.kind)
    for attribute in columns:
        value = getattr(record, attribute.name)
        if type(value) is str:
            yield attribute, value
        elif value is not None and value != () and value != {}:
            yield attribute, plain(value)


def _attributes(record: type[Entity] | type[Relation]) -> Iterator[Attribute]:
    for field in msgspec.structs.fields(record):
        if field.encode_name != "relation":
            shape, terms = _shape(field.type)
            yield Attribute(field.encode_name, field.name, shape, DESCRIPTIONS[field.encode_name], terms)


_SHAPES = {
    str: Shape.TEXT,
    float: Shape.NUMBER,
    int: Shape.WHOLE,
    PartialDate: Shape.DATE,
    tuple[str, ...]: Shape.TEXTS,
    tuple[Code, ...]: Shape.CODES,
    dict[str, str]: Shape.LABELS,
}


def _shape(declared: Any) -> tuple[Shape, type[Term] | None]:
    for part in (declared, *get_args(declared)):
        if isclass(part) and issubclass(part, Term):
            return Shape.TERM, part
        if part in _SHAPES:
            return _SHAPES[part], None
    raise TypeError(f"{declared} has no place in files")


def plain(value: Any) -> Any:
    """A value as JSON has it: whole numbers without ".0", terms by name, names in the order of their languages."""
    if isinstance(value, float) and value.is_integer() and abs(value) < EXACT:
        return int(value)
    if isinstance(value, dict):
        return dict(sorted(value.items()))
    return str(value) if isinstance(value, Term) else msgspec.to_builtins(value)
