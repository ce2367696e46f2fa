"""Slurm's own output, of one cluster in which jobs were run or written down; and records made up."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from nodehours.sources.document import Document
from nodehours.sources.slurm.attempt import Attempt, Told
from nodehours.sources.slurm.reading import BadRecord, JobRecords

DATA = Path(__file__).parents[2] / "data" / "slurm"
LAB = Told("lab")
START = 1_795_387_913
NAMES = ("JobID", "Account", "User", "State", "Submit", "Start", "End", "ElapsedRaw", "AllocTRES")
HEADER = "|".join(NAMES)
RECORD = {
    "job": "7", "account": "brics.climate", "user": "alice", "state": "COMPLETED", "submitted": str(START - 60),
    "start": str(START), "end": str(START + 10), "elapsed": "10", "tres": "billing=2,cpu=2,mem=100M,node=1",
}  # fmt: skip


def record(**changed: str) -> dict[str, str]:
    """A record of a job that ran for ten seconds, of which something is otherwise."""
    return RECORD | changed


def line(job: int, **changed: str) -> str:
    """A line of text with the fields ``NAMES``."""
    told: Mapping[str, str] = record(job=str(job), **changed)
    return "|".join(told[name] for name in RECORD)


def document(content: str | bytes) -> Document:
    return Document("jobs", content.encode() if isinstance(content, str) else content, bytes(32))


def text(*lines: str, header: str = HEADER) -> Document:
    return document("".join(f"{one}\n" for one in (header, *lines)))


def sample_bytes(name: str) -> bytes:
    path = DATA / name
    if path.exists():
        return path.read_bytes()
    return gzip.decompress((DATA / f"{name}.gz").read_bytes())


def sample(name: str) -> Document:
    return Document(name, sample_bytes(name), bytes(32))


class Read(NamedTuple):
    attempts: list[Attempt]
    bad: list[BadRecord]
    records: int

    @property
    def jobs(self) -> list[str]:
        return sorted(one.job for one in self.attempts)

    @property
    def faults(self) -> list[str]:
        return [f"{one.place}: {one.sentence}" for one in self.bad]


def read(found: Document, told: Told = LAB, names: Sequence[str] = ()) -> Read:
    records = JobRecords(found, told, names)
    attempts = [Attempt(**row) for batch in records.batches() for row in batch.to_pylist()]
    return Read(attempts, records.bad, records.records)


def without(attempts: Iterable[Attempt], *names: str) -> set[Attempt]:
    """The attempts, but for what not every form of a log tells."""
    return {
        one._replace(**{name: type(getattr(one, name))() for name in names}) for one in attempts
    }
