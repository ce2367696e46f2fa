"""What a name leads to: projects by any name they ever had, organisations, and the users of a statement."""

from __future__ import annotations

from typing import Any, NamedTuple

from psycopg import sql
from psycopg.types.numeric import Int8

from nodehours.queries.pool import Connection
from nodehours.queries.visibility import seen_relations
from nodehours.terms.month import Month
from nodehours.terms.scope import Scope

_NAMED = """
with {seen}
select id, is_project, identifier
from (
    select projects.id, true as is_project, projects.identifier
    from project_names join projects on projects.id = project_id
    where project_names.identifier = %(name)s and projects.id in (select project_id from seen_projects)
    union all
    select id, false, identifier from organisations
    where identifier = %(name)s and id in (select organisation_id from seen_organisations)
) as found
order by is_project desc
limit 1
"""
_ALL_NAMES = """
with {seen}
select identifier from project_names where project_id in (select project_id from seen_projects)
union
select identifier from organisations where id in (select organisation_id from seen_organisations)
order by 1
"""
_ALLOCATIONS = """
select distinct allocations.id, projects.identifier, resources.name
from project_names
join projects on projects.id = project_names.project_id
join allocations on allocations.project_id = projects.id
join resources on resources.id = resource_id
where (project_names.identifier = %(name)s or allocations.uuid = %(uuid)s)
    and ({everything} or allocations.id = any(%(allocations)s))
order by resources.name
"""
_MONTHS = """
select year, month from statements
where allocation_id = %(allocation)s and ({everything} or allocation_id = any(%(allocations)s))
order by year, month
"""
_ROW = """
select row.id, row.allocation_id, row.year, row.month, row.user_id
from usage_rows as row
where row.id = %(id)s and ({everything} or allocation_id = any(%(allocations)s) or user_id = %(reader)s)
"""
# A user identifier of today before one of former times, and both before the names of a person.
_ROW_OF_USER = """
select row.id, row.allocation_id, row.year, row.month, row.user_id
from usage_rows as row
left join users on users.id = row.user_id
cross join lateral (
    select case
        when row.username = %(user)s then 1
        when exists (select from former_rows where usage_row_id = row.id and username = %(user)s) then 2
        when users.username = %(user)s then 3
        when exists (select from identities where user_id = row.user_id and identity = %(user)s) then 4
    end as rank
) as called
where (row.allocation_id, row.year, row.month) = (%(allocation)s, %(year)s, %(month)s) and called.rank is not null
    and ({everything} or allocation_id = any(%(allocations)s) or user_id = %(reader)s)
order by called.rank, row.id
limit 1
"""
_USERS = """
select username from usage_rows
where (allocation_id, year, month) = (%(allocation)s, %(year)s, %(month)s)
    and ({everything} or allocation_id = any(%(allocations)s) or user_id = %(reader)s)
order by user_id is null, username collate "C"
"""


class Named(NamedTuple):
    """A project or an organisation: its internal id, and its identifier as it is today."""

    id: int
    is_project: bool
    identifier: str


class NamedAllocation(NamedTuple):
    """An allocation's internal id, its project as it is named today, and its resource."""

    id: int
    project: str
    resource: str


class RowKey(NamedTuple):
    """What a usage row is of, for good; ``allocation`` and ``user`` are internal ids, None being nobody."""

    id: int
    allocation: int
    month: Month
    user: int | None


async def find_named(connection: Connection, scope: Scope, name: str) -> Named | None:
    """Return the project that has or had that *name*, or else the organisation; None when none is visible."""
    found = await _ask(connection, scope, _NAMED, name=name)
    return Named(*found[0]) if found else None


async def known_names(connection: Connection, scope: Scope) -> list[str]:
    """Return every name that ``find_named`` would find."""
    return [name for (name,) in await _ask(connection, scope, _ALL_NAMES)]


async def allocations_of(
    connection: Connection, scope: Scope, project: str, uuid: str | None = None
) -> list[NamedAllocation]:
    """Return the visible allocations of the project that has or had that name, in the order of their resources.

    With *uuid*, also the one that has it.
    """
    return [
        NamedAllocation(*found)
        for found in await _ask(connection, scope, _ALLOCATIONS, name=project, uuid=uuid)
    ]


async def months_of(connection: Connection, scope: Scope, allocation: int) -> list[Month]:
    """Return the months of which the *allocation* (its internal id) has statements."""
    found = await _ask(connection, scope, _MONTHS, allocation=Int8(allocation))
    return [Month(*month) for month in found]


async def find_row(connection: Connection, scope: Scope, row_id: int) -> RowKey | None:
    """Return what the usage row with that id is of; None when none is visible."""
    return _row(await _ask(connection, scope, _ROW, id=Int8(row_id)))


async def find_row_of(
    connection: Connection, scope: Scope, allocation: int, month: Month, user: str
) -> RowKey | None:
    """Return the statement's row of *user*: a user identifier, a username, an identity, or ``unknown``."""
    of = {"allocation": Int8(allocation), "year": month.year, "month": month.month}
    return _row(await _ask(connection, scope, _ROW_OF_USER, **of, user=user))


async def users_of(
    connection: Connection, scope: Scope, allocation: int, month: Month
) -> list[str]:
    """Return the user identifiers of a statement's visible rows, nobody's last."""
    of = {"allocation": Int8(allocation), "year": month.year, "month": month.month}
    return [name for (name,) in await _ask(connection, scope, _USERS, **of)]


def _row(found: list[tuple[Any, ...]]) -> RowKey | None:
    if not found:
        return None
    row_id, allocation, year, month, user = found[0]
    return RowKey(row_id, allocation, Month(year, month), user)


async def _ask(
    connection: Connection, scope: Scope, query: str, **values: object
) -> list[tuple[Any, ...]]:
    composed = sql.SQL(query).format(
        everything=sql.Literal(scope.everything), seen=seen_relations(scope)
    )
    allocations = [Int8(allocation) for allocation in scope.allocations]
    seen = {"allocations": allocations, "reader": Int8(scope.reader)}
    return await (await connection.execute(composed, values | seen)).fetchall()
