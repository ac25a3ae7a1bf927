"""What stands above refused rows, so that they can be corrected and read again: with columns for why each was refused,
and for the file where it stood.
"""

from graph.formats.hxl.columns import FILE, REASON
from graph.formats.hxl.tags import tag_of
from graph.formats.rows import Frame, Table, written


def frame_of(found: Table) -> Frame:
    """All that stood above the rows, with the new columns before it."""
    tags = [tag_of(cell) for cell in found.head.cells]
    again = tags[:1] == [REASON]
    new = {REASON: "Reason"} if not again else {}
    new |= {FILE: "File"} if FILE not in tags else {}
    above = []
    for row in found.above:
        names = list(new.values()) if row is found.above[-1] else [""] * len(new)
        above.append(_line(names, row.raw, found.delimiter))
    return Frame(found.delimiter, [*above, _line([str(tag) for tag in new], found.head.raw, found.delimiter)], again)


def _line(before: list[str], raw: str, delimiter: str) -> str:
    return delimiter.join([*([written(before, delimiter)] if before else []), raw])
