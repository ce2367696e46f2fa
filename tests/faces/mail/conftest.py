"""An office with a mail server of its own."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.databases import database
from tests.faces.mail.mailing import Office, arrange, settings
from tests.faces.mail.mailserver import MailBox, Served, mail_server


@pytest.fixture(scope="session")
def arranged(server_url: str, template: str) -> Iterator[str]:
    """The name of a database with grants that run, and three people to be mailed about them."""
    with database(server_url, template) as url:
        arrange(url)
        yield urlsplit(url).path.removeprefix("/")


@pytest.fixture
def database_url(server_url: str, arranged: str) -> Iterator[str]:
    """The URL of such a ledger of the test's own."""
    with database(server_url, arranged) as url:
        yield url


@pytest.fixture
def served() -> Iterator[Served]:
    """A mail server that takes all."""
    with mail_server() as found:
        yield found


@pytest.fixture
def box(served: Served) -> MailBox:
    """What came to it."""
    return served.box


@pytest.fixture
def office(database_url: str, served: Served) -> Office:
    """That ledger, with that mail server in the settings."""
    return Office(database_url, settings(served.url))
