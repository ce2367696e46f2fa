"""A real Chromium, and pages in it that are watched: what they ask for, what they say when something is wrong."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from nodehours.faces.web.cookies import SESSION

CHROMIUM = "NODEHOURS_TEST_CHROMIUM"
_SECONDS = 60
_DRAWN = """() => [...document.querySelectorAll("[data-figure]")]
    .every(box => box.classList.contains("drawn") && box.querySelector("svg"))"""


def chromium() -> str:
    """Return where Chromium is. What looks at pages is not passed over for want of it."""
    found = os.environ.get(CHROMIUM) or shutil.which("chromium")
    if not found:
        pytest.fail(
            "There is no Chromium. Run: apt-get install chromium."
            f" {CHROMIUM} names another one, and -m 'not browser' leaves out what needs it.",
            pytrace=False,
        )
    return found


@contextmanager
def opened_browser() -> Iterator[Browser]:
    """Run Chromium; as root it does without its sandbox, which root cannot have."""
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=chromium(), args=arguments)
        yield browser
        browser.close()


class Watched:
    """A page that is watched. ``wrong`` has all that must not be: errors, dialogs, requests to others, bad answers."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.address = address
        self.wrong: list[str] = []
        self.dialogs: list[str] = []
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        page.on("request", lambda request: self._asked(request.url))
        page.on("response", lambda reply: self._answered(reply.status, reply.url))
        page.on("dialog", self._dialog)

    def open(self, path: str, *, drawn: bool = True) -> Page:
        """Open a page of the dashboard, and wait until its charts are drawn."""
        self.page.goto(self.address + path)
        if drawn:
            self.await_drawn()
        return self.page

    def await_drawn(self) -> None:
        """Wait until every chart is drawn."""
        self.page.wait_for_function(_DRAWN, timeout=_SECONDS * 1000)

    def click(self, selector: str, *, drawn: bool = True) -> None:
        """Click on a link or a button that leads to another page, and wait for that."""
        with self.page.expect_navigation():
            self.page.click(selector)
        if drawn:
            self.await_drawn()

    @property
    def path(self) -> str:
        """The address that is open, without its host."""
        return self.page.url.removeprefix(self.address)

    def _heard(self, message: Any) -> None:
        if message.type in {"error", "warning"}:
            self.wrong.append(f"{message.type}: {message.text} at {self.page.url}")

    def _asked(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"data", "blob"} and not url.startswith(self.address + "/"):
            self.wrong.append(f"asked another host: {url}")

    def _answered(self, status: int, url: str) -> None:
        if status >= 400:
            self.wrong.append(f"{status}: {url}")

    def _dialog(self, dialog: Any) -> None:
        self.dialogs.append(dialog.message)
        dialog.accept()


@contextmanager
def watching(
    browser: Browser, address: str, secret: str | None = None, **options: Any
) -> Iterator[Watched]:
    """Open a page in a window of its own, signed in by the session with that *secret*; nothing may go wrong in it."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
    try:
        context.set_default_timeout(_SECONDS * 1000)
        _sign_in(context, address, secret)
        watched = Watched(context.new_page(), address)
        yield watched
        assert watched.wrong == [], "\n".join(watched.wrong)
    finally:
        context.close()


def _sign_in(context: BrowserContext, address: str, secret: str | None) -> None:
    if secret:
        context.add_cookies(
            [
                {
                    "name": SESSION,
                    "value": secret,
                    "url": address,
                    "httpOnly": True,
                    "sameSite": "Lax",
                }
            ]
        )
