"""Which days the ledger knows that were reckoned from job logs: a day that no job is of any more is told as empty."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

from nodehours.ledger.directory import associations
from nodehours.ledger.store import Connection
from nodehours.terms.identifiers import ProjectIdentifier
from nodehours.terms.month import Month
from nodehours.terms.usage import Claim

_LIST_DAYS = """
select projects.identifier, array(select identifier from project_names where project_id = projects.id),
       array_agg(day order by day)
from usage_days
join allocations on allocations.id = allocation_id
join projects on projects.id = project_id
join resources on resources.id = resource_id
where resources.name = %s and rule <> '' and day >= %s and day < %s
group by projects.id, projects.identifier
order by projects.identifier
"""
_HAS_DAYS = """
select exists(
    select from usage_days join allocations on allocations.id = allocation_id
    join resources on resources.id = resource_id where resources.name = %s and rule <> ''
)
"""
_FIND_ALLOCATION = """
select allocations.id, projects.identifier from allocations
join project_names using (project_id)
join projects on projects.id = allocations.project_id
join resources on resources.id = resource_id
where project_names.identifier = %s and resources.name = %s
"""


class ReckonedDays(NamedTuple):
    """A project by its name of today, all the names it ever had, and its days that carry a rule."""

    project: ProjectIdentifier
    names: frozenset[str]
    days: frozenset[date]


def has_reckoned_days(connection: Connection, resource: str) -> bool:
    """Tell whether any day on *resource* carries a rule."""
    ((found,),) = connection.execute(_HAS_DAYS, [resource]).fetchall()
    return bool(found)


def reckoned_days(connection: Connection, resource: str, month: Month) -> list[ReckonedDays]:
    """Return the days of *month* on *resource* that carry a rule, by project."""
    found = connection.execute(_LIST_DAYS, [resource, month.start, month.end])
    return [
        ReckonedDays(ProjectIdentifier.parse(project), frozenset(names), frozenset(days))
        for project, names, days in found
    ]


def misclaimed(
    connection: Connection,
    project: ProjectIdentifier,
    resource: str,
    wanted: Mapping[str, Claim | None],
) -> list[str]:
    """Return the local users of *project* on *resource* that somebody else has than *wanted* says (None: nobody)."""
    row = connection.execute(_FIND_ALLOCATION, [str(project), resource]).fetchone()
    if row is None:
        return []
    claims = associations(connection, int(row[0])).claims
    held = {name: {one for one in claims if one.local_user == name} for name in wanted}
    return [name for name, claim in wanted.items() if held[name] != ({claim} if claim else set())]
