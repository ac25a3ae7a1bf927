"""What clients give to be stored: the input type of each kind, derived from its record, and how it becomes an edit.

Inputs carry the keys of graph lines, but labels are a list. What is absent stays as it is, null clears.
"""

from collections.abc import Mapping
from enum import Enum
from hashlib import blake2b
from typing import Any, get_args

import msgspec
import strawberry
from strawberry.utils.str_converters import to_camel_case

from api.fields import GENERATED
from api.inputs import make_input
from api.terms import PartialDate
from api.types import FACES, Coordinates
from api.types import Relation as RelationFace
from graph import values
from graph.journal.journal import Authorship, Key
from graph.model import RECORDS, Code, Line, Patch, Relation, RelationName, Remove, Unrelate
from graph.vocabulary import Kind
from graph.writing import Edit

LISTS = {
    "countries": Kind.COUNTRY,
    "places": Kind.PLACE,
    "projects": Kind.PROJECT,
    "events": Kind.EVENT,
    "partners": Kind.PARTNER,
    "indicators": Kind.INDICATOR,
    "metrics": Kind.METRIC,
    "sources": Kind.SOURCE,
}
"""The fields of SaveInput that hold entities, and of which kind."""

SCALARS: dict[Any, Any] = {
    str: str,
    int: int,
    float: float,
    values.PartialDate: PartialDate,
    tuple[str, ...]: list[str],
    tuple[Code, ...]: "list[CodeInput]",
    dict[str, str]: "list[LabelInput]",
}
"""The input type of each type of value in a record."""

TOLD = {
    "id": "Its id, which you choose: stable, readable and unused, as project:x-1. If there is one, it is updated.",
    "labels": "Its names in other languages; all of them anew.",
    "relation": "What it states.",
    "subject": "The id of what it is stated of.",
    "object": "The id of what it leads to.",
    "role": "The partner's role (PARTICIPATES_IN); part of the relation's name.",
    "impact": "What the event did (AFFECTED); part of the relation's name.",
    "sources": "The ids of the sources that state it; all of them anew.",
}
"""What is said of a key where that is not what its field in an answer says."""

EXPECTED = (
    "The version that you have read: if anything that is named here changed after it, nothing is stored, and a"
    " userError with the code CONFLICT tells what did."
)
NOTE = "Why; it stands in the history of all that is changed."


def derive_inputs() -> None:
    """Makes the input types. Called once, when all faces stand."""
    labels = {"language": (str, "A BCP 47 tag: fr, ar, zh-Hant."), "value": (str, "The name in that language.")}
    make_input("LabelInput", labels, "A name in a language.", required=labels)
    codes = {
        "vocabulary": (str, "The list that it is of."),
        "code": (str, "The code, as the list writes it."),
        "label": (str, "What it stands for."),
    }
    make_input("CodeInput", codes, "A code of a published list.", required=("vocabulary", "code"))
    for kind, record in RECORDS.items():
        article = "an" if kind.title()[0] in "AEIOU" else "a"
        described = f"What is to be held of {article} {kind.lower()}: what is absent stays as it is, null clears."
        make_input(f"{kind.title()}Input", _keys(record, FACES[kind], Coordinates), described, required=("id",))
    made = _keys(Relation, RelationFace)
    described = "What is to be held of a relation: what is absent stays as it is, null clears."
    make_input("RelationInput", made, described, required=("relation", "subject", "object"))
    _make_save()
    GENERATED["RemoveInput"] = make_input(
        "RemoveInput",
        {
            "ids": (list[strawberry.ID], "The ids of the entities; their relations go with them."),
            "expectedVersion": (int, EXPECTED),
            "note": (str, NOTE),
        },
        "What is to be removed, all or none.",
        required=("ids",),
    )


def _make_save() -> None:
    fields: dict[str, tuple[Any, str]] = {
        name: (f"list[{kind.title()}Input]", f"{name.title()} to create or update.") for name, kind in LISTS.items()
    }
    fields |= {
        "relations": ("list[RelationInput]", "Relations to state, or to state anew."),
        "unrelate": ("list[RelationInput]", "Relations to remove; only what names them is looked at."),
        "expectedVersion": (int, EXPECTED),
        "idempotencyKey": (
            str,
            "Your own name for this call, at most 200 characters: given again with the same input, within 30 days, it"
            " answers the first result, and nothing is stored twice.",
        ),
        "dryRun": (bool, "Whether only to tell what would be stored."),
        "note": (str, NOTE),
    }
    told = "What is to be stored, all or none, in one version."
    GENERATED["SaveInput"] = make_input("SaveInput", fields, told, defaults={"dryRun": False})


def _keys(record: Any, *faces: Any) -> dict[str, tuple[Any, str]]:
    """The keys of a record's lines, each with its input type and its description."""
    told = {
        to_camel_case(field.python_name): field.description
        for face in reversed(faces)
        for field in face.__strawberry_definition__.fields
    }
    return {
        field.encode_name: (_input_type(field), TOLD.get(field.encode_name) or told[field.encode_name])
        for field in msgspec.structs.fields(record)
    }


def _input_type(field: msgspec.structs.FieldInfo) -> Any:
    if field.encode_name in ("id", "subject", "object"):
        return strawberry.ID
    if field.encode_name == "sources":
        return list[strawberry.ID]
    given = [part for part in get_args(field.type) if part is not type(None)]
    type_ = field.type if field.type in SCALARS else next((part for part in given if part in SCALARS), None)
    return given[0] if type_ is None and given else SCALARS.get(type_, field.type)


# From an input to an edit.


def saving(given: Mapping[str, Any], author: str | None) -> Edit:
    """The edit that a SaveInput asks for."""
    lines = [
        Line(_entity_patch(kind, item), path=(name, str(place)))
        for name, kind in LISTS.items()
        for place, item in enumerate(given.get(name) or ())
    ]
    for place, item in enumerate(given.get("relations") or ()):
        values = _plain(item)
        lines.append(Line(Patch(_name(item), item["relation"], values), path=("relations", str(place))))
    for place, item in enumerate(given.get("unrelate") or ()):
        lines.append(Line(Unrelate(_name(item)), path=("unrelate", str(place))))
    return Edit(
        lines,
        Authorship(author, given.get("note")),
        expected=given.get("expectedVersion"),
        key=_key(given, author),
        dry_run=bool(given.get("dryRun")),
        strict=True,
    )


def removing(given: Mapping[str, Any], author: str | None) -> Edit:
    """The edit that a RemoveInput asks for."""
    lines = [Line(Remove(id), path=("ids", str(place))) for place, id in enumerate(given["ids"])]
    return Edit(lines, Authorship(author, given.get("note")), expected=given.get("expectedVersion"), strict=True)


def _entity_patch(kind: Kind, item: Mapping[str, Any]) -> Patch:
    values = _plain(item)
    if values.get("labels") is not None:
        values["labels"] = {label["language"]: label["value"] for label in values["labels"]}
    return Patch(item["id"], kind, values)


def _name(item: Mapping[str, Any]) -> RelationName:
    return RelationName(item["relation"], item["subject"], item["object"], item.get("role"), item.get("impact"))


def _plain(value: Any) -> Any:
    """The value as graph lines have it."""
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, Mapping):
        return {key: _plain(held) for key, held in value.items()}
    return list(map(_plain, value)) if isinstance(value, list) else value


def _key(given: Mapping[str, Any], author: str | None) -> Key | None:
    key = given.get("idempotencyKey")
    if key is None:
        return None
    asked = {name: _plain(value) for name, value in given.items() if name != "idempotencyKey"}
    digest = blake2b(msgspec.json.encode(asked, order="deterministic"), digest_size=16).digest()
    return Key(msgspec.json.encode((author, key)).decode(), digest)
