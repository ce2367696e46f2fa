"""Job logs as Slurm tells them now: window by window from where the last run ended, and some way back.

A job that still ran when a window was read overlaps the next one, so it is read again until it has ended; one that is
in none of them any more, since Slurm ended it in the past, is asked for by its number. What slurmdbd learns late is
found by going back further than that. Months are posted, and the bookmark of the cluster moves,
in one transaction: what a killed run left is read again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from nodehours.intake.slurm import (
    SOURCE,
    JobLog,
    JobRun,
    Running,
    Wanted,
    running,
)
from nodehours.ledger.moment import Watch, unwatched
from nodehours.ledger.reckoning import bookmark_of, move_bookmark
from nodehours.ledger.store import Connection
from nodehours.sources.slurm.months import unended_jobs
from nodehours.sources.slurm.sacct import SacctError, SlowError, asked, asked_again, clusters

_HOUR, _DAY = 3_600, 86_400
_AT_ONCE = 31 * _DAY
_JOBS_AT_ONCE = 500
_NUMBER = re.compile("[_+]")
"""What comes after a job's number: which task or part of it this is."""


@dataclass(frozen=True, slots=True)
class Live:
    """What Slurm is asked for: ``clusters`` (none: the only one there is), from the second ``since`` on where nothing
    was read yet (None: from the beginning of the month), and ``overlap`` seconds of what was read already. It has
    ``patience`` seconds for each window.
    """

    clusters: Sequence[str] = ()
    since: int | None = None
    overlap: int = 2 * _DAY
    patience: float = 600


def ingest_live(
    connection: Connection,
    live: Live,
    wanted: Wanted,
    *,
    dry_run: bool = False,
    reason: str = "",
    by_whom: str = "",
    watch: Watch = unwatched,
) -> JobRun:
    """Read the jobs of all windows until now, and post what the archive then comes to.

    Raises ``SacctError`` when Slurm does not answer, and as ``intake.slurm.ingest`` does; what was posted stands.
    """
    with running(connection, wanted, dry_run=dry_run, reason=reason, by_whom=by_whom) as run:
        for cluster in _clusters(live):
            _read_cluster(run, cluster, live, watch)
    return run.told


def _clusters(live: Live) -> Sequence[str]:
    """Return the clusters to ask for: sacct answers for one that does not exist as for one without jobs."""
    known = clusters(live.patience)
    if unknown := [name for name in live.clusters if name not in known]:
        raise SacctError(
            f"slurmdbd does not know {', '.join(unknown)}, but {', '.join(known) or 'no cluster'}"
        )
    if not live.clusters and len(known) != 1:
        raise SacctError(
            f"slurmdbd knows {', '.join(known) or 'no cluster'}: say which with --cluster"
        )
    return live.clusters or known


def _read_cluster(run: Running, cluster: str, live: Live, watch: Watch) -> None:
    """Read all windows; a month at once is posted."""
    until = int(datetime.now(UTC).timestamp())
    start = begun = _since(run, cluster, live)
    size = _DAY
    while start < until:
        end = min(start + size, until)
        watch(f"{cluster}: days", (start - begun) // _DAY, (until - begun) // _DAY + 1)
        try:
            _read_window(run, cluster, (start, end), live)
        except SlowError:
            if end - start <= _HOUR:
                raise
            size = max(_HOUR, (end - start) // 2)
            continue
        start, size = end, min(2 * size, _DAY) if end - start < _DAY else size
        if start >= until:
            _ask_again(run, cluster, until, live)
        if start >= until or start - begun >= _AT_ONCE:
            begun = start
            _post(run, cluster, start, watch)


def _ask_again(run: Running, cluster: str, until: int, live: Live) -> None:
    """Read the jobs that still ran when they were last seen, and were not seen now: Slurm ended them in the past."""
    jobs = unended_jobs(run.archive, run.engine, cluster, until - _HOUR)
    numbers = sorted({_NUMBER.split(job)[0] for job in jobs}, key=int)
    for at in range(0, len(numbers), _JOBS_AT_ONCE):
        with asked_again(cluster, numbers[at : at + _JOBS_AT_ONCE], live.patience) as path:
            _read(run, path, f"sacct {cluster} jobs seen before", JobLog(cluster))


def _since(run: Running, cluster: str, live: Live) -> int:
    bookmark = bookmark_of(run.connection, run.wanted.resource, SOURCE, cluster)
    if bookmark is not None:
        back = int(bookmark.timestamp()) - live.overlap
        return back if live.since is None else min(back, live.since)
    if live.since is not None:
        return live.since
    first = datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0)
    return int(first.timestamp())


def _read_window(run: Running, cluster: str, window: tuple[int, int], live: Live) -> None:
    start, end = window
    told = "..".join(_told(at) for at in window)
    with asked(cluster, start, end, live.patience) as path:
        _read(run, path, f"sacct {cluster} {told}", JobLog(cluster, known=window))


def _read(run: Running, path: Path, called: str, log: JobLog) -> None:
    refused = len(run.told.run.refused)
    run.read_as(str(path), called, log)
    # The bookmark must not pass what could not be read.
    if len(run.told.run.refused) > refused:
        raise SacctError(str(run.told.run.refused[-1].fault))


def _post(run: Running, cluster: str, until: int, watch: Watch) -> None:
    at = datetime.fromtimestamp(until, UTC)
    with run.connection.transaction():
        run.post_months(watch)
        move_bookmark(run.connection, run.wanted.resource, SOURCE, cluster, at)
    run.posted()


def _told(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
