"""Users who turn out to be one."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from nodehours.ledger.closing import close_month
from nodehours.ledger.errors import LedgerError, UnchangeableError, UnknownNameError
from nodehours.ledger.merging import merge_users
from nodehours.ledger.moves import rename_project
from nodehours.ledger.people import (
    User,
    add_user,
    create_token,
    deactivate_user,
    grant_role,
    identify_user,
    list_roles,
    list_tokens,
    list_users,
)
from nodehours.ledger.store import Connection
from nodehours.queries.access import Reader, SignInRefusal, sign_in
from nodehours.terms.token import token_sha256
from tests.ledger.moving import (
    CLIMATE,
    MARCH,
    OCEAN,
    STAFF,
    WEATHER,
    assert_still_told,
    places,
    report,
    revisions,
    rows,
    told,
    totals,
    whole_month,
)
from tests.ledger.written import assert_holds, everything


def login(username: str, *identities: str, is_staff: bool = False, full_name: str = "") -> User:
    return User(
        username, full_name, f"{username}@example.org", is_staff, False, True, [*identities]
    )


async def signed_in(database_url: str, token: str) -> Reader | SignInRefusal:
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as reading:
        return await sign_in(reading, token_sha256(token))


def user_id(connection: Connection, identity: str) -> int:
    found = connection.execute("select user_id from identities where identity = %s", [identity])
    return int(found.fetchall()[0][0])


def test_the_row_of_one_falls_to_nothing_and_that_of_the_other_rises_by_as_much(
    connection: Connection,
) -> None:
    """Alicia used it in both months, Alice in March only: in April a row is made for her."""
    report(connection, {"2026-03-01": {"al": 60, "cia": 7}}, alice="al", alicia="cia")
    report(connection, {"2026-04-01": {"cia": 30, "old": 1}})
    before = told(connection)

    moved = merge_users(connection, "alicia.brics", "alice.brics", STAFF)

    after = told(connection)
    alice = user_id(connection, "alice.brics")
    assert user_id(connection, "alicia.brics") == alice
    assert {(y, m, user, n) for _, _, y, m, user, _, n, _ in after.rows} >= {
        (2026, 3, alice, 67),
        (2026, 4, alice, 30),
    }
    assert sorted(row[3] for row in rows(connection)) == [0, 0, 0, 1, 30, 67]
    assert totals(after) == totals(before)
    assert places(before).items() <= places(after).items()
    assert len(after.rows) == len(before.rows) + 1
    assert (moved.revision, len(moved.told)) == (3, 2)
    assert revisions(connection) == [(3, "merging", "alicia.brics is alice.brics", "carol")]
    assert_holds(connection)
    assert_still_told(connection, before)


def test_a_complete_month_in_which_figures_go_over_is_restated(connection: Connection) -> None:
    report(connection, whole_month(MARCH, al=60, cia=7), alice="al", alicia="cia")
    report(connection, whole_month(MARCH, bo=5), OCEAN, bob="bo")

    merge_users(connection, "alicia.brics", "alice.brics", STAFF)

    states = connection.execute("select is_restated from statements order by allocation_id")
    assert states.fetchall() == [(True,), (False,)]


def test_what_two_claimed_and_nobody_had_is_theirs_once_they_are_one(
    connection: Connection,
) -> None:
    report(connection, {"2026-03-01": {"shared": 60}}, alice="shared", alicia="shared")
    assert rows(connection)[-1] == ("climate.brics", "2026-03", "unknown", 60)

    merge_users(connection, "alicia.brics", "alice.brics", STAFF)

    assert rows(connection) == [
        ("climate.brics", "2026-03", "alice.climate.brics", 60),
        ("climate.brics", "2026-03", "alicia.climate.brics", 0),
        ("climate.brics", "2026-03", "unknown", 0),
    ]
    assert_holds(connection)


def test_what_is_reported_of_the_one_afterwards_is_the_others(connection: Connection) -> None:
    report(connection, {"2026-03-01": {"al": 60}}, alice="al", alicia="cia")
    merge_users(connection, "alicia.brics", "alice.brics", STAFF)

    report(connection, {"2026-03-02": {"cia": 1}}, alicia="cia")
    report(connection, {"2026-03-01": {"cia": 2}}, OCEAN, alicia="cia")

    alice = user_id(connection, "alice.brics")
    owned = connection.execute("select node_seconds from usage_rows where user_id = %s", [alice])
    assert sorted(owned.fetchall()) == [(2,), (61,)]
    assert_holds(connection)


def test_a_closed_month_waits_and_the_others_are_told_anew(connection: Connection) -> None:
    report(
        connection, {"2026-03-01": {"cia": 60}, "2026-04-01": {"cia": 1}}, alicia="cia", alice="al"
    )
    close_month(connection, "climate.brics", MARCH, STAFF)

    moved = merge_users(connection, "alicia.brics", "alice.brics", STAFF)

    assert [month.month for month in moved.waiting] == [MARCH]
    assert [row[1:] for row in rows(connection) if row[3]] == [
        ("2026-03", "alicia.climate.brics", 60),
        ("2026-04", "alicia.climate.brics", 1),
    ]
    assert_holds(connection)


@pytest.mark.anyio
async def test_where_both_have_a_login_the_second_stays_and_the_tokens_of_the_first_open_nothing(
    connection: Connection, database_url: str
) -> None:
    """Roles go over, staff rights do not; the first login is shut."""
    report(connection, {"2026-03-01": {"al": 60, "cia": 7}}, alice="al", alicia="cia")
    report(connection, {"2026-03-01": {"bo": 1}}, OCEAN, bob="bo")
    add_user(connection, login("alicia", "alicia.brics", is_staff=True, full_name="Alicia A"))
    add_user(connection, login("alice", "alice.brics", full_name="Alice A"))
    grant_role(connection, "alicia", "member", "climate.brics")
    grant_role(connection, "alicia", "member", "ocean.brics")
    grant_role(connection, "alice", "member", "climate.brics")
    first, _ = create_token(connection, "alicia", None)
    second, _ = create_token(connection, "alice", None)

    merge_users(connection, "alicia", "alice", STAFF)

    assert await signed_in(database_url, first) is SignInRefusal.UNKNOWN
    reader = await signed_in(database_url, second)
    assert isinstance(reader, Reader)
    assert (reader.is_staff, reader.scope.everything) == (False, False)
    assert len(reader.scope.allocations) == 2
    assert [(one.username, one.of) for one in list_roles(connection)] == [
        ("alice", "climate.brics"),
        ("alice", "ocean.brics"),
    ]
    assert [
        (one.username, one.full_name, one.is_staff, one.is_active, one.identities)
        for one in list_users(connection)
    ] == [
        ("alice", "Alice A", False, True, ["alice.brics", "alicia.brics"]),
        ("alicia", "Alicia A", False, False, []),
        (None, "", False, True, ["bob.brics"]),
    ]


@pytest.mark.anyio
async def test_a_login_that_only_the_first_has_becomes_the_seconds_without_its_staff_rights(
    connection: Connection, database_url: str
) -> None:
    report(connection, {"2026-03-01": {"al": 60, "cia": 7}}, alice="al", alicia="cia")
    add_user(connection, login("alicia", "alicia.brics", is_staff=True, full_name="Alicia A"))
    grant_role(connection, "alicia", "owner", "brics")
    token, _ = create_token(connection, "alicia", None)
    before = told(connection)

    merge_users(connection, "alicia.brics", "alice.brics", STAFF)

    reader = await signed_in(database_url, token)
    assert isinstance(reader, Reader)
    assert (reader.scope.reader, reader.is_staff) == (user_id(connection, "alice.brics"), False)
    assert len(reader.scope.allocations) == 1
    assert [one.username for one in list_tokens(connection)] == ["alicia"]
    assert list_users(connection) == [
        User("alicia", "Alicia A", "alicia@example.org", False, False, True, ["alice.brics", "alicia.brics"])
    ]  # fmt: skip
    assert_still_told(connection, before)


@pytest.mark.anyio
async def test_a_third_user_sees_as_little_as_before(
    connection: Connection, database_url: str
) -> None:
    report(
        connection,
        {"2026-03-01": {"al": 60, "cia": 7, "bo": 1}},
        alice="al",
        alicia="cia",
        bob="bo",
    )
    add_user(connection, login("alice", "alice.brics"))
    add_user(connection, login("bob", "bob.brics"))
    grant_role(connection, "alice", "owner", "brics")
    token, _ = create_token(connection, "bob", None)
    before = await signed_in(database_url, token)

    merge_users(connection, "alice", "alicia.brics", STAFF)

    after = await signed_in(database_url, token)
    assert isinstance(before, Reader)
    assert isinstance(after, Reader)
    assert (after.scope, after.is_staff) == (before.scope, before.is_staff)
    # Nothing that they see has changed, and nothing tells them that something else has.
    assert (after.sight.newest, after.sight.changed) == (before.sight.newest, before.sight.changed)
    assert (before.scope.reader, before.scope.allocations) == (user_id(connection, "bob.brics"), ())


def test_merged_one_after_the_other_the_last_has_everything(connection: Connection) -> None:
    used = {"2026-03-01": {"al": 1, "cia": 20, "ally": 300}}
    report(connection, used, alice="al", alicia="cia", ally="ally")
    moments = [told(connection)]

    for pair in (("ally.brics", "alicia.brics"), ("alicia.brics", "alice.brics")):
        merge_users(connection, *pair, STAFF)
        moments.append(told(connection))

    alice = user_id(connection, "ally.brics")
    figures = {row[4]: row[6] for row in moments[-1].rows}
    assert {owner: n for owner, n in figures.items() if n} == {alice: 321}
    merged = connection.execute(
        "select merged_into, is_active from users where merged_into is not null"
    )
    assert merged.fetchall() == [(alice, False)] * 2
    for then in moments:
        assert_still_told(connection, then)
    assert_holds(connection)


def test_merged_in_a_ring_the_last_one_is_refused(connection: Connection) -> None:
    """Each has a login, so each can be named; without one, all their names lead to the same user."""
    names = ("alice", "alicia", "ally")
    used = {"2026-03-01": {"al": 1, "cia": 20, "ally": 300}}
    report(connection, used, alice="al", alicia="cia", ally="ally")
    for name in names:
        add_user(connection, login(name, f"{name}.brics"))
    merge_users(connection, "alice", "alicia", STAFF)
    merge_users(connection, "alicia", "ally", STAFF)

    with pytest.raises(UnchangeableError, match="alice was merged with ally already"):
        merge_users(connection, "ally", "alice", STAFF)
    with pytest.raises(UnchangeableError, match=r"ally and alice\.brics are one user already"):
        merge_users(connection, "ally", "alice.brics", STAFF)
    assert_holds(connection)


def test_who_cannot_be_merged_is_refused_with_a_sentence_and_nothing_changes(
    connection: Connection,
) -> None:
    report(connection, {"2026-03-01": {"al": 60, "bo": 7}}, alice="al", bob="bo", dave="da")
    add_user(connection, login("alice", "alice.brics"))
    add_user(connection, login("alicia"))
    add_user(connection, login("eve"))
    add_user(connection, login("dave", "dave.brics"))
    add_user(connection, login("bob.brics"))
    deactivate_user(connection, "dave")
    merge_users(connection, "alicia", "alice", STAFF)
    before = everything(connection)

    def merge(source: str, target: str) -> Callable[[], object]:
        return lambda: merge_users(connection, source, target, STAFF)

    attempts: dict[str, tuple[type[LedgerError], Callable[[], object]]] = {
        "alice and alice.brics are one user already": (
            UnchangeableError, merge("alice", "alice.brics")
        ),
        "alicia was merged with alice already": (UnchangeableError, merge("alicia", "eve")),
        "dave is shut out, and a merge would undo that": (UnchangeableError, merge("dave", "eve")),
        "dave.brics is shut out, and a merge would undo that": (
            UnchangeableError, merge("eve", "dave.brics")
        ),
        "there is no user mallory: see `nodehours user list`": (
            UnknownNameError, merge("mallory", "alice")
        ),
        "bob.brics is one user's username and another's identity: say who is meant by another name": (
            UnchangeableError, merge("bob.brics", "eve")
        ),
        "alicia was merged with alice": (
            UnknownNameError, lambda: grant_role(connection, "alicia", "owner", "brics")
        ),
    }  # fmt: skip
    for sentence, (kind, attempt) in attempts.items():
        with pytest.raises(kind) as refused:
            attempt()
        assert str(refused.value) == sentence
    with pytest.raises(UnknownNameError, match="alicia was merged with alice"):
        identify_user(connection, "alicia", "carol.brics")

    assert everything(connection) == before


def test_a_login_into_which_another_was_merged_still_becomes_the_person_it_is(
    connection: Connection,
) -> None:
    report(connection, {"2026-03-01": {"al": 60}}, alice="al")
    add_user(connection, login("alice"))
    add_user(connection, login("alicia"))
    merge_users(connection, "alicia", "alice", STAFF)

    identify_user(connection, "alice", "alice.brics")

    merged = connection.execute("select merged_into from users where username = 'alicia'")
    assert merged.fetchall() == [(user_id(connection, "alice.brics"),)]


def test_merged_users_of_a_project_renamed_since_are_told_by_its_name_of_then(
    connection: Connection,
) -> None:
    report(connection, {"2026-03-01": {"al": 60, "cia": 7}}, alice="al", alicia="cia")
    moments = [told(connection)]
    rename_project(connection, CLIMATE, WEATHER, STAFF)
    moments.append(told(connection))

    merge_users(connection, "alicia.brics", "alice.brics", STAFF)

    for then in moments:
        assert_still_told(connection, then)
    assert [row[2:] for row in rows(connection)] == [
        ("alice.weather.brics", 67),
        ("alicia.weather.brics", 0),
        ("unknown", 0),
    ]
