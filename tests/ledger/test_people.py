"""People: known from reports, given a login, identified; who they are is said, never guessed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import psycopg
import pytest

from nodehours.ledger.errors import TakenNameError, UnknownNameError
from nodehours.ledger.people import (
    User,
    add_user,
    create_token,
    deactivate_user,
    grant_role,
    identify_user,
    is_identity,
    list_roles,
    list_tokens,
    list_users,
    namesakes,
    revoke_role,
)
from nodehours.ledger.post import post
from nodehours.ledger.store import Connection
from nodehours.terms.identifiers import ProjectIdentifier, UserIdentifier
from nodehours.terms.usage import Claim, DailyUsage, Day, ProjectUsage
from tests.ledger.commands import await_that, ended, start
from tests.ledger.reports import ORIGIN
from tests.ledger.written import everything


def login(username: str | None, *identities: str, email: str = "") -> User:
    return User(username, "", email, False, False, True, list(identities))


def report(connection: Connection, *people: str, project: str = "climate.brics") -> None:
    """Let each of *people* use a minute of the project."""
    of = ProjectIdentifier.parse(project)
    day = Day(usage={person: DailyUsage(60) for person in people})
    claims = {Claim(person, UserIdentifier(person, of.project, of.portal)) for person in people}
    post(connection, ProjectUsage(of, {date(2026, 3, 1): day}, frozenset(claims)), "isca", ORIGIN)


def owners(connection: Connection) -> list[tuple[str, str | None]]:
    """Whose login each row of a user is: (user identifier, username)."""
    return connection.execute(
        "select usage_rows.username, users.username from usage_rows"
        " join users on users.id = user_id order by 1"
    ).fetchall()


def test_people_in_reports_are_users_without_a_login(connection: Connection) -> None:
    report(connection, "bob", "alice")

    found = sorted(list_users(connection), key=lambda user: user.identities)
    assert found == [login(None, "alice.brics"), login(None, "bob.brics")]


def test_a_login_made_after_the_report_is_the_person_in_it(connection: Connection) -> None:
    report(connection, "alice")
    report(connection, "alice", project="ocean.brics")

    add_user(connection, login("alice", "alice.brics"))

    assert owners(connection) == [("alice.climate.brics", "alice"), ("alice.ocean.brics", "alice")]
    assert list_users(connection) == [login("alice", "alice.brics")]


def test_a_login_made_before_the_report_is_the_person_in_it(connection: Connection) -> None:
    add_user(connection, login("alice", "alice.brics"))

    report(connection, "alice")

    assert owners(connection) == [("alice.climate.brics", "alice")]


def test_one_person_at_two_portals_is_one_user_when_that_was_said_first(
    connection: Connection,
) -> None:
    add_user(connection, login("alice", "al.gw4", "alice.brics"))

    report(connection, "alice")
    report(connection, "al", project="maths.gw4")

    assert owners(connection) == [("al.maths.gw4", "alice"), ("alice.climate.brics", "alice")]


def test_equal_names_at_two_portals_are_two_people(connection: Connection) -> None:
    report(connection, "alice")
    report(connection, "alice", project="maths.gw4")

    add_user(connection, login("alice", "alice.brics"))

    assert owners(connection) == [("alice.climate.brics", "alice"), ("alice.maths.gw4", None)]
    assert namesakes(connection, "alice") == ["alice.gw4"]


def test_a_login_with_roles_and_tokens_moves_to_the_person_it_turns_out_to_be(
    connection: Connection,
) -> None:
    """The person's id stays, since usage rows hang on it; what the login had comes along."""
    report(connection, "alice")
    ((person,),) = connection.execute("select uuid from users")
    add_user(connection, login("alice", email="alice@example.org"))
    grant_role(connection, "alice", "owner", "brics")
    create_token(connection, "alice", None)

    identify_user(connection, "alice", "alice.brics")

    assert connection.execute("select uuid, username, email from users").fetchall() == [
        (person, "alice", "alice@example.org")
    ]
    assert owners(connection) == [("alice.climate.brics", "alice")]
    assert [(role.username, role.role, role.of) for role in list_roles(connection)] == [
        ("alice", "owner", "brics")
    ]
    assert [token.username for token in list_tokens(connection)] == ["alice"]


def test_a_login_identified_before_the_report_is_the_person_in_it(connection: Connection) -> None:
    add_user(connection, login("alice"))

    identify_user(connection, "alice", "alice.brics")
    report(connection, "alice")

    assert owners(connection) == [("alice.climate.brics", "alice")]


def test_a_user_shut_out_stays_so_when_identified(connection: Connection) -> None:
    report(connection, "alice")
    add_user(connection, login("alice"))
    deactivate_user(connection, "alice")

    identify_user(connection, "alice", "alice.brics")

    assert [user.is_active for user in list_users(connection)] == [False]
    assert owners(connection) == [("alice.climate.brics", "alice")]


def test_saying_it_twice_is_the_same_as_once(connection: Connection) -> None:
    report(connection, "alice")
    add_user(connection, login("alice", "alice.brics"))
    before = everything(connection)

    identify_user(connection, "alice", "alice.brics")

    assert everything(connection) == before


def test_what_cannot_be_is_refused_with_a_sentence_and_changes_nothing(
    connection: Connection,
) -> None:
    report(connection, "alice", "bob")
    report(connection, "alice", project="maths.gw4")
    add_user(connection, login("bob", "bob.brics"))
    add_user(connection, login("carol", "carol.brics"))
    before = everything(connection)

    attempts: dict[str, Callable[[], object]] = {
        "there is a user bob already": lambda: add_user(connection, login("bob")),
        "b.gw4 or bob.brics is bob's already": (
            lambda: add_user(connection, login("b", "b.gw4", "bob.brics"))
        ),
        (
            "alice.brics, alice.gw4 are 2 different users: make them one first, see"
            " `nodehours user merge --help`"
        ): lambda: add_user(connection, login("alice", "alice.brics", "alice.gw4")),
        "bob.brics is bob's already": lambda: identify_user(connection, "carol", "bob.brics"),
        (
            "both have usage of their own: to make them one, run `nodehours user merge alice.brics bob`"
        ): lambda: identify_user(connection, "bob", "alice.brics"),
    }
    for sentence, attempt in attempts.items():
        with pytest.raises(TakenNameError) as refused:
            attempt()
        assert str(refused.value) == sentence

    assert everything(connection) == before


def test_a_known_person_with_the_username_of_another_stays_without_a_login(
    connection: Connection,
) -> None:
    report(connection, "alice")
    add_user(connection, login("alice"))

    with pytest.raises(TakenNameError, match="there is a user alice already"):
        add_user(connection, login("alice", "alice.brics"))

    assert owners(connection) == [("alice.climate.brics", None)]


def test_names_nobody_has_are_said_to_be_unknown(connection: Connection) -> None:
    report(connection, "alice")
    add_user(connection, login("boss"))

    attempts: dict[str, Callable[[], object]] = {
        "there is no user eve: see `nodehours user list`": (
            lambda: create_token(connection, "eve", None)
        ),
        "alice.brics has no login yet: run `nodehours user add alice.brics`": (
            lambda: deactivate_user(connection, "alice.brics")
        ),
        "there is no organisation gw4: see `nodehours organisation list`": (
            lambda: grant_role(connection, "boss", "owner", "gw4")
        ),
        "there is no project brics: see `nodehours project list`": (
            lambda: grant_role(connection, "boss", "member", "brics")
        ),
        "there is no organisation climate.brics: see `nodehours organisation list`": (
            lambda: revoke_role(connection, "boss", "reader", "climate.brics")
        ),
    }
    for sentence, attempt in attempts.items():
        with pytest.raises(UnknownNameError) as refused:
            attempt()
        assert str(refused.value) == sentence


@pytest.mark.parametrize(
    ("role", "of"),
    [
        ("owner", "brics"),
        ("reader", "brics"),
        ("manager", "climate.brics"),
        ("member", "climate.brics"),
    ],
)
def test_a_role_is_granted_once_and_revoked_once(
    connection: Connection, role: str, of: str
) -> None:
    report(connection, "alice")
    add_user(connection, login("boss"))

    assert [grant_role(connection, "boss", role, of) for _ in range(2)] == [True, False]
    assert [(one.username, one.role, one.of) for one in list_roles(connection)] == [
        ("boss", role, of)
    ]
    assert [revoke_role(connection, "boss", role, of) for _ in range(2)] == [True, False]
    assert list_roles(connection) == []


@pytest.mark.parametrize(
    ("username", "found"),
    [
        ("alice", ["alice.brics"]),
        ("al%", []),
        ("alic_", []),
        ("a_b", ["a_b.brics"]),
        ("\\", []),
        ("", []),
    ],
)
def test_namesakes_are_looked_for_literally(
    connection: Connection, username: str, found: list[str]
) -> None:
    report(connection, "alice", "a_b", "axb")

    assert namesakes(connection, username) == found


def test_an_identity_can_be_looked_up_while_a_posting_uses_it(
    connection: Connection, database_url: str
) -> None:
    """The posting holds on to the person; a reader need not wait for it."""
    report(connection, "alice")
    with connection.transaction(), psycopg.connect(database_url, autocommit=True) as other:
        report(connection, "alice", project="ocean.brics")
        other.execute("set lock_timeout = '1s'")

        assert is_identity(other, "alice.brics")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("role", "grant", "alice", "owner", "brics"), "alice is now owner of brics\n"),
        (("user", "deactivate", "alice"), "deactivated alice\n"),
        (("token", "create", "alice"), None),
    ],
)
def test_what_is_given_to_a_login_while_it_moves_is_given_to_the_person(
    connection: Connection, database_url: str, command: tuple[str, ...], said: str | None
) -> None:
    report(connection, "alice")
    add_user(connection, login("alice"))

    with connection.transaction():
        identify_user(connection, "alice", "alice.brics")
        giving = start(*command, NODEHOURS_DATABASE_URL=database_url)
        with psycopg.connect(database_url, autocommit=True) as watcher:
            await_that(lambda: is_waiting(watcher), "the command waits")
    done = ended(giving)

    assert done.returncode == 0
    assert said in (None, done.stdout)
    assert owners(connection) == [("alice.climate.brics", "alice")]
    assert len(list_users(connection)) == 1


def is_waiting(connection: psycopg.Connection) -> bool:
    found = connection.execute(
        "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    )
    return found.fetchone() is not None
