"""Allocations, with the month that runs: what each grants, and what is used of it."""

from __future__ import annotations

from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from psycopg import sql

from nodehours.queries.pool import Connection
from nodehours.queries.visibility import Found, Listing, contains, find_page, wanted
from nodehours.terms.scope import Scope

NAME = "projects.identifier || ' on ' || resources.name"
"""How an allocation is named, as SQL."""
IS_ACTIVE = "coalesce(allocations.ends >= (now() at time zone 'UTC')::date, true)"
"""Whether an allocation's last day (UTC) is still to come or none was said, as SQL."""
RUNS = """
(year, month) = (extract(year from now() at time zone 'UTC')::smallint,
                 extract(month from now() at time zone 'UTC')::smallint)
"""
"""Whether a statement is of the month that runs (UTC), as SQL."""

_FOUND = """
select row_number() over (
           order by projects.identifier collate "C", resources.name collate "C", allocations.id
       ) as place, allocations.id, is_whole
from seen_allocations
join allocations on allocations.id = allocation_id
join projects on projects.id = allocations.project_id
join organisations on organisations.id = projects.organisation_id
join resources on resources.id = allocations.resource_id
where {which}
"""
# Who does not see an allocation whole is not told when it changed for others.
_TOLD = """
select page.place, allocations.uuid, {name}, projects.uuid, projects.identifier,
       organisations.uuid, organisations.identifier, organisations.name, resources.uuid, resources.name,
       allocations.local_group,
       case when is_whole then node_limit_node_seconds end,
       case when is_whole then coalesce((
           select node_seconds from statements where allocation_id = allocations.id and {runs}), 0) end,
       allocations.starts, allocations.ends, {is_active}, allocations.created,
       greatest(allocations.created, (select recorded from revisions where revision = case
           when is_whole then (select max(revision) from statements where allocation_id = allocations.id)
           else (select max(revision) from usage_rows
                 where allocation_id = allocations.id and user_id = %(reader)s) end)),
       is_whole
from page
join allocations on allocations.id = page.id
join projects on projects.id = allocations.project_id
join organisations on organisations.id = projects.organisation_id
join resources on resources.id = allocations.resource_id
"""
_WHICH = {
    "uuid": sql.SQL("allocations.uuid = %(uuid)s"),
    "name": contains(NAME, "name"),
    "name_exact": sql.SQL("{} = %(name_exact)s").format(sql.SQL(NAME)),
    "project": sql.SQL("projects.uuid = %(project)s"),
    "project_name": contains("projects.identifier", "project_name"),
    "project_identifier": sql.SQL("projects.identifier = %(project_identifier)s"),
    "organisation": sql.SQL("organisations.uuid = %(organisation)s"),
    "organisation_name": contains("organisations.name", "organisation_name"),
    "resource": sql.SQL("resources.uuid = %(resource)s"),
    "resource_name": contains("resources.name", "resource_name"),
    "is_active": sql.SQL("{} = %(is_active)s").format(sql.SQL(IS_ACTIVE)),
}


class AllocationFilter(NamedTuple):
    """Which allocations are asked for; None asks for all.

    ``name`` and what ends in ``_name`` is contained, upper case or lower; ``project_identifier`` is the project's
    name of today, and all of it.
    """

    uuid: UUID | None = None
    name: str | None = None
    name_exact: str | None = None
    project: UUID | None = None
    project_name: str | None = None
    project_identifier: str | None = None
    organisation: UUID | None = None
    organisation_name: str | None = None
    resource: UUID | None = None
    resource_name: str | None = None
    is_active: bool | None = None


class AllocationRow(NamedTuple):
    """A project's grant on a resource; figures in node-seconds, times in UTC, ``ends`` is its last day.

    ``node_limit`` is None when none was said. ``node_usage`` is that of the month that runs. Both are None for a
    reader who does not see the allocation whole. ``modified`` is when any of its usage that the reader sees changed
    last, or else when it was made.
    """

    uuid: UUID
    name: str
    project: UUID
    project_identifier: str
    organisation: UUID
    organisation_identifier: str
    organisation_name: str
    resource: UUID
    resource_name: str
    local_group: str | None
    node_limit: int | None
    node_usage: int | None
    starts: date | None
    ends: date | None
    is_active: bool
    created: datetime
    modified: datetime
    is_whole: bool


async def list_allocations(
    connection: Connection, scope: Scope, asked: AllocationFilter, *, offset: int, limit: int
) -> Found[AllocationRow]:
    """Return up to *limit* of the visible allocations after the first *offset*, by project, then by resource."""
    told = sql.SQL(_TOLD).format(
        name=sql.SQL(NAME), is_active=sql.SQL(IS_ACTIVE), runs=sql.SQL(RUNS)
    )
    found = sql.SQL(_FOUND).format(which=wanted(asked._asdict(), _WHICH))
    listing = Listing(found, told, AllocationRow._make)
    return await find_page(connection, scope, listing, asked._asdict(), offset=offset, limit=limit)


async def find_allocation(connection: Connection, scope: Scope, uuid: UUID) -> AllocationRow | None:
    """Return the allocation with that *uuid*; None when none is visible."""
    asked = AllocationFilter(uuid=uuid)
    return (await list_allocations(connection, scope, asked, offset=0, limit=1)).first
