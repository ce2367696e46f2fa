"""A page that can be mailed: one file with its look and its charts inside, which loads nothing and runs nothing."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from markupsafe import Markup

from nodehours.faces.charts import forms, monthly
from nodehours.faces.charts import users as users_chart
from nodehours.faces.charts.series import UNATTRIBUTED
from nodehours.faces.charts.theme import LIGHT
from nodehours.faces.web.look import drawn_page, static_file
from nodehours.queries.clock import Snapshot
from nodehours.queries.statements import RowThen, StatementThen
from nodehours.terms.month import Month
from nodehours.terms.reckoned import AS_REPORTED, told_rules

_WIDTH = 900


class Drawing(NamedTuple):
    """A chart as an image inside the page, with what it shows in words."""

    title: str
    summary: str
    image: str


class Line(NamedTuple):
    """A statement, its state as it was then, and its rows, as far as these were asked for."""

    statement: StatementThen
    state: object
    rows: Sequence[RowThen]

    @property
    def rule(self) -> str:
        """By which rules its days were reckoned; '': all are as they were reported."""
        told = told_rules(self.statement.rules)
        return "" if told == AS_REPORTED else told


def mailed_page(
    heading: str,
    snapshot: Snapshot,
    statements: Sequence[StatementThen],
    rows: Sequence[RowThen] | None,
    made: datetime,
) -> str:
    """Draw what was reported as of *snapshot*: charts, and each statement with its *rows* if there are some."""
    by_statement: dict[tuple[int, Month], list[RowThen]] = {}
    for row in rows or ():
        by_statement.setdefault((row.allocation, row.month), []).append(row)
    lines = [
        Line(one, one.state(snapshot.instant), by_statement.get((one.id, one.month), []))
        for one in statements
    ]
    return drawn_page(
        "mailed.html",
        heading=heading,
        snapshot=snapshot,
        made=made,
        lines=lines,
        total=sum(one.node_seconds for one in statements),
        unattributed=sum(one.unattributed for one in statements),
        drawings=list(_drawings(statements, rows, snapshot)),
        style=Markup(static_file("style.css")[0].decode()),  # noqa: S704  # our own file
    )


def _drawings(
    statements: Sequence[StatementThen], rows: Sequence[RowThen] | None, snapshot: Snapshot
) -> Sequence[Drawing]:
    bars = _bars(_by_project(statements), snapshot)
    drawings = [
        _drawing(
            "Node-hours by month",
            monthly.summary(bars),
            monthly.chart(bars, theme=LIGHT, width=_WIDTH),
        )
    ]
    if rows:
        people = [users_chart.UserBar(*who, used) for who, used in _by_user(rows).most_common()]
        chart = users_chart.chart(people, theme=LIGHT, width=_WIDTH)
        drawings.append(_drawing("Users", users_chart.summary(people), chart))
    return drawings if statements else []


def _by_project(statements: Sequence[StatementThen]) -> Counter[tuple[Month, str]]:
    sums: Counter[tuple[Month, str]] = Counter()
    for one in statements:
        sums[one.month, one.project] += one.node_seconds
    return sums


def _bars(sums: Mapping[tuple[Month, str], int], snapshot: Snapshot) -> list[monthly.Bar]:
    return [
        monthly.Bar(month, project, project, used, not month.is_over(snapshot.instant))
        for (month, project), used in sums.items()
    ]


def _by_user(rows: Sequence[RowThen]) -> Counter[tuple[str, str]]:
    sums: Counter[tuple[str, str]] = Counter()
    for row in rows:
        who = (row.username, row.full_name or row.username)
        sums[who if row.user else (UNATTRIBUTED, "unattributed")] += row.node_seconds
    return sums


def _drawing(title: str, summary: str, chart: forms.Chart) -> Drawing:
    image = base64.b64encode(forms.svg(chart).encode()).decode()
    return Drawing(title, summary, f"data:image/svg+xml;base64,{image}")
