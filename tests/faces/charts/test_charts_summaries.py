"""What a chart shows, said in sentences: for who does not see it, and for who wants no more."""

from __future__ import annotations

from datetime import date

from nodehours.faces.charts import burn, components, daily, heat, monthly, users
from nodehours.faces.charts.series import OTHERS
from tests.faces.charts.examples import (
    BARS,
    BURN,
    CELLS,
    COMPONENTS,
    DAYS,
    HOUR,
    JANUARY,
    MARCH,
    USERS,
)

PALE = "drawn pale, with a dashed outline"


def test_months_are_said_with_their_sum_the_trend_the_largest_and_what_still_runs() -> None:
    assert monthly.summary(BARS, before=100 * HOUR) == (
        "80.00 node-hours from January 2026 to March 2026, 20.0 % less than in the months before."
        f" The largest is Climate with 78.7 %. March 2026 still runs: it is {PALE}."
    )


def test_a_trend_is_said_only_against_something() -> None:
    bars = [monthly.Bar(JANUARY, "c", "Climate", HOUR)]

    assert monthly.summary(bars) == "1.00 node-hours in January 2026."
    assert monthly.summary(bars, before=0) == "1.00 node-hours in January 2026."
    assert (
        monthly.summary(bars, before=HOUR)
        == "1.00 node-hours in January 2026, as much as in the months before."
    )
    assert monthly.summary(bars, before=HOUR // 2) == (
        "1.00 node-hours in January 2026, 100.0 % more than in the months before."
    )


def test_others_are_never_the_largest() -> None:
    bars = [
        monthly.Bar(JANUARY, OTHERS, "all others", 9 * HOUR),
        monthly.Bar(JANUARY, "c", "Climate", HOUR),
    ]

    assert (
        monthly.summary(bars)
        == "10.00 node-hours in January 2026. The largest is Climate with 10.0 %."
    )


def test_days_are_said_with_the_busiest_and_those_that_are_not_complete() -> None:
    assert daily.summary(DAYS) == (
        "11.00 node-hours from 1 Mar 2026 to 4 Mar 2026. The most was on 2 Mar 2026: 5.00."
        f" The largest is Alice with 72.7 %. 1 day is not complete: it is {PALE}."
    )


def test_a_burn_is_said_with_its_share_the_even_burn_and_the_outlook() -> None:
    assert burn.summary(BURN) == (
        "50.00 node-hours of 200.00 used until 5 Jan 2026: 25.0 %. An even burn would be at 100.00."
        " If it goes on so, 100.00 by 10 Jan 2026, between 80.00 and 120.00."
    )


def test_a_burn_of_which_little_is_known_says_no_more() -> None:
    early = BURN._replace(known_until=BURN.starts)
    ended = BURN._replace(known_until=BURN.ends)
    unlimited = BURN._replace(node_limit=0, low=None)

    assert burn.summary(early) == "Nothing is known yet."
    assert burn.summary(ended) == (
        "50.00 node-hours of 200.00 used until 10 Jan 2026: 25.0 %. An even burn would be at 200.00."
    )
    assert burn.summary(unlimited) == (
        "50.00 node-hours used until 5 Jan 2026; there is no limit. If it goes on so, 100.00 by 10 Jan 2026."
    )


def test_a_burn_is_even_in_whole_node_seconds() -> None:
    thirds = burn.Burn([], date(2026, 1, 1), date(2026, 1, 4), 100, date(2026, 1, 2))

    assert thirds.even == 33


def test_users_are_said_with_their_number_the_largest_and_the_unattributed_share() -> None:
    assert users.summary(USERS) == (
        "100.00 node-hours of 2 users. The largest is Alice with 60.0 %. 10.0 % is unattributed."
    )
    assert users.summary([users.UserBar("a", "Alice", HOUR)]) == "1.00 node-hours of 1 user."
    assert users.summary([users.UserBar(OTHERS, "", HOUR)]) == "1.00 node-hours."


def test_components_are_said_each_in_its_unit() -> None:
    assert components.summary(COMPONENTS) == (
        "6,500.00 cpu-hours, 40.00 gpu-hours from February 2026 to March 2026."
        f" March 2026 still runs: it is {PALE}."
    )


def test_the_matrix_is_said_with_its_hottest_cell() -> None:
    assert heat.summary(CELLS) == (
        "129.00 node-hours of 2 projects from February 2026 to March 2026."
        " The most is climate.portal in March 2026: 100.00."
    )


def test_a_name_that_runs_from_right_to_left_turns_nothing_around_it() -> None:
    bars = [
        monthly.Bar(MARCH, "a", "\u202eevil\u2069", 2 * HOUR),
        monthly.Bar(MARCH, "b", "Bob", HOUR),
    ]

    assert monthly.summary(bars).endswith("The largest is \u2068\u202eevil\u2069 with 66.7 %.")
