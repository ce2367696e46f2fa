from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BENCH = [sys.executable, "-m", "bench"]


@pytest.fixture
def temporary() -> Iterator[Path]:
    """Where a benchmark puts its things. Not pytest's own: PostgreSQL may run as another user and must reach it."""
    with tempfile.TemporaryDirectory(prefix="nodehours-test-") as directory:
        yield Path(directory)


def surroundings(temporary: Path) -> dict[str, str]:
    return {**os.environ, "TMPDIR": str(temporary)}


def processes_in(directory: Path) -> list[str]:
    """The command lines that name *directory*, on systems with /proc; a process may end while we look."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
        except OSError:
            continue
        if str(directory).encode() in command:
            found.append(command.decode(errors="replace"))
    return found


def test_a_quick_run_measures_everything_and_leaves_nothing(
    temporary: Path, tmp_path: Path
) -> None:
    """The tables have a line for each place, case and ingest, and a verdict for each promise."""
    figures = tmp_path / "figures.json"

    done = subprocess.run(
        [*BENCH, "all", "--quick", "--json", str(figures)],
        cwd=ROOT,
        env=surroundings(temporary),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    shown = {tuple(line[:3]) for line in lines if len(line) > 3}
    places = set(
        product(("staff", "owner", "member"), ("10", "100", "300"), ("first", "middle", "last"))
    )
    assert places <= shown
    assert set(product(("staff", "owner", "member"), ("304", "page"), ("first",))) <= shown
    assert {("plain", "first"), ("plain", "again")} <= {line[:2] for line in shown}
    assert {("4", "components", run) for run in ("first", "again", "one")} <= shown
    assert {("COPY",), ("csv",), ("ndjson",), ("parquet",), ("xlsx",)} <= {
        line[:1] for line in shown
    }
    verdicts = [line[-1] for line in lines if line and line[-1] in {"ok", "MISSED"}]
    assert len(verdicts) == 9 + 9 + 2 + 4 + 5 + 5

    written = json.loads(figures.read_text())
    names = ("pages", "as_of", "conditional", "dashboard", "ingest", "export", "jobs")
    results = [written[name] for name in names]
    assert [len(result["lines"]) for result in results] == [27, 27, 48, 39, 6, 10, 6]
    assert [len(result["wanted"]) for result in results] == [9, 9, 0, 2, 4, 5, 5]
    assert list(temporary.iterdir()) == []
    assert processes_in(temporary) == []


@pytest.mark.parametrize(
    ("what", "sign"),
    [
        ("pages", "starting PostgreSQL"),
        ("pages", "27 places"),
        ("as_of", "restating"),
        ("conditional", "48 cases"),
        ("ingest", "ingest: first"),
        ("export", "round 1"),
        ("jobs", "jobs: round 1"),
    ],
)
def test_ctrl_c_leaves_no_process_and_no_file(temporary: Path, what: str, sign: str) -> None:
    """Stopped while the database starts, while the server serves, or while an ingest runs."""
    command = [*BENCH, what, "--quick"]
    with subprocess.Popen(
        command, cwd=ROOT, env=surroundings(temporary), stderr=subprocess.PIPE, text=True
    ) as bench:
        assert bench.stderr is not None
        assert any(sign in line for line in bench.stderr)
        bench.send_signal(signal.SIGINT)
        last = bench.stderr.readlines()

    assert bench.returncode == 130
    assert last == ["Stopped; nothing is left behind.\n"]
    assert list(temporary.iterdir()) == []
    assert processes_in(temporary) == []


def test_what_cannot_be_measured_is_said_with_a_status_of_its_own(tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere" / "figures.json"

    done = subprocess.run(
        [*BENCH, "pages", "--quick", "--json", str(nowhere)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert f"there is no directory {nowhere.parent}" in done.stderr
