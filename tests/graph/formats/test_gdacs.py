"""Specifies graph/formats/gdacs: alerts into events with type, dates, GLIDE numbers, people, places and sources."""

from typing import Any

import pytest

from graph.formats import registry
from graph.formats.format import Unusable
from graph.graph import Graph
from graph.model import Code
from graph.vocabulary import EventType, Kind, PopulationStatus, RelationKind, SourceType
from tests.graph.conftest import text_of
from tests.graph.formats.reading import FIXTURES, all_of, faults, records, related, taken, told, unsourced

FEED = (FIXTURES / "gdacs.xml").read_bytes()

TABLE = """\
id,iso3,country,title,summary,event_type,severity_unit,severity_value,source,from_date,to_date,link,geo_lat,geo_long
FL0000001,MLI,Mali,A flood,,Flood,M,5,X,"Mon, 01 Aug 2022 01:00:00 GMT",2022-08-20,https://example.org/1,14.5,-1.25
EQ0000009,NER,Niger,A quake,,Earthquake,M,5,X,never,2022-08-20,https://example.org/9,14.5,-1.25
"""


def test_an_alert_is_an_event_with_all_that_it_says():
    graph = Graph.in_memory()
    imported = taken(graph, "gdacs.xml")
    event = all_of(graph, Kind.EVENT)["event:gdacs-FL0000001"]
    assert (event.name, event.type) == ("Flood in Mali and Niger, 2022-08-01", EventType.FLOOD)
    assert (event.started_on, event.ended_on) == ("2022-08-01", "2022-08-20")
    assert (event.affected, event.affected_status) == (2500, PopulationStatus.AFFECTED)
    assert (event.glides, event.identifiers) == (("FL-2022-000999-MLI",), (Code("GDACS", "FL0000001"),))
    assert event.summary == "Alert level: Orange. Severity: Magnitude 1.5. Population: 2500 displaced."
    assert {place for each, place in related(graph, RelationKind.OCCURRED_IN) if each == event.id} == {
        "country:ML", "country:NE", "place:gdacs-FL0000001"
    }  # fmt: skip
    point = all_of(graph, Kind.PLACE)["place:gdacs-FL0000001"]
    assert (point.latitude, point.longitude) == (14.5, -1.25)
    source = all_of(graph, Kind.SOURCE)["source:gdacs-FL0000001"]
    assert (source.type, source.url) == (SourceType.WEBPAGE, "https://example.org/report?type=FL&id=1")
    assert source.published_on == "2022-08-03"  # in UTC
    assert told(imported) == [
        "line 24: 'DR-2022' is no GLIDE number, as FL-2024-000123-MLI: it is kept as given",
        "line 37: 'XX' is no type of event that is known: it is taken as OTHER",
        "line 37: no country has the code or name 'QQQ': it is not carried",
    ]
    assert unsourced(graph) == []


def test_an_event_that_goes_on_has_no_end_and_no_people_where_none_are_told():
    graph = Graph.in_memory()
    taken(graph, "gdacs.xml")
    drought = all_of(graph, Kind.EVENT)["event:gdacs-DR2"]
    assert (drought.name, drought.started_on, drought.ended_on) == ("Long thirst", "2022-01-01", None)
    assert (drought.affected, drought.affected_status, drought.glides) == (None, None, ("DR-2022",))


def test_a_second_import_changes_nothing_and_a_table_of_the_same_alerts_takes_nothing_away(tmp_path):
    graph, table = Graph.in_memory(), tmp_path / "alerts.csv"
    first = taken(graph, "gdacs.xml")
    before = all_of(graph, Kind.EVENT)["event:gdacs-FL0000001"]
    assert taken(graph, "gdacs.xml").applied[:4] == (first.applied.version, 0, 0, 0)
    table.write_text(TABLE.replace("never", "2022-08-19"), encoding="utf-8-sig")
    taken(graph, table)
    after = all_of(graph, Kind.EVENT)["event:gdacs-FL0000001"]
    assert (after.affected, after.glides, after.ended_on) == (before.affected, before.glides, before.ended_on)
    assert all_of(graph, Kind.EVENT)["event:gdacs-EQ0000009"].name == "Earthquake in Niger, 2022-08-19"


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        (b"Mon, 01 Aug 2022", b"Mon, 31 Feb 2022", "fromdate is 'Mon, 31 Feb 2022 01:00:00 GMT', expected a date"),
        (b"Mon, 01 Aug 2022", b"Mon, 29 Aug 2022", "it ends on 2022-08-20, before it begins on 2022-08-29"),
        (b'value="2500"', b'value="-2500"', "population is -2500, expected a number of people"),
        (b'value="2500"', b'value="many"', "population: 'many' is no number"),
        (b"14.5", b"114.5", "its point, 114.5 -1.25, is not on earth"),
        (b"<link>https://example.org/report?type=FL&amp;id=1</link>", b"", "it has no link"),
        (b'<guid isPermaLink="false">FL0000001</guid>', b"<guid>DR2</guid>", "line 5 has the same event, DR2"),
    ],
)
def test_an_alert_that_is_wrong_says_why(right, wrong, told):
    assert right in FEED
    (fault,) = faults("gdacs", FEED.replace(right, wrong))
    assert told in fault


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (FEED[:1500], "line "),
        (b"<rss xmlns:g='http://www.gdacs.org'></channel>", "line 1: this is not well-formed XML"),
        (FEED.replace(b"<rss", b'<!DOCTYPE rss [<!ENTITY a "b">]><rss', 1), "it has a document type"),
        (FEED.replace(b"<rss", b'<!DOCTYPE rss SYSTEM "file:///etc/passwd"><rss', 1), "it has a document type"),
        (FEED.replace(b"Orange flood", b"\xff"), "Save the file as UTF-8"),
        (b"<feed/>", "it begins with <feed>, expected <rss>"),
        (b"", "the file breaks off"),
    ],
)
def test_a_feed_that_breaks_off_or_hides_something_is_refused_whole(text, told):
    with pytest.raises(Unusable, match=r"^line ") as error:
        records("gdacs", text)
    assert told in str(error.value)


@pytest.mark.parametrize("lead", [b"\xef\xbb\xbf", b"\xc3\xaf\xc2\xbb\xc2\xbf", b"\n "])
def test_what_editors_put_before_the_feed_is_passed_over(lead):
    assert len(records("gdacs", lead + FEED)) == 3


def test_refused_alerts_are_corrected_and_imported_to_the_same_end(tmp_path):
    graph, at_once, bad, rejects = Graph.in_memory(), Graph.in_memory(), tmp_path / "bad.xml", tmp_path / "rejects.xml"
    bad.write_bytes(FEED.replace(b'value="2500"', b'value="-2500"'))
    assert taken(graph, bad, skip_invalid=True, rejects=rejects).refused == 1
    text = rejects.read_bytes()
    assert b"<!-- line 5: population is -2500, expected a number of people -->\n<item" in text
    rejects.write_bytes(text.replace(b"-2500", b"2500"))
    taken(graph, rejects)
    taken(at_once, "gdacs.xml")
    assert text_of(graph) == text_of(at_once)


def test_refused_rows_of_a_table_are_corrected_and_imported(tmp_path):
    graph, bad, rejects = Graph.in_memory(), tmp_path / "bad.csv", tmp_path / "rejects.csv"
    bad.write_text(TABLE)
    assert taken(graph, bad, skip_invalid=True, rejects=rejects).refused == 1
    assert len(all_of(graph, Kind.EVENT)) == 1
    text = rejects.read_text()
    assert text.startswith("Reason,id,iso3")
    rejects.write_text(text.replace(",never,", ",2022-08-19,"))
    taken(graph, rejects)
    assert len(all_of(graph, Kind.EVENT)) == 2


def test_all_that_an_item_says_is_carried_and_the_dead_are_not_counted_as_exposed():
    text = b"""<rss version="2.0" xmlns:gdacs="http://www.gdacs.org"><channel><item>
<guid>FL77</guid><title>Floods</title><link>https://example.org/77</link><description>Heavy floods.</description>
<gdacs:eventtype>FL</gdacs:eventtype><gdacs:fromdate>2024-08-01</gdacs:fromdate><gdacs:todate>2024-08-02</gdacs:todate>
<gdacs:population unit="killed" value="12">12 killed</gdacs:population>
<gdacs:iso3>NER</gdacs:iso3><gdacs:country>Niger, Mali</gdacs:country></item></channel></rss>"""
    graph = Graph.in_memory()
    graph.apply(write for record in records("gdacs", text) for write in record.writes)
    event = all_of(graph, Kind.EVENT)["event:gdacs-FL77"]
    assert (event.affected, event.affected_status) == (None, None)
    assert event.summary == "Heavy floods.\n\nPopulation: 12 killed."
    assert {place for _, place in related(graph, RelationKind.OCCURRED_IN)} == {"country:NE", "country:ML"}


ITEM = (
    b"<item><title>Quake</title><link>https://example.org/1</link>%b<g:eventtype>EQ</g:eventtype>"
    b"<g:iso3>MLI</g:iso3><g:fromdate>2022-08-01</g:fromdate></item>\n"
)


def feed(*items: bytes) -> bytes:
    return b"<rss xmlns:g='http://www.gdacs.org'><channel>\n" + b"".join(items) + b"</channel></rss>"


def events(text: bytes) -> dict[str, Any]:
    graph = Graph.in_memory()
    graph.apply(write for record in records("gdacs", text) for write in record.writes)
    return all_of(graph, Kind.EVENT)


def test_an_alert_that_nothing_tells_from_others_is_refused():
    assert faults("gdacs", feed(ITEM % b"")) == [
        "2: it has no guid, and no type and number of an event. Add a <guid>, as EQ1457082"
    ]
    assert list(events(feed(ITEM % b"<g:eventid>7</g:eventid>"))) == ["event:gdacs-EQ7"]
    twice = ITEM.strip() % b"<guid>EQ1</guid>"
    assert faults("gdacs", feed(twice, twice)) == ["2: line 2 has the same event, EQ1. Leave one of them out"]


def test_texts_are_read_whole_whatever_stands_in_them():
    body = b"<guid><!-- c --> EQ1 </guid><description>Heavy <b>floods</b> drove <i>2 people</i> out.</description>"
    event = events(feed(ITEM % body))["event:gdacs-EQ1"]
    assert event.summary == "Heavy floods drove 2 people out."


def test_people_who_are_not_counted_have_no_status():
    event = events(feed(ITEM % b"<guid>EQ1</guid><g:population value='0.0' unit='exposed'>none</g:population>"))
    assert (event["event:gdacs-EQ1"].affected, event["event:gdacs-EQ1"].affected_status) == (None, None)


def test_a_range_of_months_ends_with_its_last():
    event = events(feed(ITEM % b"<guid>EQ1</guid><g:todate>Aug-Oct 2022</g:todate>"))["event:gdacs-EQ1"]
    assert (event.started_on, event.ended_on) == ("2022-08-01", "2022-10")


def test_a_fault_names_its_line_however_far_down_it_stands():
    good = b"".join(ITEM % (b"<guid>EQ%d</guid>" % number) for number in range(70_000))
    assert faults("gdacs", b"\n\n\n" + feed(good, ITEM % b""))[0].startswith("70005: it has no guid")


@pytest.mark.parametrize("text", [b"<item>" + b"<a>x</a>" * 3_000_000, b"<a>x</a>" * 3_000_000])
def test_what_does_not_end_is_refused_before_it_fills_the_memory(text):
    with pytest.raises(Unusable, match="has more than 16 MB"):
        records("gdacs", feed(text))


def test_a_feed_in_utf_16_is_recognised():
    text = feed(ITEM % b"<guid>EQ1</guid>").decode().encode("utf-16")
    assert registry.recognised(text).name == "gdacs"
    assert list(events(text)) == ["event:gdacs-EQ1"]


def test_refused_alerts_are_corrected_and_imported(tmp_path):
    graph, bad, rejects = Graph.in_memory(), tmp_path / "bad.xml", tmp_path / "rejects.xml"
    bad.write_bytes(feed(ITEM.replace(b"2022-08-01", b"---") % b"<guid>EQ1</guid>", ITEM % b"<guid>EQ2</guid>"))
    assert taken(graph, bad, skip_invalid=True, rejects=rejects).refused == 1
    rejects.write_bytes(rejects.read_bytes().replace(b">---<", b">2022-08-01<"))
    taken(graph, rejects)
    assert set(all_of(graph, Kind.EVENT)) == {"event:gdacs-EQ1", "event:gdacs-EQ2"}
    assert unsourced(graph) == []
