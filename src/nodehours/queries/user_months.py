"""The users of a project or an allocation by month, from the usage rows: what adds up to the statements."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from psycopg import sql

from nodehours.queries.asked import visible
from nodehours.queries.of import Of, of_asked, of_values
from nodehours.queries.pool import Connection
from nodehours.queries.seen_usage import IN_PERIOD, period_values
from nodehours.terms.month import Month
from nodehours.terms.period import Period
from nodehours.terms.scope import Scope

_QUERY = """
select year, month, users.uuid, sum(node_seconds)
from usage_rows left join users on users.id = user_id
where {which} and {when} and {visible} and node_seconds > 0
group by year, month, user_id, users.uuid
order by year, month, user_id is null, sum(node_seconds) desc, user_id
"""


class MonthOfUser(NamedTuple):
    """What a user used in a month, in node-seconds; ``user`` None: what no known user owns."""

    month: Month
    user: UUID | None
    node_seconds: int


async def user_months(
    connection: Connection, scope: Scope, of: Of, period: Period
) -> list[MonthOfUser]:
    """Return what each used in each month of *period*, by month, the largest first; who used nothing is not there."""
    query = sql.SQL(_QUERY).format(which=of_asked(of), when=IN_PERIOD, visible=visible(scope))
    values = of_values(scope, of) | period_values(period)
    found = await (await connection.execute(query, values)).fetchall()
    return [MonthOfUser(Month(year, month), user, int(used)) for year, month, user, used in found]
