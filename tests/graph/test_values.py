"""Specifies graph/values.py: text compared without case and accents, partial dates as the spans they stand for."""

import unicodedata
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.values import fold, is_partial_date, span

DAYS = st.dates(min_value=date(1, 1, 1))
PARTIAL_DATES = st.builds(lambda day, length: day.isoformat()[:length], DAYS, st.sampled_from([4, 7, 10]))


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Mali", "mali"),
        ("Médecins Sans Frontières", "medecins sans frontieres"),
        ("CÔTE D’IVOIRE", "cote d’ivoire"),
        ("Straße", "strasse"),
        ("ŁÓDŹ", "łodz"),  # a stroke is part of the letter, not an accent on it
        ("Ελλάδα", "ελλαδα"),
        ("Ὀδυσσεύς", "οδυσσευσ"),
        ("МАЛИ", "мали"),
        ("مَالِي", "مالي"),
        ("ﬁeld", "field"),
        ("ｶﾞｰﾅ", "カーナ"),
        ("東京", "東京"),
        ("  two  spaces ", "  two  spaces "),
        ("", ""),
    ],
)
def test_text_folds_to_what_people_mean_by_it(text, folded):
    assert fold(text) == folded


@given(st.text())
def test_however_a_text_is_composed_it_folds_to_the_same(text):
    assert fold(unicodedata.normalize("NFC", text)) == fold(unicodedata.normalize("NFD", text)) == fold(text)


@given(st.text(alphabet=st.characters(max_codepoint=127)))
def test_plain_letters_fold_as_any_other_letters_do(text):
    assert fold(text) == fold(text.upper()) == text.casefold()


@pytest.mark.parametrize(
    "text", ["2023", "2023-11", "2023-11-05", "0001", "9999-12-31", "2024-02-29", "2000-02-29", "1999-01"]
)
def test_a_date_may_be_known_to_the_year_the_month_or_the_day(text):
    assert is_partial_date(text)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "0000",
            "0000-01",
            "23",
            "202",
            "20233",
            "2023-",
            "2023-1",
            "2023-00",
            "2023-13",
            "2023-11-",
            "2023-11-5",
        ),
        *("2023-11-00", "2023-11-32", "2023-02-30", "2023-02-29", "1900-02-29", "2023-11-31", "2023-11-05T00:00"),
        *("2023/11/05", "20231105", "05.11.2023", " 2023", "2023 ", "+2023", "-2023", "2023~", "about 2023", "unknown"),
        *("2023\n", "2023-11\n", "2023-11-05\n", "٢٠٢٣", "２０２３", "2023‐11", "2023\x00"),
    ],
)
def test_nothing_else_is_a_date(text):
    assert not is_partial_date(text)


@given(st.integers(1, 9999), st.integers(1, 12), st.integers(1, 31))
def test_a_day_is_a_date_exactly_if_the_calendar_has_it(year, month, day):
    try:
        known = date(year, month, day)
    except ValueError:
        known = None
    assert is_partial_date(f"{year:04}-{month:02}-{day:02}") is (known is not None)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2023", "2023-01-01", "2023-12-31"),
        ("2023-11", "2023-11-01", "2023-11-30"),
        ("2024-02", "2024-02-01", "2024-02-29"),
        ("2023-02", "2023-02-01", "2023-02-28"),
        ("1900-02", "1900-02-01", "1900-02-28"),
        ("2023-11-05", "2023-11-05", "2023-11-05"),
        ("0001", "0001-01-01", "0001-12-31"),
        ("9999-12", "9999-12-01", "9999-12-31"),
    ],
)
def test_a_date_spans_its_period(text, first, last):
    assert span(text) == (first, last)


@given(PARTIAL_DATES)
def test_a_span_is_the_days_that_begin_with_the_date(text):
    first, last = (date.fromisoformat(day) for day in span(text))
    assert first.isoformat().startswith(text)
    assert last.isoformat().startswith(text)
    assert first == date.min or not (first - timedelta(1)).isoformat().startswith(text)
    assert last == date.max or not (last + timedelta(1)).isoformat().startswith(text)


@given(st.lists(PARTIAL_DATES, max_size=8))
def test_as_text_dates_stand_by_the_start_of_their_span_and_a_longer_one_first(texts):
    def place(text: str) -> tuple[date, timedelta]:
        first, last = (date.fromisoformat(day) for day in span(text))
        return first, first - last

    assert sorted(texts) == sorted(texts, key=place)
