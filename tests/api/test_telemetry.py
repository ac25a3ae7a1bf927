"""Lines of the log, which nobody can forge."""

import io
import json
import logging

import pytest

from api.settings import Settings
from api.telemetry import configure_logging, escape


def log(log_format: str) -> str:
    stream = io.StringIO()
    configure_logging(Settings(log_format=log_format), stream)
    try:
        raise ValueError("bad\n2026-01-01T00:00:00Z INFO fieldgraph: forged \x1b[31m")
    except ValueError:
        logging.getLogger("fieldgraph").exception("request %s", "1\r\nforged: \ud800\u2028é")
    logging.getLogger("fieldgraph").debug("too small to tell")
    logging.getLogger("uvicorn.error").info("started")
    return stream.getvalue()


@pytest.mark.usefixtures("_restored_logging")
def test_text_has_one_line_for_each_thing_and_tracebacks_indented():
    first, *trace = log("text").splitlines()
    assert first.endswith("Z ERROR fieldgraph: request 1\\r\\nforged: \\ud800\\u2028é")
    assert trace[0] == "    Traceback (most recent call last):"
    assert all(line.startswith("    ") for line in trace)
    assert "\x1b" not in "".join(trace)


@pytest.mark.usefixtures("_restored_logging")
def test_json_has_one_object_a_line():
    (line,) = log("json").splitlines()
    entry = json.loads(line)
    assert (entry["level"], entry["logger"]) == ("error", "fieldgraph")
    assert entry["message"] == "request 1\\r\\nforged: \\ud800\\u2028é"
    assert entry["traceback"].startswith("Traceback (most recent call last):\n")


def test_text_that_is_plain_stays_as_it_is():
    assert escape("Ségou, 12 °C: {x}") == "Ségou, 12 °C: {x}"
