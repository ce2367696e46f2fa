"""The days of an allocation in the store: daily usage by local user, components beside it.

A day that is told anew changes only the cells that differ; what they were, the database keeps.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date

from nodehours.ledger.cells import COMPONENTS, USAGE, Key, write_cells
from nodehours.ledger.store import Connection
from nodehours.terms.content import digest
from nodehours.terms.days import DayDigest
from nodehours.terms.month import Month
from nodehours.terms.usage import Component, DailyUsage, Day

_LIST_DIGESTS = """
select day, is_complete, node_seconds, sha256 from usage_days where allocation_id = %s and day >= %s and day < %s
"""
_LIST_DAYS = """
select day, is_complete, jobs, wait_seconds, rule from usage_days
where allocation_id = %s and day >= %s and day < %s
"""
_LIST_USAGE = """
select day, local_user, node_seconds, jobs, wait_seconds from daily_usage
where allocation_id = %s and day >= %s and day < %s
"""
_LIST_COMPONENTS = """
select day, local_user, component, component_seconds from daily_components
where allocation_id = %s and day = any(%s)
"""
_MONTHS_USING = """
select distinct extract(year from day)::int, extract(month from day)::int from daily_usage
where allocation_id = %s and local_user = any(%s)
"""
_MONTHS = "select year, month from statements where allocation_id = %s"
_WRITE_DAY = """
insert into usage_days (allocation_id, day, is_complete, jobs, wait_seconds, node_seconds, sha256, rule, revision)
select %s, day, is_complete, jobs, wait_seconds, node_seconds, sha256, rule, %s
from unnest(%s::date[], %s::boolean[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bytea[], %s::text[])
    as new (day, is_complete, jobs, wait_seconds, node_seconds, sha256, rule)
on conflict (allocation_id, day) do update
set is_complete = excluded.is_complete, jobs = excluded.jobs, wait_seconds = excluded.wait_seconds,
    node_seconds = excluded.node_seconds, sha256 = excluded.sha256, rule = excluded.rule,
    revision = excluded.revision
"""


def known_digests(connection: Connection, allocation: int, month: Month) -> dict[date, DayDigest]:
    """Return what the days of *month* that the ledger knows of *allocation* are told by."""
    span = (allocation, month.start, month.end)
    return {
        day: DayDigest(*told) for day, *told in connection.execute(_LIST_DIGESTS, span, binary=True)
    }


def known_days(
    connection: Connection, allocation: int, month: Month, whole: Collection[date]
) -> dict[date, Day]:
    """Return the days of *month* that the ledger knows of *allocation*; those of *whole* with their components."""
    span = (allocation, month.start, month.end)
    usage: dict[date, dict[str, DailyUsage]] = {}
    for day, local_user, *figures in connection.execute(_LIST_USAGE, span, binary=True):
        usage.setdefault(day, {})[local_user] = DailyUsage(*figures)
    components: dict[date, dict[Component, int]] = {}
    for day, local_user, component, seconds in connection.execute(
        _LIST_COMPONENTS, [allocation, list(whole)], binary=True
    ):
        components.setdefault(day, {})[Component(local_user, component)] = seconds
    return {
        day: Day(is_complete, jobs, wait_seconds, usage.get(day, {}), components.get(day, {}), rule)
        for day, is_complete, jobs, wait_seconds, rule in connection.execute(
            _LIST_DAYS, span, binary=True
        )
    }


def known_months(connection: Connection, allocation: int) -> list[Month]:
    """Return the months of which *allocation* has a statement."""
    return [Month(*row) for row in connection.execute(_MONTHS, [allocation])]


def months_using(
    connection: Connection, allocation: int, local_users: Collection[str]
) -> list[Month]:
    """Return the months in which any of *local_users* has daily usage."""
    if not local_users:
        return []
    return [
        Month(*row) for row in connection.execute(_MONTHS_USING, [allocation, list(local_users)])
    ]


def write_days(
    connection: Connection,
    allocation: int,
    days: Mapping[date, Day],
    known: Mapping[date, Day],
    revision: int,
) -> None:
    """Write *days* whole under *revision*, in place of what was *known* of them."""
    if not days:
        return
    digests = [digest(day, whole) for day, whole in days.items()]
    columns = [
        list(days),
        [whole.is_complete for whole in days.values()],
        [whole.jobs for whole in days.values()],
        [whole.wait_seconds for whole in days.values()],
        [told.node_seconds for told in digests],
        [told.sha256 for told in digests],
        [whole.rule for whole in days.values()],
    ]
    connection.execute(_WRITE_DAY, [allocation, revision, *columns])
    before = {day: known[day] for day in days if day in known}
    old, new = _usage_cells(allocation, before), _usage_cells(allocation, days)
    write_cells(connection, USAGE, old, new, revision)
    old, new = _component_cells(allocation, before), _component_cells(allocation, days)
    write_cells(connection, COMPONENTS, old, new, revision)


def _usage_cells(allocation: int, days: Mapping[date, Day]) -> dict[Key, tuple[int, ...]]:
    return {
        (allocation, day, local_user): used
        for day, whole in days.items()
        for local_user, used in whole.usage.items()
    }


def _component_cells(allocation: int, days: Mapping[date, Day]) -> dict[Key, tuple[int, ...]]:
    return {
        (allocation, day, *component): (seconds,)
        for day, whole in days.items()
        for component, seconds in whole.components.items()
    }
