"""`nodehours ingest slurm --live` beside a real Slurm: what it posts is what sacct tells, and again it is nothing.

And `nodehours reconcile --against sreport live`: whatever sreport says else has a known cause.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.slurm.lab import Lab
from tests.slurm.people import ACCOUNTS, CLIMATE, PHYSICS

NODEHOURS = Path(sys.executable).with_name("nodehours")
LIVE = ("ingest", "slurm", "--live", "--resource", "isca", "--json")


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """Not one of pytest's: the embedded PostgreSQL has a user of its own, who may not go there."""
    with TemporaryDirectory(prefix="nodehours-live-") as directory:
        yield Path(directory)


def command(lab: Lab, home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **lab.env, "NODEHOURS_DATA_DIR": str(home)}
    return subprocess.run(
        [NODEHOURS, *words],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def told(lab: Lab, home: Path, *words: str) -> dict[str, Any]:
    done = command(lab, home, *words)
    assert done.returncode == 0, done.stderr + done.stdout
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def used_by_sacct(lab: Lab) -> Counter[tuple[str, str]]:
    """Node-seconds by account and user: nodes times elapsed seconds, which leave out suspension.

    Who is called as a user of another project is nobody in this one, until somebody says who it is.
    """
    sums: Counter[tuple[str, str]] = Counter()
    for job in lab.sacct("Account", "User", "ElapsedRaw", "AllocNodes"):
        is_told = (job["Account"], job["User"]) != (PHYSICS, "cleo.genomics")
        user = job["User"] if is_told else "unknown"
        sums[job["Account"], user] += int(job["ElapsedRaw"]) * int(job["AllocNodes"])
    return +sums


def used_by_ledger(lab: Lab, home: Path) -> Counter[tuple[str, str]]:
    sums: Counter[tuple[str, str]] = Counter()
    for line in told_rows(lab, home):
        project, user = line["project_identifier"], line["username"]
        name, portal = project.split(".")
        account = name if portal != "brics" else f"{portal}.{name}"
        local = user.partition(".")[0]
        whole = f"{local}.{name}"
        sums[account, whole if whole in ACCOUNTS else local] += line["node_seconds"]
    return +sums


def told_rows(lab: Lab, home: Path) -> list[dict[str, Any]]:
    done = command(lab, home, "export", "-", "--format", "ndjson")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_dry_run_leaves_nothing(ran: Lab, home: Path) -> None:
    dry = told(ran, home, *LIVE, "--dry-run")

    assert dry["months_posted"] > 0
    assert told_rows(ran, home) == []


def test_what_is_posted_is_what_sacct_tells(ran: Lab, home: Path) -> None:
    first = told(ran, home, *LIVE)

    assert first["quarantined"] == first["refused"] == []
    assert used_by_ledger(ran, home) == used_by_sacct(ran)


def test_a_second_run_posts_nothing(ran: Lab, home: Path) -> None:
    before = told_rows(ran, home)
    again = told(ran, home, *LIVE)

    assert again["months_posted"] == 0
    assert sum(log["changed"] for log in again["logs"]) == 0
    assert sum(log["attempts"] for log in again["logs"]) > 0
    assert told_rows(ran, home) == before


def test_a_job_that_still_ran_is_caught_up(ran: Lab, home: Path) -> None:
    job = ran.submit("ada.climate", CLIMATE, "sleep 12")
    ran.wait_for(job, "RUNNING")
    told(ran, home, *LIVE)
    ran.wait_idle()
    told(ran, home, *LIVE)

    assert used_by_ledger(ran, home) == used_by_sacct(ran)


def test_sreport_says_the_same_but_for_causes_that_are_known(ran: Lab, home: Path) -> None:
    ran.wait_idle()
    ran.roll_up()
    told(ran, home, *LIVE)

    beside = ("reconcile", "--against", "sreport", "live", "--resource", "isca")
    found = told(ran, home, *beside, "--output", "json")

    assert found["not_read"] == []
    assert {one["tres"] for one in found["figures"]} > {"node", "cpu", "gres/gpu"}
    assert any(cause["cause"] == "suspended" for one in found["figures"] for cause in one["causes"])


def test_a_cluster_that_is_not_there_is_said_and_moves_no_bookmark(ran: Lab, home: Path) -> None:
    done = command(ran, home, *LIVE, "--cluster", "nowhere")

    assert done.returncode == 3
    assert "slurmdbd does not know nowhere" in done.stderr
    assert told(ran, home, *LIVE)["months_posted"] == 0
