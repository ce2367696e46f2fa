"""How a figure came to be: its former values and the one it has, with why and whence each came.

No document is named: what a file is called and where it lay is for staff alone to know.
"""

from __future__ import annotations

from datetime import UTC

from psycopg import sql
from psycopg.types.numeric import Int8

from nodehours.queries.pool import Connection
from nodehours.terms.history import RowVersion
from nodehours.terms.scope import Scope

_HISTORY = """
select told.revision, revisions.recorded, told.username, told.node_seconds, revisions.kind, revisions.reason,
       runs.source, runs.id
from usage_rows as row
cross join lateral (
    select username, node_seconds, revision from former_rows where usage_row_id = row.id
    union all
    select row.username, row.node_seconds, row.revision
) as told
join revisions on revisions.revision = told.revision
left join run_documents on run_documents.id = revisions.document_id
left join runs on runs.id = run_documents.run_id
where row.id = %(id)s and {visible} and {until}
order by told.revision
"""
_ANY = sql.SQL("true")
_VISIBLE = sql.SQL("(row.allocation_id = any(%(allocations)s) or row.user_id = %(reader)s)")
_UNTIL = sql.SQL("told.revision <= %(at)s")


async def usage_history(
    connection: Connection, scope: Scope, row_id: int, *, at: int | None = None
) -> list[RowVersion]:
    """Return the versions of the usage row with that id, oldest first, up to the revision *at* if given.

    There are none when there is no such row, or none that is visible.
    """
    query = sql.SQL(_HISTORY).format(
        visible=_ANY if scope.everything else _VISIBLE, until=_ANY if at is None else _UNTIL
    )
    values = {
        "id": Int8(row_id),
        "reader": Int8(scope.reader),
        "allocations": [Int8(allocation) for allocation in scope.allocations],
        "at": None if at is None else Int8(at),
    }
    found = await (await connection.execute(query, values)).fetchall()
    versions = map(RowVersion._make, found)
    return [one._replace(recorded=one.recorded.astimezone(UTC)) for one in versions]
