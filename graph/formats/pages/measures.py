"""What a label says that its figure counts: its unit and what one of it is, by the words of the label."""

import re
from typing import NamedTuple

from graph.values import fold
from graph.vocabulary import CountBasis


class Measured(NamedTuple):
    unit: str
    basis: CountBasis


PEOPLE = (
    "people|persons?|patients?|individuals?|women|men|girls?|boys?|children|babies|newborns|infants|mothers|refugees?|"
    "migrants?|survivors?|victims?|beneficiaries|students?|adults|adolescents|idps|returnees|wounded|personnes|enfants|"
    "femmes|hommes|filles|garcons|refugies|deplaces|beneficiaires"
)
RULES: tuple[tuple[str, str, CountBasis], ...] = (
    (r"admissions?|admitted|hospitali[sz]ations?|hospitali[sz]ed|admis(?:es)?", "admissions", CountBasis.ADMISSIONS),
    (r"consultations?", "consultations", CountBasis.CONSULTATIONS),
    (r"(?:counselling |counseling |individual |group )?sessions?", "sessions", CountBasis.CONSULTATIONS),
    (r"vaccinations?|doses?|vaccines?", "doses", CountBasis.DOSES),
    (r"births?(?: assisted)?|deliveries|accouchements|naissances", "births", CountBasis.PROCEDURES),
    (
        r"interventions?|operations?|surgeries|procedures?|c(?:a?e)?sarean(?: section)?s?|transfusions?|tests?|"
        r"screenings|abortions?|chirurgies",
        "interventions",
        CountBasis.PROCEDURES,
    ),
    (r"cases?|cas", "cases", CountBasis.CASES),
    (r"households?|families|menages|familles", "households", CountBasis.HOUSEHOLDS),
    (r"staff|employees|full-time equivalents?|ftes?|health workers|employes", "staff", CountBasis.STAFF),
    (r"lit(?:re|er)s?|tonn?es?|tons?|kilograms?|kits?|beds?|latrines?|boreholes?|tents?|parcels?|trucks?|items?", "",
     CountBasis.ITEMS),
    (PEOPLE, "people", CountBasis.INDIVIDUALS),
)  # fmt: skip
"""Words, the unit that they stand for (their own, where it is empty) and what one is; the first that a label has is it.

"Patients admitted" are admissions, and "malaria cases" cases whoever they are of; but where people come before what was
done to them or for them ("people treated after an operation"), it is they who are counted.
"""

PATTERNS = [(re.compile(rf"(?<![a-z])(?:{words})(?![a-z])"), unit, basis) for words, unit, basis in RULES]
FIRST_PEOPLE = re.compile(
    rf"(?:{PEOPLE})(?![a-z])(?!\s+(?:consultations?|admitted|admissions?|hospitali[sz]ed|sessions?))"
)
UNKNOWN = Measured("count", CountBasis.OTHER)


def measured(label: str) -> Measured:
    """The unit and the count basis of a label by its words; OTHER where they do not tell.

    >>> measured("Patients admitted to hospitals").unit, measured("People treated for malaria").unit
    ('admissions', 'people')
    """
    text = fold(label)
    if (first := FIRST_PEOPLE.match(text)) and not re.match(r"\W*(?:\w+\W+){0,2}admitted", text[first.end() :]):
        return Measured("people", CountBasis.INDIVIDUALS)
    for pattern, unit, basis in PATTERNS:
        if found := pattern.search(text):
            return Measured(unit or found[0], basis)
    return UNKNOWN
