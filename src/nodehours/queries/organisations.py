"""Organisations, as far as a reader sees them."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from psycopg import sql

from nodehours.queries.pool import Connection
from nodehours.queries.visibility import Found, Listing, any_of, contains, find_page, wanted
from nodehours.terms.scope import Scope

_FOUND = """
select row_number() over (order by organisations.name collate "C", organisations.id) as place,
       organisations.id, is_whole
from seen_organisations join organisations on organisations.id = organisation_id
where {which}
"""
# Projects and roles are few: all are counted at once.
_TOLD = """
select page.place, organisations.uuid, organisations.identifier, organisations.name, organisations.created,
       coalesce(seen.projects, 0), case when is_whole then coalesce(people.users, 0) end
from page
join organisations on organisations.id = page.id
left join (
    select organisation_id, count(*) as projects
    from seen_projects join projects on projects.id = project_id
    group by organisation_id
) as seen on seen.organisation_id = organisations.id
left join (
    select coalesce(roles.organisation_id, projects.organisation_id) as organisation_id,
           count(distinct user_id) as users
    from roles left join projects on projects.id = project_id
    group by 1
) as people on people.organisation_id = organisations.id
"""
_WHICH = {
    "uuid": sql.SQL("organisations.uuid = %(uuid)s"),
    "name": contains("organisations.name", "name"),
    "name_exact": sql.SQL("organisations.name = %(name_exact)s"),
    "query": any_of(
        [contains("organisations.name", "query"), contains("organisations.identifier", "query")]
    ),
}


class OrganisationFilter(NamedTuple):
    """Which organisations are asked for; None asks for all.

    ``name`` is contained in the name, ``query`` in the name or the identifier, upper case or lower.
    """

    uuid: UUID | None = None
    name: str | None = None
    name_exact: str | None = None
    query: str | None = None


class OrganisationRow(NamedTuple):
    """An organisation; ``created`` is in UTC.

    ``projects`` is how many of its projects are visible, ``users`` how many people have a role on it or on one of its
    projects: None for a reader who has no role on it themselves, and does not see everything.
    """

    uuid: UUID
    identifier: str
    name: str
    created: datetime
    projects: int
    users: int | None


async def list_organisations(
    connection: Connection, scope: Scope, asked: OrganisationFilter, *, offset: int, limit: int
) -> Found[OrganisationRow]:
    """Return up to *limit* of the visible organisations after the first *offset*, by name."""
    found = sql.SQL(_FOUND).format(which=wanted(asked._asdict(), _WHICH))
    listing = Listing(found, sql.SQL(_TOLD), OrganisationRow._make)
    return await find_page(connection, scope, listing, asked._asdict(), offset=offset, limit=limit)


async def find_organisation(
    connection: Connection, scope: Scope, uuid: UUID
) -> OrganisationRow | None:
    """Return the organisation with that *uuid*; None when none is visible."""
    asked = OrganisationFilter(uuid=uuid)
    return (await list_organisations(connection, scope, asked, offset=0, limit=1)).first
