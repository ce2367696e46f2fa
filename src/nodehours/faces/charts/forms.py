"""The forms a chart can have: JSON for browsers, SVG where there is no script, PNG for mail and documents.

Drawing and bundling wait for a process of their own (``drawing``): within a server, call them in a thread.
"""

from __future__ import annotations

import json
import re
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any, Final, Protocol

from nodehours.faces.charts import drawing
from nodehours.faces.charts.theme import WIDTH

_FRAME: Final = re.compile(
    r'width="([0-9]+)" height="([0-9]+)" viewBox="0 0 [0-9]+ [0-9]+"(.*?translate\(([0-9]+),)',
    re.DOTALL,
)
_WIDER_PER_CENT: Final = 20
"""By how much the letters of a reader's font may be wider than those that were reckoned with."""


class Chart(Protocol):
    """What Altair calls a chart, as far as we need it."""

    def to_dict(self) -> dict[str, Any]:
        """Return it in Vega-Lite's words; what Vega-Lite does not know is an error of its own."""


def vega_lite(chart: Chart) -> bytes:
    """Return *chart* as JSON for ``nodehoursDraw``; it may stand in HTML, within a script element, as it is."""
    text = json.dumps(chart.to_dict(), separators=(",", ":"))
    return text.replace("<", "\\u003c").encode()


def svg(chart: Chart) -> str:
    """Draw *chart* as SVG, without a background; its description is its label. Raises ``NotDrawn``."""
    spec = _still(chart)
    drawn = _FRAME.sub(_widened, drawing.drawn("svg", spec=spec).decode(), count=1)
    label = escape(spec["description"])
    return drawn.replace("<svg ", f'<svg role="graphics-document" aria-label="{label}" ', 1)


def png(chart: Chart, scale: float = 2) -> bytes:
    """Draw *chart* as PNG, *scale* pixels for one, on the background of its theme. Raises ``NotDrawn``."""
    spec = _still(chart)
    spec["config"]["background"] = spec["usermeta"]["page"]
    return drawing.drawn("png", spec=spec, scale=scale)


@cache
def browser_bundle() -> bytes:
    """Return the script that browsers draw with: Vega, Vega-Lite, Vega-Embed and our ``nodehoursDraw``.

    It needs neither ``unsafe-eval`` nor ``unsafe-inline``, and asks no other host for anything. It takes some seconds
    once in each process. Raises ``NotDrawn``.
    """
    snippet = files("nodehours.faces.charts").joinpath("draw.js").read_text()
    return drawing.drawn("bundle", snippet=snippet)


def _widened(frame: re.Match[str]) -> str:
    """Leave room at the left, where names end at the axis: in a wider font than the engine's they would be cut off."""
    width, height, rest, axis = int(frame[1]), frame[2], frame[3], int(frame[4])
    more = axis * _WIDER_PER_CENT // 100
    box = f"-{more} 0 {width + more} {height}"
    return f'width="{width + more}" height="{height}" viewBox="{box}"{rest}'


def _still(chart: Chart) -> dict[str, Any]:
    """Say *chart* without a page: there is no container, and where links lead to is not known."""
    spec = chart.to_dict()
    if spec.get("width") == "container":
        spec["width"] = WIDTH
    for view in (spec, *spec.get("layer", ())):
        view.get("encoding", {}).pop("href", None)
    return spec
