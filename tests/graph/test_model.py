"""Specifies graph/model.py: records are values, names come in languages, a relation has a name, a source a citation."""

from random import Random

import msgspec
import pytest

from graph.model import RECORDS, Code, Entity, Label, Project, Relation, RelationName, Source
from graph.parse import write
from graph.vocabulary import Impact, Kind, PartnerRole, RelationKind, SourceType

LABELS = {"fr": "Mali", "fr-CA": "le Mali", "zh-Hant": "馬利", "AR": "مالي"}


def mali(labels: dict[str, str] = LABELS) -> Entity:
    record = write(
        {"id": "country:ML", "kind": "COUNTRY", "name": "Mali!", "code": "ML", "alpha3": "MLI", "labels": labels}
    )
    assert isinstance(record, Entity)
    return record


@pytest.mark.parametrize(
    ("languages", "label"),
    [
        (["fr"], Label("Mali", "fr", False)),
        (["FR"], Label("Mali", "fr", False)),
        (["fr-CA"], Label("le Mali", "fr-CA", False)),
        (["fr-BE"], Label("Mali", "fr", False)),
        (["fr-Latn-BE-x-old"], Label("Mali", "fr", False)),
        (["ar"], Label("مالي", "AR", False)),
        (["pt", "ar", "fr"], Label("مالي", "AR", False)),
        (["zh-Hant-TW"], Label("馬利", "zh-Hant", False)),
        (["zh"], Label("Mali!", None, True)),  # a wider tag does not stand for a narrower one
        (["zh-Hans"], Label("Mali!", None, True)),
        (["f", "fra", "fr_CA", "", "-", "*"], Label("Mali!", None, True)),
        ([], Label("Mali!", None, True)),
    ],
)
def test_the_first_language_that_is_known_gives_the_name(languages, label):
    assert mali().label(languages) == label


def test_without_labels_the_plain_name_stands_in():
    assert mali({}).label(["fr", "en"]) == Label("Mali!", None, True)


def test_two_tags_that_differ_in_case_answer_the_same_in_whatever_order_they_came():
    assert mali({"fr": "a", "FR": "b"}).label(["fr"]) == mali({"FR": "b", "fr": "a"}).label(["fr"])


@pytest.mark.parametrize(
    ("values", "citation"),
    [
        ({"name": "Activity report"}, "Unknown publisher (n.d.). Activity report."),
        ({"name": "Why?", "publisher": "MSF"}, "MSF (n.d.). Why?"),
        ({"name": "Done.", "publisher": "MSF", "published_on": "2024-05"}, "MSF (2024-05). Done."),
        (
            {"name": "Mali", "publisher": "MSF", "url": "https://msf.example/ml", "accessed_on": "2025-01-02"},
            "MSF (n.d.). Mali. https://msf.example/ml (accessed 2025-01-02)",
        ),
    ],
)
def test_a_citation_is_one_line_ready_to_print(values, citation):
    assert Source(id="source:x", type=SourceType.REPORT, **values).citation == citation


def test_a_metric_belongs_to_the_year_in_which_its_period_starts():
    line = {"id": "metric:x", "kind": "METRIC", "name": "X", "unit": "x", "startedOn": "2023-07", "endedOn": "2024-06"}
    assert write(line).year == 2023


@pytest.mark.parametrize(
    ("relation", "told"),
    [
        (Relation(RelationKind.LOCATED_IN, "project:x", "country:ML"), "project:x LOCATED_IN country:ML"),
        (
            Relation(RelationKind.PARTICIPATES_IN, "partner:x", "project:x", role=PartnerRole.FUNDING),
            "partner:x PARTICIPATES_IN project:x as FUNDING",
        ),
        (
            Relation(RelationKind.AFFECTED, "event:x", "project:x", impact=Impact.CLOSED),
            "event:x AFFECTED project:x as CLOSED",
        ),
    ],
)
def test_a_relation_is_named_by_its_kind_and_ends_with_role_or_impact(relation, told):
    assert str(relation.name) == told


def test_what_else_a_relation_says_is_no_part_of_its_name():
    bare = Relation(RelationKind.LOCATED_IN, "project:x", "country:ML")
    assert bare.name == msgspec.structs.replace(bare, percentage=50.0, sources=("source:x",)).name


def test_relations_stand_by_kind_subject_object_then_role_and_impact_in_list_order_the_missing_last():
    ordered = [
        RelationName(RelationKind.PART_OF, "z", "z"),
        RelationName(RelationKind.LOCATED_IN, "a", "b"),
        RelationName(RelationKind.LOCATED_IN, "a", "c"),
        RelationName(RelationKind.LOCATED_IN, "b", "a"),
        RelationName(RelationKind.AFFECTED, "a", "a", impact=Impact.ATTACKED),
        RelationName(RelationKind.AFFECTED, "a", "a", impact=Impact.OTHER),
        RelationName(RelationKind.AFFECTED, "a", "a"),
        RelationName(RelationKind.PARTICIPATES_IN, "a", "a", PartnerRole.FUNDING),
        RelationName(RelationKind.PARTICIPATES_IN, "a", "a", PartnerRole.ACCOUNTABLE),
        RelationName(RelationKind.PARTICIPATES_IN, "a", "a"),
        RelationName(RelationKind.CITES, "a", "a"),
    ]
    assert sorted(Random(1).sample(ordered, len(ordered)), key=lambda name: name.sort_key) == ordered


def test_every_kind_has_a_record_in_the_order_of_the_kinds():
    assert list(RECORDS) == list(Kind)
    assert [record.kind for record in RECORDS.values()] == list(Kind)


@pytest.mark.parametrize("record", [*RECORDS.values(), Relation, Code])
def test_records_are_values(record):
    config = record.__struct_config__
    assert (config.frozen, config.eq, config.forbid_unknown_fields) == (True, True, True)


def test_a_record_cannot_be_changed():
    project = Project(id="project:x", name="X")
    with pytest.raises(AttributeError, match="immutable"):
        project.name = "Y"
