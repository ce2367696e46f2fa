"""Dumping: the whole ledger with its history, as one Parquet file a table and a manifest with their hashes.

All is read in one transaction that sees one moment, so postings go on meanwhile and are not in it. It is
written under a name of its own beside its place and moved there when it is whole, so what has a dump's name is
a whole dump.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import psycopg
from psycopg import sql

from nodehours import __version__
from nodehours.ledger.catalogue import Table, sequences, tables
from nodehours.ledger.disk import written_out
from nodehours.ledger.manifest import (
    FORMAT,
    NAME,
    DumpError,
    Manifest,
    TableFile,
    fields,
    file_name,
    written,
)
from nodehours.ledger.moment import Watch, one_moment, unwatched
from nodehours.ledger.parquet import Row, UnknownTypeError, arrow_schema, copy_out, write_rows
from nodehours.ledger.store import Connection

_LEDGER = "select uuid::text, revision, version_num from ledger, alembic_version"
_WATCHED_ROWS = 1024
_NEXT = "select last_value + is_called::int from public.{}"


def dump(connection: Connection, directory: Path, watch: Watch = unwatched) -> Manifest:
    """Write the ledger to *directory*, which is not there yet or is empty, and return the manifest.

    Raises ``DumpError`` when it cannot be written, and leaves nothing then.
    """
    with _moved_when_whole(directory) as place:
        try:
            return _dump(connection, place, watch)
        except psycopg.OperationalError:
            raise
        except psycopg.Error as error:
            raise DumpError(f"cannot dump the ledger: {said(error)}") from error
        except (UnknownTypeError, ValueError) as error:
            raise DumpError(f"cannot dump the ledger: {error}") from error


def said(error: psycopg.Error) -> str:
    """Return in one line what the database said."""
    parts = (error.diag.message_primary or str(error), error.diag.message_detail)
    return "; ".join(part for part in parts if part)


def _dump(connection: Connection, place: Path, watch: Watch) -> Manifest:
    with one_moment(connection):
        ((ledger, revision, schema),) = connection.execute(_LEDGER)
        files = tuple([_write(connection, table, place, watch) for table in tables(connection)])
        following = {name: _next(connection, name) for name in sequences(connection)}
    now = datetime.now(UTC).replace(microsecond=0)
    manifest = Manifest(
        FORMAT, __version__, schema, ledger, revision, now, files, following
    ).sealed()
    with _new_file(place / NAME) as file:
        file.write(written(manifest))
    return manifest


def _next(connection: Connection, sequence: str) -> int:
    """Return the next number of *sequence*, which knows no moments: it is past all that is dumped."""
    ((number,),) = connection.execute(sql.SQL(_NEXT).format(sql.Identifier(sequence)))
    return int(number)


def _write(connection: Connection, table: Table, place: Path, watch: Watch) -> TableFile:
    path, schema = place / file_name(table.name), arrow_schema(table)
    out, types = copy_out(table)
    with _new_file(path) as file, connection.cursor() as cursor, cursor.copy(out) as copy:
        copy.set_types(types)
        count = write_rows(file, schema, _watched(copy.rows(), table.name, watch))
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return TableFile(table.name, path.name, fields(table), count, path.stat().st_size, sha256)


def _watched(rows: Iterable[Row], table: str, watch: Watch) -> Iterator[Row]:
    for number, row in enumerate(rows):
        if number % _WATCHED_ROWS == 0:
            watch(table, number, None)
        yield row


@contextmanager
def _moved_when_whole(directory: Path) -> Iterator[Path]:
    """Yield a new directory, which becomes *directory* when all went well and is gone when not."""
    with _telling_of(directory):
        home = Path(os.path.realpath(directory))
        _refuse_what_is_taken(home)
        place = Path(tempfile.mkdtemp(prefix=f"{home.name}.unfinished-", dir=home.parent))
        try:
            yield place
            written_out(place)
            place.rename(home)
            written_out(home.parent)
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            raise


def _refuse_what_is_taken(home: Path) -> None:
    if home.is_mount():
        raise DumpError(f"{home} is where a file system begins: name a new directory in it")
    if home.exists() and any(home.iterdir()):
        raise DumpError(f"{home} is not empty: a dump needs a directory of its own")


@contextmanager
def _telling_of(directory: Path) -> Iterator[None]:
    """Make a sentence of what the file system refuses."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise DumpError(f"cannot write the dump {directory}: {reason}") from error


@contextmanager
def _new_file(path: Path) -> Iterator[IO[bytes]]:
    """Open the new file *path*, for nobody else to read: it tells who used what, and the hashes of tokens."""
    path.touch(mode=0o600, exist_ok=False)
    with path.open("wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())
