"""Documents that an activity links to, as sources that its project cites."""

import re

from graph.formats.cells import shown, slug
from graph.formats.iati.told import Told
from graph.formats.iati.words import Notes, code_of, dated, name_of
from graph.formats.known import Known
from graph.formats.xml import LONGEST_TEXT, Element
from graph.model import Code, Relation, Source
from graph.vocabulary import RelationKind, SourceType

ADDRESS = re.compile(r"(https?|ftp):.", re.IGNORECASE)
CATEGORY = "IATI document category"
LONGEST_PLACE = 200
"""Characters of an address within an id, but for its scheme; of a longer one the rest is a checksum."""

REPORTS = frozenset({"A07", "A08", "B01", "B02"})
"""Reviews, evaluations, results, annual reports."""


def documents(activity: Element, project: str, language: str, known: Known, told: Told, notes: Notes) -> None:
    """Those of the activity and those of its results, each address once."""
    for element in activity.iter("document-link"):
        address = (element.get("url") or "").strip()
        if not ADDRESS.match(address) or len(address) > LONGEST_TEXT:
            given = f"the address {shown(address)}, which is none of the web" if address else "no address"
            notes.remark(element, f"document-link has {given}: left out")
            continue
        source = _source(element, address, language, notes)
        if held := known.document(address):
            told.relate(Relation(RelationKind.CITES, project, held))
            continue
        told.ensure(source)
        told.relate(Relation(RelationKind.CITES, project, source.id))


def _source(element: Element, address: str, language: str, notes: Notes) -> Source:
    place = address.partition(":")[2].lstrip("/")
    categories = [code for each in element.findall("category") if (code := code_of(each))]
    return Source(
        id=f"source:{place if 0 < len(place) <= LONGEST_PLACE else slug(address)}",
        name=name_of(element.find("title"), language) or address,
        type=_type(element, categories),
        url=address,
        published_on=dated(element.find("document-date"), notes, element, "document-date"),
        identifiers=tuple(Code(CATEGORY, code) for code in dict.fromkeys(categories)),
    )


def _type(element: Element, categories: list[str]) -> SourceType:
    if "html" in (element.get("format") or "").lower():
        return SourceType.WEBPAGE
    return SourceType.REPORT if REPORTS.intersection(categories) else SourceType.OTHER
