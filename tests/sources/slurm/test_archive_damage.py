"""The archive of jobs keeps what it has: hostile names, damage, no room, processes that are killed."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nodehours.sources.document import UnreadableError
from nodehours.sources.slurm.archive import (
    copied_archive,
    opened_archive,
)
from nodehours.sources.slurm.batches import batch_of
from nodehours.sources.slurm.kept import MANIFEST
from tests.sources.slurm.archives import MONTH, UTC, add, after, attempt, rows
from tests.sources.slurm.samples import START, document, read, sample_bytes


class TestClusters:
    NAMES = (
        "", ".", "..", "../x", "/", "/etc/passwd", "a/b", "lab", "Lab", "LAB", "archive.json", ".lock", ".staged-x",
        "staged-x", "Isca\u00e9", "Iscae\u0301", "\u20ac", " ac", "%20", "a b", "x" * 300, "X" * 300, "n\x00l",
    )  # fmt: skip

    def test_whatever_a_cluster_is_called_its_attempts_are_its_own_and_stay_here(
        self, tmp_path: Path
    ) -> None:
        inside = tmp_path / "here"
        for at, name in enumerate(self.NAMES):
            add(inside, [attempt(cluster=name, nodes=at + 1)])
        with opened_archive(inside) as archive:
            places = {
                Path(path).relative_to(inside).parts[0].lower() for path, _, _ in archive.parts
            }
            assert set(archive.clusters) == set(self.NAMES)

        assert len(places) == len(self.NAMES)
        assert rows(inside) == sorted(
            attempt(cluster=name, nodes=at + 1) for at, name in enumerate(self.NAMES)
        )
        assert list(tmp_path.iterdir()) == [inside]

    def test_there_may_be_more_clusters_and_months_than_files_may_be_open(
        self, tmp_path: Path
    ) -> None:
        many = [attempt(cluster=f"c{at % 30}", submitted=START - at * MONTH) for at in range(90)]
        script = (
            "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))\n"
            "import sys; from pathlib import Path\n"
            "import pyarrow.parquet as pq\n"
            "from nodehours.sources.slurm.archive import opened_archive\n"
            "table = pq.read_table(sys.argv[1])\n"
            "with opened_archive(Path(sys.argv[2])) as archive: print(archive.add(table.to_batches()).changed)"
        )
        pq.write_table(pa.Table.from_batches([batch_of(many)]), tmp_path / "many.parquet")
        told = subprocess.run(
            [sys.executable, "-c", script, str(tmp_path / "many.parquet"), str(tmp_path / "here")],
            capture_output=True, check=False, text=True,
        )  # fmt: skip

        assert (told.stdout, told.stderr) == ("90\n", "")


class TestRefused:
    def refusal(self, directory: Path) -> str:
        with pytest.raises(UnreadableError) as refused, opened_archive(directory):
            pass
        return str(refused.value)

    def test_a_file_is_no_archive(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()

        assert self.refusal(tmp_path / "file").endswith("cannot be opened: File exists")
        assert self.refusal(tmp_path / "file" / "x").endswith("cannot be opened: Not a directory")

    def test_a_directory_that_cannot_be_written_to_is_said(self, tmp_path: Path) -> None:
        """Root may write everywhere, so a process that is root becomes nobody first."""
        script = (
            "import os, sys; from pathlib import Path\n"
            "from nodehours.sources.slurm.archive import opened_archive\n"
            "os.geteuid() or os.seteuid(65534)\n"
            "with opened_archive(Path(sys.argv[1])): pass"
        )
        tmp_path.chmod(0o555)
        told = subprocess.run(
            [sys.executable, "-c", script, str(tmp_path)],
            capture_output=True,
            check=False,
            text=True,
        )

        assert told.stderr.strip().endswith(
            f"the archive {tmp_path} cannot be opened: Permission denied"
        )

    @pytest.mark.parametrize(
        "content",
        [
            b"", b"{", b"[]", b"null", b'{"version": 1, "clusters": 5}', b'{"version": "1"}', b"{}",
            b'{"version": 1, "unposted": ["\xff"]}', b"[" * 100_000,
        ],
    )  # fmt: skip
    def test_a_damaged_list_of_what_holds_is_said_and_nothing_is_removed(
        self, tmp_path: Path, content: bytes
    ) -> None:
        add(tmp_path, [attempt()])
        kept = list(tmp_path.rglob("*.parquet"))
        (tmp_path / MANIFEST).write_bytes(content)

        assert self.refusal(tmp_path).startswith(
            f"the archive's {tmp_path / MANIFEST} cannot be read: "
        )
        assert list(tmp_path.rglob("*.parquet")) == kept

    def test_an_archive_of_a_newer_version_is_said_to_be_one(self, tmp_path: Path) -> None:
        (tmp_path / MANIFEST).write_text(json.dumps({"version": 2, "clusters": [5]}))

        assert self.refusal(tmp_path).endswith("was written by a newer nodehours")

    def test_files_without_the_list_of_what_holds_are_not_taken_for_rubbish(
        self, tmp_path: Path
    ) -> None:
        add(tmp_path, [attempt()])
        (tmp_path / MANIFEST).unlink()

        assert self.refusal(tmp_path).endswith(
            "has files of attempts, but its archive.json is not there"
        )
        assert len(list(tmp_path.rglob("*.parquet"))) == 1

    def test_files_of_others_are_left_alone(self, tmp_path: Path) -> None:
        others = [
            tmp_path / name for name in ("a/b/c.parquet", "a/2026-10/x.parquet", "staged-x/y")
        ]
        for path in others:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        for _ in range(2):
            add(tmp_path, [attempt()])

        assert all(path.exists() for path in others)

    def test_no_room_is_said_and_what_was_there_holds(self, tmp_path: Path) -> None:
        add(tmp_path, [attempt()])
        script = (
            "import resource as r; r.setrlimit(r.RLIMIT_FSIZE, (9000, 9000))\n"
            "import sys; from pathlib import Path\n"
            "from nodehours.sources.slurm.archive import opened_archive\n"
            "from nodehours.sources.document import opened\n"
            "from nodehours.sources.slurm.batches import batch_of\n"
            "from nodehours.sources.slurm.attempt import Attempt\n"
            "row = Attempt('lab','',5,'a','u','',True,1,2,0,0,1,1,1,1,1,'')\n"
            "with opened_archive(Path(sys.argv[1])) as archive:\n"
            "    archive.add([batch_of([row._replace(job=str(at*7919)) for at in range(9000)])])"
        )
        told = subprocess.run(
            [sys.executable, "-c", script, str(tmp_path)],
            capture_output=True,
            check=False,
            text=True,
        )

        said = told.stderr.strip().splitlines()[-1]
        assert f"UnreadableError: the archive {tmp_path} cannot be written: " in said
        assert "File too large" in said
        assert rows(tmp_path) == [attempt()]

    def test_a_damaged_file_of_attempts_is_said(self, tmp_path: Path) -> None:
        add(tmp_path, [attempt()])
        (path,) = tmp_path.rglob("*.parquet")
        path.write_bytes(b"PAR1 nothing more")

        with (
            opened_archive(tmp_path) as archive,
            pytest.raises(UnreadableError, match="cannot be written"),
        ):
            archive.add([batch_of([attempt(job="8")])])


def test_a_copy_holds_the_same_and_leaves_the_archive_as_it_was(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    copied_archive(tmp_path / "nowhere", copy)
    assert rows(copy) == []
    add(tmp_path / "here", [attempt(), attempt(cluster="isca")])
    (copy / MANIFEST).unlink()
    copied_archive(tmp_path / "here", copy)
    add(copy, [attempt(job="8")])

    assert len(rows(copy)) == 3
    assert len(rows(tmp_path / "here")) == 2


KILLED = """
import sys
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo
from nodehours.sources.document import opened
from nodehours.sources.slurm.archive import opened_archive
from nodehours.sources.slurm.attempt import Told
from nodehours.sources.slurm.reading import JobRecords
print("ready", flush=True)
sys.stdin.readline()
for name in sys.argv[2:]:
    with opened(name) as found, opened_archive(Path(sys.argv[1])) as archive:
        archive.add(JobRecords(found, Told("lab", ZoneInfo("UTC"))).batches())
        print(name, flush=True)
"""


def months(directory: Path) -> list[str]:
    names = []
    for month in ("2026-09", "2026-10"):
        path = directory / f"{month}.txt"
        path.write_bytes(sample_bytes(f"{month}/sacct_X_D.parsable2.txt"))
        names.append(str(path))
    return names


def adding(archive: Path, names: Iterable[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", KILLED, str(archive), *names],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=dict(os.environ),
    )  # fmt: skip


def begin(process: subprocess.Popen[str]) -> None:
    assert process.stdin
    assert process.stdout
    process.stdout.readline()
    process.stdin.write("\n")
    process.stdin.flush()


@pytest.mark.slow
def test_whoever_is_killed_leaves_the_old_or_the_new_and_nothing_else(tmp_path: Path) -> None:
    names = months(tmp_path)
    told = [read(document(Path(name).read_bytes()), UTC).attempts for name in names]
    states = [after(*told[:count]) for count in range(3)]
    seen = set()
    for at in range(6):
        archive = tmp_path / f"archive-{at}"
        with adding(archive, names) as process:
            begin(process)
            time.sleep(random.Random(at).uniform(0.0, 0.4))
            process.kill()
        held = rows(archive)
        assert held in states
        seen.add(states.index(held))
        with opened_archive(archive) as found:
            assert found.unposted or not held
        for one in told:
            add(archive, one)
        assert rows(archive) == states[2]
    assert seen


def test_two_processes_at_once_lose_nothing(tmp_path: Path) -> None:
    names = months(tmp_path)
    with adding(tmp_path / "a", names) as one, adding(tmp_path / "a", reversed(names)) as other:
        begin(one)
        begin(other)
        one.communicate()
        other.communicate()

    assert (one.returncode, other.returncode) == (0, 0)
    assert rows(tmp_path / "a") == after(
        *(read(document(Path(name).read_bytes()), UTC).attempts for name in names)
    )
