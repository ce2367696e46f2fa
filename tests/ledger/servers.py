"""The embedded PostgreSQL seen from outside: its data directory and its processes."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # comes with the PostgreSQL wheel, and without types


@contextmanager
def data_directory(name: str = "data") -> Iterator[Path]:
    """A data directory that is not there yet; nothing runs in it or remains of it afterwards.

    Not pytest's own: when we are root the server runs as another user, and pytest shuts others out of its own.
    """
    home = Path(tempfile.mkdtemp(prefix="nodehours-tests-"))
    try:
        yield home / name
    finally:
        for process in processes(home / name):
            process.kill()
        shutil.rmtree(home)


def processes(data_dir: Path) -> list[psutil.Process]:
    """The processes of *data_dir*'s server: each works in the cluster's directory."""
    cluster = str((data_dir / "postgresql").resolve())
    return [process for process in psutil.process_iter() if _directory(process) == cluster]


def postmaster(data_dir: Path) -> psutil.Process:
    """The first of the server's processes."""
    pid_file = data_dir / "postgresql" / "postmaster.pid"
    return psutil.Process(int(pid_file.read_text().splitlines()[0]))


def _directory(process: psutil.Process) -> str | None:
    try:
        return str(process.cwd())
    except (psutil.Error, OSError):
        return None
