"""Statements and their rows as the ledger told them at a revision: what was reported, and when.

Only statements that are visible whole are told; names are those of then.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import sql
from psycopg.types.numeric import Int8

from nodehours.queries.names import Named
from nodehours.queries.pool import Connection
from nodehours.queries.relations import FORMER_PROJECT
from nodehours.terms.month import Month
from nodehours.terms.reckoned import RuleSince, read_rules
from nodehours.terms.scope import Scope
from nodehours.terms.statement import State, state_of

_ASKED = """
asked as (
    select s.allocation_id, s.year, s.month, allocations.uuid, resources.name as resource,
           coalesce(former.identifier, projects.identifier) as project
    from statements as s
    join allocations on allocations.id = s.allocation_id
    join resources on resources.id = resource_id
    join projects on projects.id = project_id
{former}
    where {visible} and {which} and {when} and {where}
)
"""
_STATEMENTS = """
with {asked}
select asked.allocation_id, asked.uuid, asked.project, asked.resource, asked.year, asked.month,
       told.complete_days, told.is_closed, told.is_restated, told.node_seconds, nobody.node_seconds, told.row_count,
       told.revision, revisions.recorded, told.sha256, reckoned.days, reckoned.rules
from asked
cross join lateral statement_at(asked.allocation_id, asked.year, asked.month, %(at)s) as told
cross join lateral usage_rows_at(asked.allocation_id, asked.year, asked.month, %(at)s) as nobody
join revisions on revisions.revision = told.revision
cross join lateral (
    select array_agg(day) as days, array_agg(rule) as rules
    from rules_at(asked.allocation_id, make_date(asked.year, asked.month, 1),
                  (make_date(asked.year, asked.month, 1) + interval '1 month')::date, %(at)s)
) as reckoned
where nobody.user_id is null
order by asked.year, asked.month, asked.project collate "C", asked.resource collate "C", asked.allocation_id
"""
# The same as usage_rows_at for each statement, but all at once: a report of everything has a great many rows.
_ROWS = """
with {asked},
former_names as (
    select distinct on (user_id) user_id, full_name from former_users
    where until_revision > %(at)s
    order by user_id, until_revision
)
select asked.allocation_id, asked.year, asked.month, row.id, users.uuid, coalesce(former.username, row.username),
       coalesce(former_names.full_name, users.full_name, ''), coalesce(former.node_seconds, row.node_seconds),
       coalesce(former.revision, row.revision)
from asked
join usage_rows as row using (allocation_id, year, month)
left join lateral (
    select username, node_seconds, revision from former_rows
    where usage_row_id = row.id and row.revision > %(at)s and until_revision > %(at)s
    order by until_revision limit 1
) as former on true
left join users on users.id = row.user_id
left join former_names on former_names.user_id = row.user_id
where row.first_revision <= %(at)s
order by asked.year, asked.month, asked.project collate "C", asked.resource collate "C", asked.allocation_id,
         row.user_id is null, coalesce(former.username, row.username) collate "C", row.id
"""

_ANY = sql.SQL("true")
_VISIBLE = sql.SQL("allocations.id = any(%(allocations)s)")
_OF_PROJECT = sql.SQL("projects.id = %(named)s")
_OF_ORGANISATION = sql.SQL("coalesce(former.organisation_id, projects.organisation_id) = %(named)s")
_OF_ALLOCATION = sql.SQL("allocations.id = %(allocation)s")
_WHEN = sql.SQL("(s.year, s.month) = (%(year)s, %(month)s)")
_WHERE = sql.SQL("resources.name = %(resource)s")


class StatementFilter(NamedTuple):
    """Which statements are asked for; None asks for all. ``allocation`` is an internal id."""

    named: Named | None = None
    month: Month | None = None
    resource: str | None = None
    allocation: int | None = None


class StatementThen(NamedTuple):
    """A statement as it was told; figures in node-seconds.

    ``id`` is the allocation's internal id, ``allocation`` its address; ``recorded`` is when ``revision``, under
    which it began to say this, was written down (UTC); ``rules`` those by which its days were reckoned.
    """

    id: int
    allocation: UUID
    project: str
    resource: str
    month: Month
    complete_days: int
    is_closed: bool
    is_restated: bool
    node_seconds: int
    unattributed: int
    row_count: int
    revision: int
    recorded: datetime
    sha256: bytes
    rules: tuple[RuleSince, ...] = ()

    def state(self, instant: datetime) -> State:
        """Tell the state in which it was at *instant*."""
        return state_of(self.month, self.complete_days, instant, is_restated=self.is_restated)


class RowThen(NamedTuple):
    """A usage row as it was told; ``user`` None: the unattributed row. ``revision``: it has said so since then."""

    allocation: int
    month: Month
    id: int
    user: UUID | None
    username: str
    full_name: str
    node_seconds: int
    revision: int


async def list_statements(
    connection: Connection, scope: Scope, asked: StatementFilter, *, at: int
) -> list[StatementThen]:
    """Return the statements asked for as of the revision *at*, by month, project and resource."""
    found = await _ask(connection, scope, _STATEMENTS, asked, at)
    return [_statement(row) for row in found]


async def list_rows(
    connection: Connection, scope: Scope, asked: StatementFilter, *, at: int
) -> list[RowThen]:
    """Return the rows of the statements asked for, in their order, by user identifier, nobody's last."""
    found = await _ask(connection, scope, _ROWS, asked, at)
    return [RowThen._make((row[0], Month(*row[1:3]), *row[3:])) for row in found]


def _statement(row: tuple[Any, ...]) -> StatementThen:
    *place, year, month = row[:6]
    *figures, days, rules = row[6:]
    reckoned = read_rules(zip(days or (), rules or (), strict=True))
    told = StatementThen._make((*place, Month(year, month), *figures, reckoned))
    return told._replace(recorded=told.recorded.astimezone(UTC))


async def _ask(
    connection: Connection, scope: Scope, query: str, asked: StatementFilter, at: int
) -> list[tuple[Any, ...]]:
    composed = sql.SQL(query).format(asked=_asked(scope, asked))
    month = asked.month
    values = {
        "at": Int8(at),
        "allocations": [Int8(allocation) for allocation in scope.allocations],
        "named": asked.named and Int8(asked.named.id),
        "year": month and month.year,
        "month": month and month.month,
        "resource": asked.resource,
        "allocation": asked.allocation and Int8(asked.allocation),
    }
    return await (await connection.execute(composed, values, binary=True)).fetchall()


def _asked(scope: Scope, asked: StatementFilter) -> sql.Composed:
    which: sql.SQL = _ANY
    if asked.named:
        which = _OF_PROJECT if asked.named.is_project else _OF_ORGANISATION
    elif asked.allocation is not None:
        which = _OF_ALLOCATION
    return sql.SQL(_ASKED).format(
        former=FORMER_PROJECT,
        visible=_ANY if scope.everything else _VISIBLE,
        which=which,
        when=_WHEN if asked.month else _ANY,
        where=_WHERE if asked.resource is not None else _ANY,
    )
