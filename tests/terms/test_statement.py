"""A month's statement: who is given what, that it adds up for any days and claims, and its state."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodehours.terms.identifiers import UNKNOWN, UserIdentifier
from nodehours.terms.month import Month
from nodehours.terms.node_seconds import MAX_NODE_SECONDS
from nodehours.terms.statement import State, Statement, state_of, summed
from nodehours.terms.usage import Claim, Component, DailyUsage, Day

ALICE, BOB, CAROL = (UserIdentifier(name, "climate", "brics") for name in ("alice", "bob", "carol"))

local_users = st.sampled_from(["al", "bo", "old", UNKNOWN])
usages = st.builds(DailyUsage, st.integers(0, MAX_NODE_SECONDS), st.integers(0, 9))
components = st.dictionaries(st.builds(Component, local_users, st.just("cpu")), st.integers(0, 9))
days = st.builds(
    Day,
    st.booleans(),
    usage=st.dictionaries(local_users, usages),
    components=components,
)
months_of_days = st.lists(days, max_size=31)
claims = st.frozensets(
    st.builds(Claim, local_users, st.sampled_from([ALICE, BOB, CAROL])), max_size=8
)


def used(*, is_complete: bool = True, **node_seconds: int) -> Day:
    return Day(is_complete, usage={user: DailyUsage(n) for user, n in node_seconds.items()})


def test_a_local_user_whom_one_user_claims_is_that_users() -> None:
    statement = summed([used(al=7200), used(al=60)], [Claim("al", ALICE)])

    assert statement == Statement({ALICE: 7260}, unattributed=0, complete_days=2)


def test_a_user_with_two_local_users_has_the_sum_of_both() -> None:
    statement = summed([used(al=10, al2=5)], [Claim("al", ALICE), Claim("al2", ALICE)])

    assert statement.usage == {ALICE: 15}


def test_usage_of_a_local_user_whom_nobody_claims_is_unattributed() -> None:
    statement = summed([used(al=10, old=3)], [Claim("al", ALICE)])

    assert (statement.usage, statement.unattributed, statement.total) == ({ALICE: 10}, 3, 13)


def test_usage_of_unknown_is_unattributed_even_if_somebody_claims_it() -> None:
    statement = summed([used(unknown=900)], [Claim(UNKNOWN, ALICE)])

    assert (statement.usage, statement.unattributed) == ({ALICE: 0}, 900)


def test_usage_of_a_local_user_whom_two_claim_is_unattributed_and_counted_once() -> None:
    statement = summed([used(shared=60)], [Claim("shared", ALICE), Claim("shared", BOB)])

    assert (statement.usage, statement.unattributed) == ({ALICE: 0, BOB: 0}, 60)


def test_a_user_keeps_what_is_theirs_alone_when_another_local_user_is_shared() -> None:
    both = [Claim("shared", ALICE), Claim("shared", BOB), Claim("al", ALICE)]

    assert summed([used(shared=60, al=5)], both).usage == {ALICE: 5, BOB: 0}


def test_a_user_who_ran_nothing_has_no_figure() -> None:
    assert summed([used(al=1)], [Claim("al", ALICE), Claim("bo", BOB)]).usage == {ALICE: 1}


def test_a_zero_entry_is_a_figure_of_0() -> None:
    assert summed([used(al=0)], [Claim("al", ALICE)]).usage == {ALICE: 0}


def test_a_month_without_days_comes_to_nothing() -> None:
    assert summed([], [Claim("al", ALICE)]) == Statement({}, unattributed=0, complete_days=0)


def test_components_are_no_part_of_the_sum() -> None:
    day = Day(True, usage={"al": DailyUsage(5)}, components={Component("al", "cpu"): 640})

    assert summed([day], []).total == 5


@given(months_of_days, claims)
def test_the_statement_is_the_sum_of_its_days_whoever_claims_what(
    month: list[Day], claimed: frozenset[Claim]
) -> None:
    statement = summed(month, claimed)

    assert statement.total == sum(day.node_seconds for day in month)
    assert statement.complete_days == sum(day.is_complete for day in month)
    assert statement.unattributed >= 0
    assert all(figure >= 0 for figure in statement.usage.values())


@given(months_of_days, claims)
def test_each_local_user_is_given_to_the_only_one_who_claims_it_and_else_to_nobody(
    month: list[Day], claimed: frozenset[Claim]
) -> None:
    expected: Counter[UserIdentifier | None] = Counter()
    for local_user in {"al", "bo", "old", UNKNOWN}:
        seconds = sum(
            day.usage[local_user].node_seconds for day in month if local_user in day.usage
        )
        claimants = [claim.user_identifier for claim in claimed if claim.local_user == local_user]
        alone = len(claimants) == 1 and local_user != UNKNOWN
        expected[claimants[0] if alone else None] += seconds

    statement = summed(month, claimed)

    assert statement.unattributed == expected.pop(None, 0)
    assert statement.usage.items() >= {(user, n) for user, n in expected.items() if n}


@given(months_of_days, claims)
def test_whoever_claims_a_local_user_with_usage_has_a_figure_and_nobody_else(
    month: list[Day], claimed: frozenset[Claim]
) -> None:
    seen = {local_user for day in month for local_user in day.usage}

    figures = summed(month, claimed).usage.keys()

    assert figures == {user for local_user, user in claimed if local_user in seen}


@given(months_of_days, claims, st.randoms())
def test_neither_the_order_of_claims_nor_that_of_days_matters_nor_a_claim_made_twice(
    month: list[Day], claimed: frozenset[Claim], random: Random
) -> None:
    shuffled_claims, shuffled_days = [*claimed, *claimed], list(month)
    random.shuffle(shuffled_claims)
    random.shuffle(shuffled_days)

    assert summed(shuffled_days, shuffled_claims) == summed(month, claimed)


@given(months_of_days, months_of_days, claims)
def test_the_statement_of_more_days_is_the_sum_of_the_statements(
    some: list[Day], others: list[Day], claimed: frozenset[Claim]
) -> None:
    one, other, both = (summed(month, claimed) for month in (some, others, some + others))

    assert Counter(both.usage) == Counter(one.usage) + Counter(other.usage)
    assert both.unattributed == one.unattributed + other.unattributed


@given(months_of_days, claims, claims)
def test_a_further_claim_moves_usage_but_never_changes_the_total(
    month: list[Day], before: frozenset[Claim], new: frozenset[Claim]
) -> None:
    assert summed(month, before | new).total == summed(month, before).total


SEPTEMBER = Month(2026, 9)
RUNNING = datetime(2026, 9, 30, 23, 59, 59, tzinfo=UTC)
OVER = datetime(2026, 10, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "complete_days", "state"),
    [
        (RUNNING, 0, State.OPEN),
        (RUNNING, 30, State.OPEN),  # it can still change, whatever the report says
        (OVER, 0, State.PROVISIONAL),
        (OVER, 29, State.PROVISIONAL),
        (OVER, 30, State.COMPLETE),
        (OVER + timedelta(days=900), 29, State.PROVISIONAL),
    ],
)
def test_a_month_is_open_while_it_runs_then_provisional_until_every_day_is_complete(
    now: datetime, complete_days: int, state: State
) -> None:
    assert state_of(SEPTEMBER, complete_days, now) is state


@given(
    st.builds(Month, st.integers(1970, 2200), st.integers(1, 12)),
    st.integers(0, 31),
    st.datetimes(timezones=st.just(UTC)),
)
def test_the_state_follows_from_the_clock_and_the_days(
    month: Month, complete_days: int, now: datetime
) -> None:
    state = state_of(month, complete_days, now)

    assert (state is State.OPEN) == (now.date() < month.end)
    assert state is not State.COMPLETE or complete_days == month.day_count
