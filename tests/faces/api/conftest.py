"""The computing centre of ``tests/centre.py``, served for all tests of the API that only read it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.centre import CROWD, REPORTS, Centre, centre
from tests.databases import database


@pytest.fixture(scope="session", name="centre")
def served_centre(server_url: str, template: str) -> Iterator[Centre]:
    """The centre behind a real server, with 47 rows; a test that changes it needs one of its own."""
    with database(server_url, template) as url, centre(url, REPORTS) as found:
        yield found


@pytest.fixture(scope="session")
def crowded_centre(server_url: str, template: str) -> Iterator[Centre]:
    """The same centre with a crowd in it: several pages of every size, and a row with the id 123."""
    with database(server_url, template) as url, centre(url, [*REPORTS, CROWD]) as found:
        yield found
