"""Doubt about totals, as a sum; doubt about days is shown at work in tests/intake/test_quarantine.py."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from nodehours.terms.content import digest
from nodehours.terms.days import DayDigest
from nodehours.terms.doubt import DoubtReason, halved
from nodehours.terms.month import Month
from nodehours.terms.usage import DailyUsage, Day

MARCH = Month(2026, 3)
Figures = Mapping[int, int]


def days(figures: Figures) -> dict[date, Day]:
    """Complete days of March: node-seconds by the day's number."""
    return {
        date(2026, 3, number): Day(is_complete=True, usage={"al": DailyUsage(n)})
        for number, n in figures.items()
    }


def digests(figures: Figures) -> dict[date, DayDigest]:
    return {day: digest(day, whole) for day, whole in days(figures).items()}


def figures() -> st.SearchStrategy[Figures]:
    return st.dictionaries(st.integers(1, 5), st.integers(0, 100))


@given(figures(), figures())
def test_a_total_that_falls_to_half_is_doubted_for_its_lower_days_and_for_no_others(
    known: Figures, changed: Figures
) -> None:
    before, after = sum(known.values()), sum({**known, **changed}.values())
    lower = frozenset(date(2026, 3, n) for n in changed if n in known and changed[n] < known[n])

    doubt = halved(MARCH, days(changed), digests(known), digests(known))

    assert (doubt is not None) == (bool(lower) and after * 2 <= before)
    if doubt:
        assert (doubt.days, doubt.reason) == (lower, DoubtReason.HALVED)


@given(figures(), figures())
def test_without_the_days_that_halve_it_a_total_is_believed(
    known: Figures, changed: Figures
) -> None:
    doubt = halved(MARCH, days(changed), digests(known), digests(known))
    rest = {
        day: whole for day, whole in days(changed).items() if not doubt or day not in doubt.days
    }

    assert halved(MARCH, rest, digests(known), digests(known)) is None


def test_what_waits_for_a_decision_counts_as_well() -> None:
    """100 is reported and 300 waits: back to 120 is no fall of what is reported, and 40 is."""
    known, waiting = digests({1: 100}), digests({1: 300})

    assert halved(MARCH, days({1: 120}), known, waiting) is None
    assert halved(MARCH, days({1: 40}), known, waiting) is not None


def test_a_month_of_nothing_cannot_fall() -> None:
    assert halved(MARCH, days({1: 0}), digests({1: 0}), digests({1: 0})) is None
    assert halved(MARCH, days({1: 0}), {}, {}) is None
