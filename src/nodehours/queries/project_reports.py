"""The OpenPortal report of each project and month, as the ledger has it today: one for each statement.

A statement is told whole or not at all, so a report is there only for those who see the whole allocation. Reports
come in the order (year, month, allocation), which is total. However many a page has, it is read by as many
queries, all of one moment, and put together in a thread of its own: with hundreds of large reports that takes
seconds, in which the server goes on answering. User identifiers are those of the usage rows; who had used nothing
is called as when the statement was last told.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import sql
from psycopg.types.numeric import Int8

from nodehours.queries.attribution import Attribution, attributed
from nodehours.queries.pool import Connection, one_moment
from nodehours.terms.month import Month
from nodehours.terms.project_report import (
    ProjectUsageReport,
    project_report,
    read_report_id,
    report_id,
)
from nodehours.terms.scope import Scope
from nodehours.terms.usage import Component, DailyUsage, Day

_COUNT = "select count(*) from {statements} where {wanted}"
# A statement was last told by its last posting; closing a month does not tell it.
_PAGE = """
select page.*, told.revision, revisions.recorded
from (
    select s.allocation_id, s.year, s.month, projects.identifier, projects.uuid, resources.name, {is_complete}
    from {statements} where {wanted}
    order by s.year, s.month, s.allocation_id offset %(offset)s limit %(limit)s
) as page
cross join lateral (
    select max(revision) as revision from postings
    where (allocation_id, year, month) = (page.allocation_id, page.year, page.month)
) as told
join revisions on revisions.revision = told.revision
order by page.year, page.month, page.allocation_id
"""
_STATEMENTS = sql.SQL("""
    statements as s
    join allocations on allocations.id = s.allocation_id
    join projects on projects.id = project_id
    join resources on resources.id = resource_id
""")
_IS_COMPLETE = sql.SQL("""
    (make_date(s.year, s.month, 1) + interval '1 month' <= now() at time zone 'UTC' and s.complete_days = extract(
        day from make_date(s.year, s.month, 1) + interval '1 month' - interval '1 day'))
""")
_ASKED = sql.SQL("""
    unnest(%(allocations)s::bigint[], %(starts)s::date[], %(ends)s::date[], %(revisions)s::bigint[],
           %(told)s::timestamptz[]) with ordinality as asked (allocation, starts, ends, revision, told, place)
""")

_DAYS = """
select place - 1, day, is_complete, jobs, wait_seconds
from {asked} join usage_days on allocation_id = allocation and day >= starts and day < ends
"""
_USED = """
select place - 1, day, local_user, node_seconds, jobs, wait_seconds
from {asked} join daily_usage on allocation_id = allocation and day >= starts and day < ends
"""
_COMPONENTS = """
select place - 1, day, local_user, component, component_seconds
from {asked} join daily_components on allocation_id = allocation and day >= starts and day < ends
"""
_CLAIMS = """
select place - 1, local_user, user_identifier, user_id, created
from {asked} join associations on allocation_id = allocation
    and created <= told and (retired_revision is null or retired_revision > asked.revision)
order by place, local_user collate "C", user_identifier collate "C"
"""
_USERNAMES = """
select place - 1, user_id, username
from {asked} join usage_rows as row on allocation_id = allocation
    and (year, month) = (extract(year from starts), extract(month from starts))
where user_id is not null
"""

_WANTED = {
    "year": sql.SQL("s.year = %(year)s"),
    "month": sql.SQL("s.month = %(month)s"),
    "project_identifier": sql.SQL(
        "projects.id = (select project_id from project_names where identifier = %(project_identifier)s)"
    ),
    "project": sql.SQL("projects.uuid = %(project)s"),
    "resource": sql.SQL("resources.name = %(resource)s"),
    "is_complete": sql.SQL("%(is_complete)s = ") + _IS_COMPLETE,
    "id": sql.SQL("(s.allocation_id, s.year, s.month) = (%(of)s, %(of_year)s, %(of_month)s)"),
}
_NOTHING = sql.SQL("false")
_VISIBLE = sql.SQL("s.allocation_id = any(%(visible)s)")


class ReportFilter(NamedTuple):
    """Which reports are asked for; None asks for all.

    ``project_identifier`` is a project's name of today or one that it had before, ``project`` its address,
    ``resource`` a name, ``id`` that of one report.
    """

    year: int | None = None
    month: int | None = None
    project_identifier: str | None = None
    project: UUID | None = None
    resource: str | None = None
    is_complete: bool | None = None
    id: int | None = None


class ReportRow(NamedTuple):
    """The report of a project on one resource in one month.

    It ``is_complete`` when the month is over (UTC) and all its days are known completely.
    """

    id: int
    year: int
    month: int
    project_identifier: str
    project: UUID
    resource: str
    is_complete: bool
    report: ProjectUsageReport


class _Statement(NamedTuple):
    """A statement of the page, and when it was last told: under which revision, and at which instant."""

    allocation: int
    year: int
    month: int
    project_identifier: str
    project: UUID
    resource: str
    is_complete: bool
    revision: int
    told: datetime

    @property
    def of_month(self) -> Month:
        return Month(self.year, self.month)

    def row(self, report: ProjectUsageReport) -> ReportRow:
        """Put the *report* beside what it is of."""
        of = self[1:7]
        return ReportRow._make((report_id(self.allocation, self.of_month), *of, report))


async def list_reports(
    connection: Connection, scope: Scope, asked: ReportFilter, *, offset: int, limit: int
) -> tuple[int, list[ReportRow]]:
    """Return how many reports asked for are visible, and up to *limit* of them after the first *offset*."""
    async with one_moment(connection):
        total = await count_reports(connection, scope, asked)
        place = {"offset": Int8(offset), "limit": Int8(limit)}
        found = await _ask(connection, scope, _PAGE, asked, **place)
        page = [_Statement._make(row) for row in found]
        facts = await _facts(connection, page)
    return total, await asyncio.to_thread(_reported, page, facts)


async def count_reports(connection: Connection, scope: Scope, asked: ReportFilter) -> int:
    """Return how many reports asked for are visible."""
    ((count,),) = await _ask(connection, scope, _COUNT, asked)
    return int(count)


async def find_report(connection: Connection, scope: Scope, number: int) -> ReportRow | None:
    """Return the report whose ``id`` is *number*; None when none is visible."""
    asked = ReportFilter(id=number)
    _, found = await list_reports(connection, scope, asked, offset=0, limit=1)
    return found[0] if found else None


async def _ask(
    connection: Connection, scope: Scope, query: str, asked: ReportFilter, **values: object
) -> list[tuple[Any, ...]]:
    composed = sql.SQL(query).format(
        statements=_STATEMENTS, wanted=_wanted(scope, asked), is_complete=_IS_COMPLETE
    )
    values |= asked._asdict() | _of(asked)
    values["visible"] = [Int8(allocation) for allocation in scope.allocations]
    return await (await connection.execute(composed, values, binary=True)).fetchall()


def _wanted(scope: Scope, asked: ReportFilter) -> sql.Composed:
    wanted: list[sql.Composable] = [
        _WANTED[name] for name, value in asked._asdict().items() if value is not None
    ]
    if not scope.everything:
        wanted.append(_VISIBLE)
    if asked.id is not None and not _of(asked):
        wanted = [_NOTHING]
    return sql.SQL(" and ").join(wanted or [sql.SQL("true")])


def _of(asked: ReportFilter) -> dict[str, object]:
    """Tell of which statement the report asked for by its id is; nothing for what is none."""
    try:
        allocation, month = read_report_id(asked.id or 0)
    except ValueError:
        return {}
    return {"of": Int8(allocation), "of_year": month.year, "of_month": month.month}


class _Facts(NamedTuple):
    """What the statements of a page are made of, as it was found; each begins with its statement's place there."""

    days: list[tuple[Any, ...]]
    used: list[tuple[Any, ...]]
    components: list[tuple[Any, ...]]
    claims: list[tuple[Any, ...]]
    usernames: list[tuple[Any, ...]]


async def _facts(connection: Connection, page: Sequence[_Statement]) -> _Facts:
    values = {
        "allocations": [Int8(one.allocation) for one in page],
        "starts": [one.of_month.start for one in page],
        "ends": [one.of_month.end for one in page],
        "revisions": [Int8(one.revision) for one in page],
        "told": [one.told for one in page],
    }
    found = []
    for query in (_DAYS, _USED, _COMPONENTS, _CLAIMS, _USERNAMES):
        composed = sql.SQL(query).format(asked=_ASKED)
        cursor = await connection.execute(composed, values, binary=True)
        found.append(await cursor.fetchall())
    return _Facts(*found)


def _reported(page: Sequence[_Statement], facts: _Facts) -> list[ReportRow]:
    days, owners = _days(page, facts), _owners(page, facts)
    return [
        one.row(project_report(one.project_identifier, days[place], owners[place]))
        for place, one in enumerate(page)
    ]


def _days(page: Sequence[_Statement], facts: _Facts) -> list[dict[date, Day]]:
    used: dict[tuple[int, date], dict[str, DailyUsage]] = defaultdict(dict)
    for place, day, local_user, *figures in facts.used:
        used[place, day][local_user] = DailyUsage._make(figures)
    components: dict[tuple[int, date], dict[Component, int]] = defaultdict(dict)
    for place, day, local_user, component, seconds in facts.components:
        components[place, day][Component(local_user, component)] = seconds
    days: list[dict[date, Day]] = [{} for _ in page]
    for place, day, is_complete, jobs, wait_seconds in facts.days:
        of = used.get((place, day), {}), components.get((place, day), {})
        days[place][day] = Day(is_complete, jobs, wait_seconds, *of)
    return days


def _owners(page: Sequence[_Statement], facts: _Facts) -> list[dict[str, str | None]]:
    claims: list[list[tuple[str, str, int, datetime]]] = [[] for _ in page]
    for place, local_user, user_identifier, user, since in facts.claims:
        claims[place].append((local_user, user_identifier, user, since))
    usernames: list[dict[int, str]] = [{} for _ in page]
    for place, user, username in facts.usernames:
        usernames[place][user] = username
    return [
        {
            name: _owner(one, usernames[place], statement.project_identifier)
            for name, one in attributed(claims[place]).items()
        }
        for place, statement in enumerate(page)
    ]


def _owner(one: Attribution, usernames: Mapping[int, str], project: str) -> str | None:
    """Name the owner of a local user as their usage row does; without a row, as one of the *project* of today."""
    if one.owner is None:
        return None
    if one.owner in usernames:
        return usernames[one.owner]
    named = (claim.user_identifier for claim in one.claims)
    return next((name for name in named if name.endswith(f".{project}")), None)
