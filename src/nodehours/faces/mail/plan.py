"""Which mails are due now, with all that they tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import NamedTuple

from nodehours.queries.daily import days
from nodehours.queries.mailing import MailedGrant, MailedProject, Recipient, mailed_projects
from nodehours.queries.of import Of
from nodehours.queries.pool import Connection, one_moment
from nodehours.terms.mailing import Due, Told, mail_due
from nodehours.terms.pace import PaceTold, pace_of
from nodehours.terms.scope import Scope


class GrantUse(NamedTuple):
    """A grant, what was used of it on each day that is known, in node-seconds, and its pace."""

    of: MailedGrant
    by_day: Mapping[date, int]
    pace: PaceTold

    @property
    def told(self) -> Told:
        """What a mail tells of it, as it is kept."""
        return Told(self.of.id, self.of.used, self.of.grant.node_limit)


class ProjectUse(NamedTuple):
    """A project, by internal id and identifier, and the use of its grants, by resource."""

    id: int
    identifier: str
    grants: Sequence[GrantUse]


class Planned(NamedTuple):
    """A mail that is due to somebody, about a project."""

    project: ProjectUse
    recipient: Recipient
    due: Due

    def threshold(self, one: GrantUse) -> int | None:
        """Return the threshold, in per cent, that this mail tells to be reached; None: none of that grant."""
        crossed = {each.allocation: each.percent for each in self.due.crossings}
        return crossed.get(one.of.id)


async def planned(
    connection: Connection, scope: Scope, now: datetime, zone: tzinfo
) -> list[Planned]:
    """Return the mails that are due *now*, by project and recipient, all told as of one moment."""
    today = now.astimezone(UTC).date()
    plan = []
    async with one_moment(connection):
        for project in await mailed_projects(connection, scope, today):
            if due := _due(project, now, zone):
                use = await _use(connection, scope, project, today)
                plan += [Planned(use, recipient, mail) for recipient, mail in due]
    return plan


def _due(project: MailedProject, now: datetime, zone: tzinfo) -> list[tuple[Recipient, Due]]:
    standings = [one.standing for one in project.grants]
    asked = [(one, mail_due(standings, one.mailed, now, zone)) for one in project.recipients]
    return [(one, due) for one, due in asked if due]


async def _use(
    connection: Connection, scope: Scope, project: MailedProject, today: date
) -> ProjectUse:
    grants = [await _grant_use(connection, scope, one, today) for one in project.grants]
    return ProjectUse(project.id, project.identifier, grants)


async def _grant_use(
    connection: Connection, scope: Scope, one: MailedGrant, today: date
) -> GrantUse:
    grant = one.grant
    before = grant.ends + timedelta(days=1)
    found = await days(connection, scope, Of(allocation=one.uuid), grant.starts, before)
    by_day = {each.day: each.node_seconds for each in found}
    return GrantUse(one, by_day, pace_of(grant, by_day, today))
