"""The page of a user: what they used, across projects, allocations and months, as far as the reader sees it."""

from __future__ import annotations

from collections.abc import Sequence

from nodehours.faces.charts import monthly
from nodehours.faces.web.address import ME, allocation_path, month_path, project_path
from nodehours.faces.web.choice import Unit, chosen_period, unit_of
from nodehours.faces.web.overview import period_facts
from nodehours.faces.web.page import Cell, Column, Figure, Kind, Page, Table, cells
from nodehours.faces.web.segments import read_uuid
from nodehours.faces.web.tables import Asked, sorted_table
from nodehours.faces.web.visit import Visit
from nodehours.faces.web.words import NOTHING_USED
from nodehours.queries.people import find_user, roles_of
from nodehours.queries.user_use import UserMonth, months_of_user
from nodehours.terms.month import Month
from nodehours.terms.period import Period


async def user_page(visit: Visit, uuid: str) -> Page:
    """Show the user with that UUID; ``me`` is whoever visits."""
    of = visit.visitor.uuid if uuid == ME else read_uuid(uuid)
    one = visit.found(await find_user(visit.connection, visit.scope, of))
    period = await chosen_period(visit)
    used = await months_of_user(visit.connection, visit.scope, one.uuid, period, visit.now)
    is_self = one.uuid == visit.visitor.uuid
    return Page(
        "My usage" if is_self else (one.full_name or one.username),
        "user.html",
        {
            "user": one,
            "is_self": is_self,
            "roles": await roles_of(visit.connection, visit.scope, one.uuid),
            "period": period,
            "unit": unit_of(visit.address).value,
            "total": sum(each.node_seconds for each in used),
        },
        [_figure(visit, used, period)],
        [_projects_table(visit, used)],
        period_facts(period),
        {"Months": [("month", "project", "resource", "state"), *_states(used)]},
    )


def _states(used: Sequence[UserMonth]) -> list[tuple[str, ...]]:
    return [(str(one.month), one.project_identifier, one.resource, one.state.value) for one in used]


def _figure(visit: Visit, used: Sequence[UserMonth], period: Period) -> Figure:
    runs, is_share = Month.of(visit.today), unit_of(visit.address) is Unit.SHARE
    bars = [
        monthly.Bar(
            one.month,
            one.project_identifier,
            one.project_identifier,
            one.node_seconds,
            one.month >= runs,
        )
        for one in used
    ]
    hrefs = {month: month_path(month) for month in period.months}
    return Figure(
        "use",
        "Node-hours by month and project",
        monthly.summary(bars),
        lambda theme: monthly.chart(
            bars, theme=theme, is_share=is_share, hrefs=hrefs, months=period.months
        ),
        _rows_table(visit, used),
        is_empty=not bars,
    )


def _rows_table(visit: Visit, used: Sequence[UserMonth]) -> Table:
    columns = [
        Column("month", "Month", Kind.MONTH),
        Column("project", "Project", Kind.NAME),
        Column("resource", "Resource", Kind.NAME),
        Column("node_seconds", "Node-hours", Kind.HOURS),
        Column("state", "State", Kind.STATE, is_sorted=False),
    ]
    rows = [
        cells(
            Cell(one.month, month_path(one.month, one.project_identifier)),
            Cell(one.project_identifier, project_path(one.project_identifier)),
            Cell(one.resource, allocation_path(one.allocation)),
            one.node_seconds,
            one.state,
        )
        for one in reversed(used)
    ]
    caption = "Usage by month and allocation"
    return sorted_table(
        Asked(visit.address, "rows"), caption, columns, rows, empty=NOTHING_USED, sort="-month"
    )


def _projects_table(visit: Visit, used: Sequence[UserMonth]) -> Table:
    whole = sum(one.node_seconds for one in used)
    sums: dict[tuple[str, str], tuple[UserMonth, int]] = {}
    for one in used:
        at = one.project_identifier, one.resource
        sums[at] = one, sums.get(at, (one, 0))[1] + one.node_seconds
    columns = [
        Column("project", "Project", Kind.NAME),
        Column("resource", "Resource", Kind.NAME),
        Column("node_seconds", "Node-hours", Kind.HOURS),
        Column("share", "Share", Kind.SHARE),
    ]
    rows = [
        cells(
            Cell(one.project_identifier, project_path(one.project_identifier)),
            Cell(one.resource, allocation_path(one.allocation)),
            node_seconds,
            (node_seconds, whole),
        )
        for one, node_seconds in sorted(sums.values(), key=lambda each: -each[1])
    ]
    return sorted_table(
        Asked(visit.address, "allocations"),
        "Allocations",
        columns,
        rows,
        empty=NOTHING_USED,
        sort="-node_seconds",
    )
