"""Whoever watches a run over a large job log sees how far it has come, whatever form the log has."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from pyarrow import csv

from nodehours.intake.slurm import JobLog, Wanted, ingest
from nodehours.ledger.store import Connection
from tests.sources.slurm.samples import HEADER, START, line

JOBS = 150_000


def as_text(path: Path) -> None:
    lines = (line(job) for job in range(1, JOBS))
    path.write_text("\n".join([HEADER, *lines]))


def as_parquet(path: Path) -> None:
    as_text(path)
    marked = csv.ParseOptions(delimiter="|")
    pq.write_table(csv.read_csv(path, parse_options=marked), path)


def as_json(path: Path) -> None:
    times = {"start": START, "end": START + 10, "elapsed": 10, "submission": START}
    told = {"account": "a", "user": "u", "tres": {"allocated": []}, "time": times}
    path.write_text(json.dumps({"jobs": [{"job_id": job, **told} for job in range(1, JOBS)]}))


@pytest.mark.parametrize("write", [as_text, as_json, as_parquet])
def test_how_much_of_a_log_was_read_is_told(
    connection: Connection, tmp_path: Path, write: Callable[[Path], None]
) -> None:
    log = tmp_path / "jobs"
    write(log)
    seen: list[tuple[str, int, int | None]] = []

    ingest(
        connection,
        [str(log)],
        JobLog(),
        Wanted("isca", tmp_path / "archive"),
        watch=lambda *told: seen.append(told),
    )

    size = -(-log.stat().st_size // 10**6)
    read = [done for what, done, count in seen if (what, count) == (f"{log}: MB", size)]
    assert read == sorted(read)
    assert (read[0], read[-1]) == (0, size)
    assert len(read) > 3
    assert [done for what, done, _ in seen if what == "months"] == [0, 1]
