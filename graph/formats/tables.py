"""CSV tables, zipped: one for each kind of entity and of relation, with a data dictionary, the codelists and citations.

Lists are JSON in their cells. Tables of which nothing was selected are left out. `dictionary.csv` says what each column
holds, `codelists.csv` what each term means, `citations.csv` has a line ready to print for every source, and how many
entities and relations of the tables rest on it.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, BinaryIO, cast
from zipfile import ZIP_DEFLATED, ZipFile

import msgspec

from graph.formats.dictionary import Attribute, Shape, attributes, known, relation_attributes
from graph.formats.format import NOTHING, Writer
from graph.formats.sheets import row
from graph.model import Entity, Relation, Source
from graph.selection import Selection
from graph.vocabulary import Kind, RelationKind

LEVEL = 3
"""Twice as quick as the usual 6, and a few percent larger."""

ROWS = 200
"""So many rows are compressed at a time."""

KIND_TABLES = {
    Kind.COUNTRY: "countries",
    Kind.PLACE: "places",
    Kind.PROJECT: "projects",
    Kind.EVENT: "events",
    Kind.PARTNER: "partners",
    Kind.INDICATOR: "indicators",
    Kind.METRIC: "metrics",
    Kind.SOURCE: "sources",
}
RELATION_TABLES = {kind: str(kind).lower() for kind in RelationKind}
DICTIONARY = {
    "table": "The table that has the column.",
    "column": "What the column is called.",
    "type": "What its values are.",
    "description": "What they mean.",
    "codelist": "The codelist that they are terms of, if they are.",
}
CODELISTS = {
    "codelist": "What the list is called.",
    "code": "A term of it, as it stands in tables.",
    "description": "What the term means.",
}
CITATIONS = {
    "id": "The id of the source.",
    "citation": "A line ready to print.",
    "url": "Where it is found.",
    "license": "Under which it may be used.",
    "cited": "How many entities and relations of these tables rest on it.",
}
ABOUT_TABLES = {"dictionary": DICTIONARY, "codelists": CODELISTS, "citations": CITATIONS}
"""Columns of the tables that are about the others, with what they hold."""

_encode = msgspec.json.Encoder().encode
IN_JSON = {Shape.TEXTS, Shape.CODES, Shape.LABELS}


def write_tables(selection: Selection, base: str = "") -> Iterator[bytes]:
    """The archive."""
    out = _Pieces()
    cited: Counter[str] = Counter()
    with ZipFile(cast(BinaryIO, out), "w", ZIP_DEFLATED, compresslevel=LEVEL) as archive:
        for name, header, rows in _tables(selection, cited):
            first = next(rows, None)
            if first is None:
                continue
            # By its name alone it gets no time: equal graphs give equal files.
            with archive.open(f"{name}.csv", "w", force_zip64=True) as table:
                for piece in _in_pieces(chain([row(header), first], rows)):
                    table.write(piece)
                    yield out.taken()
            yield out.taken()
    yield out.taken()


def _tables(selection: Selection, cited: Counter[str]) -> Iterator[tuple[str, Sequence[str], Iterator[bytes]]]:
    """Each table: its name, its header, its rows."""
    yield "dictionary", [*DICTIONARY], _dictionary()
    yield "codelists", [*CODELISTS], _codelists()
    for kind, name in KIND_TABLES.items():
        columns = attributes(kind)
        yield name, [each.key for each in columns], _rows(selection.entities(kind), columns)
    for relation, name in RELATION_TABLES.items():
        columns = relation_attributes(relation)
        counted = _counted(selection.relations(relation), cited)
        yield name, [each.key for each in columns], _rows(counted, columns)
    yield "citations", [*CITATIONS], _citations(selection, cited)


def _rows(records: Iterable[Entity | Relation], columns: Sequence[Attribute]) -> Iterator[bytes]:
    for record in records:
        cells = {column.key: _cell(column, value) for column, value in known(record)}
        yield row([cells.get(column.key) for column in columns])


def _cell(column: Attribute, value: Any) -> Any:
    """A value as its cell has it."""
    return _encode(value).decode() if column.shape in IN_JSON else value


def _counted(relations: Iterable[Relation], cited: Counter[str]) -> Iterator[Relation]:
    """The relations, while it is counted how often they rest on which source."""
    for relation in relations:
        cited.update([relation.object] if relation.kind is RelationKind.CITES else relation.sources)
        yield relation


def _citations(selection: Selection, cited: Counter[str]) -> Iterator[bytes]:
    for source in selection.entities(Kind.SOURCE):
        assert isinstance(source, Source)
        yield row([source.id, source.citation, source.url, source.license, cited[source.id]])


def _dictionary() -> Iterator[bytes]:
    tables = [*((name, attributes(kind)) for kind, name in KIND_TABLES.items())]
    tables += [(name, relation_attributes(kind)) for kind, name in RELATION_TABLES.items()]
    for name, columns in tables:
        for column in columns:
            codelist = column.terms.__name__ if column.terms else None
            yield row([name, column.key, column.shape.value, column.description, codelist])
    for name, described in ABOUT_TABLES.items():
        for key, description in described.items():
            yield row([name, key, (Shape.WHOLE if key == "cited" else Shape.TEXT).value, description, None])


def _codelists() -> Iterator[bytes]:
    columns = chain.from_iterable([*map(attributes, Kind), *map(relation_attributes, RelationKind)])
    for terms in dict.fromkeys(column.terms for column in columns if column.terms):
        for term in terms:
            yield row([terms.__name__, str(term), term.description])


def _in_pieces(rows: Iterable[bytes]) -> Iterator[bytes]:
    piece: list[bytes] = []
    for each in rows:
        piece.append(each)
        if len(piece) == ROWS:
            yield b"".join(piece)
            piece.clear()
    yield b"".join(piece)


class _Pieces:
    """A file that is written from its beginning to its end, and taken away in pieces."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def taken(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces) or NOTHING


TABLES = Writer(
    "csv",
    "CSV tables with a data dictionary and citations, zipped",
    ".zip",
    "application/zip",
    write_tables,
    is_compressed=True,
)
