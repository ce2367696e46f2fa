"""Where the lab lies: its directory, its ports, and the environment in which Slurm's commands ask it."""

from __future__ import annotations

import os
import socket
import stat
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

NODES = ("n1", "n2", "n3")
LOCALHOST = "127.0.0.1"

_DIRECTORIES = ("bin", "etc", "run", "log", "state", "jobs", *(f"spool.{name}" for name in NODES))
_OF_ANOTHER_SLURM = ("SLURM", "SBATCH_", "SACCT", "SQUEUE_", "SINFO_", "SCONTROL_", "SREPORT_")
_FOR_ALL = 0o755
_FOR_ALL_TO_WRITE = 0o777 | stat.S_ISVTX


@dataclass(frozen=True, slots=True)
class Site:
    """Where the lab has its files, and at which ports its services answer."""

    root: Path
    database_port: int
    accounting_port: int
    control_port: int
    node_ports: tuple[int, ...]

    @property
    def slurm_conf(self) -> Path:
        return self.root / "etc" / "slurm.conf"

    @property
    def munge_socket(self) -> Path:
        return self.root / "run" / "munge.socket"

    @property
    def database_socket(self) -> Path:
        return self.root / "run" / "mariadb.socket"

    @property
    def jobs(self) -> Path:
        """Where commands run, and where jobs write what they print."""
        return self.root / "jobs"

    @property
    def environment(self) -> dict[str, str]:
        """Slurm's commands, run in it, ask this lab, whatever Slurm the machine has besides."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(_OF_ANOTHER_SLURM)
        }
        # Not every root has the directories of daemons on its path.
        path = [str(self.root / "bin"), kept.get("PATH", os.defpath), "/usr/sbin", "/usr/bin"]
        where = {"PATH": os.pathsep.join(path), "SLURM_CONF": str(self.slurm_conf)}
        return kept | where | {"TZ": "UTC"}


def new_site(root: Path) -> Site:
    """Make the lab's directories in *root*, and find ports that are free now."""
    for name in _DIRECTORIES:
        (root / name).mkdir()
    root.chmod(_FOR_ALL)
    (root / "jobs").chmod(_FOR_ALL_TO_WRITE)
    database, accounting, control, *nodes = _free_ports(3 + len(NODES))
    return Site(root, database, accounting, control, tuple(nodes))


def _free_ports(count: int) -> list[int]:
    """Ports that are free, all different: each is held until the last is found."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind((LOCALHOST, 0))
        return [one.getsockname()[1] for one in sockets]
