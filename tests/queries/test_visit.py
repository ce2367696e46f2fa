"""Who visits the dashboard: whose session it is, and that they see what their token would show them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, timedelta
from typing import TypeVar

import anyio
import psycopg
import pytest

from nodehours.ledger import people, sign_in
from nodehours.ledger.merging import merge_users
from nodehours.ledger.store import Connection
from nodehours.queries.access import Reader, SignInRefusal, Visitor, operator_scope, visit
from nodehours.queries.access import sign_in as sign_in_by_token
from nodehours.queries.pool import Connection as Reading
from nodehours.queries.sessions import SessionLine, sessions_of
from nodehours.terms.scope import Scope
from nodehours.terms.token import token_sha256
from tests.centre import READERS, REPORTS
from tests.ledger.moving import STAFF
from tests.reported import fill

Answer = TypeVar("Answer")


def asked(url: str, ask: Callable[[Reading], Awaitable[Answer]]) -> Answer:
    async def work() -> Answer:
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as reading:
            return await ask(reading)

    return anyio.run(work)


def visited(url: str, secret: str) -> Visitor | None:
    return asked(url, lambda reading: visit(reading, token_sha256(secret)))


def opened_by(url: str, token: str) -> Reader | SignInRefusal:
    return asked(url, lambda reading: sign_in_by_token(reading, token_sha256(token)))


def sessions(url: str, scope: Scope, user: int, this: int | None = None) -> list[SessionLine]:
    if this is None:
        return asked(url, lambda reading: sessions_of(reading, scope, user))
    return asked(url, lambda reading: sessions_of(reading, scope, user, this=this))


def user_id(connection: Connection, username: str) -> int:
    ((found,),) = connection.execute("select id from users where username = %s", [username])
    return int(found)


def add(connection: Connection, username: str, *identities: str) -> int:
    new = people.User(
        username, f"{username.title()} Ångström", f"{username}@example.org", False, True, True,
        [*identities],
    )  # fmt: skip
    people.add_user(connection, new)
    return user_id(connection, username)


def begun(connection: Connection, user: int, agent: str = "") -> str:
    return sign_in.start_session(connection, user, "password", agent)


def without_now(reader: Reader) -> Reader:
    """Both were asked at other instants."""
    return replace(reader, sight=replace(reader.sight, now=reader.sight.changed))


def test_whoever_visits_sees_what_their_token_shows_them(
    database_url: str, connection: Connection
) -> None:
    fill(database_url, REPORTS)
    for name, one in READERS.items():
        identities = [one.identity] if one.identity else []
        flags = (one.is_staff, one.is_support, True)
        people.add_user(connection, people.User(name, "", "", *flags, identities))
        for identifier, role in one.roles.items():
            people.grant_role(connection, name, role, identifier)

    for name in READERS:
        token, _ = people.create_token(connection, name, None)
        visitor = visited(database_url, begun(connection, user_id(connection, name)))

        by_token = opened_by(database_url, token)
        assert isinstance(by_token, Reader)
        assert visitor is not None
        assert without_now(visitor.reader) == without_now(by_token)
        assert (visitor.username, visitor.is_support) == (name, READERS[name].is_support)


def test_a_visitor_is_told_who_they_are_and_until_when(
    database_url: str, connection: Connection
) -> None:
    boss = add(connection, "boss")
    secret = begun(connection, boss)

    visitor = visited(database_url, secret)

    ((uuid,),) = connection.execute("select uuid from users where id = %s", [boss])
    ((session, expires),) = connection.execute("select id, expires from sessions")
    assert visitor == Visitor(
        reader=visitor.reader if visitor else pytest.fail("nobody visits"),
        user=boss,
        uuid=uuid,
        username="boss",
        full_name="Boss Ångström",
        email="boss@example.org",
        is_support=True,
        session_id=session,
        expires=expires,
    )
    assert visitor.reader.scope.reader == boss


def test_what_is_no_open_session_is_nobodys(database_url: str, connection: Connection) -> None:
    boss, alice = add(connection, "boss"), add(connection, "alice")
    token, _ = people.create_token(connection, "boss", None)
    link = sign_in.make_link(connection, "boss")
    ended, expired, shut = (
        begun(connection, boss),
        begun(connection, boss),
        begun(connection, alice),
    )
    still = begun(connection, boss)
    sign_in.end_session(connection, token_sha256(ended))
    connection.execute(
        "update sessions set expires = now() where sha256 = %s", [token_sha256(expired)]
    )
    assert visited(database_url, shut) is not None
    connection.execute("update users set is_active = false where username = 'alice'")

    for secret in ("", "stranger", token, link, ended, expired, shut, still.upper()):
        assert visited(database_url, secret) is None
    assert visited(database_url, still) is not None


def test_a_session_opens_nothing_as_a_token(database_url: str, connection: Connection) -> None:
    secret = begun(connection, add(connection, "boss"))

    assert opened_by(database_url, secret) is SignInRefusal.UNKNOWN


def test_who_becomes_a_known_person_goes_on_visiting_and_sees_their_own_usage(
    database_url: str, connection: Connection
) -> None:
    fill(database_url, REPORTS)
    before = add(connection, "alice")
    secret = begun(connection, before)

    people.identify_user(connection, "alice", "alice.brics")

    visitor = visited(database_url, secret)
    assert visitor is not None
    assert (visitor.username, visitor.user) == ("alice", user_id(connection, "alice"))
    assert visitor.user != before


def test_who_is_merged_with_another_login_visits_no_more(
    database_url: str, connection: Connection
) -> None:
    first, second = (begun(connection, add(connection, name)) for name in ("alicia", "alice"))

    merge_users(connection, "alicia", "alice", STAFF)

    assert visited(database_url, first) is None
    assert visited(database_url, second) is not None


def test_ones_own_open_sessions_are_listed_newest_first(
    database_url: str, connection: Connection
) -> None:
    boss = add(connection, "boss")
    secrets = [begun(connection, boss, agent) for agent in ("first", "ended", "expired", "last")]
    sign_in.end_session(connection, token_sha256(secrets[1]))
    connection.execute("update sessions set expires = now() where agent = 'expired'")
    visitor = visited(database_url, secrets[0])
    assert visitor is not None
    own = Scope(boss, everything=False)

    last, first = sessions(database_url, own, boss, visitor.session_id)

    assert (last.agent, last.how, last.is_this) == ("last", "password", False)
    assert (first.agent, first.how, first.is_this) == ("first", "password", True)
    assert (first.id, first.expires) == (visitor.session_id, visitor.expires)
    assert first.expires - first.started == timedelta(hours=12)
    assert first.started.tzinfo is UTC
    assert [one.is_this for one in sessions(database_url, own, boss)] == [False, False]


def test_the_sessions_of_others_are_for_who_sees_everything(
    database_url: str, connection: Connection
) -> None:
    boss, alice = add(connection, "boss"), add(connection, "alice")
    begun(connection, boss)

    assert sessions(database_url, Scope(alice, everything=False), boss) == []
    assert len(sessions(database_url, operator_scope(), boss)) == 1
