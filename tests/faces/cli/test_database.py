from __future__ import annotations

import os
import subprocess
from pathlib import Path

import psycopg
import pytest

from nodehours.ledger.schema import schema_status
from tests.faces.cli.conftest import NODEHOURS


def run(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [NODEHOURS, *arguments],
        capture_output=True,
        text=True,
        env=os.environ | settings,
        check=False,
    )


def test_your_own_database_is_upgraded_only_when_you_say_so(empty_url: str) -> None:
    own = {"NODEHOURS_DATABASE_URL": empty_url}

    refused = run("user", "list", **own)
    status = run("db", "status", **own)
    upgraded = run("db", "upgrade", **own)
    again = run("db", "upgrade", **own)

    assert refused.returncode == 3
    assert refused.stderr == "Error: the database has no ledger yet: run `nodehours db upgrade`\n"
    assert (status.returncode, status.stderr) == (
        1,
        "The ledger cannot be used: the database has no ledger yet: run `nodehours db upgrade`.\n",
    )
    newest = schema_status(empty_url).newest
    assert upgraded.stdout == f"The schema was not there and is now {newest}.\n"
    assert again.stdout == f"The schema is {newest} already, the newest.\n"
    assert run("db", "status", **own).returncode == 0


@pytest.mark.parametrize(
    ("schema", "sentence"),
    [
        ("0000", "the database's schema 0000 is newer than this program"),
        (None, "the database has no ledger yet: run `nodehours db upgrade`"),
    ],
)
def test_the_server_refuses_a_schema_it_does_not_know(
    empty_url: str, schema: str | None, sentence: str
) -> None:
    if schema:
        with psycopg.connect(empty_url, autocommit=True) as connection:
            connection.execute("create table alembic_version (version_num text)")
            connection.execute("insert into alembic_version values (%s)", [schema])

    done = run("serve", "--port", "1", NODEHOURS_DATABASE_URL=empty_url)

    assert done.returncode == 3
    assert sentence in done.stderr


def test_a_database_that_is_not_there_is_said_in_a_sentence() -> None:
    done = run("user", "list", NODEHOURS_DATABASE_URL="postgresql://127.0.0.1:1/nothing")

    assert done.returncode == 3
    assert done.stderr.startswith("Error: cannot reach the database: ")
    assert "Traceback" not in done.stderr


def test_without_a_database_of_your_own_everything_is_set_up_and_stopped_again(
    tmp_path: Path,
) -> None:
    directory = tmp_path / "data"

    done = run("user", "add", "boss", "--staff", NODEHOURS_DATA_DIR=str(directory))
    listed = run("user", "list", NODEHOURS_DATA_DIR=str(directory))

    assert (done.returncode, done.stderr) == (0, "")
    assert listed.stdout.splitlines()[1].split()[0] == "boss"
    assert not (directory / "postgresql" / "postmaster.pid").exists()


def test_a_data_directory_that_cannot_be_used_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    done = run("user", "list", NODEHOURS_DATA_DIR=str(tmp_path / "file" / "data"))

    assert done.returncode == 3
    assert "cannot use the data directory" in done.stderr
