"""Whose each local user is today: by the associations that hold, as the next posting would tell it.

Statements are told from them, so days that are attributed by them add up to the usage rows, except where a month is
closed and what changed since waits for a decision.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from psycopg import sql
from psycopg.types.numeric import Int8

from nodehours.queries.attribution import attributed
from nodehours.queries.of import Of, of_asked, of_values
from nodehours.queries.pool import Connection
from nodehours.terms.scope import Scope

_CLAIMS = """
select allocation_id, local_user, user_identifier, user_id, created
from associations
where {which} and retired_revision is null
order by allocation_id, local_user collate "C", user_identifier collate "C"
"""

OWNED = sql.SQL("""
owned as materialized (
    select * from unnest(%(owned_in)s::bigint[], %(owned)s::text[], %(owners)s::bigint[], %(called)s::text[])
        as owned (allocation_id, local_user, user_id, user_identifier)
)
""")
"""The relation ``owned`` of what ``owned_values`` are of."""


class Owned(NamedTuple):
    """A local user who is a user's; ``allocation`` and ``user`` are internal ids."""

    allocation: int
    local_user: str
    user: int
    user_identifier: str


async def owners(connection: Connection, scope: Scope, of: Of) -> list[Owned]:
    """Return whose the local users are that somebody owns; of an allocation not seen whole only the reader's own."""
    query = sql.SQL(_CLAIMS).format(which=of_asked(of))
    found = await (await connection.execute(query, of_values(scope, of))).fetchall()
    return [
        one
        for allocation, claims in groupby(found, itemgetter(0))
        for one in _owned(allocation, (claim[1:] for claim in claims))
        if scope.everything or allocation in scope.allocations or one.user == scope.reader
    ]


def owned_values(owned: Iterable[Owned]) -> dict[str, object]:
    """Return what ``OWNED`` is bound to."""
    known = list(owned)
    return {
        "owned_in": [Int8(one.allocation) for one in known],
        "owned": [one.local_user for one in known],
        "owners": [Int8(one.user) for one in known],
        "called": [one.user_identifier for one in known],
    }


def _owned(allocation: int, claims: Iterable[tuple[str, str, int, datetime]]) -> Iterable[Owned]:
    for name, one in attributed(claims).items():
        if one.owner is not None:
            yield Owned(allocation, name, one.owner, one.claims[0].user_identifier)
