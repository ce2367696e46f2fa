"""``nodehours`` beside the lab: what it is told to do, and what its ledger and sacct come to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from tests.slurm.lab import Lab
from tests.slurm.people import ACCOUNTS, PHYSICS

NODEHOURS = Path(sys.executable).with_name("nodehours")
LIVE = ("ingest", "slurm", "--live", "--resource", "isca", "--json")


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
