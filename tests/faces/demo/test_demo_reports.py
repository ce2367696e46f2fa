"""The demo's world: what it holds on whichever day it is told, and that its past stays the same."""

import hashlib
import importlib
import json
import os
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Any

import pytest

from nodehours.faces.demo.reports import (
    MEMBER,
    MEMBER_PROJECT,
    MONTHS,
    PORTAL,
    STAFF,
    demo_reports,
)

# Imported by name because the wheel's type stub is not valid Python, which stops mypy.
openportal = importlib.import_module("openportal")

TODAY = date(2026, 11, 23)

# The story comes round every thirteen months: one day in each of fourteen months, and odd days.
TODAYS = [
    *(date(2026 + (10 + n) // 12, (10 + n) % 12 + 1, 2 * n + 2) for n in range(14)),
    date(2027, 1, 1),
    date(2028, 2, 29),
    date(2041, 7, 31),
]
on_any_day = pytest.mark.parametrize("today", TODAYS, ids=str)


@dataclass(frozen=True)
class Told:
    """One project's report of one resource and month, read with plain json."""

    resource: str
    month: str
    project: str
    days: dict[str, dict[str, Any]]
    users: dict[str, str]
    seconds_by_local_user: Counter[str]

    @property
    def short_name(self) -> str:
        return self.project.removesuffix(f".{PORTAL}")

    def seconds(self) -> int:
        return self.seconds_by_local_user.total()

    def is_complete(self) -> bool:
        return all(day["is_complete"] for day in self.days.values())


@cache
def documents(today: date) -> dict[str, bytes]:
    return {report.name: report.document for report in demo_reports(today)}


@cache
def told(today: date) -> list[Told]:
    return list(read(today))


def read(today: date) -> Iterator[Told]:
    for name, document in documents(today).items():
        resource, month = name.removesuffix(".json").split("/")
        for project, report in json.loads(document)["reports"].items():
            days = report["reports"]
            yield Told(resource, month, project, days, report["users"], sum_by_local_user(days))


def sum_by_local_user(days: dict[str, dict[str, Any]]) -> Counter[str]:
    sums: Counter[str] = Counter()
    for day in days.values():
        for local, usage in day["reports"].items():
            sums[local] += usage["seconds"]
    return sums


def finished(today: date) -> list[Told]:
    """What is told of the months before yesterday's."""
    return [one for one in told(today) if one.month < unfinished_month(today)]


def unfinished_month(today: date) -> str:
    return f"{today - timedelta(days=1):%Y-%m}"


def days_in(month: str) -> set[str]:
    day = date.fromisoformat(f"{month}-01")
    days = (day + timedelta(days=n) for n in range(31))
    return {each.isoformat() for each in days if each.month == day.month}


def person(user: str) -> str:
    return user.partition(".")[0]


# --- the same again ----------------------------------------------------------------------------


def test_the_same_day_gives_the_same_bytes() -> None:
    assert list(demo_reports(TODAY)) == list(demo_reports(TODAY))


@pytest.mark.parametrize("seed", ["0", "1", "2"])
def test_another_process_with_another_hash_seed_gives_the_same_bytes(seed: str) -> None:
    program = (
        "import datetime, hashlib; from nodehours.faces.demo.reports import demo_reports as told;"
        f"d = b''.join(r.document for r in told(datetime.date.fromisoformat('{TODAY}')));"
        "print(hashlib.sha256(d).hexdigest())"
    )
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
    told_there = subprocess.check_output([sys.executable, "-c", program], env=environment)
    told_here = hashlib.sha256(b"".join(documents(TODAY).values())).hexdigest()
    assert told_there.decode().strip() == told_here


@pytest.mark.parametrize("days_later", [1, 8, 9, 40, 200, 330])
@pytest.mark.parametrize("today", [TODAY, date(2027, 1, 1), date(2027, 7, 10)], ids=str)
def test_a_later_telling_repeats_every_finished_month_to_the_byte(
    today: date, days_later: int
) -> None:
    before, after = documents(today), documents(today + timedelta(days=days_later))
    common = {one for one in before.keys() & after.keys() if unfinished_month(today) not in one}
    assert common
    assert {name: before[name] for name in common} == {name: after[name] for name in common}


def test_a_later_telling_of_the_unfinished_month_only_completes_yesterday_and_adds_days() -> None:
    before = {(one.resource, one.month, one.project): one.days for one in told(TODAY)}
    later = {(o.resource, o.month, o.project): o.days for o in told(TODAY + timedelta(days=6))}
    for key, days in before.items():
        if key[1] == unfinished_month(TODAY):
            *settled, yesterday = sorted(days)
            assert all(later[key][day] == days[day] for day in settled)
            assert later[key][yesterday]["is_complete"]
            assert len(later[key]) == len(days) + 6


# --- its extent --------------------------------------------------------------------------------


@on_any_day
def test_two_machines_are_told_for_fourteen_months_oldest_first(today: date) -> None:
    names = [name.removesuffix(".json").split("/") for name in documents(today)]
    months = list(dict.fromkeys(month for _, month in names))
    assert len(months) == MONTHS == 14
    assert months == sorted(months)
    assert months[-1] == unfinished_month(today)
    assert names == [[machine, month] for month in months for machine in ("isca", "tamar")]


@on_any_day
def test_no_day_is_told_after_yesterday_and_yesterday_is_not_complete(today: date) -> None:
    yesterday = (today - timedelta(days=1)).isoformat()
    for one in told(today):
        assert all(day <= yesterday and day.startswith(one.month) for day in one.days)
        assert yesterday not in one.days or not one.days[yesterday]["is_complete"]
    assert any(yesterday in one.days for one in told(today))


@on_any_day
def test_there_are_six_projects_or_more_and_sixty_people_or_more(today: date) -> None:
    assert len({one.project for one in told(today)}) >= 6
    assert len({person(user) for one in told(today) for user in one.users}) >= 60
    machines = defaultdict(set)
    for one in told(today):
        machines[one.project].add(one.resource)
    assert {len(each) for each in machines.values()} == {1, 2}


@on_any_day
def test_a_project_uses_between_500_and_60_000_node_hours_in_a_finished_month(today: date) -> None:
    used = [one.seconds() / 3600 for one in finished(today) if one.seconds()]
    assert used
    assert all(500 <= node_hours <= 60_000 for node_hours in used)


def test_it_is_told_in_three_seconds_and_fifteen_megabytes() -> None:
    start = time.perf_counter()
    size = sum(len(report.document) for report in demo_reports(TODAY))
    assert time.perf_counter() - start < 3
    assert size < 15_000_000


def test_the_staff_and_nobody_else_bear_the_name_of_staff() -> None:
    people = {person(user) for one in told(TODAY) for user in one.users}
    assert STAFF == "demo-staff"
    assert STAFF not in people


# --- as OpenPortal reads it --------------------------------------------------------------------


def read_by_openportal() -> Iterator[tuple[Told, Any]]:
    """What is told of each project beside OpenPortal's own reading of it."""
    portal = {
        name: openportal.UsageReport.from_json(document.decode())
        for name, document in documents(TODAY).items()
    }
    for one in told(TODAY):
        project = openportal.ProjectIdentifier(one.project)
        yield one, portal[f"{one.resource}/{one.month}.json"].get_report(project)


def test_openportal_reads_every_document_and_finds_the_same_total() -> None:
    for name, document in documents(TODAY).items():
        here = [one for one in told(TODAY) if f"{one.resource}/{one.month}.json" == name]
        report = openportal.UsageReport.from_json(document.decode())
        assert str(report.portal) == PORTAL
        assert {str(project) for project in report.projects} == {one.project for one in here}
        assert report.total_usage.seconds == sum(one.seconds() for one in here)


def test_openportal_finds_the_same_users_and_the_same_unattributed_usage() -> None:
    for one, report in read_by_openportal():
        seconds = one.seconds_by_local_user
        unmapped = seconds.keys() - set(one.users.values())
        assert set(report.unmapped_users) == unmapped
        assert report.unmapped_usage.seconds == sum(seconds[local] for local in unmapped)
        for user, local in one.users.items():
            assert report.usage(openportal.UserIdentifier(user)).seconds == seconds[local]


def test_openportal_finds_every_day_consistent_and_the_same_days_complete() -> None:
    for one, report in read_by_openportal():
        assert {day.isoformat() for day in report.dates} == set(one.days)
        assert report.is_complete == one.is_complete()
        assert all(day.is_consistent for day in report.daily_reports(False))


def test_jobs_and_waits_of_a_day_are_the_sums_over_its_local_users() -> None:
    for day in (day for one in told(TODAY) for day in one.days.values()):
        jobs, waits = day.get("user_job_counts", {}), day.get("user_wait_seconds", {})
        assert day.get("num_jobs", 0) == sum(jobs.values())
        assert day.get("total_wait_seconds", 0) == sum(waits.values())
        assert waits.keys() <= jobs.keys() <= day["reports"].keys()


def test_components_are_what_the_nodes_held() -> None:
    whole = {
        "isca": {"billing": 1152, "cpu": 288, "gpu": 4, "memory": 480_000},
        "tamar": {"billing": 256, "cpu": 256, "memory": 512_000},
    }
    scarce = {"isca": "gpu", "tamar": "cpu"}
    for machine, day in ((one.resource, day) for one in told(TODAY) for day in one.days.values()):
        components = day.get("components", {})
        assert components.keys() == (whole[machine].keys() if day["reports"] else set())
        for name, usage in components.items():
            assert usage.keys() == day["reports"].keys()
            for local, held in usage.items():
                most = day["reports"][local]["seconds"] * whole[machine][name]
                assert type(held["seconds"]) is int
                assert 0 <= held["seconds"] <= most
                assert name != scarce[machine] or held["seconds"] == most


# --- its story, on whichever day it is told ----------------------------------------------------


@on_any_day
def test_some_people_leave_and_later_reports_no_longer_name_them(today: date) -> None:
    last_named = {user: one.month for one in told(today) for user in one.users}
    last_used: dict[str, str] = {}
    for one in told(today):
        used = one.seconds_by_local_user
        last_used |= {user: one.month for user in one.users if used[one.users[user]]}
    left = {user for user in last_used if last_named[user] < unfinished_month(today)}
    assert len(left) >= 10


@on_any_day
def test_who_leaves_within_a_month_has_usage_in_it_that_no_named_user_owns(today: date) -> None:
    members = {local for one in told(today) for local in one.users.values()}
    orphaned = {
        local
        for one in finished(today)
        for local in one.seconds_by_local_user.keys() - set(one.users.values())
        if local in members
    }
    assert len(orphaned) >= 5


@on_any_day
def test_an_old_account_uses_nodes_every_month_and_is_never_named(today: date) -> None:
    named = {local for one in told(today) for local in one.users.values()}
    months = {one.month for one in told(today) if one.seconds_by_local_user["nightly.ocean"]}
    assert "nightly.ocean" not in named
    assert len(months) == MONTHS


@on_any_day
def test_some_days_have_unknown_usage_and_most_do_not(today: date) -> None:
    days = [day for one in told(today) for day in one.days.values()]
    unknown = sum("unknown" in day["reports"] for day in days)
    assert 0.01 * len(days) < unknown < 0.2 * len(days)


@on_any_day
def test_two_users_claim_one_local_user_in_one_project_for_three_months(today: date) -> None:
    claimed = {
        (one.project, local, one.month)
        for one in finished(today)
        for local, claims in Counter(one.users.values()).items()
        if claims == 2 and one.seconds_by_local_user[local]
    }
    assert len({(project, local) for project, local, _ in claimed}) == 1
    assert len(claimed) == 3


@on_any_day
def test_some_people_are_in_several_projects(today: date) -> None:
    projects = defaultdict(set)
    for one in told(today):
        for user in one.users:
            projects[person(user)].add(one.project)
    assert sum(len(each) >= 2 for each in projects.values()) >= 4
    assert max(len(each) for each in projects.values()) >= 3


@on_any_day
def test_one_finished_month_lacks_a_day_on_one_machine(today: date) -> None:
    lost = {
        (one.resource, day)
        for one in finished(today)
        for day in days_in(one.month) - one.days.keys()
    }
    assert len(lost) == 1


@on_any_day
def test_one_finished_month_has_a_day_that_never_became_complete(today: date) -> None:
    unclosed = {
        (one.resource, day)
        for one in finished(today)
        for day, report in one.days.items()
        if not report["is_complete"]
    }
    assert len(unclosed) == 1


@on_any_day
def test_one_project_is_idle_for_one_finished_month_and_keeps_its_members(today: date) -> None:
    idle = [one for one in finished(today) if not one.seconds()]
    assert len(idle) == 1
    assert idle[0].users
    assert idle[0].is_complete()


@on_any_day
def test_one_project_starts_later_and_one_ends(today: date) -> None:
    months = sorted({one.month for one in told(today)})
    told_of = defaultdict(set)
    for one in told(today):
        told_of[one.project].add(one.month)
    assert any(min(each) > months[0] for each in told_of.values())
    assert any(max(each) < months[-1] for each in told_of.values())


@on_any_day
def test_the_member_is_in_one_project_only_with_usage_in_every_finished_month(today: date) -> None:
    login = MEMBER.removesuffix(f".{PORTAL}")
    theirs = [o for o in told(today) if login in {person(user) for user in o.users}]
    assert {one.project for one in theirs} == {MEMBER_PROJECT}
    used = {o.month for o in theirs if o.seconds_by_local_user[f"{login}.{o.short_name}"]}
    assert used >= {one.month for one in finished(today)}


def test_working_days_are_busier_than_weekends() -> None:
    sums: Counter[bool] = Counter()
    days: Counter[bool] = Counter()
    for one in finished(TODAY):
        for day, report in one.days.items():
            weekend = date.fromisoformat(day).weekday() >= 5
            days[weekend] += 1
            sums[weekend] += sum(usage["seconds"] for usage in report["reports"].values())
    assert sums[False] / days[False] > 1.3 * sums[True] / days[True]


def test_usage_grows_over_the_year() -> None:
    sums: Counter[str] = Counter()
    for one in finished(TODAY):
        sums[one.month] += one.seconds()
    by_month = [sums[month] for month in sorted(sums)]
    assert sum(by_month[-3:]) > 1.1 * sum(by_month[:3])


def test_local_users_are_called_after_user_and_project() -> None:
    for one in told(TODAY):
        for user, local in one.users.items():
            assert user.endswith(f".{one.project}")
            assert local == f"{person(user).removesuffix('-2')}.{one.short_name}"
