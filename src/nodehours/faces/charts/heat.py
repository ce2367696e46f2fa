"""Projects by month, the darker or the brighter the more they used, for files and mail: a page has a table instead."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import TYPE_CHECKING, Any, NamedTuple

from nodehours.faces.charts.forms import Chart
from nodehours.faces.charts.theme import Theme, name_room
from nodehours.faces.charts.wording import (
    NOTHING,
    counted,
    during,
    hours,
    legible,
    month_name,
    quoted,
    short_month,
)
from nodehours.terms.month import Month

if TYPE_CHECKING:
    import altair as alt

    from nodehours.faces.charts.parts import View

_NAMES, _STEP, _EMPTY_HEIGHT = 200, 26, 80


class Heat(NamedTuple):
    """What a row's project used in a month, and the mark of how the month stands, such as ``◌``.

    Rows keep the order in which they come.
    """

    row: str
    month: Month
    node_seconds: int
    mark: str = ""


def summary(cells: Sequence[Heat]) -> str:
    """Say how much it is in all, and where the most is."""
    total = sum(cell.node_seconds for cell in cells)
    if not total:
        return NOTHING
    months = sorted({cell.month for cell in cells})
    count = counted(len({cell.row for cell in cells}), "project")
    most = max(cells, key=lambda cell: cell.node_seconds)
    return (
        f"{hours(total)} node-hours of {count} {during([month_name(month) for month in months])}."
        f" The most is {quoted(most.row)} in {month_name(most.month)}: {hours(most.node_seconds)}."
    )


def chart(
    cells: Sequence[Heat],
    *,
    theme: Theme,
    width: int | str = "container",
    months: Sequence[Month] = (),
) -> Chart:
    """Draw a cell for each row and month. Colours go by the square root: else the largest would hide all others."""
    import altair as alt

    from nodehours.faces.charts import parts

    cells = [cell for cell in cells if not months or cell.month in months]
    if not any(cell.node_seconds for cell in cells):
        return parts.nothing(theme, width, _EMPTY_HEIGHT, summary(cells))
    names = [*dict.fromkeys(cell.row for cell in cells)]
    rows, room = _rows(cells, names, theme), name_room(width, _NAMES)
    base = alt.Chart(parts.inline(rows)).encode(
        x=parts.month_axis("month:N", months or parts.span(cell.month for cell in cells)),
        y=parts.names_axis("rank:O", len(names), room),
    )
    most = max(row["hours"] for row in rows)
    layers = alt.LayerChart(layer=[_squares(base, most, theme), _marks(base, theme)])
    drawn = parts.named(layers, map(legible, names), room)
    return parts.finished(drawn, theme, width, _STEP * len(names), summary(cells))


def _squares(base: alt.Chart, most: float, theme: Theme) -> View:
    import altair as alt

    from nodehours.faces.charts import parts

    colours = alt.Scale(type="sqrt", domain=[0, most], range=[*theme.heat])
    legend = alt.Legend(format=",~f", gradientLength=180, offset=12, tickCount=3, title=parts.HOURS)
    drawn: View = base.mark_rect(stroke=theme.page, strokeWidth=2).encode(
        fill=alt.Fill("hours:Q", scale=colours, legend=legend),
        description="says:N",
        tooltip=parts.told(label="project", when="month", figure=parts.HOURS, mark="state"),
    )
    return drawn


def _marks(base: alt.Chart, theme: Theme) -> View:
    """Write the marks, in what stands out from the colour beneath."""
    import altair as alt

    text = base.mark_text(aria=False, fontSize=12)
    strong = {"test": "datum.is_strong", "value": theme.page}
    drawn: View = text.encode(color=alt.ColorValue(theme.ink, condition=strong), text="mark:N")
    return drawn


def _rows(cells: Sequence[Heat], names: Sequence[str], theme: Theme) -> list[dict[str, Any]]:
    most, steps = max(cell.node_seconds for cell in cells), len(theme.heat) - 1
    return [
        {
            "label": legible(cell.row),
            "rank": names.index(cell.row),
            "month": short_month(cell.month),
            "when": month_name(cell.month),
            "hours": cell.node_seconds / 3600,
            "figure": hours(cell.node_seconds),
            "mark": legible(cell.mark) if cell.mark else "",
            "is_strong": sqrt(cell.node_seconds / most) * steps > theme.heat_turn - 0.5,
            "says": f"{legible(cell.row)}, {month_name(cell.month)}: {hours(cell.node_seconds)} node-hours",
        }
        for cell in cells
    ]
