"""Changes as rows: records in JSON, a checksum for each row, a digest that chains the commits."""

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import Any
from zlib import crc32

import msgspec

from graph.model import RECORDS, Change, Entity, Relation
from graph.vocabulary import ChangeAction, RelationKind

encode = msgspec.json.Encoder().encode
_decoders = {str(kind): msgspec.json.Decoder(record).decode for kind, record in RECORDS.items()} | {
    str(kind): msgspec.json.Decoder(Relation).decode for kind in RelationKind
}
_actions = {str(action): action for action in ChangeAction}

Row = tuple[int, int, str, str, bytes, bytes | None, int]
"""version, position, action, kind, record, before, checksum"""


class Chain:
    """The digest of a commit: over the digest before it, what is said of it, and the checksums of its changes."""

    def __init__(self, previous: bytes, *said: object) -> None:
        self._hash = blake2b(previous, digest_size=16)
        self._hash.update(encode(said))
        self.count = 0

    def add(self, checksum: int) -> None:
        self._hash.update(checksum.to_bytes(4, "big"))
        self.count += 1

    def digest(self) -> bytes:
        return self._hash.digest()


def rows_of(changes: Sequence[Change], chain: Chain) -> Iterator[Row]:
    """The rows of a commit's changes; the chain gets their checksums."""
    for change in changes:
        before = None if change.before is None else encode(change.before)
        row = change.version, change.index, str(change.action), str(change.record.kind), encode(change.record), before
        checksum = checksum_of(*row)
        chain.add(checksum)
        yield (*row, checksum)


def change_of(row: Sequence[Any]) -> Change | None:
    """The change that a row holds; None where the row is damaged."""
    version, position, action, kind, record, before, checksum = row
    # A damaged row may hold text where its table has bytes.
    is_whole = isinstance(record, bytes) and (before is None or isinstance(before, bytes))
    if not is_whole or checksum != checksum_of(version, position, action, kind, record, before):
        return None
    decode = _decoders[kind]
    replaced: Entity | Relation | None = None if before is None else decode(before)
    return Change(version, position, _actions[action], decode(record), replaced)


def checksum_over(*values: object) -> int:
    """The checksum of a row that holds no change: over all its other values."""
    return crc32(encode(values))


def checksum_of(version: int, position: int, action: str, kind: str, record: bytes, before: bytes | None) -> int:
    told = crc32(record, crc32(f"{version} {position} {action} {kind}".encode()))
    return told if before is None else crc32(before, told)
