"""Who used how much: users by their share, the largest above."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from nodehours.faces.charts.forms import Chart
from nodehours.faces.charts.series import OTHERS, UNATTRIBUTED, Part, Series, series_of
from nodehours.faces.charts.theme import Theme, name_room
from nodehours.faces.charts.wording import NOTHING, counted, hours, per_cent

MOST: Final = 15
"""How many users are shown apart; all others are one bar."""

_NAMES, _STEP, _EMPTY_HEIGHT = 160, 26, 80
# At the right of the longest bar is its share.
_PADDING: Final = {"left": 2, "right": 52, "top": 6, "bottom": 4}


class UserBar(NamedTuple):
    """One user's use. ``key`` tells users apart: ``series.UNATTRIBUTED`` is nobody's, ``series.OTHERS`` all others'."""

    key: str
    name: str
    node_seconds: int


def summary(bars: Sequence[UserBar]) -> str:
    """Say who used the most, and how much nobody is known to have used."""
    total = sum(bar.node_seconds for bar in bars)
    if not total:
        return NOTHING
    series = _series(bars)
    nobodys = per_cent(series.totals.get(UNATTRIBUTED, 0), total)
    rest = f" {nobodys} is unattributed." if series.totals.get(UNATTRIBUTED) else ""
    return f"{hours(total)} node-hours{_users(bars)}.{series.largest()}{rest}"


def chart(bars: Sequence[UserBar], *, theme: Theme, width: int | str = "container") -> Chart:
    """Draw a bar for each of the largest users, for others and for what is unattributed."""
    import altair as alt

    from nodehours.faces.charts import parts

    if not any(bar.node_seconds for bar in bars):
        return parts.nothing(theme, width, _EMPTY_HEIGHT, summary(bars))
    series = _series(bars)
    rows = _rows(series)
    room = name_room(width, _NAMES)
    places = parts.names_axis("rank:O", len(rows), room)
    colours = alt.Scale(domain=[*range(len(rows))], range=_colours(series, theme))
    level = alt.Axis(format=",~f", grid=True, tickCount=5, title=parts.HOURS, titleAnchor="start")
    level_scale = alt.Scale(nice=False, zero=True)
    drawn = parts.bars(rows, height=parts.band()).encode(
        x=alt.X("hours:Q", axis=level, scale=level_scale),
        y=places,
        fill=alt.Fill("rank:O", scale=colours, legend=None),
        tooltip=parts.told(label="user", figure=parts.HOURS, share="share"),
    )
    shares = alt.Chart(parts.inline(rows)).mark_text(
        align="left", aria=False, color=theme.soft, dx=5
    )
    shares = shares.encode(x="hours:Q", y=places, text="share:N")
    layers = parts.named(alt.LayerChart(layer=[drawn, shares]), series.labels.values(), room)
    size = (width, _STEP * len(rows))
    return parts.finished(layers, theme, *size, summary(bars), padding=_PADDING)


def _rows(series: Series) -> list[dict[str, Any]]:
    total = sum(series.totals.values())
    return [
        {"hours": node_seconds / 3600, **series.said(key, "", node_seconds, total)}
        for key, node_seconds in series.totals.items()
    ]


def _colours(series: Series, theme: Theme) -> list[str]:
    grey = {OTHERS: theme.others, UNATTRIBUTED: theme.unattributed}
    return [grey.get(key, theme.series[0]) for key in series.labels]


def _series(bars: Sequence[UserBar]) -> Series:
    return series_of((Part(*bar) for bar in bars), MOST)


def _users(bars: Sequence[UserBar]) -> str:
    keys = {bar.key for bar in bars}
    count = len(keys - {OTHERS, UNATTRIBUTED})
    return "" if OTHERS in keys else f" of {counted(count, 'user')}"
