"""The ledger beside somebody else's figures: verdicts, tolerance, and where the two sides part."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodehours.terms.figure import Figure
from nodehours.terms.identifiers import UNKNOWN
from nodehours.terms.month import Month
from nodehours.terms.reconciliation import (
    Comparison,
    Part,
    Reconciliation,
    Side,
    Tolerance,
    Verdict,
    reconcile,
)

MARCH, APRIL = Month(2026, 3), Month(2026, 4)
CLIMATE, OCEAN = "climate.brics", "ocean.brics"
ALICE, BOB = "alice.climate.brics", "bob.climate.brics"
EXACTLY = Tolerance()
SWAPPED = {
    Verdict.OK: Verdict.OK,
    Verdict.HIGH: Verdict.LOW,
    Verdict.LOW: Verdict.HIGH,
    Verdict.MISSING_HERE: Verdict.MISSING_THERE,
    Verdict.MISSING_THERE: Verdict.MISSING_HERE,
}


def side(*node_seconds: int, rounding: int = 0) -> Side:
    """Figures of climate in March, of no user."""
    return Side(
        [Figure(CLIMATE, MARCH, n, None, None, rounding) for n in node_seconds], None, rounding
    )


def only(ours: Side, theirs: Side, tolerance: Tolerance = EXACTLY) -> Comparison:
    (found,) = reconcile(ours, theirs, tolerance).projects
    return found


def verdict(ours: Side, theirs: Side, tolerance: Tolerance = EXACTLY) -> str:
    return only(ours, theirs, tolerance).verdict.value


def test_the_words_of_the_verdicts() -> None:
    assert verdict(side(100), side(60, 40)) == "ok"
    assert verdict(side(101), side(100)) == "ledger high"
    assert verdict(side(99), side(100)) == "ledger low"
    assert verdict(side(), side(1)) == "missing here"
    assert verdict(side(1), side()) == "missing there"


def test_nothing_on_one_side_and_zeroes_on_the_other_agree() -> None:
    assert verdict(side(0, 0), side()) == "ok"
    assert verdict(side(), side(0)) == "ok"


def test_a_month_that_is_there_with_0_is_not_missing() -> None:
    assert verdict(side(0), side(1)) == "ledger low"
    assert verdict(side(1), side(0)) == "ledger high"


def test_where_neither_side_says_anything_there_is_no_verdict() -> None:
    assert reconcile(side(), side(), EXACTLY) == Reconciliation()


def test_both_sides_may_differ_by_the_tolerance_in_node_seconds_and_no_more() -> None:
    tolerance = Tolerance(node_seconds=3600)

    assert verdict(side(10_000), side(6_400), tolerance) == "ok"
    assert verdict(side(10_001), side(6_400), tolerance) == "ledger high"
    assert verdict(side(), side(3_600), tolerance) == "ok"
    assert verdict(side(), side(3_601), tolerance) == "missing here"


def test_a_per_cent_is_of_the_larger_figure_and_exact() -> None:
    tolerance = Tolerance(percent=Decimal("0.1"))

    assert verdict(side(1_000_000), side(999_000), tolerance) == "ok"
    assert verdict(side(1_000_000), side(998_999), tolerance) == "ledger high"
    assert verdict(side(999_000), side(1_000_000), tolerance) == "ok"
    largest = 9_223_372_036_854_775_000
    assert verdict(side(largest), side(largest * 999 // 1000), tolerance) == "ok"
    assert verdict(side(largest), side(largest * 999 // 1000 - 1), tolerance) == "ledger high"


def test_the_wider_tolerance_counts() -> None:
    tolerance = Tolerance(10, Decimal(1))

    assert [tolerance.allowed(n, n) for n in (0, 999, 1_000, 1_100)] == [10, 10, 10, 11]


def test_each_figure_of_theirs_may_be_off_by_its_rounding() -> None:
    """Two figures in hours with two places: 18 seconds each."""
    assert verdict(side(7_236), side(3_600, 3_600, rounding=18)) == "ok"
    assert verdict(side(7_237), side(3_600, 3_600, rounding=18)) == "ledger high"
    assert only(side(7_237), side(3_600, 3_600, rounding=18)).allowed == 36


def test_a_figure_that_was_left_out_may_be_one_that_was_rounded_to_nothing() -> None:
    assert verdict(side(18), side(rounding=18)) == "ok"
    assert verdict(side(19), side(rounding=18)) == "missing there"


def test_the_users_that_make_the_difference_come_with_both_figures_the_largest_first() -> None:
    ours = Side([
        Figure(CLIMATE, MARCH, 700, ALICE), Figure(CLIMATE, MARCH, 50, BOB), Figure(CLIMATE, MARCH, 9, UNKNOWN),
    ])  # fmt: skip
    theirs = Side([Figure(CLIMATE, MARCH, 500, ALICE), Figure(CLIMATE, MARCH, 50, BOB)])

    found = only(ours, theirs)

    assert (found.verdict, found.difference) == (Verdict.HIGH, 209)
    assert found.users == (
        Part(ALICE, 700, 500, agrees=False),
        Part(UNKNOWN, 9, None, agrees=False),
    )


def test_invoices_without_users_are_compared_by_their_totals_only() -> None:
    ours = Side([Figure(CLIMATE, MARCH, 700, ALICE), Figure(CLIMATE, MARCH, 50, BOB)])

    assert only(ours, side(750)).users == ()
    assert only(ours, side(751)).users == ()


def test_a_user_within_the_rounding_agrees_and_is_still_told() -> None:
    ours = Side([Figure(CLIMATE, MARCH, 3_610, ALICE), Figure(CLIMATE, MARCH, 90, BOB)])
    theirs = Side([Figure(CLIMATE, MARCH, 3_600, ALICE, None, 18)], None, 18)

    assert only(ours, theirs).users == (
        Part(BOB, 90, None, agrees=False),
        Part(ALICE, 3_610, 3_600, agrees=True),
    )


def test_usage_of_one_that_is_anothers_there_agrees_in_total_and_is_not_ok() -> None:
    ours = Side([Figure(CLIMATE, MARCH, 700, ALICE)])
    theirs = Side([Figure(CLIMATE, MARCH, 700, BOB)])

    found = reconcile(ours, theirs, EXACTLY)

    assert found.projects[0].verdict is Verdict.OK
    assert found.projects[0].is_shifted
    assert not found.is_ok


def test_days_are_told_when_both_sides_name_them() -> None:
    def on(day: int, node_seconds: int) -> Figure:
        return Figure(CLIMATE, MARCH, node_seconds, None, date(2026, 3, day))

    days = [on(1, 10), on(2, 20)]
    theirs = Side([on(1, 10), on(3, 5)], [on(1, 10), on(3, 5)])

    assert only(Side(days, days), theirs).days == (
        Part("2026-03-02", 20, None, agrees=False),
        Part("2026-03-03", None, 5, agrees=False),
    )
    assert only(Side(days), theirs).days == ()
    assert only(Side(days, days), Side([on(1, 10)])).days == ()


def test_each_month_has_a_verdict_over_all_projects_too() -> None:
    """What one project has too much another has too little: the month's total agrees."""
    ours = Side([Figure(CLIMATE, MARCH, 10), Figure(OCEAN, MARCH, 5), Figure(OCEAN, APRIL, 1)])
    theirs = Side([Figure(CLIMATE, MARCH, 5), Figure(OCEAN, MARCH, 10)])

    found = reconcile(ours, theirs, EXACTLY)

    assert [(str(one.month), one.project, one.verdict.value) for one in found.projects] == [
        ("2026-03", CLIMATE, "ledger high"),
        ("2026-03", OCEAN, "ledger low"),
        ("2026-04", OCEAN, "missing there"),
    ]
    assert [(str(one.month), one.project, one.verdict.value) for one in found.months] == [
        ("2026-03", None, "ok"),
        ("2026-04", None, "missing there"),
    ]
    assert {word.value: n for word, n in found.counts().items()} == {
        "ok": 0, "ledger high": 1, "ledger low": 1, "missing here": 0, "missing there": 1,
    }  # fmt: skip
    assert not found.is_ok


def test_what_is_small_in_every_project_may_be_too_much_in_all_together() -> None:
    projects = [f"p{n}.brics" for n in range(50)]
    ours = Side([Figure(project, MARCH, 1_100) for project in projects])
    theirs = Side([Figure(project, MARCH, 1_000) for project in projects])

    found = reconcile(ours, theirs, Tolerance(node_seconds=100))

    assert found.counts()[Verdict.OK] == 50
    assert found.months[0].verdict is Verdict.HIGH
    assert not found.is_ok


# Laws -----------------------------------------------------------------------------------------------------

_DAYS = [date(2026, 3, 1), date(2026, 3, 31), date(2026, 4, 1)]
figures = st.builds(
    lambda project, day, user, node_seconds: Figure(
        project, Month.of(day), node_seconds, user, day
    ),
    st.sampled_from([CLIMATE, OCEAN]),
    st.sampled_from(_DAYS),
    st.sampled_from([ALICE, BOB, UNKNOWN]),
    st.integers(0, 50) | st.integers(0, 2**63 - 1),
)
sides = st.builds(
    lambda figures, rounding: Side(
        [one._replace(rounding=rounding) for one in figures], figures, rounding
    ),
    st.lists(figures, max_size=8),
    st.sampled_from([0, 0, 18]),
)
tolerances = st.builds(
    Tolerance, st.integers(0, 40), st.decimals(0, 100, allow_nan=False, places=2)
)


@given(sides, tolerances)
def test_a_ledger_agrees_with_itself(one: Side, tolerance: Tolerance) -> None:
    found = reconcile(one, one, tolerance)

    assert found.is_ok
    assert all(not each.users and not each.days for each in found.projects)


@given(sides, sides, tolerances)
def test_from_the_other_side_high_is_low_and_here_is_there(
    one: Side, other: Side, tolerance: Tolerance
) -> None:
    here, there = reconcile(one, other, tolerance), reconcile(other, one, tolerance)

    for ours, theirs in zip(
        [*here.projects, *here.months], [*there.projects, *there.months], strict=True
    ):
        assert (ours.project, ours.month) == (theirs.project, theirs.month)
        assert theirs.verdict is SWAPPED[ours.verdict]
        assert theirs.difference == -ours.difference
        assert {part.name for part in theirs.users} == {part.name for part in ours.users}


@given(sides, sides)
def test_users_and_days_add_up_to_the_difference_of_the_totals(one: Side, other: Side) -> None:
    found = reconcile(one, other, EXACTLY)

    for each in found.projects:
        assert sum(part.difference for part in each.users) == each.difference
        assert sum(part.difference for part in each.days) == each.difference


@given(sides, sides, tolerances)
def test_projects_add_up_to_their_month(one: Side, other: Side, tolerance: Tolerance) -> None:
    found = reconcile(one, other, tolerance)

    for month in found.months:
        projects = [each for each in found.projects if each.month == month.month]
        assert sum(each.difference for each in projects) == month.difference


@given(sides, sides, tolerances, st.integers(1, 10**6))
def test_more_tolerance_never_makes_an_ok_into_anything_else(
    one: Side, other: Side, tolerance: Tolerance, more: int
) -> None:
    wider = Tolerance(tolerance.node_seconds + more, tolerance.percent)

    before = reconcile(one, other, tolerance).projects
    after = reconcile(one, other, wider).projects

    for former, each in zip(before, after, strict=True):
        if former.verdict is Verdict.OK:
            assert each.verdict is Verdict.OK


@pytest.mark.parametrize("swap", [False, True])
def test_a_side_with_nothing_at_all_misses_everything(swap: bool) -> None:
    full, empty = Side([Figure(CLIMATE, MARCH, 5, ALICE)]), Side([])

    found = reconcile(empty, full, EXACTLY) if swap else reconcile(full, empty, EXACTLY)

    assert [one.verdict.value for one in found.projects] == [
        "missing here" if swap else "missing there"
    ]
    assert [part.name for part in found.projects[0].users] == [ALICE]
