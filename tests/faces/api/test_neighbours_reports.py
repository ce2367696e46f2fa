"""The list of OpenPortal reports over HTTP: the openportal package reads from it what the usage rows say.

For every reader, who is told of a month of an allocation by both lists or by neither, but for their own rows.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from nodehours.intake.openportal import ingest
from nodehours.ledger import people
from nodehours.ledger.clock import Origin
from nodehours.ledger.moves import rename_project
from nodehours.ledger.store import connected
from nodehours.terms.identifiers import ProjectIdentifier
from tests.centre import REPORTS as CENTRE
from tests.centre import Centre, centre
from tests.databases import database
from tests.faces.api.neighbours import (
    ACCOUNTS,
    ALLOCATIONS,
    PROJECTS,
    REPORTS,
    Member,
    Place,
    no_such,
    place_of,
    served_world,
    whole,
)
from tests.queries import seen
from tests.reported import Reported, fill
from tests.serving import USAGE
from tests.sources.wheel import openportal, read_one, wheel_claims, wheel_days

SAMPLE = Path(__file__).parents[2] / "data" / "openportal" / "climate.brics.2026-09.json"
FEBRUARY = [date(2024, 2, day) for day in range(1, 30)]
STARS, SUNS = (ProjectIdentifier.parse(name) for name in ("stars.gw4", "suns.gw4"))


class Month(NamedTuple):
    """What a report or a usage row is of: the project by its name of today."""

    project: str
    resource: str
    year: int
    month: int


@pytest.fixture(scope="module")
def world(server_url: str, template: str) -> Iterator[Place]:
    with served_world(server_url, template) as found:
        yield found


def of(report: Member) -> Month:
    keys = ("project_identifier", "resource", "year", "month")
    return Month(*(report[key] for key in keys))


def by_wheel(report: Member) -> Any:
    """What the package makes of a report as it was received."""
    return openportal.ProjectUsageReport.from_json(json.dumps(report["report"]))


def usage(client: httpx.Client) -> dict[Month, list[Member]]:
    """The usage rows that the reader is told, by what they are of."""
    keys = ("project_identifier", "resource_name", "year", "month")
    fields = ("allocation", "user", "username", "node_seconds", *keys)
    rows = client.get(USAGE, params={"page_size": 300, "field": fields}).json()
    assert len(rows) < 300
    told: dict[Month, list[Member]] = {}
    for row in rows:
        told.setdefault(Month(*(row[key] for key in keys)), []).append(row)
    return told


def check_reports(place: Place, name: str) -> None:
    """Reports say what the rows of their months say; of months in which a reader sees only their own there is none."""
    eyes = place.eyes(name)
    wholly = {
        f"{place.address}{ALLOCATIONS.address(one.uuid.hex)}"
        for key, one in place.tables.allocations.items()
        if eyes.sees_whole(key)
    }
    with place.client(name) as client:
        rows, reports = usage(client), {of(one): one for one in whole(client, REPORTS)}
        assert reports.keys() == {
            month for month, found in rows.items() if found[0]["allocation"] in wholly
        }
        for month, report in reports.items():
            check_figures(by_wheel(report), month, rows[month])
            assert client.get(REPORTS.address(report)).json() == report


def check_figures(report: Any, month: Month, rows: list[Member]) -> None:
    """The total, each user's usage and what is nobody's. After a merge two rows may have one name."""
    figures: Counter[str] = Counter()
    for row in rows:
        figures[row["username"]] += row["node_seconds"]
    assert str(report.project) == month.project
    assert report.total_usage.seconds == figures.total()
    assert report.unmapped_usage.seconds == figures.pop("unknown")
    told = {str(user): report.usage(user).seconds for user in report.users}
    assert {user: seconds for user, seconds in told.items() if seconds} == {
        user: seconds for user, seconds in figures.items() if seconds
    }


@seen.readers
def test_each_report_says_what_the_usage_rows_say(world: Place, name: str) -> None:
    """With a project that was renamed, people who were merged, and a local user who is nobody's any more."""
    check_reports(world, name)


def test_so_it_is_in_the_centre(centre: Centre) -> None:
    place = place_of(centre)
    for name in place.readers:
        check_reports(place, name)


@pytest.mark.parametrize("name", ["staff", "owner", "busy", "bob", "dave", "newcomer"])
def test_accounts_and_allocations_say_what_the_usage_rows_say(world: Place, name: str) -> None:
    """What was ever used, and in the month that runs."""
    today = datetime.now(UTC).date()
    with world.client(name) as client:
        months = {
            month: sum(r["node_seconds"] for r in rows) for month, rows in usage(client).items()
        }
        current = {m: n for m, n in months.items() if m[2:] == (today.year, today.month)}
        for account in whole(client, ACCOUNTS):
            total, now = (
                sum(n for month, n in told.items() if month.project == account["project_name"])
                for told in (months, current)
            )
            assert account["total_spend"] == node_hours(total)
            assert account["current_month_spend"] == node_hours(now)
        for one in whole(client, ALLOCATIONS):
            of_it = (one["project_name"], one["service_name"])
            used = sum(n for month, n in current.items() if month[:2] == of_it)
            assert one["node_usage"] in {None, node_hours(used)}


def node_hours(node_seconds: int) -> str:
    """To the hundredth, half to even."""
    return str((Decimal(node_seconds) / 3600).quantize(Decimal("0.01"), ROUND_HALF_EVEN))


def test_reports_come_by_month_and_allocation_as_the_usage_rows_do(world: Place) -> None:
    with world.client("staff") as client:
        reports = [of(one) for one in whole(client, REPORTS)]
        assert reports == [*usage(client)]


def test_a_report_is_filtered_by_a_name_that_its_project_had(world: Place) -> None:
    with world.client("owner") as owner, world.client("alice") as alice:
        (frost,) = whole(owner, PROJECTS, name="frost")
        now = whole(owner, REPORTS, project_identifier="frost.brics")
        assert len(now) == 2
        assert whole(owner, REPORTS, project_identifier="ice.brics") == now
        assert whole(owner, REPORTS, project_uuid=frost["uuid"]) == now
        assert whole(owner, REPORTS, project_identifier="ice") == []
        for parameter in ("project_identifier", "project_uuid"):
            for value in ("frost.brics", "ice.brics"):
                asked = {parameter: frost["uuid"] if parameter == "project_uuid" else value}
                assert whole(alice, REPORTS, **asked) == []
        assert whole(alice, PROJECTS, query="ice.brics") == []


# --------------------------------------------------------------------- months that are complete


def _days(days: list[date], seconds: int = 3600) -> Mapping[date, Mapping[str, int]]:
    return {day: {"alice_cl": seconds, "old": 7} for day in days}


def _this_month() -> list[date]:
    today = datetime.now(UTC).date()
    return [today.replace(day=1) + timedelta(days=past) for past in range(today.day)]


@pytest.fixture(scope="module")
def complete(server_url: str, template: str) -> Iterator[Centre]:
    """A centre with a February all of whose days are known, one with a day missing, and a month that runs."""
    added = [
        Reported("dawn", "climate.brics", {"alice": "alice_cl"}, _days(FEBRUARY)),
        Reported("isca", "stars.gw4", {"alice": "alice_cl"}, _days(FEBRUARY[1:])),
        Reported("dawn", "ocean.brics", {"alice": "alice_cl"}, _days(_this_month())),
    ]
    with database(server_url, template) as url, centre(url, [*CENTRE, *added]) as found:
        yield found


READ: dict[str, Callable[[str], Any]] = {
    "year": lambda text: int(float(text)),
    "month": int,
    "resource": str,
    "project_identifier": str,
    "is_complete": lambda text: text.lower() == "true",
}
"""What is meant by the values of filters."""
COMPLETE = Month("climate.brics", "dawn", 2024, 2)


def test_a_report_is_complete_when_its_month_is_over_and_all_its_days_are_known(
    complete: Centre,
) -> None:
    place = place_of(complete)
    for name, is_seen in (("staff", True), ("bob", True), ("alice", False), ("reader", False)):
        with place.client(name) as client:
            every = whole(client, REPORTS)
            for value in (True, False):
                found = whole(client, REPORTS, is_complete=value)
                assert found == [one for one in every if one["is_complete"] is value]
            assert [of(one) for one in whole(client, REPORTS, is_complete="true")] == (
                [COMPLETE] if is_seen else []
            )


def test_a_filter_on_completeness_is_asked_of_one_report_too(complete: Centre) -> None:
    with place_of(complete).client("staff") as client:
        (report,) = whole(client, REPORTS, is_complete=True)
        path = REPORTS.address(report)

        assert client.get(path, params={"is_complete": "true"}).json() == report
        missing = client.get(path, params={"is_complete": "false"})
        assert (missing.status_code, missing.json()) == (404, no_such(REPORTS))


def test_filters_hold_all_at_once(complete: Centre) -> None:
    questions = [
        {"year": "2024", "month": "2"},
        {"year": "2024.9", "month": "02", "resource": "isca"},
        {"resource": "dawn", "project_identifier": "climate.brics", "is_complete": "TRUE"},
        {"resource": "daw"},
        {"month": "13"},
        {"year": "-1"},
    ]
    with place_of(complete).client("staff") as client:
        every = whole(client, REPORTS)
        for asked in questions:
            expected = [
                one
                for one in every
                if all(READ[name](value) == one[name] for name, value in asked.items())
            ]
            assert whole(client, REPORTS, **asked) == expected, asked


# -------------------------------------------------------------------------------------- over time


def test_the_id_of_a_report_stays_while_its_figures_change(database_url: str) -> None:
    """Through a restatement, new months, another name of its project, and for every reader."""
    with centre(database_url, CENTRE) as found, place_of(found).client("staff") as client:
        before = {of(one): one for one in whole(client, REPORTS)}
        stars = Month("stars.gw4", "tigris", 2024, 2)

        days = {date(2024, 2, 1): {"heidi_st": 5}, date(2024, 3, 1): {"heidi_st": 6}}
        fill(database_url, [Reported("tigris", "stars.gw4", {"heidi": "heidi_st"}, days)])
        with connected(database_url) as connection:
            rename_project(connection, STARS, SUNS, Origin(by_whom="staff"))

        after = {of(one): one for one in whole(client, REPORTS)}
        for month, report in before.items():
            is_same = month.project != "stars.gw4"
            now = after[month if is_same else month._replace(project="suns.gw4")]
            assert now["id"] == report["id"]
            assert (now == report) == is_same
        assert len({one["id"] for one in after.values()}) == len(after) == len(before) + 1

        restated = client.get(REPORTS.address(before[stars])).json()
        rows = usage(client)[Month("suns.gw4", "tigris", 2024, 2)]
        check_figures(by_wheel(restated), Month("suns.gw4", "tigris", 2024, 2), rows)
        assert by_wheel(restated) != by_wheel(before[stars])
        for name in ("support", "reader", "busy"):
            with place_of(found).client(name) as other:
                assert other.get(REPORTS.address(restated)).json() == restated


def test_a_report_comes_back_as_it_was_sent(database_url: str) -> None:
    """Jobs, waiting times and components too."""
    came = read_one(SAMPLE.read_bytes())
    with centre(database_url, CENTRE) as found:
        with connected(database_url) as connection:
            assert ingest(connection, [str(SAMPLE)], "dawn").faults == []
            people.grant_role(connection, "nobody", "member", "climate.brics")
        with place_of(found).client("nobody") as client:
            (report,) = whole(client, REPORTS, resource="dawn")

    there = by_wheel(report)
    assert wheel_days(there) == came.days
    assert wheel_claims(there) == {str(user): local for local, user in came.claims}
    assert read_one(json.dumps(report["report"])) == came
