"""Backup, verification and recovery of a store, for the command: what was done, what is wrong, what to do next."""

from pathlib import Path

from api.errors import InvalidSettings
from graph.graph import STORE
from graph.journal.backup import backup
from graph.journal.recovery import recover
from graph.journal.verify import verify


def store_in(directory: Path) -> Path:
    """The store of a data directory, which must be there: whoever looks after one does not want another."""
    store = directory / STORE
    if not store.exists():
        raise InvalidSettings(f"There is no store in {directory}. Name another directory with --data.")
    return store


def backed_up(directory: Path, to: Path) -> str:
    version = backup(store_in(directory), to)
    return f"{to} holds the store at version {version}."


def verified(directory: Path, wait_s: float) -> tuple[str, bool]:
    """What a verification found, and whether all is as it should be."""
    store = store_in(directory)
    found = verify(store, wait_s)
    whole = f"{_count(found.changes, 'change')} in {_count(found.commits, 'commit')}"
    lines = []
    for fault in found.journal_faults:
        lines.append(f"The store {store} is damaged: {fault}.")
    if found.journal_faults:
        lines.append(
            f"Whole are {whole} before any damaged record. Restore a backup, or save what came before the damage with"
            f" `fieldgraph recover --data {directory} --to DIR`."
        )
    lines += found.snapshot_faults
    if found.snapshot_faults:
        lines.append("A start passes such a snapshot over. Delete it: the journal holds all that it held.")
    if not lines:
        snapshots = f", and {_count(found.snapshots, 'snapshot')}" if found.snapshots else ""
        lines.append(f"All is as it was written: {whole}{snapshots}.")
    return "\n".join(lines), not (found.journal_faults or found.snapshot_faults)


def recovered(directory: Path, to: Path) -> str:
    store = store_in(directory)
    saved = recover(store, to / STORE)
    if saved is None:
        return (
            f"The journal of {store} is whole, so nothing was written. A snapshot that is damaged can be deleted:"
            " the journal holds all that it held."
        )
    whole = f"{_count(saved.changes, 'change')} in {_count(saved.commits, 'commit')}"
    if saved.place is None:
        return f"{to} holds all of {store}, {whole}: only what finds them was damaged."
    return f"{to} holds {whole}, all that came before the damage of {store} at {saved.place}."


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' * (number != 1)}"
