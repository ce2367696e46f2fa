"""Job logs of a real cluster, to the second, in whatever form and in whatever parts they come."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from nodehours.ledger.store import Connection
from tests.intake.job_logs import HISTORY, MONTHS, SHAPE, expected, take_in, used

FORMS = ("sacct_X_D.parsable2.txt", "sacct_X_unixtime.txt", "sacct_json_X_D.json.gz")
RULES = {
    "alloc_node": "allocated-nodes",
    "cpu": "tres:cpu",
    "gpu": "tres:gres/gpu",
    "frac": SHAPE,
}


def logs(form: str) -> list[Path]:
    return [HISTORY / month / form for month in MONTHS]


def in_these_months(connection: Connection) -> dict[tuple[str, str, str], int]:
    return {cell: seconds for cell, seconds in used(connection).items() if cell[2] in MONTHS}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("figure", RULES)
def test_every_account_user_and_month_is_exact(
    connection: Connection, tmp_path: Path, form: str, figure: str
) -> None:
    told = take_in(connection, tmp_path, logs(form), rule=RULES[figure])

    assert told.run.faults == []
    assert in_these_months(connection) == expected(figure)


def test_of_jobs_that_were_requeued_only_the_last_attempt_may_count(
    connection: Connection, tmp_path: Path
) -> None:
    take_in(connection, tmp_path, logs(FORMS[0]), rule=SHAPE, only_last=True)

    assert in_these_months(connection) == expected("frac_last") != expected("frac")


def test_the_same_jobs_in_other_forms_change_nothing(
    connection: Connection, tmp_path: Path
) -> None:
    for form in FORMS:
        take_in(connection, tmp_path, logs(form))
        assert in_these_months(connection) == expected("alloc_node")

    again = take_in(connection, tmp_path, [file for form in FORMS for file in logs(form)])

    assert [month.revision for month in again.run.months] == [None] * len(again.run.months)
    assert [one.changed for one in again.read] == [0] * len(again.read)


def test_windows_that_cut_jobs_off_add_nothing(connection: Connection, tmp_path: Path) -> None:
    take_in(connection, tmp_path, logs("sacct_X_D_truncate.parsable2.txt"))
    assert in_these_months(connection) == expected("alloc_node")

    take_in(connection, tmp_path, logs(FORMS[0]))
    assert in_these_months(connection) == expected("alloc_node")

    take_in(connection, tmp_path, reversed(logs("sacct_X_D_truncate.parsable2.txt")))
    assert in_these_months(connection) == expected("alloc_node")


@pytest.mark.parametrize("is_cut_off_first", [True, False])
def test_records_that_do_not_tell_when_they_were_submitted_are_of_the_attempts_they_overlap(
    connection: Connection, tmp_path: Path, *, is_cut_off_first: bool
) -> None:
    """The whole ones name neither cluster nor submission; of the others the month's bounds are start and end."""
    cut_off, whole = logs("sacct_X_D_truncate.parsable2.txt"), logs("sacct_X_unixtime.txt")
    files = [*cut_off, *whole] if is_cut_off_first else [*whole, *cut_off]

    for file in files:
        take_in(connection, tmp_path, [file])

    assert in_these_months(connection) == expected("alloc_node")


def test_local_times_of_any_zone_are_the_same_jobs(connection: Connection, tmp_path: Path) -> None:
    """Each is of its own three days, over the end of summer time in London: some jobs are of all."""
    lines = {
        zone: (HISTORY / "tz" / f"sacct_dst_{zone.replace('/', '_')}.txt").read_text().splitlines()
        for zone in ("UTC", "Europe/London", "Pacific/Auckland")
    }
    jobs = [{line.split("|")[0] for line in of[1:]} for of in lines.values()]
    common = jobs[0] & jobs[1] & jobs[2]
    figures = []
    for zone, (head, *of) in lines.items():
        file = tmp_path / "jobs.txt"
        file.write_text("\n".join([head, *(one for one in of if one.split("|")[0] in common)]))
        take_in(connection, tmp_path / zone, [file], zone=ZoneInfo(zone), begins_anew=True)
        figures.append(used(connection))

    assert len(common) > 10
    assert sum(figures[0].values()) > 0
    assert figures[0] == figures[1] == figures[2]


def test_day_by_day_is_the_same_ledger(connection: Connection, tmp_path: Path) -> None:
    head, *lines = (HISTORY / "2026-10" / FORMS[0]).read_text().splitlines()
    days: dict[str, list[str]] = {}
    for line in lines:
        days.setdefault(line.split("|")[14][:10], []).append(line)
    files = []
    for day, found in sorted(days.items(), reverse=True):
        files.append(tmp_path / f"{day}.txt")
        files[-1].write_text("\n".join([head, *found, *found]) + "\n")

    for file in [*files, HISTORY / "2026-09" / FORMS[0]]:
        take_in(connection, tmp_path / "archive", [file])

    assert len(files) > 25
    assert in_these_months(connection) == expected("alloc_node")
