"""The whole usage listing in each form, by the real ``nodehours export``, beside PostgreSQL's own COPY of it.

The peer is psql: the same rows in the same order with the same columns, as the database keeps them. What is measured
is one command from its start to its end, with a file for its output; the database runs already.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench.ledger import ROWS_PER_STATEMENT, allocations_for, fill, restate
from bench.pgbench import programs
from bench.scratch import NODEHOURS, CouldNotMeasure, embedded_ledger, measured, say, scratch
from bench.tables import Result, Wanted
from nodehours.ledger.store import connected

MAX_TIMES_COPY = 2.5
"""How many times as long as COPY a listing as CSV may take: COPY's 0.4 of a second for each of ours."""
MAX_GROWTH = 1.25
"""How many times as much memory ten times the rows may take."""
FORMS = ("csv", "ndjson", "parquet", "xlsx")

_COPY = "COPY"
_ROWS = "select count(*) from usage_rows"
_PEER = """
copy (
    select row.id, row.year, row.month, complete_days, is_closed, projects.identifier, organisations.identifier,
           resources.name, allocations.uuid, users.uuid, row.username, users.full_name, row.node_seconds,
           row.node_seconds / 3600, row.revision, recorded
    from usage_rows as row
    join statements using (year, month, allocation_id)
    join allocations on allocations.id = row.allocation_id
    join resources on resources.id = resource_id
    join projects on projects.id = project_id
    join organisations on organisations.id = projects.organisation_id
    join revisions on revisions.revision = row.revision
    left join users on users.id = user_id
    order by row.year, row.month, row.allocation_id, row.id
) to stdout (format csv)
"""
# A small process between: a peak is counted from the fork on, and we are larger than what we measure.
_BETWEEN = """
import resource, subprocess, sys, time
start = time.perf_counter()
subprocess.run(sys.argv[1:], check=True, stdout=sys.stderr)
seconds = time.perf_counter() - start
print(seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
"""
_PEAK_UNIT = 1 if sys.platform == "darwin" else 1024


class Took(NamedTuple):
    """One export: seconds of the whole command, its peak of memory, and how large the file became."""

    seconds: float
    peak_bytes: int
    file_bytes: int


Runs = Mapping[str, Sequence[Took]]


def measure_export(rows: int, months: int, rounds: int) -> Result:
    """Export ledgers of about a tenth of *rows* and of *rows* usage rows in *months*, *rounds* times in each form."""
    with scratch() as directory:
        few, few_runs = _measured(directory / "few", rows // 10, months, rounds)
        many, many_runs = _measured(directory / "many", rows, months, rounds)
    lines = [
        _line(form, count, runs[form], runs[_COPY])
        for count, runs in ((few, few_runs), (many, many_runs))
        for form in (_COPY, *FORMS)
    ]
    notes = [
        f"{months} months of allocations of {ROWS_PER_STATEMENT} rows; a row in twenty is restated",
        f"medians of times, the highest of peaks; rounds: {rounds}; whole commands, one after the other",
    ]
    return Result(f"Export of {many:,} usage rows", notes, lines, _wanted(few_runs, many_runs))


def _measured(directory: Path, rows: int, months: int, rounds: int) -> tuple[int, Runs]:
    directory.mkdir()
    data_dir, output = directory / "data", directory / "output"
    with embedded_ledger(data_dir) as url, connected(url) as connection:
        say(f"export: making a ledger of about {rows:,} rows …")
        fill(connection, allocations_for(rows, months), months)
        restate(connection)
        ((count,),) = connection.execute(_ROWS)
        psql = [str(programs(connection) / "psql"), "-X", "-q", "-o", str(output)]
        commands = {_COPY: [*psql, "-c", _PEER, url]}
        commands |= {form: [NODEHOURS, "export", str(output), "--format", form] for form in FORMS}
        runs: dict[str, list[Took]] = defaultdict(list)
        for turn in range(rounds):
            say(f"export: {count:,} rows, round {turn + 1} of {rounds} …")
            for form, command in commands.items():
                runs[form].append(_took(command, data_dir, output))
        return int(count), runs


def _took(command: Sequence[str], data_dir: Path, output: Path) -> Took:
    said = measured([sys.executable, "-c", _BETWEEN, *command], data_dir).output
    try:
        seconds, peak = said.splitlines()[-1].split()
    except (IndexError, ValueError):
        raise CouldNotMeasure(f"{command[0]} said {said!r}") from None
    return Took(float(seconds), int(peak) * _PEAK_UNIT, output.stat().st_size)


def _line(
    form: str, count: int, found: Sequence[Took], copies: Sequence[Took]
) -> dict[str, str | float]:
    seconds = _middle(found)
    return {
        "form": form,
        "rows": count,
        "seconds": seconds,
        "rows/s": count / seconds,
        "÷ COPY's rows/s": _middle(copies) / seconds,
        "peak MB": _peak(found) / 1e6,
        "file MB": found[-1].file_bytes / 1e6,
    }


def _wanted(few: Runs, many: Runs) -> list[Wanted]:
    times = _middle(many["csv"]) / _middle(many[_COPY])
    growth = [
        Wanted(
            f"{form}, memory of ten times the rows",
            _peak(many[form]) / _peak(few[form]),
            MAX_GROWTH,
            "times",
        )
        for form in FORMS
    ]
    return [Wanted("csv, time ÷ COPY's time", times, MAX_TIMES_COPY, "times"), *growth]


def _middle(found: Sequence[Took]) -> float:
    return median(one.seconds for one in found)


def _peak(found: Sequence[Took]) -> int:
    return max(one.peak_bytes for one in found)
