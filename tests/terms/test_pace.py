"""The pace of a grant: worked examples, and what holds for all grants."""

from __future__ import annotations

from datetime import date, timedelta
from statistics import fmean, stdev

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from nodehours.terms.pace import METHOD, Grant, Pace, PaceTold, pace_of

STARTS = date(2026, 1, 1)
YEAR = Grant(STARTS, date(2026, 12, 31), 365_000)
"""A thousand node-seconds a day, if it is used evenly."""


def day(number: int) -> date:
    """The day with that number in the year, from 0 on."""
    return STARTS + timedelta(number)


def daily(*figures: int) -> dict[date, int]:
    return {day(number): figure for number, figure in enumerate(figures)}


def after(figures: list[int], grant: Grant = YEAR) -> PaceTold:
    """The pace on the morning after days of *figures*."""
    return pace_of(grant, daily(*figures), day(len(figures)))


def test_even_use_is_on_track_and_projects_the_limit() -> None:
    assert after([1_000] * 100) == PaceTold(
        Pace.ON_TRACK, 100_000, 100_000, day(100), 365_000, 365_000, 365_000, day(364), None
    )


def test_the_projection_goes_on_like_the_last_28_days() -> None:
    """72 days of nothing, then 28 of which each has 700: 19,600, and 265 times 700 to come."""
    told = after([0] * 72 + [700] * 28)

    assert (told.used, told.projected) == (19_600, 19_600 + 265 * 700)
    assert told.pace is Pace.BEHIND
    assert told.run_out is None


def test_who_uses_too_much_is_told_on_which_day_it_runs_out() -> None:
    """200,000 used in 100 days; the other 165,000 last for 82.5 more."""
    told = after([2_000] * 100)

    assert told.pace is Pace.AHEAD
    assert told.projected == 730_000
    assert told.run_out == day(100 + 82)


def test_the_spread_is_reckoned_from_the_last_eight_weeks() -> None:
    weeks = [7_000, 8_400, 6_300, 7_700, 9_100, 5_600, 7_000, 8_400]
    told = after([50] * 44 + [week // 7 for week in weeks for _ in range(7)])

    left = 265 / 7
    expected = 1.28 * stdev(weeks) * (left + left**2 / 8) ** 0.5
    assert told.projected is not None
    assert told.high is not None
    assert told.projected == told.used + 265 * int(fmean(weeks[-4:]) / 7 * 28) // 28
    assert expected <= told.high - told.projected < expected + 1
    assert told.low == told.projected - (told.high - told.projected)


def test_nothing_falls_below_what_is_used_already() -> None:
    wild = [0, 0, 0, 0, 0, 0, 30_000] * 2 + [0] * 70
    told = after(wild)

    assert told.low == told.used == 60_000


@pytest.mark.parametrize(
    ("days", "known", "expected"),
    [
        (365, 29, True),
        (365, 30, False),  # a tenth of a year would be 37 days
        (200, 19, True),
        (200, 20, False),
        (90, 13, True),
        (90, 14, False),
        (10, 9, True),
    ],
)
def test_it_settles_for_two_weeks_or_a_tenth_but_no_longer_than_a_month(
    days: int, known: int, *, expected: bool
) -> None:
    grant = Grant(STARTS, day(days - 1), 1_000 * days)
    told = after([1_000] * known, grant)

    assert (told.pace is Pace.SETTLING) == expected
    assert ((told.projected, told.low, told.high) == (None, None, None)) == expected


@pytest.mark.parametrize(
    ("figure", "expected"),
    [
        (0, Pace.BEHIND),
        (849, Pace.BEHIND),
        (850, Pace.ON_TRACK),
        (1_000, Pace.ON_TRACK),
        (1_001, Pace.AHEAD),
    ],
)
def test_where_one_word_ends_and_the_next_begins(figure: int, expected: Pace) -> None:
    assert after([figure] * 60).pace is expected


def test_what_is_used_up_says_since_when_and_still_how_far_it_would_go() -> None:
    told = after([10_000] * 40)

    assert told.pace is Pace.EXHAUSTED
    assert told.exhausted_on == day(36)  # 365,000 are reached within the 37th day
    assert told.run_out is None
    assert told.projected == 400_000 + 325 * 10_000


def test_what_is_used_up_while_it_settles_has_no_projection() -> None:
    told = after([365_000])

    assert (told.pace, told.exhausted_on, told.projected) == (Pace.EXHAUSTED, STARTS, None)


@pytest.mark.parametrize("figure", [0, 500, 5_000])
def test_after_its_last_day_it_ended_however_it_went(figure: int) -> None:
    used = daily(*[figure] * 365)

    assert pace_of(YEAR, used, day(364)).pace is not Pace.ENDED
    told = pace_of(YEAR, used, day(365))
    assert told.pace is Pace.ENDED
    assert (told.used, told.even) == (365 * figure, YEAR.node_limit)
    assert (told.projected, told.run_out) == (None, None)
    assert told.exhausted_on == (day(72) if figure == 5_000 else None)


def test_today_counts_as_used_but_is_not_a_known_day() -> None:
    figures = [1_000] * 100
    told = pace_of(YEAR, daily(*figures, 4_000), day(100))

    assert told == after(figures)._replace(used=104_000)
    assert pace_of(YEAR, daily(*figures, 300_000), day(100)).pace is Pace.EXHAUSTED


def test_days_without_a_figure_before_the_last_known_one_count_as_nothing() -> None:
    sparse = {day(number): 7_000 for number in range(6, 100, 7)}
    told = pace_of(YEAR, sparse, day(100))

    assert told.known_until == day(98)
    assert told.projected == 98_000 + 267 * 1_000


def test_who_knows_that_nothing_was_used_since_can_say_so() -> None:
    figures = daily(*[1_000] * 40)

    assert pace_of(YEAR, figures, day(200)).known_until == day(40)
    told = pace_of(YEAR, figures, day(200), known_until=day(190))
    assert (told.known_until, told.projected, told.pace) == (day(190), 40_000, Pace.BEHIND)
    assert pace_of(YEAR, figures, day(200), known_until=day(300)).known_until == day(200)
    assert pace_of(YEAR, {}, day(200), known_until=date(1999, 1, 1)).known_until == STARTS


def test_what_was_used_outside_of_the_grant_is_not_of_it() -> None:
    outside = {STARTS - timedelta(1): 10**9, YEAR.ends + timedelta(1): 10**9}

    assert pace_of(YEAR, daily(*[1_000] * 50) | outside, day(50)) == after([1_000] * 50)


@pytest.mark.parametrize("today", [date.min, STARTS, date(2026, 6, 1), date.max])
@pytest.mark.parametrize(
    "grant",
    [
        Grant(STARTS, STARTS - timedelta(1), 100),
        Grant(STARTS, date(2025, 1, 1), 100),
        Grant(STARTS, STARTS, 0),
        Grant(date.min, date.max, 0),
        Grant(date(9999, 1, 1), date.max, 2**63 - 1),
    ],
)
def test_odd_grants_are_told_of_too(grant: Grant, today: date) -> None:
    for by_day in ({}, {STARTS: 5}, {date.max: 5}):
        told = pace_of(grant, by_day, today)
        assert 0 <= told.even <= grant.node_limit


def test_the_method_is_said_in_one_sentence() -> None:
    assert METHOD.endswith(".")
    assert "28" in METHOD
    assert "8" in METHOD


figures = st.integers(0, 100)
limits = st.integers(5_000, 40_000) | st.integers(0, 5_000)
use = st.lists(figures, max_size=120) | st.lists(figures, min_size=30, max_size=120)


def granted(days: int, limit: int) -> Grant:
    return Grant(STARTS, day(days - 1), limit)


grants = st.builds(granted, st.integers(-3, 400) | st.integers(120, 400), limits)


@given(grant=grants, used=use, late=st.integers(0, 300))
def test_every_figure_is_within_its_bounds(grant: Grant, used: list[int], late: int) -> None:
    today = day(len(used) + late)
    told = pace_of(grant, daily(*used), today)

    event(told.pace.value)
    assert 0 <= told.even <= grant.node_limit
    assert grant.starts <= told.known_until <= max(today, grant.starts)
    if told.projected is not None:
        assert told.low is not None
        assert told.high is not None
        assert told.used <= told.low <= told.projected <= told.high
    assert (told.pace is Pace.ENDED) == (today > grant.ends)
    assert (told.exhausted_on is not None) <= (told.used >= grant.node_limit)


@given(
    grant=st.builds(granted, st.integers(121, 400), limits),
    used=st.lists(figures, min_size=30, max_size=120),
)
def test_it_runs_out_within_the_grant_exactly_when_the_projection_reaches_the_limit(
    grant: Grant, used: list[int]
) -> None:
    told = pace_of(grant, daily(*used), day(len(used)))

    event(told.pace.value)
    assert told.projected is not None
    reaches = told.pace is not Pace.EXHAUSTED and told.projected >= grant.node_limit
    assert (told.run_out is not None) == reaches
    if told.run_out is not None:
        assert told.known_until <= told.run_out <= grant.ends


@given(grant=grants, used=use.filter(bool), place=st.integers(0, 119), more=figures)
def test_more_usage_never_means_less(grant: Grant, used: list[int], place: int, more: int) -> None:
    order = [Pace.BEHIND, Pace.ON_TRACK, Pace.AHEAD, Pace.EXHAUSTED]
    raised = list(used)
    raised[place % len(used)] += more
    before, then = (pace_of(grant, daily(*one), day(len(used))) for one in (used, raised))

    assert then.used >= before.used
    assert then.even == before.even
    if before.projected is not None:
        assert then.projected is not None
        assert then.projected >= before.projected
    if before.pace in order:
        assert order.index(then.pace) >= order.index(before.pace)


@given(used=use, scale=st.integers(1, 10**15))
def test_it_is_the_same_in_any_unit(used: list[int], scale: int) -> None:
    """But for what is rounded: words and days do not depend on how large a node-second is."""
    larger = Grant(YEAR.starts, YEAR.ends, YEAR.node_limit * scale)
    once = pace_of(YEAR, daily(*used), day(len(used)))
    scaled = pace_of(larger, daily(*(figure * scale for figure in used)), day(len(used)))

    assert scaled.used == once.used * scale
    assert scaled.run_out == once.run_out
    assert scaled.exhausted_on == once.exhausted_on
