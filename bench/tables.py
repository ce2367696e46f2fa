"""How results are shown: tables of text, and what was wanted beside what came out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from nodehours.faces.cli.table import table


class Wanted(NamedTuple):
    """A promise: the figure that was measured, and the bound it has to keep."""

    what: str
    measured: float
    bound: float
    unit: str = ""

    @property
    def verdict(self) -> str:
        """``ok`` or ``MISSED``."""
        return "ok" if self.measured <= self.bound else "MISSED"


class Result(NamedTuple):
    """What one benchmark found: a title, notes on how, lines by column, and the promises, if there are any."""

    title: str
    notes: Sequence[str]
    lines: Sequence[dict[str, str | float]]
    wanted: Sequence[Wanted]


def shown(result: Result) -> str:
    """Write *result* for people."""
    head = list(result.lines[0])
    cells = [[_cell(line[name]) for name in head] for line in result.lines]
    right = [name for name in head if not isinstance(result.lines[0][name], str)]
    parts = [result.title, "\n".join(result.notes), table(head, cells, right=right)]
    if result.wanted:
        parts.append(_promises(result.wanted))
    return "\n\n".join(parts)


def _promises(wanted: Sequence[Wanted]) -> str:
    cells = [
        [one.what, _figure(one.measured), f"≤ {_figure(one.bound)}", one.unit, one.verdict]
        for one in wanted
    ]
    head = ("promise", "measured", "wanted", "unit", "verdict")
    return table(head, cells, right=("measured", "wanted"))


def plain(result: Result) -> dict[str, object]:
    """Write *result* for machines."""
    wanted = [{**one._asdict(), "verdict": one.verdict} for one in result.wanted]
    return {**result._asdict(), "wanted": wanted}


def _cell(value: str | float) -> str:
    return value if isinstance(value, str) else _figure(value)


def _figure(value: float) -> str:
    """As many digits as mean something."""
    if isinstance(value, int) or value >= 1000:
        return f"{value:,.0f}"
    if value >= 100:
        return f"{value:.1f}"
    return f"{value:.2f}" if value >= 0.1 else f"{value:.2g}"
