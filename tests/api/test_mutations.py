"""Specifies api/mutations.py and api/edits.py: what is saved and removed, and what is said if it is wrong."""

import json
from typing import Any

import pytest
from hypothesis import given, note

from graph.formats.lines import line as text_of_record
from graph.graph import Graph
from tests.api.stage import permits
from tests.conftest import asking, graph_of
from tests.oracle import Line, applied
from tests.worlds import COMMIT, WORLD, Choices, choices, commit, examples, world

SAVE = """mutation ($input: SaveInput!) { save(input: $input) {
    version created updated unchanged
    changes { version index action entityId fields { field before after } }
    userErrors { code message path } } }"""
REMOVE = """mutation ($input: RemoveInput!) { remove(input: $input) {
    version removed userErrors { code message path } } }"""
LISTS = {
    "COUNTRY": "countries",
    "PLACE": "places",
    "PROJECT": "projects",
    "EVENT": "events",
    "PARTNER": "partners",
    "INDICATOR": "indicators",
    "METRIC": "metrics",
    "SOURCE": "sources",
}
KORO = "project:koro"


class Client:
    """Writes to a graph as a client would, past HTTP."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.ask = asking(graph)

    def save(self, **given: Any) -> Any:
        return self._sent(SAVE, "save", given)

    def remove(self, *ids: str, **given: Any) -> Any:
        return self._sent(REMOVE, "remove", {"ids": list(ids), **given})

    def _sent(self, document: str, name: str, given: Any) -> Any:
        answer = self.ask(document, {"input": given})
        assert "errors" not in answer, answer
        return answer["data"][name]

    def held(self, id: str) -> Any:
        """The line of an entity, but for its id and kind; None where there is none."""
        entity = self.graph.engine.entity(id)
        if entity is None:
            return None
        return {key: value for key, value in json.loads(text_of_record(entity)).items() if key not in ("id", "kind")}

    def export(self) -> list[bytes]:
        records = [*self.graph.engine.entities(), *self.graph.engine.all_relations()]
        return sorted(map(text_of_record, records))


@pytest.fixture
def client(small: Graph) -> Client:
    return Client(small)


def faults(payload: Any) -> list[tuple[str, str]]:
    """The code and the path of each fault."""
    return [(fault["code"], ".".join(fault["path"][1:])) for fault in payload["userErrors"]]


# Saving


def test_what_is_absent_stays_and_null_clears(client: Client) -> None:
    before = client.held(KORO)
    saved = client.save(projects=[{"id": KORO, "summary": "A clinic.", "startedOn": None}])
    assert (saved["version"], saved["created"], saved["updated"], saved["unchanged"]) == (2, 0, 1, 0)
    expected = {**before, "summary": "A clinic."}
    del expected["startedOn"]
    assert client.held(KORO) == expected
    (change,) = saved["changes"]
    assert change["fields"] == [
        {"field": "summary", "before": None, "after": '"A clinic."'},
        {"field": "startedOn", "before": '"2023"', "after": None},
    ]


def test_lists_are_replaced_whole_and_labels_are_given_as_a_list(client: Client) -> None:
    labels = [{"language": "fr", "value": "Clinique"}, {"language": "ar", "value": "عيادة"}]
    client.save(projects=[{"id": KORO, "aliases": ["K", "KK"], "labels": labels}])
    assert client.held(KORO)["labels"] == {"ar": "عيادة", "fr": "Clinique"}
    client.save(projects=[{"id": KORO, "aliases": ["K3"], "labels": labels[:1]}])
    assert (client.held(KORO)["aliases"], client.held(KORO)["labels"]) == (["K3"], {"fr": "Clinique"})
    client.save(projects=[{"id": KORO, "aliases": [], "labels": []}])
    assert {"aliases", "labels"} & client.held(KORO).keys() == set()


def test_an_entity_and_its_relations_are_created_together_whatever_their_order(client: Client) -> None:
    saved = client.save(
        relations=[{"relation": "LOCATED_IN", "subject": "project:new", "object": "country:ML", "percentage": 40}],
        projects=[{"id": "project:new", "name": "New"}],
    )
    assert (saved["created"], saved["userErrors"]) == (2, [])
    assert [change["action"] for change in saved["changes"]] == ["CREATED", "RELATED"]
    assert client.ask('{ project(id: "project:new") { countries { edges { percentage node { code } } } } }') == {
        "data": {"project": {"countries": {"edges": [{"percentage": 40.0, "node": {"code": "ML"}}]}}}
    }


def test_a_relation_keeps_what_is_absent_too(client: Client) -> None:
    named = {"relation": "PARTICIPATES_IN", "subject": "partner:msf", "object": KORO, "role": "FUNDING"}
    client.save(relations=[{**named, "since": "2020", "sources": ["source:report"]}])
    client.save(relations=[{**named, "until": "2022"}])
    client.save(relations=[{**named, "since": None}])
    told = client.ask(
        """{ project(id: "project:koro") {
            relations(kinds: [PARTICIPATES_IN]) { nodes { role since until sources { id } } } } }"""
    )
    (found,) = [it for it in told["data"]["project"]["relations"]["nodes"] if it["role"] == "FUNDING"]
    assert found == {"role": "FUNDING", "since": None, "until": "2022", "sources": [{"id": "source:report"}]}


def test_what_changes_nothing_makes_no_version(client: Client) -> None:
    saved = client.save(projects=[{"id": KORO, "name": client.held(KORO)["name"]}])
    assert (saved["version"], saved["unchanged"], saved["changes"]) == (1, 1, [])
    assert client.save() == {
        "version": 1,
        "created": 0,
        "updated": 0,
        "unchanged": 0,
        "changes": [],
        "userErrors": [],
    }


def test_relations_are_removed_by_their_names(client: Client) -> None:
    named = {"relation": "PARTICIPATES_IN", "subject": "partner:msf", "object": KORO, "role": "IMPLEMENTING"}
    saved = client.save(unrelate=[named])
    assert [change["action"] for change in saved["changes"]] == ["UNRELATED"]
    assert faults(client.save(unrelate=[named])) == [("NOT_FOUND", "unrelate.0")]


FAULTY: dict[str, tuple[dict[str, Any], list[tuple[str, str]]]] = {
    "what is missing of a new one": (
        {"metrics": [{"id": "metric:new", "value": 1}]},
        [("BAD_USER_INPUT", f"metrics.0.{key}") for key in ("endedOn", "name", "startedOn", "unit")],
    ),
    "what must not be cleared": ({"projects": [{"id": KORO, "name": None}]}, [("BAD_USER_INPUT", "projects.0.name")]),
    "an empty id": ({"projects": [{"id": "", "name": "X"}]}, [("BAD_USER_INPUT", "projects.0.id")]),
    "another kind": ({"projects": [{"id": "country:ML", "name": "X"}]}, [("BAD_USER_INPUT", "projects.0.id")]),
    "twice the same": (
        {"projects": [{"id": KORO, "summary": "a"}, {"id": KORO, "summary": "b"}]},
        [("BAD_USER_INPUT", "projects.1")],
    ),
    "a country's code": (
        {"countries": [{"id": "country:ML", "code": "mali"}]},
        [("BAD_USER_INPUT", "countries.0.code")],
    ),
    "unknown ends and sources": (
        {
            "relations": [
                {"relation": "LOCATED_IN", "subject": KORO, "object": "place:nowhere"},
                {"relation": "LOCATED_IN", "subject": KORO, "object": "country:ML", "sources": ["source:report", "0"]},
            ]
        },
        [("NOT_FOUND", "relations.0.object"), ("NOT_FOUND", "relations.1.sources.1")],
    ),
    "ends that do not fit": (
        {"relations": [{"relation": "LOCATED_IN", "subject": "country:ML", "object": KORO}]},
        [("BAD_USER_INPUT", "relations.0")],
    ),
    "an attribute it does not carry": (
        {"relations": [{"relation": "LOCATED_IN", "subject": KORO, "object": "country:ML", "since": "2020"}]},
        [("BAD_USER_INPUT", "relations.0.since")],
    ),
    "a metric without its relations": (
        {"metrics": [{"id": "m", "name": "M", "unit": "people", "startedOn": "2020", "endedOn": "2020"}]},
        [("BAD_USER_INPUT", "metrics.0"), ("BAD_USER_INPUT", "metrics.0")],
    ),
    "a version not yet made": ({"projects": [], "expectedVersion": 9}, [("BAD_USER_INPUT", "expectedVersion")]),
    "no key": ({"idempotencyKey": ""}, [("BAD_USER_INPUT", "idempotencyKey")]),
    "a key that is too long": ({"idempotencyKey": "k" * 201}, [("BAD_USER_INPUT", "idempotencyKey")]),
}


@pytest.mark.parametrize(("given", "expected"), FAULTY.values(), ids=FAULTY)
def test_each_fault_is_told_with_its_path_and_nothing_is_stored(client: Client, given: Any, expected: Any) -> None:
    before = client.export()
    good = [{"id": "source:good", "name": "Good", "type": "REPORT"}]
    saved = client.save(**{**given, "sources": good})
    assert sorted(faults(saved)) == sorted(expected)
    assert (saved["version"], saved["created"], saved["changes"]) == (1, 0, [])
    assert client.export() == before


def test_faults_stand_in_the_order_of_the_input_and_many_are_counted(client: Client) -> None:
    saved = client.save(projects=[{"id": f"project:{number}"} for number in range(150)])
    assert [path for _, path in faults(saved)] == [*(f"projects.{number}.name" for number in range(100)), ""]
    assert saved["userErrors"][-1]["message"].startswith("50 more faults are left out.")


def test_labels_name_each_language_once(client: Client) -> None:
    fr = {"language": "fr", "value": "Koro"}
    told = client.save(projects=[{"id": KORO}, {"id": KORO, "labels": [fr, {"language": "ar", "value": "K"}, fr]}])
    assert faults(told) == [("BAD_USER_INPUT", "projects.1.labels.2.language")]
    told = client.save(projects=[{"id": KORO, "labels": [{"language": "", "value": "K"}]}])
    assert faults(told) == [("BAD_USER_INPUT", "projects.0.labels")]


def test_what_is_said_of_a_long_id_is_short(client: Client) -> None:
    told = client.save(relations=[{"relation": "LOCATED_IN", "subject": "x" * 100_000, "object": "y" * 100_000}])
    assert faults(told) == [("NOT_FOUND", "relations.0.object"), ("NOT_FOUND", "relations.0.subject")]
    assert max(len(fault["message"]) for fault in told["userErrors"]) == 300


def test_many_relations_of_which_there_may_be_one_are_told_in_little_text(client: Client) -> None:
    places = [{"id": f"place:{number}", "name": "P", "type": "VILLAGE"} for number in range(2_000)]
    relations = [{"relation": "PART_OF", "subject": "place:koro", "object": place["id"]} for place in places]
    told = client.save(places=places, relations=relations)
    assert "place:mopti, place:0, place:1 and 1,997 more" in told["userErrors"][-2]["message"]
    assert told["userErrors"][-1]["message"].startswith("1,900 more faults")


def test_a_value_that_its_type_cannot_hold_is_refused_before_anything_runs(client: Client) -> None:
    answer = client.ask(SAVE, {"input": {"projects": [{"id": KORO, "startedOn": "2023-13"}]}})
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert client.graph.version == 1


# Dry runs, versions, keys


def test_a_dry_run_tells_what_the_save_would_do_and_stores_nothing(client: Client) -> None:
    given = {"projects": [{"id": KORO, "summary": "New"}, {"id": "project:new", "name": "N"}]}
    before = client.export()
    dry = client.save(**given, dryRun=True)
    assert (dry["version"], client.graph.version, client.export()) == (1, 1, before)
    real = client.save(**given)
    assert {**dry, "version": 2} == real
    assert faults(client.save(projects=[{"id": "project:x"}], dryRun=True)) == [("BAD_USER_INPUT", "projects.0.name")]


def test_what_changed_since_it_was_read_is_a_conflict_that_tells_what_did(client: Client) -> None:
    client.save(projects=[{"id": KORO, "summary": "Theirs", "status": "CLOSED"}])
    refused = client.save(projects=[{"id": KORO, "summary": "Mine"}], expectedVersion=1)
    assert faults(refused) == [("CONFLICT", "projects.0")]
    assert "project:koro was updated (summary, status) in version 2" in refused["userErrors"][0]["message"]
    assert refused["version"] == 2
    assert client.held(KORO)["summary"] == "Theirs"
    assert client.save(projects=[{"id": KORO, "summary": "Mine"}], expectedVersion=2)["updated"] == 1


def test_what_others_changed_elsewhere_is_no_conflict(client: Client) -> None:
    client.save(projects=[{"id": "project:new", "name": "New"}])
    client.save(relations=[{"relation": "LOCATED_IN", "subject": "project:new", "object": "country:ML"}])
    saved = client.save(countries=[{"id": "country:ML", "summary": "Mali"}], expectedVersion=1)
    assert saved["userErrors"] == []


def test_the_ends_of_a_relation_count_as_named(client: Client) -> None:
    client.save(projects=[{"id": KORO, "summary": "Theirs"}])
    located = {"relation": "LOCATED_IN", "subject": KORO, "object": "country:ML"}
    assert faults(client.save(relations=[located], expectedVersion=1)) == [("CONFLICT", "relations.0.subject")]
    client.save(relations=[located], expectedVersion=2)
    changed = client.save(relations=[{**located, "percentage": 5}], expectedVersion=2)
    assert faults(changed) == [("CONFLICT", "relations.0")]


def test_the_same_key_answers_the_first_result_and_stores_nothing_twice(client: Client) -> None:
    given = {"projects": [{"id": "project:new", "name": "New"}], "idempotencyKey": "once"}
    first = client.save(**given)
    client.save(projects=[{"id": "project:new", "name": "Newer"}])
    assert client.save(**given) == first
    assert (client.graph.version, client.held("project:new")) == (3, {"name": "Newer"})
    other = client.save(**{**given, "note": "Another"})
    assert faults(other) == [("CONFLICT", "idempotencyKey")]


def test_a_key_remembers_nothing_of_what_was_refused(client: Client) -> None:
    assert client.save(projects=[{"id": "project:new"}], idempotencyKey="k")["userErrors"] != []
    assert client.save(projects=[{"id": "project:new", "name": "New"}], idempotencyKey="k")["created"] == 1


# Removing


def test_what_is_removed_takes_its_relations_along_and_leaves_its_history(client: Client) -> None:
    removed = client.remove(KORO, note="Closed for good")
    assert removed == {"version": 2, "removed": 1, "userErrors": []}
    assert client.ask('{ project(id: "project:koro") { id } }') == {"data": {"project": None}}
    client.save(projects=[{"id": KORO, "name": "Koro again"}])
    told = client.ask(
        '{ project(id: "project:koro") { history(last: 1) { nodes { action } } relations { totalCount } } }'
    )
    assert told["data"]["project"]["history"]["nodes"][0]["action"] in ("CREATED", "RELATED")
    assert told["data"]["project"]["relations"]["totalCount"] == 0
    then = client.ask('{ asOf(version: 1) { project(id: "project:koro") { name } } }')
    assert then["data"]["asOf"]["project"]["name"] == "Koro clinic"


def test_what_metrics_are_about_stays_unless_they_go_too(client: Client) -> None:
    refused = client.remove("country:ML")
    assert faults(refused) == [("BAD_USER_INPUT", "ids.0")]
    assert "metric:ml-2023" in refused["userErrors"][0]["message"]
    assert refused["removed"] == 0
    assert client.remove("country:ML", "metric:ml-2023")["removed"] == 2


def test_what_is_not_there_cannot_be_removed(client: Client) -> None:
    assert faults(client.remove(KORO, "project:none")) == [("NOT_FOUND", "ids.1")]
    assert client.held(KORO) is not None


def test_what_changed_since_it_was_read_is_not_removed(client: Client) -> None:
    client.save(projects=[{"id": KORO, "summary": "Theirs"}])
    assert faults(client.remove(KORO, expectedVersion=1)) == [("CONFLICT", "ids.0")]


def test_what_others_have_related_since_does_not_go_unseen_with_an_entity(client: Client) -> None:
    client.save(relations=[{"relation": "LOCATED_IN", "subject": KORO, "object": "country:BF"}])
    refused = client.remove(KORO, expectedVersion=1)
    assert faults(refused) == [("CONFLICT", "ids.0")]
    assert "project:koro LOCATED_IN country:BF was related in version 2" in refused["userErrors"][0]["message"]
    assert client.remove(KORO, expectedVersion=2)["removed"] == 1


def test_fields_of_one_document_run_one_after_the_other(client: Client) -> None:
    answer = client.ask(
        """mutation {
            a: save(input: {projects: [{id: "project:n", name: "N"}]}) { version }
            b: save(input: {projects: [{id: "project:n", summary: "S"}]}) {
                version changes { entity { name summary } } }
            c: remove(input: {ids: ["project:n"]}) { version removed }
            d: save(input: {projects: [{id: "project:x"}]}) { version userErrors { code } }
        }"""
    )
    assert answer["data"] == {
        "a": {"version": 2},
        "b": {"version": 3, "changes": [{"entity": {"name": "N", "summary": "S"}}]},
        "c": {"version": 4, "removed": 1},
        "d": {"version": 4, "userErrors": [{"code": "BAD_USER_INPUT"}]},
    }


# What is said of relations of the past

RELATION = "relation { kind subject { id name } object { id } sources { id name } }"


def test_a_relation_of_which_an_end_and_a_source_are_gone_is_told_as_it_was_then(client: Client) -> None:
    client.save(
        projects=[{"id": "project:n", "name": "First"}],
        sources=[{"id": "source:n", "name": "Said", "type": "REPORT"}],
        relations=[{"relation": "LOCATED_IN", "subject": "project:n", "object": "country:ML", "sources": ["source:n"]}],
    )
    client.save(projects=[{"id": "project:n", "name": "Second"}], sources=[{"id": "source:n", "name": "Meant"}])
    client.remove("project:n", "source:n")
    client.save(projects=[{"id": "project:new", "name": "New"}])
    history = client.ask(
        f'{{ country(code: "ML") {{ history(first: 2) {{ nodes {{ version action {RELATION} }} }} }} }}'
    )
    gone, made = history["data"]["country"]["history"]["nodes"]
    told = {"kind": "LOCATED_IN", "object": {"id": "country:ML"}}
    assert "errors" not in history
    assert gone == {
        "version": 4,
        "action": "UNRELATED",
        "relation": {
            **told,
            "subject": {"id": "project:n", "name": "Second"},
            "sources": [{"id": "source:n", "name": "Meant"}],
        },
    }
    assert made == {
        "version": 2,
        "action": "RELATED",
        "relation": {
            **told,
            "subject": {"id": "project:n", "name": "First"},
            "sources": [{"id": "source:n", "name": "Said"}],
        },
    }


def test_a_relation_of_a_dry_run_is_told_with_ends_that_are_not_there_yet(client: Client) -> None:
    given = {
        "dryRun": True,
        "projects": [{"id": "project:n", "name": "N"}],
        "relations": [{"relation": "LOCATED_IN", "subject": "project:n", "object": "country:ML"}],
    }
    document = f"mutation ($input: SaveInput!) {{ save(input: $input) {{ changes {{ action {RELATION} }} }} }}"
    answer = client.ask(document, {"input": given})
    assert "errors" not in answer
    assert answer["data"]["save"]["changes"][1]["relation"]["subject"] == {"id": "project:n", "name": "N"}


# Whatever is saved comes to what the same lines come to


def as_input(lines: list[Line]) -> dict[str, Any]:
    """Lines that replace what they name, as a save: what a line does not have is cleared."""
    given: dict[str, Any] = {}
    for line in lines:
        if "kind" in line:
            values = {key: value for key, value in line.items() if key not in ("kind", "labels")}
            if "labels" in line:
                names = (line["labels"] or {}).items()
                values["labels"] = [{"language": language, "value": value} for language, value in names]
            given.setdefault(LISTS[line["kind"]], []).append(values)
        elif "relation" in line:
            given.setdefault("relations", []).append(line)
        elif "unrelate" in line:
            named = ("relation", "subject", "object", "role", "impact")
            given.setdefault("unrelate", []).append(
                {key: line["unrelate"][key] for key in named if key in line["unrelate"]}
            )
    return given


@examples(40)
@given(choose=choices(WORLD + 5 * COMMIT))
def test_saves_come_to_what_graph_lines_come_to(choose: Choices) -> None:
    lines = world(choose.part(WORLD))
    twin, client = graph_of(lines), Client(graph_of(lines))
    for _ in range(5):
        asked = commit(choose.part(COMMIT), lines)
        note(f"{asked}")
        if any("remove" in line for line in asked):
            ids = list(dict.fromkeys(line["remove"] for line in asked if "remove" in line))
            asked = [{"remove": id} for id in ids]
            payload = client.remove(*ids)
        else:
            payload = client.save(**as_input(whole(asked, lines)))
        if permits(twin, asked):
            if payload["userErrors"]:
                # Only what is to go and is not there is no fault of graph lines.
                assert {code for code, _ in faults(payload)} == {"NOT_FOUND"}
                return
            lines = applied(lines, asked)
        else:
            assert payload["userErrors"] != []
        assert client.graph.version == twin.version
        assert client.export() == Client(twin).export()


def whole(asked: list[Line], lines: list[Line]) -> list[Line]:
    """Lines with null for what they do not have but the graph may: so that they replace it, as graph lines do."""
    held = {line["id"]: line for line in lines if "kind" in line}
    relations = {relation_name(line): line for line in lines if "relation" in line}
    made = []
    for line in asked:
        before = held.get(line["id"], {}) if "kind" in line else relations.get(relation_name(line), {})
        made.append({**dict.fromkeys(before), **line} if before and "unrelate" not in line else line)
    return made


def relation_name(line: Line) -> tuple[Any, ...]:
    return tuple(line.get(key) for key in ("relation", "subject", "object", "role", "impact"))
