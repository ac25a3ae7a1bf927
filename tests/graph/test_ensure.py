"""Specifies `Ensure`: what files share is there after they were read, and nothing of what was known is overwritten."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.errors import Refused
from graph.graph import Graph
from graph.model import Ensure, Remove
from graph.parse import write
from tests.conftest import graph_of
from tests.graph.conftest import text_of

MSF = {
    "id": "partner:msf",
    "kind": "PARTNER",
    "name": "Médecins Sans Frontières",
    "type": "INTERNATIONAL_NGO",
    "aliases": ["Doctors Without Borders"],
    "labels": {"ar": "أطباء بلا حدود"},
    "identifiers": [{"vocabulary": "org-id", "code": "FR-1"}],
}


def ensure(**values: object) -> Ensure:
    record = write(values)
    return Ensure(record)  # type: ignore[arg-type]


def test_what_is_not_there_is_created_and_then_left_as_it_is() -> None:
    graph = Graph.in_memory()
    wanted = ensure(**MSF)
    assert graph.apply([wanted, wanted]).created == 1
    assert graph.apply([wanted])[:5] == (1, 0, 0, 0, 1)
    assert graph.engine.entity("partner:msf") == wanted.record


def test_what_is_there_is_completed_and_nothing_of_it_is_overwritten() -> None:
    graph = graph_of([MSF])
    told = {"id": "partner:msf", "kind": "PARTNER", "type": "OTHER", "acronym": "MSF", "summary": "Medical aid"}
    graph.apply([ensure(**told, name="MSF"), ensure(**{**told, "acronym": "M.S.F.", "name": "Artsen zonder Grenzen"})])
    graph.apply(
        [
            ensure(**{**told, "summary": "Another"}, name="MEDECINS sans frontieres"),
            ensure(
                **told,
                name="Doctors without borders",
                labels={"ar": "?", "fr": "MSF"},
                identifiers=[
                    {"vocabulary": "org-id", "code": "FR-1", "label": "again"},
                    {"vocabulary": "x", "code": "1"},
                ],
            ),
        ]
    )
    after = graph.engine.entity("partner:msf")
    assert after == write(
        {
            **MSF,
            "acronym": "MSF",
            "summary": "Medical aid",
            "aliases": ["Doctors Without Borders", "Artsen zonder Grenzen"],
            "labels": {**MSF["labels"], "fr": "MSF"},  # type: ignore[dict-item]
            "identifiers": [*MSF["identifiers"], {"vocabulary": "x", "code": "1"}],  # type: ignore[misc]
        }
    )


def test_a_type_that_is_not_known_is_learned() -> None:
    graph = graph_of([{**MSF, "type": "OTHER"}])
    graph.apply([ensure(id="partner:msf", kind="PARTNER", name="MSF", type="INTERNATIONAL_NGO")])
    assert graph.engine.entity("partner:msf").type == "INTERNATIONAL_NGO"  # type: ignore[union-attr]


def test_sources_of_a_relation_are_joined() -> None:
    sources = [{"id": f"source:{n}", "kind": "SOURCE", "name": "S", "type": "REPORT"} for n in "ab"]
    project = {"id": "project:x", "kind": "PROJECT", "name": "X"}
    relation = {"relation": "PARTICIPATES_IN", "subject": "partner:msf", "object": "project:x"}
    graph = graph_of([MSF, project, *sources, {**relation, "since": "2020", "sources": ["source:b"]}])
    graph.apply([ensure(**relation, since="2021", until="2024", sources=["source:a"])])
    (held,) = graph.engine.all_relations()
    assert held == write({**relation, "since": "2020", "until": "2024", "sources": ["source:a", "source:b"]})


def test_what_lies_in_something_already_stays_there() -> None:
    places = [{"id": f"place:{n}", "kind": "PLACE", "name": n, "type": "TOWN"} for n in "abcd"]
    lies_in_b = {"relation": "PART_OF", "subject": "place:a", "object": "place:b"}
    graph = graph_of([*places, lies_in_b])
    assert graph.apply([ensure(**{**lies_in_b, "object": "place:c"})]).version == 1
    assert graph.apply([ensure(**{**lies_in_b, "subject": "place:d"})]).version == 2
    with pytest.raises(Refused):  # what is told of something new must not contradict itself
        graph.apply([ensure(**{**lies_in_b, "subject": "place:c", "object": id}) for id in ("place:a", "place:b")])


def test_what_is_written_in_full_in_the_same_edit_is_completed_whatever_the_order() -> None:
    full, wanted = write(MSF), ensure(id="partner:msf", kind="PARTNER", name="MSF", type="OTHER", acronym="MSF")
    for writes in ([full, wanted], [wanted, full]):
        graph = Graph.in_memory()
        graph.apply(writes)
        assert graph.engine.entity("partner:msf") == write(
            {**MSF, "acronym": "MSF", "aliases": ["Doctors Without Borders"]}
        )


def test_another_kind_or_a_removal_in_the_same_edit_is_refused() -> None:
    graph = graph_of([MSF])
    for writes in (
        [ensure(id="partner:msf", kind="PROJECT", name="X")],
        [Remove("partner:msf"), ensure(**MSF)],
        [ensure(id="x", kind="PROJECT", name="X"), ensure(id="x", kind="SOURCE", name="X", type="REPORT")],
    ):
        with pytest.raises(Refused):
            graph.apply(writes)


names = st.sampled_from(["Koro", "KORO", "Kóro", "Mopti", ""])
told = st.fixed_dictionaries(
    {"name": names.filter(bool)},
    optional={
        "summary": st.sampled_from(["a", "b"]),
        "aliases": st.lists(names, max_size=2),
        "latitude": st.sampled_from([1.0, 2.0]),
        "labels": st.dictionaries(st.sampled_from(["fr", "ar"]), names, max_size=2),
    },
)


@given(st.lists(told, min_size=1, max_size=4), st.integers(0, 4))
def test_however_it_is_parted_into_edits_it_comes_to_the_same_and_again_to_nothing(asked, cut) -> None:  # type: ignore[no-untyped-def]
    wanted = [ensure(id="place:x", kind="PLACE", type="TOWN", **values) for values in asked]
    at_once, parted = Graph.in_memory(), Graph.in_memory()
    at_once.apply(wanted)
    for part in (wanted[:cut], wanted[cut:]):
        parted.apply(part)
    assert text_of(at_once) == text_of(parted)
    version = at_once.version
    assert at_once.apply(wanted).version == version
