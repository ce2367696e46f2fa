"""Months as a whole: how many statements they have, in which states, how many are closed, and who closed them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple

from psycopg import sql
from psycopg.types.numeric import Int8

from nodehours.queries.names import Named
from nodehours.queries.pool import Connection
from nodehours.queries.remembered import Remembered
from nodehours.queries.seen_usage import IN_PERIOD, period_values, scope_values
from nodehours.terms.month import Month
from nodehours.terms.period import Period
from nodehours.terms.scope import Scope
from nodehours.terms.statement import State

_ASKED = """
with asked as materialized (
    select allocations.id as allocation_id
    from allocations join projects on projects.id = project_id
    where {visible} and {which}
)
"""
_MONTHS = """
, alike as (
    select year, month, is_closed, is_restated, complete_days, sum(node_seconds) as node_seconds, count(*) as count
    from statements
    where {when} and {of_asked}
    group by year, month, is_closed, is_restated, complete_days
)
select year, month, sum(node_seconds) as node_seconds, sum(count) as statements,
       coalesce(sum(count) filter (where is_closed), 0) as closed,
       coalesce(sum(count) filter (where is_restated), 0) as restated,
       coalesce(sum(count) filter (
           where not is_restated and complete_days
               < make_date(year + month / 12, month %% 12 + 1, 1) - make_date(year, month, 1)), 0) as provisional
from alike
group by year, month
"""
_WAITING = """
select year, month, count(*) from pending where status = 'waiting' and {when} and {of_asked} group by year, month
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
    waiting: int = 0

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
    if named is None:
        told = await _COUNTED.answer(
            connection, scope, period, lambda: _ask_months(connection, scope, named, period)
        )
    else:
        told = await _ask_months(connection, scope, named, period)
    waiting = await _ask_waiting(connection, scope, named, period) if scope.everything else {}
    months = {one.month: one for one in told}
    return [
        months.get(month, MonthTold(month, 0, 0, 0, 0, 0))._replace(waiting=waiting.get(month, 0))
        for month in sorted(months.keys() | waiting.keys())
    ]


async def _ask_months(
    connection: Connection, scope: Scope, named: Named | None, period: Period | None
) -> list[MonthTold]:
    found = await _ask(connection, _MONTHS, scope, named, period)
    return [MonthTold(Month(year, month), *map(int, counts)) for year, month, *counts in found]


async def _ask_waiting(
    connection: Connection, scope: Scope, named: Named | None, period: Period | None
) -> dict[Month, int]:
    found = await _ask(connection, _WAITING, scope, named, period)
    return {Month(year, month): count for year, month, count in found}


async def _ask(
    connection: Connection, query: str, scope: Scope, named: Named | None, period: Period | None
) -> list[Any]:
    """Answer a question about what is of *named* and in *period* (all, where None) and in the reader's scope."""
    asked = sql.SQL(_ASKED + query).format(
        visible=_ANY if scope.everything else _VISIBLE,
        which=_which(named, _OF_PROJECT, _OF_ORGANISATION),
        when=IN_PERIOD if period else _ANY,
        of_asked=_ANY if scope.everything and named is None else _OF_ASKED,
    )
    values = scope_values(scope) | {"named": _id(named)} | (period_values(period) if period else {})
    return await (await connection.execute(asked, values)).fetchall()


# What waits for a decision changes without a revision, so that is asked each time.
_COUNTED: Remembered[list[MonthTold]] = Remembered()


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
