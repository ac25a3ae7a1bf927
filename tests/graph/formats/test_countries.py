"""Specifies graph/formats/countries.py and how readers find countries by it."""

import pycountry
import pytest

from graph.formats.countries import country_coded, country_named, country_of
from graph.formats.known import Known
from graph.formats.shared import Shared
from graph.graph import Graph


@pytest.mark.parametrize("iso", list(pycountry.countries), ids=lambda iso: iso.alpha_2)
def test_every_country_is_found_by_its_codes_and_names(iso):
    assert {country_coded(code).alpha_2 for code in (iso.alpha_2, iso.alpha_3.lower(), iso.numeric)} == {iso.alpha_2}
    assert country_named(iso.name) is country_named(iso.alpha_3) is iso
    country = country_of(iso)
    assert (country.code, country.alpha3, country.numeric) == (iso.alpha_2, iso.alpha_3, iso.numeric)
    assert iso.name in (country.name, *country.aliases)


@pytest.mark.parametrize("given", ["XK", "XKX", "Kosovo", "KOSOVO"])
def test_kosovo_is_a_country_whose_codes_are_user_assigned(given):
    spot = Shared(Known(Graph.in_memory().engine)).country(given)
    assert spot is not None
    assert (spot.id, spot.name, spot.is_known) == ("country:XK", "Kosovo", False)


@pytest.mark.parametrize("given", ["", "XX", "ZZZ", "Atlantis", "999", "the"])
def test_what_is_no_country_is_none(given):
    assert country_coded(given) is None
    assert country_named(given) is None
