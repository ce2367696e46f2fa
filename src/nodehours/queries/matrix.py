"""The matrix of projects and months: what each project used in each month, and how certain that is.

A cell is the sum of the project's allocations, as far as the reader sees them (see ``seen_usage.py``), in the state
of its least certain statement.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import sql

from nodehours.queries.pool import Connection
from nodehours.queries.seen_usage import (
    CERTAINTY,
    IN_PERIOD,
    least_certain,
    period_values,
    seen_usage,
)
from nodehours.queries.visibility import Found, Listing, contains, find_page, wanted
from nodehours.terms.month import Month
from nodehours.terms.period import Period
from nodehours.terms.scope import Scope
from nodehours.terms.statement import State

_FOUND = """
select row_number() over (order by projects.identifier collate "C", projects.id) as place, projects.id
from (
    select distinct project_id
    from (select distinct allocation_id from ({seen}) as seen) as used
    join allocations on allocations.id = allocation_id
    join resources on resources.id = resource_id
    where {where}
) as known
join projects on projects.id = project_id
join organisations on organisations.id = organisation_id
where {which}
"""
# A line for each cell. The cells of a page are found at once, and internal ids before them: they are few.
_TOLD = """
with cell as materialized (
    select project_id, year, month, coalesce(used.node_seconds, 0) as node_seconds, coalesce(is_closed, true),
           coalesce(is_restated, false), coalesce(is_provisional, true), coalesce(waiting, 0)
    from (
        select project_id, year, month, sum(node_seconds) as node_seconds, {certainty}
        from ({seen}) as seen join allocations on allocations.id = allocation_id
        group by project_id, year, month
    ) as used
    full join (
        select project_id, year, month, count(*) as waiting
        from pending join allocations on allocations.id = allocation_id
        where {asked} and {when} and status = 'waiting' and {everything}
        group by project_id, year, month
    ) as waits using (project_id, year, month)
)
select page.place, projects.uuid, projects.identifier, organisations.identifier, cell.*
from page
join projects on projects.id = page.id
join organisations on organisations.id = organisation_id
join cell on project_id = page.id
"""
_ON_PAGE = """
allocation_id = any(array(
    select allocations.id
    from page
    join allocations on project_id = page.id
    join resources on resources.id = resource_id
    where {where}))
"""
_WHERE = {"resource": sql.SQL("resources.name = %(resource)s")}
_WHICH = {
    "search": contains("projects.identifier", "search"),
    "organisation": sql.SQL("organisations.identifier = %(organisation)s"),
}


class MatrixFilter(NamedTuple):
    """Which projects are asked for, and of them the allocations on which resource; None asks for all.

    ``search`` is contained in the identifier, upper case or lower; ``organisation`` is an identifier.
    """

    search: str = ""
    organisation: str | None = None
    resource: str | None = None


class Cell(NamedTuple):
    """A project's month in node-seconds. It ``is_closed`` when all its statements are, ``is_restated`` when one is.

    ``waiting`` counts the pending restatements, and is 0 for who does not see everything.
    """

    month: Month
    node_seconds: int
    state: State
    is_closed: bool
    is_restated: bool
    waiting: int


class MatrixRow(NamedTuple):
    """A project, by the identifiers of itself and its organisation, with its months and their sum in node-seconds."""

    project: UUID
    identifier: str
    organisation: str
    cells: Mapping[Month, Cell]
    node_seconds: int


async def project_months(
    connection: Connection,
    scope: Scope,
    asked: MatrixFilter,
    period: Period,
    now: datetime,
    *,
    offset: int,
    limit: int,
) -> Found[MatrixRow]:
    """Return up to *limit* of the projects of which something is seen in *period*, after the first *offset*.

    They come by identifier; months are in the states in which they are *now*.
    """
    values = asked._asdict() | period_values(period)
    listing = Listing(_found(scope, asked), _told(scope, asked), tuple)
    page = await find_page(connection, scope, listing, values, offset=offset, limit=limit)
    lines = groupby(page.rows, itemgetter(0, 1, 2))
    return Found(page.total, [_row(project, cells, now) for project, cells in lines])


def _found(scope: Scope, asked: MatrixFilter) -> sql.Composed:
    return sql.SQL(_FOUND).format(
        seen=seen_usage(scope),
        where=wanted({"resource": asked.resource}, _WHERE),
        which=wanted({"search": asked.search, "organisation": asked.organisation}, _WHICH),
    )


def _told(scope: Scope, asked: MatrixFilter) -> sql.Composed:
    on_page = sql.SQL(_ON_PAGE).format(where=wanted({"resource": asked.resource}, _WHERE))
    return sql.SQL(_TOLD).format(
        certainty=CERTAINTY,
        seen=seen_usage(scope, which=on_page),
        asked=on_page,
        when=IN_PERIOD,
        everything=sql.Literal(scope.everything),
    )


def _row(
    project: tuple[UUID, str, str], lines: Iterable[tuple[Any, ...]], now: datetime
) -> MatrixRow:
    cells = sorted(_cell(now, *line[4:]) for line in lines)
    by_month = {cell.month: cell for cell in cells}
    return MatrixRow(*project, by_month, sum(cell.node_seconds for cell in cells))


def _cell(now: datetime, year: int, number: int, *told: Any) -> Cell:
    month = Month(year, number)
    used, is_closed, is_restated, is_provisional, waiting = told
    state = least_certain(month, now, is_provisional=is_provisional, is_restated=is_restated)
    return Cell(month, int(used), state, is_closed, is_restated, int(waiting))
