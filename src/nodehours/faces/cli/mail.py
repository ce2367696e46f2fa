"""``nodehours mail``: mail about projects to those who answer for them."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Final

import click

from nodehours.faces.cli.asking import answered
from nodehours.faces.cli.progress import progress
from nodehours.faces.cli.shown import legible
from nodehours.faces.cli.store import ledger
from nodehours.faces.cli.table import table
from nodehours.faces.mail.letter import letter
from nodehours.faces.mail.message import UnfitAddressError, read_address
from nodehours.faces.mail.plan import Planned, planned
from nodehours.faces.mail.rounds import Delivery, Outcome, Post, delivered
from nodehours.faces.mail.server import UnreachableError, mail_server
from nodehours.ledger import mails
from nodehours.ledger.store import Connection
from nodehours.settings import (
    MAIL_FROM,
    MAIL_HOURS,
    MAIL_TIME_ZONE,
    SMTP_URL,
    URL,
    MailSettings,
    SettingError,
    Settings,
    SmtpSettings,
)
from nodehours.terms.mailing import Hours, is_office_hours

_HERE: Final = "http://127.0.0.1:8000"

# Click's \b keeps the lines below it as they are.
_HELP = f"""\
Send the mails about projects that are due. Run it every hour, by cron or a systemd timer.

Mail goes to the managers of a project and the owners of its organisation who have an email address: how each of
its grants that run is used up, in a word, in figures and in a picture, with a link. It is sent as a report, once a
fortnight at most, and when a use reaches 50, 80 or 100 % of the limit, once each unless the limit is raised. Grants
without a first day, a last day or a limit are not mailed about.

Nothing is sent outside office hours ({MAIL_HOURS.variable}, Monday to Friday, in {MAIL_TIME_ZONE.variable}), nor
before {SMTP_URL.variable}, {MAIL_FROM.variable} and {URL.variable} are set; --dry-run needs none of them.

A mail that the server refuses is told of and tried again the next time. Of one that was under way when the command
was killed nobody knows whether it was sent: it is tried once more after an hour, under the same Message-ID.

\b
Exit status:
  0  sent, be it that nothing was due, or not the time, or that another is sending
  1  some mails were not sent
  2  the command was not understood
  3  mail is not set up, or the mail server or the ledger cannot be used
"""


@click.group()
def mail() -> None:
    """Mail about projects, to their managers and owners."""


@mail.command("send", help=_HELP, short_help="Send the mails that are due.")
@click.option("--dry-run", is_flag=True, help="Only tell who would get what, and why.")
@click.option(
    "--show", metavar="USERNAME", help="With --dry-run: print what USERNAME would get, as text."
)
@click.option("--now", "is_now", is_flag=True, help="Whatever the hour and the day of the week.")
def send_mail(dry_run: bool, show: str | None, is_now: bool) -> None:
    """Tell or send what is due."""
    if show is not None and not dry_run:
        raise click.UsageError("--show goes with --dry-run")
    settings, now = Settings.from_environment(), datetime.now(UTC)
    closed = "" if is_now else _closed(settings.mail, now)
    if dry_run:
        _show(settings, now, show)
        if closed:
            click.echo(closed, err=True)
        return
    smtp = settings.mail.smtp
    if smtp is None:
        raise SettingError(f"mail is not set up: {SMTP_URL.variable} is not set")
    if closed:
        click.echo(closed)
        return
    with ledger() as connection, mails.only_sender(connection) as is_ours:
        if not is_ours:
            click.echo("another nodehours is sending mails already")
            return
        sys.exit(_send(connection, settings, smtp, now))


def _closed(settings: MailSettings, now: datetime) -> str:
    """Say that it is not the time to send mails; nothing when it is."""
    zone = settings.time_zone
    if is_office_hours(now, zone, Hours(settings.opens, settings.closes)):
        return ""
    local = now.astimezone(zone)
    hours = f"{settings.opens:%H:%M} to {settings.closes:%H:%M}, Monday to Friday"
    return f"outside office hours ({hours}; it is {local:%a %H:%M %Z}) nothing is sent"


def _plan(settings: Settings, now: datetime) -> list[Planned]:
    return answered(partial(planned, now=now, zone=settings.mail.time_zone))


def _show(settings: Settings, now: datetime, username: str | None) -> None:
    plan = _plan(settings, now)
    if username is not None:
        plan = [one for one in plan if one.recipient.username == username]
        for one in plan:
            click.echo(_text(one, settings.url or _HERE))
    elif plan:
        click.echo(table(("to", "user", "project", "why"), map(_line, plan)))
    click.echo(f"{_counted(len(plan))} would be sent{_to_people(plan)}; nothing was", err=True)


def _text(one: Planned, base: str) -> str:
    written = letter(one, base, [None] * len(one.project.grants))
    return f"To: {legible(one.recipient.email)}\nSubject: {written.subject}\n\n{written.plain}"


def _line(one: Planned) -> list[str]:
    recipient = one.recipient
    return [legible(recipient.email), recipient.username, one.project.identifier, _why(one)]


def _why(one: Planned) -> str:
    told = {each.of.id: each.of.resource for each in one.project.grants}
    reasons = [
        f"{crossing.percent} % of the limit on {told[crossing.allocation]} reached"
        for crossing in one.due.crossings
    ]
    try:
        read_address(one.recipient.email)
    except UnfitAddressError:
        reasons.append("which cannot be sent to that address")
    return "; ".join([*(["report"] if one.due.is_report else []), *reasons])


def _send(connection: Connection, settings: Settings, smtp: SmtpSettings, now: datetime) -> int:
    """Send what is due, print what became of it, and return the exit status."""
    plan = _plan(settings, now)
    told: list[Delivery] = []
    with mail_server(smtp) as server, progress() as watch:
        post = Post(server, smtp.sender, settings.url or _HERE, lambda: datetime.now(UTC))
        try:
            for one in delivered(connection, post, plan):
                told.append(one)
                watch("mails", len(told), len(plan))
        except UnreachableError as error:
            _tell(told)
            click.echo(f"Error: {error}", err=True)
            return 3
    _tell(told)
    return int(any(one.outcome in _WRONG for one in told))


_WRONG: Final = {
    Outcome.REFUSED: "it is tried again next time",
    Outcome.UNCERTAIN: "it may have been sent, and is tried once more after an hour",
}


def _tell(told: Sequence[Delivery]) -> None:
    for one in told:
        if one.outcome in _WRONG:
            recipient = one.mail.recipient
            click.echo(
                f"{one.mail.project.identifier} to {recipient.username} <{legible(recipient.email)}>:"
                f" {one.sentence}; {_WRONG[one.outcome]}",
                err=True,
            )
    sent = [one.mail for one in told if one.outcome is Outcome.SENT]
    click.echo(f"sent {_counted(len(sent))}{_to_people(sent)}")


def _to_people(plan: Iterable[Planned]) -> str:
    count = len({one.recipient.user for one in plan})
    return f" to {count} {'person' if count == 1 else 'people'}" if count else ""


def _counted(count: int) -> str:
    return f"{count} mail{'' if count == 1 else 's'}"
