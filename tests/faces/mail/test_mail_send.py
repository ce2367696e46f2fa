"""``nodehours mail send`` as cron runs it, with a real mail server: who gets what, and when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from nodehours.ledger import people
from nodehours.ledger.mails import only_sender
from nodehours.ledger.store import Connection, connected
from tests.databases import database
from tests.faces.mail.mailing import (
    Office,
    grant,
    kept,
    pass_by,
    run,
    settings,
    today,
    use,
)
from tests.faces.mail.mailserver import MailBox, Served
from tests.ledger.commands import ended
from tests.reported import fill

CLIMATE = ["both@example.org", "manager@example.org", "owner@example.org"]
OCEAN = ["both@example.org", "owner@example.org"]


@pytest.fixture
def climate(office: Office, connection: Connection) -> Office:
    """The office with one grant alone, that of climate on isca."""
    grant(connection, "ocean.brics", "isca", None)
    grant(connection, "climate.brics", "tigris", None)
    return office


def subjects(box: MailBox, to: str) -> list[str]:
    return [one.message["Subject"] for one in box.came if one.recipient == to]


def test_managers_and_owners_get_a_report_of_each_project_once(
    office: Office, box: MailBox, connection: Connection
) -> None:
    """Who is both gets one mail; members and readers get none."""
    first, second = office.send(), office.send()

    assert (first.returncode, first.stdout, first.stderr) == (0, "sent 5 mails to 3 people\n", "")
    assert box.recipients == [*CLIMATE, *OCEAN]
    assert (second.returncode, second.stdout) == (0, "sent 0 mails\n")
    assert kept(connection) == [
        ("both", "climate.brics", True, 1, True),
        ("manager", "climate.brics", True, 1, True),
        ("owner", "climate.brics", True, 1, True),
        ("both", "ocean.brics", True, 1, True),
        ("owner", "ocean.brics", True, 1, True),
    ]
    assert subjects(box, "owner@example.org") == [
        "climate.brics: isca on track, 40 % used; tigris behind, 4 % used",
        "ocean.brics on isca: behind, 4 % used",
    ]


def test_a_report_comes_again_after_a_fortnight_and_not_before(
    climate: Office, box: MailBox, connection: Connection
) -> None:
    climate.send()
    for days, count in ((13, 3), (1, 6)):
        pass_by(connection, timedelta(days=days))

        assert climate.send().returncode == 0
        assert len(box.came) == count


def test_a_threshold_is_told_once_and_once_more_under_a_raised_limit(
    climate: Office, box: MailBox, connection: Connection
) -> None:
    """400 node-hours are used; the limit makes them 40, 82, 82, 38 and 100 per cent."""
    for hours in (1000, 485, 485, 1050, 400):
        grant(connection, "climate.brics", "isca", hours)
        assert climate.send().returncode == 0

    assert subjects(box, "manager@example.org") == [
        "climate.brics on isca: on track, 40 % used",
        "climate.brics on isca: 80 % reached, ahead, 82 % used",
        "climate.brics on isca: 100 % reached, exhausted, 100 % used",
    ]


def test_a_threshold_that_is_reached_with_the_first_report_is_in_it(
    climate: Office, box: MailBox, connection: Connection
) -> None:
    grant(connection, "climate.brics", "isca", 500)

    climate.send()

    assert subjects(box, "owner@example.org") == [
        "climate.brics on isca: 80 % reached, ahead, 80 % used"
    ]
    assert {one[2] for one in kept(connection)} == {True}


def test_of_a_grant_that_is_over_or_to_come_nobody_is_told(
    climate: Office, box: MailBox, connection: Connection
) -> None:
    day = timedelta(days=1)
    for starts, ends in ((today() - 9 * day, today() - day), (today() + day, today() + 9 * day)):
        connection.execute("update allocations set starts = %s, ends = %s", [starts, ends])

        assert climate.send().stdout == "sent 0 mails\n"
    connection.execute("update allocations set starts = %s, ends = %s", [today(), today()])
    assert climate.send().stdout == "sent 3 mails to 3 people\n"
    assert subjects(box, "owner@example.org") == ["climate.brics on isca: settling, 0 % used"]


def test_who_wants_none_is_shut_out_or_has_no_address_gets_none(
    climate: Office, box: MailBox, connection: Connection
) -> None:
    off = run("user", "mail", "owner", "off", **climate.environment)
    people.deactivate_user(connection, "both")
    connection.execute("update users set email = '' where username = 'manager'")

    assert off.stdout == "owner gets no mails\n"
    assert climate.send().stdout == "sent 0 mails\n"

    on = run("user", "mail", "owner", "on", **climate.environment)
    assert on.stdout == "owner gets mails about their projects\n"
    assert climate.send().stdout == "sent 1 mail to 1 person\n"
    assert box.recipients == ["owner@example.org"]


def test_whose_wish_is_not_known_is_said(office: Office) -> None:
    done = run("user", "mail", "nobody", "off", **office.environment)

    assert (done.returncode, done.stderr) == (
        3,
        "Error: there is no user nobody: see `nodehours user list`\n",
    )


# ------------------------------------------------------------------------------ dry run and hours


def test_a_dry_run_tells_who_would_get_what_and_why_and_sends_nothing(
    office: Office, box: MailBox, connection: Connection
) -> None:
    grant(connection, "climate.brics", "isca", 500)
    connection.execute("update users set email = 'a@b, c@d' where username = 'both'")

    done = office.send("--dry-run")

    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "to                   user     project        why",
        (
            "a@b, c@d             both     climate.brics  report; 80 % of the limit on isca reached;"
            " which cannot be sent to that address"
        ),
        "manager@example.org  manager  climate.brics  report; 80 % of the limit on isca reached",
        "owner@example.org    owner    climate.brics  report; 80 % of the limit on isca reached",
        "a@b, c@d             both     ocean.brics    report; which cannot be sent to that address",
        "owner@example.org    owner    ocean.brics    report",
    ]
    assert done.stderr == "5 mails would be sent to 3 people; nothing was\n"
    assert (box.came, kept(connection)) == ([], [])


def test_a_dry_run_shows_what_somebody_would_get(office: Office, connection: Connection) -> None:
    grant(connection, "ocean.brics", "isca", None)

    done = office.send("--dry-run", "--show", "manager")

    assert done.stdout.startswith(
        "To: manager@example.org\n"
        "Subject: climate.brics: isca on track, 40 % used; tigris behind, 4 % used\n"
        "\n"
        "climate.brics\n"
    )
    assert "\n  Used         400.00 of 1,000.00 node-hours (40.0 %)\n" in done.stdout
    assert done.stderr == "1 mail would be sent to 1 person; nothing was\n"
    assert office.send("--dry-run", "--show", "member").stdout == ""
    assert office.send("--show", "manager").returncode == 2


def test_a_dry_run_needs_no_mail_server(database_url: str) -> None:
    done = run("mail", "send", "--dry-run", "--now", NODEHOURS_DATABASE_URL=database_url)

    assert (done.returncode, len(done.stdout.splitlines())) == (0, 6)


def test_without_a_mail_server_nobody_is_mailed(database_url: str) -> None:
    done = run("mail", "send", "--now", NODEHOURS_DATABASE_URL=database_url)

    assert (done.returncode, done.stdout, done.stderr) == (
        3,
        "",
        "Error: mail is not set up: NODEHOURS_SMTP_URL is not set\n",
    )


def test_outside_office_hours_it_is_said_and_nothing_sent(office: Office, box: MailBox) -> None:
    hours = "22:00-23:00" if datetime.now(UTC).hour < 12 else "02:00-03:00"
    closed = {**office.environment, "NODEHOURS_MAIL_HOURS": hours}

    done, dry = run("mail", "send", **closed), run("mail", "send", "--dry-run", **closed)

    sentence = f"outside office hours ({hours.replace('-', ' to ')}, Monday to Friday; it is "
    assert done.returncode == dry.returncode == 0
    assert done.stdout.startswith(sentence)
    assert done.stdout.endswith(" UTC) nothing is sent\n")
    assert box.came == []
    assert len(dry.stdout.splitlines()) == 6
    assert sentence in dry.stderr


def test_in_an_empty_ledger_there_is_nobody_to_mail(
    server_url: str, template: str, served: Served
) -> None:
    with database(server_url, template) as url:
        office = Office(url, settings(served.url))
        done, dry = office.send(), office.send("--dry-run")

    assert (done.returncode, done.stdout) == (0, "sent 0 mails\n")
    assert (dry.stdout, dry.stderr) == ("", "0 mails would be sent; nothing was\n")


# ------------------------------------------------------------------------------------- at once


def test_two_that_run_at_once_send_each_mail_once(
    office: Office, box: MailBox, connection: Connection
) -> None:
    runs = [ended(one) for one in [office.start() for _ in range(3)]]

    assert [one.returncode for one in runs] == [0] * 3
    assert box.recipients == [*CLIMATE, *OCEAN]
    assert len(kept(connection)) == 5


def test_who_finds_another_sending_says_so(office: Office, box: MailBox) -> None:
    with connected(office.database_url) as other, only_sender(other) as is_ours:
        done = office.send()

    assert is_ours
    assert (done.returncode, done.stdout) == (0, "another nodehours is sending mails already\n")
    assert box.came == []


def test_usage_that_is_posted_between_two_runs_is_told_by_the_second(
    climate: Office, box: MailBox, connection: Connection
) -> None:
    climate.send()

    fill(climate.database_url, [use("climate.brics", "isca", 20)])
    climate.send()

    assert subjects(box, "manager@example.org") == [
        "climate.brics on isca: on track, 40 % used",
        "climate.brics on isca: 80 % reached, ahead, 80 % used",
    ]
    told = connection.execute(
        "select node_seconds, node_limit_node_seconds, is_report from mail_figures"
        " join mails on mails.id = mail_id join users on users.id = user_id"
        " where username = 'manager' order by mail_id"
    )
    assert told.fetchall() == [(400 * 3600, 1000 * 3600, True), (800 * 3600, 1000 * 3600, False)]
