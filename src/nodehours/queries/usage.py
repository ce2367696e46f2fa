"""Usage rows: the page at any depth, the count, and one row by its id.

Rows come in the order (year, month, allocation, id), which is total. A page is found without counting or
skipping rows: the ledger keeps how many rows each month and each statement has, so the part of the order
that a page stands in is found from these counts, and only its own rows are read.

A *part* is the visible piece of one statement: all its rows, or the one row of one user.
"""

from __future__ import annotations

from psycopg import sql

from nodehours.queries.pool import Connection
from nodehours.terms.row import Page, UsageFilter, UsageRow
from nodehours.terms.scope import Scope

# For those who see everything, and ask for no allocation or user, the months are counted already.
_COUNTED_MONTHS = "select year, month, row_count from month_counts where {when}"
_MONTHS = "select year, month, sum(row_count)::bigint as row_count from ({parts}) as part group by year, month"

# The statements of the allocations asked for, as far as they are visible whole.
_STATEMENTS = """
select year, month, allocation_id, null::bigint as only_user, row_count
from statements where {when} and {which}
"""

# The reader's own rows elsewhere: a statement has at most one row of a user.
_OWN_ROWS = """
select year, month, allocation_id, user_id as only_user, 1 as row_count
from usage_rows where {when} and {which} and user_id = %(reader)s
and not allocation_id = any(%(allocations)s)
"""

_ROWS_OF_USER = """
select year, month, allocation_id, user_id as only_user, 1 as row_count
from usage_rows where {when} and {which} and {visible}
and user_id = (select id from users where uuid = %(user)s)
"""

_ALLOCATION = sql.SQL("allocation_id = (select id from allocations where uuid = %(allocation)s)")
_VISIBLE_ALLOCATION = sql.SQL("allocation_id = any(%(allocations)s)")
_VISIBLE_ROW = sql.SQL("(allocation_id = any(%(allocations)s) or user_id = %(reader)s)")
_SAME_MONTH = sql.SQL("(year, month) = (hit.year, hit.month)")
_ANY = sql.SQL("true")

# Months before the page are skipped by their counts, parts before it by theirs. The inner limit ends the
# running sum as soon as the page is full, since every part has at least one row; the outer one takes the rows
# of the page out of those of its first and last part.
_PAGE = """
with months as materialized (
    select year, month, row_count, (sum(row_count) over (order by year, month))::bigint - row_count as before
    from ({months}) as counted
),
parts as materialized (
    select hit.year, hit.month, part.*
    from months as hit cross join lateral (
        select * from (
            select allocation_id, only_user,
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
select total.n, page.*
from (select coalesce(sum(row_count), 0)::bigint as n from months) as total
left join lateral (
    select row.id, row.year, row.month, allocations.uuid, users.uuid, row.username,
           coalesce(users.full_name, ''), row.node_seconds
    from (
        select one.*
        from parts cross join lateral (
            select * from usage_rows
            where (year, month, allocation_id) = (parts.year, parts.month, parts.allocation_id)
            and (parts.only_user is null or user_id = parts.only_user)
        ) as one
        order by year, month, allocation_id, id
        offset %(offset)s - (select coalesce(min(before), 0) from parts) limit %(limit)s
    ) as row
    join allocations on allocations.id = row.allocation_id
    left join users on users.id = row.user_id
    order by row.year, row.month, row.allocation_id, row.id
) as page on true
"""

_FIND = """
select row.id, row.year, row.month, allocations.uuid, users.uuid, row.username,
       coalesce(users.full_name, ''), row.node_seconds
from usage_rows as row
join allocations on allocations.id = row.allocation_id
left join users on users.id = row.user_id
where row.id = %(id)s and {when} and {which} and {visible} and {whose}
"""


async def list_usage(
    connection: Connection, scope: Scope, asked: UsageFilter, *, offset: int, limit: int
) -> Page:
    """Return up to *limit* of the visible rows asked for, after the first *offset*, and how many there are."""
    cursor = await connection.execute(
        _page_query(scope, asked),
        _values(scope, asked) | {"offset": offset, "limit": limit},
        binary=True,
    )
    found = await cursor.fetchall()
    rows = [UsageRow(*row[1:]) for row in found if row[1] is not None]
    return Page(found[0][0], rows)


async def count_usage(connection: Connection, scope: Scope, asked: UsageFilter) -> int:
    """Return how many rows asked for are visible."""
    query = sql.SQL("select coalesce(sum(row_count), 0)::bigint from ({}) as month").format(
        _months(scope, asked)
    )
    ((count,),) = await (await connection.execute(query, _values(scope, asked))).fetchall()
    return int(count)


async def find_usage(
    connection: Connection, scope: Scope, asked: UsageFilter, row_id: int
) -> UsageRow | None:
    """Return the row with that id, or None when there is none that is visible and asked for."""
    query = sql.SQL(_FIND).format(
        when=_when(asked),
        which=_ANY if asked.allocation is None else sql.SQL("allocations.uuid = %(allocation)s"),
        visible=_visible(scope),
        whose=_ANY if asked.user is None else sql.SQL("users.uuid = %(user)s"),
    )
    found = await (
        await connection.execute(query, _values(scope, asked) | {"id": row_id})
    ).fetchone()
    return None if found is None else UsageRow(*found)


def _page_query(scope: Scope, asked: UsageFilter) -> sql.Composed:
    return sql.SQL(_PAGE).format(
        months=_months(scope, asked), parts=_parts(scope, asked, _SAME_MONTH)
    )


def _months(scope: Scope, asked: UsageFilter) -> sql.Composed:
    if scope.everything and asked.allocation is None and asked.user is None:
        return sql.SQL(_COUNTED_MONTHS).format(when=_when(asked))
    return sql.SQL(_MONTHS).format(parts=_parts(scope, asked, _when(asked)))


def _parts(scope: Scope, asked: UsageFilter, when: sql.Composable) -> sql.Composable:
    which = _ANY if asked.allocation is None else _ALLOCATION
    if asked.user is not None:
        return sql.SQL(_ROWS_OF_USER).format(when=when, which=which, visible=_visible(scope))
    if scope.everything:
        return sql.SQL(_STATEMENTS).format(when=when, which=which)
    whole = sql.SQL(_STATEMENTS).format(
        when=when, which=which + sql.SQL(" and ") + _VISIBLE_ALLOCATION
    )
    return whole + sql.SQL(" union all ") + sql.SQL(_OWN_ROWS).format(when=when, which=which)


def _visible(scope: Scope) -> sql.SQL:
    return _ANY if scope.everything else _VISIBLE_ROW


def _when(asked: UsageFilter) -> sql.Composed:
    wanted: list[sql.Composable] = [
        sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name))
        for name in ("year", "month")
        if getattr(asked, name) is not None
    ]
    return sql.SQL(" and ").join(wanted or [_ANY])


def _values(scope: Scope, asked: UsageFilter) -> dict[str, object]:
    return asked._asdict() | {"reader": scope.reader, "allocations": list(scope.allocations)}
