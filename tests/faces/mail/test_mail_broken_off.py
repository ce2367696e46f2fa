"""A mail server that refuses, breaks off or cannot be trusted, and a sender that is killed."""

from __future__ import annotations

import os
import signal
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from nodehours.ledger.mails import only_sender
from nodehours.ledger.store import Connection
from tests.faces.mail.mailing import Office, grant, kept, pass_by, run, settings
from tests.faces.mail.mailserver import (
    TAKEN,
    Came,
    MailBox,
    Served,
    certified,
    free_port,
    knows,
    mail_server,
)
from tests.ledger.commands import PATIENCE_SECONDS, await_that

PASSWORD = "correct horse/battery"
USER = "usage:correct%20horse%2Fbattery@"
SENT = ("climate.brics", True, 1, True)


@pytest.fixture
def office(database_url: str, served: Served, connection: Connection) -> Office:
    """Three people to be mailed about one project with one grant."""
    grant(connection, "ocean.brics", "isca", None)
    grant(connection, "climate.brics", "tigris", None)
    return Office(database_url, settings(served.url))


def at(office: Office, url: str, **more: str) -> subprocess.CompletedProcess[str]:
    return office.send(NODEHOURS_SMTP_URL=url, **more)


def test_whom_the_server_refuses_stops_no_other_and_is_tried_next_time(
    office: Office, box: MailBox, connection: Connection
) -> None:
    box.refused = {"manager@example.org"}
    first = office.send()
    box.refused = set()
    second = office.send()

    assert (first.returncode, first.stdout) == (1, "sent 2 mails to 2 people\n")
    assert first.stderr == (
        "climate.brics to manager <manager@example.org>: 550 there is nobody of that name \ufffd[31m;"
        " it is tried again next time\n"
    )
    assert (second.returncode, second.stdout) == (0, "sent 1 mail to 1 person\n")
    assert box.recipients == ["both@example.org", "owner@example.org", "manager@example.org"]
    assert kept(connection) == [("both", *SENT), ("owner", *SENT), ("manager", *SENT)]


@pytest.mark.parametrize("answer", ["452 the disk is full", "554 that is spam"])
def test_a_mail_that_the_server_does_not_take_is_tried_next_time(
    office: Office, box: MailBox, connection: Connection, answer: str
) -> None:
    box.answer = lambda came: answer if came.recipient == "manager@example.org" else TAKEN

    done = office.send()

    assert (done.returncode, done.stdout) == (1, "sent 2 mails to 2 people\n")
    assert f": {answer}; it is tried again next time\n" in done.stderr
    assert kept(connection) == [("both", *SENT), ("owner", *SENT)]


def test_an_address_that_is_none_is_told_and_stops_no_other(
    office: Office, box: MailBox, connection: Connection
) -> None:
    connection.execute("update users set email = 'a@b.org, c@d.org' where username = 'manager'")

    done = office.send()

    assert (done.returncode, done.stdout) == (1, "sent 2 mails to 2 people\n")
    assert "'a@b.org, c@d.org' is no address that mail can go to" in done.stderr
    assert box.recipients == ["both@example.org", "owner@example.org"]


def test_a_server_that_dies_of_a_mail_gets_the_others_and_that_one_once_more_after_an_hour(
    office: Office, box: MailBox, connection: Connection
) -> None:
    """The server may have the mail: here it has. Mailboxes can tell by the Message-ID that it is the same."""

    def answer(came: Came) -> str | None:
        return None if came.recipient == "manager@example.org" else TAKEN

    box.answer = answer
    first, at_once = office.send(), office.send()
    pass_by(connection, timedelta(hours=1))
    later = office.send()
    pass_by(connection, timedelta(hours=1))
    box.answer = lambda _: TAKEN
    last = office.send()

    assert (first.returncode, first.stdout) == (1, "sent 2 mails to 2 people\n")
    assert first.stderr == (
        "climate.brics to manager <manager@example.org>: the mail server broke off: Connection unexpectedly closed;"
        " it may have been sent, and is tried once more after an hour\n"
    )
    assert (at_once.returncode, at_once.stdout) == (0, "sent 0 mails\n")
    assert (later.returncode, later.stdout) == (1, "sent 0 mails\n")
    assert (last.returncode, last.stdout) == (0, "sent 0 mails\n")
    assert box.recipients == [
        "both@example.org", "manager@example.org", "owner@example.org", "manager@example.org",
    ]  # fmt: skip
    ids = [one.message["Message-ID"] for one in box.came]
    assert ids[1] == ids[3]
    assert len(set(ids)) == 3


def test_what_counts_as_sent_is_followed_by_the_next_report(
    office: Office, box: MailBox, connection: Connection
) -> None:
    box.answer = lambda _: None
    for _ in range(2):
        office.send()
        pass_by(connection, timedelta(hours=1))
    box.answer = lambda _: TAKEN
    pass_by(connection, timedelta(days=14))

    assert office.send().stdout == "sent 3 mails to 3 people\n"
    assert len(box.came) == 9
    assert [line[3:] for line in kept(connection)] == [(2, True)] * 3 + [(1, True)] * 3


def test_a_server_that_is_gone_in_the_middle_ends_the_run(
    office: Office, connection: Connection
) -> None:
    """Of the second mail nobody knows; the third was not begun, and is sent by the next run."""
    with mail_server() as gone:

        def answer(came: Came) -> str | None:
            if came.recipient != "manager@example.org":
                return TAKEN
            gone.listen_no_more()
            return None

        gone.box.answer = answer
        done = at(office, gone.url)

    assert (done.returncode, done.stdout) == (3, "sent 1 mail to 1 person\n")
    told, error = done.stderr.splitlines()
    assert told.startswith("climate.brics to manager <manager@example.org>: ")
    assert error.startswith(f"Error: cannot use the mail server at 127.0.0.1 port {gone.port}: ")
    assert kept(connection) == [("both", *SENT), ("manager", *SENT[:-1], False)]
    assert office.send().stdout == "sent 1 mail to 1 person\n"


def test_a_server_that_cannot_be_reached_is_said_and_nothing_is_claimed(
    office: Office, connection: Connection
) -> None:
    port = free_port()

    done = at(office, f"smtp://127.0.0.1:{port}")

    assert (done.returncode, done.stdout) == (3, "sent 0 mails\n")
    assert done.stderr == (
        f"Error: cannot use the mail server at 127.0.0.1 port {port}: Connection refused\n"
    )
    assert kept(connection) == []


# ---------------------------------------------------------------------------------- kill -9


@pytest.mark.slow
def test_who_is_killed_while_the_server_has_the_mail_sends_it_twice_at_most(
    office: Office, box: MailBox, connection: Connection
) -> None:
    box.hangs = True
    for _ in range(2):
        kill_while_it_hangs(office, box, connection)
        assert "both@example.org" not in office.send("--dry-run").stdout
        pass_by(connection, timedelta(hours=1))
    box.hangs = False
    last = office.send()

    assert last.stdout == "sent 2 mails to 2 people\n"
    assert box.recipients == [
        "both@example.org", "both@example.org", "manager@example.org", "owner@example.org",
    ]  # fmt: skip
    assert len({one.message["Message-ID"] for one in box.came}) == 3


@pytest.mark.slow
def test_who_is_killed_before_the_server_has_the_mail_sends_it_later(
    office: Office, box: MailBox, connection: Connection
) -> None:
    connection.execute(
        "insert into mails (user_id, project_id, is_report, claimed)"
        " select users.id, projects.id, true, now() from users, projects"
        " where username = 'owner' and identifier = 'climate.brics'"
    )
    assert office.send().stdout == "sent 2 mails to 2 people\n"

    pass_by(connection, timedelta(hours=1))

    assert office.send().stdout == "sent 1 mail to 1 person\n"
    assert box.recipients == ["both@example.org", "manager@example.org", "owner@example.org"]
    assert ("owner", "climate.brics", True, 2, True) in kept(connection)


def kill_while_it_hangs(office: Office, box: MailBox, connection: Connection) -> None:
    box.has_hung.clear()
    process = office.start()
    assert box.has_hung.wait(PATIENCE_SECONDS)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=PATIENCE_SECONDS)
    await_that(lambda: nobody_sends(connection), "the database has noticed")


def nobody_sends(connection: Connection) -> bool:
    with only_sender(connection) as is_ours:
        return is_ours


# -------------------------------------------------------------------------------------- TLS


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    return tmp_path / "certificate.pem"


def test_mail_goes_over_starttls_with_a_password(office: Office, certificate: Path) -> None:
    options: dict[str, Any] = {
        "tls_context": certified(certificate.parent),
        "require_starttls": True,
        "auth_required": True,
        "authenticator": knows("usage", PASSWORD),
    }
    with mail_server(**options) as secured:
        url = f"smtp://{USER}127.0.0.1:{secured.port}?starttls"
        done = at(office, url, SSL_CERT_FILE=str(certificate))

    assert (done.returncode, done.stdout, done.stderr) == (0, "sent 3 mails to 3 people\n", "")
    assert len(secured.box.came) == 3


def test_mail_goes_over_tls(office: Office, certificate: Path) -> None:
    with mail_server(ssl_context=certified(certificate.parent)) as secured:
        url = f"smtps://127.0.0.1:{secured.port}"
        done = at(office, url, SSL_CERT_FILE=str(certificate))

    assert (done.returncode, done.stdout) == (0, "sent 3 mails to 3 people\n")


@pytest.mark.parametrize("is_trusted", [True, False])
def test_a_password_that_is_wrong_or_a_certificate_that_is_not_trusted_is_said(
    office: Office, connection: Connection, certificate: Path, *, is_trusted: bool
) -> None:
    options: dict[str, Any] = {
        "tls_context": certified(certificate.parent),
        "require_starttls": True,
        "auth_required": True,
        "authenticator": knows("usage", "another"),
    }
    trust = {"SSL_CERT_FILE": str(certificate)} if is_trusted else {}
    with mail_server(**options) as secured:
        done = at(office, f"smtp://{USER}127.0.0.1:{secured.port}?starttls", **trust)

    assert done.returncode == 3
    assert ("535 " if is_trusted else "CERTIFICATE_VERIFY_FAILED") in done.stderr
    assert "horse" not in done.stderr
    assert (secured.box.came, kept(connection)) == ([], [])


def test_a_server_without_starttls_gets_no_password(office: Office, served: Served) -> None:
    done = at(office, f"smtp://{USER}127.0.0.1:{served.port}?starttls")

    assert done.returncode == 3
    assert done.stderr.endswith(": STARTTLS extension not supported by server.\n")
    assert served.box.came == []


def test_a_setting_that_names_no_mail_server_is_said_without_its_password(office: Office) -> None:
    done = run(
        "mail", "send", **{**office.environment, "NODEHOURS_SMTP_URL": f"http://{USER}a.org"}
    )

    assert (done.returncode, "horse" in done.stderr) == (3, False)
    assert done.stderr.startswith("Error: NODEHOURS_SMTP_URL is no mail server such as ")
