"""The archive of jobs: what comes in holds, whatever order it comes in, and whoever is killed."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodehours.sources.document import UnreadableError
from nodehours.sources.slurm.archive import (
    Added,
    Archive,
    copied_archive,
    opened_archive,
)
from nodehours.sources.slurm.attempt import Attempt, Told, read_attempt
from nodehours.sources.slurm.batches import batch_of
from nodehours.sources.slurm.kept import MANIFEST, Coverage
from nodehours.terms.month import Month
from tests.sources.slurm.samples import LAB, START, document, read, record, sample, sample_bytes

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


jobs = st.sampled_from(["1", "40_17"])
starts = st.sampled_from([START, START + 5, START + 9, START + MONTH])
# A few values of each, so that the same attempts come again as they were, cut off, running and ended.
attempts = st.builds(
    lambda job, submitted, start, length, is_ended, nodes, waited, suspended: attempt(
        job=job, submitted=submitted, start=start, end=start + length, is_ended=is_ended, nodes=nodes,
        waited=waited, suspended=suspended, state="COMPLETED" if is_ended else "RUNNING",
    ),
    jobs, st.sampled_from([0, START - 60, START - MONTH]), starts, st.sampled_from([1, 5, 10, MONTH]),
    st.booleans(), st.integers(1, 2), st.integers(0, 2), st.integers(0, 1),
)  # fmt: skip


@pytest.mark.slow
@settings(max_examples=12)
@given(st.lists(attempts, min_size=1, max_size=40), st.data())
def test_it_does_not_matter_in_which_files_order_and_repetition_attempts_come(
    found: list[Attempt], data: st.DataObject
) -> None:
    once = after(found)
    shuffled = data.draw(
        st.permutations(found + data.draw(st.lists(st.sampled_from(found), max_size=9)))
    )
    cuts = sorted(data.draw(st.lists(st.integers(0, len(shuffled)), max_size=3)))
    bounds = [0, *cuts, len(shuffled)]
    files = [shuffled[first:last] for first, last in pairwise(bounds)]

    assert after(*files) == once
    assert after(once, found) == once


@settings(max_examples=12)
@given(st.lists(attempts, min_size=1, max_size=40))
def test_an_attempt_is_there_once_with_its_earliest_start_and_its_latest_end(
    found: list[Attempt],
) -> None:
    def key(one: Attempt) -> tuple[str, int, int]:
        return one.job, one.submitted, 0 if one.submitted else one.start

    held = {key(one): one for one in after(found)}

    assert held.keys() == {key(one) for one in found}
    for name, one in held.items():
        same = [other for other in found if key(other) == name]
        ended = [other for other in same if other.is_ended]
        assert one.is_ended == bool(ended)
        assert one.start == min(other.start for other in same)
        assert one.end == max(other.end for other in ended or same)
        assert one.waited == max(other.waited for other in same if other.start == one.start)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_what_ran_gives_way_to_what_ended_even_if_that_was_sooner(order: Sequence[int]) -> None:
    both = [
        attempt(is_ended=False, state="RUNNING", end=START + 99),
        attempt(end=START + 40),
    ]

    assert after(*([both[at]] for at in order)) == [both[1]]


def test_what_was_cut_off_at_the_bounds_of_two_windows_is_one_attempt() -> None:
    first = attempt(is_ended=False, state="RUNNING", end=START + 50)
    second = attempt(start=START + 50, end=START + 80, waited=110)

    assert after([first], [second]) == after([second], [first]) == [attempt(end=START + 80)]


def test_months_of_real_jobs_cut_off_and_whole_come_to_the_whole_ones() -> None:
    whole, cut = (
        [read(sample(f"{month}/{form}.parsable2.txt"), UTC) for month in ("2026-09", "2026-10")]
        for form in ("sacct_X_D", "sacct_X_D_truncate")
    )
    known = after(*(one.attempts for one in whole))

    assert len(known) < sum(len(one.attempts) for one in whole)
    assert after(*(one.attempts for one in [*cut, *whole])) == known
    assert after(*(one.attempts for one in [*whole, *cut])) == known
    assert {one[:3] for one in after(*(one.attempts for one in cut))} <= {one[:3] for one in known}


def test_live_jobs_seen_again_and_again_are_there_once() -> None:
    forms = ["sacct_X_D.parsable2.txt", "sacct_json_X_D.json", "sacct_X_D_truncate.parsable2.txt"]
    found = [read(sample(f"live/{form}"), UTC).attempts for form in forms]
    held = after(*found)

    assert len(held) == len({one[:3] for one in held}) == len(found[0])
    assert after(*reversed(found)) == held


def test_only_what_is_new_or_otherwise_is_counted(tmp_path: Path) -> None:
    ran, ended = attempt(is_ended=False, state="RUNNING", end=START + 5), attempt(job="8")

    assert add(tmp_path, [ran, ended]) == Added(2, 2, START, START + 10, frozenset({"lab"}))
    before = sorted(tmp_path.rglob("*.parquet"))
    assert add(tmp_path, [ran, ended]).changed == 0
    assert add(tmp_path, [ended._replace(start=START + 4, waited=64)]).changed == 0
    assert sorted(tmp_path.rglob("*.parquet")) == before
    assert add(tmp_path, [attempt(), ended]).changed == 1
    assert rows(tmp_path) == sorted([attempt(), ended])


def test_nothing_is_nothing(tmp_path: Path) -> None:
    assert add(tmp_path, []) == Added()
    assert rows(tmp_path) == []


def test_what_changed_is_to_be_posted_until_it_was(tmp_path: Path) -> None:
    add(tmp_path, [attempt()])
    add(tmp_path, [attempt(job="8", submitted=START - 3 * MONTH, start=START - 2 * MONTH)])
    with opened_archive(tmp_path) as archive:
        assert archive.unposted == ["2026-09", "2026-10", "2026-11"]
        archive.posted()
    with opened_archive(tmp_path) as archive:
        assert archive.unposted == []
        archive.mark([Month(2026, 12), Month(2025, 1)])
    with opened_archive(tmp_path) as archive:
        assert archive.unposted == ["2025-01", "2026-12"]


def test_spans_of_which_all_is_known_are_joined_where_they_meet(tmp_path: Path) -> None:
    for since, until in [(5, 9), (20, 30), (9, 12), (1, 2), (21, 25)]:
        with opened_archive(tmp_path) as archive:
            archive.cover("lab", since, until)

    with opened_archive(tmp_path) as archive:
        assert archive.clusters["lab"].known == [Coverage(1, 2), Coverage(5, 12), Coverage(20, 30)]


def test_a_failure_while_records_come_changes_nothing(tmp_path: Path) -> None:
    add(tmp_path, [attempt()])

    def batches() -> Iterator[pa.RecordBatch]:
        yield batch_of([attempt(job="8")])
        raise UnreadableError("it cannot be read")

    with opened_archive(tmp_path) as archive, pytest.raises(UnreadableError):
        archive.add(batches())
    assert rows(tmp_path) == [attempt()]


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
