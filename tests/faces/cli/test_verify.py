"""``nodehours verify`` as a user runs it: what it says and how it exits."""

from __future__ import annotations

import json
import os
import pty
import subprocess

import pytest

from nodehours.ledger.store import Connection
from tests.faces.cli.conftest import NODEHOURS, Run, dump, report

MARCH = report("climate.brics", {"2026-03-01": {"al": 7200, "unknown": 900}}, alice="al")
CORRECTED = report("climate.brics", {"2026-03-01": {"al": 3600, "unknown": 900}}, alice="al")


@pytest.fixture
def posted(nodehours: Run) -> Run:
    """``nodehours`` on a ledger with March in it, which was restated once."""
    for told in (MARCH, CORRECTED):
        done = nodehours("ingest", "openportal", "-", "--resource", "isca", stdin=dump(told))
        assert done.returncode == 0
    return nodehours


def spoil(connection: Connection) -> None:
    """Change a figure past the ledger's checks."""
    with connection.transaction():
        connection.execute("set local session_replication_role = replica")
        connection.execute("update daily_usage set node_seconds = 3601 where local_user = 'al'")


DIFFERENCE = (
    "climate.brics on isca, 2026-03-01, revision 2: the day's node-seconds should be 4501, the sum over its local"
    " users, and is 4500\n"
)


def test_a_ledger_that_holds_is_counted(posted: Run) -> None:
    done = posted("verify")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "verified 1 statements (1 former), 2 usage rows (1 former), 1 days (1 former), 2 daily figures (1 former):"
        " all holds at revision 2\n"
    )


def test_an_empty_ledger_holds_and_says_what_to_do_next(nodehours: Run) -> None:
    done = nodehours("verify")

    assert (done.returncode, done.stdout) == (
        0,
        "the ledger is empty: `nodehours ingest` takes usage in\n",
    )


def test_the_first_difference_is_named_and_the_status_says_so(
    posted: Run, connection: Connection
) -> None:
    spoil(connection)

    done = posted("verify")

    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout == (
        f"{DIFFERENCE}the first difference at revision 2; --all names the others\n"
    )


def test_all_differences_are_named_when_asked_for(posted: Run, connection: Connection) -> None:
    """The day's hash is of that figure too."""
    spoil(connection)

    done = posted("verify", "--all")

    first, second, last = done.stdout.splitlines()
    assert done.returncode == 1
    assert first + "\n" == DIFFERENCE
    assert second.startswith(
        "climate.brics on isca, 2026-03-01, revision 2: the day's SHA-256 should"
    )
    assert last == "2 differences at revision 2, and no more"


def test_a_machine_reads_the_outcome_as_json(posted: Run, connection: Connection) -> None:
    whole = json.loads(posted("verify", "--json").stdout)
    spoil(connection)
    done = posted("verify", "--json")
    spoiled = json.loads(done.stdout)

    assert (whole["holds"], whole["is_all"], whole["differences"]) == (True, True, [])
    assert whole["checked"]["former_statements"] == 1
    assert (done.returncode, spoiled["holds"], spoiled["is_all"]) == (1, False, False)
    (difference,) = spoiled["differences"]
    assert difference["sentence"] + "\n" == DIFFERENCE
    assert difference["place"]["day"] == "2026-03-01"
    assert difference["found"] == "4500"


def test_on_a_terminal_progress_is_shown_beside_the_outcome(posted: Run, database_url: str) -> None:
    assert posted("verify").stderr == ""
    ours, theirs = pty.openpty()
    environment = os.environ | {"NODEHOURS_DATABASE_URL": database_url, "TERM": "xterm"}

    done = subprocess.run(
        [NODEHOURS, "verify"], stdout=subprocess.PIPE, stderr=theirs, env=environment, check=False
    )
    os.close(theirs)

    assert done.returncode == 0
    assert done.stdout.startswith(b"verified 1 statements")
    assert os.read(ours, 10000) != b""
    os.close(ours)
