"""The file of a snapshot: the state of the graph at a version, each record once.

It begins with a line that says what it is. Then come blocks, each with its length and a digest that goes over all
blocks before it too, so none is altered, lost, added or exchanged unnoticed: first what the snapshot is of, then
records of one kind at a time, entities before relations, at last how many records there were.
"""

from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import msgspec

from graph.errors import StoreError
from graph.journal.rows import encode
from graph.model import RECORDS, Change, Entity, Relation
from graph.vocabulary import ChangeAction, Kind, RelationKind

MAGIC = b"Fieldgraph snapshot 1\n"
LENGTH, DIGEST = 4, 16  # bytes that say how long a block is, and its digest
ABOUT, END = "about", "end"  # what stands in the first and the last block in the place of a kind

KINDS: tuple[Kind | RelationKind, ...] = (*RECORDS, *RelationKind)
"""In the order in which their records are written."""
_decoders: dict[str, Any] = {str(kind): msgspec.json.Decoder(list[record]) for kind, record in RECORDS.items()} | {  # type: ignore[valid-type]
    str(kind): msgspec.json.Decoder(list[Relation]) for kind in RelationKind
}

Record = Entity | Relation
Block = tuple[Kind | RelationKind, Sequence[Record]]


class About(msgspec.Struct):
    """What a snapshot is of: a version, and the digest of that commit, which stands for all the journal up to it."""

    version: int
    digest: bytes


class SnapshotDamaged(StoreError):
    """A snapshot that does not hold what was written to it."""


class Snapshot:
    """Opens the file of a snapshot. Raises SnapshotDamaged where it is none, and OSError where it cannot be read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("rb")
        try:
            if self._file.read(len(MAGIC)) != MAGIC:
                raise self._damaged("its beginning, which is none that this program writes")
            self._seal = b""
            kind, payload = self._block()
            if kind != ABOUT:
                raise self._damaged("its first block")
            about = msgspec.json.decode(payload, type=About)
            self.version, self.digest = about.version, about.digest
        except msgspec.DecodeError as error:
            self._file.close()
            raise self._damaged("its first block") from error
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> "Snapshot":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    def changes(self) -> Iterator[Change]:
        """What leads from an empty graph to this state. Can be asked for once. Raises SnapshotDamaged."""
        for index, record in enumerate(self.records()):
            action = ChangeAction.RELATED if isinstance(record, Relation) else ChangeAction.CREATED
            yield Change(self.version, index, action, record)

    def records(self) -> Iterator[Record]:
        """Entities, then relations. Can be asked for once. Raises SnapshotDamaged at the first block that is not as it
        was written, and before any record of it."""
        count = 0
        while True:
            place = f"byte {self._file.tell()}"
            kind, payload = self._block()
            try:
                if kind == END:
                    if msgspec.json.decode(payload) != count or self._file.read(1):
                        raise self._damaged(place)
                    return
                records = _decoders[kind].decode(payload)
            except (KeyError, msgspec.DecodeError) as error:
                raise self._damaged(place) from error
            count += len(records)
            yield from records

    def _block(self) -> tuple[str, bytes]:
        place = f"byte {self._file.tell()}"
        head = self._file.read(LENGTH + DIGEST)
        length = int.from_bytes(head[:LENGTH], "big")
        content = self._file.read(length)
        if head[LENGTH:] != _seal(self._seal, content) or len(content) != length:
            raise self._damaged(place)
        self._seal = head[LENGTH:]
        kind, _, payload = content.partition(b"\n")
        return kind.decode(), payload

    def _damaged(self, place: str) -> SnapshotDamaged:
        return SnapshotDamaged(f"The snapshot {self.path} is damaged at {place}.")


def write(file: BinaryIO, about: About, blocks: Iterable[Block]) -> None:
    """Writes a snapshot to an empty file; the blocks are in the order of KINDS."""
    file.write(MAGIC)
    seal, count = _write_block(file, b"", ABOUT, about), 0
    for kind, records in blocks:
        seal = _write_block(file, seal, kind, records)
        count += len(records)
    _write_block(file, seal, END, count)


def _write_block(file: BinaryIO, seal: bytes, kind: str, value: object) -> bytes:
    content = b"\n".join((kind.encode(), encode(value)))
    seal = _seal(seal, content)
    file.write(len(content).to_bytes(LENGTH, "big") + seal)
    file.write(content)
    return seal


def _seal(previous: bytes, content: bytes) -> bytes:
    return blake2b(content, key=previous, digest_size=DIGEST).digest()
