"""Tokens are shown once and kept as their SHA-256 only."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime, timedelta

import pytest

from nodehours.ledger.errors import UnknownNameError
from nodehours.ledger.people import User, add_user, create_token, list_tokens, revoke_token
from nodehours.ledger.store import Connection
from tests.ledger.written import everything


@pytest.fixture
def boss(connection: Connection) -> Connection:
    """A ledger with one user."""
    add_user(connection, User("boss", "", "", True, False, True, []))
    return connection


def test_a_token_has_256_random_bits_and_is_nowhere_in_the_database(boss: Connection) -> None:
    tokens = [create_token(boss, "boss", None)[0] for _ in range(3)]

    assert len(set(tokens)) == 3
    assert all(re.fullmatch("[0-9a-f]{64}", token) for token in tokens)
    whole = repr(everything(boss)).lower()
    for token in tokens:
        assert token not in whole
        assert repr(bytes.fromhex(token)).lower() not in whole
        assert repr(hashlib.sha256(token.encode()).digest()).lower() in whole


@pytest.mark.parametrize("lifetime", [timedelta(hours=12), timedelta(days=90), timedelta(36500)])
def test_a_token_lives_as_long_as_was_said_by_the_databases_clock(
    boss: Connection, lifetime: timedelta
) -> None:
    _, expires = create_token(boss, "boss", lifetime)

    (token,) = list_tokens(boss)
    assert (token.username, token.rights, token.revoked) == ("boss", "read", None)
    assert token.expires == expires == token.created + lifetime


def test_a_token_may_have_no_end(boss: Connection) -> None:
    assert create_token(boss, "boss", None)[1] is None
    assert [token.expires for token in list_tokens(boss)] == [None]


def test_a_token_revoked_stays_listed_with_the_time_it_was_first_revoked(boss: Connection) -> None:
    create_token(boss, "boss", timedelta(days=1))
    (token,) = list_tokens(boss)

    revoke_token(boss, token.id)
    (once,) = list_tokens(boss)
    revoke_token(boss, token.id)

    assert once.revoked is not None
    assert list_tokens(boss) == [once]


def test_a_tokens_state_is_told_in_a_word(boss: Connection) -> None:
    create_token(boss, "boss", timedelta(hours=1))
    (token,) = list_tokens(boss)
    later = datetime.now(UTC) + timedelta(hours=2)

    assert [token.state(datetime.now(UTC)), token.state(later)] == ["valid", "expired"]
    revoke_token(boss, token.id)
    assert list_tokens(boss)[0].state(later) == "revoked"


def test_a_token_that_is_not_there_cannot_be_revoked(boss: Connection) -> None:
    with pytest.raises(
        UnknownNameError, match=r"^there is no token 7: see `nodehours token list`$"
    ):
        revoke_token(boss, 7)
