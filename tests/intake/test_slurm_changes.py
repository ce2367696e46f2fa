"""What a job log says anew: accounts, rules, running jobs and bad records, told from all jobs that are known."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from nodehours.intake.release import release_record
from nodehours.intake.slurm import JobLog, RuleError, Wanted, ingest, rebuild
from nodehours.ledger.clock import Origin
from nodehours.ledger.closing import close_month
from nodehours.ledger.errors import UnpostableError
from nodehours.ledger.reckoning import set_rule, set_time_zone
from nodehours.ledger.store import Connection
from nodehours.sources.document import Document, UnreadableError
from nodehours.sources.slurm.accounts import Accounts, read_mapping
from nodehours.terms.month import Month
from tests.intake.job_logs import (
    CLUSTER,
    DAY,
    HISTORY,
    SEPTEMBER,
    expected,
    line,
    log,
    take_in,
    used,
)
from tests.ledger.written import assert_holds


def mapped(text: str) -> Accounts:
    return read_mapping(Document("accounts.csv", text.encode(), b""), [])


def of_month(connection: Connection, month: str = "2026-09") -> dict[tuple[str, str], int]:
    return {cell[:2]: seconds for cell, seconds in used(connection).items() if cell[2] == month}


def known_days(connection: Connection) -> dict[str, int]:
    found = connection.execute(
        "select to_char(day, 'YYYY-MM'), count(*) from usage_days where is_complete group by 1"
    )
    return {month: int(count) for month, count in found}


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return tmp_path / "archive"


@pytest.fixture(autouse=True)
def _nothing_is_broken(connection: Connection) -> Iterator[None]:
    yield
    assert_holds(connection)


def test_an_account_may_be_another_project_later(
    connection: Connection, archive: Path, tmp_path: Path
) -> None:
    jobs = log(tmp_path, line(1, SEPTEMBER, SEPTEMBER + 3600, account="physics"))
    take_in(connection, archive, jobs)
    assert of_month(connection) == {("physics.lab", "al"): 3600}

    take_in(connection, archive, jobs, accounts=mapped("account,project\nphysics,quarks.brics\n"))
    assert of_month(connection) == {("quarks.brics", "al"): 3600}

    take_in(connection, archive, jobs)
    assert of_month(connection) == {("physics.lab", "al"): 3600}


def test_a_user_may_be_another_person_later(
    connection: Connection, archive: Path, tmp_path: Path
) -> None:
    jobs = log(tmp_path, line(1, SEPTEMBER, SEPTEMBER + 3600))

    def names() -> list[Any]:
        rows = "select username from usage_rows where node_seconds > 0"
        return [name for (name,) in connection.execute(rows)]

    take_in(connection, archive, jobs)
    assert names() == ["al.climate.brics"]
    take_in(connection, archive, jobs, accounts=mapped("user,person\nal,alice\n"))
    assert names() == ["alice.climate.brics"]
    take_in(connection, archive, jobs, accounts=mapped("user,person\nal,-\n"))
    assert names() == ["unknown"]


def test_a_rule_may_hold_from_a_day_on(
    connection: Connection, archive: Path, tmp_path: Path
) -> None:
    jobs = log(tmp_path, line(1, SEPTEMBER + 9 * DAY, SEPTEMBER + 11 * DAY, nodes=2))
    take_in(connection, archive, jobs, rule="allocated-nodes")
    assert of_month(connection) == {("climate.brics", "al"): 4 * DAY}

    set_rule(connection, CLUSTER, date(2026, 9, 11), "tres:cpu*1/32")
    rebuild(connection, [Month(2026, 9)], Wanted(CLUSTER, archive))

    assert of_month(connection) == {("climate.brics", "al"): 2 * DAY + DAY // 2}
    rules = connection.execute(
        "select day, rule from usage_days where node_seconds > 0 order by day"
    )
    assert rules.fetchall() == [
        (date(2026, 9, 10), "allocated-nodes"),
        (date(2026, 9, 11), "tres:cpu*1/32"),
    ]


def test_another_rule_is_not_taken_by_the_way(
    connection: Connection, archive: Path, tmp_path: Path
) -> None:
    jobs = log(tmp_path, line(1, SEPTEMBER, SEPTEMBER + 3600))
    take_in(connection, archive, jobs, rule="allocated-nodes")

    with pytest.raises(RuleError, match="nodehours resource set lab --rule tres:cpu"):
        take_in(connection, archive, jobs, rule="tres:cpu")


def test_days_may_be_those_of_the_site(
    connection: Connection, archive: Path, tmp_path: Path
) -> None:
    """In Auckland, where summer has begun, September ends at 11:00 UTC."""
    end = SEPTEMBER + 30 * DAY
    take_in(connection, archive, log(tmp_path, line(1, end - DAY, end)))
    assert of_month(connection) == {("climate.brics", "al"): DAY}

    set_time_zone(connection, CLUSTER, "Pacific/Auckland")
    rebuild(connection, [Month(2026, 9), Month(2026, 10)], Wanted(CLUSTER, archive))

    assert of_month(connection) == {("climate.brics", "al"): DAY - 13 * 3600}
    assert of_month(connection, "2026-10") == {("climate.brics", "al"): 13 * 3600}


def test_a_job_that_ran_is_told_to_its_end_later(
    connection: Connection, archive: Path, tmp_path: Path
) -> None:
    seen = SEPTEMBER + 2 * DAY
    running = line(1, SEPTEMBER, None, state="RUNNING", seen=seen)
    ended = line(1, SEPTEMBER, SEPTEMBER + 3 * DAY)
    take_in(connection, archive, log(tmp_path, running, line(2, SEPTEMBER, SEPTEMBER + 1)))
    assert of_month(connection) == {("climate.brics", "al"): 2 * DAY + 1}

    take_in(connection, archive, log(tmp_path, ended))
    take_in(connection, archive, log(tmp_path, running))
    assert of_month(connection) == {("climate.brics", "al"): 3 * DAY + 1}


def test_a_runaway_job_that_is_mended_gives_back_what_it_did_not_use(
    connection: Connection, archive: Path, tmp_path: Path
) -> None:
    running = line(1, SEPTEMBER, None, state="RUNNING", seen=SEPTEMBER + 20 * DAY)
    take_in(connection, archive, log(tmp_path, running))
    take_in(connection, archive, log(tmp_path, line(1, SEPTEMBER, SEPTEMBER + 60)))

    assert of_month(connection) == {("climate.brics", "al"): 60}


def test_so_slurm_ends_one_itself(connection: Connection, archive: Path, tmp_path: Path) -> None:
    """`sacctmgr show runawayjobs` has it end when it began."""
    running = line(1, SEPTEMBER, None, state="RUNNING", seen=SEPTEMBER + 20 * DAY)
    other = line(2, SEPTEMBER, SEPTEMBER + 29 * DAY)
    take_in(connection, archive, log(tmp_path, running, other))
    assert known_days(connection) == {}

    take_in(connection, archive, log(tmp_path, line(1, SEPTEMBER, SEPTEMBER)))

    assert of_month(connection) == {("climate.brics", "al"): 29 * DAY}
    assert known_days(connection) == {"2026-09": 1}


@pytest.mark.parametrize("is_told", [True, False])
def test_so_it_does_in_every_month(
    connection: Connection, archive: Path, tmp_path: Path, *, is_told: bool
) -> None:
    """Also where the record of what still ran does not tell when the job was submitted."""
    seen = SEPTEMBER + 70 * DAY
    running = line(1, SEPTEMBER, None, state="RUNNING", seen=seen, is_told=is_told)
    take_in(connection, archive, log(tmp_path, running))
    assert of_month(connection, "2026-10") == {("climate.brics", "al"): 31 * DAY}

    take_in(connection, archive, log(tmp_path, line(1, SEPTEMBER, SEPTEMBER + 60)))

    assert of_month(connection) == {("climate.brics", "al"): 60}
    assert of_month(connection, "2026-10") == {}
    assert of_month(connection, "2026-11") == {}


def test_an_attempt_before_one_of_a_later_month_counts_no_more_where_only_last_ones_do(
    connection: Connection, archive: Path, tmp_path: Path
) -> None:
    end = SEPTEMBER + 30 * DAY
    first = line(1, end - 5 * DAY, end - 5 * DAY + 3600, state="NODE_FAIL")
    again = line(1, end + 5 * DAY, end + 5 * DAY + 60)
    take_in(connection, archive, log(tmp_path, first), only_last=True)
    assert of_month(connection) == {("climate.brics", "al"): 3600}

    take_in(connection, archive, log(tmp_path, again), only_last=True)

    assert of_month(connection) == {}
    assert of_month(connection, "2026-10") == {("climate.brics", "al"): 60}


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_record_that_names_the_user_beats_one_that_does_not(
    connection: Connection, archive: Path, tmp_path: Path, order: tuple[int, int]
) -> None:
    both = [line(1, SEPTEMBER, SEPTEMBER + 60, user=user) for user in ("al", "")]
    for at in order:
        take_in(connection, archive, log(tmp_path, both[at]))

    assert of_month(connection) == {("climate.brics", "al"): 60}


def test_of_two_accounts_of_a_project_one_may_know_the_user(
    connection: Connection, archive: Path, tmp_path: Path
) -> None:
    accounts = mapped("account,user,project,person\na1,,q.brics,\na2,,q.brics,\n")
    members = replace(accounts, members=frozenset({("a2", "al")}))
    jobs = [line(at, SEPTEMBER, SEPTEMBER + 60, account=f"a{at}") for at in (1, 2)]

    take_in(connection, archive, log(tmp_path, *jobs), accounts=members)

    rows = "select username, node_seconds from usage_rows where node_seconds > 0"
    assert connection.execute(rows).fetchall() == [("al.q.brics", 120)]


def test_days_that_were_asked_for_are_known_though_nobody_used_anything(
    connection: Connection, archive: Path, tmp_path: Path
) -> None:
    """But none that are not over."""
    now = int(datetime.now(UTC).timestamp())
    jobs = [line(at, start, start + 60) for at, start in enumerate((SEPTEMBER, now - 3600), 1)]
    take_in(connection, archive, log(tmp_path, *jobs))
    assert known_days(connection) == {"2026-09": 1}
    asked_for = JobLog(CLUSTER, known=(SEPTEMBER, now + 90 * DAY))

    ingest(connection, list(map(str, log(tmp_path))), asked_for, Wanted(CLUSTER, archive))

    months = known_days(connection)
    today = datetime.fromtimestamp(now, UTC)
    assert months["2026-09"] == 30
    assert months.get(f"{today:%Y-%m}", 0) == today.day - 1


def test_days_are_not_known_of_which_something_was_not_understood(
    connection: Connection, archive: Path, tmp_path: Path
) -> None:
    asked_for = JobLog(CLUSTER, known=(SEPTEMBER, SEPTEMBER + 30 * DAY))
    for bad in ("odd", line(2, SEPTEMBER + DAY, SEPTEMBER + DAY + 60)):
        files = log(tmp_path, line(1, SEPTEMBER, SEPTEMBER + 60), bad)
        ingest(connection, list(map(str, files)), asked_for, Wanted(CLUSTER, archive))
        assert known_days(connection) == {"2026-09": 1 if bad == "odd" else 30}


def test_an_archive_that_was_lost_takes_nothing_back(
    connection: Connection, archive: Path, tmp_path: Path
) -> None:
    both = [line(at, SEPTEMBER + at * DAY, SEPTEMBER + at * DAY + 60) for at in (1, 2)]
    take_in(connection, archive, log(tmp_path, *both))
    shutil.rmtree(archive)

    with pytest.raises(UnreadableError, match=r"there are no jobs in the archive .* --new-archive"):
        take_in(connection, archive, log(tmp_path, both[0]))
    with pytest.raises(UnreadableError, match="there are no jobs in the archive"):
        rebuild(connection, [Month(2026, 9)], Wanted(CLUSTER, archive))
    with pytest.raises(UnreadableError, match="there is no archive of jobs in"):
        rebuild(connection, [Month(2026, 9)], Wanted(CLUSTER, tmp_path / "none"))

    assert not (tmp_path / "none").exists()
    assert of_month(connection) == {("climate.brics", "al"): 120}
    take_in(connection, archive, log(tmp_path, *both), begins_anew=True)
    assert of_month(connection) == {("climate.brics", "al"): 120}


def test_a_month_of_which_something_was_refused_is_tried_again(
    connection: Connection, archive: Path, tmp_path: Path
) -> None:
    took = """
    create function refuse() returns trigger language plpgsql as $$ begin raise check_violation; end $$;
    create trigger refuse before insert on usage_days for each row execute function refuse();
    """
    connection.execute(took)
    told = take_in(connection, archive, log(tmp_path, line(1, SEPTEMBER, SEPTEMBER + 60)))
    assert [fault.sentence[:11] for fault in told.run.faults] == ["the databas"]
    connection.execute("drop trigger refuse on usage_days")

    take_in(connection, archive, log(tmp_path))

    assert of_month(connection) == {("climate.brics", "al"): 60}


def test_bad_lines_are_held_with_their_numbers_and_stop_nothing(
    connection: Connection, archive: Path, tmp_path: Path
) -> None:
    good = [line(job, SEPTEMBER, SEPTEMBER + 60) for job in range(2000)]
    bad = [line(job, SEPTEMBER, SEPTEMBER + 60).replace("cpu=8", "cpu=many") for job in range(3000)]
    cut = ["1|lab", "", "\x00\x1b[31m|é"]
    told = take_in(connection, archive, log(tmp_path, *cut, *bad, *good))

    assert of_month(connection) == {("climate.brics", "al"): 2000 * 60}
    assert told.read[0].bad == 3002
    held = connection.execute("select place from quarantine order by id").fetchall()
    assert held[:4] == [("line 2",), ("line 4",), ("line 5",), ("line 6",)]
    assert len(held) == 1001
    assert held[-1] == ("line 1003 and 2001 more",)
    again = take_in(connection, archive, log(tmp_path, *cut, *bad, *good))
    assert len(again.run.quarantined) == 1001
    assert connection.execute("select count(*) from quarantine").fetchall() == [(1001,)]


def test_a_bad_line_is_not_released_but_dropped(
    connection: Connection, archive: Path, tmp_path: Path
) -> None:
    take_in(connection, archive, log(tmp_path, "1|lab"))
    ((held,),) = connection.execute("select id from quarantine")

    with pytest.raises(UnpostableError, match="mend the log and take it in again"):
        release_record(connection, held, "boss", "")


def test_a_dry_run_leaves_ledger_and_archive_as_they_were(
    connection: Connection, archive: Path, tmp_path: Path
) -> None:
    take_in(connection, archive, log(tmp_path, line(1, SEPTEMBER, SEPTEMBER + 60)))
    before = {path: path.read_bytes() for path in archive.rglob("*") if path.is_file()}

    more = log(tmp_path, line(2, SEPTEMBER, SEPTEMBER + 60))
    dry = take_in(connection, archive, more, dry_run=True)

    assert [month.total for month in dry.run.months] == [120]
    assert {path: path.read_bytes() for path in archive.rglob("*") if path.is_file()} == before
    assert of_month(connection) == {("climate.brics", "al"): 60}


def test_into_a_closed_month_nothing_is_written_but_waits(
    connection: Connection, archive: Path, tmp_path: Path
) -> None:
    take_in(connection, archive, log(tmp_path, line(1, SEPTEMBER, SEPTEMBER + 60)))
    close_month(connection, "climate.brics", Month(2026, 9), Origin())

    told = take_in(connection, archive, log(tmp_path, line(2, SEPTEMBER, SEPTEMBER + 60)))

    assert of_month(connection) == {("climate.brics", "al"): 60}
    assert [month.pending is not None for month in told.run.months] == [True]


def test_what_a_killed_run_left_is_posted_by_the_next(
    connection: Connection, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    september = HISTORY / "2026-09" / "sacct_X_unixtime.txt"
    october = HISTORY / "2026-10" / "sacct_X_unixtime.txt"
    with monkeypatch.context() as patched:
        patched.setattr("nodehours.intake.slurm.month_usage", _killed)
        with pytest.raises(KeyboardInterrupt):
            take_in(connection, archive, [september])
    assert used(connection) == {}

    take_in(connection, archive, [october])

    told = {
        cell: seconds
        for cell, seconds in used(connection).items()
        if cell[2] in {"2026-09", "2026-10"}
    }
    assert told == expected("alloc_node")


def _killed(*_: object) -> None:
    raise KeyboardInterrupt
