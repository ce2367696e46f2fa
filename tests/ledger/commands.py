"""Commands as processes that a test can watch, hold up and kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

NODEHOURS = str(Path(sys.executable).with_name("nodehours"))
PATIENCE_SECONDS = 120
"""How long is waited for what must happen; nothing is proven by how long it took."""


def start(*arguments: str, **settings: str) -> subprocess.Popen[str]:
    """Start ``nodehours`` with *arguments*, in a process group of its own."""
    return subprocess.Popen(
        [NODEHOURS, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | settings,
        start_new_session=True,
    )


def run(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run ``nodehours`` with *arguments* to its end."""
    return ended(start(*arguments, **settings))


def ended(process: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
    """Wait for *process* to end, and say what came of it."""
    out, err = process.communicate(timeout=PATIENCE_SECONDS)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def kill_after(process: subprocess.Popen[str], seconds: float) -> None:
    """Kill *process* with everything it started, *seconds* from now, as a machine that dies would."""
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=PATIENCE_SECONDS)


def await_that(condition: Callable[[], bool], what: str) -> None:
    """Wait until *condition* holds."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"in vain waited until {what}"
        time.sleep(0.01)


@contextmanager
def held_up(database_url: str, count: int) -> Iterator[None]:
    """Let *count* processes started inside come to the ledger's clock, and then go on all at once."""
    with psycopg.connect(database_url) as holder:
        holder.execute("select from ledger for update")
        yield
        with psycopg.connect(database_url, autocommit=True) as watcher:
            await_that(lambda: waiting(watcher) == count, f"{count} wait for the clock")


def waiting(connection: psycopg.Connection) -> int:
    """How many processes wait for a lock on the ledger."""
    found = connection.execute(
        "select count(*) from pg_stat_activity where datname = current_database()"
        " and application_name = 'nodehours' and wait_event_type = 'Lock'"
    ).fetchone()
    return int(found[0]) if found else 0
