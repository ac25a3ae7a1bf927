"""What every format of the field has in common: a file is a sequence of records, each of which is taken or refused.

A reader turns a file into records and keeps nothing of them, so that files may be larger than memory. What a file says
of its own things (its projects, its figures) it writes in full; of what it shares with others (countries, places,
partners, indicators) it asks that it be there (`Ensure`), which overwrites nothing. So a file may be read again at any
time, and a second reading changes nothing.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any, BinaryIO, NamedTuple, TypeAlias

from graph.errors import InvalidInput
from graph.formats.known import Known
from graph.model import Ensure, Write
from graph.selection import Selection
from graph.vocabulary import Kind


class Unusable(InvalidInput):
    """A file that is not in the format, or breaks off: nothing of it can be taken."""


class Reason(NamedTuple):
    """What is wrong with a record, or worth knowing of it, and at which line of the file, counted from 1."""

    line: int
    text: str


Needs = list[Ensure]
"""What must be there for something to be spoken of."""


class Record(NamedTuple):
    """A part of a file that is taken or refused as a whole: a line, an activity, a row.

    `line` is where it begins, counted from 1, and `nth` which of those that begin there it is, counted from 0. With
    `faults` it is refused; `remarks` tell what was kept as given, though it is not as it should be. `ids` are the
    entities that a refused record may have been about. `text` is how it stands in the file, if that was asked for.
    `needs` is what the record speaks of that others of the file speak of, too: the first of them has it in its writes.
    `frame` is what of the file must stand around its refused records, for these to be read as they were; only its
    format knows what it is, and it goes with texts.
    """

    line: int
    writes: Sequence[Write] = ()
    faults: Sequence[Reason] = ()
    remarks: Sequence[Reason] = ()
    ids: frozenset[str] = frozenset()
    text: bytes = b""
    nth: int = 0
    needs: Sequence[Needs] = ()
    frame: Any = None


class Refused(NamedTuple):
    """A record that was not taken, as it stands in its file, why, and the frame that it needs around it."""

    text: bytes
    reasons: Sequence[str]
    frame: Any = None


class Source(NamedTuple):
    """A file to read: its bytes, its name, what the store holds already, and whether records must keep their texts."""

    stream: BinaryIO
    name: str
    known: Known
    keeps_texts: bool = False


Read: TypeAlias = Callable[[Source], Iterator[Record]]
"""Reads a file. Raises Unusable."""

Reject: TypeAlias = Callable[[Iterable[Refused]], Iterator[bytes]]
"""Writes refused records of one file, each with its reasons, as a file in the same format, that can be corrected and
read again."""


def framed(refused: Iterable[Refused]) -> tuple[Any, Iterator[Refused]]:
    """The frame of refused records, and these."""
    records = iter(refused)
    first = list(islice(records, 1))
    return first[0].frame if first else None, chain(first, records)


class Format(NamedTuple):
    """A format that can be read."""

    name: str
    title: str
    suffix: str
    """Of the file of refused records."""

    recognises: Callable[[bytes], bool]
    """Whether a file that begins with these bytes (64 KiB, if it has so many) looks like one."""

    read: Read
    reject: Reject


WriteOut: TypeAlias = Callable[[Selection, str], Iterator[bytes]]
"""Writes what is selected, a piece at a time, so that files may be larger than memory. The text is the address under
which entities are found, as `http://127.0.0.1:8000`. Equal selections give equal files."""

NOTHING = b""
"""A piece that says no more than that a while has passed: whoever sends pieces can let others have their turn."""


class Writer(NamedTuple):
    """A format that can be written."""

    name: str
    title: str
    suffix: str
    media_type: str
    write: WriteOut
    kinds: tuple[Kind, ...] = tuple(Kind)
    """The kinds that it can be asked for by themselves."""

    is_compressed: bool = False
