"""What was granted on an allocation, and how its use stands to that: the pace, the projection, and their chart."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from typing import Final, NamedTuple

from nodehours.faces.charts import burn
from nodehours.faces.web.page import Column, Figure, Kind, Table, cells
from nodehours.faces.web.tables import Asked, sorted_table
from nodehours.faces.web.visit import Visit
from nodehours.queries.allocations import AllocationRow
from nodehours.queries.daily import days
from nodehours.queries.of import Of
from nodehours.terms.month import Month
from nodehours.terms.pace import Grant, PaceTold, pace_of
from nodehours.terms.period import Period, months_after


class Granted(NamedTuple):
    """An allocation; ``pace`` is None where its limit or one of its days was not said, or is not the reader's to see.

    ``by_day`` is what was used on each day of the grant that is known, in node-seconds.
    """

    allocation: AllocationRow
    grant: Grant | None
    by_day: dict[date, int]
    pace: PaceTold | None


async def granted(visit: Visit, allocation: AllocationRow) -> Granted:
    """Ask how the use of *allocation* stands to what was granted."""
    grant = _grant(allocation)
    if grant is None:
        return Granted(allocation, None, {}, None)
    of = Of(allocation=allocation.uuid)
    before = grant.ends + timedelta(days=1)
    found = await days(visit.connection, visit.scope, of, grant.starts, before)
    by_day = {one.day: one.node_seconds for one in found}
    return Granted(allocation, grant, by_day, pace_of(grant, by_day, visit.today))


def _grant(one: AllocationRow) -> Grant | None:
    if one.starts is None or one.ends is None or not one.node_limit or one.ends < one.starts:
        return None
    return Grant(one.starts, one.ends, one.node_limit)


def burn_figure(visit: Visit, told: Granted, name: str = "burn") -> Figure | None:
    """Draw the use against the limit and the even-burn line; None without a limit."""
    grant, pace = told.grant, told.pace
    if grant is None or pace is None:
        return None
    data = burn.Burn(
        sorted(told.by_day.items()),
        grant.starts,
        grant.ends + timedelta(days=1),
        grant.node_limit,
        pace.known_until,
        pace.projected,
        pace.low,
        pace.high,
    )
    title = f"Use against the limit: {told.allocation.resource_name}"
    return Figure(
        name,
        title,
        burn.summary(data),
        lambda theme: burn.chart(data, theme=theme),
        _burn_table(visit, told, grant, pace, f"{name}-by-month"),
    )


def _burn_table(visit: Visit, told: Granted, grant: Grant, pace: PaceTold, name: str) -> Table:
    """Tell the use month by month, and what it came to beside the even-burn line by each month's end."""
    by_month: Counter[Month] = Counter()
    for day, node_seconds in told.by_day.items():
        if day < pace.known_until:
            by_month[Month.of(day)] += node_seconds
    used, rows = 0, []
    for month in Period(Month.of(grant.starts), months_after(Month.of(grant.ends), 1)).months:
        if month.start >= pace.known_until:
            break
        used += by_month[month]
        even = _even(grant, min(month.end, pace.known_until, grant.ends + timedelta(days=1)))
        rows.append(cells(month, by_month[month], used, even, used - even))
    caption = f"Use against the even-burn line: {told.allocation.resource_name}"
    empty = "No day of it is known yet."
    return sorted_table(Asked(visit.address, name), caption, _BURN, rows, empty=empty, sort="month")


_BURN: Final = (
    Column("month", "Month", Kind.MONTH),
    Column("node_seconds", "Used", Kind.HOURS),
    Column("until_then", "Used until then", Kind.HOURS),
    Column("even_burn", "Even burn until then", Kind.HOURS),
    Column("difference", "Difference", Kind.CHANGE),
)


def _even(grant: Grant, until: date) -> int:
    """What the even-burn line has come to before the day *until*, in node-seconds."""
    return grant.node_limit * (until - grant.starts).days // grant.day_count
