"""The accounting summary: what each project was granted on all its allocations, and what it used."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import sql

from nodehours.queries.allocations import IS_ACTIVE, RUNS
from nodehours.queries.pool import Connection
from nodehours.queries.visibility import Found, Listing, find_page, wanted
from nodehours.terms.scope import Scope

# A project is told whole or not at all.
_FOUND = """
select row_number() over (order by projects.identifier collate "C", projects.id) as place, projects.id
from seen_projects
join projects on projects.id = project_id
join organisations on organisations.id = organisation_id
where not exists (
    select from allocations where project_id = projects.id
    and id not in (select allocation_id from seen_allocations where is_whole)
) and {which}
"""
_TOLD = """
select page.place, projects.uuid, projects.identifier, organisations.uuid, organisations.identifier,
       organisations.name, granted.*, used.*
from page
join projects on projects.id = page.id
join organisations on organisations.id = organisation_id
cross join lateral (
    select min(starts), case when bool_and(ends is not null) then max(ends) end, sum(node_limit_node_seconds)
    from allocations where project_id = projects.id
) as granted
cross join lateral (
    select coalesce(sum(node_seconds), 0), coalesce(sum(node_seconds) filter (where {runs}), 0)
    from allocations join statements on allocation_id = allocations.id
    where project_id = projects.id
) as used
"""
_HAS_ACTIVE = "exists (select from allocations where project_id = projects.id and {})"
_WHICH = {
    "project": sql.SQL("projects.uuid = %(project)s"),
    "organisation": sql.SQL("organisations.uuid = %(organisation)s"),
    "is_active": sql.SQL(_HAS_ACTIVE + " = %(is_active)s").format(sql.SQL(IS_ACTIVE)),
}


class AccountingFilter(NamedTuple):
    """Which projects are asked for; None asks for all. One ``is_active`` that has an active allocation."""

    project: UUID | None = None
    organisation: UUID | None = None
    is_active: bool | None = None


class AccountingRow(NamedTuple):
    """A project's account; figures in node-seconds.

    ``starts`` is the first day of its first allocation, ``ends`` the last day of its last one: None when that is not
    known, or one has no end. ``limit`` is None when no allocation has one. ``total`` is what was ever used,
    ``current_month`` what in the month that runs (UTC).
    """

    project: UUID
    project_identifier: str
    organisation: UUID
    organisation_identifier: str
    organisation_name: str
    starts: date | None
    ends: date | None
    limit: int | None
    total: int
    current_month: int


async def list_accounting(
    connection: Connection, scope: Scope, asked: AccountingFilter, *, offset: int, limit: int
) -> Found[AccountingRow]:
    """Return up to *limit* of the accounts of projects seen whole, after the first *offset*, by identifier."""
    found = sql.SQL(_FOUND).format(which=wanted(asked._asdict(), _WHICH))
    listing = Listing(found, sql.SQL(_TOLD).format(runs=sql.SQL(RUNS)), _account)
    return await find_page(connection, scope, listing, asked._asdict(), offset=offset, limit=limit)


async def find_accounting(
    connection: Connection, scope: Scope, project: UUID
) -> AccountingRow | None:
    """Return the account of the *project*; None when none is seen whole."""
    asked = AccountingFilter(project=project)
    return (await list_accounting(connection, scope, asked, offset=0, limit=1)).first


def _account(columns: Iterable[Any]) -> AccountingRow:
    row = AccountingRow._make(columns)
    limit = None if row.limit is None else int(row.limit)
    return row._replace(limit=limit, total=int(row.total), current_month=int(row.current_month))
