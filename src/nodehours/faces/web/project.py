"""The page of a project, and that of one of its allocations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from nodehours.faces.api.wire import ALLOCATIONS_PATH, USAGE_PATH
from nodehours.faces.web.address import allocation_path
from nodehours.faces.web.choice import chosen_period, latest_month, names_of, period_of, unit_of
from nodehours.faces.web.granted import Granted, burn_figure, granted
from nodehours.faces.web.overview import period_facts
from nodehours.faces.web.page import Cell, Column, Kind, Page, Table, cells
from nodehours.faces.web.segments import read_uuid
from nodehours.faces.web.tables import Asked, sorted_table
from nodehours.faces.web.use import Use, figures, per_of, restated_table, split_of, use_of
from nodehours.faces.web.visit import Visit
from nodehours.queries.allocations import AllocationFilter, find_allocation, list_allocations
from nodehours.queries.months import list_months
from nodehours.queries.names import find_named
from nodehours.queries.of import Of
from nodehours.queries.projects import ProjectFilter, list_projects
from nodehours.terms.pace import METHOD
from nodehours.terms.period import Period

_MOST: Final = 100
"""How many allocations of a project are shown: one a machine."""


async def project_page(visit: Visit, project: str) -> Page:
    """Show the project called so, today."""
    found = await list_projects(
        visit.connection, visit.scope, ProjectFilter(name_exact=project), offset=0, limit=1
    )
    one = visit.found(found.first)
    wanted = AllocationFilter(project=one.uuid)
    grants = await list_allocations(visit.connection, visit.scope, wanted, offset=0, limit=_MOST)
    allocations = [await granted(visit, each) for each in grants.rows]
    use = await use_of(
        visit, Of(project=one.uuid), one.identifier, await _period(visit, one.identifier)
    )
    burns = [
        burn_figure(visit, each, f"burn-{number}") for number, each in enumerate(allocations, 1)
    ]
    return Page(
        one.identifier,
        "project.html",
        {**_given(visit, use), "project": one, "allocations": allocations},
        [*figures(visit, use), *(each for each in burns if each)],
        [_allocations_table(visit, allocations), restated_table(visit, use)],
        period_facts(use.period),
        _notes(use),
    )


async def allocation_page(visit: Visit, uuid: str) -> Page:
    """Show the allocation with that UUID."""
    one = visit.found(await find_allocation(visit.connection, visit.scope, read_uuid(uuid)))
    told = await granted(visit, one)
    of = Of(allocation=one.uuid)
    use = await use_of(
        visit, of, one.project_identifier, await _period(visit, one.project_identifier)
    )
    figure = burn_figure(visit, told)
    return Page(
        one.name,
        "allocation.html",
        {
            **_given(visit, use),
            "told": told,
            "api": f"{ALLOCATIONS_PATH}{one.uuid.hex}/",
            "api_usage": f"{USAGE_PATH}?allocation_uuid={one.uuid.hex}",
        },
        [*([figure] if figure else []), *figures(visit, use)],
        [restated_table(visit, use)],
        period_facts(use.period),
        _notes(use),
    )


async def _period(visit: Visit, identifier: str) -> Period:
    named = await find_named(visit.connection, visit.scope, identifier)
    if named is None:
        return await chosen_period(visit)
    months = await list_months(visit.connection, visit.scope, named)
    latest = max((one.month for one in months), default=None)
    return period_of(visit.address, latest_month(latest, visit.today))


def _given(visit: Visit, use: Use) -> dict[str, Any]:
    return {
        "use": use,
        "period": use.period,
        "per": per_of(visit).value,
        "split": split_of(visit).value,
        "unit": unit_of(visit.address).value,
        "names": names_of(visit.address).value,
        "method": METHOD,
    }


def _notes(use: Use) -> dict[str, Sequence[Sequence[str]]]:
    states = [(str(one.month), one.state.value) for one in use.months]
    return {"Months": [("month", "state"), *states]}


def _allocations_table(visit: Visit, allocations: Sequence[Granted]) -> Table:
    columns = [
        Column("resource", "Resource", Kind.NAME),
        Column("starts", "Starts", Kind.DAY),
        Column("ends", "Ends", Kind.DAY),
        Column("limit", "Limit", Kind.HOURS),
        Column("used", "Used of it", Kind.HOURS),
        Column("share", "Share", Kind.SHARE),
        Column("pace", "Pace", Kind.TEXT),
        Column("projected", "Projected", Kind.HOURS),
    ]
    rows = [_allocation_line(one) for one in allocations]
    empty = "The project has no allocation that you may see."
    return sorted_table(
        Asked(visit.address, "allocations"), "Allocations", columns, rows, empty=empty
    )


def _allocation_line(told: Granted) -> tuple[Cell, ...]:
    one, pace = told.allocation, told.pace
    return cells(
        Cell(one.resource_name, allocation_path(one.uuid)),
        one.starts,
        one.ends,
        one.node_limit,
        pace.used if pace else None,
        (pace.used, one.node_limit) if pace and one.node_limit else None,
        pace.pace.value if pace else None,
        pace.projected if pace else None,
    )
