"""The ledger beside sreport, by real logs and reports of Slurm: what is printed, and how the command ends."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.databases import database
from tests.faces.cli.conftest import Run
from tests.forked import forked

DATA = Path(__file__).parents[2] / "data" / "slurm" / "reconcile"
SREPORT = """\
#!/bin/sh
printf '%s ' "$TZ" "$SLURM_TIME_FORMAT" "$@" >> "$TOLD"
echo >> "$TOLD"
cat "$SREPORT_SAYS"
"""
SACCTMGR = """\
#!/bin/sh
printf '%s ' "$TZ" "$@" >> "$TOLD"
echo >> "$TOLD"
case "$3" in
reservation) echo 'Cluster|Name|Assocs|TimeStart|TimeEnd|TRES|UnusedWall' ;;
*) echo 'ID|Cluster|Account|User' ;;
esac
"""


@pytest.fixture(scope="module")
def isca(server_url: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """The command on a ledger with two months and a day of jobs; ``more`` is added to its environment."""
    directory = tmp_path_factory.mktemp("isca")
    with database(server_url, template) as url:
        known = {"NODEHOURS_DATABASE_URL": url, "NODEHOURS_ARCHIVE": str(directory / "archive")}

        def run(*arguments: str, stdin: bytes = b"", more: dict[str, str] | None = None) -> Any:
            return forked(arguments, stdin, os.environ | known | (more or {}), directory)

        logs = [str(DATA / f"{name}.sacct.txt") for name in ("2026-09", "2026-10", "live")]
        done = run("ingest", "slurm", *logs, "--resource", "isca", "--cluster", "lab")
        assert done.returncode == 0, done.stderr
        yield run


def told(name: str) -> str:
    return str(DATA / f"{name}.sreport.txt")


def as_json(run: Run, *arguments: str, **more: Any) -> dict[str, Any]:
    done = run(
        *("reconcile", "--against", "sreport", *arguments),
        *("--resource", "isca", "--output", "json"),
        **more,
    )
    assert done.stdout, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == (0 if found["is_ok"] else 1)
    return found


def causes(found: dict[str, Any]) -> dict[tuple[str, str, str], dict[str, int]]:
    """What makes the difference of each account's user and TRES that has one, unexplained seconds too."""
    return {
        (",".join(one["accounts"]), one["user"], one["tres"]): {
            cause["cause"]: cause["seconds"] for cause in one["causes"]
        }
        | ({"unexplained": one["unexplained_seconds"]} if one["unexplained_seconds"] else {})
        for one in found["figures"]
        if one["difference_seconds"]
    }


def test_a_month_agrees_with_sreport_to_the_second_in_every_tres(isca: Run) -> None:
    found = as_json(isca, told("2026-09"))

    assert found["is_ok"]
    assert len(found["figures"]) == 34
    assert {one["tres"] for one in found["figures"]} == {
        "node", "cpu", "gres/gpu", "mem", "billing",
    }  # fmt: skip
    assert all(one["ledger_seconds"] == one["sreport_seconds"] for one in found["figures"])
    assert all(one["archive_seconds"] == one["ledger_seconds"] for one in found["figures"])


def test_what_a_suspended_job_makes_of_a_month_is_told_to_the_second(isca: Run) -> None:
    found = as_json(isca, told("2026-10"))

    assert found["is_ok"]
    assert causes(found) == {
        ("brics.genome", "carol", "node"): {"suspended": -3600},
        ("brics.genome", "carol", "mem"): {"suspended": -3600 * 400},
        ("brics.genome", "carol", "billing"): {"suspended": -3600 * 4},
    }


def test_several_files_are_compared_at_once_and_each_cause_has_its_line(isca: Run) -> None:
    done = isca(
        *("reconcile", "--against", "sreport", told("2026-09"), told("2026-10")),
        *("--resource", "isca", "--tres", "node", "--project", "genome.brics"),
    )

    assert done.stderr == ""
    assert done.returncode == 0
    assert done.stdout == (
        "account       user   month    TRES  ledger h  sreport h  difference s  unexplained s  verdict\n"
        "brics.genome  alice  2026-09  node    236.94     236.94             0              0  ok\n"
        "brics.genome  carol  2026-09  node    561.20     561.20             0              0  ok\n"
        "brics.genome  alice  2026-10  node    121.93     121.93             0              0  ok\n"
        "brics.genome  carol  2026-10  node    345.66     346.66         -3600              0  ok\n"
        "\n"
        "account       user   month    TRES  seconds  hours  why\n"
        "brics.genome  carol  2026-10  node    -3600  -1.00"
        "  jobs were suspended: for sreport only their processors rest meanwhile\n"
        "\n"
        "ledger: revision 10, resource isca; differences are the ledger's figures less sreport's\n"
        "\n"
        "ok 4, unexplained 0; not read 0\n"
    )


LATER = {
    ("brics.climate", "alice", "node"): {"later": 72},
    ("brics.climate", "alice", "mem"): {"later": 14_400},
    ("brics.climate", "alice", "billing"): {"later": 144},
    ("brics.genome", "carol", "node"): {"suspended": -5},
    ("brics.genome", "carol", "mem"): {"suspended": -500},
    ("brics.genome", "carol", "billing"): {"suspended": -5},
}


def test_reserved_processors_are_told_of_whoever_had_a_reservation(isca: Run) -> None:
    found = as_json(isca, told("live"), "--reservations", str(DATA / "live.reserved.txt"))

    assert found["is_ok"]
    assert causes(found) == LATER | {
        ("brics.climate", "alice", "cpu"): {"later": 144, "reserved": -504},
        ("brics.genome", "alice", "cpu"): {"reserved": -504},
    }


def test_what_may_have_been_reserved_stays_unexplained_when_nothing_tells_so(isca: Run) -> None:
    found = as_json(isca, told("live"))

    assert not found["is_ok"]
    assert causes(found) == LATER | {
        ("brics.climate", "alice", "cpu"): {"later": 144, "unexplained": -504},
        ("brics.genome", "alice", "cpu"): {"unexplained": -504},
    }
    assert "--reservations FILE" in str(found["notes"])


def test_an_hour_that_the_banner_names_but_nothing_is_told_of_was_not_counted_yet(
    isca: Run, tmp_path: Path
) -> None:
    """In the second half of an hour the banner names that hour already, before it is rolled up."""
    empty = tmp_path / "empty.txt"
    empty.write_text("".join(Path(told("live")).read_text().splitlines(keepends=True)[:5]))

    found = as_json(isca, str(empty))

    assert found["is_ok"]
    assert {cause for one in causes(found).values() for cause in one} == {"later"}
    assert "2026-11-22: sreport counted until 2026-11-22 23:00" in found["notes"]


@pytest.mark.parametrize("zone", ["Europe/London", "Pacific/Auckland"])
def test_days_of_another_time_zone_are_a_cause_when_it_is_said(isca: Run, zone: str) -> None:
    told_there = told(f"2026-10.{zone.replace('/', '_')}")

    found = as_json(isca, told_there, "--timezone", zone)

    assert found["is_ok"]
    assert {cause for one in causes(found).values() for cause in one} == {"other_days"}
    assert causes(found)["brics.climate", "bob", "cpu"] == {
        "other_days": -28_800 if zone == "Europe/London" else -393_224
    }


def test_a_banner_with_seconds_of_another_time_zone_is_not_read(isca: Run) -> None:
    found = as_json(isca, told("2026-10.Europe_London"))

    assert found["figures"] == []
    assert "2682000 seconds" in found["not_read"][0]
    assert "--timezone" in found["not_read"][0]


def test_a_wrong_figure_is_unexplained_and_so_is_the_exit_status(isca: Run, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.txt"
    wrong.write_text(Path(told("2026-10")).read_text().replace("node|1301302", "node|1301309"))

    done = isca("reconcile", "--against", "sreport", str(wrong), "--resource", "isca")

    assert done.returncode == 1
    assert done.stdout.endswith("ok 29, unexplained 1; not read 0\n")
    assert "brics.climate bob 2026-10 node -7 -0.00 unexplained" in " ".join(done.stdout.split())


def test_a_line_told_twice_and_one_that_cannot_be_read_are_faults(
    isca: Run, tmp_path: Path
) -> None:
    twice = tmp_path / "twice.txt"
    twice.write_text(Path(told("2026-10")).read_text() + "lab|brics.climate|bob||node|x\n")

    found = as_json(isca, str(twice), told("2026-10"), "--tres", "node")

    assert "'x' is not a figure" in found["not_read"][0]
    assert "brics.climate alice 2026-10 cpu is told twice" in str(found["not_read"])


def test_csv_has_a_line_for_each_cause(isca: Run) -> None:
    done = isca(
        *("reconcile", "--against", "sreport", told("2026-10"), "--resource", "isca"),
        *("--tres", "node", "--output", "csv"),
    )

    lines = list(csv.DictReader(io.StringIO(done.stdout)))
    (cause,) = [line for line in lines if line["kind"] == "cause"]
    assert len(lines) == 7
    assert (cause["account"], cause["user"], cause["month"]) == ("brics.genome", "carol", "2026-10")
    assert (cause["cause"], cause["cause_seconds"]) == ("suspended", "-3600")


@pytest.fixture
def slurm(tmp_path: Path) -> dict[str, str]:
    """An environment in which ``sreport`` tells October, ``sacctmgr`` nothing, and what they are asked is kept."""
    for name, text in (("sreport", SREPORT), ("sacctmgr", SACCTMGR)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    return {"PATH": path, "TOLD": str(tmp_path / "told"), "SREPORT_SAYS": told("2026-10")}


def test_live_asks_sreport_in_the_resource_s_zone_for_the_archive_s_clusters(
    isca: Run, slurm: dict[str, str]
) -> None:
    found = as_json(isca, "live", "--month", "2026-10", more=slurm)

    assert found["is_ok"]
    between = "Clusters=lab Start=2026-10-01T00:00:00 End=2026-11-01T00:00:00"
    tres, report = "node,cpu,gres/gpu,mem,billing", "AccountUtilizationByUser"
    fields = "Cluster,Name,Assoc,Start,End,TRES,UnusedWall"
    assert Path(slurm["TOLD"]).read_text().splitlines() == [
        f"UTC standard --parsable2 -t Seconds -T {tres} cluster {report} {between} ",
        f"UTC --parsable2 show reservation {between} format={fields} ",
        "UTC --parsable2 show assoc withdeleted Clusters=lab format=ID,Cluster,Account,User ",
    ]


def test_where_slurm_does_not_answer_the_exit_status_is_3(isca: Run, tmp_path: Path) -> None:
    (tmp_path / "sreport").write_text("#!/bin/sh\necho 'sreport: error: no' >&2\nexit 1\n")
    (tmp_path / "sreport").chmod(0o755)

    done = isca(
        *("reconcile", "--against", "sreport", "live", "--resource", "isca"),
        more={"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"},
    )

    assert done.returncode == 3
    assert done.stderr == "Error: sreport refused: 'sreport: error: no'\n"


def test_without_an_archive_no_cause_is_known_and_none_is_made(isca: Run, tmp_path: Path) -> None:
    found = as_json(isca, told("2026-10"), "--archive", str(tmp_path / "none"), "--tres", "node")

    assert causes(found) == {("brics.genome", "carol", "node"): {"unexplained": -3600}}
    assert "there is no archive of jobs" in found["notes"][0]
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--against", "sreport"], "say which files, or live"),
        (["--against", "sreport", "live"], "--against sreport needs --resource"),
        (["--against", "a.csv", "b.csv"], "what is b.csv?"),
        (["--against", "a.csv", "--reservations", "r"], "--reservations goes only with"),
        (["--against", "sreport", "f", "--unit", "hours"], "--unit does not go with"),
        (["--against", "sreport", "f", "--tolerance-hours", "1"], "--tolerance-hours does not"),
    ],
)
def test_what_cannot_be_meant_is_refused(isca: Run, arguments: list[str], sentence: str) -> None:
    done = isca("reconcile", *arguments)

    assert done.returncode == 2
    assert sentence in done.stderr


def test_a_file_that_is_called_sreport_is_still_a_file(isca: Run, tmp_path: Path) -> None:
    done = isca("reconcile", "--against", str(tmp_path / "sreport"))

    assert "not read" in done.stderr


def test_attempts_that_do_not_count_are_a_cause_and_what_is_in_quarantine_is_noted(
    nodehours: Run, tmp_path: Path
) -> None:
    log = (DATA / "2026-10.sacct.txt").read_bytes() + b"?|alice|brics.climate|work|X|1|2|1|1|1|\n"
    kept = ("--archive", str(tmp_path / "jobs"))
    more = ("--cluster", "lab", "--requeues", "last")
    nodehours("ingest", "slurm", "-", "--resource", "isca", *more, *kept, stdin=log)

    found = as_json(nodehours, told("2026-10"), *kept, "--tres", "cpu")

    assert found["is_ok"]
    assert causes(found)["brics.climate", "bob", "cpu"]["requeued"] == -2 * 3600 * 4
    assert "1 records of isca wait in quarantine" in found["notes"][0]


def test_of_a_job_suspended_across_the_end_of_a_month_the_bounds_are_known(
    nodehours: Run, tmp_path: Path
) -> None:
    """From 22:00 to 02:00 it was suspended for an hour, which for sreport was all before midnight."""
    start = 1_793_491_200 - 2 * 3600
    job = f"7|alice|brics.climate|{start}|{start + 4 * 3600}|{3 * 3600}|1|2|cpu=2,node=1"
    log = f"JobID|User|Account|Start|End|ElapsedRaw|AllocNodes|AllocCPUS|AllocTRES\n{job}\n"
    kept = ("--archive", str(tmp_path / "jobs"))
    lab = ("--resource", "isca", "--cluster", "lab")
    nodehours("ingest", "slurm", "-", *lab, *kept, stdin=log.encode())
    banner = (tmp_path / "sreport.txt", Path(told("2026-10")).read_text().splitlines()[:5])
    figures = ("node|7200", "cpu|{}")
    for cpu, left in ((7200, 0), (3600 * 4, 0), (3600 * 4 + 1, -1), (7199, 1)):
        lines = [f"lab|brics.climate|alice||{one.format(cpu)}" for one in figures]
        banner[0].write_text("\n".join([*banner[1], *lines, ""]))

        found = as_json(nodehours, str(banner[0]), *kept)

        by_tres = {one["tres"]: one for one in found["figures"]}
        assert by_tres["node"]["causes"] == [
            {"cause": "suspended", "seconds": -1800, "why": by_tres["node"]["causes"][0]["why"]}
        ]
        assert by_tres["cpu"]["ledger_seconds"] == 10_800
        assert by_tres["cpu"]["unexplained_seconds"] == left
        assert {one["cause"] for one in by_tres["cpu"]["causes"]} == {"spread"}


def test_what_a_factor_makes_of_a_tres_is_not_compared(nodehours: Run, tmp_path: Path) -> None:
    kept = ("--archive", str(tmp_path / "jobs"))
    more = ("--cluster", "lab", "--rule", "tres:cpu*0.5")
    log = str(DATA / "2026-09.sacct.txt")
    nodehours("ingest", "slurm", log, "--resource", "isca", *more, *kept)

    found = as_json(nodehours, told("2026-09"), *kept)

    assert found["is_ok"]
    assert {one["tres"] for one in found["figures"]} == {"cpu", "gres/gpu", "mem", "billing"}
    assert "no figure of node-seconds by tres:cpu*1/2" in found["notes"][0]


def test_attempts_may_count_otherwise_from_a_day_on(nodehours: Run, tmp_path: Path) -> None:
    """Two attempts on the first and two on the second half of the month, of two jobs."""
    kept = ("--archive", str(tmp_path / "jobs"))
    head = "JobID|User|Account|State|Submit|Start|End|ElapsedRaw|AllocNodes|AllocCPUS|AllocTRES"
    lines = [
        f"{job}|alice|brics.climate|{state}|{start - 9}|{start}|{start + 100}|100|1|1|cpu=1,node=1"
        for job, day in ((1, 5), (2, 25))
        for state, start in (
            ("NODE_FAIL", 1_790_812_800 + day * 86_400),
            ("COMPLETED", 1_790_812_800 + day * 86_400 + 1000),
        )
    ]
    nodehours("resource", "set", "isca", "--rule", "allocated-nodes")
    dated = ("--rule", "allocated-nodes,last-attempts", "--from", "2026-10-20")
    nodehours("resource", "set", "isca", *dated)
    lab = ("--resource", "isca", "--cluster", "lab")
    nodehours("ingest", "slurm", "-", *lab, *kept, stdin="\n".join([head, *lines, ""]).encode())
    report = tmp_path / "sreport.txt"
    banner = Path(told("2026-10")).read_text().splitlines()[:5]
    report.write_text("\n".join([*banner, "lab|brics.climate|alice||node|400", ""]))

    found = as_json(nodehours, str(report), *kept)

    assert found["is_ok"]
    assert causes(found) == {("brics.climate", "alice", "node"): {"requeued": -100}}


def test_what_is_no_such_report_is_said(isca: Run, tmp_path: Path) -> None:
    other = tmp_path / "sreport.txt"
    report = Path(told("2026-10")).read_text()
    for text, sentence in (
        (report.replace("Account/User Util", "User/Account Util"), "it is another report than"),
        ((DATA / "2026-10.sacct.txt").read_text(), "it begins with 'JobID|User|Account|"),
        ("\n".join(report.splitlines()[5:]), "it has no banner that tells the period"),
    ):
        other.write_text(text)
        done = isca("reconcile", "--against", "sreport", str(other), "--resource", "isca")

        assert done.returncode == 1
        assert sentence in done.stderr
        assert "nothing to compare" not in done.stdout
    done = isca("reconcile", "--against", "sreport", str(other), "--resource", "isco")
    assert done.returncode == 3
    assert "there is no resource isco: see `nodehours resource list`" in done.stderr


def test_a_rule_that_sreport_does_not_know_leaves_the_components_to_compare(
    nodehours: Run, tmp_path: Path
) -> None:
    kept = ("--archive", str(tmp_path / "jobs"), "--cluster", "lab")
    rule = "largest-share:cpus=8,gpus=4,memory=4000"
    log = str(DATA / "2026-10.sacct.txt")
    nodehours("ingest", "slurm", log, "--resource", "isca", "--rule", rule, *kept)

    found = as_json(nodehours, told("2026-10"), *kept[:2])

    assert found["is_ok"]
    assert {one["tres"] for one in found["figures"]} == {"cpu", "gres/gpu", "mem", "billing"}
    assert f"no figure of node-seconds by {rule}" in found["notes"][0]


def test_node_seconds_of_a_tres_are_compared_with_that_tres(nodehours: Run, tmp_path: Path) -> None:
    kept = ("--archive", str(tmp_path / "jobs"), "--cluster", "lab")
    log = str(DATA / "2026-10.sacct.txt")
    nodehours("ingest", "slurm", log, "--resource", "isca", "--rule", "tres:gres/gpu", *kept)

    found = as_json(nodehours, told("2026-10"), *kept[:2], "--tres", "gres/gpu")

    assert found["is_ok"]
    assert [one["user"] for one in found["figures"]] == ["alice", "bob", "alice", "carol", "carol", "dave"]  # fmt: skip
