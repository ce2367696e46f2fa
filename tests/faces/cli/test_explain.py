"""What is this figure made of?"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from nodehours.ledger.closing import close_month
from nodehours.ledger.mapping import map_local_user
from nodehours.ledger.post import Origin, post
from nodehours.ledger.store import Connection
from nodehours.terms.identifiers import ProjectIdentifier, UserIdentifier
from nodehours.terms.usage import Claim, Component, DailyUsage, Day, ProjectUsage
from tests.faces.cli.conftest import Run, dump
from tests.faces.cli.told import told, widest
from tests.ledger.moving import CLIMATE, MARCH, STAFF, report, whole_month


def document(days: dict[str, dict[str, int]], **users: str) -> dict[str, Any]:
    """A report with jobs, waiting and components of everybody."""
    return {
        "project": "climate.brics",
        "reports": {
            day: {
                "reports": {name: {"seconds": n} for name, n in used.items()},
                "user_job_counts": dict.fromkeys(used, 2),
                "user_wait_seconds": dict.fromkeys(used, 130),
                "components": {"cpu": {name: {"seconds": 8 * n} for name, n in used.items()}},
                "is_complete": True,
            }
            for day, used in days.items()
        },
        "users": {f"{user}.climate.brics": name for user, name in users.items()},
    }


def ingest(nodehours: Run, path: Path, said: dict[str, Any]) -> None:
    path.write_bytes(dump(said))
    assert nodehours("ingest", "openportal", path.name, "--resource", "isca").returncode == 0


def test_a_figure_is_told_by_its_days_their_owner_and_their_documents(
    nodehours: Run, tmp_path: Path
) -> None:
    days = {"2026-03-01": {"al": 3600, "old": 5}, "2026-03-02": {"al": 36}}
    ingest(nodehours, tmp_path / "march.json", document(days, alice="al"))
    ingest(nodehours, tmp_path / "late.json", document({"2026-03-02": {"al": 72}}))

    done = nodehours("explain", "climate.brics", "2026-03", "alice.climate.brics")

    assert done.returncode == 0
    assert told(done.stdout) == [
        "climate.brics on isca, 2026-03: alice.climate.brics, row 1",
        "1.02 node-hours (3672 node-seconds); provisional; rule: as reported",
        "as of revision 2, WHEN UTC; 2 of 31 days complete (not 3-31)",
        "",
        "day  local user  node-hours  jobs  mean wait  components h  revision",
        "2026-03-01  al  1.00  2  0:01:05  cpu 8.00  1",
        "2026-03-02  al  0.02  2  0:01:05  cpu 0.16  2",
        "sum  1.02  4  0:01:05  cpu 8.16  adds up",
        "",
        f"whose  al: claimed by alice.climate.brics alone, since {datetime.now(UTC).date()}",
        "from  revision 2, WHEN, 1 day: run 2 (openportal), late.json, sha256 SHORT",
        "           revision 1, WHEN, 1 day: run 1 (openportal), march.json, sha256 SHORT",
        "before  1.01 until WHEN: +0.01 by the posting of revision 2, late jobs",
    ]
    assert nodehours("explain", "1").stdout.splitlines()[3:] == done.stdout.splitlines()[3:]


def test_components_for_which_there_is_no_room_are_left_out_whole(
    nodehours: Run, tmp_path: Path
) -> None:
    said = document({"2026-03-01": {"al": 3600}}, alice="al")
    seconds = {
        name: {"al": {"seconds": 360_000_000}} for name in ("billing", "cpu", "gpu", "memory")
    }
    said["reports"]["2026-03-01"]["components"] = seconds
    ingest(nodehours, tmp_path / "march.json", said)

    lines = nodehours("explain", "climate.brics", "2026-03").stdout.splitlines()

    day = next(line for line in lines if line.startswith("2026-03-01"))
    assert "  billing 100000.00, cpu 100000.00, …  " in day
    assert len(day) <= 100


def test_a_whole_month_of_one_user_fits_one_screen(nodehours: Run, tmp_path: Path) -> None:
    days = {f"2026-03-{day:02d}": {"al": 3600 * day} for day in range(1, 32)}
    ingest(nodehours, tmp_path / "march.json", document(days, alice="al"))
    late = {"2026-03-30": {"al": 9}, "2026-03-31": {"al": 99_999_999}}
    ingest(nodehours, tmp_path / "late.json", document(late))

    lines = nodehours("explain", "climate.brics", "2026-03", "alice.brics").stdout.splitlines()

    assert len(lines) <= 43
    assert widest(lines) <= 100


def test_what_is_nobodys_is_told_by_local_user(connection: Connection, nodehours: Run) -> None:
    """Disputed, claimed by nobody, decided to be nobody's, and what the source itself could not tell."""
    days = {"2026-03-01": {"al": 36, "sh": 72, "old": 36, "gone": 36, "unknown": 36}}
    report(connection, days, alice="al", bob="sh")
    report(connection, {}, carol="sh", dave="gone")
    map_local_user(connection, CLIMATE, "isca", "gone", None, STAFF)
    bob = UserIdentifier.parse("bob.climate.brics")
    map_local_user(connection, CLIMATE, "isca", "al", bob, STAFF)

    nobody = told(nodehours("explain", "climate.brics", "2026-03", "unknown").stdout)
    whole = told(nodehours("explain", "climate.brics", "2026-03").stdout)
    mapped = told(nodehours("explain", "climate.brics", "2026-03", "bob.climate.brics").stdout)

    disputed = "sh: claimed by bob.climate.brics and carol.climate.brics, so it is nobody's, 0.02"
    for lines in (nobody, whole):
        first = lines.index("whose  gone: nobody's by staff's decision in revision 3")
        assert lines[first + 1].strip() == "old: claimed by nobody, 0.01 node-hours"
        assert lines[first + 2].strip() == disputed
        assert lines[first + 3].strip() == "node-hours"
        assert lines[first + 4].strip() == (
            "unknown: what the source could not attribute, 0.01 node-hours"
        )
    assert "whose  al: bob.climate.brics's by staff's decision in revision 4" in mapped
    assert "rows  0.05  unknown, row 3" in whole


def test_what_waits_for_a_closed_month_is_told(connection: Connection, nodehours: Run) -> None:
    report(connection, whole_month(MARCH, al=3600), alice="al")
    close_month(connection, "climate.brics", MARCH, STAFF)
    report(connection, {"2026-03-02": {"al": 7200}})

    lines = told(nodehours("explain", "climate.brics", "2026-03", "alice.climate.brics").stdout)
    before = nodehours("explain", "1", "--as-of", "2").stdout

    assert lines[1] == "1.00 node-hours (3600 node-seconds); complete and closed; rule: as reported"
    assert (
        "waits  pending 1, WHEN: +2.00 node-hours for the whole statement on 2026-03-02 (late"
        in ("\n".join(lines))
    )
    assert "waits" not in before


def test_what_was_not_believed_is_told(nodehours: Run, tmp_path: Path) -> None:
    ingest(nodehours, tmp_path / "a.json", document({"2026-03-01": {"al": 3600}}))
    bad = document({"2026-03-02": {"al": -1}})
    (tmp_path / "bad.json").write_bytes(dump(bad))
    nodehours("ingest", "openportal", "bad.json", "--resource", "isca")

    lines = told(nodehours("explain", "climate.brics", "2026-03").stdout)

    assert lines[-2].startswith('doubted  record 1, $.reports["2026-03-02"].reports.al.seconds: ')
    assert lines[-1].strip() == "see `nodehours quarantine list`"


def test_many_local_users_are_told_by_the_day_and_many_rows_are_counted(
    connection: Connection, nodehours: Run
) -> None:
    names = {f"user{n:02d}": f"l{n:02d}" for n in range(30)}
    used = {local: 60 + n for n, local in enumerate(names.values())}
    days = {"2026-03-01": used, "2026-03-02": used}
    report(connection, days, CLIMATE, "isca", **names)

    lines = told(nodehours("explain", "climate.brics", "2026-03").stdout)

    assert lines[5].startswith("2026-03-01  30 local users  0.62  0  -  1")
    assert lines[7] == "sum  1.24  0  -  adds up"
    assert lines[9] == "rows  0.05  user29.climate.brics, row 30"
    assert lines[19].strip() == "and 21 more: `nodehours report climate.brics 2026-03 --users`"


def test_as_of_a_time_before_it_was_there_it_says_so(
    connection: Connection, nodehours: Run
) -> None:
    report(connection, {"2026-03-01": {"al": 3600}}, alice="al")

    done = nodehours("explain", "1", "--as-of", "0")

    assert done.returncode == 3
    assert "it was not there yet as of revision 0: `nodehours history`" in done.stderr


def test_a_figure_that_its_days_do_not_come_to_is_shown_and_ends_with_1(
    connection: Connection, nodehours: Run
) -> None:
    """Somebody wrote to the tables behind the ledger's back."""
    report(connection, {"2026-03-01": {"al": 3600}}, alice="al")
    connection.execute("set session_replication_role = replica")
    connection.execute("update usage_rows set node_seconds = 3601 where id = 1")

    done = nodehours("explain", "1")

    assert done.returncode == 1
    lines = told(done.stdout)
    assert lines[6] == "sum  1.00  0  -  DIFFERS"
    assert lines[8:10] == [
        "DIFFERS  the days come to 3600 node-seconds, the figure is 3601: see `nodehours verify`",
        f"whose  al: claimed by alice.climate.brics alone, since {datetime.now(UTC).date()}",
    ]


def test_machines_get_all_of_it_as_json(nodehours: Run, tmp_path: Path) -> None:
    days = {"2026-03-01": {"al": 3600, "old": 5}}
    ingest(nodehours, tmp_path / "march.json", document(days, alice="al"))

    row = json.loads(nodehours("explain", "1", "--json").stdout)
    whole = json.loads(nodehours("explain", "climate.brics", "2026-03", "--json").stdout)

    assert row["row"] == {"id": 1, "user": "alice.climate.brics", "full_name": ""}
    assert (row["node_seconds"], row["adds_up"]) == (3600, True)
    assert row["days"] == [
        {
            "day": "2026-03-01",
            "local_user": "al",
            "node_seconds": 3600,
            "jobs": 2,
            "wait_seconds": 130,
            "component_seconds": {"cpu": 28800},
            "revision": 1,
        }
    ]
    (origin,) = row["origins"]
    assert (origin["document"], origin["run"], len(origin["document_sha256"])) == (
        "march.json",
        1,
        64,
    )
    assert whole["row"] is None
    assert sum(one["node_seconds"] for one in whole["days"]) == whole["node_seconds"] == 3605
    assert [one["is_attributed"] for one in whole["local_users"]] == [True, False]


def test_names_of_any_length_and_script_keep_the_width(
    connection: Connection, nodehours: Run
) -> None:
    """Local users and components may be called almost anything."""
    project = ProjectIdentifier("p" * 64, "brics")
    user = UserIdentifier("u" * 64, project.project, "brics")
    local = "=cmd|' /C calc'!A0 山田" + "x" * 200
    used = {local: DailyUsage(2**62, 2**40, 2**50), "unknown": DailyUsage(7)}
    parts = {Component(local, f"component {n} " + "y" * 200): 2**60 for n in range(9)}
    days = {date(2026, 3, 1): Day(True, 1, 1, used, parts)}
    usage = ProjectUsage(project, days, frozenset({Claim(local, user)}))
    post(connection, usage, "isca", Origin(None, "why " * 100))

    for arguments in ((), (str(user),), ("unknown",)):
        done = nodehours("explain", str(project), "2026-03", *arguments)
        assert done.returncode == 0
        assert widest(done.stdout.splitlines()) <= 100
        assert "adds up" in done.stdout


@pytest.mark.usefixtures("connection")
def test_in_an_empty_ledger_it_says_how_usage_comes_in(nodehours: Run) -> None:
    done = nodehours("explain", "climate.brics", "2026-03")

    assert done.returncode == 3
    assert "`nodehours ingest` takes usage in" in done.stderr


def test_a_figure_says_by_which_rules_its_days_were_reckoned_and_stays_within_the_width(
    connection: Connection, nodehours: Run
) -> None:
    shape = "largest-share:cpus=128,gpus=4,memory=512000"
    report(connection, {f"2026-03-0{day}": {"al": 3600} for day in (1, 2, 3)}, alice="al")
    report(connection, {"2026-03-02": {"al": 1800}}, rule=shape)

    lines = nodehours("explain", "climate.brics", "2026-03").stdout.splitlines()
    found = json.loads(nodehours("explain", "climate.brics", "2026-03", "--json").stdout)

    assert lines[1:3] == [
        "2.50 node-hours (9000 node-seconds); provisional; rule: as reported, from 2026-03-02",
        f"  {shape}, from 2026-03-03 as reported",
    ]
    assert widest("\n".join(lines)) <= 100
    assert found["statement"]["rules"] == [
        {"since": "2026-03-01", "rule": "as reported"},
        {"since": "2026-03-02", "rule": shape},
        {"since": "2026-03-03", "rule": "as reported"},
    ]
