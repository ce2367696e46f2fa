"""Associations that hold: who has which local user in an allocation."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from psycopg import sql

from nodehours.queries.pool import Connection
from nodehours.queries.visibility import Found, Listing, find_page, wanted
from nodehours.terms.scope import Scope

# Seen are those of allocations that are seen whole, and everywhere the reader's own.
_FOUND = """
select row_number() over (order by associations.local_user collate "C", associations.id) as place, associations.id
from seen_allocations
join allocations on allocations.id = allocation_id
join associations on associations.allocation_id = allocations.id
where retired_revision is null and (is_whole or associations.user_id = %(reader)s) and {which}
"""
_TOLD = """
select page.place, associations.uuid, allocations.uuid, associations.local_user, associations.local_group,
       associations.user_identifier
from page
join associations on associations.id = page.id
join allocations on allocations.id = associations.allocation_id
"""
_WHICH = {
    "uuid": sql.SQL("associations.uuid = %(uuid)s"),
    "allocation": sql.SQL("allocations.uuid = %(allocation)s"),
}


class AssociationFilter(NamedTuple):
    """Which associations are asked for; None asks for all."""

    uuid: UUID | None = None
    allocation: UUID | None = None


class AssociationRow(NamedTuple):
    """An association that holds; ``local_group`` is None when none is known."""

    uuid: UUID
    allocation: UUID
    local_user: str
    local_group: str | None
    user_identifier: str


async def list_associations(
    connection: Connection, scope: Scope, asked: AssociationFilter, *, offset: int, limit: int
) -> Found[AssociationRow]:
    """Return up to *limit* of the visible associations after the first *offset*, by local user."""
    found = sql.SQL(_FOUND).format(which=wanted(asked._asdict(), _WHICH))
    listing = Listing(found, sql.SQL(_TOLD), AssociationRow._make)
    return await find_page(connection, scope, listing, asked._asdict(), offset=offset, limit=limit)


async def find_association(
    connection: Connection, scope: Scope, uuid: UUID
) -> AssociationRow | None:
    """Return the association with that *uuid*; None when none is visible, or it holds no more."""
    asked = AssociationFilter(uuid=uuid)
    return (await list_associations(connection, scope, asked, offset=0, limit=1)).first
