"""Sessions: begun, ended, and whose they are when logins move and users turn out to be one."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from nodehours.ledger.merging import merge_users
from nodehours.ledger.people import User, add_user, deactivate_user, identify_user
from nodehours.ledger.sign_in import (
    LIFETIME,
    bind_login,
    end_all_sessions,
    end_session,
    make_link,
    password_user,
    set_password,
    sign_out,
    start_session,
    use_link,
    user_of_login,
)
from nodehours.ledger.store import Connection
from nodehours.terms.token import token_sha256
from tests.ledger.moving import STAFF, report
from tests.ledger.written import assert_holds, everything

PASSWORD = "correct horse battery"
ISSUER = "https://sso.example.org"
OPEN = """
select how, agent from sessions where user_id = %s and ended is null and expires > now() order by id
"""
MAIL = """
insert into mails (user_id, project_id, is_report, claimed) select %s, id, true, now() from projects
"""
MAILS = "select user_id, sent = claimed from mails order by id"


def add(connection: Connection, username: str, *identities: str) -> int:
    add_user(connection, User(username, "", "", False, False, True, [*identities]))
    return user_id(connection, username)


def user_id(connection: Connection, username: str) -> int:
    ((found,),) = connection.execute("select id from users where username = %s", [username])
    return int(found)


def known_id(connection: Connection, identity: str) -> int:
    ((found,),) = connection.execute(
        "select user_id from identities where identity = %s", [identity]
    )
    return int(found)


def opened(connection: Connection, user: int) -> list[tuple[str, str]]:
    """The sessions of *user* that are open."""
    return connection.execute(OPEN, [user]).fetchall()


def test_a_session_lasts_twelve_hours_and_its_secret_is_nowhere_in_the_database(
    connection: Connection,
) -> None:
    boss = add(connection, "boss")

    secret = start_session(connection, boss, "password", "Browser/1.0")

    assert re.fullmatch("[0-9a-f]{64}", secret)
    whole = repr(everything(connection)).lower()
    assert secret not in whole
    assert repr(token_sha256(secret)).lower() in whole
    ((started, expires),) = connection.execute("select started, expires from sessions")
    assert expires - started == LIFETIME == timedelta(hours=12)
    assert abs(datetime.now(UTC) - started) < timedelta(minutes=5)


@pytest.mark.parametrize(
    ("agent", "kept"),
    [
        ("", ""),
        ("Mozilla/5.0 (X11; Linux x86_64)", "Mozilla/5.0 (X11; Linux x86_64)"),
        ("a\0b\x1b[1m\n\ud800", "a�b�[1m��"),
        ("x" * 5000, "x" * 200),
    ],
)
def test_what_a_browser_calls_itself_is_kept_legible_and_short(
    connection: Connection, agent: str, kept: str
) -> None:
    boss = add(connection, "boss")

    start_session(connection, boss, "link", agent)

    assert opened(connection, boss) == [("link", kept)]


def test_a_session_is_ended_alone_or_with_all_of_its_user(connection: Connection) -> None:
    boss, alice = add(connection, "boss"), add(connection, "alice")
    first = start_session(connection, boss, "password", "first")
    for agent in ("second", "third"):
        start_session(connection, boss, "oidc", agent)
    start_session(connection, alice, "link", "hers")

    for _ in range(2):
        end_session(connection, token_sha256(first))
        end_session(connection, token_sha256("stranger"))
    assert opened(connection, boss) == [("oidc", "second"), ("oidc", "third")]

    assert [end_all_sessions(connection, boss) for _ in range(2)] == [2, 0]
    assert (opened(connection, boss), opened(connection, alice)) == ([], [("link", "hers")])
    assert [sign_out(connection, "alice") for _ in range(2)] == [1, 0]


def test_the_time_at_which_a_session_ended_stays(connection: Connection) -> None:
    boss = add(connection, "boss")
    secret = start_session(connection, boss, "password", "")
    end_session(connection, token_sha256(secret))
    ended = connection.execute("select ended from sessions").fetchall()

    end_session(connection, token_sha256(secret))
    deactivate_user(connection, "boss")

    assert connection.execute("select ended from sessions").fetchall() == ended


def test_who_is_shut_out_is_signed_out(connection: Connection) -> None:
    boss, alice = add(connection, "boss"), add(connection, "alice")
    for user in (boss, alice):
        start_session(connection, user, "password", "")

    deactivate_user(connection, "boss")

    assert (len(opened(connection, boss)), len(opened(connection, alice))) == (0, 1)


def test_sessions_of_last_month_are_forgotten_when_a_new_one_begins(connection: Connection) -> None:
    boss = add(connection, "boss")
    for agent in ("old", "ended", "late", "open"):
        start_session(connection, boss, "password", agent)
    for agent, days in (("old", 31), ("late", 29)):
        connection.execute(
            "update sessions set expires = now() - make_interval(days => %s) where agent = %s",
            [days, agent],
        )
    connection.execute(
        "update sessions set ended = now() - interval '31 days' where agent = 'ended'"
    )

    start_session(connection, boss, "password", "new")

    kept = connection.execute("select agent from sessions order by id").fetchall()
    assert kept == [("late",), ("open",), ("new",)]


# ------------------------------------------------------------------------------- whose they are


def open_all_doors(connection: Connection, username: str) -> str:
    """Give *username* a password, an account at a provider, a session and a link; return the link."""
    set_password(connection, username, f"{PASSWORD} of {username}")
    user = bind_login(connection, ISSUER, username, username)
    start_session(connection, user, "password", username)
    return make_link(connection, username)


def doors(connection: Connection, username: str, link: str) -> list[int | None]:
    """Whom what *username* was given opens: the password, the account, the session, the link."""
    ((session,),) = connection.execute(
        "select max(case when ended is null then user_id end) from sessions where agent = %s",
        [username],
    )
    return [
        password_user(connection, username, f"{PASSWORD} of {username}"),
        user_of_login(connection, ISSUER, username),
        session,
        use_link(connection, link),
    ]


def test_what_opens_a_login_opens_it_when_it_is_a_known_person(connection: Connection) -> None:
    report(connection, {"2026-03-01": {"al": 60}}, alice="al")
    before = add(connection, "alice")
    link = open_all_doors(connection, "alice")
    connection.execute(MAIL, [before])

    identify_user(connection, "alice", "alice.brics")

    alice = known_id(connection, "alice.brics")
    assert alice != before
    assert doors(connection, "alice", link) == [alice] * 4
    assert connection.execute(MAILS).fetchall() == [(alice, True)]
    assert_holds(connection)


def test_what_opens_the_only_login_of_two_merged_users_opens_it_still(
    connection: Connection,
) -> None:
    report(connection, {"2026-03-01": {"al": 60, "cia": 7}}, alice="al", alicia="cia")
    alicia = add(connection, "alicia", "alicia.brics")
    link = open_all_doors(connection, "alicia")
    connection.execute(MAIL, [alicia])

    merge_users(connection, "alicia", "alice.brics", STAFF)

    alice = known_id(connection, "alice.brics")
    assert alice != alicia
    assert doors(connection, "alicia", link) == [alice] * 4
    assert connection.execute(MAILS).fetchall() == [(alice, True)]
    assert_holds(connection)


def test_of_two_logins_that_are_merged_only_what_opened_the_second_opens_it(
    connection: Connection,
) -> None:
    """But for the accounts at the provider: both are of the person whose login it is."""
    report(connection, {"2026-03-01": {"al": 60, "cia": 7}}, alice="al", alicia="cia")
    alicia = add(connection, "alicia", "alicia.brics")
    alice = add(connection, "alice", "alice.brics")
    first, second = (open_all_doors(connection, name) for name in ("alicia", "alice"))
    for user in (alicia, alice):
        connection.execute(MAIL, [user])

    merge_users(connection, "alicia", "alice", STAFF)

    assert doors(connection, "alicia", first) == [None, alice, None, None]
    assert doors(connection, "alice", second) == [alice] * 4
    assert connection.execute("select user_id from passwords").fetchall() == [(alice,)]
    # Nobody is told a second time, under their other name, what they were told.
    assert connection.execute(MAILS).fetchall() == [(alice, True), (alice, None)]
    assert_holds(connection)


def test_of_a_person_without_a_login_nothing_opens_the_login_they_are_merged_with(
    connection: Connection,
) -> None:
    report(connection, {"2026-03-01": {"al": 60, "cia": 7}}, alice="al", alicia="cia")
    alice = add(connection, "alice", "alice.brics")
    link = open_all_doors(connection, "alice")

    merge_users(connection, "alicia.brics", "alice", STAFF)

    assert doors(connection, "alice", link) == [alice] * 4
