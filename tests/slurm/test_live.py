"""`nodehours ingest slurm --live` beside a real Slurm: what it posts is what sacct tells, and again it is nothing.

And `nodehours reconcile --against sreport live`: whatever sreport says else has a known cause.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.slurm.lab import Lab
from tests.slurm.live import LIVE, command, told, told_rows, used_by_ledger, used_by_sacct
from tests.slurm.people import CLIMATE


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """Not one of pytest's: the embedded PostgreSQL has a user of its own, who may not go there."""
    with TemporaryDirectory(prefix="nodehours-live-") as directory:
        yield Path(directory)


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
