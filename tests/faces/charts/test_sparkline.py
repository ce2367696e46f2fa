"""The line as tall as a word."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from nodehours.faces.charts.sparkline import sparkline
from nodehours.terms.node_seconds import MAX_NODE_SECONDS
from tests.faces.charts.examples import HOUR, SVG


def read(text: str) -> ET.Element:
    return ET.fromstring(text)  # noqa: S314  # our own


def points(text: str) -> list[tuple[float, float]]:
    line = read(text).find(f"{SVG}polyline")
    assert line is not None
    pairs = [point.split(",") for point in line.attrib["points"].split()]
    return [(float(x), float(y)) for x, y in pairs]


def test_a_line_runs_from_left_to_right_with_nought_at_its_foot_and_the_most_at_its_top() -> None:
    assert points(sparkline([0, HOUR, 2 * HOUR])) == [(3, 21), (60, 12), (117, 3)]


def test_it_says_how_much_there_was_in_the_last_month_and_the_least_and_the_most() -> None:
    picture = read(sparkline([2 * HOUR, 9 * HOUR, HOUR], "Climate"))

    assert picture.findtext(f"{SVG}title") == "Climate: 3 months, 1.00 node-hours in the last one"
    assert picture.findtext(f"{SVG}desc") == "From 1.00 to 9.00 node-hours a month."


@pytest.mark.parametrize("values", [[], [0], [0, 0], [HOUR], [MAX_NODE_SECONDS, 1]])
def test_every_line_stays_within_its_frame(values: list[int]) -> None:
    assert all(3 <= x <= 117 and 3 <= y <= 21 for x, y in points(sparkline(values)))


def test_of_nothing_it_says_that_nothing_is_known() -> None:
    picture = read(sparkline([]))

    assert picture.findtext(f"{SVG}title") == "nothing is known"
    assert picture.find(f"{SVG}circle") is None


def test_it_needs_no_style_of_its_own() -> None:
    assert "style" not in sparkline([1, 2, 3])
