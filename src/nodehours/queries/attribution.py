"""Whose a local user's usage was, when a statement was told, and why.

A statement is told from its days and the associations that hold at that moment. When associations change, it is
told anew; in a closed month that waits. So what made its rows are the associations that held at its last telling.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from psycopg.types.numeric import Int8

from nodehours.queries.pool import Connection
from nodehours.terms.identifiers import UNKNOWN
from nodehours.terms.month import Month
from nodehours.terms.scope import Scope

_CLAIMS = """
select local_user, user_identifier, user_id, created
from associations
where allocation_id = %(allocation)s and created <= %(told)s
    and (retired_revision is null or retired_revision > %(revision)s)
order by local_user collate "C", user_identifier collate "C"
"""
_DECISIONS = """
select distinct on (local_user) local_user, user_identifier, revision
from mappings
where allocation_id = %(allocation)s and revision <= %(revision)s
order by local_user, id desc
"""
# Only a posting, or what is done like one, tells a statement; closing it does not.
_LAST_TOLD = """
select revisions.revision, revisions.recorded
from postings join revisions using (revision)
where (allocation_id, year, month) = (%(allocation)s, %(year)s, %(month)s) and revision <= %(at)s
order by revision desc limit 1
"""


class HeldClaim(NamedTuple):
    """A claim that held: by which user identifier, which user (internal id) that is, and since when (UTC)."""

    user_identifier: str
    user: int
    since: datetime


class Decision(NamedTuple):
    """Staff's word on a local user: whose it is (None: nobody's), and the revision under which they said so."""

    user_identifier: str | None
    revision: int


class Attribution(NamedTuple):
    """Why a local user's usage is whose it is: the claims on it, and staff's decision if there is one."""

    local_user: str
    claims: tuple[HeldClaim, ...] = ()
    decision: Decision | None = None

    @property
    def claimants(self) -> frozenset[int]:
        """The users (internal ids) who claim it."""
        return frozenset(claim.user for claim in self.claims)

    @property
    def owner(self) -> int | None:
        """The user whose it is: whoever claims it alone. What the source cannot attribute is nobody's."""
        if len(self.claimants) != 1 or self.local_user == UNKNOWN:
            return None
        return self.claims[0].user

    @property
    def is_disputed(self) -> bool:
        """Whether several users claim it."""
        return len(self.claimants) > 1


async def attributions(
    connection: Connection, scope: Scope, allocation: int, month: Month, *, at: int
) -> Mapping[str, Attribution]:
    """Return the attributions, by local user, that made the statement as it was at the revision *at*.

    Nothing for those who do not see the whole allocation, but of their own claims.
    """
    values: dict[str, object] = {
        "allocation": Int8(allocation),
        "year": month.year,
        "month": month.month,
        "at": Int8(at),
    }
    found = await (await connection.execute(_LAST_TOLD, values)).fetchone()
    if found is None:
        return {}
    values |= {"revision": Int8(found[0]), "told": found[1]}
    claims = await (await connection.execute(_CLAIMS, values)).fetchall()
    decisions = await (await connection.execute(_DECISIONS, values)).fetchall()
    whole = attributed(claims, decisions)
    if scope.everything or allocation in scope.allocations:
        return whole
    return {name: one for name, one in whole.items() if one.owner == scope.reader}


def attributed(
    claims: Iterable[tuple[str, str, int, datetime]],
    decisions: Iterable[tuple[str, str | None, int]] = (),
) -> Mapping[str, Attribution]:
    """Gather *claims* and *decisions* by the local user that they are of."""
    gathered: dict[str, Attribution] = {}
    for local_user, user_identifier, user, since in claims:
        one = gathered.get(local_user, Attribution(local_user))
        claim = HeldClaim(user_identifier, user, since.astimezone(UTC))
        gathered[local_user] = one._replace(claims=(*one.claims, claim))
    for local_user, *decided in decisions:
        one = gathered.get(local_user, Attribution(local_user))
        gathered[local_user] = one._replace(decision=Decision._make(decided))
    return gathered
