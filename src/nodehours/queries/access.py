"""Who is asking, and what they may see: the only place where a ``Scope`` is made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Final, LiteralString
from uuid import UUID

from psycopg import sql

from nodehours.queries.pool import Connection
from nodehours.terms.scope import Scope

# What a token or a session opens. Staff and support read all, so their allocations are not looked up. What is
# remembered before the ledger's first remembered revision is nothing, so that no reader's newest revision is older.
_READER = """
select users.id, users.is_staff, users.is_staff or users.is_support as everything, coalesce(seen.allocations, '{{}}'),
       ledger.uuid, ledger.revision, told.newest,
       greatest(users.access_changed, (select recorded from revisions where revision = told.newest)),
       now(), {beside}
from {keys}
join users on users.id = {keys}.user_id
cross join ledger
cross join lateral (
    select array_agg(allocations.id order by allocations.id) as allocations, max(newest_revision) as newest
    from allocations join projects on projects.id = allocations.project_id
    where not (users.is_staff or users.is_support) and (
        projects.id in (select project_id from roles where user_id = users.id)
        or projects.organisation_id in (select organisation_id from roles where user_id = users.id))
) as seen
cross join lateral (
    select case
        when users.is_staff or users.is_support then ledger.revision
        else greatest(users.newest_revision, seen.newest, ledger.first_remembered)
    end as newest
) as told
where {keys}.sha256 = %s and {open}
"""
_TOLD_OF_READER = 9


def _opened_by(keys: str, beside: LiteralString, are_open: LiteralString) -> bytes:
    """Return the question whom one of *keys*, a table, signs in; it is put together once, not for each request."""
    parts = {"beside": sql.SQL(beside), "open": sql.SQL(are_open)}
    return sql.SQL(_READER).format(keys=sql.Identifier(keys), **parts).as_bytes()


_SIGN_IN: Final = _opened_by(
    "tokens",
    "users.is_active, coalesce(tokens.expires <= now(), false) as is_expired",
    "tokens.revoked is null",
)
_VISIT: Final = _opened_by(
    "sessions",
    """
    users.uuid, users.username, users.full_name, users.email, users.is_support, sessions.id, sessions.expires
    """,
    """
    sessions.ended is null and sessions.expires > now() and users.is_active and users.username is not null
    """,
)


class SignInRefusal(Enum):
    """Why a token opens nothing."""

    UNKNOWN = "unknown"
    INACTIVE = "inactive"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Sight:
    """How far a reader's view of the ledger has come, without a look at any usage row. Instants have an offset.

    ``newest`` is the newest revision under which anything that they may see changed: as of it, and as of any
    revision from it up to ``revision``, the ledger's own, they see the same. ``changed`` is when that was, or when
    their rights changed if that was later. What others do beyond their scope moves neither.
    """

    ledger: UUID
    revision: int
    newest: int
    changed: datetime
    now: datetime


@dataclass(frozen=True, slots=True)
class Reader:
    """A signed-in user: what they may see, whether they are staff, and how far what they see has come."""

    scope: Scope
    is_staff: bool
    sight: Sight


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who has a session: what they may see, who they are, and until when the session lasts, if they do not end it.

    ``user`` and ``session_id`` are internal ids; ``expires`` has an offset.
    """

    reader: Reader
    user: int
    uuid: UUID
    username: str
    full_name: str
    email: str
    is_support: bool
    session_id: int
    expires: datetime


async def sign_in(connection: Connection, token_sha256: bytes) -> Reader | SignInRefusal:
    """Tell who the token with that SHA-256 signs in, or why it does not. A revoked token is unknown."""
    found = await (await connection.execute(_SIGN_IN, [token_sha256])).fetchone()
    if found is None:
        return SignInRefusal.UNKNOWN
    is_active, is_expired = found[_TOLD_OF_READER:]
    if not is_active:
        return SignInRefusal.INACTIVE
    return SignInRefusal.EXPIRED if is_expired else _reader(found)


async def visit(connection: Connection, session_sha256: bytes) -> Visitor | None:
    """Tell whose session has the secret of that SHA-256; None when nobody's has, any more."""
    found = await (await connection.execute(_VISIT, [session_sha256])).fetchone()
    if found is None:
        return None
    reader = _reader(found)
    return Visitor(reader, reader.scope.reader, *found[_TOLD_OF_READER:])


def _reader(found: tuple[Any, ...]) -> Reader:
    user, is_staff, everything, allocations, *sight = found[:_TOLD_OF_READER]
    return Reader(Scope(user, everything, tuple(allocations)), is_staff, Sight(*sight))


def operator_scope() -> Scope:
    """Return the scope of whoever runs commands on the ledger's own machine: everything."""
    return Scope(reader=0, everything=True)
