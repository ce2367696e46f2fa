"""How values are written on pages: figures, shares, months, times. Each is safe in HTML, whatever it holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final

from markupsafe import Markup, escape

from nodehours.faces.charts import wording
from nodehours.faces.charts.sparkline import sparkline
from nodehours.faces.charts.wording import day_name, month_name
from nodehours.faces.web.page import Cell, Kind
from nodehours.terms.month import Month
from nodehours.terms.node_seconds import node_hours, whole_node_hours
from nodehours.terms.statement import State

NOTHING: Final = Markup('<span class="nothing" title="not known">&ndash;</span>')
MARKS: Final = {
    State.OPEN: ("◌", "open", "The month still runs: figures grow."),
    State.PROVISIONAL: (
        "◐",
        "provisional",
        "The month is over, but not every day of it is known completely.",
    ),
    State.COMPLETE: ("●", "complete", "Every day of the month is known completely."),
    State.RESTATED: ("↺", "restated", "Figures changed after the month was complete."),
}
"""A state's mark, its word, and what it means."""
CLOSED: Final = (
    "■",
    "closed",
    "Staff closed the month: what is reported later waits for their decision.",
)


def hours(node_seconds: int | None) -> Markup:
    """Write node-seconds as node-hours with two places, the figure of the API beside it for programs."""
    if node_seconds is None:
        return NOTHING
    return Markup('<data value="{}">{}</data>').format(
        node_hours(node_seconds), wording.hours(node_seconds)
    )


def whole_hours(node_seconds: int | None) -> Markup:
    """Write node-seconds as whole node-hours, with the exact figure on hover."""
    if node_seconds is None:
        return NOTHING
    text = node_hours(node_seconds)
    whole = f"{whole_node_hours(node_seconds):,}"
    return Markup('<data value="{}" title="{} node-hours">{}</data>').format(
        text, wording.hours(node_seconds), whole
    )


def change(node_seconds: int | None) -> Markup:
    """Write a difference in node-seconds as node-hours, with its sign."""
    if node_seconds is None:
        return NOTHING
    sign = "&minus;" if node_seconds < 0 else "+" if node_seconds else "±"
    text = node_hours(abs(node_seconds))
    plain = f"{'-' if node_seconds < 0 else ''}{text}"
    return Markup('<data value="{}">{}{}</data>').format(
        plain,
        Markup(sign),  # noqa: S704  # one of ours
        wording.hours(abs(node_seconds)),
    )


def count(number: int | None) -> Markup:
    """Write a count, its thousands apart."""
    return NOTHING if number is None else Markup('<data value="{0}">{0:,}</data>').format(number)


def share(part_and_whole: tuple[int, int] | None) -> Markup:
    """Write (part, whole) in per cent with one place; nothing where there is no whole."""
    if part_and_whole is None or not part_and_whole[1]:
        return NOTHING
    return escape(wording.per_cent(*part_and_whole))


def trend(now: int, before: int) -> Markup:
    """Say by how much *now* is more or less than *before*, in per cent."""
    if not before:
        return Markup("")
    if now == before:
        return Markup('<span class="trend">as much</span>')
    more = now >= before
    per_cent = wording.per_cent(abs(now - before), before)
    word = "more" if more else "less"
    mark = "▲" if more else "▼"
    return Markup('<span class="trend"><span aria-hidden="true">{}</span> {} {}</span>').format(
        mark, per_cent, word
    )


def span(seconds: int | None) -> Markup:
    """Write a span of time in its two largest units: ``3 h 20 min``."""
    if seconds is None:
        return NOTHING
    for size, unit, small_size, small in _UNITS:
        if seconds >= size:
            whole, rest = divmod(seconds, size)
            low = rest // small_size
            text = f"{whole:,} {unit}" + (f" {low} {small}" if low else "")
            return Markup('<data value="{}">{}</data>').format(seconds, text)
    return Markup('<data value="{0}">{0} s</data>').format(seconds)


_UNITS: Final = ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s"))


def month(of: Month | None) -> Markup:
    """Write a month in short: ``Mar 2026``."""
    if of is None:
        return NOTHING
    return Markup('<time datetime="{}">{}</time>').format(of, f"{month_name(of)[:3]} {of.year}")


def day(of: date | None) -> Markup:
    """Write a day: ``5 Mar 2026``."""
    if of is None:
        return NOTHING
    return Markup('<time datetime="{}">{}</time>').format(of, day_name(of))


def time(instant: datetime | None) -> Markup:
    """Write an instant in UTC; the page's script shows it in the reader's own zone, with UTC on hover."""
    if instant is None:
        return NOTHING
    utc = instant.astimezone(UTC)
    text = f"{utc:%Y-%m-%d %H:%M} UTC"
    return Markup('<time class="instant" datetime="{}" title="{}">{}</time>').format(
        utc.isoformat(timespec="seconds").replace("+00:00", "Z"), text, text
    )


def name(text: str | None) -> Markup:
    """Write a name that people chose: no direction of its letters reaches beyond it."""
    return Markup("<bdi>{}</bdi>").format(text) if text else NOTHING


def state(told: State | None, *, is_closed: bool = False) -> Markup:
    """Write a state by its mark and its word."""
    if told is None:
        return NOTHING
    marks = [MARKS[told], CLOSED] if is_closed else [MARKS[told]]
    return Markup(" ").join(
        Markup(
            '<span class="state state-{1}" title="{2}"><span aria-hidden="true">{0}</span> {1}</span>'
        ).format(*one)
        for one in marks
    )


def small_line(values: Sequence[int]) -> Markup:
    """Draw node-seconds, a value a month, as a line as tall as a word."""
    return Markup(sparkline(values))  # noqa: S704  # figures alone, and escaped where it is made


def cell(of: Cell, kind: Kind) -> Markup:
    """Write a table's cell."""
    value = of.value
    text = escape(value) if isinstance(value, Markup) else _WRITTEN[kind](value)
    if of.href:
        text = Markup('<a href="{}">{}</a>').format(of.href, text)
    if of.note:
        text = Markup('{} <small class="note">{}</small>').format(text, of.note)
    return text


def _text(value: Any) -> Markup:
    return NOTHING if value in {None, ""} else escape(value)


def _state(value: Any) -> Markup:
    if isinstance(value, tuple):
        return state(value[0], is_closed=value[1])
    return state(value)


_WRITTEN: Final[dict[Kind, Callable[[Any], Markup]]] = {
    Kind.TEXT: _text,
    Kind.NAME: name,
    Kind.HOURS: hours,
    Kind.COUNT: count,
    Kind.ID: _text,
    Kind.SHARE: share,
    Kind.CHANGE: change,
    Kind.SECONDS: span,
    Kind.MONTH: month,
    Kind.DAY: day,
    Kind.TIME: time,
    Kind.STATE: _state,
    Kind.MARKUP: escape,
}
