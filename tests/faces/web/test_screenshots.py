"""The pictures in the documentation, of the demo as it was on one day: taken when one is missing or asked for anew."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.faces.web.browsing import watching
from tests.faces.web.world import PERIOD, World

pytestmark = pytest.mark.browser

IMAGES = Path(__file__).parents[3] / "docs" / "images"
ANEW = "NODEHOURS_UPDATE_SCREENSHOTS"
WIDTH = 1280
MAX_BYTES = 200_000
PICTURES = {
    "overview": (f"/?{PERIOD}", 860),
    "project": (f"/projects/climate.demo/?{PERIOD}&split=user", 1180),
    "months": (f"/months/?{PERIOD}", 800),
    "explained": ("/months/2026-03/climate.demo/", 800),
}
"""Where each is taken, and how much of the page is on it."""


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_for_the_documentation_can_be_taken(
    browser: Browser, world: World, name: str
) -> None:
    """Its beginning, in light; how it looks may differ by the fonts of the machine, its size may not."""
    path, (address, height) = IMAGES / f"{name}.png", PICTURES[name]
    size = {"width": WIDTH, "height": height}
    secret = world.secrets["owner" if name == "explained" else "staff"]
    with watching(browser, world.address, secret, viewport=size, color_scheme="light") as watched:
        page = watched.open(address)
        picture = page.screenshot(animations="disabled")
    if os.environ.get(ANEW) or not path.exists():
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(picture)

    for image in (picture, path.read_bytes()):
        assert struct.unpack(">II", image[16:24]) == (WIDTH, height)
        assert 20_000 < len(image) < MAX_BYTES
