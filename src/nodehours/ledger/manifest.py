"""The manifest of a dump: which files it has, of which ledger, with what in them, and the hash of it all."""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path

import msgspec

from nodehours.ledger.catalogue import Table
from nodehours.ledger.errors import LedgerError

FORMAT = 1
NAME = "manifest.json"
_MAX_BYTES = 2**24


class DumpError(LedgerError):
    """A dump that cannot be written or cannot be loaded; nothing was changed."""

    def __init__(self, sentence: str) -> None:
        # What a dump has in it may be anybody's: nothing of it steers a terminal.
        super().__init__(repr(sentence)[1:-1])


class Field(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A column as PostgreSQL has it: its name, its type, and whether it may be null."""

    name: str
    type: str
    nullable: bool


class TableFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table's file: its columns, its number of rows, its size and the SHA-256 of its bytes in hexadecimal."""

    table: str
    file: str
    columns: tuple[Field, ...]
    rows: int
    bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a dump is of, and what is in it.

    ``nodehours`` is the version that wrote it, ``schema`` the schema's revision, ``ledger`` the ledger's UUID,
    ``sequences`` the next number of each sequence. ``sha256`` is that of everything else here but ``created``, as
    JSON without white space: one ledger at one revision has one, whenever it is dumped.
    """

    format: int
    nodehours: str
    schema: str
    ledger: str
    revision: int
    created: datetime
    tables: tuple[TableFile, ...]
    sequences: dict[str, int]
    sha256: str = ""

    @property
    def rows(self) -> int:
        """How many rows all tables have."""
        return sum(table.rows for table in self.tables)

    @property
    def bytes(self) -> int:
        """How many bytes all files of tables have."""
        return sum(table.bytes for table in self.tables)

    def sealed(self) -> Manifest:
        """Return the manifest with its own SHA-256 in it."""
        said = msgspec.to_builtins(self)
        for unsealed in ("created", "sha256"):
            del said[unsealed]
        digest = hashlib.sha256(msgspec.json.encode(said)).hexdigest()
        return msgspec.structs.replace(self, sha256=digest)


class _Formatted(msgspec.Struct):
    format: int


def file_name(table: str) -> str:
    """Return the name of the file that *table* is in."""
    return f"{table}.parquet"


def fields(table: Table) -> tuple[Field, ...]:
    """Return the columns of *table* that a dump has."""
    return tuple(Field(column.name, column.type, column.is_nullable) for column in table.written)


def written(manifest: Manifest) -> bytes:
    """Return *manifest* as the JSON of its file."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"


def read_manifest(directory: Path) -> Manifest:
    """Read the manifest of the dump in *directory*. Raises ``DumpError`` when it is none, or not what was written."""
    path = directory / NAME
    try:
        with path.open("rb") as file:
            return _read(file.read(_MAX_BYTES))
    except FileNotFoundError:
        what = f"there is no {NAME} in it" if directory.is_dir() else "there is no such directory"
        raise DumpError(f"{directory} is no dump: {what}") from None
    except OSError as error:
        raise DumpError(f"cannot read {path}: {error.strerror}") from error
    except (msgspec.MsgspecError, ValueError) as error:
        raise DumpError(f"{path}: {error}") from error


def _read(text: bytes) -> Manifest:
    found = msgspec.json.decode(text, type=_Formatted).format
    if found != FORMAT:
        raise ValueError(f"the dump has format {found}, and this program reads format {FORMAT}")
    manifest = msgspec.json.decode(text, type=Manifest)
    if manifest.sealed() != manifest:
        raise ValueError("it is not as it was written: its SHA-256 is another")
    return manifest
