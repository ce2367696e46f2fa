"""What a reader may add up: the relation ``seen``, from which all sums of a dashboard are made.

It has a line (year, month, allocation_id, node_seconds, complete_days, is_closed, is_restated, is_whole) for each
statement of which the reader sees something: its total where they see the allocation whole, else their own row
alone. Staff and support see every statement whole. So what a reader is told never adds up to anything of others
that they are not told. Of the statement itself they are told how certain it is in any case, as beside their rows.
"""

from __future__ import annotations

from datetime import datetime

from psycopg import sql
from psycopg.types.numeric import Int8

from nodehours.queries.asked import ANY, VISIBLE_ALLOCATION
from nodehours.queries.pool import Connection
from nodehours.queries.remembered import Remembered
from nodehours.terms.month import Month
from nodehours.terms.period import Period
from nodehours.terms.scope import Scope
from nodehours.terms.statement import State, state_of

_WHOLE = """
select year, month, allocation_id, node_seconds, complete_days, is_closed, is_restated, true as is_whole
from statements where {when} and {which} and {visible}
"""
# Rows of one user are few, and looked up first, by nothing but the user.
_OWN = """
select year, month, allocation_id, own.node_seconds, complete_days, is_closed, is_restated, false
from (
    select year, month, allocation_id, node_seconds from usage_rows where user_id = %(reader)s and {when} offset 0
) as own
join statements using (year, month, allocation_id)
where {which} and not allocation_id = any(%(allocations)s)
"""
_SUM = "select coalesce(sum(node_seconds), 0) from ({seen}) as seen"
# The first or the last month, as the order says.
_ENDMOST = "select year, month from statements order by {order} limit 1"
_ENDMOST_IN_SCOPE = """
select year, month from (
    select endmost.*
    from unnest(%(allocations)s::bigint[]) as allocation (id)
    cross join lateral (
        select year, month from statements where allocation_id = allocation.id order by {order} limit 1
    ) as endmost
    union all
    (select year, month from usage_rows where user_id = %(reader)s order by {order} limit 1)
) as seen
order by {order} limit 1
"""
_UPWARDS = sql.SQL("year, month")
_DOWNWARDS = sql.SQL("year desc, month desc")

IN_PERIOD = sql.SQL("""
((year, month) >= (%(since_year)s, %(since_month)s) and (year, month) < (%(before_year)s, %(before_month)s))
""")
"""Whether a ``year`` and ``month`` are in the period asked for."""
CERTAINTY = sql.SQL("""
bool_and(is_closed) as is_closed, bool_or(is_restated) as is_restated,
coalesce(min(complete_days) filter (where not is_restated) < extract(
    day from make_date(year, month, 1) + interval '1 month' - interval '1 day'), false) as is_provisional
""")
"""How certain several lines of a month are together, grouped by it: closed when all are, the rest when one is."""


def seen_usage(
    scope: Scope, when: sql.Composable = IN_PERIOD, which: sql.Composable = ANY
) -> sql.Composable:
    """Select what the scope may add up; *when* says of which months, *which* of which ``allocation_id``."""
    whole = sql.SQL(_WHOLE).format(when=when, which=which, visible=visible_whole(scope))
    if scope.everything:
        return whole
    return whole + sql.SQL("union all") + sql.SQL(_OWN).format(when=when, which=which)


def visible_whole(scope: Scope) -> sql.SQL:
    """Whether an ``allocation_id`` is one that the scope sees whole."""
    return ANY if scope.everything else VISIBLE_ALLOCATION


def scope_values(scope: Scope) -> dict[str, object]:
    """Return what the conditions of *scope* are bound to."""
    return {
        "reader": Int8(scope.reader),
        "allocations": [Int8(allocation) for allocation in scope.allocations],
    }


def period_values(period: Period) -> dict[str, object]:
    """Return what ``IN_PERIOD`` is bound to."""
    since, before = period
    return {
        "since_year": since.year,
        "since_month": since.month,
        "before_year": before.year,
        "before_month": before.month,
    }


def least_certain(month: Month, now: datetime, *, is_provisional: bool, is_restated: bool) -> State:
    """Tell the state at *now* of several statements of a month, of which ``CERTAINTY`` is known."""
    if is_provisional:
        return state_of(month, 0, now)
    return state_of(month, month.day_count, now, is_restated=is_restated)


async def sum_seen(connection: Connection, scope: Scope, period: Period) -> int:
    """Return what is seen of *period* in all, in node-seconds."""
    return await _SUM_KNOWN.answer(
        connection, scope, period, lambda: _ask_sum(connection, scope, period)
    )


async def _ask_sum(connection: Connection, scope: Scope, period: Period) -> int:
    query = sql.SQL(_SUM).format(seen=seen_usage(scope))
    values = scope_values(scope) | period_values(period)
    ((total,),) = await (await connection.execute(query, values)).fetchall()
    return int(total)


_SUM_KNOWN: Remembered[int] = Remembered()


async def newest_month(connection: Connection, scope: Scope) -> Month | None:
    """Return the newest month of which anything is seen; None without any."""
    return await _endmost(connection, scope, _DOWNWARDS)


async def oldest_month(connection: Connection, scope: Scope) -> Month | None:
    """Return the oldest month of which anything is seen; None without any."""
    return await _endmost(connection, scope, _UPWARDS)


async def _endmost(connection: Connection, scope: Scope, order: sql.SQL) -> Month | None:
    endmost = _ENDMOST if scope.everything else _ENDMOST_IN_SCOPE
    query = sql.SQL(endmost).format(order=order)
    found = await (await connection.execute(query, scope_values(scope))).fetchone()
    return Month(*found) if found else None
