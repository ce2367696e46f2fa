"""How much was used by day, of one allocation or project, in bars that can be stacked by user."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

from nodehours.faces.charts.forms import Chart
from nodehours.faces.charts.series import Part, Series, series_of
from nodehours.faces.charts.theme import Theme
from nodehours.faces.charts.wording import NOTHING, PALE, counted, day_name, during, hours, trend

_HEIGHT = 240


class DayBar(NamedTuple):
    """One series on one day (UTC). ``key`` tells series apart; others have the key ``""``, as in ``series``.

    A day that is not complete may still be told anew.
    """

    day: date
    key: str
    name: str
    node_seconds: int
    is_complete: bool = True


def summary(bars: Sequence[DayBar], *, before: int | None = None) -> str:
    """Say what the chart shows; *before* is what was used on as many days before, in node-seconds."""
    total = sum(bar.node_seconds for bar in bars)
    if not total:
        return NOTHING
    days = _by_day(bars)
    when = during([day_name(day) for day in sorted(days)])
    change = trend(total, before, "the days before")
    most = max(sorted(days), key=lambda day: days[day])
    return (
        f"{hours(total)} node-hours {when}{change}. The most was on {day_name(most)}: {hours(days[most])}."
        f"{_series(bars).largest()}{_incomplete(bars)}"
    )


def chart(
    bars: Sequence[DayBar],
    *,
    theme: Theme,
    width: int | str = "container",
    span: tuple[date, date] | None = None,
) -> Chart:
    """Draw the bars of all days of the half-open *span*, or from the first to the last day that has one."""
    from nodehours.faces.charts import parts

    if not any(bar.node_seconds for bar in bars):
        return parts.nothing(theme, width, _HEIGHT, summary(bars))
    series = _series(bars)
    since, before = span or _span(bars)
    days = [since + timedelta(days=count) for count in range((before - since).days)]
    drawn: parts.View = parts.upright_bars(_rows(bars, series), series, theme, len(days)).encode(
        x=parts.day_axis("day:N", days),
        y=parts.hours_axis("hours:Q"),
        tooltip=parts.told(when="day", label="of", figure=parts.HOURS, share="share of the day"),
    )
    drawn = parts.named(drawn, series.labels.values())
    return parts.finished(drawn, theme, width, _HEIGHT, summary(bars))


def _rows(bars: Sequence[DayBar], series: Series) -> list[dict[str, Any]]:
    """Return a row for each series on each day; what others have on a day is one."""
    figures: Counter[tuple[date, str]] = Counter()
    for bar in bars:
        figures[bar.day, series.key(bar.key)] += bar.node_seconds
    wholes, growing = _by_day(bars), {bar.day for bar in bars if not bar.is_complete}
    return [
        {
            "day": day.isoformat(),
            "when": day_name(day) + (", not complete" if day in growing else ""),
            "hours": node_seconds / 3600,
            "is_open": day in growing,
            **series.said(key, f"{day_name(day)}, ", node_seconds, wholes[day]),
        }
        for (day, key), node_seconds in sorted(figures.items())
    ]


def _by_day(bars: Sequence[DayBar]) -> Counter[date]:
    days: Counter[date] = Counter()
    for bar in bars:
        days[bar.day] += bar.node_seconds
    return days


def _span(bars: Sequence[DayBar]) -> tuple[date, date]:
    days = [bar.day for bar in bars]
    return min(days), max(days) + timedelta(days=1)


def _series(bars: Sequence[DayBar]) -> Series:
    return series_of(Part(bar.key, bar.name, bar.node_seconds) for bar in bars)


def _incomplete(bars: Sequence[DayBar]) -> str:
    count = len({bar.day for bar in bars if not bar.is_complete})
    if not count:
        return ""
    verb, they = ("is", "it is") if count == 1 else ("are", "they are")
    return f" {counted(count, 'day')} {verb} not complete: {they} {PALE}."
