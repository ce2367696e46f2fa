"""Some months in a row, and the arithmetic of months."""

from __future__ import annotations

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodehours.terms import period as module
from nodehours.terms.month import Month
from nodehours.terms.period import Period, months_after

months = st.builds(Month, st.integers(1970, 2200), st.integers(1, 12))
counts = st.integers(-2_000, 2_000)


def test_the_examples_hold() -> None:
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize(
    ("month", "count", "expected"),
    [
        (Month(2026, 3), 0, Month(2026, 3)),
        (Month(2026, 3), 9, Month(2026, 12)),
        (Month(2026, 3), 10, Month(2027, 1)),
        (Month(2026, 3), -3, Month(2025, 12)),
        (Month(2026, 12), 12, Month(2027, 12)),
    ],
)
def test_months_after_and_before(month: Month, count: int, expected: Month) -> None:
    assert months_after(month, count) == expected


@given(month=months, count=counts, other=counts)
def test_months_add_up_and_keep_their_order(month: Month, count: int, other: int) -> None:
    later = months_after(month, count)
    assert months_after(later, other) == months_after(month, count + other)
    assert (later > month) == (count > 0)
    assert months_after(month, 1).start == month.end


@given(since=months, count=st.integers(0, 100))
def test_a_period_has_each_month_once_and_the_one_before_has_as_many(
    since: Month, count: int
) -> None:
    period = Period(since, months_after(since, count))

    assert len(period.months) == period.length == count
    assert list(period.months) == sorted(set(period.months))
    assert all(period.since <= month < period.before for month in period.months)
    assert period.previous.length == count
    assert period.previous.before == since
    assert [month.start for month in period.months[1:]] == [m.end for m in period.months[:-1]]


def test_a_period_that_ends_before_it_begins_has_no_months() -> None:
    period = Period(Month(2026, 3), Month(2025, 3))

    assert (period.length, period.months) == (0, ())
    assert period.previous == Period(Month(2026, 3), Month(2026, 3))


def test_the_months_up_to_a_last_one() -> None:
    assert Period.until(Month(2026, 3), 12) == Period(Month(2025, 4), Month(2026, 4))
    assert Period.until(Month(2026, 3), 0).months == ()
