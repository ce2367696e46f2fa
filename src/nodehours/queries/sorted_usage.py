"""Usage rows that are found by going through them: those changed after a revision, and any in another order.

What changed after a revision is looked for in the statements that were posted after it, and only there: to see that
there is nothing new costs next to nothing. Another order than the ledger's own is made anew for each page, and the
ledger's own is its last key, so that it is total too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from psycopg import sql

from nodehours.queries.asked import ANY, visible, when, which, whose
from nodehours.queries.relations import Relations
from nodehours.terms.row import OrderBy, UsageFilter
from nodehours.terms.scope import Scope

_HITS = """
from {rows} as row
join allocations on allocations.id = row.allocation_id
left join users on users.id = row.user_id
{told}
where {exists} and {when} and {which} and {visible} and {whose} and {since}
"""
_ROWS = sql.SQL("usage_rows")
# Statement by statement: a plan that holds for all revisions would go through all rows, expecting many.
_POSTED_SINCE = """
(
    select found.*
    from (
        select distinct allocation_id, year, month from postings
        where revision > %(after)s and {when} and {which} and {around}
    ) as posted
    cross join lateral (
        select * from usage_rows
        where (year, month, allocation_id) = (posted.year, posted.month, posted.allocation_id) offset 0
    ) as found
)
"""
_WHICH = sql.SQL("allocation_id = (select id from allocations where uuid = %(allocation)s)")
_AROUND = sql.SQL("""
(allocation_id = any(%(allocations)s)
 or allocation_id = any(array(select allocation_id from usage_rows where user_id = %(reader)s)))
""")
_SINCE = sql.SQL("told.revision > %(after)s")
_COUNT = "select count(*), (select revision from ledger) {hits}"
_SORTED = """
select {total}, ledger.revision, page.*
from ledger left join lateral (
    select row.id, row.year, row.month, allocations.uuid, users.uuid, told.*
    {hits}
    order by {order}
    offset %(offset)s limit %(limit)s
) as page on true
"""

KEYS: Final[Mapping[str, sql.SQL]] = {
    "node_usage": sql.SQL("told.node_seconds"),
    "month": sql.SQL("row.month"),
    "year": sql.SQL("row.year"),
    "allocation": sql.SQL("allocations.uuid"),
    "user": sql.SQL("users.uuid"),
    "username": sql.SQL('told.username collate "C"'),
    "full_name": sql.SQL('told.full_name collate "C"'),
    "id": sql.SQL("row.id"),
    "node_seconds": sql.SQL("told.node_seconds"),
    "modified": sql.SQL("told.revision"),
    "revision": sql.SQL("told.revision"),
}
"""What rows can be put in order by; text by code points, nobody after everybody."""

_OWN = sql.SQL("row.year, row.month, row.allocation_id, row.id")


def sorted_query(
    scope: Scope,
    asked: UsageFilter,
    known: Relations,
    order: Sequence[OrderBy],
    total: sql.Composable,
) -> sql.Composed:
    """Select a page of the rows asked for, *order* first and then the ledger's own; *total* counts them all."""
    keys = [_key(one) for one in order]
    return sql.SQL(_SORTED).format(
        total=total,
        hits=_hits(scope, asked, known),
        order=sql.SQL(", ").join([*keys, _OWN]),
    )


def count_query(scope: Scope, asked: UsageFilter, known: Relations) -> sql.Composed:
    """Count the rows asked for, one by one."""
    return sql.SQL(_COUNT).format(hits=_hits(scope, asked, known))


def counted(scope: Scope, asked: UsageFilter, known: Relations) -> sql.Composed:
    """Count them as a part of another query."""
    return sql.SQL("(select count(*) {})").format(_hits(scope, asked, known))


def _hits(scope: Scope, asked: UsageFilter, known: Relations) -> sql.Composed:
    return sql.SQL(_HITS).format(
        rows=_ROWS if asked.after is None else _posted(scope, asked),
        told=known.told,
        exists=known.exists,
        when=when(asked),
        which=which(asked),
        visible=visible(scope),
        whose=whose(asked),
        since=ANY if asked.after is None else _SINCE,
    )


def _posted(scope: Scope, asked: UsageFilter) -> sql.Composed:
    """The rows of the statements posted since, of those that may be visible and asked for."""
    return sql.SQL(_POSTED_SINCE).format(
        when=when(asked),
        which=ANY if asked.allocation is None else _WHICH,
        around=ANY if scope.everything else _AROUND,
    )


def _key(order: OrderBy) -> sql.Composable:
    direction = sql.SQL(" desc nulls last" if order.is_descending else " nulls last")
    return KEYS[order.key] + direction
