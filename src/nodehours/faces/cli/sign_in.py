"""``nodehours user password``, ``link``, ``sign-out`` and ``unbind``: how a user signs in to the dashboard."""

from __future__ import annotations

import sys
from datetime import timedelta

import click

from nodehours.faces.cli.lifetime import LIFETIME
from nodehours.faces.cli.store import ledger
from nodehours.faces.web.address import SIGN_IN_LINK
from nodehours.ledger import people, sign_in
from nodehours.settings import URL, Settings

_HERE = "http://127.0.0.1:8000"


@click.command("password")
@click.argument("username")
@click.option("--stdin", "is_piped", is_flag=True, help="Read it from standard input, unasked.")
def set_password(username: str, is_piped: bool) -> None:
    """Give a user a password for the dashboard; it is asked for twice, and not shown.

    Whoever is signed in as USERNAME is signed out.
    """
    with ledger() as connection:
        people.find_login(connection, username)
        sign_in.set_password(connection, username, _piped() if is_piped else _asked())
    click.echo(f"{username} has a new password")


def _piped() -> str:
    """Return the first line of standard input."""
    return sys.stdin.readline().removesuffix("\n").removesuffix("\r")


def _asked() -> str:
    password: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return password


@click.command("link")
@click.argument("username")
@click.option(
    "--lifetime",
    default="1d",
    show_default=True,
    metavar="N(h|d|w)",
    type=LIFETIME,
    help="How long the link is valid.",
)
@click.option(
    "--url",
    metavar="URL",
    help=f"Where the dashboard is.  [default: {URL.variable}, or else {_HERE}]",
)
def make_link(username: str, lifetime: timedelta, url: str | None) -> None:
    """Make a link with which a user signs in once, and print it, alone, on standard output.

    It is shown this once: the ledger keeps only its SHA-256.
    """
    base = url or Settings.from_environment().url or _HERE
    with ledger() as connection:
        secret = sign_in.make_link(connection, username, lifetime)
    click.echo("It opens once.", err=True)
    click.echo(sign_in_address(base, secret))


def sign_in_address(base: str, secret: str) -> str:
    """Return the address of the link with that *secret*, on the dashboard at *base*."""
    return f"{base.rstrip('/')}{SIGN_IN_LINK}{secret}/"


@click.command("sign-out")
@click.argument("username")
def sign_out(username: str) -> None:
    """Sign a user out of the dashboard, in all browsers. Their tokens go on."""
    with ledger() as connection:
        ended = sign_in.sign_out(connection, username)
    click.echo(f"ended {ended} session{'' if ended == 1 else 's'} of {username}")


@click.command("unbind")
@click.argument("username")
def unbind(username: str) -> None:
    """Forget which account at the OpenID provider a user has.

    The next account that comes from there by the name of USERNAME is theirs.
    """
    with ledger() as connection:
        count = sign_in.unbind_logins(connection, username)
    click.echo(f"forgot {count} account{'' if count == 1 else 's'} of {username}")


COMMANDS = (set_password, make_link, sign_out, unbind)
