"""An example of each chart, with figures that are easy to follow, and what can be read out of a chart again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any, Final
from xml.etree import ElementTree as ET

from nodehours.faces.charts import burn, components, daily, forms, heat, monthly, users
from nodehours.faces.charts.forms import Chart
from nodehours.faces.charts.series import OTHERS, UNATTRIBUTED
from nodehours.faces.charts.theme import Theme
from nodehours.terms.month import Month

HOUR: Final = 3600
JANUARY, FEBRUARY, MARCH = Month(2026, 1), Month(2026, 2), Month(2026, 3)
FIRST: Final = date(2026, 3, 1)
SVG: Final = "{http://www.w3.org/2000/svg}"

BARS: Final = [
    monthly.Bar(JANUARY, "c", "Climate", 30 * HOUR),
    monthly.Bar(JANUARY, "p", "Plasma", 10 * HOUR + 18),
    monthly.Bar(FEBRUARY, "c", "Climate", 25 * HOUR),
    monthly.Bar(FEBRUARY, OTHERS, "all others", 5 * HOUR),
    monthly.Bar(MARCH, "c", "Climate", 8 * HOUR, is_open=True),
    monthly.Bar(MARCH, "p", "Plasma", 2 * HOUR, is_open=True),
]
DAYS: Final = [
    daily.DayBar(FIRST, "a", "Alice", 3 * HOUR),
    daily.DayBar(FIRST, "b", "Bob", HOUR),
    daily.DayBar(FIRST + timedelta(1), "a", "Alice", 5 * HOUR),
    daily.DayBar(FIRST + timedelta(3), "b", "Bob", 2 * HOUR, is_complete=False),
]
BURN: Final = burn.Burn(
    [(date(2026, 1, 1), 10 * HOUR), (date(2026, 1, 5), 40 * HOUR)],
    starts=date(2026, 1, 1),
    ends=date(2026, 1, 11),
    node_limit=200 * HOUR,
    known_until=date(2026, 1, 6),
    projected=100 * HOUR,
    low=80 * HOUR,
    high=120 * HOUR,
)
USERS: Final = [
    users.UserBar("a", "Alice", 60 * HOUR),
    users.UserBar("b", "Bob", 30 * HOUR),
    users.UserBar(UNATTRIBUTED, "", 10 * HOUR),
]
COMPONENTS: Final = [
    components.ComponentBar(FEBRUARY, "gpu", 40 * HOUR),
    components.ComponentBar(FEBRUARY, "cpu", 6400 * HOUR),
    components.ComponentBar(MARCH, "cpu", 100 * HOUR, is_open=True),
]
CELLS: Final = [
    heat.Heat("climate.portal", FEBRUARY, 25 * HOUR, "●"),
    heat.Heat("climate.portal", MARCH, 100 * HOUR, "◌"),
    heat.Heat("plasma.portal", MARCH, 4 * HOUR),
]
CHARTS: Final[dict[str, Callable[..., Chart]]] = {
    "monthly": lambda **given: monthly.chart(BARS, **given),
    "shares": lambda **given: monthly.chart(BARS, is_share=True, **given),
    "capacity": lambda **given: monthly.chart(BARS, capacity={JANUARY: 50 * HOUR}, **given),
    "daily": lambda **given: daily.chart(DAYS, **given),
    "burn": lambda **given: burn.chart(BURN, **given),
    "users": lambda **given: users.chart(USERS, **given),
    "components": lambda **given: components.chart(COMPONENTS, **given),
    "heat": lambda **given: heat.chart(CELLS, **given),
}
EMPTY: Final[dict[str, Callable[[Theme], Chart]]] = {
    "monthly": lambda theme: monthly.chart([], theme=theme),
    "only nought": lambda theme: monthly.chart([monthly.Bar(MARCH, "c", "Climate", 0)], theme=theme),
    "other months": lambda theme: monthly.chart(BARS, theme=theme, months=[Month(2020, 1)]),
    "daily": lambda theme: daily.chart([], theme=theme),
    "users": lambda theme: users.chart([], theme=theme),
    "components": lambda theme: components.chart([], theme=theme),
    "heat": lambda theme: heat.chart([], theme=theme),
}  # fmt: skip


def spec(chart: Chart) -> dict[str, Any]:
    """What a browser gets."""
    read: dict[str, Any] = json.loads(forms.vega_lite(chart))
    return read


def rows(chart: Chart) -> list[dict[str, Any]]:
    """All rows of all data in a chart."""
    return [row for of in spec(chart)["datasets"].values() for row in of]


def drawn(chart: Chart) -> ET.Element:
    """The chart as SVG, read by a parser that takes no wrong XML."""
    return ET.fromstring(forms.svg(chart))  # noqa: S314  # our own


def labels(picture: ET.Element) -> list[str]:
    """What screen readers say of the parts of a picture."""
    return [label for part in picture.iter() if (label := part.get("aria-label"))]


def texts(picture: ET.Element) -> Iterator[str]:
    """What can be read in a picture."""
    return ("".join(part.itertext()) for part in picture.iter(f"{SVG}text"))
