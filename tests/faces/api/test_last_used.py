"""When tokens were last used is known soon enough, and costs no request anything."""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from nodehours.faces.api.last_used import LastUsed, noted_last_used
from nodehours.ledger.people import User, add_user, create_token, list_tokens, revoke_token
from nodehours.ledger.store import Connection
from nodehours.terms.token import token_sha256
from tests.ledger.commands import PATIENCE_SECONDS
from tests.serving import USAGE, served

NOWHERE = "postgresql://127.0.0.1:1/nothing"


@pytest.fixture
def tokens(connection: Connection) -> list[str]:
    """Three tokens of one user."""
    add_user(connection, User("boss", "", "", True, False, True, []))
    return [create_token(connection, "boss", None)[0] for _ in range(3)]


def used(connection: Connection) -> list[bool]:
    """Which tokens are known to have been used, in the order they were made."""
    return [one.last_used is not None for one in list_tokens(connection)]


@pytest.mark.anyio
async def test_what_was_noted_is_written_down_when_flushed(
    connection: Connection, database_url: str, tokens: list[str]
) -> None:
    last_used = LastUsed()
    before = datetime.now(UTC)
    for token in tokens[:2]:
        last_used.note(token_sha256(token))
    after = datetime.now(UTC)
    assert used(connection) == [False, False, False]

    await last_used.flush(database_url)

    assert used(connection) == [True, True, False]
    first = list_tokens(connection)[0].last_used
    assert first is not None
    assert before <= first <= after

    connection.execute("update tokens set last_used = null")
    await last_used.flush(database_url)
    assert used(connection) == [False, False, False]


@pytest.mark.anyio
async def test_what_cannot_be_written_down_is_kept_and_logged_once(
    connection: Connection,
    database_url: str,
    tokens: list[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    last_used = LastUsed()
    first, second, _ = map(token_sha256, tokens)
    last_used.note(first)
    with caplog.at_level(logging.WARNING, "nodehours"):
        await last_used.flush(NOWHERE)
        last_used.note(second)
        await last_used.flush(NOWHERE)
        last_used.note(first)
        again = datetime.now(UTC)
        await last_used.flush(database_url)
        last_used.note(second)
        await last_used.flush(NOWHERE)

    assert used(connection) == [True, True, False]
    noted = list_tokens(connection)[0].last_used
    assert noted is not None
    assert again - timedelta(seconds=1) < noted <= again
    sentence = "cannot note when tokens were last used: cannot reach the database: "
    assert [record.message[: len(sentence)] for record in caplog.records] == [sentence] * 2


@pytest.mark.anyio
async def test_it_is_written_down_ever_again_and_at_the_end(
    connection: Connection, database_url: str, tokens: list[str]
) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    async with noted_last_used(database_url, seconds=0.01) as last_used:
        for number, token in enumerate(tokens[:2], start=1):
            last_used.note(token_sha256(token))
            while sum(used(connection)) < number:
                assert time.monotonic() < deadline
                await asyncio.sleep(0.01)

    async with noted_last_used(database_url) as last_used:
        last_used.note(token_sha256(tokens[2]))
    assert used(connection) == [True, True, True]


def test_a_server_that_stops_has_written_down_which_tokens_opened_something(
    connection: Connection, database_url: str, tokens: list[str]
) -> None:
    _, head, revoked = tokens
    revoke_token(connection, list_tokens(connection)[2].id)
    with served(database_url) as address, httpx.Client(base_url=address, timeout=60) as client:
        asked = {
            token: client.request(method, USAGE, headers={"Authorization": f"Token {token}"})
            for token, method in ((head, "HEAD"), (revoked, "GET"), ("deadbeef", "GET"))
        }

    assert [reply.status_code for reply in asked.values()] == [200, 401, 401]
    assert used(connection) == [False, True, False]
