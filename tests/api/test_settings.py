"""Every knob has a meaning, a default and an answer to nonsense."""

from pathlib import Path

import pytest

from api.errors import InvalidSettings
from api.settings import PREFIX, Settings, expected_form, load_settings


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch):
    for name in Settings.model_fields:
        monkeypatch.delenv(f"{PREFIX}{name.upper()}", raising=False)


def test_every_knob_says_what_it_does():
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert field.description[0].isupper(), name
        assert field.description.endswith("."), name


def test_the_defaults_are_for_one_developer_on_one_machine():
    settings = load_settings()
    assert (settings.host, settings.port, settings.seed, settings.wait) == ("127.0.0.1", 8000, True, 5.0)
    assert (settings.max_page, settings.default_page, settings.max_depth, settings.max_tokens) == (100, 20, 20, 2_000)
    assert (settings.max_aliases, settings.max_body, settings.cors_origins) == (100, 1_048_576, ())


def test_an_option_goes_before_the_environment_and_that_before_the_default(monkeypatch):
    monkeypatch.setenv("FIELDGRAPH_PORT", "9000")
    monkeypatch.setenv("FIELDGRAPH_SEED", "no")
    monkeypatch.setenv("FIELDGRAPH_MAX_DEPTH", "")
    settings = load_settings(port=9001, host=None)
    assert (settings.port, settings.seed, settings.max_depth, settings.host) == (9001, False, 20, "127.0.0.1")


def test_settings_do_not_change():
    with pytest.raises(ValueError, match="frozen"):
        load_settings().port = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("given", "origins"),
    [
        ("https://a.example", ("https://a.example",)),
        ("https://a.example, http://localhost:3000,", ("https://a.example", "http://localhost:3000")),
        ("*", ("*",)),
    ],
)
def test_origins_are_separated_by_commas(monkeypatch, given, origins):
    monkeypatch.setenv("FIELDGRAPH_CORS_ORIGINS", given)
    assert load_settings().cors_origins == origins


def test_the_store_is_where_data_of_users_belongs(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    assert load_settings().data == tmp_path / ".local" / "share" / "fieldgraph"
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    assert load_settings().data == tmp_path / ".local" / "share" / "fieldgraph"
    monkeypatch.setenv("XDG_DATA_HOME", "/srv/data")
    assert load_settings().data == Path("/srv/data/fieldgraph")
    monkeypatch.setenv("FIELDGRAPH_DATA", "~/here")
    assert load_settings().data == tmp_path / "here"


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("PORT", "abc", "FIELDGRAPH_PORT is 'abc', but must be a whole number from 0 to 65535."),
        ("PORT", "65536", "FIELDGRAPH_PORT is '65536', but must be a whole number from 0 to 65535."),
        ("MAX_PAGE", "0", "FIELDGRAPH_MAX_PAGE is '0', but must be a whole number from 1 to 100."),
        ("WAIT", "nan", "FIELDGRAPH_WAIT is 'nan', but must be a number of seconds from 0 on."),
        ("SEED", "maybe", "FIELDGRAPH_SEED is 'maybe', but must be true or false."),
        ("LOG_LEVEL", "loud", "FIELDGRAPH_LOG_LEVEL is 'loud', but must be one of debug, info, warning, error."),
        (
            "CORS_ORIGINS",
            "null",
            "FIELDGRAPH_CORS_ORIGINS is 'null', but must be origins separated by commas, such as ",
        ),
        ("CORS_ORIGINS", "https://a.example/", "FIELDGRAPH_CORS_ORIGINS is 'https://a.example/', but must be origins "),
        ("CORS_ORIGINS", "*,https://a.example", "FIELDGRAPH_CORS_ORIGINS is '*,https://a.example', but must be "),
    ],
)
def test_a_wrong_value_is_answered_with_its_name_the_value_and_the_form(monkeypatch, name, value, sentence):
    monkeypatch.setenv(f"FIELDGRAPH_{name}", value)
    with pytest.raises(InvalidSettings) as caught:
        load_settings()
    assert str(caught.value).startswith(sentence)


def test_all_wrong_values_are_told_at_once(monkeypatch):
    monkeypatch.setenv("FIELDGRAPH_PORT", "x")
    monkeypatch.setenv("FIELDGRAPH_WAIT", "y")
    with pytest.raises(InvalidSettings) as caught:
        load_settings(max_depth=0, colour="red")
    lines = str(caught.value).splitlines()
    assert len(lines) == 4
    assert "FIELDGRAPH_MAX_DEPTH is 0, but must be a whole number from 1 on." in lines
    assert any(line.startswith("There is no setting 'colour'. Known are: host, port, data") for line in lines)


def test_a_page_by_default_is_no_larger_than_the_largest():
    with pytest.raises(InvalidSettings) as caught:
        load_settings(max_page=10)
    assert str(caught.value) == "FIELDGRAPH_DEFAULT_PAGE is 20, but must be at most FIELDGRAPH_MAX_PAGE, 10."


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_has_a_form_in_words(name):
    assert expected_form(name)
