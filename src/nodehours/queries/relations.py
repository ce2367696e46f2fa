"""What the queries of usage read from: the ledger as it is, or as it was at the revision ``%(at)s``.

Both have the same columns, so a query is written once. A row exists from its first revision on, and what it says
now it has said since its ``revision``. What it said before is a former value, which held until its
``until_revision``: as of a revision, that is the one with the smallest ``until_revision`` after it.
"""

from __future__ import annotations

from typing import NamedTuple

from psycopg import sql

_MONTH_COUNTS_THEN = """
(
    select now.year, now.month, known.row_count
    from month_counts as now cross join lateral (
        select now.row_count, now.revision
        where now.revision <= %(at)s
        union all (
            select row_count, revision from former_month_counts
            where (year, month) = (now.year, now.month) and now.revision > %(at)s and until_revision > %(at)s
            order by until_revision limit 1
        )
    ) as known
    where known.revision <= %(at)s
) as month_counts
"""
# A former count is looked for only where the count has changed since, in a month that had rows at all. The rest is
# one scan in the order of an index, so that a running sum over it ends as soon as it may.
_STATEMENTS_THEN = """
(
    select * from (
        select year, month, allocation_id, case
            when count_revision <= %(at)s then row_count
            when (year, month) in (select year, month from {month_counts}) then (
                select row_count from (
                    select row_count, revision from former_statement_counts
                    where (year, month, allocation_id) = (now.year, now.month, now.allocation_id)
                        and until_revision > %(at)s
                    order by until_revision limit 1
                ) as former
                where revision <= %(at)s
            )
        end as row_count
        from statements as now
    ) as known
    where row_count is not null
) as statements
"""

_TOLD_NOW = """
cross join lateral (
    select row.username, coalesce(users.full_name, '') as full_name, row.node_seconds, row.revision
) as told
"""
_TOLD_THEN = """
left join lateral (
    select username, node_seconds, revision from former_rows
    where usage_row_id = row.id and row.revision > %(at)s and until_revision > %(at)s
    order by until_revision limit 1
) as former on true
left join lateral (
    select full_name from former_users where user_id = row.user_id and until_revision > %(at)s
    order by until_revision limit 1
) as named on true
cross join lateral (
    select coalesce(former.username, row.username) as username,
           coalesce(named.full_name, users.full_name, '') as full_name,
           coalesce(former.node_seconds, row.node_seconds) as node_seconds,
           coalesce(former.revision, row.revision) as revision
) as told
"""

FORMER_PROJECT = sql.SQL("""
left join lateral (
    select identifier, organisation_id from former_projects
    where project_id = projects.id and until_revision > %(at)s
    order by until_revision limit 1
) as former on true
""")
"""Join to ``projects`` what each was at the revision asked for, where it is something else today: ``former``."""


class Relations(NamedTuple):
    """``statements`` (year, month, allocation_id, row_count) and ``month_counts`` (year, month, row_count); whether
    a row of ``usage_rows`` exists; and ``told`` (username, full_name, node_seconds, revision), joined to a ``row``
    of it and its ``users``.
    """

    statements: sql.Composable
    month_counts: sql.Composable
    exists: sql.Composable
    told: sql.Composable


_NOW = Relations(
    statements=sql.SQL("statements"),
    month_counts=sql.SQL("month_counts"),
    exists=sql.SQL("true"),
    told=sql.SQL(_TOLD_NOW),
)
_THEN = Relations(
    statements=sql.SQL(_STATEMENTS_THEN).format(month_counts=sql.SQL(_MONTH_COUNTS_THEN)),
    month_counts=sql.SQL(_MONTH_COUNTS_THEN),
    exists=sql.SQL("first_revision <= %(at)s"),
    told=sql.SQL(_TOLD_THEN),
)


def relations(at: int | None) -> Relations:
    """Return what to read from: at the revision *at*, or, without one, now."""
    return _NOW if at is None else _THEN
