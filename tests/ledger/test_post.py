from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import psycopg
import pytest

from nodehours.ledger.post import MonthPosted, Origin, current_revision, post
from nodehours.ledger.store import Connection
from nodehours.terms.doubt import DoubtReason
from nodehours.terms.identifiers import ProjectIdentifier, UserIdentifier
from nodehours.terms.usage import Claim, DailyUsage, Day, ProjectUsage

CLIMATE = ProjectIdentifier.parse("climate.brics")
ORIGIN = Origin()
FIRST = date(2026, 3, 1)


def claim(user: str, local_user: str) -> Claim:
    return Claim(local_user, UserIdentifier(user, "climate", "brics"))


def used(*, is_complete: bool = True, **node_seconds: int) -> Day:
    return Day(is_complete, usage={user: DailyUsage(n) for user, n in node_seconds.items()})


def post_days(connection: Connection, days: dict[date, Day], *claims: Claim) -> list[MonthPosted]:
    return post(connection, ProjectUsage(CLIMATE, days, frozenset(claims)), "isca", ORIGIN)


def rows(connection: Connection) -> list[tuple[object, ...]]:
    return connection.execute(
        "select year, month, username, node_seconds from usage_rows order by year, month, username"
    ).fetchall()


def days(connection: Connection) -> list[tuple[object, ...]]:
    return connection.execute(
        "select day, is_complete, node_seconds, rule from usage_days order by day"
    ).fetchall()


def test_a_month_has_a_row_for_each_user_and_one_for_what_nobody_owns(
    connection: Connection,
) -> None:
    """alice is mapped, old.account is not, and 'unknown' is nobody."""
    (month,) = post_days(
        connection, {FIRST: used(alice=7200, old=30, unknown=900)}, claim("alice", "alice")
    )

    assert rows(connection) == [(2026, 3, "alice.climate.brics", 7200), (2026, 3, "unknown", 930)]
    assert (month.total, month.unattributed, month.former, month.revision) == (8130, 930, None, 1)


def test_a_local_user_whom_two_claim_is_nobodys(connection: Connection) -> None:
    post_days(
        connection, {FIRST: used(shared=60)}, claim("alice", "shared"), claim("bob", "shared")
    )

    assert rows(connection) == [
        (2026, 3, "alice.climate.brics", 0),
        (2026, 3, "bob.climate.brics", 0),
        (2026, 3, "unknown", 60),
    ]


def test_the_same_again_changes_nothing_and_moves_no_revision(connection: Connection) -> None:
    days = {FIRST: used(alice=7200)}
    post_days(connection, days, claim("alice", "alice"))

    (month,) = post_days(connection, days, claim("alice", "alice"))

    assert (month.posted, month.unchanged, month.revision) == (0, 1, None)
    assert current_revision(connection) == 1


def test_a_mapping_learnt_later_attributes_the_months_before(connection: Connection) -> None:
    """A report of April says who old is; the usage of March becomes theirs."""
    post_days(connection, {FIRST: used(old=30)})

    months = post_days(connection, {date(2026, 4, 1): used(old=5)}, claim("carol", "old"))

    assert [(str(month.month), month.revision) for month in months] == [
        ("2026-03", 2),
        ("2026-04", 3),
    ]
    assert rows(connection)[:2] == [(2026, 3, "carol.climate.brics", 30), (2026, 3, "unknown", 0)]


def test_a_user_whose_usage_disappeared_stays_with_0(connection: Connection) -> None:
    post_days(connection, {FIRST: used(alice=7200)}, claim("alice", "alice"))

    post_days(connection, {FIRST: used(bob=1)}, claim("bob", "bob"))

    assert rows(connection) == [
        (2026, 3, "alice.climate.brics", 0),
        (2026, 3, "bob.climate.brics", 1),
        (2026, 3, "unknown", 0),
    ]


def test_days_that_are_not_named_stay(connection: Connection) -> None:
    post_days(connection, {FIRST: used(a=1), date(2026, 3, 2): used(a=10)})

    (month,) = post_days(connection, {FIRST: used(a=2)})

    assert (month.former, month.total) == (11, 12)


def test_a_day_that_differs_in_its_rule_only_is_posted_and_the_reason_says_so(
    connection: Connection,
) -> None:
    post_days(connection, {FIRST: used(alice=7200)})

    (month,) = post_days(connection, {FIRST: replace(used(alice=7200), rule="allocated-nodes")})

    assert (month.posted, month.unchanged, month.former, month.total) == (1, 0, 7200, 7200)
    assert days(connection) == [(FIRST, True, 7200, "allocated-nodes")]
    assert connection.execute("select rule from former_days").fetchall() == [("",)]
    assert connection.execute("select reason from revisions order by revision").fetchall() == [
        ("first report",),
        ("another rule",),
    ]


def test_as_of_a_revision_a_day_tells_the_rule_it_had_then(connection: Connection) -> None:
    for rule in ("", "allocated-nodes", "tres:cpu"):
        second = FIRST + timedelta(1)
        days = {FIRST: replace(used(al=5), rule=rule), second: used(al=5)}
        post_days(connection, days)

    told = [
        connection.execute("select rule from rules_at(1, %s, %s, %s)", [FIRST, date.max, at])
        for at in (1, 2, 3)
    ]

    assert [[rule for (rule,) in rules] for rules in told] == [
        [""],
        ["allocated-nodes", ""],
        ["tres:cpu", ""],
    ]


def test_the_last_word_lowers_an_incomplete_day_and_takes_completeness_away(
    connection: Connection,
) -> None:
    """A job that was reckoned to its end was ended before it: the log knows better now."""
    post_days(connection, {FIRST: used(is_complete=False, alice=7200)})
    lower = ProjectUsage(CLIMATE, {FIRST: used(is_complete=False, alice=60)})

    (kept,) = post(connection, lower, "isca", ORIGIN)
    (lowered,) = post(connection, lower, "isca", ORIGIN, last_word=True)
    (again,) = post(connection, lower, "isca", ORIGIN, last_word=True)

    assert [(one.posted, one.kept, one.unchanged) for one in (kept, lowered, again)] == [
        (0, 1, 0),
        (1, 0, 0),
        (0, 0, 1),
    ]
    assert days(connection) == [(FIRST, False, 60, "")]


def test_the_last_word_is_doubted_like_any_other(connection: Connection) -> None:
    post_days(connection, {FIRST: used(alice=7200)})
    lower = ProjectUsage(CLIMATE, {FIRST: used(alice=60)})

    (month,) = post(connection, lower, "isca", ORIGIN, today=FIRST, last_word=True)

    assert [doubt.reason for doubt in month.doubts] == [DoubtReason.HALVED]
    assert days(connection) == [(FIRST, True, 7200, "")]


@pytest.mark.parametrize(
    "change",
    [
        "update usage_rows set node_seconds = node_seconds + 1 where user_id is null",
        "update daily_usage set node_seconds = node_seconds + 1",
        "delete from daily_usage",
        "update statements set node_seconds = node_seconds + 1",
        "update statements set row_count = row_count + 1",
        "update usage_days set is_complete = not is_complete",
        "update usage_days set day = day + 31",
        "update usage_days set rule = 'allocated-nodes'",
        "update daily_usage set node_seconds = -1",
        "delete from usage_rows",
        "truncate usage_rows",
        "update usage_rows set month = month % 12 + 1",
        (
            "insert into usage_rows (allocation_id, year, month, username, node_seconds, revision)"
            " select allocation_id, year, month, 'unknown', 0, 1 from statements"
        ),
        "update statements set month = 13",
    ],
)
def test_the_database_refuses_what_would_break_the_sum(connection: Connection, change: str) -> None:
    post_days(connection, {FIRST: used(alice=7200, old=30)}, claim("alice", "alice"))

    with pytest.raises((psycopg.IntegrityError, psycopg.NotSupportedError)):
        connection.execute(change)

    assert rows(connection) == [(2026, 3, "alice.climate.brics", 7200), (2026, 3, "unknown", 30)]
