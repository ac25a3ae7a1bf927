"""Specifies graph/rules.py: what may be said, against the vocabulary, the small world and what else is written."""

from itertools import pairwise
from typing import Any

import pytest

from graph.errors import Refused
from graph.graph import Graph
from graph.model import Line, RelationName, Unrelate, Write
from graph.parse import write
from graph.vocabulary import PartnerRole, RelationKind
from tests.graph.conftest import text_of

Given = dict[str, Any] | Write


def as_lines(*given: Given) -> list[Line]:
    """Writes as the lines of a file, counted from 1."""
    return [Line(write(line) if isinstance(line, dict) else line, number) for number, line in enumerate(given, 1)]


def relation(kind: str, subject: str, object: str, **attributes: Any) -> dict[str, Any]:
    return {"relation": kind, "subject": subject, "object": object, **attributes}


def place(id: str) -> dict[str, Any]:
    return {"id": id, "kind": "PLACE", "name": id, "type": "TOWN"}


def metric(id: str) -> dict[str, Any]:
    return {"id": id, "kind": "METRIC", "name": id, "unit": "x", "startedOn": "2023", "endedOn": "2023"}


def refused(graph: Graph, *given: Given) -> list[str]:
    """The faults of a write. Whatever they are, nothing may have changed."""
    before, version = text_of(graph), graph.version
    with pytest.raises(Refused) as caught:
        graph.apply(as_lines(*given))
    assert (text_of(graph), graph.version) == (before, version)
    return str(caught.value).splitlines()


def accepted(graph: Graph, *given: Given) -> None:
    version = graph.version
    graph.apply(as_lines(*given))
    assert graph.version == version + 1


# Ends


@pytest.mark.parametrize(
    ("end", "ends"), [("subject", ("project:x", "country:ML")), ("object", ("project:koro", "country:XX"))]
)
def test_both_ends_of_a_relation_must_be_known(small, end, ends):
    id = ends[0] if end == "subject" else ends[1]
    assert refused(small, relation("LOCATED_IN", *ends)) == [
        f"line 1: LOCATED_IN has the {end} {id!r}, which is not known. Check the id, or add the entity."
    ]


def test_both_ends_are_told_if_both_are_unknown(small):
    assert len(refused(small, relation("LOCATED_IN", "a", "b"))) == 2


def test_a_line_may_refer_to_a_later_one(small):
    accepted(small, relation("PART_OF", "place:x", "place:y"), place("place:x"), place("place:y"))


def test_an_end_may_not_go_in_the_same_write(small):
    assert refused(small, relation("LOCATED_IN", "project:koro", "country:BF"), {"remove": "country:BF"}) == [
        "line 1: LOCATED_IN has the object 'country:BF', which is removed on line 2."
    ]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            relation("LOCATED_IN", "partner:msf", "country:ML"),
            "LOCATED_IN cannot lead from a PARTNER to a COUNTRY. It permits PROJECT -> COUNTRY or PLACE.",
        ),
        (
            relation("LOCATED_IN", "country:ML", "project:koro"),
            "LOCATED_IN cannot lead from a COUNTRY to a PROJECT. It permits PROJECT -> COUNTRY or PLACE.",
        ),
        (
            relation("OPERATES_IN", "partner:msf", "place:koro"),
            "OPERATES_IN cannot lead from a PARTNER to a PLACE. It permits PARTNER -> COUNTRY.",
        ),
        (
            relation("PART_OF", "country:BF", "country:ML"),
            "PART_OF cannot lead from a COUNTRY to a COUNTRY."
            " It permits PLACE -> COUNTRY or PLACE, COUNTRY -> PLACE, PARTNER -> PARTNER.",
        ),
        (
            relation("FOLLOWED", "event:flood", "project:koro"),
            "FOLLOWED cannot lead from a EVENT to a PROJECT. It permits EVENT -> EVENT.",
        ),
    ],
)
def test_ends_must_be_of_the_kinds_that_the_relation_permits(small, line, told):
    assert f"line 1: {told}" in refused(small, line)


def test_a_source_cites_nothing(small):
    (told,) = refused(small, relation("CITES", "source:report", "source:report"))
    assert told.startswith("line 1: CITES cannot lead from a SOURCE to a SOURCE.")


# Attributes

CARRIED = {
    "role": "FUNDING", "impact": "LOOTED", "since": "2020", "until": "2021", "percentage": 50, "locator": "p. 1",
    "sources": ["source:report"],
}  # fmt: skip
PERMITTED = {
    ("PART_OF", "partner:moh", "partner:msf"): {"sources"},
    ("LOCATED_IN", "project:koro", "country:BF"): {"percentage", "sources"},
    ("OCCURRED_IN", "event:flood", "country:BF"): {"sources"},
    ("AFFECTED", "event:flood", "country:BF"): {"impact", "sources"},
    ("DISPLACED_FROM", "event:flood", "country:ML"): {"sources"},
    ("FOLLOWED", "event:attack", "event:flood"): {"sources"},
    ("PARTICIPATES_IN", "partner:moh", "project:koro"): {"role", "since", "until", "sources"},
    ("OPERATES_IN", "partner:moh", "country:ML"): {"since", "until", "sources"},
    ("ABOUT", "metric:ml-2023", "country:ML"): {"sources"},
    ("MEASURES", "metric:ml-2023", "indicator:consultations"): {"sources"},
    ("CITES", "project:koro", "source:report"): {"locator"},
}


@pytest.mark.parametrize("attribute", CARRIED)
@pytest.mark.parametrize("ends", PERMITTED, ids=lambda ends: ends[0])
def test_a_relation_carries_what_its_kind_permits_and_nothing_else(small, ends, attribute):
    line = relation(*ends, **{attribute: CARRIED[attribute]})
    if attribute in PERMITTED[ends]:
        accepted(small, line)
    else:
        allowed = ", ".join(sorted(PERMITTED[ends]))
        # A role or an impact is part of a relation's name, so that a second ABOUT would be a further fault.
        assert f"line 1: {ends[0]} carries no {attribute}. It may carry {allowed}." in refused(small, line)


@pytest.mark.parametrize(
    ("sources", "told"),
    [
        (["source:x"], "LOCATED_IN has the source 'source:x', which is not known. Check the id, or add the entity."),
        (["country:ML"], "LOCATED_IN has the source 'country:ML', which is a COUNTRY, not a SOURCE."),
    ],
)
def test_what_states_a_relation_must_be_a_source(small, sources, told):
    line = relation("LOCATED_IN", "project:koro", "country:BF", sources=["source:report", *sources])
    assert refused(small, line) == [f"line 1: {told}"]


# Names


@pytest.mark.parametrize(
    ("first", "second", "name"),
    [
        (place("place:x"), place("place:x"), "place:x"),
        (place("place:x"), {**place("place:x"), "name": "Other"}, "place:x"),
        (place("place:koro"), {"remove": "place:koro"}, "place:koro"),
        ({"remove": "place:koro"}, place("place:koro"), "place:koro"),
        ({"remove": "partner:moh"}, {"remove": "partner:moh"}, "partner:moh"),
        (
            relation("PARTICIPATES_IN", "partner:moh", "project:koro", role="FUNDING"),
            relation("PARTICIPATES_IN", "partner:moh", "project:koro", role="FUNDING", since="2020"),
            "partner:moh PARTICIPATES_IN project:koro as FUNDING",
        ),
        (
            relation("AFFECTED", "event:attack", "project:bamako", impact="ATTACKED"),
            Unrelate(write(relation("AFFECTED", "event:attack", "project:bamako", impact="ATTACKED")).name),
            "event:attack AFFECTED project:bamako as ATTACKED",
        ),
    ],
)
def test_one_name_is_written_once(small, first, second, name):
    told = refused(small, place("place:y"), first, second)
    assert f"line 3: {name} is written twice, here and on line 2. Keep one of the two." in told


def test_another_role_or_impact_is_another_relation(small):
    accepted(
        small,
        relation("PARTICIPATES_IN", "partner:moh", "project:koro", role="FUNDING"),
        relation("PARTICIPATES_IN", "partner:moh", "project:koro", role="EXTENDING"),
        relation("PARTICIPATES_IN", "partner:moh", "project:koro"),
        relation("AFFECTED", "event:flood", "country:BF", impact="DAMAGED"),
        relation("AFFECTED", "event:flood", "country:BF"),
    )


def test_an_id_keeps_its_kind(small):
    line = {"id": "place:koro", "kind": "PROJECT", "name": "Koro"}
    assert "line 1: place:koro is a PLACE in the store, not a PROJECT. Choose another id." in refused(small, line)


# Exactly one ABOUT and MEASURES, at most one PART_OF


def test_a_metric_needs_what_it_is_about_and_what_it_measures(small):
    assert refused(small, metric("metric:x")) == [
        "line 1: metric:x needs exactly one ABOUT relation and has none. Add the line that gives it.",
        "line 1: metric:x needs exactly one MEASURES relation and has none. Add the line that gives it.",
    ]
    accepted(
        small,
        relation("MEASURES", "metric:x", "indicator:consultations"),
        relation("ABOUT", "metric:x", "project:koro"),
        metric("metric:x"),
    )


@pytest.mark.parametrize(
    ("kind", "subject", "stored", "other"),
    [
        ("ABOUT", "metric:ml-2023", "country:ML", "country:BF"),
        ("PART_OF", "place:koro", "place:mopti", "country:BF"),
        ("PART_OF", "country:ML", "place:africa", "place:mopti"),
    ],
)
def test_where_one_may_leave_a_second_is_refused(small, kind, subject, stored, other):
    (first, *_) = refused(small, relation(kind, subject, other))
    assert first == f"line 1: Only one {kind} may leave {subject}, and it leads to {stored} too. Keep one of them."


def test_of_two_lines_that_exclude_each_other_both_are_told(small):
    assert refused(
        small,
        {"id": "partner:x", "kind": "PARTNER", "name": "X", "type": "OTHER"},
        relation("PART_OF", "partner:x", "partner:msf"),
        relation("PART_OF", "partner:x", "partner:moh"),
    ) == [
        "line 2: Only one PART_OF may leave partner:x, and it leads to partner:moh too. Keep one of them.",
        "line 3: Only one PART_OF may leave partner:x, and it leads to partner:msf too. Keep one of them.",
    ]


def test_one_may_take_the_place_of_another_that_goes_in_the_same_write(small):
    stored = RelationName(RelationKind.PART_OF, "place:koro", "place:mopti")
    accepted(small, Unrelate(stored), relation("PART_OF", "place:koro", "country:BF"))
    accepted(small, {"remove": "country:ML"}, relation("ABOUT", "metric:ml-2023", "country:BF"))


def test_the_same_relation_again_is_not_a_second_one(small):
    accepted(small, relation("PART_OF", "place:koro", "place:mopti", sources=["source:report"]))


# Circles


def test_part_of_leads_in_no_circle(small):
    ends = ["place:a", "place:b", "place:c"]
    steps = [relation("PART_OF", a, b) for a, b in zip(ends, [*ends[1:], ends[0]], strict=True)]
    assert refused(small, *map(place, ends), *steps) == [
        f"line {number}: PART_OF goes in a circle: {way}. Leave one of its steps out."
        for number, way in [
            (4, "place:a -> place:b -> place:c -> place:a"),
            (5, "place:b -> place:c -> place:a -> place:b"),
            (6, "place:c -> place:a -> place:b -> place:c"),
        ]
    ]


def test_nothing_is_part_of_itself(small):
    assert refused(small, place("place:a"), relation("PART_OF", "place:a", "place:a")) == [
        "line 2: PART_OF goes in a circle: place:a -> place:a. Leave one of its steps out."
    ]


def test_a_circle_is_seen_where_most_of_it_is_stored(small):
    line = relation("PART_OF", "place:africa", "place:koro")
    assert refused(small, line) == [
        "line 1: PART_OF goes in a circle:"
        " place:africa -> place:koro -> place:mopti -> country:ML -> place:africa. Leave one of its steps out."
    ]


def test_a_circle_that_the_same_write_opens_is_none(small):
    opened = Unrelate(RelationName(RelationKind.PART_OF, "country:ML", "place:africa"))
    accepted(small, opened, relation("PART_OF", "place:africa", "place:koro"))


def test_what_leads_into_a_circle_is_no_part_of_it(small):
    ends = ["place:a", "place:b", "place:c"]
    steps = [("place:c", "place:a"), ("place:a", "place:b"), ("place:b", "place:a")]
    told = refused(small, *map(place, ends), *(relation("PART_OF", *step) for step in steps))
    assert [line.split(":")[0] for line in told] == ["line 5", "line 6"]


def test_a_long_circle_is_told_in_part(small):
    ids = [f"place:{number}" for number in range(3_000)]
    ring = [relation("PART_OF", a, b) for a, b in zip(ids, [*ids[1:], ids[0]], strict=True)]
    told = refused(small, *map(place, ids), *ring)
    assert len(told) == Refused.MOST + 1
    assert told[0].endswith("place:8 -> place:9 -> ... -> place:0. Leave one of its steps out.")
    assert told[-1] == "and 2000 more faults"


def test_a_chain_may_be_as_long_as_it_likes(small):
    ids = [f"place:{number}" for number in range(3_000)]
    chain = [relation("PART_OF", a, b) for a, b in pairwise(ids)]
    accepted(small, *map(place, ids), *chain)


# Removals


@pytest.mark.parametrize(("id", "kind"), [("country:ML", "ABOUT"), ("indicator:consultations", "MEASURES")])
def test_what_a_metric_needs_stays_unless_the_metric_goes_too(small, id, kind):
    assert refused(small, {"remove": id}) == [
        f"line 1: metric:ml-2023 would lose its {kind} relation. Remove it in the same step, or give it another."
    ]
    accepted(small, {"remove": id}, {"remove": "metric:ml-2023"})


@pytest.mark.parametrize(("kind", "object"), [("ABOUT", "country:ML"), ("MEASURES", "indicator:consultations")])
def test_nor_may_the_relation_itself_go(small, kind, object):
    name = RelationName(RelationKind[kind], "metric:ml-2023", object)
    assert refused(small, Unrelate(name)) == [
        f"line 1: metric:ml-2023 would lose its {kind} relation. Remove it in the same step, or give it another."
    ]


def test_anything_else_may_go(small):
    accepted(small, {"remove": "project:bamako"}, {"remove": "source:report"}, {"remove": "place:mopti"})
    accepted(
        small, Unrelate(RelationName(RelationKind.PARTICIPATES_IN, "partner:msf", "project:koro", PartnerRole.FUNDING))
    )


# Telling


def test_every_fault_is_told_in_the_order_of_the_lines(small):
    told = refused(
        small,
        relation("LOCATED_IN", "project:koro", "country:XX"),
        metric("metric:x"),
        relation("PART_OF", "place:africa", "place:koro"),
        relation("PART_OF", "place:koro", "country:BF"),
        place("place:x"),
        place("place:x"),
        {"remove": "indicator:consultations"},
    )
    assert [line.split(":")[0] for line in told] == [f"line {number}" for number in (1, 2, 2, 4, 6, 7)]


def test_after_a_thousand_faults_the_rest_is_counted(small):
    told = refused(small, *(relation("CITES", f"project:{number}", "source:report") for number in range(1_234)))
    assert len(told) == 1_001
    assert told[999].startswith("line 1000: ")
    assert told[1000] == "and 234 more faults"


def test_without_a_file_a_fault_names_what_it_is_about(small):
    with pytest.raises(Refused) as caught:
        small.apply([write(relation("LOCATED_IN", "project:koro", "country:XX"))])
    assert str(caught.value).startswith("project:koro LOCATED_IN country:XX: LOCATED_IN has the object 'country:XX'")


def test_a_fault_is_one_line_whatever_is_in_an_id(small):
    hostile = "place:\n\x1b[31m\u2028\u202eevil"
    accepted(small, place(hostile))
    (told,) = refused(small, {"id": hostile, "kind": "PROJECT", "name": "X"})
    assert told.startswith(r"line 1: place:\n\x1b[31m\u2028\u202eevil is a PLACE in the store, not a PROJECT.")
    assert told.isprintable()


def test_what_only_fails_because_of_a_line_nobody_can_read_is_no_fault_of_its_own(small):
    lines = as_lines(relation("LOCATED_IN", "project:x", "country:ML"), metric("metric:x"))
    assert len(small.check(lines)) == 3
    assert small.check(lines, suspects={"project:x", "metric:x"}) == []
