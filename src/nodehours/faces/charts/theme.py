"""How charts look, on light and on dark pages: one place for every colour and size.

The seven colours of series tell apart for people with any kind of colour blindness (Machado, Oliveira and Fernandes
2009 is how that is checked), and each stands out from its page by 3 : 1 or more, as WCAG 2.2 wants of graphics.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

FONT: Final = "system-ui, sans-serif"
WIDTH: Final = 760
"""How wide a chart is in pixels where no page says so."""

LEGEND_LABEL: Final = 135
"""How wide a name may be in a legend, in pixels; longer ones are cut."""

_SMALL, _LEGEND_COLUMN = 12, LEGEND_LABEL + 35
_HEADER = 250


class Theme(NamedTuple):
    """Colours as ``#rrggbb``; the chart itself has no background: ``page`` is what it stands on.

    ``series`` are for the largest seven, the first one for a chart of one series. ``heat`` goes from little
    to much; on its first ``heat_turn`` colours ``ink`` can be read, on the others ``page``.
    """

    name: str
    page: str
    ink: str
    soft: str
    line: str
    series: tuple[str, ...]
    others: str
    unattributed: str
    heat: tuple[str, ...]
    heat_turn: int

    def config(self, width: int | str) -> dict[str, Any]:
        """Return the configuration of Vega-Lite that draws so, *width* pixels wide or as wide as its container."""
        return {
            "background": "transparent",
            "font": FONT,
            "padding": {"left": 2, "right": 8, "top": 6, "bottom": 4},
            "view": {"stroke": None},
            "axis": self._axis,
            "axisX": {"grid": False, "tickSize": 4},
            "axisY": {"domain": False, "ticks": False},
            "header": {
                "labelColor": self.ink,
                "labelFontSize": 13,
                "labelFontWeight": 600,
                "labelLimit": _HEADER,
            },
            "legend": self._legend | {"columns": legend_columns(width)},
            "text": {"color": self.ink, "fontSize": _SMALL},
        }

    @property
    def _axis(self) -> dict[str, Any]:
        return {
            "domainColor": self.soft,
            "gridColor": self.line,
            "labelColor": self.soft,
            "labelFontSize": _SMALL,
            "labelPadding": 6,
            "tickColor": self.soft,
            "titleColor": self.soft,
            "titleFontSize": _SMALL,
            "titleFontWeight": "normal",
        }

    @property
    def _legend(self) -> dict[str, Any]:
        return {
            "labelColor": self.ink,
            "labelFontSize": _SMALL,
            "labelLimit": LEGEND_LABEL,
            "offset": 30,
            "orient": "top",
            "symbolSize": 110,
            "symbolStrokeWidth": 1,
            "symbolType": "square",
            "title": None,
            "titleColor": self.soft,
            "titleFontSize": _SMALL,
            "titleFontWeight": "normal",
        }


def legend_columns(width: int | str) -> int:
    """Tell how many columns a legend has room for; for a container, draw.js tells it again."""
    return max(1, (width if isinstance(width, int) else WIDTH) // _LEGEND_COLUMN)


def name_room(width: int | str, most: int) -> int:
    """Tell how many pixels names beside a chart may take: *most*, or a third of what there is; see draw.js too."""
    return min(most, width // 3) if isinstance(width, int) else most


LIGHT: Final = Theme(
    name="light",
    page="#ffffff",
    ink="#16202a",
    soft="#52606d",
    line="#e3e8ed",
    series=("#3d7fca", "#cc8140", "#04734c", "#784792", "#867910", "#b8486e", "#343873"),
    others="#868e96",
    unattributed="#5c656e",
    heat=("#edf5fb", "#cbe1f5", "#a9cdee", "#87b8e7", "#64a4e0", "#5189c5", "#3f6faa", "#2e5590", "#1f3d76"),
    heat_turn=6,
)  # fmt: skip
DARK: Final = Theme(
    name="dark",
    page="#14171a",
    ink="#e6ebf0",
    soft="#a3b0bc",
    line="#2b3239",
    series=("#8eb5ee", "#f09058", "#58dccb", "#bd78d6", "#ecd07c", "#cf4450", "#3f6bb4"),
    others="#7d868e",
    unattributed="#a9b2ba",
    heat=("#1e2733", "#26374c", "#2f4867", "#375984", "#3f6aa1", "#5386b9", "#69a1d1", "#80bee9", "#99dbff"),
    heat_turn=5,
)  # fmt: skip
