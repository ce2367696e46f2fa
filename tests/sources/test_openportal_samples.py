"""Every sample, read and summed: what the expected totals say and the openportal package computes, to the second."""

import json
from pathlib import Path
from typing import Any

import pytest

from nodehours.terms.identifiers import ProjectIdentifier, UserIdentifier
from nodehours.terms.month import Month
from nodehours.terms.usage import DailyUsage, ProjectUsage
from tests.sources.wheel import (
    assert_sums_like_wheel,
    months,
    openportal,
    read,
    read_one,
    same_as_wheel,
    statement,
    wheel_months,
)

SAMPLES = Path(__file__).parents[1] / "data" / "openportal"
EXPECTED: dict[str, dict[str, Any]] = json.loads((SAMPLES / "expected_totals.json").read_text())
WHOLE = sorted(SAMPLES.glob("*.3months.json"))
MONTHLY = sorted(SAMPLES.glob("*.2026-??.json"))
REPORTS = [*WHOLE, *MONTHLY, SAMPLES / "legacy_minimal.json"]

each_report = pytest.mark.parametrize("path", REPORTS, ids=lambda path: path.stem)
each_month = pytest.mark.parametrize("path", MONTHLY, ids=lambda path: path.stem)
each_whole = pytest.mark.parametrize("path", WHOLE, ids=lambda path: path.stem)


def wheel_report(path: Path) -> Any:
    return openportal.ProjectUsageReport.from_json(path.read_text())


def split(path: Path) -> tuple[str, str]:
    """``climate.brics.2026-09.json`` → climate.brics and 2026-09."""
    project, _, span = path.stem.rpartition(".")
    return project, span


def test_all_samples_are_here() -> None:
    assert {split(path)[0] for path in WHOLE} == set(EXPECTED)
    assert len(MONTHLY) == 3 * len(EXPECTED)


@each_report
def test_every_day_local_user_component_and_claim_is_read(path: Path) -> None:
    assert same_as_wheel(read_one(path.read_bytes()), wheel_report(path))


@each_report
def test_users_months_and_totals_are_what_the_package_computes_to_the_second(path: Path) -> None:
    usage, report = read_one(path.read_bytes()), wheel_report(path)

    assert_sums_like_wheel(statement(usage), report)
    by_wheel = wheel_months(report)
    assert months(usage).keys() == by_wheel.keys()
    for month, summed in months(usage).items():
        assert_sums_like_wheel(summed, by_wheel[month])


@each_whole
def test_users_and_totals_are_what_is_expected_to_the_second(path: Path) -> None:
    expected = EXPECTED[split(path)[0]]
    usage = read_one(path.read_bytes())
    summed = statement(usage)

    figures = {str(user): summed.usage.get(user, 0) for _, user in usage.claims}
    assert figures == expected["per_user_seconds"]
    assert (summed.total, summed.unattributed) == (
        expected["total_seconds"],
        expected["unmapped_seconds"],
    )
    assert len(usage.days) == expected["days"]
    assert (summed.complete_days == len(usage.days)) == expected["is_complete"]


@each_whole
def test_each_month_of_three_is_what_is_expected_to_the_second(path: Path) -> None:
    expected = EXPECTED[split(path)[0]]["per_month_seconds"]
    usage = read_one(path.read_bytes())

    for name in expected:
        year, month = map(int, name.split("-"))
        assert figures(usage, Month(year, month)) == expected[name]


@each_month
def test_a_report_of_one_month_is_what_is_expected_of_that_month(path: Path) -> None:
    project, span = split(path)
    year, month = map(int, span.split("-"))

    usage = read_one(path.read_bytes())

    assert figures(usage, Month(year, month)) == EXPECTED[project]["per_month_seconds"][span]
    assert {str(Month.of(day)) for day in usage.days} <= {span}


def figures(usage: ProjectUsage, month: Month) -> dict[str, int]:
    """A month in the form of the expected totals: zero for users who ran nothing, and the total."""
    summed = statement(usage, month)
    by_user = {str(user): summed.usage.get(user, 0) for _, user in usage.claims}
    return {**by_user, "total": summed.total}


@each_whole
def test_three_months_are_the_reports_of_each_month_put_together(path: Path) -> None:
    project, _ = split(path)
    parts = [read_one(part.read_bytes()) for part in MONTHLY if split(part)[0] == project]

    assert read_one(path.read_bytes()).days == {
        day: daily for part in parts for day, daily in part.days.items()
    }


def test_the_report_of_a_portal_is_the_reports_of_its_projects() -> None:
    reports = [wheel_report(path) for path in WHOLE]
    portal = openportal.UsageReport.combine([report.to_usage_report() for report in reports])

    items = read(portal.to_json())

    alone = {str(usage.project): usage for usage in (read_one(p.read_bytes()) for p in WHOLE)}
    assert {str(item.project): item for item in items} == alone
    total = sum(EXPECTED[project]["total_seconds"] for project in EXPECTED)
    assert portal.total_usage.seconds == total
    assert sum(statement(usage).total for usage in alone.values()) == total


def test_a_legacy_report_without_counters_is_read_by_hand() -> None:
    """Two days: alice 7200 s and 900 s of unknown; bob, whom nobody claims, 1 s, incomplete."""
    usage = read_one((SAMPLES / "legacy_minimal.json").read_bytes())

    first, second = (usage.days[day] for day in sorted(usage.days))
    assert usage.project == ProjectIdentifier("climate", "brics")
    assert first.usage == {"alice.climate": DailyUsage(7200), "unknown": DailyUsage(900)}
    assert (first.is_complete, first.jobs, second.is_complete, second.jobs) == (True, 3, False, 0)
    assert second.usage == {"bob.climate": DailyUsage(1)}
    summed = statement(usage)
    assert summed.usage == {UserIdentifier("alice", "climate", "brics"): 7200}
    assert (summed.unattributed, summed.total, summed.complete_days) == (901, 8101, 1)
