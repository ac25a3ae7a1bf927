"""Specifies graph/tokens.py and where tokens are kept: what holds, what never does, what is kept of them."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from shutil import copy

import pytest

from graph.errors import InvalidInput, NotFound, StoreError
from graph.graph import STORE, Graph
from graph.journal.memory import MemoryTokens
from graph.journal.sqlite import SQLiteJournal
from graph.journal.verify import verify
from graph.parse import write
from graph.tokens import LONGEST_NAME, PREFIX, Scope, Token, Tokens, create, recognised, revoke

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture(params=["memory", "sqlite"])
def tokens(request, tmp_path) -> Iterator[Tokens]:
    if request.param == "memory":
        yield MemoryTokens()
    else:
        with closing(SQLiteJournal(tmp_path / STORE)) as journal:
            yield journal.tokens


def digest_of(secret: str) -> bytes:
    return sha256(secret.encode()).digest()


# Wherever they are kept


def test_a_token_is_known_by_its_secret_alone(tokens):
    secret = create(tokens, "app", Scope.WRITE, NOON)
    other = create(tokens, "other", Scope.READ, NOON, NOON + MINUTE)
    assert recognised(tokens, secret) == Token("app", Scope.WRITE, digest_of(secret), NOON)
    assert recognised(tokens, other) == Token("other", Scope.READ, digest_of(other), NOON, NOON + MINUTE)
    assert tokens.named("app") == tokens.find(digest_of(secret)) == recognised(tokens, secret)
    for wrong in (
        "",
        "app",
        secret[:-1],
        f"{secret}0",
        f" {secret}",
        f"{secret}\n",
        secret.upper(),
        f"{PREFIX}{'0' * 64}",
    ):
        assert recognised(tokens, wrong) is None
    assert (tokens.named("nobody"), tokens.find(b"")) == (None, None)


def test_a_token_is_256_random_bits_behind_a_prefix_that_scanners_know(tokens):
    secrets = [create(tokens, f"app {number}", Scope.READ, NOON) for number in range(20)]
    assert all(re.fullmatch("fieldgraph_[0-9a-f]{64}", secret) for secret in secrets)
    assert len(set(secrets)) == 20


def test_a_token_holds_until_it_expires_or_is_revoked(tokens):
    secret = create(tokens, "app", Scope.READ, NOON, NOON + MINUTE)
    token = recognised(tokens, secret)
    assert [token.holds(NOON + MINUTE * part) for part in (0, 0.99, 1, 2)] == [True, True, False, False]
    revoke(tokens, "app", NOON + MINUTE / 2)
    assert recognised(tokens, secret) == token._replace(revoked=NOON + MINUTE / 2)
    assert not recognised(tokens, secret).holds(NOON)


def test_the_first_revocation_counts(tokens):
    create(tokens, "app", Scope.READ, NOON)
    revoke(tokens, "app", NOON)
    revoke(tokens, "app", NOON + MINUTE)
    assert tokens.named("app").revoked == NOON


def test_a_name_is_given_once_for_good(tokens):
    secret = create(tokens, "app", Scope.READ, NOON)
    for _ in range(2):
        with pytest.raises(InvalidInput) as caught:
            create(tokens, "app", Scope.ADMIN, NOON)
        assert str(caught.value) == (
            "There is or was a token named 'app'. Names tell who wrote what, so each is given once: choose another."
        )
        assert recognised(tokens, secret).scope is Scope.READ
        revoke(tokens, "app", NOON)
    assert len(tokens.all()) == 1


def test_all_tells_every_token_the_oldest_first(tokens):
    for name, minutes in (("c", 1), ("b", 1), ("a", 2), ("d", 0)):
        create(tokens, name, Scope.READ, NOON + minutes * MINUTE)
    revoke(tokens, "c", NOON)
    assert [token.name for token in tokens.all()] == ["d", "b", "c", "a"]


@pytest.mark.parametrize("name", ["a", "Équipe terrain", "é'); DROP TABLE tokens; --", "x" * LONGEST_NAME])
def test_a_name_may_be_anything_that_prints(tokens, name):
    create(tokens, name, Scope.READ, NOON)
    assert [token.name for token in tokens.all()] == [name] == [tokens.named(name).name]


@pytest.mark.parametrize("name", ["", " ", " a", "a ", "a\nb", "\x00", "\u202e", "x" * (LONGEST_NAME + 1), "\ud800"])
def test_a_name_that_does_not_print_is_refused(tokens, name):
    with pytest.raises(InvalidInput, match=r"is no name of a token: it may have 1 to 100 characters that print"):
        create(tokens, name, Scope.READ, NOON)
    assert tokens.all() == []


def test_a_token_that_would_never_hold_is_refused(tokens):
    with pytest.raises(InvalidInput, match=r"A token that expires on 2026-05-04 would never hold\. Choose"):
        create(tokens, "app", Scope.READ, NOON, NOON)
    assert tokens.all() == []


def test_revoking_what_is_not_there_is_answered_with_the_nearest_name(tokens):
    create(tokens, "dashboard", Scope.READ, NOON)
    with pytest.raises(NotFound, match=r"no token named 'dashbord'\. Did you mean 'dashboard'\?"):
        revoke(tokens, "dashbord", NOON)
    with pytest.raises(NotFound, match=r"no token named 'x'\. `fieldgraph token list`"):
        revoke(tokens, "x", NOON)
    assert tokens.named("dashboard").revoked is None


def test_each_scope_includes_those_before_it():
    assert Scope.READ < Scope.WRITE < Scope.ADMIN
    assert [str(scope) for scope in Scope] == ["read", "write", "admin"]


# In the store's file


def test_nothing_of_a_token_is_in_the_store_but_its_hash(tmp_path):
    with closing(Graph.open(tmp_path)) as graph:
        secret = create(graph.tokens, "app", Scope.WRITE, NOON)
    held = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert digest_of(secret) in held
    assert secret.removeprefix(PREFIX).encode() not in held
    assert bytes.fromhex(secret.removeprefix(PREFIX)) not in held


def test_tokens_survive_a_restart(tmp_path):
    with closing(Graph.open(tmp_path)) as graph:
        secret = create(graph.tokens, "app", Scope.WRITE, NOON, NOON + MINUTE)
        before = graph.tokens.all()
    with closing(Graph.open(tmp_path)) as graph:
        assert graph.tokens.all() == before == [recognised(graph.tokens, secret)]


def test_a_revocation_is_seen_by_others_at_once_even_while_they_read_a_large_import(tmp_path):
    with closing(Graph.open(tmp_path)) as here, closing(SQLiteJournal(tmp_path / STORE)) as elsewhere:
        secret = create(here.tokens, "app", Scope.WRITE, NOON)
        here.apply(write({"id": f"project:{n}", "kind": "PROJECT", "name": "x"}) for n in range(9))
        reading = elsewhere.replay(0, 1)
        next(reading)  # what this connection shows is what was when it began
        assert recognised(elsewhere.tokens, secret).revoked is None
        revoke(here.tokens, "app", NOON)
        assert recognised(elsewhere.tokens, secret).revoked == NOON
        assert len(list(reading)) == 8


def test_a_store_of_the_first_format_gets_tokens_too(tmp_path):
    copy(Path(__file__).with_name("format1.sqlite"), tmp_path / STORE)
    with closing(Graph.open(tmp_path)) as graph:
        assert recognised(graph.tokens, create(graph.tokens, "app", Scope.READ, NOON)).name == "app"


@pytest.mark.parametrize(
    "damage",
    [
        "scope = 'owner'",
        "created = 'noon'",
        "revoked = '2026-99-99'",
        "scope = 'admin'",
        "expires = '2426-05-05T12:00:00.000000Z'",  # one bit more than 2026
        "expires = NULL",
        "name = 'ann'",
        "checksum = 7",
    ],
)
def test_a_damaged_token_is_not_taken_for_anything(tmp_path, damage):
    with closing(Graph.open(tmp_path)) as graph:
        secret = create(graph.tokens, "app", Scope.WRITE, NOON, datetime(2026, 5, 5, 12, tzinfo=UTC))
        with closing(sqlite3.connect(tmp_path / STORE)) as db, db:
            db.execute(f"UPDATE tokens SET {damage}")
        with pytest.raises(StoreError, match="damaged at token 'a"):
            recognised(graph.tokens, secret)
        (fault,) = verify(tmp_path / STORE).journal_faults
        assert re.fullmatch("token '(app|ann)' is not what was written", fault)


def test_a_token_that_is_damaged_can_be_revoked(tmp_path):
    with closing(Graph.open(tmp_path)) as graph:
        secret = create(graph.tokens, "app", Scope.WRITE, NOON)
        with closing(sqlite3.connect(tmp_path / STORE)) as db, db:
            db.execute("UPDATE tokens SET scope = 'admin'")
        revoke(graph.tokens, "app", NOON)
        assert recognised(graph.tokens, secret).revoked == NOON
