"""What a Slurm consists of: each part started, waited for until it answers, and stopped."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from tests.slurm.config import DATABASE, DATABASE_PASSWORD, DATABASE_USER
from tests.slurm.programs import answer, daemon, succeeds, wait_until
from tests.slurm.site import LOCALHOST, NODES, Site

_TAKES_JOBS = {"idle", "mixed", "allocated"}


def munge(site: Site) -> AbstractContextManager[None]:
    """What vouches for who asks; all others need it."""
    key = site.root / "etc" / "munge.key"
    key.touch(0o400)
    key.write_bytes(secrets.token_bytes(128))
    options = {
        "key-file": key,
        "socket": site.munge_socket,
        "pid-file": site.root / "run" / "munged.pid",
        "log-file": site.root / "log" / "munged.log",
        "seed-file": site.root / "state" / "munge.seed",
    }
    command = ["munged", "--foreground", *_as_words(options)]
    asks = ["munge", "--no-input", f"--socket={site.munge_socket}"]
    return daemon(site, "munged", command, lambda: succeeds(site, asks))


@contextmanager
def mariadb(site: Site) -> Iterator[None]:
    """The database below the accounting, new and empty."""
    data = site.root / "mariadb"
    _make_database_files(site, data)
    options = {
        "datadir": data,
        "socket": site.database_socket,
        "bind-address": LOCALHOST,
        "port": site.database_port,
        "pid-file": site.root / "run" / "mariadb.pid",
        # slurmdbd complains of less.
        "innodb-buffer-pool-size": "128M",
        "innodb-lock-wait-timeout": 900,
        # What a test writes need not survive a power cut.
        "innodb-flush-log-at-trx-commit": 0,
    }
    flags = ["--no-defaults", "--user=root", "--skip-log-bin", "--skip-name-resolve"]
    command = ["mariadbd", *flags, *_as_words(options)]
    with daemon(site, "mariadbd", command, lambda: succeeds(site, _client(site))):
        _let_slurmdbd_in(site)
        yield


def slurmdbd(site: Site) -> AbstractContextManager[None]:
    """The accounting."""
    asks = ["sacctmgr", "--noheader", "show", "cluster"]
    return daemon(site, "slurmdbd", ["slurmdbd", "-D"], lambda: succeeds(site, asks))


def slurmctld(site: Site) -> AbstractContextManager[None]:
    """The controller; the accounting must know the cluster before it."""
    asks = ["scontrol", "ping"]
    return daemon(site, "slurmctld", ["slurmctld", "-D"], lambda: succeeds(site, asks))


def slurmd(site: Site, node: str) -> AbstractContextManager[None]:
    """A node; that it takes jobs is to be awaited for all nodes together."""
    return daemon(site, f"slurmd.{node}", ["slurmd", "-D", "-N", node], lambda: True)


def await_nodes(site: Site) -> None:
    """Wait until every node takes jobs."""
    asks = ["sinfo", "--noheader", "--Node", "--partition=work", "--format=%T"]

    def are_ready() -> bool:
        states = answer(site, asks).split()
        return len(states) == len(NODES) and set(states) <= _TAKES_JOBS

    wait_until(are_ready, "all nodes take jobs")


def sql(site: Site, statements: str) -> str:
    """What the accounting's database answers."""
    return answer(site, _client(site), text=statements)


def _client(site: Site) -> list[str]:
    flags = ["--no-defaults", "--user=root", "--batch", "--skip-column-names"]
    return ["mariadb", *flags, f"--socket={site.database_socket}"]


def _let_slurmdbd_in(site: Site) -> None:
    user = f"{DATABASE_USER}@{LOCALHOST}"
    grant = f"grant all on {DATABASE}.* to {user} identified by '{DATABASE_PASSWORD}'"
    sql(site, f"create database {DATABASE}; {grant};")


def _make_database_files(site: Site, data: Path) -> None:
    flags = ["--no-defaults", "--user=root", "--skip-test-db", "--skip-name-resolve"]
    root = "--auth-root-authentication-method=normal"
    answer(site, ["mariadb-install-db", *flags, root, f"--datadir={data}"])


def _as_words(options: Mapping[str, object]) -> list[str]:
    return [f"--{name}={value}" for name, value in options.items()]
