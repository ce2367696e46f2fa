"""What a real Slurm tells of its jobs is the same in every form that is read, whatever its version."""

from __future__ import annotations

from hashlib import sha256

from nodehours.sources.document import Document
from nodehours.sources.slurm.attempt import Attempt, Told
from nodehours.sources.slurm.fields import RECOMMENDED
from nodehours.sources.slurm.reading import JobRecords
from tests.slurm.config import CLUSTER
from tests.slurm.lab import Lab

IN_SECONDS = {"SLURM_TIME_FORMAT": "%s"}


def told(lab: Lab, *options: str) -> list[Attempt]:
    """The attempts of what sacct prints; every record of it is understood."""
    command = ["sacct", "-a", "-X", f"--starttime={lab.began:%Y-%m-%dT%H:%M:%S}", *options]
    # With it, 22.05 cannot read its own times for JSON.
    content = lab.run(command, more={} if "--json" in options else IN_SECONDS).encode()
    records = JobRecords(Document("sacct", content, sha256(content).digest()), Told(CLUSTER))
    found = [Attempt(**row) for batch in records.batches() for row in batch.to_pylist()]
    assert not records.bad
    assert records.records > 10
    return sorted(found)


def test_json_tells_what_text_does(ran: Lab) -> None:
    text = told(ran, "-D", "-P", "--noconvert", f"-o{RECOMMENDED}")

    assert told(ran, "-D", "--json") == text
    assert {one.state for one in text} >= {"REQUEUED", "NODE_FAIL", "TIMEOUT", "CANCELLED"}
    assert any(one.gpus for one in text)
    assert any("_" in one.job for one in text)
    assert any("+" in one.job for one in text)
    assert any(one.suspended for one in text)


def test_units_and_marks_at_the_ends_of_lines_change_nothing(ran: Lab) -> None:
    text = told(ran, "-D", "-P", "--noconvert", f"-o{RECOMMENDED}")

    assert told(ran, "-D", "-p", f"-o{RECOMMENDED}") == text
