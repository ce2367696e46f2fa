"""Months as a whole: how many statements they have, in which states, how many are closed, and who closed them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from psycopg import sql
from psycopg.types.numeric import Int8

from nodehours.queries.names import Named
from nodehours.queries.pool import Connection
from nodehours.queries.seen_usage import IN_PERIOD, period_values, scope_values
from nodehours.terms.month import Month
from nodehours.terms.period import Period
from nodehours.terms.scope import Scope
from nodehours.terms.statement import State

_MONTHS = """
with asked as materialized (
    select allocations.id as allocation_id
    from allocations join projects on projects.id = project_id
    where {visible} and {which}
),
waits as (
    select year, month, count(*) as count
    from pending join asked using (allocation_id) where status = 'waiting' and {everything} and {when}
    group by year, month
),
alike as (
    select year, month, is_closed, is_restated, complete_days, sum(node_seconds) as node_seconds, count(*) as count
    from statements
    where {when} and {of_asked}
    group by year, month, is_closed, is_restated, complete_days
),
told as (
    select year, month, sum(node_seconds) as node_seconds, sum(count) as statements,
           sum(count) filter (where is_closed) as closed,
           sum(count) filter (where is_restated) as restated,
           sum(count) filter (
               where not is_restated and complete_days
                   < make_date(year + month / 12, month %% 12 + 1, 1) - make_date(year, month, 1)) as provisional
    from alike
    group by year, month
)
select year, month, coalesce(node_seconds, 0), coalesce(statements, 0), coalesce(closed, 0), coalesce(restated, 0),
       coalesce(provisional, 0), coalesce(waits.count, 0)
from told full join waits using (year, month)
order by year, month
"""
_CLOSINGS = """
select coalesce(organisations.identifier, projects.identifier), closings.year, closings.month, closed_revision,
       revisions.recorded, revisions.by_whom, revisions.reason
from closings
left join organisations on organisations.id = closings.organisation_id
left join projects on projects.id = closings.project_id
join revisions on revisions.revision = closed_revision
where reopened_revision is null and {which}
order by closings.year, closings.month, closings.project_id is not null, 1
"""
_ANY = sql.SQL("true")
_VISIBLE = sql.SQL("allocations.id = any(%(allocations)s)")
_OF_ASKED = sql.SQL("allocation_id in (select allocation_id from asked)")
_OF_PROJECT = sql.SQL("projects.id = %(named)s")
_OF_ORGANISATION = sql.SQL("projects.organisation_id = %(named)s")
_HOLDS_FOR_PROJECT = sql.SQL(
    "(closings.project_id = %(named)s"
    " or closings.organisation_id = (select organisation_id from projects as one where one.id = %(named)s))"
)
_HOLDS_FOR_ORGANISATION = sql.SQL(
    "(closings.organisation_id = %(named)s or projects.organisation_id = %(named)s)"
)


class MonthTold(NamedTuple):
    """The visible statements of a month: their total in node-seconds, and how many they are, of which kinds.

    ``provisional`` are those not known completely; while the month runs, that says nothing. ``waiting`` counts the
    pending restatements, and is 0 for who must not see them.
    """

    month: Month
    node_seconds: int
    statements: int
    closed: int
    restated: int
    provisional: int
    waiting: int

    def state(self, now: datetime) -> State | None:
        """Tell the state of the month as a whole at *now*: that of its least certain statement; None without any."""
        if not self.statements:
            return None
        if not self.month.is_over(now):
            return State.OPEN
        if self.provisional:
            return State.PROVISIONAL
        return State.RESTATED if self.restated else State.COMPLETE


class ClosingTold(NamedTuple):
    """A closing that holds: of which organisation or project, since when (UTC), by whom and why."""

    of: str
    month: Month
    revision: int
    recorded: datetime
    by_whom: str
    reason: str


async def list_months(
    connection: Connection,
    scope: Scope,
    named: Named | None = None,
    *,
    period: Period | None = None,
) -> list[MonthTold]:
    """Return the months with statements, or with something that waits.

    *named* leaves only statements of it, *period* only its months.
    """
    query = sql.SQL(_MONTHS).format(
        visible=_ANY if scope.everything else _VISIBLE,
        which=_which(named, _OF_PROJECT, _OF_ORGANISATION),
        everything=sql.Literal(scope.everything),
        when=IN_PERIOD if period else _ANY,
        of_asked=_ANY if scope.everything and named is None else _OF_ASKED,
    )
    values = scope_values(scope) | {"named": _id(named)} | (period_values(period) if period else {})
    found = await connection.execute(query, values)
    return [
        MonthTold(Month(year, month), *map(int, counts))
        for year, month, *counts in await found.fetchall()
    ]


async def list_closings(
    connection: Connection, scope: Scope, named: Named | None = None
) -> list[ClosingTold]:
    """Return the closings that hold, by month, those of organisations first; none for who does not see everything.

    Those that hold for a project are its own and its organisation's, those for an organisation its own and its
    projects'.
    """
    if not scope.everything:
        return []
    query = sql.SQL(_CLOSINGS).format(
        which=_which(named, _HOLDS_FOR_PROJECT, _HOLDS_FOR_ORGANISATION)
    )
    found = await connection.execute(query, {"named": _id(named)})
    return [
        ClosingTold(of, Month(year, month), revision, recorded.astimezone(UTC), by_whom, reason)
        for of, year, month, revision, recorded, by_whom, reason in await found.fetchall()
    ]


def _which(named: Named | None, project: sql.SQL, organisation: sql.SQL) -> sql.SQL:
    if named is None:
        return _ANY
    return project if named.is_project else organisation


def _id(named: Named | None) -> Int8 | None:
    return None if named is None else Int8(named.id)
