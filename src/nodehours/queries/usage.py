"""Usage rows: the page at any depth, the count, and one row by its id.

Rows come in the order (year, month, allocation, id), which is total. A page is found without counting or
skipping rows: the ledger keeps how many rows each month and each statement has, so the part of the order
that a page stands in is found from these counts, and only its own rows are read.

A *part* is the visible piece of one statement: all its rows, or the one row of one user. The rows of a user
are few, and looked up first, by nothing but the user: no statistics can then lead the planner to go through
those of everybody.

With *at*, all is answered as it was at that revision of the ledger, except who may see what. The SQL is the same,
and reads from other relations. Every answer tells the ledger's own revision at the moment it was read, so that who
asked of another moment, such as that of signing in, sees that it has moved and can ask as of then.

What is asked for ``after`` a revision, or in another order, is found by going through the rows: see
``sorted_usage.py``.
"""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import sql
from psycopg.types.numeric import Int8

from nodehours.queries.asked import ANY, VISIBLE_ALLOCATION, values, visible, when, which, whose
from nodehours.queries.pool import Connection
from nodehours.queries.relations import Relations, relations
from nodehours.queries.sorted_usage import count_query, counted, sorted_query
from nodehours.terms.row import Count, FoundUsage, OrderBy, Page, UsageFilter, UsageRow
from nodehours.terms.scope import Scope

# For those who see everything, and ask for no allocation or user, the months are counted already.
_COUNTED_MONTHS = "select year, month, row_count from {month_counts} where {when}"
_MONTHS = "select year, month, sum(row_count)::bigint as row_count from ({parts}) as part group by year, month"

_STATEMENTS = """
select year, month, allocation_id, null::bigint as only_row, row_count
from {statements} where {when} and {which} and {visible}
"""

# A statement has at most one row of a user.
_OF_USER = """
of_user as materialized (
    select year, month, allocation_id, user_id, id from usage_rows where user_id = {user} and {exists}
),
"""
_ROWS_OF_USER = """
select year, month, allocation_id, id as only_row, 1 as row_count
from of_user where {when} and {which} and {visible}
"""

_READER = sql.SQL("%(reader)s")
_USER = sql.SQL("(select id from users where uuid = %(user)s)")
_ALLOCATION = sql.SQL("allocation_id = (select id from allocations where uuid = %(allocation)s)")
_ELSEWHERE = sql.SQL("not allocation_id = any(%(allocations)s)")
_SAME_MONTH = sql.SQL("(year, month) = (hit.year, hit.month)")
_NOTHING = sql.SQL("")

_COUNT = """
with {of_user} months as ({months})
select coalesce(sum(row_count), 0)::bigint, (select revision from ledger) from months
"""

# Months before the page are skipped by their counts, parts before it by theirs. The inner limit ends the
# running sum as soon as the page is full, since every part has at least one row; the outer one takes the rows
# of the page out of those of its first and last part.
_PAGE = """
with {of_user}
months as materialized (
    select year, month, row_count, (sum(row_count) over (order by year, month))::bigint - row_count as before
    from ({months}) as counted
),
parts as materialized (
    select hit.year, hit.month, part.*
    from months as hit cross join lateral (
        select * from (
            select allocation_id, only_row,
                   hit.before + sum(row_count) over (order by allocation_id) - row_count as before,
                   hit.before + sum(row_count) over (order by allocation_id) as after
            from ({parts}) as visible
        ) as running
        where after > %(offset)s
        order by allocation_id limit %(limit)s
    ) as part
    where hit.before + hit.row_count > %(offset)s and hit.before < %(offset)s + %(limit)s
        and part.before < %(offset)s + %(limit)s
)
select total.n, (select revision from ledger), page.*
from (select coalesce(sum(row_count), 0)::bigint as n from months) as total
left join lateral (
    select row.id, row.year, row.month, allocations.uuid, users.uuid, told.*
    from (
        select one.*
        from parts cross join lateral (
            select * from usage_rows
            where parts.only_row is null
            and (year, month, allocation_id) = (parts.year, parts.month, parts.allocation_id) and {exists}
            union all
            select * from usage_rows where id = parts.only_row
        ) as one
        order by year, month, allocation_id, id
        offset %(offset)s - (select coalesce(min(before), 0) from parts) limit %(limit)s
    ) as row
    join allocations on allocations.id = row.allocation_id
    left join users on users.id = row.user_id
    {told}
    order by row.year, row.month, row.allocation_id, row.id
) as page on true
"""

_FIND = """
select ledger.revision, found.*
from ledger left join lateral (
    select row.id, row.year, row.month, allocations.uuid, users.uuid, told.*
    from usage_rows as row
    join allocations on allocations.id = row.allocation_id
    left join users on users.id = row.user_id
    {told}
    where row.id = %(id)s and {exists} and {when} and {which} and {visible} and {whose} and {since}
) as found on true
"""


async def list_usage(
    connection: Connection,
    scope: Scope,
    asked: UsageFilter,
    *,
    offset: int,
    limit: int,
    at: int | None = None,
    order: Sequence[OrderBy] = (),
) -> Page:
    """Return up to *limit* of the visible rows asked for, after the first *offset*, and how many there are."""
    place: dict[str, object] = {"offset": Int8(offset), "limit": Int8(limit)}
    cursor = await connection.execute(
        _page_query(scope, asked, relations(at), order),
        values(scope, asked, at) | place,
        binary=True,
    )
    found = await cursor.fetchall()
    rows = [UsageRow(*row[2:]) for row in found if row[2] is not None]
    return Page(found[0][0], rows, found[0][1])


async def count_usage(
    connection: Connection, scope: Scope, asked: UsageFilter, *, at: int | None = None
) -> Count:
    """Return how many rows asked for are visible."""
    known = relations(at)
    query = _count_query(scope, asked, known)
    if asked.after is not None:
        query = count_query(scope, asked, known)
    (found,) = await (await connection.execute(query, values(scope, asked, at))).fetchall()
    return Count(*found)


async def find_usage(
    connection: Connection,
    scope: Scope,
    asked: UsageFilter,
    row_id: int,
    *,
    at: int | None = None,
) -> FoundUsage:
    """Return the row with that id, or None when there is none that is visible and asked for."""
    known = relations(at)
    query = sql.SQL(_FIND).format(
        exists=known.exists,
        told=known.told,
        when=when(asked),
        which=which(asked),
        visible=visible(scope),
        whose=whose(asked),
        since=ANY if asked.after is None else sql.SQL("told.revision > %(after)s"),
    )
    of = values(scope, asked, at) | {"id": Int8(row_id)}
    (found,) = await (await connection.execute(query, of)).fetchall()
    return FoundUsage(None if found[1] is None else UsageRow(*found[1:]), found[0])


def _page_query(
    scope: Scope, asked: UsageFilter, known: Relations, order: Sequence[OrderBy]
) -> sql.Composed:
    if asked.after is not None:
        return sorted_query(scope, asked, known, order, counted(scope, asked, known))
    if order:
        total = sql.SQL("(select n from ({}) as known (n, revision))")
        counting = total.format(_count_query(scope, asked, known))
        return sorted_query(scope, asked, known, order, counting)
    return sql.SQL(_PAGE).format(
        of_user=_of_user(scope, asked, known),
        months=_months(scope, asked, known),
        parts=_parts(scope, asked, known, _SAME_MONTH),
        exists=known.exists,
        told=known.told,
    )


def _count_query(scope: Scope, asked: UsageFilter, known: Relations) -> sql.Composed:
    return sql.SQL(_COUNT).format(
        of_user=_of_user(scope, asked, known), months=_months(scope, asked, known)
    )


def _of_user(scope: Scope, asked: UsageFilter, known: Relations) -> sql.Composable:
    if asked.user is None and scope.everything:
        return _NOTHING
    user = _READER if asked.user is None else _USER
    return sql.SQL(_OF_USER).format(user=user, exists=known.exists)


def _months(scope: Scope, asked: UsageFilter, known: Relations) -> sql.Composed:
    if scope.everything and asked.allocation is None and asked.user is None:
        return sql.SQL(_COUNTED_MONTHS).format(month_counts=known.month_counts, when=when(asked))
    return sql.SQL(_MONTHS).format(parts=_parts(scope, asked, known, when(asked)))


def _parts(
    scope: Scope, asked: UsageFilter, known: Relations, months: sql.Composable
) -> sql.Composable:
    """Whole statements as far as they are visible, and the reader's own rows elsewhere; or the rows of the user."""
    of = ANY if asked.allocation is None else _ALLOCATION
    rows_of_user = sql.SQL(_ROWS_OF_USER)
    if asked.user is not None:
        return rows_of_user.format(when=months, which=of, visible=visible(scope))
    whole = sql.SQL(_STATEMENTS).format(
        statements=known.statements,
        when=months,
        which=of,
        visible=ANY if scope.everything else VISIBLE_ALLOCATION,
    )
    if scope.everything:
        return whole
    own = rows_of_user.format(when=months, which=of, visible=_ELSEWHERE)
    return whole + sql.SQL(" union all ") + own
