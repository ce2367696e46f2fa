"""What a project's figure of a month is made of: days, users, documents, former values, and what waits."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import date
from typing import Final, NamedTuple

from nodehours.faces.charts.wording import month_name
from nodehours.faces.web.address import RUNS
from nodehours.faces.web.page import Cell, Column, Kind, Page, Table, cells
from nodehours.faces.web.segments import read_month
from nodehours.faces.web.tables import Asked, sorted_table
from nodehours.faces.web.visit import MissingError, Visit
from nodehours.faces.web.words import known, mean_wait
from nodehours.queries.clock import Snapshot
from nodehours.queries.explain import explain_row, explain_statement
from nodehours.queries.explanation import Explanation
from nodehours.queries.moment import find_moment
from nodehours.queries.names import NamedAllocation, allocations_of, find_row
from nodehours.queries.usage import list_usage
from nodehours.terms.month import Month
from nodehours.terms.reckoned import told_rules
from nodehours.terms.row import UsageFilter

_MOST: Final = 300
"""In how many allocations a reader's own rows of a month are looked for."""

_Told = tuple[NamedAllocation, Explanation]


class _Part(NamedTuple):
    """What one allocation has to do with the figure, and its tables."""

    allocation: NamedAllocation
    told: Explanation
    tables: Sequence[Table]

    @property
    def rule(self) -> str:
        """By which rules the days of the statement were reckoned."""
        return told_rules(self.told.rules)


async def explained_page(visit: Visit, month: str, project: str) -> Page:
    """Explain the figure of *project* in *month*, each of its allocations by itself."""
    of = read_month(month)
    snapshot = await find_moment(visit.connection, visit.scope, None)
    explained = [
        *[one async for one in _whole(visit, of, project, snapshot)],
        *[one async for one in _own(visit, of, project, snapshot)],
    ]
    found = [_part(visit, *one, number) for number, one in enumerate(explained, 1)]
    if not found:
        raise MissingError
    name = found[0].allocation.project
    return Page(
        f"{name} in {month_name(of)}",
        "explained.html",
        {
            "month": of,
            "project": name,
            "found": found,
            "total": sum(one.told.node_seconds for one in found),
            "snapshot": snapshot,
        },
        tables=[each for one in found for each in one.tables],
        facts=[
            ("month", str(of)),
            ("project", name),
            *((f"rule on {one.allocation.resource}", one.rule) for one in found),
        ],
    )


async def _whole(visit: Visit, of: Month, project: str, snapshot: Snapshot) -> AsyncIterator[_Told]:
    """Explain the statements of the allocations that the reader sees whole."""
    for one in await allocations_of(visit.connection, visit.scope, project):
        told = await explain_statement(visit.connection, visit.scope, one.id, of, snapshot)
        if told is not None:
            yield one, told


async def _own(visit: Visit, of: Month, project: str, snapshot: Snapshot) -> AsyncIterator[_Told]:
    """Explain the reader's own rows of the project in allocations that they do not see whole."""
    if visit.sees_everything:
        return
    asked = UsageFilter(user=visit.visitor.uuid, year=of.year, month=of.month)
    page = await list_usage(visit.connection, visit.scope, asked, offset=0, limit=_MOST)
    for row in page.rows:
        key = await find_row(visit.connection, visit.scope, row.id)
        if key is None or key.allocation in visit.scope.allocations:
            continue
        told = await explain_row(visit.connection, visit.scope, key, snapshot)
        if told is not None and told.statement.project == project:
            named = NamedAllocation(key.allocation, project, told.statement.resource)
            yield named, told


def _part(visit: Visit, one: NamedAllocation, told: Explanation, number: int) -> _Part:
    tables = [
        _versions_table(visit, told, f"versions-{number}"),
        _rows_table(visit, told, f"rows-{number}"),
        _days_table(visit, told, f"days-{number}"),
        *([_origins_table(visit, told, f"origins-{number}")] if told.origins else []),
    ]
    return _Part(one, told, tables)


def _versions_table(visit: Visit, told: Explanation, name: str) -> Table:
    columns = [
        Column("recorded", "When", Kind.TIME),
        Column("node_seconds", "Node-hours", Kind.HOURS),
        Column("change", "Change", Kind.CHANGE),
        Column("state", "State then", Kind.STATE, is_sorted=False),
        Column("what", "What was done", Kind.TEXT),
        Column("why", "Why", Kind.NAME, is_sorted=False),
        Column("by_whom", "By whom", Kind.NAME),
        Column("source", "From", Kind.NAME),
        Column("revision", "Revision", Kind.ID),
    ]
    rows = [
        cells(
            one.recorded,
            one.node_seconds,
            one.difference,
            (one.state, one.is_closed),
            one.kind,
            one.reason,
            one.by_whom,
            _from(visit, one.source, one.run),
            one.revision,
        )
        for one in reversed(told.versions)
    ]
    empty = "Nothing is known of how it came to be."
    return sorted_table(
        Asked(visit.address, name),
        "What it was, and since when",
        columns,
        rows,
        empty=empty,
        sort="-recorded",
    )


def _from(visit: Visit, source: str | None, run: int | None) -> Cell:
    if run is None:
        return Cell(source or "no document")
    href = f"{RUNS}{run}/" if visit.sees_everything else ""
    return Cell(f"{source}, run {run}", href)


def _rows_table(visit: Visit, told: Explanation, name: str) -> Table:
    columns = [
        Column("username", "User identifier", Kind.NAME),
        Column("full_name", "Name", Kind.NAME),
        Column("node_seconds", "Node-hours", Kind.HOURS),
        Column("revision", "Since revision", Kind.ID),
        Column("row", "Usage row", Kind.ID),
    ]
    rows = [
        cells(
            "unattributed" if one.user is None else one.username,
            one.full_name,
            one.node_seconds,
            one.revision,
            one.id,
        )
        for one in told.rows
    ]
    return sorted_table(
        Asked(visit.address, name), "Whose it is", columns, rows, empty="There is no row."
    )


def _days_table(visit: Visit, told: Explanation, name: str) -> Table:
    """Sum the local users' days by day; where the whole is told, with what is known of each."""
    used, jobs, waits = Counter[date](), Counter[date](), Counter[date]()
    for one in told.used:
        used[one.day] += one.node_seconds
        jobs[one.day] += one.jobs
        waits[one.day] += one.wait_seconds
    days = {one.day: one for one in told.days}
    columns = [
        Column("day", "Day", Kind.DAY),
        Column("node_seconds", "Node-hours", Kind.HOURS),
        Column("jobs", "Jobs", Kind.COUNT),
        Column("mean_wait", "Mean wait", Kind.SECONDS),
        Column("known", "Known", Kind.TEXT),
        Column("revision", "Since revision", Kind.ID),
    ]
    rows = [
        cells(
            day,
            used[day],
            jobs[day],
            mean_wait(waits[day], jobs[day]),
            known(is_complete=days[day].is_complete) if day in days else None,
            days[day].revision if day in days else None,
        )
        for day in sorted({*used, *days})
    ]
    return sorted_table(
        Asked(visit.address, name, size=31),
        "Its days",
        columns,
        rows,
        empty="No day is known.",
        sort="day",
    )


def _origins_table(visit: Visit, told: Explanation, name: str) -> Table:
    columns = [
        Column("recorded", "When", Kind.TIME),
        Column("what", "What was done", Kind.TEXT),
        Column("document", "Document", Kind.NAME),
        Column("sha256", "SHA-256", Kind.TEXT, is_sorted=False),
        Column("source", "From", Kind.NAME),
        Column("revision", "Revision", Kind.ID),
    ]
    rows = [
        cells(
            one.recorded,
            one.kind,
            one.document,
            one.sha256.hex() if one.sha256 else None,
            _from(visit, one.source, one.run),
            one.revision,
        )
        for one in told.origins
    ]
    return sorted_table(
        Asked(visit.address, name),
        "What brought its days",
        columns,
        rows,
        empty="",
        sort="recorded",
    )
