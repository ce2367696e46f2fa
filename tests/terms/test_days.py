"""The rule of the last word, each part of it as an example, and what holds for any days."""

from datetime import date
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodehours.terms import days as terms_days
from nodehours.terms.content import digest
from nodehours.terms.days import Settled
from nodehours.terms.usage import Component, DailyUsage, Day

figures = st.integers(0, 3)
usages = st.dictionaries(
    st.sampled_from(["alice", "bob", "unknown"]), st.builds(DailyUsage, figures, figures, figures)
)
components = st.dictionaries(st.builds(Component, st.just("alice"), st.just("cpu")), figures)
rules = st.sampled_from(["", "allocated-nodes"])
days = st.builds(Day, st.booleans(), figures, figures, usages, components, rules)


DAY = date(2026, 3, 1)


def settle(known: Day | None, reported: Day, *, last_word: bool = False) -> Settled:
    """What becomes of the day, told by the digests of both."""
    before = None if known is None else digest(DAY, known)
    return terms_days.settle(before, digest(DAY, reported), last_word=last_word)


def complete(**node_seconds: int) -> Day:
    return Day(True, usage={user: DailyUsage(n) for user, n in node_seconds.items()})


def incomplete(**node_seconds: int) -> Day:
    return Day(False, usage={user: DailyUsage(n) for user, n in node_seconds.items()})


def after(known: Day | None, reported: Day) -> Day:
    """The day as it is known once *reported* has been settled."""
    posted = settle(known, reported) is Settled.POSTED
    return reported if posted or known is None else known


@pytest.mark.parametrize("reported", [complete(alice=5), complete(), incomplete(alice=5), Day()])
def test_a_day_that_was_not_known_is_posted_complete_or_not(reported: Day) -> None:
    assert settle(None, reported) is Settled.POSTED


@pytest.mark.parametrize(
    "known", [complete(alice=5), complete(alice=9, bob=9), incomplete(alice=5), incomplete()]
)
@pytest.mark.parametrize("reported", [complete(alice=7), complete(bob=1), complete()])
def test_a_complete_day_replaces_what_was_there_be_it_higher_or_complete(
    known: Day, reported: Day
) -> None:
    assert settle(known, reported) is Settled.POSTED


def test_an_incomplete_day_replaces_an_incomplete_one_that_it_raises() -> None:
    assert settle(incomplete(alice=5), incomplete(alice=6)) is Settled.POSTED


def test_an_incomplete_day_replaces_an_incomplete_one_of_the_same_height() -> None:
    """The hour that was unknown's is found to be bob's: nothing is lowered by it."""
    assert settle(incomplete(unknown=5), incomplete(bob=5)) is Settled.POSTED


def test_an_incomplete_day_that_lowers_an_incomplete_one_is_set_aside() -> None:
    assert settle(incomplete(alice=5, bob=2), incomplete(alice=6)) is Settled.KEPT


def test_an_empty_incomplete_day_is_a_failed_query_and_wipes_out_nothing() -> None:
    assert settle(incomplete(alice=5), Day()) is Settled.KEPT
    assert settle(complete(alice=5), Day()) is Settled.KEPT


@pytest.mark.parametrize("reported", [incomplete(alice=5), incomplete(alice=9), incomplete()])
def test_an_incomplete_day_never_replaces_a_complete_one_however_high(reported: Day) -> None:
    assert settle(complete(alice=5), reported) is Settled.KEPT


@pytest.mark.parametrize("day", [complete(alice=5), incomplete(alice=5), Day()])
def test_the_same_day_again_changes_nothing(day: Day) -> None:
    assert settle(day, day) is Settled.UNCHANGED


@pytest.mark.parametrize(
    "reported",
    [
        Day(True, 1, 0, {"alice": DailyUsage(5)}),
        Day(True, 0, 1, {"alice": DailyUsage(5)}),
        Day(True, 0, 0, {"alice": DailyUsage(5, jobs=1)}),
        Day(True, 0, 0, {"alice": DailyUsage(5, wait_seconds=1)}),
        Day(True, 0, 0, {"alice": DailyUsage(5), "bob": DailyUsage(0)}),
        Day(True, 0, 0, {"alice": DailyUsage(5)}, {Component("alice", "cpu"): 1}),
        Day(True, 0, 0, {"alice": DailyUsage(5)}, rule="allocated-nodes"),
    ],
)
def test_a_day_differs_in_jobs_waiting_zero_entries_components_and_its_rule_too(
    reported: Day,
) -> None:
    assert settle(complete(alice=5), reported) is Settled.POSTED


@given(days | st.none(), days)
def test_settling_twice_is_settling_once(known: Day | None, reported: Day) -> None:
    once = after(known, reported)

    assert after(once, reported) == once
    assert settle(once, reported) is not Settled.POSTED


@given(days | st.none(), days.filter(lambda day: day.is_complete))
def test_a_complete_day_always_has_the_last_word(known: Day | None, reported: Day) -> None:
    assert after(known, reported) == reported


@given(days, days.filter(lambda day: not day.is_complete))
def test_an_incomplete_day_lowers_nothing_and_takes_no_completeness_away(
    known: Day, reported: Day
) -> None:
    settled = after(known, reported)

    assert settled.node_seconds >= known.node_seconds
    assert settled.is_complete == known.is_complete


@given(days | st.none(), days)
def test_whoever_has_the_last_word_is_never_kept_out(known: Day | None, reported: Day) -> None:
    """Complete or not, higher or lower: only what is known just so is not posted."""
    expected = Settled.UNCHANGED if reported == known else Settled.POSTED

    assert settle(known, reported, last_word=True) is expected


@given(st.lists(days, min_size=1))
def test_of_many_reports_the_last_complete_one_stands(reported: list[Day]) -> None:
    last: Day = reduce(after, reported[1:], reported[0])
    complete_days = [day for day in reported if day.is_complete]

    assert not complete_days or last == complete_days[-1]
    assert complete_days or last.node_seconds == max(day.node_seconds for day in reported)


def test_the_node_seconds_of_a_day_are_everybodys() -> None:
    assert complete(alice=5, unknown=2).node_seconds == 7
    assert Day(components={Component("alice", "cpu"): 9}).node_seconds == 0
