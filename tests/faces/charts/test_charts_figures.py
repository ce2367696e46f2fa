"""The figures in a chart are those that it was given: in its rows, and in what it says of each mark."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodehours.faces.charts import burn, components, daily, heat, monthly, users
from nodehours.faces.charts.forms import Chart
from nodehours.faces.charts.series import MOST, OTHERS, UNATTRIBUTED, Part, series_of
from nodehours.faces.charts.theme import LIGHT
from nodehours.terms.month import Month
from nodehours.terms.node_seconds import MAX_NODE_SECONDS
from nodehours.terms.period import Period
from tests.faces.charts.examples import (
    BARS,
    BURN,
    CELLS,
    COMPONENTS,
    DAYS,
    FEBRUARY,
    FIRST,
    HOUR,
    JANUARY,
    MARCH,
    USERS,
    drawn,
    labels,
    rows,
    spec,
    texts,
)


def names(chart: Chart) -> list[str]:
    """The names that a chart writes, in the order of their places."""
    (parameter,) = [each for each in spec(chart)["params"] if each["name"] == "names"]
    value: list[str] = parameter["value"]
    return value


def test_a_bar_tells_its_month_its_name_its_node_hours_and_its_share() -> None:
    told = {(row["month"], row["label"]): row for row in rows(monthly.chart(BARS, theme=LIGHT))}

    assert told["Jan 26", "Plasma"] == {
        "month": "Jan 26",
        "when": "January 2026",
        "label": "Plasma",
        "hours": 10.005,
        "figure": "10.00",
        "share": "25.0 %",
        "rank": 1,
        "is_open": False,
        "says": "January 2026, Plasma: 10.00 node-hours, 25.0 %",
    }
    assert told["Mar 26", "Climate"]["when"] == "March 2026, still running"
    assert told["Mar 26", "Climate"]["is_open"]
    assert sum(row["hours"] for row in told.values()) * HOUR == sum(
        bar.node_seconds for bar in BARS
    )


def test_every_month_has_its_place_even_one_without_usage() -> None:
    bars = [bar for bar in BARS if bar.month != FEBRUARY]

    of_its_own = spec(monthly.chart(bars, theme=LIGHT))
    of_a_year = spec(monthly.chart(bars, theme=LIGHT, months=Period.until(MARCH, 4).months))

    assert of_its_own["encoding"]["x"]["scale"]["domain"] == ["Jan 26", "Feb 26", "Mar 26"]
    assert of_a_year["encoding"]["x"]["scale"]["domain"] == ["Dec 25", "Jan 26", "Feb 26", "Mar 26"]


def test_a_bar_leads_to_its_month_in_a_page_and_nowhere_in_a_drawing() -> None:
    chart = monthly.chart(BARS, theme=LIGHT, hrefs={JANUARY: "/months/2026-01/"})

    assert {row.get("href") for row in rows(chart)} == {"/months/2026-01/", None}
    assert spec(chart)["encoding"]["href"]["field"] == "href"
    assert not [part for part in drawn(chart).iter() if part.tag.endswith("}a")]


def test_shares_fill_each_month() -> None:
    axis = spec(monthly.chart(BARS, theme=LIGHT, is_share=True))["encoding"]["y"]

    assert axis["stack"] == "normalize"
    assert axis["axis"]["title"] == "share of the whole"


def test_capacity_is_a_line_where_it_is_known_and_of_shares_there_is_none() -> None:
    capacity = {JANUARY: 50 * HOUR, Month(2020, 1): HOUR}

    lines = spec(monthly.chart(BARS, theme=LIGHT, capacity=capacity))
    shares = spec(monthly.chart(BARS, theme=LIGHT, capacity=capacity, is_share=True))

    name = lines["layer"][1]["data"]["name"]
    assert lines["datasets"][name] == [{"month": "Jan 26", "hours": 50.0, "figure": "50.00"}]
    assert "layer" not in shares


def test_more_series_than_can_be_told_apart_are_others() -> None:
    bars = [monthly.Bar(MARCH, f"k{n}", f"Project {n}", (20 - n) * HOUR) for n in range(10)]
    bars.append(monthly.Bar(MARCH, UNATTRIBUTED, "", 100 * HOUR))

    chart = monthly.chart(bars, theme=LIGHT)
    figures = {row["label"]: row["hours"] for row in rows(chart)}

    assert names(chart) == [*(f"Project {n}" for n in range(MOST)), "unattributed", "others"]
    assert spec(chart)["encoding"]["fill"]["scale"] == {
        "domain": [*range(MOST + 2)],
        "range": [*LIGHT.series, LIGHT.unattributed, LIGHT.others],
    }
    assert figures["others"] == 13 + 12 + 11


def test_namesakes_stay_apart() -> None:
    bars = [
        monthly.Bar(MARCH, "u1", "Kim", 2 * HOUR),
        monthly.Bar(MARCH, "u2", "Kim", HOUR),
        monthly.Bar(MARCH, "u3", "others", HOUR // 2),
        monthly.Bar(MARCH, OTHERS, "others", 7 * HOUR),
    ]

    figures = {row["label"]: row["hours"] for row in rows(monthly.chart(bars, theme=LIGHT))}

    assert figures == {"Kim": 2, "Kim (u2)": 1, "others (u3)": 0.5, "others": 7}


parts = st.builds(
    Part, st.sampled_from("abcdefghijkl?") | st.just(""), st.text(max_size=3), st.integers(0, 2**50)
)


@given(st.lists(parts, max_size=40), st.integers(1, 9))
def test_no_series_is_lost_and_no_two_look_alike(given: list[Part], most: int) -> None:
    series = series_of(given, most)
    totals = Counter[str]()
    for part in given:
        totals[series.key(part.key)] += part.node_seconds

    assert totals == Counter(series.totals)
    assert len({*series.labels.values()}) == len(series.labels) <= most + 2


months = st.sampled_from(Period.until(MARCH, 5).months)
bars = st.builds(
    monthly.Bar,
    months,
    st.sampled_from("abc"),
    st.sampled_from(["Kim", "Alex"]),
    st.integers(0, MAX_NODE_SECONDS // 100),
)


@settings(max_examples=25)
@given(st.lists(bars, min_size=1, max_size=20))
def test_the_rows_of_any_chart_add_up_to_what_it_was_given(given: list[monthly.Bar]) -> None:
    figures: Counter[str] = Counter()
    for row in rows(monthly.chart(given, theme=LIGHT)):
        figures[row.get("month", "")] += row.get("hours", 0)

    for month in {bar.month for bar in given if any(bar.node_seconds for bar in given)}:
        exact = sum(bar.node_seconds for bar in given if bar.month == month)
        short = f"{['Nov', 'Dec', 'Jan', 'Feb', 'Mar'][(month.month + 1) % 12]} {month.year % 100}"
        assert figures[short] == pytest.approx(exact / HOUR)


def test_a_day_tells_its_figures_and_whether_it_is_complete() -> None:
    told = rows(daily.chart(DAYS, theme=LIGHT))

    assert [
        (row["day"], row["label"], row["figure"], row["share"], row["is_open"]) for row in told
    ] == [
        ("2026-03-01", "Alice", "3.00", "75.0 %", False),
        ("2026-03-01", "Bob", "1.00", "25.0 %", False),
        ("2026-03-02", "Alice", "5.00", "100.0 %", False),
        ("2026-03-04", "Bob", "2.00", "100.0 %", True),
    ]


def test_every_day_has_its_place() -> None:
    ends = FIRST + timedelta(days=6)

    domain = spec(daily.chart(DAYS, theme=LIGHT, span=(FIRST, ends)))["encoding"]["x"]["scale"][
        "domain"
    ]

    assert domain == [f"2026-03-0{day}" for day in range(1, 7)]


@pytest.mark.parametrize(("count", "some"), [(4, "1 Mar"), (31, "4 Mar"), (400, "Mar 26")])
def test_the_labels_of_days_are_as_many_as_there_is_room_for(count: int, some: str) -> None:
    days = [daily.DayBar(FIRST + timedelta(days=n), "a", "Alice", HOUR) for n in range(count)]

    shown = [*texts(drawn(daily.chart(days, theme=LIGHT)))]

    assert some in shown
    assert len(shown) < 24


def test_a_burn_grows_by_each_day_and_stands_still_on_days_without() -> None:
    told = [row for row in rows(burn.chart(BURN, theme=LIGHT)) if row.get("line") == "used"]
    used = {row["day"]: row["hours"] for row in told}

    assert used == {
        "2026-01-01": 0,
        "2026-01-02": 10,
        "2026-01-03": 10,
        "2026-01-04": 10,
        "2026-01-05": 10,
        "2026-01-06": 50,
    }


def test_a_burn_has_its_limit_its_even_line_and_what_is_projected() -> None:
    told = rows(burn.chart(BURN, theme=LIGHT))
    lines = {
        line: [(row["day"], row["hours"]) for row in told if row.get("line") == line]
        for line in burn.LINES
    }

    assert lines["even burn"] == [("2026-01-01", 0), ("2026-01-11", 200)]
    assert lines["limit"] == [("2026-01-01", 200), ("2026-01-11", 200)]
    assert lines["projected"] == [("2026-01-06", 50), ("2026-01-11", 100)]
    assert {"day": "2026-01-11", "hours": 80, "high": 120} in told


def test_a_burn_without_a_limit_or_a_projection_has_no_line_for_it() -> None:
    plain = burn.Burn([], date(2026, 1, 1), date(2026, 2, 1), 0, date(2026, 1, 1))

    assert {row.get("line") for row in rows(burn.chart(plain, theme=LIGHT))} == {"used"}


def test_what_was_used_before_the_first_day_and_after_the_last_is_counted() -> None:
    odd = burn.Burn(
        [(date(2025, 12, 1), HOUR), (date(2026, 1, 2), HOUR), (date(2026, 1, 3), HOUR)],
        starts=date(2026, 1, 1),
        ends=date(2026, 1, 2),
        node_limit=HOUR,
        known_until=date(2026, 1, 4),
    )
    told = [row["hours"] for row in rows(burn.chart(odd, theme=LIGHT)) if row.get("line") == "used"]

    assert told == [1, 1, 2, 3]
    assert odd.used == 3 * HOUR


def test_users_are_in_order_and_who_is_nobody_is_grey() -> None:
    chart = users.chart(USERS, theme=LIGHT)
    told = spec(chart)["layer"][0]["encoding"]

    assert names(chart) == ["Alice", "Bob", "unattributed"]
    assert told["fill"]["scale"]["range"] == [LIGHT.series[0], LIGHT.series[0], LIGHT.unattributed]
    assert [row["share"] for row in rows(chart)][:3] == ["60.0 %", "30.0 %", "10.0 %"]
    assert "Alice: 60.00 node-hours, 60.0 %" in labels(drawn(chart))


def test_components_have_a_panel_each_with_a_scale_of_its_own() -> None:
    told = spec(components.chart(COMPONENTS, theme=LIGHT))

    assert told["facet"]["field"] == "title"
    assert told["resolve"]["scale"] == {"y": "independent"}
    assert {
        (row["title"], row["month"], row["figure"])
        for row in rows(components.chart(COMPONENTS, theme=LIGHT))
    } == {
        ("gpu-hours", "Feb 26", "40.00"),
        ("cpu-hours", "Feb 26", "6,400.00"),
        ("cpu-hours", "Mar 26", "100.00"),
    }


def test_a_cell_has_its_figure_and_its_mark() -> None:
    chart = heat.chart(CELLS, theme=LIGHT)

    assert [(row["label"], row["month"], row["hours"], row["mark"]) for row in rows(chart)] == [
        ("climate.portal", "Feb 26", 25, "●"),
        ("climate.portal", "Mar 26", 100, "◌"),
        ("plasma.portal", "Mar 26", 4, ""),
    ]
    assert {"●", "◌", "climate.portal", "plasma.portal"} <= {*texts(drawn(chart))}


def test_the_largest_figure_there_can_be_is_drawn() -> None:
    picture = drawn(
        monthly.chart([monthly.Bar(MARCH, "c", "Climate", MAX_NODE_SECONDS)], theme=LIGHT)
    )

    assert "March 2026, Climate: 2,562,047,788,015,215.50 node-hours, 100.0 %" in labels(picture)
