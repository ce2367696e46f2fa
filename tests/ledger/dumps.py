"""Dumps in tests: ledgers to dump, what is in them row by row, and dumps that somebody changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from nodehours.intake.openportal import ingest
from nodehours.ledger import sign_in
from nodehours.ledger.manifest import NAME, Manifest, written
from nodehours.ledger.people import User, add_user, create_token, grant_role
from nodehours.ledger.store import Connection, connected
from tests.databases import database
from tests.ledger.portal import write
from tests.ledger.written import Lines, everything

PROJECTS = ("climate", "ocean", "fusion")


def fill(connection: Connection, directory: Path) -> None:
    """Post reports twice, the second time with other figures, and add people of many scripts."""
    for version in range(2):
        post(connection, directory, version)
    for name, full_name in (("zoë", "Zoë Müller-Ωmega"), ("用户", "用户 🦀"), ("boss", "")):
        add_user(connection, User(name, full_name, "", False, False, True, []))
    grant_role(connection, "zoë", "member", "climate.brics")
    create_token(connection, "zoë", None)
    add_user(connection, User("alice", "", "", False, False, True, ["alice.brics"]))
    _sign_in(connection, "zoë")


def _sign_in(connection: Connection, username: str) -> None:
    """Sign in to the dashboard in every way, once in vain."""
    sign_in.set_password(connection, username, "correct horse battery")
    sign_in.make_link(connection, username)
    user = sign_in.bind_login(connection, "https://sso.example.org", "4711", username)
    sign_in.start_session(connection, user, "oidc", "Browser/1.0 🦀")
    sign_in.note_failure(connection, username, "10.0.0.1")


def post(connection: Connection, directory: Path, version: int) -> None:
    """Post the portal's report in a *version*."""
    report = write(directory / "report.json", PROJECTS, days=40, version=version)
    assert ingest(connection, [str(report)], "isca").faults == []


def rows(connection: Connection) -> dict[str, Lines]:
    """Every row of every table."""
    return {name: [line[1:] for line in lines] for name, lines in everything(connection).items()}


@contextmanager
def another(server_url: str, template: str) -> Iterator[Connection]:
    """A connection to one more empty ledger."""
    with database(server_url, template) as url, connected(url) as connection:
        yield connection


def files(directory: Path) -> dict[str, bytes]:
    """What is in a dump, by file; of the manifest without its time."""
    found = {path.name: path.read_bytes() for path in directory.iterdir()}
    timeless = json.loads(found[NAME]) | {"created": ""}
    return found | {NAME: json.dumps(timeless).encode()}


def change_manifest(directory: Path, **changes: Any) -> None:
    """Change the manifest and seal it again, as somebody would who knows how."""
    said = json.loads((directory / NAME).read_bytes()) | changes
    path = directory / NAME
    path.write_text(json.dumps(said))
    if said["format"] == 1:
        path.write_bytes(written(msgspec.convert(said, Manifest).sealed()))


def change_table(directory: Path, table: str, change: Callable[[pa.Table], pa.Table]) -> None:
    """Change what the file of *table* says, and let the manifest agree with it."""
    path = directory / f"{table}.parquet"
    pq.write_table(change(pq.read_table(path)), path)
    change_file(directory, table, path.read_bytes(), pq.read_metadata(path).num_rows)


def change_file(directory: Path, table: str, content: bytes, count: int) -> None:
    """Put *content* into the file of *table*, and let the manifest agree with it."""
    (directory / f"{table}.parquet").write_bytes(content)
    told = {
        "rows": count,
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    manifest = json.loads((directory / NAME).read_bytes())
    entries = [entry | told if entry["table"] == table else entry for entry in manifest["tables"]]
    change_manifest(directory, tables=entries)


def put(column: str, value: object) -> Callable[[pa.Table], pa.Table]:
    """Put *value* into the first row of *column*."""

    def change(table: pa.Table) -> pa.Table:
        place = table.schema.get_field_index(column)
        field = table.schema.field(place)
        values = [value, *table.column(place).to_pylist()[1:]]
        return table.set_column(place, field, pa.array(values, field.type))

    return change
