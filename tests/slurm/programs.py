"""Programs of the lab, run in its environment: one that answers and ends, or one that stays until it is stopped."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.slurm.site import Site

# Who runs the tests may be killed without a chance to stop anything.
_AS_LONG_AS_WE = ("setpriv", "--pdeathsig", "TERM")
_SECONDS_TO_ANSWER = 60
_SECONDS_TO_STOP = 20
_SECONDS_BETWEEN_LOOKS = 0.1
_LAST_WORDS = 2000


def wait_until(is_so: Callable[[], bool], what: str, seconds: float = _SECONDS_TO_ANSWER) -> None:
    """Look until *is_so*; raise ``TimeoutError`` with *what* was waited for after *seconds*."""
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds} s in vain until {what}")
        time.sleep(_SECONDS_BETWEEN_LOOKS)


def answer(
    site: Site,
    command: Sequence[str],
    *,
    user: str = "root",
    text: str = "",
    more: Mapping[str, str] | None = None,
) -> str:
    """What *command* prints when *user* runs it and *text* is its input; *more* is added to its environment.

    Raises ``RuntimeError`` with what it complained of.
    """
    who = pwd.getpwnam(user)
    done = subprocess.run(
        command,
        check=False,
        input=text,
        capture_output=True,
        text=True,
        env=site.environment | dict(more or {}),
        cwd=site.jobs,
        user=who.pw_uid,
        group=who.pw_gid,
        extra_groups=[],
        start_new_session=True,
        timeout=_SECONDS_TO_ANSWER,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def succeeds(site: Site, command: Sequence[str]) -> bool:
    try:
        answer(site, command)
    except RuntimeError:
        return False
    return True


@contextmanager
def daemon(
    site: Site, name: str, command: Sequence[str], answers: Callable[[], bool]
) -> Iterator[None]:
    """*command* in the foreground, in a session of its own: Ctrl-C must not stop it before us."""
    log = site.root / "log" / f"{name}.out"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*_AS_LONG_AS_WE, *command],
            env=site.environment,
            cwd=site.root,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        wait_until(lambda: process.poll() is not None or answers(), f"{name} answers")
        if process.poll() is not None:
            raise RuntimeError(f"{name} stopped: {log.read_text(errors='replace')[-_LAST_WORDS:]}")
        yield
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(_SECONDS_TO_STOP)
    process.kill()
    process.wait()


def kill_left_behind(root: Path) -> None:
    """Kill what jobs left: whatever was started for a lab has its configuration in the environment."""
    mark = f"SLURM_CONF={root}/".encode()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if mark in (process / "environ").read_bytes():
                os.kill(int(process.name), signal.SIGKILL)
