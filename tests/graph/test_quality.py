"""Specifies graph/quality/: what each rule finds and leaves alone, in which order, once for each version."""

import gc
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import combinations, permutations
from typing import Any, NamedTuple

import pytest
from hypothesis import given, note

from graph.engine import Finding, settle
from graph.graph import Graph
from graph.journal.memory import MemoryJournal
from graph.model import Write
from graph.parse import write
from graph.plan import WHOLE, Page, fits_findings
from graph.quality.checkup import Checkup
from graph.quality.table import RULES
from graph.values import fold, span
from graph.vocabulary import FindingSeverity
from seed.load import records
from tests.api.stage import permits, writes
from tests.oracle import Line, Oracle, applied
from tests.worlds import COMMIT, WORLD, Choices, choices, commit, examples, world

TODAY = datetime(2026, 11, 22, 9, tzinfo=UTC)


def graph_of(lines: list[Line]) -> Graph:
    """A graph with these lines, looked at on a day that is always the same."""
    graph = Graph(MemoryJournal(), lambda: TODAY)
    graph.apply(write(line) for line in lines)
    return graph


def findings(graph: Graph, page: Page = WHOLE) -> list[Finding]:
    return list(settle(graph.engine.findings(page)).findings)


def found(lines: list[Line], rule: str) -> list[tuple[str, ...]]:
    return [tuple(finding.entities) for finding in findings(graph_of(lines)) if finding.rule == rule]


# Lines


def entity(id: str, **attributes: Any) -> Line:
    """An entity of the kind that its id begins with, and what such a one cannot do without."""
    kind = id.partition(":")[0].upper()
    needed: dict[str, Line] = {
        "COUNTRY": {"code": "ML", "alpha3": "MLI"},
        "PLACE": {"type": "TOWN"},
        "EVENT": {"type": "FLOOD"},
        "PARTNER": {"type": "GOVERNMENT"},
        "INDICATOR": {"code": id, "unit": "people", "countBasis": "INDIVIDUALS"},
        "SOURCE": {"type": "REPORT"},
    }
    return {"id": id, "kind": kind, "name": id, **needed.get(kind, {}), **attributes}


def relation(kind: str, subject: str, object: str, **attributes: Any) -> Line:
    return {"relation": kind, "subject": subject, "object": object, **attributes}


def metric(
    short: str, value: float | None, /, *sources: str, subject: str = "country:ML", **attributes: Any
) -> list[Line]:
    """A metric of "indicator:i" unless another is named, and its relations."""
    id, indicator = f"metric:{short}", attributes.pop("indicator", "indicator:i")
    period = {"unit": "people", "startedOn": "2023", "endedOn": "2023"}
    return [
        {"id": id, "kind": "METRIC", "name": short, "value": value, **period, **attributes},
        relation("ABOUT", id, subject),
        relation("MEASURES", id, indicator),
        *(relation("CITES", id, source) for source in sources),
    ]


MALI = [entity("country:ML", numeric="466"), entity("indicator:i"), entity("source:a"), entity("source:b")]
KORO = [*MALI, entity("place:koro"), relation("PART_OF", "place:koro", "country:ML")]


def located(**percentages: float) -> list[Line]:
    places = [entity(f"place:{name}") for name in percentages]
    shares = [
        relation("LOCATED_IN", "project:x", f"place:{name}", percentage=share) for name, share in percentages.items()
    ]
    return [entity("project:x"), *places, *shares]


def in_mali(kind: str, id: str, **attributes: Any) -> list[Line]:
    return [entity(id, **attributes), relation(kind, id, "country:ML")]


# What each rule finds


class Case(NamedTuple):
    """A graph, and whom a rule finds in it."""

    rule: str
    what: str
    lines: list[Line]
    ids: list[tuple[str, ...]] = []  # noqa: RUF012  # it is never altered


FIRES = [
    Case("contradicting-sources", "two", [*MALI, *metric("x", 1, "source:a"), *metric("y", 2, "source:b")],
         [("metric:x", "metric:y")]),
    Case("contradicting-sources", "of one span said in two ways",
         [*MALI, *metric("x", 1, "source:a"), *metric("y", 2, "source:b", startedOn="2023-01", endedOn="2023-12-31")],
         [("metric:x", "metric:y")]),
    Case("contradicting-sources", "all that differ from somebody, nobody else",
         [*MALI, *metric("x", 1, "source:a"), *metric("y", 2, "source:b"), *metric("z", 3, "source:a"),
          *metric("none", 4)],
         [("metric:x", "metric:y", "metric:z")]),
    Case("contradicting-sources", "sources that overlap", [*MALI, *metric("x", 1, "source:a", "source:b"),
         *metric("y", 2, "source:b")], [("metric:x", "metric:y")]),
    Case("coordinates-out-of-range", "too far north", [entity("place:x", latitude=91, longitude=0)], [("place:x",)]),
    Case("coordinates-out-of-range", "too far west", [entity("country:x", longitude=-180.5)], [("country:x",)]),
    Case("date-out-of-range", "before there was anything", [entity("event:x", startedOn="1066-10-14")], [("event:x",)]),
    Case("date-out-of-range", "too far ahead", [entity("project:x", endedOn="2057")], [("project:x",)]),
    Case("date-out-of-range", "read tomorrow", [entity("source:x", accessedOn="2026-11-24")], [("source:x",)]),
    Case("date-out-of-range", "of a relation",
         [entity("country:ML"), entity("partner:x"), relation("OPERATES_IN", "partner:x", "country:ML", since="0203")],
         [("partner:x", "country:ML")]),
    Case("doubled-code", "an identifier",
         [entity(f"partner:{one}", identifiers=[{"vocabulary": "org-id", "code": "XM-1"}]) for one in "ba"],
         [("partner:a", "partner:b")]),
    Case("doubled-code", "a country's", [entity("country:a"), entity("country:b", alpha3="FRA")],
         [("country:a", "country:b")]),
    Case("doubled-code", "an indicator's", [entity("indicator:a", code="x"), entity("indicator:b", code="x")],
         [("indicator:a", "indicator:b")]),
    Case("doubled-code", "a GLIDE number",
         [entity("event:a", glides=["FL-2024-000178-MLI"]),
          entity("event:b", identifiers=[{"vocabulary": "GLIDE", "code": "FL-2024-000178-MLI"}])],
         [("event:a", "event:b")]),
    Case("doubled-entity", "without a country", [entity("partner:a", name="Élan"), entity("partner:b", name="ELAN")],
         [("partner:a", "partner:b")]),
    Case("doubled-entity", "in one of several countries",
         [*KORO, *in_mali("OCCURRED_IN", "event:a", name="Flood"), entity("event:b", name="Flood"),
          relation("OCCURRED_IN", "event:b", "place:koro")], [("event:a", "event:b")]),
    Case("doubled-entity", "places of one type", [*KORO, *in_mali("PART_OF", "place:b", name="place:koro")],
         [("place:b", "place:koro")]),
    Case("doubled-entity", "partners of projects there",
         [*MALI, *in_mali("LOCATED_IN", "project:x"), entity("partner:a", name="X"),
          relation("PARTICIPATES_IN", "partner:a", "project:x"), *in_mali("OPERATES_IN", "partner:b", name="X")],
         [("partner:a", "partner:b")]),
    Case("doubled-entity", "pages of one publisher",
         [entity("source:x", name="Mali", publisher="A"), entity("source:y", name="Mali", publisher="a")],
         [("source:x", "source:y")]),
    Case("doubled-entity", "countries", [entity("country:a", name="X"), entity("country:b", name="X", code="BF")],
         [("country:a", "country:b")]),
    Case("doubled-metric", "of one source", [*MALI, *metric("x", 1, "source:a"), *metric("y", 1, "source:a")],
         [("metric:x", "metric:y")]),
    Case("doubled-metric", "of none", [*MALI, *metric("x", 1), *metric("y", 1.0)], [("metric:x", "metric:y")]),
    Case("ends-before-start", "a project", [entity("project:x", startedOn="2023", endedOn="2022-12-31")],
         [("project:x",)]),
    Case("ends-before-start", "a period", [*MALI, *metric("x", 1, endedOn="2022")], [("metric:x",)]),
    Case("ends-before-start", "a relation",
         [entity("country:ML"), entity("partner:x"),
          relation("OPERATES_IN", "partner:x", "country:ML", since="2020-02", until="2020-01-31")],
         [("partner:x", "country:ML")]),
    Case("glide-out-of-shape", "without its country", [entity("event:x", glides=["FL-2024-000178"])], [("event:x",)]),
    Case("glide-out-of-shape", "an identifier",
         [entity("event:x", identifiers=[{"vocabulary": "Glide", "code": "fl-2024-000178-mli"}])], [("event:x",)]),
    Case("negative-affected", "people", [entity("event:x", affected=-1)], [("event:x",)]),
    Case("negative-count", "a value", [*MALI, *metric("x", -1)], [("metric:x",)]),
    Case("negative-count", "a bound", [*MALI, *metric("x", None, upper=-1)], [("metric:x",)]),
    Case("part-over-whole", "a place and its country", [*KORO, *metric("x", 2, subject="place:koro"), *metric("y", 1)],
         [("metric:x", "metric:y")]),
    Case("part-over-whole", "at any depth, and each that is smaller",
         [*KORO, entity("place:in"), relation("PART_OF", "place:in", "place:koro"), *metric("x", 3, subject="place:in"),
          *metric("y", 2, subject="place:koro"), *metric("z", 2), *metric("zz", 3)],
         [("metric:x", "metric:y", "metric:z")]),
    Case("percentage-out-of-range", "below", located(a=-1), [("project:x", "place:a")]),
    Case("percentage-out-of-range", "above", located(a=100.1, b=5), [("project:x", "place:a")]),
    Case("percentages-over-100", "together", located(a=60, b=40.6), [("project:x",)]),
    Case("reached-over-target", "more", [*MALI, *metric("x", 2), *metric("y", 1, measure="TARGET")],
         [("metric:x", "metric:y")]),
    Case("reached-over-target", "those above one of several, and what they are above",
         [*MALI, *metric("a", 1), *metric("b", 3), *metric("y", 2, measure="TARGET"),
          *metric("z", 3, measure="TARGET")],
         [("metric:b", "metric:y")]),
    Case("unconnected", "but for its source",
         [entity("project:x"), entity("source:a"), relation("CITES", "project:x", "source:a")], [("project:x",)]),
    Case("unknown-country-code", "nobody's", [entity("country:x", code="BX", alpha3="BXX")], [("country:x",)]),
    Case("unknown-country-code", "another's", [entity("country:x", code="BF", alpha3="MLI", numeric="854")],
         [("country:x",)]),
    Case("unsourced", "an entity", [entity("project:x")], [("project:x",)]),
    Case("unsourced", "a relation of one that cites, told with its subject",
         [entity("project:x"), entity("source:a"), entity("country:ML"), relation("CITES", "project:x", "source:a"),
          relation("CITES", "country:ML", "source:a"), relation("LOCATED_IN", "project:x", "country:ML")],
         [("project:x",)]),
    Case("unused-source", "nobody's", [entity("source:a")], [("source:a",)]),
    Case("value-outside-bounds", "below", [*MALI, *metric("x", 1, lower=2)], [("metric:x",)]),
    Case("value-outside-bounds", "above", [*MALI, *metric("x", 3, upper=2)], [("metric:x",)]),
    Case("value-outside-bounds", "exchanged", [*MALI, *metric("x", None, lower=3, upper=2)], [("metric:x",)]),
]  # fmt: skip

SILENT = [
    Case("contradicting-sources", "one source, which has two values",
         [*MALI, *metric("x", 1, "source:a"), *metric("y", 2, "source:a")]),
    Case("contradicting-sources", "two sources, which agree",
         [*MALI, *metric("x", 1, "source:a"), *metric("y", 1, "source:b")]),
    Case("contradicting-sources", "nobody says so", [*MALI, *metric("x", 1, "source:a"), *metric("y", 2)]),
    *(Case("contradicting-sources", f"another {next(iter(other))}",
           [*MALI, entity("indicator:j"), entity("country:BF", code="BF", alpha3="BFA"), *metric("x", 1, "source:a"),
            *metric("y", 2, "source:b", **other)])
      for other in ({"unit": "families"}, {"endedOn": "2024"}, {"measure": "TARGET"}, {"subject": "country:BF"},
                    {"indicator": "indicator:j"})),
    Case("coordinates-out-of-range", "the ends of the Earth", [entity("place:x", latitude=-90, longitude=180)]),
    Case("date-out-of-range", "the first, the last, and a day ahead",
         [entity("event:x", startedOn="1800"), entity("project:x", endedOn="2056-12-31"),
          entity("source:x", publishedOn="2026-11-23", accessedOn="2026")]),
    Case("doubled-code", "of two kinds, of two lists, of one entity",
         [entity("partner:x", identifiers=[{"vocabulary": "A", "code": "1"}, {"vocabulary": "A", "code": "1"}]),
          entity("project:x", identifiers=[{"vocabulary": "A", "code": "1"}]),
          entity("partner:y", identifiers=[{"vocabulary": "B", "code": "1"}])]),
    Case("doubled-entity", "in two countries",
         [*MALI, *in_mali("LOCATED_IN", "project:a", name="Clinic"), entity("country:BF", code="BF", alpha3="BFA"),
          entity("project:b", name="Clinic"), relation("LOCATED_IN", "project:b", "country:BF")]),
    Case("doubled-entity", "in a country, and in none",
         [*MALI, *in_mali("LOCATED_IN", "project:a", name="Clinic"), entity("project:b", name="Clinic")]),
    Case("doubled-entity", "of two kinds", [entity("partner:x", name="X"), entity("project:x", name="X")]),
    Case("doubled-entity", "a town and its district",
         [*MALI, *in_mali("PART_OF", "place:a", name="X"), *in_mali("PART_OF", "place:b", name="X", type="ADMIN2")]),
    Case("doubled-entity", "pages of two publishers",
         [entity("source:x", name="Mali", publisher="A"), entity("source:y", name="Mali", publisher="B")]),
    Case("doubled-entity", "metrics, whose names say little",
         [*MALI, *metric("x", 1, name="M"), *metric("y", 2, name="M")]),
    Case("doubled-metric", "of two sources", [*MALI, *metric("x", 1, "source:a"), *metric("y", 1, "source:b")]),
    Case("doubled-metric", "a target", [*MALI, *metric("x", 1), *metric("y", 1, measure="TARGET")]),
    Case("doubled-metric", "missing values", [*MALI, *metric("x", None), *metric("y", None)]),
    Case("ends-before-start", "within what is not known",
         [entity("project:x", startedOn="2023-06", endedOn="2023"), entity("event:x", startedOn="2023", endedOn="2023"),
          entity("source:x", publishedOn="2024", accessedOn="2023")]),
    Case("glide-out-of-shape", "in shape", [entity("event:x", glides=["FL-2024-000178-MLI"])]),
    Case("negative-affected", "nobody", [entity("event:x", affected=0), entity("event:y")]),
    Case("negative-count", "none; money back",
          [*MALI, entity("indicator:m", countBasis="MONEY"), *metric("x", 0),
          *metric("y", -5, indicator="indicator:m")]),
    Case("part-over-whole", "as much", [*KORO, *metric("x", 1, subject="place:koro"), *metric("y", 1)]),
    Case("part-over-whole", "a rate",
         [*KORO, entity("indicator:r", countBasis="OTHER"),
          *metric("x", 2, subject="place:koro", indicator="indicator:r", unit="%"),
          *metric("y", 1, indicator="indicator:r", unit="%")]),
    Case("part-over-whole", "organisations",
         [*MALI, entity("partner:a"), entity("partner:b"), relation("PART_OF", "partner:a", "partner:b"),
          *metric("x", 2, subject="partner:a"), *metric("y", 1, subject="partner:b")]),
    Case("part-over-whole", "of another period", [*KORO, *metric("x", 2, subject="place:koro", endedOn="2024"),
         *metric("y", 1)]),
    Case("percentage-out-of-range", "all and nothing", located(a=0, b=100)),
    Case("percentages-over-100", "but for rounding", located(a=33.5, b=33.5, c=33.5)),
    Case("reached-over-target", "as aimed", [*MALI, *metric("x", 1), *metric("y", 1, measure="TARGET")]),
    Case("reached-over-target", "a baseline", [*MALI, *metric("x", 2), *metric("y", 1, measure="BASELINE")]),
    Case("unconnected", "led to alone",
         [entity("country:ML"), entity("project:x"), relation("LOCATED_IN", "project:x", "country:ML")]),
    Case("unconnected", "a source", [entity("source:a")]),
    Case("unknown-country-code", "known, and user-assigned",
         [entity("country:ML", numeric="466"), entity("country:XK", code="XK", alpha3="XKX", numeric="983")]),
    Case("unsourced", "a source needs none; a relation that has one",
         [entity("source:a"), entity("project:x"), entity("country:ML"), relation("CITES", "project:x", "source:a"),
          relation("CITES", "country:ML", "source:a"),
          relation("LOCATED_IN", "project:x", "country:ML", sources=["source:a"])]),
    Case("unused-source", "cited, and named by a relation",
         [entity("source:a"), entity("source:b"), entity("project:x"), entity("country:ML"),
          relation("CITES", "project:x", "source:a"),
          relation("LOCATED_IN", "project:x", "country:ML", sources=["source:b"])]),
    Case("value-outside-bounds", "on them", [*MALI, *metric("x", 2, lower=2, upper=2)]),
]  # fmt: skip


@pytest.mark.parametrize("case", FIRES, ids=lambda case: f"{case.rule}: {case.what}")
def test_a_rule_finds(case: Case) -> None:
    assert found(case.lines, case.rule) == case.ids


@pytest.mark.parametrize("case", SILENT, ids=lambda case: f"{case.rule}: {case.what}")
def test_a_rule_leaves_alone(case: Case) -> None:
    assert found(case.lines, case.rule) == []


def test_every_rule_is_shown_both_ways() -> None:
    names = [rule.name for rule in RULES]
    assert {case.rule for case in FIRES} == {case.rule for case in SILENT} == set(names)
    assert len(set(names)) == len(names)


def test_the_seed_has_sources_that_differ_and_nothing_worse() -> None:
    found_in_seed = findings(graph_of(list(records())))
    assert Counter(finding.rule for finding in found_in_seed) == {"contradicting-sources": 19}
    assert {finding.severity for finding in found_in_seed} == {FindingSeverity.WARNING}


MESSAGES = {
    "contradicting-sources: two": "sources differ on one indicator, subject and period: 1 in metric:x by source:a, 2 in"
    " metric:y by source:b. All stay, each with its source; correct the one that was taken down wrongly, or tell in its"
    " summary why it differs.",
    "ends-before-start: a relation": "partner:x OPERATES_IN country:ML ends (until 2020-01-31) before it starts (since"
    " 2020-02). Correct one of the two dates.",
    "doubled-entity: in one of several countries": "2 of kind EVENT in country:ML have the name 'Flood' (event:a,"
    " event:b). Make them one, if they are the same; else give them names that tell them apart.",
    "unknown-country-code: another's": "country:x has the alpha3 'MLI', where ISO 3166-1 has 'BFA'. Correct the code.",
    "percentages-over-100: together": "the places of project:x have 100.6 percent together (place:a 60, place:b 40.6)."
    " Correct the percentages, or leave those of places out that lie in one another.",
}


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_says_what_is_wrong_and_what_to_do(name: str) -> None:
    (case,) = [case for case in FIRES if f"{case.rule}: {case.what}" == name]
    messages = [finding.message for finding in findings(graph_of(case.lines)) if finding.rule == case.rule]
    assert messages == [MESSAGES[name]]


def test_one_finding_tells_all_that_is_bare_about_an_entity_and_counts_what_it_does_not_list() -> None:
    countries = [entity(f"country:{n}", name=str(n)) for n in range(7)]
    worked = [relation("LOCATED_IN", "project:x", f"country:{n}") for n in range(7)]
    told = findings(graph_of([*countries, entity("project:x"), *worked]))
    (message,) = [finding.message for finding in told if finding.entities == ("project:x",)]
    first = ", ".join(f"LOCATED_IN country:{n}" for n in range(5))
    assert message == (
        f"project:x cites no source, and 7 of the relations that leave project:x name no source ({first} and 2 more)."
        " Add a CITES relation to its source, and sources to the relations."
    )


def test_a_finding_names_at_most_fifty_and_tells_how_many_there_are() -> None:
    (finding,) = [
        finding
        for finding in findings(graph_of([entity(f"partner:{n:02}", name="X") for n in range(60)]))
        if finding.rule == "doubled-entity"
    ]
    assert list(finding.entities) == [f"partner:{n:02}" for n in range(50)]
    assert finding.message.startswith("60 of kind PARTNER have the name 'X' (partner:00, ")


# Against brute force

SUBJECTS = ["place:in", "place:koro", "country:ML", "place:sahel", "country:BF", "partner:a"]
CHAIN = [("place:in", "place:koro"), ("place:koro", "country:ML"), ("country:ML", "place:sahel")]
GROUND = [
    *(entity(id, name=id) for id in (*SUBJECTS, "indicator:i", "indicator:j", "source:a", "source:b")),
    *(relation("PART_OF", part, whole) for part, whole in [*CHAIN, ("country:BF", "place:sahel")]),
]
FIGURES = 10
OPTIONS: dict[str, list[Any]] = {
    "subject": SUBJECTS[:4] + SUBJECTS,
    "indicator": ["indicator:i", "indicator:i", "indicator:j"],
    "value": [1, 2, 3, None],
    "measure": ["ACTUAL", "ACTUAL", "TARGET"],
    "endedOn": ["2023", "2023-12-31", "2024"],
    "sources": [[], ["source:a"], ["source:b"], ["source:a", "source:b"]],
}


def drawn(choose: Choices) -> list[Line]:
    """A world of metrics that often state the same."""
    lines = [*GROUND]
    for number in range(choose.one(range(2, FIGURES + 1))):
        chosen = {name: choose.one(options) for name, options in OPTIONS.items()}
        lines += metric(str(number), chosen.pop("value"), *chosen.pop("sources"), **chosen)
    return lines


class Brute:
    """Finds by comparing each with each."""

    def __init__(self, lines: list[Line]) -> None:
        self.oracle = Oracle(lines)
        self.metrics = [id for id in sorted(self.oracle.of_kind("METRIC")) if self.value(id) is not None]

    def value(self, id: str) -> Any:
        return self.oracle.value(id, "value")

    def end(self, id: str, relation: str) -> str:
        return str(self.oracle.leaving(id, relation)[0]["object"])

    def cited(self, id: str) -> set[str]:
        return {line["object"] for line in self.oracle.leaving(id, "CITES")}

    def figure(self, id: str, *, measure: bool = True, subject: bool = True) -> tuple[Any, ...]:
        line = self.oracle.entities[id]
        period = span(line["startedOn"])[0], span(line["endedOn"])[1]
        told = (self.end(id, "MEASURES"), line["unit"], *period)
        return (*told, measure and line["measure"], subject and self.end(id, "ABOUT"))

    def pairs(self) -> Iterator[tuple[str, str]]:
        return permutations(self.metrics, 2)

    def contradictions(self) -> set[tuple[str, ...]]:
        meets: dict[Any, set[str]] = {}
        for one, other in self.pairs():
            cited = self.cited(one), self.cited(other)
            same = self.figure(one) == self.figure(other) and self.value(one) != self.value(other)
            if same and all(cited) and cited[0] != cited[1]:
                meets.setdefault(self.figure(one), set()).update((one, other))
        return {tuple(sorted(ids, key=lambda id: id)) for ids in meets.values()}

    def doubles(self) -> set[tuple[str, ...]]:
        meets: dict[Any, set[str]] = {}
        for one, other in self.pairs():
            said = [(self.figure(id), self.value(id), frozenset(self.cited(id))) for id in (one, other)]
            if said[0] == said[1]:
                meets.setdefault(said[0], set()).update((one, other))
        return {tuple(sorted(ids)) for ids in meets.values()}

    def over_target(self) -> set[tuple[str, ...]]:
        meets: dict[Any, tuple[set[str], set[str]]] = {}
        for one, other in self.pairs():
            measures = [self.oracle.value(id, "measure") for id in (one, other)]
            same = self.figure(one, measure=False) == self.figure(other, measure=False)
            if same and measures == ["ACTUAL", "TARGET"] and self.value(one) > self.value(other):
                over, under = meets.setdefault(self.figure(one, measure=False), (set(), set()))
                over.add(one)
                under.add(other)
        return {(*sorted(over), *sorted(under)) for over, under in meets.values()}

    def over_whole(self) -> set[tuple[str, ...]]:
        meets: dict[str, set[str]] = {}
        for one, other in self.pairs():
            part, whole = self.end(one, "ABOUT"), self.end(other, "ABOUT")
            same = self.figure(one, subject=False) == self.figure(other, subject=False)
            if same and part != whole and whole in self.oracle.around(part) and self.value(one) > self.value(other):
                meets.setdefault(one, set()).add(other)
        return {(part, *sorted(wholes)) for part, wholes in meets.items()}

    def doubled_entities(self) -> set[tuple[str, ...]]:
        meets: dict[Any, set[str]] = {}
        for one, other in combinations(sorted(self.oracle.entities), 2):
            kind, said = self.oracle.kind(one), self.said(one)
            if kind == "METRIC" or said != self.said(other):
                continue
            mine, theirs = self.countries(one), self.countries(other)
            shared = mine & theirs or ({None} if not mine and not theirs else set())
            for country in shared:
                meets.setdefault((said, country), set()).update((one, other))
        return {tuple(sorted(ids)) for ids in meets.values()}

    def said(self, id: str) -> tuple[str, ...]:
        kind = self.oracle.kind(id)
        attribute = {"PLACE": "type", "SOURCE": "publisher"}.get(kind)
        sort = self.oracle.value(id, attribute) if attribute else ""
        return kind, fold(self.oracle.value(id, "name")), fold(sort or "")

    def countries(self, id: str) -> set[str]:
        match self.oracle.kind(id):
            case "PLACE":
                return set(self.oracle.countries_of(id))
            case "PROJECT" | "EVENT" | "PARTNER":
                return set(self.oracle.links(id, "countries"))
        return set()


PAIRWISE = {
    "contradicting-sources": Brute.contradictions,
    "doubled-metric": Brute.doubles,
    "reached-over-target": Brute.over_target,
    "part-over-whole": Brute.over_whole,
    "doubled-entity": Brute.doubled_entities,
}


def check_pairs(lines: list[Line]) -> None:
    brute, told = Brute(lines), findings(graph_of(lines))
    for rule, expected in PAIRWISE.items():
        ids = [tuple(finding.entities) for finding in told if finding.rule == rule]
        assert set(ids) == expected(brute), rule
        assert len(set(ids)) == len(ids)


@examples(150)
@given(choose=choices(8 * FIGURES))
def test_pairs_of_figures_are_those_that_comparing_each_with_each_finds(choose: Choices) -> None:
    lines = drawn(choose)
    note("\n".join(map(str, lines[len(GROUND) :])))
    check_pairs(lines)


@examples(100)
@given(choose=choices(WORLD))
def test_pairs_in_any_world_are_those_that_comparing_each_with_each_finds(choose: Choices) -> None:
    check_pairs(world(choose))


# Order and pages


def key(finding: Finding) -> tuple[Any, ...]:
    return -finding.severity.rank, finding.rule, tuple(finding.entities)


@examples(60)
@given(choose=choices(WORLD + 4 * COMMIT + 10))
def test_findings_are_the_same_however_the_graph_came_about(choose: Choices) -> None:
    lines = world(choose.part(WORLD))
    graph = graph_of(lines)
    for _ in range(3):
        findings(graph)
        changes = commit(choose.part(COMMIT), lines)
        if permits(graph, changes):
            lines = applied(lines, changes)
    told = findings(graph)
    assert told == findings(graph_of(lines[::-1]))
    assert told == findings(one_by_one(lines, choose))
    keys = [key(finding) for finding in told]
    assert keys == sorted(set(keys))


def one_by_one(lines: list[Line], choose: Choices) -> Graph:
    """The graph of these lines, in several commits: entities as chance has it, then relations."""
    asked: list[Write] = list(writes(lines))
    needed = [one for one in asked if hasattr(one, "subject") and str(one.kind) in ("ABOUT", "MEASURES")]  # type: ignore[union-attr]
    rest = [one for one in asked if one not in needed]
    plain = [one for one in rest if not hasattr(one, "subject")]
    webs = [one for one in rest if hasattr(one, "subject")]
    graph = Graph(MemoryJournal(), lambda: TODAY)
    graph.apply([*plain[:: choose.one([1, -1])], *needed])
    at = choose.one(range(len(webs) + 1)) if len(webs) < 256 else 0
    graph.apply(webs[at:])
    graph.apply(webs[:at])
    return graph


@examples(40)
@given(choose=choices(WORLD + 10))
def test_pages_joined_are_the_whole_and_positions_hold_when_their_findings_have_gone(choose: Choices) -> None:
    graph = graph_of(world(choose.part(WORLD)))
    whole = findings(graph)
    size = choose.one([1, 2, 3, 7])
    joined: list[Finding] = []
    page = Page(first=size)
    while True:
        answer = settle(graph.engine.findings(page))
        joined += answer.findings
        assert (answer.total, answer.has_previous) == (len(whole), len(joined) > len(answer.findings))
        assert answer.has_next == (len(joined) < len(whole))
        if not answer.has_next:
            break
        page = Page(first=size, after=joined[-1].position)
    assert joined == whole
    for at, finding in enumerate(whole):
        assert fits_findings(finding.position)
        gone = (*finding.position, "")  # right after it, where nothing stands
        assert findings(graph, Page(after=gone)) == whole[at + 1 :]
        assert findings(graph, Page(last=2, before=finding.position)) == whole[max(0, at - 2) : at]


@pytest.mark.parametrize(
    "position", [(), (0,), (0, "x"), ("0", "x", "y"), (0, "x", 1), (0.0, "x", "y"), (True, "x", "y")]
)
def test_a_position_that_no_finding_can_have_does_not_fit(position: tuple[Any, ...]) -> None:
    assert not fits_findings(position)


# Once for each version, a slice at a time


class Watched:
    """A graph whose looks are counted and cut into slices as thin as they can be."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, lines: list[Line]) -> None:
        monkeypatch.setattr(Checkup, "SLICE_S", 0)
        monkeypatch.setattr(Checkup, "STRETCH", 1)
        self.looks = 0
        look = Checkup._look

        def counted(checkup: Checkup, today: str) -> Any:
            self.looks += 1
            return look(checkup, today)

        monkeypatch.setattr(Checkup, "_look", counted)
        self.now = TODAY
        self.graph = Graph(MemoryJournal(), lambda: self.now)
        self.graph.apply(write(line) for line in lines)

    def asking(self) -> Any:
        return self.graph.engine.findings(WHOLE)

    def rules(self) -> list[str]:
        return [finding.rule for finding in findings(self.graph)]


LONE = [entity("project:x", startedOn="2023"), entity("source:a"), relation("CITES", "project:x", "source:a")]
REVERSED = write(entity("project:x", startedOn="2023", endedOn="2022"))


def finish(asking: Any) -> list[str]:
    return [finding.rule for finding in settle(asking).findings]


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    return Watched(monkeypatch, LONE)


def test_what_was_found_is_remembered_until_the_graph_changes_or_the_day(watched: Watched) -> None:
    assert watched.rules() == watched.rules() == ["unconnected"]
    assert watched.looks == 1
    watched.graph.apply([write(entity("source:b", publishedOn="2026-11-24"))])
    assert watched.rules() == ["date-out-of-range", "unconnected", "unused-source"]
    assert watched.looks == 2
    watched.now = datetime(2026, 11, 23, tzinfo=UTC)
    assert watched.rules() == ["unconnected", "unused-source"]
    assert watched.looks == 3


def test_others_have_their_turn_meanwhile_and_who_asks_too_helps(watched: Watched) -> None:
    one, other = watched.asking(), watched.asking()
    for _ in range(3):
        assert one.send(None) is None  # it gave way
        assert other.send(None) is None
    assert finish(one) == finish(other) == ["unconnected"]
    assert watched.looks == 1


def test_who_asks_after_a_commit_is_not_told_what_was_before_it(watched: Watched) -> None:
    one = watched.asking()
    for _ in range(20):
        one.send(None)  # the records are copied
    watched.graph.apply([REVERSED])
    other = watched.asking()
    other.send(None)
    assert finish(one) == ["unconnected"]
    assert finish(other) == ["ends-before-start", "unconnected"]
    assert watched.looks == 2


def test_a_commit_while_records_are_copied_has_them_copied_anew(watched: Watched) -> None:
    asking = watched.asking()
    asking.send(None)
    watched.graph.apply([REVERSED])
    asking.send(None)
    watched.graph.apply([write({"remove": "source:a"})])
    assert finish(asking) == ["ends-before-start", "unconnected", "unsourced"]
    assert watched.looks == 1


def test_however_often_the_graph_changes_a_look_comes_to_an_end(watched: Watched) -> None:
    asking = watched.asking()
    for number in range(1_000):
        try:
            asking.send(None)
        except StopIteration:
            return
        watched.graph.apply([write(entity("project:x", summary=str(number)))])
    pytest.fail("it goes on for ever")


def test_a_look_that_nobody_waits_for_any_more_is_dropped_with_the_next_change(watched: Watched) -> None:
    before = gc.get_threshold()
    asking = watched.asking()
    asking.send(None)
    asking.close()
    watched.graph.apply([REVERSED])
    assert watched.graph.engine._checkup._work is None
    assert gc.get_threshold() == before
    assert watched.rules() == ["ends-before-start", "unconnected"]
    assert gc.get_threshold() == before


def test_a_failure_is_told_each_time_and_leaves_nothing_behind(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = gc.get_threshold()
    with monkeypatch.context() as patch:
        patch.setattr("graph.quality.checkup.View", None)
        for _ in range(2):
            with pytest.raises(TypeError):
                settle(watched.asking())
    assert gc.get_threshold() == before
    assert watched.rules() == ["unconnected"]


def test_severities_are_ordered_from_the_least() -> None:
    assert [str(severity) for severity in FindingSeverity] == ["INFO", "WARNING", "ERROR"]
