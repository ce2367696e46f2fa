"""A real Slurm with its accounting on this machine, for as long as a test needs it.

    with running() as lab:
        job = lab.submit("ada.climate", "brics.climate", "sleep 5", "--nodes=2")
        lab.wait_idle()
        lab.roll_up()
        print(lab.run(["sreport", "cluster", "AccountUtilizationByUser"]))

Needed are root and the Debian packages that ``.ci/run`` installs. Only one lab runs on a machine at a time.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from tests.slurm import daemons, people
from tests.slurm.config import CLUSTER, configure
from tests.slurm.programs import answer, kill_left_behind, wait_until
from tests.slurm.site import NODES, Site, new_site

PROGRAMS = ("munged", "mariadbd", "slurmdbd", "slurmctld", "slurmd", "faketime", "setpriv")

_SECONDS_FOR_JOBS = 240
_SECONDS_FOR_ANOTHER_LAB = 600
_PREFIX = "nodehours-slurm-"
_NO_QUEUE = "DBD Agent queue size: 0"
_UNKNOWN = "Unknown"
_SACCT = ("sacct", "-a", "-X", "-D", "--parsable2", "--noconvert")


@dataclass(frozen=True, slots=True)
class Lab:
    """A Slurm that runs. Whatever is run with ``env`` asks it: sacct, sreport, sacctmgr, sbatch, nodehours."""

    site: Site
    began: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def env(self) -> dict[str, str]:
        return self.site.environment

    @property
    def months(self) -> tuple[date, date]:
        """From the first day of the month in which the lab began to the first of the month after this."""
        this_month = datetime.now(UTC).date().replace(day=1)
        return self.began.date().replace(day=1), (this_month + timedelta(days=31)).replace(day=1)

    def run(
        self,
        command: Sequence[str],
        *,
        user: str = "root",
        text: str = "",
        more: Mapping[str, str] | None = None,
    ) -> str:
        """What *command* prints; *text* is its input, *more* is added to ``env``."""
        return answer(self.site, command, user=user, text=text, more=more)

    def submit(self, user: str, account: str, script: str, *options: str) -> str:
        """The id of a job of five minutes at most that runs the shell *script*; *options* are sbatch's."""
        command = ["sbatch", "--parsable", f"--account={account}", "--time=5", *options]
        return self.run(command, user=user, text=f"#!/bin/sh\n{script}\n").strip()

    def state(self, job: str) -> str:
        """The state of a job that is in the queue, such as ``RUNNING``."""
        return self.run(["squeue", "--noheader", f"--jobs={job}", "--format=%T"]).strip()

    def wait_for(self, job: str, state: str) -> None:
        """Wait until the job is in the state."""
        wait_until(lambda: self.state(job) == state, f"job {job} is {state}", _SECONDS_FOR_JOBS)

    def wait_idle(self) -> None:
        """Wait until no job is in the queue, and the accounting has the end of every one."""
        wait_until(self._is_idle, "all jobs have ended", _SECONDS_FOR_JOBS)

    def roll_up(self) -> None:
        """Have the accounting sum up the months of the lab, so that sreport answers for them at once.

        All jobs must have ended: those that run would be billed up to the end of the month.
        """
        start, end = self.months
        self.run(["sacctmgr", "-i", "rollup", start.isoformat(), end.isoformat()])

    def sacct(self, *fields: str) -> list[dict[str, str]]:
        """The fields of every attempt of every job, times in epoch seconds."""
        command = [*_SACCT, f"--starttime={self.began:%Y-%m-%dT%H:%M:%S}", f"-o{','.join(fields)}"]
        lines = self.run(command, more={"SLURM_TIME_FORMAT": "%s"}).splitlines()
        return [dict(zip(fields, line.split("|"), strict=True)) for line in lines[1:]]

    def _is_idle(self) -> bool:
        return (
            not _queue(self.site)
            and _NO_QUEUE in self.run(["sdiag"])
            and all(job["End"] != _UNKNOWN for job in self.sacct("End"))
        )


@contextmanager
def running() -> Iterator[Lab]:
    """A lab with accounts and users in which nothing has run yet; whatever happens, all of it is stopped at the end."""
    with ExitStack() as stack:
        site = stack.enter_context(_place())
        stack.enter_context(people.known_to_the_machine())
        stack.callback(kill_left_behind, site.root)
        stack.enter_context(_accounting(site))
        stack.enter_context(daemons.slurmctld(site))
        for node in NODES:
            stack.enter_context(daemons.slurmd(site, node))
        daemons.await_nodes(site)
        # Where nodes are stopped, jobs run on.
        stack.callback(_cancel_all, site)
        yield Lab(site)


@contextmanager
def _place() -> Iterator[Site]:
    with _alone():
        _clear_what_was_killed()
        with tempfile.TemporaryDirectory(prefix=_PREFIX) as root:
            site = new_site(Path(root))
            _check_needs(site)
            configure(site)
            yield site


def _clear_what_was_killed() -> None:
    """Clear away labs that could not: nobody else has one now."""
    for root in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        kill_left_behind(root)
        shutil.rmtree(root)


@contextmanager
def _accounting(site: Site) -> Iterator[None]:
    with daemons.munge(site), daemons.mariadb(site), daemons.slurmdbd(site):
        answer(site, ["sacctmgr", "-i", "add", "cluster", CLUSTER])
        people.let_in(site)
        yield


@contextmanager
def _alone() -> Iterator[None]:
    """Users are the machine's: two labs would take them from each other."""
    with Path(tempfile.gettempdir(), "nodehours-slurm.lock").open("w") as lock:
        wait_until(
            lambda: _is_locked(lock.fileno()), "another lab has ended", _SECONDS_FOR_ANOTHER_LAB
        )
        yield


def _is_locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _check_needs(site: Site) -> None:
    missing = [name for name in PROGRAMS if not shutil.which(name, path=site.environment["PATH"])]
    if missing or os.geteuid():
        raise RuntimeError(f"the lab needs root and Debian's packages (see .ci/run): {missing}")


def _cancel_all(site: Site) -> None:
    jobs = _queue(site)
    if jobs:
        answer(site, ["scancel", *jobs])
        wait_until(lambda: not _queue(site), "all jobs are cancelled")


def _queue(site: Site) -> list[str]:
    return answer(site, ["squeue", "--noheader", "--format=%A"]).split()
