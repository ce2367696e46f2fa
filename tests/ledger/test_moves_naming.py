"""The full name told beside usage: who gets another one had the former one until then."""

from __future__ import annotations

from nodehours.ledger.people import User, add_user, identify_user
from nodehours.ledger.post import current_revision
from nodehours.ledger.store import Connection
from tests.ledger.moving import assert_still_told, report, revisions, told
from tests.ledger.written import assert_holds


def alice(full_name: str, *identities: str) -> User:
    return User("alice", full_name, "", False, False, True, list(identities))


def names(connection: Connection) -> set[str]:
    """The names told beside usage now."""
    return {row[-1] for row in told(connection).rows if row[4] is not None}


def test_a_login_with_a_name_for_somebody_with_usage_is_a_revision(connection: Connection) -> None:
    report(connection, {"2026-03-01": {"al": 60}}, alice="al")
    before = told(connection)

    add_user(connection, alice("Alice A", "alice.brics"), "carol")

    assert names(connection) == {"Alice A"}
    assert revisions(connection) == [(2, "naming", "alice is alice.brics", "carol")]
    assert_still_told(connection, before)
    assert_holds(connection)


def test_a_login_that_turns_out_to_be_somebody_with_usage_brings_its_name_as_a_revision(
    connection: Connection,
) -> None:
    report(connection, {"2026-03-01": {"al": 60}}, alice="al")
    add_user(connection, alice("Alice A"))
    before = told(connection)

    identify_user(connection, "alice", "alice.brics", "carol")

    assert names(connection) == {"Alice A"}
    assert revisions(connection) == [(2, "naming", "alice is alice.brics", "carol")]
    assert_still_told(connection, before)
    assert_holds(connection)


def test_where_no_name_told_beside_usage_changes_the_clock_stands_still(
    connection: Connection,
) -> None:
    """Bob has no usage yet, and Alice's login has no name."""
    report(connection, {"2026-03-01": {"al": 60}}, alice="al", bob="bo")

    add_user(connection, alice("", "alice.brics"))
    add_user(connection, User("bob", "Bob B", "", False, False, True, ["bob.brics"]))
    add_user(connection, User("eve", "Eve E", "", False, False, True, ["eve.brics"]))
    add_user(connection, User("dave", "Dave D", "", False, False, True, []))
    identify_user(connection, "dave", "dave.brics")

    assert current_revision(connection) == 1
    assert revisions(connection) == []
    assert names(connection) == {""}


def test_whoever_is_known_before_there_is_any_usage_may_be_given_a_name(
    connection: Connection,
) -> None:
    """A report that names people and no day leaves the clock at 0: nothing was told that is to be remembered."""
    report(connection, {}, alice="al")

    add_user(connection, alice("Alice A", "alice.brics"))

    assert current_revision(connection) == 0
    assert connection.execute("select full_name from users").fetchall() == [("Alice A",)]
    assert_holds(connection)
