"""``nodehours``: the commands, their common errors, and the exit status."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import click

from nodehours import __version__
from nodehours.ledger.errors import LedgerError
from nodehours.settings import SETTINGS, SettingError

_WIDTH = max(len(setting.variable) for setting in SETTINGS)
_EPILOG = "\b\nSettings, read from the environment:\n" + "\n".join(
    f"  {setting.variable:<{_WIDTH}} {setting.meaning}" for setting in SETTINGS
)

_ROOM = "nodehours.faces.cli"
_HOMES = {
    "allocations": "allocation resource",
    "associations": "association",
    "database": "db",
    "demo": "demo",
    "dump": "dump load",
    "explain": "explain",
    "export": "export",
    "history": "history",
    "ingest": "ingest",
    "jobs": "rebuild",
    "mail": "mail",
    "months": "month",
    "pending": "pending",
    "people": "role token user",
    "projects": "organisation project",
    "quarantine": "quarantine",
    "reconcile": "reconcile",
    "report": "report",
    "runs": "runs",
    "serve": "serve",
    "verify": "verify",
}
"""Which module has which commands."""
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}


class _Commands(click.Group):
    """The commands, each imported when it is asked for: a shell waits for one, not for all of them."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; of Ctrl-C, exit as shells expect it."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("interrupted", err=True)
            ctx.exit(130)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - Click's own signature
        """Name them in their order."""
        return sorted(_HOME_OF)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        """Return the one of that name, if there is one."""
        if (home := _HOME_OF.get(cmd_name)) is None:
            return None
        command: click.Command = getattr(import_module(f"{_ROOM}.{home}"), cmd_name)
        return command


@click.group(
    cls=_Commands, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(__version__, prog_name="nodehours")
def cli() -> None:
    """A usage ledger for HPC centres: node-hours per user, per allocation, per month."""


def main() -> None:
    """Run the command line; what the ledger cannot do is a sentence on standard error and exit status 3.

    So is a setting that says nothing.
    """
    try:
        cli()
    except (LedgerError, SettingError) as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(3)
