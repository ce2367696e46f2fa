"""A resource's figures by project, local user and TRES: what is compared with Slurm's own account of usage."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final, NamedTuple

from psycopg.types.numeric import Int8

from nodehours.queries.pool import Connection, one_moment
from nodehours.terms.rule import BILLING, CPU, GPU, MEMORY, NODE, Kind, Rule
from nodehours.terms.scope import Scope

_REVISION = "select revision from ledger"
_ASKED = """
with asked as (
    select allocations.id as allocation_id, projects.identifier as project
    from allocations
    join projects on projects.id = allocations.project_id
    join resources on resources.id = resource_id
    where resources.name = %(resource)s and (%(everything)s or allocations.id = any(%(allocations)s))
)
"""
_FIGURES = f"""{_ASKED}
select project, local_user, '', sum(node_seconds) from asked join daily_usage using (allocation_id)
where day between %(first)s and %(last)s group by project, local_user
union all
select project, local_user, component, sum(component_seconds) from asked join daily_components using (allocation_id)
where day between %(first)s and %(last)s group by project, local_user, component
"""  # noqa: S608 - all of it is ours
_RULES = f"""{_ASKED}
select distinct rule from asked join usage_days using (allocation_id) join daily_usage using (allocation_id, day)
where day between %(first)s and %(last)s and daily_usage.node_seconds > 0
"""  # noqa: S608 - all of it is ours
_HELD = "select count(*) from quarantine where resource = %s and status = 'held'"

COMPONENTS: Final = {"cpu": CPU, "gpu": GPU, "memory": MEMORY, "billing": BILLING}
"""The components that the ledger keeps, and which TRES they are."""


class ReckonedFigures(NamedTuple):
    """Figures at one *revision*, in seconds of a TRES, by (project, local user) and TRES.

    ``rules`` are those that the days with usage carry. ``main`` is the TRES that node-seconds are of; '': of none.
    ``held`` counts the records that wait in quarantine.
    """

    revision: int
    figures: Mapping[tuple[tuple[str, str], str], int]
    rules: frozenset[str]
    main: str
    held: int


async def reckoned_figures(
    connection: Connection, scope: Scope, resource: str, first: date, last: date, rule: str
) -> ReckonedFigures:
    """Return the figures of the days from *first* to *last*; where none has usage, *rule* holds."""
    values = {
        "resource": resource, "first": first, "last": last, "everything": scope.everything,
        "allocations": [Int8(allocation) for allocation in scope.allocations],
    }  # fmt: skip
    async with one_moment(connection):
        ((revision,),) = await (await connection.execute(_REVISION)).fetchall()
        found = await (await connection.execute(_FIGURES, values)).fetchall()
        rules = {one for (one,) in await (await connection.execute(_RULES, values)).fetchall()}
        ((held,),) = await (await connection.execute(_HELD, [resource])).fetchall()
    main = _main(rules or {rule})
    figures = {
        ((project, user), COMPONENTS[component]): int(seconds)
        for project, user, component, seconds in found
        if component in COMPONENTS
    }
    if main:
        figures |= {
            ((project, user), main): int(seconds)
            for project, user, component, seconds in found
            if not component
        }
    return ReckonedFigures(int(revision), figures, frozenset(rules), main, int(held))


def _main(rules: set[str]) -> str:
    """Return the TRES that node-seconds by *rules* are the seconds of."""
    counted = {_counted(rule) for rule in rules}
    return counted.pop() if len(counted) == 1 else ""


def _counted(told: str) -> str:
    rule = Rule.parse(told) if told else None
    if rule is None or rule.kind is Kind.LARGEST_SHARE or rule.factor != 1:
        return ""
    return NODE if rule.kind is Kind.ALLOCATED_NODES else rule.tres
