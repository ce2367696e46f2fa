"""A real Slurm tells of real jobs what we take for granted elsewhere."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from tests.slurm.jobs import JOBS
from tests.slurm.lab import Lab
from tests.slurm.people import ACCOUNTS, CLIMATE

_BANNER = 4
NEVER_STARTED = {"None", "Unknown"}


def one(lab: Lab, name: str, *fields: str) -> dict[str, str]:
    """What sacct tells of the only attempt of the job."""
    (found,) = [job for job in lab.sacct("JobName", *fields) if job["JobName"] == name]
    return found


def tres(text: str) -> Counter[str]:
    """``cpu=2,node=1`` in numbers; memory is left out."""
    parts = (part.split("=") for part in text.split(",") if part and not part.startswith("mem"))
    return Counter({name: int(count) for name, count in parts})


def used(lab: Lab, of: str) -> Counter[tuple[str, str]]:
    """By account and user, the seconds of a TRES that every attempt by sacct comes to."""
    sums: Counter[tuple[str, str]] = Counter()
    for job in lab.sacct("Account", "User", "ElapsedRaw", "AllocTRES"):
        sums[job["Account"], job["User"]] += int(job["ElapsedRaw"]) * tres(job["AllocTRES"])[of]
    return sums


def reported(lab: Lab, of: str) -> Counter[tuple[str, str]]:
    """The same by sreport, for the months of the lab."""
    sums: Counter[tuple[str, str]] = Counter()
    for row in rows_of_sreport(lab, *lab.months):
        if row["Login"] and row["TRES Name"] == of:
            sums[row["Account"], row["Login"]] += int(row["Used"])
    return sums


def rows_of_sreport(lab: Lab, start: date | datetime, end: date | datetime) -> list[dict[str, str]]:
    period = [f"Start={start:%Y-%m-%dT%H:%M:%S}", f"End={end:%Y-%m-%dT%H:%M:%S}"]
    what = ["cluster", "AccountUtilizationByUser", *period]
    said = lab.run(["sreport", "-t", "Seconds", "-T", "node,cpu", "-P", *what]).splitlines()
    header, *rows = (line.split("|") for line in said[_BANNER:])
    return [dict(zip(header, row, strict=True)) for row in rows]


def associations() -> Iterator[tuple[str, str]]:
    return ((account, user) for user, accounts in ACCOUNTS.items() for account in accounts)


def test_every_attempt_of_every_job_is_told_with_its_state(ran: Lab) -> None:
    told = defaultdict(list)
    for job in ran.sacct("JobName", "User", "Account", "State"):
        state = job["State"].split()[0]
        told[job["JobName"], job["User"], job["Account"]].append(state)

    assert told == {(job.name, job.user, job.account): list(job.ends) for job in JOBS}


def test_what_never_started_has_no_start_and_no_seconds(ran: Lab) -> None:
    job = one(ran, "cancelled-pending", "Start", "ElapsedRaw")

    assert job["Start"] in NEVER_STARTED
    assert job["ElapsedRaw"] == "0"


def test_seconds_in_which_a_job_was_suspended_are_not_elapsed(ran: Lab) -> None:
    job = one(ran, "suspended", "Start", "End", "ElapsedRaw", "Suspended")
    hours, minutes, seconds = map(int, job["Suspended"].split(":"))
    suspended = (hours * 60 + minutes) * 60 + seconds

    assert suspended > 0
    assert int(job["End"]) - int(job["Start"]) == int(job["ElapsedRaw"]) + suspended


def test_gpus_are_allocated_and_billed_by_their_weight(ran: Lab) -> None:
    allocated = tres(one(ran, "gpus", "AllocTRES")["AllocTRES"])

    assert allocated == {"billing": 66, "cpu": 2, "gres/gpu": 4, "node": 2}


def test_a_whole_node_is_allocated_with_all_its_cpus_and_gpus(ran: Lab) -> None:
    allocated = tres(one(ran, "whole-node", "AllocTRES")["AllocTRES"])

    assert (allocated["node"], allocated["cpu"], allocated["gres/gpu"]) == (1, 8, 2)


def test_sreport_answers_for_everybody_at_once(ran: Lab) -> None:
    for of in ("node", "cpu"):
        assert reported(ran, of).keys() == set(associations())
        assert all(reported(ran, of).values())


def test_sreport_answers_for_the_hours_of_the_jobs_alone(ran: Lab) -> None:
    first = ran.began.replace(minute=0, second=0)
    hours = rows_of_sreport(ran, first, datetime.now(UTC) + timedelta(hours=1))

    assert hours == rows_of_sreport(ran, *ran.months)
    assert rows_of_sreport(ran, first - timedelta(hours=1), first) == []


def test_cpu_seconds_are_the_same_by_sacct_and_by_sreport(ran: Lab) -> None:
    assert used(ran, "cpu") == reported(ran, "cpu")


def test_node_seconds_are_the_same_but_for_suspension(ran: Lab) -> None:
    suspended = one(ran, "suspended", "Account", "User", "Start", "End", "ElapsedRaw")
    more = int(suspended["End"]) - int(suspended["Start"]) - int(suspended["ElapsedRaw"])

    assert reported(ran, "node") - used(ran, "node") == {
        (suspended["Account"], suspended["User"]): more
    }
    assert used(ran, "node") - reported(ran, "node") == {}


def test_users_see_the_jobs_of_all(ran: Lab) -> None:
    accounts = ran.run(["sacct", "-a", "-X", "-n", "-o", "Account%20"], user="dora").split()

    assert CLIMATE in accounts
