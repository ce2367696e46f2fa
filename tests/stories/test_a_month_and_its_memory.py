"""The tutorial's page, run from top to bottom: each command says what the page says that it says.

Times and hashes are of each run's own; `…` on a line of its own stands for lines left out.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from nodehours.ledger.store import connected
from nodehours.ledger.verify import verify
from tests.ledger.written import assert_holds

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial"
PAGE = TUTORIAL / "a-month-and-its-memory.md"
_CONSOLE = re.compile(r"^```console\n(.*?)^```", re.DOTALL | re.MULTILINE)
_STATUS = re.compile(r"\[exit status (\d+)\]")
# Columns are as wide as what is in them, so blanks are one.
_OWN = [
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?"), "TIME"),
    (re.compile(r"since \d{4}-\d\d-\d\d"), "since DAY"),
    (re.compile(r"\b[0-9a-f]{12,64}\b"), "HASH"),
    (re.compile(r"\s+"), " "),
]


class Command(NamedTuple):
    """A command of the page, what it prints, and its exit status."""

    line: str
    printed: list[str]
    status: int


def commands() -> Iterator[Command]:
    for block in _CONSOLE.findall(PAGE.read_text()):
        for text in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            line, *printed = text.splitlines()
            status = _STATUS.fullmatch(printed[-1]) if printed else None
            yield Command(
                line, printed[:-1] if status else printed, int(status[1]) if status else 0
            )


def plain(lines: list[str]) -> list[str]:
    """What is the same in every run."""
    told = []
    for line in lines:
        said = line.strip()
        for own, word in _OWN:
            said = own.sub(word, said)
        told.append(said)
    return told


def agrees(printed: list[str], wanted: list[str]) -> bool:
    if "…" not in wanted:
        return printed == wanted
    place = wanted.index("…")
    head, tail = wanted[:place], wanted[place + 1 :]
    return printed[:place] == head and printed[len(printed) - len(tail) :] == tail


@pytest.mark.parametrize("page", [PAGE], ids=lambda page: page.stem)
def test_each_command_of_the_page_says_what_the_page_says(page: Path, database_url: str) -> None:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    settings = {"NODEHOURS_DATABASE_URL": database_url, "LOGNAME": "olga", "PATH": path}
    for command in commands():
        done = subprocess.run(
            ["/bin/sh", "-c", command.line],
            cwd=page.parent,
            env=os.environ | settings,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        printed = done.stdout.splitlines()

        assert (command.line, done.returncode) == (command.line, command.status), done.stdout
        assert agrees(plain(printed), plain(command.printed)), "\n".join(printed)
        with connected(database_url) as connection:
            assert_holds(connection)
            assert verify(connection).differences == ()
