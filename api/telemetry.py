"""The log: one line for each thing worth knowing, for people or as JSON, and no line that a client can forge."""

import logging
import re
import time
from typing import TextIO

import msgspec

from api.settings import Settings
from graph.tokens import PREFIX

# C0 and C1 controls and the line separators of Unicode: whatever a terminal or a reader of lines would obey.
_ESCAPES = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))}
_ESCAPES |= {ord("\n"): "\\n", ord("\r"): "\\r", ord("\t"): "\\t", 0x2028: "\\u2028", 0x2029: "\\u2029"}

# Also one that is cut off. What few digits are left alone here are as good as none.
_token = re.compile(rf"{PREFIX}[0-9a-f]{{8,}}")


def configure_logging(settings: Settings, stream: TextIO | None = None) -> None:
    """Send the logs of the service and of its server to `stream`, or to standard error."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JSONFormatter() if settings.log_format == "json" else TextFormatter())
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger("fieldgraph").setLevel(settings.log_level.upper())
    # uvicorn tells of each start, stop and connection at INFO; the command says what of it matters.
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    logging.getLogger("uvicorn.access").setLevel(logging.INFO if settings.access_log else logging.WARNING)


class TextFormatter(logging.Formatter):
    """A line as 2026-01-31T12:00:00Z ERROR fieldgraph: ..., with the traceback, if any, indented below it."""

    def format(self, record: logging.LogRecord) -> str:
        line = f"{_time(record)} {record.levelname} {record.name}: {escape(record.getMessage())}"
        return "\n".join([line, *(f"    {part}" for part in _traceback(self, record))])


class JSONFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": escape(record.getMessage()),
        }
        if trace := _traceback(self, record):
            entry["traceback"] = "\n".join(trace)
        return msgspec.json.encode(entry).decode()


def escape(text: str) -> str:
    """The text on one line, control characters and lone surrogates spelled out; of tokens only that they are."""
    text = _token.sub(f"{PREFIX}...", text)
    return text.translate(_ESCAPES).encode("utf-8", "backslashreplace").decode()


def _traceback(formatter: logging.Formatter, record: logging.LogRecord) -> list[str]:
    lines = formatter.formatException(record.exc_info).splitlines() if record.exc_info else []
    return [escape(line) for line in lines]


def _time(record: logging.LogRecord) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created))
