"""Who is asking, and what they may see: the only place where a ``Scope`` is made."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from nodehours.queries.pool import Connection
from nodehours.terms.scope import Scope

# Staff and support read all, so their allocations are not looked up.
_SIGN_IN = """
select users.id, users.is_staff, users.is_staff or users.is_support as everything, users.is_active,
       coalesce(tokens.expires <= now(), false) as is_expired,
       case when users.is_staff or users.is_support then '{}'::bigint[] else array(
           select allocations.id
           from allocations join projects on projects.id = allocations.project_id
           where projects.id in (select project_id from roles where user_id = users.id)
              or projects.organisation_id in (select organisation_id from roles where user_id = users.id)
       ) end as allocations
from tokens join users on users.id = tokens.user_id
where tokens.sha256 = %s and tokens.revoked is null
"""


class SignInRefusal(Enum):
    """Why a token opens nothing."""

    UNKNOWN = "unknown"
    INACTIVE = "inactive"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Reader:
    """A signed-in user: what they may see, and whether they are staff."""

    scope: Scope
    is_staff: bool


async def sign_in(connection: Connection, token_sha256: bytes) -> Reader | SignInRefusal:
    """Tell who the token with that SHA-256 signs in, or why it does not. A revoked token is unknown."""
    found = await (await connection.execute(_SIGN_IN, [token_sha256])).fetchone()
    if found is None:
        return SignInRefusal.UNKNOWN
    user, is_staff, everything, is_active, is_expired, allocations = found
    if not is_active:
        return SignInRefusal.INACTIVE
    if is_expired:
        return SignInRefusal.EXPIRED
    return Reader(Scope(user, everything, tuple(allocations)), is_staff)


def operator_scope() -> Scope:
    """Return the scope of whoever runs commands on the ledger's own machine: everything."""
    return Scope(reader=0, everything=True)
