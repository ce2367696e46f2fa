"""The demo's ledger behind a server for every test of the dashboard that asks, and a browser for those that look."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.faces.web.browsing import opened_browser
from tests.faces.web.door import Door, served_door
from tests.faces.web.world import World, demo_world


@pytest.fixture(scope="session")
def world(server_url: str) -> Iterator[World]:
    """The demo's ledger, served; what a test changes there is of a user of its own."""
    with demo_world(server_url) as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium. It ends with the module: while it runs, this thread has a loop in which no other test can have one."""
    with opened_browser() as found:
        yield found


@pytest.fixture(scope="module")
def door(
    server_url: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Door]:
    """A ledger of the module's own, in which its tests sign in and out."""
    with served_door(server_url, template, tmp_path_factory.mktemp("openid")) as found:
        yield found
