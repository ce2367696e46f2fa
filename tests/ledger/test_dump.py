"""A dump is the whole ledger: loaded, it is the same again, and goes on as the first would have."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nodehours import __version__
from nodehours.ledger.dump import dump
from nodehours.ledger.load import load
from nodehours.ledger.manifest import DumpError
from nodehours.ledger.schema import schema_status
from nodehours.ledger.store import Connection, connected
from tests.databases import database
from tests.ledger.commands import ended, held_up, start
from tests.ledger.dumps import PROJECTS, another, files, fill, post, rows
from tests.ledger.portal import write
from tests.ledger.written import accounts, assert_holds, row_ids

INGEST = ("ingest", "openportal", "--resource", "isca")


@pytest.fixture
def filled(connection: Connection, tmp_path: Path) -> Connection:
    """A ledger with usage that was posted twice, and people."""
    fill(connection, tmp_path)
    return connection


def test_a_loaded_dump_has_every_row_of_every_table(
    filled: Connection, server_url: str, template: str, tmp_path: Path
) -> None:
    dump(filled, tmp_path / "dump")

    with another(server_url, template) as copy:
        load(copy, tmp_path / "dump")

        assert rows(copy) == rows(filled)
        assert rows(copy)["former_rows"] != []
        assert_holds(copy)


def test_the_dump_of_a_loaded_dump_has_the_same_files(
    filled: Connection, server_url: str, template: str, tmp_path: Path
) -> None:
    """Byte for byte, but for the time in the manifest."""
    first = dump(filled, tmp_path / "first")

    with another(server_url, template) as copy:
        load(copy, tmp_path / "first")
        second = dump(copy, tmp_path / "second")

    assert files(tmp_path / "first") == files(tmp_path / "second")
    assert first.sha256 == second.sha256


def test_rows_that_lie_in_another_order_on_the_disk_make_the_same_files(
    filled: Connection, tmp_path: Path
) -> None:
    dump(filled, tmp_path / "first")
    filled.execute("cluster daily_usage using daily_usage_local_user")

    dump(filled, tmp_path / "second")

    assert files(tmp_path / "first") == files(tmp_path / "second")


def test_the_next_posting_does_the_same_to_the_ledger_and_to_its_copy(
    filled: Connection, server_url: str, template: str, tmp_path: Path
) -> None:
    """New rows get the ids they would have got, and no id is given twice."""
    dump(filled, tmp_path / "dump")
    report = write(tmp_path / "more.json", [*PROJECTS, "plasma"], days=80, version=3)

    with database(server_url, template) as url, connected(url) as copy:
        load(copy, tmp_path / "dump")
        before = row_ids(copy)
        for target in (url, filled.info.dsn):
            done = ended(start(*INGEST, str(report), NODEHOURS_DATABASE_URL=target))
            assert (done.returncode, done.stderr) == (0, "")

        assert accounts(copy) == accounts(filled)
        assert row_ids(copy) == row_ids(filled)
        assert before.items() < row_ids(copy).items()
        assert_holds(copy)


def test_the_triggers_of_a_loaded_ledger_are_awake(
    filled: Connection, server_url: str, template: str, tmp_path: Path
) -> None:
    triggers = "select tgrelid::regclass::text, tgname, tgenabled from pg_trigger where not tgisinternal order by 1, 2"
    keys = "select conrelid::regclass::text, conname, pg_get_constraintdef(oid) from pg_constraint order by 1, 2"
    dump(filled, tmp_path / "dump")

    with another(server_url, template) as copy:
        load(copy, tmp_path / "dump")

        for asked in (triggers, keys):
            assert copy.execute(asked).fetchall() == filled.execute(asked).fetchall()


def test_an_empty_ledger_is_dumped_and_loaded(
    connection: Connection, server_url: str, template: str, tmp_path: Path
) -> None:
    manifest = dump(connection, tmp_path / "dump")

    with another(server_url, template) as copy:
        load(copy, tmp_path / "dump")
        assert rows(copy) == rows(connection)
        post(copy, tmp_path, 0)

    assert (manifest.revision, manifest.rows) == (0, 1)


def test_the_manifest_says_what_the_dump_is_of(filled: Connection, tmp_path: Path) -> None:
    dump(filled, tmp_path / "dump")

    said = json.loads((tmp_path / "dump" / "manifest.json").read_text())

    ledger = filled.execute("select uuid::text, revision from ledger").fetchone()
    assert (said["format"], said["nodehours"]) == (1, __version__)
    assert said["schema"] == schema_status(filled.info.dsn).newest
    assert (said["ledger"], said["revision"]) == ledger
    assert {entry["table"]: entry["rows"] for entry in said["tables"]} == {
        name: len(lines) for name, lines in rows(filled).items() if name != "alembic_version"
    }
    assert {"name": "local_group", "type": "text", "nullable": True} in said["tables"][0]["columns"]


def test_a_file_is_read_by_whatever_reads_parquet(filled: Connection, tmp_path: Path) -> None:
    dump(filled, tmp_path / "dump")

    users = pq.read_table(tmp_path / "dump" / "users.parquet")
    usage = pq.read_table(tmp_path / "dump" / "usage_rows.parquet")

    assert users.schema.field("created").type == pa.timestamp("us", tz="UTC")
    assert {"Zoë Müller-Ωmega", "用户 🦀"} < set(users.column("full_name").to_pylist())
    assert usage.schema.field("node_seconds") == pa.field("node_seconds", pa.int64(), False)
    ((total,),) = filled.execute("select sum(node_seconds)::bigint from statements")
    assert sum(usage.column("node_seconds").to_pylist()) == total


def test_nobody_else_may_read_a_dump(filled: Connection, tmp_path: Path) -> None:
    (tmp_path / "dump").mkdir(mode=0o755)

    dump(filled, tmp_path / "dump")

    assert stat.S_IMODE((tmp_path / "dump").stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "dump").iterdir()} == {0o600}


def test_a_dump_is_of_one_moment_while_four_runs_post(
    filled: Connection, server_url: str, template: str, tmp_path: Path
) -> None:
    """Each dump that was begun among them holds, sum by sum and count by count, at a revision of its own."""
    url = filled.info.dsn
    reports = [
        str(write(tmp_path / f"{version}.json", PROJECTS, days=70, version=version))
        for version in range(5, 9)
    ]
    with held_up(url, len(reports)):
        runs = [start(*INGEST, *reports, NODEHOURS_DATABASE_URL=url) for _ in reports]
    dumps: list[Path] = []
    while any(run.poll() is None for run in runs):
        dumps.append(tmp_path / f"dump-{len(dumps)}")
        dump(filled, dumps[-1])
    assert [ended(run).returncode for run in runs] == [0] * len(runs)

    for directory in dumps:
        with another(server_url, template) as copy:
            manifest = load(copy, directory)
            assert_holds(copy)
            assert copy.execute("select revision from ledger").fetchone() == (manifest.revision,)
    assert dumps


def test_a_type_that_a_dump_cannot_keep_is_said_and_nothing_is_left(
    connection: Connection, tmp_path: Path
) -> None:
    connection.execute("create table shapes (id int primary key, outline polygon)")

    with pytest.raises(
        DumpError, match=r"column outline of the table shapes is of the type polygon"
    ):
        dump(connection, tmp_path / "dump")

    assert list(tmp_path.iterdir()) == []
