"""The whole centre in a few sums, as far as a reader sees it: by month, in all, and how fresh they are.

All sums are of the relation ``seen`` (see ``seen_usage.py``), in node-seconds. They are made from the statements'
totals: a statement has many rows and days, of which none is looked at, except the unattributed ones and, for each
user, the first row with usage.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import sql
from psycopg.types.numeric import Int8

from nodehours.queries.pool import Connection
from nodehours.queries.remembered import Remembered
from nodehours.queries.seen_usage import (
    IN_PERIOD,
    period_values,
    scope_values,
    seen_usage,
    visible_whole,
)
from nodehours.queries.visibility import Found, Listing, any_of, contains, find_page
from nodehours.terms.month import Month
from nodehours.terms.period import Period
from nodehours.terms.scope import Scope

OTHERS = "others"
"""What all the others together are named."""


class By(Enum):
    """What usage is summed by."""

    ORGANISATION = "organisation"
    PROJECT = "project"
    RESOURCE = "resource"


class _Kind(NamedTuple):
    """What usage is summed by, as SQL: a table, its id beside an allocation and its project, how it is called and
    the identifier and name of the organisation that it is of, with what is joined for these.
    """

    table: str
    id: str
    key: str
    name: str
    organisation: str
    more: str = ""


_KINDS = {
    By.ORGANISATION: _Kind(
        "organisations",
        "projects.organisation_id",
        "organisations.identifier",
        "organisations.name",
        "organisations.identifier, organisations.name",
    ),
    By.PROJECT: _Kind(
        "projects",
        "allocations.project_id",
        "projects.identifier",
        "projects.identifier",
        "organisations.identifier, organisations.name",
        "join organisations on organisations.id = organisation_id",
    ),
    By.RESOURCE: _Kind(
        "resources",
        "allocations.resource_id",
        "resources.name",
        "resources.name",
        "'', ''",
    ),
}

ORDERS = {
    "node_seconds": "used.node_seconds",
    "-node_seconds": "used.node_seconds desc",
    "name": '{name} collate "C"',
    "-name": '{name} collate "C" desc',
    "before": "used.before",
    "-before": "used.before desc",
}
"""In which orders the largest can be asked for; what is equal comes by key."""

# Each month of each is summed once; ranks and the others are told from these few sums. Whose an allocation is, is
# gathered first: else the planner, which takes a period for few rows, looks it up for each of them.
_MONTHLY = """
with belonging as materialized (
    select allocations.id as allocation_id, {id} as id from allocations join projects on projects.id = project_id
),
told as materialized (
    select year, month, belonging.id, sum(node_seconds) as node_seconds
    from ({seen}) as seen join belonging using (allocation_id)
    where node_seconds > 0
    group by year, month, belonging.id
),
ranked as materialized (
    select total.id, {key} as key, {name} as name,
           row_number() over (order by node_seconds desc, {key} collate "C") as place
    from (select id, sum(node_seconds) as node_seconds from told group by id) as total
    join {table} on {table}.id = total.id
),
placed as (
    select year, month, least(place, %(top)s + 1) as place, sum(node_seconds) as node_seconds
    from told join ranked using (id)
    group by year, month, least(place, %(top)s + 1)
)
select year, month, key, coalesce(name, %(others)s), node_seconds
from placed left join ranked on ranked.place = placed.place and ranked.place <= %(top)s
order by year, month, placed.place
"""
_NAMES = "select identifier, name from organisations where identifier = any(%s)"
_TOTALS = """
with used as materialized (
    select allocation_id, is_whole, sum(node_seconds) as node_seconds, count(*) as statements
    from ({seen}) as seen group by allocation_id, is_whole
)
select coalesce(sum(node_seconds), 0),
       (select coalesce(sum(node_seconds), 0) from usage_rows where user_id is null and {when} and {visible}),
       count(distinct project_id) filter (where node_seconds > 0),
       ({users}),
       coalesce(sum(statements), 0),
       coalesce(sum(node_seconds) filter (where is_whole), 0)
from used join allocations on allocations.id = allocation_id
"""
# Users are fewer than their rows: each one is looked up until a row with usage is found. Asked for as a value, that is
# not turned into a scan of all rows.
_USERS = """
select count(*) from users
where (select true from usage_rows where user_id = users.id and {when} and node_seconds > 0 limit 1)
"""
_USERS_IN_SCOPE = """
select count(*) from (
    select user_id from usage_rows
    where allocation_id = any(%(allocations)s) and {when} and user_id is not null and node_seconds > 0
    union
    select user_id from usage_rows where user_id = %(reader)s and {when} and node_seconds > 0
) as seen
"""
# Of each allocation only the sums of the two periods are left before anything is joined.
_LARGEST = """
select row_number() over (order by {order}, {key} collate "C") as place, used.id, used.node_seconds, used.before
from (
    select {id} as id, sum(node_seconds) as node_seconds, sum(before) as before
    from (
        select allocation_id, coalesce(sum(node_seconds) filter (where {when}), 0) as node_seconds,
               coalesce(sum(node_seconds) filter (where not {when}), 0) as before
        from ({seen}) as seen group by allocation_id
    ) as used
    join allocations on allocations.id = allocation_id
    join projects on projects.id = project_id
    group by {id}
) as used
join {table} on {table}.id = used.id
where used.node_seconds > 0 and {which}
"""
_IN_BOTH = sql.SQL("""
((year, month) >= (%(previous_year)s, %(previous_month)s) and (year, month) < (%(before_year)s, %(before_month)s))
""")
_LARGEST_TOLD = """
select page.place, {key}, {table}.uuid, {name}, page.node_seconds, page.before, {organisation}
from page join {table} on {table}.id = page.id {more}
"""
# The ledger keeps of each allocation and user when something of theirs changed last.
_FRESHNESS = """
select (select recorded from revisions where revision = {newest}), ({complete}), {last_run}
"""
# By an index of the complete days alone.
_COMPLETE = sql.SQL("select max(day) from usage_days where is_complete")
# Looked for in the newest month only that has one, from its end: of an allocation there may be none for years.
_COMPLETE_IN_SCOPE = sql.SQL("""
select max(day)
from (select year, month from statements where complete_days > 0 and allocation_id = any(%(allocations)s)
      order by year desc, month desc limit 1) as newest
join statements using (year, month)
cross join lateral (
    select day from usage_days
    where usage_days.allocation_id = statements.allocation_id and is_complete
        and day < make_date(newest.year, newest.month, 1) + interval '1 month'
    order by day desc limit 1
) as complete
where complete_days > 0 and allocation_id = any(%(allocations)s)
""")
_NEWEST = sql.SQL("(select revision from ledger)")
_NEWEST_IN_SCOPE = sql.SQL("""
greatest((select max(newest_revision) from allocations where id = any(%(allocations)s)),
         (select newest_revision from users where id = %(reader)s))
""")
_LAST_RUN = sql.SQL("(select coalesce(ended, started) from runs order by id desc limit 1)")
_NOT_TOLD = sql.SQL("null::timestamptz")


class Part(NamedTuple):
    """What one of the largest used in a month, or all the others together (``key`` None), in node-seconds.

    ``key`` is an organisation's or a project's identifier, or a resource's name.
    """

    month: Month
    key: str | None
    name: str
    node_seconds: int


class Totals(NamedTuple):
    """All that is seen of a period, in node-seconds, and of how much.

    ``projects`` and ``users`` are those with usage, ``statements`` those of which something is seen.
    ``unattributed`` is part of ``whole``, which is what the statements seen whole come to.
    """

    node_seconds: int
    unattributed: int
    projects: int
    users: int
    statements: int
    whole: int


class Largest(NamedTuple):
    """What somebody or something used in a period, and ``before``: in that of the same length before; node-seconds.

    ``organisation`` is the identifier of that which it is, or is of: empty for a resource, as is the name.
    """

    key: str
    uuid: UUID
    name: str
    node_seconds: int
    before: int
    organisation: str
    organisation_name: str


class Freshness(NamedTuple):
    """When anything seen changed last (UTC), the newest day known completely among what is seen whole, and when the
    newest run ended, or began if it has not ended (UTC).

    Each is None without any; ``last_run`` also for who does not see everything.
    """

    changed: datetime | None
    complete_until: date | None
    last_run: datetime | None


async def monthly_usage(
    connection: Connection, scope: Scope, by: By, period: Period, *, top: int = 7
) -> list[Part]:
    """Return the usage of each month of *period*: the *top* largest of the whole period by rank, then the others.

    What used nothing in a month is not there.
    """
    parts = await _MONTHLY_KNOWN.answer(
        connection,
        scope,
        (by, period, top),
        lambda: _ask_monthly(connection, scope, by, period, top),
    )
    return await _named_now(connection, parts) if by is By.ORGANISATION else [*parts]


async def _ask_monthly(
    connection: Connection, scope: Scope, by: By, period: Period, top: int
) -> list[Part]:
    query = sql.SQL(_MONTHLY).format(seen=seen_usage(scope), **_parts(by))
    values = _values(scope, period) | {"top": Int8(top), "others": OTHERS}
    found = await (await connection.execute(query, values)).fetchall()
    return [
        Part(Month(year, month), key, name, int(used)) for year, month, key, name, used in found
    ]


async def _named_now(connection: Connection, parts: list[Part]) -> list[Part]:
    """Return parts of organisations with their names, which change without a revision."""
    keys = list({one.key for one in parts if one.key is not None})
    names: dict[str | None, str] = dict(await (await connection.execute(_NAMES, [keys])).fetchall())
    return [one._replace(name=names.get(one.key, one.name)) for one in parts]


_MONTHLY_KNOWN: Remembered[list[Part]] = Remembered()


async def totals(connection: Connection, scope: Scope, period: Period) -> Totals:
    """Return what is seen of *period* in all."""
    return await _TOTALS_KNOWN.answer(
        connection, scope, period, lambda: _ask_totals(connection, scope, period)
    )


async def _ask_totals(connection: Connection, scope: Scope, period: Period) -> Totals:
    users = sql.SQL(_USERS if scope.everything else _USERS_IN_SCOPE)
    query = sql.SQL(_TOTALS).format(
        seen=seen_usage(scope),
        when=IN_PERIOD,
        visible=visible_whole(scope),
        users=users.format(when=IN_PERIOD),
    )
    (found,) = await (await connection.execute(query, _values(scope, period))).fetchall()
    return Totals(*map(int, found))


# Whose usage there was is the dearest question of all.
_TOTALS_KNOWN: Remembered[Totals] = Remembered()


async def largest(
    connection: Connection,
    scope: Scope,
    by: By,
    period: Period,
    *,
    search: str = "",
    order: str = "-node_seconds",
    offset: int,
    limit: int,
) -> Found[Largest]:
    """Return up to *limit* of those with usage in *period* after the first *offset*, in one of the ``ORDERS``.

    *search* is contained in the key or the name, upper case or lower.
    """
    parts = _parts(by)
    found = sql.SQL(_LARGEST).format(
        seen=seen_usage(scope, _IN_BOTH),
        when=IN_PERIOD,
        order=sql.SQL(ORDERS[order]).format(**parts),
        which=any_of([contains(called, "search") for called in _KINDS[by][2:4]]),
        **parts,
    )
    listing = Listing(found, sql.SQL(_LARGEST_TOLD).format(**parts), _largest)
    since = period.previous.since
    asked: dict[str, object] = {
        "search": search,
        "previous_year": since.year,
        "previous_month": since.month,
    }
    asked |= period_values(period)
    return await find_page(connection, scope, listing, asked, offset=offset, limit=limit)


async def freshness(connection: Connection, scope: Scope) -> Freshness:
    """Return how fresh the figures are that the reader sees."""
    query = sql.SQL(_FRESHNESS).format(
        newest=_NEWEST if scope.everything else _NEWEST_IN_SCOPE,
        complete=_COMPLETE if scope.everything else _COMPLETE_IN_SCOPE,
        last_run=_LAST_RUN if scope.everything else _NOT_TOLD,
    )
    ((changed, complete, run),) = await (
        await connection.execute(query, scope_values(scope))
    ).fetchall()
    return Freshness(changed and changed.astimezone(UTC), complete, run and run.astimezone(UTC))


def _parts(by: By) -> dict[str, sql.SQL]:
    return {name: sql.SQL(part) for name, part in _KINDS[by]._asdict().items()}


def _largest(columns: Iterable[Any]) -> Largest:
    row = Largest._make(columns)
    return row._replace(node_seconds=int(row.node_seconds), before=int(row.before))


def _values(scope: Scope, period: Period) -> dict[str, object]:
    return scope_values(scope) | period_values(period)
