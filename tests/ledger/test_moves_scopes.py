"""Who sees what after a project moved or a user was merged: today's roles open, now and as of then."""

from __future__ import annotations

import psycopg
import pytest

from nodehours.ledger.closing import close_month
from nodehours.ledger.decisions import accept
from nodehours.ledger.inventory import add_organisation
from nodehours.ledger.merging import merge_users
from nodehours.ledger.moves import move_project, rename_project
from nodehours.ledger.people import User, add_user, create_token, grant_role
from nodehours.ledger.post import current_revision
from nodehours.ledger.store import Connection
from nodehours.ledger.verify import verify
from nodehours.queries.access import Reader, sign_in
from nodehours.queries.usage import list_usage
from nodehours.terms.row import UsageFilter
from nodehours.terms.token import token_sha256
from tests.ledger.moving import CLIMATE, MARCH, STAFF, WEATHER, report, rows
from tests.ledger.written import assert_holds

Seen = list[tuple[str, int]]


def login(connection: Connection, name: str, *identities: str, owner_of: str = "") -> str:
    """Make a user with a role, and return their token."""
    add_user(connection, User(name, "", "", False, False, True, list(identities)))
    if owner_of:
        grant_role(connection, name, "owner", owner_of)
    return create_token(connection, name, None)[0]


async def seen(database_url: str, token: str, at: int | None = None) -> Seen:
    """The rows that *token* opens: (username, node-seconds)."""
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as reading:
        reader = await sign_in(reading, token_sha256(token))
        assert isinstance(reader, Reader)
        asked = UsageFilter()
        page = await list_usage(reading, reader.scope, asked, offset=0, limit=100, at=at)
        assert page.total == len(page.rows)
        return [(row.username, row.node_seconds) for row in page.rows]


@pytest.mark.anyio
async def test_a_project_that_moved_is_seen_by_its_new_organisation_and_no_more_by_its_former_one(
    connection: Connection, database_url: str
) -> None:
    """Alice has her own rows wherever the project is; Carol, of neither organisation, has nothing."""
    report(connection, {"2026-03-01": {"al": 60, "bo": 7}}, alice="al", bob="bo")
    add_organisation(connection, "uk")
    former = login(connection, "boss", owner_of="brics")
    new = login(connection, "lady", owner_of="uk")
    alice = login(connection, "alice", "alice.brics")
    carol = login(connection, "carol", "carol.brics")
    before = current_revision(connection)

    move_project(connection, CLIMATE, "uk", STAFF)

    whole = [("alice.climate.brics", 60), ("bob.climate.brics", 7), ("unknown", 0)]
    for at in (None, before):
        assert await seen(database_url, former, at) == []
        assert await seen(database_url, new, at) == whole
        assert await seen(database_url, alice, at) == whole[:1]
        assert await seen(database_url, carol, at) == []


@pytest.mark.anyio
async def test_whoever_was_merged_sees_all_that_is_theirs_and_others_see_nothing_of_it(
    connection: Connection, database_url: str
) -> None:
    report(
        connection,
        {"2026-03-01": {"al": 60, "cia": 5, "bo": 7}},
        alice="al",
        alicia="cia",
        bob="bo",
    )
    alice = login(connection, "alice", "alice.brics")
    bob = login(connection, "bob", "bob.brics")
    before = current_revision(connection)

    merge_users(connection, "alicia.brics", "alice", STAFF)

    assert await seen(database_url, alice) == [("alice.climate.brics", 65)]
    assert await seen(database_url, alice, before) == [("alice.climate.brics", 60)]
    for at in (None, before):
        assert await seen(database_url, bob, at) == [("bob.climate.brics", 7)]


def test_what_waited_for_a_closed_month_is_told_by_all_names_of_today_once_accepted(
    connection: Connection,
) -> None:
    """Closed, then the project is renamed and two of its users are merged; accepted, March says so too."""
    report(connection, {"2026-03-01": {"al": 60, "cia": 5}}, alice="al", alicia="cia")
    close_month(connection, "climate.brics", MARCH, STAFF)
    rename_project(connection, CLIMATE, WEATHER, STAFF)
    (waiting,) = merge_users(connection, "alicia.brics", "alice.brics", STAFF).waiting
    assert waiting.pending is not None

    accept(connection, waiting.pending, STAFF)

    assert rows(connection) == [
        ("weather.brics", "2026-03", "alice.weather.brics", 65),
        ("weather.brics", "2026-03", "alicia.weather.brics", 0),
        ("weather.brics", "2026-03", "unknown", 0),
    ]
    assert_holds(connection)
    assert verify(connection).differences == ()
