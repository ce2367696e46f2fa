from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.faces.cli.conftest import Run, dump, report

CLIMATE = {f"2026-03-{day:02}": {"al": 7200} for day in range(1, 32)}
OCEAN = {"2026-03-01": {"al": 3600}, "2026-04-01": {"al": 1800}}


def ingest(nodehours: Run, project: str, days: dict[str, dict[str, int]]) -> None:
    document = dump(report(project, days))
    assert (
        nodehours("ingest", "openportal", "-", "--resource", "isca", stdin=document).returncode == 0
    )


@pytest.fixture
def centre(nodehours: Run) -> Run:
    """climate's March is complete; ocean's is not."""
    ingest(nodehours, "climate.brics", CLIMATE)
    ingest(nodehours, "ocean.brics", OCEAN)
    return nodehours


def lines(nodehours: Run, *arguments: str) -> list[list[str]]:
    return [line.split() for line in nodehours(*arguments).stdout.splitlines()]


def listed(nodehours: Run, *arguments: str) -> Any:
    return json.loads(nodehours("month", "list", "--json", *arguments).stdout)


def test_closing_says_what_was_closed_and_names_what_is_provisional(centre: Run) -> None:
    done = centre("month", "close", "brics", "2026-03", "--reason", "invoiced")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "closed 2026-03 of brics: 2 statements\n"
        "1 of them provisional, not every day being known completely:\n"
        "  ocean.brics on isca, 1.00 node-hours\n"
        "the ledger is now at revision 4\n"
    )


def test_the_list_shows_how_every_month_stands(centre: Run) -> None:
    centre("month", "close", "climate.brics", "2026-03", "--reason", "invoiced")

    months, closings = centre("month", "list").stdout.split("\n\n")

    assert [line.split() for line in months.splitlines()] == [
        ["month", "state", "closed", "statements", "node-hours", "pending"],
        ["2026-03", "provisional", "1", "of", "2", "2", "63.00", "0"],
        ["2026-04", "provisional", "no", "1", "0.50", "0"],
    ]
    (_, closing) = closings.splitlines()
    assert re.fullmatch(
        r"2026-03  climate.brics  \d{4}-\d\d-\d\d \d\d:\d\d +4  \S+ +invoiced", closing
    )


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("climate.brics", [["2026-03", "complete", "yes", "1", "62.00", "0"]]),
        (
            "ocean.brics",
            [
                ["2026-03", "provisional", "yes", "1", "1.00", "1"],
                ["2026-04", "provisional", "no", "1", "0.50", "0"],
            ],
        ),
    ],
)
def test_the_list_of_one_project(centre: Run, name: str, wanted: list[list[str]]) -> None:
    """Both are closed with their organisation, and something waits for ocean."""
    centre("month", "close", "brics", "2026-03")
    ingest(centre, "ocean.brics", {"2026-03-01": {"al": 7200}})

    months, closings = centre("month", "list", name).stdout.split("\n\n")

    assert [line.split() for line in months.splitlines()[1:]] == wanted
    assert closings.splitlines()[1].split()[:2] == ["2026-03", "brics"]


def test_a_restated_month_is_listed_as_such(centre: Run) -> None:
    ingest(centre, "climate.brics", {"2026-03-01": {"al": 7201}})

    assert lines(centre, "month", "list", "climate.brics")[1][:3] == ["2026-03", "restated", "no"]


def test_the_running_month_is_open_and_cannot_be_closed(nodehours: Run) -> None:
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    ingest(nodehours, "climate.brics", {today: {"al": 60}})

    done = nodehours("month", "close", "climate.brics", today[:7])

    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith(f"Error: {today[:7]} is not over: it can be closed from ")
    assert lines(nodehours, "month", "list")[1][:3] == [today[:7], "open", "no"]


def test_hashes_are_of_the_content_and_not_of_whether_it_is_closed(centre: Run) -> None:
    before = lines(centre, "month", "list", "climate.brics", "--hashes")[1]

    centre("month", "close", "climate.brics", "2026-03")
    after = lines(centre, "month", "list", "climate.brics", "--hashes")[1]
    centre("month", "reopen", "climate.brics", "2026-03")
    ingest(centre, "climate.brics", {"2026-03-01": {"al": 7201}})
    changed = lines(centre, "month", "list", "climate.brics", "--hashes")[1]

    assert before[:6] == ["2026-03", "climate.brics", "isca", "complete", "no", "62.00"]
    assert after[:6] == ["2026-03", "climate.brics", "isca", "complete", "yes", "62.00"]
    assert re.fullmatch("[0-9a-f]{64}", before[6])
    assert before[6] == after[6] != changed[6]


def test_the_list_as_json(centre: Run) -> None:
    centre("month", "close", "climate.brics", "2026-03", "--reason", "invoiced")

    told = listed(centre, "climate.brics", "--hashes")

    assert told["months"] == [
        {
            "month": "2026-03", "state": "complete", "statements": 1, "closed": 1, "node_seconds": 223200,
            "node_hours": "62.00", "pending": 0,
        }
    ]  # fmt: skip
    (closing,) = told["closings"]
    assert (closing["of"], closing["revision"], closing["reason"]) == (
        "climate.brics",
        4,
        "invoiced",
    )
    assert closing["by_whom"]
    (statement,) = told["statements"]
    assert (statement["closed"], statement["revision"], len(statement["sha256"])) == (True, 4, 64)


def test_a_month_closed_ahead_of_its_first_report_is_among_the_closings(centre: Run) -> None:
    done = centre("month", "close", "ocean.brics", "2026-02")
    assert done.stdout.startswith("closed 2026-02 of ocean.brics: 0 statements\n")

    told = listed(centre, "ocean.brics")

    assert [closing["month"] for closing in told["closings"]] == ["2026-02"]
    assert [month["month"] for month in told["months"]] == ["2026-03", "2026-04"]


def test_opening_again_says_what_goes_on_waiting(centre: Run) -> None:
    centre("month", "close", "brics", "2026-03")
    ingest(centre, "ocean.brics", {"2026-03-01": {"al": 7200}})

    done = centre("month", "reopen", "brics", "2026-03", "--reason", "asked for")

    assert done.stdout == (
        "opened 2026-03 of brics again: 2 statements\n"
        "1 pending restatement goes on waiting: see `nodehours pending list`\n"
        "the ledger is now at revision 5\n"
    )
    assert listed(centre)["closings"] == []


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        ("close nowhere 2026-03", 3, "there is no organisation nowhere"),
        ("close other.brics 2026-03", 3, "there is no project other.brics"),
        ("close climate.brics 2026-03", 3, "is closed already, with its organisation brics"),
        ("reopen climate.brics 2026-03", 3, "`nodehours month reopen brics 2026-03` opens it again"),
        ("reopen brics 2026-04", 3, "2026-04 of brics is not closed"),
        ("close brics March", 2, "'March' is not a month of the form YYYY-MM"),
        ("list climat.brics", 3, "there is no project or organisation 'climat.brics': is it climate.brics"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said_in_a_sentence(
    centre: Run, arguments: str, status: int, sentence: str
) -> None:
    centre("month", "close", "brics", "2026-03")

    done = centre("month", *arguments.split())

    assert (done.returncode, done.stdout) == (status, "")
    assert sentence in done.stderr


def test_an_empty_ledger_says_what_to_do_next(nodehours: Run) -> None:
    done = nodehours("month", "list")

    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "There are no statements yet: `nodehours ingest` takes usage in.\n"
