"""The border: plain values, as JSON gives them, become writes, or a list of all that is wrong with them.

Keys and rules are FORMAT's (see docs in README, "Graph lines"). Parsing is msgspec's, and quick; only what it refuses
is looked at again, key by key, to say everything that is wrong and what was expected.
"""

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from inspect import isclass
from typing import Any, Self, get_args

import msgspec

from graph.errors import InvalidInput
from graph.model import RECORDS, Code, Country, Entity, Relation, Remove, Write
from graph.values import PartialDate, is_partial_date
from graph.vocabulary import Kind, Term

COUNTRY_CODES = {
    "code": (re.compile(r"[A-Z]{2}"), "two capital letters, as ML"),
    "alpha3": (re.compile(r"[A-Z]{3}"), "three capital letters, as MLI"),
    "numeric": (re.compile(r"[0-9]{3}"), "three digits, as 466"),
}
DATES = frozenset({"startedOn", "endedOn", "publishedOn", "accessedOn", "since", "until"})
NUMBERS = frozenset({"value", "lower", "upper", "latitude", "longitude", "percentage"})
UNREADABLE = (msgspec.ValidationError, UnicodeEncodeError)
"""Why values are no record: of another type, or text that cannot be written."""

_encode = msgspec.json.Encoder().encode
INT_32 = range(-(2**31), 2**31)
IN_WORDS: dict[Any, str] = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    PartialDate: "a date, as 2023, 2023-11 or 2023-11-05",
    tuple[str, ...]: "a list of texts",
    tuple[Code, ...]: 'a list of codes, as [{"vocabulary": "fieldgraph", "code": "malnutrition"}]',
    dict[str, str]: 'an object of names by language, as {"fr": "Mali"}',
}
TEXT = "a text of whole characters: half of one (a lone surrogate) cannot be stored"
SHOWN = 60
"""So many characters of a wrong value are shown."""


class Reason(str):
    """Why a value cannot be read, and by which key it was given, where that is known."""

    key: str | None

    def __new__(cls, text: str, key: str | None = None) -> Self:
        reason = super().__new__(cls, text)
        reason.key = key
        return reason


class Unreadable(InvalidInput):
    """Values that are no write; `reasons` says all that is wrong, `ids` which entities they may have been meant for."""

    def __init__(self, reasons: Sequence[str], ids: frozenset[str] = frozenset()) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons
        self.ids = ids


def write(raw: Any) -> Write:
    """A graph line as a write. Null counts as absent. Raises Unreadable."""
    if not isinstance(raw, dict):
        raise Unreadable([f'expected an object, as {{"id": ..., "kind": ...}}, got {_shown(raw)}'])
    values = {key: value for key, value in raw.items() if value is not None}
    if "remove" in values:
        return _removal(values)
    record: Entity | Relation
    if "relation" in values:
        record = _record(Relation, "a relation", values)
        return record
    if "kind" not in values:
        raise Unreadable(["expected one of the keys 'kind', 'relation' and 'remove'"], _ids(values))
    kind = values.pop("kind")
    if not isinstance(kind, str) or kind not in Kind.__members__:
        raise Unreadable([_wrong("kind", kind, _expected(Kind))], _ids(values))
    record = _record(RECORDS[Kind[kind]], f"a {kind}", values)
    return record


def _removal(values: dict[str, Any]) -> Remove:
    id = values.pop("remove")
    if not isinstance(id, str) or not id or not is_text(id):
        raise Unreadable([_wrong("remove", id, "the id of an entity")])
    if values:
        raise Unreadable([f"a removal has no other keys, got {', '.join(map(repr, values))}"], frozenset({id}))
    return Remove(id)


def _record(type: type[Entity] | type[Relation], what: str, values: dict[str, Any]) -> Any:
    if "sources" in values and isinstance(values["sources"], list):
        values["sources"] = _in_order(values["sources"])
    if "labels" in values and isinstance(values["labels"], dict):
        values["labels"] = dict(sorted(values["labels"].items()))  # likewise
    reasons = _value_reasons(type, values)
    if not reasons:
        try:
            record = msgspec.convert(values, type)
            _encode(record)
        except UNREADABLE as error:
            reasons = [Reason(str(error))]
        else:
            return record
    raise Unreadable(_reasons(type, what, values) or reasons, _ids(values))


def _in_order(sources: list[Any]) -> list[Any]:
    """A relation's sources are a set: each once, sorted, so that equal relations are equal."""
    return sorted(set(sources)) if all(isinstance(source, str) for source in sources) else sources


def _value_reasons(type: type[Entity] | type[Relation], values: Mapping[str, Any]) -> list[Reason]:
    """What is wrong beyond types: empty names, dates that do not exist, codes out of shape, numbers too large."""
    reasons = []
    for key in ("id", "name") if issubclass(type, Entity) else ("subject", "object"):
        if values.get(key) == "":
            reasons.append(Reason(f"{key} is empty", key))
    if isinstance(labels := values.get("labels"), dict) and "" in labels:
        reasons.append(Reason("labels has a name without a language", "labels"))
    for key in sorted(DATES & values.keys()):
        if isinstance(date := values[key], str) and not is_partial_date(date):
            reasons.append(_wrong(key, date, "a date that exists, as 2023, 2023-11 or 2023-11-05"))
    for key in sorted(NUMBERS & values.keys()):
        if isinstance(number := values[key], int) and not _fits_float(number):
            reasons.append(_wrong(key, number, "a number that a 64-bit float holds exactly"))
    if isinstance(number := values.get("affected"), int) and number not in INT_32:
        reasons.append(_wrong("affected", number, "a whole number of at most 32 bits"))
    if type is Country:
        for key, (shape, example) in COUNTRY_CODES.items():
            if isinstance(code := values.get(key), str) and not shape.fullmatch(code):
                reasons.append(_wrong(key, code, example))
    return reasons


def _fits_float(number: int) -> bool:
    try:
        return int(float(number)) == number
    except OverflowError:
        return False


def _reasons(type: type[Entity] | type[Relation], what: str, values: Mapping[str, Any]) -> list[Reason]:
    """All that is wrong, key by key."""
    fields = _fields(type)
    reasons = []
    for key in values.keys() - fields.keys():
        near = get_close_matches(key, fields, 1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; its keys are {', '.join(fields)}"
        reasons.append(Reason(f"{what} has no key {_shown(key)}{hint}", key))
    for key, field in fields.items():
        if key not in values:
            if field.required:
                reasons.append(Reason(f"{what} needs the key {key!r}", key))
            continue
        try:
            value = msgspec.convert(values[key], field.type)
        except UNREADABLE:
            if key not in DATES or not isinstance(values[key], str):
                reasons.append(_wrong(key, values[key], _expected(field.type)))
        else:
            if not is_text(value):
                reasons.append(_wrong(key, values[key], TEXT))
    return sorted(reasons) + _value_reasons(type, values)


@cache
def _fields(type: type[Entity] | type[Relation]) -> dict[str, msgspec.structs.FieldInfo]:
    return {field.encode_name: field for field in msgspec.structs.fields(type)}


def is_text(value: Any) -> bool:
    """Whether all text in it can be written: Python's own may hold halves of characters."""
    try:
        _encode(value)
    except UnicodeEncodeError:
        return False
    return True


def _expected(type: Any) -> str:
    """What a type takes, in words."""
    for part in (type, *get_args(type)):
        if isclass(part) and issubclass(part, Term):
            return f"one of {', '.join(part.__members__)}"
        if part in IN_WORDS:
            return IN_WORDS[part]
    return "another value"


def _wrong(key: str, value: Any, expected: str) -> Reason:
    return Reason(f"{key} is {_shown(value)}, expected {expected}", key)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def _ids(values: Mapping[str, Any]) -> frozenset[str]:
    """The entities that a line nobody can read may have been about."""
    return frozenset(id for key in ("id", "subject") if isinstance(id := values.get(key), str))
