"""Specifies graph/journal/salvage.py and tail.py: what is left of a store that is damaged anywhere, in the file or its
log, is found again."""

import logging
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from graph.errors import StoreError
from graph.graph import STORE, Graph
from graph.journal.layout import connect
from graph.journal.recovery import recover
from graph.journal.tail import FRAME_HEADER, HEADER, tail_of
from graph.journal.verify import verify
from graph.model import Change, Project

COMMITS = 60
PAGE = 4_096
LOG = f"{STORE}-wal"


def filled(directory: Path) -> Graph:
    """A graph whose every commit makes a project or changes one; some records are larger than a page."""
    graph = Graph.open(directory)
    for number in range(COMMITS):
        summary = chr(97 + number % 26) * (9_000 if number % 7 == 0 else 60)
        graph.apply([Project(id=f"project:{number % 40}", name=f"Name {number}", summary=summary)])
    return graph


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a store that was closed, and below it, in "log", the same killed: all of it is in its log."""
    directory = tmp_path_factory.mktemp("salvage")
    with closing(filled(directory / "killed")):
        (directory / "log").mkdir()
        for name in (STORE, LOG):
            shutil.copy(directory / "killed" / name, directory / "log" / name)
    shutil.copy(directory / "killed" / STORE, directory / STORE)
    return directory


@pytest.fixture
def store(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(built / STORE, tmp_path / STORE))


@pytest.fixture
def killed(built: Path, tmp_path: Path) -> Path:
    """The store whose commits are in its log."""
    return shutil.copytree(built / "log", tmp_path / "killed") / STORE


def history(store: Path) -> list[Change]:
    with closing(Graph.open(store.parent)) as graph:
        return list(graph._journal.replay(0, graph.version))


def flip(path: Path, at: int, bits: int = 0x80) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= bits
    path.write_bytes(data)


def roots(store: Path) -> Iterator[int]:
    """Where in the file the trees of commits and of changes begin."""
    with closing(connect(store, changes=False)) as db:
        for (page,) in db.execute("SELECT rootpage FROM sqlite_master WHERE name IN ('commits', 'changes')"):
            yield (page - 1) * PAGE


def saved(store: Path, to: Path) -> list[Change]:
    assert recover(store, to / STORE) is not None
    assert verify(to / STORE).journal_faults == []
    return history(to / STORE)


def test_a_page_through_which_all_others_are_found_may_be_lost(store: Path, built: Path, tmp_path: Path) -> None:
    for number, root in enumerate(roots(store)):
        for at in (root, root + 12):
            damaged = tmp_path / f"{number} {at}" / STORE
            damaged.parent.mkdir()
            shutil.copy(store, damaged)
            flip(damaged, at)
            assert verify(damaged).journal_faults
            assert saved(damaged, damaged.parent / "saved") == history(built / STORE)


def test_a_file_that_was_cut_short_gives_what_is_left_of_it(store: Path, built: Path, tmp_path: Path) -> None:
    whole = history(built / STORE)
    size = store.stat().st_size
    with store.open("r+b") as file:
        file.truncate(size * 2 // 3 + 100)
    with pytest.raises(StoreError):
        Graph.open(store.parent)
    assert verify(store).journal_faults
    assert saved(store, tmp_path / "saved") == whole[: len(saved(store, tmp_path / "again"))] != []


def test_a_log_that_is_damaged_is_not_served_as_if_nothing_stood_behind(
    killed: Path, built: Path, tmp_path: Path
) -> None:
    log = killed.with_name(LOG)
    flip(log, log.stat().st_size // 2)
    found = tail_of(killed)
    assert found is not None
    assert found.commits > 10
    with pytest.raises(
        StoreError, match=rf"damaged at byte {found.offset} of its log, behind which {found.commits} commits"
    ):
        Graph.open(killed.parent)
    (fault,) = verify(killed).journal_faults
    assert f"behind which {found.commits} commits stand" in fault
    whole = history(built / STORE)
    assert saved(killed, tmp_path / "saved") == whole  # only a page image of many is lost: its rows are in others


@pytest.mark.parametrize("at", [0, 9, 17, 25], ids=["magic", "page size", "salts", "checksum"])
def test_a_log_whose_header_is_damaged_is_not_taken_for_empty(
    killed: Path, built: Path, tmp_path: Path, at: int
) -> None:
    flip(killed.with_name(LOG), at)
    with pytest.raises(StoreError, match="damaged at byte 32 of its log"):
        Graph.open(killed.parent)
    assert saved(killed, tmp_path / "saved") == history(built / STORE)


def test_a_write_that_did_not_end_is_left_out_and_told(
    killed: Path, built: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = killed.with_name(LOG)
    assert tail_of(killed) is None
    with log.open("r+b") as file:
        file.truncate(log.stat().st_size - 100)
    with caplog.at_level(logging.WARNING, "fieldgraph"):
        assert history(killed) == history(built / STORE)[: COMMITS - 1]
    assert f"The last {FRAME_HEADER + PAGE - 100} bytes of the log" in caplog.text


def test_a_log_that_was_begun_anew_has_nothing_behind_its_end(tmp_path: Path) -> None:
    with closing(Graph.open(tmp_path)) as graph:
        for number in range(30):
            graph.apply([Project(id=f"project:{number}", name="N")])
        with closing(connect(tmp_path / STORE)) as db:
            db.execute("PRAGMA wal_checkpoint(RESTART)")
        graph.apply([Project(id="project:new", name="N")])
        assert (tmp_path / LOG).stat().st_size > HEADER + 20 * (FRAME_HEADER + PAGE)
        assert tail_of(tmp_path / STORE) is None


@pytest.mark.parametrize("seed", range(12))
def test_whatever_is_damaged_what_is_saved_is_the_beginning_of_what_there_was(
    built: Path, tmp_path: Path, seed: int
) -> None:
    chance = Random(seed)
    whole = history(built / STORE)
    damaged = shutil.copytree(built / "log" if seed % 2 else built, tmp_path / "data") / STORE
    target = damaged.with_name(LOG) if seed % 2 else damaged
    for _ in range(chance.randint(1, 3)):
        flip(target, chance.randrange(100, target.stat().st_size), 1 << chance.randrange(8))
    if seed % 3 == 0:
        with target.open("r+b") as file:
            file.truncate(chance.randrange(target.stat().st_size // 2, target.stat().st_size))
    try:
        recover(damaged, tmp_path / "saved" / STORE)
    except StoreError as error:
        assert "Nothing of" in str(error)  # noqa: PT017  # it may be refused, or be whole
    if (tmp_path / "saved" / STORE).exists():
        found = history(tmp_path / "saved" / STORE)
        assert found == whole[: len(found)]
    else:
        assert history(damaged) == whole or seed % 3 == 0
