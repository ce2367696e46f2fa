"""A ledger whose grants run today, people who answer for them, and the command that mails these."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from typing import NamedTuple
from unittest.mock import patch

from nodehours.faces.cli.main import main
from nodehours.ledger import people
from nodehours.ledger.inventory import set_allocation
from nodehours.ledger.store import Connection, connected
from nodehours.terms.identifiers import ProjectIdentifier
from tests.ledger.commands import start
from tests.reported import Reported, fill

BASE = "https://usage.example.org"
SENDER = "usage@example.org"
HOUR = 3600
PEOPLE = {
    "manager": {"climate.brics": "manager"},
    "owner": {"brics": "owner"},
    "both": {"brics": "owner", "ocean.brics": "manager"},
    "member": {"climate.brics": "member"},
    "reader": {"brics": "reader"},
    "stranger": {},
}


def today() -> date:
    return datetime.now(UTC).date()


def use(project: str, resource: str, hours: int, days: int = 40) -> Reported:
    """A project that used so many node-hours on each of the last days."""
    used = {today() - timedelta(days=back): {"al": hours * HOUR} for back in range(1, days + 1)}
    return Reported(resource, project, {"alice": "al"}, used)


def grant(connection: Connection, project: str, resource: str, hours: int | None) -> None:
    """Grant so many node-hours from 50 days ago to 50 days from now."""
    set_allocation(
        connection,
        ProjectIdentifier.parse(project),
        resource,
        starts=today() - timedelta(days=50),
        ends=today() + timedelta(days=50),
        node_limit=None if hours is None else hours * HOUR,
    )


def sign_up(connection: Connection, name: str, email: str, **roles: str) -> None:
    people.add_user(connection, people.User(name, "", email, False, False, True, []))
    for identifier, role in roles.items():
        people.grant_role(connection, name, role, identifier)


def arrange(database_url: str) -> None:
    """Climate has used 400 of 1,000 node-hours on isca and 40 of 1,000 on tigris, ocean 40 of 1,000 on isca."""
    told = [
        use("climate.brics", "isca", 10),
        use("climate.brics", "tigris", 1),
        use("ocean.brics", "isca", 1),
    ]
    fill(database_url, told)
    with connected(database_url) as connection:
        for one in told:
            grant(connection, one.project, one.resource, 1000)
        for name, roles in PEOPLE.items():
            sign_up(connection, name, f"{name}@example.org", **roles)


def run(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run ``nodehours`` here, and not as a process: what draws is then started once for all tests."""
    out, err, status = StringIO(), StringIO(), 0
    with (
        patch.dict(os.environ, settings),
        patch.object(sys, "argv", ["nodehours", *arguments]),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as end:
            status = int(end.code or 0)
    return subprocess.CompletedProcess(arguments, status, out.getvalue(), err.getvalue())


class Office(NamedTuple):
    """The ledger at *database_url*, and the settings of mail."""

    database_url: str
    settings: dict[str, str]

    def send(self, *options: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run ``nodehours mail send``, whatever the hour."""
        return run("mail", "send", "--now", *options, **{**self.environment, **settings})

    def start(self) -> subprocess.Popen[str]:
        """Start it as a process of its own."""
        return start("mail", "send", "--now", **self.environment)

    @property
    def environment(self) -> dict[str, str]:
        return {"NODEHOURS_DATABASE_URL": self.database_url, **self.settings}


def settings(smtp_url: str) -> dict[str, str]:
    return {
        "NODEHOURS_SMTP_URL": smtp_url,
        "NODEHOURS_MAIL_FROM": f"Usage <{SENDER}>",
        "NODEHOURS_URL": BASE,
    }


def pass_by(connection: Connection, time: timedelta) -> None:
    """Let time pass: all that was mailed was mailed so much earlier."""
    connection.execute(
        "update mails set claimed = claimed - %s::interval, sent = sent - %s::interval",
        [time, time],
    )


def kept(connection: Connection) -> list[tuple[str, str, bool, int, bool]]:
    """What the ledger keeps of mails: to whom, of what, whether a report, which try, and whether it was sent."""
    return connection.execute(
        "select users.username, identifier, is_report, tries, sent is not null from mails"
        " join users on users.id = user_id join projects on projects.id = project_id order by mails.id"
    ).fetchall()
