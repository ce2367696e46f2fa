"""``nodehours ingest slurm`` and ``rebuild``: what is remembered from run to run, and what cannot be meant."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.faces.cli.conftest import Run
from tests.sources.slurm.samples import HEADER, line

MAPPING = "account,user,project,person\nbrics.climate,,quarks.brics,\n"
ASSOCIATIONS = "Cluster|Account|User\nlab|brics.climate|bob\n"
INGEST = ("ingest", "slurm", "-", "--resource", "isca")
REBUILD = ("rebuild", "--resource", "isca", "--month", "2026-11")


def log(*lines: str) -> bytes:
    return "\n".join([HEADER, *lines, ""]).encode()


def places(run: Run) -> dict[tuple[str, str], int]:
    told = [json.loads(row) for row in run("export", "-", "--format", "ndjson").stdout.splitlines()]
    return {
        (row["project_identifier"], row["username"]): row["node_seconds"]
        for row in told
        if row["node_seconds"]
    }


@pytest.fixture
def kept(nodehours: Run, tmp_path: Path) -> Run:
    """The command with an archive of the test's own."""
    archive = ("--archive", str(tmp_path / "jobs"))

    def run(*arguments: str, stdin: bytes = b"") -> CompletedProcess[str]:
        more = archive if arguments[0] in {"ingest", "rebuild", "reconcile"} else ()
        return nodehours(*arguments, *more, stdin=stdin)

    return run


def test_who_accounts_are_is_remembered_until_something_else_is_said(
    kept: Run, tmp_path: Path
) -> None:
    """A rebuild without the option would call all of it back."""
    (tmp_path / "accounts.csv").write_text(MAPPING)
    (tmp_path / "assoc.txt").write_text(ASSOCIATIONS)
    files = ("--accounts", "accounts.csv", "--associations", "assoc.txt")
    done = kept(*INGEST, *files, stdin=log(line(1), line(2, user="bob")))
    assert done.returncode == 0, done.stderr
    mapped = {("quarks.brics", "unknown"): 10, ("quarks.brics", "bob.quarks.brics"): 10}
    assert places(kept) == mapped

    again = kept(*REBUILD)
    assert f"--accounts {tmp_path}/accounts.csv, as the last time" in again.stderr
    assert f"--associations {tmp_path}/assoc.txt, as the last time" in again.stderr
    assert places(kept) == mapped

    kept(*REBUILD, "--accounts", "", "--associations", "")
    assert set(places(kept)) == {
        ("climate.brics", "alice.climate.brics"),
        ("climate.brics", "bob.climate.brics"),
    }
    assert kept(*REBUILD).stderr == ""


def test_a_mapping_that_is_gone_stops_the_run(kept: Run, tmp_path: Path) -> None:
    (tmp_path / "accounts.csv").write_text(MAPPING)
    kept(*INGEST, "--accounts", "accounts.csv", stdin=log(line(1)))
    (tmp_path / "accounts.csv").unlink()

    done = kept(*REBUILD)

    assert done.returncode == 2
    assert f"{tmp_path}/accounts.csv: " in done.stderr


def test_a_user_who_would_be_two_people_in_one_project_is_refused(
    kept: Run, tmp_path: Path
) -> None:
    lines = ["a1,,q.brics,", "a2,,q.brics,", "a1,u1,,alice", "a2,u1,,bob"]
    (tmp_path / "accounts.csv").write_text("\n".join(["account,user,project,person", *lines]))

    done = kept(*INGEST, "--accounts", "accounts.csv", stdin=log(line(1)))

    assert done.returncode == 2
    assert "u1 is alice of the account a1 and bob of a2, which are both the project q.brics" in (
        done.stderr
    )


def test_which_attempts_count_is_part_of_the_rule(kept: Run) -> None:
    """So the next run counts as this one did, and statements tell it."""
    first = line(1, state="NODE_FAIL")
    again = line(1, submitted="1795388000", start="1795388100", end="1795388107", elapsed="7")
    kept(*INGEST, "--requeues", "last", stdin=log(first, again))
    assert list(places(kept).values()) == [7]

    assert kept(*INGEST, stdin=log(first)).returncode == 0
    assert list(places(kept).values()) == [7]
    refused = kept(*INGEST, "--requeues", "all", stdin=log(first))
    assert refused.returncode == 3
    assert "isca has the rule allocated-nodes,last-attempts: `nodehours resource set isca" in (
        refused.stderr
    )
    assert "allocated-nodes,last-attempts" in kept("explain", "climate.brics", "2026-11").stdout

    kept("resource", "set", "isca", "--rule", "allocated-nodes")
    kept(*REBUILD)
    assert list(places(kept).values()) == [17]


def test_a_rule_that_was_a_mistake_is_taken_back(kept: Run) -> None:
    kept(*INGEST, stdin=log(line(1)))
    dated = ("resource", "set", "isca", "--from", "2026-11-01", "--rule")
    set_ = kept(*dated, "tres:billing")
    assert set_.stdout.splitlines() == [
        "isca is reckoned by allocated-nodes from the beginning on",
        "isca is reckoned by tres:billing from 2026-11-01 on",
        "what was posted stays as it is until `nodehours rebuild --resource isca --since 2026-11` posts it anew",
    ]

    assert kept(*dated, "none").stdout.splitlines()[0] == (
        "isca is reckoned by allocated-nodes from the beginning on"
    )
    again = kept(*dated, "none")
    assert again.returncode == 3
    assert "isca has no rule from 2026-11-01 on" in again.stderr
    gpu = kept(*dated, "tres:gpu")
    assert gpu.returncode == 2
    assert "'tres:gpu' is no rule" in gpu.stderr


def test_a_lost_archive_takes_nothing_back(kept: Run, tmp_path: Path) -> None:
    kept(*INGEST, stdin=log(line(1), line(2)))
    before = places(kept)
    shutil.rmtree(tmp_path / "jobs")

    for command in (REBUILD, INGEST):
        done = kept(*command, stdin=log(line(1)))
        assert done.returncode == 3
        assert "archive" in done.stderr
    assert places(kept) == before

    kept(*INGEST, "--new-archive", stdin=log(line(1)))
    assert list(places(kept).values()) == [10]


def test_a_file_that_the_archive_has_lost_is_named(kept: Run, tmp_path: Path) -> None:
    kept(*INGEST, stdin=log(line(1)))
    (part,) = (tmp_path / "jobs").rglob("*.parquet")
    part.unlink()

    done = kept(*REBUILD)

    assert done.returncode == 3
    assert f"{part} is not there, but archive.json names it: bring it back" in done.stderr


def test_months_of_which_nothing_is_known_are_said(kept: Run) -> None:
    kept(*INGEST, stdin=log(line(1)))

    done = kept("rebuild", "--resource", "isca", "--month", "2020-01")

    assert done.returncode == 0
    assert done.stderr == "nothing to post: no jobs are known of these months\n"


def test_what_waits_of_a_job_log_is_not_offered_for_release(kept: Run) -> None:
    kept(*INGEST, stdin=log(line(1), "odd"))

    shown = kept("quarantine", "show", "1").stdout

    assert "mend the log and take it in again, then `nodehours quarantine drop 1`" in shown
    assert "quarantine release" not in shown
    assert kept("quarantine", "drop", "1").stdout == "dropped 1: line 3\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "say which files, or --live"),
        (("--live", "jobs.txt"), "say which files, or --live, and not both"),
        (("jobs.txt", "--overlap", "3"), "--overlap goes only with --live"),
        (("jobs.txt", "--patience", "3"), "--patience goes only with --live"),
        (("--live", "--until", "2026-09-30"), "--until goes only with FILE"),
        (("--live", "--timezone", "UTC"), "--timezone goes only with FILE"),
        (("--live", "--format", "JobID"), "--format goes only with FILE"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    nodehours: Run, arguments: tuple[str, ...], sentence: str
) -> None:
    done = nodehours("ingest", "slurm", "--resource", "isca", *arguments)

    assert done.returncode == 2
    assert sentence in done.stderr
