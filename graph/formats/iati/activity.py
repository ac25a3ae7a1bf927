"""An activity as a project: what it is, who takes part, where, with what money, with what results."""

from collections import defaultdict
from typing import Any, NamedTuple

from graph.formats.cells import shown, slug
from graph.formats.iati.codes import (
    ACTUAL_END,
    ACTUAL_START,
    DESCRIPTIONS,
    HUMANITARIAN_SCOPES,
    NOT_TARGETED,
    ORGANISATION_IDENTIFIERS,
    OTHER_IDENTIFIERS,
    OWN,
    PLANNED_END,
    PLANNED_START,
    POLICY_MARKERS,
    RELATED_ACTIVITIES,
    SECTORS,
    SIGNIFICANCES,
    STATUSES,
    TAGS,
)
from graph.formats.iati.documents import documents
from graph.formats.iati.locations import Locations
from graph.formats.iati.money import Amounts
from graph.formats.iati.partners import Participants, Partners
from graph.formats.iati.places import Places, Whereabouts
from graph.formats.iati.results import Results
from graph.formats.iati.shares import check_shares
from graph.formats.iati.told import Told, distinct
from graph.formats.iati.words import (
    Notes,
    code_of,
    dated,
    labels_of,
    language_of,
    name_of,
    narratives,
    typed,
)
from graph.formats.known import Known
from graph.formats.xml import LONGEST_TEXT, Element, text_of
from graph.model import Code, Project, Source
from graph.vocabulary import SourceType

IATI = "IATI"
FLAG = Code("IATI attribute", "humanitarian", "Humanitarian")
TRUE = frozenset({"1", "true"})
DATE_TYPES = frozenset({PLANNED_START, ACTUAL_START, PLANNED_END, ACTUAL_END})
DATE_TYPES_1 = {
    "start-planned": PLANNED_START,
    "start-actual": ACTUAL_START,
    "end-planned": PLANNED_END,
    "end-actual": ACTUAL_END,
}
"""As 1.0x had them, and some files of 2.0x still have."""


class File(NamedTuple):
    """What the activities of a file share: what the store holds, organisations and places that were found, and the file
    as a source, for those that name no publisher."""

    known: Known
    partners: Partners
    places: Places
    source: Source


class Activity:
    """One activity, with an identifier."""

    def __init__(self, element: Element, identifier: str, file: File, notes: Notes) -> None:
        self._element = element
        self._identifier = identifier
        self._file = file
        self._notes = notes
        self._language = language_of(element)
        self._reporting = element.find("reporting-org")
        self._publisher = code_of(self._reporting, "ref") or name_of(self._reporting, self._language)
        self._source = self._publisher_as_source()
        self._id = f"project:{identifier}"
        self.told = Told(self._source.id)

    def read(self) -> None:
        element, told, notes = self._element, self.told, self._notes
        told.ensure(self._source)
        title = narratives(element.find("title"), self._language)
        if not title:
            notes.remark(element, "the activity has no title: its identifier stands for it")
        name = title[0].value if title else self._identifier
        places = Whereabouts(self._file.known, self._id, self._publisher, self._language, told, notes)
        places.recipients(element)
        self._participants(places.country_code)
        locations = Locations(self._file.places, places, self._id, self._language, told, notes)
        for location in element.iterfind("location"):
            locations.read(location)
        places.relate()
        project = Project(
            id=self._id,
            name=name,
            summary=self._summary(),
            labels=labels_of(title),
            identifiers=self._identifiers(),
            **self._status_and_dates(),
            activities=self._activities(),
            sectors=self._sectors(),
        )
        told.own(project)
        updated = (element.get("last-updated-datetime") or "").strip()[:10]
        told.cite(self._id, f"{self._identifier}, last updated {updated}" if updated else self._identifier)
        Amounts(element, self._id, name, self._language, told, notes).read()
        Results(element, self._id, self._publisher, self._language, told, notes).read()
        documents(element, self._id, self._language, self._file.known, told, notes)

    def _publisher_as_source(self) -> Source:
        if not self._publisher:
            self._notes.remark(self._element, "the activity has no reporting-org: the file stands for its source")
            return self._file.source
        name = name_of(self._reporting, self._language) or self._publisher
        return Source(
            id=f"source:iati-{code_of(self._reporting, 'ref') or slug(self._publisher)}",
            name=f"IATI activities of {self._publisher}",
            type=SourceType.DATASET,
            publisher=name,
        )

    def _participants(self, country: str | None) -> None:
        element, partners = self._element, self._file.partners
        found = Participants(
            partners, self._file.known, self._id, self._publisher, self._language, self.told, self._notes
        )
        found.country = country
        giving = [*element.iterfind("transaction/provider-org"), *element.iterfind("transaction/receiver-org")]
        giving += [*element.iterfind("planned-disbursement/provider-org")]
        giving += [*element.iterfind("planned-disbursement/receiver-org")]
        participating = element.findall("participating-org")
        reporting = [] if self._reporting is None else [self._reporting]
        found.name([*reporting, *participating, *giving])
        reporting = [each for each in reporting if (each.get("secondary-reporter") or "").strip() not in TRUE]
        for each in reporting:
            found.find(each, earlier=self._earlier_codes())  # first: it knows best how it is called
        for each in participating:
            found.participate(each)
        for each in reporting:
            found.take_part(each)
        for each in giving:
            found.take_part(each)

    # Its own attributes.

    def _summary(self) -> str | None:
        """The first general description, then the others, each below what it is about, in one language; last the codes
        of related activities, as no relation leads from project to project."""
        told: dict[str, list[str]] = defaultdict(list)
        for element in self._element.iterfind("description"):
            type = code_of(element, "type") or "1"
            if texts := narratives(element, self._language, paragraphs=True):
                told[type].append(texts[0].value)
        parts = [
            f"{DESCRIPTIONS[type]}: {text}" if DESCRIPTIONS.get(type) else text
            for type in sorted(told)
            for text in dict.fromkeys(told[type])
        ]
        related = "\n\n".join(self._related())
        return "\n\n".join(filter(None, ["\n\n".join(parts)[: LONGEST_TEXT - len(related)], related])) or None

    def _related(self) -> list[str]:
        """Other activities by their codes, below how they are related."""
        related: dict[str, dict[str, None]] = defaultdict(dict)
        for element in self._element.iterfind("related-activity"):
            code, type = code_of(element, "ref"), code_of(element, "type")
            if not code:
                self._notes.remark(element, "related-activity has no ref: left out")
                continue
            if type not in RELATED_ACTIVITIES:
                self._notes.remark(element, f"there is no type {shown(type)} of related-activity: kept", once=True)
            related[RELATED_ACTIVITIES.get(type, f"Related activities {type}".strip())][code] = None
        return [f"{how}: {', '.join(codes)}" for how, codes in related.items()]

    def _identifiers(self) -> tuple[Code, ...]:
        found = [Code(IATI, self._identifier)]
        for element in self._element.iterfind("other-identifier"):
            code, type = code_of(element, "ref"), code_of(element, "type")
            if not code:
                self._notes.remark(element, "other-identifier has no ref: left out")
                continue
            if type in ORGANISATION_IDENTIFIERS:
                continue
            if type not in OTHER_IDENTIFIERS:
                self._notes.remark(element, f"there is no type {shown(type)} of other-identifier: kept", once=True)
            vocabulary = OTHER_IDENTIFIERS.get(type, f"IATI other-identifier {type}".strip())
            found.append(Code(vocabulary, code, name_of(element.find("owner-org"), self._language) or None))
        return distinct(found)

    def _earlier_codes(self) -> tuple[Code, ...]:
        """Other codes of the organisation that reports."""
        given = [(code_of(each, "type"), code_of(each, "ref")) for each in self._element.iterfind("other-identifier")]
        return tuple(
            Code(ORGANISATION_IDENTIFIERS[type], ref) for type, ref in given if type in ORGANISATION_IDENTIFIERS and ref
        )

    def _status_and_dates(self) -> dict[str, Any]:
        """The status; actual dates, or planned ones where those are not told."""
        given = self._element.find("activity-status")
        status = typed(given) if given is not None else ""
        if given is not None and status not in STATUSES:
            self._notes.remark(given, f"there is no activity status {shown(status)}: left out")
        dates: dict[str, str] = {}
        for element in self._element.iterfind("activity-date"):
            type = DATE_TYPES_1.get(code_of(element, "type"), code_of(element, "type"))
            if type not in DATE_TYPES:
                self._notes.remark(element, f"there is no type {shown(type)} of activity-date: left out")
            elif day := dated(element, self._notes, element, "activity-date"):
                dates.setdefault(type, day)
            elif not (element.get("iso-date") or "").strip():
                self._notes.remark(element, "activity-date has no iso-date: left out")
        start = dates.get(ACTUAL_START) or dates.get(PLANNED_START)
        end = dates.get(ACTUAL_END) or dates.get(PLANNED_END)
        if start and end and end < start:
            self._notes.remark(self._element, f"the activity ends ({end}) before it starts ({start}): kept as given")
        return {"status": STATUSES.get(status), "started_on": start, "ended_on": end}

    def _sectors(self) -> tuple[Code, ...]:
        """Those of the activity, and those of its transactions."""
        elements = self._element.findall("sector")
        shares: dict[str, list[Element]] = defaultdict(list)
        for element in elements:
            shares[code_of(element, "vocabulary") or "1"].append(element)
        for vocabulary, each in shares.items():
            check_shares(each, f"sectors of vocabulary {vocabulary}", self._notes)
        every = [*elements, *self._element.iterfind("transaction/sector")]
        return self._codes(every, SECTORS, "sector")

    def _activities(self) -> tuple[Code, ...]:
        """What it is for: tags, emergencies and appeals, policy markers, and whether it is humanitarian."""
        element = self._element
        flags = [FLAG] if (element.get("humanitarian") or "").strip().lower() in TRUE else []
        markers = [
            marker for marker in element.findall("policy-marker") if code_of(marker, "significance") != NOT_TARGETED
        ]
        return distinct(
            [
                *flags,
                *self._codes(element.findall("tag"), TAGS, "tag"),
                *self._codes(element.findall("humanitarian-scope"), HUMANITARIAN_SCOPES, "humanitarian-scope"),
                *self._codes(markers, POLICY_MARKERS, "policy-marker"),
            ]
        )

    def _codes(self, elements: list[Element], vocabularies: dict[str, str], what: str) -> tuple[Code, ...]:
        found = []
        for element in elements:
            code, given = code_of(element), code_of(element, "vocabulary")
            if not code:
                self._notes.remark(element, f"{what} has no code: left out")
                continue
            vocabulary = vocabularies.get(given or "1")
            if vocabulary is None and given in OWN:
                vocabulary = f"{what} of {self._publisher}"
            if vocabulary is None:
                told = f"there is no {what} vocabulary {shown(given)}: kept as given"
                self._notes.remark(element, told, once=True)
                vocabulary = f"IATI {what} {given}".strip()
            label = name_of(element, self._language)
            if what == "policy-marker":
                significance = SIGNIFICANCES.get(code_of(element, "significance"))
                label = ", ".join(filter(None, [label, significance]))
            found.append(Code(vocabulary, code, label or None))
        return distinct(found)


def identifier_of(element: Element) -> str:
    return text_of(element.find("iati-identifier"))
