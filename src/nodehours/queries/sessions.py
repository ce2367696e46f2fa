"""The sessions in which somebody is signed in to the dashboard."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from psycopg.types.numeric import Int8

from nodehours.queries.pool import Connection
from nodehours.queries.visibility import in_utc
from nodehours.terms.scope import Scope

_SESSIONS = """
select id, started, expires, how, agent, id = %(this)s
from sessions
where user_id = %(user)s and (%(everything)s or user_id = %(reader)s) and ended is null and expires > now()
order by id desc
"""


class SessionLine(NamedTuple):
    """A session that is open: its internal id, since and until when (UTC), how it was begun, by which browser.

    ``how`` is ``password``, ``oidc`` or ``link``; ``is_this`` tells the one that asks.
    """

    id: int
    started: datetime
    expires: datetime
    how: str
    agent: str
    is_this: bool


async def sessions_of(
    connection: Connection, scope: Scope, user: int, *, this: int = 0
) -> list[SessionLine]:
    """Return the open sessions of the *user* (an internal id), newest first; *this* is the id of the one that asks.

    None of others' for who does not see everything.
    """
    values = {
        "user": Int8(user),
        "this": Int8(this),
        "everything": scope.everything,
        "reader": Int8(scope.reader),
    }
    found = await connection.execute(_SESSIONS, values)
    return [SessionLine._make(map(in_utc, row)) for row in await found.fetchall()]
