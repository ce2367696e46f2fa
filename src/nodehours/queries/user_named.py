"""Which user a name leads to: a username, an identity at a portal, a user identifier in a project, or a UUID."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from psycopg import sql
from psycopg.types.numeric import Int8

from nodehours.queries.asked import ANY
from nodehours.queries.pool import Connection
from nodehours.terms.identifiers import UserIdentifier
from nodehours.terms.scope import Scope

_FIND = """
select users.uuid
from users
left join identities on user_id = users.id and identity = any(%(identities)s)
where (users.uuid = %(uuid)s or users.username = %(name)s or identity is not null) and {visible}
order by users.uuid = %(uuid)s desc nulls last, users.username = %(name)s desc nulls last, users.id
limit 1
"""
_VISIBLE = sql.SQL("""
(users.id = %(reader)s or exists (
    select from usage_rows where user_id = users.id and allocation_id = any(%(allocations)s)))
""")


class UserNamed(NamedTuple):
    """A user by their UUID, and the name that led to them."""

    uuid: UUID
    name: str


async def find_user_named(connection: Connection, scope: Scope, name: str) -> UserNamed | None:
    """Return the user of that *name*; None when none is visible by their usage."""
    values = {
        "uuid": _uuid(name),
        "name": name,
        "identities": [name, *_identity(name)],
        "reader": Int8(scope.reader),
        "allocations": [Int8(allocation) for allocation in scope.allocations],
    }
    query = sql.SQL(_FIND).format(visible=ANY if scope.everything else _VISIBLE)
    found = await (await connection.execute(query, values)).fetchone()
    return UserNamed(found[0], name) if found else None


def _uuid(name: str) -> UUID | None:
    try:
        return UUID(name)
    except ValueError:
        return None


def _identity(name: str) -> list[str]:
    """The person behind a user identifier, whatever their project is called today."""
    try:
        return [str(UserIdentifier.parse(name).identity)]
    except ValueError:
        return []
