"""What a measurement needs and leaves nothing of: directories, processes, an embedded ledger.

Seconds are wall-clock seconds of a monotonic clock; peaks are bytes of resident memory.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, NamedTuple

from nodehours.ledger.store import ready_store
from nodehours.settings import DATA_DIR, DATABASE_URL

NODEHOURS = str(Path(sysconfig.get_path("scripts")) / "nodehours")
_START_SECONDS = 60
_STOP_SECONDS = 20
_MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024


class CouldNotMeasure(Exception):
    """A measurement failed; its text is the sentence that says why."""


class Measured(NamedTuple):
    """What a whole process took; ``cpu_seconds`` are its own, not those of the database."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    output: str


def say(text: str) -> None:
    """Tell the person who waits what is being done."""
    print(text, file=sys.stderr, flush=True)


@contextmanager
def scratch() -> Iterator[Path]:
    """Yield a directory that is gone afterwards."""
    directory = Path(tempfile.mkdtemp(prefix="nodehours-bench-"))
    try:
        yield directory
    finally:
        _remove(directory)


@contextmanager
def one_core() -> Iterator[None]:
    """Run this process, and all that is started meanwhile, on one core, where the system can.

    Where client and servers take turns, nothing is lost by it, and nothing depends on which core a reply wakes: that
    is a coin's throw, and costs more than a bare server's whole work.
    """
    if sys.platform != "linux":
        yield
        return
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def _remove(directory: Path) -> None:
    """Remove it, however long a process that was stopped in haste still writes into it, within reason."""
    deadline = time.monotonic() + _STOP_SECONDS
    while directory.exists() and time.monotonic() < deadline:
        shutil.rmtree(directory, ignore_errors=True)
        time.sleep(0.05 if directory.exists() else 0)


@contextmanager
def embedded_ledger(data_dir: Path) -> Iterator[str]:
    """Yield the URL of a new ledger in the embedded PostgreSQL of *data_dir*, which is stopped afterwards."""
    with ExitStack() as stack:
        with _uninterrupted():
            say("starting PostgreSQL …")
            url = stack.enter_context(ready_store(None, data_dir))
        yield url


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Hold Ctrl-C back for a moment: a server that is half started is nobody's to stop."""
    came: list[int] = []
    former = {
        one: signal.signal(one, lambda number, _frame: came.append(number))
        for one in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for one, handler in former.items():
            signal.signal(one, handler)
        for number in came[:1]:
            signal.raise_signal(number)


def environment(data_dir: Path) -> dict[str, str]:
    """The environment in which ``nodehours`` keeps its ledger in *data_dir*."""
    ours = {DATABASE_URL.variable: "", DATA_DIR.variable: str(data_dir)}
    return {**os.environ, **ours}


def measured(command: Sequence[str], data_dir: Path) -> Measured:
    """Run *command* to its end and tell what it took.

    The peak is the kernel's; it is no lower than this process's own peak, since it is counted from the fork on.
    """
    with tempfile.TemporaryFile(dir=data_dir) as output:
        start = time.perf_counter()
        process = _started(command, data_dir, output)
        try:
            _, status, used = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            process.wait()
            raise
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        said = output.read().decode(errors="replace")
    if process.returncode != 0:
        raise CouldNotMeasure(f"{' '.join(command[:3])} ended with {process.returncode}: {said}")
    peak = used.ru_maxrss * _MAXRSS_UNIT
    return Measured(seconds, used.ru_utime + used.ru_stime, peak, said)


@contextmanager
def served(data_dir: Path) -> Iterator[int]:
    """Serve the ledger in *data_dir* with one worker; yield the port once it listens."""
    with serving([NODEHOURS, "serve"], data_dir) as port:
        yield port


@contextmanager
def serving(command: Sequence[str], data_dir: Path) -> Iterator[int]:
    """Have *command* serve on a free port, which is added to it; yield the port once it listens."""
    port = _free_port()
    with tempfile.TemporaryFile(dir=data_dir) as output:
        process = _started([*command, "--port", str(port)], data_dir, output)
        try:
            _await_listening(process, port, output)
            yield port
        finally:
            _stop(process)


def _started(command: Sequence[str], data_dir: Path, output: IO[bytes]) -> subprocess.Popen[bytes]:
    """Start *command* in a session of its own: Ctrl-C reaches us alone, and we stop it."""
    return subprocess.Popen(
        command,
        env=environment(data_dir),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def _await_listening(process: subprocess.Popen[bytes], port: int, output: IO[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", port)).close()
            return
        if process.poll() is not None or time.monotonic() > deadline:
            output.seek(0)
            said = output.read().decode(errors="replace")
            raise CouldNotMeasure(f"the server does not listen: {said}")
        time.sleep(0.05)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ask it to stop; after a while, end it and all it started."""
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
