"""A real OpenID provider, run by Node, and somebody who goes through its forms with a browser's manners."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path

import httpx

from tests.clients.installed import HERE, node, node_modules

SCRIPT = "oidc-provider.mjs"
CLIENT_ID, CLIENT_SECRET = "usage", "swordfish & +"
_FORM = re.compile(r'<form [^>]*action="([^"]+)"')
_HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')
_ABORT = re.compile(r'href="([^"]+/abort)"')
_PATIENCE_SECONDS = 60


@contextmanager
def openid_provider(directory: Path) -> Iterator[str]:
    """The issuer of a provider that runs from *directory*, which is empty; it signs in whoever is named."""
    shutil.copy(HERE / SCRIPT, directory)
    (directory / "node_modules").symlink_to(node_modules())
    process = subprocess.Popen(
        [node(), SCRIPT],
        cwd=directory,
        env={"NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate(timeout=_PATIENCE_SECONDS)


def gone_through(browser: httpx.Client, address: str, login: str, back: str) -> str:
    """Go to *address*, sign in there as *login* and consent; return the address *back* that one is sent to.

    *browser* follows no redirects by itself, so that nobody goes back too early.
    """
    reply = _followed(browser, browser.get(address), back)
    while not reply.is_redirect:
        form = dict(_HIDDEN.findall(reply.text)) | {"login": login, "password": "any"}
        (action,) = _FORM.findall(reply.text)
        reply = _followed(browser, browser.post(unescape(action), data=form), back)
    return reply.headers["Location"]


def given_up(browser: httpx.Client, address: str, back: str) -> str:
    """Go to *address* and cancel there; return the address *back* that one is sent to."""
    form = _followed(browser, browser.get(address), back)
    (abort,) = _ABORT.findall(form.text)
    return _followed(browser, browser.get(unescape(abort)), back).headers["Location"]


def _followed(browser: httpx.Client, reply: httpx.Response, back: str) -> httpx.Response:
    """Follow redirects until there is a form, or one is sent back."""
    while reply.is_redirect and not reply.headers["Location"].startswith(back):
        reply = browser.get(reply.url.join(reply.headers["Location"]))
    assert reply.is_redirect or reply.status_code == httpx.codes.OK, reply.text
    return reply
