"""Who is asking, and what they may see: the only place where a ``Scope`` is made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from uuid import UUID

from nodehours.queries.pool import Connection
from nodehours.terms.scope import Scope

# Staff and support read all, so their allocations are not looked up. What is remembered before the ledger's first
# remembered revision is nothing, so that no reader's newest revision is older.
_SIGN_IN = """
select users.id, users.is_staff, users.is_staff or users.is_support as everything, users.is_active,
       coalesce(tokens.expires <= now(), false) as is_expired, coalesce(seen.allocations, '{}'),
       ledger.uuid, ledger.revision, told.newest,
       greatest(users.access_changed, (select recorded from revisions where revision = told.newest)),
       now()
from tokens
join users on users.id = tokens.user_id
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
where tokens.sha256 = %s and tokens.revoked is null
"""


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


async def sign_in(connection: Connection, token_sha256: bytes) -> Reader | SignInRefusal:
    """Tell who the token with that SHA-256 signs in, or why it does not. A revoked token is unknown."""
    found = await (await connection.execute(_SIGN_IN, [token_sha256])).fetchone()
    if found is None:
        return SignInRefusal.UNKNOWN
    user, is_staff, everything, is_active, is_expired, allocations, *sight = found
    if not is_active:
        return SignInRefusal.INACTIVE
    if is_expired:
        return SignInRefusal.EXPIRED
    return Reader(Scope(user, everything, tuple(allocations)), is_staff, Sight(*sight))


def operator_scope() -> Scope:
    """Return the scope of whoever runs commands on the ledger's own machine: everything."""
    return Scope(reader=0, everything=True)
