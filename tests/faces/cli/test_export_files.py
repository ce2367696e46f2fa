"""Where ``nodehours export`` writes to: files that are whole or not there, pipes, and terminals."""

from __future__ import annotations

import os
import pty
import signal
import stat
import subprocess
import time
from pathlib import Path

import pytest

from nodehours.ledger.store import Connection
from tests.exported import crowd, read_csv, rows_of
from tests.faces.cli.conftest import NODEHOURS, Run
from tests.faces.cli.exporting import EVERYTHING, started, users, work_in_march

UNFINISHED = "*.unfinished-*"


@pytest.fixture(autouse=True)
def march(connection: Connection) -> Connection:
    """What was worked in March, and before."""
    work_in_march(connection)
    return connection


def test_on_standard_output_it_can_be_any_form(database_url: str, tmp_path: Path) -> None:
    with started(database_url, tmp_path, "--format", "xlsx", "--readme", "about.txt") as process:
        data, told = process.communicate()

    assert users(rows_of("xlsx", data)) == EVERYTHING
    assert told == b"exported 6 rows as of revision 3\n"
    assert (tmp_path / "about.txt").read_text().startswith("Usage of nodehours\n")


def test_a_file_is_replaced_and_only_its_owner_may_read_it(nodehours: Run, tmp_path: Path) -> None:
    path = tmp_path / "usage.csv"
    path.write_text("before")

    nodehours("export", "usage.csv")

    assert users(read_csv(path.read_bytes())) == EVERYTHING
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_link_stays_a_link(nodehours: Run, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "usage.csv").symlink_to("there/usage-2026.csv")

    nodehours("export", "usage.csv")

    assert (tmp_path / "usage.csv").is_symlink()
    assert users(read_csv((tmp_path / "there" / "usage-2026.csv").read_bytes())) == EVERYTHING


def test_a_pipe_is_written_to_as_it_is(nodehours: Run, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with subprocess.Popen(["cat", tmp_path / "pipe"], stdout=subprocess.PIPE) as reading:
        done = nodehours("export", "pipe", "--format", "csv")
        data, _ = reading.communicate()

    assert done.returncode == 0
    assert users(read_csv(data)) == EVERYTHING
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_whatever_ends_it_there_is_no_half_file(
    march: Connection, database_url: str, tmp_path: Path, how: signal.Signals
) -> None:
    """The rows cannot be read just now; it has begun to write, and waits."""
    (tmp_path / "usage.csv").write_text("before")
    with march.transaction():
        march.execute("lock table usage_rows in access exclusive mode")
        with started(database_url, tmp_path, "usage.csv") as process:
            deadline = time.monotonic() + 60
            while not list(tmp_path.glob(UNFINISHED)):
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.01)
            process.send_signal(how)
            process.communicate(timeout=60)

    assert process.returncode != 0
    assert (tmp_path / "usage.csv").read_text() == "before"
    assert bool(list(tmp_path.glob(UNFINISHED))) == (how == signal.SIGKILL)
    assert not (tmp_path / "usage.csv.README.txt").exists()


def test_that_the_readme_cannot_be_written_is_known_before_anything_is_read(
    march: Connection, nodehours: Run, tmp_path: Path
) -> None:
    with march.transaction():
        march.execute("lock table usage_rows in access exclusive mode")
        done = nodehours("export", "usage.csv", "--readme", "nowhere/about.txt")

    assert done.returncode == 3
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("form", ["csv", "ndjson", "parquet", "xlsx"])
def test_who_stops_reading_ends_it_quietly(
    march: Connection, database_url: str, tmp_path: Path, form: str
) -> None:
    """As ``head`` does: it takes the beginning of much more than a pipe holds."""
    crowd(march, 3000)
    with started(database_url, tmp_path, "--format", form) as process:
        assert process.stdout
        assert process.stderr
        assert len(process.stdout.read(4)) == 4
        process.stdout.close()
        told = process.stderr.read()

    assert (process.returncode, told) == (1, b"")


def test_who_does_not_read_at_all_ends_it_quietly(database_url: str, tmp_path: Path) -> None:
    with started(database_url, tmp_path) as process:
        assert process.stdout
        process.stdout.close()
        assert process.stderr
        told = process.stderr.read()

    assert (process.returncode, told) == (1, b"")


def test_on_a_terminal_binary_forms_need_a_file(database_url: str, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    done = subprocess.run(
        [NODEHOURS, "export", "--format", "xlsx"],
        env=os.environ | {"NODEHOURS_DATABASE_URL": database_url},
        cwd=tmp_path,
        stdout=theirs,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(theirs)
    os.close(ours)

    assert done.returncode == 2
    assert b"this form is no text for a terminal: name a FILE, or use a pipe" in done.stderr


def test_on_a_terminal_it_shows_how_far_it_is(database_url: str, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [NODEHOURS, "export", "usage.csv"],
        env=os.environ | {"NODEHOURS_DATABASE_URL": database_url, "TERM": "xterm"},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        shown = b""
        try:
            while piece := os.read(ours, 4096):
                shown += piece
        except OSError:
            pass
        os.close(ours)

    assert process.returncode == 0
    assert b"6/6" in shown
