"""``--engine`` and what goes with it: what cannot be meant is refused before anything is done."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faces.cli.conftest import Run

REBUILD = ("rebuild", "--resource", "lab", "--month", "2026-10")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--spark-master", "local[1]"], "go with --engine spark"),
        (["--spark-conf", "spark.executor.memory=8g"], "go with --engine spark"),
        (["--engine", "spark", "--spark-conf", "memory"], "no setting of Spark"),
        (["--memory", "much"], "no size"),
        (["--memory", "1GB'; attach 'x"], "no size"),
        (["--archive", "hdfs://host/slurm"], "--engine spark reads it"),
    ],
)
def test_what_cannot_be_meant_is_refused(nodehours: Run, options: list[str], sentence: str) -> None:
    done = nodehours(*REBUILD, *options)

    assert done.returncode == 2
    assert sentence in " ".join(done.stderr.split())


def test_jobs_are_only_taken_into_an_archive_on_this_machine(nodehours: Run) -> None:
    words = "ingest slurm jobs.txt --resource lab --engine spark --archive hdfs://host/slurm"

    done = nodehours(*words.split())

    assert done.returncode == 2
    assert "an archive on this machine" in " ".join(done.stderr.split())


def test_spark_that_cannot_be_had_is_told_and_nothing_is_posted(
    nodehours: Run, tmp_path: Path
) -> None:
    words = f"--engine spark --spark-master spark://127.0.0.1:1 --archive {tmp_path / 'slurm'}"

    done = nodehours("ingest", "slurm", "-", "--resource", "isca", *words.split())

    assert done.returncode == 3
    assert done.stderr.startswith("Error: Spark ")
    assert not (tmp_path / "slurm").exists()
