"""A line as tall as a word, for tables: drawn by hand, since a page may have hundreds."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

from nodehours.faces.charts.wording import counted, hours, legible

_WIDTH: Final = 120
_HEIGHT: Final = 24
_MARGIN: Final = 3


def sparkline(values: Sequence[int], name: str = "") -> str:
    """Draw node-seconds, month by month, as SVG that may stand in HTML; *name* says whose they are.

    It has the colour of the text around it, its size from the style sheet (``.sparkline``), and zero at its foot.
    """
    points = _points(values)
    x, y = points[-1] if points else (0, 0)
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dot = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2" fill="currentColor"/>' if points else ""
    return (
        f'<svg class="sparkline" role="img" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}"'
        f' xmlns="http://www.w3.org/2000/svg">'
        f"<title>{escape(_title(values, name))}</title><desc>{escape(_description(values))}</desc>"
        f'<polyline points="{path}" fill="none" stroke="currentColor" stroke-width="1.5"'
        f' stroke-linejoin="round" stroke-linecap="round"/>{dot}</svg>'
    )


def _points(values: Sequence[int]) -> list[tuple[float, float]]:
    """Place the values from left to right, the largest one at the top; a single one is at the right."""
    top = max(values, default=0) or 1
    step = (_WIDTH - 2 * _MARGIN) / max(len(values) - 1, 1)
    first = _WIDTH - _MARGIN - step * (len(values) - 1)
    height = _HEIGHT - 2 * _MARGIN
    return [
        (first + step * place, _HEIGHT - _MARGIN - height * (value / top))
        for place, value in enumerate(values)
    ]


def _title(values: Sequence[int], name: str) -> str:
    whose = f"{legible(name)}: " if name else ""
    if not values:
        return f"{whose}nothing is known"
    return f"{whose}{counted(len(values), 'month')}, {hours(values[-1])} node-hours in the last one"


def _description(values: Sequence[int]) -> str:
    if not values:
        return ""
    return f"From {hours(min(values))} to {hours(max(values))} node-hours a month."
