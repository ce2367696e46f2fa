"""Job logs: a month of a busy machine as sacct tells it, taken in, taken in again, and reckoned.

The peers read the same file: DuckDB scans it and adds up nodes times seconds, and a loop in Python does what a script
for the purpose does, with days but without anything else (of a part of the file: it takes long).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from bench.scratch import (
    NODEHOURS,
    CouldNotMeasure,
    Measured,
    embedded_ledger,
    measured,
    say,
    scratch,
)  # fmt: skip
from bench.tables import Result, Wanted

MAX_TIMES_SCAN = 2.0
MIN_JOBS_PER_SECOND = 250_000
MAX_PEAK_BYTES = 2 * 10**9
MAX_TIMES_FIRST = 1.0
_PART = 10
_SCANNED = "DuckDB's bare scan and sum"
_START = 1790812800  # 2026-10-01, UTC
_MONTH = 31 * 86_400

_WRITE = """
import sys
import duckdb
path, jobs = sys.argv[1], int(sys.argv[2])
told = duckdb.connect()
told.execute("set preserve_insertion_order = true")
told.execute(f'''
    copy (
        with drawn as (
            select range as job, {start} + range * {month} // {jobs} as began,
                   (hash(range, 1) % 1000000 + 1) / 1000000.0 as chance,
                   [1, 1, 1, 2, 4][(hash(range, 2) % 5)::int + 1] as nodes,
                   [8, 32, 128][(hash(range, 3) % 3)::int + 1] as cores,
                   (hash(range, 4) % 1013)::int as person, (hash(range, 5) % 8)::int + 1 as gigabytes
            from range({jobs})
        ), lasted as (select *, least((-7200 * ln(chance))::bigint, 172800) as elapsed from drawn)
        select job as JobID, 'isca' as Cluster, 'brics.p' || person % 97 as Account, 'u' || person as User,
               'COMPLETED' as State, began - 60 as Submit, began - 50 as Eligible, began as Start,
               began + elapsed as "End", elapsed as ElapsedRaw, '00:00:00' as Suspended, nodes as AllocNodes,
               nodes * cores as AllocCPUS,
               'billing=' || nodes * cores || ',cpu=' || nodes * cores || ',gres/gpu=' || nodes || ',mem='
                   || nodes * gigabytes * 1000 || 'M,node=' || nodes as AllocTRES
        from lasted order by job
    ) to '{path}' (format csv, delimiter '|', header true)
''')
""".replace("{start}", str(_START)).replace("{month}", str(_MONTH))
_SCAN = """
import sys
import time
import duckdb
query = "select count(*), sum(ElapsedRaw * AllocNodes) from read_csv(?, delim = '|', header = true, quote = '')"
start = time.perf_counter()
duckdb.connect().execute(query, [sys.argv[1]]).fetchall()
print(time.perf_counter() - start)
"""
_LOOP = """
import sys
from itertools import islice
used, jobs = {}, 0
with open(sys.argv[1]) as lines:
    names = next(lines).rstrip().split("|")
    at = [names.index(name) for name in ("Account", "User", "Start", "End", "AllocNodes")]
    for line in islice(lines, int(sys.argv[2])):
        fields = line.rstrip().split("|")
        account, user, start, end, nodes = (fields[one] for one in at)
        start, end, nodes, jobs = int(start), int(end), int(nodes), jobs + 1
        while start < end:
            until = min(end, start - start % 86400 + 86400)
            cell = account, user, start // 86400
            used[cell] = used.get(cell, 0) + (until - start) * nodes
            start = until
print(jobs, sum(used.values()))
"""
_RECKON = """
import sys
import time
from pathlib import Path
from zoneinfo import ZoneInfo
from datetime import date
from nodehours.sources.slurm.archive import opened_archive
from nodehours.sources.slurm.months import RuleFrom, Setting, month_usage
from nodehours.terms.calendar import Calendar
from nodehours.terms.month import Month
from nodehours.terms.rule import Rule
rule = RuleFrom(date(1, 1, 1), Rule.parse(sys.argv[2]))
setting = Setting([rule], Calendar(ZoneInfo("UTC")))
with opened_archive(Path(sys.argv[1])) as archive:
    start = time.perf_counter()
    month_usage(archive, Month(2026, 10), setting, 2**40)
    print(time.perf_counter() - start)
"""
_RULES = ("allocated-nodes", "largest-share:cpus=128,gpus=4,memory=512000")


def measure_jobs(jobs: int, rounds: int) -> Result:
    """Take in and reckon a log of so many *jobs*, *rounds* times."""
    with scratch() as directory:
        log = directory / "jobs.txt"
        say(f"jobs: writing a log of {jobs:,} jobs …")
        _python(_WRITE, directory, log, jobs)
        found: dict[str, list[Measured]] = {}
        for turn in range(rounds):
            say(f"jobs: round {turn + 1} of {rounds} …")
            for name, took in _round(directory / str(turn), log, jobs).items():
                found.setdefault(name, []).append(took)
        size = log.stat().st_size
    counts = dict.fromkeys(found, jobs) | {_loop_name(jobs): max(1, jobs // _PART)}
    scan_rate = jobs / _seconds(found[_SCANNED])
    lines = [_line(name, took, counts[name], scan_rate) for name, took in found.items()]
    notes = [
        f"{size / 1e6:,.0f} MB of text; ingests are whole commands, scan and reckoning without the start of Python",
        f"medians of times, the highest of peaks; rounds: {rounds}; without PostgreSQL's own memory",
    ]
    return Result(f"A log of {jobs:,} jobs", notes, lines, _wanted(found, jobs))


def _round(directory: Path, log: Path, jobs: int) -> dict[str, Measured]:
    directory.mkdir()
    data_dir, archive = directory / "data", directory / "archive"
    ingest = [
        NODEHOURS,
        "ingest",
        "slurm",
        str(log),
        "--resource",
        "isca",
        "--archive",
        str(archive),
    ]
    with embedded_ledger(data_dir):
        return {
            _SCANNED: _timed(_SCAN, directory, log),
            _loop_name(jobs): _python(_LOOP, directory, log, max(1, jobs // _PART)),
            "ingest slurm": measured(ingest, data_dir),
            "ingest slurm, again": measured(ingest, data_dir),
            **{
                f"reckoning, {rule.partition(':')[0]}": _timed(
                    _RECKON, directory, archive / "isca", rule
                )
                for rule in _RULES
            },
        }


def _loop_name(jobs: int) -> str:
    return f"a loop in Python, of {max(1, jobs // _PART):,}"


def _python(program: str, data_dir: Path, *words: object) -> Measured:
    return measured([sys.executable, "-c", program, *map(str, words)], data_dir)


def _timed(program: str, data_dir: Path, *words: object) -> Measured:
    """Have *program* say how long its work took, without the start of Python and its libraries."""
    took = _python(program, data_dir, *words)
    try:
        return took._replace(seconds=float(took.output.split()[-1]))
    except (IndexError, ValueError):
        raise CouldNotMeasure(f"the program said {took.output!r}") from None


def _line(
    name: str, found: Sequence[Measured], jobs: int, scan_rate: float
) -> dict[str, str | float]:
    rate = jobs / _seconds(found)
    return {
        "what": name,
        "seconds": _seconds(found),
        "jobs/s": rate,
        "÷ scan's jobs/s": rate / scan_rate,
        "peak MB": max(one.peak_bytes for one in found) / 1e6,
    }


def _wanted(found: dict[str, list[Measured]], jobs: int) -> list[Wanted]:
    scan, first = _seconds(found[_SCANNED]), _seconds(found["ingest slurm"])
    peaks = [
        one.peak_bytes for name in ("ingest slurm", "ingest slurm, again") for one in found[name]
    ]
    reckoned = [Wanted(f"{name} ÷ bare scan", _seconds(took) / scan, MAX_TIMES_SCAN, "times")
                for name, took in found.items() if name.startswith("reckoning")]  # fmt: skip
    return [
        *reckoned,
        Wanted("ingest slurm, for 250,000 jobs", first / jobs * MIN_JOBS_PER_SECOND, 1, "s"),
        Wanted("ingest slurm, peak", max(peaks) / 1e6, MAX_PEAK_BYTES / 1e6, "MB"),
        Wanted(
            "again ÷ first",
            _seconds(found["ingest slurm, again"]) / first,
            MAX_TIMES_FIRST,
            "times",
        ),
    ]


def _seconds(found: Sequence[Measured]) -> float:
    return median(one.seconds for one in found)
