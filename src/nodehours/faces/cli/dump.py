"""``nodehours dump`` and ``load``: the whole ledger with its history, as files and back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nodehours.faces.cli.progress import progress
from nodehours.faces.cli.store import ledger
from nodehours.sources.openportal import record_sha256

if TYPE_CHECKING:
    from nodehours.ledger.manifest import Manifest

# Click's \b keeps the lines below it as they are.
_DUMP_HELP = """\
Write the whole ledger with its history to the new directory DIR.

DIR has one Parquet file a table, which any tool reads, and manifest.json: which ledger it is, at which
revision, and the columns, rows, bytes and SHA-256 of each file. Two dumps of a ledger that did not change
have the same files.

The dump is of one moment. Commands and servers go on meanwhile. It is written beside DIR and gets its
name when it is whole; one that was killed leaves DIR.unfinished-…, which can be removed.

Keep it as you keep the database: it tells who used what and holds the hashes of tokens. Only you may read
it.
"""
_LOAD_HELP = """\
Load the dump in the directory DIR into an empty ledger.

The ledger is then the one that was dumped: with the same ids, the same history and the same answers.

The manifest, the files' hashes, their columns and rows are checked before anything is written. All is
loaded in one transaction, and every sum and hash must hold, as `nodehours verify` checks them: the ledger
has the whole dump afterwards, or is as empty as before.

The database needs the schema that the dump has, in which nothing stands yet: a new database after
`nodehours db upgrade`, or a new data directory.
"""

_DIRECTORY = click.Path(path_type=Path)


@click.command(
    "dump",
    help=_DUMP_HELP,
    short_help="Write the whole ledger with its history to a directory.",
)
@click.argument("directory", metavar="DIR", type=_DIRECTORY)
def dump(directory: Path) -> None:
    """Write the dump and say what is in it."""
    from nodehours.ledger.dump import dump as dump_ledger

    with ledger() as connection, progress() as watch:
        manifest = dump_ledger(connection, directory, watch)
    click.echo(f"dumped {_summary(manifest)}")


@click.command("load", help=_LOAD_HELP)
@click.argument("directory", metavar="DIR", type=_DIRECTORY)
@click.option("--unverified", is_flag=True, help="Load it even if a sum or a hash does not hold.")
def load(directory: Path, unverified: bool) -> None:
    """Load the dump and say what was in it."""
    from nodehours.ledger.load import load as load_dump

    with ledger() as connection, progress() as watch:
        manifest = load_dump(
            connection, directory, watch, is_verified=not unverified, record_sha256=record_sha256
        )
    click.echo(f"loaded {_summary(manifest)}")


def _summary(manifest: Manifest) -> str:
    return (
        f"{len(manifest.tables)} tables, {manifest.rows} rows, {manifest.bytes} bytes;"
        f" ledger {manifest.ledger} at revision {manifest.revision}; sha256 {manifest.sha256}"
    )
