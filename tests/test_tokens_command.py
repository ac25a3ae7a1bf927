"""`fieldgraph token` as a user runs it, and what a running service makes of it."""

import json
import re
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from api import tokens as commands
from api.tokens import end_of
from graph.errors import FieldgraphError
from graph.graph import STORE, Graph
from graph.journal.sqlite import SQLiteJournal
from graph.tokens import Scope, Token, recognised
from tests.test_command import held, refused, run, serving, store, url_of

__all__ = ["store"]  # the fixture

SAVE = 'mutation { save(input: { projects: [{ id: "project:by-token", name: "By token" }] }) { version } }'
AUTHOR = '{ node(id: "project:by-token") { ... on Entity { history(first: 1) { nodes { author } } } } }'


def made(store: Path, name: str, scope: str, *options: object) -> str:
    """A new token: what the command prints on standard output, and nothing else."""
    done = run("token", "create", name, "--scope", scope, "--data", store, *options)
    assert (done.code, bool(re.fullmatch(r"fieldgraph_[0-9a-f]{64}\n", done.out))) == (0, True)
    assert done.out.strip() not in done.err
    return done.out.strip()


def kept(store: Path) -> Sequence[Token]:
    with closing(SQLiteJournal(store / STORE)) as journal:
        return journal.tokens.all()


def test_a_token_is_made_told_once_listed_and_revoked(store):
    secret = made(store, "Équipe terrain", "write", "--expires", "90d")
    other = made(store, "map", "read")
    done = run("token", "revoke", "map", "--data", store)
    assert (done.code, done.out) == (0, "The token of 'map' is revoked.\n")
    first, second = rows = json.loads(run("token", "list", "--format", "json", "--data", store).out)
    assert (first["name"], first["scope"], first["revoked"]) == ("Équipe terrain", "write", None)
    assert (second["name"], second["scope"], second["expires"]) == ("map", "read", None)
    assert datetime.fromisoformat(first["expires"]) - datetime.fromisoformat(first["created"]) == timedelta(days=90)
    assert second["created"] < second["revoked"]
    told = run("token", "list", "--data", store).out
    assert re.fullmatch(
        r"name            scope  created               expires               revoked\n"
        r"Équipe terrain  write  \S{19}Z  \S{19}Z  -\n"
        r"map             read   \S{19}Z  -                     \S{19}Z\n",
        told,
    )
    assert not any(secret in shown for secret in (secret, other) for shown in (told, json.dumps(rows)))
    with closing(Graph.open(store)) as graph:
        assert recognised(graph.tokens, secret).scope is Scope.WRITE


@pytest.mark.usefixtures("_restored_logging")
@pytest.mark.parametrize(
    ("expires", "told"), [("2999-12-31", "until 2999-12-31T00:00:00.000000Z"), (None, "for good")], ids=str
)
def test_what_is_said_of_a_new_token_is_said_beside_it(store, capfd, expires, told):
    commands.create("app", "admin", expires, store)
    assert capfd.readouterr().err == (
        f"This is the token of 'app', with scope admin, {told}. It is shown only now: keep it as you keep passwords,"
        " and send it as `Authorization: Bearer TOKEN`.\n"
    )


@pytest.mark.usefixtures("_restored_logging")
def test_no_tokens_are_told_so(store, capfd):
    commands.list_command(data=store)
    commands.list_command("json", store)
    told = "There are no tokens. `fieldgraph token create NAME --scope read` makes one.\n[]\n"
    assert capfd.readouterr().out == told


@pytest.mark.usefixtures("_restored_logging")
@pytest.mark.parametrize(
    ("command", "arguments", "told"),
    [
        (commands.create, ("taken", "read"), "There is or was a token named 'taken'. Names tell who wrote what"),
        (commands.create, ("new", "owner"), "There is no scope 'owner'. Known are: read, write, admin."),
        (commands.create, ("", "read"), "'' is no name of a token: it may have 1 to 100 characters"),
        (commands.create, ("new", "read", "2001-01-01"), "A token that expires on 2001-01-01 would never hold."),
        (commands.create, ("new", "read", "soon"), "--expires is 'soon', but must be a number of days from 1d to"),
        (commands.revoke, ("take",), "There is no token named 'take'. Did you mean 'taken'?"),
        (commands.list_command, ("xml",), "There is no format 'xml'. Known are: text, json."),
    ],
)
def test_what_has_no_meaning_is_refused_and_nothing_is_made(store, capfd, command, arguments, told):
    commands.create("taken", "read", data=store)
    before = kept(store)
    capfd.readouterr()
    with pytest.raises(FieldgraphError) as caught:
        command(*arguments, data=store)
    assert str(caught.value).startswith(told)
    assert (kept(store), capfd.readouterr().out) == (before, "")


def test_a_store_that_is_missing_is_not_made(tmp_path):
    told = refused("token", "create", "a", "--scope", "read", "--data", tmp_path / "none")
    assert told.startswith(f"fieldgraph: There is no store in {tmp_path}/none. Name another directory with --data, or")
    assert not (tmp_path / "none").exists()


def test_a_store_that_another_process_writes_is_waited_for(store):
    with held(store / STORE) as holder:
        told = refused("token", "create", "a", "--scope", "read", "--data", store, "--wait", "0.1")
    assert told.startswith(f"fieldgraph: Process {holder} is writing to the store")
    assert kept(store) == []


NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("given", "end"),
    [
        ("1d", NOW + timedelta(days=1)),
        ("36500d", NOW + timedelta(days=36_500)),
        ("2027-01-01", datetime(2027, 1, 1, tzinfo=UTC)),
        *(
            (wrong, None)
            for wrong in ("", "d", "0d", "36501d", "-1d", "1 d", "٣d", "1h", "2027", "2027-13-01", "20270101")
        ),
    ],
)
def test_a_token_ends_after_some_days_or_when_a_day_begins(given, end):
    if end is not None:
        assert end_of(given, NOW) == end
    else:
        with pytest.raises(
            FieldgraphError, match=r"but must be a number of days from 1d to 36500d, or a day such as 2027"
        ):
            end_of(given, NOW)


def test_a_running_service_knows_what_is_made_and_revoked_at_once(store, tmp_path):
    with serving("--data", store, "--no-seed", reading="closed", access_log=True) as (_, announced):
        url = url_of(announced)
        secret = made(store, "app", "write")

        def asked(query: str) -> httpx.Response:
            sent = {"Authorization": f"Bearer {secret}"}
            return httpx.post(f"{url}/graphql", json={"query": query}, headers=sent, timeout=10)

        assert httpx.post(f"{url}/graphql", json={"query": SAVE}, timeout=10).status_code == 401
        assert asked(SAVE).json() == {"data": {"save": {"version": 2}}}
        answer = asked(AUTHOR)
        assert answer.json()["data"]["node"]["history"]["nodes"] == [{"author": "app"}]
        assert answer.headers["cache-control"] == "no-store"
        revoked = run("token", "revoke", "app", "--data", store)
        begun = time.monotonic()
        refusal = asked(SAVE)
        assert (revoked.code, refusal.status_code, refusal.headers["www-authenticate"]) == (
            0,
            401,
            'Bearer error="invalid_token"',
        )
        assert time.monotonic() - begun < 1
