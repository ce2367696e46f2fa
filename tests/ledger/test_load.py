"""A dump that is not whole and sound, or does not fit, is refused with the file's name, and nothing is written."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pyarrow as pa
import pytest
from psycopg import sql

from nodehours.ledger.dump import dump
from nodehours.ledger.load import load
from nodehours.ledger.manifest import NAME, DumpError
from nodehours.ledger.people import User, add_user
from nodehours.ledger.schema import upgrade_schema
from nodehours.ledger.store import Connection, connected
from nodehours.ledger.verify import verify
from tests.databases import database
from tests.ledger.dumps import (
    another,
    change_file,
    change_manifest,
    change_table,
    fill,
    post,
    put,
    rows,
)
from tests.ledger.written import assert_holds

Damage = Callable[[Path], object]


@pytest.fixture(scope="module")
def source(server_url: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dump, to be copied before it is changed."""
    home = tmp_path_factory.mktemp("source")
    with another(server_url, template) as connection:
        fill(connection, home)
        dump(connection, home / "dump")
    return home / "dump"


@pytest.fixture
def dumped(source: Path, tmp_path: Path) -> Path:
    """A dump of the test's own."""
    copy = tmp_path / "dump"
    copy.mkdir()
    for path in source.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    return copy


def entries(directory: Path, **changes: object) -> None:
    """Change what the manifest says of users.parquet."""
    said = json.loads((directory / NAME).read_bytes())
    for entry in said["tables"]:
        if entry["table"] == "users":
            entry.update(changes)
    change_manifest(directory, tables=said["tables"])


def cut(directory: Path) -> None:
    path = directory / "users.parquet"
    path.write_bytes(path.read_bytes()[:-1])


def flip(directory: Path) -> None:
    path = directory / "users.parquet"
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)


def replace(directory: Path, make: Callable[[Path], object]) -> None:
    (directory / "users.parquet").unlink()
    make(directory / "users.parquet")


def retyped(table: pa.Table) -> pa.Table:
    place = table.schema.get_field_index("id")
    return table.set_column(
        place, pa.field("id", pa.int32(), nullable=False), table.column("id").cast(pa.int32())
    )


def with_nulls(table: pa.Table) -> pa.Table:
    place = table.schema.get_field_index("full_name")
    nulls = pa.nulls(len(table), pa.string())
    return table.set_column(place, pa.field("full_name", pa.string()), nulls)


DAMAGED: dict[str, tuple[Damage, str]] = {
    "cut off": (cut, r"users\.parquet: it has \d+ bytes, not \d+"),
    "one bit": (flip, r"users\.parquet: it is not as it was written: its SHA-256 is another"),
    "not there": (
        lambda directory: (directory / "users.parquet").unlink(),
        r"users\.parquet: it is not there",
    ),
    "a pipe": (
        lambda directory: replace(directory, os.mkfifo),
        r"users\.parquet: it is not a file",
    ),
    "a directory": (
        lambda directory: replace(directory, Path.mkdir),
        r"users\.parquet: it is not a file",
    ),
    "no Parquet": (
        lambda directory: change_file(directory, "users", b"PAR1 what else PAR1", 5),
        r"users\.parquet: ",
    ),
    "nothing in it": (
        lambda directory: change_file(directory, "users", b"", 5),
        r"users\.parquet: ",
    ),
    "a column more": (
        lambda directory: change_table(
            directory, "users", lambda t: t.append_column("x\x1b[31m", t["id"])
        ),
        r"users\.parquet: its columns are id, .*, x\\x1b\[31m, not id, ",
    ),
    "a column less": (
        lambda directory: change_table(directory, "users", lambda t: t.drop_columns(["email"])),
        r"users\.parquet: its columns are ",
    ),
    "another type": (
        lambda directory: change_table(directory, "users", retyped),
        r"users\.parquet: its column id: int32 not null must be id: int64 not null",
    ),
    "a null": (
        lambda directory: change_table(directory, "users", with_nulls),
        r"users\.parquet: its column full_name: string must be full_name: string not null",
    ),
    "a row less": (
        lambda directory: entries(directory, rows=99),
        r"users\.parquet: it has \d+ rows, not 99",
    ),
    "a key twice": (
        lambda directory: change_table(
            directory, "users", lambda t: pa.concat_tables([t, t.slice(0, 1)])
        ),
        r"users\.parquet: duplicate key value",
    ),
    "a value that is refused": (
        lambda directory: change_table(directory, "usage_rows", put("node_seconds", -1)),
        r"usage_rows\.parquet: .* violates check constraint",
    ),
    "a NUL": (
        lambda directory: change_table(directory, "users", put("full_name", "a\0b")),
        r"users\.parquet: ",
    ),
    "no UUID": (
        lambda directory: change_table(directory, "users", put("uuid", "alice")),
        r"users\.parquet: badly formed hexadecimal UUID string",
    ),
    "a row that refers to nothing": (
        lambda directory: change_table(directory, "identities", put("user_id", 999)),
        r"identities\.parquet: .* violates foreign key constraint .*\(user_id\)=\(999\)",
    ),
    "another ledger": (
        lambda directory: change_table(directory, "ledger", put("revision", 99)),
        r"manifest\.json: it is of another ledger or revision than its tables",
    ),
    "no ledger": (
        lambda directory: change_table(directory, "ledger", lambda t: t.slice(0, 0)),
        r"manifest\.json: it is of another ledger or revision than its tables",
    ),
    "a file elsewhere": (
        lambda directory: entries(directory, file="../users.parquet"),
        r"manifest\.json: its tables are not those of this ledger",
    ),
    "a table less": (
        lambda directory: change_manifest(directory, tables=[]),
        r"manifest\.json: its tables are not those of this ledger",
    ),
    "no sequences": (
        lambda directory: change_manifest(directory, sequences={}),
        r"manifest\.json: its sequences are not those of this ledger",
    ),
    "a sequence before its beginning": (
        lambda directory: change_manifest(
            directory,
            sequences=json.loads((directory / NAME).read_bytes())["sequences"]
            | {"users_id_seq": 0},
        ),
        r"manifest\.json: setval: value 0 is out of bounds",
    ),
    "another schema": (
        lambda directory: change_manifest(directory, schema="9999", nodehours="9.9"),
        (
            r"the dump has schema 9999 and this ledger \d{4}: load it with nodehours 9\.9, which wrote it;"
            r" `nodehours db upgrade` upgrades the ledger it becomes"
        ),
    ),
    "another format": (
        lambda directory: change_manifest(directory, format=2),
        r"manifest\.json: the dump has format 2, and this program reads format 1",
    ),
    "no manifest": (
        lambda directory: (directory / NAME).unlink(),
        r"dump is no dump: there is no manifest\.json in it",
    ),
    "no JSON": (
        lambda directory: (directory / NAME).write_text("format = 1"),
        r"manifest\.json: JSON is malformed",
    ),
    "no text": (
        lambda directory: (directory / NAME).write_bytes(b'{"format": 1, "schema": "\xff"}'),
        r"manifest\.json: ",
    ),
}


@pytest.fixture(scope="module")
def target(server_url: str, template: str) -> Iterator[Connection]:
    """An empty ledger, which every refusal leaves as it is."""
    with another(server_url, template) as connection:
        yield connection


@pytest.mark.parametrize(("damage", "sentence"), DAMAGED.values(), ids=DAMAGED)
def test_a_faulty_dump_is_refused_with_the_file_and_the_reason(
    target: Connection, dumped: Path, damage: Damage, sentence: str
) -> None:
    before = rows(target)
    damage(dumped)

    with pytest.raises(DumpError, match=sentence) as refused:
        load(target, dumped)

    assert "\x1b" not in str(refused.value)
    assert "\n" not in str(refused.value)
    assert rows(target) == before


def test_after_a_refusal_the_ledger_takes_the_dump_as_it_was(
    connection: Connection, source: Path, dumped: Path
) -> None:
    change_table(dumped, "identities", put("user_id", 999))
    with pytest.raises(DumpError):
        load(connection, dumped)

    load(connection, source)

    assert_holds(connection)


def test_a_dump_whose_sums_do_not_hold_is_loaded_only_by_who_wants_it_unverified(
    connection: Connection, dumped: Path
) -> None:
    """Somebody changed one figure, and every hash of the dump with it."""
    before = rows(connection)
    change_table(dumped, "daily_usage", put("node_seconds", 1))

    with pytest.raises(DumpError, match=r"dump has does not hold: climate\.brics on isca, 2026-01"):
        load(connection, dumped)

    assert rows(connection) == before
    load(connection, dumped, is_verified=False)
    assert verify(connection).differences != ()


def test_a_ledger_with_anything_in_it_is_not_loaded_into(
    connection: Connection, dumped: Path, tmp_path: Path
) -> None:
    add_user(connection, User("alice", "", "", False, False, True, []))

    with pytest.raises(DumpError, match=r"^the ledger has users already: a dump is loaded into an"):
        load(connection, dumped)

    post(connection, tmp_path, 0)
    with pytest.raises(DumpError, match=r"^the ledger is at revision \d+: a dump is loaded into"):
        load(connection, dumped)
    assert_holds(connection)


def test_there_is_no_dump_where_there_is_no_directory(
    connection: Connection, tmp_path: Path
) -> None:
    with pytest.raises(DumpError, match=r"nowhere is no dump: there is no such directory$"):
        load(connection, tmp_path / "nowhere")
    (tmp_path / "file").write_text("")
    with pytest.raises(DumpError, match=r"^cannot read .*manifest\.json: Not a directory$"):
        load(connection, tmp_path / "file")


def test_what_else_lies_in_the_directory_is_left_alone(
    connection: Connection, dumped: Path
) -> None:
    (dumped / "README").write_text("Our ledger of 2026.")
    (dumped / "strange.parquet").mkdir()

    assert load(connection, dumped).rows > 0


def test_who_owns_the_database_and_no_more_loads_a_dump(
    server_url: str, source: Path, tmp_path: Path
) -> None:
    role = f"owner_{secrets.token_hex(4)}"
    with psycopg.connect(server_url, autocommit=True) as connection, database(server_url) as url:
        name = sql.Identifier(role)
        connection.execute(sql.SQL("create role {} login nosuperuser").format(name))
        its_database = sql.Identifier(url.partition("@/")[2].partition("?")[0])
        change = sql.SQL("alter database {} owner to {}")
        connection.execute(change.format(its_database, name))
        try:
            its_url = url.replace("postgres@", f"{role}@")
            upgrade_schema(its_url)
            with connected(its_url) as owner:
                load(owner, source)
                assert_holds(owner)
                post(owner, tmp_path, 7)
                dump(owner, tmp_path / "dump")
        finally:
            back = sql.SQL("alter database {} owner to postgres").format(its_database)
            connection.execute(back)
            with psycopg.connect(url, autocommit=True) as operator:
                operator.execute(sql.SQL("drop owned by {}").format(name))
            connection.execute(sql.SQL("drop role {}").format(name))
