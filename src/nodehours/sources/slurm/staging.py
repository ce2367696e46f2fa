"""Attempts as they come, put into files by cluster and month of submission before they are merged with others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nodehours.sources.slurm.batches import SCHEMA
from nodehours.terms.month import Month
from nodehours.terms.period import Period, months_after

Place: TypeAlias = tuple[str, str]
"""A cluster and a month of submission (UTC), such as ``2026-10``."""

ROWS: Final = 2**17
"""How many attempts are in a group of rows: pages of it are held in memory while it is written."""

_FEW_VALUES: Final = [
    "cluster",
    "account",
    "user",
    "state",
    "tres",
    "nodes",
    "cpus",
    "gpus",
    "memory",
    "billing",
]


def written_to(path: Path) -> pq.ParquetWriter:
    """Begin a file of attempts."""
    return pq.ParquetWriter(
        path, SCHEMA, compression="zstd", compression_level=1, use_dictionary=_FEW_VALUES
    )


class Staging:
    """Attempts as they come, by cluster and month, in files of a directory.

    ``attempts`` counts those that used something. ``start`` and ``end`` are the span of all of them, in seconds since
    1970; 0 where there is none.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._writers: dict[tuple[str, str], pq.ParquetWriter] = {}
        self._waiting: dict[tuple[str, str], list[pa.RecordBatch]] = defaultdict(list)
        self.paths: dict[tuple[str, str], Path] = {}
        self.attempts, self.start, self.end = 0, 0, 0

    def add(self, batch: pa.RecordBatch) -> None:
        """Put *batch* where it belongs."""
        if not len(batch):
            return
        first, last = pc.min(batch["start"]).as_py(), pc.max(batch["end"]).as_py()
        self.start = min(self.start or first, first)
        self.end = max(self.end, last)
        self.attempts += pc.sum(pc.greater(batch["end"], batch["start"])).as_py()
        for key, part in _by_month(batch):
            waiting = self._waiting[key]
            waiting.append(part)
            if sum(map(len, waiting)) >= ROWS:
                self._flush(key)

    def close(self) -> None:
        """Write what is left, and end the files: one after the other, however many there are."""
        for key in list(self._waiting):
            self._flush(key)
            self._writers.pop(key).close()
        for writer in self._writers.values():
            writer.close()

    def _flush(self, key: tuple[str, str]) -> None:
        if not (waiting := self._waiting.pop(key, [])):
            return
        if key not in self._writers:
            self.paths[key] = self._directory / f"{len(self.paths)}.parquet"
            self._writers[key] = written_to(self.paths[key])
        self._writers[key].write_table(pa.Table.from_batches(waiting), row_group_size=ROWS)


def _by_month(batch: pa.RecordBatch) -> Iterator[tuple[Place, pa.RecordBatch]]:
    """Give the parts of *batch* by cluster and month of submission (or start, where that is not known)."""
    for cluster in pc.unique(batch["cluster"]).to_pylist():
        of_cluster = _where(batch, pc.equal(batch["cluster"], cluster))
        since = pc.if_else(
            pc.equal(of_cluster["submitted"], 0), of_cluster["start"], of_cluster["submitted"]
        )
        first, last = (_month_at(pick(since).as_py()) for pick in (pc.min, pc.max))
        for month in Period(first, months_after(last, 1)).months:
            start, end = (_second_of(day) for day in (month.start, month.end))
            is_in = pc.and_(pc.greater_equal(since, start), pc.less(since, end))
            if len(part := _where(of_cluster, is_in)):
                yield (cluster, str(month)), part


def _where(batch: pa.RecordBatch, which: Any) -> pa.RecordBatch:
    return batch if pc.all(which).as_py() else batch.filter(which)


def _month_at(second: int) -> Month:
    return Month.of(datetime.fromtimestamp(second, UTC).date())


def _second_of(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
