"""How a figure came to be: each version of a statement or a usage row, with the revision that made it.

Documents, and who did it, are told to those only who see everything.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from psycopg import sql
from psycopg.types.numeric import Int8

from nodehours.queries.names import RowKey
from nodehours.queries.pool import Connection
from nodehours.terms.month import Month
from nodehours.terms.scope import Scope
from nodehours.terms.statement import State, state_of

# Revisions at which something about the statement changed; a new name or organisation of its project as well.
_OF_STATEMENT = """
select revision from statements where (allocation_id, year, month) = (%(allocation)s, %(year)s, %(month)s)
union
select revision from former_statements where (allocation_id, year, month) = (%(allocation)s, %(year)s, %(month)s)
union
select until_revision from former_projects
where project_id = (select project_id from allocations where id = %(allocation)s)
"""
# Those of the row itself, and those that closed or reopened its month: they told no statement anew.
_OF_ROW = """
select revision from usage_rows where id = %(row)s
union
select revision from former_rows where usage_row_id = %(row)s
union
select until_revision from former_users where user_id = %(user)s
union
select revision from (
    select revision, allocation_id, year, month from statements
    union all
    select revision, allocation_id, year, month from former_statements
) as told
where (allocation_id, year, month) = (%(allocation)s, %(year)s, %(month)s)
    and not exists (select from postings as posted where (posted.revision, posted.allocation_id, posted.year,
                    posted.month) = (told.revision, told.allocation_id, told.year, told.month))
"""
_STATEMENT_FIGURE = """
select coalesce((
           select identifier from former_projects
           where project_id = projects.id and until_revision > moments.revision
           order by until_revision limit 1), projects.identifier) as name,
       told.node_seconds,
       (select former_node_seconds from postings
        where (revision, allocation_id, year, month)
            = (moments.revision, %(allocation)s, %(year)s, %(month)s)) as former
from allocations join projects on projects.id = project_id
where allocations.id = %(allocation)s
"""
_ROW_FIGURE = """
select row.username as name, row.node_seconds, null::bigint as former
from usage_rows_at(%(allocation)s, %(year)s, %(month)s, moments.revision) as row
where row.id = %(row)s
"""
_VERSIONS = """
with moments as ({moments})
select revisions.revision, revisions.recorded, revisions.kind, revisions.reason,
       case when {everything} then revisions.by_whom else '' end,
       runs.id, runs.source,
       case when {everything} then run_documents.name end,
       case when {everything} then run_documents.sha256 end,
       figure.name, coalesce(lag(figure.node_seconds) over (order by revisions.revision), figure.former),
       figure.node_seconds, told.complete_days, told.is_closed, told.is_restated
from moments
join revisions using (revision)
cross join lateral statement_at(%(allocation)s, %(year)s, %(month)s, moments.revision) as told
cross join lateral ({figure}) as figure
left join run_documents on run_documents.id = revisions.document_id
left join runs on runs.id = run_documents.run_id
where revisions.revision <= %(at)s and ({everything} or %(allocation)s = any(%(allocations)s) or exists (
    select from usage_rows where id = %(row)s and user_id = %(reader)s))
order by revisions.revision
"""
_LATEST = 2**63 - 1


class Version(NamedTuple):
    """What a figure was from ``revision`` on; figures in node-seconds, ``former`` None: it was not there before.

    ``name`` is the project's or the user's identifier then. ``run``, ``source``, ``document`` and its ``sha256`` are
    None when it came from no document; ``recorded`` is UTC.
    """

    revision: int
    recorded: datetime
    kind: str
    reason: str
    by_whom: str
    run: int | None
    source: str | None
    document: str | None
    sha256: bytes | None
    name: str
    former: int | None
    node_seconds: int
    complete_days: int
    is_closed: bool
    is_restated: bool
    month: Month

    @property
    def difference(self) -> int:
        """By how much the figure changed, in node-seconds."""
        return self.node_seconds - (self.former or 0)

    @property
    def state(self) -> State:
        """The statement's state when it was recorded."""
        return state_of(self.month, self.complete_days, self.recorded, is_restated=self.is_restated)


async def statement_versions(
    connection: Connection, scope: Scope, allocation: int, month: Month, *, at: int | None = None
) -> list[Version]:
    """Return the versions of a statement's total up to the revision *at*, oldest first."""
    key = RowKey(0, allocation, month, None)
    return await _versions(connection, scope, key, at, (_OF_STATEMENT, _STATEMENT_FIGURE))


async def row_versions(
    connection: Connection, scope: Scope, row: RowKey, *, at: int | None = None
) -> list[Version]:
    """Return the versions of a usage row up to the revision *at*, oldest first."""
    return await _versions(connection, scope, row, at, (_OF_ROW, _ROW_FIGURE))


async def _versions(
    connection: Connection,
    scope: Scope,
    key: RowKey,
    at: int | None,
    of: tuple[str, str],
) -> list[Version]:
    moments, figure = of
    query = sql.SQL(_VERSIONS).format(
        moments=sql.SQL(moments),
        figure=sql.SQL(figure),
        everything=sql.Literal(scope.everything),
    )
    values = {
        "row": Int8(key.id),
        "allocation": Int8(key.allocation),
        "year": key.month.year,
        "month": key.month.month,
        "user": None if key.user is None else Int8(key.user),
        "at": Int8(_LATEST if at is None else at),
        "reader": Int8(scope.reader),
        "allocations": [Int8(allocation) for allocation in scope.allocations],
    }
    found = await (await connection.execute(query, values)).fetchall()
    versions = [Version._make((*row, key.month)) for row in found]
    return [one._replace(recorded=one.recorded.astimezone(UTC)) for one in versions]
