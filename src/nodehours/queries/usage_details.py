"""What is told of usage rows beside themselves: where they belong, the state of their statement, when they changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from psycopg import sql
from psycopg.types.numeric import Int8

from nodehours.queries.asked import visible
from nodehours.queries.pool import Connection
from nodehours.queries.relations import FORMER_PROJECT
from nodehours.terms.month import Month
from nodehours.terms.row import UsageRow
from nodehours.terms.scope import Scope
from nodehours.terms.statement import State, state_of

# The names and organisations of a project are those it had then; a statement is looked up once for all its rows.
_DETAILS = """
with named as (
    select row.id, row.allocation_id, row.year, row.month, recorded
    from unnest(%(ids)s::bigint[], %(revisions)s::bigint[]) as asked (id, revision)
    join usage_rows as row using (id)
    join revisions on revisions.revision = asked.revision
    where {visible}
),
told as (
    select places.*, statement.complete_days, statement.is_closed, statement.is_restated
    from (select distinct allocation_id, year, month from named) as places
    cross join lateral statement_at(allocation_id, year, month, %(at)s) as statement
)
select named.id, named.year::int, named.month::int, projects.uuid, coalesce(former.identifier, projects.identifier),
       organisations.uuid, resources.uuid, resources.name, complete_days, is_closed, is_restated, recorded
from named
join told using (allocation_id, year, month)
join allocations on allocations.id = allocation_id
join resources on resources.id = resource_id
join projects on projects.id = project_id
{former}
join organisations on organisations.id = coalesce(former.organisation_id, projects.organisation_id)
"""
_OWN = """
select coalesce(max(newest_revision), 0) from allocations
where id in (select allocation_id from usage_rows where user_id = %s)
"""


class Details(NamedTuple):
    """A usage row's project (by its name then), organisation and resource, and how its statement stood.

    ``modified`` is when the row began to say what it says, UTC.
    """

    month: Month
    project: UUID
    project_identifier: str
    organisation: UUID
    resource: UUID
    resource_name: str
    complete_days: int
    is_closed: bool
    is_restated: bool
    modified: datetime

    def state(self, instant: datetime) -> State:
        """Tell the state of the statement, judged at *instant*."""
        return state_of(self.month, self.complete_days, instant, is_restated=self.is_restated)


async def usage_details(
    connection: Connection, scope: Scope, rows: Sequence[UsageRow], *, at: int
) -> Mapping[int, Details]:
    """Return the details, as of the revision *at*, of those of *rows* that are visible, by their ids."""
    values = {
        "ids": [Int8(row.id) for row in rows],
        "revisions": [Int8(row.revision) for row in rows],
        "at": Int8(at),
        "reader": Int8(scope.reader),
        "allocations": [Int8(allocation) for allocation in scope.allocations],
    }
    query = sql.SQL(_DETAILS).format(visible=visible(scope), former=FORMER_PROJECT)
    found = await (await connection.execute(query, values, binary=True)).fetchall()
    return {row_id: _details(Month(year, month), *told) for row_id, year, month, *told in found}


def _details(month: Month, *told: object) -> Details:
    details = Details._make((month, *told))
    return details._replace(modified=details.modified.astimezone(UTC))


async def newest_around(connection: Connection, scope: Scope) -> int:
    """Return the newest revision of the allocations in which the reader has rows of their own, 0 without any.

    The statements of these rows may change, and be told of with them, while the rows stay as they are.
    """
    ((newest,),) = await (await connection.execute(_OWN, [Int8(scope.reader)])).fetchall()
    return int(newest)
