"""How an allocation's use grows towards its limit, beside an even burn, and where it will end if it goes on so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from nodehours.faces.charts.forms import Chart
from nodehours.faces.charts.theme import Theme
from nodehours.faces.charts.wording import day_name, hours, per_cent

if TYPE_CHECKING:
    from nodehours.faces.charts.parts import View

_HEIGHT = 280
_DAY = timedelta(days=1)
LINES: Final = ("used", "even burn", "limit", "projected")
USED, EVEN, LIMIT, PROJECTED = LINES
_DASHES: Final = {USED: [1, 0], EVEN: [2, 3], LIMIT: [8, 4], PROJECTED: [4, 3]}


class Burn(NamedTuple):
    """An allocation from the day ``starts`` up to, not including, the day ``ends``; all figures are node-seconds.

    ``by_day`` is what was used on each day, by itself; a day without is one of nothing. Days before ``known_until`` are
    known. ``projected`` is what will be used in all, between ``low`` and ``high``; they are None where nobody can tell.
    A ``node_limit`` of 0 is none.
    """

    by_day: Sequence[tuple[date, int]]
    starts: date
    ends: date
    node_limit: int
    known_until: date
    projected: int | None = None
    low: int | None = None
    high: int | None = None

    @property
    def used(self) -> int:
        """What was used on the days that are known."""
        return sum(node_seconds for day, node_seconds in self.by_day if day < self.known_until)

    @property
    def even(self) -> int:
        """What would have been used by now if each day were like the others, to the end and to the limit."""
        passed = min(max((self.known_until - self.starts).days, 0), self._days)
        return self.node_limit * passed // self._days

    @property
    def _days(self) -> int:
        return max((self.ends - self.starts).days, 1)


def summary(burn: Burn) -> str:
    """Say how much of the limit is used, how much an even burn would be, and what will be used."""
    if burn.known_until <= burn.starts:
        return "Nothing is known yet."
    until = day_name(burn.known_until - _DAY)
    used = f"{hours(burn.used)} node-hours"
    if not burn.node_limit:
        return f"{used} used until {until}; there is no limit.{_outlook(burn)}"
    share = per_cent(burn.used, burn.node_limit)
    return (
        f"{used} of {hours(burn.node_limit)} used until {until}: {share}."
        f" An even burn would be at {hours(burn.even)}.{_outlook(burn)}"
    )


def chart(burn: Burn, *, theme: Theme, width: int | str = "container") -> Chart:
    """Draw use as a line that grows, and beside it the even burn, the limit and what is projected, with its spread."""
    import altair as alt

    from nodehours.faces.charts import parts

    rows = [*_used(burn), *_others(burn)]
    drawn = alt.LayerChart(
        data=parts.inline(rows),
        layer=[_spread(burn, theme), _area(theme), _lines(_shown(rows), theme), _points()],
    ).encode(
        x=parts.time_axis(
            "day:T", burn.starts, max(burn.ends, burn.known_until, burn.starts + _DAY)
        ),
        y=parts.hours_axis("hours:Q"),
    )
    return parts.finished(drawn, theme, width, _HEIGHT, summary(burn))


def _used(burn: Burn) -> Iterator[dict[str, Any]]:
    """Yield the use by the end of each day that is known: a day's figure stands where the next one begins."""
    figures = Counter[date]()
    for day, node_seconds in burn.by_day:
        figures[max(day, burn.starts - _DAY)] += node_seconds
    count = max((burn.known_until - burn.starts).days, 0)
    ends = [burn.starts + _DAY * past for past in range(count + 1)]
    sums = accumulate(figures[end - _DAY] for end in ends)
    for end, node_seconds in zip(ends, sums, strict=True):
        yield _row(USED, end, node_seconds, day_name(end - _DAY) if end > burn.starts else "")


def _others(burn: Burn) -> Iterator[dict[str, Any]]:
    last = day_name(burn.ends - _DAY)
    if burn.node_limit:
        yield _row(EVEN, burn.starts, 0)
        yield _row(EVEN, burn.ends, burn.node_limit, last)
        yield _row(LIMIT, burn.starts, burn.node_limit)
        yield _row(LIMIT, burn.ends, burn.node_limit, last)
    if _is_projected(burn):
        yield _row(PROJECTED, burn.known_until, burn.used)
        yield _row(PROJECTED, burn.ends, burn.projected or 0, last)


def _row(line: str, day: date, node_seconds: int, until: str = "") -> dict[str, Any]:
    return {
        "line": line,
        "day": day.isoformat(),
        "hours": node_seconds / 3600,
        "figure": hours(node_seconds),
        "until": until,
    }


def _shown(rows: Sequence[dict[str, Any]]) -> list[str]:
    return [line for line in LINES if any(row["line"] == line for row in rows)]


def _lines(shown: Sequence[str], theme: Theme) -> View:
    import altair as alt

    colours = {
        USED: theme.series[0],
        EVEN: theme.soft,
        LIMIT: theme.series[5],
        PROJECTED: theme.series[0],
    }
    dashes = alt.Scale(domain=shown, range=[_DASHES[line] for line in shown])
    scale = alt.Scale(domain=shown, range=[colours[line] for line in shown])
    drawn: View = alt.Chart().mark_line(strokeWidth=2).encode(
        description="line:N",
        stroke=alt.Stroke("line:N", scale=scale, legend=alt.Legend(symbolType="stroke", symbolStrokeWidth=2)),
        strokeDash=alt.StrokeDash("line:N", scale=dashes, legend=alt.Legend(symbolType="stroke")),
    )  # fmt: skip
    return drawn


def _area(theme: Theme) -> View:
    import altair as alt

    used = alt.Chart().transform_filter(f"datum.line === '{USED}'")
    drawn: View = used.mark_area(aria=False, color=theme.series[0], opacity=0.12)
    return drawn


def _points() -> View:
    """Draw what is not seen, but answers who points at it."""
    import altair as alt

    from nodehours.faces.charts import parts

    told = alt.Chart().transform_filter("datum.until !== ''")
    drawn: View = told.mark_point(aria=False, opacity=0, size=120).encode(
        tooltip=parts.told(until="until", line="what", figure=parts.HOURS)
    )
    return drawn


def _spread(burn: Burn, theme: Theme) -> View:
    import altair as alt

    from nodehours.faces.charts import parts

    rows: list[dict[str, Any]] = []
    if _is_projected(burn) and burn.low is not None and burn.high is not None:
        used = burn.used / 3600
        rows = [
            {"day": burn.known_until.isoformat(), "hours": used, "high": used},
            {"day": burn.ends.isoformat(), "hours": burn.low / 3600, "high": burn.high / 3600},
        ]
    band = alt.Chart(parts.inline(rows)).mark_area(aria=False, color=theme.series[0], opacity=0.2)
    drawn: View = band.encode(y2=alt.Y2("high"))
    return drawn


def _is_projected(burn: Burn) -> bool:
    return burn.projected is not None and burn.known_until < burn.ends


def _outlook(burn: Burn) -> str:
    if not _is_projected(burn):
        return ""
    between = ""
    if burn.low is not None and burn.high is not None:
        between = f", between {hours(burn.low)} and {hours(burn.high)}"
    return (
        f" If it goes on so, {hours(burn.projected or 0)} by {day_name(burn.ends - _DAY)}{between}."
    )
