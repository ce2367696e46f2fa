"""A month's OpenPortal report, rebuilt from its days: what one owner has is told once, under one name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nodehours.terms.identifiers import UNKNOWN, UserIdentifier
from nodehours.terms.month import Month
from nodehours.terms.node_seconds import MAX_NODE_SECONDS
from nodehours.terms.project_report import (
    DailyProjectUsageReport,
    ProjectUsageReport,
    Usage,
    project_report,
    read_report_id,
    report_id,
)
from nodehours.terms.usage import Claim, Component, DailyUsage, Day, ProjectUsage
from tests.sources.wheel import openportal, read_one

PROJECT = "climate.brics"
ALICE, BOB = "alice.climate.brics", "bob.climate.brics"
FIRST, SECOND = date(2026, 3, 1), date(2026, 3, 2)

Sums = Mapping[date, Counter[tuple[str, str]]]
Owners = Mapping[str, str | None]

_local_users = st.sampled_from(["al", "al2", "bo", "bo.climate", "Öl", "old", UNKNOWN])
_figures = st.integers(0, 9) | st.sampled_from([0, 2**53 + 1, MAX_NODE_SECONDS])
_days = st.builds(
    Day,
    st.booleans(),
    _figures,
    _figures,
    st.dictionaries(_local_users, st.builds(DailyUsage, _figures, _figures, _figures)),
    st.dictionaries(st.builds(Component, _local_users, st.sampled_from(["gpu", "cpu"])), _figures),
)
months = st.dictionaries(st.dates(date(2026, 3, 1), date(2026, 3, 31)), _days, max_size=4)
all_owners = st.dictionaries(_local_users, st.sampled_from([None, ALICE, BOB]))


def used(*, is_complete: bool = True, **node_seconds: int) -> Day:
    return Day(is_complete, usage={name: DailyUsage(n) for name, n in node_seconds.items()})


def said(report: ProjectUsageReport) -> dict[str, dict[str, int]]:
    """Node-seconds of each day by local user."""
    return {
        day: {name: usage.seconds for name, usage in daily.reports.items()}
        for day, daily in report.reports.items()
    }


def by_wheel(report: ProjectUsageReport) -> Any:
    return openportal.ProjectUsageReport.from_json(msgspec.json.encode(report).decode())


def owner_of(owners: Owners, local_user: str) -> str:
    """Whose usage it is; what nobody owns is told by its own name."""
    return (local_user != UNKNOWN and owners.get(local_user)) or local_user


def named(daily: DailyProjectUsageReport, whose: Mapping[str, str]) -> Counter[tuple[str, str]]:
    """Every figure of a day of the report, by what it is of and whose it is."""
    figures: dict[str, Mapping[str, int]] = {
        "node_seconds": {name: usage.seconds for name, usage in daily.reports.items()},
        "jobs": daily.user_job_counts,
        "wait_seconds": daily.user_wait_seconds,
    }
    for component, by_name in daily.components.items():
        figures[component] = {name: usage.seconds for name, usage in by_name.items()}
    sums: Counter[tuple[str, str]] = Counter()
    for what, by_local_user in figures.items():
        for name, figure in by_local_user.items():
            sums[what, whose.get(name, name)] += figure
    return sums


def owned(day: Day, owners: Owners) -> Counter[tuple[str, str]]:
    """The same of a day of the ledger, owner by owner."""
    sums: Counter[tuple[str, str]] = Counter()
    for name, figures in day.usage.items():
        for what, figure in figures._asdict().items():
            sums[what, owner_of(owners, name)] += figure
    for (name, component), seconds in day.components.items():
        sums[component, owner_of(owners, name)] += seconds
    return sums


def held(days: Iterable[Day]) -> set[str]:
    """The local users that *days* name."""
    every = [*(name for day in days for name in day.usage)]
    return {*every, *(one.local_user for day in days for one in day.components)}


def test_a_report_names_the_local_user_of_each_user_beside_the_days() -> None:
    days = {
        FIRST: Day(
            True, 3, 70, {"al": DailyUsage(7200, 2, 60), "old": DailyUsage(900)},
            {Component("al", "cpu"): 57600},
        )
    }  # fmt: skip

    assert msgspec.to_builtins(project_report(PROJECT, days, {"al": ALICE})) == {
        "project": PROJECT,
        "reports": {
            "2026-03-01": {
                "reports": {"al": {"seconds": 7200}, "old": {"seconds": 900}},
                "components": {"cpu": {"al": {"seconds": 57600}}},
                "is_complete": True,
                "num_jobs": 3,
                "total_wait_seconds": 70,
                "user_job_counts": {"al": 2},
                "user_wait_seconds": {"al": 60},
            }
        },
        "users": {ALICE: "al"},
    }


def test_local_users_of_one_user_are_told_under_the_first_of_them() -> None:
    """Renamed on the second day; nobody's usage is told under either name."""
    report = project_report(
        PROJECT,
        {FIRST: used(x=10, bo=1), SECOND: used(x=2, al=5)},
        {"al": ALICE, "x": ALICE, "bo": BOB},
    )

    assert said(report) == {"2026-03-01": {"al": 10, "bo": 1}, "2026-03-02": {"al": 7}}
    assert report.users == {ALICE: "al", BOB: "bo"}


def test_the_name_they_are_told_under_is_one_that_the_month_has() -> None:
    report = project_report(PROJECT, {FIRST: used(x=10, y=1)}, dict.fromkeys("axy", ALICE))

    assert (said(report), report.users) == ({"2026-03-01": {"x": 11}}, {ALICE: "x"})


def test_who_used_nothing_is_named_beside_a_local_user_of_theirs() -> None:
    report = project_report(PROJECT, {FIRST: used(al=10)}, {"al": ALICE, "bo": BOB, "bo2": BOB})

    assert report.users == {ALICE: "al", BOB: "bo"}
    assert by_wheel(report).usage(openportal.UserIdentifier(BOB)).seconds == 0


def test_what_nobody_owns_is_in_no_users() -> None:
    report = project_report(
        PROJECT, {FIRST: used(sh=1, old=2, unknown=4)}, {"sh": None, UNKNOWN: ALICE, "x": None}
    )

    assert (said(report), report.users) == ({"2026-03-01": {"old": 2, "sh": 1, "unknown": 4}}, {})


def test_components_of_who_used_no_node_seconds_are_theirs() -> None:
    day = Day(components={Component("al2", "gpu"): 5, Component("al", "gpu"): 2})

    report = project_report(PROJECT, {FIRST: day}, {"al": ALICE, "al2": ALICE})

    assert report.users == {ALICE: "al"}
    assert report.reports["2026-03-01"].components == {"gpu": {"al": Usage(7)}}


def test_a_folded_count_ends_where_openportals_own_does() -> None:
    figures = dict.fromkeys(["a", "b", "c"], DailyUsage(0, MAX_NODE_SECONDS, MAX_NODE_SECONDS))
    report = project_report(PROJECT, {FIRST: Day(usage=figures)}, dict.fromkeys("abc", ALICE))

    assert report.reports["2026-03-01"].user_job_counts == {"a": 2**64 - 1}
    (daily,) = by_wheel(report).daily_reports(False)
    assert daily.wait_seconds_for_user("a") == 2**64 - 1


@given(months, all_owners)
@example({FIRST: Day(usage={"al2": DailyUsage(1), "al": DailyUsage(2)})}, {"al2": "a", "al": "a"})
def test_each_day_has_what_each_owner_had(days: Mapping[date, Day], owners: Owners) -> None:
    """To the second, as far as OpenPortal can read it."""
    report = project_report(PROJECT, days, owners)
    whose = {name: user for user, name in report.users.items()}

    assert list(report.reports) == [str(day) for day in sorted(days)]
    for day, daily in zip(sorted(days), report.reports.values(), strict=True):
        wanted = {key: min(sum_, 2**64 - 1) for key, sum_ in owned(days[day], owners).items()}
        assert named(daily, whose) == Counter(wanted)
        told = (daily.is_complete, daily.num_jobs, daily.total_wait_seconds)
        assert told == (days[day].is_complete, days[day].jobs, days[day].wait_seconds)


@given(months, all_owners)
def test_no_two_users_stand_for_one_local_user(days: Mapping[date, Day], owners: Owners) -> None:
    report = project_report(PROJECT, days, owners)
    present = held(days.values())
    nobodys = {name for name in present if owner_of(owners, name) == name}

    assert len(set(report.users.values())) == len(report.users)
    assert list(report.users) == sorted(report.users)
    assert nobodys.isdisjoint(report.users.values())
    assert set(report.users) == {user for name, user in owners.items() if user and name != UNKNOWN}
    for user, name in report.users.items():
        mine = {one for one, owner in owners.items() if owner == user and one != UNKNOWN}
        assert name == min(mine & present or mine)


@given(months, all_owners)
def test_openportal_reads_what_is_everybodys_each_ones_and_nobodys(
    days: Mapping[date, Day], owners: Owners
) -> None:
    """Σ of a statement is below 2**63; where these are not, OpenPortal's own sums end at 2**64 - 1."""
    report = project_report(PROJECT, days, owners)
    there = by_wheel(report)
    sums: Counter[str] = Counter()
    for day in days.values():
        for name, figures in day.usage.items():
            sums[owner_of(owners, name)] += figures.node_seconds

    for user in (ALICE, BOB):
        told = there.usage(openportal.UserIdentifier(user)).seconds
        assert told == min(sums.pop(user, 0), 2**64 - 1)
    assert there.unmapped_usage.seconds == min(sums.total(), 2**64 - 1)
    unfolded = by_wheel(project_report(PROJECT, days, {}))
    assert there.total_usage.seconds == unfolded.total_usage.seconds
    assert there.num_jobs == unfolded.num_jobs
    assert there.total_wait_seconds == unfolded.total_wait_seconds


@given(months, st.permutations(["al", "al2", "bo", "old"]))
def test_where_nobody_has_two_local_users_the_days_are_read_back_as_they_were(
    days: Mapping[date, Day], names: list[str]
) -> None:
    users = {name: UserIdentifier(f"user{n}", "climate", "brics") for n, name in enumerate(names)}
    report = project_report(PROJECT, days, {name: str(user) for name, user in users.items()})

    read = read_one(msgspec.json.encode(report))

    claims = frozenset(Claim(name, user) for name, user in users.items())
    assert read == ProjectUsage(read.project, days, claims)


@given(months, all_owners)
def test_a_report_made_of_a_report_is_that_report(days: Mapping[date, Day], owners: Owners) -> None:
    """Unless a count in it was cut off."""
    small = {day: one for day, one in days.items() if owned(one, owners).total() < 2**63}
    report = project_report(PROJECT, small, owners)

    again = read_one(msgspec.json.encode(report)).days

    assert project_report(PROJECT, again, {n: user for user, n in report.users.items()}) == report


@given(months, all_owners, st.randoms(use_true_random=False))
def test_the_bytes_do_not_depend_on_the_order_of_anything(
    days: Mapping[date, Day], owners: Owners, random: Any
) -> None:
    def shuffled(mapping: Mapping[Any, Any]) -> dict[Any, Any]:
        return dict(random.sample(list(mapping.items()), len(mapping)))

    others = {
        day: Day(
            one.is_complete, one.jobs, one.wait_seconds, shuffled(one.usage),
            shuffled(one.components),
        )
        for day, one in shuffled(days).items()
    }  # fmt: skip

    one = msgspec.json.encode(project_report(PROJECT, days, owners))
    assert msgspec.json.encode(project_report(PROJECT, others, shuffled(owners))) == one


_allocations = st.integers(1, 2**63 - 1)
_months = st.builds(Month, st.integers(1970, 2200), st.integers(1, 12))


@given(_allocations, _months)
@example(1, Month(1970, 1))
@example(2**63 - 1, Month(2200, 12))
def test_the_number_of_a_report_tells_what_it_is_of(allocation: int, month: Month) -> None:
    assert read_report_id(report_id(allocation, month)) == (allocation, month)


@given(st.integers(0, 2**20) | st.integers())
@example(4096 + 231 * 12)
def test_any_other_number_is_that_of_no_report(number: int) -> None:
    try:
        found = read_report_id(number)
    except ValueError:
        assert not 1 <= number >> 12 < 2**63 or number & 4095 >= 231 * 12
    else:
        assert report_id(*found) == number


@pytest.mark.parametrize("number", [-1, 0, 4095, 4096 + 231 * 12, 8191, 2**75])
def test_what_is_no_report_is_refused_in_a_sentence(number: int) -> None:
    with pytest.raises(ValueError, match="not the number of a report"):
        read_report_id(number)
