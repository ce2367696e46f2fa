"""The embedded PostgreSQL after a command, or the server itself, was killed: the next command puts it right."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random

import psycopg
import pytest

from nodehours.ledger.embedded import embedded_postgresql
from nodehours.ledger.errors import UnavailableError
from nodehours.ledger.store import connected, ready_store
from tests.ledger.commands import PATIENCE_SECONDS, await_that, ended, kill_after, run, start
from tests.ledger.portal import write
from tests.ledger.servers import data_directory, postmaster, processes
from tests.ledger.written import Account, accounts, assert_holds

PROJECTS = [f"p{number}" for number in range(12)]
INGEST = ("ingest", "openportal", "--resource", "isca")


@pytest.fixture
def data_dir() -> Iterator[Path]:
    with data_directory() as directory:
        yield directory


def assert_next_command_works_and_stops_it(data_dir: Path) -> None:
    done = run("user", "list", NODEHOURS_DATA_DIR=str(data_dir))
    assert (done.returncode, done.stdout.startswith("Error")) == (0, False), done.stderr
    assert processes(data_dir) == []
    assert not (data_dir / "postgresql.unfinished").exists()


def ledger_of(data_dir: Path) -> dict[tuple[str, str], Account]:
    with ready_store(None, data_dir) as url, connected(url) as connection:
        assert_holds(connection)
        return accounts(connection)


@pytest.mark.slow
def test_ten_kills_of_an_ingest_and_one_run_to_the_end_leave_what_the_run_alone_leaves(
    data_dir: Path, tmp_path: Path
) -> None:
    """From the first moment on, when there is no cluster yet; the ingest is the server's only client."""
    chance = Random(10)
    report = str(write(tmp_path / "report.json", PROJECTS))
    with data_directory() as undisturbed:
        whole_run = -time.monotonic()
        done = run(*INGEST, report, NODEHOURS_DATA_DIR=str(undisturbed))
        whole_run += time.monotonic()
        assert done.returncode == 0
        wanted = ledger_of(undisturbed)

    for _ in range(10):
        killed = start(*INGEST, report, NODEHOURS_DATA_DIR=str(data_dir))
        kill_after(killed, whole_run * chance.random())

        assert_next_command_works_and_stops_it(data_dir)
        for key, found in ledger_of(data_dir).items():
            assert found == wanted[key]

    assert run(*INGEST, report, NODEHOURS_DATA_DIR=str(data_dir)).returncode == 0
    assert ledger_of(data_dir) == wanted
    assert processes(data_dir) == []


@pytest.mark.parametrize("what", ["postgresql.unfinished", "postgresql.life", "postgresql"])
def test_a_first_start_killed_at_any_step_is_begun_anew_even_while_its_programs_still_run(
    data_dir: Path, what: str
) -> None:
    """Only the command is killed: the program that makes the cluster, or starts the server, goes on."""
    first = start("user", "list", NODEHOURS_DATA_DIR=str(data_dir))
    await_that((data_dir / what).exists, f"{what} is there")
    os.kill(first.pid, signal.SIGKILL)
    ended(first)

    assert_next_command_works_and_stops_it(data_dir)


def test_a_half_made_cluster_is_replaced(data_dir: Path) -> None:
    half = data_dir / "postgresql.unfinished"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    (half / "base").mkdir()

    assert_next_command_works_and_stops_it(data_dir)


def test_a_server_that_was_killed_recovers_with_all_that_was_written(data_dir: Path) -> None:
    assert run("user", "add", "alice", NODEHOURS_DATA_DIR=str(data_dir)).returncode == 0
    with embedded_postgresql(data_dir):
        assert run("user", "add", "bob", NODEHOURS_DATA_DIR=str(data_dir)).returncode == 0
        postmaster(data_dir).kill()

    done = run("user", "list", NODEHOURS_DATA_DIR=str(data_dir))

    assert [line.split()[0] for line in done.stdout.splitlines()[1:]] == ["alice", "bob"]
    assert processes(data_dir) == []


def test_a_server_killed_under_its_users_serves_the_next_command_at_once(data_dir: Path) -> None:
    with embedded_postgresql(data_dir):
        postmaster(data_dir).kill()

        with embedded_postgresql(data_dir) as url:
            psycopg.connect(url).close()

        assert processes(data_dir) != []
    assert processes(data_dir) == []


def test_the_server_is_not_started_again_while_a_process_of_the_killed_one_lives(
    data_dir: Path,
) -> None:
    """A backend that does not notice, here because it is stopped, may still write."""
    with embedded_postgresql(data_dir) as url, psycopg.connect(url) as connection:
        backend = connection.info.backend_pid
        os.kill(backend, signal.SIGSTOP)
        dead = postmaster(data_dir)
        dead.kill()
        await_that(lambda: len(processes(data_dir)) == 1, "only the stopped one is left")

        command = start("user", "list", NODEHOURS_DATA_DIR=str(data_dir))
        await_that(lambda: is_locked(data_dir / "postgresql.gate"), "the command is at the gate")
        assert [process.pid for process in processes(data_dir)] == [backend]
        os.kill(backend, signal.SIGKILL)

        assert ended(command).returncode == 0
        connection.close()
    assert processes(data_dir) == []


def is_locked(path: Path) -> bool:
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def test_the_number_of_a_dead_server_may_belong_to_another_process_by_now(data_dir: Path) -> None:
    """As it does in a container, where the same few numbers are given again after each start."""
    with embedded_postgresql(data_dir):
        owner = postmaster(data_dir).uids().effective
        pid_file = data_dir / "postgresql" / "postmaster.pid"
        lines = pid_file.read_text().splitlines()
        postmaster(data_dir).kill()
    user = owner if os.geteuid() == 0 else None
    with subprocess.Popen(["sleep", str(PATIENCE_SECONDS)], user=user) as other:
        pid_file.write_text("\n".join([str(other.pid), *lines[1:]]) + "\n")

        assert_next_command_works_and_stops_it(data_dir)

        assert other.poll() is None
        other.kill()


def test_a_command_whose_server_is_killed_says_so_in_a_sentence(
    data_dir: Path, tmp_path: Path
) -> None:
    report = str(write(tmp_path / "report.json", PROJECTS))
    with ready_store(None, data_dir) as url, psycopg.connect(url) as holder:
        holder.execute("select from ledger for update")
        command = start(*INGEST, report, NODEHOURS_DATA_DIR=str(data_dir))
        await_that(lambda: is_waited_for(url), "the ingest waits")
        postmaster(data_dir).kill()
        done = ended(command)
        with suppress(psycopg.OperationalError):
            holder.rollback()

    assert done.returncode == 3
    assert done.stderr.startswith("Error: the database failed while p0.brics was posted: ")
    assert "Traceback" not in done.stderr


def is_waited_for(url: str) -> bool:
    with psycopg.connect(url) as connection:
        found = connection.execute("select from pg_stat_activity where wait_event_type = 'Lock'")
        return found.fetchone() is not None


def test_a_server_that_cannot_start_says_where_its_own_words_are(data_dir: Path) -> None:
    assert run("user", "list", NODEHOURS_DATA_DIR=str(data_dir)).returncode == 0
    with (data_dir / "postgresql" / "postgresql.conf").open("a") as conf:
        conf.write("shared_buffers = lots\n")

    with (
        pytest.raises(UnavailableError, match=r"the server's own words are in .*/server\.log$"),
        embedded_postgresql(data_dir),
    ):
        pass
