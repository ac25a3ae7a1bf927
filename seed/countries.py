"""The countries of ISO 3166-1 and the UN's regions: codes from iso-codes, names from CLDR, the tree from UN M49."""

from collections.abc import Iterator
from functools import cache
from importlib.resources.abc import Traversable
from typing import Any

import pycountry
from babel import Locale

from seed.tables import Row, Table, ids, keyed, text

ISO, CLDR, M49 = "source:iso-3166-1", "source:unicode-cldr", "source:unsd-m49"
LANGUAGES = ("ar", "zh", "en", "fr", "pt", "ru", "es")
"""The six languages of the UN, and Portuguese."""

REGIONS = Table("regions.csv", {"m49": text, "name": text, "source": ids}, {"part_of": text})
COUNTRY_REGIONS = Table("country_regions.csv", {"alpha2": text, "region": text, "source": ids}, {"m49": text})
COUNTRY_NAMES = Table("country_names.csv", {"alpha2": text, "name": text, "source": ids})

Placed = tuple[Row, dict[str, Any], list[str], str | None]
"""Where it stands, the entity, the sources it cites, and the id of the region that holds it."""


def regions(data: Traversable) -> Iterator[Placed]:
    """The world and its regions, sub-regions and intermediate regions."""
    for row in keyed(REGIONS, data).values():
        code, name, parent = row["m49"], row["name"], row.get("part_of")
        entity = {"id": _place(code), "kind": "PLACE", "name": name, "type": "REGION" if parent else "WORLD"}
        entity |= _other_names(code, name) | _m49(code)
        yield row, entity, [*row["source"], CLDR], _place(parent) if parent else None


def countries(data: Traversable) -> Iterator[Placed]:
    """Every country of ISO 3166-1, within the smallest area of M49 that holds it."""
    names, placed = keyed(COUNTRY_NAMES, data), keyed(COUNTRY_REGIONS, data)
    known = {country.alpha_2: country for country in pycountry.countries}
    for row in (*placed.values(), *names.values()):
        if row["alpha2"] not in known:
            raise row.wrong(f"{row['alpha2']!r} is no alpha-2 code of ISO 3166-1")
    for alpha2 in sorted(known):
        if alpha2 not in placed:
            raise Row(COUNTRY_REGIONS.file, 1).wrong(f"no row for {alpha2}, which ISO 3166-1 has; add it")
        row, named = placed[alpha2], names.get(alpha2)
        entity = _country(known[alpha2], named["name"] if named else None) | _m49(row.get("m49"))
        sources = [ISO, CLDR, *(row["source"] if "m49" in row.values else []), *(named["source"] if named else [])]
        yield row, entity, sources, _place(row["region"])


def _country(iso: Any, chosen: str | None) -> dict[str, Any]:
    """A country of iso-codes under the name that a front end shows.

    ISO's short name is long or inverted where it says a state's form ("Iran, Islamic Republic of"): iso-codes then has
    a common name ("Iran"), which is preferred; `chosen` goes before both. ISO states a full name where it differs from
    the short one; elsewhere the short one is the official name.
    """
    name = chosen or getattr(iso, "common_name", iso.name)
    return {
        "id": f"country:{iso.alpha_2}",
        "kind": "COUNTRY",
        "name": name,
        "officialName": getattr(iso, "official_name", chosen or iso.name),
        "code": iso.alpha_2,
        "alpha3": iso.alpha_3,
        "numeric": iso.numeric,
    } | _other_names(iso.alpha_2, name, iso.name, getattr(iso, "common_name", iso.name))


def _other_names(territory: str, name: str, *others: str) -> dict[str, Any]:
    """Labels from CLDR, and as aliases what else it is called in English: by CLDR and by `others`."""
    labels = {language: known[territory] for language in LANGUAGES if territory in (known := _territories(language))}
    english = [*others, *([labels["en"]] if "en" in labels else [])]
    aliases = [alias for alias in dict.fromkeys(english) if alias.casefold() != name.casefold()]
    return ({"aliases": aliases} if aliases else {}) | ({"labels": labels} if labels else {})


def _m49(code: str | None) -> dict[str, Any]:
    return {"identifiers": [{"vocabulary": "M49", "code": code}]} if code else {}


def _place(m49: str) -> str:
    return f"place:m49-{m49}"


@cache
def _territories(language: str) -> dict[str, str]:
    return dict(Locale(language).territories)
