"""How much of each component (cpu, gpu, memory …) was used by month: a panel each, for their units differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from nodehours.faces.charts.forms import Chart
from nodehours.faces.charts.theme import WIDTH, Theme
from nodehours.faces.charts.wording import (
    NOTHING,
    during,
    fitting,
    hours,
    legible,
    month_name,
    quoted,
    running,
    short_month,
)
from nodehours.terms.month import Month

_EXTENT: Final = 72
BESIDE: Final = _EXTENT + 24
"""How many pixels of a panel's width its axis and the space to the next one take."""

_HEIGHT, _TITLE = 130, 220


class ComponentBar(NamedTuple):
    """How much of a component was used in a month, in the component's own seconds (cpu-seconds, MB-seconds …)."""

    month: Month
    component: str
    component_seconds: int
    is_open: bool = False


def summary(bars: Sequence[ComponentBar]) -> str:
    """Say how much of each component was used."""
    totals = _totals(bars)
    if not any(totals.values()):
        return NOTHING
    when = during([month_name(month) for month in sorted({bar.month for bar in bars})])
    told = [f"{hours(seconds)} {quoted(component)}-hours" for component, seconds in totals.items()]
    return f"{', '.join(told)} {when}.{running({bar.month for bar in bars if bar.is_open})}"


def chart(
    bars: Sequence[ComponentBar],
    *,
    theme: Theme,
    width: int | str = "container",
    columns: int = 2,
    months: Sequence[Month] = (),
) -> Chart:
    """Draw a panel for each component, at most *columns* beside each other, each with a scale of its own."""
    import altair as alt

    from nodehours.faces.charts import parts

    bars = [bar for bar in bars if not months or bar.month in months]
    if not any(bar.component_seconds for bar in bars):
        return parts.nothing(theme, width, _HEIGHT, summary(bars))
    columns = min(columns, len(_totals(bars)))
    room = width if isinstance(width, int) else WIDTH
    panel = parts.bars(_rows(bars), color=theme.series[0], width=parts.band()).encode(
        x=parts.month_axis("month:N", months or parts.span(bar.month for bar in bars)),
        y=parts.hours_axis("hours:Q", "", minExtent=_EXTENT),
        stroke=alt.StrokeValue(theme.series[0]),
        tooltip=parts.told(when="month", title="of", figure="hours"),
    )
    panels = panel.properties(width=room // columns - BESIDE, height=_HEIGHT).facet(
        facet=alt.Facet("title:N", header=alt.Header(title=None, labelAnchor="start")),
        columns=columns,
    )
    drawn: Chart = panels.resolve_scale(y="independent").resolve_axis(x="independent").properties(
        config=theme.config(width),
        description=summary(bars),
        spacing={"row": 22, "column": 16},
        usermeta={"page": theme.page, "beside": BESIDE},
    )  # fmt: skip
    return drawn


def _rows(bars: Sequence[ComponentBar]) -> list[dict[str, Any]]:
    return [
        {
            "month": short_month(month),
            "when": month_name(month) + (", still running" if is_open else ""),
            "title": fitting(_title(component), _TITLE),
            "hours": seconds / 3600,
            "figure": hours(seconds),
            "is_open": is_open,
            "says": f"{month_name(month)}: {hours(seconds)} {_title(component)}",
        }
        for month, component, seconds, is_open in bars
    ]


def _totals(bars: Sequence[ComponentBar]) -> Counter[str]:
    """Return the seconds of each component, in the order of their names."""
    totals: Counter[str] = Counter()
    for bar in sorted(bars, key=lambda bar: bar.component):
        totals[bar.component] += bar.component_seconds
    return totals


def _title(component: str) -> str:
    return f"{legible(component)}-hours"
