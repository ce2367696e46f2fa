"""The projects that a reader sees."""

from __future__ import annotations

from typing import Final

from nodehours.faces.web.address import project_path
from nodehours.faces.web.choice import chosen_period
from nodehours.faces.web.overview import largest_table, period_facts
from nodehours.faces.web.page import Cell, Column, Kind, Page, Table, cells
from nodehours.faces.web.tables import Asked, within
from nodehours.faces.web.visit import Visit
from nodehours.queries.overview import By, monthly_usage, totals
from nodehours.queries.projects import ProjectFilter, ProjectRow, list_projects
from nodehours.terms.period import Period

_MOST: Final = 2000
"""How many projects have a line of their months: the largest."""
_NONE: Final = "You see no projects yet. They appear with the first usage that is taken in, as far as your roles reach."
_COLUMNS: Final = (
    Column("project", "Project", Kind.NAME, is_sorted=False),
    Column("organisation", "Organisation", Kind.NAME, is_sorted=False),
    Column("allocations", "Allocations", Kind.COUNT, is_sorted=False),
    Column("starts", "Starts", Kind.DAY, is_sorted=False),
    Column("ends", "Ends", Kind.DAY, is_sorted=False),
)


async def projects(visit: Visit) -> Page:
    """List the projects: those that used something in the period, and all there are."""
    period = await chosen_period(visit)
    whole = await totals(visit.connection, visit.scope, period)
    lines = await _lines(visit, period)
    used = await largest_table(visit, By.PROJECT, period, whole.node_seconds, lines)
    tables = [used, await _all(visit)]
    return Page(
        "Projects", "projects.html", {"period": period}, tables=tables, facts=period_facts(period)
    )


async def _lines(visit: Visit, period: Period) -> dict[str, list[int]]:
    """Return what each project used in each month of the *period*, in node-seconds."""
    parts = await monthly_usage(visit.connection, visit.scope, By.PROJECT, period, top=_MOST)
    places = {month: place for place, month in enumerate(period.months)}
    lines: dict[str, list[int]] = {}
    for one in parts:
        if one.key is not None:
            line = lines.setdefault(one.key, [0] * len(places))
            line[places[one.month]] = one.node_seconds
    return lines


async def _all(visit: Visit) -> Table:
    asked = Asked(visit.address, "projects")
    wanted = ProjectFilter(query=asked.find or None)
    place = asked.place
    found = await list_projects(
        visit.connection, visit.scope, wanted, offset=place.offset, limit=place.size
    )
    rows = [_line(one) for one in found.rows]
    place = within(place, found.total)
    return Table(
        "projects", "All projects", _COLUMNS, rows, _NONE, found.total, place, "", asked.find
    )


def _line(one: ProjectRow) -> tuple[Cell, ...]:
    return cells(
        Cell(one.identifier, project_path(one.identifier)),
        one.organisation_name,
        one.allocations,
        one.starts,
        one.ends,
    )
