"""How much was used by month, in stacked bars: of whom or of what, in node-hours or as shares of each month."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from nodehours.faces.charts.forms import Chart
from nodehours.faces.charts.series import Part, Series, series_of
from nodehours.faces.charts.theme import Theme
from nodehours.faces.charts.wording import (
    NOTHING,
    during,
    hours,
    month_name,
    running,
    short_month,
    trend,
)
from nodehours.terms.month import Month

if TYPE_CHECKING:
    from nodehours.faces.charts.parts import View

_HEIGHT = 280


class Bar(NamedTuple):
    """One series in one month. ``key`` tells series apart, ``name`` is what people call it; others have the key ``""``.

    A month that ``is_open`` still runs.
    """

    month: Month
    key: str
    name: str
    node_seconds: int
    is_open: bool = False


def summary(bars: Sequence[Bar], *, before: int | None = None) -> str:
    """Say what the chart shows; *before* is what was used in as many months before, in node-seconds."""
    total = sum(bar.node_seconds for bar in bars)
    if not total:
        return NOTHING
    months = sorted({bar.month for bar in bars})
    when = during([month_name(month) for month in months])
    change = trend(total, before, "the months before")
    said = f"{hours(total)} node-hours {when}{change}.{_series(bars).largest()}"
    return said + running({bar.month for bar in bars if bar.is_open})


def chart(
    bars: Sequence[Bar],
    *,
    theme: Theme,
    width: int | str = "container",
    is_share: bool = False,
    hrefs: Mapping[Month, str] | None = None,
    months: Sequence[Month] = (),
    capacity: Mapping[Month, int] | None = None,
) -> Chart:
    """Draw the bars of all *months*, or from the first to the last that has one.

    A bar leads to what its month has in *hrefs*. *capacity*, in node-seconds, is a line above the bars; shares have
    none. With *is_share* each month's bars are as high as the others'.
    """
    import altair as alt

    from nodehours.faces.charts import parts

    bars = [bar for bar in bars if not months or bar.month in months]
    if not any(bar.node_seconds for bar in bars):
        return parts.nothing(theme, width, _HEIGHT, summary(bars))
    series, shown = _series(bars), months or parts.span(bar.month for bar in bars)
    rows = _rows(bars, series, hrefs or {})
    drawn: parts.View = parts.upright_bars(rows, series, theme, len(shown)).encode(
        x=parts.month_axis("month:N", shown),
        y=parts.share_axis("hours:Q") if is_share else parts.hours_axis("hours:Q"),
        tooltip=parts.told(
            when="month", label="of", figure=parts.HOURS, share="share of the month"
        ),
    )
    room = {month: capacity[month] for month in shown if month in capacity} if capacity else {}
    if room and not is_share:
        drawn = alt.LayerChart(layer=[drawn, *_lines(room, theme)])
    drawn = parts.named(drawn, series.labels.values())
    return parts.finished(drawn, theme, width, _HEIGHT, summary(bars))


def _rows(bars: Sequence[Bar], series: Series, hrefs: Mapping[Month, str]) -> list[dict[str, Any]]:
    """Return a row for each series in each month; what others have in a month is one."""
    figures: Counter[tuple[Month, str]] = Counter()
    wholes: Counter[Month] = Counter()
    for bar in bars:
        figures[bar.month, series.key(bar.key)] += bar.node_seconds
        wholes[bar.month] += bar.node_seconds
    growing = {bar.month for bar in bars if bar.is_open}
    return [
        {
            "month": short_month(month),
            "when": month_name(month) + (", still running" if month in growing else ""),
            "hours": node_seconds / 3600,
            "is_open": month in growing,
            **({"href": hrefs[month]} if month in hrefs else {}),
            **series.said(key, f"{month_name(month)}, ", node_seconds, wholes[month]),
        }
        for (month, key), node_seconds in sorted(figures.items())
    ]


def _lines(capacity: Mapping[Month, int], theme: Theme) -> tuple[View, View]:
    """Draw *capacity* as a line over the months, and its name at the first one."""
    import altair as alt

    from nodehours.faces.charts import parts

    rows = [
        {"month": short_month(month), "hours": node_seconds / 3600, "figure": hours(node_seconds)}
        for month, node_seconds in sorted(capacity.items())
    ]
    line = alt.Chart(parts.inline(rows)).mark_rule(color=theme.soft, strokeWidth=1.5).encode(
        x=alt.X("month:N", bandPosition=0), x2=alt.X2("month", bandPosition=1), y="hours:Q",
        tooltip=parts.told(month="month", figure="capacity in node-hours"),
    )  # fmt: skip
    name = alt.Chart(parts.inline(rows[:1])).mark_text(
        align="left", baseline="bottom", color=theme.soft, dy=-3, text="capacity"
    )
    return line, name.encode(x=alt.X("month:N", bandPosition=0), y="hours:Q")


def _series(bars: Sequence[Bar]) -> Series:
    return series_of(Part(bar.key, bar.name, bar.node_seconds) for bar in bars)
