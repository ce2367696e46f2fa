"""A project or an allocation by day and by month: what was used, of which components, and how certain that is.

Told is what the reader sees whole, and elsewhere their own usage alone: days as the associations of today attribute
them (see ``owners.py``), months by their usage rows. Figures are node-seconds, waits seconds; ranges of days and
months are half-open.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, NamedTuple

from psycopg import sql

from nodehours.queries.of import Of, of_asked, of_values
from nodehours.queries.owners import OWNED, owned_values, owners
from nodehours.queries.pool import Connection
from nodehours.queries.seen_usage import (
    CERTAINTY,
    IN_PERIOD,
    least_certain,
    period_values,
    seen_usage,
    visible_whole,
)
from nodehours.terms.month import Month
from nodehours.terms.period import Period
from nodehours.terms.scope import Scope
from nodehours.terms.statement import State

_ELSEWHERE = sql.SQL("not allocation_id = any(%(allocations)s)")
_NOWHERE = sql.SQL("false")

_DAYS = """
with {owned},
told as (
    select day, node_seconds, jobs, wait_seconds, is_complete
    from usage_days
    where {which} and {visible} and day >= %(since)s and day < %(before)s
    union all
    select day, used.node_seconds, used.jobs, used.wait_seconds, is_complete
    from owned
    join daily_usage as used using (allocation_id, local_user)
    join usage_days using (allocation_id, day)
    where {elsewhere} and day >= %(since)s and day < %(before)s
)
select day, sum(node_seconds), sum(jobs), sum(wait_seconds), bool_and(is_complete)
from told group by day order by day
"""
_COMPONENTS = """
with {owned},
told as (
    select day, component, component_seconds
    from daily_components
    where {which} and {visible} and day >= %(since)s and day < %(before)s
    union all
    select day, component, component_seconds
    from owned join daily_components using (allocation_id, local_user)
    where {elsewhere} and day >= %(since)s and day < %(before)s
)
select date_trunc('month', day)::date as month, component, sum(component_seconds)
from told group by 1, component order by 1, component collate "C"
"""
_MONTHS = """
with told as (
    select year, month, sum(node_seconds) as node_seconds, bool_and(is_whole) as is_whole, {certainty}
    from ({seen}) as seen group by year, month
),
waits as (
    select year, month, count(*) as waiting from pending
    where {which} and {when} and status = 'waiting' and {everything}
    group by year, month
),
nobody as (
    select year, month, sum(node_seconds) as unattributed from usage_rows
    where {which} and {when} and {visible} and user_id is null
    group by year, month
),
days as (
    select year, month, sum(jobs) as jobs, sum(wait_seconds) as wait_seconds from usage_days
    where {which} and {visible} and day >= %(since)s and day < %(before)s
    group by year, month
)
select year, month, coalesce(node_seconds, 0), case when all_whole then coalesce(unattributed, 0) end,
       case when all_whole then coalesce(jobs, 0) end, case when all_whole then coalesce(wait_seconds, 0) end,
       coalesce(is_closed, true), coalesce(is_restated, false), coalesce(is_provisional, true), coalesce(waiting, 0)
from told
full join waits using (year, month)
left join nobody using (year, month)
left join days using (year, month)
cross join lateral (select coalesce(is_whole, true) as all_whole) as seen
order by year, month
"""


class DayTold(NamedTuple):
    """A day of all allocations together; it ``is_complete`` when it is known completely of all that have it."""

    day: date
    node_seconds: int
    jobs: int
    wait_seconds: int
    is_complete: bool


class ComponentMonth(NamedTuple):
    """A component in a month, in seconds of the component itself."""

    month: Month
    component: str
    component_seconds: int


class MonthUse(NamedTuple):
    """A month of all allocations together, in the state of the least certain one; it ``is_closed`` when all are.

    What is of everybody is None where the reader does not see all of it. ``waiting`` counts the pending
    restatements, and is 0 for who does not see everything.
    """

    month: Month
    node_seconds: int
    unattributed: int | None
    jobs: int | None
    wait_seconds: int | None
    state: State
    is_closed: bool
    waiting: int


async def days(
    connection: Connection, scope: Scope, of: Of, since: date, before: date
) -> list[DayTold]:
    """Return the days that are known from *since* up to, not including, *before*."""
    found = await _ask_days(connection, scope, _DAYS, of, (since, before))
    return [DayTold._make((day, *map(int, figures), known)) for day, *figures, known in found]


async def component_months(
    connection: Connection, scope: Scope, of: Of, period: Period
) -> list[ComponentMonth]:
    """Return what each component was used in each month of *period*, by month and component."""
    found = await _ask_days(connection, scope, _COMPONENTS, of, _days_of(period))
    return [ComponentMonth(Month.of(month), name, int(used)) for month, name, used in found]


async def use_by_month(
    connection: Connection, scope: Scope, of: Of, period: Period, now: datetime
) -> list[MonthUse]:
    """Return the months of *period* of which something is seen, or waits, in the states in which they are *now*."""
    query = sql.SQL(_MONTHS).format(
        certainty=CERTAINTY,
        seen=seen_usage(scope, which=of_asked(of)),
        which=of_asked(of),
        when=IN_PERIOD,
        visible=visible_whole(scope),
        everything=sql.Literal(scope.everything),
    )
    values = of_values(scope, of) | period_values(period) | _range(_days_of(period))
    found = await (await connection.execute(query, values)).fetchall()
    return [_month_use(Month(year, month), now, *told) for year, month, *told in found]


def _month_use(month: Month, now: datetime, *told: Any) -> MonthUse:
    *figures, is_closed, is_restated, is_provisional, waiting = told
    used, *others = [None if figure is None else int(figure) for figure in figures]
    state = least_certain(month, now, is_provisional=is_provisional, is_restated=is_restated)
    return MonthUse._make((month, used, *others, state, is_closed, int(waiting)))


async def _ask_days(
    connection: Connection, scope: Scope, query: str, of: Of, span: tuple[date, date]
) -> list[tuple[Any, ...]]:
    owned = [] if scope.everything else await owners(connection, scope, of)
    composed = sql.SQL(query).format(
        owned=OWNED,
        which=of_asked(of),
        visible=visible_whole(scope),
        elsewhere=_NOWHERE if scope.everything else _ELSEWHERE,
    )
    values = of_values(scope, of) | owned_values(owned) | _range(span)
    return await (await connection.execute(composed, values)).fetchall()


def _days_of(period: Period) -> tuple[date, date]:
    return period.since.start, period.before.start


def _range(span: tuple[date, date]) -> dict[str, object]:
    since, before = span
    return {"since": since, "before": before}
