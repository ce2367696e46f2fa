"""Archives of a few made up jobs, and what they hold."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq

from nodehours.sources.slurm.archive import (
    Added,
    Archive,
    opened_archive,
)
from nodehours.sources.slurm.attempt import Attempt, Told, read_attempt
from nodehours.sources.slurm.batches import batch_of
from tests.sources.slurm.samples import LAB, record

UTC = Told("lab", ZoneInfo("UTC"))
MONTH = 30 * 86_400


def attempt(**changed: Any) -> Attempt:
    found = read_attempt(record(), LAB)
    assert found
    return found._replace(**changed)


def add(directory: Path, attempts: Sequence[Attempt]) -> Added:
    with opened_archive(directory) as archive:
        return archive.add([batch_of(attempts)] if attempts else [])


def rows_of(archive: Archive) -> list[Attempt]:
    tables = [pq.read_table(path) for path, _, _ in archive.parts]
    return sorted(Attempt(**row) for table in tables for row in table.to_pylist())


def rows(directory: Path) -> list[Attempt]:
    with opened_archive(directory) as archive:
        found = rows_of(archive)
        held = {Path(path) for path, _, _ in archive.parts}
    assert held == set(directory.rglob("*.parquet"))
    assert sorted(path.name for path in directory.glob(".*")) == [".lock"]
    return found


def after(*additions: Sequence[Attempt]) -> list[Attempt]:
    """What an archive holds after *additions*."""
    with TemporaryDirectory() as directory:
        for one in additions:
            add(Path(directory), one)
        return rows(Path(directory))
