"""A project or an allocation: what was used of it, by whom, how that stands to what was granted, and what changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from enum import Enum
from typing import Final, NamedTuple
from uuid import UUID

from nodehours.faces.charts import components, daily, monthly
from nodehours.faces.charts import users as users_chart
from nodehours.faces.charts.series import UNATTRIBUTED
from nodehours.faces.web.address import month_path, user_path
from nodehours.faces.web.choice import Names, Unit, names_of, person, unit_of
from nodehours.faces.web.page import Cell, Column, Figure, Kind, Table, cells
from nodehours.faces.web.tables import Asked, sorted_table
from nodehours.faces.web.visit import Visit
from nodehours.faces.web.words import NOTHING_USED, known, mean_wait, waits
from nodehours.queries.daily import (
    ComponentMonth,
    DayTold,
    MonthUse,
    component_months,
    days,
    use_by_month,
)
from nodehours.queries.of import Of
from nodehours.queries.restated import RestatedFigure, restated
from nodehours.queries.user_months import MonthOfUser, user_months
from nodehours.queries.user_use import UserDay, UserTotal, user_days, user_totals
from nodehours.terms.month import Month
from nodehours.terms.period import Period

_DAYS_SHOWN: Final = 92
_RESTATED_SHOWN: Final = 200


class Per(Enum):
    """By what time a chart tells usage."""

    MONTH = "month"
    DAY = "day"


class Split(Enum):
    """How a chart splits usage."""

    NONE = "none"
    USER = "user"


class Use(NamedTuple):
    """All that is told of the usage of a project or an allocation in a period."""

    of: Of
    identifier: str
    period: Period
    months: Sequence[MonthUse]
    users: Sequence[UserTotal]
    components: Sequence[ComponentMonth]
    restated: Sequence[RestatedFigure]
    days: Sequence[DayTold]
    user_days: Sequence[UserDay]
    user_months: Sequence[MonthOfUser]

    @property
    def total(self) -> int:
        """What was used in the period, in node-seconds."""
        return sum(one.node_seconds for one in self.months)

    @property
    def unattributed(self) -> int | None:
        """What of it no known user owns; None for who does not see the whole."""
        known = [one.unattributed for one in self.months if one.unattributed is not None]
        return sum(known) if known or not self.months else None


async def use_of(visit: Visit, of: Of, identifier: str, period: Period) -> Use:
    """Ask for the usage *of* what is called *identifier*."""
    connection, scope = visit.connection, visit.scope
    span = day_range(visit, period)
    is_split, is_daily = split_of(visit) is Split.USER, per_of(visit) is Per.DAY
    return Use(
        of,
        identifier,
        period,
        await use_by_month(connection, scope, of, period, visit.now),
        await user_totals(connection, scope, of, period),
        await component_months(connection, scope, of, period),
        await restated(connection, scope, of, limit=_RESTATED_SHOWN),
        await days(connection, scope, of, *span) if is_daily else [],
        await user_days(connection, scope, of, *span) if is_split and is_daily else [],
        await user_months(connection, scope, of, period) if is_split and not is_daily else [],
    )


def day_range(visit: Visit, period: Period) -> tuple[date, date]:
    """Return the days that a chart by day shows: the last ones of the period that have come."""
    before = min(period.before.start, visit.today + timedelta(days=1))
    return max(period.since.start, before - timedelta(days=_DAYS_SHOWN)), before


def per_of(visit: Visit) -> Per:
    """Return by what time usage is told."""
    return visit.address.choice("per", Per.MONTH)


def split_of(visit: Visit) -> Split:
    """Return how it is split."""
    return visit.address.choice("split", Split.NONE)


def figures(visit: Visit, use: Use) -> list[Figure]:
    """Draw the usage: in time, by user and by component."""
    told = [_by_day(visit, use) if per_of(visit) is Per.DAY else _by_month(visit, use)]
    if use.users:
        told.append(_users_figure(visit, use))
    if use.components:
        told.append(_components_figure(visit, use))
    return told


def _by_month(visit: Visit, use: Use) -> Figure:
    runs, is_share = Month.of(visit.today), unit_of(visit.address) is Unit.SHARE
    hrefs = {one.month: month_path(one.month, use.identifier) for one in use.months}
    bars = _user_bars(visit, use) if split_of(visit) is Split.USER else [
        monthly.Bar(one.month, use.identifier, use.identifier, one.node_seconds, one.month >= runs)
        for one in use.months
    ]  # fmt: skip
    return Figure(
        "use",
        "Node-hours by month" + (" and user" if split_of(visit) is Split.USER else ""),
        monthly.summary(bars),
        lambda theme: monthly.chart(
            bars, theme=theme, is_share=is_share, hrefs=hrefs, months=use.period.months
        ),
        months_table(visit, use),
        is_empty=not bars,
    )


def _user_bars(visit: Visit, use: Use) -> list[monthly.Bar]:
    runs, called = Month.of(visit.today), _called(visit, use)
    return [
        monthly.Bar(one.month, *called[one.user], one.node_seconds, one.month >= runs)
        for one in use.user_months
        if one.user in called
    ]


def _called(visit: Visit, use: Use) -> Mapping[UUID | None, tuple[str, str]]:
    """Return by what each user is told apart in charts, and how they are called."""
    names = names_of(visit.address)
    called: dict[UUID | None, tuple[str, str]] = {
        one.user: (one.username, person(one.username, one.full_name, names))
        for one in use.users
        if one.user
    }
    return {**called, None: (UNATTRIBUTED, "unattributed")}


def _by_day(visit: Visit, use: Use) -> Figure:
    is_split = split_of(visit) is Split.USER
    bars = _user_day_bars(visit, use) if is_split else [
        daily.DayBar(one.day, use.identifier, use.identifier, one.node_seconds, one.is_complete)
        for one in use.days
    ]  # fmt: skip
    span = day_range(visit, use.period)
    return Figure(
        "use",
        "Node-hours by day" + (" and user" if is_split else ""),
        daily.summary(bars),
        lambda theme: daily.chart(bars, theme=theme, span=span),
        _days_table(visit, use),
        is_empty=not bars,
    )


def _user_day_bars(visit: Visit, use: Use) -> list[daily.DayBar]:
    called = _called(visit, use)
    complete = {one.day: one.is_complete for one in use.days}
    return [
        daily.DayBar(
            one.day,
            *called.get(one.user, (one.username, one.username)),
            one.node_seconds,
            complete.get(one.day, False),
        )
        for one in use.user_days
    ]


def months_table(visit: Visit, use: Use) -> Table:
    """List the months: what was used in each, in how many jobs, how long these waited, and how it stands."""
    columns = [
        Column("month", "Month", Kind.MONTH),
        Column("node_seconds", "Node-hours", Kind.HOURS),
        Column("unattributed", "Unattributed", Kind.HOURS),
        Column("jobs", "Jobs", Kind.COUNT),
        Column("mean_wait", "Mean wait", Kind.SECONDS),
        Column("state", "State", Kind.STATE, is_sorted=False),
    ]
    rows = [
        cells(
            Cell(one.month, month_path(one.month, use.identifier)),
            one.node_seconds,
            one.unattributed,
            one.jobs,
            mean_wait(one.wait_seconds, one.jobs),
            Cell((one.state, one.is_closed), note=waits(one.waiting)),
        )
        for one in reversed(use.months)
    ]
    caption = "Usage by month: follow a month to what its figure is made of"
    return sorted_table(
        Asked(visit.address, "by-month"), caption, columns, rows, empty=NOTHING_USED, sort="-month"
    )


def _days_table(visit: Visit, use: Use) -> Table:
    columns = [
        Column("day", "Day", Kind.DAY),
        Column("node_seconds", "Node-hours", Kind.HOURS),
        Column("jobs", "Jobs", Kind.COUNT),
        Column("mean_wait", "Mean wait", Kind.SECONDS),
        Column("known", "Known", Kind.TEXT),
    ]
    rows = [
        cells(
            one.day,
            one.node_seconds,
            one.jobs,
            mean_wait(one.wait_seconds, one.jobs),
            known(is_complete=one.is_complete),
        )
        for one in reversed(use.days)
    ]
    return sorted_table(
        Asked(visit.address, "by-day"),
        "Usage by day",
        columns,
        rows,
        empty=NOTHING_USED,
        sort="-day",
    )


def _users_figure(visit: Visit, use: Use) -> Figure:
    called = _called(visit, use)
    bars = [
        users_chart.UserBar(*called[one.user], one.node_seconds)
        for one in use.users
        if one.node_seconds
    ]
    return Figure(
        "users",
        "Users",
        users_chart.summary(bars),
        lambda theme: users_chart.chart(bars, theme=theme),
        _users_table(visit, use, names_of(visit.address)),
        is_empty=not bars,
    )


def _users_table(visit: Visit, use: Use, names: Names) -> Table:
    whole = sum(one.node_seconds for one in use.users)
    columns = [
        Column("user", "User", Kind.NAME),
        Column("username", "User identifier", Kind.NAME),
        Column("node_seconds", "Node-hours", Kind.HOURS),
        Column("share", "Share", Kind.SHARE),
        Column("first", "First month", Kind.MONTH),
        Column("last", "Last month", Kind.MONTH),
    ]
    rows = [
        cells(
            _user_cell(one, names),
            one.username,
            one.node_seconds,
            (one.node_seconds, whole),
            one.first,
            one.last,
        )
        for one in use.users
    ]
    return sorted_table(
        Asked(visit.address, "by-user"),
        "Usage by user",
        columns,
        rows,
        empty=NOTHING_USED,
        sort="-node_seconds",
        is_searched=True,
    )


def _user_cell(one: UserTotal, names: Names) -> Cell:
    if one.user is None:
        return Cell("unattributed", note="no known user owns it")
    note = "left" if one.is_leaver else ""
    return Cell(person(one.username, one.full_name, names), user_path(one.user), note)


def _components_figure(visit: Visit, use: Use) -> Figure:
    runs = Month.of(visit.today)
    bars = [
        components.ComponentBar(one.month, one.component, one.component_seconds, one.month >= runs)
        for one in use.components
    ]
    return Figure(
        "components",
        "Components",
        components.summary(bars),
        lambda theme: components.chart(bars, theme=theme, months=use.period.months),
        _components_table(visit, use),
        is_empty=not bars,
    )


def _components_table(visit: Visit, use: Use) -> Table:
    columns = [
        Column("month", "Month", Kind.MONTH),
        Column("component", "Component", Kind.TEXT),
        Column("component_seconds", "Component-seconds", Kind.COUNT),
    ]
    rows = [
        cells(one.month, one.component, one.component_seconds) for one in reversed(use.components)
    ]
    return sorted_table(
        Asked(visit.address, "by-component"),
        "Usage by component",
        columns,
        rows,
        empty=NOTHING_USED,
        sort="-month",
    )


def restated_table(visit: Visit, use: Use) -> Table:
    """List the figures that changed after they were complete, the newest change first."""
    columns = [
        Column("recorded", "When", Kind.TIME),
        Column("month", "Month", Kind.MONTH),
        Column("resource", "Resource", Kind.NAME),
        Column("before", "Before", Kind.HOURS),
        Column("after", "After", Kind.HOURS),
        Column("change", "Change", Kind.CHANGE),
        Column("why", "Why", Kind.NAME, is_sorted=False),
        Column("revision", "Revision", Kind.ID),
    ]
    rows = [
        cells(
            one.recorded,
            Cell(one.month, month_path(one.month, use.identifier)),
            one.resource,
            one.former,
            one.node_seconds,
            one.node_seconds - (one.former or 0),
            one.reason or one.kind,
            one.revision,
        )
        for one in use.restated
    ]
    empty = "No figure changed after it was complete."
    return sorted_table(
        Asked(visit.address, "restated"),
        "Restated figures",
        columns,
        rows,
        empty=empty,
        sort="-recorded",
    )
