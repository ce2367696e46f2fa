"""Restated figures: what was posted over a statement that was complete, with the figure before and why.

Only of statements that the reader sees whole. No document is named, as in ``history.py``.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from psycopg import sql
from psycopg.types.numeric import Int8

from nodehours.queries.of import Of, of_asked, of_values
from nodehours.queries.pool import Connection
from nodehours.queries.seen_usage import visible_whole
from nodehours.terms.month import Month
from nodehours.terms.scope import Scope

# The version that a posting replaced held until its revision. A project's new name changes no figure.
_RESTATED = """
select told.year, told.month, told.revision, recorded, kind, reason, former.node_seconds, told.node_seconds,
       resources.name
from (select * from postings where {which} and {visible}) as told
join former_statements as former
    on (former.allocation_id, former.year, former.month) = (told.allocation_id, told.year, told.month)
    and former.until_revision = told.revision
join revisions on revisions.revision = told.revision
join allocations on allocations.id = told.allocation_id
join resources on resources.id = resource_id
cross join lateral (
    select make_date(told.year, told.month, 1) as start, make_date(told.year, told.month, 1) + interval '1 month' as end
) as calendar
where kind <> 'renaming' and recorded at time zone 'UTC' >= calendar.end
    and (former.is_restated or former.complete_days = extract(day from calendar.end - interval '1 day'))
order by told.revision desc, told.year desc, told.month desc, resources.name collate "C"
limit %(limit)s
"""


class RestatedFigure(NamedTuple):
    """A statement's total in node-seconds before and since a revision, which was ``recorded`` then (UTC), and why.

    It may be the same where only users' shares, or jobs, changed.
    """

    month: Month
    revision: int
    recorded: datetime
    kind: str
    reason: str
    former: int | None
    node_seconds: int
    resource: str


async def restated(
    connection: Connection, scope: Scope, of: Of, *, limit: int
) -> list[RestatedFigure]:
    """Return up to *limit* of the postings that changed a statement that was complete before, newest first."""
    query = sql.SQL(_RESTATED).format(which=of_asked(of), visible=visible_whole(scope))
    values = of_values(scope, of) | {"limit": Int8(limit)}
    found = await (await connection.execute(query, values)).fetchall()
    return [
        RestatedFigure(Month(year, month), revision, recorded.astimezone(UTC), *told)
        for year, month, revision, recorded, *told in found
    ]
