"""Job logs of a real cluster, and what the ledger makes of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from nodehours.intake.slurm import JobLog, JobRun, Wanted, ingest
from nodehours.ledger.store import Connection
from nodehours.sources.slurm.accounts import Accounts
from nodehours.terms.rule import Rule

SAMPLES = Path(__file__).parents[1] / "data" / "slurm"
HISTORY = SAMPLES / "history"
MONTHS = ("2026-09", "2026-10")
CLUSTER = "lab"
UTC = ZoneInfo("UTC")
SHAPE = "largest-share:cpus=8,gpus=4,memory=4000"

HEAD = "JobID|Cluster|Account|User|State|Submit|Start|End|ElapsedRaw|Suspended|AllocNodes|AllocCPUS|AllocTRES"
SEPTEMBER = 1788220800  # 2026-09-01, UTC
DAY = 86_400

_USED = """
select projects.identifier, local_user, extract(year from day)::int, extract(month from day)::int,
       sum(daily_usage.node_seconds)::bigint, sum(daily_usage.jobs)::bigint
from daily_usage
join allocations on allocations.id = allocation_id
join projects on projects.id = project_id
where daily_usage.node_seconds > 0
group by 1, 2, 3, 4
"""


def take_in(
    connection: Connection,
    archive: Path,
    files: Iterable[Path],
    *,
    rule: str | None = None,
    accounts: Accounts | None = None,
    zone: ZoneInfo | None = UTC,
    only_last: bool | None = None,
    begins_anew: bool = False,
    dry_run: bool = False,
) -> JobRun:
    """Ingest *files* as the command does."""
    wanted = Wanted(
        CLUSTER, archive, accounts or Accounts(), Rule.parse(rule) if rule else None, only_last,
        begins_anew=begins_anew,
    )  # fmt: skip
    return ingest(
        connection, [str(file) for file in files], JobLog(CLUSTER, zone), wanted, dry_run=dry_run
    )


def used(connection: Connection) -> dict[tuple[str, str, str], int]:
    """Return node-seconds by (project, local user, month)."""
    return {
        (project, user, f"{year}-{month:02d}"): seconds
        for project, user, year, month, seconds, _ in connection.execute(_USED)
    }


def expected(figure: str) -> dict[tuple[str, str, str], int]:
    """Return what Slurm's own records come to by another reckoning."""
    found: Mapping[str, Any] = json.loads((SAMPLES / "expected_seconds.json").read_text())["months"]
    return {
        (project_of(cell.split()[0]), cell.split()[1], month): figures[figure]
        for month, cells in found.items()
        for cell, figures in cells.items()
        if figures[figure]
    }


def project_of(account: str) -> str:
    """Return the project that an account is by convention."""
    portal, dot, project = account.partition(".")
    return f"{project}.{portal}" if dot else f"{account}.{CLUSTER}"


def line(
    job: int,
    start: int,
    end: int | None,
    *,
    account: str = "brics.climate",
    user: str = "al",
    state: str = "COMPLETED",
    nodes: int = 1,
    seen: int = 0,
    is_told: bool = True,
) -> str:
    elapsed = (end or seen) - start
    told = "Unknown" if end is None else str(end)
    tres = f"billing={8 * nodes},cpu={8 * nodes},mem=1000M,node={nodes}"
    submitted = start - 60 if is_told else "Unknown"
    times = f"{submitted}|{start}|{told}|{elapsed}|00:00:00"
    return f"{job}|lab|{account}|{user}|{state}|{times}|{nodes}|{8 * nodes}|{tres}"


def log(directory: Path, *lines: str) -> list[Path]:
    file = directory / "jobs.txt"
    file.write_text("\n".join([HEAD, *lines]) + "\n")
    return [file]
