"""Specifies seed/countries.py: every country of ISO 3166-1, named in seven languages, within the regions of UN M49."""

import re

import pycountry
import pytest
from babel import Locale

WORLD = "place:m49-001"

# Region -> what it is part of, as UN M49 has it; not read from the seed's own tables.
TREE = {
    "002": "001",
    "015": "002",
    "202": "002",
    "011": "202",
    "014": "202",
    "017": "202",
    "018": "202",
    "009": "001",
    "053": "009",
    "054": "009",
    "057": "009",
    "061": "009",
    "019": "001",
    "021": "019",
    "419": "019",
    "005": "419",
    "013": "419",
    "029": "419",
    "142": "001",
    "030": "142",
    "034": "142",
    "035": "142",
    "143": "142",
    "145": "142",
    "150": "001",
    "039": "150",
    "151": "150",
    "154": "150",
    "155": "150",
}


def test_every_country_of_iso_3166_1_is_there(seed):
    assert len(seed.of("COUNTRY")) == 249
    assert {country["code"] for country in seed.of("COUNTRY")} == {country.alpha_2 for country in pycountry.countries}


@pytest.mark.parametrize(
    ("key", "shape"),
    [("code", r"[A-Z]{2}"), ("alpha3", r"[A-Z]{3}"), ("numeric", r"\d{3}"), ("id", r"country:[A-Z]{2}")],
)
def test_a_country_has_its_own_code_of_each_sort(seed, key, shape):
    codes = [country[key] for country in seed.of("COUNTRY")]
    assert all(re.fullmatch(shape, code) for code in codes)
    assert len(set(codes)) == 249


def test_mali_in_full(seed):
    mali = dict(seed["country:ML"])
    assert mali.pop("summary")
    assert mali == {
        "id": "country:ML",
        "kind": "COUNTRY",
        "name": "Mali",
        "officialName": "Republic of Mali",
        "code": "ML",
        "alpha3": "MLI",
        "numeric": "466",
        "labels": {"ar": "مالي", "zh": "马里", "en": "Mali", "fr": "Mali", "pt": "Mali", "ru": "Мали", "es": "Mali"},
        "identifiers": [{"vocabulary": "M49", "code": "466"}],
    }


def test_every_country_has_an_official_name(seed):
    for country in seed.of("COUNTRY"):
        iso = pycountry.countries.get(alpha_2=country["code"])
        assert country["officialName"] == getattr(iso, "official_name", country["officialName"])
    assert seed["country:AE"]["officialName"] == "United Arab Emirates"  # ISO has no longer name for it
    assert (
        seed["country:CD"]["officialName"] == "Democratic Republic of the Congo"
    )  # nor here, and inverts the short one


def test_every_country_and_region_has_a_name_in_seven_languages_without_exception(seed):
    named = seed.of("COUNTRY") + [place for place in seed.of("PLACE") if place["type"] in ("WORLD", "REGION")]
    assert len(named) == 249 + 30
    for entity in named:
        territory = entity.get("code") or entity["id"].removeprefix("place:m49-")
        languages = ("ar", "zh", "en", "fr", "pt", "ru", "es")
        assert entity["labels"] == {language: Locale(language).territories[territory] for language in languages}


@pytest.mark.parametrize(
    ("code", "name", "aliases"),
    [
        ("IR", "Iran", ["Iran, Islamic Republic of"]),
        ("CV", "Cabo Verde", ["Cape Verde"]),
        ("CG", "Congo", ["Congo - Brazzaville"]),
        ("CD", "Democratic Republic of the Congo", ["Congo, The Democratic Republic of the", "Congo - Kinshasa"]),
        ("KR", "Republic of Korea", ["Korea, Republic of", "South Korea"]),
        ("PS", "State of Palestine", ["Palestine, State of", "Palestinian Territories"]),
        ("VN", "Viet Nam", ["Vietnam"]),
        ("LA", "Laos", ["Lao People's Democratic Republic"]),
    ],
)
def test_the_name_shown_is_short_and_the_others_are_aliases(seed, code, name, aliases):
    country = seed[f"country:{code}"]
    assert (country["name"], country["aliases"]) == (name, aliases)


def test_no_name_shown_is_inverted(seed):
    inverted = {country["name"] for country in seed.of("COUNTRY") if "," in country["name"]}
    assert inverted == {"Bonaire, Sint Eustatius and Saba", "Saint Helena, Ascension and Tristan da Cunha"}


def test_no_alias_repeats_the_name(seed):
    for entity in seed.entities.values():
        aliases = entity.get("aliases", [])
        assert entity["name"] not in aliases
        assert len(set(aliases)) == len(aliases)


def test_the_regions_are_those_of_m49(seed):
    assert seed[WORLD]["type"] == "WORLD"
    regions = [place["id"] for place in seed.of("PLACE") if place["type"] == "REGION"]
    parents = {region: seed.objects("PART_OF", region) for region in regions}
    assert parents == {f"place:m49-{code}": [f"place:m49-{parent}"] for code, parent in TREE.items()}


def test_every_country_reaches_the_world(seed):
    for country in seed.of("COUNTRY"):
        around = list(seed.around(country["id"]))
        assert around[-1] == WORLD
        assert len(around) == 1 or 3 <= len(around) <= 4, country["id"]


def test_a_country_is_part_of_the_smallest_area_that_holds_it(seed):
    inner = {line["object"] for line in seed.stated("PART_OF") if line["subject"].startswith("place:m49-")}
    for country in seed.of("COUNTRY"):
        (area,) = seed.objects("PART_OF", country["id"])
        assert area not in inner or country["id"] == "country:AQ", f"{area} is divided further"
    assert list(seed.around("country:ML")) == ["place:m49-011", "place:m49-202", "place:m49-002", WORLD]


def test_how_many_countries_each_region_holds(seed):
    holding = [area for country in seed.of("COUNTRY") for area in seed.around(country["id"])]
    counts = {code: holding.count(f"place:m49-{code}") for code in ("001", "002", "011", "019", "142", "150", "009")}
    assert counts == {"001": 249, "002": 60, "011": 17, "019": 57, "142": 51, "150": 51, "009": 29}


@pytest.mark.parametrize(
    ("country", "area"),
    [
        ("AQ", "001"),  # in none of the five regions
        ("TW", "030"),  # not on M49's list
        ("GG", "154"),  # no Channel Islands between
        ("JE", "154"),
        ("CY", "145"),
        ("TR", "145"),
        ("RU", "151"),
        ("KZ", "143"),
        ("SD", "015"),
        ("SS", "014"),
        ("SH", "011"),
        ("MX", "013"),
        ("US", "021"),
        ("TL", "035"),
    ],
)
def test_cases_that_are_easily_got_wrong(seed, country, area):
    assert seed.objects("PART_OF", f"country:{country}") == [f"place:m49-{area}"]


def test_the_m49_code_of_a_country_is_its_numeric_code_and_taiwan_has_none(seed):
    for country in seed.of("COUNTRY"):
        codes = [code["code"] for code in country.get("identifiers", []) if code["vocabulary"] == "M49"]
        assert codes == ([] if country["code"] == "TW" else [country["numeric"]])


def test_the_m49_code_of_a_region_is_in_its_id(seed):
    for code in ("001", *TREE):
        assert seed[f"place:m49-{code}"]["identifiers"] == [{"vocabulary": "M49", "code": code}]


def test_countries_and_regions_cite_the_lists_they_are_from(seed):
    assert {"source:iso-3166-1", "source:unicode-cldr", "source:unsd-m49"} <= set(seed.objects("CITES", "country:ML"))
    assert seed.objects("CITES", "country:TW") == ["source:iso-3166-1", "source:unicode-cldr"]
    assert seed.objects("CITES", "place:m49-011") == ["source:unsd-m49", "source:unicode-cldr"]
    placed = seed.stated("PART_OF", object="place:m49-030")
    sources = {line["subject"]: line["sources"] for line in placed}
    assert sources.pop("country:TW") == ["source:unicode-cldr"]
    assert set(map(tuple, sources.values())) == {("source:unsd-m49",)}


@pytest.mark.parametrize("source", ["source:iso-3166-1", "source:unsd-m49", "source:unicode-cldr"])
def test_the_lists_are_named_with_publisher_and_address(seed, source):
    assert seed[source]["type"] in ("REGISTER", "DATASET")
    assert seed[source]["publisher"]
    assert seed[source]["url"].startswith("https://")
