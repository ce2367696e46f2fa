"""What charts are put together from, in Altair's words. It is slow to import: charts import it as they are drawn.

Names that people chose are values in rows and in one parameter, by their place. They are never names of fields, never
parts of expressions, and never in the domain of a scale: ``constructor`` is a name there that Vega trips over.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Final

import altair as alt

from nodehours.faces.charts.forms import Chart
from nodehours.faces.charts.series import Series
from nodehours.faces.charts.theme import LEGEND_LABEL, Theme
from nodehours.faces.charts.wording import fitting, short_month
from nodehours.terms.month import Month
from nodehours.terms.period import Period, months_after

Row = Mapping[str, Any]
Width = int | str
"""In pixels, or ``"container"``: as wide as what the page puts it into."""
View = alt.Chart | alt.LayerChart

HOURS: Final = "node-hours"

_LABELS, _FEW_DAYS, _MANY_BANDS = 14, 92, 45
_ABOVE: Final[Mapping[str, Any]] = {
    "titleAlign": "left", "titleAnchor": "end", "titleAngle": 0, "titleX": 0, "titleY": -14,
}  # fmt: skip
_BAND = 0.78
_OPEN: Final = "datum.is_open"
_NAMED: Final = "names[datum.value]"
# Made once: Altair takes its time to check them.
_PALE_IF_OPEN = alt.FillOpacityValue(1, condition={"test": _OPEN, "value": 0.4})
_DASHED_IF_OPEN = alt.StrokeDashValue([1, 0], condition={"test": _OPEN, "value": [3, 2]})
_OUTLINED_IF_OPEN = alt.StrokeWidthValue(0.6, condition={"test": _OPEN, "value": 1.2})


def inline(rows: Sequence[Row]) -> alt.InlineData:
    """Put *rows* into a chart. Altair would look at each value of each row, which takes a tenth of a second."""
    data = alt.InlineData([])
    data.values = rows
    return data


def bars(rows: Sequence[Row], **mark: Any) -> alt.Chart:
    """Begin a chart of bars, which says what they show; who ``is_open`` is pale, with a dashed outline.

    A row has the field ``says``, and ``href`` if it leads anywhere.
    """
    chart: alt.Chart = alt.Chart(inline(rows)).mark_bar(**mark).encode(
        fillOpacity=_PALE_IF_OPEN,
        strokeDash=_DASHED_IF_OPEN,
        strokeWidth=_OUTLINED_IF_OPEN,
        description=alt.Description("says:N"),
    )  # fmt: skip
    if any("href" in row for row in rows):
        chart = chart.encode(href="href:N")
    return chart


def upright_bars(rows: Sequence[Row], series: Series, theme: Theme, bands: int) -> alt.Chart:
    """Begin a chart of bars in so many *bands*, stacked by the field ``rank``, which is the place of a series.

    The outline is as the fill where a bar is open; else it parts a bar from the next. Slim bars have none.
    """
    scale = alt.Scale(domain=[*range(len(series.labels))], range=series.colours(theme))
    legend = alt.Legend(aria=False, labelExpr=_NAMED) if len(series.labels) > 1 else None
    outline = {"test": _OPEN, "field": "rank", "type": "ordinal", "scale": scale, "legend": legend}
    chart = bars(rows, width=band(1 if bands > _FEW_DAYS else _BAND))
    if bands > _MANY_BANDS:
        chart = chart.encode(strokeWidth=alt.StrokeWidthValue(0))
    drawn: alt.Chart = chart.encode(
        fill=alt.Fill("rank:O", scale=scale, legend=legend),
        stroke=alt.StrokeValue(theme.page, condition=outline),
        order=alt.Order("rank:Q"),
    )
    return drawn


def band(part: float = _BAND) -> alt.RelativeBandSize:
    """Say how much of its band a bar takes."""
    return alt.RelativeBandSize(part)


def named(chart: View, names: Iterable[str], room: int = LEGEND_LABEL) -> View:
    """Let axes and legends of *chart* write *names* where its scales have places, from 0 on, within *room* pixels."""
    value = [fitting(name, room) for name in names]
    drawn: View = chart.add_params(alt.param(name="names", value=value))
    return drawn


def names_axis(field: str, count: int, room: int) -> alt.Y:
    """Make the upright axis for *field*, so many places, each with its name, *room* pixels wide or less."""
    axis = alt.Axis(aria=False, labelExpr=_NAMED, labelLimit=room, ticks=False, title=None)
    return alt.Y(field, axis=axis, scale=alt.Scale(domain=[*range(count)], padding=0))


def told(**titles: str) -> list[alt.Tooltip]:
    """Tell these fields, each under its title, to who points at a mark."""
    return [alt.Tooltip(f"{field}:N", title=title) for field, title in titles.items()]


def hours_axis(field: str, title: str = HOURS, **given: Any) -> alt.Y:
    """Make the upright axis for *field*, from zero on; its unit stands above it."""
    axis = alt.Axis(format=",~f", tickCount=5, title=title, **_ABOVE, **given)
    return alt.Y(field, axis=axis, scale=alt.Scale(zero=True, nice=True))


def share_axis(field: str, title: str = "share of the whole") -> alt.Y:
    """Make the upright axis for *field* as shares of the whole that a bar is."""
    axis = alt.Axis(format=".0%", tickCount=5, title=title, **_ABOVE)
    return alt.Y(field, axis=axis, stack="normalize")


def span(months: Iterable[Month]) -> tuple[Month, ...]:
    """Return all months from the first to the last one of *months*."""
    found = {*months}
    return Period(min(found), months_after(max(found), 1)).months


def month_axis(field: str, months: Sequence[Month]) -> alt.X:
    """Make the level axis for *field*, with a band for each of *months*, in order; of many, some have labels."""
    domain = [short_month(month) for month in months]
    return _bands(field, domain, [short_month(month) for month in _some(months)])


def day_axis(field: str, days: Sequence[date]) -> alt.X:
    """Make the level axis for *field*, with a band for each of *days*; of many, some firsts of months have labels."""
    every = -(-len(days) // _LABELS)
    labelled, form = days[::every], "%-d %b"
    if len(days) > _FEW_DAYS:
        some = _some([Month.of(day) for day in days if day.day == 1])
        labelled, form = [month.start for month in some], "%b %y"
    domain, values = ([day.isoformat() for day in each] for each in (days, labelled))
    return _bands(field, domain, values, labelExpr=f"utcFormat(toDate(datum.value), '{form}')")


def time_axis(field: str, since: date, before: date) -> alt.X:
    """Make the level axis for *field*, running from the beginning of one day to that of another."""
    is_long = (before - since).days > _FEW_DAYS
    axis = alt.Axis(
        format="%b %y" if is_long else "%-d %b", labelFlush=False, labelOverlap="greedy",
        labelSeparation=8, tickCount="month" if is_long else 8, title=None,
    )  # fmt: skip
    domain = [
        alt.DateTime(year=day.year, month=day.month, date=day.day, utc=True)
        for day in (since, before)
    ]
    return alt.X(field, axis=axis, scale=alt.Scale(domain=domain, type="utc"))


def _bands(field: str, domain: Sequence[str], values: Sequence[str], **given: Any) -> alt.X:
    axis = alt.Axis(
        labelAngle=0, labelOverlap="greedy", labelSeparation=8, title=None, values=[*values], **given
    )  # fmt: skip
    return alt.X(field, axis=axis, scale=alt.Scale(domain=[*domain], padding=0))


def _some(months: Sequence[Month]) -> list[Month]:
    """Choose months for labels: each, or each second, third, sixth or twelfth one of a year."""
    steps = (1, 2, 3, 6, 12, max(len(months), 1))
    step = next(step for step in steps if len(months) <= step * _LABELS)
    return [month for month in months if (month.month - 1) % step == 0]


def finished(
    chart: View, theme: Theme, width: Width, height: int, description: str, **given: Any
) -> Chart:
    """Give a chart its size, its look, and the *description* that screen readers say."""
    drawn: Chart = chart.properties(
        autosize=alt.AutoSizeParams(type="fit-x", contains="padding"),
        config=theme.config(width),
        description=description,
        height=height,
        usermeta={"page": theme.page},
        width=width,
        **given,
    )
    return drawn


def nothing(theme: Theme, width: Width, height: int, description: str) -> Chart:
    """Say that there is nothing, in a chart's place."""
    words = alt.Chart(inline([{"words": description}])).mark_text(color=theme.soft, fontSize=13)
    return finished(words.encode(text="words:N"), theme, width, height, description)
