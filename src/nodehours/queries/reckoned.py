"""By which rules the days of some statements were reckoned, month by month, as of one revision."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

from psycopg import sql

from nodehours.queries.pool import Connection
from nodehours.terms.month import Month
from nodehours.terms.reckoned import AS_REPORTED

_RULES = """
select year, month, resource, rule, min(day), max(day)
from {statements}
cross join lateral usage_days_at(
    allocation_id, make_date(year, month, 1), (make_date(year, month, 1) + interval '1 month')::date, %(at)s) as days
group by year, month, resource, rule
order by year, month, resource collate "C", min(day), rule collate "C"
"""


class Reckoned(NamedTuple):
    """That days of a month on a resource are by one rule; ``first`` and ``last`` of these days."""

    month: Month
    resource: str
    rule: str
    first: date
    last: date

    @property
    def told(self) -> str:
        """The rule, as people read it."""
        return self.rule or AS_REPORTED


async def list_reckoned(
    connection: Connection, statements: sql.Composed, values: Mapping[str, object]
) -> list[Reckoned]:
    """Return the rules of *statements*, a relation that says of each its allocation, year, month and resource."""
    query = sql.SQL(_RULES).format(statements=statements)
    found = await (await connection.execute(query, values)).fetchall()
    return [Reckoned(Month(year, month), *told) for year, month, *told in found]
