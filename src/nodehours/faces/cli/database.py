"""``nodehours db``: the schema of the database."""

from __future__ import annotations

import sys

import click

from nodehours.ledger.schema import schema_status, upgrade_schema
from nodehours.ledger.store import running_store
from nodehours.settings import Settings


@click.group()
def db() -> None:
    """Make, upgrade or look at the ledger's schema."""


@db.command()
def upgrade() -> None:
    """Bring the database's schema to the newest revision.

    Safe to run again, and by several at once.
    """
    settings = Settings.from_environment()
    with running_store(settings.database_url, settings.data_dir) as url:
        before = upgrade_schema(url)
    if before.is_newest:
        click.echo(f"The schema is {before.newest} already, the newest.")
    else:
        click.echo(f"The schema was {before.current or 'not there'} and is now {before.newest}.")


@db.command()
def status() -> None:
    """Tell which schema the database has; exit status 1 when it is not the one needed."""
    settings = Settings.from_environment()
    with running_store(settings.database_url, settings.data_dir) as url:
        found = schema_status(url)
    where = "your own PostgreSQL" if settings.database_url else f"embedded in {settings.data_dir}"
    click.echo(f"database  {where}\nschema    {found.current or 'none'}\nnewest    {found.newest}")
    if found.refusal:
        click.echo(f"The ledger cannot be used: {found.refusal}.", err=True)
        sys.exit(1)
