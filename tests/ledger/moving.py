"""Ledgers in which projects are renamed and users merged, and what they said before."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

from nodehours.ledger.clock import Origin
from nodehours.ledger.post import MonthPosted, current_revision, post
from nodehours.ledger.store import Connection
from nodehours.terms.identifiers import ProjectIdentifier, UserIdentifier
from nodehours.terms.month import Month
from nodehours.terms.usage import Claim, DailyUsage, Day, ProjectUsage

STAFF = Origin(None, "", "carol")
CLIMATE = ProjectIdentifier.parse("climate.brics")
WEATHER = ProjectIdentifier.parse("weather.brics")
OCEAN = ProjectIdentifier.parse("ocean.brics")
MARCH = Month(2026, 3)

_ROWS_NOW = """
select row.id, allocation_id, year, month, user_id, row.username, node_seconds, coalesce(full_name, '')
from usage_rows as row left join users on users.id = user_id
"""
_ROWS_AT = """
select told.id, allocation_id, year, month, told.user_id, told.username, told.node_seconds, coalesce(
    (select full_name from former_users where user_id = told.user_id and until_revision > %(at)s
     order by until_revision limit 1), users.full_name, '')
from statements, usage_rows_at(allocation_id, year, month, %(at)s) as told
left join users on users.id = told.user_id
"""
_PROJECTS_NOW = "select id, identifier, organisation_id from projects"
_PROJECTS_AT = """
select id, coalesce(former.identifier, projects.identifier), coalesce(former.organisation_id, projects.organisation_id)
from projects left join lateral (
    select identifier, organisation_id from former_projects
    where project_id = projects.id and until_revision > %(at)s order by until_revision limit 1
) as former on true
where id = any(%(projects)s)
"""
_STATEMENTS_NOW = """
select allocation_id, year, month, node_seconds, complete_days, row_count, is_closed, is_restated, sha256
from statements
"""
_STATEMENTS_AT = """
select allocation_id, year, month, told.node_seconds, told.complete_days, told.row_count, told.is_closed,
       told.is_restated, told.sha256
from statements, statement_at(allocation_id, year, month, %(at)s) as told
"""
_ROWS = """
select projects.identifier, format('%s-%s', year, lpad(month::text, 2, '0')), row.username, row.node_seconds
from usage_rows as row
join allocations on allocations.id = allocation_id
join projects on projects.id = project_id
order by 1, 2, 3, 4 desc
"""


class Told(NamedTuple):
    """What a ledger tells at a revision: every row with the name beside it, every statement, every project."""

    revision: int
    rows: frozenset[tuple[Any, ...]]
    statements: frozenset[tuple[Any, ...]]
    projects: frozenset[tuple[Any, ...]]


def told(connection: Connection) -> Told:
    """What *connection*'s ledger tells now."""
    each = (_ROWS_NOW, _STATEMENTS_NOW, _PROJECTS_NOW)
    return Told(current_revision(connection), *(frozenset(connection.execute(q)) for q in each))


def assert_still_told(connection: Connection, before: Told) -> None:
    """As of its revision, the ledger tells just what it told then."""
    values = {"at": before.revision, "projects": [project for project, *_ in before.projects]}
    each = (_ROWS_AT, _STATEMENTS_AT, _PROJECTS_AT)
    then = [frozenset(connection.execute(q, values)) for q in each]
    assert Told(before.revision, *then) == before


def totals(of: Told) -> dict[tuple[Any, ...], int]:
    """Σ of each statement."""
    return {(allocation, y, m): total for allocation, y, m, total, *_ in of.statements}


def places(of: Told) -> dict[int, tuple[Any, ...]]:
    """Of which allocation, month and user each row is, by its id."""
    return {row_id: tuple(place) for row_id, *place, _, _, _ in of.rows}


def report(
    connection: Connection,
    used: Mapping[str, Mapping[str, int]],
    project: ProjectIdentifier = CLIMATE,
    resource: str = "isca",
    *,
    rule: str = "",
    **users: str,
) -> list[MonthPosted]:
    """Post complete days of node-seconds by local user; *users* maps users to local users."""
    days = {
        date.fromisoformat(day): Day(
            is_complete=True,
            usage={name: DailyUsage(seconds) for name, seconds in by.items()},
            rule=rule,
        )
        for day, by in used.items()
    }
    claims = {
        Claim(local, UserIdentifier(user, project.project, project.portal))
        for user, local in users.items()
    }
    return post(connection, ProjectUsage(project, days, frozenset(claims)), resource, Origin())


def whole_month(month: Month, **used: int) -> dict[str, dict[str, int]]:
    """Every day of *month*; all that was used, on the first."""
    days = [str(month.start.replace(day=day)) for day in range(1, month.day_count + 1)]
    return {day: used if day == days[0] else {} for day in days}


def rows(connection: Connection) -> list[tuple[Any, ...]]:
    """Every row: (project, month, username, node-seconds)."""
    return connection.execute(_ROWS).fetchall()


def revisions(connection: Connection) -> list[tuple[Any, ...]]:
    """Every revision that is no posting: (revision, kind, reason, by whom)."""
    return connection.execute(
        "select revision, kind, reason, by_whom from revisions where kind <> 'posting' order by 1"
    ).fetchall()
