"""What is posted into a closed month waits for a decision: nothing is lost, nothing is applied unseen."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from nodehours.ledger.clock import Origin, current_revision
from nodehours.ledger.closing import close_month, reopen_month
from nodehours.ledger.decisions import accept, decline, reconsider
from nodehours.ledger.errors import DecidedError, UnchangeableError, UnknownNameError
from nodehours.ledger.post import MonthPosted, post
from nodehours.ledger.store import Connection
from nodehours.terms.identifiers import ProjectIdentifier, UserIdentifier
from nodehours.terms.month import Month
from nodehours.terms.usage import Claim, DailyUsage, Day, ProjectUsage
from tests.ledger.months import (
    CLIMATE,
    STAFF,
    accept_all,
    figures,
    pending,
    waiting,
)
from tests.ledger.reports import ORIGIN
from tests.ledger.written import assert_holds, everything

MARCH = Month(2026, 3)
FIRST, SECOND = date(2026, 3, 1), date(2026, 3, 2)


def day(*, is_complete: bool = True, **node_seconds: int) -> Day:
    return Day(is_complete, usage={user: DailyUsage(n) for user, n in node_seconds.items()})


def report(connection: Connection, days: dict[date, Day], **users: str) -> MonthPosted:
    """Post what a report says of March; *users* have those local users."""
    claims = {
        Claim(local, UserIdentifier(user, "climate", "brics")) for user, local in users.items()
    }
    usage = ProjectUsage(ProjectIdentifier.parse(CLIMATE), days, frozenset(claims))
    return post(connection, usage, "isca", ORIGIN)[0]


def decided(connection: Connection) -> list[tuple[Any, ...]]:
    return connection.execute(
        "select id, status, decided_by, decision_reason, revision, decided is not null from pending order by id"
    ).fetchall()


def rows(connection: Connection) -> list[tuple[str, int]]:
    return connection.execute(
        "select username, node_seconds from usage_rows order by year, month, username"
    ).fetchall()


@pytest.fixture
def closed(connection: Connection) -> Connection:
    """March with 100 node-seconds on its first day, of nobody, and closed."""
    report(connection, {FIRST: day(al=100)})
    close_month(connection, CLIMATE, MARCH, STAFF)
    return connection


def test_what_is_posted_into_a_closed_month_waits(closed: Connection) -> None:
    before = figures(closed, MARCH)

    month = report(closed, {FIRST: day(al=130), SECOND: day(al=7)})

    assert (month.posted, month.waiting, month.pending, month.revision) == (0, 2, 1, None)
    assert (month.total, month.is_closed) == (100, True)
    assert pending(closed) == [(1, "waiting", 137, [FIRST, SECOND])]
    assert figures(closed, MARCH) == before


def test_the_last_word_waits_for_a_decision_with_its_rule_and_what_was_declined_stays_so(
    closed: Connection,
) -> None:
    lower = replace(day(is_complete=False, al=60), rule="allocated-nodes")
    usage = ProjectUsage(ProjectIdentifier.parse(CLIMATE), {FIRST: lower})

    (waits,) = post(closed, usage, "isca", ORIGIN, last_word=True)
    decline(closed, 1, "boss", "not so")
    (declined,) = post(closed, usage, "isca", ORIGIN, last_word=True)
    reconsider(closed, 1)
    accept_all(closed)

    assert (waits.waiting, waits.pending, waits.total) == (1, 1, 100)
    assert (declined.kept, declined.pending) == (1, None)
    assert closed.execute("select reason from pending").fetchall() == [("another rule",)] * 2
    assert closed.execute("select is_complete, node_seconds, rule from usage_days").fetchall() == [
        (False, 60, "allocated-nodes")
    ]
    assert_holds(closed)


def test_a_day_that_was_reckoned_anew_while_its_month_was_open_stands_over_what_waited_before(
    closed: Connection,
) -> None:
    """It is incomplete and lower: as a report it would be kept out, as the last word it is not."""
    report(closed, {FIRST: day(al=130), SECOND: day(al=7)})
    reopen_month(closed, CLIMATE, MARCH, STAFF)
    lower = replace(day(is_complete=False, al=60), rule="allocated-nodes")
    usage = ProjectUsage(ProjectIdentifier.parse(CLIMATE), {FIRST: lower})
    post(closed, usage, "isca", ORIGIN, last_word=True)
    close_month(closed, CLIMATE, MARCH, STAFF)

    accepted = accept(closed, 1, Origin())

    assert (accepted.overtaken, accepted.month.total) == (1, 67)


def test_a_report_that_comes_every_night_waits_once(closed: Connection) -> None:
    report(closed, {FIRST: day(al=130)})
    before = everything(closed)

    month = report(closed, {FIRST: day(al=130)})

    assert (month.unchanged, month.waiting, month.pending) == (1, 0, None)
    assert everything(closed) == before


def test_a_report_that_says_more_takes_its_place_with_all_that_waited(closed: Connection) -> None:
    report(closed, {FIRST: day(al=130)})

    month = report(closed, {SECOND: day(al=7)})

    assert (month.waiting, month.pending) == (1, 2)
    assert pending(closed) == [
        (1, "superseded", 130, [FIRST]),
        (2, "waiting", 137, [FIRST, SECOND]),
    ]
    assert decided(closed)[0][3] == "a later report takes its place"


def test_an_incomplete_report_does_not_wipe_out_what_waits(closed: Connection) -> None:
    report(closed, {SECOND: day(al=7)})

    month = report(closed, {SECOND: day(is_complete=False)})

    assert (month.kept, month.waiting, waiting(closed)) == (1, 0, [1])


def test_a_report_that_goes_back_to_what_the_ledger_says_withdraws_it(closed: Connection) -> None:
    report(closed, {FIRST: day(al=130)})

    month = report(closed, {FIRST: day(al=100)})

    assert (month.unchanged, month.waiting, month.pending) == (1, 0, None)
    assert decided(closed) == [
        (1, "superseded", "", "a later report says again what the ledger says", None, True)
    ]


def test_users_who_become_known_wait_as_well_and_other_months_are_told_at_once(
    closed: Connection,
) -> None:
    report(closed, {date(2026, 4, 1): day(al=1)})

    usage = ProjectUsage(
        ProjectIdentifier.parse(CLIMATE),
        {},
        frozenset({Claim("al", UserIdentifier("alice", "climate", "brics"))}),
    )
    march, april = post(closed, usage, "isca", ORIGIN)

    assert (march.revision, march.pending, march.waiting) == (None, 1, 0)
    assert april.revision is not None
    assert rows(closed) == [("unknown", 100), ("alice.climate.brics", 1), ("unknown", 0)]
    accept_all(closed)
    assert rows(closed)[:2] == [("alice.climate.brics", 100), ("unknown", 0)]


def test_accepting_writes_it_and_the_month_stays_closed(closed: Connection) -> None:
    report(closed, {FIRST: day(al=130)}, alice="al")
    ((before,),) = closed.execute("select sha256 from statements")

    done = accept(closed, 1, Origin(reason="agreed with the centre", by_whom="carol"))

    assert (done.month.revision, done.month.total, done.month.is_closed) == (3, 130, True)
    assert (done.month.posted, done.overtaken) == (1, 0)
    assert decided(closed) == [(1, "accepted", "carol", "agreed with the centre", 3, True)]
    ((is_closed, sha256, revision),) = closed.execute(
        "select is_closed, sha256, revision from statements"
    )
    assert (is_closed, revision) == (True, 3)
    assert sha256 != before
    assert closed.execute("select kind, by_whom, reason from revisions where revision = 3").fetchall() == [
        ("acceptance", "carol", "agreed with the centre")
    ]  # fmt: skip
    assert rows(closed) == [("alice.climate.brics", 130), ("unknown", 0)]
    assert_holds(closed)


def test_an_acceptance_without_a_reason_has_that_of_the_report_and_its_document(
    closed: Connection,
) -> None:
    ((run,),) = closed.execute("insert into runs (source) values ('openportal') returning id")
    ((document,),) = closed.execute(
        "insert into run_documents (run_id, name, sha256) values (%s, 'late.json', %s) returning id",
        [run, bytes(32)],
    )
    usage = ProjectUsage(ProjectIdentifier.parse(CLIMATE), {FIRST: day(al=130)})
    post(closed, usage, "isca", Origin(document))

    accept(closed, 1, STAFF)

    found = closed.execute("select kind, reason, document_id from revisions order by revision desc")
    assert found.fetchone() == ("acceptance", "late jobs", document)


def test_declining_changes_nothing_and_the_report_does_not_ask_again(closed: Connection) -> None:
    report(closed, {FIRST: day(al=130)}, alice="al")

    decline(closed, 1, "carol", "not agreed")
    before = everything(closed)
    month = report(closed, {FIRST: day(al=130)}, alice="al")

    assert decided(closed) == [(1, "declined", "carol", "not agreed", None, True)]
    assert (month.kept, month.waiting, month.pending, month.total) == (1, 0, None, 100)
    assert everything(closed) == before


def test_a_report_that_says_more_than_was_declined_asks_about_the_more_only(
    closed: Connection,
) -> None:
    report(closed, {FIRST: day(al=130)})
    decline(closed, 1, "carol", "")

    month = report(closed, {FIRST: day(al=130), SECOND: day(al=7)})

    assert (month.kept, month.waiting) == (1, 1)
    assert pending(closed)[1] == (2, "waiting", 107, [SECOND])


def test_a_report_that_goes_back_to_what_was_declined_withdraws_what_waits(
    closed: Connection,
) -> None:
    report(closed, {FIRST: day(al=130)})
    decline(closed, 1, "carol", "")
    report(closed, {FIRST: day(al=140)})

    report(closed, {FIRST: day(al=130)})

    assert [status for _, status, *_ in pending(closed)] == ["declined", "superseded"]


def test_what_was_declined_is_news_once_the_ledger_says_something_else(closed: Connection) -> None:
    """130 is declined, 140 accepted; that the source says 130 again is a correction of 140."""
    report(closed, {FIRST: day(al=130)})
    decline(closed, 1, "carol", "")
    report(closed, {FIRST: day(al=140)})
    accept(closed, 2, STAFF)

    month = report(closed, {FIRST: day(al=130)})

    assert (month.waiting, month.pending) == (1, 3)


def test_what_was_declined_can_wait_again_and_be_accepted_then(closed: Connection) -> None:
    """A report of the night between adds to it, and does not drop it."""
    report(closed, {FIRST: day(al=130)})
    decline(closed, 1, "carol", "too late")

    assert reconsider(closed, 1) == 2
    assert report(closed, {FIRST: day(al=130)}).unchanged == 1
    assert report(closed, {SECOND: day(al=7)}).pending == 3
    accept(closed, 3, STAFF)

    assert rows(closed) == [("unknown", 137)]
    assert [line[1:4] for line in decided(closed)] == [
        ("declined", "carol", "too late"),
        ("superseded", "", "a later report takes its place"),
        ("accepted", "carol", ""),
    ]


@pytest.mark.parametrize(
    ("arrange", "error", "sentence"),
    [
        (lambda c: accept(c, 99, STAFF), UnknownNameError, "no pending restatement 99"),
        (lambda c: decline(c, 99, "", ""), UnknownNameError, "no pending restatement 99"),
        (lambda c: reconsider(c, 99), UnknownNameError, "no pending restatement 99"),
        (lambda c: (accept(c, 1, STAFF), accept(c, 1, STAFF)), DecidedError, "1 was accepted already"),
        (lambda c: (accept(c, 1, STAFF), decline(c, 1, "", "")), DecidedError, "1 was accepted already"),
        (lambda c: (decline(c, 1, "", ""), accept(c, 1, STAFF)), DecidedError, "reconsider 1"),
        (lambda c: reconsider(c, 1), UnchangeableError, "1 was not declined"),
    ],
)  # fmt: skip
def test_what_cannot_be_decided_is_said(
    closed: Connection, arrange: Any, error: type[Exception], sentence: str
) -> None:
    report(closed, {FIRST: day(al=130)})

    with pytest.raises(error, match=sentence):
        arrange(closed)


def test_what_was_declined_does_not_wait_again_beside_something_else(closed: Connection) -> None:
    report(closed, {FIRST: day(al=130)})
    decline(closed, 1, "", "")
    report(closed, {SECOND: day(al=7)})

    with pytest.raises(
        UnchangeableError, match="pending restatement 2 waits for 2026-03 of climate"
    ):
        reconsider(closed, 1)


def test_what_waits_goes_on_waiting_when_the_month_is_opened_again(closed: Connection) -> None:
    report(closed, {FIRST: day(al=130), SECOND: day(al=7)})

    reopened = reopen_month(closed, CLIMATE, MARCH, STAFF)
    month = report(closed, {FIRST: day(al=140)})

    assert (reopened.waiting, month.posted, month.total) == (1, 1, 140)
    assert waiting(closed) == [1]


def test_of_what_waited_the_days_that_were_posted_anew_since_are_not_written(
    closed: Connection,
) -> None:
    """The newer word on the first day is 140, whatever the older one said."""
    report(closed, {FIRST: day(al=130), SECOND: day(al=7)})
    reopen_month(closed, CLIMATE, MARCH, STAFF)
    report(closed, {FIRST: day(al=140)})

    done = accept(closed, 1, STAFF)

    assert (done.month.posted, done.overtaken, done.month.total) == (1, 1, 147)


def test_a_newer_word_stands_when_the_month_is_closed_again_and_more_is_reported(
    closed: Connection,
) -> None:
    report(closed, {FIRST: day(al=130)})
    reopen_month(closed, CLIMATE, MARCH, STAFF)
    report(closed, {FIRST: day(al=140)})
    close_month(closed, CLIMATE, MARCH, STAFF)

    report(closed, {SECOND: day(al=7)})

    assert pending(closed)[1] == (2, "waiting", 147, [SECOND])


def test_what_was_reported_again_after_it_was_overtaken_waits_anew(closed: Connection) -> None:
    """130 waited, was overtaken by 140, and that was taken back: the next 130 is a new word."""
    report(closed, {FIRST: day(al=130)})
    reopen_month(closed, CLIMATE, MARCH, STAFF)
    for seconds in (140, 100):
        report(closed, {FIRST: day(al=seconds)})
    close_month(closed, CLIMATE, MARCH, STAFF)

    month = report(closed, {FIRST: day(al=130)})
    done = accept(closed, 2, STAFF)

    assert (month.pending, done.month.total) == (2, 130)


def test_an_incomplete_newer_word_does_not_stand_against_a_complete_one(closed: Connection) -> None:
    """A failed query upstream looks like an empty, incomplete day; at once it would have been kept out."""
    report(closed, {SECOND: day(al=7)})
    reopen_month(closed, CLIMATE, MARCH, STAFF)
    report(closed, {SECOND: day(is_complete=False)})

    done = accept(closed, 1, STAFF)

    assert (done.overtaken, done.month.total) == (0, 107)


def test_accepting_what_no_longer_differs_moves_no_revision(closed: Connection) -> None:
    report(closed, {FIRST: day(al=130)})
    reopen_month(closed, CLIMATE, MARCH, STAFF)
    report(closed, {FIRST: day(al=130)})
    before = current_revision(closed)

    done = accept(closed, 1, STAFF)

    assert (done.month.revision, current_revision(closed)) == (None, before)
    assert decided(closed) == [(1, "accepted", "carol", "", None, True)]


def test_a_month_closed_before_its_first_report_waits_whole(connection: Connection) -> None:
    report(connection, {date(2026, 4, 1): day(al=1)})
    close_month(connection, CLIMATE, MARCH, STAFF)

    month = report(connection, {FIRST: day(al=100)}, alice="al")
    assert (month.former, month.total, month.pending) == (None, 0, 1)
    done = accept(connection, 1, STAFF)

    assert (done.month.former, done.month.total, done.month.is_closed) == (None, 100, True)
    assert_holds(connection)


def test_a_complete_month_that_is_changed_by_acceptance_is_restated(connection: Connection) -> None:
    whole = {date(2026, 3, number): day(al=1) for number in range(1, 32)}
    report(connection, whole)
    close_month(connection, CLIMATE, MARCH, STAFF)
    assert not report(connection, {FIRST: day(al=2)}).is_restated

    assert accept(connection, 1, STAFF).month.is_restated


def test_the_nightly_report_is_told_that_what_it_brings_is_still_waiting(
    connection: Connection,
) -> None:
    report(connection, {FIRST: day(al=10)})
    close_month(connection, CLIMATE, MARCH, STAFF)
    first = report(connection, {FIRST: day(al=20)})

    again = report(connection, {FIRST: day(al=20)})
    back = report(connection, {FIRST: day(al=10)})

    assert (first.pending, first.still_waiting) == (1, None)
    assert (again.pending, again.still_waiting, again.waiting, again.unchanged) == (None, 1, 0, 1)
    assert (back.pending, back.still_waiting) == (None, None)
