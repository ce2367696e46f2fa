"""Mails are claimed before they are sent: by one at a time, and twice at most."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread

import psycopg
import pytest

from nodehours.ledger import people
from nodehours.ledger.errors import UnknownNameError
from nodehours.ledger.mails import (
    Claim,
    claim_mail,
    mark_sent,
    only_sender,
    release,
    set_wish,
    set_wish_of,
    wants_mail,
)
from nodehours.ledger.store import Connection, connected
from nodehours.terms.mailing import PATIENCE, Told
from tests.ledger.moving import report
from tests.ledger.written import assert_holds

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
LATER = NOW + PATIENCE
KEPT = "select id, is_report, tries, claimed, sent from mails order by id"
FIGURES = "select mail_id, node_seconds, node_limit_node_seconds from mail_figures order by 1"


@pytest.fixture
def boss(connection: Connection) -> int:
    """A user, in a ledger with the project 1, which has the allocation 1."""
    report(connection, {"2026-03-01": {"al": 60}}, alice="al")
    people.add_user(connection, people.User("boss", "", "b@example.org", False, False, True, []))
    ((user,),) = connection.execute("select id from users where username = 'boss'")
    return int(user)


def claimed(
    connection: Connection, user: int, at: datetime = NOW, used: int = 60, *, is_report: bool = True
) -> Claim | None:
    return claim_mail(connection, user, 1, [Told(1, used, 100)], is_report=is_report, at=at)


def test_a_claim_is_kept_with_what_is_told_and_marked_when_it_is_sent(
    connection: Connection, boss: int
) -> None:
    claim = claimed(connection, boss)

    assert claim is not None
    assert connection.execute(KEPT).fetchall() == [(claim.id, True, 1, NOW, None)]
    assert connection.execute(FIGURES).fetchall() == [(claim.id, 60, 100)]

    mark_sent(connection, claim, LATER)
    assert connection.execute(KEPT).fetchall() == [(claim.id, True, 1, NOW, LATER)]
    assert_holds(connection)


def test_what_is_claimed_is_nobody_elses_for_an_hour(connection: Connection, boss: int) -> None:
    claimed(connection, boss)

    assert claimed(connection, boss, LATER - timedelta(seconds=1)) is None


def test_after_an_hour_a_claim_is_taken_over_once_with_its_uuid(
    connection: Connection, boss: int
) -> None:
    first = claimed(connection, boss)
    second = claimed(connection, boss, LATER, used=70, is_report=False)

    assert first == second
    assert first is not None
    assert connection.execute(KEPT).fetchall() == [(first.id, False, 2, LATER, None)]
    assert connection.execute(FIGURES).fetchall() == [(first.id, 70, 100)]


def test_what_was_tried_twice_counts_as_sent_and_another_mail_can_be_claimed(
    connection: Connection, boss: int
) -> None:
    first = claimed(connection, boss)
    claimed(connection, boss, LATER)
    third = claimed(connection, boss, LATER + PATIENCE)

    assert first is not None
    assert third is not None
    assert first.uuid != third.uuid
    assert connection.execute(KEPT).fetchall() == [
        (first.id, True, 2, LATER, LATER),
        (third.id, True, 1, LATER + PATIENCE, None),
    ]


def test_what_is_sent_stands_in_the_way_of_no_other(connection: Connection, boss: int) -> None:
    for at in (NOW, NOW + timedelta(minutes=1)):
        claim = claimed(connection, boss, at)
        assert claim is not None
        mark_sent(connection, claim, at)

    assert len(connection.execute(KEPT).fetchall()) == 2


def test_a_claim_that_is_given_back_leaves_nothing(connection: Connection, boss: int) -> None:
    claim = claimed(connection, boss)
    assert claim is not None

    release(connection, claim)

    assert connection.execute(KEPT).fetchall() == connection.execute(FIGURES).fetchall() == []
    assert claimed(connection, boss) is not None


def test_a_second_try_that_is_given_back_leaves_the_first_which_may_have_arrived(
    connection: Connection, boss: int
) -> None:
    claimed(connection, boss)
    second = claimed(connection, boss, LATER)
    assert second is not None

    release(connection, second)

    assert connection.execute(KEPT).fetchall() == [(second.id, True, 1, LATER, None)]
    assert claimed(connection, boss, LATER + PATIENCE) == second


def test_nothing_is_claimed_for_who_is_gone_shut_out_or_wants_none(
    connection: Connection, boss: int
) -> None:
    set_wish(connection, boss, wants=False)
    assert claimed(connection, boss) is None
    set_wish(connection, boss, wants=True)
    people.deactivate_user(connection, "boss")
    assert claimed(connection, boss) is None
    assert claimed(connection, 2**40) is None


def test_of_many_that_claim_at_once_one_does(
    database_url: str, connection: Connection, boss: int
) -> None:
    barrier, found = Barrier(6), list[Claim | None]()

    def claim() -> None:
        with connected(database_url) as own:
            barrier.wait()
            found.append(claimed(own, boss))

    threads = [Thread(target=claim) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(one is not None for one in found) == 1
    assert len(connection.execute(KEPT).fetchall()) == 1


def test_only_one_sends_until_it_ends_however_it_ends(
    database_url: str, connection: Connection
) -> None:
    with connected(database_url) as other:
        with only_sender(connection) as first, only_sender(other) as second:
            assert (first, second) == (True, False)
        with only_sender(other) as again:
            assert again
            pid = other.info.backend_pid
            connection.execute("select pg_terminate_backend(%s, 60000)", [pid])
            with only_sender(connection) as is_ours:
                assert is_ours
            with pytest.raises(psycopg.OperationalError):
                other.execute("select")


def test_mails_are_wanted_until_somebody_says_otherwise(connection: Connection, boss: int) -> None:
    assert wants_mail(connection, boss)
    for wish in (False, False, True):
        set_wish_of(connection, "boss", wants=wish)
        assert wants_mail(connection, boss) is wish
    with pytest.raises(UnknownNameError, match="there is no user nobody"):
        set_wish_of(connection, "nobody", wants=False)


def test_the_wish_goes_with_the_login(connection: Connection, boss: int) -> None:
    set_wish(connection, boss, wants=False)

    people.identify_user(connection, "boss", "alice.brics")

    ((alice, wants),) = connection.execute(
        "select id, wants_mail from users where username = 'boss'"
    )
    assert alice != boss
    assert not wants
