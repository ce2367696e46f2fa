"""A served ledger whose users sign in by the dashboard's own pages, over HTTP as a browser does it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx

from nodehours.ledger import people, sign_in
from nodehours.ledger.people import User
from nodehours.ledger.store import connected
from tests.clients.openid import CLIENT_ID, CLIENT_SECRET, openid_provider
from tests.databases import database
from tests.faces.web.reading import read_page
from tests.faces.web.world import READS
from tests.serving import served

PASSWORD = "four words in a row"


@dataclass(frozen=True)
class Door:
    """A served ledger with a few users, whose sessions are all begun by its pages."""

    url: str
    address: str

    def browser(self, **options: Any) -> httpx.Client:
        """A browser that nobody has signed in with."""
        headers = READS | options.pop("headers", {})
        return httpx.Client(base_url=self.address, headers=headers, timeout=60, **options)

    def user(self, username: str, password: str | None = PASSWORD) -> str:
        """Add a user who signs in by *password*."""
        with connected(self.url) as connection:
            people.add_user(connection, User(username, "", "", False, False, True, []))
            if password:
                sign_in.set_password(connection, username, password)
        return username

    def link(self, username: str, lifetime: timedelta = sign_in.LINK_LIFETIME) -> str:
        with connected(self.url) as connection:
            return f"/sign-in/link/{sign_in.make_link(connection, username, lifetime)}/"

    def act(self, work: str, *values: object) -> None:
        """Do to the database what takes too long to wait for."""
        with connected(self.url) as connection:
            connection.execute(work, values)


def filled(browser: httpx.Client, username: str, password: str, **more: str) -> httpx.Response:
    """Open the form to sign in, fill it in and send it."""
    (form,) = [
        one for one in read_page(browser.get("/sign-in/").text).forms if one.method == "post"
    ]
    return browser.post(
        form.action, data={**form.fields, "username": username, "password": password, **more}
    )


def is_in(browser: httpx.Client) -> bool:
    return browser.get("/").status_code == 200


def csrf(browser: httpx.Client, path: str = "/account/") -> str:
    return read_page(browser.get(path).text).forms[0].fields["csrf"]


@contextmanager
def served_door(server_url: str, template: str, directory: Path) -> Iterator[Door]:
    """Serve an empty ledger, with an OpenID provider beside it that runs from *directory*."""
    with (
        openid_provider(directory) as issuer,
        database(server_url, template) as url,
        served(url, settings=provided(issuer)) as address,
    ):
        yield Door(url, address)


def provided(issuer: str) -> dict[str, str]:
    return {
        "NODEHOURS_OIDC_ISSUER": issuer,
        "NODEHOURS_OIDC_CLIENT_ID": CLIENT_ID,
        "NODEHOURS_OIDC_CLIENT_SECRET": CLIENT_SECRET,
        "NODEHOURS_OIDC_NAME": "the <Centre>",
    }
