"""What no ingest can beat, measured in the same run: reading the JSON, storing the rows, flushing the log."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import NamedTuple

from bench.portal import DAYS, PEOPLE, cells
from bench.scratch import measured
from nodehours.ledger.store import Connection

# In a process of its own, so that its memory is not counted as ours.
_DECODE = """
import sys, time, msgspec
start = time.perf_counter()
with open(sys.argv[1], "rb") as file:
    msgspec.json.decode(file.read())
print(time.perf_counter() - start)
"""
# The types of daily_usage and daily_components, without a key, a check or an index.
_TABLES = (
    """
    create table bare_usage (allocation_id bigint, day date, local_user text, node_seconds bigint,
                             jobs bigint, wait_seconds bigint)
    """,
    """
    create table bare_components (allocation_id bigint, day date, local_user text, component text,
                                  component_seconds bigint)
    """,
)
_COPY_OUT = "copy ({rows}) to stdout (format binary)"
_USAGE = """
select project::bigint, date '2025-10-01' + day, 'person' || person || '.project' || project,
       3600::bigint * (1 + (project + person * day) % 24), 3::bigint, 180::bigint
from generate_series(1, {projects}) as project, generate_series(0, {days} - 1) as day,
     generate_series(1, {people}) as person
"""
_COMPONENTS = """
select project::bigint, date '2025-10-01' + day, 'person' || person || '.project' || project, 'component' || component,
       460800::bigint * (1 + (project + person * day) % 24)
from generate_series(1, {projects}) as project, generate_series(0, {days} - 1) as day,
     generate_series(1, {components}) as component, generate_series(1, {people}) as person
"""
# An empty transaction is not flushed at all; this one says nothing, and is.
_FLUSH = "select pg_logical_emit_message(true, 'bench', '')"


class Limits(NamedTuple):
    """Seconds of each limit, and the peak of the bare decode."""

    decode: float
    copy: float
    flush: float
    decode_peak_bytes: int

    @property
    def total(self) -> float:
        """All three, one after the other."""
        return self.decode + self.copy + self.flush


def measure_limits(
    connection: Connection, report: Path, directory: Path, projects: int, *, components: bool
) -> Limits:
    """Measure the limits for *report*, in the ledger's own PostgreSQL."""
    decode = measured([sys.executable, "-c", _DECODE, str(report)], directory)
    figures = cells(projects, components=components) // (projects * DAYS * PEOPLE)
    return Limits(
        decode=float(decode.output),
        copy=_copy(connection, directory, projects, figures - 1),
        flush=_flush(connection, projects),
        decode_peak_bytes=decode.peak_bytes,
    )


def _copy(connection: Connection, directory: Path, projects: int, components: int) -> float:
    """COPY as many rows as the report has cells, encoded beforehand, in one transaction into bare tables."""
    sizes = {"projects": projects, "days": DAYS, "people": PEOPLE, "components": components}
    usage, of_components = directory / "usage.copy", directory / "components.copy"
    _encode(connection, usage, _USAGE.format(**sizes))
    _encode(connection, of_components, _COMPONENTS.format(**sizes))
    for table in _TABLES:
        connection.execute(table)
    start = time.perf_counter()
    with connection.transaction():
        _copy_in(connection, usage, "copy bare_usage from stdin (format binary)")
        _copy_in(connection, of_components, "copy bare_components from stdin (format binary)")
    seconds = time.perf_counter() - start
    connection.execute("drop table bare_usage, bare_components")
    usage.unlink()
    of_components.unlink()
    return seconds


def _encode(connection: Connection, path: Path, rows: str) -> None:
    copy_out = _COPY_OUT.format(rows=rows)
    with path.open("wb") as file, connection.cursor().copy(copy_out.encode()) as copy:
        file.writelines(copy)


def _copy_in(connection: Connection, path: Path, copy_in: str) -> None:
    with path.open("rb") as file, connection.cursor().copy(copy_in.encode()) as copy:
        while block := file.read(2**18):
            copy.write(block)


def _flush(connection: Connection, projects: int) -> float:
    start = time.perf_counter()
    for _ in range(projects):
        connection.execute(_FLUSH)
    return time.perf_counter() - start
