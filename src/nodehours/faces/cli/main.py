"""``nodehours``: the commands, their common errors, and the exit status."""

from __future__ import annotations

import sys

import click

from nodehours import __version__
from nodehours.faces.cli.database import db
from nodehours.faces.cli.demo import demo
from nodehours.faces.cli.ingest import ingest
from nodehours.faces.cli.people import role, token, user
from nodehours.faces.cli.serve import serve
from nodehours.ledger.errors import LedgerError
from nodehours.settings import SETTINGS

_EPILOG = "\b\nSettings, read from the environment:\n" + "\n".join(
    f"  {setting.variable:<24} {setting.meaning}" for setting in SETTINGS
)


@click.group(epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="nodehours")
def cli() -> None:
    """A usage ledger for HPC centres: node-hours per user, per allocation, per month."""


for command in (ingest, serve, demo, user, role, token, db):
    cli.add_command(command)


def main() -> None:
    """Run the command line; what the ledger cannot do is a sentence on standard error and exit status 3."""
    try:
        cli()
    except LedgerError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(3)
