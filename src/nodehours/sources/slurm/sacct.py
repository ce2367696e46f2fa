"""Asking Slurm itself: ``sacct`` for one cluster and window of time, ``sacctmgr`` for the clusters there are.

``sreport`` tells what Slurm has rolled up, by the clocks of the time zone that it is run in.

Times are asked for and told in seconds since 1970, so that no time zone has a say. All attempts are asked for (``-D``),
whoever's they are (``-a``), without their steps (``-X``), and no free texts.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final

from nodehours.sources.document import UnreadableError
from nodehours.sources.slurm.fields import RECOMMENDED
from nodehours.sources.slurm.reservations import ASKED, ASSOCIATIONS_ASKED
from nodehours.terms.fault import shown

_FLAGS: Final = ("--allusers", "--allocations", "--duplicates", "--parsable2", "--noconvert")


class SacctError(UnreadableError):
    """Slurm's command did not answer: it is not there, refused, or took too long."""


class SlowError(SacctError):
    """It took too long, or would be more than slurmdbd gives at once: less may be asked for."""


@contextmanager
def asked(cluster: str, since: int, until: int, patience: float) -> Iterator[Path]:
    """Give a file with what sacct tells of the jobs of *cluster* that ran from *since* until *until*.

    Raises ``SlowError`` when that takes longer than *patience* seconds, ``SacctError`` when it is refused.
    """
    command = [
        "sacct", *_FLAGS, f"--clusters={cluster}", f"--starttime={_told(since)}", f"--endtime={_told(until)}",
        f"--format={RECOMMENDED}",
    ]  # fmt: skip
    with NamedTemporaryFile(prefix="nodehours-sacct-") as file:
        _run(command, patience, file.fileno())
        yield Path(file.name)


@contextmanager
def asked_again(cluster: str, jobs: Sequence[str], patience: float) -> Iterator[Path]:
    """Give a file with what sacct tells of these *jobs* of *cluster*, whenever they ran. Raises as ``asked`` does."""
    command = [
        "sacct", *_FLAGS, f"--clusters={cluster}", f"--jobs={','.join(jobs)}", f"--format={RECOMMENDED}",
    ]  # fmt: skip
    with NamedTemporaryFile(prefix="nodehours-sacct-") as file:
        _run(command, patience, file.fileno())
        yield Path(file.name)


def clusters(patience: float) -> list[str]:
    """Return the clusters that slurmdbd knows. Raises ``SacctError``."""
    command = ["sacctmgr", "--noheader", "--parsable2", "show", "clusters", "format=Cluster"]
    return _run(command, patience, subprocess.PIPE).split()


@contextmanager
def rolled_up(
    cluster_names: Sequence[str],
    days: tuple[date, date],
    tres: Sequence[str],
    zone: str,
    patience: float,
) -> Iterator[Path]:
    """Give a file with what sreport tells of TRES in days of *zone*, from the first up to the second, exclusive.

    Without *cluster_names* it is the cluster that Slurm's commands are set up for. Raises ``SacctError``.
    """
    command = [
        "sreport", "--parsable2", "-t", "Seconds", "-T", ",".join(tres), "cluster",
        "AccountUtilizationByUser", *_named(cluster_names), *_between(days),
    ]  # fmt: skip
    with NamedTemporaryFile(prefix="nodehours-sreport-") as file:
        # Its banner would tell seconds as well, and then not of which days.
        _run(command, patience, file.fileno(), {"TZ": zone, "SLURM_TIME_FORMAT": "standard"})
        yield Path(file.name)


@contextmanager
def reserved(
    cluster_names: Sequence[str], days: tuple[date, date], zone: str, patience: float
) -> Iterator[Path]:
    """Give a file with the reservations in days of *zone*, and with the associations. Raises ``SacctError``."""
    told = ["sacctmgr", "--parsable2", "show"]
    clusters_named = _named(cluster_names)
    with NamedTemporaryFile(prefix="nodehours-sacctmgr-") as file:
        for words in (
            ["reservation", *clusters_named, *_between(days), f"format={ASKED}"],
            ["assoc", "withdeleted", *clusters_named, f"format={ASSOCIATIONS_ASKED}"],
        ):
            _run([*told, *words], patience, file.fileno(), {"TZ": zone})
        yield Path(file.name)


def _named(cluster_names: Sequence[str]) -> list[str]:
    return [f"Clusters={','.join(cluster_names)}"] if cluster_names else []


def _between(days: tuple[date, date]) -> list[str]:
    return [f"Start={days[0]}T00:00:00", f"End={days[1]}T00:00:00"]


def _told(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _run(
    command: Sequence[str], patience: float, out: int, more: Mapping[str, str] | None = None
) -> str:
    # What SACCT_… says would have a say in what sacct tells.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SACCT_")}
    environment = kept | {"TZ": "UTC", "SLURM_TIME_FORMAT": "%s", "LC_ALL": "C.UTF-8"}
    environment |= more or {}
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.PIPE, env=environment,
            timeout=patience, check=False, text=True, errors="backslashreplace",
        )  # fmt: skip
    except FileNotFoundError:
        raise SacctError(
            f"{command[0]} is not there: run this where Slurm's commands are"
        ) from None
    except subprocess.TimeoutExpired:
        raise SlowError(f"{command[0]} did not answer within {patience:.0f} seconds") from None
    # sacct may fail and say so only here.
    if done.returncode or (done.stderr and "error" in done.stderr.lower()):
        lines = (
            done.stderr.split("\n") if done.stderr.strip() else [f"exit status {done.returncode}"]
        )
        said = "; ".join(shown(line.strip()) for line in lines if line.strip())
        # slurmdbd's MaxQueryTimeRange: "Too wide of a date range in query".
        error = SlowError if "date range" in done.stderr else SacctError
        raise error(f"{command[0]} refused: {said}")
    return done.stdout or ""
