"""The days of an allocation in the store: daily usage by local user, components beside it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date

from psycopg import sql

from nodehours.ledger.store import Connection
from nodehours.terms.month import Month
from nodehours.terms.usage import Component, DailyUsage, Day

_LIST_DAYS = """
select day, is_complete, jobs, wait_seconds from usage_days
where allocation_id = %s and day >= %s and day < %s
"""
_LIST_USAGE = """
select day, local_user, node_seconds, jobs, wait_seconds from daily_usage
where allocation_id = %s and day >= %s and day < %s
"""
_LIST_COMPONENTS = """
select day, local_user, component, component_seconds from daily_components
where allocation_id = %s and day >= %s and day < %s
"""
_MONTHS_USING = """
select distinct extract(year from day)::int, extract(month from day)::int from daily_usage
where allocation_id = %s and local_user = any(%s)
"""
_FORGET_USAGE = "delete from daily_usage where allocation_id = %s and day = any(%s)"
_FORGET_COMPONENTS = "delete from daily_components where allocation_id = %s and day = any(%s)"
_WRITE_DAY = """
insert into usage_days (allocation_id, day, is_complete, jobs, wait_seconds, revision)
select %s, day, is_complete, jobs, wait_seconds, %s
from unnest(%s::date[], %s::boolean[], %s::bigint[], %s::bigint[]) as new (day, is_complete, jobs, wait_seconds)
on conflict (allocation_id, day) do update
set is_complete = excluded.is_complete, jobs = excluded.jobs, wait_seconds = excluded.wait_seconds,
    revision = excluded.revision
"""
_USAGE_COLUMNS = {
    "allocation_id": "int8",
    "day": "date",
    "local_user": "text",
    "node_seconds": "int8",
    "jobs": "int8",
    "wait_seconds": "int8",
}
_COMPONENT_COLUMNS = {
    "allocation_id": "int8",
    "day": "date",
    "local_user": "text",
    "component": "text",
    "component_seconds": "int8",
}


def known_days(connection: Connection, allocation: int, month: Month) -> dict[date, Day]:
    """Return the days of *month* that the ledger knows of *allocation*."""
    span = (allocation, month.start, month.end)
    usage: dict[date, dict[str, DailyUsage]] = {}
    for day, local_user, *figures in connection.execute(_LIST_USAGE, span, binary=True):
        usage.setdefault(day, {})[local_user] = DailyUsage(*figures)
    components: dict[date, dict[Component, int]] = {}
    for day, local_user, component, seconds in connection.execute(
        _LIST_COMPONENTS, span, binary=True
    ):
        components.setdefault(day, {})[Component(local_user, component)] = seconds
    return {
        day: Day(is_complete, jobs, wait_seconds, usage.get(day, {}), components.get(day, {}))
        for day, is_complete, jobs, wait_seconds in connection.execute(
            _LIST_DAYS, span, binary=True
        )
    }


def months_using(
    connection: Connection, allocation: int, local_users: Collection[str]
) -> list[Month]:
    """Return the months in which any of *local_users* has daily usage."""
    if not local_users:
        return []
    return [
        Month(*row) for row in connection.execute(_MONTHS_USING, [allocation, list(local_users)])
    ]


def replace_days(
    connection: Connection,
    allocation: int,
    days: Mapping[date, Day],
    known: Collection[date],
    revision: int,
) -> None:
    """Write *days* whole, in place of what was *known* of them."""
    if not days:
        return
    _forget(connection, allocation, [day for day in days if day in known])
    whole = days.values()
    flags = [day.is_complete for day in whole]
    jobs, waits = [day.jobs for day in whole], [day.wait_seconds for day in whole]
    connection.execute(_WRITE_DAY, [allocation, revision, list(days), flags, jobs, waits])
    _copy(connection, "daily_usage", _USAGE_COLUMNS, _usage_cells(allocation, days))
    _copy(connection, "daily_components", _COMPONENT_COLUMNS, _component_cells(allocation, days))


def _forget(connection: Connection, allocation: int, days: list[date]) -> None:
    if days:
        connection.execute(_FORGET_USAGE, [allocation, days])
        connection.execute(_FORGET_COMPONENTS, [allocation, days])


def _usage_cells(allocation: int, days: Mapping[date, Day]) -> Iterator[tuple[object, ...]]:
    for day, whole in days.items():
        for local_user, used in whole.usage.items():
            yield allocation, day, local_user, *used


def _component_cells(allocation: int, days: Mapping[date, Day]) -> Iterator[tuple[object, ...]]:
    for day, whole in days.items():
        for component, seconds in whole.components.items():
            yield allocation, day, *component, seconds


def _copy(
    connection: Connection,
    table: str,
    columns: Mapping[str, str],
    rows: Iterable[tuple[object, ...]],
) -> None:
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    into = sql.SQL("copy {} ({}) from stdin (format binary)").format(sql.Identifier(table), names)
    with connection.cursor() as cursor, cursor.copy(into) as copy:
        copy.set_types(list(columns.values()))
        for row in rows:
            copy.write_row(row)
