"""Commands without the wait for Python's imports: each runs in a process forked from one that has done them.

It is a process of its own in every other way, with the command's own arguments, environment, directory and files;
``python -m tests.forked`` is the one that forks. Who tests how a command starts, is signalled or killed runs the
installed program.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


def forked(
    arguments: tuple[str, ...], stdin: bytes, environment: Mapping[str, str], directory: Path
) -> subprocess.CompletedProcess[str]:
    """Run ``nodehours`` with *arguments* in *directory*, and return what came of it."""
    with tempfile.TemporaryDirectory(prefix="nodehours-forked-") as files:
        streams = [Path(files, name) for name in ("stdin", "stdout", "stderr")]
        streams[0].write_bytes(stdin)
        told = {
            "arguments": arguments,
            "environment": dict(environment),
            "directory": str(directory),
            "streams": [str(stream) for stream in streams],
        }
        returncode = _ask(json.dumps(told))
        out, err = (stream.read_text() for stream in streams[1:])
    return subprocess.CompletedProcess(arguments, returncode, out, err)


def _ask(told: str) -> int:
    forker = _forker()
    assert forker.stdin
    assert forker.stdout
    forker.stdin.write(told + "\n")
    forker.stdin.flush()
    return int(forker.stdout.readline())


@cache
def _forker() -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.forked"]
    forker = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    atexit.register(forker.kill)
    return forker


def _import_all() -> None:
    import click

    from nodehours.faces.cli.main import cli

    context = click.Context(cli)
    for name in cli.list_commands(context):
        cli.get_command(context, name)
    # Commands import these only when they need them.
    import nodehours.faces.cli.told_causes
    import nodehours.intake.slurm_live  # noqa: F401


def _become(told: dict[str, Any]) -> None:
    """Be, in the forked process, what was asked for."""
    os.environ.clear()
    os.environ.update(told["environment"])
    os.chdir(told["directory"])
    for number, (name, flags) in enumerate(
        zip(told["streams"], (os.O_RDONLY, *2 * (os.O_WRONLY | os.O_CREAT,)), strict=True)
    ):
        opened = os.open(name, flags, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin, sys.stdout = open(0), open(1, "w")  # noqa: SIM115 - they are open for the process's life
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace")  # noqa: SIM115
    sys.argv = ["nodehours", *told["arguments"]]


def _fork_as_asked() -> None:
    """Fork for each line that comes, and say how what was forked has ended."""
    for line in sys.stdin:
        if (forked_process := os.fork()) == 0:
            _become(json.loads(line))
            _end(_exit_status())
        _, status = os.waitpid(forked_process, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _exit_status() -> int:
    from nodehours.faces.cli.main import main

    try:
        main()
    except SystemExit as exit_:
        return exit_.code if isinstance(exit_.code, int) else int(exit_.code is not None)
    except BaseException:  # noqa: BLE001 - as the interpreter does it
        traceback.print_exc()
        return 1
    return 0


def _end(status: int) -> None:
    """End as the interpreter does, but leave standing what was imported: that takes longer than most commands."""
    atexit._run_exitfuncs()
    sys.stdout.flush()
    os._exit(status)


if __name__ == "__main__":
    _import_all()
    _fork_as_asked()
