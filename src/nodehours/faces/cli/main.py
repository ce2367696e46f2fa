"""``nodehours``: the commands, their common errors, and the exit status."""

from __future__ import annotations

import sys

import click

from nodehours import __version__
from nodehours.faces.cli.allocations import allocation, resource
from nodehours.faces.cli.associations import association
from nodehours.faces.cli.database import db
from nodehours.faces.cli.demo import demo
from nodehours.faces.cli.dump import dump, load
from nodehours.faces.cli.explain import explain
from nodehours.faces.cli.export import export
from nodehours.faces.cli.history import history
from nodehours.faces.cli.ingest import ingest
from nodehours.faces.cli.mail import mail
from nodehours.faces.cli.months import month
from nodehours.faces.cli.pending import pending
from nodehours.faces.cli.people import role, token, user
from nodehours.faces.cli.projects import organisation, project
from nodehours.faces.cli.quarantine import quarantine
from nodehours.faces.cli.reconcile import reconcile
from nodehours.faces.cli.report import report
from nodehours.faces.cli.runs import runs
from nodehours.faces.cli.serve import serve
from nodehours.faces.cli.verify import verify
from nodehours.ledger.errors import LedgerError
from nodehours.settings import SETTINGS, SettingError

_WIDTH = max(len(setting.variable) for setting in SETTINGS)
_EPILOG = "\b\nSettings, read from the environment:\n" + "\n".join(
    f"  {setting.variable:<{_WIDTH}} {setting.meaning}" for setting in SETTINGS
)


@click.group(epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="nodehours")
def cli() -> None:
    """A usage ledger for HPC centres: node-hours per user, per allocation, per month."""


for command in (ingest, serve, demo, user, role, token, db, dump, load, reconcile):
    cli.add_command(command)
for command in (project, organisation, association, allocation, resource):
    cli.add_command(command)
for command in (report, history, explain, export):
    cli.add_command(command)
for command in (runs, quarantine):
    cli.add_command(command)
for command in (verify, mail):
    cli.add_command(command)
for command in (month, pending):
    cli.add_command(command)


def main() -> None:
    """Run the command line; what the ledger cannot do is a sentence on standard error and exit status 3.

    So is a setting that says nothing.
    """
    try:
        cli()
    except (LedgerError, SettingError) as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(3)
