"""The ledger's figures by project and month, by user and by day: what is compared with somebody else's.

Figures of a project are of all its allocations together, or of the one on a resource. Every statement has a
figure of nobody (``unknown``), be it 0, so a month without usage is told apart from one that is not there.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from psycopg import sql
from psycopg.types.numeric import Int8

from nodehours.queries.pool import Connection, one_moment
from nodehours.terms.figure import Figure
from nodehours.terms.identifiers import UNKNOWN
from nodehours.terms.month import Month
from nodehours.terms.scope import Scope

_REVISION = "select revision from ledger"

# The allocations that are asked for, as far as they are visible whole.
_ASKED = """
asked as (
    select allocations.id, projects.identifier as project
    from allocations
    join projects on projects.id = allocations.project_id
    join resources on resources.id = allocations.resource_id
    where {visible} and {which} and {where}
)
"""
_BY_USER = """
with {asked}
select project, year, month, username, null::date, sum(node_seconds)
from usage_rows join asked on asked.id = allocation_id
where {when}
group by project, year, month, username
order by year, month, project, username
"""
_BY_LOCAL_USER = """
with {asked},
used as (
    select project, year, month, %(unknown)s as local_user, 0 as node_seconds
    from statements join asked on asked.id = allocation_id
    union all
    select project, extract(year from day)::smallint, extract(month from day)::smallint, local_user, node_seconds
    from daily_usage join asked on asked.id = allocation_id
)
select project, year, month, local_user, null::date, sum(node_seconds)
from used
where {when}
group by project, year, month, local_user
order by year, month, project, local_user
"""
_BY_DAY = """
with {asked},
used as (
    select project, extract(year from day)::smallint as year, extract(month from day)::smallint as month,
           day, node_seconds
    from daily_usage join asked on asked.id = allocation_id
)
select project, year, month, null::text, day, sum(node_seconds)
from used
where {when}
group by project, year, month, day
order by day, project
"""
_PROJECTS = """
with {asked}
select allocations.uuid, asked.project from asked join allocations using (id)
"""
_FORMER_NAMES = """
with {asked}
select distinct project_names.identifier, asked.project
from asked
join allocations using (id)
join project_names using (project_id)
where project_names.identifier <> asked.project
"""

_ANY = sql.SQL("true")
_VISIBLE = sql.SQL("allocations.id = any(%(allocations)s)")
_WHICH = sql.SQL("projects.identifier = any(%(projects)s)")
_WHERE = sql.SQL("resources.name = %(resource)s")
_WHEN = sql.SQL(
    "(year, month) in (select * from unnest(%(years)s::bigint[], %(months)s::bigint[]))"
)


class FigureFilter(NamedTuple):
    """Which figures are asked for; what is empty or None asks for all."""

    projects: frozenset[str] = frozenset()
    months: frozenset[Month] = frozenset()
    resource: str | None = None


class LedgerFigures(NamedTuple):
    """The ledger's figures at one *revision*: by user, and by day where that was asked for."""

    revision: int
    by_user: list[Figure]
    by_day: list[Figure]


async def ledger_figures(
    connection: Connection,
    scope: Scope,
    asked: FigureFilter,
    *,
    by_local_user: bool = False,
    by_day: bool = False,
) -> LedgerFigures:
    """Return the figures asked for of the allocations that are visible whole, all of one moment.

    Users go by their user identifiers, or *by_local_user*; the sum of each month is the same either way.
    """
    async with one_moment(connection):
        ((revision,),) = await (await connection.execute(_REVISION)).fetchall()
        query = _BY_LOCAL_USER if by_local_user else _BY_USER
        users = await _figures(connection, scope, asked, sql.SQL(query))
        days = await _figures(connection, scope, asked, sql.SQL(_BY_DAY)) if by_day else []
    return LedgerFigures(int(revision), users, days)


async def projects_of_allocations(connection: Connection, scope: Scope) -> Mapping[str, str]:
    """Return the project of every allocation that is visible whole, by the allocation's UUID in hexadecimal."""
    query = sql.SQL(_PROJECTS).format(asked=_asked(scope, FigureFilter()))
    rows = await connection.execute(query, _values(scope, FigureFilter()))
    return {uuid.hex: project async for uuid, project in rows}


async def former_names(connection: Connection, scope: Scope) -> Mapping[str, str]:
    """Return the name today of every project with an allocation that is visible whole, by each name it had before."""
    query = sql.SQL(_FORMER_NAMES).format(asked=_asked(scope, FigureFilter()))
    rows = await connection.execute(query, _values(scope, FigureFilter()))
    return {former: project async for former, project in rows}


async def _figures(
    connection: Connection, scope: Scope, asked: FigureFilter, query: sql.SQL
) -> list[Figure]:
    composed = query.format(asked=_asked(scope, asked), when=_WHEN if asked.months else _ANY)
    rows = await connection.execute(composed, _values(scope, asked))
    return [_figure(*row) async for row in rows]


def _figure(
    project: str, year: int, month: int, user: str | None, day: date | None, node_seconds: Decimal
) -> Figure:
    return Figure(project, Month(year, month), int(node_seconds), user, day)


def _asked(scope: Scope, asked: FigureFilter) -> sql.Composed:
    return sql.SQL(_ASKED).format(
        visible=_ANY if scope.everything else _VISIBLE,
        which=_WHICH if asked.projects else _ANY,
        where=_WHERE if asked.resource is not None else _ANY,
    )


def _values(scope: Scope, asked: FigureFilter) -> dict[str, object]:
    months = sorted(asked.months)
    return {
        "allocations": [Int8(allocation) for allocation in scope.allocations],
        "projects": sorted(asked.projects),
        "resource": asked.resource,
        "years": [Int8(month.year) for month in months],
        "months": [Int8(month.month) for month in months],
        "unknown": UNKNOWN,
    }
