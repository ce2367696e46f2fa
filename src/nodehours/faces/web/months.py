"""The months: each project's in a matrix, and one month with all its projects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from nodehours.faces.charts import heat
from nodehours.faces.charts.wording import month_name
from nodehours.faces.web.address import month_path, project_path
from nodehours.faces.web.choice import chosen_period
from nodehours.faces.web.overview import month_notes, months_table, period_facts
from nodehours.faces.web.page import Cell, Column, Figure, Kind, Page, Table, cells
from nodehours.faces.web.segments import read_month
from nodehours.faces.web.tables import Asked, within
from nodehours.faces.web.visit import MissingError, Visit
from nodehours.faces.web.words import NOTHING_USED, waits
from nodehours.faces.web.written import CLOSED, MARKS
from nodehours.queries import matrix
from nodehours.queries.matrix import MatrixFilter, MatrixRow, project_months
from nodehours.queries.months import MonthTold, list_months
from nodehours.queries.overview import By, Part, monthly_usage
from nodehours.terms.month import Month
from nodehours.terms.period import Period, months_after

_LEVELS: Final = 5


async def months_page(visit: Visit) -> Page:
    """Show what each project used in each month, and how certain that is."""
    period = await chosen_period(visit)
    told = await list_months(visit.connection, visit.scope, period=period)
    known = {one.month: one for one in told}
    sums = {one.month: one.node_seconds for one in await _sums(visit, period)}
    asked = Asked(visit.address, "matrix")
    wanted = MatrixFilter(asked.find)
    place = asked.place
    found = await project_months(
        visit.connection,
        visit.scope,
        wanted,
        period,
        visit.now,
        offset=place.offset,
        limit=place.size,
    )
    rows = found.rows
    most = max((one.node_seconds for row in rows for one in row.cells.values()), default=0)
    table = _matrix_table(asked, rows, period, found.total)
    return Page(
        "Months",
        "months.html",
        {
            "period": period,
            "rows": [
                _Line(row, [_square(row.cells.get(of), most) for of in period.months])
                for row in rows
            ],
            "sums": [sums.get(of) for of in period.months],
            "matrix": table,
        },
        [_heat_figure(rows, period, table)],
        [months_table(visit, known, period)],
        period_facts(period),
        month_notes(visit, known, period),
    )


async def _sums(visit: Visit, period: Period) -> Sequence[Part]:
    """Return what all projects used in each month, as far as the reader sees it."""
    return await monthly_usage(visit.connection, visit.scope, By.RESOURCE, period, top=0)


class _Square(NamedTuple):
    """A project's month as it is drawn: how much of the most there is, from 0 to 5, and the marks of its state."""

    cell: matrix.Cell
    level: int
    marks: Sequence[tuple[str, str]]


class _Line(NamedTuple):
    row: MatrixRow
    squares: Sequence[_Square | None]


def _square(one: matrix.Cell | None, most: int) -> _Square | None:
    if one is None:
        return None
    level = -(-one.node_seconds * _LEVELS // most) if most else 0
    return _Square(one, level, _marks(one))


def _marks(one: matrix.Cell) -> list[tuple[str, str]]:
    """The marks of what a reader has to know, each with its word: a plain complete month has none."""
    marks = [] if one.state.value == "complete" else [MARKS[one.state][:2]]
    if one.is_closed:
        marks.append(CLOSED[:2])
    if one.waiting:
        marks.append(("…", f"{one.waiting} pending"))
    return marks


def _matrix_table(asked: Asked, rows: Sequence[MatrixRow], period: Period, total: int) -> Table:
    columns = [
        Column("project", "Project", Kind.NAME, is_sorted=False),
        Column("organisation", "Organisation", Kind.NAME, is_sorted=False),
        *(Column(str(of), _short(of), Kind.HOURS, is_sorted=False) for of in period.months),
        Column("total", "Together", Kind.HOURS, is_sorted=False),
    ]
    lines = [
        cells(
            Cell(row.identifier, project_path(row.identifier)),
            row.organisation,
            *(row.cells[of].node_seconds if of in row.cells else None for of in period.months),
            row.node_seconds,
        )
        for row in rows
    ]
    place = within(asked.place, total)
    return Table(
        "matrix",
        "Node-hours by project and month",
        columns,
        lines,
        NOTHING_USED,
        total,
        place,
        "",
        asked.find,
    )


def _short(of: Month) -> str:
    return f"{month_name(of)[:3]} {of.year}"


def _heat_figure(rows: Sequence[MatrixRow], period: Period, table: Table) -> Figure:
    squares = [
        heat.Heat(row.identifier, of, one.node_seconds, "".join(mark for mark, _ in _marks(one)))
        for row in rows
        for of, one in row.cells.items()
    ]
    return Figure(
        "heat",
        "Node-hours by project and month",
        heat.summary(squares),
        lambda theme: heat.chart(squares, theme=theme, months=period.months),
        table,
        is_empty=not squares,
    )


async def month_page(visit: Visit, month: str) -> Page:
    """Show one month: what each project used in it, and how it stands."""
    of = read_month(month)
    period = Period(of, months_after(of, 1))
    asked = Asked(visit.address, "projects")
    found = await project_months(
        visit.connection, visit.scope, MatrixFilter(asked.find), period, visit.now,
        offset=asked.place.offset, limit=asked.place.size,
    )  # fmt: skip
    told = {one.month: one for one in await list_months(visit.connection, visit.scope)}
    if of not in told and not found.total and not await _is_seen(visit, period):
        raise MissingError
    return Page(
        month_name(of),
        "month.html",
        {
            "month": of,
            "told": told.get(of),
            "state": _state(visit, told.get(of)),
            **_beside(of, told),
        },
        tables=[_projects_table(asked, found.rows, found.total, of)],
        facts=period_facts(period),
        notes=month_notes(visit, told, period),
    )


async def _is_seen(visit: Visit, period: Period) -> bool:
    """Tell whether the reader sees anything of the *period*, whatever they searched for."""
    of, now = MatrixFilter(), visit.now
    found = await project_months(visit.connection, visit.scope, of, period, now, offset=0, limit=1)
    return found.total > 0


def _state(visit: Visit, told: MonthTold | None) -> Any:
    return told.state(visit.now) if told else None


def _beside(of: Month, told: dict[Month, MonthTold]) -> dict[str, Month | None]:
    """The months before and after that are known."""
    return {
        "earlier": max((one for one in told if one < of), default=None),
        "later": min((one for one in told if one > of), default=None),
    }


def _projects_table(asked: Asked, rows: Sequence[MatrixRow], total: int, of: Month) -> Table:
    columns = [
        Column("project", "Project", Kind.NAME, is_sorted=False),
        Column("organisation", "Organisation", Kind.NAME, is_sorted=False),
        Column("node_seconds", "Node-hours", Kind.HOURS, is_sorted=False),
        Column("state", "State", Kind.STATE, is_sorted=False),
    ]
    lines = [
        cells(
            Cell(row.identifier, month_path(of, row.identifier)),
            row.organisation,
            row.node_seconds,
            Cell((row.cells[of].state, row.cells[of].is_closed), note=waits(row.cells[of].waiting)),
        )
        for row in rows
    ]
    place = within(asked.place, total)
    caption = "Projects: follow one to what its figure is made of"
    return Table("projects", caption, columns, lines, NOTHING_USED, total, place, "", asked.find)
