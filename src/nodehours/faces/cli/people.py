"""``nodehours user``, ``role`` and ``token``: who may read, and what."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import click

from nodehours.faces.cli.lifetime import LIFETIME_OR_NEVER
from nodehours.faces.cli.moved import DRY_RUN, REASON, carry_out, example
from nodehours.faces.cli.parsed import Number, Parsed
from nodehours.faces.cli.sign_in import COMMANDS
from nodehours.faces.cli.store import ledger, operator
from nodehours.faces.cli.table import table
from nodehours.ledger import mails, merging, people
from nodehours.ledger.people import ORGANISATION_ROLES, PROJECT_ROLES
from nodehours.terms.identifiers import Identity, read_full_name, read_username

_USERNAME = Parsed("username", read_username)
_FULL_NAME = Parsed("text", read_full_name)
_IDENTITY = Parsed("user.portal", lambda text: str(Identity.parse(text)))


@click.group()
def user() -> None:
    """People who sign in, and people known from reports."""


for command in COMMANDS:
    user.add_command(command)


@user.command("add")
@click.argument("username", type=_USERNAME)
@click.option("--full-name", default="", type=_FULL_NAME, help="The name shown beside their usage.")
@click.option("--email", default="", type=_FULL_NAME)
@click.option("--staff", is_flag=True, help="May read everything.")
@click.option("--support", is_flag=True, help="May read everything.")
@click.option(
    "--identity",
    "identities",
    multiple=True,
    metavar="USER.PORTAL",
    type=_IDENTITY,
    help="Who they are in OpenPortal's reports (alice.brics for alice.climate.brics): their own rows are theirs"
    " to read. Repeatable.",
)
def add_user(
    username: str,
    full_name: str,
    email: str,
    staff: bool,
    support: bool,
    identities: tuple[str, ...],
) -> None:
    """Give a person a login.

    Without --identity the person reads what their roles allow. USERNAME may itself be the identity of somebody
    known from reports (see `nodehours user list`), who then has that login.
    """
    with ledger() as connection:
        if not identities and people.is_identity(connection, username):
            identities = (username,)
        new = people.User(
            username, full_name, email, staff, support, True, list(dict.fromkeys(identities))
        )
        people.add_user(connection, new, operator())
        likely = [] if identities else people.namesakes(connection, username)
    click.echo(
        f"added {username}" + (f", who is {', '.join(identities)} in reports" if identities else "")
    )
    if likely:
        click.echo(
            f"Reports know {', '.join(likely)}. If that is the same person, their usage is theirs to read only"
            f" when you say so: `nodehours user identify {username} {likely[0]}`.",
            err=True,
        )


@user.command("identify")
@click.argument("username", type=_USERNAME)
@click.argument("identity", type=_IDENTITY)
def identify_user(username: str, identity: str) -> None:
    """Say that USERNAME is the person whom reports know as IDENTITY (user.portal)."""
    with ledger() as connection:
        people.identify_user(connection, username, identity, operator())
    click.echo(f"{username} is {identity} in reports")


@user.command(
    "merge",
    epilog=example(
        'nodehours user merge alice2.brics alice --reason "signed up twice"',
    ),
)
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="INTO")
@REASON
@DRY_RUN
def merge_users(source: str, target: str, reason: str, dry_run: bool) -> None:
    """Say that two users are one person: everything of FROM becomes INTO's.

    Each is named by a username or an identity (see `nodehours user list`). FROM's usage rows fall to 0 and
    INTO's rise by as much, month by month; roles go over, staff and support rights do not. Where both have a
    login, INTO's stays, FROM's tokens are revoked, and FROM's password and sessions end.
    """
    carry_out(
        lambda connection, origin: merging.merge_users(connection, source, target, origin),
        f"{source} is {target} from now on",
        "",
        reason,
        dry_run=dry_run,
    )


@user.command("list")
def list_users() -> None:
    """List everybody: those with a login, then those known from reports only."""
    with ledger() as connection:
        found = people.list_users(connection)
    if not found:
        click.echo("There are no users yet: `nodehours user add USERNAME` makes one.", err=True)
        return
    head = ("username", "full name", "email", "rights", "active", "identities")
    click.echo(table(head, (_user_line(one) for one in found)))


def _user_line(one: people.User) -> list[str]:
    rights = [name for name, has in (("staff", one.is_staff), ("support", one.is_support)) if has]
    return [
        one.username or "-", one.full_name or "-", one.email or "-", " ".join(rights) or "-",
        "yes" if one.is_active else "no", " ".join(one.identities) or "-",
    ]  # fmt: skip


@user.command("deactivate")
@click.argument("username")
def deactivate_user(username: str) -> None:
    """Shut a user out: none of their tokens answers any more, and they are signed out. Their usage stays."""
    with ledger() as connection:
        people.deactivate_user(connection, username)
    click.echo(f"deactivated {username}")


@user.command("mail")
@click.argument("username")
@click.argument("wish", metavar="on|off", type=click.Choice(["on", "off"]))
def set_wish(username: str, wish: str) -> None:
    """Say whether a user wants mails about their projects."""
    with ledger() as connection:
        mails.set_wish_of(connection, username, wants=wish == "on")
    click.echo(f"{username} gets {'mails about their projects' if wish == 'on' else 'no mails'}")


@click.group()
def role() -> None:
    """What people may read beside their own rows.

    owner and reader are of an organisation and read all its projects; manager and member are of a project.
    """


_ROLE = click.Choice([*ORGANISATION_ROLES, *PROJECT_ROLES])


@role.command("grant")
@click.argument("username")
@click.argument("role_name", metavar="ROLE", type=_ROLE)
@click.argument("identifier", metavar="ORGANISATION|PROJECT")
def grant_role(username: str, role_name: str, identifier: str) -> None:
    """Give USERNAME a role: owner or reader of an organisation, manager or member of a project."""
    with ledger() as connection:
        new = people.grant_role(connection, username, role_name, identifier)
    click.echo(f"{username} is {'now' if new else 'already'} {role_name} of {identifier}")


@role.command("revoke")
@click.argument("username")
@click.argument("role_name", metavar="ROLE", type=_ROLE)
@click.argument("identifier", metavar="ORGANISATION|PROJECT")
def revoke_role(username: str, role_name: str, identifier: str) -> None:
    """Take a role from USERNAME."""
    with ledger() as connection:
        had = people.revoke_role(connection, username, role_name, identifier)
    click.echo(f"{username} is {'no longer' if had else 'not'} {role_name} of {identifier}")


@role.command("list")
def list_roles() -> None:
    """List who has which role in what."""
    with ledger() as connection:
        found = people.list_roles(connection)
    if not found:
        click.echo("Nobody has a role yet: see `nodehours role grant --help`.", err=True)
        return
    head = ("username", "role", "of", "granted")
    click.echo(table(head, ([one.username, one.role, one.of, _time(one.granted)] for one in found)))


@click.group()
def token() -> None:
    """Tokens, with which programs sign in for a user."""


@token.command("create")
@click.argument("username")
@click.option(
    "--lifetime",
    default="90d",
    show_default=True,
    metavar="N(h|d|w)|never",
    type=LIFETIME_OR_NEVER,
    help="How long the token is valid.",
)
@click.option("--name", default="", type=_FULL_NAME, help="What it is for, as it is listed.")
def create_token(username: str, lifetime: timedelta | None, name: str) -> None:
    """Make a token for USERNAME and print it, alone, on standard output.

    It is shown this once: the ledger keeps only its SHA-256.
    """
    with ledger() as connection:
        made, expires = people.create_token(connection, username, lifetime, name)
    click.echo(f"valid until {_time(expires)}" if expires else "valid for ever", err=True)
    click.echo(made)


@token.command("list")
def list_tokens() -> None:
    """List all tokens: whose, since and until when, last used when; never the tokens themselves."""
    with ledger() as connection:
        found = people.list_tokens(connection)
    if not found:
        click.echo(
            "There are no tokens yet: `nodehours token create USERNAME` makes one.", err=True
        )
        return
    now = datetime.now(UTC)
    head = ("id", "username", "rights", "state", "created", "expires", "last used", "name")
    click.echo(table(head, (
        [str(one.id), one.username, one.rights, one.state(now), _time(one.created),
         _time(one.expires) if one.expires else "never",
         _time(one.last_used) if one.last_used else "-", one.name or "-"]
        for one in found
    ), right=("id",)))  # fmt: skip


@token.command("revoke")
@click.argument("token_id", metavar="ID", type=Number(1, 2**63 - 1))
def revoke_token(token_id: int) -> None:
    """Make a token answer no more; ID is as in `nodehours token list`."""
    with ledger() as connection:
        people.revoke_token(connection, token_id)
    click.echo(f"revoked token {token_id}")


def _time(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
