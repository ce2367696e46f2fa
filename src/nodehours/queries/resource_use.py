"""What was used of each resource in a period, beside what it could give; for readers who see everything."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from psycopg import sql
from psycopg.types.numeric import Int8

from nodehours.queries.pool import Connection
from nodehours.queries.remembered import Remembered
from nodehours.queries.seen_usage import period_values, scope_values, seen_usage
from nodehours.terms.period import Period
from nodehours.terms.scope import Scope

_DAY_SECONDS = 86_400
_USED_BY_RESOURCE = """
select resource_id, sum(node_seconds)
from (select allocation_id, sum(node_seconds) as node_seconds from ({seen}) as seen group by allocation_id) as used
join allocations on allocations.id = allocation_id
group by resource_id
"""
_RESOURCES = """
select id, name, nodes from resources where id = any(%(resources)s) order by name collate "C"
"""


class ResourceUse(NamedTuple):
    """What was used of a resource in a period, and what all its ``nodes`` can do in its past days, in node-seconds.

    ``nodes`` and ``capacity`` are None when its size is not known. The size is that of today.
    """

    resource: str
    nodes: int | None
    node_seconds: int
    capacity: int | None


async def resource_use(
    connection: Connection, scope: Scope, period: Period, today: date
) -> list[ResourceUse]:
    """Return the resources with statements in *period*, by name; none for who does not see everything.

    Their capacity is that of the days of *period* before *today*.
    """
    if not scope.everything:
        return []
    used = await _BY_RESOURCE_KNOWN.answer(
        connection, scope, period, lambda: _ask_by_resource(connection, scope, period)
    )
    sizes = await connection.execute(_RESOURCES, {"resources": [Int8(one) for one in used]})
    seconds = _past_days(period, today) * _DAY_SECONDS
    return [
        ResourceUse(name, nodes, used[resource], None if nodes is None else nodes * seconds)
        for resource, name, nodes in await sizes.fetchall()
    ]


async def _ask_by_resource(connection: Connection, scope: Scope, period: Period) -> dict[int, int]:
    query = sql.SQL(_USED_BY_RESOURCE).format(seen=seen_usage(scope))
    found = await (
        await connection.execute(query, scope_values(scope) | period_values(period))
    ).fetchall()
    return {resource: int(used) for resource, used in found}


_BY_RESOURCE_KNOWN: Remembered[dict[int, int]] = Remembered()


def _past_days(period: Period, today: date) -> int:
    return max(0, (min(today, period.before.start) - period.since.start).days)
