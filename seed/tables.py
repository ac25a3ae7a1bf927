"""The tables of seed/data: how one is read, and how a wrong row is answered.

A table is a CSV file in UTF-8 with a header row. An empty cell is unknown and appears nowhere; several ids in one cell
are separated by semicolons. Columns named as in the interchange format hold what it says.
"""

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib.resources.abc import Traversable
from typing import Any

from graph.errors import FieldgraphError
from graph.values import is_partial_date
from graph.vocabulary import Term

Parse = Callable[[str], Any]
"""Takes what a cell says; raises ValueError with what was expected."""

Columns = Mapping[str, Parse]


class WrongRow(FieldgraphError):
    """A row of a table that cannot be taken as it is: file, line and reason."""


def text(cell: str) -> str:
    return cell


def ids(cell: str) -> list[str]:
    return [part.strip() for part in cell.split(";") if part.strip()]


def number(cell: str) -> int | float:
    """A whole number stays one, so that it is written without ".0"."""
    if not re.fullmatch(r"-?\d+(\.\d+)?", cell, re.ASCII):
        raise ValueError("expected a number as 1870 or 30.5, without separators or unit")
    return float(cell) if "." in cell else int(cell)


def count(cell: str) -> int:
    if not re.fullmatch(r"\d+", cell, re.ASCII):
        raise ValueError("expected a whole number as 47000, without separators or unit")
    return int(cell)


def date(cell: str) -> str:
    if not is_partial_date(cell):
        raise ValueError("expected a date as precise as it is known: 2023, 2023-11 or 2023-11-05")
    return cell


def one_of(terms: type[Term]) -> Parse:
    """A cell that holds one word of a closed list."""

    def parse(cell: str) -> str:
        if cell not in terms.__members__:
            raise ValueError(f"expected one of {', '.join(terms.__members__)}")
        return cell

    return parse


@dataclass(frozen=True)
class Table:
    """A file of `seed/data` and its columns. Those of `optional` may be empty, or absent from the header."""

    file: str
    required: Columns
    optional: Columns = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """What one row says: column -> value, for each cell that is filled."""

    file: str
    line: int
    values: dict[str, Any] = field(default_factory=dict)

    def __getitem__(self, column: str) -> Any:
        return self.values[column]

    def get(self, column: str, default: Any = None) -> Any:
        return self.values.get(column, default)

    def without(self, *columns: str) -> dict[str, Any]:
        """All it says but these columns, its source and its note."""
        return {column: value for column, value in self.values.items() if column not in (*columns, "source", "note")}

    def wrong(self, reason: str) -> WrongRow:
        return WrongRow(f"{self.file}, line {self.line}: {reason}")


def read(table: Table, data: Traversable) -> Iterator[Row]:
    """The rows of a table, each checked and parsed. Every table may have a `note`, which is for its editors alone."""
    columns = {**table.required, **table.optional, "note": text}
    lines = _lines(table.file, data)
    header = _checked_header(table, columns, next(lines, (1, []))[1])
    for line, cells in lines:
        row = Row(table.file, line)
        if len(cells) != len(header):
            raise row.wrong(f"{len(cells)} cells, but the header has {len(header)} columns; quote a cell with a comma")
        for column, cell in zip(header, cells, strict=True):
            if cell:
                row.values[column] = _parsed(row, column, cell, columns[column])
        if missing := [column for column in table.required if column not in row.values]:
            raise row.wrong(f"{' and '.join(missing)} must be filled")
        yield row


def keyed(table: Table, data: Traversable) -> dict[str, Row]:
    """The rows of a table by its first column, which names each row once."""
    key = next(iter(table.required))
    rows: dict[str, Row] = {}
    for row in read(table, data):
        if earlier := rows.get(row[key]):
            raise row.wrong(f"{key} {row[key]!r} stands in line {earlier.line} too; keep one of them")
        rows[row[key]] = row
    return rows


def _lines(file: str, data: Traversable) -> Iterator[tuple[int, list[str]]]:
    """Line number and trimmed cells of each row that is not blank. Spreadsheets may put a byte order mark first."""
    try:
        content = data.joinpath(file).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise WrongRow(f"{file}: byte {error.start} is not UTF-8; save the file as UTF-8") from error
    reader = csv.reader(io.StringIO(content), strict=True)
    try:
        for cells in reader:
            if cells:
                yield reader.line_num, [cell.strip() for cell in cells]
    except csv.Error as error:
        raise WrongRow(f"{file}, line {reader.line_num}: not CSV: {error}") from error


def _checked_header(table: Table, columns: Mapping[str, Parse], header: list[str]) -> list[str]:
    wrong = Row(table.file, 1).wrong
    for name in header:
        if name not in columns:
            near = get_close_matches(name, columns, 1)
            hint = f"Did you mean {near[0]!r}?" if near else f"Known are {', '.join(columns)}."
            raise wrong(f"no column is named {name!r}. {hint}")
        if header.count(name) > 1:
            raise wrong(f"column {name!r} stands twice")
    if missing := [column for column in table.required if column not in header]:
        raise wrong(f"the header lacks {' and '.join(missing)}")
    return header


def _parsed(row: Row, column: str, cell: str, parse: Parse) -> Any:
    try:
        return parse(cell)
    except ValueError as error:
        raise row.wrong(f"{column} is {cell!r}; {error}") from error
