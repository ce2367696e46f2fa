"""Projects, by their names of today, as far as a reader sees them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from psycopg import sql

from nodehours.queries.pool import Connection
from nodehours.queries.visibility import Found, Listing, contains, find_page, wanted
from nodehours.terms.scope import Scope

_FOUND = """
select row_number() over (order by projects.identifier collate "C", projects.id) as place, projects.id
from seen_projects
join projects on projects.id = project_id
join organisations on organisations.id = organisation_id
where {which}
"""
_TOLD = """
select page.place, projects.uuid, projects.identifier, organisations.uuid, organisations.identifier,
       organisations.name, projects.created, granted.starts, granted.ends, coalesce(granted.allocations, 0)
from page
join projects on projects.id = page.id
join organisations on organisations.id = organisation_id
left join (
    select project_id, min(starts) as starts, case when bool_and(ends is not null) then max(ends) end as ends,
           count(*) as allocations
    from seen_allocations join allocations on allocations.id = allocation_id
    where project_id in (select id from page)
    group by project_id
) as granted on granted.project_id = projects.id
"""
_EVER_NAMED = sql.SQL("exists (select from project_names where project_id = projects.id and {})")
_WHICH = {
    "uuid": sql.SQL("projects.uuid = %(uuid)s"),
    "name": contains("projects.identifier", "name"),
    "name_exact": sql.SQL("projects.identifier = %(name_exact)s"),
    "organisation": sql.SQL("organisations.uuid = %(organisation)s"),
    "organisations": sql.SQL("organisations.uuid = any(%(organisations)s)"),
    "organisation_name": contains("organisations.name", "organisation_name"),
    "query": _EVER_NAMED.format(contains("project_names.identifier", "query")),
}


class ProjectFilter(NamedTuple):
    """Which projects are asked for; None asks for all.

    ``organisations`` asks for those of any of several.

    ``name`` is contained in the identifier, ``query`` in one that it has or had, and ``organisation_name`` in that of
    the organisation, upper case or lower.
    """

    uuid: UUID | None = None
    name: str | None = None
    name_exact: str | None = None
    organisation: UUID | None = None
    organisations: Sequence[UUID] | None = None
    organisation_name: str | None = None
    query: str | None = None


class ProjectRow(NamedTuple):
    """A project; ``created`` is in UTC.

    Of its ``allocations`` that are visible, how many they are, the first day of the first, and the last day of the
    last: None when that is not known, or one has no end.
    """

    uuid: UUID
    identifier: str
    organisation: UUID
    organisation_identifier: str
    organisation_name: str
    created: datetime
    starts: date | None
    ends: date | None
    allocations: int


async def list_projects(
    connection: Connection, scope: Scope, asked: ProjectFilter, *, offset: int, limit: int
) -> Found[ProjectRow]:
    """Return up to *limit* of the visible projects after the first *offset*, by identifier."""
    found = sql.SQL(_FOUND).format(which=wanted(asked._asdict(), _WHICH))
    listing = Listing(found, sql.SQL(_TOLD), ProjectRow._make)
    return await find_page(connection, scope, listing, asked._asdict(), offset=offset, limit=limit)


async def find_project(connection: Connection, scope: Scope, uuid: UUID) -> ProjectRow | None:
    """Return the project with that *uuid*; None when none is visible."""
    asked = ProjectFilter(uuid=uuid)
    return (await list_projects(connection, scope, asked, offset=0, limit=1)).first
