"""Figures as they are written, and what is told of them as a whole."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodehours.terms.figure import Figure, Naming, StatedUsage, Unit, Writing
from nodehours.terms.month import Month

MARCH, JUNE = Month(2026, 3), Month(2026, 6)


def stated(*figures: Figure, months: frozenset[Month] = frozenset()) -> StatedUsage:
    return StatedUsage("file", figures, Naming.USER_IDENTIFIERS, names_days=False, months=months)


@pytest.mark.parametrize(
    ("unit", "places", "rounding"),
    [
        (Unit.HOURS, 0, 1800),
        (Unit.HOURS, 1, 180),
        (Unit.HOURS, 2, 18),
        (Unit.HOURS, 3, 2),
        (Unit.HOURS, 4, 0),
        (Unit.HOURS, 17, 0),
        (Unit.MINUTES, 0, 30),
        (Unit.MINUTES, 1, 3),
        (Unit.MINUTES, 2, 0),
        (Unit.SECONDS, 0, 0),
        (Unit.SECONDS, 3, 0),
    ],
)
def test_a_figure_may_be_off_by_half_of_its_last_place(
    unit: Unit, places: int, rounding: int
) -> None:
    assert Writing(unit, places).rounding == rounding


def test_how_figures_are_written_is_said_in_words() -> None:
    assert str(Writing(Unit.HOURS, 2)) == "hours with 2 places"
    assert str(Writing(Unit.SECONDS, 0)) == "whole seconds"


def test_hours_become_node_seconds_exactly() -> None:
    assert Writing(Unit.HOURS, 2).node_seconds(Decimal("780.08")) == 2_808_288
    assert Writing(Unit.HOURS, 2).node_seconds(Decimal(12)) == 43_200
    assert Writing(Unit.HOURS, 20).node_seconds(Decimal("0.33333333333333333333")) == 1200


def test_half_a_second_goes_to_the_even_one() -> None:
    writing = Writing(Unit.SECONDS, 2)

    read = [writing.node_seconds(Decimal(text)) for text in ("0.5", "1.5", "2.5", "2.49", "2.51")]

    assert read == [0, 2, 2, 2, 3]


@given(st.integers(0, 2**63 - 1), st.sampled_from(Unit), st.integers(0, 30))
def test_rounding_covers_whatever_was_written(node_seconds: int, unit: Unit, places: int) -> None:
    """Whoever writes a figure rounds it to their last place; what we read is no further off than we say."""
    last_places = round(Fraction(node_seconds, unit) * 10**places)
    writing = Writing(unit, places)

    read = writing.node_seconds(Decimal(f"{last_places}e-{places}"))

    assert abs(read - node_seconds) <= writing.rounding


def test_the_span_is_every_month_from_the_first_to_the_last() -> None:
    assert stated().span == frozenset()
    assert stated(months=frozenset({MARCH})).span == {MARCH}
    assert stated(months=frozenset({JUNE, MARCH})).span == {
        MARCH, Month(2026, 4), Month(2026, 5), JUNE,
    }  # fmt: skip
    over_the_year = frozenset({Month(2025, 12), Month(2026, 1)})
    assert stated(months=over_the_year).span == over_the_year


def test_projects_are_called_by_our_names_and_the_rest_by_theirs() -> None:
    told = stated(Figure("brics", MARCH, 1, "alice"), Figure("other", MARCH, 2, "bob"))

    renamed = told.renamed({"brics": "climate.brics"})

    assert [one.project for one in renamed.figures] == ["climate.brics", "other"]
    assert told.figures[0].project == "brics"


def test_figures_are_limited_to_projects_and_months() -> None:
    figures = [Figure(project, month, 1) for project in "ab" for month in (MARCH, JUNE)]
    told = stated(*figures)

    assert told.limited(frozenset(), frozenset()).figures == figures
    assert told.limited(frozenset("a"), frozenset()).figures == figures[:2]
    assert told.limited(frozenset("a"), frozenset({JUNE})).figures == figures[1:2]


def test_without_users_a_figure_keeps_all_but_the_user() -> None:
    told = stated(Figure("a", MARCH, 1, "alice")).without_users()

    assert told.figures == [Figure("a", MARCH, 1)]
    assert told.naming is Naming.NONE


def test_a_project_named_anew_is_named_so_in_its_user_identifiers_too() -> None:
    told = stated(
        Figure("climate.brics", MARCH, 1, "alice.climate.brics"),
        Figure("climate.brics", MARCH, 2, "unknown"),
        Figure("climate.brics", MARCH, 3),
        Figure("ocean.brics", MARCH, 4, "alice.ocean.brics"),
    )

    anew = told.named_anew({"climate.brics": "weather.brics"})

    assert [(one.project, one.user) for one in anew.figures] == [
        ("weather.brics", "alice.weather.brics"),
        ("weather.brics", "unknown"),
        ("weather.brics", None),
        ("ocean.brics", "alice.ocean.brics"),
    ]
