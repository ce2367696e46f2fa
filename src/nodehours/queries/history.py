"""How a figure came to be: its former values and the one it has, with why and whence each came.

No document is named: what a file is called and where it lay is for staff alone to know.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC

from psycopg import sql
from psycopg.types.numeric import Int8

from nodehours.queries.asked import visible
from nodehours.queries.pool import Connection
from nodehours.terms.history import RowVersion
from nodehours.terms.scope import Scope

_HISTORIES = """
select row.id, told.revision, revisions.recorded, told.username, told.node_seconds, revisions.kind, revisions.reason,
       runs.source, runs.id
from unnest(%(ids)s::bigint[], %(until)s::bigint[]) as asked (id, until)
join usage_rows as row using (id)
cross join lateral (
    select username, node_seconds, revision from former_rows where usage_row_id = row.id
    union all
    select row.username, row.node_seconds, row.revision
) as told
join revisions on revisions.revision = told.revision
left join run_documents on run_documents.id = revisions.document_id
left join runs on runs.id = run_documents.run_id
where told.revision <= asked.until and {visible}
order by row.id, told.revision
"""


async def usage_histories(
    connection: Connection, scope: Scope, until: Mapping[int, int]
) -> Mapping[int, list[RowVersion]]:
    """Return the versions, oldest first, of usage rows by their ids, each up to the revision *until* has for it.

    There are none of a row that there is not, or that is not visible.
    """
    values = {
        "ids": [Int8(row_id) for row_id in until],
        "until": [Int8(revision) for revision in until.values()],
        "reader": Int8(scope.reader),
        "allocations": [Int8(allocation) for allocation in scope.allocations],
    }
    query = sql.SQL(_HISTORIES).format(visible=visible(scope))
    histories: dict[int, list[RowVersion]] = defaultdict(list)
    async for row_id, *told in await connection.execute(query, values):
        version = RowVersion._make(told)
        utc = version._replace(recorded=version.recorded.astimezone(UTC))
        histories[row_id].append(utc)
    return histories
