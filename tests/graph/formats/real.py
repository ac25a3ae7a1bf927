"""The real files of the field, where they are at hand: they are not part of the project."""

import os
from pathlib import Path

import pytest

NAMED = os.environ.get("FIELDGRAPH_FIELD_FILES")
FOLDER = Path(NAMED) if NAMED else Path(__file__).parents[4] / "shared" / "data" / "files"


def real_file(name: str) -> Path:
    """The file of this name; the test is skipped where there is none."""
    path = FOLDER / name
    if not path.is_file():
        pytest.skip(f"the real file {name} is not at hand: name its folder by FIELDGRAPH_FIELD_FILES")
    return path
