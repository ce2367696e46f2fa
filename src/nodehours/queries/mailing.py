"""Whom mail about projects goes to, how the grants of these stand today, and what was mailed before.

Mail goes to the managers of a project and the owners of its organisation: they see its allocations whole. A grant is
told of from its first day to its last one, when its limit was said and is more than nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple
from uuid import UUID

from psycopg.types.numeric import Int8

from nodehours.queries.pool import Connection
from nodehours.queries.visibility import in_utc
from nodehours.terms.mailing import REPORT_DAYS, Mailed, Standing, Told
from nodehours.terms.pace import Grant
from nodehours.terms.scope import Scope

_RUNNING = """
select projects.id, projects.identifier, allocations.id, allocations.uuid, resources.name,
       starts, ends, node_limit_node_seconds, used.node_seconds
from allocations
join projects on projects.id = project_id
join resources on resources.id = resource_id
cross join lateral (
    select coalesce(sum(node_seconds), 0) as node_seconds from usage_days
    where allocation_id = allocations.id and day between starts and ends
) as used
where %(today)s between starts and ends and node_limit_node_seconds > 0
order by projects.identifier collate "C", projects.id, resources.name collate "C"
"""
# Who is manager and owner is told to be manager.
_RECIPIENTS = """
select projects.id, users.id, users.username, users.email, min(role),
       case min(role) when 'manager' then projects.identifier else organisations.identifier end
from projects
join organisations on organisations.id = projects.organisation_id
join roles on (role = 'manager' and roles.project_id = projects.id)
    or (role = 'owner' and roles.organisation_id = projects.organisation_id)
join users on users.id = roles.user_id
where projects.id = any(%(projects)s) and users.is_active and users.wants_mail and users.email <> ''
group by projects.id, organisations.id, users.id
order by projects.id, users.username collate "C"
"""
_MAILED = """
select mails.project_id, mails.user_id, is_report, tries, claimed, sent, mails.id,
       allocation_id, node_seconds, node_limit_node_seconds
from unnest(%(projects)s::bigint[], %(since)s::date[]) as asked (project_id, since)
join mails on mails.project_id = asked.project_id
    and claimed >= asked.since::timestamp at time zone 'UTC'
left join mail_figures on mail_id = mails.id
order by mails.id
"""


class MailedGrant(NamedTuple):
    """An allocation that is granted today, by its internal id and its UUID; ``used`` of its limit are node-seconds."""

    id: int
    uuid: UUID
    resource: str
    grant: Grant
    used: int

    @property
    def standing(self) -> Standing:
        """How it stands today."""
        return Standing(self.id, self.grant.starts, self.used, self.grant.node_limit)


class Recipient(NamedTuple):
    """Somebody to be mailed, by internal id: ``role`` is what they are, of what is called ``of``."""

    user: int
    username: str
    email: str
    role: str
    of: str
    mailed: Sequence[Mailed]


class MailedProject(NamedTuple):
    """A project, by internal id and identifier, with its grants of today, by resource, and who is to be mailed."""

    id: int
    identifier: str
    grants: Sequence[MailedGrant]
    recipients: Sequence[Recipient]


async def mailed_projects(
    connection: Connection, scope: Scope, today: date
) -> Sequence[MailedProject]:
    """Return the projects with a grant on *today* (UTC), by identifier; none for who does not see everything."""
    if not scope.everything:
        return []
    found = await (await connection.execute(_RUNNING, {"today": today})).fetchall()
    running = {
        key: [_grant(row[2:]) for row in rows] for key, rows in groupby(found, itemgetter(0, 1))
    }
    since = {project: _since(grants, today) for (project, _), grants in running.items()}
    recipients = await _recipients(connection, since)
    return [
        MailedProject(project, identifier, grants, recipients.get(project, []))
        for (project, identifier), grants in running.items()
    ]


def _grant(columns: Sequence[Any]) -> MailedGrant:
    id_, uuid, resource, *grant, used = columns
    return MailedGrant(id_, uuid, resource, Grant._make(grant), int(used))


def _since(grants: Iterable[MailedGrant], today: date) -> date:
    """Return from when on mails count: of older ones neither a report nor a threshold is remembered."""
    starts = min(one.grant.starts for one in grants)
    return min(starts, today - timedelta(days=REPORT_DAYS + 1))


async def _recipients(
    connection: Connection, since: Mapping[int, date]
) -> Mapping[int, Sequence[Recipient]]:
    asked = {"projects": [Int8(project) for project in since], "since": list(since.values())}
    mailed = await _mailed(connection, asked)
    found = await (await connection.execute(_RECIPIENTS, asked)).fetchall()
    return {
        project: [Recipient._make((*row[1:], mailed.get((project, row[1]), []))) for row in rows]
        for project, rows in groupby(found, itemgetter(0))
    }


async def _mailed(
    connection: Connection, asked: Mapping[str, object]
) -> Mapping[tuple[int, int], Sequence[Mailed]]:
    """Return what was mailed, by project and user."""
    found = await (await connection.execute(_MAILED, asked)).fetchall()
    mailed = defaultdict(list)
    for (project, user, *mail, _), rows in groupby(found, itemgetter(*range(7))):
        told = [Told(*row[7:]) for row in rows if row[7] is not None]
        mailed[project, user].append(Mailed._make((*map(in_utc, mail), told)))
    return mailed
