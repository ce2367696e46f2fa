"""Real jobs of every kind that the accounting tells apart, run in the lab within a minute or so."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from tests.slurm.lab import Lab
from tests.slurm.people import CLIMATE, GENOMICS, PHYSICS

COMPLETED = "COMPLETED"
# What is to befall a job while it runs must find it running, however slow the machine.
UNTIL_LET_GO = 'until [ -e "$SLURM_JOB_NAME.let-go" ]; do sleep 0.2; done; sleep 1'


class Job(NamedTuple):
    """A job, what befalls it, and the states in which the accounting has its attempts in the end."""

    name: str
    user: str
    account: str
    script: str = "sleep 3"
    options: tuple[str, ...] = ()
    ends: tuple[str, ...] = (COMPLETED,)
    fate: Callable[[Lab, str], None] | None = None


def runs_too_long(lab: Lab, job: str) -> None:
    """Limits are minutes, but an end can be set; the controller looks after it twice a minute."""
    lab.wait_for(job, "RUNNING")
    lab.run(["scontrol", "update", f"JobId={job}", "EndTime=now+2"])


def is_requeued(lab: Lab, job: str) -> None:
    _let_run(lab, job)
    lab.run(["scontrol", "requeue", job])


def is_cancelled_while_pending(lab: Lab, job: str) -> None:
    # It must have been eligible, if only for a moment, or sacct will not list it.
    time.sleep(1)
    lab.run(["scancel", job])


def is_cancelled_while_running(lab: Lab, job: str) -> None:
    _let_run(lab, job)
    lab.run(["scancel", job])


def is_suspended_for_a_while(lab: Lab, job: str) -> None:
    _let_run(lab, job)
    lab.run(["scontrol", "suspend", job])
    time.sleep(3)
    lab.run(["scontrol", "resume", job])


def loses_its_node(lab: Lab, job: str) -> None:
    _let_run(lab, job)
    node = lab.run(["squeue", "--noheader", f"--jobs={job}", "--format=%N"]).strip()
    # It answers still, and so is up again in a moment.
    lab.run(["scontrol", "update", f"NodeName={node}", "State=DOWN", "Reason=test"])


def _let_run(lab: Lab, job: str) -> None:
    lab.wait_for(job, "RUNNING")
    time.sleep(2)


# The first has a node for itself, which it loses.
JOBS = (
    Job(
        "loses-its-node",
        "dora",
        PHYSICS,
        UNTIL_LET_GO,
        ("--partition=whole",),
        ("NODE_FAIL", COMPLETED),
        loses_its_node,
    ),
    Job(
        "too-long",
        "ben.climate",
        CLIMATE,
        "sleep 300",
        ("--ntasks=2",),
        ("TIMEOUT",),
        runs_too_long,
    ),
    Job("requeued", "ada.climate", CLIMATE, UNTIL_LET_GO, (), ("REQUEUED", COMPLETED), is_requeued),
    Job(
        "suspended",
        "cleo.genomics",
        GENOMICS,
        UNTIL_LET_GO,
        ("--ntasks=2",),
        fate=is_suspended_for_a_while,
    ),
    Job(
        "cancelled-running",
        "ada.climate",
        CLIMATE,
        "sleep 300",
        (),
        ("CANCELLED",),
        is_cancelled_while_running,
    ),
    Job(
        "cancelled-pending",
        "ada.climate",
        CLIMATE,
        "sleep 300",
        ("--partition=closed",),
        ("CANCELLED",),
        is_cancelled_while_pending,
    ),
    Job("plain", "ada.climate", CLIMATE),
    Job("four-cpus", "ben.climate", CLIMATE, "sleep 4", ("--ntasks=4",)),
    Job("much-memory", "ben.climate", CLIMATE, "sleep 3", ("--mem=2000M",)),
    Job("two-nodes", "cleo.genomics", GENOMICS, "srun sleep 3", ("--nodes=2", "--ntasks=4")),
    Job("three-nodes", "ada.genomics", GENOMICS, "sleep 4", ("--nodes=3",)),
    Job("gpu", "ada.genomics", GENOMICS, "sleep 4", ("--gres=gpu:1",)),
    Job("gpus", "ada.genomics", GENOMICS, "sleep 3", ("--nodes=2", "--gres=gpu:2")),
    Job("array", "ben.climate", CLIMATE, "sleep 3", ("--array=0-2",), (COMPLETED,) * 3),
    Job("parts", "dora", PHYSICS, "sleep 3", ("--ntasks=1", ":", "--ntasks=2"), (COMPLETED,) * 2),
    Job("whole-node", "dora", PHYSICS, "sleep 3", ("--partition=whole",)),
    Job("elsewhere", "cleo.genomics", PHYSICS),
    Job("fails", "dora", PHYSICS, "sleep 2; exit 3", ends=("FAILED",)),
)


def run_all(lab: Lab) -> None:
    """Submit all jobs, let befall them what does, wait for their ends, and have them summed up."""
    ids = [
        lab.submit(job.user, job.account, job.script, f"--job-name={job.name}", *job.options)
        for job in JOBS
    ]
    for job, number in zip(JOBS, ids, strict=True):
        if job.fate:
            job.fate(lab, number)
            (lab.site.jobs / f"{job.name}.let-go").touch()
    lab.wait_idle()
    lab.roll_up()
