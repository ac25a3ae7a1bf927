"""A backup of a store, made while others write to it: a store file of its own, of one version."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from graph.errors import StoreError
from graph.journal.layout import connect, drafted, format_of


def backup(store: Path, to: Path) -> int:
    """Copies a store as it is at one moment to a new file, which has its name once it is whole and durable; says which
    version it holds. Nobody waits for it. Raises StoreError."""
    format_of(store)
    if os.path.lexists(to):
        raise StoreError(f"{to} exists, and a backup replaces nothing. Name another file.")
    try:
        with drafted(to) as draft:
            return _copied(store, draft)
    except FileExistsError as error:
        raise StoreError(f"{to} was made by somebody else meanwhile, and was left alone. Name another file.") from error
    except OSError as error:
        raise StoreError(f"{to} cannot be written: {error.strerror}. Name another file.") from error
    except sqlite3.DatabaseError as error:
        raise StoreError(
            f"The store {store} could not be copied to {to}: {error}. Check both disks; `fieldgraph verify` tells"
            " whether the store is whole."
        ) from error


def _copied(store: Path, draft: Path) -> int:
    with closing(connect(store)) as source, closing(connect(draft)) as target:
        source.backup(target)  # all at once: in steps, it would begin anew whenever somebody commits
        version: int = target.execute("SELECT coalesce(max(version), 0) FROM commits").fetchone()[0]
        return version
