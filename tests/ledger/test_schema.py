"""The schema: made, upgraded, recognised, and refused when it is not the one the program knows."""

from __future__ import annotations

import secrets
import traceback

import psycopg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from nodehours.ledger.errors import SchemaError, UnavailableError
from nodehours.ledger.schema import SchemaStatus, check_schema, schema_status, upgrade_schema
from tests.ledger.commands import await_that, ended, start

NOWHERE = "postgresql://127.0.0.1:1/nothing"


def set_schema(url: str, version: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("create table alembic_version (version_num varchar(32) not null)")
        connection.execute("insert into alembic_version values (%s)", [version])


def tables(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace"
            " order by relname"
        )
        return [name for (name,) in found]


def test_an_empty_database_is_brought_to_the_newest_schema(empty_url: str) -> None:
    assert schema_status(empty_url).current is None

    before = upgrade_schema(empty_url)

    assert before.current is None
    assert schema_status(empty_url).is_newest
    check_schema(empty_url)


def test_an_upgrade_of_the_newest_schema_changes_nothing(empty_url: str) -> None:
    upgrade_schema(empty_url)
    with psycopg.connect(empty_url) as connection:
        ledger = connection.execute("select uuid from ledger").fetchone()

    before = upgrade_schema(empty_url)

    assert before.is_newest
    with psycopg.connect(empty_url) as connection:
        assert connection.execute("select uuid from ledger").fetchone() == ledger


def test_upgrades_at_once_make_the_schema_once(empty_url: str) -> None:
    """One makes it while the others wait, and find it made."""
    with psycopg.connect(empty_url, autocommit=True) as watcher:
        watcher.execute("select pg_advisory_lock(x'6E6F6465686F7572'::bigint)")
        upgrades = [start("db", "upgrade", NODEHOURS_DATABASE_URL=empty_url) for _ in range(3)]
        await_that(lambda: waiting(watcher) == 3, "all three wait")
        watcher.execute("select pg_advisory_unlock_all()")
        done = [ended(upgrade) for upgrade in upgrades]

    newest = schema_status(empty_url).newest
    assert [upgrade.returncode for upgrade in done] == [0, 0, 0]
    assert sorted(upgrade.stdout for upgrade in done) == [
        f"The schema is {newest} already, the newest.\n",
        f"The schema is {newest} already, the newest.\n",
        f"The schema was not there and is now {newest}.\n",
    ]


def waiting(connection: psycopg.Connection) -> int:
    found = connection.execute(
        "select count(*) from pg_locks where locktype = 'advisory' and not granted"
        " and database = (select oid from pg_database where datname = current_database())"
    ).fetchone()
    return int(found[0]) if found else 0


def test_what_the_program_knows_without_alembic_is_what_alembic_finds() -> None:
    config = Config()
    config.set_main_option("script_location", "nodehours.ledger:migrations")
    scripts = ScriptDirectory.from_config(config)

    status = schema_status_without_database()

    assert scripts.get_heads() == [status.newest]
    assert [script.revision for script in scripts.walk_revisions()][::-1] == list(status.known)


def schema_status_without_database() -> SchemaStatus:
    from nodehours.ledger import schema

    return SchemaStatus(None, schema._known())


@pytest.mark.parametrize(
    ("current", "sentence"),
    [
        (None, "the database has no ledger yet: run `nodehours db upgrade`"),
        (
            "0001",
            "the database's schema is 0001, this program needs 0002: run `nodehours db upgrade`",
        ),
        ("0002", None),
        (
            "0003",
            (
                "the database's schema 0003 is newer than this program (0002):"
                " install the nodehours that made it"
            ),
        ),
        (
            "1975ea83b712",
            (
                "the database's schema '1975ea83b712' is none of nodehours:"
                " is it another program's database?"
            ),
        ),
    ],
)
def test_a_schema_that_is_not_the_newest_is_refused_with_what_to_do(
    current: str | None, sentence: str | None
) -> None:
    assert SchemaStatus(current, ("0001", "0002")).refusal == sentence


@pytest.mark.parametrize("version", ["9999", "1975ea83b712"])
def test_a_database_of_another_program_or_time_is_left_alone(empty_url: str, version: str) -> None:
    set_schema(empty_url, version)

    for refused in (check_schema, upgrade_schema):
        with pytest.raises(SchemaError, match=version):
            refused(empty_url)

    assert tables(empty_url) == ["alembic_version"]


def test_an_upgrade_that_fails_leaves_the_database_as_it_was(empty_url: str) -> None:
    """Another program has a table of one of our names."""
    with psycopg.connect(empty_url) as connection:
        connection.execute("create table usage_rows (id int)")

    with pytest.raises(
        UnavailableError, match=r'^cannot upgrade the database: relation "usage_rows"'
    ):
        upgrade_schema(empty_url)

    assert tables(empty_url) == ["usage_rows"]
    assert schema_status(empty_url).current is None


def test_who_may_not_make_tables_is_told_so(server_url: str, empty_url: str) -> None:
    role = f"guest_{secrets.token_hex(4)}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"create role {role} login")
    try:
        with pytest.raises(UnavailableError, match="permission denied for schema public"):
            upgrade_schema(empty_url.replace("postgres@", f"{role}@"))
    finally:
        with psycopg.connect(server_url, autocommit=True) as connection:
            connection.execute(f"drop role {role}")


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        (NOWHERE, "cannot reach the database: .*Connection refused"),
        ("host=/nowhere/at/all", "cannot reach the database: .*No such file or directory"),
        ("mysql://boss:swordfish@host/name", "the database's URL is not one that PostgreSQL under"),
        ("postgresql://boss:swordfish@[", "the database's URL is not one that PostgreSQL under"),
    ],
)
def test_a_database_that_cannot_be_reached_is_said_in_a_sentence_without_its_password(
    url: str, sentence: str
) -> None:
    for asked in (schema_status, check_schema, upgrade_schema):
        with pytest.raises(UnavailableError, match=f"^{sentence}") as refused:
            asked(url)
        assert "swordfish" not in "".join(traceback.format_exception(refused.value))
