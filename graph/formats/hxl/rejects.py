"""Refused rows as a table that can be corrected and read again: with why each was refused, and where it stood."""

from collections.abc import Iterable, Iterator
from contextlib import suppress

from graph.formats.format import Refused, Unusable
from graph.formats.hxl.columns import FILE, REASON
from graph.formats.hxl.tags import is_tag_row, tag_of
from graph.formats.rows import Row, opening, rows_of, table, written

BETWEEN = " | "
"""Stands between the reasons of a row."""


def reject(refused: Iterable[Refused], head: bytes) -> Iterator[bytes]:
    """What stood above the rows, then each row after its reasons and the name of its file."""
    found = table(iter(opening(head)), is_tag_row)
    if found is None:
        return
    delimiter, tags = found.delimiter, [tag_of(cell) for cell in found.head.cells]
    again = tags[:1] == [REASON]
    has_file = FILE in tags
    for row in found.above:
        is_named = row is found.above[-1]
        names = (["Reason"] if not again else []) + (["File"] if not has_file else [])
        yield _line([name if is_named else "" for name in names], row.raw, delimiter)
    yield _line(([] if again else [str(REASON)]) + ([] if has_file else [str(FILE)]), found.head.raw, delimiter)
    for each in refused:
        reasons = BETWEEN.join(each.reasons)
        for row in _rows(each.text.decode("utf-8", "replace"), delimiter):
            if again and row.cells:
                yield _line([], written([reasons, *row.cells[1:]], delimiter), delimiter)
            else:
                yield _line([] if again else [reasons], row.raw, delimiter)


def _rows(text: str, delimiter: str) -> Iterator[Row]:
    """The rows of a record, which may have several."""
    with suppress(Unusable):  # each of them has been read before
        yield from rows_of(iter(text.split("\n")), delimiter)


def _line(before: list[str], raw: str, delimiter: str) -> bytes:
    return (delimiter.join(filter(None, [written(before, delimiter) if before else None, raw])) + "\n").encode(
        "utf-8", "replace"
    )
