"""When the ledger last said what somebody else says of a project's month, and what has changed since."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import NamedTuple

from psycopg import sql
from psycopg.types.numeric import Int8

from nodehours.queries.pool import Connection
from nodehours.terms.month import Month
from nodehours.terms.reconciliation import Agreement
from nodehours.terms.scope import Scope

# A project's total at each moment at which one of its statements of the month changed.
_FIND = """
with asked as (
    select allocations.id as allocation_id
    from allocations
    join projects on projects.id = allocations.project_id
    join resources on resources.id = allocations.resource_id
    where projects.identifier = %(project)s and (%(resource)s::text is null or resources.name = %(resource)s)
        and {visible}
),
versions as (
    select node_seconds, revision, null::bigint as until_revision
    from statements join asked using (allocation_id)
    where (year, month) = (%(year)s, %(month)s)
    union all
    select node_seconds, revision, until_revision
    from former_statements join asked using (allocation_id)
    where (year, month) = (%(year)s, %(month)s)
),
totals as (
    select moment.revision, sum(node_seconds) as node_seconds
    from (select distinct revision from versions) as moment
    join versions on versions.revision <= moment.revision
        and (until_revision is null or until_revision > moment.revision)
    group by moment.revision
)
select revision, recorded, array(
    select distinct day from usage_days join asked using (allocation_id)
    where (year, month) = (%(year)s, %(month)s) and usage_days.revision > totals.revision
    order by day
)
from totals join revisions using (revision)
where node_seconds between %(least)s and %(most)s
order by revision desc limit 1
"""
_ANY = sql.SQL("true")
_VISIBLE = sql.SQL("allocations.id = any(%(allocations)s)")


class Stated(NamedTuple):
    """What somebody says of a project's month: *node_seconds*, give or take what is *allowed*."""

    project: str
    month: Month
    node_seconds: int
    allowed: int


async def find_agreement(
    connection: Connection, scope: Scope, stated: Stated, resource: str | None
) -> Agreement | None:
    """Return when the ledger last agreed with what is *stated*; None when it never did.

    Of the project's allocations on *resource* (None: on all of them together) that are visible whole.
    """
    query = sql.SQL(_FIND).format(visible=_ANY if scope.everything else _VISIBLE)
    values = {
        "project": stated.project,
        "resource": resource,
        "year": stated.month.year,
        "month": stated.month.month,
        "least": Int8(stated.node_seconds - stated.allowed),
        "most": Int8(stated.node_seconds + stated.allowed),
        "allocations": [Int8(allocation) for allocation in scope.allocations],
    }
    found = await (await connection.execute(query, values)).fetchone()
    return None if found is None else _agreement(*found)


def _agreement(revision: int, recorded: datetime, days: list[date]) -> Agreement:
    return Agreement(revision, recorded.astimezone(UTC), tuple(days))
