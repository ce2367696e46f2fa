"""The overview: how much was used when and of what, by whom most, and how far that can be relied on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from nodehours.faces.charts import monthly
from nodehours.faces.charts.wording import month_name
from nodehours.faces.web.address import month_path, project_path
from nodehours.faces.web.choice import Unit, chosen_period, unit_of
from nodehours.faces.web.page import Cell, Column, Figure, Kind, Page, Table, cells
from nodehours.faces.web.tables import Asked, sorted_table, within
from nodehours.faces.web.visit import Visit
from nodehours.faces.web.words import NOTHING_USED
from nodehours.faces.web.written import small_line
from nodehours.queries.months import MonthTold, list_months
from nodehours.queries.overview import (
    By,
    Freshness,
    Largest,
    Part,
    Totals,
    freshness,
    largest,
    monthly_usage,
    totals,
)
from nodehours.queries.resource_use import ResourceUse, resource_use
from nodehours.queries.seen_usage import oldest_month, sum_seen
from nodehours.terms.month import Month
from nodehours.terms.period import Period

OTHERS: Final = "all others"


class _Told(NamedTuple):
    """What the ledger says of the period."""

    by: By
    period: Period
    parts: Sequence[Part]
    now: Totals
    before: int
    resources: Sequence[ResourceUse]
    fresh: Freshness
    months: Mapping[Month, MonthTold]
    oldest: Month | None
    finished: Period

    @property
    def used_finished(self) -> int:
        """What was used in the months that are over, in node-seconds."""
        return sum(one.node_seconds for one in self.parts if one.month < self.finished.before)

    @property
    def is_comparable(self) -> bool:
        """Whether there are months that are over, and the ledger reaches back to as many before them."""
        since = self.finished.previous.since
        return self.finished.length > 0 and self.oldest is not None and self.oldest <= since


async def overview(visit: Visit) -> Page:
    """Show the whole of what a reader may see, a period of months at a time."""
    told = await _told(visit)
    figure = _monthly_figure(visit, told)
    tables = [
        await largest_table(visit, told.by, told.period, told.now.node_seconds),
        *([_resources_table(visit, told)] if told.resources else []),
        months_table(visit, told.months, told.period),
    ]
    return Page(
        "Overview",
        "overview.html",
        {
            "by": told.by.value,
            "unit": unit_of(visit.address).value,
            "period": told.period,
            "now": told.now,
            "before": told.before,
            "finished": told.finished,
            "used_finished": told.used_finished,
            "is_comparable": told.is_comparable,
            "average": _average(told),
            "capacity": _capacity(told),
            "fresh": told.fresh,
            "is_empty": told.oldest is None,
        },
        [figure],
        tables,
        facts=period_facts(told.period),
        notes=month_notes(visit, told.months, told.period),
    )


async def _told(visit: Visit) -> _Told:
    connection, scope, address = visit.connection, visit.scope, visit.address
    by = address.choice("by", By.ORGANISATION)
    period = await chosen_period(visit)
    # A month that still runs is less than it will be: only those that are over are compared.
    finished = period._replace(before=min(period.before, Month.of(visit.today)))
    return _Told(
        by,
        period,
        await monthly_usage(connection, scope, by, period),
        await totals(connection, scope, period),
        await sum_seen(connection, scope, finished.previous),
        await resource_use(connection, scope, period, visit.today),
        await freshness(connection, scope),
        {one.month: one for one in await list_months(connection, scope, period=period)},
        await oldest_month(connection, scope),
        finished,
    )


def _monthly_figure(visit: Visit, told: _Told) -> Figure:
    """Draw what was used by month, in stacked bars; each leads to its month."""
    is_share = unit_of(visit.address) is Unit.SHARE
    runs, months = Month.of(visit.today), told.period.months
    bars = [
        monthly.Bar(one.month, one.key or "", _name(one), one.node_seconds, one.month >= runs)
        for one in told.parts
    ]
    hrefs = {month: month_path(month) for month in months}
    is_like = told.is_comparable and told.finished == told.period
    return Figure(
        "monthly",
        f"Node-hours by month and {told.by.value}",
        monthly.summary(bars, before=told.before if is_like else None),
        lambda theme: monthly.chart(
            bars, theme=theme, is_share=is_share, hrefs=hrefs, months=months
        ),
        _parts_table(visit, told.parts, told.months, told.by),
        is_empty=not bars,
    )


def _name(part: Part) -> str:
    return OTHERS if part.key is None else part.name


def _parts_table(
    visit: Visit, parts: Sequence[Part], months: Mapping[Month, MonthTold], by: By
) -> Table:
    series = list(dict.fromkeys((one.key, _name(one)) for one in sorted(parts, key=_others_last)))
    figures: dict[Month, dict[str | None, int]] = defaultdict(dict)
    for one in parts:
        figures[one.month][one.key] = one.node_seconds
    columns = [
        Column("month", "Month", Kind.MONTH),
        Column("state", "State", Kind.STATE, is_sorted=False),
        *(Column(key or "(others)", name, Kind.HOURS) for key, name in series),
        Column("total", "Together", Kind.HOURS),
    ]
    rows = [
        cells(
            Cell(month, month_path(month)),
            _state(visit, months.get(month)),
            *(of.get(key, 0) for key, _ in series),
            sum(of.values()),
        )
        for month, of in sorted(figures.items(), reverse=True)
    ]
    caption = f"Node-hours by month and {by.value}"
    return sorted_table(
        Asked(visit.address, "months-by"), caption, columns, rows, empty=NOTHING_USED, sort="-month"
    )


def _others_last(part: Part) -> bool:
    return part.key is None


def _state(visit: Visit, told: MonthTold | None) -> object:
    if told is None or (state := told.state(visit.now)) is None:
        return None
    return state, told.closed == told.statements


async def largest_table(
    visit: Visit,
    by: By,
    period: Period,
    whole: int,
    lines: Mapping[str, Sequence[int]] | None = None,
) -> Table:
    """List who used most in the *period*; *whole* is what all used, in node-seconds.

    With *lines*, each has a small line of its months, by its key.
    """
    asked = Asked(visit.address, "largest")
    sort = asked.sort_in(_SORTS, "-node_seconds")
    found = await largest(
        visit.connection, visit.scope, by, period,
        search=asked.find, order=sort, offset=asked.place.offset, limit=asked.place.size,
    )  # fmt: skip
    rows = [_largest_line(by, one, whole) for one in found.rows]
    columns = [one for one in _LARGEST if by is By.PROJECT or one.key != "organisation"]
    columns[0] = columns[0]._replace(label=by.value.title())
    if lines is not None:
        columns.append(Column("months", "By month", Kind.MARKUP, is_sorted=False))
        drawn = [Cell(small_line(lines.get(one.key, ()))) for one in found.rows]
        rows = [(*row, line) for row, line in zip(rows, drawn, strict=True)]
    caption = f"Largest {by.value}s"
    place = within(asked.place, found.total)
    return Table(
        "largest", caption, columns, rows, NOTHING_USED, found.total, place, sort, asked.find
    )


def _largest_line(by: By, one: Largest, whole: int) -> tuple[Cell, ...]:
    named = Cell(one.name, project_path(one.key) if by is By.PROJECT else "")
    return cells(
        named,
        *([one.organisation_name] if by is By.PROJECT else []),
        one.node_seconds,
        (one.node_seconds, whole),
        one.before,
        one.node_seconds - one.before,
    )


_SORTS: Final = ("node_seconds", "name", "before")
_LARGEST: Final = (
    Column("name", "", Kind.NAME),
    Column("organisation", "Organisation", Kind.NAME, is_sorted=False),
    Column("node_seconds", "Node-hours", Kind.HOURS),
    Column("share", "Share", Kind.SHARE, is_sorted=False),
    Column("before", "Period before", Kind.HOURS),
    Column("change", "Change", Kind.CHANGE, is_sorted=False),
)


def _resources_table(visit: Visit, told: _Told) -> Table:
    columns = [
        Column("resource", "Resource", Kind.NAME),
        Column("nodes", "Nodes", Kind.COUNT),
        Column("used", "Used", Kind.HOURS),
        Column("capacity", "Capacity", Kind.HOURS),
        Column("share", "Of capacity", Kind.SHARE),
    ]
    rows = [
        cells(
            one.resource,
            one.nodes,
            one.node_seconds,
            one.capacity,
            None if one.capacity is None else (one.node_seconds, one.capacity),
        )
        for one in told.resources
    ]
    return sorted_table(
        Asked(visit.address, "resources"), "Resources", columns, rows, empty=NOTHING_USED
    )


def months_table(visit: Visit, months: Mapping[Month, MonthTold], period: Period) -> Table:
    """List the months of the *period* that are known, the newest first, and how they stand."""
    columns = [
        Column("month", "Month", Kind.MONTH),
        Column("used", "Node-hours", Kind.HOURS),
        Column("state", "State", Kind.STATE, is_sorted=False),
        Column("statements", "Statements", Kind.COUNT),
        Column("provisional", "Provisional", Kind.COUNT),
        Column("restated", "Restated", Kind.COUNT),
        Column("closed", "Closed", Kind.COUNT),
        *([Column("waiting", "Waiting", Kind.COUNT)] if visit.sees_everything else []),
    ]
    rows = [
        cells(
            Cell(one.month, month_path(one.month)),
            one.node_seconds,
            _state(visit, one),
            one.statements,
            one.provisional,
            one.restated,
            one.closed,
            *([one.waiting] if visit.sees_everything else []),
        )
        for one in (months[of] for of in reversed(period.months) if of in months)
    ]
    return sorted_table(
        Asked(visit.address, "months"),
        "Months and how they stand",
        columns,
        rows,
        empty=NOTHING_USED,
        sort="-month",
    )


def _average(told: _Told) -> int | None:
    """The mean of the months that are over, from the first one known on, in node-seconds; None without any."""
    oldest = told.oldest
    over = [of for of in told.finished.months if oldest is not None and oldest <= of]
    return told.used_finished // len(over) if over else None


def _capacity(told: _Told) -> tuple[int, int] | None:
    """What was used of the resources whose size is known, and what they could give."""
    known = [(one.node_seconds, one.capacity) for one in told.resources if one.capacity]
    return (sum(one for one, _ in known), sum(of for _, of in known)) if known else None


def period_facts(period: Period) -> list[tuple[str, str]]:
    """Say which months a file is of."""
    last = period.months[-1]
    return [
        ("months", f"{period.since} to {last} ({month_name(period.since)} to {month_name(last)})")
    ]


def month_notes(
    visit: Visit, months: Mapping[Month, MonthTold], period: Period
) -> Mapping[str, Sequence[Sequence[str]]]:
    """Say in which state each month is."""
    lines = [("month", "state")]
    for of in period.months:
        state = months[of].state(visit.now) if of in months else None
        lines.append((str(of), state.value if state else "nothing known"))
    return {"Months": lines}
