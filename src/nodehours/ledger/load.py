"""Loading: a dump into an empty ledger, all of it or nothing.

Everything that can be known of the files is checked before anything is written. While rows go in, the
database's own triggers rest and the foreign keys are away: what the triggers would write is in the dump, and
foreign keys that are put back are checked whole, whatever refers to what, where one by one they would cost more
than all the rest. The last thing in the transaction is the check of all sums.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import LiteralString

import psycopg
import pyarrow as pa
from psycopg import sql

from nodehours.ledger.catalogue import ForeignKey, Table, foreign_keys, sequences, tables
from nodehours.ledger.dump import said
from nodehours.ledger.manifest import (
    NAME,
    DumpError,
    Manifest,
    TableFile,
    fields,
    file_name,
    read_manifest,
)
from nodehours.ledger.moment import Watch, be_patient, unwatched
from nodehours.ledger.parquet import arrow_schema, copy_in, difference, read_rows
from nodehours.ledger.store import Connection
from nodehours.ledger.verify import verified
from nodehours.ledger.verify_clock import RecordHash

_CHUNK_BYTES = 2**20
_LEDGER = "ledger"
"""The one table that is never empty: the ledger's name and clock, made with the schema and replaced by a dump's."""

_SCHEMA = "select version_num from alembic_version"
_REVISION = "select revision from ledger"
_IDENTITY = "select uuid::text, revision from ledger"
_LOCK = "lock table {} in access exclusive mode"
_IS_ANY = "select exists (select from public.{})"
_EMPTY = "delete from public.{}"
_REST = "alter table public.{} disable trigger user"
_WAKE = "alter table public.{} enable trigger user"
_TAKE_AWAY = "alter table public.{} drop constraint {}"
_PUT_BACK = "alter table public.{} add constraint {} "
_SET_NEXT = "select setval(format('public.%%I', %s::text)::regclass, %s, false)"
_ANALYZE = "analyze {}"


def load(
    connection: Connection,
    directory: Path,
    watch: Watch = unwatched,
    *,
    is_verified: bool = True,
    record_sha256: RecordHash | None = None,
) -> Manifest:
    """Load the dump in *directory* into the ledger, which must be empty, and return its manifest.

    Every sum and hash is checked then, in all of its history, unless it is not to be verified; records in
    quarantine by *record_sha256*. Raises ``DumpError`` when the dump is not whole and sound, is of another schema,
    or when the ledger is not empty; the database is then as it was.
    """
    manifest = read_manifest(directory)
    with _telling_of(directory / NAME):
        found = tables(connection)
        _refuse_another_schema(connection, manifest)
        _refuse_other_tables(connection, manifest, found)
    _refuse_unless_empty(connection, found)
    for table, told in zip(found, manifest.tables, strict=True):
        _check_file(directory, table, told, watch)
    with connection.transaction():
        _fill(connection, directory, manifest, found, watch)
        if is_verified:
            _verify(connection, directory, watch, record_sha256)
    return manifest


def _verify(
    connection: Connection, directory: Path, watch: Watch, record_sha256: RecordHash | None
) -> None:
    found = verified(connection, watch, record_sha256=record_sha256).differences
    if found:
        raise DumpError(f"what {directory} has does not hold: {found[0]}")


def _refuse_another_schema(connection: Connection, manifest: Manifest) -> None:
    ((schema,),) = connection.execute(_SCHEMA)
    if manifest.schema != schema:
        raise DumpError(
            f"the dump has schema {manifest.schema} and this ledger {schema}: load it with nodehours"
            f" {manifest.nodehours}, which wrote it; `nodehours db upgrade` upgrades the ledger it becomes"
        )


def _refuse_other_tables(
    connection: Connection, manifest: Manifest, found: Sequence[Table]
) -> None:
    wanted = [(table.name, file_name(table.name), fields(table)) for table in found]
    told = [(table.table, table.file, table.columns) for table in manifest.tables]
    if told != wanted:
        raise ValueError("its tables are not those of this ledger")
    if sorted(manifest.sequences) != sorted(sequences(connection)):
        raise ValueError("its sequences are not those of this ledger")


def _of(statement: LiteralString, *names: str) -> sql.Composed:
    return sql.SQL(statement).format(*map(sql.Identifier, names))


def _names(found: Iterable[Table]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier("public", table.name) for table in found)


@contextmanager
def _telling_of(path: Path) -> Iterator[None]:
    """Make a sentence, which names the file, of what is wrong with it."""
    try:
        yield
    except psycopg.OperationalError:
        raise
    except psycopg.Error as error:
        raise DumpError(f"{path}: {said(error)}") from error
    except (OSError, ValueError, OverflowError, pa.ArrowException) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DumpError(f"{path}: {reason}") from error


def _refuse_unless_empty(connection: Connection, found: Sequence[Table]) -> None:
    ((revision,),) = connection.execute(_REVISION)
    if revision:
        raise DumpError(f"the ledger is at revision {revision}: a dump is loaded into an empty one")
    for table in found:
        ((is_any,),) = connection.execute(_of(_IS_ANY, table.name))
        if is_any and table.name != _LEDGER:
            raise DumpError(
                f"the ledger has {table.name} already: a dump is loaded into an empty one"
            )


def _check_file(directory: Path, table: Table, told: TableFile, watch: Watch) -> None:
    path = directory / told.file
    with _telling_of(path):
        if not path.is_file():
            raise ValueError("it is not there" if not path.exists() else "it is not a file")
        if path.stat().st_size != told.bytes:
            raise ValueError(f"it has {path.stat().st_size} bytes, not {told.bytes}")
        if _sha256(path, watch) != told.sha256:
            raise ValueError("it is not as it was written: its SHA-256 is another")
        with path.open("rb") as file:
            if sentence := difference(file, arrow_schema(table), told.rows):
                raise ValueError(sentence)


def _sha256(path: Path, watch: Watch) -> str:
    digest, size = hashlib.sha256(), path.stat().st_size
    with path.open("rb") as file:
        for chunk in iter(lambda: file.read(_CHUNK_BYTES), b""):
            digest.update(chunk)
            watch(f"checking {path.name}", file.tell(), size)
    return digest.hexdigest()


def _fill(
    connection: Connection,
    directory: Path,
    manifest: Manifest,
    found: Sequence[Table],
    watch: Watch,
) -> None:
    be_patient(connection)
    # The clock's table first: who is posting has it, and who comes next waits for it.
    ordered = sorted(found, key=lambda table: table.name != _LEDGER)
    connection.execute(sql.SQL(_LOCK).format(_names(ordered)))
    _refuse_unless_empty(connection, found)
    with _at_rest(connection, found):
        for table, told in zip(found, manifest.tables, strict=True):
            with _telling_of(directory / told.file):
                _copy(connection, directory / told.file, table, told, watch)
        # Now, so that the checks that follow know how large each table has become.
        connection.execute(sql.SQL(_ANALYZE).format(_names(found)))
    with _telling_of(directory / NAME):
        for sequence, number in manifest.sequences.items():
            connection.execute(_SET_NEXT, [sequence, number])
        if connection.execute(_IDENTITY).fetchall() != [(manifest.ledger, manifest.revision)]:
            raise ValueError("it is of another ledger or revision than its tables")


@contextmanager
def _at_rest(connection: Connection, found: Sequence[Table]) -> Iterator[None]:
    """Let the triggers rest and take the foreign keys away; afterwards the keys are put back and must hold."""
    keys = foreign_keys(connection)
    for key in keys:
        connection.execute(_of(_TAKE_AWAY, key.table, key.name))
    for table in found:
        connection.execute(_of(_REST, table.name))
    yield
    for key in keys:
        _put_back(connection, key)
    for table in found:
        connection.execute(_of(_WAKE, table.name))


def _put_back(connection: Connection, key: ForeignKey) -> None:
    with _telling_of(Path(file_name(key.table))):
        connection.execute(_of(_PUT_BACK, key.table, key.name) + sql.SQL(key.definition))


def _copy(connection: Connection, path: Path, table: Table, told: TableFile, watch: Watch) -> None:
    if table.name == _LEDGER:
        connection.execute(_of(_EMPTY, table.name))
    done = 0
    into, types = copy_in(table)
    with path.open("rb") as file, connection.cursor() as cursor, cursor.copy(into) as copy:
        copy.set_types(types)
        for rows in read_rows(file, table):
            for row in rows:
                copy.write_row(row)
            done += len(rows)
            watch(table.name, done, told.rows)
