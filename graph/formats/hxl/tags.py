"""Hashtags: how they are written, which are read, and which ones a table without any would want."""

import re
from collections.abc import Sequence
from difflib import get_close_matches
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

from graph.values import fold

SHAPE = re.compile(r"#\s*([a-z][a-z0-9_]*)((?:\s*\+\s*[a-z][a-z0-9_]*)*)", re.IGNORECASE)


class Tag(NamedTuple):
    """A hashtag and its attributes, whose order says nothing."""

    name: str
    attributes: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return "+".join([f"#{self.name}", *sorted(self.attributes)])

    def has(self, *attributes: str) -> bool:
        return not self.attributes.isdisjoint(attributes)


SAME = {
    "id": "code", "pcode": "code", "p_code": "code",
    "female": "f", "women": "f", "girls": "f", "male": "m", "men": "m", "boys": "m",
    "idp": "idps", "refugee": "refugees", "returnee": "returnees", "child": "children",
    "programme": "prog", "programming": "prog", "implementing": "impl", "implementer": "impl", "partner": "impl",
    "funding": "funder", "donor": "funder", "households": "hh", "household": "hh",
    "commitments": "commitment", "disbursements": "disbursement", "expenditures": "expenditure",
}  # fmt: skip
"""Attributes that say the same as another one."""

FORMER = {
    "period_date": "#date", "report_date": "#date+reported", "start_date": "#date+start", "end_date": "#date+end",
    "start": "#date+start", "end": "#date+end",
    "activity_id": "#activity+code", "org_id": "#org+code", "org_type": "#org+type", "sector_id": "#sector+code",
    "country_id": "#country+code", "loc_id": "#loc+code", "loctype": "#loc+type",
    **{f"adm{level}_id": f"#adm{level}+code" for level in range(1, 6)},
    "pcode": "#loc+code",
    "lat_deg": "#geo+lat", "lon_deg": "#geo+lon", "lat": "#geo+lat", "lon": "#geo+lon",
    "aff_num": "#affected", "idp_num": "#affected+idps", "refugee_num": "#affected+refugees",
    "returnee_num": "#affected+returnees", "killed_num": "#affected+killed", "injured_num": "#affected+injured",
    "missing_num": "#affected+missing", "people_num": "#affected", "hh_num": "#affected+hh",
    "in_need_num": "#inneed", "need_num": "#inneed", "target_num": "#targeted", "reached_num": "#reached",
    "reach_num": "#reached", "targeted_num": "#targeted", "population_num": "#population", "pop_num": "#population",
    "in_need": "#inneed", "pop": "#population", "aff": "#affected", "beneficiaries": "#beneficiary",
}  # fmt: skip
"""Tags of the years before HXL's core was settled, and slips of the pen, as what they have become."""


@lru_cache(maxsize=4_096)
def tag_of(cell: str) -> Tag | None:
    """The tag in a cell, as HXL has it now; None where there is none, or one that is not well written.

    >>> str(tag_of(" #ADM1 + Name +f")), str(tag_of("#idp_num"))
    ('#adm1+f+name', '#affected+idps')
    """
    found = SHAPE.fullmatch(cell.strip())
    if found is None:
        return None
    name = found[1].lower()
    attributes = {SAME.get(word, word) for word in re.findall(r"[a-z0-9_]+", found[2].lower())}
    if name in FORMER and (now := tag_of(FORMER[name])):
        return Tag(now.name, now.attributes | attributes)
    return Tag(name, frozenset(attributes))


def is_tag_row(cells: Sequence[str]) -> bool:
    """Whether these are tags: at least one is, and no fewer cells than half begin as one."""
    filled = [cell.strip() for cell in cells if cell.strip()]
    begun = sum(cell.startswith("#") for cell in filled)
    return 2 * begun >= len(filled) and any(map(tag_of, filled))


# What a table without tags may want.

HEADERS = {
    "#country+code": "country code; iso3; iso 3; iso code; iso2; location code; pays code; code pays;"
    " iso3166 1 alpha 3; iso3166 1 alpha 2; alpha 3; country iso; country iso3; location",
    "#country+name": "country; country name; pays; nom du pays; recipient country; location name",
    **{
        f"#adm{level}+code": f"admin{level} code; admin {level} code; adm{level} code; admin{level} pcode;"
        f" admin {level} p code; adm{level} pcode; {words}"
        for level, words in {
            1: "region code; province code; state code; code region",
            2: "district code; cercle code; code cercle",
            3: "commune code; subdistrict code",
        }.items()
    },
    **{
        f"#adm{level}+name": f"admin{level}; admin {level}; adm{level}; adm {level}; admin{level} name; {words}"
        for level, words in {
            1: "region; province; state; governorate; oblast; region name; nom region",
            2: "district; cercle; county; department; departement; municipality; district name",
            3: "commune; subdistrict; sub district; ward",
        }.items()
    },
    "#loc+name": "place; site; village; town; city; settlement; camp; place name; site name; localite",
    "#geo+lat": "latitude; lat; y",
    "#geo+lon": "longitude; lon; long; x",
    "#org+name": "organisation; organization; org; org name; organisation name; partner; agency; ngo; lead agency",
    "#org+acronym": "acronym; org acronym; organisation acronym; sigle",
    "#org+type": "organisation type; org type; organization type; type of organisation",
    "#org+impl": "implementing partner; implementer; implementing organisation; partenaire de mise en oeuvre",
    "#org+funder": "donor; funder; donor name; funding agency; bailleur",
    "#sector": "sector; cluster; secteur; sector name; cluster name; sector cluster",
    "#activity": "activity; activity name; activite; activity description; project title; project name; project",
    "#activity+code": "activity id; activity code; project code; project id; projectcode; iati identifier",
    "#status": "status; project status; activity status; statut",
    "#date": "date; month; period; mois; year; annee; reporting period; reference period",
    "#date+start": "start date; start; date debut; begin; from; startdate; reference period start",
    "#date+end": "end date; end; date fin; to; enddate; reference period end",
    "#population": "population; total population; pop; inhabitants",
    "#affected": "affected; people affected; affected people; total affected; personnes affectees; total",
    "#affected+idps": "idps; idp; displaced; displaced people; internally displaced; deplaces; pdi",
    "#affected+refugees": "refugees; refugee; refugies",
    "#affected+returnees": "returnees; returned; retournes",
    "#inneed": "in need; people in need; persons in need; pin; inneed; need; personnes dans le besoin",
    "#targeted": "targeted; people targeted; target; cible; personnes ciblees",
    "#reached": "reached; people reached; beneficiaries reached; atteint; personnes atteintes",
    "#value": "value; amount; amount usd; funding; budget; montant; net money; total money",
    "#currency": "currency; devise; currency code",
}
"""Names of columns, folded, by the tag that they want."""

BY_HEADER = {header: tag for tag, headers in HEADERS.items() for header in headers.split("; ")}
PHRASES = sorted((header for header in BY_HEADER if " " in header), key=len, reverse=True)
"""What a longer name may hold: "people in need, revised"."""
COUNTED = re.compile(r"^(?:total |estimated )?(?:number|no|nb|nbr|nombre|count)(?: total)?(?: of| de| des| d)? ")
"""How names of columns begin that count something."""
NEAR = 0.84
"""How like the name of a column must be to one of these."""


@lru_cache(maxsize=4_096)
def guess(header: str) -> str | None:
    """The tag that a column of this name wants, if that can be guessed.

    >>> guess("Country code"), guess("Organisaton"), guess("Number of people in need (revised)"), guess("Colour")
    ('#country+code', '#org+name', '#inneed', None)
    """
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", header[:80])
    name = COUNTED.sub("", " ".join(re.findall(r"[^\W_]+", fold(words))))
    near = [name] if name in BY_HEADER else get_close_matches(name, BY_HEADER, 1, NEAR) if len(name) > 3 else []
    within = (header for header in PHRASES if f" {header} " in f" {name} ")
    found = next(chain(near, within), None)
    return BY_HEADER[found] if found else None
