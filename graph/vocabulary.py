"""What can be said: kinds of entities and relations, the ends each relation permits, and the closed codelists.

A term carries its own meaning (`description`) and its place in its list (`rank`), which is also its order.
Sources: IATI 2.03 codelists (ActivityStatus, OrganisationType, OrganisationRole), HDX HAPI (population status).
"""

import re
from collections.abc import Set
from enum import Enum
from typing import NamedTuple, Self


class Term(str, Enum):  # noqa: UP042  # StrEnum takes no description beside the value
    """A word of a closed list; equal to its own name as text."""

    description: str
    rank: int

    def __new__(cls, value: str, description: str) -> Self:
        term = str.__new__(cls, value)
        term._value_ = value
        term.description = description
        term.rank = len(cls.__members__)
        return term

    def __str__(self) -> str:
        return self.name

    @property
    def label(self) -> str:
        """The word as people read it: "International NGO"."""
        return self.name.replace("_", " ").capitalize().replace(" ngo", " NGO")


class Kind(Term):
    """The kinds of entities."""

    COUNTRY = "COUNTRY", "A country or territory of ISO 3166-1, or a user-assigned one such as Kosovo (XK)."
    PLACE = (
        "PLACE",
        "A place of any size but a country: the world, a region, an admin unit, a town, a camp, a facility.",
    )
    PROJECT = "PROJECT", "Work that somebody does somewhere for some time; what IATI calls an activity."
    EVENT = "EVENT", "Something that happened: a flood, an attack, a displacement, an evacuation."
    PARTNER = "PARTNER", "An organisation that funds, runs or supports projects."
    INDICATOR = "INDICATOR", "What a metric measures: its unit, what one unit counts, its definition."
    METRIC = "METRIC", "One figure about one subject for one period."
    SOURCE = "SOURCE", "A document or data set that states facts."


class RelationKind(Term):
    """The kinds of relations; each is read from its subject to its object."""

    PART_OF = "PART_OF", "Lies or belongs within: place in place or country, country in region, partner in partner."
    LOCATED_IN = "LOCATED_IN", "A project works in a country or place."
    OCCURRED_IN = "OCCURRED_IN", "An event happened in a country or place."
    AFFECTED = "AFFECTED", "An event touched a project, partner, place or country."
    DISPLACED_FROM = "DISPLACED_FROM", "An event drove people out of a country or place."
    FOLLOWED = "FOLLOWED", "An event followed from the earlier event that led to it."
    PARTICIPATES_IN = "PARTICIPATES_IN", "A partner takes part in a project, in a role."
    OPERATES_IN = "OPERATES_IN", "A partner works in a country."
    ABOUT = "ABOUT", "A metric is about its one subject."
    MEASURES = "MEASURES", "A metric is a value of its one indicator."
    CITES = "CITES", "A source states what is known of an entity."


class Direction(Term):
    """Which way a relation is followed."""

    OUT = "OUT", "From the subject to the object."
    IN = "IN", "From the object to the subject."
    BOTH = "BOTH", "Either way."


class CentralityMeasure(Term):
    """What makes an entity central."""

    PAGERANK = (
        "PAGERANK",
        "PageRank: one who follows relations from subject to object, or now and then jumps anywhere, comes here often.",
    )
    DEGREE = "DEGREE", "The share of all other entities that it is related to."
    BETWEENNESS = (
        "BETWEENNESS",
        "The share of the shortest paths between others that pass through it, relations walked either way.",
    )


class PlaceType(Term):
    """What a place is."""

    WORLD = "WORLD", "The whole world (UN M49 001)."
    REGION = "REGION", "A region of several countries (UN M49)."
    ADMIN1 = "ADMIN1", "A first-level administrative unit (OCHA COD-AB admin 1)."
    ADMIN2 = "ADMIN2", "A second-level administrative unit (OCHA COD-AB admin 2)."
    TOWN = "TOWN", "A town or city."
    VILLAGE = "VILLAGE", "A village."
    CAMP = "CAMP", "A camp or settlement of displaced people or refugees."
    FACILITY = "FACILITY", "A building or site, such as a hospital."
    OTHER = "OTHER", "Any other place."


class ProjectStatus(Term):
    """Where a project stands (IATI ActivityStatus)."""

    PIPELINE = "PIPELINE", "Being scoped or planned (IATI ActivityStatus 1)."
    IMPLEMENTATION = "IMPLEMENTATION", "Under way (IATI ActivityStatus 2)."
    FINALISATION = "FINALISATION", "Work is complete, accounts are not (IATI ActivityStatus 3)."
    CLOSED = "CLOSED", "Complete (IATI ActivityStatus 4)."
    CANCELLED = "CANCELLED", "Given up (IATI ActivityStatus 5)."
    SUSPENDED = "SUSPENDED", "Stopped for now (IATI ActivityStatus 6)."


class PartnerType(Term):
    """What sort of organisation a partner is (IATI OrganisationType)."""

    GOVERNMENT = "GOVERNMENT", "A national government or one of its ministries (IATI OrganisationType 10)."
    LOCAL_GOVERNMENT = "LOCAL_GOVERNMENT", "A local government (IATI OrganisationType 11)."
    OTHER_PUBLIC_SECTOR = "OTHER_PUBLIC_SECTOR", "Another public body (IATI OrganisationType 15)."
    INTERNATIONAL_NGO = (
        "INTERNATIONAL_NGO",
        "An international non-governmental organisation (IATI OrganisationType 21).",
    )
    NATIONAL_NGO = "NATIONAL_NGO", "A national non-governmental organisation (IATI OrganisationType 22)."
    REGIONAL_NGO = "REGIONAL_NGO", "A regional non-governmental organisation (IATI OrganisationType 23)."
    PARTNER_COUNTRY_NGO = "PARTNER_COUNTRY_NGO", "An NGO based in the partner country (IATI OrganisationType 24)."
    PUBLIC_PRIVATE_PARTNERSHIP = (
        "PUBLIC_PRIVATE_PARTNERSHIP",
        "A public-private partnership (IATI OrganisationType 30).",
    )
    MULTILATERAL = "MULTILATERAL", "A multilateral organisation, such as a UN agency (IATI OrganisationType 40)."
    FOUNDATION = "FOUNDATION", "A foundation (IATI OrganisationType 60)."
    PRIVATE_SECTOR = "PRIVATE_SECTOR", "A company (IATI OrganisationType 70 to 73)."
    ACADEMIC = "ACADEMIC", "A university or research body (IATI OrganisationType 80)."
    OTHER = "OTHER", "Any other organisation (IATI OrganisationType 90)."


class PartnerRole(Term):
    """What a partner does in a project (IATI OrganisationRole)."""

    FUNDING = "FUNDING", "Pays for it (IATI OrganisationRole 1)."
    ACCOUNTABLE = "ACCOUNTABLE", "Answers for its outcomes (IATI OrganisationRole 2)."
    EXTENDING = "EXTENDING", "Manages money and direction on behalf of the funder (IATI OrganisationRole 3)."
    IMPLEMENTING = "IMPLEMENTING", "Carries it out (IATI OrganisationRole 4)."


class EventType(Term):
    """What happened."""

    ARMED_CONFLICT = "ARMED_CONFLICT", "Fighting between armed groups."
    VIOLENCE_AGAINST_CIVILIANS = "VIOLENCE_AGAINST_CIVILIANS", "Violence that strikes civilians."
    ATTACK_ON_AID = "ATTACK_ON_AID", "An attack on aid workers, facilities or vehicles."
    ABDUCTION = "ABDUCTION", "People were kidnapped or detained by force."
    LOOTING = "LOOTING", "Goods or facilities were looted."
    DISPLACEMENT = "DISPLACEMENT", "People were driven from their homes."
    EVACUATION = "EVACUATION", "Teams or people were taken out of danger."
    WITHDRAWAL = "WITHDRAWAL", "Organisations left an area."
    POLITICAL = "POLITICAL", "A political turn: a coup, an election, a law."
    EPIDEMIC = "EPIDEMIC", "An outbreak of disease (GLIDE EP)."
    FAMINE = "FAMINE", "Famine or a food crisis (GLIDE FA)."
    FLOOD = "FLOOD", "A flood, flash floods included (GLIDE FL, FF)."
    DROUGHT = "DROUGHT", "A drought (GLIDE DR)."
    EARTHQUAKE = "EARTHQUAKE", "An earthquake (GLIDE EQ)."
    TSUNAMI = "TSUNAMI", "A tsunami (GLIDE TS)."
    CYCLONE = "CYCLONE", "A tropical or extratropical cyclone (GLIDE TC, EC)."
    STORM = "STORM", "A severe local storm, storm surge or tornado (GLIDE ST, SS, TO)."
    VOLCANO = "VOLCANO", "A volcanic eruption (GLIDE VO)."
    LANDSLIDE = "LANDSLIDE", "A landslide, mudslide or avalanche (GLIDE LS, MS, AV)."
    FIRE = "FIRE", "A fire, wild fires included (GLIDE FR, WF)."
    INFESTATION = "INFESTATION", "An infestation by insects or other pests (GLIDE IN)."
    EXTREME_TEMPERATURE = "EXTREME_TEMPERATURE", "A cold wave or heat wave (GLIDE CW, HT, ET)."
    TECHNOLOGICAL = "TECHNOLOGICAL", "A technological disaster (GLIDE AC)."
    ACCIDENT = "ACCIDENT", "An accident."
    SHIPWRECK = "SHIPWRECK", "A shipwreck or distress at sea."
    RESPONSE = "RESPONSE", "A response began, changed or ended."
    OTHER = "OTHER", "Any other event (GLIDE OT)."


class Impact(Term):
    """What an event did to what it affected."""

    ATTACKED = "ATTACKED", "It was attacked."
    EVACUATED = "EVACUATED", "Its people were evacuated."
    SUSPENDED = "SUSPENDED", "Its work was suspended."
    CLOSED = "CLOSED", "It was closed."
    DAMAGED = "DAMAGED", "It was damaged or destroyed."
    LOOTED = "LOOTED", "It was looted."
    DISPLACED = "DISPLACED", "Its people were displaced."
    OTHER = "OTHER", "Another impact."


class PopulationStatus(Term):
    """What a number of people counts (HDX HAPI population status)."""

    AFFECTED = "AFFECTED", "People affected (HAPI AFF)."
    IN_NEED = "IN_NEED", "People in need (HAPI INN)."
    TARGETED = "TARGETED", "People that a response aims to reach (HAPI TGT)."
    REACHED = "REACHED", "People that a response reached (HAPI REA)."


class CountBasis(Term):
    """What one unit of an indicator counts; values on two bases are never added."""

    INDIVIDUALS = "INDIVIDUALS", "People, each once."
    CONSULTATIONS = "CONSULTATIONS", "Consultations; one person may have several."
    ADMISSIONS = "ADMISSIONS", "Admissions; one person may have several."
    PROCEDURES = "PROCEDURES", "Procedures, such as operations or births assisted."
    CASES = "CASES", "Cases of a disease or incident."
    DOSES = "DOSES", "Doses, such as of a vaccine."
    HOUSEHOLDS = "HOUSEHOLDS", "Households."
    MONEY = "MONEY", "Money, in the currency that is the unit."
    STAFF = "STAFF", "Staff, heads or full-time equivalents as the unit says."
    ITEMS = "ITEMS", "Things: kits, litres, tonnes, beds."
    OTHER = "OTHER", "Something else, or not known."


class MetricMeasure(Term):
    """What a value is: only ACTUAL values are added to each other by default."""

    ACTUAL = "ACTUAL", "What was counted."
    TARGET = "TARGET", "What was aimed at."
    BASELINE = "BASELINE", "What was before."
    BUDGET = "BUDGET", "Money planned."
    COMMITMENT = "COMMITMENT", "Money promised."
    DISBURSEMENT = "DISBURSEMENT", "Money passed on."
    EXPENDITURE = "EXPENDITURE", "Money spent."


class SourceType(Term):
    """What a source is."""

    REPORT = "REPORT", "A report."
    STORY = "STORY", "A news item or story."
    DATASET = "DATASET", "A data set."
    REGISTER = "REGISTER", "A register or codelist kept by an authority."
    WEBPAGE = "WEBPAGE", "A page of a web site."
    OTHER = "OTHER", "Another source."


class ChangeAction(Term):
    """What a change did."""

    CREATED = "CREATED", "An entity became known."
    UPDATED = "UPDATED", "An entity's attributes changed."
    REMOVED = "REMOVED", "An entity was removed."
    RELATED = "RELATED", "A relation became known, or its attributes changed."
    UNRELATED = "UNRELATED", "A relation was removed."


class FindingSeverity(Term):
    """How bad a finding is."""

    INFO = "INFO", "Something is missing that would be good to have."
    WARNING = "WARNING", "Something is probably wrong; somebody who knows should look."
    ERROR = "ERROR", "Something cannot be true as it stands."


class RelationRule(NamedTuple):
    """What a kind of relation permits: which kinds at which ends, which attributes, how many from one subject.

    `pairs` are (subject kind, object kinds). `single` is true where at most one may leave a subject.
    """

    pairs: dict[Kind, Set[Kind]]
    attributes: Set[str] = frozenset({"sources"})
    single: bool = False

    def permits(self, subject: Kind, object: Kind) -> bool:
        return object in self.pairs.get(subject, ())

    def __str__(self) -> str:
        ends = (f"{subject} -> {' or '.join(sorted(objects))}" for subject, objects in self.pairs.items())
        return ", ".join(ends)


WHERE = frozenset({Kind.COUNTRY, Kind.PLACE})
SUBJECTS = frozenset({Kind.COUNTRY, Kind.PLACE, Kind.PROJECT, Kind.EVENT, Kind.PARTNER})

RULES: dict[RelationKind, RelationRule] = {
    RelationKind.PART_OF: RelationRule(
        {Kind.PLACE: WHERE, Kind.COUNTRY: {Kind.PLACE}, Kind.PARTNER: {Kind.PARTNER}}, single=True
    ),
    RelationKind.LOCATED_IN: RelationRule({Kind.PROJECT: WHERE}, {"percentage", "sources"}),
    RelationKind.OCCURRED_IN: RelationRule({Kind.EVENT: WHERE}),
    RelationKind.AFFECTED: RelationRule(
        {Kind.EVENT: {Kind.PROJECT, Kind.PARTNER, Kind.PLACE, Kind.COUNTRY}}, {"impact", "sources"}
    ),
    RelationKind.DISPLACED_FROM: RelationRule({Kind.EVENT: WHERE}),
    RelationKind.FOLLOWED: RelationRule({Kind.EVENT: {Kind.EVENT}}),
    RelationKind.PARTICIPATES_IN: RelationRule({Kind.PARTNER: {Kind.PROJECT}}, {"role", "since", "until", "sources"}),
    RelationKind.OPERATES_IN: RelationRule({Kind.PARTNER: {Kind.COUNTRY}}, {"since", "until", "sources"}),
    RelationKind.ABOUT: RelationRule({Kind.METRIC: SUBJECTS}, single=True),
    RelationKind.MEASURES: RelationRule({Kind.METRIC: {Kind.INDICATOR}}, single=True),
    RelationKind.CITES: RelationRule({kind: {Kind.SOURCE} for kind in Kind if kind is not Kind.SOURCE}, {"locator"}),
}
"""The rule of each kind of relation."""

NATURAL_KEYS: dict[Kind, tuple[str, ...]] = {Kind.COUNTRY: ("code", "alpha3"), Kind.INDICATOR: ("code",)}
"""Attributes by whose values an entity of a kind can be found, the first one first."""

REQUIRED_RELATIONS: dict[Kind, tuple[RelationKind, ...]] = {Kind.METRIC: (RelationKind.ABOUT, RelationKind.MEASURES)}
"""The relations that must leave every entity of a kind, exactly one of each."""

GLIDE_SHAPE = re.compile(r"[A-Z]{2}-[0-9]{4}-[0-9]{6}-[A-Z]{3}")
"""FL-2024-000178-MLI: what a disaster is, its year, its number there, the alpha-3 code of the country. Source: ADRC."""
