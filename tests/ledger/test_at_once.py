"""Several commands at once on one ledger: the same as one after the other."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import psycopg
import pytest

from nodehours.ledger.store import Connection, connected
from tests.databases import database
from tests.ledger.commands import ended, held_up, run, start
from tests.ledger.portal import PEOPLE, write
from tests.ledger.written import Account, accounts, assert_holds

PROJECTS = ("climate", "fusion", "genome", "ocean")
INGEST = ("ingest", "openportal", "--resource", "isca", "--json")


@pytest.fixture
def wanted(server_url: str, template: str, tmp_path: Path) -> dict[tuple[str, str], Account]:
    """What a ledger says after one run of the report of all projects."""
    report = write(tmp_path / "wanted.json", PROJECTS)
    with database(server_url, template) as url, connected(url) as connection:
        assert run(*INGEST, str(report), NODEHOURS_DATABASE_URL=url).returncode == 0
        return accounts(connection)


def succeeded(process: subprocess.Popen[str]) -> str:
    done = ended(process)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize("count", [2, 8])
def test_several_runs_of_one_report_post_each_statement_once(
    database_url: str,
    connection: Connection,
    wanted: dict[tuple[str, str], Account],
    tmp_path: Path,
    count: int,
) -> None:
    report = write(tmp_path / "report.json", PROJECTS)

    with held_up(database_url, count):
        runs = [
            start(*INGEST, str(report), NODEHOURS_DATABASE_URL=database_url) for _ in range(count)
        ]
    summaries = [json.loads(succeeded(process)) for process in runs]

    statements = 3 * len(PROJECTS)  # January, February and three days of March
    assert sum(summary["months_posted"] for summary in summaries) == statements
    assert sum(summary["months_unchanged"] for summary in summaries) == statements * (count - 1)
    assert accounts(connection) == wanted
    assert_holds(connection)


def test_projects_that_share_their_people_are_posted_at_once_in_any_order(
    database_url: str,
    connection: Connection,
    wanted: dict[tuple[str, str], Account],
    tmp_path: Path,
) -> None:
    """Each run brings people whom another run is just making; none waits for one that waits for it."""
    parts = [
        write(tmp_path / f"{number}.json", projects)
        for number, projects in enumerate(
            [PROJECTS, PROJECTS[::-1], PROJECTS[2:] + PROJECTS[:2], *zip(PROJECTS, strict=True)]
        )
    ]

    with held_up(database_url, len(parts)):
        runs = [start(*INGEST, str(part), NODEHOURS_DATABASE_URL=database_url) for part in parts]
    for process in runs:
        succeeded(process)

    assert accounts(connection) == wanted
    assert_holds(connection)


def test_logins_for_people_whom_a_report_is_just_bringing_become_those_people(
    database_url: str,
    connection: Connection,
    wanted: dict[tuple[str, str], Account],
    tmp_path: Path,
) -> None:
    """Whoever comes first, the report or `user add --identity`, finds the same person afterwards."""
    report = str(write(tmp_path / "report.json", PROJECTS))
    people = [("user", "add", f"{name}-login", "--identity", f"{name}.brics") for name in PEOPLE]
    commands = [(*INGEST, report), *people, (*INGEST, report)]

    with held_up(database_url, len(commands)):
        runs = [start(*command, NODEHOURS_DATABASE_URL=database_url) for command in commands]
    for process in runs:
        succeeded(process)

    assert accounts(connection) == wanted
    users = connection.execute(
        "select username, identity from users join identities on user_id = users.id order by 1"
    )
    assert users.fetchall() == [(f"{name}-login", f"{name}.brics") for name in PEOPLE]


def test_users_roles_and_tokens_do_not_wait_for_a_posting(
    database_url: str, connection: Connection, tmp_path: Path
) -> None:
    first = str(write(tmp_path / "first.json", ["climate"]))
    assert run(*INGEST, first, NODEHOURS_DATABASE_URL=database_url).returncode == 0

    with held_up(database_url, 1):
        posting = start(
            *INGEST,
            str(write(tmp_path / "second.json", PROJECTS, version=1)),
            NODEHOURS_DATABASE_URL=database_url,
        )
        for command in (
            ("user", "add", "boss"),
            ("role", "grant", "boss", "manager", "climate.brics"),
            ("role", "grant", "boss", "owner", "brics"),
            ("token", "create", "boss"),
            ("user", "list"),
            ("user", "deactivate", "boss"),
        ):
            assert run(*command, NODEHOURS_DATABASE_URL=database_url).returncode == 0
    succeeded(posting)

    assert_holds(connection)


def test_a_dry_run_and_a_run_at_once_leave_what_the_run_alone_leaves(
    database_url: str,
    connection: Connection,
    wanted: dict[tuple[str, str], Account],
    tmp_path: Path,
) -> None:
    report = str(write(tmp_path / "report.json", PROJECTS))
    other = str(write(tmp_path / "other.json", PROJECTS, version=3))

    with held_up(database_url, 3):
        runs = [
            start(*INGEST, *arguments, NODEHOURS_DATABASE_URL=database_url)
            for arguments in ((other, "--dry-run"), (report,), (other, "--dry-run"))
        ]
    for process in runs:
        succeeded(process)

    assert accounts(connection) == wanted


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
def test_a_database_with_another_isolation_by_default_serves_as_well(
    database_url: str,
    connection: Connection,
    wanted: dict[tuple[str, str], Account],
    tmp_path: Path,
    isolation: str,
) -> None:
    """A run that waited for the clock has to see what the run before it wrote."""
    with psycopg.connect(database_url, autocommit=True) as operator:
        name = operator.info.dbname
        operator.execute(f"alter database {name} set default_transaction_isolation = '{isolation}'")
    report = str(write(tmp_path / "report.json", PROJECTS))

    with held_up(database_url, 2):
        runs = [start(*INGEST, report, NODEHOURS_DATABASE_URL=database_url) for _ in range(2)]
    for process in runs:
        succeeded(process)

    assert accounts(connection) == wanted
