"""How an answer came about, drawn for people: a tree of steps beside what each of them asked and took."""

from collections.abc import Mapping, Sequence
from io import StringIO
from typing import Any

from rich.console import Console
from rich.table import Table

from api.errors import shorten

UNBOUNDED = 100_000
"""Columns of a pipe, in which lines are as long as they are."""

LONGEST_LEAVES = 60


def drawn(told: Mapping[str, Any], width: int | None = None) -> str:
    """What an explained answer has under its extensions, as text of at most so many columns."""
    how = "compiled" if told["executor"] == "compiled" else "by graphql-core"
    head = f"Answered {how}, at version {told['version']}, in {told['ms']:.3f} ms.\n"
    if not told["steps"]:
        return head
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="none")
    table.add_column("step", overflow="fold")
    for name in ("in", "out", "ms"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("by index", "asked"):
        table.add_column(name, overflow="fold")
    for step, label in zip(told["steps"], labels(told["steps"]), strict=True):
        numbers = f"{step['rowsIn']:,}", f"{step['rowsOut']:,}", f"{step['ms']:.3f}"
        often = f"{step['calls']:,} times: " if step["calls"] > 1 else ""
        table.add_row(label, *numbers, "; ".join(step["indexes"]), often + "; ".join(step["asked"]))
    out = StringIO()
    Console(file=out, width=width or UNBOUNDED, markup=False, emoji=False, highlight=False).print(table)
    return "\n".join([head, *(line.rstrip() for line in out.getvalue().splitlines()), ""])


def labels(steps: Sequence[Mapping[str, Any]]) -> list[str]:
    """The steps as lines of a tree: each stands below the nearest field above it that is a step too."""
    fields: list[list[str]] = []  # the paths of the fields around, the innermost last
    lines = []
    for step in steps:
        path = step["path"].split(".") if step["path"] else []
        while fields and not (_is_within(path, fields[-1]) and (step["leaves"] or path != fields[-1])):
            fields.pop()
        below = path[len(fields[-1]) if fields else 0 :]
        lines.append("  " * len(fields) + _label(step, ".".join(below)))
        if step["field"] is not None:
            fields.append(path)
    return lines


def _is_within(path: Sequence[str], around: Sequence[str]) -> bool:
    return path[: len(around)] == around


def _label(step: Mapping[str, Any], below: str) -> str:
    if step["field"] is None:
        return f"{below} {{ {shorten(' '.join(step['leaves']), LONGEST_LEAVES)} }}".lstrip()
    is_alias = below.rpartition(".")[2] != step["field"].rpartition(".")[2]
    return f"{below} ({step['field']})" if is_alias else below
