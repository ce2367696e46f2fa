"""The users of a project or an allocation: what each used by day and in all; and one user across all of them.

What each used in all comes from the usage rows, so it adds up to the statements. Days are attributed by the
associations of today (see ``owners.py``). A user goes by the user identifier of their newest row. Told is what the
reader sees: of an allocation that they do not see whole their own line alone.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import sql

from nodehours.queries.asked import visible
from nodehours.queries.of import Of, of_asked, of_values
from nodehours.queries.owners import OWNED, owned_values, owners
from nodehours.queries.pool import Connection
from nodehours.queries.seen_usage import IN_PERIOD, period_values, scope_values, visible_whole
from nodehours.terms.identifiers import UNKNOWN
from nodehours.terms.month import Month
from nodehours.terms.period import Period
from nodehours.terms.scope import Scope
from nodehours.terms.statement import State, state_of

_USER_DAYS = """
with {owned},
called as (
    select user_id, coalesce((
        select username from usage_rows where usage_rows.user_id = owned.user_id and {which}
        order by year desc, month desc, id desc limit 1
    ), min(user_identifier collate "C")) as username
    from owned group by user_id
),
used as (
    select day, user_id, sum(node_seconds) as node_seconds, sum(jobs) as jobs, sum(wait_seconds) as wait_seconds
    from daily_usage left join owned using (allocation_id, local_user)
    where {which} and day >= %(since)s and day < %(before)s and ({visible} or user_id is not null)
    group by day, user_id
)
select day, users.uuid, coalesce(called.username, %(unknown)s), coalesce(full_name, ''), node_seconds, jobs,
       wait_seconds
from used
left join called using (user_id)
left join users on users.id = user_id
order by day, user_id is null, called.username collate "C", user_id
"""
_HOLDS = """
exists (select from associations where associations.user_id = used.user_id and {which} and retired_revision is null)
"""
# Who used nothing and is gone is no user of what is asked: such are those who were merged with somebody.
_USER_TOTALS = """
with used as (
    select user_id, sum(node_seconds) as node_seconds,
           (array_agg(usage_rows.username order by year desc, month desc, id desc))[1] as username,
           min(make_date(year, month, 1)) filter (where node_seconds > 0) as first_used,
           max(make_date(year, month, 1)) filter (where node_seconds > 0) as last_used,
           min(make_date(year, month, 1)) as first, max(make_date(year, month, 1)) as last
    from usage_rows
    where {which} and {when} and {visible}
    group by user_id
)
select users.uuid, used.username, coalesce(full_name, ''), node_seconds, coalesce(first_used, first),
       coalesce(last_used, last), user_id is not null and not holds
from used
left join users on users.id = user_id
cross join lateral (select {holds} as holds) as association
where node_seconds > 0 or user_id is null or holds
order by user_id is null, node_seconds desc, used.username collate "C", user_id
"""
_OF_USER = """
select year, month, projects.uuid, projects.identifier, allocations.uuid, resources.name, row.node_seconds,
       complete_days, is_restated
from usage_rows as row
join statements using (allocation_id, year, month)
join allocations on allocations.id = allocation_id
join projects on projects.id = project_id
join resources on resources.id = resource_id
where user_id = (select id from users where uuid = %(user)s) and {when} and {visible}
order by year, month, projects.identifier collate "C", resources.name collate "C", allocation_id
"""


class UserDay(NamedTuple):
    """What a user used on a day in node-seconds, their jobs and the seconds these waited.

    ``user`` is None for what nobody is known to own.
    """

    day: date
    user: UUID | None
    username: str
    full_name: str
    node_seconds: int
    jobs: int
    wait_seconds: int


class UserTotal(NamedTuple):
    """What a user used in a period, in node-seconds, from the ``first`` to the ``last`` month in which they did.

    Of who used nothing these are the months with rows of theirs. ``user`` None: the unattributed remainder. One
    ``is_leaver`` of whom no association holds any more in what is asked for.
    """

    user: UUID | None
    username: str
    full_name: str
    node_seconds: int
    first: Month
    last: Month
    is_leaver: bool


class UserMonth(NamedTuple):
    """A user's row, in node-seconds, and the state of its statement."""

    month: Month
    project: UUID
    project_identifier: str
    allocation: UUID
    resource: str
    node_seconds: int
    state: State


async def user_days(
    connection: Connection, scope: Scope, of: Of, since: date, before: date
) -> list[UserDay]:
    """Return what each used on each day from *since* up to, not including, *before*; by day, nobody's last."""
    query = sql.SQL(_USER_DAYS).format(
        owned=OWNED, which=of_asked(of), visible=visible_whole(scope)
    )
    values = of_values(scope, of) | owned_values(await owners(connection, scope, of))
    values |= {"since": since, "before": before, "unknown": UNKNOWN}
    found = await (await connection.execute(query, values)).fetchall()
    return [UserDay._make((*row[:4], *map(int, row[4:]))) for row in found]


async def user_totals(
    connection: Connection, scope: Scope, of: Of, period: Period
) -> list[UserTotal]:
    """Return what each used in *period*, the largest first and the unattributed remainder last."""
    which = of_asked(of)
    query = sql.SQL(_USER_TOTALS).format(
        which=which,
        when=IN_PERIOD,
        visible=visible(scope),
        holds=sql.SQL(_HOLDS).format(which=which),
    )
    values = of_values(scope, of) | period_values(period)
    found = await (await connection.execute(query, values)).fetchall()
    return [
        UserTotal._make((*row[:3], int(row[3]), *map(Month.of, row[4:6]), row[6])) for row in found
    ]


async def months_of_user(
    connection: Connection, scope: Scope, user: UUID, period: Period, now: datetime
) -> list[UserMonth]:
    """Return the visible rows of *user* in *period*, by month, project and resource, as certain as they are *now*."""
    query = sql.SQL(_OF_USER).format(when=IN_PERIOD, visible=visible(scope))
    values = scope_values(scope) | period_values(period) | {"user": user}
    found = await (await connection.execute(query, values)).fetchall()
    return [_user_month(Month(year, month), now, *told) for year, month, *told in found]


def _user_month(month: Month, now: datetime, *told: Any) -> UserMonth:
    *row, complete_days, is_restated = told
    return UserMonth._make(
        (month, *row, state_of(month, complete_days, now, is_restated=is_restated))
    )
