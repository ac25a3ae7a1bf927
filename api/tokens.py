"""`fieldgraph token`: who may read and write over HTTP. It works on the store itself, also while a service runs."""

import re
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from api.errors import InvalidSettings
from api.files import STREAM, writing
from api.settings import load_settings
from api.telemetry import configure_logging
from graph import tokens
from graph.graph import STORE
from graph.journal.journal import in_utc
from graph.journal.sqlite import SQLiteJournal
from graph.resident import utc_now
from graph.tokens import Scope, Token, Tokens

SCOPES = {str(scope): scope for scope in Scope}
FORMATS = ("text", "json")
COLUMNS = ("name", "scope", "created", "expires", "revoked")
MOST_DAYS = 36_500

app = typer.Typer(no_args_is_help=True, help="Make, list and revoke the tokens by which callers are known.")

Name = Annotated[str, typer.Argument(help="Whose token it is: the author of what is written with it.")]
Data = Annotated[Path | None, typer.Option(help="Directory of the store.", show_default="~/.local/share/fieldgraph")]
Wait = Annotated[float | None, typer.Option(help="Seconds to wait while another process writes.", show_default="5")]


@app.command()
def create(
    name: Name,
    scope: Annotated[str, typer.Option(help="What it is good for: read; write, which includes read; admin.")],
    expires: Annotated[
        str | None, typer.Option(help="When it ends: a number of days (90d), or the day, in UTC (2027-01-01).")
    ] = None,
    data: Data = None,
    wait: Wait = None,
) -> None:
    """Make a token and print it, once: nobody can find it out again."""
    now = utc_now()
    if scope not in SCOPES:
        raise InvalidSettings(f"There is no scope {scope!r}. Known are: {', '.join(SCOPES)}.")
    until = None if expires is None else end_of(expires, now)
    with opened(data, wait) as known, writing(STREAM) as out:
        secret = tokens.create(known, name, SCOPES[scope], now, until)
        out.write(f"{secret}\n".encode())
    told = "for good" if until is None else f"until {in_utc(until)}"
    typer.echo(
        f"This is the token of {name!r}, with scope {scope}, {told}. It is shown only now: keep it as you keep"
        " passwords, and send it as `Authorization: Bearer TOKEN`.",
        err=True,
    )


@app.command("list")
def list_command(
    format: Annotated[str, typer.Option(help="text, or json.")] = "text", data: Data = None, wait: Wait = None
) -> None:
    """Tell which tokens there are and were, but not the tokens themselves."""
    if format not in FORMATS:
        raise InvalidSettings(f"There is no format {format!r}. Known are: {', '.join(FORMATS)}.")
    with opened(data, wait) as known:
        rows = [row_of(token) for token in known.all()]
    with writing(STREAM) as out:
        if format == "json":
            out.write(msgspec.json.encode([dict(zip(COLUMNS, row, strict=True)) for row in rows]) + b"\n")
        else:
            out.write(table(rows).encode())


@app.command()
def revoke(name: Name, data: Data = None, wait: Wait = None) -> None:
    """Have a token hold no longer, at once, for every process that serves the store."""
    with opened(data, wait) as known:
        tokens.revoke(known, name, utc_now())
    typer.echo(f"The token of {name!r} is revoked.")


@contextmanager
def opened(data: Path | None, wait: float | None) -> Iterator[Tokens]:
    """The tokens of a store. What the graph holds is not looked at, however much that is."""
    settings = load_settings(data=data, wait=wait)
    configure_logging(settings)
    if not (settings.data / STORE).exists():
        raise InvalidSettings(
            f"There is no store in {settings.data}. Name another directory with --data, or make one with"
            " `fieldgraph serve` or `fieldgraph import`."
        )
    with closing(SQLiteJournal(settings.data / STORE, settings.wait)) as journal:
        yield journal.tokens


def end_of(given: str, now: datetime) -> datetime:
    """When a token ends that is to hold for so many days, or until a day begins. Raises InvalidSettings."""
    days = re.fullmatch(r"([0-9]{1,5})d", given)
    if days and 1 <= int(days[1]) <= MOST_DAYS:
        return now + timedelta(days=int(days[1]))
    try:
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", given):
            return datetime.fromisoformat(given).replace(tzinfo=UTC)
    except ValueError:
        pass  # the message below is as good for a month 13
    raise InvalidSettings(
        f"--expires is {given!r}, but must be a number of days from 1d to {MOST_DAYS}d, or a day such as 2027-01-01."
    )


def row_of(token: Token) -> tuple[str | None, ...]:
    times = (None if time is None else in_utc(time) for time in (token.created, token.expires, token.revoked))
    return (token.name, str(token.scope), *times)


def table(rows: Sequence[Sequence[str | None]]) -> str:
    """The rows below their heads, for people: times to the second."""
    shown = [[name, scope, *(f"{time[:19]}Z" if time else "-" for time in times)] for name, scope, *times in rows]
    if not shown:
        return "There are no tokens. `fieldgraph token create NAME --scope read` makes one.\n"
    widths = [max(map(len, column)) for column in zip(COLUMNS, *shown, strict=True)]
    return "".join(
        "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() + "\n"
        for row in (COLUMNS, *shown)
    )
