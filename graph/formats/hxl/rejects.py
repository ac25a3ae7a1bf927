"""Refused rows as a table that can be corrected and read again: with why each was refused, and where it stood."""

from collections.abc import Iterable, Iterator

from graph.formats.format import Refused
from graph.formats.hxl.columns import FILE, REASON
from graph.formats.hxl.tags import is_tag_row, tag_of
from graph.formats.rows import opening, reasoned, table, written


def reject(refused: Iterable[Refused], head: bytes) -> Iterator[bytes]:
    """What stood above the rows, then each row after its reasons and the name of its file."""
    found = table(iter(opening(head)), is_tag_row)
    if found is None:
        return
    tags = [tag_of(cell) for cell in found.head.cells]
    again = tags[:1] == [REASON]
    new = {REASON: "Reason"} if not again else {}
    new |= {FILE: "File"} if FILE not in tags else {}
    for row in found.above:
        names = list(new.values()) if row is found.above[-1] else [""] * len(new)
        yield _line(names, row.raw, found.delimiter)
    yield _line([str(tag) for tag in new], found.head.raw, found.delimiter)
    yield from reasoned(refused, found.delimiter, again=again)


def _line(before: list[str], raw: str, delimiter: str) -> bytes:
    return (delimiter.join([*([written(before, delimiter)] if before else []), raw]) + "\n").encode("utf-8", "replace")
