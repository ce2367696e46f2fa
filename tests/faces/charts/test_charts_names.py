"""Names that nobody should have come out of a chart as the text that they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from xml.etree import ElementTree as ET

import pytest

from nodehours.faces.charts import components, daily, heat, monthly, users
from nodehours.faces.charts.forms import Chart
from nodehours.faces.charts.sparkline import sparkline
from nodehours.faces.charts.theme import LIGHT
from nodehours.faces.charts.wording import legible
from tests.faces.charts.examples import FIRST, HOUR, MARCH, SVG, drawn, labels, spec, texts
from tests.faces.export.hostile import NAMES

HOSTILE = [
    *filter(None, NAMES), "datum.hours", "datum['hours']", "{{7*7}}", "{expr}", "${alert(1)}", "item.fill", "__proto__",
    "constructor", "a.b[0]\\'\"", "%d %s", "2026-03-01", "x" * 64, "data:image/png;base64,AA==",
    "javascript:alert(1)", "true\u2066", "undefined",
]  # fmt: skip
SHAPES = {"svg", "g", "path", "line", "text", "defs", "linearGradient", "stop", "clipPath", "rect"}
FIELDS = {
    "month", "when", "day", "label", "hours", "figure", "share", "rank", "is_open", "says", "title", "mark", "is_strong"
}  # fmt: skip


Told = Callable[[Sequence[str]], Chart]
CHARTS: dict[str, tuple[int, Told]] = {
    "monthly": (
        7,
        lambda names: monthly.chart(
            [monthly.Bar(MARCH, str(n), name, (9 - n) * HOUR) for n, name in enumerate(names)],
            theme=LIGHT,
        ),
    ),
    "daily": (
        7,
        lambda names: daily.chart(
            [daily.DayBar(FIRST, str(n), name, (9 - n) * HOUR) for n, name in enumerate(names)],
            theme=LIGHT,
        ),
    ),
    "users": (
        15,
        lambda names: users.chart(
            [users.UserBar(str(n), name, (20 - n) * HOUR) for n, name in enumerate(names)],
            theme=LIGHT,
        ),
    ),
    "components": (
        8,
        lambda names: components.chart(
            [components.ComponentBar(MARCH, name, HOUR) for name in names], theme=LIGHT
        ),
    ),
    "heat": (
        20,
        lambda names: heat.chart(
            [heat.Heat(name, MARCH, HOUR, name[:2]) for name in names], theme=LIGHT
        ),
    ),
}
"""How many names a chart has room for, and the chart of so many."""

some_names = pytest.mark.parametrize(
    ("kind", "first"),
    [(kind, first) for kind in CHARTS for first in range(0, len(HOSTILE), CHARTS[kind][0])],
)


def told(kind: str, first: int) -> tuple[Sequence[str], Chart]:
    room, chart = CHARTS[kind]
    names = HOSTILE[first : first + room]
    return names, chart(names)


@some_names
def test_hostile_names_are_text_in_every_chart(kind: str, first: int) -> None:
    names, chart = told(kind, first)
    picture = drawn(chart)
    said = "\n".join(labels(picture))

    assert {part.tag.rpartition("}")[2] for part in picture.iter()} <= SHAPES
    assert not [
        key
        for part in picture.iter()
        for key in part.attrib
        if key.startswith("on") or "href" in key
    ]
    assert [name for name in names if legible(name) not in said] == []


@some_names
def test_a_name_that_is_short_enough_can_be_read(kind: str, first: int) -> None:
    names, chart = told(kind, first)
    shown = "\n".join(texts(drawn(chart)))

    assert [name for name in names if len(name) < 16 and legible(name) not in shown] == []


@some_names
def test_no_name_becomes_a_field_a_scale_or_a_part_of_an_expression(kind: str, first: int) -> None:
    """But for its rows, the list of names and its description, a chart is the same whatever the names in it are."""
    names, chart = told(kind, first)
    mild = spec(CHARTS[kind][1]([f"Mild {n}" for n in range(len(names))]))
    hostile = spec(chart)

    assert {key for of in hostile["datasets"].values() for row in of for key in row} <= FIELDS
    assert shape(hostile) == shape(mild)


def shape(part: object) -> object:
    """What a chart is, but for what may have names in it, and what is called after them."""
    if isinstance(part, dict):
        left_out = {"datasets", "description", "name"} | (
            {"value"} if part.get("name") == "names" else set()
        )
        return {key: shape(value) for key, value in part.items() if key not in left_out}
    return [shape(each) for each in part] if isinstance(part, list) else part


def test_a_very_long_name_is_cut_where_it_would_take_the_room() -> None:
    shown = [*texts(drawn(CHARTS["monthly"][1](["x" * 255, "Bob"])))]

    assert max(map(len, shown)) < 40


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_a_sparkline_says_whose_it_is_as_text(name: str) -> None:
    picture = ET.fromstring(sparkline([1, 2], name))  # noqa: S314  # our own

    assert picture.findtext(f"{SVG}title", "").startswith(legible(name) if name else "2 months")
    assert len([*picture.iter()]) == 5
