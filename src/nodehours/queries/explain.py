"""From a figure to what it was made of: days, components, attributions, documents, former values, and what waits.

All as it was at one revision of the ledger. What waits for a decision, and what is in quarantine, is told to those
only who see everything, and so are the names of documents.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date
from typing import Any

from psycopg import sql
from psycopg.types.numeric import Int8

from nodehours.queries.attribution import Attribution, attributions
from nodehours.queries.clock import Snapshot
from nodehours.queries.explanation import (
    Explanation,
    KnownDay,
    LocalUser,
    Origin,
    Pending,
    Quarantined,
    RowFigure,
    StatementFigure,
    Used,
)
from nodehours.queries.names import RowKey
from nodehours.queries.pool import Connection
from nodehours.queries.versions import row_versions, statement_versions
from nodehours.terms.month import Month
from nodehours.terms.reckoned import read_rules
from nodehours.terms.scope import Scope

_STATEMENT = """
select coalesce((
           select identifier from former_projects
           where project_id = projects.id and until_revision > %(at)s order by until_revision limit 1
       ), projects.identifier),
       resources.name, case when {whole} then told.node_seconds end, told.complete_days, told.is_closed,
       told.is_restated, told.revision
from allocations
join projects on projects.id = project_id
join resources on resources.id = resource_id
cross join lateral statement_at(allocations.id, %(year)s, %(month)s, %(at)s) as told
where allocations.id = %(allocation)s and ({whole} or exists (
    select from usage_rows where id = %(row)s and user_id = %(reader)s))
"""
_ROWS = """
select row.id, row.user_id, row.username, coalesce((
           select full_name from former_users
           where user_id = row.user_id and until_revision > %(at)s order by until_revision limit 1
       ), users.full_name, ''), row.node_seconds, row.revision
from usage_rows_at(%(allocation)s, %(year)s, %(month)s, %(at)s) as row
left join users on users.id = row.user_id
where {whole} or row.user_id = %(reader)s
order by row.user_id is null, row.username collate "C", row.id
"""
_DAYS = """
select day, is_complete, jobs, wait_seconds, node_seconds, revision
from usage_days_at(%(allocation)s, %(start)s, %(end)s, %(at)s)
order by day
"""
_RULES = "select day, rule from rules_at(%(allocation)s, %(start)s, %(end)s, %(at)s)"
_USED = """
select day, local_user, node_seconds, jobs, wait_seconds, revision
from daily_usage_at(%(allocation)s, %(start)s, %(end)s, %(at)s)
order by day, local_user collate "C"
"""
_COMPONENTS = """
select day, local_user, component, component_seconds
from daily_components_at(%(allocation)s, %(start)s, %(end)s, %(at)s)
order by component collate "C"
"""
_ORIGINS = """
select revisions.revision, revisions.recorded, revisions.kind, revisions.reason, runs.id, runs.source,
       case when {everything} then run_documents.name end,
       case when {everything} then run_documents.sha256 end
from revisions
left join run_documents on run_documents.id = document_id
left join runs on runs.id = run_id
where revision = any(%(revisions)s)
order by revision
"""
_PENDING = """
select id, made, reason, former_node_seconds, node_seconds,
       array(select jsonb_object_keys(days) as day order by day)
from pending
where (allocation_id, year, month) = (%(allocation)s, %(year)s, %(month)s)
    and made <= %(instant)s and (decided is null or decided > %(instant)s)
order by id
"""
# A record that names no month may be about any.
_QUARANTINED = """
select quarantine.id, place, reason, sentence
from quarantine
join allocations on allocations.id = %(allocation)s
join resources on resources.id = resource_id
where resource = resources.name
    and project in (select identifier from project_names where project_names.project_id = allocations.project_id)
    and (place ~ ('(^|[^0-9])' || %(named_month)s) or place !~ '[0-9]{{4}}-[0-9]{{2}}')
    and held <= %(instant)s and (decided is null or decided > %(instant)s)
order by quarantine.id
"""


async def explain_row(
    connection: Connection, scope: Scope, row: RowKey, snapshot: Snapshot
) -> Explanation | None:
    """Explain a usage row as it was; None when it was not there yet, or is not visible."""
    asking = _Asking(connection, scope, row, snapshot)
    statement = await asking.statement()
    found = next((one for one in await asking.rows() if one.id == row.id), None)
    if statement is None or found is None:
        return None
    versions = await row_versions(connection, scope, row, at=snapshot.revision)
    explained = await asking.explained(statement, lambda one: one.owner == row.user)
    mine = [one for one in explained.local_users if _concerns(one.attribution, row.user)]
    return explained._replace(row=found, rows=[found], local_users=mine, versions=versions)


async def explain_statement(
    connection: Connection, scope: Scope, allocation: int, month: Month, snapshot: Snapshot
) -> Explanation | None:
    """Explain a statement's total as it was; None when it was not there yet, or is not visible whole."""
    asking = _Asking(connection, scope, RowKey(0, allocation, month, None), snapshot)
    statement = await asking.statement()
    if statement is None or not asking.sees_whole:
        return None
    versions = await statement_versions(connection, scope, allocation, month, at=snapshot.revision)
    return (await asking.explained(statement, lambda _: True))._replace(versions=versions)


def _concerns(attribution: Attribution, user: int | None) -> bool:
    """Whether a local user is told of beside *user*'s row: it is theirs, or they claim it with others."""
    return attribution.owner == user or user in attribution.claimants


@dataclass(frozen=True, slots=True)
class _Asking:
    """Somebody asks about the figures of one statement at one moment."""

    connection: Connection
    scope: Scope
    key: RowKey
    snapshot: Snapshot

    @property
    def sees_whole(self) -> bool:
        """Whether all of the allocation is visible."""
        return self.scope.everything or self.key.allocation in self.scope.allocations

    async def explained(
        self, statement: StatementFigure, is_told: Callable[[Attribution], bool]
    ) -> Explanation:
        """Explain the usage of those local users whose attribution *is_told*."""
        known = await attributions(
            self.connection, self.scope, self.key.allocation, self.key.month,
            at=self.snapshot.revision,
        )  # fmt: skip
        every = await self.used()
        if not self.sees_whole:
            every = [one for one in every if one.local_user in known]
        local_users = _local_users(every, known)
        told = {one.attribution.local_user for one in local_users if is_told(one.attribution)}
        used = [one for one in every if one.local_user in told]
        return Explanation(
            self.key.month, self.snapshot, statement, None, await self.rows(), await self.days(), used,
            local_users, await self.origins(used), [], await self.pending(), await self.quarantined(),
            read_rules(await self.ask(_RULES)),
        )  # fmt: skip

    async def statement(self) -> StatementFigure | None:
        """The statement, if it is there and visible."""
        found = await self.ask(_STATEMENT)
        return StatementFigure(*found[0]) if found else None

    async def rows(self) -> list[RowFigure]:
        """The visible rows of the statement."""
        return [RowFigure(*row) for row in await self.ask(_ROWS)]

    async def days(self) -> list[KnownDay]:
        """The days known of the month, with the allocation's own totals."""
        return [KnownDay(*row) for row in await self.ask(_DAYS)] if self.sees_whole else []

    async def used(self) -> list[Used]:
        """What every local user used, day by day."""
        components: dict[tuple[date, str], dict[str, int]] = defaultdict(dict)
        for day, local_user, component, seconds in await self.ask(_COMPONENTS):
            components[day, local_user][component] = seconds
        return [Used._make((*row, components.get(row[:2], {}))) for row in await self.ask(_USED)]

    async def origins(self, used: Iterable[Used]) -> list[Origin]:
        """What brought those days."""
        revisions = sorted({one.revision for one in used})
        found = await self.ask(_ORIGINS, revisions=[Int8(revision) for revision in revisions])
        origins = [Origin(*row) for row in found]
        return [one._replace(recorded=one.recorded.astimezone(UTC)) for one in origins]

    async def pending(self) -> list[Pending]:
        """What waited for a decision."""
        if not self.scope.everything:
            return []
        found = [Pending(*row) for row in await self.ask(_PENDING)]
        return [one._replace(made=one.made.astimezone(UTC)) for one in found]

    async def quarantined(self) -> list[Quarantined]:
        """What was in quarantine."""
        if not self.scope.everything:
            return []
        return [Quarantined(*row) for row in await self.ask(_QUARANTINED)]

    async def ask(self, query: str, **more: object) -> list[tuple[Any, ...]]:
        """Return what *query* finds about the statement."""
        month = self.key.month
        values = {
            "row": Int8(self.key.id),
            "allocation": Int8(self.key.allocation),
            "year": month.year,
            "month": month.month,
            "named_month": str(month),
            "start": month.start,
            "end": month.end,
            "at": Int8(self.snapshot.revision),
            "instant": self.snapshot.instant,
            "reader": Int8(self.scope.reader),
        }
        composed = sql.SQL(query).format(
            everything=sql.Literal(self.scope.everything), whole=sql.Literal(self.sees_whole)
        )
        return await (await self.connection.execute(composed, values | more)).fetchall()


def _local_users(used: Iterable[Used], known: Mapping[str, Attribution]) -> list[LocalUser]:
    """Tell whose each local user with usage in the month was, in the order of their names."""
    sums: dict[str, int] = defaultdict(int)
    for one in used:
        sums[one.local_user] += one.node_seconds
    return [LocalUser(known.get(name, Attribution(name)), sums[name]) for name in sorted(sums)]
