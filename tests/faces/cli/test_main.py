from __future__ import annotations

import os
import subprocess

import pytest

from tests.faces.cli.conftest import NODEHOURS, Run


def test_the_list_of_commands_cuts_no_sentence_on_a_terminal_of_80_columns() -> None:
    done = subprocess.run(
        [NODEHOURS, "--help"],
        env=os.environ | {"COLUMNS": "80"},
        capture_output=True,
        text=True,
        check=True,
    )
    commands = done.stdout.partition("Commands:\n")[2].partition("\n\n")[0].splitlines()

    assert any(line.startswith("  verify ") for line in commands)
    assert [line for line in commands if line.endswith("...")] == []


@pytest.mark.parametrize(
    "command",
    ["pending accept", "quarantine release", "quarantine show", "runs show", "token revoke"],
)
def test_what_is_no_id_is_called_no_whole_number(nodehours: Run, command: str) -> None:
    done = nodehours(*command.split(), "abc")

    assert done.returncode == 2
    assert done.stderr.endswith(": 'abc' is not a valid whole number.\n")
