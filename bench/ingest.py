"""A portal-wide report into an empty ledger by the real ``nodehours ingest openportal``, and again.

The same file again must change nothing; a third report has other figures on one day of each project. The
database runs already: what is measured is one command from its start to its end.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench.limits import Limits, measure_limits
from bench.portal import DAYS, PEOPLE, cells, write_report
from bench.scratch import NODEHOURS, embedded_ledger, measured, say, scratch
from bench.tables import Result, Wanted
from nodehours.ledger.clock import current_revision
from nodehours.ledger.store import Connection, connected

MAX_SECONDS = 60.0
MAX_MEGABYTES = 500.0
_FIRST = "first"
_LOG = "select pg_current_wal_insert_lsn() - '0/0'::pg_lsn"
_FORMER = "select count(*) from former_rows"
_CELLS = """
select (select count(*) from daily_usage) + (select count(*) from daily_components),
       (select sum(node_seconds) from usage_rows)
"""


class Kind(NamedTuple):
    """A report: whether it has components, and its files."""

    components: bool
    report: Path
    changed: Path
    megabytes: float

    @property
    def name(self) -> str:
        """How the table calls it."""
        return "4 components" if self.components else "plain"


class Ingested(NamedTuple):
    """What one ingest took: times of the process, its peak, and the bytes of log the database wrote for it."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    log_bytes: int


Runs = dict[tuple[Kind, str], list[Ingested]]


def measure_ingest(projects: int, rounds: int) -> Result:
    """Ingest reports of *projects* projects, *rounds* times each, every time into a new ledger."""
    runs: Runs = defaultdict(list)
    limits: dict[Kind, list[Limits]] = defaultdict(list)
    with scratch() as directory:
        say(f"ingest: writing reports of {projects} projects …")
        kinds = [
            _written(directory, projects, components=components) for components in (False, True)
        ]
        for turn in range(rounds):
            for kind in kinds:
                say(f"ingest: round {turn + 1} of {rounds}, {kind.name}")
                with scratch() as place:
                    limits[kind].append(_round(place / "data", kind, projects, runs))
    return _result(projects, rounds, runs, limits)


def _written(directory: Path, projects: int, *, components: bool) -> Kind:
    name = "components" if components else "plain"
    report, changed = directory / f"{name}.json", directory / f"{name}-changed.json"
    write_report(report, projects, components=components)
    write_report(changed, projects, components=components, changed=True)
    return Kind(components, report, changed, report.stat().st_size / 1e6)


def _round(data_dir: Path, kind: Kind, projects: int, runs: Runs) -> Limits:
    with embedded_ledger(data_dir) as url, connected(url) as connection:
        for run, report, revision in (
            (_FIRST, kind.report, projects),
            ("again", kind.report, projects),
            ("one day changed", kind.changed, 2 * projects),
        ):
            say(f"ingest: {run} …")
            runs[kind, run].append(_ingested(connection, report, data_dir))
            assert current_revision(connection) == revision
            ((former,),) = connection.execute(_FORMER)
            assert bool(former) == (revision > projects)
        ((count, node_seconds),) = connection.execute(_CELLS)
        assert count == cells(projects, components=kind.components)
        assert node_seconds > 0
        return measure_limits(
            connection, kind.report, data_dir, projects, components=kind.components
        )


def _ingested(connection: Connection, report: Path, data_dir: Path) -> Ingested:
    ((before,),) = connection.execute(_LOG)
    command = [NODEHOURS, "ingest", "openportal", str(report), "--resource", "bench"]
    found = measured(command, data_dir)
    ((after,),) = connection.execute(_LOG)
    return Ingested(found.seconds, found.cpu_seconds, found.peak_bytes, int(after - before))


def _result(
    projects: int, rounds: int, runs: Runs, limits: Mapping[Kind, Sequence[Limits]]
) -> Result:
    lines = [
        _line(kind, run, _median(found), limits[kind], projects)
        for (kind, run), found in runs.items()
    ]
    notes = [
        f"a month of {DAYS} days, {PEOPLE} people each",
        f"medians of times, the highest of peaks; rounds: {rounds}, each into a new ledger",
    ]
    notes += [_limits_note(kind, limits[kind]) for kind in limits]
    wanted = []
    for (kind, run), found in runs.items():
        if run == _FIRST:
            typical = _median(found)
            wanted.append(Wanted(f"{kind.name}, first ingest", typical.seconds, MAX_SECONDS, "s"))
            peak = typical.peak_bytes / 1e6
            wanted.append(Wanted(f"{kind.name}, first ingest, peak", peak, MAX_MEGABYTES, "MB"))
    return Result(f"Ingest of a portal's report of {projects:,} projects", notes, lines, wanted)


def _line(
    kind: Kind, run: str, found: Ingested, limits: Sequence[Limits], projects: int
) -> dict[str, str | float]:
    return {
        "report": kind.name,
        "run": run,
        "seconds": found.seconds,
        "own CPU s": found.cpu_seconds,
        "peak MB": found.peak_bytes / 1e6,
        "log MB": found.log_bytes / 1e6,
        "cells/s": cells(projects, components=kind.components) / found.seconds,
        "÷ decode": found.seconds / median(one.decode for one in limits),
        "÷ COPY": found.seconds / median(one.copy for one in limits),
        "÷ flush": found.seconds / median(one.flush for one in limits),
        "÷ all three": found.seconds / median(one.total for one in limits),
    }


def _median(found: Sequence[Ingested]) -> Ingested:
    """The medians of times; the highest of peaks, since a bound is for every run."""
    return Ingested(
        median(one.seconds for one in found),
        median(one.cpu_seconds for one in found),
        max(one.peak_bytes for one in found),
        int(median(one.log_bytes for one in found)),
    )


def _limits_note(kind: Kind, limits: Sequence[Limits]) -> str:
    decode, copy, flush = (
        median(times) for times in zip(*(one[:3] for one in limits), strict=True)
    )
    peak = max(one.decode_peak_bytes for one in limits) / 1e6
    return (
        f"limits, {kind.name} ({kind.megabytes:.0f} MB): decode {decode:.2g} s and {peak:.0f} MB,"
        f" COPY into bare tables {copy:.2g} s, a flushed transaction for each project {flush:.2g} s"
    )
