"""IATI's lists of codes, as far as the graph speaks of what they say. What a list does not have is kept as given."""

from typing import NamedTuple

from graph.vocabulary import MetricMeasure, PartnerRole, PartnerType, PlaceType, ProjectStatus

STATUSES = dict(zip("123456", ProjectStatus, strict=True))
ROLES = dict(zip("1234", PartnerRole, strict=True))
ROLES_1 = {"funding": "1", "accountable": "2", "extending": "3", "implementing": "4"}
"""As 1.0x had them, and some files of 2.0x still have."""

PARTNER_TYPES = {
    "10": PartnerType.GOVERNMENT,
    "11": PartnerType.LOCAL_GOVERNMENT,
    "15": PartnerType.OTHER_PUBLIC_SECTOR,
    "21": PartnerType.INTERNATIONAL_NGO,
    "22": PartnerType.NATIONAL_NGO,
    "23": PartnerType.REGIONAL_NGO,
    "24": PartnerType.PARTNER_COUNTRY_NGO,
    "30": PartnerType.PUBLIC_PRIVATE_PARTNERSHIP,
    "40": PartnerType.MULTILATERAL,
    "60": PartnerType.FOUNDATION,
    "70": PartnerType.PRIVATE_SECTOR,
    "71": PartnerType.PRIVATE_SECTOR,
    "72": PartnerType.PRIVATE_SECTOR,
    "73": PartnerType.PRIVATE_SECTOR,
    "80": PartnerType.ACADEMIC,
    "90": PartnerType.OTHER,
}

PLANNED_START, ACTUAL_START, PLANNED_END, ACTUAL_END = "1234"

DESCRIPTIONS = {"1": "", "2": "Objectives", "3": "Target groups", "4": "Other"}

RELATED_ACTIVITIES = {
    "1": "Part of activity",
    "2": "Parts, as activities",
    "3": "Sibling activities",
    "4": "Co-funded activities",
    "5": "Activities that report on the same",
}

OWN = frozenset({"98", "99"})
"""Vocabularies of whoever reports."""

OTHER_IDENTIFIERS = {
    "A1": "internal activity id",
    "A2": "CRS",
    "A3": "previous IATI",
    "A4": "FTS",
    "A9": "other activity id",
}
ORGANISATION_IDENTIFIERS = {"B1": "previous org-id", "B9": "other org-id"}
"""Types of other identifiers that are those of the organisation that reports."""

SECTORS = {
    "1": "DAC",
    "2": "DAC 3-digit",
    "3": "COFOG",
    "4": "NACE",
    "5": "NTEE",
    "6": "AidData",
    "7": "SDG goal",
    "8": "SDG target",
    "9": "SDG indicator",
    "10": "IATI humanitarian cluster",
    "11": "NAICS",
    "12": "UN System Function",
}
TAGS = {"1": "Agrovoc", "2": "SDG goal", "3": "SDG target", "4": "Team Europe"}
HUMANITARIAN_SCOPES = {"1-2": "GLIDE", "2-1": "Humanitarian Plan"}
POLICY_MARKERS = {"1": "DAC policy marker"}
NOT_TARGETED = "0"
SIGNIFICANCES = {
    "1": "significant objective",
    "2": "principal objective",
    "3": "principal objective",
    "4": "explicit primary objective",
}
INDICATORS = {
    "1": "WHO Registry",
    "2": "Sphere Handbook",
    "3": "US Foreign Assistance Framework",
    "4": "World Bank WDI",
    "5": "MDG indicator",
    "6": "OCHA indicator registry",
    "7": "HIV/AIDS indicator registry",
    "8": "HIPSO",
    "9": "SDG indicator",
}
GEOGRAPHY = {
    "A1": "GAUL",
    "A2": "UN SALB",
    "A3": "GADM",
    "A4": "ISO 3166-1",
    "G1": "GeoNames",
    "G2": "OpenStreetMap",
}
COUNTRIES = "A4"

DAC_REGIONS = {
    "88": "States of former Yugoslavia, unspecified",
    "89": "Europe, regional",
    "189": "North of Sahara, regional",
    "289": "South of Sahara, regional",
    "298": "Africa, regional",
    "380": "West Indies, regional",
    "389": "Caribbean and Central America, regional",
    "489": "South America, regional",
    "498": "America, regional",
    "589": "Middle East, regional",
    "619": "Central Asia, regional",
    "679": "South Asia, regional",
    "689": "South and Central Asia, regional",
    "789": "Far East Asia, regional",
    "798": "Asia, regional",
    "889": "Oceania, regional",
    "998": "Developing countries, unspecified",
    "1027": "Eastern Africa, regional",
    "1028": "Middle Africa, regional",
    "1029": "Southern Africa, regional",
    "1030": "Western Africa, regional",
    "1031": "Caribbean, regional",
    "1032": "Central America, regional",
    "1033": "Melanesia, regional",
    "1034": "Micronesia, regional",
    "1035": "Polynesia, regional",
}

FEATURES = {
    "ADM1": PlaceType.ADMIN1,
    "ADM2": PlaceType.ADMIN2,
    "CMP": PlaceType.CAMP,
    "CMPL": PlaceType.CAMP,
    "CMPRF": PlaceType.CAMP,
    "PPLC": PlaceType.TOWN,
    "PPLA": PlaceType.TOWN,
    "PPLA2": PlaceType.TOWN,
    "PPL": PlaceType.TOWN,
    "HSP": PlaceType.FACILITY,
    "HSPC": PlaceType.FACILITY,
    "HSPD": PlaceType.FACILITY,
    "CTRM": PlaceType.FACILITY,
    "FCL": PlaceType.FACILITY,
    "SCH": PlaceType.FACILITY,
    "AIRP": PlaceType.FACILITY,
    "BLDG": PlaceType.FACILITY,
    "RGN": PlaceType.REGION,
}
LOCATION_CLASSES = {"2": PlaceType.TOWN, "3": PlaceType.FACILITY}


class Money(NamedTuple):
    """A kind of budget or transaction: its name, and what its amounts are."""

    name: str
    measure: MetricMeasure


BUDGETS = {"1": "Original budget", "2": "Revised budget"}
PLANNED = {"1": "Planned disbursement", "2": "Planned disbursement, revised"}
TRANSACTIONS = {
    "1": Money("Incoming funds", MetricMeasure.ACTUAL),
    "2": Money("Outgoing commitment", MetricMeasure.COMMITMENT),
    "3": Money("Disbursement", MetricMeasure.DISBURSEMENT),
    "4": Money("Expenditure", MetricMeasure.EXPENDITURE),
    "5": Money("Interest payment", MetricMeasure.ACTUAL),
    "6": Money("Loan repayment", MetricMeasure.ACTUAL),
    "7": Money("Reimbursement", MetricMeasure.ACTUAL),
    "8": Money("Purchase of equity", MetricMeasure.ACTUAL),
    "9": Money("Sale of equity", MetricMeasure.ACTUAL),
    "10": Money("Credit guarantee", MetricMeasure.COMMITMENT),
    "11": Money("Incoming commitment", MetricMeasure.COMMITMENT),
    "12": Money("Outgoing pledge", MetricMeasure.COMMITMENT),
    "13": Money("Incoming pledge", MetricMeasure.COMMITMENT),
}

UNITS = {"1": "units", "2": "%", "3": "nominal", "4": "ordinal", "5": "qualitative"}
"""What IATI knows of the unit of an indicator (IndicatorMeasure)."""

QUALITATIVE = frozenset({"3", "4", "5"})
"""Measures whose values need not be numbers."""
