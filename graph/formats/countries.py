"""The countries of ISO 3166-1, and Kosovo, by the codes and names that files have for them."""

from functools import cache
from typing import Any, NamedTuple

import pycountry

from graph.model import Country
from graph.values import fold

OTHER_NAMES = {
    "CD": "democratic republic of congo; democratic republic of the congo; dr congo; drc; rdc",
    "CG": "republic of congo; republic of the congo; congo-brazzaville",
    "CI": "ivory coast; cote d'ivoire",
    "CZ": "czech republic",
    "KP": "north korea",
    "KR": "south korea",
    "LA": "laos",
    "PS": "palestine; state of palestine; occupied palestinian territory; occupied palestinian territories; opt",
    "RU": "russia",
    "SH": "saint helena",
    "SY": "syria",
    "SZ": "swaziland",
    "TR": "turkey; turkiye",
    "VE": "venezuela",
    "VN": "vietnam",
    "GB": "uk; great britain",
    "US": "usa; united states of america",
    "CF": "car; central african republic",
    "MM": "burma",
}
"""Names that ISO 3166-1 does not have, and files and pages do."""


class UserAssigned(NamedTuple):
    """A country whose codes ISO 3166-1 leaves to whoever needs them."""

    alpha_2: str
    alpha_3: str
    name: str
    numeric: str | None = None


KOSOVO = UserAssigned("XK", "XKX", "Kosovo")


@cache
def _countries() -> tuple[dict[str, Any], dict[str, Any]]:
    """By code, and by folded name."""
    coded: dict[str, Any] = {}
    named: dict[str, Any] = {}
    for country in (*pycountry.countries, KOSOVO):
        coded |= {code: country for code in (country.alpha_2, country.alpha_3, country.numeric) if code}
        names = [getattr(country, key, None) for key in ("name", "common_name", "official_name")]
        names += OTHER_NAMES.get(country.alpha_2, "").split("; ")
        named |= {fold(name): country for name in names if name}
    return coded, named


def country_coded(given: str) -> Any:
    """The country with an alpha-2, alpha-3 or numeric code, in whatever case; None where there is none."""
    return _countries()[0].get(given.upper())


def country_named(given: str) -> Any:
    """The country that has a name, or a code in capital letters; None where there is none."""
    coded, named = _countries()
    return coded.get(given) or named.get(fold(given.removeprefix("the ")))


def country_of(iso: Any) -> Country:
    """A country as an entity. ISO's short name may be inverted ("Iran, Islamic Republic of"): it is an alias then."""
    name = getattr(iso, "common_name", iso.name)
    return Country(
        id=f"country:{iso.alpha_2}",
        name=name,
        aliases=(iso.name,) if iso.name != name else (),
        official_name=getattr(iso, "official_name", None),
        code=iso.alpha_2,
        alpha3=iso.alpha_3,
        numeric=iso.numeric,
    )
