"""How an operator lets people sign in to the dashboard."""

from __future__ import annotations

import os
import pty
import re
import subprocess
from contextlib import suppress

import pytest

from nodehours.ledger import sign_in
from nodehours.ledger.store import Connection
from tests.faces.cli.conftest import NODEHOURS, Run
from tests.ledger.commands import PATIENCE_SECONDS, run

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def boss(nodehours: Run) -> None:
    nodehours("user", "add", "boss", "--staff")


def test_a_password_is_read_from_standard_input(nodehours: Run, connection: Connection) -> None:
    for given in (PASSWORD, f"{PASSWORD}\n", f"{PASSWORD}\r\nmore\n"):
        done = nodehours("user", "password", "boss", "--stdin", stdin=given.encode())

        assert (done.returncode, done.stdout) == (0, "boss has a new password\n")
        assert PASSWORD not in done.stderr
        assert sign_in.password_user(connection, "boss", PASSWORD) is not None
        connection.execute("delete from passwords")


PROMPTS = (b"Password: ", b"Repeat for confirmation: ")


def typed(database_url: str, *lines: str) -> tuple[int, str]:
    """Type *lines* at a terminal, each when it is asked for; what the terminal shows."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [NODEHOURS, "user", "password", "boss"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=os.environ | {"NODEHOURS_DATABASE_URL": database_url},
        start_new_session=True,
    )
    os.close(theirs)
    shown = b""
    for line in lines:
        shown += until_asked(ours)
        os.write(ours, line.encode() + b"\n")
    shown += until_asked(ours)
    os.close(ours)
    return process.wait(PATIENCE_SECONDS), shown.decode()


def until_asked(terminal: int) -> bytes:
    """Read until something is asked, or nothing more comes."""
    shown = b""
    with suppress(OSError):
        while not shown.endswith(PROMPTS) and (more := os.read(terminal, 1)):
            shown += more
    return shown


def test_a_password_is_asked_for_twice_and_not_shown(
    database_url: str, connection: Connection
) -> None:
    status, shown = typed(database_url, PASSWORD, PASSWORD)

    assert (status, PASSWORD in shown) == (0, False)
    assert shown.count(": ") == 2
    assert "boss has a new password" in shown
    assert sign_in.password_user(connection, "boss", PASSWORD) is not None


def test_a_password_that_was_typed_in_two_ways_is_asked_for_again(
    database_url: str, connection: Connection
) -> None:
    status, _ = typed(database_url, PASSWORD, "something else", PASSWORD, PASSWORD)

    assert status == 0
    assert sign_in.password_user(connection, "boss", PASSWORD) is not None


def test_a_link_is_alone_on_standard_output_and_opens_once(
    nodehours: Run, connection: Connection
) -> None:
    done = nodehours("user", "link", "boss")

    found = re.fullmatch(r"http://127\.0\.0\.1:8000/sign-in/link/([0-9a-f]{64})/\n", done.stdout)
    assert found is not None
    assert done.stderr == "It opens once.\n"
    assert sign_in.use_link(connection, found[1]) is not None
    assert sign_in.use_link(connection, found[1]) is None


@pytest.mark.parametrize(
    ("setting", "option", "base"),
    [
        ("https://usage.example.org", [], "https://usage.example.org"),
        ("https://usage.example.org/", [], "https://usage.example.org"),
        ("https://usage.example.org", ["--url", "http://10.0.0.1:8080/"], "http://10.0.0.1:8080"),
        ("", ["--url", "http://localhost:9000"], "http://localhost:9000"),
    ],
)
def test_a_link_is_to_where_the_dashboard_is(
    database_url: str, setting: str, option: list[str], base: str
) -> None:
    settings = {"NODEHOURS_DATABASE_URL": database_url, "NODEHOURS_URL": setting}

    done = run("user", "link", "boss", *option, **settings)

    assert re.fullmatch(rf"{base}/sign-in/link/[0-9a-f]{{64}}/\n", done.stdout)


@pytest.mark.parametrize("lifetime", ["never", "0d", "90", "1y"])
def test_a_link_has_an_end(nodehours: Run, lifetime: str) -> None:
    assert nodehours("user", "link", "boss", "--lifetime", lifetime).returncode == 2


def test_a_user_is_signed_out_of_every_browser(nodehours: Run, connection: Connection) -> None:
    ((user,),) = connection.execute("select id from users")
    for _ in range(2):
        sign_in.start_session(connection, user, "password", "")

    said = [nodehours("user", "sign-out", "boss").stdout for _ in range(2)]

    assert said == ["ended 2 sessions of boss\n", "ended 0 sessions of boss\n"]


def test_an_account_at_a_provider_is_forgotten(nodehours: Run, connection: Connection) -> None:
    sign_in.bind_login(connection, "https://sso.example.org", "4711", "boss")

    assert nodehours("user", "unbind", "boss").stdout == "forgot 1 account of boss\n"
    assert sign_in.user_of_login(connection, "https://sso.example.org", "4711") is None


@pytest.mark.parametrize(
    ("arguments", "stdin", "sentence"),
    [
        ("user password nobody --stdin", PASSWORD, "there is no user nobody: see `nodehours user list`"),
        ("user password boss --stdin", "short", "a password has 12 characters or more"),
        ("user password boss --stdin", "", "a password has 12 characters or more"),
        ("user link nobody", "", "there is no user nobody: see `nodehours user list`"),
        ("user link gone", "", "gone is shut out"),
        ("user password gone --stdin", PASSWORD, "gone is shut out"),
        ("user sign-out nobody", "", "there is no user nobody: see `nodehours user list`"),
        ("user unbind nobody", "", "there is no user nobody: see `nodehours user list`"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said_in_a_sentence(
    nodehours: Run, arguments: str, stdin: str, sentence: str
) -> None:
    nodehours("user", "add", "gone")
    nodehours("user", "deactivate", "gone")

    done = nodehours(*arguments.split(), stdin=stdin.encode())

    assert (done.returncode, done.stdout, done.stderr) == (3, "", f"Error: {sentence}\n")


def test_a_token_is_listed_by_its_name_and_last_use(nodehours: Run, connection: Connection) -> None:
    nodehours("token", "create", "boss", "--name", "the portal")
    nodehours("token", "create", "boss", "--lifetime", "never")
    connection.execute("update tokens set last_used = '2026-03-01 12:34:56Z' where id = 1")

    head, first, second = nodehours("token", "list").stdout.splitlines()

    assert head.endswith("expires               last used             name")
    assert first.endswith("UTC  2026-03-01 12:34 UTC  the portal")
    assert re.split(r"  +", second)[-3:] == ["never", "-", "-"]
    assert nodehours("token", "create", "boss", "--name", "a\x1bb").returncode == 2


def test_a_setting_that_says_nothing_is_said_in_a_sentence(database_url: str) -> None:
    settings = {"NODEHOURS_DATABASE_URL": database_url, "NODEHOURS_URL": "usage.example.org"}

    done = run("user", "list", **settings)

    assert (done.returncode, done.stdout, done.stderr) == (
        3,
        "",
        "Error: NODEHOURS_URL: 'usage.example.org' is no address such as https://example.org\n",
    )
