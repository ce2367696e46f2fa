"""The openportal package as the oracle of what a report says, and nodehours' own reading to compare with it."""

from __future__ import annotations

import importlib
import json
from contextlib import suppress
from datetime import date
from typing import Any

from nodehours.sources.document import Document
from nodehours.sources.openportal import Report
from nodehours.terms.fault import Fault
from nodehours.terms.identifiers import UNKNOWN
from nodehours.terms.month import Month
from nodehours.terms.statement import Statement, summed
from nodehours.terms.usage import Component, DailyUsage, Day, ProjectUsage

# Imported by name because the wheel's type stub is not valid Python, which stops mypy.
openportal: Any = importlib.import_module("openportal")

NAME = "report.json"


def read(content: str | bytes) -> list[ProjectUsage | Fault]:
    """Read a report as nodehours does: what it says of each project, or what is wrong with it."""
    whole = content.encode() if isinstance(content, str) else content
    report = Report(Document(NAME, whole, bytes(32)))
    items = list(report)
    assert len(report) == len(items)
    return items


def read_one(content: str | bytes) -> ProjectUsage:
    """Read a report of one project, with which nothing is wrong."""
    (item,) = read(content)
    assert isinstance(item, ProjectUsage), item
    return item


def fault(content: str | bytes) -> Fault:
    """Read a report with which one thing is wrong, and of which nothing can be used."""
    (item,) = read(content)
    assert isinstance(item, Fault), item
    assert str(item).isprintable()
    assert len(str(item)) < 1000
    return item


def wheel_reports(text: str) -> dict[str, Any] | None:
    """Read a report of either kind with the package: its projects' reports by name, or None if it refuses."""
    with suppress(OSError):
        report = openportal.ProjectUsageReport.from_json(text)
        return {str(report.project): report}
    with suppress(OSError):
        whole = openportal.UsageReport.from_json(text)
        return {str(project): whole.get_report(project) for project in whole.projects}
    return None


def wheel_days(report: Any) -> dict[date, Day]:
    """What the package read of each day, taken from the report that it writes itself."""
    days = json.loads(report.to_json())["reports"]
    return {date.fromisoformat(day): _wheel_day(daily) for day, daily in days.items()}


def _wheel_day(daily: dict[str, Any]) -> Day:
    jobs, waits = daily.get("user_job_counts", {}), daily.get("user_wait_seconds", {})
    used = {local_user: usage["seconds"] for local_user, usage in daily["reports"].items()}
    return Day(
        is_complete=daily["is_complete"],
        jobs=daily.get("num_jobs", 0),
        wait_seconds=daily.get("total_wait_seconds", 0),
        usage={
            local_user: DailyUsage(
                used.get(local_user, 0), jobs.get(local_user, 0), waits.get(local_user, 0)
            )
            for local_user in {*used, *jobs, *waits}
        },
        components={
            Component(local_user, component): usage["seconds"]
            for component, by_local_user in daily.get("components", {}).items()
            for local_user, usage in by_local_user.items()
        },
    )


def wheel_claims(report: Any) -> dict[str, str]:
    """User identifiers and their local users, as the package read them."""
    return {str(user): local_user for user, local_user in report.user_mapping.items()}


def wheel_months(report: Any) -> dict[Month, Any]:
    """The report cut into its months by the package."""
    months = {Month.of(day) for day in report.dates}
    return {
        month: report.filter(
            openportal.DateRange.parse(f"{month.start}:{month.start.replace(day=month.day_count)}")
        )
        for month in months
    }


def months(usage: ProjectUsage) -> dict[Month, Statement]:
    """The statement of each month that the report tells of, from nothing but the report."""
    return {month: statement(usage, month) for month in map(Month.of, usage.days)}


def statement(usage: ProjectUsage, month: Month | None = None) -> Statement:
    """The statement of one month of the report, or of all its days."""
    days = [day for when, day in usage.days.items() if month in (None, Month.of(when))]
    return summed(days, usage.claims)


def same_as_wheel(usage: ProjectUsage, report: Any) -> bool:
    """Tell whether nodehours read of a project all that the package read of it, and nothing else."""
    return (
        str(usage.project) == str(report.project)
        and usage.days == wheel_days(report)
        and {str(user): local_user for local_user, user in usage.claims} == wheel_claims(report)
    )


def assert_sums_like_wheel(summed_here: Statement, report: Any) -> None:
    """Compare the figures of a statement with those that the package computes from the same days."""
    claimed = list(wheel_claims(report).values())
    shared = {local for local in claimed if claimed.count(local) > 1 or local == UNKNOWN}
    figures = {str(user): seconds for user, seconds in summed_here.usage.items()}
    for user, local_user in wheel_claims(report).items():
        by_wheel = report.usage(openportal.UserIdentifier(user)).seconds
        # The package gives shared usage to each who claims it; here it is nobody's, once.
        assert figures.get(user, 0) == (0 if local_user in shared else by_wheel), user
    assert summed_here.total == report.total_usage.seconds
    if not shared:
        assert summed_here.unattributed == report.unmapped_usage.seconds
