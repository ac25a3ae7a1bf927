"""Records: one immutable, typed value for each entity and each relation, and what changed when.

A missing value is None, or an empty tuple for a list. Attribute names are the interchange format's, in snake_case;
units and standards are told where a record is shown (api/types.py).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import msgspec

from graph.errors import Fault, FieldgraphError, InvalidInput
from graph.values import PartialDate
from graph.vocabulary import (
    ChangeAction,
    CountBasis,
    EventType,
    Impact,
    Kind,
    MetricMeasure,
    PartnerRole,
    PartnerType,
    PlaceType,
    PopulationStatus,
    ProjectStatus,
    RelationKind,
    SourceType,
)


class Code(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, forbid_unknown_fields=True):
    """A code of a published list, as that list writes it."""

    vocabulary: str
    code: str
    label: str | None = None


class Label(NamedTuple):
    """A name in a language; `language` is None where the plain name stands in."""

    value: str
    language: str | None
    is_fallback: bool


class Entity(
    msgspec.Struct,
    frozen=True,
    weakref=True,  # what is made of a record may be remembered for as long as it lives
    kw_only=True,
    rename="camel",
    omit_defaults=True,
    forbid_unknown_fields=True,
):
    """Something the graph knows by name."""

    kind: ClassVar[Kind]

    id: str
    name: str
    summary: str | None = None
    aliases: tuple[str, ...] = ()
    labels: dict[str, str] = {}
    identifiers: tuple[Code, ...] = ()

    def label(self, languages: Sequence[str]) -> Label:
        """The name in the first of these BCP 47 languages that is known; "fr-CA" falls back to "fr" (RFC 4647)."""
        known = {tag.lower(): tag for tag in self.labels}
        for language in languages:
            subtags = language.lower().split("-")
            while subtags:
                if tag := known.get("-".join(subtags)):
                    return Label(self.labels[tag], tag, False)
                subtags.pop()
        return Label(self.name, None, True)


class Country(Entity, frozen=True, kw_only=True):
    kind = Kind.COUNTRY

    official_name: str | None = None
    code: str
    alpha3: str
    numeric: str | None = None
    latitude: float | None = None
    longitude: float | None = None


class Place(Entity, frozen=True, kw_only=True):
    kind = Kind.PLACE

    type: PlaceType
    latitude: float | None = None
    longitude: float | None = None


class Project(Entity, frozen=True, kw_only=True):
    kind = Kind.PROJECT

    status: ProjectStatus | None = None
    started_on: PartialDate | None = None
    ended_on: PartialDate | None = None
    activities: tuple[Code, ...] = ()
    sectors: tuple[Code, ...] = ()


class Event(Entity, frozen=True, kw_only=True):
    kind = Kind.EVENT

    type: EventType
    started_on: PartialDate | None = None
    ended_on: PartialDate | None = None
    affected: int | None = None
    affected_status: PopulationStatus | None = None
    glides: tuple[str, ...] = ()


class Partner(Entity, frozen=True, kw_only=True):
    kind = Kind.PARTNER

    type: PartnerType
    acronym: str | None = None
    website: str | None = None


class Indicator(Entity, frozen=True, kw_only=True):
    kind = Kind.INDICATOR

    code: str
    unit: str
    count_basis: CountBasis = CountBasis.OTHER
    definition: str | None = None


class Metric(Entity, frozen=True, kw_only=True):
    kind = Kind.METRIC

    value: float | None = None
    printed: str | None = None
    lower: float | None = None
    upper: float | None = None
    unit: str
    measure: MetricMeasure = MetricMeasure.ACTUAL
    started_on: PartialDate
    ended_on: PartialDate
    status: str | None = None

    @property
    def year(self) -> int:
        """The year in which the period starts."""
        return int(self.started_on[:4])


class Source(Entity, frozen=True, kw_only=True):
    kind = Kind.SOURCE

    type: SourceType
    publisher: str | None = None
    url: str | None = None
    published_on: PartialDate | None = None
    accessed_on: PartialDate | None = None
    license: str | None = None

    @property
    def citation(self) -> str:
        """One line, ready to print: publisher (date). title. address (accessed date)."""
        who = self.publisher or "Unknown publisher"
        title = self.name if self.name.endswith((".", "!", "?")) else f"{self.name}."
        where = [self.url] if self.url else []
        seen = [f"(accessed {self.accessed_on})"] if self.accessed_on else []
        return " ".join([f"{who} ({self.published_on or 'n.d.'}).", title, *where, *seen])


class Relation(
    msgspec.Struct,
    frozen=True,
    weakref=True,
    omit_defaults=True,
    forbid_unknown_fields=True,
    rename={"kind": "relation"},
):
    """A stated fact: `subject` stands to `object` as `kind`, according to `sources` (ids)."""

    kind: RelationKind
    subject: str
    object: str
    role: PartnerRole | None = None
    impact: Impact | None = None
    since: PartialDate | None = None
    until: PartialDate | None = None
    percentage: float | None = None
    locator: str | None = None
    sources: tuple[str, ...] = ()

    @property
    def name(self) -> "RelationName":
        """What tells this relation from every other."""
        return RelationName(self.kind, self.subject, self.object, self.role, self.impact)


class RelationName(NamedTuple):
    """The name of a relation: role is part of it for PARTICIPATES_IN, impact for AFFECTED."""

    kind: RelationKind
    subject: str
    object: str
    role: PartnerRole | None = None
    impact: Impact | None = None

    @property
    def sort_key(self) -> tuple[int, str, str, int, int]:
        """The canonical order: kind, subject, object, role, impact; lists in their own order, what is missing last."""
        role = self.role.rank if self.role else len(PartnerRole)
        impact = self.impact.rank if self.impact else len(Impact)
        return self.kind.rank, self.subject, self.object, role, impact

    def __str__(self) -> str:
        qualifier = self.role or self.impact
        return f"{self.subject} {self.kind} {self.object}" + (f" as {qualifier}" if qualifier else "")


def share_ids(relation: Relation, own: Callable[[str], str]) -> None:
    """Has the relation name its ends and sources by `own` texts, equal but shared by all that name them: that is half
    the memory of a relation, where there are millions."""
    set_value = msgspec.structs.force_setattr
    set_value(relation, "subject", own(relation.subject))
    set_value(relation, "object", own(relation.object))
    if relation.sources:
        set_value(relation, "sources", tuple(map(own, relation.sources)))


RECORDS: dict[Kind, type[Entity]] = {
    record.kind: record for record in (Country, Place, Project, Event, Partner, Indicator, Metric, Source)
}
"""The record of each kind, in the order of the kinds."""


class Remove(NamedTuple):
    """Asks that an entity go, and its relations with it."""

    id: str


class Unrelate(NamedTuple):
    """Asks that a relation go."""

    name: RelationName


class Patch(NamedTuple):
    """Asks that an entity (by its id) or a relation hold these values, by the keys of its line: None clears one, and
    what is absent stays as it is."""

    name: "str | RelationName"
    kind: Kind | RelationKind
    values: Mapping[str, Any]


class Ensure(NamedTuple):
    """Asks that there be an entity or a relation: what is held of it stays, what is not is added. It may be asked for
    several times over. Where only one relation of a kind may leave an entity, the one that is held stays."""

    record: Entity | Relation

    @property
    def name(self) -> "str | RelationName":
        return self.record.id if isinstance(self.record, Entity) else self.record.name


Write = Entity | Relation | Patch | Ensure | Remove | Unrelate
"""What can be asked of the graph: an entity or relation to hold as given, in whole or in part, or one to let go."""


class Line(NamedTuple):
    """A write and where it was asked for: the line of a file, counted from 1, and which of the records that begin
    there, counted from 0; or a place in a request."""

    write: Write
    number: int | None = None
    file: str = ""
    path: tuple[str, ...] = ()
    nth: int = 0

    @property
    def where(self) -> str:
        return "in the same request" if self.number is None else f"on {self.file} line {self.number}".replace("  ", " ")

    def fault(self, reason: str, *keys: str, kind: type[FieldgraphError] = InvalidInput) -> Fault:
        """What is wrong with the write, or with what these keys of it lead to."""
        write = self.write
        name = write.id if isinstance(write, Entity | Remove) else write.name
        return Fault(self.number, str(name), reason, self.file, (*self.path, *keys), kind, self.nth)


class Change(msgspec.Struct, frozen=True, gc=False):
    """What one write did: the `index`-th change (from 0) of commit `version`.

    `record` is what is held after a creation, update or relating, and what was held before a removal or unrelating.
    `before` is what an update replaced, or a relating of what was related already; else it is None.
    """

    version: int
    index: int
    action: ChangeAction
    record: Entity | Relation
    before: Entity | Relation | None = None

    @property
    def ids(self) -> tuple[str, ...]:
        """The entities in whose history it stands: an entity itself, both ends of a relation; each once."""
        record = self.record
        if isinstance(record, Entity):
            return (record.id,)
        return (record.subject,) if record.subject == record.object else (record.subject, record.object)


class Done(NamedTuple):
    """What one write did, before it has a number."""

    action: ChangeAction
    record: Entity | Relation
    before: Entity | Relation | None = None


class Commit(NamedTuple):
    """When a version was recorded (RFC 3339, UTC), by whom and why, as far as that is known."""

    version: int
    time: str
    author: str | None = None
    note: str | None = None


class Recorded(NamedTuple):
    """A change, and the commit that it is part of; of one that is not stored, `all` its changes."""

    change: Change
    commit: Commit
    all: Sequence[Change] = ()


LAST = 2**63 - 1
"""A position that no change of a version has."""


class Mark(NamedTuple):
    """A mark in the journal: just after the change at this position of a version, or, without a position, after all of
    the version."""

    version: int
    position: int = LAST
